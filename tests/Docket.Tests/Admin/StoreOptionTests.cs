using Docket.Stores.Postgres;
using Docket.Tests.Stores;
using Npgsql;

namespace Docket.Tests.Admin;

/// <summary>The command line with a PostgreSQL database in place of a data directory.</summary>
public sealed class StoreOptionTests : IDisposable
{
    const string Secret = "correct-horse-battery";

    readonly string directory = Directory.CreateTempSubdirectory("docket-store-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Servers_that_start_together_on_an_empty_database_serve_the_same_portal()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        string[] options = ["--store", schema.ConnectionString];
        var both = await Task.WhenAll(ServerProcess.ServeAsync(DataOf("a"), options), ServerProcess.ServeAsync(DataOf("b"), options));
        await using var first = both[0];
        await using var second = both[1];
        var id = (await first.SendAsync(HttpMethod.Post, "/crm/v3/objects/tickets", """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        Assert.Equal("a", (await second.SendAsync(HttpMethod.Get, $"/crm/v3/objects/tickets/{id}", "")).Expect(200)["properties.subject"]);
        var listed = await RunAsync(schema, "portal", "list");
        Assert.Equal(2, listed.Output.Trim().Split('\n').Length); // the head and one portal

        var definition = """{"name":"made_here","label":"x","type":"string","fieldType":"text","groupName":"ticketinformation"}""";
        (await first.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", definition)).Expect(201);
        (await second.SendAsync(HttpMethod.Patch, $"/crm/v3/objects/tickets/{id}", """{"properties":{"made_here":"b"}}""")).Expect(200);
        var found = await first.SendAsync(HttpMethod.Post, "/crm/v3/objects/tickets/search", """{"filterGroups":[{"filters":[{"propertyName":"made_here","operator":"EQ","value":"b"}]}]}""");
        Assert.Equal("1", found.Expect(200)["total"]);
    }

    [Fact]
    public async Task Commands_work_beside_a_server()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var server = await ServerProcess.ServeAsync(DataOf("a"), ["--store", schema.ConnectionString]);
        Assert.Contains("Portal 24000002 (second)", (await RunAsync(schema, "portal", "create", "second")).Output, StringComparison.Ordinal);
        Assert.Contains("search-lag", (await RunAsync(schema, "portal", "set", "24000002", "search-lag", "250ms")).Output, StringComparison.Ordinal);
        Assert.Contains("Token, shown only once", (await RunAsync(schema, "app", "create", "an app", "--portal", "24000002")).Output, StringComparison.Ordinal);
        Assert.Contains("is deleted", (await RunAsync(schema, "portal", "delete", "24000002", "--yes")).Output, StringComparison.Ordinal);
        var (exit, _, errors) = await ServerProcess.RunAsync(["portal", "forget", "24000001"], ("DOCKET_STORE", schema.ConnectionString));
        Assert.Equal(1, exit);
        Assert.Contains("docket portal delete 24000001", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_portal_deleted_while_another_process_writes_it_is_refused_from_then_on()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var server = await ServerProcess.ServeAsync(DataOf("a"), ["--store", schema.ConnectionString]);
        var token = (await RunAsync(schema, "portal", "create", "second")).Output.Trim().Split(' ')[^1];
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        Assert.Equal(201, await CreateAsync());
        using var stop = new CancellationTokenSource();
        var writing = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => WriteAsync()));
        await RunAsync(schema, "portal", "delete", "24000002", "--yes");
        while (await CreateAsync() != 401)
        {
            await Task.Delay(10, Cancellation);
        }

        await stop.CancelAsync();
        Assert.Empty((await writing).SelectMany(each => each).Except([201, 401, 404, 503]));
        await using var database = await PostgresDatabase.OpenAsync(schema.ConnectionString, cancellation: Cancellation);
        await using var count = database.Source.CreateCommand("SELECT count(*) FROM change WHERE portal = 24000002");
        Assert.Equal(0L, await count.ExecuteScalarAsync(Cancellation));

        async Task<List<int>> WriteAsync()
        {
            var statuses = new List<int>();
            while (!stop.IsCancellationRequested)
            {
                statuses.Add(await CreateAsync());
            }

            return statuses;
        }

        async Task<int> CreateAsync()
        {
            using var content = new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json");
            using var answer = await http.PostAsync("/crm/v3/objects/tickets", content, Cancellation);
            return (int)answer.StatusCode;
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_process_that_stood_still_does_not_accept_a_token_that_was_revoked_meanwhile()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var server = await ServerProcess.ServeAsync(DataOf("a"), ["--store", schema.ConnectionString]);
        var token = (await RunAsync(schema, "app", "create", "an app")).Output.Trim().Split(' ')[^1];
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        Assert.Equal(200, await ReadAsync());
        await server.StandStillAsync();
        await RunAsync(schema, "app", "delete", "1");
        var waiting = ReadAsync();
        await Task.Delay(4_000, Cancellation);
        await server.ContinueAsync();
        Assert.Equal(401, await waiting);

        async Task<int> ReadAsync()
        {
            using var answer = await http.GetAsync("/crm/v3/objects/tickets", Cancellation);
            return (int)answer.StatusCode;
        }
    }

    [Fact]
    public async Task A_backup_is_the_task_of_the_tools_of_PostgreSQL()
    {
        var (exit, _, errors) = await ServerProcess.RunAsync(["backup", DataOf("copy"), "--store", "Host=127.0.0.1"]);
        Assert.Equal(1, exit);
        Assert.Contains("pg_dump", errors, StringComparison.Ordinal);
        Assert.Contains("pg_basebackup", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData($"Host=127.0.0.1;Port=1;Username=docket;Password={Secret}", "can't be reached")]
    [InlineData($"Host=127.0.0.1;Prot=1;Password={Secret}", "can't be read")]
    [InlineData($"postgres://docket:{Secret}@127.0.0.1/docket", "can't be read")]
    public async Task A_password_is_never_shown(string store, string reason)
    {
        foreach (var command in (string[][])[["serve", "--urls", "http://127.0.0.1:0"], ["portal", "list"]])
        {
            var given = await ServerProcess.RunAsync([.. command, "--data", DataOf("a"), "--store", store], ("DOCKET_DEBUG", "1"));
            var inherited = await ServerProcess.RunAsync([.. command, "--data", DataOf("a")], ("DOCKET_STORE", store));
            Assert.Equal((1, 1), (given.Exit, inherited.Exit));
            Assert.Contains(reason, given.Errors, StringComparison.Ordinal);
            Assert.Single(inherited.Errors.Trim().Split('\n'));
            Assert.DoesNotContain(Secret, given.Output + given.Errors + inherited.Output + inherited.Errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_password_on_the_command_line_is_warned_of()
    {
        var given = await ServerProcess.RunAsync(["portal", "list", "--store", $"Host=127.0.0.1;Port=1;Password={Secret}"]);
        Assert.Contains("--store-password-file", given.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_file_that_is_missing_or_empty_is_a_mistake()
    {
        var file = Path.Combine(directory, "password");
        string[] command = ["portal", "list", "--store", "Host=127.0.0.1;Port=1", "--store-password-file", file];
        Assert.Contains("Cannot read the password file", (await ServerProcess.RunAsync(command)).Errors, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, "\n", Cancellation);
        Assert.Contains("is empty", (await ServerProcess.RunAsync(command)).Errors, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, Secret + "\n", Cancellation);
        Assert.Contains("can't be reached", (await ServerProcess.RunAsync(command)).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_a_newer_version_is_refused()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using (var database = await PostgresDatabase.OpenAsync(schema.ConnectionString, cancellation: Cancellation))
        {
            await using var insert = database.Source.CreateCommand("INSERT INTO migration (number) VALUES (999)");
            await insert.ExecuteNonQueryAsync(Cancellation);
        }

        foreach (var command in (string[][])[["serve", "--urls", "http://127.0.0.1:0", "--data", DataOf("a")], ["portal", "list"]])
        {
            var (exit, _, errors) = await ServerProcess.RunAsync(command, ("DOCKET_STORE", schema.ConnectionString));
            Assert.Equal(1, exit);
            Assert.Contains("newer Docket (version 999", errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_role_that_owns_only_its_schema_suffices()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        var name = new NpgsqlConnectionStringBuilder(schema.ConnectionString).SearchPath!;
        var role = $"role_{name}";
        await using var admin = new NpgsqlConnection($"{schema.ConnectionString};Pooling=false");
        await admin.OpenAsync(Cancellation);
        await ExecuteAsync($"CREATE ROLE {role} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {role}");
        try
        {
            var store = $"{schema.ConnectionString};Username={role}";
            await using (var server = await ServerProcess.ServeAsync(DataOf("a"), ["--store", store]))
            {
                (await server.SendAsync(HttpMethod.Post, "/crm/v3/objects/tickets", """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
            }
        }
        finally
        {
            await ExecuteAsync($"DROP OWNED BY {role} CASCADE; DROP ROLE {role}");
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand($"SET client_min_messages = error; {sql}", admin);
            await command.ExecuteNonQueryAsync(Cancellation);
        }
    }

    string DataOf(string name) => Path.Combine(directory, name);

    static async Task<(string Output, string Errors)> RunAsync(PostgresSchema schema, params string[] arguments)
    {
        var (exit, output, errors) = await ServerProcess.RunAsync([.. arguments, "--store", schema.ConnectionString]);
        Assert.True(exit == 0, errors);
        return (output, errors);
    }
}
