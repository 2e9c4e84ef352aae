using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>
/// Promises 1 and 2: what was acknowledged is there after the process was killed, whole, and nothing else is half there.
/// </summary>
public sealed class DurabilityTests
{
    const int Rounds = 24, Connections = 4, OwnKeys = 12, SharedKeys = 8, SharedKeyCount = 60;
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";

    /// <summary>The properties that carry the number of the batch that wrote them.</summary>
    static readonly string[] Marks = ["subject", "content", "source_ref"];

    readonly List<Batch> batches = [];
    int moment;

    /// <summary>One upsert: its own tickets, and tickets that other batches write too.</summary>
    sealed class Batch(int number, int[] shared, int sentAt)
    {
        public int Number { get; } = number;

        public int[] Shared { get; } = shared;

        /// <summary>When the request was sent and when its answer was there, on one clock that counts events.</summary>
        public int SentAt { get; } = sentAt;

        public int? AcknowledgedAt { get; set; }

        public IEnumerable<string> Keys => Enumerable.Range(0, OwnKeys).Select(i => $"own-{Number}-{i}").Concat(Shared.Select(i => $"shared-{i}"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_killed_server_keeps_every_acknowledged_upsert_and_no_half_of_another()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("DOCKET_TEST_SEED"), out var wanted) ? wanted : Environment.TickCount;
        var random = new Random(seed);
        var directory = Directory.CreateTempSubdirectory("docket-durability-").FullName;
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                var firstBatch = batches.Count;
                await using (var server = await ServerProcess.StartAsync(directory))
                {
                    if (round == 0)
                    {
                        var made = await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""");
                        made.Expect(201);
                    }

                    // However slow the machine is: there is something to lose.
                    using var acknowledged = new SemaphoreSlim(0);
                    var load = Enumerable.Range(0, Connections).Select(_ => LoadAsync(server, new Random(random.Next()), acknowledged)).ToList();
                    Assert.True(await acknowledged.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken), "nothing is acknowledged");
                    await Task.Delay(random.Next(300), TestContext.Current.CancellationToken);
                    server.Kill();
                    await Task.WhenAll(load);
                }

                await using var again = await ServerProcess.StartAsync(directory);
                await CheckAsync(again, batches[firstBatch..]);
            }

            // What an earlier round acknowledged outlived all later kills as well.
            await using var last = await ServerProcess.StartAsync(directory);
            foreach (var keys in batches.Where(batch => batch.AcknowledgedAt is not null).Select(batch => $"own-{batch.Number}-0").Chunk(100))
            {
                Assert.Equal(keys.Length, (await ReadAsync(last, keys, history: false)).Count);
            }

        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"Seed {seed}; DOCKET_TEST_SEED={seed} repeats its choices. The data is kept in {directory}.", failure);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public Task A_server_killed_while_it_writes_what_follows_from_many_changes_keeps_them_all() => Seed.PlayAsync(async random =>
    {
        const int batchSize = 100, foldAfter = 500; // batches, see FoldPace
        var directory = Directory.CreateTempSubdirectory("docket-durability-fold-").FullName;
        var (sent, acknowledged) = (0, new HashSet<int>());
        for (var round = 0; round < 3; round++)
        {
            // Somewhere in the steps of a fold, which begin after so many changes.
            var end = acknowledged.Count + foldAfter + random.Next(60);
            await using (var server = await ServerProcess.StartAsync(directory))
            {
                if (round == 0)
                {
                    (await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
                }

                await Task.WhenAll(Enumerable.Range(0, Connections).Select(async _ =>
                {
                    while (true)
                    {
                        var batch = Interlocked.Increment(ref sent);
                        var inputs = Enumerable.Range(0, batchSize).Select(i => $$$"""{"idProperty":"ext_id","id":"{{{batch}}}-{{{i}}}","properties":{"subject":"{{{batch}}}","hs_pipeline_stage":"1"}}""");
                        try
                        {
                            (await server.SendAsync(HttpMethod.Post, Upsert, $$"""{"inputs":[{{string.Join(',', inputs)}}]}""")).Expect(200);
                        }
                        catch (Exception gone) when (gone is HttpRequestException or IOException or SocketException or OperationCanceledException)
                        {
                            return;
                        }

                        lock (acknowledged)
                        {
                            acknowledged.Add(batch);
                            if (acknowledged.Count == end)
                            {
                                server.Kill();
                            }
                        }
                    }
                }));
            }

            await using var again = await ServerProcess.StartAsync(directory);
            foreach (var batch in acknowledged)
            {
                var keys = Enumerable.Range(0, batchSize).Select(i => $$"""{"id":"{{batch}}-{{i}}"}""");
                var found = (await again.SendAsync(HttpMethod.Post, Tickets + "/batch/read", $$"""{"idProperty":"ext_id","properties":["subject"],"inputs":[{{string.Join(',', keys)}}]}""")).Expect(200);
                Assert.Equal((batchSize, $"{batch}"), (found.Count("results"), found[$"results[{random.Next(batchSize)}].properties.subject"]));
            }

            var repeated = (await again.SendAsync(HttpMethod.Post, Upsert, $$$"""{"inputs":[{"idProperty":"ext_id","id":"{{{acknowledged.First()}}}-0","properties":{"subject":"again"}}]}""")).Expect(200);
            Assert.Equal("false", repeated["results[0].new"]);
            (await again.SendAsync(HttpMethod.Post, Upsert, $$$"""{"inputs":[{"idProperty":"ext_id","id":"{{{acknowledged.First()}}}-0","properties":{"subject":"{{{acknowledged.First()}}}"}}]}""")).Expect(200);
        }

        Directory.Delete(directory, recursive: true);
    });

    /// <summary>Upserts one batch after the other until the server is gone.</summary>
    async Task LoadAsync(ServerProcess server, Random random, SemaphoreSlim acknowledged)
    {
        while (true)
        {
            Batch batch;
            lock (batches)
            {
                batch = new Batch(batches.Count, [.. Enumerable.Range(0, SharedKeyCount).OrderBy(_ => random.Next()).Take(SharedKeys)], ++moment);
                batches.Add(batch);
            }

            var inputs = batch.Keys.Select(key => new JsonObject
            {
                ["idProperty"] = "ext_id",
                ["id"] = key,
                ["properties"] = new JsonObject([.. Marks.Select(mark => KeyValuePair.Create<string, JsonNode?>(mark, batch.Number.ToString())), KeyValuePair.Create<string, JsonNode?>("hs_pipeline_stage", "1")]),
            });
            try
            {
                var answer = await server.SendAsync(HttpMethod.Post, Upsert, new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
                answer.Expect(200);
            }
            catch (Exception gone) when (gone is HttpRequestException or IOException or SocketException or OperationCanceledException) // the bare one when the server goes while a connection opens
            {
                return;
            }

            lock (batches)
            {
                batch.AcknowledgedAt = ++moment;
            }

            acknowledged.Release();
        }
    }

    /// <summary>Holds what is stored against the batches of a round: each is there as a whole or not at all.</summary>
    static async Task CheckAsync(ServerProcess server, List<Batch> round)
    {
        var present = new HashSet<int>();
        foreach (var batch in round)
        {
            var own = await ReadAsync(server, [.. batch.Keys.Take(OwnKeys)], history: true);
            Assert.True(own.Count is 0 or OwnKeys, $"{own.Count} of the {OwnKeys} tickets of batch {batch.Number} are there");
            Assert.True(own.Count == OwnKeys || batch.AcknowledgedAt is null, $"batch {batch.Number} was acknowledged and is not there");
            if (own.Count == OwnKeys)
            {
                present.Add(batch.Number);
                Assert.All(own.Values, ticket => AssertWhole(ticket, [batch.Number]));
            }
        }

        var shared = await ReadAsync(server, [.. round.SelectMany(batch => batch.Shared).Distinct().Order().Select(i => $"shared-{i}")], history: true);
        foreach (var i in round.SelectMany(batch => batch.Shared).Distinct())
        {
            var writers = round.Where(batch => batch.Shared.Contains(i) && present.Contains(batch.Number)).ToList();
            if (!shared.TryGetValue($"shared-{i}", out var ticket))
            {
                Assert.True(writers.Count == 0, $"shared-{i} is missing although batch {writers.FirstOrDefault()?.Number} is there");
                continue;
            }

            // History goes back 20 entries. This round's part of it must match exactly the batches that were applied.
            var history = History(ticket, Marks[0]);
            AssertWhole(ticket, history);
            var ofRound = history.Where(number => number >= round[0].Number).ToList();
            Assert.All(ofRound, number => Assert.True(present.Contains(number), $"shared-{i} has batch {number}, whose own tickets are not there"));
            Assert.True(ofRound.Count == writers.Count || history.Count == 20, $"shared-{i} was written by {string.Join(' ', writers.Select(batch => batch.Number))}, its history has {string.Join(' ', ofRound)}");

            // No write is undone by one that had been answered before it was sent.
            if (ofRound.Count > 0 && round[ofRound[0] - round[0].Number].AcknowledgedAt is { } answered)
            {
                Assert.All(writers, writer => Assert.True(writer.AcknowledgedAt is null || writer.SentAt <= answered || writer.Number == ofRound[0], $"shared-{i} shows batch {ofRound[0]} although batch {writer.Number} came after it"));
            }
        }
    }

    /// <summary>All marks of a ticket come from the same write, and so do all its earlier ones.</summary>
    static void AssertWhole(JsonNode ticket, List<int> expected)
    {
        foreach (var mark in Marks)
        {
            Assert.Equal(expected[0].ToString(), ticket["properties"]![mark]!.ToString());
            Assert.Equal(expected, History(ticket, mark));
        }

        Assert.Equal("1", ticket["properties"]!["hs_pipeline_stage"]!.ToString());
        Assert.Equal(ticket["updatedAt"]!.ToString(), ticket["propertiesWithHistory"]![Marks[0]]![0]!["timestamp"]!.ToString());
    }

    static List<int> History(JsonNode ticket, string property) =>
        [.. ticket["propertiesWithHistory"]![property]!.AsArray().Select(entry => int.Parse(entry!["value"]!.ToString()))];

    /// <summary>The tickets of these keys that are there.</summary>
    static async Task<Dictionary<string, JsonNode>> ReadAsync(ServerProcess server, string[] keys, bool history)
    {
        var found = new Dictionary<string, JsonNode>();
        foreach (var part in keys.Chunk(history ? 50 : 100))
        {
            var body = new JsonObject
            {
                ["idProperty"] = "ext_id",
                ["properties"] = new JsonArray([.. Marks.Append("ext_id").Append("hs_pipeline_stage").Select(name => JsonValue.Create(name))]),
                ["propertiesWithHistory"] = new JsonArray([.. Marks.Where(_ => history).Select(name => JsonValue.Create(name))]),
                ["inputs"] = new JsonArray([.. part.Select(key => new JsonObject { ["id"] = key })]),
            };
            var answer = await server.SendAsync(HttpMethod.Post, Tickets + "/batch/read", body.ToJsonString());
            Assert.True(answer.Status is 200 or 207, answer.Text);
            foreach (var ticket in answer.Json!["results"]!.AsArray())
            {
                found.Add(ticket!["properties"]!["ext_id"]!.ToString(), ticket);
            }
        }

        return found;
    }
}
