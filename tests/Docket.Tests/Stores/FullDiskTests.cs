using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Docket.Tests.Stores;

/// <summary>A disk that is really full: what doesn't fit is refused whole, what was acknowledged stays, and room made is used at once.</summary>
public sealed class FullDiskTests
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";
    const int BatchSize = 20;

    readonly List<int> acknowledged = [], refused = [];
    int next;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_full_disk_refuses_writes_loses_nothing_and_recovers()
    {
        await using var disk = await SmallDisk.MakeAsync();
        await PlayAsync(disk);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_limit_on_the_size_of_files_is_a_full_disk()
    {
        await using var disk = new SizeLimit();
        await PlayAsync(disk);
    }

    async Task PlayAsync(SmallDisk disk)
    {
        await using (var server = await disk.StartAsync())
        {
            (await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);

            // Several at once, so that a transaction that doesn't fit holds more than one request.
            for (var round = 0; refused.Count < 12 && round < 400; round++)
            {
                await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => UpsertAsync(server)));
            }

            Assert.True(refused.Count >= 12, "the disk never got full");
            Assert.NotEmpty(acknowledged);
            await CheckAsync(server);

            // Single writes get the same error; reads continue. A checkpoint may have just made room for some.
            Answer single;
            var tries = 0;
            do
            {
                single = await server.SendAsync(HttpMethod.Post, Tickets, $$$"""{"properties":{"content":"{{{new string('x', 60_000)}}}","hs_pipeline_stage":"1"}}""");
            }
            while (single.Status == 201 && ++tries < 400);
            AssertFull(single);
            if (disk is FileSystem) // with a limit on files, there may be room for small writes
            {
                await AssertReadyAsync(server, 503, "unready", "full");
            }

            // So are uploads that are to be worked on later; lines have their job, which ends.
            string[] inputs = [.. Enumerable.Repeat($$$"""{"properties":{"content":"{{{new string('x', 60_000)}}}","hs_pipeline_stage":"1"}}""", 200)];
            AssertFull(await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", $$"""{"inputs":[{{string.Join(',', inputs)}}]}""", prefer: "respond-async"));
            AssertFull(await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", string.Join('\n', inputs), "application/x-ndjson", "respond-async"));

            await disk.FreeRoomAsync(server.Id);
            var id = (await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}}]}""", prefer: "respond-async")).Expect(202)["id"]!;
            using (var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken))
            {
                enough.CancelAfter(TimeSpan.FromMinutes(2));
                Answer jobs;
                while ((jobs = await server.SendAsync(HttpMethod.Get, "/docket/v1/jobs", "")).Expect(200).Json!["results"]!.AsArray().Any(job => job!["status"]!.ToString() is "PENDING" or "PROCESSING"))
                {
                    await Task.Delay(50, enough.Token);
                }

                Assert.All(jobs.Json!["results"]!.AsArray(), job => Assert.Equal(job!["id"]!.ToString() == id ? "COMPLETE" : "CANCELED", job["status"]!.ToString()));
            }

            await AssertReadyAsync(server, 200, "ready", null);
            var before = acknowledged.Count;
            for (var i = 0; i < 5; i++)
            {
                await UpsertAsync(server);
            }

            Assert.Equal(before + 5, acknowledged.Count);
            await CheckAsync(server);
            await SearchAsync(server);
        }

        await using var again = await disk.StartAsync();
        await CheckAsync(again);
        await UpsertAsync(again);
        Assert.Equal(next - 1, acknowledged[^1]);
        await SearchAsync(again);
    }

    /// <summary>The index had no room either, but now that there is, everything that was acknowledged in the meantime is found.</summary>
    async Task SearchAsync(ServerProcess server)
    {
        foreach (var number in (int[])[acknowledged[0], acknowledged[^1]])
        {
            var found = (await server.SendAsync(HttpMethod.Post, Tickets + "/search", $$"""{"filters":[{"propertyName":"subject","operator":"EQ","value":"{{number}}"}]}""")).Expect(200);
            Assert.Equal(BatchSize.ToString(), found["total"]);
        }
    }

    async Task UpsertAsync(ServerProcess server)
    {
        var number = Interlocked.Increment(ref next) - 1;
        var inputs = Enumerable.Range(0, BatchSize).Select(i => new JsonObject
        {
            ["idProperty"] = "ext_id",
            ["id"] = $"{number}-{i}",
            ["properties"] = new JsonObject { ["subject"] = $"{number}", ["content"] = new string('c', 1_000), ["hs_pipeline_stage"] = "1" },
        });
        var answer = await server.SendAsync(HttpMethod.Post, Upsert, new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
        if (answer.Status != 200)
        {
            AssertFull(answer);
        }

        lock (acknowledged)
        {
            (answer.Status == 200 ? acknowledged : refused).Add(number);
        }
    }

    static async Task AssertReadyAsync(ServerProcess server, int expected, string status, string? state)
    {
        var answer = (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Expect(expected);
        Assert.Equal((status, state), (answer["status"], answer["portals[0].state"]));
        (await server.SendAsync(HttpMethod.Get, "/healthz", "")).Expect(200);
    }

    static void AssertFull(Answer answer)
    {
        answer.Expect(507);
        Assert.Equal("error", answer["status"]);
        Assert.Equal("The disk that holds portal-24000001.db is full. Nothing was written; free some space and send it again.", answer["message"]);
        Assert.Equal(answer.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), answer["correlationId"]);
    }

    /// <summary>Every acknowledged batch is there as a whole, and nothing of any other.</summary>
    async Task CheckAsync(ServerProcess server)
    {
        foreach (var numbers in Enumerable.Range(0, next).Chunk(100 / BatchSize))
        {
            var inputs = numbers.SelectMany(number => Enumerable.Range(0, BatchSize).Select(i => new JsonObject { ["id"] = $"{number}-{i}" }));
            var answer = await server.SendAsync(HttpMethod.Post, Tickets + "/batch/read", new JsonObject { ["idProperty"] = "ext_id", ["properties"] = new JsonArray("subject"), ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
            Assert.True(answer.Status is 200 or 207, answer.Text);
            var found = answer.Json!["results"]!.AsArray().CountBy(ticket => int.Parse(ticket!["properties"]!["subject"]!.ToString())).ToDictionary();
            Assert.All(numbers, number => Assert.Equal(acknowledged.Contains(number) ? BatchSize : 0, found.GetValueOrDefault(number)));
        }
    }

    /// <summary>A few megabytes to keep a data directory in, and some that can be freed.</summary>
    abstract class SmallDisk : IAsyncDisposable
    {
        /// <summary>A separate file system if that is permitted, otherwise a limit on the size of files.</summary>
        public static async Task<SmallDisk> MakeAsync() =>
            await FileSystem.MakeAsync(["unshare", "-m"], []) ?? await FileSystem.MakeAsync(["unshare", "-rm"], ["-U", "--preserve-credentials"]) ?? (SmallDisk)new SizeLimit();

        public abstract Task<ServerProcess> StartAsync();

        public abstract Task FreeRoomAsync(int serverId);

        public abstract ValueTask DisposeAsync();
    }

    /// <summary>A file system in memory that only a process of ours and those that join it can see. It goes with them.</summary>
    sealed class FileSystem : SmallDisk
    {
        readonly string directory;
        readonly Process keeper;
        readonly string[] join;

        FileSystem(string directory, Process keeper, string[] join)
        {
            this.directory = directory;
            this.keeper = keeper;
            this.join = ["nsenter", "-t", keeper.Id.ToString(), "-m", .. join];
        }

        public static async Task<FileSystem?> MakeAsync(string[] apart, string[] join)
        {
            var directory = Directory.CreateTempSubdirectory("docket-full-").FullName;
            try
            {
                // Half of it is ballast.
                const string mount = """mount -t tmpfs -o size=12m docket-full "$1" && dd if=/dev/zero of="$1/ballast" bs=1M count=6 2> /dev/null && echo ready && exec cat""";
                string[] command = [.. apart, "sh", "-c", mount, "sh", directory];
                var keeper = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
                if (await keeper.StandardOutput.ReadLineAsync() == "ready")
                {
                    return new(directory, keeper, join);
                }

                keeper.Dispose();
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // This command doesn't exist here.
            }

            Directory.Delete(directory);
            return null;
        }

        public override Task<ServerProcess> StartAsync() => ServerProcess.StartAsync(directory, join);

        public override Task FreeRoomAsync(int serverId)
        {
            File.Delete($"/proc/{keeper.Id}/root{directory}/ballast");
            return Task.CompletedTask;
        }

        public override async ValueTask DisposeAsync()
        {
            keeper.StandardInput.Close();
            await keeper.WaitForExitAsync();
            keeper.Dispose();
            Directory.Delete(directory);
        }
    }

    /// <summary>No file of the process may grow beyond some megabytes: the write fails as on a disk or a quota that is used up.</summary>
    sealed class SizeLimit : SmallDisk
    {
        readonly string directory = Directory.CreateTempSubdirectory("docket-full-").FullName;

        string limit = "4096";

        // Without the limit's signal, which would end the process; and without the runtime's own large files.
        public override Task<ServerProcess> StartAsync() =>
            ServerProcess.StartAsync(directory, "env", "DOTNET_EnableWriteXorExecute=0", "bash", "-c", """ulimit -S -f "$0"; trap "" XFSZ; exec "$@" """, limit);

        public override async Task FreeRoomAsync(int serverId)
        {
            limit = "unlimited";
            using var raise = Process.Start("prlimit", ["--pid", serverId.ToString(), "--fsize=unlimited"]);
            await raise.WaitForExitAsync();
            Assert.Equal(0, raise.ExitCode);
        }

        public override ValueTask DisposeAsync()
        {
            Directory.Delete(directory, recursive: true);
            return ValueTask.CompletedTask;
        }
    }
}
