using System.Text.Json.Nodes;
using Docket.Model;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Watch;

/// <summary>What a server process writes to its log: which request a line is about, and nothing that the request held.</summary>
public sealed class LogTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-log-").FullName;

    public LogTests() => SQLitePCL.Batteries_V2.Init();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Each_request_is_a_line_of_JSON_without_what_it_held()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json", "--log-requests"]);
        var answer = (await server.SendAsync(HttpMethod.Get, Tickets + "/SECRET?idProperty=hs_external_object_ids&properties=SECRET", "")).Expect(404);
        (await server.SendAsync(HttpMethod.Get, "/SECRET", "")).Expect(404);
        var refused = (await server.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"hs_pipeline_stage":"SECRET"}}""")).Expect(400);

        var line = await LineOfAsync(server, answer);
        Assert.Equal(("Information", "Docket.Requests"), (line["LogLevel"]!.ToString(), line["Category"]!.ToString()));
        Assert.Equal(("GET", "/crm/v3/objects/{objectType}/{id}", "404"), (line["State"]!["Method"]!.ToString(), line["State"]!["Route"]!.ToString(), line["State"]!["Status"]!.ToString()));
        Assert.True((double)line["State"]!["Milliseconds"]! > 0);
        Assert.Equal(("24000001", "0"), (InScope(line, "portal"), InScope(line, "app")));
        await LineOfAsync(server, refused);

        Assert.All(server.Log.Where(text => text.Length > 0), text => JsonNode.Parse(text)); // and nothing else
        Assert.DoesNotContain("SECRET", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(TestServer.Token, server.Output, StringComparison.Ordinal);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("text")]
    [InlineData("json")]
    public async Task A_failure_names_its_request_by_correlation_id_portal_and_app_and_by_the_pattern_of_its_route(string format)
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", format]);
        (await server.SendAsync(HttpMethod.Get, Tickets + "/1", "")).Expect(404);
        Assert.DoesNotContain(server.Log, text => text.Contains("{objectType}", StringComparison.Ordinal)); // requests are told only when asked for
        using (var other = new Connection(Path.Combine(directory, "portal-24000001.db"), create: false))
        {
            other.Execute("ALTER TABLE record RENAME TO gone");
        }

        var answer = (await server.SendAsync(HttpMethod.Get, Tickets + "/987654321", "")).Expect(500);
        var id = answer["correlationId"];
        await server.WaitForAsync($"{id}.*");
        if (format == "json")
        {
            var line = await LineOfAsync(server, answer);
            Assert.Equal(("Error", "GET /crm/v3/objects/{objectType}/{id} failed"), (line["LogLevel"]!.ToString(), line["Message"]!.ToString()));
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
    public async Task A_job_is_told_of_under_the_request_that_brought_it()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"]);
        using (var other = new Connection(Path.Combine(directory, "portal-24000001.db"), create: false))
        {
            other.Execute("ALTER TABLE record RENAME TO gone"); // jobs are taken in, and can't go on
        }

        var answer = (await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", prefer: "respond-async")).Expect(202);
        (await server.SendAsync(HttpMethod.Get, "/docket/v1/jobs", "")).Expect(200); // another request has come meanwhile
        var line = await LineOfAsync(server, answer, "is tried again");
        Assert.Equal(("24000001", "0"), (InScope(line, "portal"), InScope(line, "app")));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task What_a_portal_writes_to_the_log_is_not_told_under_the_request_that_opened_it()
    {
        await using var server = await ServerProcess.ServeAsync(directory, ["--log", "json"]);
        string token;
        await using (var portals = DocketServer.OpenPortals(directory))
        {
            token = portals.Apps.CreatePrivate(portals.Create("later").Id, "later", ScopeNames.All).Token;
        }

        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var opening = await http.GetAsync(Tickets, TestContext.Current.CancellationToken);
        (await Answer.OfAsync(opening)).Expect(200);
        using (var other = new Connection(Path.Combine(directory, "portal-24000002.db"), create: false))
        {
            other.Execute("ALTER TABLE record RENAME TO gone");
        }

        using var failing = await http.PostAsync(Tickets, new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", System.Text.Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        var answer = (await Answer.OfAsync(failing)).Expect(500);
        Assert.Equal(("24000002", "1"), (InScope(await LineOfAsync(server, answer), "portal"), InScope(await LineOfAsync(server, answer), "app")));
        var line = JsonNode.Parse(server.Log.Single(line => line.Contains("nothing of it is kept", StringComparison.Ordinal)))!;
        Assert.Empty(line["Scopes"]!.AsArray());
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

    static string? InScope(JsonNode line, string name) => line["Scopes"]!.AsArray().OfType<JsonObject>().Select(scope => scope[name]?.ToString()).Single(value => value is not null);
}
