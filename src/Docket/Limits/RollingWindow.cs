namespace Docket.Limits;

/// <summary>
/// The times of the calls in the last span of time, counted exactly, not in steps. Takes 8 bytes for each call. Not thread-safe.
/// </summary>
/// <param name="spanMs">Length of the window in milliseconds.</param>
internal sealed class RollingWindow(long spanMs)
{
    // A ring buffer, oldest first; its length is a power of two. It stops growing at the limit, because no more calls are allowed.
    long[] moments = new long[16];
    int first, count;

    /// <summary>The number of calls within the span before <paramref name="now"/>.</summary>
    /// <param name="now">Milliseconds since 1970.</param>
    public int Count(long now)
    {
        if (count > 0 && now <= At(count - 1) - spanMs)
        {
            count = 0; // the clock was set back; waiting until it catches up would lock everyone out
        }

        for (; count > 0 && At(0) <= now - spanMs; count--)
        {
            first = (first + 1) & (moments.Length - 1);
        }

        return count;
    }

    /// <summary>Records a call.</summary>
    public void Add(long now)
    {
        if (count == moments.Length)
        {
            var larger = new long[count * 2];
            moments.AsSpan(first).CopyTo(larger);
            moments.AsSpan(0, first).CopyTo(larger.AsSpan(count - first));
            (moments, first) = (larger, 0);
        }

        // In order, even if the clock is corrected slightly.
        moments[(first + count) & (moments.Length - 1)] = count == 0 ? now : Math.Max(now, At(count - 1));
        count++;
    }

    /// <summary>Milliseconds until fewer than <paramref name="limit"/> calls are in the window. Call <see cref="Count"/> first; it must have returned at least the limit.</summary>
    public long WaitMs(int limit, long now) => At(count - limit) + spanMs - now;

    long At(int index) => moments[(first + index) & (moments.Length - 1)];
}
