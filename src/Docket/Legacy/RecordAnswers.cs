using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Legacy;

/// <summary>
/// Records in the form of version 1, as recorded in <c>nodes/Hubspot/__schema__/v2.2.0/ticket/get.json</c> of <c>n8n-nodes-base</c>: ids
/// are numbers, times are milliseconds since 1970, and each property has its versions.
/// </summary>
internal sealed class RecordAnswers
{
    readonly Call call;
    readonly RecordView view;
    readonly List<(Record Record, ImmutableArray<(Property Property, ImmutableArray<HistoryEntry> Entries)> Values)> records = [];
    readonly PropertySet set;
    readonly ImmutableArray<string> withHistory = [];

    /// <summary>The answer to a read: the properties that its query names, and no others.</summary>
    public RecordAnswers(Call call, HttpContext http)
    {
        this.call = call;
        view = RecordView.For(call, call.Schema);
        withHistory = http.QueryNames("propertiesWithHistory");
        set = ReadQuery.SetOf(call.Schema, new PropertySet(call.Schema), http.QueryNames("properties").Concat(withHistory));
    }

    /// <summary>The answer to a write: what any of its inputs wrote, and what the answer of v3 shows in addition.</summary>
    public RecordAnswers(Call call, Outcome outcome)
    {
        this.call = call;
        var schema = outcome.Batch.Schema;
        view = RecordView.For(call, schema);
        set = new PropertySet(schema);
        BatchResponse.ShowWritten(set, schema, outcome.Results[0].Effect, [.. outcome.Batch.Inputs.SelectMany(input => input.Values)]);
    }

    public int Count => records.Count;

    /// <summary>Adds records, with the times of their values.</summary>
    public async ValueTask<bool> AddAsync(ISnapshot snapshot, ImmutableArray<Record> found)
    {
        records.AddRange(found.Zip(await PropertyHistory.ReadAsync(snapshot, view, found, set)));
        return true;
    }

    /// <summary>Writes the records, one after the other; each as a member with its id as name if <paramref name="named"/>.</summary>
    public void WriteAll(Utf8JsonWriter json, bool named = false)
    {
        foreach (var (record, values) in records)
        {
            view.Show(record);
            if (named)
            {
                json.WritePropertyName(record.Id.ToString(CultureInfo.InvariantCulture));
            }

            json.WriteStartObject();
            json.WriteString("objectType", view.Schema.Type.LegacyName);
            json.WriteNumber("portalId", call.Caller.PortalId);
            json.WriteNumber("objectId", record.Id);
            json.WriteStartObject("properties");
            foreach (var (property, entries) in values)
            {
                if (view.TryGet(property, out var value))
                {
                    WriteProperty(json, property, Encoding.UTF8.GetString(value), entries);
                }
            }

            json.WriteEndObject();
            json.WriteBoolean("isDeleted", record.ArchivedAt is not null);
            json.WriteEndObject();
        }
    }

    void WriteProperty(Utf8JsonWriter json, Property property, string value, ImmutableArray<HistoryEntry> entries)
    {
        // What is calculated on read has no history.
        var current = new HistoryEntry(value, entries.FirstOrDefault()?.Timestamp ?? view.Record.UpdatedAt, entries.FirstOrDefault()?.Source ?? PropertyHistory.Calculated);
        json.WriteStartObject(property.JsonName);
        json.WriteStartArray("versions");
        foreach (var entry in withHistory.Contains(property.Name) && !entries.IsEmpty ? entries : [current])
        {
            json.WriteStartObject();
            json.WriteString("name", property.Name);
            WriteEntry(json, property, entry);
            json.WriteStartArray("sourceVid");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteEntry(json, property, current);
        json.WriteEndObject();
    }

    static void WriteEntry(Utf8JsonWriter json, Property property, HistoryEntry entry)
    {
        json.WriteString("value", ToText(property, entry.Value));
        json.WriteNumber("timestamp", entry.Timestamp);
        json.WriteString("source", entry.Source.Type);
        if (entry.Source.Id.Length > 0)
        {
            json.WriteString("sourceId", entry.Source.Id);
        }
    }

    // Dates too are milliseconds here.
    static string ToText(Property property, string value) =>
        property.Kind is PropertyKind.Date or PropertyKind.DateTime && PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(value), PropertyValues.FractionMax) is { } moment
            ? moment.ToString(CultureInfo.InvariantCulture) : value;
}
