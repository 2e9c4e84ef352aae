using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores.Sqlite;
using Docket.Writes;

namespace Docket.Tests.Stores;

/// <summary>A failing disk: requests get errors, the log gets occasional entries, and everything continues when it works again.</summary>
public sealed class BadDiskTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task Requests_are_refused_while_the_disk_fails_and_are_served_again_afterwards()
    {
        using var disk = new BadDisk();
        await using var server = await TestServer.StartAsync(disk.Directory);
        var id = (await server.PostAsync(Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        disk.Fails = true;
        foreach (var answer in (Answer[])
        [
            await server.GetAsync($"{Tickets}/{id}"),
            await server.PostAsync(Tickets, """{"properties":{"subject":"b","hs_pipeline_stage":"1"}}"""),
        ])
        {
            answer.Expect(503);
            Assert.Equal("The disk that holds portal-24000001.db reports an error. Nothing was written; see the server's log.", answer["message"]);
            Assert.Equal("5", answer.Headers.GetValues("Retry-After").Single());
        }

        Assert.Equal("failing", (await server.GetAsync("/readyz")).Expect(503)["portals[0].state"]);
        disk.Fails = false;
        (await server.GetAsync("/readyz")).Expect(200);
        (await server.GetAsync($"{Tickets}/{id}")).Expect(200);
        (await server.PostAsync(Tickets, """{"properties":{"subject":"c","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(2, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task What_fails_with_every_request_is_in_the_log_once_a_minute()
    {
        using var disk = new BadDisk();
        var (clock, log) = (new ManualClock(), new ListLogger());
        var path = Path.Combine(disk.Directory, "portal-24000001.db");
        SqliteStore.Create(path, 24_000_001, "registry");
        using var store = new SqliteStore(path, StandardTypes.All, clock, log);
        var batch = Validation.Check(
            WriteKind.Create, [new RecordInput { Values = [new("hs_pipeline_stage"u8.ToArray(), "1"u8.ToArray())] }], store.Schema.Of(StandardTypes.All[0]), new Caller(24_000_001, 0, Scopes.All));
        disk.Fails = true;
        await FailAsync(20);
        Assert.Equal([$"Reading from {path} failed", $"Writing to {path} failed and was rolled back"], Entries());

        log.Entries.Clear();
        clock.Advance(TimeSpan.FromMinutes(1));
        await FailAsync(1);
        Assert.Equal([$"Reading from {path} failed (19 more since the last entry)", $"Writing to {path} failed and was rolled back (19 more since the last entry)"], Entries());
        disk.Fails = false;

        async Task FailAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                Assert.Equal("failing", (await Assert.ThrowsAsync<Refusal>(async () => await store.FeedAsync(0, 1, 1_000, CancellationToken.None))).Error.State);
                Assert.Equal("failing", (await Assert.ThrowsAsync<Refusal>(() => store.ApplyAsync(batch))).Error.State);
            }
        }

        // Without those of the search index, which has its own file.
        string[] Entries() => [.. log.Entries.Where(entry => !entry.Contains("search index", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task Damage_that_a_read_meets_is_in_the_log()
    {
        var directory = Directory.CreateTempSubdirectory("docket-damage-").FullName;
        try
        {
            var path = Path.Combine(directory, "portal-24000001.db");
            SqliteStore.Create(path, 24_000_001, "registry");
            long page;
            using (var file = new Connection(path, create: false))
            {
                page = file.QueryInteger("SELECT rootpage FROM sqlite_schema WHERE name = 'head'");
            }

            await using (var stream = new FileStream(path, FileMode.Open, FileAccess.Write))
            {
                stream.Position = (page - 1) * Engine.PageSize;
                await stream.WriteAsync(Encoding.ASCII.GetBytes(new string('x', Engine.PageSize)), TestContext.Current.CancellationToken);
            }

            var log = new ListLogger();
            using var store = new SqliteStore(path, StandardTypes.All, new ManualClock(), log);
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal("damaged", (await Assert.ThrowsAsync<Refusal>(async () => await store.FindAsync(StandardTypes.All[0], 1, archived: false, CancellationToken.None))).Error.State);
            }

            Assert.Single(log.Entries, $"Reading from {path} failed");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
