using System.Collections.Immutable;

namespace Docket.Stores;

/// <summary>Merges the lists of a record's associations, one for each association type, into one of the associated records.</summary>
internal static class TieLists
{
    /// <summary>Merges lists that are ordered by key.</summary>
    /// <param name="lists">Each with at most one more entry than <paramref name="limit"/>, which shows that there are more.</param>
    /// <param name="limit">The limit of each list.</param>
    /// <returns>The keys up to which all lists are complete, in order, with their types, and whether that is everything.</returns>
    public static (List<(long Other, ImmutableArray<int> Types)> Known, bool IsLast) Merge(IEnumerable<(int Type, List<long> Others)> lists, int limit)
    {
        var found = new SortedDictionary<long, ImmutableArray<int>>();
        var upTo = long.MaxValue;
        foreach (var (type, others) in lists)
        {
            foreach (var other in others)
            {
                found[other] = found.TryGetValue(other, out var types) ? types.Add(type) : [type];
            }

            if (others.Count > limit)
            {
                upTo = Math.Min(upTo, others[^1]);
            }
        }

        return ([.. found.TakeWhile(entry => entry.Key <= upTo).Select(entry => (entry.Key, entry.Value))], upTo == long.MaxValue);
    }
}
