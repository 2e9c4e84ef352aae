using Docket.Access;
using Docket.Associations;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>What deals of version 1 have besides <see cref="TypedRoutes"/>: those of a record, and their associations.</summary>
internal static class DealRoutes
{
    const string Deals = "deals";

    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        TypedRoutes.Deals.Map(routes, prefix + "/deal", prefix + "/batch-async/update");
        var deals = routes.MapGroup(prefix + "/deal");
        deals.MapGet("associated/{toObjectType}/{toId}/paged", ListAssociatedAsync).Needs(Right.Read, Deals);
        deals.MapPut("{id}/associations/{toObjectType}", http => TieAsync(http, TieKind.Associate)).Needs(Right.Write, Deals);
        deals.MapDelete("{id}/associations/{toObjectType}", http => TieAsync(http, TieKind.Dissociate)).Needs(Right.Write, Deals);
    }

    static async Task ListAssociatedAsync(HttpContext http)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "limit", unset: 100, max: 100), http.QueryNumber("offset") ?? 0);
        var other = Between.Of(http, Right.Read).To;
        var types = call.Portal.Associations.Between(other.Number, call.Type.Number);
        var id = Between.ParseId((string)http.GetRouteValue("toId")!) ?? -1;
        var answers = RecordAnswers.OfQuery(http, RecordForm.Deal);
        var page = await call.Store.ReadAsync(async snapshot =>
        {
            if ((await snapshot.FindAsync(other, [id], archived: false))[0] is null)
            {
                return (TiePage?)null;
            }

            var ties = (await snapshot.TiesAsync(other, [(id, after)], types, size))[0];
            await answers.AddAsync(snapshot, [.. (await snapshot.FindAsync(call.Type, [.. ties.Ties.Select(tie => tie.Id)], archived: false)).OfType<Record>()]);
            return ties;
        }, http.RequestAborted);
        var found = page ?? throw new Refusal(Faults.ResourceNotFound());
        await Pages.RespondAsync(http, Deals, answers.WriteAll, !found.IsLast, found.Ties.LastOrDefault()?.Id ?? after);
    }

    static async Task TieAsync(HttpContext http, TieKind kind)
    {
        var between = Between.Of(http, Right.Write);
        var ids = http.QueryNames("id");
        if (ids.IsEmpty)
        {
            throw new Refusal(Faults.BadParameter("id"));
        }

        foreach (var id in ids)
        {
            await Associations.AssociationRoutes.ApplyOneAsync(between, kind, (string)http.GetRouteValue("id")!, id, []);
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
