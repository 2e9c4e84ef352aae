using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Docket.Tests.Stores;

namespace Docket.Tests.Promises;

/// <summary>What one process promises, three processes on one database promise together, behind a balancer that sends each request to the next.</summary>
[Trait("Category", "Slow")]
public sealed class ThreeProcessesTests : IAsyncLifetime
{
    const int Clients = 64, Keys = 20, Rounds = 6;
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-three-").FullName;
    readonly List<ServerProcess> processes = [];
    PostgresSchema? schema;
    Balancer balancer = null!;
    HttpClient http = null!;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        schema = await PostgresSchema.ChooseAsync();
        // All at once: one of them creates the tables and the portal.
        processes.AddRange(await Task.WhenAll(Enumerable.Range(0, 3).Select(i => ServerProcess.ServeAsync(
            Path.Combine(directory, $"{i}"), ["--metrics", "http://127.0.0.1:0"], environment: new Dictionary<string, string> { ["DOCKET_STORE"] = schema.ConnectionString }))));
        balancer = new(processes.Select(process => new Uri(process.Url)));
        http = new(balancer) { BaseAddress = new("http://balancer"), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", TestServer.Token) } };
        (await SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets",
            $$"""{"name":"{{TestServer.Key}}","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
    }

    public async ValueTask DisposeAsync()
    {
        http?.Dispose();
        foreach (var process in processes)
        {
            await process.DisposeAsync();
        }

        await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Many_clients_that_upsert_the_same_keys_share_one_ticket_per_key_and_one_feed()
    {
        var found = new ConcurrentBag<(string Key, string Id, bool New)>();
        var following = processes.Select(process => FollowAsync(process, Keys * Rounds)).ToList();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                var keys = Enumerable.Range(0, Keys).Select(i => $"{round}-{(i + client) % Keys}").ToList();
                var answer = (await UpsertAsync(keys, $"client {client}")).Expect(200);
                foreach (var result in answer.Json!["results"]!.AsArray())
                {
                    found.Add((keys[int.Parse(result!["objectWriteTraceId"]!.ToString())], result["id"]!.ToString(), (bool)result["new"]!));
                }
            }
        })));

        Assert.Equal(Clients * Keys * Rounds, found.Count);
        var byKey = found.GroupBy(each => each.Key).ToList();
        Assert.Equal(Keys * Rounds, byKey.Count);
        Assert.All(byKey, key => Assert.Single(key.Select(each => each.Id).Distinct()));
        Assert.All(byKey, key => Assert.Single(key, each => each.New));
        Assert.All(await Task.WhenAll(following), feed => Assert.Equal(Keys * Rounds, feed.Distinct().Count()));
        var feeds = await Task.WhenAll(processes.Select(FeedAsync));
        Assert.All(feeds, feed => Assert.Equal(feeds[0], feed));
    }

    [Fact]
    public async Task What_one_process_acknowledged_every_other_shows_at_once()
    {
        for (var i = 0; i < 30; i++)
        {
            var (here, there, elsewhere) = (processes[i % 3], processes[(i + 1) % 3], processes[(i + 2) % 3]);
            var id = (await here.SendAsync(HttpMethod.Post, Tickets, $$$"""{"properties":{"subject":"word{{{i}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
            Assert.Equal($"word{i}", (await there.SendAsync(HttpMethod.Get, $"{Tickets}/{id}", "")).Expect(200)["properties.subject"]);
            Assert.Equal(id, (await elsewhere.SendAsync(HttpMethod.Post, Tickets + "/search", $$"""{"query":"word{{i}}"}""")).Expect(200)["results[0].id"]);

            (await there.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", $$"""{"name":"made_{{i}}","label":"Made","type":"string","fieldType":"text","groupName":"ticketinformation"}""")).Expect(201);
            (await elsewhere.SendAsync(HttpMethod.Patch, $"{Tickets}/{id}", $$$"""{"properties":{"made_{{{i}}}":"used"}}""")).Expect(200);
            Assert.Equal("used", (await here.SendAsync(HttpMethod.Get, $"{Tickets}/{id}?properties=made_{i}", "")).Expect(200)[$"properties.made_{i}"]);

            (await elsewhere.SendAsync(HttpMethod.Delete, $"{Tickets}/{id}", "")).Expect(204);
            (await here.SendAsync(HttpMethod.Get, $"{Tickets}/{id}", "")).Expect(404);
            Assert.Equal("0", (await there.SendAsync(HttpMethod.Post, Tickets + "/search", $$"""{"query":"word{{i}}"}""")).Expect(200)["total"]);
        }
    }

    [Fact]
    public async Task A_process_that_is_killed_under_load_takes_nothing_with_it_and_the_others_go_on()
    {
        var (acknowledged, sent, afterwards) = (new ConcurrentBag<string>(), new ConcurrentBag<string>(), 0);
        var killed = false;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < 60 || (Volatile.Read(ref afterwards) < 100 && i < 10_000); i++)
            {
                var subject = $"{client}-{i}";
                sent.Add(subject);
                try
                {
                    var since = Volatile.Read(ref killed);
                    var answer = await SendAsync(HttpMethod.Post, Tickets, $$$"""{"properties":{"subject":"{{{subject}}}","hs_pipeline_stage":"1"}}""");
                    if (answer.Status == 201)
                    {
                        acknowledged.Add(subject);
                        if (since)
                        {
                            Interlocked.Increment(ref afterwards);
                        }
                    }
                }
                catch (HttpRequestException) when (Volatile.Read(ref killed))
                {
                    // it went to the process that died
                }

                if (client == 0 && i == 20)
                {
                    Volatile.Write(ref killed, true);
                    processes[1].Kill();
                    balancer.Remove(new(processes[1].Url));
                }
            }
        })));

        Assert.True(afterwards >= 100);
        string[][] feeds = [await FeedAsync(processes[0]), await FeedAsync(processes[2])];
        Assert.Equal(feeds[0], feeds[1]);
        Assert.Equal(feeds[0].Length, feeds[0].Distinct().Count());
        var written = (await ReadAsync(processes[0])).ToList();
        Assert.Equal(written.Count, written.Distinct().Count());
        Assert.Empty(acknowledged.Except(written));
        Assert.Empty(written.Except(sent));
        Assert.Equal(written.Count, feeds[0].Length);
    }

    [Fact]
    public async Task A_process_that_stands_still_while_another_finishes_its_job_applies_nothing_more_and_serves_again()
    {
        const int inputs = 40_000;
        var (stopped, others) = (processes[0], processes[1..]);
        var batch = string.Join(',', Enumerable.Range(0, inputs).Select(i => $$$"""{"objectWriteTraceId":"{{{i}}}","properties":{"subject":"{{{i}}}","hs_pipeline_stage":"1"}}"""));
        var job = $"/docket/v1/jobs/{(await stopped.SendAsync(HttpMethod.Post, Tickets + "/batch/create", $$"""{"inputs":[{{batch}}]}""", prefer: "respond-async")).Expect(202)["id"]}";
        while ((await others[0].SendAsync(HttpMethod.Get, job, "")).Expect(200)["done"] == "0")
        {
            await Task.Delay(5, Cancellation);
        }

        await stopped.StandStillAsync();
        var still = Task.Delay(TimeSpan.FromSeconds(30), Cancellation);
        // In whatever transaction it stopped, nobody else is refused.
        (await others[0].SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"other","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.NotEqual("COMPLETE", (await others[1].SendAsync(HttpMethod.Get, job, "")).Expect(200)["status"]);
        while ((await others[1].SendAsync(HttpMethod.Get, job, "", prefer: "wait=30")).Expect(200)["status"] != "COMPLETE")
        {
        }

        await still;
        await stopped.ContinueAsync();
        Assert.Equal("COMPLETE", (await stopped.SendAsync(HttpMethod.Get, job, "")).Expect(200)["status"]);
        using var metrics = new HttpClient();
        var url = (await stopped.WaitForAsync(@"Metrics on (http://127\.0\.0\.1:\d+/metrics)")).Groups[1].Value;
        while (!Regex.IsMatch(await metrics.GetStringAsync(url, Cancellation), @"^docket_jobs_running\S* 0\b", RegexOptions.Multiline))
        {
            await Task.Delay(50, Cancellation);
        }

        for (var i = 0; i < 3; i++)
        {
            var id = (await processes[i].SendAsync(HttpMethod.Post, Tickets, $$$"""{"properties":{"subject":"after {{{i}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
            (await processes[(i + 1) % 3].SendAsync(HttpMethod.Get, $"{Tickets}/{id}", "")).Expect(200);
        }

        var written = await ReadAsync(stopped);
        Assert.Equal(Enumerable.Range(0, inputs).Select(i => $"{i}").Concat(["other", "after 0", "after 1", "after 2"]).Order(), written.Order());
        Assert.Equal(inputs + 4, (await FeedAsync(stopped)).Length);
        Assert.All(processes, process => Assert.DoesNotContain("will be retried", process.Output, StringComparison.Ordinal));
    }

    Task<Answer> UpsertAsync(IEnumerable<string> keys, string subject) => SendAsync(HttpMethod.Post, Tickets + "/batch/upsert", new JsonObject
    {
        ["inputs"] = new JsonArray([.. keys.Select((key, i) => new JsonObject
        {
            ["idProperty"] = TestServer.Key,
            ["id"] = key,
            ["objectWriteTraceId"] = $"{i}",
            ["properties"] = new JsonObject { ["subject"] = subject, ["hs_pipeline_stage"] = "1" },
        })]),
    }.ToJsonString());

    async Task<Answer> SendAsync(HttpMethod method, string path, string json)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        using var response = await http.SendAsync(request, Cancellation);
        return await Answer.OfAsync(response);
    }

    // While others write: the ids of the tickets that were created, and no number twice or out of order.
    static async Task<List<string>> FollowAsync(ServerProcess process, int tickets)
    {
        var created = new List<string>();
        for (var after = 0L; created.Count < tickets;)
        {
            foreach (var change in (await process.SendAsync(HttpMethod.Get, $"/docket/v1/changes?limit=100&after={after}", "", prefer: "wait=5")).Expect(200).Json!["results"]!.AsArray())
            {
                Assert.Equal(++after, (long)change!["sequence"]!);
                if (change["kind"]!.ToString() == "create")
                {
                    created.Add(change["objectId"]!.ToString());
                }
            }
        }

        return created;
    }

    // All changes from the first on, as text.
    static async Task<string[]> FeedAsync(ServerProcess process)
    {
        var all = new List<string>();
        while ((await process.SendAsync(HttpMethod.Get, $"/docket/v1/changes?limit=1000&after={all.Count}", "")).Expect(200).Json!["results"]!.AsArray() is { Count: > 0 } page)
        {
            foreach (var change in page)
            {
                Assert.Equal(all.Count + 1, (long)change!["sequence"]!);
                all.Add(change.ToJsonString());
            }
        }

        return [.. all];
    }

    static async Task<List<string>> ReadAsync(ServerProcess process)
    {
        var all = new List<string>();
        for (var after = "0"; after is not null;)
        {
            var page = (await process.SendAsync(HttpMethod.Get, $"{Tickets}?limit=100&properties=subject&after={after}", "")).Expect(200);
            all.AddRange(page.Json!["results"]!.AsArray().Select(ticket => ticket!["properties"]!["subject"]!.ToString()));
            after = page["paging.next.after"];
        }

        return all;
    }

    /// <summary>Sends each request to the next process.</summary>
    sealed class Balancer(IEnumerable<Uri> urls) : DelegatingHandler(new SocketsHttpHandler())
    {
        volatile Uri[] urls = [.. urls];
        int next;

        public void Remove(Uri url) => urls = [.. urls.Where(each => each != url)];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var now = urls;
            request.RequestUri = new(now[(uint)Interlocked.Increment(ref next) % now.Length], request.RequestUri!.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
