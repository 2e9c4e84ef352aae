using System.Collections.Immutable;
using System.Text;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>
/// Contacts of version 1, as n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41) and the npm package <c>hubspot</c> 2.3 call them: found by
/// their id, which is called <c>vid</c>, or by an address.
/// </summary>
internal static class ContactRoutes
{
    const string Contacts = "contacts", Email = "email", LastModified = "lastmodifieddate", Created = "createdate";

    /// <summary>The properties in lists that name none.</summary>
    static readonly ImmutableArray<string> Listed = ["firstname", "lastname", "company", LastModified];

    static readonly ReadOnlyMemory<byte>? ByAddress = Encoding.UTF8.GetBytes(Email);

    static readonly JsonShape<SentRecord> Shape = RecordReader.Shape("property");

    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var contacts = routes.MapGroup(prefix);
        contacts.MapPost("contact", CreateAsync).Needs(Right.Write, Contacts);
        contacts.MapPost("contact/batch", WriteBatchAsync).Needs(Right.Write, Contacts);
        contacts.MapPost("contact/createOrUpdate/email/{email}", UpsertAsync).Needs(Right.Write, Contacts);
        contacts.MapGet("contact/vid/{id}/profile", http => ReadAsync(http, null)).Needs(Right.Read, Contacts);
        contacts.MapGet("contact/email/{email}/profile", http => ReadAsync(http, Email)).Needs(Right.Read, Contacts);
        contacts.MapPost("contact/vid/{id}/profile", http => UpdateAsync(http, null)).Needs(Right.Write, Contacts);
        contacts.MapPost("contact/email/{email}/profile", http => UpdateAsync(http, Email)).Needs(Right.Write, Contacts);
        contacts.MapDelete("contact/vid/{id}", ArchiveAsync).Needs(Right.Write, Contacts);
        contacts.MapGet("contact/vids/batch", http => ReadBatchAsync(http, "vid", null)).Needs(Right.Read, Contacts);
        contacts.MapGet("contact/emails/batch", http => ReadBatchAsync(http, Email, Email)).Needs(Right.Read, Contacts);
        contacts.MapGet("lists/all/contacts/all", ListAsync).Needs(Right.Read, Contacts);
        contacts.MapGet("lists/all/contacts/recent", http => ListRecentAsync(http, Created)).Needs(Right.Read, Contacts);
        contacts.MapGet("lists/recently_updated/contacts/recent", http => ListRecentAsync(http, LastModified)).Needs(Right.Read, Contacts);
        contacts.MapGet("search/query", SearchAsync).Needs(Right.Read, Contacts);
    }

    static async Task CreateAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        var input = new RecordInput { Values = JsonCursor.Read(body, Shape.Read).Values };
        var outcome = await ObjectRoutes.ApplyCreateAsync(http, [input]);
        ObjectRoutes.RefuseFaults(call, outcome);
        var answers = Profile(http, outcome.Batch.Schema);
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, [outcome.Results[0].Record!]), CancellationToken.None);
        await answers.RespondAsync(http);
    }

    static async Task UpsertAsync(HttpContext http)
    {
        var call = http.Call();
        var email = http.LastPathSegment();
        using var body = await RequestBody.ReadAsync(http);
        var outcome = await ApplyAsync(call, WriteKind.Upsert, [new() { Id = Encoding.UTF8.GetBytes(email), IdProperty = ByAddress, Values = JsonCursor.Read(body, Shape.Read).Values }]);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, outcome.Results[0], static (json, result) =>
        {
            json.WriteStartObject();
            json.WriteNumber("vid", result.Record!.Id);
            json.WriteBoolean("isNew", result.Effect == Effect.Created);
            json.WriteEndObject();
        });
    }

    static async Task UpdateAsync(HttpContext http, string? idProperty)
    {
        var call = http.Call();
        var id = http.LastPathSegment(before: 1);
        using var body = await RequestBody.ReadAsync(http);
        var values = JsonCursor.Read(body, Shape.Read).Values;
        if (values.Length == 0)
        {
            throw new Refusal(Faults.NothingToUpdate());
        }

        var input = new RecordInput { Id = Encoding.UTF8.GetBytes(id), IdProperty = idProperty is null ? null : ByAddress, Values = values };
        ObjectRoutes.RefuseFaults(call, await ObjectRoutes.ApplyToOneAsync(call, WriteKind.Update, input) ?? throw ObjectRoutes.NotFound(id, idProperty ?? ""));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // Those with an id are updated, those with an address are created or updated: in that order, and up to a hundred in one commit.
    static async Task WriteBatchAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        foreach (var group in RecordReader.ReadBatch(body, "a list of contacts", Shape).GroupBy(each => each.Id is null))
        {
            var kind = group.Key ? WriteKind.Upsert : WriteKind.Update;
            foreach (var chunk in group.Chunk(Validation.InputsMax))
            {
                await ApplyAsync(call, kind, [.. chunk.Select(each => new RecordInput
                {
                    Id = each.Id ?? each.Email ?? default,
                    IdProperty = kind == WriteKind.Upsert ? ByAddress : null,
                    Values = each.Values,
                })]);
            }
        }

        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    static async Task ArchiveAsync(HttpContext http)
    {
        await ObjectRoutes.ArchiveAsync(http);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, http.LastPathSegment(), static (json, id) =>
        {
            json.WriteStartObject();
            json.WritePropertyName("vid");
            if (long.TryParse(id, out var number))
            {
                json.WriteNumberValue(number);
            }
            else
            {
                json.WriteStringValue(id);
            }

            json.WriteBoolean("deleted", true);
            json.WriteString("reason", "OK");
            json.WriteEndObject();
        });
    }

    static async Task ReadAsync(HttpContext http, string? idProperty)
    {
        var id = http.LastPathSegment(before: 1);
        var answers = Profile(http, http.Call().Schema);
        await AddAsync(http, answers, idProperty, [id]);
        await (answers.Count > 0 ? answers.RespondAsync(http) : throw ObjectRoutes.NotFound(id, idProperty ?? ""));
    }

    // An object with a member for each contact that exists.
    static async Task ReadBatchAsync(HttpContext http, string parameter, string? idProperty)
    {
        var ids = http.QueryNames(parameter);
        var answers = ids.Length <= Validation.InputsMax ? Profile(http, http.Call().Schema) : throw new Refusal(Faults.TooManyInputs(Validation.InputsMax));
        await AddAsync(http, answers, idProperty, ids);
        await answers.RespondByIdAsync(http);
    }

    static async Task ListAsync(HttpContext http)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "count", unset: 20, max: 100), http.QueryNumber("vidOffset") ?? 0);
        var answers = Brief(http);
        var (last, hasMore) = await Pages.ListAsync(call, answers, after, size, http.RequestAborted);
        await RespondPageAsync(http, answers, hasMore, hasMore ? last : 0);
    }

    // The place in the list is the number of contacts before it.
    static async Task ListRecentAsync(HttpContext http, string moment)
    {
        var (call, size, skip) = (http.Call(), Pages.Size(http, "count", unset: 20, max: 100), Pages.Skip(http, "vidOffset"));
        var found = await Pages.RecentAsync(call, call.Schema, moment, since: null, skip, size, http.RequestAborted);
        var answers = Brief(http);
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, found.Records), http.RequestAborted);
        var hasMore = skip + found.Records.Length < found.Total;
        var last = found.Records.LastOrDefault();
        await RespondPageAsync(http, answers, hasMore, hasMore ? skip + found.Records.Length : 0, (moment == Created ? last?.CreatedAt : last?.UpdatedAt) ?? 0);
    }

    static async Task SearchAsync(HttpContext http)
    {
        var (call, size, skip, query) = (http.Call(), Pages.Size(http, "count", unset: 20, max: 100), Pages.Skip(http), http.Request.Query["q"].ToString());
        ImmutableArray<string> words = [.. query.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];
        var found = await call.Store.SearchAsync(new(call.Schema, [], words, call.Schema.Searched, null, skip, null, size), http.RequestAborted);
        var answers = Brief(http);
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, found.Records), http.RequestAborted);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (query, answers, found.Total, Offset: skip + found.Records.Length), static (json, page) =>
        {
            json.WriteStartObject();
            json.WriteString("query", page.query);
            json.WriteNumber("offset", page.Offset);
            json.WriteBoolean("has-more", page.Offset < page.Total);
            json.WriteNumber("total", page.Total);
            json.WriteStartArray(Contacts);
            page.answers.WriteAll(json);
            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    static async Task<Outcome> ApplyAsync(Call call, WriteKind kind, RecordInput[] inputs)
    {
        var outcome = await call.Store.ApplyAsync(Validation.Check(kind, inputs, call.Schema, call.Caller, call.Features));
        ObjectRoutes.RefuseFaults(call, outcome);
        return outcome;
    }

    static async Task AddAsync(HttpContext http, RecordAnswers answers, string? idProperty, ImmutableArray<string> ids)
    {
        var call = http.Call();
        await call.Store.ReadAsync(async snapshot =>
        {
            var found = idProperty is null
                ? await snapshot.FindAsync(call.Type, [.. ids.Select(id => Record.ParseId(Encoding.UTF8.GetBytes(id)) ?? -1)], archived: false)
                : await snapshot.FindAsync(call.Schema.Require(idProperty), [.. ids.Select(id => Validation.NormaliseKey(call.Schema, call.Schema.Require(idProperty), Encoding.UTF8.GetBytes(id)) ?? default)]);
            return await answers.AddAsync(snapshot, [.. found.OfType<Record>().DistinctBy(record => record.Id)]);
        }, http.RequestAborted);
    }

    // One contact: all that it has, with all versions, unless the query says less.
    static RecordAnswers Profile(HttpContext http, Schema schema) => Answers(http, schema, PropertySet.Everything(schema), versions: true);

    static RecordAnswers Brief(HttpContext http)
    {
        var schema = http.Call().Schema;
        return Answers(http, schema, ReadQuery.SetOf(schema, new PropertySet(schema), Listed), versions: false);
    }

    // n8n sends the names as `properties` too.
    static RecordAnswers Answers(HttpContext http, Schema schema, PropertySet unnamed, bool versions)
    {
        var names = http.QueryNames("property").AddRange(http.QueryNames("properties"));
        versions = http.Request.Query["propertyMode"].ToString() is { Length: > 0 } mode ? mode == "value_and_history" : versions;
        return new(http.Call(), schema, RecordForm.Contact, names.IsEmpty ? unnamed : ReadQuery.SetOf(schema, new PropertySet(schema), names), _ => versions);
    }

    static Task RespondPageAsync(HttpContext http, RecordAnswers answers, bool hasMore, long offset, long? time = null) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (answers, hasMore, offset, time), static (json, page) =>
        {
            json.WriteStartObject();
            json.WriteStartArray(Contacts);
            page.answers.WriteAll(json);
            json.WriteEndArray();
            json.WriteBoolean("has-more", page.hasMore);
            json.WriteNumber("vid-offset", page.offset);
            if (page.time is { } time)
            {
                json.WriteNumber("time-offset", time);
            }

            json.WriteEndObject();
        });
}
