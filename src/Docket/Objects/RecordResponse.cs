using System.Collections.Immutable;
using System.ComponentModel;
using System.Text.Json;
using System.Text.Unicode;
using Docket.Http;
using Docket.Model;

namespace Docket.Objects;

/// <summary>One record on the wire. Key order of reference/objects-and-batch.md 1.4 and 4.2.</summary>
internal static class RecordResponse
{
    static readonly JsonEncodedText
        Id = JsonEncodedText.Encode("id"),
        CreatedAt = JsonEncodedText.Encode("createdAt"),
        UpdatedAt = JsonEncodedText.Encode("updatedAt"),
        Archived = JsonEncodedText.Encode("archived"),
        ArchivedAt = JsonEncodedText.Encode("archivedAt"),
        New = JsonEncodedText.Encode("new"),
        TraceId = JsonEncodedText.Encode("objectWriteTraceId"),
        Url = JsonEncodedText.Encode("url"),
        History = JsonEncodedText.Encode("propertiesWithHistory"),
        Value = JsonEncodedText.Encode("value"),
        Timestamp = JsonEncodedText.Encode("timestamp"),
        SourceType = JsonEncodedText.Encode("sourceType"),
        SourceId = JsonEncodedText.Encode("sourceId");

    /// <summary>The result of a write: what was written and what is always returned, but nothing that was never set.</summary>
    /// <param name="json">The writer.</param>
    /// <param name="view">The view, positioned on the record.</param>
    /// <param name="portalId">For the <c>url</c>.</param>
    /// <param name="set">The properties to return.</param>
    /// <param name="isNew">For <c>new</c>; <c>null</c> omits it.</param>
    /// <param name="traceId">For <c>objectWriteTraceId</c>; <c>null</c> omits it.</param>
    public static void WriteWritten(Utf8JsonWriter json, RecordView view, long portalId, PropertySet set, bool? isNew = null, ReadOnlyMemory<byte>? traceId = null)
    {
        json.WriteStartObject();
        Wire.WriteId(json, Id, view.Record.Id);
        view.WriteProperties(json, set, showUnset: false);
        WriteDates(json, view.Record);
        if (isNew is { } created)
        {
            json.WriteBoolean(New, created);
        }

        if (traceId is { } trace)
        {
            json.WriteString(TraceId, trace.Span);
        }

        WriteUrl(json, view, portalId);
        json.WriteEndObject();
    }

    /// <summary>A record in a read: the requested properties, <c>null</c> or nothing for those that were never set, and history if requested.</summary>
    public static void WriteRead(
        Utf8JsonWriter json, RecordView view, long portalId, PropertySet set, ImmutableArray<(Property Property, ImmutableArray<HistoryEntry> Entries)> history, Action<Utf8JsonWriter>? writeTies = null)
    {
        json.WriteStartObject();
        Wire.WriteId(json, Id, view.Record.Id);
        view.WriteProperties(json, set, view.ShowUnset && !set.OnlyWithValue);
        if (!history.IsEmpty)
        {
            WriteHistory(json, view, history);
        }

        WriteDates(json, view.Record);
        writeTies?.Invoke(json);
        WriteUrl(json, view, portalId);
        json.WriteEndObject();
    }

    static void WriteDates(Utf8JsonWriter json, Record record)
    {
        Wire.WriteInstant(json, CreatedAt, record.CreatedAt);
        Wire.WriteInstant(json, UpdatedAt, record.UpdatedAt);
        json.WriteBoolean(Archived, record.ArchivedAt is not null);
        if (record.ArchivedAt is { } archivedAt)
        {
            Wire.WriteInstant(json, ArchivedAt, archivedAt);
        }
    }

    static void WriteUrl(Utf8JsonWriter json, RecordView view, long portalId)
    {
        if (view.Schema.Type.Page is { } page)
        {
            json.WriteString(Url, $"https://app.hubspot.com/{page.BeforePortal}{portalId}{page.BeforeId}{view.Record.Id}{page.AfterId}");
            return;
        }

        Span<byte> url = stackalloc byte[128];
        Utf8.TryWrite(url, $"https://app.hubspot.com/contacts/{portalId}/record/{view.Schema.Type.Id}/{view.Record.Id}", out var length);
        json.WriteString(Url, url[..length]);
    }

    // reference/objects-and-batch.md 5
    static void WriteHistory(Utf8JsonWriter json, RecordView view, ImmutableArray<(Property Property, ImmutableArray<HistoryEntry> Entries)> history)
    {
        json.WriteStartObject(History);
        foreach (var (property, entries) in history)
        {
            json.WriteStartArray(property.JsonName);
            foreach (var entry in entries)
            {
                json.WriteStartObject();
                json.WriteString(Value, view.Shown(property, entry.Value));
                Wire.WriteInstant(json, Timestamp, entry.Timestamp);
                json.WriteString(SourceType, entry.Source.Type);
                if (entry.Source.Id.Length > 0)
                {
                    json.WriteString(SourceId, entry.Source.Id);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}

/// <summary>A record, written by <see cref="RecordResponse"/>.</summary>
internal sealed record RecordAnswer(
    string Id,
    TextsOrNull Properties,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    bool Archived,
    string Url,
    [property: Description("For an upsert: whether the record was created.")] bool? New = null,
    string? ObjectWriteTraceId = null);
