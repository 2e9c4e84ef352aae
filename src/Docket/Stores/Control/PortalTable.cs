using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Portals and their settings. An engine adds where their data is.</summary>
internal static class PortalTable
{
    /// <summary>Id of the first portal. Eight digits, like HubSpot's portal ids.</summary>
    const long First = 24_000_001;

    const string Select = "SELECT id, name, created, settings FROM portal WHERE deleted IS NULL";

    public static ValueTask<ImmutableArray<Portal>> ListAsync(ControlConnection opened) => opened.ListAsync(ToPortal, $"{Select} ORDER BY id");

    public static ValueTask<Portal?> FindAsync(ControlConnection opened, long id) => opened.FindAsync(ToPortal, $"{Select} AND id = @1", id);

    /// <summary>An id that no portal has or had.</summary>
    public static ValueTask<long> NextIdAsync(ControlConnection opened) => opened.FindAsync(row => row.GetInt64(0), "SELECT coalesce(max(id) + 1, @1) FROM portal", First);

    public static async ValueTask<Portal> AddAsync(ControlConnection opened, Portal portal)
    {
        await opened.RunAsync("INSERT INTO portal (id, name, created) VALUES (@1, @2, @3)", portal.Id, portal.Name, portal.CreatedAt);
        return portal;
    }

    /// <summary>Changes settings. Others stay, also those that this version of Docket doesn't know.</summary>
    public static async ValueTask<Portal?> ChangeAsync(ControlConnection opened, long id, IReadOnlyDictionary<string, string> changes)
    {
        if (await opened.FindAsync(row => row.GetString(3), $"{Select} AND id = @1", id) is not { } stored)
        {
            return null;
        }

        var settings = new Dictionary<string, string>(Deserialize(stored));
        foreach (var (name, value) in changes)
        {
            settings[name] = value;
        }

        await opened.RunAsync("UPDATE portal SET settings = @1 WHERE id = @2", JsonSerializer.Serialize(settings, SettingsJson.Default.IReadOnlyDictionaryStringString), id);
        return await FindAsync(opened, id);
    }

    public static async ValueTask<Portal?> RenameAsync(ControlConnection opened, long id, string name)
    {
        await opened.RunAsync("UPDATE portal SET name = @1 WHERE id = @2", name, id);
        return await FindAsync(opened, id);
    }

    /// <summary>Deletes a portal with its apps, tokens and users; <c>false</c> if it doesn't exist.</summary>
    public static async ValueTask<bool> DeleteAsync(ControlConnection opened, long id, long now)
    {
        if (await FindAsync(opened, id) is null)
        {
            return false;
        }

        // Rows of apps and of the portal stay: the history of other portals, backups and others refer to their ids.
        await EmptyAsync(opened, id);
        await opened.RunAsync("UPDATE app SET deleted = @2 WHERE portal = @1 AND deleted IS NULL", id, now);
        await opened.RunAsync("UPDATE portal SET deleted = @2 WHERE id = @1", id, now);
        return true;
    }

    /// <summary>Deletes the tokens, users, grants and usage of a portal.</summary>
    public static async ValueTask EmptyAsync(ControlConnection opened, long id)
    {
        await opened.RunAsync("DELETE FROM oauth_access WHERE grant_id IN (SELECT id FROM oauth_grant WHERE portal = @1 OR app IN (SELECT id FROM app WHERE portal = @1))", id);
        await opened.RunAsync("DELETE FROM oauth_grant WHERE portal = @1 OR app IN (SELECT id FROM app WHERE portal = @1)", id);
        await opened.RunAsync("""DELETE FROM session WHERE "user" IN (SELECT id FROM "user" WHERE portal = @1)""", id);
        await opened.RunAsync("""DELETE FROM "user" WHERE portal = @1""", id);
        await opened.RunAsync("DELETE FROM app_token WHERE app IN (SELECT id FROM app WHERE portal = @1)", id);
        await opened.RunAsync("DELETE FROM usage WHERE portal = @1", id);
    }

    // Unknown settings are ignored: a newer Docket may have set them.
    public static PortalSettings ParseSettings(string json) =>
        Deserialize(json).Aggregate(PortalSettings.Default, (settings, entry) => settings.With(entry.Key, entry.Value).Settings);

    static Portal ToPortal(DbDataReader row) => new(row.GetInt64(0), row.GetString(1), row.GetInt64(2)) { Settings = ParseSettings(row.GetString(3)) };

    static IReadOnlyDictionary<string, string> Deserialize(string json) => JsonSerializer.Deserialize(json, SettingsJson.Default.IReadOnlyDictionaryStringString)!;
}

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class SettingsJson : JsonSerializerContext;
