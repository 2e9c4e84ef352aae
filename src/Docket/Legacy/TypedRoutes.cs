using System.Text;
using Docket.Access;
using Docket.Associations;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>
/// What companies of version 2 and deals of version 1 have in common, as n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41), Singer's tap-hubspot
/// and the npm package <c>hubspot</c> 2.3 call them.
/// </summary>
/// <param name="Type">The object type, as paths call it, and the list of its records.</param>
/// <param name="IdName">The member with a record's id.</param>
/// <param name="MoreName">What says in a list whether there are more.</param>
/// <param name="Form">The form of the records.</param>
internal sealed record TypedRoutes(string Type, string IdName, string MoreName, RecordForm Form)
{
    public static readonly TypedRoutes Companies = new("companies", "companyId", "has-more", RecordForm.Company), Deals = new("deals", "dealId", "hasMore", RecordForm.Deal);

    static readonly JsonShape<SentRecord> Shape = RecordReader.Shape("name");

    /// <summary>Maps the routes of records below <paramref name="prefix"/>, and that of batches.</summary>
    public void Map(IEndpointRouteBuilder routes, string prefix, string batch)
    {
        var records = routes.MapGroup(prefix);
        records.MapPost("", CreateAsync).Needs(Right.Write, Type);
        records.MapGet("paged", ListAsync).Needs(Right.Read, Type);
        records.MapGet("recent/modified", http => ListRecentAsync(http, "hs_lastmodifieddate")).Needs(Right.Read, Type);
        records.MapGet("recent/created", http => ListRecentAsync(http, "createdate")).Needs(Right.Read, Type);
        records.MapGet("{id}", ReadAsync).Needs(Right.Read, Type);
        records.MapPut("{id}", UpdateAsync).Needs(Right.Write, Type);
        records.MapDelete("{id}", ArchiveAsync).Needs(Right.Write, Type);
        routes.MapPost(batch, UpdateBatchAsync).Needs(Right.Write, Type);
    }

    async Task CreateAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http);
        await RespondWrittenAsync(http, await ObjectRoutes.ApplyCreateAsync(http, [Input(http, JsonCursor.Read(body, Shape.Read))]));
    }

    async Task UpdateAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        using var body = await RequestBody.ReadAsync(http);
        var input = Input(http, JsonCursor.Read(body, Shape.Read));
        if (input.Values.Length == 0 && input.Ties is null)
        {
            throw new Refusal(Faults.NothingToUpdate());
        }

        input.Id = Encoding.UTF8.GetBytes(id);
        await RespondWrittenAsync(http, await ObjectRoutes.ApplyToOneAsync(http.Call(), WriteKind.Update, input) ?? throw ObjectRoutes.NotFound(id, ""));
    }

    // Up to a hundred records are one commit. What HubSpot would do later is done before the answer.
    async Task UpdateBatchAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        foreach (var chunk in RecordReader.ReadBatch(body, "a list of records", Shape).Chunk(Validation.InputsMax))
        {
            ObjectRoutes.RefuseFaults(call, await call.Store.ApplyAsync(Validation.Check(WriteKind.Update, [.. chunk.Select(each => Input(http, each))], call.Schema, call.Caller, call.Features)));
        }

        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    // As recorded: the answer is empty for a deal only.
    async Task ArchiveAsync(HttpContext http)
    {
        await ObjectRoutes.ArchiveAsync(http);
        if (Form == RecordForm.Company && Between.ParseId(http.LastPathSegment()) is { } id)
        {
            await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (IdName, id), static (json, archived) =>
            {
                json.WriteStartObject();
                json.WriteNumber(archived.IdName, archived.id);
                json.WriteBoolean("deleted", true);
                json.WriteEndObject();
            });
        }
    }

    async Task ReadAsync(HttpContext http)
    {
        var (call, id) = (http.Call(), http.LastPathSegment());
        var number = Record.ParseId(Encoding.UTF8.GetBytes(id)) ?? throw ObjectRoutes.NotFound(id, "");
        var answers = RecordAnswers.OfQuery(http, Form, PropertySet.Everything(call.Schema), withTies: true);
        await call.Store.ReadAsync(async snapshot => (await snapshot.FindAsync(call.Type, [number], archived: false))[0] is { } record && await answers.AddAsync(snapshot, [record]), http.RequestAborted);
        await (answers.Count > 0 ? answers.RespondAsync(http) : throw ObjectRoutes.NotFound(id, ""));
    }

    async Task ListAsync(HttpContext http)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "limit", unset: 100, max: 250), http.QueryNumber("offset") ?? 0);
        var answers = RecordAnswers.OfQuery(http, Form, http.QueryFlag("includeAllProperties") ? PropertySet.Everything(call.Schema) : null);
        var (last, hasMore) = await Pages.ListAsync(call, answers, after, size, http.RequestAborted);
        await Pages.RespondAsync(http, Type, answers.WriteAll, hasMore, last, moreName: MoreName);
    }

    async Task ListRecentAsync(HttpContext http, string moment)
    {
        var (call, size, skip) = (http.Call(), Pages.Size(http, "count", unset: 20, max: 100), Pages.Skip(http));
        var found = await Pages.RecentAsync(call, call.Schema, moment, http.QueryNumber("since"), skip, size, http.RequestAborted);
        var answers = RecordAnswers.OfQuery(http, Form, PropertySet.Everything(call.Schema), withTies: true);
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, found.Records), http.RequestAborted);
        var end = skip + found.Records.Length;
        await Pages.RespondAsync(http, "results", answers.WriteAll, end < found.Total, end, found.Total);
    }

    RecordInput Input(HttpContext http, SentRecord sent) => new() { Id = sent.Id ?? default, Values = sent.Values, Ties = SentTies.Of(http.Call().Portal, Type, sent.Ties) };

    async Task RespondWrittenAsync(HttpContext http, Outcome outcome)
    {
        ObjectRoutes.RefuseFaults(http.Call(), outcome);
        var answers = RecordAnswers.OfWrite(http.Call(), outcome, Form);
        await http.Call().Store.ReadAsync(snapshot => answers.AddAsync(snapshot, [outcome.Results[0].Record!]), CancellationToken.None);
        await answers.RespondAsync(http);
    }
}
