using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>Fills portals with the content of seed files, all or nothing.</summary>
internal static class SeedRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals, PortalState state) =>
        routes.MapPost(path, http => SeedAsync(http, portals, state)).Needs(ScopeNeed.Test)
            .Describe("seed", "Writes the content of a seed file to the portal, all or nothing", (SeedBody seed) => default(SeedAnswer)!);

    /// <summary>Fills a portal that nobody uses yet. If it fails, the portal has a part of the content.</summary>
    /// <exception cref="Refusal">An entry is refused, with its place.</exception>
    public static async Task FillAsync(IPortals portals, string token, SeedBody seed, Random random)
    {
        var (caller, store) = await portals.FindTokenAsync(token, CancellationToken.None) ?? throw new Refusal(Faults.NoCredentials());
        await new Seeding(portals, store, caller, random).ApplyAsync(seed, CancellationToken.None);
        await (portals.Snapshots?.BeginAsync(caller.PortalId, isFilled: true) ?? default);
    }

    static async Task SeedAsync(HttpContext http, IPortals portals, PortalState state)
    {
        var call = http.Call();
        var seed = await RequestBody.ReadJsonAsync(http, SeedBody.Shape.Read);
        var (snapshots, portalId) = (portals.Snapshots ?? throw new Refusal(Faults.NoSnapshots()), call.Caller.PortalId);
        await state.SaveAsync(portalId);
        var before = await snapshots.TakeAsync(portalId, "", http.RequestAborted);
        try
        {
            // A client that hangs up no longer stops it.
            var named = await new Seeding(portals, call.Store, call.Caller, call.Random).ApplyAsync(seed, CancellationToken.None);
            await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, named, Write);
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
