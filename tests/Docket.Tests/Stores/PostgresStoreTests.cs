using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>PostgreSQL keeps what every engine promises.</summary>
[Trait("Category", "Slow")]
public sealed class PostgresStoreTests : JobConformanceTests
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-store-").FullName;
    PostgresSchema? schema;
    PostgresDatabase? database;
    PostgresStore? store;

    private protected override async ValueTask<IStore> OpenAsync()
    {
        schema ??= await PostgresSchema.ChooseAsync();
        database = await PostgresDatabase.OpenAsync(schema.ConnectionString);
        await using (var create = database.Source.CreateCommand("INSERT INTO head (portal, history) VALUES (1, $1) ON CONFLICT DO NOTHING"))
        {
            create.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Guid.NewGuid().ToString("n") });
            await create.ExecuteNonQueryAsync();
        }

        return store = new PostgresStore(database, 1, StandardTypes.All, directory, Clock, NullLogger.Instance);
    }

    private protected override async ValueTask CloseAsync()
    {
        store?.Dispose();
        await (database?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private protected override async ValueTask RemoveAsync()
    {
        Directory.Delete(directory, recursive: true);
        await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
