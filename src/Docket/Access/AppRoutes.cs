using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Access;

/// <summary>The apps of the caller's portal.</summary>
internal static class AppRoutes
{
    /// <summary>How long a replaced token may stay valid, in seconds: seven days, as on HubSpot (reference/auth-limits-webhooks-imports.md 1.1).</summary>
    public const long GraceSecondsMax = 7 * 24 * 3600;

    public static void Map(IEndpointRouteBuilder routes, string path, IApps apps)
    {
        routes.MapGet(path, http => ListAsync(http, apps)).Needs(ScopeNeed.Manage)
            .Describe("listApps", "Lists the apps of the portal", () => default(ListAnswer<AppAnswer>)!);
        routes.MapPost(path, http => CreateAsync(http, apps)).Needs(ScopeNeed.Manage)
            .Describe("createApp", "Creates an app; only this answer contains its token or client secret", (AppBody app) => default(AppAnswer)!, StatusCodes.Status201Created);
        routes.MapGet(path + "/{appId}", async http => await RespondAsync(http, StatusCodes.Status200OK, await apps.FindAsync(http.Call().Caller.PortalId, AppId(http), http.RequestAborted))).Needs(ScopeNeed.Manage)
            .Describe("readApp", "Reads an app", (long appId) => default(AppAnswer)!);
        routes.MapPatch(path + "/{appId}", http => ChangeAsync(http, apps)).Needs(ScopeNeed.Manage)
            .Describe("changeApp", "Changes the given properties of an app", (long appId, AppBody app) => default(AppAnswer)!);
        routes.MapDelete(path + "/{appId}", http => DeleteAsync(http, apps)).Needs(ScopeNeed.Manage)
            .Describe("deleteApp", "Deletes an app and its tokens", (long appId) => { }, StatusCodes.Status204NoContent);
        routes.MapPost(path + "/{appId}/rotate", http => RotateAsync(http, apps)).Needs(ScopeNeed.Manage)
            .Describe("rotateApp", "Replaces the token or client secret of an app; only this answer contains the new one", (long appId, RotateBody rotation = null!) => default(AppAnswer)!);
    }

    static async Task ListAsync(HttpContext http, IApps apps) =>
        await Wire.RespondListAsync(http.Response, await apps.ListAsync(http.Call().Caller.PortalId, http.RequestAborted), Write);

    static async Task CreateAsync(HttpContext http, IApps apps)
    {
        var body = await RequestBody.ReadJsonAsync(http, AppBody.Shape.Read);
        var change = body.ToChange();
        Faults.RefuseIf(AppRules.MistakesOfNew(change));
        var (portalId, scopes) = (http.Call().Caller.PortalId, change.Scopes ?? ScopeNames.Default);
        var (app, secret) = change.RedirectUris is { } uris
            ? await apps.CreateClientAsync(portalId, change.Name!, scopes, change.OptionalScopes ?? [], uris)
            : await apps.CreatePrivateAsync(portalId, change.Name!, scopes);
        await RespondAsync(http, StatusCodes.Status201Created, app, secret);
    }

    static async Task ChangeAsync(HttpContext http, IApps apps)
    {
        var body = await RequestBody.ReadJsonAsync(http, AppBody.Shape.Read);
        var change = body.ToChange();
        var (portalId, id) = (http.Call().Caller.PortalId, AppId(http));
        var app = await apps.FindAsync(portalId, id, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound());
        Faults.RefuseIf(AppRules.MistakesOfChange(app, change));
        await RespondAsync(http, StatusCodes.Status200OK, await apps.ChangeAsync(portalId, id, change));
    }

    static async Task DeleteAsync(HttpContext http, IApps apps)
    {
        if (!await apps.DeleteAsync(http.Call().Caller.PortalId, AppId(http)))
        {
            throw new Refusal(Faults.ResourceNotFound());
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task RotateAsync(HttpContext http, IApps apps)
    {
        var grace = (await RequestBody.ReadOptionalJsonAsync(http, RotateBody.Shape)).GraceSeconds;
        Faults.RefuseIf(grace is < 0 or > GraceSecondsMax ? [$"graceSeconds is 0 to {GraceSecondsMax}."] : []);
        var (portalId, id) = (http.Call().Caller.PortalId, AppId(http));
        var secret = await apps.RotateAsync(portalId, id, grace * 1000);
        await RespondAsync(http, StatusCodes.Status200OK, secret is null ? null : await apps.FindAsync(portalId, id, http.RequestAborted), secret);
    }

    // An id that isn't a number doesn't exist.
    static long AppId(HttpContext http) => long.TryParse(http.GetRouteValue("appId") as string, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0;

    static Task RespondAsync(HttpContext http, int status, App? app, string? secret = null) =>
        app is null ? throw new Refusal(Faults.ResourceNotFound())
            : Wire.RespondAsync(http.Response, status, (app, secret), static (json, answer) => Write(json, answer.app, answer.secret));

    /// <summary>Writes an app without its secret, also for the command line.</summary>
    public static void Write(Utf8JsonWriter json, App app) => Write(json, app, secret: null);

    static void Write(Utf8JsonWriter json, App app, string? secret)
    {
        json.WriteStartObject();
        json.WriteNumber("id", app.Id);
        json.WriteNumber("portalId", app.PortalId);
        json.WriteString("name", app.Name);
        json.WriteString("type", app.Client is null ? "private" : "oauth");
        WriteList(json, "scopes", app.Scopes);
        if (app.Client is { } client)
        {
            WriteList(json, "optionalScopes", client.OptionalScopes);
            WriteList(json, "redirectUris", client.RedirectUris);
            json.WriteString("clientId", client.Id);
        }

        if (secret is not null)
        {
            json.WriteString(app.Client is null ? "token" : "clientSecret", secret);
        }

        json.WriteString("createdAt", Instant.ToText(app.CreatedAt));
        if (AppRules.Warnings(app).ToImmutableArray() is { IsEmpty: false } warnings)
        {
            WriteList(json, "warnings", warnings);
        }

        json.WriteEndObject();
    }

    static void WriteList(Utf8JsonWriter json, string name, ImmutableArray<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}

/// <summary>An app, as <see cref="AppRoutes"/> writes it.</summary>
internal sealed record AppAnswer(
    long Id,
    long PortalId,
    string Name,
    [property: AllowedValues("private", "oauth")] string Type,
    ImmutableArray<string> Scopes,
    DateTimeOffset CreatedAt,
    [property: Description("Of an OAuth app.")] ImmutableArray<string>? OptionalScopes = null,
    [property: Description("Of an OAuth app.")] ImmutableArray<string>? RedirectUris = null,
    [property: Description("Of an OAuth app.")] string? ClientId = null,
    [property: Description("Of a private app, if the token is new.")] string? Token = null,
    [property: Description("Of an OAuth app, if the secret is new.")] string? ClientSecret = null,
    [property: Description("Scopes that Docket doesn't know.")] ImmutableArray<string>? Warnings = null);

/// <summary>An app in a request. With redirect URLs, it is an OAuth app.</summary>
internal sealed record AppBody
{
    public static readonly JsonShape<AppBody> Shape = new(
        null,
        [],
        ("name", (app, ref json) => app.Name = json.Text()),
        ("scopes", (app, ref json) => app.Scopes = Texts(ref json, "a list of scopes")),
        ("optionalScopes", (app, ref json) => app.OptionalScopes = Texts(ref json, "a list of scopes")),
        ("redirectUris", (app, ref json) => app.RedirectUris = Texts(ref json, "a list of URLs")))
    {
        IsClosed = true,
    };

    [Description("Required for a new app.")]
    [StringLength(AppRules.NameMax, MinimumLength = 1)]
    public string? Name { get; set; }

    [Description("What the app may do. Default for a new app: the scope tickets.")]
    [MaxLength(AppRules.ListMax)]
    public ImmutableArray<string>? Scopes { get; set; }

    [Description("Of an OAuth app: scopes that it can request in addition.")]
    [MaxLength(AppRules.ListMax)]
    public ImmutableArray<string>? OptionalScopes { get; set; }

    [Description("Makes a new app an OAuth app.")]
    [MinLength(1)]
    [MaxLength(AppRules.ListMax)]
    public ImmutableArray<string>? RedirectUris { get; set; }

    public AppChange ToChange() => new(Name, Scopes, OptionalScopes, RedirectUris);

    // A null in the list is refused like an empty text.
    static ImmutableArray<string>? Texts(ref JsonCursor json, string what) =>
        json.List(what, static (ref json) => json.Text() ?? "") is { } texts ? [.. texts.Distinct(StringComparer.Ordinal)] : null;
}

/// <summary>The options of a token rotation.</summary>
internal sealed record RotateBody
{
    public static readonly JsonShape<RotateBody> Shape = new(null, [], ("graceSeconds", (rotation, ref json) => rotation.GraceSeconds = json.Number() ?? 0)) { IsClosed = true };

    [Description("How long the old token stays valid.")]
    [Range(0, AppRoutes.GraceSecondsMax)]
    public long GraceSeconds { get; set; }
}
