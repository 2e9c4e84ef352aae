using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>
/// Files that are missing, empty, another portal's, or of an earlier time. A known file is never recreated, and no portal shows
/// another one's data.
/// </summary>
public sealed class LostFileTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets", Feed = "/docket/v1/changes";

    readonly string directory = Directory.CreateTempSubdirectory("docket-lost-").FullName;
    string otherToken = "";

    string Registry => Path.Combine(directory, "docket.db");

    string First => Path.Combine(directory, "portal-24000001.db");

    string Other => Path.Combine(directory, "portal-24000002.db");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("missing", "is missing")]
    [InlineData("empty", "is missing")]
    [InlineData("damaged", "is damaged")]
    [InlineData("text", "is damaged")]
    [InlineData("newer", "was written by a newer Docket")]
    [InlineData("swapped", "belongs to another portal")]
    [InlineData("strange", "belongs to another portal")]
    [InlineData("locked", "is locked by another program")]
    public async Task A_portal_whose_file_can_not_be_used_answers_503_and_the_others_are_served(string how, string why)
    {
        await MakeAsync();
        using var holder = Spoil(how);
        var before = File.Exists(Other) ? await File.ReadAllBytesAsync(Other, Cancellation) : null;
        await using (var server = await TestServer.StartAsync(directory, busyTimeoutMs: 100))
        {
            (await server.GetAsync(Tickets)).Expect(200);
            (await server.PostAsync(Tickets, """{"properties":{"subject":"served","hs_pipeline_stage":"1"}}""")).Expect(201);
            var refused = (await GetAsync(server, Tickets)).Expect(503);
            Assert.Equal($"Portal 24000002 can't be served: its file {why}. Nothing was written; the server's log says what to do.", refused["message"]);
            var state = how switch { "empty" => "missing", "text" => "damaged", "swapped" or "strange" => "foreign", _ => how };
            var ready = (await server.GetAsync("/readyz")).Expect(503);
            Assert.Equal((1, "24000002", state), (ready.Count("portals"), ready["portals[0].id"], ready["portals[0].state"]));
        }

        // Nothing was made in its place.
        Assert.Equal(before, File.Exists(Other) ? await File.ReadAllBytesAsync(Other, Cancellation) : null);
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() =>
            DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0", BusyTimeoutMs = 100, StrictStart = true }, Cancellation));
        Assert.StartsWith(Other, mistake.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake.Message);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_file_that_is_put_back_is_served_again_without_a_start_and_its_jobs_go_on()
    {
        await MakeAsync();
        using (var file = new Connection(Other, create: false))
        {
            // As a server leaves a job that it didn't get to.
            file.Execute("""
                INSERT INTO job SELECT 1, 1, 0, 0, 0, 0, 'tickets', 'INTEGRATION', '0', 0, NULL, NULL, 1, 0, 0, 0, 0, 0, NULL;
                INSERT INTO job_chunk (job, first, count, lines) SELECT number, 0, 1, CAST('{"properties":{"hs_pipeline_stage":"1"}}' || char(10) AS BLOB) FROM job;
                """);
        }

        File.Move(Other, Other + ".away");
        await using var server = await TestServer.StartAsync(directory, clock: new ManualClock { HoldsTimers = true });
        (await GetAsync(server, Tickets)).Expect(503);
        File.Move(Other + ".away", Other);
        await UntilAsync(async () => (await GetAsync(server, Tickets)).Status == 200);
        await UntilAsync(async () =>
        {
            server.Clock.Advance(TimeSpan.FromMinutes(1));
            return (await GetAsync(server, "/docket/v1/jobs/1")).Expect(200)["status"] == "COMPLETE";
        });
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_log_says_what_to_do_and_a_forgotten_portal_is_gone()
    {
        await MakeAsync();
        var (exit, _, errors) = await ServerProcess.RunAsync(["portal", "forget", "24000002", "--data", directory]);
        Assert.Equal((1, $"docket: {Other} exists. Only a portal whose file is missing can be forgotten; move the file away first.\n"), (exit, errors));

        File.Delete(Other);
        await using (var server = await ServerProcess.StartAsync(directory))
        {
            await server.WaitForAsync(Regex.Escape($"Portal 24000002 is not served: {Other} is missing. Restore it from a backup, or forget the portal: docket portal forget 24000002"));
            (exit, var output, _) = await ServerProcess.RunAsync(["portal", "forget", "24000002", "--data", directory]);
            Assert.Equal((0, "Portal 24000002 (other) is forgotten.\n"), (exit, output));
            (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Expect(200); // the running server knows
        }

        await using (var server = await TestServer.StartAsync(directory))
        {
            (await GetAsync(server, Tickets)).Expect(401);
        }

        await using var portals = await DocketServer.OpenPortalsAsync(new(directory));
        Assert.Equal([24_000_001], (await portals.ListAsync(Cancellation)).Select(portal => portal.Id));
        Assert.Empty(await portals.Users.ListAsync(24_000_002, Cancellation));
        Assert.Equal(24_000_003, (await portals.CreateAsync("new")).Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Portals_without_their_registry_are_not_served_and_no_registry_is_made(bool empty)
    {
        await MakeAsync();
        File.Delete(Registry);
        if (empty)
        {
            await File.WriteAllBytesAsync(Registry, [], Cancellation);
        }

        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => TestServer.StartAsync(directory));
        Assert.StartsWith($"{Registry} is {(empty ? "empty" : "missing")}, and without it there are no tokens for portal-2400000", mistake.Message, StringComparison.Ordinal);
        var (exit, _, errors) = await ServerProcess.RunAsync(["portal", "create", "another", "--data", directory]);
        Assert.Equal((1, $"docket: {mistake.Message}\n"), (exit, errors));
        Assert.Equal(empty, File.Exists(Registry) && new FileInfo(Registry).Length == 0);
    }

    [Fact]
    public async Task A_new_portal_never_gets_a_file_that_is_there()
    {
        await MakeAsync();
        File.Copy(Registry, Registry + ".old");
        string token;
        await using (var portals = await DocketServer.OpenPortalsAsync(new(directory)))
        {
            token = (await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("third")).Id, "third", ScopeNames.All)).Token;
        }

        // The registry is as it was before the third portal, whose file stays.
        File.Move(Registry + ".old", Registry, overwrite: true);
        var third = Path.Combine(directory, "portal-24000003.db");
        var before = await File.ReadAllBytesAsync(third, Cancellation);
        await using (var portals = await DocketServer.OpenPortalsAsync(new(directory)))
        {
            Assert.Equal(24_000_004, (await portals.CreateAsync("fourth")).Id);
        }

        await using var server = await TestServer.StartAsync(directory);
        Assert.Equal(before, await File.ReadAllBytesAsync(third, Cancellation));
        using var http = server.NewClient(token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(Tickets, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task The_feed_says_which_history_it_is_of()
    {
        await MakeAsync();
        string first, other;
        await using (var server = await TestServer.StartAsync(directory))
        {
            (first, other) = (History(await server.GetAsync(Feed)), History(await GetAsync(server, Feed)));
            Assert.Matches("^[0-9a-f]{32}$", first);
            Assert.NotEqual(first, other);
            using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
            using var request = new HttpRequestMessage(HttpMethod.Get, Feed);
            request.Headers.Authorization = new("Bearer", TestServer.Token);
            request.Headers.Accept.ParseAdd("text/event-stream");
            using var stream = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
            Assert.Equal(first, stream.Headers.GetValues("Docket-History").Single());
        }

        await using var again = await TestServer.StartAsync(directory);
        Assert.Equal((first, other), (History(await again.GetAsync(Feed)), History(await GetAsync(again, Feed))));
    }

    [Fact]
    public async Task A_follower_that_is_ahead_of_a_restored_backup_gets_410()
    {
        await MakeAsync();
        File.Copy(First, First + ".old");
        string history;
        await using (var server = await TestServer.StartAsync(directory))
        {
            (await server.PostAsync(Tickets, """{"properties":{"subject":"lost","hs_pipeline_stage":"1"}}""")).Expect(201);
            var page = (await server.GetAsync(Feed)).Expect(200);
            Assert.Equal("2", page["results[1].sequence"]);
            Assert.Equal(0, (await server.GetAsync(Feed + "?after=2")).Expect(200).Count("results"));
            history = History(page);
        }

        File.Move(First + ".old", First, overwrite: true);
        await using var again = await TestServer.StartAsync(directory);
        var gone = (await again.GetAsync(Feed + "?after=2")).Expect(410);
        Assert.Equal("Change 2 does not exist; the newest is 1. The history was replaced, for example by an older backup. Read everything again.", gone["message"]);
        Assert.Equal(history, History(gone)); // the same file at an earlier time
        Assert.Equal(0, (await again.GetAsync(Feed + "?after=1")).Expect(200).Count("results"));
        using var request = new HttpRequestMessage(HttpMethod.Get, Feed);
        request.Headers.Accept.ParseAdd("text/event-stream");
        request.Headers.Add("Last-Event-ID", "2");
        using var stream = await again.Http.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.Gone, stream.StatusCode);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Files_of_before_identities_are_taken_for_what_they_are_called_also_when_the_upgrade_was_cut_off()
    {
        OldFiles.Registry(directory, 5).Dispose();
        string history;
        await using (var server = await TestServer.StartAsync(directory))
        {
            history = History((await server.GetAsync(Feed)).Expect(200));
        }

        // The file knew whose it is, and the registry not yet what the file is.
        Execute(Registry, "UPDATE portal SET file = NULL");
        await using (var server = await TestServer.StartAsync(directory))
        {
            Assert.Equal(history, History((await server.GetAsync(Feed)).Expect(200)));
        }

        // A backup of before, put in the place of the upgraded file, is another history.
        Remove(First);
        OldFiles.Portal(First, 1);
        await using var again = await TestServer.StartAsync(directory);
        Assert.NotEqual(history, History((await again.GetAsync(Feed)).Expect(200)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_written_to_a_file_that_was_removed_or_replaced_is_not_acknowledged(bool replaced)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows doesn't delete open files.");
        await MakeAsync();
        await using var server = await TestServer.StartAsync(directory);
        var id = (await server.GetAsync(Tickets)).Expect(200)["results[0].id"];
        File.Move(First, First + ".away");
        if (replaced)
        {
            File.Copy(First + ".away", First);
        }

        foreach (var answer in (Answer[])
        [
            await server.PostAsync(Tickets, """{"properties":{"subject":"lost","hs_pipeline_stage":"1"}}"""),
            await server.PostAsync("/crm/v3/properties/tickets/groups", """{"name":"lost","label":"lost"}"""),
            await server.DeleteAsync($"{Tickets}/{id}"),
            await server.GetAsync(Tickets),
            await server.GetAsync(Feed),
        ])
        {
            answer.Expect(503);
            Assert.Equal("portal-24000001.db was removed or replaced while the server was running. Nothing was written; see the server's log.", answer["message"]);
        }

        Assert.Equal("missing", (await server.GetAsync("/readyz")).Expect(503)["portals[0].state"]);
        File.Move(First + ".away", First, overwrite: true);
        (await server.GetAsync("/readyz")).Expect(200);
        Assert.Equal(1, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
        (await server.PostAsync(Tickets, """{"properties":{"subject":"kept","hs_pipeline_stage":"1"}}""")).Expect(201);
    }

    [Fact]
    public async Task What_is_written_to_a_registry_that_was_removed_is_not_acknowledged()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows doesn't delete open files.");
        await using var server = await TestServer.StartAsync(directory);
        File.Move(Registry, Registry + ".away");
        var answer = (await server.PostAsync("/docket/v1/apps", """{"name":"lost","scopes":["tickets"]}""")).Expect(503);
        Assert.Equal("docket.db was removed or replaced while the server was running. Nothing was written; see the server's log.", answer["message"]);
        Assert.Equal("no-registry", (await server.GetAsync("/readyz")).Expect(503)["status"]);
        File.Move(Registry + ".away", Registry);
        (await server.GetAsync("/readyz")).Expect(200);
        (await server.PostAsync("/docket/v1/apps", """{"name":"kept","scopes":["tickets"]}""")).Expect(201);
    }

    [Fact]
    public async Task A_first_start_that_can_not_listen_makes_no_token_and_the_next_one_shows_it()
    {
        using (var other = new TcpListener(IPAddress.Loopback, 0))
        {
            other.Start();
            await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = $"http://{other.LocalEndpoint}" }, Cancellation));
        }

        await using (var server = await DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0" }, Cancellation))
        {
            Assert.Equal((24_000_001, 1), (server.PortalId, server.FirstApp));
            Assert.NotNull(server.FirstToken);
        }

        // Nobody may have seen it, as long as nobody has used it.
        await using (var server = await DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0" }, Cancellation))
        {
            Assert.Equal((null, 1), (server.FirstToken, server.FirstApp));
        }

        var (exit, output, _) = await ServerProcess.RunAsync(["app", "rotate", "1", "--data", directory]);
        Assert.Equal(0, exit);
        var token = Regex.Match(output, "pat-na1-[0-9a-f-]+").Value;
        await using (var server = await TestServer.StartAsync(directory))
        {
            using var http = server.NewClient(token);
            using var created = await http.PostAsync(Tickets, new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json"), Cancellation);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        }

        await using var later = await DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0" }, Cancellation);
        Assert.Null(later.FirstApp);
    }

    [Fact]
    public async Task A_first_start_that_was_stopped_before_it_created_the_token_is_completed_later()
    {
        await using (var portals = await DocketServer.OpenPortalsAsync(new(directory), create: true))
        {
            await portals.CreateAsync("default");
        }

        await using var server = await DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0" }, Cancellation);
        Assert.NotNull(server.FirstToken);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Every_file_is_its_users_alone_also_in_a_directory_that_others_can_read()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("There are no such modes on Windows.");
            return;
        }

        File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        await using var server = await ServerProcess.StartAsync(directory);
        await server.WaitForAsync(Regex.Escape($"Other users of this machine have access to the data directory {directory}. To keep them out: chmod 700 {directory}"));
        (await server.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"a"}""")).Expect(200);
        var (exit, _, _) = await ServerProcess.RunAsync(["portal", "create", "another", "--data", directory]);
        Assert.Equal(0, exit);
        var files = Directory.GetFiles(directory);
        Assert.Contains(files, file => file.EndsWith(".index.db-wal", StringComparison.Ordinal));
        foreach (var file in files)
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task A_directory_that_can_not_be_written_to_is_not_taken_for_one_that_is_served()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A file can't be made where a directory is in the way.");
        Directory.CreateDirectory(Path.Combine(directory, "docket.lock"));
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => TestServer.StartAsync(directory));
        Assert.StartsWith($"Cannot write to the data directory {directory}: ", mistake.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_registry_that_another_program_holds_keeps_waiting_only_those_who_write_to_it()
    {
        await MakeAsync();
        await using var server = await TestServer.StartAsync(directory, busyTimeoutMs: 2_000);
        using (var holder = new Connection(Registry, create: false))
        {
            holder.Execute("BEGIN EXCLUSIVE");
            var writers = Enumerable.Range(0, 30).Select(i => server.PostAsync("/docket/v1/apps", $$"""{"name":"app {{i}}","scopes":["tickets"]}""")).ToList();
            for (var i = 0; i < 20; i++)
            {
                (await server.PostAsync(Tickets, """{"properties":{"subject":"served","hs_pipeline_stage":"1"}}""")).Expect(201);
                (await GetAsync(server, Tickets)).Expect(200);
                (await server.GetAsync("/docket/v1/apps")).Expect(200);
                (await server.GetAsync("/docket/v1/settings")).Expect(200);
                (await server.GetAsync("/readyz")).Expect(200);
            }

            foreach (var answer in await Task.WhenAll(writers))
            {
                answer.Expect(503);
                Assert.Equal("docket.db is locked by another program. Nothing was written; try again.", answer["message"]);
            }

            holder.Execute("ROLLBACK");
        }

        (await server.PostAsync("/docket/v1/apps", """{"name":"now","scopes":["tickets"]}""")).Expect(201);
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes two portals with a ticket each; everything is in the files afterwards, nothing in a log.</summary>
    async Task MakeAsync()
    {
        await using var server = await TestServer.StartAsync(directory);
        await using (var portals = await DocketServer.OpenPortalsAsync(new(directory)))
        {
            var other = (await portals.CreateAsync("other")).Id;
            otherToken = (await portals.Apps.CreatePrivateAsync(other, "other", ScopeNames.All)).Token;
            await portals.Users.AddAsync(other, "ann@example.com", "", "");
        }

        (await server.PostAsync(Tickets, """{"properties":{"subject":"first","hs_pipeline_stage":"1"}}""")).Expect(201);
        using var http = server.NewClient(otherToken);
        using var created = await http.PostAsync(Tickets, new StringContent("""{"properties":{"subject":"other","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json"), Cancellation);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
    }

    async Task<Answer> GetAsync(TestServer server, string path)
    {
        using var http = server.NewClient(otherToken);
        using var response = await http.GetAsync(path, Cancellation);
        return await Answer.OfAsync(response);
    }

    static string History(Answer answer) => answer.Headers.GetValues("Docket-History").Single();

    Connection? Spoil(string how)
    {
        switch (how)
        {
            case "missing":
                Remove(Other);
                return null;
            case "empty":
                File.WriteAllBytes(Other, []);
                return null;
            case "damaged":
                var bytes = File.ReadAllBytes(Other);
                bytes.AsSpan(0, 100).Fill(0xee);
                File.WriteAllBytes(Other, bytes);
                return null;
            case "text":
                File.WriteAllText(Other, string.Join('\n', Enumerable.Repeat("Dear diary, today no database was written.", 500)));
                return null;
            case "newer":
                Execute(Other, "PRAGMA user_version=99");
                return null;
            case "swapped":
                File.Copy(First, Other, overwrite: true);
                return null;
            case "strange":
                File.Delete(Other);
                SqliteStore.Create(Other, 24_000_002, "another registry");
                return null;
            default:
                var holder = new Connection(Other, create: false);
                holder.Execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE stage_use SET records = records; COMMIT");
                return holder;
        }
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await condition())
        {
            await Task.Delay(20, enough.Token);
        }
    }

    static void Execute(string file, string sql)
    {
        using var connection = new Connection(file, create: false);
        connection.Execute(sql);
    }

    static void Remove(string file)
    {
        foreach (var each in Directory.GetFiles(Path.GetDirectoryName(file)!, Path.GetFileName(file) + "*"))
        {
            File.Delete(each);
        }
    }
}
