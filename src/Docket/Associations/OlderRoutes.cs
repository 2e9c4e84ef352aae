using System.Collections.Immutable;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Associations;

/// <summary>Associations in v3: batches with one type by its name, and the single-record routes that no file of HubSpot's has any more (reference/properties-pipelines-search-associations.md 5.6, objects-other-than-tickets.md 8.1).</summary>
internal static class OlderRoutes
{
    /// <summary>Most inputs of a batch that writes, and of one that reads.</summary>
    const int WritesMax = 2_000, ReadsMax = 1_000;

    static readonly JsonEncodedText Id = JsonEncodedText.Encode("id");

    /// <summary>Maps the routes that only v3 has.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        var pair = routes.MapGroup("/crm/v3/associations/{objectType}/{toObjectType}");
        pair.MapPost("batch/create", CreateBatchAsync).Needs(Right.Write);
        pair.MapPost("batch/archive", ArchiveBatchAsync).Needs(Right.Write);
        pair.MapPost("batch/read", ReadBatchAsync).Needs(Right.Read);
        pair.MapGet("types", TypesAsync).Needs(Right.Read);
        routes.MapGet("/crm/v3/objects/{objectType}/{id}/associations/{toObjectType}", ListAsync).Needs(Right.Read);
    }

    /// <summary>Maps the routes of two records, below a prefix that contains <c>{objectType}</c>. The dated versions have them too.</summary>
    public static void MapRecords(IEndpointRouteBuilder routes, string prefix)
    {
        const string Path = "/{id}/associations/{toObjectType}/{toId}/{associationType}";
        routes.MapPut(prefix + Path, CreateAsync).Needs(Right.Write);
        routes.MapDelete(prefix + Path, DeleteAsync).Needs(Right.Write);
    }

    static async Task CreateBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        using var body = await RequestBody.ReadAsync(http);
        var (plan, errors) = await AssociationRoutes.ApplyAsync(between, TieKind.Label, RecordPair.ReadBatch(body, WritesMax), pair => Find(between, pair));
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status201Created, errors, (between, plan), static (json, answer) =>
        {
            var (between, plan) = answer;
            foreach (var (at, input) in plan.Batch.Inputs.Index().Where(each => plan.Results[each.Index].Error is null))
            {
                // Both directions, the other one first (5.6).
                foreach (var type in input.Types)
                {
                    WriteOne(json, input.To, input.From, between.Call.Portal.Associations.Find(type.Inverse)!.Name);
                    WriteOne(json, input.From, input.To, type.Name);
                }
            }
        });
    }

    static async Task ArchiveBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        using var body = await RequestBody.ReadAsync(http);
        await AssociationRoutes.ApplyAsync(between, TieKind.Unlabel, RecordPair.ReadBatch(body, WritesMax), pair => (Find(between, pair).Known, []));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task ReadBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Read);
        using var body = await RequestBody.ReadAsync(http);
        var inputs = ReadInput.ReadBatch(body, ReadsMax);
        var targets = new TieTargets(between.To, between.Types);
        ImmutableArray<long> ids = [.. inputs.Select(input => Between.ParseId(input.Id) ?? -1)];
        var asOf = ReadQuery.AsOfIn(http) ?? between.Call.TiesAsOf;
        var lists = await between.Call.Store.ReadAsync(async snapshot =>
        {
            var all = await targets.ReadAsync(snapshot, between.From, ids, asOf: asOf);
            if (asOf is not null)
            {
                return all;
            }

            var records = await snapshot.FindAsync(between.From, ids, archived: false);
            return [.. all.Select((list, at) => records[at]?.Id == ids[at] ? list : list with { Entries = [], Next = null })];
        }, http.RequestAborted, isLong: asOf is not null);
        List<RowError> errors = [.. inputs.Where((_, at) => lists[at].Entries.IsEmpty).Select(input => Faults.NoTies(between.From, input.Id, between.To))];
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, errors, (http, between, ids, lists), static (json, answer) =>
        {
            foreach (var (at, list) in answer.lists.Index().Where(each => !each.Item.Entries.IsEmpty))
            {
                json.WriteStartObject();
                WriteEnd(json, "from", answer.ids[at]);
                json.WriteStartArray("to");
                foreach (var entry in list.Entries)
                {
                    TieList.WriteEntry(json, entry);
                }

                json.WriteEndArray();
                if (list.NextOf(answer.http.Request, answer.between.From, answer.ids[at]) is { } next)
                {
                    json.WriteStartObject("paging");
                    json.WriteStartObject("next");
                    json.WriteString("after", next.After);
                    json.WriteString("link", next.Link);
                    json.WriteEndObject();
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }
        });
    }

    static Task TypesAsync(HttpContext http) => Wire.RespondListAsync(http.Response, Between.Of(http, Right.Read).Types, static (json, type) =>
    {
        json.WriteStartObject();
        Wire.WriteId(json, Id, type.Id);
        json.WriteString("name", type.Name);
        json.WriteEndObject();
    });

    static async Task CreateAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        await AssociationRoutes.ApplyOneAsync(http, between, TieKind.Label, [TypeOf(http, between)]);
        var (call, view) = (between.Call, RecordView.For(between.Call, between.Call.Schema));
        view.Show(await call.Store.FindAsync(call.Type, Between.ParseId((string)http.GetRouteValue("id")!)!.Value, archived: false, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound()));
        await ObjectRoutes.RespondReadAsync(http, view, call.Schema.ReadDefault, [], [new(between.To, between.Types)]);
    }

    static async Task DeleteAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var type = TypeOf(http, between);
        if (Between.ParseId((string)http.GetRouteValue("id")!) is { } from && Between.ParseId((string)http.GetRouteValue("toId")!) is { } to)
        {
            await between.Call.Store.ApplyAsync(between.Batch(TieKind.Unlabel, [new(from, to, [type])]));
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task ListAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Read);
        var after = TieCursor.Parse(http.Request.Query["after"].ToString());
        var id = (string)http.GetRouteValue("id")!;
        var asOf = ReadQuery.AsOfIn(http);
        var number = await between.RequireAsync(id, asOf, http.RequestAborted);
        asOf ??= between.Call.TiesAsOf;
        var found = (await between.Call.Store.ReadAsync(
            snapshot => new TieTargets(between.To, between.Types).ReadAsync(snapshot, between.From, [number], after, asOf), http.RequestAborted, isLong: asOf is not null))[0];
        await Wire.RespondPageAsync(http.Response, found.Entries, found.NextOf(http.Request, between.From, number), static (json, entry) => TieList.WriteEntry(json, entry));
    }

    static (ImmutableArray<AssociationType> Known, ImmutableArray<string> Unknown) Find(Between between, RecordPair pair) =>
        between.Find(pair.Type ?? "") is { } type ? ([type], []) : ([], [pair.Type ?? ""]);

    static AssociationType TypeOf(HttpContext http, Between between)
    {
        var name = (string)http.GetRouteValue("associationType")!;
        return between.Find(name) ?? throw new Refusal(Faults.TieTypesUnknown([name]));
    }

    static void WriteOne(Utf8JsonWriter json, long from, long to, string type)
    {
        json.WriteStartObject();
        WriteEnd(json, "from", from);
        WriteEnd(json, "to", to);
        json.WriteString("type", type);
        json.WriteEndObject();
    }

    static void WriteEnd(Utf8JsonWriter json, string member, long id)
    {
        json.WriteStartObject(member);
        Wire.WriteId(json, Id, id);
        json.WriteEndObject();
    }
}
