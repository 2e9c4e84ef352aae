using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>Applies the values of a change to the index.</summary>
internal static class ChangedValues
{
    /// <summary>Applies the values of the log's current change to a document; <c>false</c> if they have been permanently deleted.</summary>
    public static bool Put(SearchIndex index, int document, PortalSchema schema, IChangeLog changes, in FollowedChange change)
    {
        var values = new ValueReader(changes.ContentOf(change));
        var stored = new ValueReader(change.Before.Span);
        stored.Next();
        var any = false;
        while (values.Next())
        {
            any = true;
            if (schema.FindNumberEvenArchived(values.Number) is not { } property)
            {
                continue;
            }

            while (stored.Number < values.Number)
            {
                stored.Next();
            }

            // The links of a merged record lead into the history of other records; its document is new.
            var before = stored.Number == values.Number ? stored.Value
                : change.Content is null && values.Link > 0 && change.Kind != ChangeKind.Merge && SearchIndex.NeedsBefore(property)
                    ? changes.ValueSetBy(change.Sequence - values.Link, values.Number)
                    : default;
            index.Put(document, property, before, values.Value);
        }

        return any;
    }

    /// <summary>Removes the values of a change from a document; <c>false</c> if they have been permanently deleted.</summary>
    public static bool Remove(SearchIndex index, int document, PortalSchema schema, IChangeLog changes, in FollowedChange change)
    {
        var values = new ValueReader(changes.ContentOf(change));
        var any = false;
        while (values.Next())
        {
            any = true;
            if (schema.FindNumberEvenArchived(values.Number) is { } property)
            {
                index.Put(document, property, values.Value, default);
            }
        }

        return any;
    }
}
