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

    /// <summary>The number of a source; <c>null</c> if it is new.</summary>
    public long? NumberOf(Source source)
    {
        foreach (var (number, known) in byNumber)
        {
            if (known == source)
            {
                return number;
            }
        }

        return null;
    }

    /// <summary>Adds a new source.</summary>
    /// <returns>Its number, which must be written.</returns>
    public long Add(Source source)
    {
        var number = byNumber.Count + 1L;
        byNumber = new Dictionary<long, Source>(byNumber) { [number] = source };
        return number;
    }
}
