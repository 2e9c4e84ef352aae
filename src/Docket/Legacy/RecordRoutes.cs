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
/// The records of version 1, where n8n's HubSpot node does all its work on tickets: <c>n8n-nodes-base</c> 2.41,
/// <c>nodes/Hubspot/V2/HubspotV2.node.js</c>. Only bodies and answers differ from v3.
/// </summary>
internal static class RecordRoutes
{
    /// <summary>Records of a page. A client can't choose: n8n's node says so, and stops after as many as it wants.</summary>
    const int PageSize = 100;

    /// <summary>Maps the endpoints below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var objects = routes.MapGroup(prefix);
        objects.MapPost("", CreateAsync).Needs(Right.Write);
        objects.MapPost("batch-create", CreateBatchAsync).Needs(Right.Write);
        objects.MapPost("batch-read", ReadBatchAsync).Needs(Right.Read);
        objects.MapGet("paged", ListAsync).Needs(Right.Read);
        objects.MapGet("{id}", ReadAsync).Needs(Right.Read);
        objects.MapPut("{id}", UpdateAsync).Needs(Right.Write);
        objects.MapDelete("{id}", ArchiveAsync).Needs(Right.Write);
    }

    static async Task CreateAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http);
        await (await WrittenAsync(http, await ObjectRoutes.ApplyCreateAsync(http, [RecordReader.ReadOne(body)]))).RespondAsync(http);
    }

    static async Task CreateBatchAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http);
        await (await WrittenAsync(http, await ObjectRoutes.ApplyCreateAsync(http, RecordReader.ReadAll(body)))).RespondArrayAsync(http);
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        using var body = await RequestBody.ReadAsync(http);
        var input = RecordReader.ReadOne(body);
        if (input.Values.Length == 0)
        {
            throw new Refusal(Faults.NothingToUpdate());
        }

        input.Id = Encoding.UTF8.GetBytes(id);
        var outcome = await ObjectRoutes.ApplyToOneAsync(http.Call(), WriteKind.Update, input) ?? throw ObjectRoutes.NotFound(id, "");
        await (await WrittenAsync(http, outcome)).RespondAsync(http);
    }

    static Task ArchiveAsync(HttpContext http) => ObjectRoutes.ArchiveAsync(http);

    static async Task ReadAsync(HttpContext http)
    {
        var (call, id, withArchived) = (http.Call(), http.LastPathSegment(), http.QueryFlag("includeDeleted"));
        var number = Record.ParseId(Encoding.UTF8.GetBytes(id)) ?? throw ObjectRoutes.NotFound(id, "");
        var answer = RecordAnswers.OfQuery(http);
        await call.Store.ReadAsync(async snapshot =>
        {
            var record = (await snapshot.FindAsync(call.Type, [number], archived: false))[0]
                ?? (withArchived ? (await snapshot.FindAsync(call.Type, [number], archived: true))[0] : null);
            return record is not null && await answer.AddAsync(snapshot, [record]);
        }, http.RequestAborted);
        await (answer.Count > 0 ? answer.RespondAsync(http) : throw ObjectRoutes.NotFound(id, ""));
    }

    static async Task ListAsync(HttpContext http)
    {
        var after = http.QueryNumber("offset") ?? 0;
        var answer = RecordAnswers.OfQuery(http);
        var (last, hasMore) = await Pages.ListAsync(http.Call(), answer, after, PageSize, http.RequestAborted);
        await Pages.RespondAsync(http, "objects", answer.WriteAll, hasMore, last);
    }

    // An object with a member for each record that exists.
    static async Task ReadBatchAsync(HttpContext http)
    {
        var call = http.Call();
        using var body = await RequestBody.ReadAsync(http);
        var ids = RecordReader.ReadIds(body);
        var (archived, answer) = (http.QueryFlag("includeDeleted"), RecordAnswers.OfQuery(http));
        await call.Store.ReadAsync(async snapshot =>
        {
            var found = (await snapshot.FindAsync(call.Type, ids, archived: false)).OfType<Record>();
            found = archived ? found.Concat((await snapshot.FindAsync(call.Type, ids, archived: true)).OfType<Record>()) : found;
            return await answer.AddAsync(snapshot, [.. found.DistinctBy(record => record.Id)]);
        }, http.RequestAborted);
        await answer.RespondByIdAsync(http);
    }

    static async Task<RecordAnswers> WrittenAsync(HttpContext http, Outcome outcome)
    {
        var call = http.Call();
        ObjectRoutes.RefuseFaults(call, outcome);
        var answer = RecordAnswers.OfWrite(call, outcome);
        await call.Store.ReadAsync(async snapshot => await answer.AddAsync(snapshot, [.. outcome.Results.Select(result => result.Record!)]), CancellationToken.None);
        return answer;
    }
}
