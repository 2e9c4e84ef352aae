namespace Docket.Limits;

/// <summary>
/// The moments of the calls in the last span of time, whatever moment it ends at: counted exactly, not in steps. Takes 8 bytes for
/// each of them. For one thread at a time.
/// </summary>
/// <param name="spanMs">Length of the window in milliseconds.</param>
internal sealed class RollingWindow(long spanMs)
{
    // A ring, oldest first; its length is a power of two. A limit lets in no more, so it grows no further.
    long[] moments = new long[16];
    int first, count;

    /// <summary>How many calls there were less than the span before <paramref name="now"/>.</summary>
    /// <param name="now">Milliseconds since 1970.</param>
    public int Count(long now)
    {
        if (count > 0 && now <= At(count - 1) - spanMs)
        {
            count = 0; // the clock was set back; waiting until it is there again would lock everyone out
        }

        for (; count > 0 && At(0) <= now - spanMs; count--)
        {
            first = (first + 1) & (moments.Length - 1);
        }

        return count;
    }

    /// <summary>Notes a call.</summary>
    public void Add(long now)
    {
        if (count == moments.Length)
        {
            var larger = new long[count * 2];
            moments.AsSpan(first).CopyTo(larger);
            moments.AsSpan(0, first).CopyTo(larger.AsSpan(count - first));
            (moments, first) = (larger, 0);
        }

        // In order, even when the clock is corrected by a little.
        moments[(first + count) & (moments.Length - 1)] = count == 0 ? now : Math.Max(now, At(count - 1));
        count++;
    }

    /// <summary>How long it takes until fewer than <paramref name="limit"/> calls are in the window, in milliseconds; after <see cref="Count"/>, and with at least as many in it.</summary>
    public long WaitMs(int limit, long now) => At(count - limit) + spanMs - now;

    long At(int index) => moments[(first + index) & (moments.Length - 1)];
}
