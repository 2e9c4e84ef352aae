using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>An answer shows one state of the portal: what a batch changes together is seen together, and a search shows what it looked for.</summary>
public sealed class OneStateTests
{
    const string Tickets = "/crm/v3/objects/tickets", Search = Tickets + "/search";
    const int Reads = 120;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_page_of_a_search_is_full_of_tickets_that_meet_its_filter_while_others_change_them()
    {
        await using var server = await TestServer.StartAsync();
        var ids = await CreateAsync(server, 60, i => new JsonObject { ["hs_ticket_priority"] = i % 2 == 0 ? "LOW" : "HIGH", ["subject"] = $"the same beginning {i % 2}" });
        var leaving = await CreateAsync(server, 8, _ => new JsonObject { ["hs_ticket_priority"] = "LOW", ["subject"] = "the same beginning 0" });
        await RaceAsync(
            [
                // Two change places, so that the number of each kind stays.
                random => SwapAsync(server, [ids[random.Next(30) * 2], ids[random.Next(30) * 2 + 1]]),
                random => SwapAsync(server, [ids[random.Next(30) * 2], ids[random.Next(30) * 2 + 1]]),
                random => ComeAndGoAsync(server, leaving, random),
            ],
            [.. Enumerable.Range(0, 3).Select(reader => (Func<Random, Task>)(async random =>
            {
                var priority = random.Next(2) == 0 ? "LOW" : "HIGH";
                var sort = random.Next(3) switch { 0 => "", 1 => ",\"sorts\":[\"-subject\"]", _ => ",\"sorts\":[\"hs_lastmodifieddate\"]" };
                var (limit, after) = (random.Next(5, 40), random.Next(20));
                var page = (await server.PostAsync(Search, $$"""{"filters":[{"propertyName":"hs_ticket_priority","operator":"EQ","value":"{{priority}}"}],"properties":["hs_ticket_priority","subject"],"limit":{{limit}},"after":{{after}}{{sort}}}""")).Expect(200);
                var found = page.Json!["results"]!.AsArray();
                Assert.All(found, ticket => Assert.Equal(priority, ticket!["properties"]!["hs_ticket_priority"]!.ToString()));
                Assert.Equal(Math.Min(limit, int.Parse(page["total"]!) - after), found.Count);
                if (sort.Length > 0)
                {
                    var order = found.Select(ticket => sort.Contains("subject", StringComparison.Ordinal) ? ticket!["properties"]!["subject"]!.ToString() : ticket!["properties"]!["hs_lastmodifieddate"]!.ToString()).ToArray();
                    Assert.Equal(sort.Contains('-', StringComparison.Ordinal) ? order.OrderDescending(StringComparer.Ordinal) : order.Order(StringComparer.Ordinal), order);
                }
            }))]);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("id")]
    [InlineData("ext_id")]
    public async Task A_batch_read_and_a_list_see_every_batch_as_a_whole_with_its_history(string key)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var ids = await CreateAsync(server, 40, i => new JsonObject { ["content"] = "0", ["ext_id"] = $"K{i}" });
        var turn = 0;
        await RaceAsync(
            [
                _ => WriteAllAsync(),
                _ => WriteAllAsync(),
            ],
            [.. Enumerable.Range(0, 3).Select(reader => (Func<Random, Task>)(async random =>
            {
                var inputs = string.Join(',', Enumerable.Range(0, ids.Length).Select(i => key == "id" ? $$"""{"id":"{{ids[i]}}"}""" : $$"""{"id":"K{{i}}"}"""));
                var history = random.Next(2) == 0 ? ",\"propertiesWithHistory\":[\"content\"]" : "";
                var answer = random.Next(4) == 0
                    ? await server.GetAsync($"{Tickets}?limit=50&properties=content{(history.Length > 0 ? "&propertiesWithHistory=content" : "")}")
                    : await server.PostAsync(Tickets + "/batch/read", $$"""{"inputs":[{{inputs}}],"properties":["content"]{{history}}{{(key == "id" ? "" : ",\"idProperty\":\"ext_id\"")}}}""");
                var found = answer.Expect(200).Json!["results"]!.AsArray();
                Assert.Equal(ids.Length, found.Count);
                Assert.Single(found.Select(ticket => ticket!["properties"]!["content"]!.ToString()).Distinct());
                if (history.Length > 0)
                {
                    Assert.All(found, ticket => Assert.Equal(ticket!["properties"]!["content"]!.ToString(), ticket["propertiesWithHistory"]!["content"]![0]!["value"]!.ToString()));
                }
            }))]);

        async Task WriteAllAsync()
        {
            var value = Interlocked.Increment(ref turn);
            await UpdateAsync(server, ids.Select(id => (id, new JsonObject { ["content"] = $"{value}" })));
        }
    }

    // The writers go on until each reader has read often enough.
    static async Task RaceAsync(Func<Random, Task>[] writers, Func<Random, Task>[] readers)
    {
        var left = readers.Length;
        var reading = readers.Select((read, i) => Task.Run(async () =>
        {
            var random = new Random(i);
            try
            {
                for (var turn = 0; turn < Reads; turn++)
                {
                    await read(random);
                }
            }
            finally
            {
                Interlocked.Decrement(ref left);
            }
        })).ToArray();
        var writing = writers.Select((write, i) => Task.Run(async () =>
        {
            var random = new Random(100 + i);
            while (Volatile.Read(ref left) > 0)
            {
                await write(random);
            }
        })).ToArray();
        await Task.WhenAll([.. reading, .. writing]);
    }

    static async Task<string[]> CreateAsync(TestServer server, int count, Func<int, JsonObject> properties)
    {
        var inputs = Enumerable.Range(0, count).Select(i =>
        {
            var values = properties(i);
            values["hs_pipeline_stage"] = "1";
            return new JsonObject { ["properties"] = values };
        });
        return [.. (await server.PostAsync(Tickets + "/batch/create", new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString())).Expect(201).Json!["results"]!.AsArray().Select(ticket => ticket!["id"]!.ToString())];
    }

    static async Task UpdateAsync(TestServer server, IEnumerable<(string Id, JsonObject Properties)> tickets) =>
        (await server.PostAsync(Tickets + "/batch/update", new JsonObject { ["inputs"] = new JsonArray([.. tickets.Select(ticket => new JsonObject { ["id"] = ticket.Id, ["properties"] = ticket.Properties })]) }.ToJsonString())).Expect(200);

    // All or nothing, so that a search finds as many of each priority before and after it.
    static async Task SwapAsync(TestServer server, string[] pair)
    {
        string[] priorities = ["HIGH", "LOW"];
        foreach (var turn in (int[])[0, 1])
        {
            await UpdateAsync(server, pair.Select((id, i) => (id, new JsonObject { ["hs_ticket_priority"] = priorities[(i + turn) % 2], ["subject"] = $"the same beginning {1 - (i + turn) % 2}" })));
        }
    }

    // Archived and restored; merged, and some of the merged ones permanently deleted.
    static async Task ComeAndGoAsync(TestServer server, string[] tickets, Random random)
    {
        var at = random.Next(tickets.Length);
        if (random.Next(4) > 0)
        {
            (await server.DeleteAsync($"{Tickets}/{tickets[at]}")).Expect(204);
            (await server.PostAsync($"/docket/v1/objects/tickets/{tickets[at]}/restore", "{\"properties\":{}}")).Expect(200);
            return;
        }

        var fresh = await CreateAsync(server, 1, _ => new JsonObject { ["hs_ticket_priority"] = "LOW", ["subject"] = "the same beginning 0" });
        var merged = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{tickets[at]}}","objectIdToMerge":"{{fresh[0]}}"}""")).Expect(200)["id"]!;
        if (random.Next(3) == 0)
        {
            (await server.PostAsync("/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"{{merged}}"}""")).Expect(204);
            merged = (await CreateAsync(server, 1, _ => new JsonObject { ["hs_ticket_priority"] = "LOW", ["subject"] = "the same beginning 0" }))[0];
        }

        tickets[at] = merged;
    }
}
