using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>Brings the values of a change into the index.</summary>
internal static class ChangedValues
{
    /// <summary>Gives a document the values of a change, the current one of the log; <c>false</c> when they are gone for good already.</summary>
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

            // The links of a merged record lead into other records' past; its document is new.
            var before = stored.Number == values.Number ? stored.Value
                : change.Content is null && values.Link > 0 && change.Kind != ChangeKind.Merge && SearchIndex.NeedsBefore(property)
                    ? changes.ValueSetBy(change.Sequence - values.Link, values.Number)
                    : default;
            index.Put(document, property, before, values.Value);
        }

        return any;
    }

    /// <summary>Takes the values of a change away from a document; <c>false</c> when they are gone for good already.</summary>
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
