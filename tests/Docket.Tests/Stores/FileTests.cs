using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>
/// Files that aren't as Docket left them: of another version, another program's, damaged, locked. The operator gets one line that says
/// what to do. A request gets an error that says that nothing was written, and the others continue.
/// </summary>
public sealed class FileTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";
    readonly string directory = Directory.CreateTempSubdirectory("docket-files-").FullName;

    string Registry => Path.Combine(directory, "docket.db");

    string Portal => Path.Combine(directory, "portal-24000001.db");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData("docket.db")]
    [InlineData("portal-24000001.db")]
    public async Task A_file_of_a_newer_version_is_left_alone(string name)
    {
        await MakeAsync();
        var file = Path.Combine(directory, name);
        var version = Version(file);
        Change(file, "PRAGMA user_version=99");
        var before = await File.ReadAllBytesAsync(file, Cancellation);

        var mistake = await RefusedStartAsync();
        Assert.StartsWith($"{file} was written by a newer Docket (file version 99, this one knows {version}).", mistake, StringComparison.Ordinal);
        Assert.Contains("Start the newer Docket, or restore a backup.", mistake, StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(file, Cancellation));
    }

    [Fact]
    public async Task A_portal_of_the_first_version_is_brought_to_the_newest()
    {
        await MakeAsync();
        Remove(Portal);
        OldFiles.Portal(Portal, 1);

        await using var server = await TestServer.StartAsync(directory);
        (await server.PostAsync(Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(0, (await server.GetAsync("/docket/v1/jobs")).Expect(200).Count("results"));
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("serve", "--strict-start")]
    [InlineData("app", "list")]
    [InlineData("portal", "create", "another")]
    public async Task The_command_line_says_it_in_one_line_and_ends_with_1(params string[] command)
    {
        await MakeAsync();
        var version = Version(Registry);
        Change(Registry, "PRAGMA user_version=99");
        var (exit, output, errors) = await ServerProcess.RunAsync([.. command, "--data", directory]);
        Assert.Equal((1, ""), (exit, output));
        Assert.Equal($"docket: {Registry} was written by a newer Docket (file version 99, this one knows {version}). Start the newer Docket, or restore a backup.\n", errors);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_file_that_another_program_locks_is_reported_by_the_command_line_in_one_line()
    {
        await MakeAsync();
        using var holder = new Connection(Registry, create: false);
        holder.Execute("BEGIN IMMEDIATE");
        var (exit, output, errors) = await ServerProcess.RunAsync(["app", "create", "another", "--data", directory]);
        Assert.Equal((1, "", "docket: docket.db is locked by another program. Nothing was written; try again.\n"), (exit, output, errors));
    }

    [Theory]
    [InlineData("docket.db")]
    [InlineData("portal-24000001.db")]
    public async Task Another_programs_database_is_not_taken_for_a_Docket_file(string name)
    {
        await MakeAsync();
        var file = Path.Combine(directory, name);
        Remove(file);
        Change(file, "CREATE TABLE token (secret TEXT); INSERT INTO token VALUES ('theirs')", create: true);

        Assert.Equal($"{file} is not a Docket file. Move it away or choose another data directory with --data.", await RefusedStartAsync());
        using var theirs = new Connection(file, create: false);
        Assert.Equal(1, theirs.QueryInteger("SELECT count(*) FROM sqlite_schema"));
        Assert.Equal(1, theirs.QueryInteger("SELECT count(*) FROM token WHERE secret = 'theirs'"));
    }

    [Theory]
    [InlineData("docket.db")]
    [InlineData("portal-24000001.db")]
    public async Task A_text_file_is_refused_and_stays_as_it_is(string name)
    {
        await MakeAsync();
        var file = Path.Combine(directory, name);
        var text = string.Join('\n', Enumerable.Repeat("Dear diary, today no database was written.", 500));
        Remove(file);
        await File.WriteAllTextAsync(file, text, Cancellation);

        var mistake = await RefusedStartAsync();
        Assert.StartsWith($"{file} is damaged", mistake, StringComparison.Ordinal);
        Assert.Contains("Restore a backup in its place", mistake, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(file, Cancellation));
    }

    [Theory]
    [InlineData("docket.db")]
    [InlineData("portal-24000001.db")]
    public async Task A_damaged_header_is_reported_at_the_start(string name)
    {
        await MakeAsync();
        Overwrite(Path.Combine(directory, name), 0, 100);
        Assert.StartsWith($"{Path.Combine(directory, name)} is damaged", await RefusedStartAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("docket.db", "portal")]
    [InlineData("portal-24000001.db", "property")]
    [InlineData("portal-24000001.db", "change")]
    [InlineData("portal-24000001.db", "source")]
    public async Task Damage_in_what_the_start_reads_is_reported_at_the_start(string name, string table)
    {
        await MakeAsync();
        var file = Path.Combine(directory, name);
        OverwritePage(file, RootPage(file, table));
        Assert.StartsWith($"{file} is damaged", await RefusedStartAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_definition_that_can_not_be_read_is_reported_at_the_start()
    {
        await MakeAsync();
        Change(Portal, "UPDATE property SET definition = 'not json' WHERE name = 'subject'");
        Assert.StartsWith($"{Portal} is damaged", await RefusedStartAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_from_before_merges_is_upgraded_with_all_that_it_holds()
    {
        var ids = await MakeAsync(tickets: 3);
        OldFiles.PortalBefore(Portal, "002-lives.sql").Dispose();
        await using var server = await TestServer.StartAsync(directory);
        var merged = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{ids[0]}}","objectIdToMerge":"{{ids[1]}}"}""")).Expect(200)["id"];
        Assert.Equal(merged, (await server.GetAsync($"{Tickets}/{ids[1]}")).Expect(200)["id"]);
        (await server.PostAsync("/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"{{ids[2]}}"}""")).Expect(204);
        (await server.GetAsync($"{Tickets}/{ids[2]}")).Expect(404);
    }

    [Fact]
    public async Task A_file_with_records_in_a_table_of_their_own_is_upgraded_even_if_that_is_interrupted()
    {
        string before;
        await using (var server = await TestServer.StartAsync(directory))
        {
            await FillAsync(server);
            before = await EverythingAsync(server);
        }

        using (var older = OldFiles.PortalBefore(Portal, "011-log-first.sql"))
        {
            // Fails after the first part: a part is 10,000 records.
            older.Execute("""
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)
                INSERT INTO record (key, created, updated, source, first_change, last_change, content) SELECT (5 << 48) + 10000900000 + i, 1, 1, 1, 900000 + i, 900000 + i, x'' FROM n;
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15000)
                INSERT INTO change (sequence, record, kind, time, source, content) SELECT 900000 + i, (5 << 48) + 10000900000 + i, 1, 1, 1, x'' FROM n;
                CREATE TRIGGER interruption BEFORE DELETE ON record WHEN old.key > (5 << 48) + 10000912000 BEGIN SELECT RAISE(ABORT, 'interrupted'); END;
                """);
        }

        await using (var refused = await TestServer.StartAsync(directory))
        {
            (await refused.GetAsync(Tickets)).Expect(503);
        }

        using (var half = new Connection(Portal, create: false))
        {
            Assert.InRange(half.QueryInteger("SELECT count(*) FROM record"), 1, 14_999);
            Assert.InRange(half.QueryInteger("SELECT count(*) FROM head"), 1, 14_999);
            half.Execute("DROP TRIGGER interruption");
        }

        await using (var upgraded = await TestServer.StartAsync(directory))
        {
            (await upgraded.GetAsync($"{Tickets}/10000915000")).Expect(200);
            Assert.StartsWith(before[..before.IndexOf("]}", StringComparison.Ordinal)], await EverythingAsync(upgraded), StringComparison.Ordinal);
        }

        using var file = new Connection(Portal, create: false);
        Assert.Equal(0, file.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE name = 'record'"));
    }

    [Theory]
    [InlineData("006-stage-names.sql")]
    [InlineData("007-identity.sql")]
    [InlineData("008-rejected.sql")]
    [InlineData("009-stage-types.sql")]
    [InlineData("010-names.sql")]
    [InlineData("011-log-first.sql")]
    public async Task A_file_of_every_earlier_version_is_upgraded_with_all_that_it_holds(string upgrade)
    {
        string before;
        await using (var server = await TestServer.StartAsync(directory))
        {
            await FillAsync(server);
            before = await EverythingAsync(server);
        }

        OldFiles.PortalBefore(Portal, upgrade).Dispose();
        await using (var upgraded = await TestServer.StartAsync(directory))
        {
            Assert.Equal(before, await EverythingAsync(upgraded));
        }
    }

    // Tickets of every kind: changed, with a long text that is kept, moved, archived, restored, merged, with another create date.
    static async Task FillAsync(TestServer server)
    {
        await server.CreatePropertyAsync("ext", "string", "text", unique: true);
        var ids = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            ids.Add((await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"ticket {{{i}}}","content":"{{{new string('c', 100 * i)}}}","ext":"{{{i}}}","hs_pipeline_stage":"{{{1 + (i % 4)}}}"}}""")).Expect(201)["id"]!);
        }

        foreach (var id in ids.Skip(2))
        {
            (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"subject":"changed"}}""")).Expect(200);
            (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"hs_pipeline_stage":"4","ext":""}}""")).Expect(200);
        }

        (await server.PatchAsync($"{Tickets}/{ids[3]}", """{"properties":{"createdate":"2020-01-01T00:00:00Z"}}""")).Expect(200);
        (await server.DeleteAsync($"{Tickets}/{ids[4]}")).Expect(204);
        (await server.DeleteAsync($"{Tickets}/{ids[5]}")).Expect(204);
        (await server.PostAsync($"/docket/v1/objects/tickets/{ids[5]}/restore", "{}")).Expect(200);
        (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{ids[10]}}","objectIdToMerge":"{{ids[11]}}"}""")).Expect(200);
    }

    static async Task<string> EverythingAsync(TestServer server)
    {
        const string properties = "subject,content,ext,hs_pipeline_stage,createdate,hs_lastmodifieddate,hs_object_source_id";
        var answers = new StringBuilder();
        foreach (var path in (string[])[
            $"{Tickets}?limit=10&properties={properties}", $"{Tickets}?limit=12&archived=true&properties={properties}",
            $"{Tickets}?limit=10&propertiesWithHistory=subject,content,ext,hs_pipeline_stage", "/docket/v1/changes?limit=60", $"{Tickets}/10000000003?properties={properties}"])
        {
            answers.AppendLine((await server.GetAsync(path)).Expect(200).Text);
        }

        answers.AppendLine((await server.PostAsync(Tickets + "/search", """{"query":"changed","sorts":["hs_object_id"],"limit":50,"properties":["subject"]}""")).Expect(200).Text);
        return answers.ToString();
    }

    [Fact]
    public async Task A_file_from_before_other_types_still_knows_which_stages_are_in_use()
    {
        await using (var server = await TestServer.StartAsync(directory))
        {
            (await server.PostAsync(Tickets, """{"properties":{"hs_pipeline_stage":"2"}}""")).Expect(201);
        }

        OldFiles.PortalBefore(Portal, "009-stage-types.sql").Dispose();
        await using var upgraded = await TestServer.StartAsync(directory);
        (await upgraded.DeleteAsync("/crm/v3/pipelines/tickets/0/stages/2?validateReferencesBeforeDelete=true")).Expect(400);
        (await upgraded.DeleteAsync("/crm/v3/pipelines/tickets/0/stages/3?validateReferencesBeforeDelete=true")).Expect(204);
    }

    [Fact]
    public async Task After_a_refused_start_the_same_process_can_start_on_the_repaired_file()
    {
        await MakeAsync();
        var version = Version(Portal);
        Change(Portal, "PRAGMA user_version=99");
        await RefusedStartAsync();
        Change(Portal, $"PRAGMA user_version={version}");
        await using var server = await TestServer.StartAsync(directory);
        (await server.GetAsync(Tickets)).Expect(200);
    }

    [Fact]
    public async Task A_damaged_page_fails_the_requests_that_need_it_and_no_others()
    {
        // Long texts spread the tickets over many pages; the one that is damaged holds some in the middle.
        var ids = await MakeAsync(tickets: 60);
        var damaged = ids[30];
        foreach (var page in PagesOf(Portal, "ticket-30;"))
        {
            OverwritePage(Portal, page);
        }

        await using var server = await TestServer.StartAsync(directory);

        foreach (var answer in (Answer[])
        [
            await server.GetAsync($"{Tickets}/{damaged}"),
            await server.PatchAsync($"{Tickets}/{damaged}", """{"properties":{"subject":"x"}}"""),
            await server.GetAsync($"{Tickets}?limit=100"),
        ])
        {
            answer.Expect(503);
            Assert.Equal("portal-24000001.db is damaged, or its disk is failing. Nothing was written; see the server's log.", answer["message"]);
            Assert.Equal(answer.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), answer["correlationId"]);
        }

        (await server.GetAsync($"{Tickets}/{ids[0]}")).Expect(200);
        (await server.GetAsync($"{Tickets}/{ids[^1]}")).Expect(200);
        (await server.PatchAsync($"{Tickets}/{ids[0]}", """{"properties":{"subject":"still written"}}""")).Expect(200);
        var made = (await server.PostAsync(Tickets, """{"properties":{"subject":"new","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal("still written", (await server.GetAsync($"{Tickets}/{ids[0]}"))["properties.subject"]);
        Assert.Equal("new", (await server.GetAsync($"{Tickets}/{made["id"]}"))["properties.subject"]);

        // A batch that needs it fails as a whole, also next to good ones in the same transaction.
        var batch = (await server.PostAsync(Tickets + "/batch/update", $$$"""{"inputs":[{"id":"{{{ids[1]}}}","properties":{"subject":"half"}},{"id":"{{{damaged}}}","properties":{"subject":"half"}}]}""")).Expect(503);
        Assert.Contains("is damaged", batch["message"]!, StringComparison.Ordinal);
        Assert.NotEqual("half", (await server.GetAsync($"{Tickets}/{ids[1]}")).Expect(200)["properties.subject"]);
        var together = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => server.PatchAsync($"{Tickets}/{(i == 10 ? damaged : ids[i % 5])}", $$$"""{"properties":{"content":"together {{{i}}}"}}""")));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => i == 10 ? 503 : 200), together.Select(answer => answer.Status));
    }

    [Fact]
    public async Task A_file_that_another_program_keeps_locked_is_reported_at_the_start()
    {
        await MakeAsync();
        using var other = new Connection(Portal, create: false);
        other.Execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE stage_use SET records = records; COMMIT");

        var mistake = await RefusedStartAsync();
        Assert.Equal($"{Portal} is locked by another program. Close that program and start again.", mistake);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_write_waits_for_a_lock_only_so_long_and_works_once_it_is_gone()
    {
        await MakeAsync(tickets: 1);
        await using var server = await TestServer.StartAsync(directory, busyTimeoutMs: 200);
        using (var other = new Connection(Portal, create: false))
        {
            other.Execute("BEGIN EXCLUSIVE");
            foreach (var answer in (Answer[])
            [
                await server.PostAsync(Tickets, """{"properties":{"subject":"refused","hs_pipeline_stage":"1"}}"""),
                await server.PostAsync("/crm/v3/properties/tickets/groups", """{"name":"refused","label":"refused"}"""),
            ])
            {
                answer.Expect(503);
                Assert.Equal("portal-24000001.db is locked by another program. Nothing was written; try again.", answer["message"]);
                Assert.Equal(answer.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), answer["correlationId"]);
                Assert.Equal("1", answer.Headers.GetValues("Retry-After").Single());
            }

            Assert.Equal(1, (await server.GetAsync(Tickets)).Expect(200).Count("results")); // readers don't wait
            other.Execute("ROLLBACK");
        }

        (await server.PostAsync(Tickets, """{"properties":{"subject":"written","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(["ticket-0;", "written"], (await server.GetAsync(Tickets)).Expect(200).Json!["results"]!.AsArray().Select(ticket => ticket!["properties"]!["subject"]!.ToString()));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Writes_that_wait_for_a_lock_together_are_refused_together()
    {
        await MakeAsync();
        await using var server = await TestServer.StartAsync(directory, busyTimeoutMs: 1_000);
        using var other = new Connection(Portal, create: false);
        other.Execute("BEGIN EXCLUSIVE");
        var clock = Stopwatch.StartNew();
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{i}}}","hs_pipeline_stage":"1"}}""")));

        Assert.All(answers, answer => answer.Expect(503));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(40)); // one after the other they would wait a minute
    }

    [Fact]
    public async Task A_second_server_on_a_data_directory_is_refused_and_the_first_goes_on()
    {
        await using var first = await TestServer.StartAsync(directory);
        Assert.Equal($"Another docket process is already serving {directory}. Stop it or use a different --data.", await RefusedStartAsync());

        var (exit, output, errors) = await ServerProcess.RunAsync(["serve", "--data", directory, "--urls", "http://127.0.0.1:0"]);
        Assert.Equal((1, ""), (exit, output));
        Assert.Equal($"docket: Another docket process is already serving {directory}. Stop it or use a different --data.\n", errors);
        (await first.GetAsync(Tickets)).Expect(200);
    }

    [Fact]
    public async Task A_data_directory_that_can_not_be_created_is_reported()
    {
        var inTheWay = Path.Combine(directory, "file");
        await File.WriteAllTextAsync(inTheWay, "", Cancellation);
        foreach (var wanted in (string[])[inTheWay, Path.Combine(inTheWay, "data")])
        {
            var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.StartAsync(new DocketOptions { DataDirectory = wanted, Urls = "http://127.0.0.1:0" }, Cancellation));
            Assert.StartsWith($"Cannot create the directory {wanted}: ", mistake.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', mistake.Message);
        }
    }

    [Fact]
    public async Task A_directory_where_a_file_should_be_is_reported()
    {
        Directory.CreateDirectory(Registry);
        Assert.Equal($"{Registry} can't be opened for writing. Check that the directory exists and belongs to the user that runs Docket.", await RefusedStartAsync());
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("http://192.0.2.1:8787")] // no address of this machine
    [InlineData("https://127.0.0.1:0")] // no certificate
    [InlineData("http://localhost:0")] // several addresses
    [InlineData("http://127.0.0.1:8805/base")]
    [InlineData("http://127.0.0.1:8805?a=b")]
    [InlineData("http://user@127.0.0.1:8805")]
    [InlineData("localhost:8787")]
    [InlineData("")]
    public async Task An_address_that_can_not_be_listened_on_is_reported(string urls)
    {
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(async () =>
        {
            await using var server = await DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = urls }, Cancellation);
        });
        Assert.Contains(urls, mistake.Message, StringComparison.Ordinal);
        Assert.StartsWith("Cannot listen on ", mistake.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', mistake.Message);
    }

    [Fact]
    public async Task An_address_in_use_is_reported_and_the_directory_is_free_again()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var urls = $"http://{other.LocalEndpoint}";
        var options = new DocketOptions { DataDirectory = directory, Urls = urls };
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.StartAsync(options, Cancellation));
        Assert.Equal($"Cannot listen on {urls}: another program uses the port. Stop it or use another port.", mistake.Message);

        await using var server = await TestServer.StartAsync(directory);
        (await server.GetAsync(Tickets)).Expect(200);
    }

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes the data directory and gives the ids of its tickets. Everything is in the files afterwards, nothing in a log.</summary>
    async Task<string[]> MakeAsync(int tickets = 0)
    {
        await using (var server = await TestServer.StartAsync(directory))
        {
            (await server.PostAsync(Tickets, """{"properties":{"subject":"first","hs_pipeline_stage":"1"}}""")).Expect(201);
            (await server.DeleteAsync($"{Tickets}/{(await server.GetAsync(Tickets))["results[0].id"]}")).Expect(204);
            for (var i = 0; i < tickets; i++)
            {
                (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"ticket-{{{i}}};","content":"{{{new string('c', 600)}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
            }
        }

        Assert.False(File.Exists(Portal + "-wal"));
        await using var again = await TestServer.StartAsync(directory);
        return [.. (await again.GetAsync(Tickets + "?limit=100")).Expect(200).Json!["results"]!.AsArray().Select(ticket => ticket!["id"]!.ToString())];
    }

    async Task<string> RefusedStartAsync()
    {
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() =>
            DocketServer.StartAsync(new DocketOptions { DataDirectory = directory, Urls = "http://127.0.0.1:0", BusyTimeoutMs = 200, StrictStart = true }, Cancellation));
        Assert.DoesNotContain('\n', mistake.Message);
        return mistake.Message;
    }

    static long Version(string file)
    {
        using var connection = new Connection(file, create: false);
        return connection.QueryInteger("PRAGMA user_version");
    }

    static void Change(string file, string sql, bool create = false)
    {
        using var connection = new Connection(file, create);
        connection.Execute(sql);
    }

    static void Remove(string file)
    {
        foreach (var each in Directory.GetFiles(Path.GetDirectoryName(file)!, Path.GetFileName(file) + "*"))
        {
            File.Delete(each);
        }
    }

    static long RootPage(string file, string table)
    {
        using var connection = new Connection(file, create: false);
        return connection.QueryInteger($"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    }

    /// <summary>The pages of the file that contain a text.</summary>
    static List<long> PagesOf(string file, string text)
    {
        var (bytes, wanted) = (File.ReadAllBytes(file), Encoding.UTF8.GetBytes(text));
        return [.. Enumerable.Range(0, bytes.Length / Engine.PageSize).Where(page => bytes.AsSpan(page * Engine.PageSize, Engine.PageSize).IndexOf(wanted) >= 0).Select(page => page + 1L)];
    }

    static void OverwritePage(string file, long page) => Overwrite(file, (page - 1) * Engine.PageSize, Engine.PageSize);

    static void Overwrite(string file, long offset, int length)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Write);
        stream.Position = offset;
        var garbage = new byte[length];
        new Random(1).NextBytes(garbage);
        garbage[0] = 0xee;
        stream.Write(garbage);
    }
}
