using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Apps and their tokens.</summary>
internal sealed class AppTables(IControlDatabase database) : IApps
{
    const string Select = "SELECT id, portal, name, scopes, created, client_id, redirect_uris, optional_scopes, client_secret FROM app WHERE deleted IS NULL";

    public ValueTask<(App App, string Token)> CreatePrivateAsync(long portalId, string name, ImmutableArray<string> scopes, string? token = null) => database.WriteAsync(async opened =>
    {
        var id = await opened.FindAsync(Id, "INSERT INTO app (portal, name, scopes, created) VALUES (@1, @2, @3, @4) RETURNING id", portalId, name, Join(scopes), database.Clocks.NowOf(portalId));
        return ((await ReadAsync(opened, portalId, id))!, await AddTokenAsync(opened, id, token));
    });

    public ValueTask<(App App, string Secret)> CreateClientAsync(long portalId, string name, ImmutableArray<string> scopes, ImmutableArray<string> optionalScopes, ImmutableArray<string> redirectUris) =>
        database.WriteAsync(async opened =>
        {
            var secret = Secrets.NewUuid();
            var id = await opened.FindAsync(
                Id, "INSERT INTO app (portal, name, scopes, created, client_id, client_secret, redirect_uris, optional_scopes) VALUES (@1, @2, @3, @4, @5, @6, @7, @8) RETURNING id",
                portalId, name, Join(scopes), database.Clocks.NowOf(portalId), Secrets.NewUuid(), Secrets.Hash(secret), ToJson(redirectUris), Join(optionalScopes));
            return ((await ReadAsync(opened, portalId, id))!, secret);
        });

    public ValueTask<ImmutableArray<App>> ListAsync(long? portalId, CancellationToken cancellation) =>
        database.ReadAsync(opened => opened.ListAsync(ToApp, $"{Select} AND portal = coalesce(@1, portal) ORDER BY id", portalId), cancellation);

    public ValueTask<(App App, byte[] SecretHash)?> FindClientAsync(string clientId, CancellationToken cancellation) =>
        database.ReadAsync(opened => opened.FindAsync(row => ((App, byte[])?)(ToApp(row), row.GetFieldValue<byte[]>(8)), $"{Select} AND client_id = @1", clientId), cancellation);

    public ValueTask<App?> FindAsync(long portalId, long id, CancellationToken cancellation) => database.ReadAsync(opened => ReadAsync(opened, portalId, id), cancellation);

    public ValueTask<App?> ChangeAsync(long portalId, long id, AppChange change) => database.WriteAsync(async opened =>
    {
        if (await ReadAsync(opened, portalId, id) is not { } app)
        {
            return null;
        }

        await opened.RunAsync(
            "UPDATE app SET name = @1, scopes = @2, redirect_uris = @3, optional_scopes = @4 WHERE id = @5",
            change.Name ?? app.Name, Join(change.Scopes ?? app.Scopes),
            app.Client is null ? null : ToJson(change.RedirectUris ?? app.Client.RedirectUris),
            app.Client is null ? null : Join(change.OptionalScopes ?? app.Client.OptionalScopes), id);
        return await ReadAsync(opened, portalId, id);
    });

    public ValueTask<string?> RotateAsync(long portalId, long id, long graceMs) => database.WriteAsync(async opened =>
    {
        if (await ReadAsync(opened, portalId, id) is not { } app)
        {
            return null;
        }

        if (app.Client is null)
        {
            // A token that was replaced earlier keeps its expiry.
            await opened.RunAsync("UPDATE app_token SET expires = CASE WHEN expires < @2 THEN expires ELSE @2 END WHERE app = @1", id, database.Clocks.NowOf(portalId) + graceMs);
            await opened.RunAsync("DELETE FROM app_token WHERE expires <= @1", database.Clocks.Earliest());
            return await AddTokenAsync(opened, id);
        }

        var secret = Secrets.NewUuid();
        await opened.RunAsync("UPDATE app SET client_secret = @1 WHERE id = @2", Secrets.Hash(secret), id);
        return secret;
    });

    public ValueTask<bool> DeleteAsync(long portalId, long id) => database.WriteAsync(async opened =>
    {
        if (await ReadAsync(opened, portalId, id) is null)
        {
            return false;
        }

        await opened.RunAsync("UPDATE app SET deleted = @1 WHERE id = @2", database.Clocks.NowOf(portalId), id);
        await opened.RunAsync("DELETE FROM app_token WHERE app = @1", id);
        await GrantTables.EndAllAsync(opened, id);
        return true;
    });

    /// <summary>Finds the caller of the token with this hash, without the settings of its portal; <c>null</c> if it doesn't exist.</summary>
    public static ValueTask<Caller?> FindCallerAsync(ControlConnection opened, byte[] hash) => opened.FindAsync(
        row => new Caller(row.GetInt64(0), row.GetInt64(1), new Scopes(Split(row.GetString(2)))) { ExpiresAt = row.IsDBNull(3) ? null : row.GetInt64(3) },
        "SELECT app.portal, app.id, app.scopes, expires FROM app_token JOIN app ON app.id = app WHERE hash = @1", hash);

    static async ValueTask<string> AddTokenAsync(ControlConnection opened, long appId, string? given = null)
    {
        var token = given ?? Secrets.NewToken();
        return await opened.RunAsync("INSERT INTO app_token (hash, app) VALUES (@1, @2) ON CONFLICT DO NOTHING", Secrets.Hash(token), appId) > 0 ? token : throw new Refusal(Faults.TokenTaken());
    }

    static ValueTask<App?> ReadAsync(ControlConnection opened, long portalId, long id) => opened.FindAsync(ToApp, $"{Select} AND portal = @1 AND id = @2", portalId, id);

    static long Id(DbDataReader row) => row.GetInt64(0);

    static App ToApp(DbDataReader row) => new(row.GetInt64(0), row.GetInt64(1), row.GetString(2), Split(row.GetString(3)), row.GetInt64(4))
    {
        Client = row.IsDBNull(5) ? null : new(row.GetString(5), JsonSerializer.Deserialize(row.GetString(6), AppTablesJson.Default.ImmutableArrayString), Split(row.GetString(7))),
    };

    static string ToJson(ImmutableArray<string> uris) => JsonSerializer.Serialize(uris, AppTablesJson.Default.ImmutableArrayString);

    public static string Join(ImmutableArray<string> names) => string.Join(' ', names);

    public static ImmutableArray<string> Split(string names) => [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
}

[JsonSerializable(typeof(ImmutableArray<string>))]
internal sealed partial class AppTablesJson : JsonSerializerContext;
