using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>Promise 3: one record per unique value, always, whatever the concurrency.</summary>
public sealed class OneRecordPerKeyTests
{
    const int Clients = 32, Keys = 7, Rounds = 12;
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Many_clients_that_upsert_the_same_keys_at_once_share_one_ticket_per_key()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var allReady = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, Clients).Select(client => PlayAsync(server, client, allReady.Task)).ToList();
        allReady.SetResult();
        var results = (await Task.WhenAll(clients)).SelectMany(list => list).ToList();

        // Every answer is true: what it calls new was new once, and all answers about a key speak of one ticket.
        Assert.Equal(Clients * Rounds * Keys, results.Count);
        var byKey = results.GroupBy(result => result.Key).ToDictionary(group => group.Key, group => group.ToList());
        Assert.Equal(Keys * Rounds, byKey.Count);
        Assert.All(byKey, entry =>
        {
            Assert.Single(entry.Value, result => result.New);
            Assert.Single(entry.Value.Select(result => result.Id).Distinct());
        });

        // What is stored agrees: by key and in the list.
        foreach (var keys in byKey.Keys.Chunk(50))
        {
            var inputs = new JsonArray([.. keys.Select(key => new JsonObject { ["id"] = key })]);
            var read = (await server.PostAsync(Tickets + "/batch/read", new JsonObject { ["idProperty"] = TestServer.Key, ["properties"] = new JsonArray(TestServer.Key), ["inputs"] = inputs }.ToJsonString())).Expect(200);
            Assert.Equal(keys.Length, read.Count("results"));
            Assert.All(read.Json!["results"]!.AsArray(), ticket => Assert.Equal(byKey[ticket!["properties"]![TestServer.Key]!.ToString()][0].Id, ticket["id"]!.ToString()));
        }

        var list = (await server.GetAsync($"{Tickets}?limit=100&properties={TestServer.Key}")).Expect(200);
        Assert.Equal(Keys * Rounds, list.Count("results"));
        Assert.False(list.Has("paging"));
    }

    // Each client sends the keys of a round in its own order, so that batches interfere with each other.
    static async Task<List<(string Key, string Id, bool New)>> PlayAsync(TestServer server, int client, Task start)
    {
        await start;
        var results = new List<(string, string, bool)>();
        for (var round = 0; round < Rounds; round++)
        {
            var inputs = Enumerable.Range(0, Keys).Select(i => new JsonObject
            {
                ["idProperty"] = TestServer.Key,
                ["id"] = $"round-{round}-key-{(i + client) % Keys}",
                ["objectWriteTraceId"] = $"{(i + client) % Keys}",
                ["properties"] = new JsonObject { ["subject"] = $"client {client}", ["hs_pipeline_stage"] = "1" },
            });
            var answer = (await server.PostAsync(Tickets + "/batch/upsert", new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString())).Expect(200);
            results.AddRange(answer.Json!["results"]!.AsArray().Select(result =>
                ($"round-{round}-key-{result!["objectWriteTraceId"]}", result["id"]!.ToString(), result["new"]!.GetValue<bool>())));
        }

        return results;
    }
}
