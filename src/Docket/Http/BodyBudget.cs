namespace Docket.Http;

/// <summary>
/// How many bytes of request bodies the server holds in memory at once, all requests together: a share of what the process may
/// use. Without it a few large bodies that come slowly would fill the memory of a small container.
/// </summary>
internal sealed class BodyBudget
{
    /// <summary>The part of the memory: while a body is put into one piece it is there twice, and a write needs room of its own.</summary>
    const int Share = 4;

    long held;

    public BodyBudget() => BytesMax = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Share;

    /// <summary>All that may be held.</summary>
    public long BytesMax { get; }

    /// <summary>Whether there is room for some more, which is then taken.</summary>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref held, bytes) <= BytesMax)
        {
            return true;
        }

        Give(bytes);
        return false;
    }

    /// <summary>Gives back what was taken.</summary>
    public void Give(long bytes) => Interlocked.Add(ref held, -bytes);
}
