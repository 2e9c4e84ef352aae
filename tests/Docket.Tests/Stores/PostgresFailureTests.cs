using System.Collections.Concurrent;
using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Writes;
using Npgsql;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

/// <summary>Whatever happens to PostgreSQL, what was acknowledged is there once, and what was refused isn't, except where the refusal says that this is unknown.</summary>
[Trait("Category", "Slow")]
public sealed class PostgresFailureTests
{
    const int Clients = 8;

    readonly ConcurrentDictionary<string, Result> results = [];
    int next;

    enum Result { Written, Refused, Unknown }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task Connections_that_are_cut_at_any_byte_lose_nothing_and_repeat_nothing() => CutAsync(50);

    [Fact(Explicit = true)]
    public Task A_thousand_cuts_lose_nothing_and_repeat_nothing() => CutAsync(1_000);

    [Fact]
    public async Task A_server_that_is_killed_and_started_again_loses_nothing_and_repeats_nothing()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var portal = await PostgresPortal.OpenAsync(server.ConnectionString, TimeProvider.System);
        await WriteWhileAsync(portal, async () =>
        {
            for (var kill = 0; kill < 3; kill++)
            {
                await WrittenAsync(50);
                await server.KillAsync();
                await server.StartAgainAsync();
            }

            await WrittenAsync(50);
        });
        await CheckAsync(portal);
    }

    [Fact]
    public async Task A_standby_that_is_promoted_has_everything_that_was_acknowledged()
    {
        await using var primary = await PostgresServer.StartAsync("fsync=off");
        await using var standby = await PostgresServer.StartStandbyAsync(primary, "hot_standby=on", "synchronous_standby_names=''");
        await using (var source = NpgsqlDataSource.Create(primary.ConnectionString))
        {
            await ExecuteAsync(source, "ALTER SYSTEM SET synchronous_standby_names = '*'");
            await ExecuteAsync(source, "SELECT pg_reload_conf()");
        }

        await using var portal = await PostgresPortal.OpenAsync($"Host={primary.Directory},{standby.Directory};Username=docket;Database=postgres;Target Session Attributes=primary", TimeProvider.System);
        await WriteWhileAsync(portal, async () =>
        {
            await WrittenAsync(100);
            await primary.KillAsync();
            await standby.PromoteAsync();
            await WrittenAsync(100);
        });
        await CheckAsync(portal);
    }

    [Fact]
    public async Task A_statement_that_takes_too_long_is_refused_and_writes_nothing()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var portal = await PostgresPortal.OpenAsync($"{schema.ConnectionString};Options=-c statement_timeout=300ms", TimeProvider.System);
        await CreateAsync(portal);
        await using (var holder = await portal.Database.Source.OpenConnectionAsync(Cancellation))
        await using (var transaction = await holder.BeginTransactionAsync(Cancellation))
        {
            await using var hold = new NpgsqlCommand("SELECT 1 FROM head FOR UPDATE", holder);
            await hold.ExecuteNonQueryAsync(Cancellation);
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => CreateAsync(portal)));
        }

        await CreateAsync(portal);
        await CheckAsync(portal);
        Assert.Equal((2, Clients), (results.Values.Count(result => result == Result.Written), results.Values.Count(result => result == Result.Refused)));
    }

    [Fact]
    public async Task A_full_disk_refuses_writes_loses_nothing_and_recovers()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var portal = await PostgresPortal.OpenAsync(server.ConnectionString, TimeProvider.System);
        await server.RestartAsync($"{20 * 1024 * 1024 + 1000}");
        var content = new string('x', 60_000);
        for (var tries = 0; results.Values.All(result => result == Result.Written) && tries < 1_000; tries++)
        {
            await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => CreateAsync(portal, content)));
        }

        var refusal = await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(portal, "refused", content));
        Assert.Equal((507, "full"), (refusal.Error.Status, refusal.Error.State));
        await server.RestartAsync("unlimited");
        await CreateAsync(portal, content);
        Assert.Equal(Result.Written, results[$"{next}"]);
        await CheckAsync(portal);
    }

    Task CutAsync(int cuts) => Seed.PlayAsync(async random =>
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var proxy = new CuttingProxy(schema.ConnectionString);
        await using var portal = await PostgresPortal.OpenAsync(proxy.ConnectionString, TimeProvider.System);
        await CreateAsync(portal); // opens it, which is longer than a transaction
        await WriteWhileAsync(portal, async () =>
        {
            for (var cut = 0; cut < cuts; cut++)
            {
                // A transaction is some thousand bytes there and some hundred back.
                var toServer = random.Next(2) == 0;
                await proxy.CutAfterAsync(toServer, random.Next(toServer ? 10_000 : 1_000), random.Next(4) == 0 ? random.Next(300) : 0).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
            }
        });
        await CheckAsync(portal);
    });

    // Some clients write all the time; each value is written once.
    async Task WriteWhileAsync(PostgresPortal portal, Func<Task> events)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var clients = Enumerable.Range(0, Clients).Select(_ => Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                await CreateAsync(portal);
            }
        })).ToList();
        var failed = Task.WhenAny(clients).Unwrap();
        try
        {
            await await Task.WhenAny(events(), failed);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(clients);
        }
    }

    async Task WrittenAsync(int more)
    {
        var until = Written() + more;
        while (Written() < until)
        {
            await Task.Delay(5, Cancellation);
        }

        int Written() => results.Values.Count(result => result == Result.Written);
    }

    async Task CreateAsync(PostgresPortal portal, string content = "")
    {
        var subject = $"{Interlocked.Increment(ref next)}";
        try
        {
            await ApplyAsync(portal, subject, content);
            results[subject] = Result.Written;
        }
        catch (Refusal refusal) when (refusal.Error.Status is 503 or 507)
        {
            results[subject] = refusal.Error.Message.StartsWith("It is not known", StringComparison.Ordinal) ? Result.Unknown : Result.Refused;
            await Task.Delay(10, CancellationToken.None);
        }
    }

    static async Task ApplyAsync(PostgresPortal portal, string subject, string content)
    {
        var input = new RecordInput { Values = [Value("subject", subject), Value("content", content), Value("hs_pipeline_stage", "1")] };
        var outcome = await portal.Store.ApplyAsync(Validation.Check(WriteKind.Create, [input], portal.Store.Schema.Of(Tickets.Type), Schemata.Caller));
        Assert.Empty(outcome.Faults);

        static RawValue Value(string name, string value) => new(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
    }

    async Task CheckAsync(PostgresPortal portal)
    {
        var subject = portal.Store.Schema.Of(Tickets.Type).Find("subject")!;
        var found = new List<string>();
        var (from, after) = (0L, 0L);
        while (await portal.Store.ReadAsync(snapshot => snapshot.ListAsync(Tickets.Type, from, 1_000, archived: false), Cancellation) is { Length: > 0 } page)
        {
            found.AddRange(page.Select(Subject));
            from = page[^1].Id + 1;
        }

        while (await portal.Store.FeedAsync(after, 1_000, 1_000_000, Cancellation) is { Length: > 0 } changes)
        {
            Assert.Equal(Enumerable.Range(1, changes.Length).Select(i => after + i), changes.Select(change => change.Sequence));
            after += changes.Length;
        }

        string Subject(Record record)
        {
            var values = new ValueReader(record.Values.Span);
            Assert.True(values.Seek(subject.Number));
            return Encoding.UTF8.GetString(values.Value);
        }

        Assert.Equal(found.Count, after);
        Assert.Empty(found.GroupBy(each => each).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.Empty(results.Where(result => result.Value == Result.Written).Select(result => result.Key).Except(found));
        Assert.Empty(results.Where(result => result.Value == Result.Refused).Select(result => result.Key).Intersect(found));
        TestContext.Current.SendDiagnosticMessage(string.Join(", ", results.Values.GroupBy(result => result).Select(group => $"{group.Key} {group.Count()}")));
    }

    static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
