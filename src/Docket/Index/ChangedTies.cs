using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>Takes a change of associations into the index: a term for the other record, and one for its type, in the documents of both.</summary>
internal static class ChangedTies
{
    /// <param name="index">The index.</param>
    /// <param name="known">The schema.</param>
    /// <param name="changes">The log.</param>
    /// <param name="change">The change.</param>
    public static void Apply(SearchIndex index, PortalSchema known, IChangeLog changes, in FollowedChange change)
    {
        var (otherType, otherId, _) = TieContent.Read(changes.ContentOf(change));
        var (one, other) = ((change.Type, change.RecordId), (otherType, otherId));
        Apply(index, known, changes, change, one, other);
        Apply(index, known, changes, change, other, one);
    }

    static void Apply(SearchIndex index, PortalSchema known, IChangeLog changes, in FollowedChange change, (int Type, long Id) record, (int Type, long Id) other)
    {
        if (index.Find(record.Id) is not (var document and >= 0))
        {
            return;
        }

        if (change.Kind == ChangeKind.Associate)
        {
            index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type, other.Id));
            index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type));
            return;
        }

        // Other associations of the same records, or with others of the type, may remain.
        int[] types = [.. known.Associations.Between(record.Type, other.Type).Select(type => type.Number)];
        if (changes.AreTied(change.Sequence, record, types, other))
        {
            return;
        }

        index.Postings.Remove(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type, other.Id));
        if (!changes.AreTied(change.Sequence, record, types, null))
        {
            index.Postings.Remove(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type));
        }
    }
}
