using Docket.Http;
using Docket.Stores;
using Docket.Watch;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Admin;

/// <summary>Health checks for a supervisor or a load balancer, without a token: whether the process answers, and whether it can serve.</summary>
internal static class HealthRoutes
{
    /// <param name="routes">The routes to add to.</param>
    /// <param name="portals">The portals to check.</param>
    /// <param name="stopping">Signals that the server is stopping.</param>
    public static void Map(IEndpointRouteBuilder routes, IPortals portals, CancellationToken stopping)
    {
        routes.MapGet("/healthz", http => RespondAsync(http, "ok", []));
        routes.MapGet("/readyz", http => ReadyAsync(http, portals, stopping));
    }

    /// <summary>200 if every portal can be read and written, or the one in the query, otherwise 503 with the reason.</summary>
    public static async Task ReadyAsync(HttpContext http, IPortals portals, CancellationToken stopping)
    {
        if (stopping.IsCancellationRequested)
        {
            await RespondAsync(http, "stopping", []);
            return;
        }

        try
        {
            var listed = (await portals.ListAsync(http.RequestAborted)).AsEnumerable();
            if (http.Request.Query["portal"].ToString() is { Length: > 0 } wanted)
            {
                listed = listed.Where(portal => portal.Id.ToString() == wanted);
                if (!listed.Any())
                {
                    await RespondAsync(http, "unknown", [], StatusCodes.Status404NotFound);
                    return;
                }

                // This process would let searches wait. Another one may have the index.
                if (await portals.ConditionAsync(listed.First().Id) is { State: Condition.Ready, Index: "building" })
                {
                    http.Response.Headers.RetryAfter = "2";
                    await RespondAsync(http, "building", []);
                    return;
                }
            }

            var conditions = await Task.WhenAll(listed.Select(async portal => (PortalId: portal.Id, Condition: await portals.ConditionAsync(portal.Id))));
            await RespondAsync(http, conditions.All(each => each.Condition.State == Condition.Ready) ? "ready" : "unready", conditions);
        }
        catch (Exception)
        {
            await RespondAsync(http, "no-registry", []); // docket.db can't be read, so no token is known; the failure of each request is logged
        }
    }

    static Task RespondAsync(HttpContext http, string status, (long PortalId, Condition Condition)[] portals, int? code = null)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Wire.RespondAsync(http.Response, code ?? (status is "ok" or "ready" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable), (status, portals), static (json, answer) =>
        {
            json.WriteStartObject();
            json.WriteString("status", answer.status);
            if (answer.status == "ok")
            {
                json.WriteString("version", Instruments.Version);
            }

            if (answer.portals.Count(portal => portal.Condition.Index is "building" or "behind") is var indexing and > 0)
            {
                json.WriteNumber("indexing", indexing);
            }

            // Callers without a token must not learn about other portals.
            var unready = answer.portals.Where(portal => portal.Condition.State != Condition.Ready).ToList();
            if (unready.Count > 0)
            {
                json.WriteStartArray("portals");
                foreach (var (id, condition) in unready)
                {
                    json.WriteStartObject();
                    json.WriteString("id", id.ToString());
                    json.WriteString("state", condition.State);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        });
    }
}
