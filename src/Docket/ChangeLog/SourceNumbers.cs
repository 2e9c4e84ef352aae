using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>
/// The numbers of sources in a portal's changes. Kept in memory, because a portal has only a few. One writer adds, all readers look up, so
/// the lists are replaced and never changed.
/// </summary>
internal sealed class SourceNumbers
{
    volatile Dictionary<long, Source> byNumber = [];

    /// <summary>All current ones, to which the writer returns if a transaction fails.</summary>
    public Dictionary<long, Source> Snapshot
    {
        get => byNumber;
        set => byNumber = value;
    }

    public IEnumerable<Source> All => byNumber.Values;

    public Source Find(long number) => byNumber[number];

    /// <summary>The number of a source, new if necessary.</summary>
    /// <param name="source">The source.</param>
    /// <param name="isNew">Whether it was just added and must be written.</param>
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
