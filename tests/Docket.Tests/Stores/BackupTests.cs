using System.Text.Json.Nodes;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>Backups during writes: each file of one moment, complete or refused, and a restored one can be served.</summary>
public sealed class BackupTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-backup-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    string Data => InDirectory("data");

    string Target => InDirectory("backup");

    string Restored => InDirectory("restored");

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_backup_under_load_holds_what_was_acknowledged_before_and_nothing_by_half()
    {
        await using var server = await ServerProcess.StartAsync(Data);
        await WriteAsync(server, 0, 20); // some to begin with
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var written = 20;
        var writing = Task.Run(
            async () =>
            {
                while (!enough.IsCancellationRequested)
                {
                    await WriteAsync(server, written, 10);
                    Interlocked.Add(ref written, 10);
                }
            },
            Cancellation);
        var before = Volatile.Read(ref written);
        var (exit, output, errors) = await ServerProcess.RunAsync(["backup", Target, "--data", Data]);
        await enough.CancelAsync();
        await writing;
        Assert.Equal((0, ""), (exit, errors));
        Assert.Matches(@"(?m)^portal-24000001\.db: [1-9][0-9]* changes, [0-9]+ bytes$", output);
        Assert.Contains($"The backup in {Target} is complete and verified.", output, StringComparison.Ordinal);
        Assert.Equal(["backup.json", "docket.db", "portal-24000001.db"], Directory.GetFiles(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        AssertPrivate(Target);

        (exit, _, errors) = await ServerProcess.RunAsync(["restore", Target, "--data", Restored]);
        Assert.Equal((0, ""), (exit, errors));
        AssertPrivate(Restored);
        await using var restored = await ServerProcess.StartAsync(Restored);
        var kept = await ChangesAsync(restored);
        Assert.True(kept.Count >= before, $"{kept.Count} of {before}");
        Assert.True(kept.Count % 10 == 0, "a batch is there as a whole or not at all");
        Assert.Equal((await ChangesAsync(server)).Take(kept.Count).Select(change => change.ToJsonString()), kept.Select(change => change.ToJsonString()));
        Assert.Equal(kept.Count, int.Parse((await restored.SendAsync(HttpMethod.Post, Tickets + "/search", "{}")).Expect(200)["total"]!));
        await WriteAsync(restored, 1_000_000, 10);
    }

    [Fact]
    public async Task A_portal_its_apps_and_its_tokens_are_in_the_backup_and_one_that_was_deleted_is_not()
    {
        await using var server = await TestServer.StartAsync(Data);
        string token;
        await using (var portals = await DocketServer.OpenPortalsAsync(new(Data)))
        {
            await portals.OpenAsync((await portals.CreateAsync("deleted")).Id, Cancellation);
            await portals.DeleteAsync(24000002);
            var kept = await portals.CreateAsync("kept");
            await portals.OpenAsync(kept.Id, Cancellation);
            token = (await portals.Apps.CreatePrivateAsync(kept.Id, "app", ScopeNames.All)).Token;
        }

        using (var http = server.NewClient(token))
        {
            using var made = await http.PostAsync(Tickets, new StringContent("""{"properties":{"subject":"theirs","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json"), Cancellation);
            Assert.Equal(201, (int)made.StatusCode);
        }

        DocketServer.BackUp(new(Data), Target, (_, _) => { });
        Assert.Equal(["docket.db", "portal-24000001.db", "portal-24000003.db"], Directory.GetFiles(Target, "*.db").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        DocketServer.Restore(Target, Restored, (_, _) => { });
        await using var restored = await TestServer.StartAsync(Restored);
        using var again = restored.NewClient(token);
        using var list = await again.GetAsync(Tickets, Cancellation);
        Assert.Equal("theirs", (await Answer.OfAsync(list)).Expect(200)["results[0].properties.subject"]);
    }

    [Fact]
    public async Task A_restored_portal_has_another_history()
    {
        const string feed = "/docket/v1/changes";
        string before;
        await using (var server = await TestServer.StartAsync(Data))
        {
            (await server.PostAsync(Tickets, """{"properties":{"subject":"one","hs_pipeline_stage":"1"}}""")).Expect(201);
            before = History(await server.GetAsync(feed));
            DocketServer.BackUp(new(Data), Target, (_, _) => { });
        }

        DocketServer.Restore(Target, Restored, (_, _) => { });
        Assert.Equal(["docket.db", "docket.lock", "portal-24000001.db"], Directory.GetFiles(Restored).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        string after;
        await using (var restored = await TestServer.StartAsync(Restored))
        {
            var answer = await restored.GetAsync(feed);
            Assert.Equal("1", answer.Expect(200)["results[0].sequence"]);
            Assert.Matches("^[0-9a-f]{32}$", after = History(answer));
            Assert.NotEqual(before, after);
        }

        await using var again = await TestServer.StartAsync(Restored);
        Assert.Equal(after, History(await again.GetAsync(feed)));

        static string History(Answer answer) => answer.Headers.GetValues("Docket-History").Single();
    }

    [Fact]
    public async Task What_can_not_be_backed_up_or_restored_is_refused_in_one_line_and_leaves_nothing_behind()
    {
        await using (await TestServer.StartAsync(Data))
        {
        }

        Directory.CreateDirectory(Target);
        await File.WriteAllTextAsync(InDirectory("backup/mine.txt"), "mine", Cancellation);
        Assert.Equal($"{Target} is not empty. Use a separate directory for each backup, for example named by the date.", Mistake(() => DocketServer.BackUp(new(Data), Target, (_, _) => { })));
        Assert.Equal($"{Target} is not a complete backup: it has no backup.json.", Mistake(() => DocketServer.Restore(Target, Restored, (_, _) => { })));
        Assert.False(Directory.Exists(Restored));
        File.Delete(InDirectory("backup/mine.txt"));

        DocketServer.BackUp(new(Data), Target, (_, _) => { });
        Assert.Equal($"{Data} is not empty. A restore does not overwrite files. Stop the server and move its files away, or use a different --data.", Mistake(() => DocketServer.Restore(Target, Data, (_, _) => { })));
        var copy = InDirectory("backup/portal-24000001.db");
        await using (var file = new FileStream(copy, FileMode.Open, FileAccess.Write))
        {
            file.Position = file.Length - 1;
            file.WriteByte(77);
        }

        Assert.Equal($"{copy} has changed since the backup was created. Nothing was restored.", Mistake(() => DocketServer.Restore(Target, Restored, (_, _) => { })));
        Assert.Equal(["docket.lock"], Directory.GetFiles(Restored).Select(Path.GetFileName));

        // A file that is damaged is noticed when it is copied.
        await using (var file = new FileStream(Path.Combine(Data, "portal-24000001.db"), FileMode.Open, FileAccess.Write))
        {
            file.Position = 5 * Engine.PageSize;
            file.Write(new byte[20 * Engine.PageSize]);
        }

        Assert.Contains("damaged", Mistake(() => DocketServer.BackUp(new(Data), InDirectory("other"), (_, _) => { })), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(InDirectory("other")));
        File.Delete(Path.Combine(Data, "portal-24000001.db"));
        Assert.Contains("is missing", Mistake(() => DocketServer.BackUp(new(Data), InDirectory("other"), (_, _) => { })), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(InDirectory("other")));
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    string InDirectory(string name) => Path.Combine(directory, name);

    static string Mistake(Action act) => Assert.Throws<OperatorMistake>(act).Message;

    static void AssertPrivate(string directory)
    {
        foreach (var file in Directory.GetFiles(directory).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }
        }
    }

    // All or nothing, so that half of one would show.
    static async Task WriteAsync(ServerProcess server, int first, int count)
    {
        var inputs = Enumerable.Range(first, count).Select(i => $$$"""{"properties":{"subject":"ticket {{{i}}}","content":"{{{new string('x', 2_000)}}}","hs_pipeline_stage":"1"}}""");
        (await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", $$"""{"inputs":[{{string.Join(',', inputs)}}]}""")).Expect(201);
    }

    static async Task<List<JsonNode>> ChangesAsync(ServerProcess server)
    {
        var all = new List<JsonNode>();
        for (var after = "0"; ;)
        {
            var page = (await server.SendAsync(HttpMethod.Get, $"/docket/v1/changes?after={after}&limit=100", "")).Expect(200);
            all.AddRange(page.Json!["results"]!.AsArray().Select(change => change!.DeepClone()));
            if (page["paging.next.after"] is not { } next)
            {
                return all;
            }

            after = next;
        }
    }
}
