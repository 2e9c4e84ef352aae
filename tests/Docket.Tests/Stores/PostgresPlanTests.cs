using System.Globalization;
using System.Text.RegularExpressions;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Moving;
using Docket.Stores.Postgres;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>
/// No statement reads a whole portal, also as long as the planner knows nothing of the tables, and on a cluster each goes to one node.
/// Plays all that an engine promises, and then asks the planner about every statement that was prepared.
/// </summary>
public sealed partial class PostgresPlanTests(PostgresPlanTests.Tables tables) : JobConformanceTests, IClassFixture<PostgresPlanTests.Tables>
{
    const int Connections = 4;

    readonly string directory = Directory.CreateTempSubdirectory("docket-store-").FullName;
    PostgresDatabase? database;
    PostgresStore? store;
    long portal;

    [Fact]
    public async Task A_move_to_the_database_and_back()
    {
        await OpenAsync();
        var (data, other) = (Path.Combine(directory, "data"), Path.Combine(directory, "other"));
        await using (var server = await TestServer.StartAsync(data, with: options => options with { Store = null }))
        {
            (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"subject":"one","hs_pipeline_stage":"1"}}""")).Expect(201);
        }

        var home = new MoveDatabase(database!, Clock, NullLogger.Instance);
        await using (var files = new MoveDirectory(data, create: false, StandardTypes.All, Clock, NullLogger.Instance))
        {
            await new PortalMove(files, home, static _ => { }).RunAsync(24_000_001, restart: true, TestContext.Current.CancellationToken);
        }

        await using (var files = new MoveDirectory(other, create: true, StandardTypes.All, Clock, NullLogger.Instance))
        {
            await new PortalMove(home, files, static _ => { }).RunAsync(24_000_001, restart: false, TestContext.Current.CancellationToken);
        }
    }

    private protected override async ValueTask<IStore> OpenAsync()
    {
        database = await PostgresDatabase.OpenAsync(tables.ConnectionString);
        if (portal == 0)
        {
            portal = tables.NextPortal();
            await using var create = database.Source.CreateCommand($"INSERT INTO head (portal, history) VALUES ({portal}, 'history')");
            await create.ExecuteNonQueryAsync();
        }

        return store = new PostgresStore(database, portal, StandardTypes.All, directory, Clock, NullLogger.Instance);
    }

    private protected override async ValueTask CloseAsync()
    {
        if (database is null)
        {
            return; // skipped
        }

        store!.Dispose();
        await using (database)
        {
            var pool = new List<NpgsqlConnection>();
            for (var i = 0; i < Connections; i++)
            {
                pool.Add(await database.Source.OpenConnectionAsync());
            }

            foreach (var connection in pool)
            {
                await CheckAsync(connection, tables.IsCluster);
                await connection.DisposeAsync();
            }
        }
    }

    private protected override ValueTask RemoveAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    async Task CheckAsync(NpgsqlConnection connection, bool isCluster)
    {
        var statements = new List<(string Name, string Sql, string[] Types)>();
        await using (var select = new NpgsqlCommand("SELECT name, statement, parameter_types::text[] FROM pg_prepared_statements", connection))
        await using (var rows = await select.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                statements.Add((rows.GetString(0), rows.GetString(1), rows.GetFieldValue<string[]>(2)));
            }
        }

        foreach (var (name, sql, types) in statements.Where(statement => Explainable().IsMatch(statement.Sql) && PostgresDatabase.PortalTables.Any(table => Regex.IsMatch(statement.Sql, $@"\b{table}\b"))))
        {
            var values = types.Select((type, i) => i == 0 ? portal.ToString(CultureInfo.InvariantCulture) : Sample(type));
            await using var explain = new NpgsqlCommand($"EXPLAIN (VERBOSE) EXECUTE \"{name}\"{(types.Length > 0 ? $"({string.Join(", ", values)})" : "")}", connection);
            var plan = new List<string>();
            await using var rows = await explain.ExecuteReaderAsync();
            while (await rows.ReadAsync())
            {
                plan.Add(rows.GetString(0));
            }

            var shown = string.Join('\n', plan.Prepend(sql));
            if (isCluster)
            {
                Assert.True(plan.Exists(line => line.Contains("Task Count: 1", StringComparison.Ordinal)) && !plan.Exists(line => line.Contains("coordinator", StringComparison.Ordinal) || line.Contains("Distributed Subplan", StringComparison.Ordinal)), shown);
            }
            else if (!DeletesPortal().IsMatch(sql))
            {
                Assert.False(ReadsWholePortal(plan), shown);
            }
        }
    }

    static string Sample(string type) => type switch
    {
        "bigint[]" or "integer[]" or "smallint[]" => $"'{{1,2}}'::{type}",
        "text[]" => "'{a,b}'",
        "bytea[]" => @"'{""\\x01"",""\\x02""}'",
        "text" => "'a'",
        "bytea" => @"'\x01'",
        "boolean" => "true",
        "uuid[]" => "'{00000000-0000-0000-0000-000000000001}'",
        "uuid" => "'00000000-0000-0000-0000-000000000001'",
        _ => $"1::{type}",
    };

    [GeneratedRegex(@"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")]
    private static partial Regex Explainable();

    // Of a move that is repeated.
    [GeneratedRegex(@"^DELETE FROM \w+ WHERE portal = \$1$")]
    private static partial Regex DeletesPortal();

    // Looks at the tables that grow with a portal: a condition on an index must say more than the portal.
    static bool ReadsWholePortal(List<string> plan)
    {
        var large = false;
        foreach (var line in plan)
        {
            if (Scan().Match(line) is { Success: true } scan)
            {
                large = scan.Groups[2].Value is "change" or "record" or "unique_value";
                if (large && scan.Groups[1].Value == "Seq")
                {
                    return true;
                }
            }
            else if (large && PortalOnly().IsMatch(line))
            {
                return true;
            }
        }

        return false;
    }

    [GeneratedRegex(@"(\w+) (?:Heap |Only |Index |Backward )*Scan.* on (?:\w+\.)?(\w+)")]
    private static partial Regex Scan();

    [GeneratedRegex(@"Index Cond: \(\w+\.portal = [^ ]+\)$")]
    private static partial Regex PortalOnly();

    /// <summary>Tables with another, larger portal, of which the planner has no statistics.</summary>
    public sealed class Tables : IAsyncLifetime
    {
        PostgresSchema? schema;
        long lastPortal = 1;

        public string ConnectionString { get; private set; } = "";

        /// <summary>Whether it is a cluster, which <c>DOCKET_TEST_CITUS</c> names.</summary>
        public bool IsCluster { get; private set; }

        public long NextPortal() => ++lastPortal;

        public async ValueTask InitializeAsync()
        {
            IsCluster = Environment.GetEnvironmentVariable("DOCKET_TEST_CITUS") is { Length: > 0 };
            schema = await PostgresSchema.ChooseAsync(Environment.GetEnvironmentVariable("DOCKET_TEST_CITUS"));
            ConnectionString = $"{schema.ConnectionString};Max Auto Prepare=500;Auto Prepare Min Usages=1;Maximum Pool Size={Connections}";
            await using var database = await PostgresDatabase.OpenAsync(ConnectionString);
            foreach (var sql in (string[])
            [
                .. IsCluster ? [] : PostgresDatabase.PortalTables.Select(table => $"ALTER TABLE {table} SET (autovacuum_enabled = off)"),
                "INSERT INTO change (portal, sequence, record, kind, time, source, content) SELECT 1, n, n, 1, 1, 1, '\\x00' FROM generate_series(1, 20000) n",
                "INSERT INTO record (portal, key, change, created, updated, source, content) SELECT 1, n, n, 1, 1, 1, '\\x00' FROM generate_series(1, 20000) n",
                "INSERT INTO unique_value (portal, property, value, record) SELECT 1, 1, n::text::bytea, n FROM generate_series(1, 20000) n",
            ])
            {
                await using var command = database.Source.CreateCommand(sql);
                await command.ExecuteNonQueryAsync();
            }
        }

        public async ValueTask DisposeAsync() => await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
