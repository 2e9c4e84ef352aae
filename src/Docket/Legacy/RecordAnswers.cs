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

/// <summary>The form of records in one of the old APIs.</summary>
internal enum RecordForm
{
    /// <summary>Any type, in <c>crm-objects/v1</c>.</summary>
    Object,

    /// <summary><c>contacts/v1</c>.</summary>
    Contact,

    /// <summary><c>companies/v2</c>.</summary>
    Company,

    /// <summary><c>deals/v1</c>.</summary>
    Deal,
}

/// <summary>
/// Records in the forms of versions 1 and 2, as recorded in <c>nodes/Hubspot/__schema__</c> of <c>n8n-nodes-base</c>: ids are numbers, times
/// are milliseconds since 1970, and each property has its versions.
/// </summary>
internal sealed class RecordAnswers
{
    /// <summary>The lists of a deal's <c>associations</c>, and the types of their records.</summary>
    public static readonly ImmutableArray<(string Member, string Plural)> DealTies = [("associatedVids", "contacts"), ("associatedCompanyIds", "companies"), ("associatedDealIds", "deals")];

    readonly Call call;
    readonly RecordForm form;
    readonly RecordView view;
    readonly List<(Record Record, ImmutableArray<(Property Property, ImmutableArray<HistoryEntry> Entries)> Values)> records = [];
    readonly Dictionary<long, ImmutableArray<ImmutableArray<long>>> ties = [];
    readonly PropertySet set;
    readonly Predicate<Property> withHistory;

    /// <summary>The properties of a set, and which of them with all versions.</summary>
    public RecordAnswers(Call call, Schema schema, RecordForm form, PropertySet set, Predicate<Property> withHistory)
    {
        this.call = call;
        this.form = form;
        this.set = set;
        this.withHistory = withHistory;
        view = RecordView.For(call, schema);
    }

    public int Count => records.Count;

    /// <summary>Whether deals are shown with the ids of what they are associated with.</summary>
    public bool WithTies { get; init; }

    /// <summary>The answer to a read: the properties that its query names, or <paramref name="unnamed"/> if it names none.</summary>
    public static RecordAnswers OfQuery(HttpContext http, RecordForm form = RecordForm.Object, PropertySet? unnamed = null, bool withTies = false)
    {
        var schema = http.Call().Schema;
        var withHistory = http.QueryNames("propertiesWithHistory");
        var names = http.QueryNames("properties").AddRange(withHistory);
        var all = http.QueryFlag("includePropertyVersions") || http.Request.Query["propertyMode"].ToString() == "value_and_history";
        return new(http.Call(), schema, form, names.IsEmpty && unnamed is { } whole ? whole : ReadQuery.SetOf(schema, new PropertySet(schema), names), property => all || withHistory.Contains(property.Name))
        {
            WithTies = form == RecordForm.Deal && (withTies || http.QueryFlag("includeAssociations")),
        };
    }

    /// <summary>The answer to a write: what any of its inputs wrote, and what the answer of v3 shows in addition.</summary>
    public static RecordAnswers OfWrite(Call call, Outcome outcome, RecordForm form = RecordForm.Object)
    {
        var schema = outcome.Batch.Schema;
        var set = new PropertySet(schema);
        BatchResponse.ShowWritten(set, schema, outcome.Results[0].Effect, [.. outcome.Batch.Inputs.SelectMany(input => input.Values)]);
        return new(call, schema, form, set, static _ => false) { WithTies = form == RecordForm.Deal };
    }

    /// <summary>Adds records, with the times of their values.</summary>
    public async ValueTask<bool> AddAsync(ISnapshot snapshot, ImmutableArray<Record> found)
    {
        records.AddRange(found.Zip(await PropertyHistory.ReadAsync(snapshot, view, found, set)));
        if (WithTies)
        {
            foreach (var (record, lists) in found.Zip(await TieIds.ReadAsync(snapshot, call, view.Schema.Type, found, DealTies.Select(list => list.Plural))))
            {
                ties[record.Id] = lists;
            }
        }

        return true;
    }

    /// <summary>Answers with the only record.</summary>
    public Task RespondAsync(HttpContext http) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, this, static (json, answers) => answers.WriteAll(json));

    /// <summary>Answers with an array of the records.</summary>
    public Task RespondArrayAsync(HttpContext http) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, this, static (json, answers) =>
    {
        json.WriteStartArray();
        answers.WriteAll(json);
        json.WriteEndArray();
    });

    /// <summary>Answers with an object that has a member for each record, named by its id.</summary>
    public Task RespondByIdAsync(HttpContext http) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, this, static (json, answers) =>
    {
        json.WriteStartObject();
        answers.WriteAll(json, named: true);
        json.WriteEndObject();
    });

    /// <summary>Writes the records, one after the other.</summary>
    public void WriteAll(Utf8JsonWriter json) => WriteAll(json, named: false);

    void WriteAll(Utf8JsonWriter json, bool named)
    {
        foreach (var (record, values) in records)
        {
            view.Show(record);
            if (named)
            {
                json.WritePropertyName(record.Id.ToString(CultureInfo.InvariantCulture));
            }

            json.WriteStartObject();
            WriteHead(json, record);
            json.WriteStartObject("properties");
            foreach (var (property, entries) in values)
            {
                if (view.TryGet(property, out var value))
                {
                    WriteProperty(json, property, Encoding.UTF8.GetString(value), entries);
                }
            }

            json.WriteEndObject();
            WriteTail(json, record);
            json.WriteEndObject();
        }
    }

    void WriteHead(Utf8JsonWriter json, Record record)
    {
        switch (form)
        {
            case RecordForm.Contact:
                json.WriteNumber("vid", record.Id);
                json.WriteNumber("canonical-vid", record.Id);
                json.WriteNumber("portal-id", call.Caller.PortalId);
                json.WriteBoolean("is-contact", true);
                break;
            case RecordForm.Company or RecordForm.Deal:
                json.WriteNumber("portalId", call.Caller.PortalId);
                json.WriteNumber(form == RecordForm.Company ? "companyId" : "dealId", record.Id);
                json.WriteBoolean("isDeleted", record.ArchivedAt is not null);
                if (ties.TryGetValue(record.Id, out var lists))
                {
                    TieIds.Write(json, DealTies.Select(list => list.Member).Zip(lists));
                }

                break;
            default:
                json.WriteString("objectType", view.Schema.Type.LegacyName);
                json.WriteNumber("portalId", call.Caller.PortalId);
                json.WriteNumber("objectId", record.Id);
                break;
        }
    }

    void WriteTail(Utf8JsonWriter json, Record record)
    {
        switch (form)
        {
            case RecordForm.Contact:
                WriteEmpty(json, "merged-vids", "form-submissions", "list-memberships", "merge-audits");
                WriteIdentities(json, record);
                json.WriteNumber("addedAt", record.CreatedAt);
                break;
            case RecordForm.Company:
                WriteEmpty(json, "additionalDomains", "stateChanges", "mergeAudits");
                break;
            case RecordForm.Deal:
                WriteEmpty(json, "stateChanges");
                break;
            default:
                json.WriteBoolean("isDeleted", record.ArchivedAt is not null);
                break;
        }
    }

    // A contact is known by its addresses; the first is the primary one.
    void WriteIdentities(Utf8JsonWriter json, Record contact)
    {
        json.WriteStartArray("identity-profiles");
        json.WriteStartObject();
        json.WriteNumber("vid", contact.Id);
        json.WriteNumber("saved-at-timestamp", contact.UpdatedAt);
        json.WriteNumber("deleted-changed-timestamp", 0);
        json.WriteStartArray("identities");
        foreach (var (index, address) in Addresses().Index())
        {
            json.WriteStartObject();
            json.WriteString("type", "EMAIL");
            json.WriteString("value", address);
            json.WriteNumber("timestamp", contact.CreatedAt);
            json.WriteBoolean("is-primary", index == 0);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    IEnumerable<string> Addresses()
    {
        var (one, more) = view.Schema.Type.Several!.Value;
        return $"{Text(one)};{Text(more)}".Split(';', StringSplitOptions.RemoveEmptyEntries);

        string Text(string name) => view.TryGet(view.Schema.Require(name), out var value) ? Encoding.UTF8.GetString(value) : "";
    }

    void WriteProperty(Utf8JsonWriter json, Property property, string value, ImmutableArray<HistoryEntry> entries)
    {
        // What is calculated on read has no history.
        var current = new HistoryEntry(value, entries.FirstOrDefault()?.Timestamp ?? view.Record.UpdatedAt, entries.FirstOrDefault()?.Source ?? PropertyHistory.Calculated);
        json.WriteStartObject(property.JsonName);
        if (form == RecordForm.Contact)
        {
            json.WriteString("value", ToText(property, value));
        }

        if (form != RecordForm.Contact || withHistory(property))
        {
            json.WriteStartArray("versions");
            foreach (var entry in withHistory(property) && !entries.IsEmpty ? entries : [current])
            {
                json.WriteStartObject();
                WriteVersion(json, property, entry);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (form != RecordForm.Contact)
        {
            WriteEntry(json, property, current);
        }

        json.WriteEndObject();
    }

    void WriteVersion(Utf8JsonWriter json, Property property, HistoryEntry entry)
    {
        if (form == RecordForm.Contact)
        {
            json.WriteString("value", ToText(property, entry.Value));
            json.WriteString("source-type", entry.Source.Type);
            json.WriteString("source-id", entry.Source.Id);
            json.WriteNumber("timestamp", entry.Timestamp);
            return;
        }

        json.WriteString("name", property.Name);
        WriteEntry(json, property, entry);
        WriteEmpty(json, "sourceVid");
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

    // Lists of what Docket doesn't have, which programs read without looking whether they are there.
    static void WriteEmpty(Utf8JsonWriter json, params ReadOnlySpan<string> lists)
    {
        foreach (var list in lists)
        {
            json.WriteStartArray(list);
            json.WriteEndArray();
        }
    }

    // Dates too are milliseconds here.
    static string ToText(Property property, string value) =>
        property.Kind is PropertyKind.Date or PropertyKind.DateTime && PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(value), PropertyValues.FractionMax) is { } moment
            ? moment.ToString(CultureInfo.InvariantCulture) : value;
}
