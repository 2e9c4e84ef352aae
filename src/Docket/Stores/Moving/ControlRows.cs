using System.Collections.Immutable;
using Docket.Stores.Control;

namespace Docket.Stores.Moving;

/// <summary>
/// What the control plane has of one portal: its name and settings, apps, tokens, users, grants and usage. Sessions stay behind: their
/// users sign in again.
/// </summary>
internal sealed class ControlRows
{
    const string PortalColumns = "id, name, created, settings";

    /// <summary>Tables with their columns, and their rows of a portal @1.</summary>
    static readonly (string Table, string Columns, string Where)[] Tables =
    [
        ("portal", PortalColumns, "id = @1 AND deleted IS NULL"),
        ("app", "id, portal, name, scopes, client_id, client_secret, redirect_uris, optional_scopes, created, deleted", "portal = @1"),
        ("app_token", "hash, app, expires", "app IN (SELECT id FROM app WHERE portal = @1)"),
        ("\"user\"", "id, portal, email, first_name, last_name, password, created, updated, archived", "portal = @1"),
        ("usage", "portal, day, calls", "portal = @1"),
    ];

    // An app of one portal can have grants in another one.
    const string Grants = """
        SELECT g.id, g.app, g.portal, g."user", g.scopes, g.redirect_uri, g.challenge, g.code, g.code_expires, g.exchanged, g.refresh, a.client_id, u.email
        FROM oauth_grant g JOIN app a ON a.id = g.app JOIN "user" u ON u.id = g."user" WHERE g.portal = @1 OR a.portal = @1 ORDER BY g.id
        """;

    const string Accesses = """
        SELECT o.hash, o.grant_id, o.expires FROM oauth_access o JOIN oauth_grant g ON g.id = o.grant_id JOIN app a ON a.id = g.app WHERE g.portal = @1 OR a.portal = @1
        """;

    readonly Dictionary<string, ImmutableArray<object?[]>> rows = [];
    ImmutableArray<object?[]> grants, accesses;

    ControlRows(long portal) => Portal = portal;

    public long Portal { get; }

    public string PortalName => (string)rows["portal"][0][1]!;

    object? Settings => rows["portal"][0][3];

    /// <summary>Reads the rows of a portal; <c>null</c> if there is no such portal.</summary>
    public static async ValueTask<ControlRows?> ReadAsync(ControlConnection opened, long portal)
    {
        var read = new ControlRows(portal);
        foreach (var (table, columns, where) in Tables)
        {
            read.rows[table] = await opened.ListAsync(Values, $"SELECT {columns} FROM {table} WHERE {where} ORDER BY 1", portal);
        }

        read.grants = await opened.ListAsync(Values, Grants, portal);
        read.accesses = await opened.ListAsync(Values, Accesses, portal);
        return read.rows["portal"].IsEmpty ? null : read;
    }

    /// <summary>The portals of a control plane.</summary>
    public static ValueTask<ImmutableArray<long>> PortalsAsync(ControlConnection opened) => opened.ListAsync(row => row.GetInt64(0), "SELECT id FROM portal WHERE deleted IS NULL ORDER BY id");

    /// <summary>Why these rows can't be added to a control plane; <c>null</c> if they can.</summary>
    public async ValueTask<string?> ObstacleAsync(ControlConnection target)
    {
        if (await target.FindAsync(row => (bool?)row.IsDBNull(0), "SELECT deleted FROM portal WHERE id = @1", Portal) is { } exists)
        {
            return exists ? $"portal {Portal} exists there" : $"a portal {Portal} was deleted there, and ids are not used again";
        }

        foreach (var (table, what) in ((string, string)[])[("app", "app"), ("\"user\"", "user")])
        {
            foreach (var row in rows[table])
            {
                if (await target.FindAsync(found => (long?)found.GetInt64(0), $"SELECT portal FROM {table} WHERE id = @1", row[0]) is { } owner)
                {
                    return $"{what} {row[0]} belongs to portal {owner} there";
                }
            }
        }

        return null;
    }

    /// <summary>Adds the rows.</summary>
    /// <returns>How many grants could not be added, because their app or user is in a portal that isn't there.</returns>
    public ValueTask<int> AddAsync(ControlConnection target) => AddAsync(target, Tables);

    /// <summary>Replaces the rows of the same portal with these, which are earlier ones.</summary>
    public async ValueTask ReplaceAsync(ControlConnection target)
    {
        await PortalTable.EmptyAsync(target, Portal);
        await target.RunAsync("DELETE FROM app WHERE portal = @1", Portal);
        await target.RunAsync("UPDATE portal SET name = @2, settings = @3 WHERE id = @1", Portal, PortalName, Settings);
        await AddAsync(target, Tables[1..]);
    }

    /// <summary>Gives another portal the settings of this one.</summary>
    public async ValueTask SetUpAsync(ControlConnection target, long portal) => await target.RunAsync("UPDATE portal SET settings = @2 WHERE id = @1", portal, Settings);

    async ValueTask<int> AddAsync(ControlConnection target, IEnumerable<(string Table, string Columns, string Where)> tables)
    {
        foreach (var (table, columns, _) in tables)
        {
            foreach (var row in rows[table])
            {
                await target.RunAsync($"INSERT INTO {table} ({columns}) VALUES ({string.Join(", ", row.Select((_, i) => $"@{i + 1}"))})", row);
            }
        }

        // Ids of grants are not visible anywhere, so they may be others there.
        var ids = new Dictionary<object, long>();
        foreach (var grant in grants)
        {
            if (await target.FindAsync(
                row => (long?)row.GetInt64(0),
                """
                INSERT INTO oauth_grant (app, portal, "user", scopes, redirect_uri, challenge, code, code_expires, exchanged, refresh)
                SELECT a.id, @2, u.id, @4, @5, @6, @7, @8, @9, @10 FROM app a, "user" u
                WHERE a.id = @1 AND a.client_id = @11 AND u.id = @3 AND u.portal = @2 AND u.email = @12 RETURNING id
                """,
                grant[1..]) is { } id)
            {
                ids[grant[0]!] = id;
            }
        }

        foreach (var access in accesses.Where(access => ids.ContainsKey(access[1]!)))
        {
            await target.RunAsync("INSERT INTO oauth_access (hash, grant_id, expires) VALUES (@1, @2, @3)", access[0], ids[access[1]!], access[2]);
        }

        return grants.Length - ids.Count;
    }

    static object?[] Values(System.Data.Common.DbDataReader row)
    {
        var values = new object?[row.FieldCount];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = row.IsDBNull(i) ? null : row.GetValue(i);
        }

        return values;
    }
}
