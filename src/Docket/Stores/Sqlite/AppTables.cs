using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Apps and their tokens in the registry.</summary>
internal sealed class AppTables(Registry registry) : IApps
{
    const string Select = "SELECT id, portal, name, scopes, created, client_id, redirect_uris, optional_scopes, client_secret FROM app WHERE deleted IS NULL";

    public ValueTask<(App App, string Token)> CreatePrivateAsync(long portalId, string name, ImmutableArray<string> scopes) => registry.WriteAsync(opened =>
    {
        using var insert = opened.Prepare("INSERT INTO app (portal, name, scopes, created) VALUES (?, ?, ?, ?) RETURNING id");
        insert.Bind(portalId).Bind(name).Bind(Join(scopes)).Bind(Instant.Now(registry.Clock)).Step();
        var id = insert.Integer(0);
        return (Read(opened, portalId, id)!, AddToken(opened, id));
    });

    public ValueTask<(App App, string Secret)> CreateClientAsync(long portalId, string name, ImmutableArray<string> scopes, ImmutableArray<string> optionalScopes, ImmutableArray<string> redirectUris) =>
        registry.WriteAsync(opened =>
        {
            var secret = Secrets.NewUuid();
            using var insert = opened.Prepare("INSERT INTO app (portal, name, scopes, created, client_id, client_secret, redirect_uris, optional_scopes) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id");
            insert.Bind(portalId).Bind(name).Bind(Join(scopes)).Bind(Instant.Now(registry.Clock))
                .Bind(Secrets.NewUuid()).Bind(Secrets.Hash(secret)).Bind(ToJson(redirectUris)).Bind(Join(optionalScopes)).Step();
            return (Read(opened, portalId, insert.Integer(0))!, secret);
        });

    public ValueTask<ImmutableArray<App>> ListAsync(long? portalId, CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare($"{Select} AND portal = coalesce(?, portal) ORDER BY id");
        select.Bind(portalId);
        var apps = ImmutableArray.CreateBuilder<App>();
        while (select.Step())
        {
            apps.Add(ToApp(select));
        }

        return apps.DrainToImmutable();
    });

    public ValueTask<(App App, byte[] SecretHash)?> FindClientAsync(string clientId, CancellationToken cancellation) => registry.ReadAsync<(App, byte[])?>(opened =>
    {
        using var select = opened.Prepare($"{Select} AND client_id = ?");
        return select.Bind(clientId).Step() ? (ToApp(select), select.Blob(8).ToArray()) : null;
    });

    public ValueTask<App?> FindAsync(long portalId, long id, CancellationToken cancellation) => registry.ReadAsync(opened => Read(opened, portalId, id));

    public ValueTask<App?> ChangeAsync(long portalId, long id, AppChange change) => registry.WriteAsync(opened =>
    {
        if (Read(opened, portalId, id) is not { } app)
        {
            return null;
        }

        using var update = opened.Prepare("UPDATE app SET name = ?, scopes = ?, redirect_uris = ?, optional_scopes = ? WHERE id = ?");
        update.Bind(change.Name ?? app.Name).Bind(Join(change.Scopes ?? app.Scopes));
        _ = app.Client is { } client
            ? update.Bind(ToJson(change.RedirectUris ?? client.RedirectUris)).Bind(Join(change.OptionalScopes ?? client.OptionalScopes))
            : update.BindNull().BindNull();
        update.Bind(id).Run();
        return Read(opened, portalId, id);
    });

    public ValueTask<string?> RotateAsync(long portalId, long id, long graceMs) => registry.WriteAsync(opened =>
    {
        if (Read(opened, portalId, id) is not { } app)
        {
            return null;
        }

        if (app.Client is null)
        {
            // A token that was replaced earlier keeps its expiry.
            using var expire = opened.Prepare("UPDATE app_token SET expires = min(coalesce(expires, ?2), ?2) WHERE app = ?1");
            expire.Bind(id).Bind(Instant.Now(registry.Clock) + graceMs).Run();
            RemoveExpired(opened);
            return AddToken(opened, id);
        }

        var secret = Secrets.NewUuid();
        using var update = opened.Prepare("UPDATE app SET client_secret = ? WHERE id = ?");
        update.Bind(Secrets.Hash(secret)).Bind(id).Run();
        return secret;
    });

    public ValueTask<bool> DeleteAsync(long portalId, long id) => registry.WriteAsync(opened =>
    {
        if (Read(opened, portalId, id) is null)
        {
            return false;
        }

        using var delete = opened.Prepare("UPDATE app SET deleted = ? WHERE id = ?");
        delete.Bind(Instant.Now(registry.Clock)).Bind(id).Run();
        using var revoke = opened.Prepare("DELETE FROM app_token WHERE app = ?");
        revoke.Bind(id).Run();
        GrantTables.EndAll(opened, id);
        return true;
    });

    /// <summary>Finds the caller of the token with this hash, without the settings of its portal; <c>null</c> if it doesn't exist.</summary>
    public static Caller? FindCaller(Connection opened, ReadOnlySpan<byte> hash)
    {
        using var select = opened.Prepare("SELECT app.portal, app.id, app.scopes, expires FROM app_token JOIN app ON app.id = app WHERE hash = ?");
        return !select.Bind(hash).Step() ? null
            : new(select.Integer(0), select.Integer(1), new Scopes(Split(select.Text(2)))) { ExpiresAt = select.IsNull(3) ? null : select.Integer(3) };
    }

    void RemoveExpired(Connection opened)
    {
        using var delete = opened.Prepare("DELETE FROM app_token WHERE expires <= ?");
        delete.Bind(Instant.Now(registry.Clock)).Run();
    }

    static string AddToken(Connection opened, long appId)
    {
        var token = Secrets.NewToken();
        using var insert = opened.Prepare("INSERT INTO app_token (hash, app) VALUES (?, ?)");
        insert.Bind(Secrets.Hash(token)).Bind(appId).Run();
        return token;
    }

    static App? Read(Connection opened, long portalId, long id)
    {
        using var select = opened.Prepare($"{Select} AND portal = ? AND id = ?");
        return select.Bind(portalId).Bind(id).Step() ? ToApp(select) : null;
    }

    static App ToApp(Statement row) => new(row.Integer(0), row.Integer(1), row.Text(2), Split(row.Text(3)), row.Integer(4))
    {
        Client = row.IsNull(5) ? null : new(row.Text(5), JsonSerializer.Deserialize(row.Text(6), AppTablesJson.Default.ImmutableArrayString), Split(row.Text(7))),
    };

    static string ToJson(ImmutableArray<string> uris) => JsonSerializer.Serialize(uris, AppTablesJson.Default.ImmutableArrayString);

    public static string Join(ImmutableArray<string> names) => string.Join(' ', names);

    public static ImmutableArray<string> Split(string names) => [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
}

[JsonSerializable(typeof(ImmutableArray<string>))]
internal sealed partial class AppTablesJson : JsonSerializerContext;
