using System.Collections.Immutable;
using Docket.Access;
using Docket.Associations;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>
/// Batches of associations of version 1, with which n8n's HubSpot node associates a ticket with contacts (16) and companies (26):
/// <c>n8n-nodes-base</c> 2.41, <c>nodes/Hubspot/V2/HubspotV2.node.js</c>. The association type alone names both object types.
/// </summary>
internal static class AssociationRoutes
{
    /// <summary>Most inputs of a batch, as in v3 (reference/properties-pipelines-search-associations.md 5.6).</summary>
    const int InputsMax = 2_000;

    static readonly JsonShape<SentPair> Pair = new(
        null,
        ["fromObjectId", "toObjectId", "category", "definitionId"],
        ("fromObjectId", (pair, ref json) => pair.From = json.Text()),
        ("toObjectId", (pair, ref json) => pair.To = json.Text()),
        ("category", (pair, ref json) => pair.Category = json.Text()),
        ("definitionId", (pair, ref json) => pair.Id = json.Number()));

    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        routes.MapPut(prefix + "/create-batch", http => ApplyAsync(http, TieKind.Label)).Needs(ScopeNeed.None);
        routes.MapPut(prefix + "/delete-batch", http => ApplyAsync(http, TieKind.Unlabel)).Needs(ScopeNeed.None);
    }

    static async Task ApplyAsync(HttpContext http, TieKind kind)
    {
        var call = http.Call();
        var pairs = await RequestBody.ReadJsonAsync(http, static (ref json) => json.IsNull ? throw json.Unexpected("a list of associations") : json.List("a list of associations", Pair.Read)!);
        if (pairs.Count is 0 or > InputsMax)
        {
            throw new Refusal(pairs.Count == 0 ? Faults.NoInputs() : Faults.TooManyInputs(InputsMax));
        }

        // Everything is checked before anything is written.
        List<(Between Between, ImmutableArray<TieInput> Inputs)> batches = [.. pairs.GroupBy(pair => (pair.Category, pair.Id)).Select(group =>
        {
            var type = call.Portal.Associations.Find(AssociationType.NumberOf(group.Key.Category!, group.Key.Id!.Value)) is { } known && known.Category == group.Key.Category ? known
                : throw new Refusal(Faults.TieTypesUnknown([AssociationType.Spell(group.Key.Category!, group.Key.Id.Value)]));
            var between = Allowed(call, type);
            return (between, group.Select(pair => new TieInput(IdOf(between.From, pair.From!), IdOf(between.To, pair.To!), [type])).ToImmutableArray());
        })];
        foreach (var (between, inputs) in batches)
        {
            var plan = await call.Store.ApplyAsync(between.Batch(kind, inputs));
            if (plan.Results.Select(result => result.Error).FirstOrDefault(error => error is not null) is { } error)
            {
                throw new Refusal(error.ToError());
            }
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static Between Allowed(Call call, AssociationType type)
    {
        var (from, to) = (call.Portal.Find(type.From)!.Type, call.Portal.Find(type.To)!.Type);
        foreach (var each in (ObjectType[])[from, to])
        {
            if (!call.Caller.Scopes.Allow(each.Scopes[Right.Write]))
            {
                throw new Refusal(Faults.MissingScopes(each.Scopes[Right.Write]));
            }
        }

        return new(call, from, to, call.Portal.Associations.Between(from.Number, to.Number));
    }

    static long IdOf(ObjectType type, string id) => Between.ParseId(id) ?? throw new Refusal(Faults.TieTargetMissing(type.LegacyName, id));

    sealed class SentPair
    {
        public string? From { get; set; }

        public string? To { get; set; }

        public string? Category { get; set; }

        public int? Id { get; set; }
    }
}
