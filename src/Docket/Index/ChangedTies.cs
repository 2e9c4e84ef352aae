using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>
/// Takes a change of associations into the index: a term for the other record, and one for its type if it is active, in the documents of both. Whether
/// others of the type remain is asked of the newest state: what happened later is a change of its own, after which it is asked again.
/// </summary>
internal static class ChangedTies
{
    /// <summary>Most records that are looked up at once.</summary>
    const int AtOnce = 1_000;

    /// <param name="index">The index.</param>
    /// <param name="known">The schema.</param>
    /// <param name="changes">The log.</param>
    /// <param name="change">The change.</param>
    public static void Apply(SearchIndex index, PortalSchema known, IChangeLog changes, in FollowedChange change)
    {
        var (otherType, otherId, _) = TieContent.Read(changes.ContentOf(change));
        var (one, other) = ((change.Type, change.RecordId), (otherType, otherId));
        var (document, otherDocument) = (index.Find(change.RecordId), index.Find(otherId));
        Apply(index, known, changes, change, one, document, other, otherDocument);
        Apply(index, known, changes, change, other, otherDocument, one, document);
    }

    /// <summary>Takes it in that a record was archived or restored: others are no longer associated with one of its type, or are again.</summary>
    public static void ApplyLife(SearchIndex index, PortalSchema known, IChangeLog changes, in FollowedChange change)
    {
        var (type, isBack) = (change.Type, change.Kind == ChangeKind.Restore);
        foreach (var others in changes.TiedTo((type, change.RecordId)).GroupBy(other => other.Type, other => other.Id))
        {
            foreach (var ids in others.Chunk(AtOnce))
            {
                var tied = isBack ? null : changes.AreTiedToActive(others.Key, ids, NumbersBetween(known, others.Key, type));
                for (var at = 0; at < ids.Length; at++)
                {
                    if (index.Find(ids[at]) is var document and >= 0)
                    {
                        Set(index, document, type, tied?[at] ?? true);
                    }
                }
            }
        }
    }

    static void Apply(
        SearchIndex index, PortalSchema known, IChangeLog changes, in FollowedChange change, (int Type, long Id) record, int document, (int Type, long Id) other, int otherDocument)
    {
        if (document < 0)
        {
            return;
        }

        if (change.Kind == ChangeKind.Associate)
        {
            index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type, other.Id));
            if (otherDocument >= 0 && !index.IsArchived(otherDocument))
            {
                Set(index, document, other.Type, isTied: true);
            }

            return;
        }

        // Other associations of the same records, or with others of the type, may remain.
        var types = NumbersBetween(known, record.Type, other.Type);
        if (!changes.AreTied(change.Sequence, record, types, other))
        {
            index.Postings.Remove(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type, other.Id));
            Set(index, document, other.Type, changes.AreTiedToActive(record.Type, [record.Id], types)[0]);
        }
    }

    static void Set(SearchIndex index, int document, int type, bool isTied)
    {
        if (isTied)
        {
            index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(type));
        }
        else
        {
            index.Postings.Remove(SearchIndex.Ties, document, SearchIndex.TieTerm(type));
        }
    }

    static ImmutableArray<int> NumbersBetween(PortalSchema known, int from, int to) => [.. known.Associations.Between(from, to).Select(type => type.Number)];
}
