using System.Diagnostics;
using System.Text;
using Docket.Model.Types;
using Docket.Search;
using Docket.Stores.Postgres;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>An older state of a database comes back: sequence numbers are given again, so they belong to another history, and search indexes forget what is gone.</summary>
public sealed class PostgresRestoreTests : IAsyncLifetime
{
    readonly ManualClock clock = new() { Step = TimeSpan.FromMilliseconds(1) };
    readonly string directory = Directory.CreateTempSubdirectory("docket-restore-").FullName;
    PostgresSchema schema = null!;
    NpgsqlDataSource source = null!;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        schema = await PostgresSchema.ChooseAsync();
        source = NpgsqlDataSource.Create(schema.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        await (source?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_dump_that_is_restored_begins_a_new_history_once()
    {
        string history;
        await using (var process = await StartAsync("first"))
        {
            await WriteAsync(process, "kept", 3);
            history = process.Store.History;
        }

        await using (var process = await StartAsync("first"))
        {
            Assert.Equal(history, process.Store.History); // the same database
            Assert.Equal(3, await CountAsync(process, "kept"));
        }

        await ShellAsync("pg_dump --format=custom --schema=$SCHEMA postgres > $FILE");
        await using (var process = await StartAsync("first"))
        {
            await WriteAsync(process, "lost", 2);
            Assert.Equal(2, await CountAsync(process, "lost"));
        }

        await RunAsync("DROP SCHEMA current CASCADE");
        await ShellAsync("pg_restore --dbname=postgres $FILE");
        await using (var process = await StartAsync("new"))
        {
            await WriteAsync(process, "later", 4);
        }

        string after;
        await using (var process = await StartAsync("first"))
        {
            after = process.Store.History;
            Assert.NotEqual(history, after);
            Assert.Equal((3, 0, 4), (await CountAsync(process, "kept"), await CountAsync(process, "lost"), await CountAsync(process, "later")));
            Assert.Equal(7, process.Store.Sequence);
        }

        await using var again = await StartAsync("first");
        Assert.Equal(after, again.Store.History);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)] // more than are gone
    public async Task Files_of_the_server_that_are_restored_are_noticed_by_what_a_process_has_indexed(int later)
    {
        string history;
        await using (var process = await StartAsync("first"))
        {
            await WriteAsync(process, "kept", 3);
            await KeepAsync();
            await WriteAsync(process, "lost", 2);
            Assert.Equal(2, await CountAsync(process, "lost"));
            history = process.Store.History;
        }

        await PutBackAsync();
        await using (var process = await StartAsync("new"))
        {
            Assert.Equal(history, process.Store.History); // it can't know
            await WriteAsync(process, "later", later);
        }

        await using var again = await StartAsync("first");
        Assert.NotEqual(history, again.Store.History);
        Assert.Equal((3, 0, later), (await CountAsync(again, "kept"), await CountAsync(again, "lost"), await CountAsync(again, "later")));
        Assert.Equal(3 + later, again.Store.Sequence);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 5)]
    public async Task Processes_that_run_while_changes_disappear_notice_it_together(int reader, int later)
    {
        Process[] processes = [await StartAsync("one"), await StartAsync("other")];
        await using var one = processes[0];
        await using var other = processes[1];
        await WriteAsync(one, "kept", 3);
        await KeepAsync();
        await WriteAsync(one, "lost", 2);
        Assert.Equal(2, await CountAsync(one, "lost"));
        Assert.Equal(2, await CountAsync(other, "lost"));
        var history = one.Store.History;

        await PutBackAsync();
        await processes[reader].Store.CatchUpAsync(); // as each request does
        Assert.Equal(3, processes[reader].Store.Sequence);
        await processes[1 - reader].Store.CatchUpAsync();
        Assert.NotEqual(history, one.Store.History);
        await WriteAsync(processes[1 - reader], "later", later);
        foreach (var process in processes)
        {
            Assert.Equal((3, 0, later), (await CountAsync(process, "kept"), await CountAsync(process, "lost"), await CountAsync(process, "later")));
            Assert.Equal(3 + later, (await process.Store.FeedAsync(0, 100, int.MaxValue, Cancellation)).Length);
            Assert.Equal(one.Store.History, process.Store.History);
        }
    }

    [Fact]
    public async Task Indexes_of_another_database_are_not_taken_for_what_is_gone_from_this_one()
    {
        await using (var process = await StartAsync("first"))
        {
            await WriteAsync(process, "here", 3);
            Assert.Equal(3, await CountAsync(process, "here"));
        }

        await using var elsewhere = await PostgresSchema.ChooseAsync();
        string history;
        await using (var process = await StartAsync("second", elsewhere))
        {
            await WriteAsync(process, "there", 1);
            history = process.Store.History;
        }

        await using var moved = await StartAsync("first", elsewhere);
        Assert.Equal(history, moved.Store.History);
        Assert.Equal((0, 1), (await CountAsync(moved, "here"), await CountAsync(moved, "there")));
    }

    async Task<Process> StartAsync(string name, PostgresSchema? of = null)
    {
        var portals = await PostgresPortals.OpenAsync((of ?? schema).ConnectionString, null, Path.Combine(directory, name), StandardTypes.All, clock, NullLogger.Instance, serve: true);
        var portal = await portals.FindOrCreateFirstAsync("first");
        return new(portals, (PostgresStore)await portals.OpenAsync(portal.Id, Cancellation));
    }

    static async Task WriteAsync(Process process, string word, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var input = new RecordInput { Values = [new("subject"u8.ToArray(), Encoding.UTF8.GetBytes(word)), new("hs_pipeline_stage"u8.ToArray(), "1"u8.ToArray())] };
            await process.Store.ApplyAsync(Validation.Check(WriteKind.Create, [input], process.Store.Schema.Of(Tickets.Type), Schemata.Caller));
        }
    }

    static async Task<int> CountAsync(Process process, string word)
    {
        await process.Store.CatchUpAsync(); // as each request does: another process may have begun to use the type
        var schema = process.Store.Schema.Of(Tickets.Type);
        return (int)(await process.Store.SearchAsync(SearchCompiler.Compile(new SearchBody { Query = word }, schema, capped: false), Cancellation)).Total;
    }

    // The state to which PutBackAsync returns: that of the portals' tables, in place of the files of a server.
    Task KeepAsync() => RunAsync(["CREATE SCHEMA current_kept", .. PostgresDatabase.PortalTables.Select(table => $"CREATE TABLE current_kept.{table} AS TABLE current.{table}")]);

    Task PutBackAsync() => RunAsync([.. PostgresDatabase.PortalTables.SelectMany(table => (string[])[$"TRUNCATE current.{table}", $"INSERT INTO current.{table} TABLE current_kept.{table}"]), "DROP SCHEMA current_kept CASCADE"]);

    // In one transaction; the schema of the test is called current.
    async Task RunAsync(params string[] statements)
    {
        await using var command = source.CreateCommand(string.Join(';', statements).Replace("current", new NpgsqlConnectionStringBuilder(schema.ConnectionString).SearchPath, StringComparison.Ordinal));
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    async Task ShellAsync(string command)
    {
        var server = new NpgsqlConnectionStringBuilder(schema.ConnectionString);
        var start = new ProcessStartInfo("sh", ["-c", $"PATH=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr | head -n 1):$PATH; {command}"])
        {
            Environment = { ["PGHOST"] = server.Host, ["PGUSER"] = server.Username, ["SCHEMA"] = server.SearchPath, ["FILE"] = Path.Combine(directory, "dump") },
        };
        using var shell = System.Diagnostics.Process.Start(start)!;
        await shell.WaitForExitAsync(Cancellation);
        Assert.Equal(0, shell.ExitCode);
    }

    sealed record Process(PostgresPortals Portals, PostgresStore Store) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Portals.DisposeAsync();
    }
}
