using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Grants to OAuth apps in the registry. Grants that end are deleted, so every row is valid.</summary>
internal sealed class GrantTables(Registry registry) : IGrants
{
    /// <summary>How long a code is valid, in milliseconds.</summary>
    const long CodeMs = 60_000;

    /// <summary>How long an expired token is distinguished from an unknown one, in milliseconds (reference/auth-limits-webhooks-imports.md 1.6).</summary>
    const long ExpiredKeptMs = 7 * 24 * 3_600_000L;

    const string From = """
         FROM oauth_grant JOIN app ON app.id = app JOIN portal ON portal.id = oauth_grant.portal JOIN user ON user.id = user
        """;

    const string Columns = "SELECT app.id, client_id, portal.id, portal.name, portal.created, portal.settings, user.id, email, oauth_grant.scopes, oauth_grant.id";

    public ValueTask<string?> AllowAsync(App app, User user, ImmutableArray<string> scopes, string redirectUri, string? challenge) => registry.WriteAsync(
        opened =>
        {
            var code = Secrets.NewOpaque();
            using var insert = opened.Prepare("""
                INSERT INTO oauth_grant (app, portal, user, scopes, redirect_uri, challenge, code, code_expires)
                SELECT app.id, user.portal, user.id, ?, ?, ?, ?, ? FROM app, user WHERE app.id = ? AND deleted IS NULL AND user.id = ? AND archived = 0 RETURNING id
                """);
            return insert.Bind(AppTables.Join(scopes)).Bind(redirectUri).Bind(challenge).Bind(Secrets.Hash(code)).Bind(Instant.Now(registry.Clock) + CodeMs).Bind(app.Id).Bind(user.Id).Step()
                ? code : null;
        },
        changesCallers: static _ => false);

    public ValueTask<(ExchangeEnd End, IssuedTokens? Tokens)> ExchangeAsync(long appId, string code, string redirectUri, string? verifier)
    {
        var (end, tokens, _) = registry.Write<(ExchangeEnd, IssuedTokens?, bool Replayed)>(
            opened =>
            {
                using var select = opened.Prepare($"{Columns}, redirect_uri, challenge, code_expires, exchanged {From} WHERE code = ? AND app.id = ?");
                if (!select.Bind(Secrets.Hash(code)).Bind(appId).Step())
                {
                    return (ExchangeEnd.BadCode, null, false);
                }

                var (grant, id) = (ToGrant(select), select.Integer(9));
                if (select.Integer(13) != 0)
                {
                    End(opened, "id = ?", id);
                    return (ExchangeEnd.BadCode, null, true);
                }

                if (!string.Equals(select.Text(10), redirectUri, StringComparison.Ordinal))
                {
                    return (ExchangeEnd.BadRedirectUri, null, false);
                }

                // A verifier without a challenge means that an attacker has removed the challenge (RFC 9700 4.8.2).
                var proved = select.IsNull(11) ? verifier is null : verifier is not null && Answers(select.Text(11), verifier);
                if (!proved || select.Integer(12) <= Instant.Now(registry.Clock))
                {
                    return (ExchangeEnd.BadCode, null, false);
                }

                var refresh = $"na1-{Secrets.NewUuid()}"; // HubSpot's shape (reference/auth-limits-webhooks-imports.md 1.1)
                using var update = opened.Prepare("UPDATE oauth_grant SET exchanged = 1, refresh = ? WHERE id = ?");
                update.Bind(Secrets.Hash(refresh)).Bind(id).Run();
                return (ExchangeEnd.Done, new(grant, AddAccess(opened, id, grant), refresh), false);
            },
            changesCallers: static ended => ended.Replayed);
        return new((end, tokens));
    }

    public ValueTask<IssuedTokens?> RefreshAsync(long appId, string refreshToken) => registry.WriteAsync(
        opened =>
        {
            using var select = opened.Prepare($"{Columns} {From} WHERE refresh = ? AND app.id = ?");
            return select.Bind(Secrets.Hash(refreshToken)).Bind(appId).Step() && ToGrant(select) is var grant
                ? new IssuedTokens(grant, AddAccess(opened, select.Integer(9), grant), refreshToken) : null;
        },
        changesCallers: static _ => false);

    public ValueTask<(Grant Grant, long ExpiresAt)?> FindAccessAsync(string accessToken, CancellationToken cancellation) => registry.ReadAsync<(Grant, long)?>(opened =>
    {
        using var select = opened.Prepare($"{Columns}, expires {From} JOIN oauth_access ON grant_id = oauth_grant.id WHERE hash = ? AND expires > ?");
        return select.Bind(Secrets.Hash(accessToken)).Bind(Instant.Now(registry.Clock)).Step() ? (ToGrant(select), select.Integer(10)) : null;
    });

    public ValueTask<Grant?> FindRefreshAsync(string refreshToken, CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare($"{Columns} {From} WHERE refresh = ?");
        return select.Bind(Secrets.Hash(refreshToken)).Step() ? ToGrant(select) : null;
    });

    public ValueTask<bool> RevokeRefreshAsync(string refreshToken, long? appId) => registry.WriteAsync(
        opened =>
        {
            using var update = opened.Prepare("UPDATE oauth_grant SET refresh = NULL WHERE refresh = ? AND app = coalesce(?, app) RETURNING id");
            return update.Bind(Secrets.Hash(refreshToken)).Bind(appId).Step();
        },
        changesCallers: static _ => false);

    // Uses the index of apps and portals; grants that can't give the app tokens any more are left out.
    public ValueTask<ImmutableArray<AllowedApp>> ListAsync(User user, CancellationToken cancellation) => registry.ReadAsync<ImmutableArray<AllowedApp>>(opened =>
    {
        var now = Instant.Now(registry.Clock);
        using var select = opened.Prepare("""
            SELECT app.id, name, oauth_grant.scopes, code_expires FROM app JOIN oauth_grant ON app = app.id AND oauth_grant.portal = ? AND user = ?
            WHERE refresh IS NOT NULL OR (exchanged = 0 AND code_expires > ?) OR EXISTS (SELECT 1 FROM oauth_access WHERE grant_id = oauth_grant.id AND expires > ?)
            ORDER BY name, app.id, oauth_grant.id
            """);
        select.Bind(user.PortalId).Bind(user.Id).Bind(now).Bind(now);
        var apps = new List<AllowedApp>();
        while (select.Step())
        {
            var app = new AllowedApp(select.Integer(0), select.Text(1), AppTables.Split(select.Text(2)), select.Integer(3) - CodeMs);
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
    });

    public ValueTask<bool> EndAsync(long userId, long appId) => registry.WriteAsync(opened => End(opened, "app = ? AND user = ?", appId, userId), changesCallers: static ended => ended);

    public ValueTask<bool> UninstallAsync(long portalId, long appId) => registry.WriteAsync(opened => End(opened, "app = ? AND portal = ?", appId, portalId));

    /// <summary>Finds the caller of the access token with this hash, without the settings of its portal; <c>null</c> if it doesn't exist.</summary>
    public static Caller? FindCaller(Connection opened, ReadOnlySpan<byte> hash)
    {
        using var select = opened.Prepare("SELECT portal, app, scopes, expires FROM oauth_access JOIN oauth_grant ON id = grant_id WHERE hash = ?");

        // Users have no roles, so they can't grant the management of the portal.
        return !select.Bind(hash).Step() ? null
            : new(select.Integer(0), select.Integer(1), new Scopes(AppTables.Split(select.Text(2)).Except(ScopeNeed.Manage.AnyOf))) { ExpiresAt = select.Integer(3), IsOAuth = true };
    }

    /// <summary>Ends all grants to an app.</summary>
    public static void EndAll(Connection opened, long appId) => End(opened, "app = ?", appId);

    static bool End(Connection opened, string which, params ReadOnlySpan<long> values)
    {
        using var tokens = opened.Prepare($"DELETE FROM oauth_access WHERE grant_id IN (SELECT id FROM oauth_grant WHERE {which})");
        using var grants = opened.Prepare($"DELETE FROM oauth_grant WHERE {which} RETURNING id");
        foreach (var value in values)
        {
            tokens.Bind(value);
            grants.Bind(value);
        }

        tokens.Run();
        var any = grants.Step();
        grants.Reset();
        return any;
    }

    string AddAccess(Connection opened, long grantId, Grant grant)
    {
        var now = Instant.Now(registry.Clock);
        RemoveOver(opened, now - ExpiredKeptMs);
        var token = Secrets.NewOpaque(48);
        using var insert = opened.Prepare("INSERT INTO oauth_access VALUES (?, ?, ?)");
        insert.Bind(Secrets.Hash(token)).Bind(grantId).Bind(now + grant.Portal.Settings.AccessTokenLifetimeMs).Run();
        return token;
    }

    // Removes tokens that expired long ago, and grants that can no longer be used.
    static void RemoveOver(Connection opened, long before)
    {
        using var tokens = opened.Prepare("DELETE FROM oauth_access WHERE expires < ?");
        tokens.Bind(before).Run();
        using var grants = opened.Prepare("DELETE FROM oauth_grant WHERE refresh IS NULL AND code_expires < ? AND NOT EXISTS (SELECT 1 FROM oauth_access WHERE grant_id = oauth_grant.id)");
        grants.Bind(before).Run();
    }

    // Compares text: the app's challenge might not be base64.
    static bool Answers(string challenge, string verifier) => CryptographicOperations.FixedTimeEquals(
        Encoding.UTF8.GetBytes(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(verifier)))), Encoding.UTF8.GetBytes(challenge));

    static Grant ToGrant(Statement row) => new(
        row.Integer(0), row.Text(1), new(row.Integer(2), row.Text(3), row.Integer(4)) { Settings = SqlitePortals.ParseSettings(row.Text(5)) }, row.Integer(6), row.Text(7), AppTables.Split(row.Text(8)));
}
