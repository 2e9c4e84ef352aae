using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Docket.Conversations;
using Docket.Tests.Access;
using Docket.Tests.Conversations;
using Docket.Tests.Tidy;
using Microsoft.OpenApi;

namespace Docket.Tests.Contract;

/// <summary>
/// The OpenAPI document matches Docket's own paths. <see cref="CheckedAnswers"/> compares each answer that a test gets with it; these
/// tests compare the endpoints, their parameters and their bodies.
/// </summary>
[Collection(nameof(Conversation))]
public sealed partial class OwnApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    /// <summary>What shows the others.</summary>
    static readonly string[] Pages = ["GET /docket/v1", "GET /docket/v1/openapi.json", "GET /docket/v1/scalar.js"];

    [Fact]
    public async Task The_document_has_every_endpoint_with_the_places_in_its_path()
    {
        var endpoints = shared.Server.Endpoints.Select(endpoint => (Method: PortalWallTests.MethodOf(endpoint), Path: "/" + endpoint.RoutePattern.RawText!.Trim('/'), Places: endpoint.RoutePattern.Parameters.Select(place => place.Name)));
        Assert.Equal(
            endpoints.Where(endpoint => endpoint.Path.StartsWith("/docket/", StringComparison.Ordinal)).Select(endpoint => $"{endpoint.Method} {endpoint.Path} {string.Join(' ', endpoint.Places)}".TrimEnd()).Except(Pages).Order(StringComparer.Ordinal),
            (await OperationsAsync()).Select(operation => $"{operation.Method} {operation.Path} {string.Join(' ', Parameters(operation.Said, "path").Select(parameter => parameter.GetProperty("name").GetString()))}".TrimEnd()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_document_is_an_OpenAPI_document_without_mistakes()
    {
        var (document, diagnostic) = OpenApiDocument.Parse((await OwnApi.Loaded).Document.GetRawText(), "json");
        Assert.Empty(diagnostic!.Errors.Concat(diagnostic.Warnings).Select(mistake => mistake.ToString()));
        Assert.Equal(document!.Paths.SelectMany(path => path.Value.Operations!).Count(), document.Paths.SelectMany(path => path.Value.Operations!.Values).Select(operation => operation.OperationId).Distinct().Count());
    }

    [Fact]
    public async Task Numbers_in_a_query_are_taken_and_refused_as_the_document_says()
    {
        await using var server = await TestServer.StartAsync();
        var owned = await PortalWallTests.FillAsync(server);
        var tried = 0;
        foreach (var (method, path, said) in await OperationsAsync())
        {
            var endpoint = server.Endpoints.Single(endpoint => PortalWallTests.MethodOf(endpoint) == method && "/" + endpoint.RoutePattern.RawText!.Trim('/') == path);
            var target = PortalWallTests.AttemptsOn(endpoint, owned).First().Target.Split('?')[0];
            foreach (var parameter in Parameters(said, "query"))
            {
                var (name, schema) = (parameter.GetProperty("name").GetString(), parameter.GetProperty("schema"));
                if (schema.GetProperty("type").GetString() != "integer")
                {
                    continue;
                }

                var refused = (await server.GetAsync($"{target}?{name}=x")).Expect(400);
                Assert.EndsWith(name!, refused["message"], StringComparison.Ordinal);
                foreach (var (bound, beyond) in ((string, int)[])[("minimum", -1), ("maximum", 1)])
                {
                    if (schema.TryGetProperty(bound, out var limit))
                    {
                        (await server.GetAsync($"{target}?{name}={limit}")).Expect(200);
                        (await server.GetAsync($"{target}?{name}={limit.GetInt32() + beyond}")).Expect(400);
                        tried++;
                    }
                }
            }
        }

        Assert.Equal(10, tried); // of five lists with a limit
    }

    [Fact]
    public async Task Queries_of_the_conversations_and_the_documentation_are_in_the_document()
    {
        var said = (await OperationsAsync()).SelectMany(operation => Parameters(operation.Said, "query").Select(parameter => $"{operation.Method} {operation.Path} {parameter.GetProperty("name").GetString()}")).ToHashSet();
        var api = (await OwnApi.Loaded).Api;
        var texts = ConversationTests.All.Select(conversation => conversation.ToString()).Concat(Directory.GetFiles(Path.Combine(House.Root, "docs"), "*.md").Select(File.ReadAllText));
        var used = from text in texts from request in Query().Matches(text) from pair in request.Groups[2].Value.Split('&') select $"GET {api.Find("GET", request.Groups[1].Value)?.Path} {pair.Split('=')[0]}";
        Assert.Equal(said.Order(StringComparer.Ordinal), used.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_body_has_the_members_that_the_document_says()
    {
        var (document, compared) = ((await OwnApi.Loaded).Document, 0);
        foreach (var (method, path, said) in (await OperationsAsync()).Where(operation => operation.Said.TryGetProperty("requestBody", out _)))
        {
            var schema = said.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("$ref").GetString()!.Split('/')[^1];
            var members = document.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").EnumerateObject().Select(member => member.Name);
            var refused = await shared.Server.SendAsync(new HttpMethod(method), Place().Replace(path, "1").Replace("/objects/1", "/objects/tickets", StringComparison.Ordinal), """{"nonsense":"1"}""");
            var known = Known().Match(refused["message"]!);
            if (known.Success) // HubSpot's bodies, and a restoration's, take members that are not known
            {
                Assert.Equal(known.Groups[1].Value.Split(", ").Order(StringComparer.Ordinal), members.Order(StringComparer.Ordinal));
                compared++;
            }
        }

        Assert.Equal(15, compared);
    }

    [Fact]
    public async Task Every_member_that_the_document_says_is_in_some_answer()
    {
        var (document, api) = await OwnApi.Loaded;
        await using var server = await TestServer.StartAsync();
        List<(string Method, string Path, string Body)> answers = [.. ConversationTests.All.SelectMany(conversation => conversation.Exchanges).Where(exchange => exchange.Status < 300).Select(exchange => (exchange.Method, exchange.Path, exchange.Body))];
        await AskAsync("POST", "/docket/v1/apps", """{"name":"a","scopes":["tickets","not-known"]}""");
        await AskAsync("POST", "/docket/v1/apps", """{"name":"b","optionalScopes":["tickets"],"redirectUris":["https://example.com/back"]}""");
        await AskAsync("GET", "/docket/v1/apps");
        await AskAsync("POST", "/docket/v1/portals", "{}");
        await AskAsync("GET", "/docket/v1/portals");
        await AskAsync("GET", "/docket/v1/clock");
        await AskAsync("POST", "/docket/v1/snapshots", "{}");
        await AskAsync("GET", "/docket/v1/snapshots");
        await AskAsync("POST", "/docket/v1/users", """{"email":"ada@example.com"}""");
        await AskAsync("GET", "/docket/v1/users");
        server.Http.DefaultRequestHeaders.Add("Prefer", ["respond-async", "wait=60"]);
        using var upload = new StringContent("""{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""" + "\nno JSON", null, "application/x-ndjson");
        (await server.Http.PostAsync("/crm/v3/objects/tickets/batch/create", upload, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        await AskAsync("GET", "/docket/v1/jobs/1");
        await AskAsync("GET", "/docket/v1/jobs/1/rejected");
        await AskAsync("POST", "/docket/v1/objects/tickets/gdpr-delete", """{"objectId":"10000000001"}""");
        await AskAsync("GET", "/docket/v1/jobs/1/results");
        await AskAsync("POST", "/docket/v1/seed", """{"records":{"tickets":[{"name":"a","properties":{"hs_pipeline_stage":"1"}}]}}""");
        server.Http.DefaultRequestHeaders.Remove("Prefer");
        (await server.PatchAsync("/docket/v1/settings", """{"limits-search":"1"}""")).Expect(200);
        (await server.PostAsync("/crm/v3/objects/tickets", $$"""{"properties":{"content":"{{new string('a', 65_500)}}","hs_pipeline_stage":"1"} }""")).Expect(201);
        (await server.PostAsync("/crm/v3/objects/tickets/search", "{}")).Expect(200);
        (await server.PostAsync("/crm/v3/objects/tickets/search", "{}")).Expect(429);

        await AskAsync("POST", "/docket/v1/faults", """{"preset":"expired-token","for":10000}""");
        (await server.GetAsync("/crm/v3/objects/tickets")).Expect(401);
        await AskAsync("GET", "/docket/v1/faults/presets");
        await AskAsync("GET", "/docket/v1/requests");

        var (schemas, seen) = (document.GetProperty("components").GetProperty("schemas"), new HashSet<string>());
        foreach (var (method, path, body) in answers)
        {
            var response = api.Find(method, path) is { } operation ? operation.Responses.EnumerateObject().First().Value : default;
            if (response.ValueKind == JsonValueKind.Object && response.TryGetProperty("content", out var content))
            {
                var lines = content.TryGetProperty("application/x-ndjson", out var type);
                foreach (var text in lines ? body.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [body])
                {
                    using var json = JsonDocument.Parse(text);
                    See((lines ? type : content.GetProperty("application/json")).GetProperty("schema"), json.RootElement);
                }
            }
        }

        // An error has more members than these paths give.
        var said = from schema in schemas.EnumerateObject() where !schema.Name.EndsWith("Body", StringComparison.Ordinal) && schema.Name is not ("GdprDeleteRequest" or "CallMatch" or "FaultEffect" or "Error" or "ErrorDetail" or "RowError") from member in schema.Value.GetProperty("properties").EnumerateObject() select $"{schema.Name} {member.Name}";
        Assert.Empty(said.Except(seen));

        async Task AskAsync(string method, string path, string? json = null) => answers.Add((method, path, (await server.SendAsync(new HttpMethod(method), path, json)).Text));

        void See(JsonElement schema, JsonElement value)
        {
            var name = schema.TryGetProperty("$ref", out var reference) ? reference.GetString()!.Split('/')[^1] : "";
            schema = name.Length > 0 ? schemas.GetProperty(name) : schema;
            if (value.ValueKind == JsonValueKind.Array)
            {
                foreach (var entry in value.EnumerateArray())
                {
                    See(schema.GetProperty("items"), entry);
                }
            }
            else if (value.ValueKind == JsonValueKind.Object && schema.TryGetProperty("properties", out var members))
            {
                foreach (var member in members.EnumerateObject())
                {
                    if (value.TryGetProperty(member.Name, out var its))
                    {
                        seen.Add($"{name} {member.Name}");
                        See(member.Value, its);
                    }
                }
            }
        }
    }

    [Fact]
    public async Task The_page_takes_all_it_needs_from_the_server_and_is_shown_to_anyone()
    {
        using var http = new HttpClient { BaseAddress = new(shared.Server.Url) };
        using var page = await http.GetAsync("/docket/v1", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
        Assert.True(page.Headers.CacheControl!.NoStore);
        Assert.Contains("default-src 'none'; script-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        var html = await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain("//", html, StringComparison.Ordinal);
        var named = Source().Matches(html).Select(match => match.Groups[1].Value).ToList();
        Assert.Equal([OwnApi.Path, "/docket/v1/scalar.js"], named.Select(source => source.Split('?')[0]));
        foreach (var source in named)
        {
            (await http.GetAsync(source, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        }
    }

    [Fact]
    public async Task The_script_of_the_page_is_the_same_compressed_or_not_and_may_be_kept()
    {
        using var plain = new HttpClient { BaseAddress = new(shared.Server.Url) };
        using var decompressing = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.GZip }) { BaseAddress = new(shared.Server.Url) };
        using var answer = await plain.GetAsync("/docket/v1/scalar.js", TestContext.Current.CancellationToken);
        Assert.Equal(("text/javascript", "public, max-age=31536000, immutable"), (answer.Content.Headers.ContentType?.MediaType, answer.Headers.CacheControl?.ToString()));
        Assert.Contains("Accept-Encoding", answer.Headers.Vary.SelectMany(names => names.Split(", ")));
        Assert.Empty(answer.Content.Headers.ContentEncoding);
        Assert.Equal(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), await decompressing.GetStringAsync("/docket/v1/scalar.js", TestContext.Current.CancellationToken));
    }

    static async Task<List<(string Method, string Path, JsonElement Said)>> OperationsAsync() =>
        [.. from path in (await OwnApi.Loaded).Document.GetProperty("paths").EnumerateObject() from operation in path.Value.EnumerateObject() select (operation.Name.ToUpperInvariant(), path.Name, operation.Value)];

    static IEnumerable<JsonElement> Parameters(JsonElement operation, string place) =>
        operation.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == place) : [];

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Place();

    [GeneratedRegex("(/docket/v1/[^?\\s\"`{}]*)\\?([^\\s\"`]+)")]
    private static partial Regex Query();

    [GeneratedRegex(@"Unknown member nonsense\. Known members: (.*)$")]
    private static partial Regex Known();

    [GeneratedRegex("(?:src|data-url)=\"([^\"]*)\"")]
    private static partial Regex Source();
}
