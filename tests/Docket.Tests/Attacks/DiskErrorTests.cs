using System.Text.Json.Nodes;
using Docket.Sqlite;

namespace Docket.Tests.Attacks;

/// <summary>Calls to the disk that fail: no answer says more than is true, and once the disk works again so does the server.</summary>
public sealed class DiskErrorTests
{
    const int Rounds = 40, Clients = 4, BatchSize = 6, KillEvery = 5;
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";
    const int InputOutput = 5, NoSpace = 28;

    readonly HashSet<int> acknowledged = [], refused = [];
    readonly Dictionary<int, int> statuses = [];
    readonly List<string> unexpected = [];
    int next;

    [Fact(Explicit = true)]
    public Task No_failure_of_the_disk_is_answered_as_success_and_nothing_acknowledged_is_lost() => Seed.PlayAsync(async random =>
    {
        using var disk = await Disk.MakeAsync(records: false);
        var server = await disk.StartAsync();
        var pulled = 0;
        try
        {
            (await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
            for (var round = 1; round <= Rounds; round++)
            {
                var calls = ((Disk.Call[])[Disk.Call.Write, Disk.Call.Sync, Disk.Call.Write | Disk.Call.Sync, Disk.Call.Truncate | Disk.Call.Write, Disk.Call.Read])[random.Next(5)];
                var error = calls == Disk.Call.Read || random.Next(2) == 0 ? InputOutput : NoSpace;
                var (after, times) = (random.Next(25), ((int[])[1, 3, int.MaxValue])[random.Next(3)]);
                var story = $"round {round}: {calls} fails with {error} after {after} calls, {times} times";
                try
                {
                    var seeds = Enumerable.Range(0, Clients).Select(_ => random.Next()).ToList();
                    disk.Fail(calls, error, after, times);
                    await Task.WhenAll(seeds.Select(seed => LoadAsync(server, new Random(seed))));
                    if (round % KillEvery == 0)
                    {
                        await server.DisposeAsync(); // SIGKILL, while the disk fails
                        pulled += disk.Repair();
                        server = await disk.StartAsync();
                    }
                    else
                    {
                        pulled += disk.Repair();
                    }

                    await RecoverAsync(server);
                    await CheckAsync(server);
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"{story}. {failure.Message}\n{string.Join('\n', server.Output.Split('\n').Select(line => line.Length > 300 ? line[..300] : line).Distinct().TakeLast(20))}", failure);
                }
            }

            Assert.True(pulled > Rounds / 2, $"only {pulled} calls failed");
            Assert.NotEmpty(refused);
            Assert.True(unexpected.Count == 0, $"{unexpected.Count} answers were neither 200 nor 503 or 507, such as {unexpected.FirstOrDefault()}");
            TestContext.Current.TestOutputHelper?.WriteLine($"{pulled} calls failed; answers: {string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Value} × {status.Key}"))}");
        }
        finally
        {
            await server.DisposeAsync();
        }

        foreach (var file in Directory.GetFiles(disk.Folder, "*.db"))
        {
            using var connection = new Connection(file, create: false);
            Assert.Equal("ok", connection.QueryText("PRAGMA integrity_check"));
        }
    });

    async Task LoadAsync(ServerProcess server, Random random)
    {
        for (var request = 0; request < 6; request++)
        {
            if (random.Next(3) > 0)
            {
                await UpsertAsync(server);
                continue;
            }

            int[] some;
            lock (acknowledged)
            {
                some = [.. acknowledged.Order().Skip(random.Next(acknowledged.Count)).Take(5)];
            }

            if (some.Length == 0)
            {
                continue;
            }

            var read = await ReadAsync(server, some);
            Count(read);
            Assert.True(read.Status is not (207 or 400 or 404), $"{read.Status} for tickets that are there: {read.Text}");
            Assert.True(read.Status != 200 || read.Count("results") == some.Length * BatchSize, $"{read.Count("results")} of {some.Length * BatchSize} tickets that are there: {read.Text}");
        }
    }

    async Task<bool> UpsertAsync(ServerProcess server)
    {
        var number = Interlocked.Increment(ref next);
        var inputs = Enumerable.Range(0, BatchSize).Select(i => new JsonObject
        {
            ["idProperty"] = "ext_id",
            ["id"] = $"{number}-{i}",
            ["properties"] = new JsonObject { ["subject"] = $"{number}", ["content"] = new string('c', 2_000), ["hs_pipeline_stage"] = "1" },
        });
        var answer = await server.SendAsync(HttpMethod.Post, Upsert, new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
        Count(answer);
        Assert.True(answer.Status == 200 || answer["status"] == "error" && answer["correlationId"] is not null, answer.Text);
        lock (acknowledged)
        {
            (answer.Status == 200 ? acknowledged : refused).Add(number);
        }

        return answer.Status == 200;
    }

    void Count(Answer answer)
    {
        lock (statuses)
        {
            statuses[answer.Status] = statuses.GetValueOrDefault(answer.Status) + 1;
            if (answer.Status is not (200 or 503 or 507))
            {
                unexpected.Add(answer.Text);
            }
        }
    }

    /// <summary>Waits until it writes, reads and is ready again.</summary>
    async Task RecoverAsync(ServerProcess server)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        enough.CancelAfter(TimeSpan.FromMinutes(1));
        while (!await UpsertAsync(server) || (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Status != 200)
        {
            Assert.False(enough.IsCancellationRequested, $"the disk works again and the server doesn't: {(await server.SendAsync(HttpMethod.Get, "/readyz", "")).Text}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>What was acknowledged is there and found; of what was refused nothing, or after a kill all.</summary>
    async Task CheckAsync(ServerProcess server)
    {
        var there = 0;
        foreach (var numbers in Enumerable.Range(1, next).Chunk(100 / BatchSize))
        {
            var read = await ReadAsync(server, numbers);
            Assert.True(read.Status is 200 or 207, read.Text);
            var found = read.Json!["results"]!.AsArray().CountBy(ticket => int.Parse(ticket!["properties"]!["subject"]!.ToString())).ToDictionary();
            Assert.All(numbers, number => Assert.True(found.GetValueOrDefault(number) is var count && (count == BatchSize || count == 0 && !acknowledged.Contains(number)), $"{count} of the {BatchSize} tickets of batch {number}, which was {(acknowledged.Contains(number) ? "acknowledged" : "refused")}"));
            there += found.Values.Sum();
        }

        Assert.Equal(there.ToString(), (await server.SendAsync(HttpMethod.Post, Tickets + "/search", "{}")).Expect(200)["total"]);
    }

    static Task<Answer> ReadAsync(ServerProcess server, int[] numbers)
    {
        var inputs = numbers.SelectMany(number => Enumerable.Range(0, BatchSize).Select(i => new JsonObject { ["id"] = $"{number}-{i}" }));
        return server.SendAsync(HttpMethod.Post, Tickets + "/batch/read", new JsonObject { ["idProperty"] = "ext_id", ["properties"] = new JsonArray("subject"), ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
    }
}
