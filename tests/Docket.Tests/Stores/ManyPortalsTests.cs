using System.Net.Http.Headers;
using Docket.Model.Types;
using Docket.Stores.Sqlite;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

/// <summary>A portal takes nothing while nobody uses it, and works as before when somebody does.</summary>
public sealed class ManyPortalsTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-many-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task A_portal_that_is_closed_when_nobody_uses_it_goes_on_where_it_was()
    {
        var path = Path.Combine(directory, "portal.db");
        SqliteStore.Create(path, 1, "registry");
        using var store = new SqliteStore(path, StandardTypes.All, new ManualClock(), NullLogger.Instance);
        Assert.False(store.IsOpen);
        var first = await CreateAsync(store);
        var (history, changes) = (store.History, store.WaitBeyondAsync(store.Sequence, Cancellation));
        await using var held = await store.Answers.HoldAsync("source", "key");

        store.CloseIfIdle(TimeSpan.FromMinutes(1)); // it was used just now
        Assert.True(store.IsOpen);
        store.CloseIfIdle(TimeSpan.Zero);
        Assert.False(store.IsOpen);
        Assert.Equal(1, store.ActiveRecords["0-5"]);
        Assert.Null(await store.Answers.HoldAsync("source", "key"));
        Assert.False(changes.IsCompleted);

        var second = await CreateAsync(store); // opens it
        await changes;
        Assert.Equal((history, second.FirstChange), (store.History, store.Sequence));
        Assert.Equal([first.Id, second.Id], (await store.ReadAsync(snapshot => snapshot.ListAsync(Schemata.Tickets.Type, 0, 10, archived: false), Cancellation)).Select(record => record.Id));
    }

    [Fact]
    public async Task A_portal_that_is_in_use_stays_open_and_one_that_is_closed_under_way_loses_nothing()
    {
        var path = Path.Combine(directory, "portal.db");
        SqliteStore.Create(path, 1, "registry");
        using var store = new SqliteStore(path, StandardTypes.All, new ManualClock(), NullLogger.Instance);
        using var end = new CancellationTokenSource();
        var closing = Task.Run(() =>
        {
            while (!end.IsCancellationRequested)
            {
                store.CloseIfIdle(TimeSpan.Zero);
            }
        }, Cancellation);
        var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            var mine = new List<long>();
            for (var i = 0; i < 10; i++)
            {
                mine.Add((await CreateAsync(store)).Id);
                Assert.NotNull(await store.FindAsync(Schemata.Tickets.Type, mine[^1], archived: false, Cancellation));
            }

            return mine;
        }, Cancellation)));
        await end.CancelAsync();
        await closing;
        Assert.Equal(ids.SelectMany(mine => mine).Order(), (await store.ReadAsync(snapshot => snapshot.ListAsync(Schemata.Tickets.Type, 0, 100, archived: false), Cancellation)).Select(record => record.Id));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Of_many_portals_those_that_nobody_calls_hold_no_thread_and_no_descriptor()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and descriptors are counted in /proc.");
        const int portals = 200;
        var tokens = new List<string>();
        await using (var all = await DocketServer.OpenPortalsAsync(new(directory), create: true))
        {
            for (var i = 0; i < portals; i++)
            {
                tokens.Add((await all.Apps.CreatePrivateAsync((await all.CreateAsync($"portal {i}")).Id, "test", ["tickets"])).Token);
            }
        }

        await using var server = await ServerProcess.StartAsync(directory);
        var (threads, descriptors) = Count(server.Id);
        Assert.InRange(threads, 1, portals / 2);
        Assert.InRange(descriptors, 1, 2 * portals); // a runtime without portals has nearly as many; all open would be 13 times as many
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        foreach (var token in tokens)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Tickets) { Content = new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", new MediaTypeHeaderValue("application/json")) };
            request.Headers.Authorization = new("Bearer", token);
            using var answer = await http.SendAsync(request, Cancellation);
            Assert.Equal(201, (int)answer.StatusCode);
        }

        using var ready = await http.GetAsync("/readyz", Cancellation);
        Assert.Equal(200, (int)ready.StatusCode);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task With_few_descriptors_portals_take_turns()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors are limited by prlimit.");
        const int portals = 60;
        var tokens = new List<string>();
        await using (var all = await DocketServer.OpenPortalsAsync(new(directory), create: true))
        {
            for (var i = 0; i < portals; i++)
            {
                tokens.Add((await all.Apps.CreatePrivateAsync((await all.CreateAsync($"portal {i}")).Id, "test", ["tickets"])).Token);
            }
        }

        await using var server = await ServerProcess.StartAsync(directory, "prlimit", "--nofile=600:600"); // of which 60 open portals would take 800
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        for (var round = 0; round < 2; round++)
        {
            foreach (var token in tokens)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, Tickets);
                request.Headers.Authorization = new("Bearer", token);
                using var answer = await http.SendAsync(request, Cancellation);
                Assert.Equal(200, (int)answer.StatusCode);
            }
        }
    }

    static (int Threads, int Descriptors) Count(int process) =>
        (Directory.GetDirectories($"/proc/{process}/task").Length, Directory.GetFileSystemEntries($"/proc/{process}/fd").Length);

    static async Task<Record> CreateAsync(SqliteStore store)
    {
        var batch = Validation.Check(WriteKind.Create, [new RecordInput { Values = [new RawValue("hs_pipeline_stage"u8.ToArray(), "1"u8.ToArray())] }], store.Schema.Of(Schemata.Tickets.Type), Schemata.Caller);
        return (await store.ApplyAsync(batch)).Results[0].Record!;
    }
}
