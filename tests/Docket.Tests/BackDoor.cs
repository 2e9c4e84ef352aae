using Docket.Sqlite;
using Npgsql;

namespace Docket.Tests;

/// <summary>What another program could do to a server's data, on both engines: a file, or the schema in its place.</summary>
internal sealed class BackDoor : IDisposable
{
    readonly Connection? file;
    readonly NpgsqlConnection? database;
    (string Version, string Folds) seen;

    BackDoor(Connection? file, NpgsqlConnection? database)
    {
        this.file = file;
        this.database = database;
    }

    /// <param name="directory">The data directory.</param>
    /// <param name="name">The file in it.</param>
    public static async Task<BackDoor> OpenAsync(string directory, string name)
    {
        if (await TestEngine.StoreOfAsync(directory) is not { } store)
        {
            return new(new Connection(Path.Combine(directory, name), create: false), null);
        }

        var database = new NpgsqlConnection(store + ";Pooling=false");
        await database.OpenAsync();
        return new(null, database);
    }

    /// <summary>Runs statements of either engine.</summary>
    public void Execute(string sql, string? onPostgres = null)
    {
        if (file is not null)
        {
            file.Execute(sql);
            return;
        }

        using var command = new NpgsqlCommand(onPostgres ?? sql, database);
        command.ExecuteNonQuery();
    }

    /// <summary>The first value of a question.</summary>
    public string QueryText(string sql)
    {
        if (file is not null)
        {
            return file.QueryText(sql);
        }

        using var command = new NpgsqlCommand(sql, database);
        return $"{command.ExecuteScalar()}";
    }

    /// <summary>Whether something was written since the last call, other than a fold, which the server writes whenever it has time.</summary>
    public bool HasNews()
    {
        var now = file is null ? (QueryText("SELECT (SELECT head::text FROM head) || (SELECT generation FROM identity)"), "") : (QueryText("PRAGMA data_version"), QueryText("SELECT steps FROM fold"));
        var before = seen;
        seen = now;
        return now.Item1 != before.Version && now.Item2 == before.Folds;
    }

    /// <summary>Keeps everyone else from writing the portal.</summary>
    public void Lock() => Execute("BEGIN IMMEDIATE", "BEGIN; SELECT FROM head FOR UPDATE");

    public void Unlock() => Execute("ROLLBACK");

    /// <summary>Lets no row get into a table that has this value in this column; any, if there is none.</summary>
    public void Refuse(string table, string? condition = null) => Execute(
        $"CREATE TRIGGER bad BEFORE INSERT ON {table} {(condition is null ? "" : $"WHEN new.{condition} ")}BEGIN SELECT RAISE(ABORT, 'bad'); END",
        $"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'bad'; END $$;
        CREATE TRIGGER bad BEFORE INSERT ON {table} FOR EACH ROW {(condition is null ? "" : $"WHEN (new.{condition})")} EXECUTE FUNCTION refuse();
        """);

    public void Permit(string table) => Execute("DROP TRIGGER bad", $"DROP TRIGGER bad ON {table}");

    public void Dispose()
    {
        file?.Dispose();
        database?.Dispose();
    }
}
