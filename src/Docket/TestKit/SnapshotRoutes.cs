using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>Snapshots of a portal: of the token's own, or of the one in the path.</summary>
/// <param name="portals">The portals.</param>
/// <param name="state">What the process knows of a portal beside its store.</param>
internal sealed class SnapshotRoutes(IPortals portals, PortalState state)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        const string Own = "/docket/v1", Any = "/docket/v1/portals/{portalId}";
        routes.MapGet(Own + "/snapshots", ListAsync).Needs(ScopeNeed.Test)
            .Describe("listSnapshots", "Lists the snapshots of the portal", () => default(ListAnswer<SnapshotAnswer>)!);
        routes.MapPost(Own + "/snapshots", TakeAsync).Needs(ScopeNeed.Test)
            .Describe("takeSnapshot", "Notes the state of the portal", (SnapshotBody snapshot = null!) => default(SnapshotAnswer)!, StatusCodes.Status201Created);
        routes.MapGet(Own + "/snapshots/{snapshotId}", ReadAsync).Needs(ScopeNeed.Test)
            .Describe("readSnapshot", "Reads a snapshot of the portal", (string snapshotId) => default(SnapshotAnswer)!);
        routes.MapDelete(Own + "/snapshots/{snapshotId}", DeleteAsync).Needs(ScopeNeed.Test)
            .Describe("deleteSnapshot", "Deletes a snapshot of the portal", (string snapshotId) => { }, StatusCodes.Status204NoContent);
        routes.MapPost(Own + "/rewind", RewindAsync).Needs(ScopeNeed.Test)
            .Describe("rewind", "Brings the portal back to a snapshot, or to its beginning", (RewindBody to = null!) => { }, StatusCodes.Status204NoContent);
        routes.MapGet(Any + "/snapshots", ListAsync).Needs(ScopeNeed.Portals)
            .Describe("listSnapshotsOfPortal", "Lists the snapshots of a portal", (long portalId) => default(ListAnswer<SnapshotAnswer>)!);
        routes.MapPost(Any + "/snapshots", TakeAsync).Needs(ScopeNeed.Portals)
            .Describe("takeSnapshotOfPortal", "Notes the state of a portal", (long portalId, SnapshotBody snapshot = null!) => default(SnapshotAnswer)!, StatusCodes.Status201Created);
        routes.MapPost(Any + "/rewind", RewindAsync).Needs(ScopeNeed.Portals)
            .Describe("rewindPortal", "Brings a portal back to a snapshot, or to its beginning", (long portalId, RewindBody to = null!) => { }, StatusCodes.Status204NoContent);
    }

    ISnapshots Snapshots => portals.Snapshots ?? throw new Refusal(Faults.NoSnapshots());

    async Task ListAsync(HttpContext http)
    {
        var portalId = await PortalAsync(http);
        await Wire.RespondListAsync(http.Response, Snapshots.List(portalId), Write);
    }

    async Task TakeAsync(HttpContext http)
    {
        var body = await RequestBody.ReadOptionalJsonAsync(http, SnapshotBody.Shape);
        Faults.RefuseIf(body.Name is { Length: > Portal.NameMax } ? [$"The name of a snapshot has at most {Portal.NameMax} characters."] : []);
        var portalId = await PortalAsync(http);
        await state.SaveAsync(portalId);
        var snapshot = await Snapshots.TakeAsync(portalId, body.Name ?? "", http.RequestAborted);
        await RespondAsync(http, StatusCodes.Status201Created, snapshot);
    }

    async Task ReadAsync(HttpContext http) => await RespondAsync(http, StatusCodes.Status200OK, Find(await PortalAsync(http), http.GetRouteValue("snapshotId") as string));

    async Task DeleteAsync(HttpContext http)
    {
        Snapshots.Delete(Find(await PortalAsync(http), http.GetRouteValue("snapshotId") as string).Id);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    async Task RewindAsync(HttpContext http)
    {
        var body = await RequestBody.ReadOptionalJsonAsync(http, RewindBody.Shape);
        var portalId = await PortalAsync(http);
        var to = body.Snapshot is { } id ? Find(portalId, id) : null;
        await Snapshots.RewindAsync(portalId, to);
        await state.RestoreAsync(portalId);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // The snapshot of another portal doesn't exist here.
    Snapshot Find(long portalId, string? id) => Snapshots.Find(id ?? "") is { } found && found.PortalId == portalId ? found : throw new Refusal(Faults.ResourceNotFound());

    async ValueTask<long> PortalAsync(HttpContext http) =>
        http.Request.RouteValues.ContainsKey("portalId") ? (await PortalRoutes.FindAsync(http, portals)).Id : http.Call().Caller.PortalId;

    static Task RespondAsync(HttpContext http, int status, Snapshot snapshot) => Wire.RespondAsync(http.Response, status, snapshot, Write);

    static void Write(Utf8JsonWriter json, Snapshot snapshot)
    {
        json.WriteStartObject();
        json.WriteString("id", snapshot.Id);
        json.WriteString("name", snapshot.Name);
        json.WriteNumber("portalId", snapshot.PortalId);
        json.WriteString("createdAt", Instant.ToText(snapshot.CreatedAt));
        json.WriteEndObject();
    }
}

/// <summary>What the process knows of a portal beside its store, such as its calls.</summary>
/// <param name="SaveAsync">Writes it where a snapshot finds it.</param>
/// <param name="ForgetAsync">Forgets it after the portal was deleted.</param>
/// <param name="RestoreAsync">Forgets it after the portal was brought back, and takes up what its store has.</param>
internal sealed record PortalState(Func<long, Task> SaveAsync, Func<long, Task> ForgetAsync, Func<long, Task> RestoreAsync);

/// <summary>A snapshot, as <see cref="SnapshotRoutes"/> writes it.</summary>
internal sealed record SnapshotAnswer(string Id, string Name, long PortalId, DateTimeOffset CreatedAt);

/// <summary>A snapshot in a request.</summary>
internal sealed record SnapshotBody
{
    public static readonly JsonShape<SnapshotBody> Shape = new(null, [], ("name", (snapshot, ref json) => snapshot.Name = json.Text())) { IsClosed = true };

    [StringLength(Portal.NameMax)]
    public string? Name { get; set; }
}

/// <summary>Where to go back to.</summary>
internal sealed record RewindBody
{
    public static readonly JsonShape<RewindBody> Shape = new(null, [], ("snapshot", (to, ref json) => to.Snapshot = json.Text())) { IsClosed = true };

    [Description("The id of a snapshot. By default, the state in which the portal was created.")]
    public string? Snapshot { get; set; }
}
