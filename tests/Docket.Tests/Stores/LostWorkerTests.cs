using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Docket.Model.Types;
using Npgsql;
using Xunit.Sdk;

namespace Docket.Tests.Stores;

/// <summary>
/// A worker of a cluster is killed while portals on all its nodes are written: nothing that was acknowledged is lost, nothing is there
/// twice, the portals on that worker are refused with 503, the others go on, and all do when it is back. The environment names the
/// cluster and how to stop and start one of its workers. On a plain server, all portals are on the one that is killed.
/// </summary>
[Trait("Category", "Slow")]
public sealed class LostWorkerTests
{
    /// <summary>The connection string of the coordinator, and shell commands that kill a worker and start it again.</summary>
    const string Cluster = "DOCKET_TEST_CITUS", Stop = "DOCKET_TEST_CITUS_STOP", Start = "DOCKET_TEST_CITUS_START";

    /// <summary>Batches that each portal writes before, during and after a loss.</summary>
    const int Some = 20;

    readonly List<Portal> portals = [];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_worker_that_is_killed_under_load_loses_nothing_repeats_nothing_and_stops_no_other_one()
    {
        var (cluster, stop, start) = (Environment.GetEnvironmentVariable(Cluster), Environment.GetEnvironmentVariable(Stop), Environment.GetEnvironmentVariable(Start));
        Assert.SkipWhen(string.IsNullOrEmpty(cluster) || string.IsNullOrEmpty(stop) || string.IsNullOrEmpty(start), $"needs a cluster: set {Cluster}, {Stop} and {Start}");
        await using var schema = await PostgresSchema.ChooseAsync(cluster);
        await LoseAsync(schema.ConnectionString, count: 16, losses: 3, () => RunAsync(stop!), () => RunAsync(start!));
    }

    [Fact]
    public async Task A_server_that_is_killed_under_load_loses_nothing_and_repeats_nothing()
    {
        await using var server = await PostgresServer.StartAsync();
        await LoseAsync(server.ConnectionString, count: 4, losses: 1, server.KillAsync, server.StartAgainAsync);
    }

    [Fact]
    public async Task A_server_that_loses_what_was_acknowledged_is_noticed()
    {
        await using var server = await PostgresServer.StartAsync("synchronous_commit=off", "wal_writer_delay=10s", "wal_writer_flush_after=1GB");
        var failure = await Assert.ThrowsAnyAsync<XunitException>(() => LoseAsync(server.ConnectionString, count: 4, losses: 1, server.KillAsync, server.StartAgainAsync));
        Assert.Contains("were acknowledged and are lost", failure.Message, StringComparison.Ordinal);
    }

    // A cluster reports a worker that is lost during the commit as an internal error, whether it has committed there or not.
    [Fact]
    public async Task A_commit_that_fails_with_an_internal_error_and_was_not_done_is_refused_with_503()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var server = await StartAsync(schema.ConnectionString, count: 1);
        await portals[0].UpsertAsync();
        await using var database = NpgsqlDataSource.Create(schema.ConnectionString);
        await ExecuteAsync(database, """
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not commit' USING ERRCODE = 'XX000'; END $$;
            CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON write_mark DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()
            """);
        await portals[0].UpsertAsync();
        await ExecuteAsync(database, "DROP TRIGGER fail ON write_mark");
        await portals[0].UpsertAsync();
        Assert.Equal((2, 1), (portals[0].Written, portals[0].Refused));
        await portals[0].CheckAsync();
    }

    async Task LoseAsync(string connectionString, int count, int losses, Func<Task> stop, Func<Task> start)
    {
        await using var server = await StartAsync(connectionString, count);
        var isSpread = await IsSpreadAsync(connectionString);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var clients = portals.ConvertAll(portal => Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                await portal.UpsertAsync();
            }
        }));
        var failed = Task.WhenAny(clients).Unwrap();
        try
        {
            for (var loss = 0; loss < losses; loss++)
            {
                await EachAsync(portal => portal.Written, failed);
                await stop();
                var before = portals.ConvertAll(portal => portal.Refused);
                await EachAsync(portal => portal.Written + (portal.Refused * Some), failed); // one refusal is enough
                var refused = portals.Where((portal, i) => portal.Refused > before[i]).Count();
                Assert.True(refused > 0, "No portal was on the worker that was stopped.");
                Assert.True(refused < count || !isSpread, "The loss of one worker stopped the portals of all.");
                await start();
            }

            await EachAsync(portal => portal.Written, failed);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(clients);
        }

        foreach (var portal in portals)
        {
            await portal.CheckAsync();
        }

        TestContext.Current.SendDiagnosticMessage($"{portals.Sum(portal => portal.Written)} batches written, {portals.Sum(portal => portal.Refused)} refused");
    }

    async Task<TestServer> StartAsync(string connectionString, int count)
    {
        var server = await TestServer.StartAsync(with: options => options with { Store = connectionString, Clock = TimeProvider.System });
        for (var i = 0; i < count; i++)
        {
            portals.Add(new(server.NewClient((await server.Portals.Apps.CreatePrivateAsync((await server.Portals.CreateAsync($"{i}")).Id, "test", ScopeNames.All)).Token)));
            await portals[i].CreateKeyAsync();
        }

        return server;
    }

    // Waits until a count has grown for each portal.
    async Task EachAsync(Func<Portal, int> count, Task failed)
    {
        var before = portals.ConvertAll(portal => count(portal));
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (portals.Where((portal, i) => count(portal) < before[i] + Some).Any())
        {
            Assert.False(enough.IsCancellationRequested, "Some portals are neither written nor refused.");
            await await Task.WhenAny(failed, Task.Delay(20, Cancellation));
        }
    }

    // Whether it is a cluster with shards on several nodes.
    static async Task<bool> IsSpreadAsync(string connectionString)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var ask = database.CreateCommand("SELECT to_regclass('citus_shards') IS NOT NULL");
        if (!(bool)(await ask.ExecuteScalarAsync(Cancellation))!)
        {
            return false;
        }

        await using var count = database.CreateCommand("SELECT count(DISTINCT (nodename, nodeport)) > 1 FROM citus_shards WHERE table_name = 'head'::regclass");
        return (bool)(await count.ExecuteScalarAsync(Cancellation))!;
    }

    static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    static async Task RunAsync(string command)
    {
        using var shell = Process.Start("sh", ["-c", command]);
        await shell.WaitForExitAsync(Cancellation);
        Assert.True(shell.ExitCode == 0, $"{command} ended with {shell.ExitCode}.");
    }

    /// <summary>A portal with one client, which sends each batch once.</summary>
    sealed class Portal(HttpClient http)
    {
        const string Tickets = "/crm/v3/objects/tickets";
        const int BatchSize = 5;

        readonly HashSet<string> acknowledged = [], refused = [];
        int sent, written, refusals;

        public int Written => Volatile.Read(ref written);

        public int Refused => Volatile.Read(ref refusals);

        public async Task CreateKeyAsync() => (await SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", new JsonObject
        {
            ["name"] = TestServer.Key,
            ["label"] = "Key",
            ["type"] = "string",
            ["fieldType"] = "text",
            ["groupName"] = "ticketinformation",
            ["hasUniqueValue"] = true,
        })).Expect(201);

        public async Task UpsertAsync()
        {
            var keys = Enumerable.Range(sent, BatchSize).Select(i => $"{i}").ToArray();
            sent += BatchSize;
            var answer = await SendAsync(HttpMethod.Post, $"{Tickets}/batch/upsert", new JsonObject
            {
                ["inputs"] = new JsonArray([.. keys.Select(key => new JsonObject
                {
                    ["idProperty"] = TestServer.Key, ["id"] = key, ["properties"] = new JsonObject { ["subject"] = "any", ["hs_pipeline_stage"] = "1" },
                })]),
            });
            if (answer.Status == 503)
            {
                Assert.NotNull(answer.Headers.RetryAfter);
                if (!answer["message"]!.StartsWith("It is not known", StringComparison.Ordinal))
                {
                    refused.UnionWith(keys);
                }

                Interlocked.Increment(ref refusals);
                await Task.Delay(10, CancellationToken.None);
            }
            else
            {
                answer.Expect(200);
                acknowledged.UnionWith(keys);
                Interlocked.Increment(ref written);
            }
        }

        /// <summary>Compares the tickets and the feed with the answers.</summary>
        public async Task CheckAsync()
        {
            var (found, changes) = (new List<string>(), 0);
            for (var after = "0"; after is not null;)
            {
                var page = (await SendAsync(HttpMethod.Get, $"{Tickets}?limit=100&properties={TestServer.Key}&after={after}")).Expect(200);
                found.AddRange(page.Json!["results"]!.AsArray().Select(ticket => ticket!["properties"]![TestServer.Key]!.ToString()));
                after = page["paging.next.after"];
            }

            while ((await SendAsync(HttpMethod.Get, $"/docket/v1/changes?limit=1000&after={changes}")).Expect(200).Json!["results"]!.AsArray() is { Count: > 0 } page)
            {
                Assert.Equal(Enumerable.Range(changes + 1, page.Count), page.Select(change => (int)change!["sequence"]!));
                changes += page.Count;
            }

            var lost = acknowledged.Except(found).Count();
            Assert.True(lost == 0, $"{lost} tickets were acknowledged and are lost.");
            Assert.Equal(found.Count, found.Distinct().Count());
            Assert.Empty(refused.Intersect(found));
            Assert.Equal(found.Count, changes);
            Assert.Equal($"{found.Count}", (await SendAsync(HttpMethod.Post, $"{Tickets}/search", [])).Expect(200)["total"]);
        }

        async Task<Answer> SendAsync(HttpMethod method, string path, JsonObject? body = null)
        {
            using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
            using var response = await http.SendAsync(request, CancellationToken.None);
            return await Answer.OfAsync(response);
        }
    }
}
