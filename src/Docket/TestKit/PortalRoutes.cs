using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>The portals of the server, created and deleted by tests.</summary>
internal static class PortalRoutes
{
    /// <summary>The name of a portal for which none is given.</summary>
    const string Unnamed = "test";

    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals, PortalState state)
    {
        routes.MapGet(path, async http => await Wire.RespondListAsync(http.Response, await portals.ListAsync(http.RequestAborted), Write)).Needs(ScopeNeed.Portals)
            .Describe("listPortals", "Lists the portals of the server", () => default(ListAnswer<PortalAnswer>)!);
        routes.MapPost(path, http => CreateAsync(http, portals)).Needs(ScopeNeed.Portals)
            .Describe("createPortal", "Creates a portal with an app that has all scopes; only this answer contains its token", (PortalBody portal = null!) => default(PortalAnswer)!, StatusCodes.Status201Created);
        routes.MapGet(path + "/{portalId}", async http => await RespondAsync(http, StatusCodes.Status200OK, await FindAsync(http, portals))).Needs(ScopeNeed.Portals)
            .Describe("readPortal", "Reads a portal", (long portalId) => default(PortalAnswer)!);
        routes.MapDelete(path + "/{portalId}", http => DeleteAsync(http, portals, state)).Needs(ScopeNeed.Portals)
            .Describe("deletePortal", "Deletes a portal with everything in it", (long portalId) => { }, StatusCodes.Status204NoContent);
    }

    static async Task CreateAsync(HttpContext http, IPortals portals)
    {
        var body = await RequestBody.ReadOptionalJsonAsync(http, PortalBody.Shape);
        Faults.RefuseIf(body.Mistakes());
        if (body.Token is { } wanted && await portals.FindTokenAsync(wanted, http.RequestAborted) is not null)
        {
            throw new Refusal(Faults.TokenTaken());
        }

        var portal = body.Snapshot is null ? await portals.CreateAsync(body.Name ?? Unnamed)
            : portals.Snapshots is not { } snapshots ? throw new Refusal(Faults.NoSnapshots())
            : await snapshots.CreateAsync(body.Name ?? Unnamed, snapshots.Find(body.Snapshot) ?? throw new Refusal(Faults.SnapshotUnknown(body.Snapshot)));
        try
        {
            var (_, token) = await portals.Apps.CreatePrivateAsync(portal.Id, "first app", ScopeNames.All, body.Token);
            await (portals.Snapshots?.BeginAsync(portal.Id) ?? default);
            if (body.Seed is { } seed)
            {
                var (caller, _) = await portals.FindTokenAsync(token, CancellationToken.None) ?? throw new Refusal(Faults.NoCredentials());
                await SeedRoutes.FillAsync(portals, caller, seed, http.Call().Random);
                await (portals.Snapshots?.BeginAsync(portal.Id, isFilled: true) ?? default);
            }

            Wire.SetLocation(http, portal.Id.ToString(CultureInfo.InvariantCulture));
            await RespondAsync(http, StatusCodes.Status201Created, portal, token);
        }
        catch (Refusal)
        {
            await portals.DeleteAsync(portal.Id); // nobody could call it
            throw;
        }
    }

    static async Task DeleteAsync(HttpContext http, IPortals portals, PortalState state)
    {
        var all = await portals.ListAsync(http.RequestAborted);
        var portal = Find(http, all);
        if (portal == all[0])
        {
            throw new Refusal(Faults.FirstPortal());
        }

        await portals.DeleteAsync(portal.Id);
        await state.ForgetAsync(portal.Id);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>The portal in the path.</summary>
    /// <exception cref="Refusal">404.</exception>
    public static async Task<Portal> FindAsync(HttpContext http, IPortals portals) => Find(http, await portals.ListAsync(http.RequestAborted));

    // An id that isn't a number doesn't exist.
    static Portal Find(HttpContext http, ImmutableArray<Portal> all) =>
        long.TryParse(http.GetRouteValue("portalId") as string, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && all.FirstOrDefault(portal => portal.Id == id) is { } found ? found : throw new Refusal(Faults.ResourceNotFound());

    static Task RespondAsync(HttpContext http, int status, Portal portal, string? token = null) =>
        Wire.RespondAsync(http.Response, status, (portal, token), static (json, answer) => Write(json, answer.portal, answer.token));

    static void Write(Utf8JsonWriter json, Portal portal) => Write(json, portal, token: null);

    static void Write(Utf8JsonWriter json, Portal portal, string? token)
    {
        json.WriteStartObject();
        json.WriteNumber("portalId", portal.Id);
        json.WriteString("name", portal.Name);
        if (token is not null)
        {
            json.WriteString("token", token);
        }

        json.WriteString("createdAt", Instant.ToText(portal.CreatedAt));
        json.WriteEndObject();
    }
}

/// <summary>A portal, as <see cref="PortalRoutes"/> writes it.</summary>
internal sealed record PortalAnswer(long PortalId, string Name, DateTimeOffset CreatedAt, [property: Description("If the portal is new.")] string? Token = null);

/// <summary>A portal in a request.</summary>
internal sealed record PortalBody
{
    const int TokenMax = 200;

    public static readonly JsonShape<PortalBody> Shape = new(
        null,
        [],
        ("name", (portal, ref json) => portal.Name = json.Text()),
        ("snapshot", (portal, ref json) => portal.Snapshot = json.Text()),
        ("seed", (portal, ref json) => portal.Seed = json.IsNull ? null : SeedBody.Shape.Read(ref json)),
        ("token", (portal, ref json) => portal.Token = json.Text()))
    {
        IsClosed = true,
    };

    [StringLength(Portal.NameMax, MinimumLength = 1)]
    public string? Name { get; set; }

    [Description("The id of a snapshot whose records, definitions and settings it gets. By default, it is empty.")]
    public string? Snapshot { get; set; }

    [Description("The content of a seed file, with which the portal begins.")]
    public SeedBody? Seed { get; set; }

    [Description("The token of its first app; by default a random one.")]
    [StringLength(TokenMax, MinimumLength = 1)]
    public string? Token { get; set; }

    public List<string> Mistakes()
    {
        var mistakes = new List<string>();
        if (Name is not null && (string.IsNullOrWhiteSpace(Name) || Name.Length > Portal.NameMax))
        {
            mistakes.Add($"The name of a portal has 1 to {Portal.NameMax} characters.");
        }

        if (Token is not null && (Token.Length is 0 or > TokenMax || Token.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            mistakes.Add($"A token has 1 to {TokenMax} characters of ASCII, and no spaces.");
        }

        return mistakes;
    }
}
