using System.Text.Json.Nodes;
using Docket.Model.Types;
using Docket.Sqlite;

namespace Docket.Tests.Watch;

/// <summary>What a server process writes to its log: which request a line is about, and nothing that the request held.</summary>
public sealed class LogTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-log-").FullName;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Each_request_is_a_flat_line_of_JSON_and_what_it_held_is_hidden()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json", "--log-requests", "--log-values", "hide"]);
        var answer = (await server.SendAsync(HttpMethod.Get, Tickets + "/SECRET?idProperty=hs_external_object_ids&properties=subject&email=SECRET", "")).Expect(404);
        var unrouted = (await server.SendAsync(HttpMethod.Get, "/crm/v3/object/tickets/SECRET", "")).Expect(404);
        var read = (await server.SendAsync(HttpMethod.Get, Tickets + "/123?limit=1", "")).Expect(404);
        var line = await LineOfAsync(server, answer);
        Assert.Equal(("Information", "Docket.Requests"), (line["level"]!.ToString(), line["category"]!.ToString()));
        Assert.Equal(("GET", "/crm/v3/objects/{objectType}/{id}", 404), (line["method"]!.ToString(), line["route"]!.ToString(), (int)line["status"]!));
        Assert.Equal(Tickets + "/***?idProperty=hs_external_object_ids&properties=subject&***", line["path"]!.ToString());
        Assert.Equal("resource not found", line["refusal"]!.ToString());
        Assert.True((double)line["milliseconds"]! > 0);
        Assert.Equal((24000001, 0), ((long)line["portal"]!, (long)line["app"]!));
        Assert.All(line.AsObject(), member => Assert.True(member.Value is JsonValue, member.Key));
        var unroutedLine = await LineOfAsync(server, unrouted);
        Assert.Equal(("/crm/v3/***/tickets/***", null), (unroutedLine["path"]!.ToString(), unroutedLine["route"]));
        Assert.Equal(Tickets + "/123?limit=1", (await LineOfAsync(server, read))["path"]!.ToString()); // ids are not secret

        foreach (var (method, path, body) in ((HttpMethod, string, string)[])
        [
            (HttpMethod.Post, Tickets, """{"properties":{"hs_pipeline_stage":"SECRET"}}"""),
            (HttpMethod.Post, Tickets, """{"properties":{"subject":SECRET}}"""),
            (HttpMethod.Post, Tickets + "/batch/read", """{"inputs":[{"id":"SECRET"},{"id":"SECRET"}]}"""),
            (HttpMethod.Post, Tickets + "/batch/upsert", """{"inputs":[{"id":"SECRET","idProperty":"hs_external_object_ids","properties":{"hs_ticket_priority":"SECRET"}}]}"""),
            (HttpMethod.Post, Tickets + "/search", """{"filterGroups":[{"filters":[{"propertyName":"createdate","operator":"EQ","value":"SECRET"}]}]}"""),
            (HttpMethod.Get, "/crm/v3/objects/SECRET", ""),
            (HttpMethod.Get, "/oauth/v1/access-tokens/SECRET", ""),
            (HttpMethod.Get, "/oauth/authorize?client_id=SECRET&state=SECRET&code=SECRET", ""),
            (HttpMethod.Get, "/SECRET/SECRET?SECRET", ""),
        ])
        {
            await LineOfAsync(server, await server.SendAsync(method, path, body));
        }

        Assert.All(server.Log.Where(text => text.Length > 0), text => JsonNode.Parse(text)); // and nothing else
        Assert.DoesNotContain("SECRET", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(TestServer.Token, server.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task With_a_development_token_the_line_shows_the_path_as_it_came_and_tokens_all_the_same_not()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log-requests"]);
        (await server.SendAsync(HttpMethod.Get, Tickets + "/A%2F1?idProperty=hs_external_object_ids", "")).Expect(404);
        (await server.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"hs_pipeline_stage":"nowhere"}}""")).Expect(400);
        (await server.SendAsync(HttpMethod.Get, "/oauth/v1/access-tokens/SECRET?code=SECRET", "")).Expect(404);
        await server.WaitForAsync(@"\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info: .* GET /crm/v3/objects/tickets/A%2F1\?idProperty=hs_external_object_ids 404 resource not found \d+\.\d ms");
        await server.WaitForAsync(@" POST /crm/v3/objects/tickets 400 Property values were not valid: .*nowhere.* \d+\.\d ms");
        await server.WaitForAsync(@" GET /oauth/v1/access-tokens/\*\*\*\?code=\*\*\* 404 ");
        Assert.DoesNotContain("SECRET", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task An_index_of_another_version_is_built_again_without_a_warning()
    {
        var index = Path.Combine(directory, TestEngine.IsPostgres ? "indexes" : "", "portal-24000001.index.db");
        await using (var before = await ServerProcess.StartAsync(directory))
        {
            (await before.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"found","hs_pipeline_stage":"1"}}""")).Expect(201);
            (await before.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"found"}""")).Expect(200);
        }

        using (var old = new Connection(index, create: false))
        {
            old.Execute("PRAGMA user_version=1");
        }

        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"]);
        var found = (await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"found"}""")).Expect(200);
        Assert.Equal("1", found["total"]);
        Assert.DoesNotContain("index", string.Concat(server.Log), StringComparison.Ordinal);
        using var now = new Connection(index, create: false);
        Assert.NotEqual(1, now.QueryInteger("PRAGMA user_version"));
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("text")]
    [InlineData("json")]
    public async Task A_failure_names_its_request_by_correlation_id_portal_and_app_and_by_the_pattern_of_its_route(string format)
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", format]);
        (await server.SendAsync(HttpMethod.Get, Tickets + "/1", "")).Expect(404);
        Assert.DoesNotContain(server.Log, text => text.Contains("{objectType}", StringComparison.Ordinal)); // requests are logged only if that is turned on
        using (var other = await BackDoor.OpenAsync(directory, "portal-24000001.db"))
        {
            other.Execute($"ALTER TABLE {(TestEngine.IsPostgres ? "record" : "head")} RENAME TO gone");
        }

        var answer = (await server.SendAsync(HttpMethod.Get, Tickets + "/987654321", "")).Expect(500);
        var id = answer["correlationId"];
        await server.WaitForAsync($"{id}.*");
        if (format == "json")
        {
            var line = await LineOfAsync(server, answer);
            Assert.Equal(("Error", "GET /crm/v3/objects/{objectType}/{id} failed"), (line["level"]!.ToString(), line["message"]!.ToString()));
            Assert.Equal(("24000001", "0"), (InScope(line, "portal"), InScope(line, "app")));
        }
        else
        {
            Assert.Contains($"correlationId={id} portal=24000001 app=0 GET /crm/v3/objects/{{objectType}}/{{id}} failed", server.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("987654321", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Tickets, server.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_job_is_logged_under_the_request_that_created_it()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"]);
        using (var other = await BackDoor.OpenAsync(directory, "portal-24000001.db"))
        {
            other.Execute("ALTER TABLE change RENAME TO gone"); // jobs are taken in, and can't go on
        }

        var answer = (await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", prefer: "respond-async")).Expect(202);
        (await server.SendAsync(HttpMethod.Get, "/docket/v1/settings", "")).Expect(200); // another request has come in the meantime
        var line = await LineOfAsync(server, answer, "will be retried");
        Assert.Equal(("24000001", "0"), (InScope(line, "portal"), InScope(line, "app")));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task What_a_portal_logs_is_not_logged_under_the_request_that_opened_it()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"]);
        string token;
        await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory)))
        {
            token = (await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("later")).Id, "later", ScopeNames.All)).Token;
        }

        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var opening = await http.GetAsync(Tickets, TestContext.Current.CancellationToken);
        (await Answer.OfAsync(opening)).Expect(200);
        using (var other = await BackDoor.OpenAsync(directory, "portal-24000002.db"))
        {
            other.Execute("ALTER TABLE change RENAME TO gone");
        }

        using var failing = await http.PostAsync(Tickets, new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        var answer = (await Answer.OfAsync(failing)).Expect(500);
        Assert.Equal(("24000002", "1"), (InScope(await LineOfAsync(server, answer), "portal"), InScope(await LineOfAsync(server, answer), "app")));
        var line = JsonNode.Parse(server.Log.Single(line => line.Contains("was rolled back", StringComparison.Ordinal)))!;
        Assert.Null(line["correlationId"]);
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    /// <summary>The line of the log that is about the request of an answer, once it is there.</summary>
    static async Task<JsonNode> LineOfAsync(ServerProcess server, Answer answer, string text = "")
    {
        var id = answer.Headers.GetValues("X-HubSpot-Correlation-Id").Single();
        await server.WaitForAsync($"(?m)^\\{{.*{text}.*{id}.*$");
        var line = JsonNode.Parse(server.Log.First(line => line.Contains(id, StringComparison.Ordinal) && line.Contains(text, StringComparison.Ordinal)))!;
        Assert.Equal(id, InScope(line, "correlationId"));
        return line;
    }

    static string? InScope(JsonNode line, string name) => line[name]?.ToString();
}
