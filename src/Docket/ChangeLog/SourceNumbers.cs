using Docket.Model;

namespace Docket.ChangeLog;

/// <summary>
/// The numbers of sources in a portal's changes. Kept in memory, because a portal has only a few. The writer adds, readers look up and may
/// learn what other processes have added, so the lists are replaced and never changed.
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

    /// <summary>The source of a number.</summary>
    /// <exception cref="Unknown">Another process has added it.</exception>
    public Source Find(long number) => byNumber.TryGetValue(number, out var source) ? source : throw new Unknown(number);

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
        while (true)
        {
            var known = byNumber;
            var number = known.Count + 1L;
            if (Replace(known, new(known) { [number] = source }))
            {
                return number;
            }
        }
    }

    /// <summary>Adds committed sources that other processes have added, from any thread. What the writer has added stays.</summary>
    public void Learn(IReadOnlyCollection<(long Number, Source Source)> committed)
    {
        while (true)
        {
            var known = byNumber;
            var all = new Dictionary<long, Source>(known);
            foreach (var (number, source) in committed)
            {
                all.TryAdd(number, source);
            }

            if (all.Count == known.Count || Replace(known, all))
            {
                return;
            }
        }
    }

    bool Replace(Dictionary<long, Source> known, Dictionary<long, Source> all) => Interlocked.CompareExchange(ref byNumber, all, known) == known;

    /// <summary>A change refers to a source that was added after the sources were loaded.</summary>
    public sealed class Unknown(long number) : Exception($"Source {number} is not known");
}
