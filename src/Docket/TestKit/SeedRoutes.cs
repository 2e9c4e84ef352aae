using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>Fills portals with the content of seed files: all or nothing where there are snapshots, and otherwise up to the first mistake.</summary>
internal static class SeedRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals, PortalState state) =>
        routes.MapPost(path, http => SeedAsync(http, portals, state)).Needs(ScopeNeed.Test)
            .Describe("seed", "Writes the content of a seed file to the portal, on SQLite all or nothing", (SeedBody seed) => default(SeedAnswer)!);

    /// <summary>Fills a portal that nobody uses yet. If it fails, the portal has a part of the content.</summary>
    /// <exception cref="Refusal">An entry is refused, with its place.</exception>
    public static async Task FillAsync(IPortals portals, Caller caller, SeedBody seed, Random random) =>
        await new Seeding(portals, await portals.OpenAsync(caller.PortalId, CancellationToken.None), caller, random).ApplyAsync(seed, CancellationToken.None);

    static async Task SeedAsync(HttpContext http, IPortals portals, PortalState state)
    {
        var call = http.Call();
        var seed = await RequestBody.ReadJsonAsync(http, SeedBody.Shape.Read);
        if (portals.Snapshots is not { } snapshots)
        {
            await ApplyAsync(http, portals, call, seed); // what is before a mistake stays
            return;
        }

        var portalId = call.Caller.PortalId;
        await state.SaveAsync(portalId);
        var before = await snapshots.TakeAsync(portalId, "", http.RequestAborted);
        try
        {
            await ApplyAsync(http, portals, call, seed);
        }
        catch (Refusal)
        {
            await snapshots.RewindAsync(portalId, before);
            await state.RestoreAsync(portalId);
            throw;
        }
        finally
        {
            snapshots.Delete(before.Id);
        }
    }

    // A client that hangs up no longer stops it.
    static async Task ApplyAsync(HttpContext http, IPortals portals, Call call, SeedBody seed) =>
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, await new Seeding(portals, call.Store, call.Caller, call.Random).ApplyAsync(seed, CancellationToken.None), Write);

    static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, (ObjectType Type, long Id)> named)
    {
        json.WriteStartObject();
        json.WriteStartObject("records");
        foreach (var (name, record) in named)
        {
            json.WriteString(name, record.Id.ToString());
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}

/// <summary>The ids of the records that have names.</summary>
internal sealed record SeedAnswer(Dictionary<string, string> Records);
