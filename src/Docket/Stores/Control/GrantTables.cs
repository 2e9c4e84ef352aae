using System.Collections.Immutable;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Grants to OAuth apps. Grants that end are deleted, so every row is valid.</summary>
internal sealed class GrantTables(IControlDatabase database) : IGrants
{
    /// <summary>How long a code is valid, in milliseconds.</summary>
    const long CodeMs = 60_000;

    /// <summary>How long an expired token is distinguished from an unknown one, in milliseconds (reference/auth-limits-webhooks-imports.md 1.6).</summary>
    const long ExpiredKeptMs = 7 * 24 * 3_600_000L;

    const string From = """
         FROM oauth_grant JOIN app ON app.id = app JOIN portal ON portal.id = oauth_grant.portal JOIN "user" ON "user".id = oauth_grant."user"
        """;

    const string Columns = """SELECT app.id, client_id, portal.id, portal.name, portal.created, portal.settings, "user".id, email, oauth_grant.scopes, oauth_grant.id""";

    public ValueTask<string?> AllowAsync(App app, User user, ImmutableArray<string> scopes, string redirectUri, string? challenge) => database.WriteAsync(
        async opened =>
        {
            var code = Secrets.NewOpaque();
            var added = await opened.RunAsync(
                """
                INSERT INTO oauth_grant (app, portal, "user", scopes, redirect_uri, challenge, code, code_expires)
                SELECT app.id, "user".portal, "user".id, @1, @2, @3, @4, @5 FROM app, "user" WHERE app.id = @6 AND deleted IS NULL AND "user".id = @7 AND archived = 0
                """,
                AppTables.Join(scopes), redirectUri, challenge, Secrets.Hash(code), database.Clocks.NowOf(user.PortalId) + CodeMs, app.Id, user.Id);
            return added > 0 ? code : null;
        },
        changesCallers: static _ => false);

    public async ValueTask<(ExchangeEnd End, IssuedTokens? Tokens)> ExchangeAsync(long appId, string code, string redirectUri, string? verifier)
    {
        var (end, tokens, _) = await database.WriteAsync<(ExchangeEnd, IssuedTokens?, bool Replayed)>(
            async opened =>
            {
                var found = await opened.FindAsync(
                    row => ((Grant Grant, long Id, string RedirectUri, string? Challenge, long Expires, bool Exchanged)?)
                        (ToGrant(row), row.GetInt64(9), row.GetString(10), row.IsDBNull(11) ? null : row.GetString(11), row.GetInt64(12), row.GetInt64(13) != 0),
                    $"{Columns}, redirect_uri, challenge, code_expires, exchanged {From} WHERE code = @1 AND app.id = @2", Secrets.Hash(code), appId);
                if (found is not { } grant)
                {
                    return (ExchangeEnd.BadCode, null, false);
                }

                if (grant.Exchanged)
                {
                    await EndAsync(opened, "id = @1", grant.Id);
                    return (ExchangeEnd.BadCode, null, true);
                }

                if (!string.Equals(grant.RedirectUri, redirectUri, StringComparison.Ordinal))
                {
                    return (ExchangeEnd.BadRedirectUri, null, false);
                }

                // A verifier without a challenge means that an attacker has removed the challenge (RFC 9700 4.8.2).
                var proved = grant.Challenge is null ? verifier is null : verifier is not null && Answers(grant.Challenge, verifier);
                if (!proved || grant.Expires <= database.Clocks.NowOf(grant.Grant.Portal.Id))
                {
                    return (ExchangeEnd.BadCode, null, false);
                }

                var refresh = $"na1-{Secrets.NewUuid()}"; // HubSpot's shape (reference/auth-limits-webhooks-imports.md 1.1)
                await opened.RunAsync("UPDATE oauth_grant SET exchanged = 1, refresh = @1 WHERE id = @2", Secrets.Hash(refresh), grant.Id);
                return (ExchangeEnd.Done, new(grant.Grant, await AddAccessAsync(opened, grant.Id, grant.Grant), refresh), false);
            },
            changesCallers: static ended => ended.Replayed);
        return (end, tokens);
    }

    public ValueTask<IssuedTokens?> RefreshAsync(long appId, string refreshToken) => database.WriteAsync(
        async opened =>
        {
            var found = await opened.FindAsync(row => ((Grant Grant, long Id)?)(ToGrant(row), row.GetInt64(9)), $"{Columns} {From} WHERE refresh = @1 AND app.id = @2", Secrets.Hash(refreshToken), appId);
            return found is { } grant ? new IssuedTokens(grant.Grant, await AddAccessAsync(opened, grant.Id, grant.Grant), refreshToken) : null;
        },
        changesCallers: static _ => false);

    public ValueTask<(Grant Grant, long ExpiresAt)?> FindAccessAsync(string accessToken, CancellationToken cancellation) => database.ReadAsync(
        async opened => await opened.FindAsync(
            row => ((Grant Grant, long ExpiresAt)?)(ToGrant(row), row.GetInt64(10)),
            $"{Columns}, expires {From} JOIN oauth_access ON grant_id = oauth_grant.id WHERE hash = @1", Secrets.Hash(accessToken)) is { } found && found.ExpiresAt > database.Clocks.NowOf(found.Grant.Portal.Id)
            ? found : ((Grant, long)?)null,
        cancellation);

    public ValueTask<Grant?> FindRefreshAsync(string refreshToken, CancellationToken cancellation) =>
        database.ReadAsync(opened => opened.FindAsync(ToGrant, $"{Columns} {From} WHERE refresh = @1", Secrets.Hash(refreshToken)), cancellation);

    public ValueTask<bool> RevokeRefreshAsync(string refreshToken, long? appId) => database.WriteAsync(
        async opened => await opened.RunAsync("UPDATE oauth_grant SET refresh = NULL WHERE refresh = @1 AND app = coalesce(@2, app)", Secrets.Hash(refreshToken), appId) > 0,
        changesCallers: static _ => false);

    // Uses the index of apps and portals; grants that can't give the app tokens any more are left out.
    public ValueTask<ImmutableArray<AllowedApp>> ListAsync(User user, CancellationToken cancellation) => database.ReadAsync<ImmutableArray<AllowedApp>>(
        async opened =>
        {
            var granted = await opened.ListAsync(
                row => new AllowedApp(row.GetInt64(0), row.GetString(1), AppTables.Split(row.GetString(2)), row.GetInt64(3) - CodeMs),
                """
                SELECT app.id, name, oauth_grant.scopes, code_expires FROM app JOIN oauth_grant ON app = app.id AND oauth_grant.portal = @1 AND "user" = @2
                WHERE refresh IS NOT NULL OR (exchanged = 0 AND code_expires > @3) OR EXISTS (SELECT 1 FROM oauth_access WHERE grant_id = oauth_grant.id AND expires > @3)
                ORDER BY name, app.id, oauth_grant.id
                """,
                user.PortalId, user.Id, database.Clocks.NowOf(user.PortalId));
            var apps = new List<AllowedApp>();
            foreach (var app in granted)
            {
                if (apps is [.., var last] && last.AppId == app.AppId)
                {
                    apps[^1] = last with { Scopes = [.. last.Scopes.Union(app.Scopes)] };
                }
                else
                {
                    apps.Add(app);
                }
            }

            return [.. apps];
        },
        cancellation);

    public ValueTask<bool> EndAsync(long userId, long appId) =>
        database.WriteAsync(opened => EndAsync(opened, """app = @1 AND "user" = @2""", appId, userId), changesCallers: static ended => ended);

    public ValueTask<bool> UninstallAsync(long portalId, long appId) => database.WriteAsync(opened => EndAsync(opened, "app = @1 AND portal = @2", appId, portalId));

    /// <summary>Finds the caller of the access token with this hash, without the settings of its portal; <c>null</c> if it doesn't exist.</summary>
    public static ValueTask<Caller?> FindCallerAsync(ControlConnection opened, byte[] hash) => opened.FindAsync(
        row => new Caller(row.GetInt64(0), row.GetInt64(1), new Scopes(AppTables.Split(row.GetString(2)).Except(ScopeNeed.PrivateOnly))) { ExpiresAt = row.GetInt64(3), IsOAuth = true },
        "SELECT portal, app, scopes, expires FROM oauth_access JOIN oauth_grant ON id = grant_id WHERE hash = @1", hash);

    /// <summary>Ends all grants to an app.</summary>
    public static ValueTask<bool> EndAllAsync(ControlConnection opened, long appId) => EndAsync(opened, "app = @1", appId);

    static async ValueTask<bool> EndAsync(ControlConnection opened, string which, params object?[] values)
    {
        await opened.RunAsync($"DELETE FROM oauth_access WHERE grant_id IN (SELECT id FROM oauth_grant WHERE {which})", values);
        return await opened.RunAsync($"DELETE FROM oauth_grant WHERE {which}", values) > 0;
    }

    async ValueTask<string> AddAccessAsync(ControlConnection opened, long grantId, Grant grant)
    {
        await RemoveOverAsync(opened, database.Clocks.Earliest() - ExpiredKeptMs);
        var token = Secrets.NewOpaque(48);
        await opened.RunAsync("INSERT INTO oauth_access VALUES (@1, @2, @3)", Secrets.Hash(token), grantId, database.Clocks.NowOf(grant.Portal.Id) + grant.Portal.Settings.AccessTokenLifetimeMs);
        return token;
    }

    // Removes tokens that expired long ago, and grants that can no longer be used.
    static async ValueTask RemoveOverAsync(ControlConnection opened, long before)
    {
        await opened.RunAsync("DELETE FROM oauth_access WHERE expires < @1", before);
        await opened.RunAsync("DELETE FROM oauth_grant WHERE refresh IS NULL AND code_expires < @1 AND NOT EXISTS (SELECT 1 FROM oauth_access WHERE grant_id = oauth_grant.id)", before);
    }

    // Compares text: the app's challenge might not be base64.
    static bool Answers(string challenge, string verifier) => CryptographicOperations.FixedTimeEquals(
        Encoding.UTF8.GetBytes(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(verifier)))), Encoding.UTF8.GetBytes(challenge));

    static Grant ToGrant(DbDataReader row) => new(
        row.GetInt64(0), row.GetString(1), new(row.GetInt64(2), row.GetString(3), row.GetInt64(4)) { Settings = PortalTable.ParseSettings(row.GetString(5)) },
        row.GetInt64(6), row.GetString(7), AppTables.Split(row.GetString(8)));
}
