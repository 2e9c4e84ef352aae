namespace Docket.ChangeLog;

/// <summary>
/// The newest committed changes with their previous values, as the writer had them, so that an indexer that is nearly up to date need
/// not read them from the log. It reads anything that is missing here from the log.
/// </summary>
internal sealed class RecentChanges
{
    /// <summary>Most changes for an indexer that is late; beyond that, it reads them all from the log.</summary>
    const int Max = 20_000;

    /// <summary>Most bytes of values.</summary>
    const long BytesMax = 32L << 20;

    readonly Queue<FollowedChange> changes = [];
    long bytes;

    /// <summary>Called by the writer after a commit.</summary>
    public void Add(List<FollowedChange> committed)
    {
        lock (changes)
        {
            foreach (var change in committed)
            {
                changes.Enqueue(change);
                bytes += Size(change);
            }

            if (changes.Count > Max || bytes > BytesMax)
            {
                changes.Clear();
                bytes = 0;
            }
        }
    }

    /// <summary>Forgets all of them.</summary>
    public void Clear()
    {
        lock (changes)
        {
            changes.Clear();
            bytes = 0;
        }
    }

    /// <summary>Takes the changes after one, up to another; none if the first of them isn't here.</summary>
    /// <param name="after">Sequence number before the first.</param>
    /// <param name="upTo">Sequence number of the last.</param>
    /// <param name="limit">Most to take.</param>
    /// <param name="taken">Receives them.</param>
    public void Take(long after, long upTo, int limit, List<FollowedChange> taken)
    {
        lock (changes)
        {
            while (changes.TryPeek(out var old) && old.Sequence <= after)
            {
                bytes -= Size(changes.Dequeue());
            }

            while (taken.Count < limit && changes.TryPeek(out var next) && next.Sequence == after + taken.Count + 1 && next.Sequence <= upTo)
            {
                bytes -= Size(next);
                taken.Add(changes.Dequeue());
            }
        }
    }

    static long Size(in FollowedChange change) => (change.Content?.Length ?? 0) + change.Before.Length;
}
