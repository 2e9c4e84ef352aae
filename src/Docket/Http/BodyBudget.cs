namespace Docket.Http;

/// <summary>
/// Limits the bytes of request bodies in memory, for all requests together, to a share of the process's memory. Without it, a few large
/// and slow bodies would fill the memory of a small container.
/// </summary>
internal sealed class BodyBudget
{
    /// <summary>The share of the memory: a body exists twice while it is copied into one buffer, and a write needs memory too.</summary>
    const int Share = 4;

    long held;

    public BodyBudget() => BytesMax = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Share;

    /// <summary>The limit.</summary>
    public long BytesMax { get; }

    /// <summary>Reserves bytes if they are available.</summary>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref held, bytes) <= BytesMax)
        {
            return true;
        }

        Give(bytes);
        return false;
    }

    /// <summary>Releases reserved bytes.</summary>
    public void Give(long bytes) => Interlocked.Add(ref held, -bytes);
}
