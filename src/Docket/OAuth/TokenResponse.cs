using System.Collections.Immutable;
using System.Text.Json;
using Docket.Model;

namespace Docket.OAuth;

/// <summary>A token and its grant.</summary>
/// <param name="Text">The token itself, which the caller sent.</param>
/// <param name="Grant">The grant.</param>
/// <param name="ExpiresAt">When an access token expires, milliseconds since 1970; <c>null</c> for a refresh token.</param>
/// <param name="Now">The time, milliseconds since 1970.</param>
internal sealed record DescribedToken(string Text, Grant Grant, long? ExpiresAt = null, long Now = 0);

/// <summary>Answers about tokens (reference/auth-limits-webhooks-imports.md 1.1, 1.3, 1.4).</summary>
internal static class TokenResponse
{
    /// <summary>Stands for values that only HubSpot can read, and that clients ignore (1.4 [decide]).</summary>
    const string Opaque = "AA==";

    public static void Write(Utf8JsonWriter json, IssuedTokens issued)
    {
        json.WriteStartObject();
        json.WriteString("token_type", "bearer");
        json.WriteString("refresh_token", issued.Refresh);
        json.WriteString("access_token", issued.Access);
        json.WriteNumber("expires_in", issued.Grant.Portal.Settings.AccessTokenLifetimeMs / 1000);
        json.WriteString("token_use", "access_token");
        json.WriteNumber("hub_id", issued.Grant.Portal.Id);
        json.WriteNumber("user_id", issued.Grant.UserId);
        WriteScopes(json, issued.Grant.Scopes);
        json.WriteEndObject();
    }

    /// <summary>The format of v1.</summary>
    public static void WriteDescribed(Utf8JsonWriter json, DescribedToken token)
    {
        json.WriteStartObject();
        WriteMembers(json, token);
        if (token.ExpiresAt is null)
        {
            json.WriteString("client_id", token.Grant.ClientId);
            json.WriteString("token_type", "refresh");
        }
        else
        {
            json.WriteNumber("app_id", token.Grant.AppId);
            json.WriteString("token_type", "access");
        }

        json.WriteEndObject();
    }

    /// <summary>The format of v3 and later; <c>null</c> for an unknown token.</summary>
    public static void WriteIntrospected(Utf8JsonWriter json, DescribedToken? token)
    {
        json.WriteStartObject();
        json.WriteBoolean("active", token is not null);
        if (token is not null)
        {
            WriteMembers(json, token);
            json.WriteNumber("app_id", token.Grant.AppId);
            json.WriteString("client_id", token.Grant.ClientId);
            json.WriteString("token_type", "bearer");
            json.WriteString("token_use", token.ExpiresAt is null ? "refresh_token" : "access_token");
        }

        json.WriteEndObject();
    }

    /// <summary>
    /// For a private app. The user who created it is not stored: the first user of the portal stands for them, because programs look up the
    /// owner with this id (<c>@hubspot/mcp-server</c> 0.4, <c>getUserDetailsTool.js</c>). 0 if there is none.
    /// </summary>
    public static void WritePrivate(Utf8JsonWriter json, (Caller Caller, ImmutableArray<string> Scopes) app)
    {
        json.WriteStartObject();
        json.WriteNumber("userId", app.Caller.Owners.All.FirstOrDefault(user => !user.Archived)?.Id ?? 0);
        json.WriteNumber("hubId", app.Caller.PortalId);
        json.WriteNumber("appId", app.Caller.AppId);
        WriteScopes(json, app.Scopes);
        json.WriteEndObject();
    }

    static void WriteMembers(Utf8JsonWriter json, DescribedToken token)
    {
        var grant = token.Grant;
        json.WriteString("token", token.Text);
        json.WriteString("user", grant.Email);
        json.WriteString("hub_domain", grant.Portal.Name);
        WriteScopes(json, grant.Scopes);
        json.WriteNumber("hub_id", grant.Portal.Id);
        json.WriteNumber("user_id", grant.UserId);
        if (token.ExpiresAt is { } expiresAt)
        {
            json.WriteNumber("expires_in", (expiresAt - token.Now) / 1000);
            json.WriteBoolean("is_private_distribution", false);
            WriteSigned(json, grant, expiresAt);
        }
    }

    static void WriteSigned(Utf8JsonWriter json, Grant grant, long expiresAt)
    {
        json.WriteStartObject("signed_access_token");
        json.WriteNumber("expiresAt", expiresAt);
        json.WriteNumber("hubId", grant.Portal.Id);
        json.WriteNumber("userId", grant.UserId);
        json.WriteNumber("installingUserId", grant.UserId);
        json.WriteNumber("appId", grant.AppId);
        json.WriteString("hublet", "na1");
        json.WriteBoolean("isUserLevel", false);
        json.WriteBoolean("isServiceAccount", false);
        json.WriteBoolean("isPrivateDistribution", false);
        foreach (var name in (string[])["scopes", "signature", "newSignature", "scopeToScopeGroupPks", "trialScopes", "trialScopeToScopeGroupPks", "appInstallId", "audience"])
        {
            json.WriteString(name, Opaque);
        }

        json.WriteEndObject();
    }

    static void WriteScopes(Utf8JsonWriter json, ImmutableArray<string> scopes)
    {
        json.WriteStartArray("scopes");
        foreach (var scope in scopes)
        {
            json.WriteStringValue(scope);
        }

        json.WriteEndArray();
    }
}
