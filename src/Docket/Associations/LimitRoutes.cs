using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Associations;

/// <summary>The limits that a portal sets for association types: how many records a record may be associated with (reference/properties-pipelines-search-associations.md 5.8, objects-other-than-tickets.md 8.6).</summary>
internal static class LimitRoutes
{
    const int InputsMax = 100;

    static readonly JsonShape<SentBatch> WithLimit = BatchOf("category", "typeId", "maxToObjectIds"), WithoutLimit = BatchOf("category", "typeId");

    /// <summary>Maps the routes below a prefix.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var limits = routes.MapGroup(prefix + "/definitions/configurations");
        limits.MapGet("all", ListAllAsync).NeedsAny(Right.Read);
        limits.MapGet("{objectType}/{toObjectType}", ListAsync).Needs(Right.Read);
        limits.MapPost("{objectType}/{toObjectType}/batch/create", http => SetAsync(http, StatusCodes.Status201Created, withLabel: true)).Needs(Right.Write);
        limits.MapPost("{objectType}/{toObjectType}/batch/update", http => SetAsync(http, StatusCodes.Status200OK, withLabel: false)).Needs(Right.Write);
        limits.MapPost("{objectType}/{toObjectType}/batch/purge", RemoveAsync).Needs(Right.Write);
    }

    // Of types whose both ends the caller may read.
    static Task ListAllAsync(HttpContext http)
    {
        var call = http.Call();
        return RespondAsync(http, call.Portal.Limits.Keys.Select(call.Portal.Associations.Find).OfType<AssociationType>()
            .Where(type => ((int[])[type.From, type.To]).All(end => call.Caller.Scopes.Allow(call.Portal.Find(end)!.Type.Scopes.Read))));
    }

    static Task ListAsync(HttpContext http) => RespondAsync(http, Between.Of(http, Right.Read).Types);

    static Task RespondAsync(HttpContext http, IEnumerable<AssociationType> types)
    {
        var limits = http.Call().Portal.Limits;
        return Wire.RespondListAsync(http.Response, types.Where(type => limits.ContainsKey(type.Number)), (json, type) => Write(json, type, limits[type.Number], withLabel: true));
    }

    // Both create what is not there, and change what is (reference/objects-other-than-tickets.md 8.6).
    static async Task SetAsync(HttpContext http, int status, bool withLabel)
    {
        var between = Between.Of(http, Right.Write);
        var (known, errors) = Find(between, await ReadAsync(http, WithLimit));
        errors.AddRange(known.Where(each => !IsLimit(each.Input)).Select(each => Faults.TieLimitInvalid(each.Input.Most!.Value, AssociationType.Unlimited)));
        known.RemoveAll(each => !IsLimit(each.Input));
        await between.Call.Store.ChangeTypesAsync(portal => portal.With(portal.Limits.SetItems(known.Select(each => KeyValuePair.Create(each.Type.Number, each.Input.Most!.Value)))), between.Call.Caller);
        await BatchEnvelope.RespondAsync(http, status, errors, (known, withLabel), static (json, answer) =>
        {
            foreach (var (input, type) in answer.known)
            {
                Write(json, type, input.Most!.Value, answer.withLabel);
            }
        });
    }

    static async Task RemoveAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var (known, _) = Find(between, await ReadAsync(http, WithoutLimit));
        await between.Call.Store.ChangeTypesAsync(portal => portal.With(portal.Limits.RemoveRange(known.Select(each => each.Type.Number))), between.Call.Caller);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static (List<(LimitInput Input, AssociationType Type)> Known, List<RowError> Errors) Find(Between between, List<LimitInput> inputs)
    {
        var (known, errors) = (new List<(LimitInput, AssociationType)>(), new List<RowError>());
        foreach (var input in inputs)
        {
            var (types, unknown) = between.Find([(input.Category!, input.Id!.Value)]);
            if (types is [var type])
            {
                known.Add((input, type));
            }
            else
            {
                errors.Add(Faults.TieTypesGone(unknown));
            }
        }

        return (known, errors);
    }

    static bool IsLimit(LimitInput input) => input.Most is >= 1 and <= AssociationType.Unlimited;

    static JsonShape<SentBatch> BatchOf(params string[] required)
    {
        var input = new JsonShape<LimitInput>(
            null,
            required,
            ("category", (input, ref json) => input.Category = json.OneOf("HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED", "WORK")),
            ("typeId", (input, ref json) => input.Id = json.Number()),
            ("maxToObjectIds", (input, ref json) => input.Most = json.Number()));
        return new(null, ["inputs"], ("inputs", (batch, ref json) => batch.Inputs = json.List("an array of inputs", (ref json) => input.Read(ref json))));
    }

    static async Task<List<LimitInput>> ReadAsync(HttpContext http, JsonShape<SentBatch> shape) => (await RequestBody.ReadJsonAsync(http, shape.Read)).Inputs switch
    {
        null or { Count: 0 } => throw new Refusal(Faults.NoInputs()),
        { Count: > InputsMax } => throw new Refusal(Faults.TooManyInputs(InputsMax)),
        var inputs => inputs,
    };

    static void Write(Utf8JsonWriter json, AssociationType type, int most, bool withLabel)
    {
        json.WriteStartObject();
        json.WriteString("category", type.Category);
        json.WriteNumber("typeId", type.Id);
        json.WriteNumber("userEnforcedMaxToObjectIds", most);
        if (withLabel && type.Label is { } label)
        {
            json.WriteString("label", label);
        }

        json.WriteEndObject();
    }

    sealed class SentBatch
    {
        public List<LimitInput>? Inputs { get; set; }
    }

    /// <summary>One association type, and its limit if there is to be one.</summary>
    sealed class LimitInput
    {
        public string? Category { get; set; }

        public int? Id { get; set; }

        public int? Most { get; set; }
    }
}
