using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores;
using Docket.Stores.Moving;
using Docket.Stores.Postgres;
using Docket.Tests.OAuth;

namespace Docket.Tests.Stores;

/// <summary>Portals move between data directories and PostgreSQL with everything in them, whatever interrupts the move.</summary>
public sealed class MoveTests : IAsyncDisposable
{
    const string Tickets = "/crm/v3/objects/tickets", Own = "/docket/v1/objects/tickets";

    const long Portal = 24_000_001;

    readonly string directory = Directory.CreateTempSubdirectory("docket-move-").FullName;
    PostgresSchema? schema;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    string Data => Path.Combine(directory, "data");

    string Other => Path.Combine(directory, "other");

    [Fact]
    public async Task A_portal_is_the_same_after_a_move_to_PostgreSQL_and_back()
    {
        var store = await StoreAsync();
        OAuthDocket before;
        ManualClock clock;
        List<string> shown;
        string refresh;
        await using (before = await OAuthDocket.StartAsync(Data, with: options => options with { Store = null }))
        {
            await FillAsync(before.Server);
            refresh = (await before.TokensAsync())["refresh_token"]!;
            shown = await ShowAsync(before.Server);
            clock = before.Server.Clock;
        }

        using (var file = new Connection(Path.Combine(Data, $"portal-{Portal}.db"), create: false))
        {
            file.Execute($"INSERT INTO unfollowed (record, after) VALUES ({RecordKey.Of(1, 1, archived: false)}, 0)"); // as if the server had been stopped before it came to it
        }

        var there = Assert.Single(await MoveAsync(Data, store));
        Assert.Equal((Portal, "default", 0), (there.Id, there.Name, there.GrantsLeft));
        Assert.Equal(["job_chunk"], there.Tables.Where(table => table.Rows == 0).Select(table => table.Table)); // see the next test
        var back = Assert.Single(await MoveAsync(store, Other));
        Assert.Equal(there.Tables, back.Tables);
        await using (var server = await ServeAsync(Other, clock))
        {
            Assert.Equal(shown, await ShowAsync(server));
            (await before.On(server).RefreshAsync(refresh)).Expect(200);
            await WriteMoreAsync(server);
        }

        await using (var second = await PostgresSchema.ChooseAsync())
        {
            Assert.Equal(there.Tables, Assert.Single(await MoveAsync(store, second.ConnectionString)).Tables);
        }

        // The same writes have the same effects with PostgreSQL, and what it has written moves too.
        List<string> later;
        await using (var server = await ServeAsync(Path.Combine(directory, "indexes"), clock, store))
        {
            Assert.Equal(shown, await ShowAsync(server));
            (await before.On(server).RefreshAsync(refresh)).Expect(200);
            await WriteMoreAsync(server);
            later = await ShowAsync(server);
        }

        var last = Assert.Single(await MoveAsync(store, Path.Combine(directory, "third")));
        Assert.Equal((1, 0), (there.Tables.Single(table => table.Table == "unfollowed").Rows, last.Tables.Single(table => table.Table == "unfollowed").Rows));
        await using (var server = await ServeAsync(Path.Combine(directory, "third"), clock))
        {
            Assert.Equal(later, await ShowAsync(server));
        }

        // A record and an app, whose numbers follow on those that were moved, a job and a purge.
        async Task WriteMoreAsync(TestServer server)
        {
            var newest = (await server.GetAsync("/docket/v1/changes?limit=1000")).Count("results");
            var created = (await server.PostAsync(Tickets, """{"properties":{"subject":"next","hs_pipeline_stage":"1"}}""")).Expect(201);
            Assert.Equal((10_000_000_000 + newest + 1).ToString(), created["id"]);
            Assert.Equal("2", (await JobAsync(server, "after"))["id"]);
            Assert.Equal(int.Parse(before.AppId) + 2, int.Parse((await server.PostAsync("/docket/v1/apps", """{"name":"next","scopes":["tickets"]}""")).Expect(201)["id"]!)); // FillAsync has made one
            (await server.PostAsync($"{Own}/gdpr-delete", """{"objectId":"secret","idProperty":"ext_id"}""")).Expect(204);
        }
    }

    [Fact]
    public async Task A_job_that_has_not_ended_goes_on_after_the_move()
    {
        var store = await StoreAsync();
        ManualClock clock;
        await using (var server = await ServeAsync(Data))
        {
            await FillAsync(server);
            clock = server.Clock;
        }

        using (var file = new Connection(Path.Combine(Data, $"portal-{Portal}.db"), create: false))
        {
            file.Execute(
                $$$"""
                INSERT INTO job (status, open, whole, kind, helps, object_type, source_type, source_id, requested, inputs, done, created, updated, unchanged, failed)
                SELECT {{{(int)JobStatus.Pending}}}, 0, 0, kind, helps, object_type, source_type, source_id, requested, 1, 0, 0, 0, 0, 0 FROM job;
                INSERT INTO job_chunk (job, first, count, lines) VALUES (2, 0, 1, CAST('{"id":"waiting","idProperty":"ext_id","properties":{"subject":"late","hs_pipeline_stage":"1"}}' || char(10) AS BLOB))
                """);
        }

        await MoveAsync(Data, store);
        await MoveAsync(store, Other);
        foreach (var place in (string?[])[null, store])
        {
            await using var moved = await ServeAsync(Other, clock, place);
            Assert.Equal("COMPLETE", (await moved.EndOfJobAsync("2"))["status"]);
            (await moved.GetAsync($"{Tickets}/waiting?idProperty=ext_id")).Expect(200);
        }
    }

    [Fact]
    public async Task Every_column_of_a_portal_is_moved_or_follows_from_what_is()
    {
        await (await ServeAsync(Data)).DisposeAsync();
        ImmutableArray<MovedTable> tables = [MovedTable.Changes, .. MovedTable.Others];
        using (var file = new Connection(Path.Combine(Data, $"portal-{Portal}.db"), create: false))
        {
            string[] derived = ["change.kept", "fold.*", "cleaning.*", "erasing.*", "identity.*"];
            var columns = Rows(file, "SELECT m.name || '.' || p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'");
            AssertMoved(columns, derived);
        }

        await using var database = await PostgresDatabase.OpenAsync(await StoreAsync(), cancellation: Cancellation);
        string[] otherwise =
        [
            "head.portal", "head.history", "head.sequence", "head.jobs", "head.schema_version", "head.unfollowed", "write_mark.*", "erasing.*", "record.*", // with the changes
            "job.process", "kept_answer.process", "job_outcome.rows",
        ];
        var all = new List<string>();
        await using var select = database.Source.CreateCommand(
            """
            SELECT table_name || '.' || column_name FROM information_schema.columns c WHERE table_schema = current_schema() AND column_name <> 'portal'
              AND EXISTS (SELECT 1 FROM information_schema.columns p WHERE p.table_schema = c.table_schema AND p.table_name = c.table_name AND p.column_name = 'portal')
              AND table_name NOT IN ('app', 'user', 'oauth_grant', 'usage', 'recent_calls')
            """);
        await using var rows = await select.ExecuteReaderAsync(Cancellation);
        while (await rows.ReadAsync(Cancellation))
        {
            all.Add(rows.GetString(0));
        }

        AssertMoved(all, otherwise);

        void AssertMoved(List<string> columns, string[] others) => Assert.Equal([], columns
            .Except(others).Except(tables.SelectMany(table => table.Columns.Select(column => $"{table.Name}.{column.Name}"))).Where(column => !others.Contains(column.Split('.')[0] + ".*")));
    }

    [Fact]
    [Trait("Category", "Slow")] // starts a process for each attempt
    public async Task A_move_that_is_killed_continues_where_it_was()
    {
        var store = await StoreAsync();
        await using (var server = await OAuthDocket.StartAsync(Data, with: options => options with { Store = null }))
        {
            await FillAsync(server.Server);
            await FillManyAsync(server.Server, 30_000);
        }

        foreach (var (from, to) in ((string, string)[])[(Data, store), (store, Other)])
        {
            var killed = 0;
            for (var afterMs = 300; ; afterMs += 150)
            {
                var (process, ended) = Start("move", "--from", from, "--to", to);
                using (process)
                {
                    if (await Task.WhenAny(ended, Task.Delay(afterMs, Cancellation)) == ended)
                    {
                        Assert.Equal(0, process.ExitCode);
                        break;
                    }

                    process.Kill();
                    await ended;
                    killed++;
                }
            }

            Assert.True(killed >= 2, $"killed {killed} times");
        }

        Assert.Equal(Digests(await MoveAsync(Data, Path.Combine(directory, "a"))), Digests(await MoveAsync(Other, Path.Combine(directory, "b"))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copy_continues_with_what_was_changed_and_permanently_deleted_since(bool fromDatabase)
    {
        var store = await StoreAsync();
        await using var source = await PostgresSchema.ChooseAsync();
        var (from, fromStore) = fromDatabase ? (source.ConnectionString, source.ConnectionString) : (Data, null);
        ManualClock clock;
        await using (var server = await ServeAsync(Data, store: fromStore))
        {
            await FillAsync(server);
            clock = server.Clock;
        }

        foreach (var to in (string[])[store, Other])
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MoveAsync(from, to, interruptAt: "Copying head", alsoAt: "Copying unique_value"));
        }

        List<string> shown;
        await using (var server = await ServeAsync(Data, clock, fromStore))
        {
            (await server.PostAsync($"{Own}/gdpr-delete", """{"objectId":"secret","idProperty":"ext_id"}""")).Expect(204);
            (await server.PatchAsync($"{Tickets}/kept?idProperty=ext_id", """{"properties":{"subject":"changed since"}}""")).Expect(200);
            (await server.DeleteAsync($"{Tickets}/{(await server.GetAsync($"{Tickets}/archived-later?idProperty=ext_id")).Expect(200)["id"]}")).Expect(204);
            shown = await ShowAsync(server);
        }

        foreach (var to in (string[])[store, Other])
        {
            Assert.Single(await MoveAsync(from, to));
        }

        foreach (var place in (string?[])[null, store])
        {
            await using var server = await ServeAsync(Other, clock, place);
            Assert.Equal(shown, await ShowAsync(server));
        }

        var file = await File.ReadAllBytesAsync(Path.Combine(Other, $"portal-{Portal}.db"), Cancellation); // which the server has rewritten
        Assert.Equal(-1, file.AsSpan().IndexOf("the secret subject"u8));
        Assert.NotEqual(-1, file.AsSpan().IndexOf("the archived subject"u8));
        await using var database = await PostgresDatabase.OpenAsync(store, cancellation: Cancellation);
        await using var left = database.Source.CreateCommand("SELECT count(*) FROM change WHERE position('the secret subject'::bytea IN content) > 0");
        Assert.Equal(0L, await left.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public async Task What_the_target_uses_already_is_refused_before_anything_is_copied()
    {
        await using (var server = await ServeAsync(Data))
        {
            await FillAsync(server);
        }

        await using (var server = await ServeAsync(Other))
        {
            await server.Portals.Apps.CreatePrivateAsync(server.PortalId, "test", ["tickets"]);
            await server.Portals.Apps.CreatePrivateAsync(server.PortalId, "test", ["tickets"]);
        }

        Assert.Contains($"portal {Portal} exists there", await RefusalAsync(Data, Other), StringComparison.Ordinal);

        await using (var portals = await DocketServer.OpenPortalsAsync(new(Data)))
        {
            var second = await portals.CreateAsync("second");
            await portals.Apps.CreatePrivateAsync(second.Id, "app", ["tickets"]);
        }

        Assert.Contains($"app 2 belongs to portal {Portal} there", await RefusalAsync(Data, Other, Portal + 1), StringComparison.Ordinal);
        Assert.Equal(["docket.db", "docket.lock", $"portal-{Portal}.db", $"portal-{Portal}.index.db"], Directory.GetFiles(Other).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        var store = await StoreAsync();
        await using (var database = await PostgresDatabase.OpenAsync(store, cancellation: Cancellation))
        {
            await using var other = database.Source.CreateCommand($"INSERT INTO head (portal, history, sequence) VALUES ({Portal}, 'other', 7)");
            await other.ExecuteNonQueryAsync(Cancellation);
        }

        Assert.Contains("--restart", await RefusalAsync(Data, store, Portal), StringComparison.Ordinal);
        await using (var portals = await DocketServer.OpenPortalsAsync(new(directory, store)))
        {
            Assert.Equal(Portal + 1, (await portals.CreateAsync("new")).Id);
        }

        Assert.Single(await MoveAsync(Data, store, Portal, restart: true));
    }

    [Fact]
    public async Task A_token_that_is_revoked_during_the_move_is_not_valid_afterwards_and_ids_used_since_then_are_refused()
    {
        var store = await StoreAsync();
        string token;
        await using (var server = await ServeAsync(Data, store: store))
        {
            await FillAsync(server);
            var (app, text) = await server.Portals.Apps.CreatePrivateAsync(server.PortalId, "revoked", ["tickets"]);
            token = text;
            var revoked = false;
            await DocketServer.MoveAsync(
                Place(store), Place(Other), null, restart: false,
                progress => revoked = revoked || (progress.Work.StartsWith("Comparing", StringComparison.Ordinal) && server.Portals.Apps.DeleteAsync(server.PortalId, app.Id).AsTask().Wait(TimeSpan.FromSeconds(30))),
                _ => { }, Cancellation);
            Assert.True(revoked);
        }

        await using var moved = await ServeAsync(Other);
        using var http = moved.NewClient(token);
        Assert.Equal(401, (int)(await http.GetAsync(Tickets, Cancellation)).StatusCode);
        var third = Path.Combine(directory, "third");
        var used = false;
        Assert.Contains($"portal {Portal} exists there", (await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.MoveAsync(
            Place(store), Place(third), null, restart: false,
            progress =>
            {
                if (!used && progress.Work.StartsWith("Comparing", StringComparison.Ordinal))
                {
                    used = true;
                    using var registry = new Connection(Path.Combine(third, "docket.db"), create: false);
                    registry.Execute($"INSERT INTO portal (id, name, created) VALUES ({Portal}, 'made since', 0)");
                }
            },
            _ => { }, Cancellation))).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(third, $"portal-{Portal}.db")));
    }

    [Fact]
    public async Task A_second_move_adds_nothing_and_says_so()
    {
        await using (var server = await ServeAsync(Data))
        {
            await server.PostAsync(Tickets, """{"properties":{"subject":"one","hs_pipeline_stage":"1"}}""");
        }

        Assert.NotEmpty(Assert.Single(await MoveAsync(Data, Other)).Tables);
        Assert.Empty(Assert.Single(await MoveAsync(Data, Other)).Tables);
        await using (var server = await ServeAsync(Data))
        {
            await server.PostAsync(Tickets, """{"properties":{"subject":"two","hs_pipeline_stage":"1"}}""");
            Assert.Contains("A server is using", await RefusalAsync(Data, Other), StringComparison.Ordinal);
        }

        Assert.Contains("1 newer changes, which a move does not add", await RefusalAsync(Data, Other), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_complete_file_that_no_registry_lists_yet_is_listed_by_the_next_attempt()
    {
        await using (var server = await ServeAsync(Data))
        {
            await FillAsync(server);
        }

        var moved = await MoveAsync(Data, Other);
        using (var registry = new Connection(Path.Combine(Other, "docket.db"), create: false)) // as if the process had stopped in between
        {
            registry.Execute("DELETE FROM usage; DELETE FROM app_token; DELETE FROM app; DELETE FROM user; DELETE FROM portal");
        }

        Assert.Equal(Digests(moved), Digests(await MoveAsync(Data, Other)));
        Assert.Equal(["docket.db", "docket.lock", $"portal-{Portal}.db"], Directory.GetFiles(Other).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_copy_of_a_database_in_use_has_everything_up_to_one_change_and_nothing_after_it()
    {
        var store = await StoreAsync();
        await using var server = await ServeAsync(Data, store: store);
        await FillAsync(server);
        await FillManyAsync(server, 500);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var writing = Task.Run(
            async () =>
            {
                for (var i = 0; !enough.IsCancellationRequested; i++)
                {
                    await FillManyAsync(server, 100, $"{i}");
                    await server.PostAsync($"{Own}/gdpr-delete", $$"""{"objectId":"n{{i}}","idProperty":"ext_id"}""");
                }
            },
            Cancellation);
        var moved = Assert.Single(await MoveAsync(store, Other));
        while ((await server.GetAsync($"/docket/v1/changes?after={moved.Sequence}")).Count("results") == 0)
        {
            Assert.False(writing.IsCompleted);
        }

        await enough.CancelAsync();
        await writing;
        await using var copy = await ServeAsync(Other, server.Clock);
        var copied = (await copy.GetAsync("/docket/v1/changes?limit=1000")).Expect(200);
        Assert.Equal(Math.Min(moved.Sequence, 1000), copied.Count("results"));
        var source = (await server.GetAsync("/docket/v1/changes?limit=1000")).Expect(200);
        Assert.Equal(Enumerable.Range(0, copied.Count("results")).Select(i => source[$"results[{i}].objectId"]), Enumerable.Range(0, copied.Count("results")).Select(i => copied[$"results[{i}].objectId"]));
        Assert.Equal(
            (await copy.PostAsync($"{Tickets}/search", "{}"))["total"],
            (Assert.Single(moved.Tables, table => table.Table == "head").Rows - 2).ToString()); // one is archived, and one no ticket
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_move_needs_the_memory_of_a_few_batches_whatever_the_size_of_the_portal()
    {
        const int Megabytes = 40;
        var store = await StoreAsync();
        await using (var server = await ServeAsync(Data))
        {
            await server.CreatePropertyAsync("ext_id");
            var content = new string('x', 60_000);
            for (var i = 0; i < 3 * Megabytes * 1_000_000 / content.Length / 50; i++)
            {
                await FillManyAsync(server, 50, $"{i}", content);
            }
        }

        foreach (var (from, to) in ((string, string)[])[(Data, store), (store, Other)])
        {
            var (exit, _, errors) = await ServerProcess.RunAsync(["move", "--from", from, "--to", to], ("DOTNET_GCHeapHardLimit", $"{Megabytes << 20:x}"));
            Assert.True(exit == 0, errors);
        }

        Assert.True(new FileInfo(Path.Combine(Other, $"portal-{Portal}.db")).Length > 2L * Megabytes << 20);
    }

    [Fact]
    [Trait("Category", "Slow")] // starts processes
    public async Task The_command_line_takes_a_place_from_DOCKET_STORE_and_explains_what_is_missing()
    {
        var store = await StoreAsync();
        await using (var server = await ServeAsync(Data))
        {
            await FillAsync(server);
        }

        var (exit, output, errors) = await ServerProcess.RunAsync(["move", "--from", Data], ("DOCKET_STORE", store));
        Assert.True(exit == 0 && errors.Length == 0, errors);
        Assert.Matches(@"^Portal 24000001 \(default\) is moved, up to change [0-9]+\. Both sides have the same:\n  change +[0-9]+ rows  sha256 [0-9a-f]{64}\n", output);
        (exit, output, errors) = await ServerProcess.RunAsync(["move", "--to", Other, "--portal", "24000001"], ("DOCKET_STORE", store));
        Assert.True(exit == 0 && errors.Length == 0, errors);
        (exit, output, errors) = await ServerProcess.RunAsync(["move", "--to", Other], ("DOCKET_STORE", store));
        Assert.True(exit == 0 && errors.Length == 0, errors);
        Assert.Matches(@"^Portal 24000001 \(default\) has already been moved, up to change [0-9]+\.\n$", output);

        Assert.Equal($"docket: {store.Split(';')[0][5..]}:5432/postgres has no portal 7.\n", (await ServerProcess.RunAsync(["move", "--from", store, "--to", Other, "--portal", "7"])).Errors);
        Assert.Contains("Two places are needed", (await ServerProcess.RunAsync(["move", "--from", Data])).Errors, StringComparison.Ordinal);
        Assert.Equal($"docket: There is no Docket data in {directory}/none.\n", (await ServerProcess.RunAsync(["move", "--from", $"{directory}/none", "--to", Other])).Errors);
        (exit, _, errors) = await ServerProcess.RunAsync(["move", "--from", Data, "--to", "Host=/nowhere;Password=secret"]);
        Assert.Equal(1, exit);
        Assert.DoesNotContain("secret", errors.Replace("--store-password", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("can't be reached", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_that_differs_is_not_used()
    {
        await using (var server = await ServeAsync(Data))
        {
            await FillAsync(server);
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MoveAsync(Data, Other, interruptAt: "Copying head"));
        using (var file = new Connection(Path.Combine(Other, $"portal-{Portal}.moving.db"), create: false))
        {
            file.Execute("UPDATE change SET time = time + 1 WHERE sequence = 5");
        }

        Assert.Contains("differs from", await RefusalAsync(Data, Other), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Other, $"portal-{Portal}.db")));
        Assert.Single(await MoveAsync(Data, Other, restart: true));
    }

    [Fact]
    public async Task Grants_between_two_portals_come_with_the_second_one()
    {
        await using (var docket = await OAuthDocket.StartAsync(Data, with: options => options with { Store = null }))
        {
            var second = await docket.Server.Portals.CreateAsync("second");
            var user = (await docket.Server.Portals.Users.AddAsync(second.Id, "bob@example.com", "Bob", "B"))!;
            var app = (await docket.Server.Portals.Apps.FindAsync(docket.Server.PortalId, long.Parse(docket.AppId), Cancellation))!;
            Assert.NotNull(await docket.Server.Portals.Grants.AllowAsync(app, user, ["tickets"], OAuthDocket.Back, null));
            await docket.TokensAsync();
        }

        Assert.Equal([1, 0], (await MoveAsync(Data, Other)).Select(moved => moved.GrantsLeft));
        using var registry = new Connection(Path.Combine(Other, "docket.db"), create: false);
        Assert.Equal((2, 1), (registry.QueryInteger("SELECT count(*) FROM oauth_grant"), registry.QueryInteger("SELECT count(*) FROM oauth_access")));
    }

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(directory, recursive: true);
        await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    async Task<string> StoreAsync() => (schema ??= await PostgresSchema.ChooseAsync()).ConnectionString;

    static async Task<List<MovedPortal>> MoveAsync(string from, string to, long? portal = null, bool restart = false, string? interruptAt = null, string? alsoAt = null)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var moved = new List<MovedPortal>();
        await DocketServer.MoveAsync(
            Place(from), Place(to), portal, restart,
            progress =>
            {
                if (interruptAt is not null && (progress.Work == interruptAt || progress.Work == alsoAt))
                {
                    stop.Cancel();
                }
            },
            moved.Add, stop.Token);
        return moved;
    }

    static Task<TestServer> ServeAsync(string directory, ManualClock? clock = null, string? store = null) => TestServer.StartAsync(directory, clock: clock, with: options => options with { Store = store });

    static DataPlace Place(string place) => place.Contains('=', StringComparison.Ordinal) ? new("", place) : new(place);

    static async Task<string> RefusalAsync(string from, string to, long? portal = null) =>
        (await Assert.ThrowsAsync<OperatorMistake>(() => MoveAsync(from, to, portal))).Message;

    static IEnumerable<MovedCount> Digests(List<MovedPortal> moved) => Assert.Single(moved).Tables;

    static List<string> Rows(Connection file, string sql)
    {
        using var select = file.Prepare(sql);
        var rows = new List<string>();
        while (select.Step())
        {
            rows.Add(select.Text(0));
        }

        return rows;
    }

    static (Process Process, Task Ended) Start(params string[] arguments)
    {
        var process = ServerProcess.Start(arguments);
        return (process, process.WaitForExitAsync(Cancellation));
    }

    static async Task<Answer> JobAsync(TestServer server, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Tickets}/batch/upsert")
        {
            Content = new StringContent($$$"""{"inputs":[{"id":"{{{key}}}","idProperty":"ext_id","properties":{"subject":"from a job","hs_pipeline_stage":"1"}},{"id":"no","idProperty":"ext_id","properties":{"nothing":"x"}}]}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("Prefer", "respond-async");
        request.Headers.Add("Docket-Row-Outcomes", "true");
        using var response = await server.Http.SendAsync(request, Cancellation);
        return await server.EndOfJobAsync((await Answer.OfAsync(response)).Expect(202)["id"]);
    }

    // Something of everything.
    static async Task FillAsync(TestServer server)
    {
        await server.CreatePropertyAsync("ext_id");
        await server.CreatePropertyAsync("notes", unique: false);
        (await server.PostAsync("/crm/v3/pipelines/tickets", """{"label":"Repairs","displayOrder":1,"pipelineId":"repairs","stages":[{"label":"In","displayOrder":0,"metadata":{"ticketState":"OPEN"},"stageId":"in"},{"label":"Out","displayOrder":1,"metadata":{"ticketState":"CLOSED"},"stageId":"out"}]}""")).Expect(201);
        (await server.PatchAsync("/crm/v3/pipelines/tickets/repairs/stages/in", """{"label":"Inbox"}""")).Expect(200);
        using var other = server.NewClient((await server.Portals.Apps.CreatePrivateAsync(server.PortalId, "test", ["tickets"])).Token);
        var ids = new List<string>();
        foreach (var key in (string[])["kept", "one", "two", "three", "archived", "secret", "archived-later", "restored", "purged"])
        {
            ids.Add((await server.PostAsync(Tickets, $$$"""{"properties":{"ext_id":"{{{key}}}","subject":"the {{{key}}} subject","content":"{{{new string('x', 300)}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!);
            server.Clock.Advance(TimeSpan.FromSeconds(1));
            using var response = await other.PatchAsync($"{Tickets}/{ids[^1]}", new StringContent("""{"properties":{"notes":"by another app","hs_pipeline_stage":"2"}}""", Encoding.UTF8, "application/json"), Cancellation);
            Assert.Equal(200, (int)response.StatusCode);
        }

        (await server.PatchAsync($"{Tickets}/{ids[0]}", """{"properties":{"hs_pipeline":"repairs","hs_pipeline_stage":"in","notes":""}}""")).Expect(200);
        var merged = (await server.PostAsync($"{Tickets}/merge", $$"""{"primaryObjectId":"{{ids[1]}}","objectIdToMerge":"{{ids[2]}}"}""")).Expect(200)["id"];
        (await server.PostAsync($"{Tickets}/merge", $$"""{"primaryObjectId":"{{merged}}","objectIdToMerge":"{{ids[3]}}"}""")).Expect(200);
        (await server.DeleteAsync($"{Tickets}/{ids[4]}")).Expect(204);
        (await server.DeleteAsync($"{Tickets}/{ids[7]}")).Expect(204);
        (await server.PostAsync($"{Own}/{ids[7]}/restore", "")).Expect(200);
        (await server.PostAsync($"{Own}/gdpr-delete", $$"""{"objectId":"{{ids[8]}}"}""")).Expect(204);
        var type = (await server.PostAsync("/crm-object-schemas/v3/schemas", """{"name":"cars","labels":{"singular":"Car","plural":"Cars"},"primaryDisplayProperty":"vin","properties":[{"name":"vin","label":"VIN","type":"string","fieldType":"text","hasUniqueValue":true}]}""")).Expect(201)["objectTypeId"];
        (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"vin":"1"}}""")).Expect(201);
        (await server.PostAsync("/crm/v4/associations/tickets/contacts/labels", "{\"name\":\"boss\",\"label\":\"Boss\"}")).Expect(200);
        (await server.PostAsync("/crm/v4/associations/definitions/configurations/tickets/contacts/batch/create", """{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":16,"maxToObjectIds":9}]}""")).Expect(201);
        await server.EndOfJobAsync((await JobAsync(server, "job"))["id"]);
        (await KeptAsync(server)).Expect(201);
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ids[0]}/associations/default/tickets/{ids[5]}", null)).Expect(200);
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ids[0]}/associations/default/tickets/{ids[6]}", null)).Expect(200);
        (await server.DeleteAsync($"/crm/v4/objects/tickets/{ids[0]}/associations/tickets/{ids[6]}")).Expect(204);
    }

    static async Task FillManyAsync(TestServer server, int count, string subject = "many", string content = "")
    {
        for (var i = 0; i < count; i += 100)
        {
            var inputs = Enumerable.Range(i, Math.Min(100, count - i)).Select(n => $$$"""{"id":"n{{{n}}}","idProperty":"ext_id","properties":{"subject":"{{{subject}}}","content":"{{{content}}}{{{subject}}}","hs_pipeline_stage":"1"}}""");
            (await server.PostAsync($"{Tickets}/batch/upsert", $$"""{"inputs":[{{string.Join(',', inputs)}}]}""")).Expect(200);
        }
    }

    static async Task<Answer> KeptAsync(TestServer server)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Tickets) { Content = new StringContent("""{"properties":{"subject":"once","hs_pipeline_stage":"1"}}""", Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", "key-1");
        using var response = await server.Http.SendAsync(request, Cancellation);
        return await Answer.OfAsync(response);
    }

    // Every answer that shows something of the portal.
    static async Task<List<string>> ShowAsync(TestServer server)
    {
        const string Some = "properties=subject,content,notes,ext_id,hs_pipeline,hs_pipeline_stage,hs_object_source_id,hs_merged_object_ids,createdate,hs_lastmodifieddate&propertiesWithHistory=subject,notes,ext_id,hs_pipeline_stage";
        var feed = (await server.GetAsync("/docket/v1/changes?limit=1000")).Expect(200);
        var ids = Enumerable.Range(0, feed.Count("results")).Select(i => feed[$"results[{i}].objectId"]!).Distinct().ToList();
        Assert.True(ids.Count > 9);
        List<string> paths =
        [
            "/docket/v1/changes?limit=1000", "/docket/v1/changes?limit=7&after=3", $"{Tickets}?limit=50&{Some}", $"{Tickets}?limit=50&archived=true&{Some}",
            "/crm/v3/properties/tickets", "/crm/v3/properties/tickets?archived=true", "/crm/v3/properties/tickets/groups", "/crm/v3/pipelines/tickets", "/crm/v3/pipelines/tickets/repairs/audit",
            "/crm/v3/pipelines/tickets/repairs/stages/in/audit", "/crm/v3/owners", "/docket/v1/users", "/docket/v1/apps", "/docket/v1/settings", "/docket/v1/jobs", "/docket/v1/jobs/1", "/docket/v1/jobs/1/results",
            "/docket/v1/jobs/1/rejected", "/account-info/v3/details", "/crm/associations/v4/definitions/configurations/all",
            .. ids.SelectMany(id => (string[])[$"{Tickets}/{id}?{Some}", $"{Tickets}/{id}?archived=true&{Some}", $"/docket/v1/changes?objectId={id}", $"/docket/v1/objects/tickets/{id}/timeline", $"/crm/v4/objects/tickets/{id}/associations/tickets"]),
        ];
        var shown = new List<string>();
        foreach (var path in paths)
        {
            Add(path, await server.GetAsync(path));
        }

        foreach (var search in (string[])["{}", """{"query":"subject","sorts":["-createdate"],"limit":50}""", """{"filterGroups":[{"filters":[{"propertyName":"hs_pipeline_stage","operator":"EQ","value":"in"}]}]}"""])
        {
            Add(search, await server.PostAsync($"{Tickets}/search", search));
        }

        Add("kept answer", await KeptAsync(server));
        return shown;

        void Add(string what, Answer answer)
        {
            Assert.True(answer.Status is 200 or 201 or 404, $"{what}: {answer.Status} {answer.Text}");
            shown.Add($"{what}: {answer.Status} {(answer.Status == 404 ? "" : answer.Text.Replace(server.Url, "", StringComparison.Ordinal))}");
        }
    }
}
