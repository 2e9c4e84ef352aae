using System.Collections.Concurrent;
using Docket.Stores;
using Docket.Stores.Postgres;
using Docket.Tests.Stores;

namespace Docket.Tests.Limits;

/// <summary>Limits in seconds where two processes serve one database: what one lets in counts at the other once its report has arrived.</summary>
public sealed class SharedLimitsTests : IAsyncLifetime
{
    const string Tickets = "/crm/v3/objects/tickets", Search = Tickets + "/search";
    const int Burst = 20, Searches = 4;

    PostgresSchema schema = null!;
    Process one = null!, other = null!;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        schema = await PostgresSchema.ChooseAsync();
        one = new(await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString }));
        other = new(await TestServer.StartAsync(with: options => options with { Store = schema.ConnectionString }));
        (await one.Server.PatchAsync("/docket/v1/settings", $$"""{"limits-burst":"{{Burst}}","limits-search":"{{Searches}}"}""")).Expect(200);
    }

    public async ValueTask DisposeAsync()
    {
        await (one?.Server.DisposeAsync() ?? ValueTask.CompletedTask);
        await (other?.Server.DisposeAsync() ?? ValueTask.CompletedTask);
        await schema.DisposeAsync();
    }

    [Fact]
    public async Task Calls_that_alternate_between_two_processes_are_let_in_as_often_as_the_limit_says()
    {
        Assert.Equal(Burst, await AlternateAsync(Burst + 6, server => server.GetAsync(Tickets)));
        Assert.Equal(Searches, await AlternateAsync(Searches + 6, server => server.PostAsync(Search, "{}")));
    }

    [Fact]
    public async Task Calls_that_come_to_two_processes_at_once_exceed_the_limit_only_until_the_reports_have_arrived()
    {
        var letIn = await Task.WhenAll(Enumerable.Range(0, 4 * Burst).Select(i => (i % 2 == 0 ? one : other).LetsInAsync(server => server.GetAsync(Tickets))));
        Assert.InRange(letIn.Count(each => each), Burst, 2 * Burst);
        await ReportsAsync();
        Assert.False(await one.LetsInAsync(server => server.GetAsync(Tickets)));
        Assert.False(await other.LetsInAsync(server => server.GetAsync(Tickets)));
    }

    [Fact]
    public async Task Only_calls_with_a_limit_are_reported()
    {
        (await one.Server.PatchAsync("/docket/v1/settings", """{"limits-burst":"off"}""")).Expect(200);
        (await one.Server.GetAsync(Tickets)).Expect(200);
        Assert.True(await one.LetsInAsync(server => server.PostAsync(Search, "{}")));
        await ReportsAsync();
        Assert.Equal([new(one.Server.PortalId, null, 1)], other.Heard);
        Assert.Empty(one.Heard);
    }

    // As through a pooler with transactions, or at another node of a cluster.
    [Fact]
    public async Task Calls_are_heard_of_without_notifications_by_who_reports_itself_and_by_who_asks_and_only_those_since_the_start()
    {
        await using var first = await Reporter.StartAsync(schema.ConnectionString);
        await using var second = await Reporter.StartAsync(schema.ConnectionString);
        first.Add(7, 3);
        await second.HearsAsync(3, asks: true);

        second.Add(7, 1);
        await first.HearsAsync(1, asks: true);
        first.Add(7, 2);
        await second.HearsAsync(5, asks: true);
        second.Add(7, 1);
        await second.SentAsync(2);
        first.Add(7, 1); // its report brings what the other one has reported
        await first.HearsAsync(2, asks: false);

        await using var third = await Reporter.StartAsync(schema.ConnectionString);
        Assert.Empty(third.Heard);
        first.Add(null, 1);
        await third.HearsAsync(1, asks: true);
        Assert.Equal([new(Reporter.Portal, null, 1)], third.Heard);
    }

    async Task<int> AlternateAsync(int calls, Func<TestServer, Task<Answer>> send)
    {
        var letIn = 0;
        for (var i = 0; i < calls; i++)
        {
            letIn += await (i % 2 == 0 ? one : other).LetsInAsync(send) ? 1 : 0;
            await ReportsAsync();
        }

        return letIn;
    }

    // Waits until each has heard of everything that the other one let in.
    async Task ReportsAsync()
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (other.Heard.Sum(calls => calls.Calls) < one.LetIn || one.Heard.Sum(calls => calls.Calls) < other.LetIn)
        {
            Assert.False(enough.IsCancellationRequested, "a report doesn't arrive");
            await Task.Delay(5, Cancellation);
        }
    }

    /// <summary>A process that counts calls, and doesn't listen.</summary>
    sealed class Reporter : IAsyncDisposable
    {
        public const long Portal = 5;

        readonly PostgresDatabase database;
        readonly CallReports reports;

        Reporter(PostgresDatabase database)
        {
            this.database = database;
            reports = new(database, TimeProvider.System);
            reports.Calls.Heard += Heard.Enqueue;
        }

        public ConcurrentQueue<RecentCalls> Heard { get; } = new();

        public static async Task<Reporter> StartAsync(string connectionString)
        {
            var reporter = new Reporter(await PostgresDatabase.OpenAsync(connectionString, cancellation: Cancellation));
            await reporter.database.Presence.AnnounceAsync();
            await reporter.AskAsync();
            return reporter;
        }

        public void Add(long? app, int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                reports.Calls.Add(Portal, app);
            }
        }

        public async Task HearsAsync(int calls, bool asks)
        {
            using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (Heard.Sum(each => each.Calls) < calls)
            {
                Assert.False(enough.IsCancellationRequested, "a report doesn't arrive");
                await (asks ? AskAsync() : Task.Delay(5, Cancellation));
            }

            Assert.Equal(calls, Heard.Sum(each => each.Calls));
        }

        public async Task SentAsync(int total)
        {
            await using var ask = database.Source.CreateCommand("SELECT sum(calls)::int FROM recent_calls WHERE process = $1");
            ask.Parameters.Add(PortalSession.Value(database.Process));
            while (await ask.ExecuteScalarAsync(Cancellation) as int? != total)
            {
                await Task.Delay(5, Cancellation);
            }
        }

        public ValueTask DisposeAsync() => database.DisposeAsync();

        async Task AskAsync()
        {
            await using var connection = await database.Source.OpenConnectionAsync(Cancellation);
            await reports.ReadAsync(connection, Cancellation);
        }
    }

    sealed class Process
    {
        int letIn;

        public Process(TestServer server)
        {
            Server = server;
            server.Portals.SharedCalls!.Heard += Heard.Enqueue;
        }

        public TestServer Server { get; }

        public ConcurrentQueue<RecentCalls> Heard { get; } = new();

        public int LetIn => Volatile.Read(ref letIn);

        public async Task<bool> LetsInAsync(Func<TestServer, Task<Answer>> send)
        {
            if ((await send(Server)).Status == 429)
            {
                return false;
            }

            Interlocked.Increment(ref letIn);
            return true;
        }
    }
}
