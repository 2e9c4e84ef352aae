using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;

namespace Docket.Legacy;

/// <summary>
/// Engagements in the form of version 1, as recorded in <c>nodes/Hubspot/__schema__/v2.1.0/engagement</c> of <c>n8n-nodes-base</c>. Ids are
/// numbers, times are milliseconds since 1970. What the caller may not read is left out.
/// </summary>
internal sealed class EngagementAnswers(Call call)
{
    /// <summary>Lists of <c>associations</c> that programs may look for, of what no engagement has here.</summary>
    static readonly ImmutableArray<string> NoTies = ["ownerIds", "workflowIds", "contentIds", "quoteIds"];

    readonly Dictionary<EngagementType, RecordView> views = [];
    readonly List<(EngagementType Type, Record Record, ImmutableArray<ImmutableArray<long>> Ties)> all = [];

    /// <summary>The answer to a write, by the schema with which it was written: it may be the first of its type.</summary>
    public EngagementAnswers(Call call, EngagementType kind, Schema written)
        : this(call) => views[kind] = RecordView.For(call, written);

    /// <summary>Adds records, with what they are associated with.</summary>
    public async ValueTask<bool> AddAsync(ISnapshot snapshot, IReadOnlyList<(EngagementType Type, Record Record)> found)
    {
        foreach (var group in found.GroupBy(each => each.Type))
        {
            var from = call.Portal.Find(group.Key.Plural)!.Type;
            ImmutableArray<Record> records = [.. group.Select(each => each.Record)];
            var ties = await TieIds.ReadAsync(snapshot, call, from, records, EngagementType.Ties.Select(list => list.Plural));
            all.AddRange(records.Zip(ties, (record, lists) => (group.Key, record, lists)));
        }

        // As they were found, not by type.
        var places = found.Select(each => each.Record.Id).Index().ToDictionary(each => each.Item, each => each.Index);
        all.Sort((one, other) => places[one.Record.Id].CompareTo(places[other.Record.Id]));
        return true;
    }

    /// <summary>Writes the engagements, one after the other.</summary>
    public void WriteAll(Utf8JsonWriter json)
    {
        foreach (var (type, record, ties) in all)
        {
            if (!views.TryGetValue(type, out var view))
            {
                views[type] = view = RecordView.For(call, call.Portal.Find(type.Plural)!);
            }

            view.Show(record);
            json.WriteStartObject();
            WriteEngagement(json, type, view);
            TieIds.Write(json, EngagementType.Ties.Select(list => list.Member).Zip(ties).Concat(NoTies.Select(name => (name, ImmutableArray<long>.Empty))));
            json.WriteStartArray("attachments");
            foreach (var file in (Text(view, EngagementType.Attachments) ?? "").Split(';'))
            {
                if (long.TryParse(file, out var id))
                {
                    json.WriteStartObject();
                    json.WriteNumber("id", id);
                    json.WriteEndObject();
                }
            }

            json.WriteEndArray();
            WriteMetadata(json, type, view);
            json.WriteEndObject();
        }
    }

    void WriteEngagement(Utf8JsonWriter json, EngagementType type, RecordView view)
    {
        var record = view.Record;
        json.WriteStartObject("engagement");
        json.WriteNumber("id", record.Id);
        json.WriteNumber("portalId", call.Caller.PortalId);
        json.WriteBoolean("active", record.ArchivedAt is null);
        json.WriteNumber("createdAt", record.CreatedAt);
        json.WriteNumber("lastUpdated", record.UpdatedAt);
        Write("ownerId", EngagementType.Owner, MemberForm.Number);
        json.WriteString("type", type.IsEmail && Text(view, EngagementType.Direction) is { } direction ? direction : type.Name);
        Write("timestamp", EngagementType.Timestamp, MemberForm.Moment);
        json.WriteString("source", record.Source.Type);
        Write("bodyPreview", "hs_body_preview", MemberForm.Text);
        Write("bodyPreviewIsTruncated", "hs_body_preview_is_truncated", MemberForm.Flag);
        Write("bodyPreviewHtml", "hs_body_preview_html", MemberForm.Text);
        json.WriteEndObject();

        void Write(string name, string property, MemberForm form)
        {
            if (Text(view, property) is { } value)
            {
                EngagementType.Write(json, name, form, value);
            }
        }
    }

    static void WriteMetadata(Utf8JsonWriter json, EngagementType type, RecordView view)
    {
        json.WriteStartObject("metadata");
        foreach (var (name, property, form) in type.Members)
        {
            if (Text(view, property) is { } value)
            {
                EngagementType.Write(json, name, form, value);
            }
        }

        if (type.IsEmail && Text(view, EngagementType.Headers) is { } headers)
        {
            WriteAddresses(json, headers);
        }

        json.WriteEndObject();
    }

    // Text that isn't such an object is stored as it is, and no address follows from it.
    static void WriteAddresses(Utf8JsonWriter json, string headers)
    {
        try
        {
            using var document = JsonDocument.Parse(headers);
            foreach (var address in document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.EnumerateObject().Where(member => EngagementType.Addresses.Contains(member.Name)) : [])
            {
                json.WritePropertyName(address.Name);
                json.WriteRawValue(address.Value.GetRawText());
            }
        }
        catch (JsonException)
        {
        }
    }

    // Empty is unset.
    static string? Text(RecordView view, string name) =>
        view.Schema.Find(name) is { } property && !(view.Hidden is { } hidden && hidden.Next(property.Rank) == property.Rank) && view.TryGet(property, out var value) && value.Length > 0
            ? Encoding.UTF8.GetString(value) : null;
}
