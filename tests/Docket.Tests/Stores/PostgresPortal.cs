using Docket.Model.Types;
using Docket.Stores.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Stores;

/// <summary>A portal in PostgreSQL, as one process has it open.</summary>
internal sealed class PostgresPortal : IAsyncDisposable
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-store-").FullName;

    PostgresPortal(PostgresDatabase database, TimeProvider clock)
    {
        Database = database;
        Store = new(database, 1, StandardTypes.All, directory, clock, NullLogger.Instance);
    }

    public PostgresDatabase Database { get; }

    public PostgresStore Store { get; }

    /// <summary>Opens portal 1, which is empty the first time.</summary>
    public static async Task<PostgresPortal> OpenAsync(string connectionString, TimeProvider clock)
    {
        var database = await PostgresDatabase.OpenAsync(connectionString);
        await using var create = database.Source.CreateCommand("INSERT INTO head (portal, history) VALUES (1, gen_random_uuid()) ON CONFLICT DO NOTHING");
        await create.ExecuteNonQueryAsync();
        return new(database, clock);
    }

    public async ValueTask DisposeAsync()
    {
        Store.Dispose();
        await Database.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }
}
