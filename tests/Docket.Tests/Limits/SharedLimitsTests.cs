using System.Collections.Concurrent;
using Docket.Stores;
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
