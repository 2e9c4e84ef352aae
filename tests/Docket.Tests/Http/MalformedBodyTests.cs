using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Docket.Tests.Access;

namespace Docket.Tests.Http;

/// <summary>All bodies are read in one way: whatever the route, what is wrong with one is said with line and column, and nothing of our own code shows.</summary>
public sealed partial class MalformedBodyTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert", Read = Tickets + "/batch/read";

    /// <summary>Routes that take a form, or nothing.</summary>
    static readonly string[] WithoutJson = ["/oauth/authorize", "/oauth/{accountId}/authorize", "/oauth/apps", "/oauth/v1/token", "/oauth/v3/token", "/oauth/v3/token/introspect", "/oauth/v3/token/revoke", "/docket/v1/jobs/{id}/cancel", "/companies/v2/companies/{id}/contacts/{toId}", "/deals/v1/deal/{id}/associations/{toObjectType}"];

    /// <summary>What no route takes.</summary>
    static readonly string[] Malformed =
    [
        "%", "{", "[", "nul", "null", "[]", "1", "\"text\"", " ", "\n\t ", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":[1,],\"b\":1}", "{'a':1}", "{a:1}", "{\"a\":1}{\"b\":2}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":NaN}", "{\"a\":+1}", "// a\n{}", "{\"a\":1}//",
        "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\n\"}", "{\"\\ud800\":1}", "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\ud83d\":1}",
        "{\"a\":" + new string('[', 200) + new string(']', 200) + "}", string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100),
    ];

    /// <summary>Replacements for each value of a valid body.</summary>
    static readonly string[] Instead = ["null", "true", "{}", "[]", "[{}]", "[null]", "[[1]]", "\"\"", "\"\\ud800\"", "99999999999999999999999", "1e999", "-1.5", "\"" + new string('é', 300) + "\"", "{\"a\":{\"b\":[]}}"];

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Every_route_that_takes_JSON_says_what_is_wrong_with_a_malformed_body()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var tried = new HashSet<string>();
        foreach (var (method, path, _) in await RoutesAsync(server))
        {
            tried.Add(path);
            // The dated paths lead to the same code.
            foreach (var body in DatedPath().IsMatch(path) ? Malformed[..3] : Malformed)
            {
                if (body == "[]" && (path.StartsWith("/crm-objects/", StringComparison.Ordinal) || path == "/contacts/v1/contact/batch" || path.EndsWith("/batch-async/update", StringComparison.Ordinal) || (method == "PUT" && path.Contains("/associations/", StringComparison.Ordinal))))
                {
                    continue; // takes a list
                }

                var answer = await SendAsync(server, method, path, Encoding.UTF8.GetBytes(body));
                AssertRefused(answer, $"{method} {path} {body}\n{answer.Text}");
            }

            foreach (var bytes in (byte[][])[Encoding.Unicode.GetBytes("{\"a\":1}"), Encoding.BigEndianUnicode.GetBytes("{\"a\":1}"), [0xff, 0xfe, .. Encoding.Unicode.GetBytes("{}")], [0xfe, 0xff, .. Encoding.BigEndianUnicode.GetBytes("{}")], Encoding.UTF32.GetBytes("{}")])
            {
                var answer = await SendAsync(server, method, path, bytes);
                Assert.Equal((400, "Invalid input JSON on line 1, column 1: the body is UTF-16 or UTF-32. Send it as UTF-8"), (answer.Status, answer["message"]));
            }

            var broken = await SendAsync(server, method, path, [.. "{\"a\":\""u8, 0xff, .. "\"}"u8]);
            Assert.Equal((400, "Invalid input JSON on line 1, column 7: Invalid UTF-8 byte 0xff"), (broken.Status, broken["message"]));
            var wide = await SendAsync(server, method, path, "{}"u8.ToArray(), "application/json; charset=UTF-16LE");
            Assert.Equal((415, "Unsupported Media Type: charset UTF-16LE. Send the body as UTF-8"), (wide.Status, wide["message"]));
        }

        Assert.True(tried.Count > 35, $"{tried.Count} routes");
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_value_that_does_not_fit_is_refused_without_a_word_about_our_code()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var (tried, refused) = (0, 0);
        foreach (var (method, path, bodies) in await RoutesAsync(server))
        {
            // The dated paths lead to the same code, and this tries each value of each body.
            foreach (var body in DatedPath().IsMatch(path) ? [] : bodies)
            {
                foreach (var (from, to) in Values(body))
                {
                    foreach (var value in Instead)
                    {
                        var sent = body[..from] + value + body[to..];
                        var answer = await SendAsync(server, method, path, Encoding.UTF8.GetBytes(sent));
                        var story = $"{method} {path} {sent}\n{answer.Status} {answer.Text}";
                        Assert.True(answer.Status < 500, story);
                        AssertNoInternals(answer.Text, story);
                        tried++;
                        refused += answer.Status >= 400 ? 1 : 0;
                    }
                }
            }
        }

        Assert.True(tried > 1_000 && refused > 500, $"{tried} tried, {refused} refused");
    }

    [Theory]
    [InlineData(Read, """{"inputs":[{"id":"1"},{}]}""", "Invalid input JSON on line 1, column 24. Some required fields were not set: [inputs[1].id]", "VALIDATION_ERROR")]
    [InlineData(Read, """{"inputs":[{"id":null}]}""", "Invalid input JSON on line 1, column 13. Some required fields were not set: [inputs[0].id]", "VALIDATION_ERROR")]
    [InlineData(Read, """{"inputs":["1"]}""", "Invalid input JSON on line 1, column 12: Expected an object, found a text", null)]
    [InlineData(Read, """{"inputs":{"id":"1"}}""", "Invalid input JSON on line 1, column 11: Expected an array of inputs, found an object", null)]
    [InlineData(Read, """{"inputs":[{"id":"1"}],"properties":"subject"}""", "Invalid input JSON on line 1, column 37: Expected a list of names, found a text", null)]
    [InlineData(Read, """{"inputs":[{"id":"1"},]}""", "Invalid input JSON on line 1, column 23: The JSON array contains a trailing comma at the end.", null)]
    [InlineData(Read, "{\"inputs\":[\n{\"id\":{}}]}", "Invalid input JSON on line 2, column 7: Expected a text, found an object", null)]
    [InlineData(Read, """{"inputs":[{"id":"1"}],"inputs":[{"id":"2"}]}""", "Invalid input JSON on line 1, column 33: inputs is specified twice", null)]
    [InlineData(Read, "{}", "Invalid input JSON on line 1, column 2. Some required fields were not set: [inputs]", "VALIDATION_ERROR")]
    [InlineData(Tickets + "/merge", """{"primaryObjectId":"1","objectIdToMerge":["2"]}""", "Invalid input JSON on line 1, column 42: Expected a text, found an array", null)]
    [InlineData(Tickets + "/merge", """{"primaryObjectId":"1","objectIdToMerge":null}""", "Invalid input JSON on line 1, column 2. Some required fields were not set: [objectIdToMerge]", "VALIDATION_ERROR")]
    [InlineData("/crm/v3/properties/tickets/batch/read", """{"inputs":"subject"}""", "Invalid input JSON on line 1, column 11: Expected an array of inputs, found a text", null)]
    [InlineData("/crm/v3/properties/tickets/batch/archive", """{"inputs":[{"name":"a"}],"inputs":[{"name":"b"}]}""", "Invalid input JSON on line 1, column 35: inputs is specified twice", null)]
    [InlineData("/crm/v3/properties/tickets/groups", """{"name":"a","label":"A","displayOrder":{}}""", "Invalid input JSON on line 1, column 40: Expected a whole number, found an object", null)]
    [InlineData("/crm/v3/pipelines/tickets", """{"label":"A","stages":[{"label":"B","metadata":"OPEN"}]}""", "Invalid input JSON on line 1, column 48: Expected an object, found a text", null)]
    [InlineData("/crm/v3/pipelines/tickets", """{"label":"A","stages":[{"displayOrder":1}]}""", "Invalid input JSON on line 1, column 41: Cannot build PipelineStageInput, some of required attributes are not set [label]", "VALIDATION_ERROR")]
    [InlineData("/docket/v1/apps", """{"name":"a","scopes":"tickets"}""", "Invalid input JSON on line 1, column 22: Expected a list of scopes, found a text", null)]
    [InlineData("/docket/v1/apps", """{"name":"a","scope":[]}""", "Invalid input JSON on line 1, column 21: Unknown member scope. Known members: name, scopes, optionalScopes, redirectUris", "VALIDATION_ERROR")]
    [InlineData("/docket/v1/apps/1/refusals", """{"policyName":"DAILY","calls":99999999999}""", "Invalid input JSON on line 1, column 31: Expected a whole number from -2147483648 to 2147483647, found another one", null)]
    [InlineData("/docket/v1/users", """{"email":["a"]}""", "Invalid input JSON on line 1, column 10: Expected a text, found an array", null)]
    [InlineData("/oauth/v2/private-apps/get/access-token-info", """{"tokenKey":{}}""", "Invalid input JSON on line 1, column 13: Expected a text, found an object", null)]
    public async Task What_is_wrong_is_reported_with_its_place(string path, string body, string message, string? category)
    {
        var server = shared.Server;
        var answer = (await server.PostAsync(path, body)).Expect(400);
        Assert.Equal((message, category), (answer["message"], answer["category"]));
    }

    [Fact]
    public async Task A_byte_order_mark_is_ignored_on_every_body()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        byte[] mark = [0xef, 0xbb, 0xbf];
        foreach (var (method, path, bodies) in await RoutesAsync(server))
        {
            var body = Encoding.UTF8.GetBytes(bodies[0]);
            if (path.Contains("/pipelines/", StringComparison.Ordinal) || path.EndsWith("/labels", StringComparison.Ordinal) || DatedPath().IsMatch(path))
            {
                continue; // the same twice is refused there, for its label
            }

            var (bare, marked) = (await SendAsync(server, method, path, body), await SendAsync(server, method, path, [.. mark, .. body]));
            Assert.True(marked.Status < 400 || marked.Status == bare.Status || marked.Status == 409 || path.EndsWith("/restore", StringComparison.Ordinal), $"{method} {path}: {bare.Status} {marked.Status} {marked.Text}");
            Assert.DoesNotContain("Invalid input JSON", marked.Text, StringComparison.Ordinal);

            // Places are counted behind it.
            Assert.Equal("Invalid input JSON on line 1, column 1: '%' is an invalid start of a value.", (await SendAsync(server, method, path, [.. mark, .. "%"u8])).Expect(400)["message"]);
            Assert.Equal("Invalid input JSON on line 1, column 0: a request body was expected, but none found", (await SendAsync(server, method, path, mark)).Expect(400)["message"]);
        }

        var written = await SendAsync(server, "POST", Upsert, [.. mark, .. """{"inputs":[{"idProperty":"ext_id","id":"é","properties":{"subject":"é","hs_pipeline_stage":"1"}}]}"""u8]);
        Assert.Equal("é", written.Expect(200)["results[0].properties.subject"]);
    }

    /// <summary>No answer reveals how Docket is implemented.</summary>
    internal static void AssertNoInternals(string text, string story) => Assert.False(Internals().IsMatch(HubSpotsOwn().Replace(text, "")), $"An answer shows our code: {story}");

    static void AssertRefused(Answer answer, string story)
    {
        Assert.True(answer.Status == 400, story);
        Assert.True(answer["status"] == "error" && answer["message"]!.Length > 0 && answer["correlationId"]!.Length > 0, story);
        Assert.Matches("^Invalid input JSON on line [1-9][0-9]*, column [0-9]+[:.] ", answer["message"]!);
        AssertNoInternals(answer.Text, story);
    }

    /// <summary>Each route that takes JSON, with good bodies for it.</summary>
    static async Task<List<(string Method, string Path, string[] Bodies)>> RoutesAsync(TestServer server)
    {
        var ticket = (await server.PostAsync(Tickets, """{"properties":{"subject":"a","ext_id":"key-1","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;
        var app = (await server.PostAsync("/docket/v1/apps", """{"name":"mine","scopes":["tickets"]}""")).Expect(201)["id"]!;
        var user = (await server.PostAsync("/docket/v1/users", """{"email":"ada@example.com"}""")).Expect(201)["id"]!;
        await server.CreatePropertyAsync("mine", unique: false);
        (await server.PostAsync("/crm/v3/properties/tickets/groups", """{"name":"mine","label":"Mine"}""")).Expect(201);
        var names = new Dictionary<string, string> { ["ticket"] = ticket, ["archived"] = ticket, ["unique"] = "key-1", ["property"] = "mine", ["group"] = "mine", ["pipeline"] = "0", ["stage"] = "1", ["app"] = app, ["client"] = "x", ["user"] = user, ["type"] = "tickets", ["association"] = "1", ["label"] = "1", ["email"] = "ada@example.com", ["snapshot"] = "1" };
        var routes = new List<(string, string, string[])>();
        foreach (var endpoint in server.Endpoints)
        {
            var (method, route) = (PortalWallTests.MethodOf(endpoint), "/" + endpoint.RoutePattern.RawText!.Trim('/'));
            var key = Regex.Replace(DatedPath().Replace(route, "/crm/v3/$1"), "^/crm-object-schemas/[^/]+/", "/crm/v3/");
            if (method is not ("POST" or "PUT" or "PATCH") || route.Contains("/associations/default/", StringComparison.Ordinal) || route.EndsWith("{associationType}", StringComparison.Ordinal) || WithoutJson.Contains(Regex.Replace(route, "^/oauth/[0-9-]+(beta)?/", "/oauth/v3/")))
            {
                continue;
            }

            string[] bodies = [.. PortalWallTests.Attempts.GetValueOrDefault($"{method} {key}", []).Select(attempt => attempt[Math.Max(0, attempt.IndexOfAny(['{', '[']))..]).Where(attempt => attempt.StartsWith('{') || attempt.StartsWith('[')).Select(attempt => Regex.Replace(attempt, @"\$(\w+)", match => names[match.Groups[1].Value]))];
            var path = route.Replace("{objectType}", "tickets", StringComparison.Ordinal).Replace("{toObjectType}", "tickets", StringComparison.Ordinal).Replace("{pipelineId}", "0", StringComparison.Ordinal).Replace("{stageId}", "1", StringComparison.Ordinal)
                .Replace("{id}", ticket, StringComparison.Ordinal).Replace("{toId}", ticket, StringComparison.Ordinal).Replace("{associationType}", "452", StringComparison.Ordinal).Replace("{appId}", app, StringComparison.Ordinal).Replace("{userId}", user, StringComparison.Ordinal).Replace("{name}", "mine", StringComparison.Ordinal).Replace("{portalId}", server.PortalId.ToString(), StringComparison.Ordinal);
            path = path.Replace("{email}", "ada@example.com", StringComparison.Ordinal).Replace("{domain}", "example.com", StringComparison.Ordinal);
            Assert.DoesNotContain('{', path);
            routes.Add((method, path, bodies.Length > 0 ? bodies : ["{}"]));
        }

        return routes;
    }

    /// <summary>Where the values of a body stand.</summary>
    static List<(int From, int To)> Values(string body)
    {
        var values = new List<(int, int)>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(body)); // ASCII, so that bytes are characters
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.EndArray or JsonTokenType.EndObject))
            {
                var whole = reader;
                whole.Skip();
                values.Add(((int)reader.TokenStartIndex, (int)whole.BytesConsumed));
            }
        }

        return values;
    }

    static async Task<Answer> SendAsync(TestServer server, string method, string path, byte[] body, string type = "application/json")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }

    [GeneratedRegex(@"^/crm/(\w+)/\d{4}-\d\d[^/]*")]
    private static partial Regex DatedPath();

    // Classes that HubSpot names itself.
    [GeneratedRegex(@"`(java|com\.hubspot|JsonToken)\.[^`]*`")]
    private static partial Regex HubSpotsOwn();

    // Our namespaces and the framework's, generic types, options of its parser.
    [GeneratedRegex(@"Docket\.[A-Z]|System\.|Microsoft\.|`|[Rr]eader options|JsonTokenType|JsonException|isFinalBlock|BytePosition|LineNumber|UTF-16 JSON text|converted to|   at ")]
    private static partial Regex Internals();
}
