namespace Docket.ChangeLog;

/// <summary>
/// The newest committed changes as the writer had them, with the values before, so that an indexer that is close behind
/// needn't read them back from the file. It reads what is missing here from there.
/// </summary>
internal sealed class RecentChanges
{
    /// <summary>Changes held for an indexer that is late; when there are more it reads them all from the file.</summary>
    const int Max = 20_000;

    /// <summary>Bytes of values that are held.</summary>
    const long BytesMax = 32L << 20;

    readonly Queue<FollowedChange> changes = [];
    long bytes;

    /// <summary>For the writer, after a commit.</summary>
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

    /// <summary>Takes the changes that follow one, up to another; none when the first of them isn't here.</summary>
    /// <param name="after">Sequence number of the one before.</param>
    /// <param name="upTo">Sequence number of the last one wanted.</param>
    /// <param name="limit">Most to take.</param>
    /// <param name="taken">Where to.</param>
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
