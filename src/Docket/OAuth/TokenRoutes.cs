using System.Collections.Immutable;
using System.Security.Cryptography;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.OAuth;

/// <summary>Tokens of apps: issuing, describing and revoking them (reference/auth-limits-webhooks-imports.md 1.1, 1.3, 1.4). The secret or token in the request is the credential.</summary>
internal sealed class TokenRoutes(IPortals portals)
{
    public static void Map(IEndpointRouteBuilder routes, IPortals portals)
    {
        var tokens = new TokenRoutes(portals);
        routes.MapPost("/oauth/v1/token", Unstored(tokens.IssueAsync));
        foreach (var version in (string[])["v3", "2026-03", "2026-09"])
        {
            routes.MapPost($"/oauth/{version}/token", Unstored(tokens.IssueAsync));
            routes.MapPost($"/oauth/{version}/token/introspect", Unstored(tokens.IntrospectAsync));
            routes.MapPost($"/oauth/{version}/token/revoke", Unstored(tokens.RevokeAsync));
            routes.MapDelete($"/appinstalls/{version}/external-install", Unstored(tokens.UninstallAsync)).Needs(ScopeNeed.None);
        }

        routes.MapGet("/oauth/v1/access-tokens/{token}", Unstored(tokens.DescribeAccessAsync));
        routes.MapGet("/oauth/v1/refresh-tokens/{token}", Unstored(tokens.DescribeRefreshAsync));
        routes.MapDelete("/oauth/v1/refresh-tokens/{token}", Unstored(tokens.DeleteRefreshAsync));
        routes.MapPost("/oauth/v2/private-apps/get/access-token-info", Unstored(tokens.DescribePrivateAsync));
    }

    static RequestDelegate Unstored(Func<HttpContext, Task> answer) => http =>
    {
        http.Response.Headers.CacheControl = "no-store";
        return answer(http);
    };

    // Only the body counts: a URL ends up in logs.
    async Task IssueAsync(HttpContext http)
    {
        var form = await FormBody.ReadAsync(http);
        var grantType = form.Text("grant_type");
        if (grantType is not ("authorization_code" or "refresh_token"))
        {
            throw new Refusal(Faults.BadGrantType());
        }

        var app = await FindClientAsync(http, form);
        var issued = grantType == "authorization_code" ? await ExchangeAsync(form, app) : await portals.Grants.RefreshAsync(app.Id, form.Text("refresh_token"));
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, issued ?? throw new Refusal(Faults.BadRefreshToken()), TokenResponse.Write);
    }

    async Task<IssuedTokens?> ExchangeAsync(IFormCollection form, App app)
    {
        var verifier = form.ContainsKey("code_verifier") ? form.Text("code_verifier") : null;
        return await portals.Grants.ExchangeAsync(app.Id, form.Text("code"), form.Text("redirect_uri"), verifier) switch
        {
            (ExchangeEnd.BadRedirectUri, _) => throw new Refusal(Faults.BadRedirectUri()),
            (ExchangeEnd.BadCode, _) => throw new Refusal(Faults.BadAuthCode()),
            (_, var issued) => issued,
        };
    }

    // An app can only see its own tokens. Any other token is reported as inactive (RFC 7662 2.2).
    async Task IntrospectAsync(HttpContext http)
    {
        var form = await FormBody.ReadAsync(http);
        var (app, token) = (await FindClientAsync(http, form), form.Text("token"));
        var described = await portals.Grants.FindAccessAsync(token, http.RequestAborted) is { } access ? new DescribedToken(token, access.Grant, access.ExpiresAt, portals.Clocks.NowOf(access.Grant.Portal.Id))
            : await portals.Grants.FindRefreshAsync(token, http.RequestAborted) is { } refresh ? new DescribedToken(token, refresh) : null;
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, described?.Grant.AppId == app.Id ? described : null, TokenResponse.WriteIntrospected);
    }

    // An unknown token counts as revoked (RFC 7009 2.2).
    async Task RevokeAsync(HttpContext http)
    {
        var form = await FormBody.ReadAsync(http);
        await portals.Grants.RevokeRefreshAsync(form.Text("token"), (await FindClientAsync(http, form)).Id);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    async Task DescribeAccessAsync(HttpContext http)
    {
        var token = Token(http);
        var found = await portals.Grants.FindAccessAsync(token, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound());
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, new DescribedToken(token, found.Grant, found.ExpiresAt, portals.Clocks.NowOf(found.Grant.Portal.Id)), TokenResponse.WriteDescribed);
    }

    async Task DescribeRefreshAsync(HttpContext http)
    {
        var token = Token(http);
        var grant = await portals.Grants.FindRefreshAsync(token, http.RequestAborted) ?? throw new Refusal(Faults.BadRefreshToken());
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, new DescribedToken(token, grant), TokenResponse.WriteDescribed);
    }

    async Task DeleteRefreshAsync(HttpContext http)
    {
        if (!await portals.Grants.RevokeRefreshAsync(Token(http)))
        {
            throw new Refusal(Faults.BadRefreshToken());
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    async Task DescribePrivateAsync(HttpContext http)
    {
        var body = await RequestBody.ReadJsonAsync(http, TokenKeyBody.Shape.Read);
        var caller = (await portals.FindTokenAsync(body.TokenKey ?? "", http.RequestAborted))?.Caller;
        var scopes = caller is null || caller.ExpiresAt <= portals.Clocks.NowOf(caller.PortalId) ? null
            : caller.AppId == 0 ? ScopeNames.All // the fixed development token
            : await portals.Apps.FindAsync(caller.PortalId, caller.AppId, http.RequestAborted) is { Client: null } app ? app.Scopes : (ImmutableArray<string>?)null;
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (caller!, scopes ?? throw new Refusal(Faults.ResourceNotFound())), TokenResponse.WritePrivate);
    }

    /// <summary>Revokes the calling app's access to the portal. Other callers have nothing to revoke.</summary>
    async Task UninstallAsync(HttpContext http)
    {
        var caller = http.Call().Caller;
        if (!await portals.Grants.UninstallAsync(caller.PortalId, caller.AppId))
        {
            throw new Refusal(Faults.ResourceNotFound());
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>The app that authenticates with the form.</summary>
    async Task<App> FindClientAsync(HttpContext http, IFormCollection form)
    {
        var (app, secretHash) = await portals.Apps.FindClientAsync(form.Text("client_id"), http.RequestAborted) ?? throw new Refusal(Faults.BadClientId());
        return CryptographicOperations.FixedTimeEquals(secretHash, Secrets.Hash(form.Text("client_secret"))) ? app : throw new Refusal(Faults.BadClientSecret());
    }

    static string Token(HttpContext http) => (string)http.GetRouteValue("token")!;
}

/// <summary>The token in the request.</summary>
internal sealed record TokenKeyBody
{
    public static readonly JsonShape<TokenKeyBody> Shape = new(null, [], ("tokenKey", (body, ref json) => body.TokenKey = json.Text()));

    public string? TokenKey { get; set; }
}
