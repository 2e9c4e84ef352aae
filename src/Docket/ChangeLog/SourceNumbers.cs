using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>
/// The numbers that stand for sources in a portal's changes. Kept in memory: a portal has a handful. One writer adds, all
/// readers look up, so the lists are replaced and never changed.
/// </summary>
internal sealed class SourceNumbers
{
    volatile Dictionary<long, Source> byNumber = [];

    /// <summary>All of them at this moment, for the writer to go back to when a transaction fails.</summary>
    public Dictionary<long, Source> Snapshot
    {
        get => byNumber;
        set => byNumber = value;
    }

    public IEnumerable<Source> All => byNumber.Values;

    public Source Find(long number) => byNumber[number];

    /// <summary>The number of a source, or that of a new one.</summary>
    /// <param name="source">The source.</param>
    /// <param name="isNew">Whether it was added just now, and is still to be written.</param>
    public long Number(Source source, out bool isNew)
    {
        foreach (var (known, entry) in byNumber)
        {
            if (entry == source)
            {
                isNew = false;
                return known;
            }
        }

        isNew = true;
        var number = byNumber.Count + 1L;
        byNumber = new Dictionary<long, Source>(byNumber) { [number] = source };
        return number;
    }
}
