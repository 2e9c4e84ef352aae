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

/// <summary>Associations in v4 and the dated versions (reference/properties-pipelines-search-associations.md 5, objects-other-than-tickets.md 8).</summary>
internal static class AssociationRoutes
{
    /// <summary>Most inputs of a batch that writes, and of one that reads.</summary>
    const int WritesMax = 2_000, ReadsMax = 1_000;

    /// <summary>Most records in a page.</summary>
    const int PageMax = 500;

    /// <summary>Maps the routes of single records, below a prefix that contains <c>{objectType}</c>.</summary>
    public static void MapRecords(IEndpointRouteBuilder routes, string prefix)
    {
        var record = routes.MapGroup(prefix + "/{id}/associations");
        record.MapPut("default/{toObjectType}/{toId}", AssociateAsync).Needs(Right.Write);
        record.MapPut("{toObjectType}/{toId}", LabelAsync).Needs(Right.Write);
        record.MapDelete("{toObjectType}/{toId}", DissociateAsync).Needs(Right.Write);
        record.MapGet("{toObjectType}", ListAsync).Needs(Right.Read);
    }

    /// <summary>Maps the routes of batches, and of definitions.</summary>
    public static void MapBatches(IEndpointRouteBuilder routes, string prefix)
    {
        var pair = routes.MapGroup(prefix + "/{objectType}/{toObjectType}");
        pair.MapPost("batch/create", LabelBatchAsync).Needs(Right.Write);
        pair.MapPost("batch/associate/default", AssociateBatchAsync).Needs(Right.Write);
        pair.MapPost("batch/archive", http => EndBatchAsync(http, TieKind.Dissociate)).Needs(Right.Write);
        pair.MapPost("batch/labels/archive", http => EndBatchAsync(http, TieKind.Unlabel)).Needs(Right.Write);
        pair.MapPost("batch/read", ReadBatchAsync).Needs(Right.Read);
        LabelRoutes.Map(routes, prefix);
        LimitRoutes.Map(routes, prefix);
    }

    static async Task AssociateAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        _ = between.Plain;
        var plan = await ApplyOneAsync(http, between, TieKind.Associate, []);
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, [], (between, plan), WriteBothWays);
    }

    static async Task LabelAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var sent = await RequestBody.ReadJsonAsync(http, AssociationSpecs.Read);
        var (types, unknown) = between.Find(sent);
        if (!unknown.IsEmpty)
        {
            throw new Refusal(Faults.TieTypesUnknown(unknown));
        }

        var plan = await ApplyOneAsync(http, between, TieKind.Label, types);
        await Wire.RespondAsync(http.Response, StatusCodes.Status201Created, (between, plan.Batch.Inputs[0]), static (json, answer) => WriteLabelled(json, answer.between, answer.Item2));
    }

    static async Task DissociateAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        if (Between.ParseId((string)http.GetRouteValue("id")!) is { } from && Between.ParseId((string)http.GetRouteValue("toId")!) is { } to)
        {
            await between.Call.Store.ApplyAsync(between.Batch(TieKind.Dissociate, [new(from, to, [])]));
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task ListAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Read);
        var id = (string)http.GetRouteValue("id")!;
        var (after, limit, asOf) = (http.QueryNumber("after") ?? 0, http.QueryLimit(PageMax, PageMax), ReadQuery.AsOfIn(http));
        var number = await between.RequireAsync(id, asOf, http.RequestAborted);
        asOf ??= between.Call.TiesAsOf;
        var found = (await between.Call.Store.ReadAsync(
            snapshot => snapshot.TiesAsync(between.From, [(number, after)], between.Types, limit, asOf), http.RequestAborted, isLong: asOf is not null))[0];
        await Wire.RespondPageAsync(http.Response, found.Ties, Wire.LinkTo(http.Request, found.IsLast ? null : found.Ties[^1].Id), (json, tie) => WriteTie(json, between, tie));
    }

    static async Task LabelBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        using var body = await RequestBody.ReadAsync(http);
        var pairs = RecordPair.ReadBatch(body, WritesMax);
        var (plan, errors) = await ApplyAsync(between, TieKind.Label, pairs, pair => between.Find(pair.Types));
        await BatchEnvelope.RespondAsync(http, between.Call.Version.AssociatesAsCreated ? StatusCodes.Status201Created : StatusCodes.Status200OK, errors, (between, plan), static (json, answer) =>
        {
            foreach (var (at, input) in answer.plan.Batch.Inputs.Index())
            {
                if (answer.plan.Results[at].Error is null)
                {
                    WriteLabelled(json, answer.between, input);
                }
            }
        });
    }

    static async Task AssociateBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        _ = between.Plain;
        using var body = await RequestBody.ReadAsync(http);
        var (plan, errors) = await ApplyAsync(between, TieKind.Associate, RecordPair.ReadBatch(body, WritesMax), static _ => ([], []));
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, errors, (between, plan), WriteBothWays);
    }

    static async Task EndBatchAsync(HttpContext http, TieKind kind)
    {
        var between = Between.Of(http, Right.Write);
        using var body = await RequestBody.ReadAsync(http);
        await ApplyAsync(between, kind, RecordPair.ReadBatch(body, WritesMax), pair => (between.Find(pair.Types).Known, []));
        if (between.Call.Version == ApiVersion.V3)
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        // The dated versions answer with a body (reference/properties-pipelines-search-associations.md 5.1).
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, [], 0, static (_, _) => { });
    }

    static async Task ReadBatchAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Read);
        using var body = await RequestBody.ReadAsync(http);
        var inputs = ReadInput.ReadBatch(body, ReadsMax);
        var pages = await TiesOfAsync(between, inputs, PageMax, ReadQuery.AsOfIn(http) ?? between.Call.TiesAsOf, http.RequestAborted);
        List<RowError> errors = [.. inputs.Where((_, at) => pages[at].Ties.IsEmpty).Select(input => Faults.NoTies(between.From, input.Id, between.To))];
        await BatchEnvelope.RespondAsync(http, StatusCodes.Status200OK, errors, (between, inputs, pages), static (json, answer) =>
        {
            foreach (var (input, page) in answer.inputs.Zip(answer.pages).Where(each => !each.Second.Ties.IsEmpty))
            {
                json.WriteStartObject();
                json.WriteStartObject("from");
                json.WriteString("id", input.Id);
                json.WriteEndObject();
                json.WriteStartArray("to");
                foreach (var tie in page.Ties)
                {
                    WriteTie(json, answer.between, tie);
                }

                json.WriteEndArray();
                if (!page.IsLast)
                {
                    json.WriteStartObject("paging");
                    json.WriteStartObject("next");
                    json.WriteString("after", page.Ties[^1].Id.ToString());
                    json.WriteEndObject();
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }
        });
    }

    /// <summary>Reads the associations of some records, now or as of a time.</summary>
    public static async Task<ImmutableArray<TiePage>> TiesOfAsync(Between between, IReadOnlyList<ReadInput> inputs, int limit, long? asOf, CancellationToken cancellation)
    {
        ImmutableArray<(long, long)> asked = [.. inputs.Select(input => (Between.ParseId(input.Id) ?? -1, input.After))];
        return await between.Call.Store.ReadAsync(async snapshot =>
        {
            // An archived record has no associations, and the id of a merged one leads to none (reference/objects-other-than-tickets.md 8.4).
            var ties = await snapshot.TiesAsync(between.From, asked, between.Types, limit, asOf);
            if (asOf is not null)
            {
                return ties;
            }

            var records = await snapshot.FindAsync(between.From, [.. asked.Select(each => each.Item1)], archived: false);
            return [.. ties.Select((page, at) => records[at]?.Id == asked[at].Item1 ? page : new([], IsLast: true))];
        }, cancellation, isLong: asOf is not null);
    }

    /// <summary>Applies a batch. The errors are those of the inputs that failed, in order.</summary>
    /// <param name="between">The types.</param>
    /// <param name="kind">What to do.</param>
    /// <param name="pairs">The inputs; one with several records stands for as many.</param>
    /// <param name="find">Finds the types of an input.</param>
    public static async Task<(TiePlan Plan, List<RowError> Errors)> ApplyAsync(
        Between between, TieKind kind, IEnumerable<RecordPair> pairs, Func<RecordPair, (ImmutableArray<AssociationType> Known, ImmutableArray<string> Unknown)> find)
    {
        var (inputs, places, errors) = (ImmutableArray.CreateBuilder<TieInput>(), new List<int>(), new SortedDictionary<int, RowError>());
        var count = 0;
        foreach (var pair in pairs)
        {
            var (types, unknown) = find(pair);
            foreach (var to in pair.To)
            {
                var place = count++;
                if (Between.ParseId(pair.From) is not { } fromId)
                {
                    errors[place] = Faults.TieIdInvalid(pair.From);
                }
                else if (Between.ParseId(to) is not { } toId)
                {
                    errors[place] = Faults.TieIdInvalid(to);
                }
                else if (!unknown.IsEmpty)
                {
                    errors[place] = Faults.TieTypesGone(unknown);
                }
                else
                {
                    inputs.Add(new(fromId, toId, types));
                    places.Add(place);
                }
            }
        }

        var plan = await between.Call.Store.ApplyAsync(between.Batch(kind, inputs.DrainToImmutable()));
        foreach (var (at, result) in plan.Results.Index())
        {
            if (result.Error is { } error)
            {
                errors[places[at]] = error;
            }
        }

        return (plan, [.. errors.Values]);
    }

    static void WriteTie(Utf8JsonWriter json, Between between, Tie tie)
    {
        json.WriteStartObject();
        json.WriteNumber("toObjectId", tie.Id);
        json.WriteStartArray("associationTypes");
        foreach (var type in between.Types.Where(type => tie.Types.Contains(type.Number)))
        {
            LabelRoutes.Write(json, type);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WriteLabelled(Utf8JsonWriter json, Between between, TieInput input)
    {
        json.WriteStartObject();
        json.WriteString("fromObjectTypeId", between.From.Id);
        json.WriteNumber("fromObjectId", input.From);
        json.WriteString("toObjectTypeId", between.To.Id);
        json.WriteNumber("toObjectId", input.To);
        json.WriteStartArray("labels");
        foreach (var label in input.Types.Select(type => type.Label).OfType<string>())
        {
            json.WriteStringValue(label);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Both directions of the plain type, the other one first (reference/objects-other-than-tickets.md 8.5).
    static void WriteBothWays(Utf8JsonWriter json, (Between Between, TiePlan Plan) answer)
    {
        var plain = answer.Between.Plain;
        foreach (var (at, input) in answer.Plan.Batch.Inputs.Index())
        {
            if (answer.Plan.Results[at].Error is null)
            {
                WriteOne(input.To, input.From, plain.InverseId);
                WriteOne(input.From, input.To, plain.Id);
            }
        }

        void WriteOne(long from, long to, int typeId)
        {
            json.WriteStartObject();
            json.WriteStartObject("from");
            json.WriteString("id", from.ToString());
            json.WriteEndObject();
            json.WriteStartObject("to");
            json.WriteString("id", to.ToString());
            json.WriteEndObject();
            json.WriteStartObject("associationSpec");
            json.WriteString("associationCategory", plain.Category);
            json.WriteNumber("associationTypeId", typeId);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    /// <summary>Associates the two records in the path.</summary>
    /// <exception cref="Refusal">400: one of them doesn't exist, as in a create (reference/properties-pipelines-search-associations.md 5.4), or they are the same.</exception>
    public static Task<TiePlan> ApplyOneAsync(HttpContext http, Between between, TieKind kind, ImmutableArray<AssociationType> types) =>
        ApplyOneAsync(between, kind, (string)http.GetRouteValue("id")!, (string)http.GetRouteValue("toId")!, types);

    /// <summary>Associates two records.</summary>
    /// <exception cref="Refusal">400: one of them doesn't exist, as in a create (reference/properties-pipelines-search-associations.md 5.4), or they are the same.</exception>
    public static async Task<TiePlan> ApplyOneAsync(Between between, TieKind kind, string from, string to, ImmutableArray<AssociationType> types)
    {
        var plan = await between.Call.Store.ApplyAsync(between.Batch(kind, [new(
            Between.ParseId(from) ?? throw new Refusal(Faults.TieTargetMissing(between.From.LegacyName, from)),
            Between.ParseId(to) ?? throw new Refusal(Faults.TieTargetMissing(between.To.LegacyName, to)), types)]));
        return plan.Results[0].Error switch
        {
            null => plan,
            { SubCategory: null or Faults.BeyondLimit } error => throw new Refusal(error.ToError()),
            var error => throw new Refusal(error.Context.Any(entry => entry.Key == "fromObjectId") ? Faults.TieTargetMissing(between.From.LegacyName, from) : Faults.TieTargetMissing(between.To.LegacyName, to)),
        };
    }
}
