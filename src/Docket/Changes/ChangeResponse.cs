using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Changes;

/// <summary>One change on the wire.</summary>
internal static class ChangeResponse
{
    static readonly JsonEncodedText
        ObjectId = JsonEncodedText.Encode("objectId"),
        OccurredAt = JsonEncodedText.Encode("occurredAt");

    /// <summary>The name of a kind, in <c>kind</c> and as the name of an event.</summary>
    public static string NameOf(ChangeKind kind) => kind switch
    {
        ChangeKind.Create => "create",
        ChangeKind.Update => "update",
        ChangeKind.Archive => "archive",
        ChangeKind.Restore => "restore",
        ChangeKind.Merge => "merge",
        ChangeKind.MergedAway => "mergedAway",
        ChangeKind.Associate => "associate",
        ChangeKind.Dissociate => "dissociate",
        _ => "purge",
    };

    public static void Write(Utf8JsonWriter json, PortalSchema schema, ChangeView view, Change change, Action<Utf8JsonWriter>? writeActivity = null)
    {
        json.WriteStartObject();
        json.WriteNumber("sequence", change.Sequence);
        var type = schema.Find(change.Type)!;
        json.WriteString("objectType", type.Type.Id);
        Wire.WriteId(json, ObjectId, change.RecordId);
        json.WriteString("kind", NameOf(change.Kind));
        Wire.WriteInstant(json, OccurredAt, change.Time);
        json.WriteStartObject("source");
        json.WriteString("type", change.Source.Type);
        json.WriteString("id", change.Source.Id);
        json.WriteEndObject();
        if (change.TraceId is { } trace)
        {
            json.WriteString("objectWriteTraceId", trace.Span);
        }

        if (change.Kind == ChangeKind.Merge)
        {
            json.WriteStartArray("mergedObjectIds");
            foreach (var id in change.Related)
            {
                json.WriteStringValue(id.ToString());
            }

            json.WriteEndArray();
        }
        else if (change.Kind == ChangeKind.MergedAway)
        {
            json.WriteString("mergedInto", change.Related[0].ToString());
        }

        if (change.Tie is var (otherType, otherId, types))
        {
            WriteTie(json, schema, otherType, otherId, types);
        }

        json.WriteStartArray("changes");
        foreach (var value in change.Values)
        {
            // Includes archived properties: the feed shows what was written.
            if (schema.FindNumberEvenArchived(value.Number) is { } property && view.Shows(type.Type, property))
            {
                WriteValue(json, property, value);
            }
        }

        json.WriteEndArray();
        writeActivity?.Invoke(json);
        json.WriteEndObject();
    }

    static void WriteTie(Utf8JsonWriter json, PortalSchema schema, int otherType, long otherId, ImmutableArray<int> types)
    {
        json.WriteStartObject("associated");
        json.WriteString("objectType", TypeNumber.Format(otherType));
        Wire.WriteId(json, ObjectId, otherId);
        json.WriteStartArray("types");
        foreach (var number in types)
        {
            // A label that was deleted since then is not shown any more.
            if (schema.Associations.Find(number) is { } type)
            {
                json.WriteStartObject();
                json.WriteString("category", type.Category);
                json.WriteNumber("typeId", type.Id);
                json.WriteString("label", type.Label);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WriteValue(Utf8JsonWriter json, Property property, ChangedValue value)
    {
        json.WriteStartObject();
        json.WriteString("property", property.JsonName);
        if (value.Before is { } before)
        {
            json.WriteString("before", before.Span);
        }
        else
        {
            json.WriteNull("before");
        }

        json.WriteString("after", value.After.Span);
        json.WriteEndObject();
    }
}

/// <summary>A change, written by <see cref="ChangeResponse"/>.</summary>
internal sealed record ChangeAnswer(
    [property: Description("Increases with each change.")] long Sequence,
    string ObjectType,
    string ObjectId,
    [property: AllowedValues("create", "update", "archive", "restore", "merge", "mergedAway", "purge", "associate", "dissociate")] string Kind,
    DateTimeOffset OccurredAt,
    SourceAnswer Source,
    ChangedAnswer[] Changes,
    [property: Description("From the write.")] string? ObjectWriteTraceId = null,
    [property: Description("For a merge: the records that were merged into this one.")] string[]? MergedObjectIds = null,
    [property: Description("For a merged record: the record that replaced it.")] string? MergedInto = null,
    [property: Description("For associate and dissociate: the other object, and the association types that begin or end, as seen from this one.")] AssociatedAnswer? Associated = null);

/// <summary>The other object of a change of associations.</summary>
internal sealed record AssociatedAnswer(string ObjectType, string ObjectId, AssociationTypeAnswer[] Types);

/// <summary>An association type.</summary>
internal sealed record AssociationTypeAnswer([property: AllowedValues(AssociationType.HubSpotDefined, AssociationType.UserDefined)] string Category, int TypeId, [property: Description("null for the plain association of two types.")] string? Label);

/// <summary>The source of a change.</summary>
internal sealed record SourceAnswer(string Type, string Id);

/// <summary>One value that changed.</summary>
internal sealed record ChangedAnswer(string Property, [property: Description("null if it was never set.")] string? Before, string After);
