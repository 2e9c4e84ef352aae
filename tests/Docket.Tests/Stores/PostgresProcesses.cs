using Docket.Model.Types;
using Docket.Stores.Postgres;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>A portal in PostgreSQL that several processes use, as it were: each has its own connections, memory and search index.</summary>
internal sealed class PostgresProcesses : IAsyncDisposable
{
    readonly string connectionString;
    readonly IAsyncDisposable schema;
    readonly TimeProvider clock;
    readonly string directory = Directory.CreateTempSubdirectory("docket-processes-").FullName;
    readonly List<(PostgresStore Store, PostgresDatabase Database)> open = [];

    PostgresProcesses(string connectionString, IAsyncDisposable schema, TimeProvider clock)
    {
        this.connectionString = connectionString;
        this.schema = schema;
        this.clock = clock;
    }

    /// <summary>An empty portal in the server of the test run. Skips the test where there is none.</summary>
    public static async Task<PostgresProcesses> CreateAsync(TimeProvider clock)
    {
        var schema = await PostgresSchema.ChooseAsync();
        return await CreateAsync(schema.ConnectionString, schema, clock);
    }

    /// <summary>An empty portal in another server, which is disposed of with it.</summary>
    public static async Task<PostgresProcesses> CreateAsync(string connectionString, IAsyncDisposable owner, TimeProvider clock)
    {
        var portal = new PostgresProcesses(connectionString, owner, clock);
        await using var database = await PostgresDatabase.OpenAsync(connectionString);
        await using var create = database.Source.CreateCommand("INSERT INTO head (portal, history) VALUES (1, $1)");
        create.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Guid.NewGuid().ToString("n") });
        await create.ExecuteNonQueryAsync();
        return portal;
    }

    /// <summary>The directory of a process's search index.</summary>
    public string DirectoryOf(string process) => Directory.CreateDirectory(Path.Combine(directory, process)).FullName;

    /// <summary>Opens it as a process does.</summary>
    public async Task<PostgresStore> OpenAsync(string process = "first", ILogger? logger = null)
    {
        var database = await PostgresDatabase.OpenAsync(connectionString);
        var store = new PostgresStore(database, 1, StandardTypes.All, DirectoryOf(process), clock, logger ?? NullLogger.Instance);
        open.Add((store, database));
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (store, database) in open)
        {
            store.Dispose();
            await database.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
        await schema.DisposeAsync();
    }
}
