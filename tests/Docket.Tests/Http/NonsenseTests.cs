using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Docket.Tests.Http;

/// <summary>Promise 6: whatever is sent, the answer says in HubSpot's envelope what is wrong with it, and a refused request changes nothing.</summary>
public sealed class NonsenseTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const int Requests = 4_000;
    const string Objects = "/crm/v3/objects/tickets", Properties = "/crm/v3/properties/tickets", Pipelines = "/crm/v3/pipelines/tickets", Settings = "/docket/v1/settings", Jobs = "/docket/v1/jobs";

    /// <summary>Valid requests to mutate. <c>ID</c> is an existing ticket.</summary>
    internal static readonly (string Method, string Path, string Body)[] Templates =
    [
        ("POST", Objects, """{"properties":{"subject":"a","hs_pipeline_stage":"1","content":"é€😀","amount":12.5,"ext_id":"single","seen":"2026-03-14T09:26:53.589Z","tags_set":";a;b"},"objectWriteTraceId":"t","associations":[]}"""),
        ("PATCH", Objects + "/ID", """{"properties":{"subject":"b","hs_pipeline_stage":"2","hubspot_owner_id":"7","urgent":true}}"""),
        ("PATCH", Objects + "/one?idProperty=ext_id", """{"properties":{"content":null,"hs_ticket_priority":"HIGH"}}"""),
        ("DELETE", Objects + "/ID", ""),
        ("POST", Objects + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}},{"properties":{"subject":"b","hs_pipeline":"0","hs_pipeline_stage":"4","createdate":"1741944413589","due":"2026-03-14"},"associations":[{"to":{"id":"1"},"types":[]}]}]}"""),
        ("POST", Objects + "/batch/update", """{"inputs":[{"id":"ID","properties":{"subject":"c"}},{"id":"one","idProperty":"ext_id","properties":{"content":""}}]}"""),
        ("POST", Objects + "/batch/upsert", """{"inputs":[{"id":"one","idProperty":"ext_id","objectWriteTraceId":"t-1","properties":{"subject":"one","hs_pipeline_stage":"1"}},{"id":"two","idProperty":"ext_id","objectWriteTraceId":"t-2","properties":{"subject":"two","hs_pipeline_stage":"3","amount":"1e3"}}]}"""),
        ("POST", Objects + "/batch/upsert", """{"inputs":[{"id":3,"idProperty":"ext_id","properties":{"subject":"three","hs_pipeline_stage":"1"}},{"id":"four","idProperty":"ext_id","properties":{"hs_pipeline_stage":"3"}}]}"""),
        ("POST", Objects + "/batch/archive", """{"inputs":[{"id":"ID"},{"id":"99"}]}"""),
        ("POST", Objects + "/batch/read", """{"idProperty":"ext_id","properties":["subject","ext_id"],"propertiesWithHistory":["subject"],"inputs":[{"id":"one"},{"id":"two"}]}"""),
        ("POST", Objects + "/merge", """{"primaryObjectId":"ID","objectIdToMerge":"10000000002"}"""),
        ("POST", "/docket/v1/objects/tickets/ID/restore", """{"properties":{"subject":"back","hs_pipeline_stage":"1"}}"""),
        ("POST", "/docket/v1/objects/tickets/gdpr-delete", """{"objectId":"99","idProperty":"ext_id"}"""),
        ("GET", "/docket/v1/changes?after=3&limit=20", ""),
        ("GET", Objects + "/ID?asOf=2026-03-14T09:26:53.589Z", ""),
        ("POST", Properties, """{"name":"made","label":"Made","type":"enumeration","fieldType":"select","groupName":"ticketinformation","displayOrder":-1,"hasUniqueValue":false,"formField":true,"options":[{"label":"A","value":"a","displayOrder":0,"hidden":false},{"label":"B","value":"b"}]}"""),
        ("PATCH", Properties + "/amount", """{"label":"Amount","description":"how much","displayOrder":2,"numberDisplayHint":"formatted","calculationFormula":""}"""),
        ("DELETE", Properties + "/urgent", ""),
        ("POST", Properties + "/batch/create", """{"inputs":[{"name":"b1","label":"B","type":"number","fieldType":"number","groupName":"ticketinformation"},{"name":"b2","label":"C","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}]}"""),
        ("POST", Properties + "/batch/read", """{"archived":false,"dataSensitivity":"non_sensitive","inputs":[{"name":"subject"},{"name":"none"}]}"""),
        ("POST", Properties + "/batch/archive", """{"inputs":[{"name":"b1"},{"name":"none"}]}"""),
        ("POST", Properties + "/groups", """{"name":"extra","label":"Extra","displayOrder":3}"""),
        ("PATCH", Properties + "/groups/extra", """{"label":"Extras","displayOrder":4}"""),
        ("POST", Pipelines, """{"label":"Second","displayOrder":1,"stages":[{"label":"Open","displayOrder":0,"metadata":{"ticketState":"OPEN"}},{"label":"Done","displayOrder":1,"metadata":{"ticketState":"CLOSED"}}]}"""),
        ("PUT", Pipelines + "/0?validateReferencesBeforeDelete=true", """{"label":"Support","displayOrder":0,"stages":[{"stageId":"1","label":"New","displayOrder":0,"metadata":{"ticketState":"OPEN"}},{"label":"Closed","displayOrder":1,"metadata":{"ticketState":"CLOSED"}}]}"""),
        ("PATCH", Pipelines + "/0", """{"label":"Support Pipeline","displayOrder":0,"archived":false}"""),
        ("POST", Pipelines + "/0/stages", """{"label":"More","displayOrder":9,"metadata":{"ticketState":"OPEN"}}"""),
        ("PUT", Pipelines + "/0/stages/2", """{"label":"Waiting","displayOrder":1,"metadata":{"ticketState":"OPEN"}}"""),
        ("PATCH", Pipelines + "/0/stages/3", """{"label":"Waiting on us","metadata":{"ticketState":"CLOSED","isClosed":"true"}}"""),
        ("DELETE", Pipelines + "/0/stages/2?validateReferencesBeforeDelete=true", ""),
        ("PATCH", Settings, """{"search-cap":"off","search-lag":"5s"}"""),
        ("GET", Settings, ""),
        ("POST", Objects + "/search", """{"filterGroups":[{"filters":[{"propertyName":"subject","operator":"EQ","value":"a"},{"propertyName":"amount","operator":"BETWEEN","value":"1","highValue":2}]}],"filters":[{"propertyName":"tags_set","operator":"IN","values":["a","b"]}],"sorts":[{"propertyName":"seen","direction":"DESCENDING"}],"query":"é€😀 a","properties":["subject"],"limit":10,"after":"0"}"""),
        ("POST", Objects + "/search", """{"filterGroups":[{"filters":[{"propertyName":"content","operator":"CONTAINS_TOKEN","value":"a*"},{"propertyName":"hs_object_id","operator":"NOT_IN","values":["ID",1]}]}],"sorts":["-subject"]}"""),
        ("GET", Objects, ""),
        ("GET", Objects + "/ID", ""),
        ("GET", Properties, ""),
        ("GET", Pipelines + "/0/audit", ""),
        ("GET", Jobs + "?limit=5&after=9", ""),
        ("GET", Jobs + "/1", ""),
        ("GET", Jobs + "/1/results?failed=true", ""),
        ("POST", Jobs + "/1/cancel", ""),
    ];

    /// <summary>Good batches to be worked on later, as JSON and as lines.</summary>
    static readonly (string Method, string Path, string Body)[] LaterTemplates =
    [
        .. Templates.Where(template => template.Path is Objects + "/batch/create" or Objects + "/batch/update" or Objects + "/batch/upsert"),
        ("POST", Objects + "/batch/create", """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""" + "\n" + """{"properties":{"subject":"b","ext_id":"five","hs_pipeline_stage":"4"},"associations":[]}"""),
        ("POST", Objects + "/batch/update", """{"id":"ID","properties":{"subject":"c"}}""" + "\r\n\r\n" + """{"id":"one","idProperty":"ext_id","properties":{"content":""}}""" + "\n"),
        ("POST", Objects + "/batch/upsert", """{"id":"one","idProperty":"ext_id","objectWriteTraceId":"t","properties":{"amount":1}}""" + "\n" + """{"id":"one","idProperty":"ext_id","properties":{"amount":"2","hs_pipeline_stage":"2"}}"""),
    ];

    static readonly string[] Values =
    [
        "null", "true", "false", "0", "-0", "-1", "1e999", "-1e999", "1e-999", "2147483648", "99999999999999999999999999", "0.1e1", "\"\"", "\" \"", "\"null\"", "[]", "{}", "[[]]", "[{}]", "[null]", "{\"\":\"\"}",
        "\"\\ud800\"", "\"\\udc00x\"", "\"\\ud83d\\ud83d\"", "\"\\u0000\"", "\"\\uffff\"", "\"\\ud83d\\ude00\"", "\"9223372036854775807\"", "\"9223372036854775808\"", "\"-9223372036854775808\"", "\"253402300800000\"", "\"0001-01-01\"",
        "\"9999-12-31T23:59:59.999-23:59\"", "\"0001-01-01T00:00:00+23:59\"", "\"2026-02-30\"", "\";\"", "\";;;\"", "\";a\"", "\"a;a;a\"", "\"NaN\"", "\"Infinity\"", "\"+1\"", "\"1_000\"", "\"<script>\"", "\"'; DROP TABLE record; --\"", "\"ID\"", "\"subject\"",
        "\"hs_object_id\"", "\"hs_pipeline\"", "\"createdate\"", "\"1\"", "NaN", "undefined", "'a'", "// comment", "01", "1.", ".5", "+1", "\"\t\"", "\"\n\"", "\"\\x\"", "\"\\u12\"",
    ];

    static readonly string[] Names =
    [
        "", " ", "inputs", "properties", "id", "idProperty", "objectWriteTraceId", "associations", "subject", "hs_object_id", "hs_lastmodifieddate", "hs_pipeline", "createdate", "hs_is_closed", "time_to_close",
        "hs_v2_date_entered_1", "\\ud800", "\\u0000", "\\u0069nputs", "\\u0069d", "$type", "__proto__", "a.b", "Ünïcödé", "😀", "label", "name", "type", "options", "operator", "value", "values", "filters", "query", "sorts", "direction", "after", "limit", "stages", "metadata", "ticketState",
    ];

    static readonly string[] Segments =
    [
        "%2F", "..%2f", "%2e%2e", "..", ".", "%25", "%", "%zz", "%ff", "%C3%28", "%ED%A0%80", "a%0d%0ab", "+1", "-1", "0", "%20", "99999999999999999999", "9223372036854775807", "140737488355328", "10000000001x", "null", "batch", "groups",
        "stages", "audit", "0-5", "TICKETS", "contacts", "2-99", "0-", "-", "%F0%9F%98%80", "a;b=c", "a:b", "a|b", "{id}", "\"", "<a>", "\\",
    ];

    static readonly string[] Queries =
    [
        "idProperty=", "idProperty=subject", "idProperty=none", "idProperty=hs_object_id", "idProperty=ext_id&idProperty=x", "idProperty=%00", "idProperty=%ff", "limit=0", "limit=-1", "limit=101", "limit=x", "limit=", "limit=99999999999999999999",
        "after=-1", "after=x", "after=9223372036854775807", "after=140737488355327", "archived=true", "archived=maybe", "archived=true&archived=false", "properties=", "properties=,,,", "properties=none,subject", "properties=%00,%ff",
        "propertiesWithHistory=subject,createdate,hs_lastmodifieddate,hs_is_closed,time_to_close,hs_time_in_1", "associations=contacts", "asOf=", "asOf=0", "asOf=x", "asOf=9999-12-31T23:59:59.999Z", "asOf=-62135596800001", "hapikey=x", "&&&", "=", "==", "%", "%zz=1", "dataSensitivity=sensitive", "a[]=1", "dataSensitivity=%00",
        "validateReferencesBeforeDelete=true", "validateReferencesBeforeDelete=x",
    ];

    static readonly (string Name, string Value)[] Headers =
    [
        ("Content-Type", "text/plain"), ("Content-Type", "application/json; charset=utf-16"), ("Content-Type", ";;;"), ("Content-Type", ""), ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Type", "multipart/form-data"),
        ("Authorization", "Bearer"), ("Authorization", "Bearer  "), ("Authorization", "Basic eDp5"), ("Authorization", ""), ("Authorization", "Bearer \u00e9"), ("Accept", "text/html"), ("Accept", ";;"), ("Accept-Encoding", "x"), ("Content-Encoding", "gzip"),
        ("Expect", "100-continue"), ("If-Match", "x"), ("X-HTTP-Method-Override", "DELETE"), ("Range", "bytes=5-1"), ("Cookie", "a=b; c"), ("X-Forwarded-For", "x"), ("Origin", "null"), ("traceparent", "x"), ("Accept-Language", "\u00ff"),
        ("Docket-Dry-Run", "true"), ("Docket-Dry-Run", "maybe"), ("Docket-Row-Outcomes", "true"), ("Docket-Fold-Duplicates", "true"), ("Docket-All-Properties", "true"), ("Docket-Labels", "true"), ("Docket-Shuffle", "true"), ("Docket-Nothing", "true"), ("Docket-", ""),
        ("Idempotency-Key", ""), ("Idempotency-Key", "x"), ("Idempotency-Key", "\u00e9 y"), ("Prefer", ";,="), ("Prefer", "wait=x, respond-sync"),
    ];

    [Fact]
    [Trait("Category", "Slow")]
    public Task Nonsense_is_answered_in_the_envelope_and_what_is_refused_changes_nothing() => Seed.PlayAsync(async random =>
    {
        await using var server = await StartAsync();
        var id = (await server.PostAsync(Objects, """{"properties":{"subject":"a","hs_pipeline_stage":"1","ext_id":"one"}}""")).Expect(201)["id"]!;

        using var file = await server.OpenBackDoorAsync();
        _ = file.HasNews();
        var seen = new Dictionary<int, int>();
        using var client = NewClient(server);
        for (var i = 0; i < Requests; i++)
        {
            var (status, story) = await AskAsync(client, server, i, Nonsense(random, Templates, id));
            seen[status] = seen.GetValueOrDefault(status) + 1;
            var hasNews = file.HasNews();
            Assert.True(status is >= 200 and < 300 || !hasNews, $"answered {status} and wrote all the same: {story}");
        }

        // The mixture reaches every depth: refused by the parser, a rule, or the router; and sometimes it is still valid.
        Assert.All((int[])[200, 201, 204, 207, 400, 401, 404, 405, 409, 415], status => Assert.True(seen.ContainsKey(status), $"no {status} among {string.Join(' ', seen.Keys.Order())}"));
        await AssertSoundAsync(server);
    });

    [Fact]
    [Trait("Category", "Slow")]
    public Task Nonsense_that_is_worked_on_later_is_answered_in_the_envelope_and_every_job_ends() => Seed.PlayAsync(async random =>
    {
        await using var server = await StartAsync();
        var id = (await server.PostAsync(Objects, """{"properties":{"subject":"a","hs_pipeline_stage":"1","ext_id":"one"}}""")).Expect(201)["id"]!;
        var seen = new Dictionary<int, int>();
        using var client = NewClient(server);
        for (var i = 0; i < Requests / 4; i++)
        {
            var nonsense = Nonsense(random, LaterTemplates, id);
            nonsense.Headers.Insert(0, ("Prefer", "respond-async"));
            if (random.Next(10) == 0 || !nonsense.Body.AsSpan().StartsWith("{\"inputs\""u8))
            {
                nonsense.Headers.Insert(0, ("Content-Type", "application/x-ndjson"));
            }

            var (status, _) = await AskAsync(client, server, i, nonsense);
            seen[status] = seen.GetValueOrDefault(status) + 1;
        }

        Assert.All((int[])[202, 400, 401, 415], status => Assert.True(seen.ContainsKey(status), $"no {status} among {string.Join(' ', seen.Keys.Order())}"));
        var (ended, failed) = (0, 0);
        for (var next = $"{Jobs}?limit=100"; next is not null;)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            foreach (var job in page.Json!["results"]!.AsArray())
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"{Jobs}/{job!["id"]}");
                request.Headers.Add("Prefer", "wait=60");
                using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
                var end = (await Answer.OfAsync(response)).Expect(200);
                Assert.True(end["status"] is "COMPLETE" or "CANCELED", end.Text);
                ended++;
                failed += int.Parse(end["failed"]!);
                Assert.Equal(Math.Min(100, int.Parse(end["done"]!)), (await server.GetAsync($"{Jobs}/{job["id"]}/results")).Expect(200).Count("results"));
            }

            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        Assert.True(ended > 100 && failed > 50, $"{ended} jobs ended, {failed} inputs failed");
        await AssertSoundAsync(server);
    });

    [Theory]
    [InlineData("GET /crm/v3/objects/tickets/..%2f..%2fetc HTTP/1.1")]
    [InlineData("GET /crm/v3/objects/tickets/%ff%fe HTTP/1.1")]
    [InlineData("GET //crm//v3//objects//tickets// HTTP/1.1")]
    [InlineData("GET /crm/v3/objects/tickets/?x=%00 HTTP/1.1")]
    [InlineData("GET http://docket/crm/v3/objects/tickets/1 HTTP/1.1")]
    [InlineData("GET http://docket HTTP/1.1")]
    [InlineData("OPTIONS * HTTP/1.1")]
    [InlineData("PROPFIND /crm/v3/objects/tickets HTTP/1.1")]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("DELETE /crm/v3/pipelines/tickets/%2F/stages/%2F HTTP/1.1")]
    [InlineData("PATCH /crm/v3/pipelines/tickets/%5C/stages/.%2e%2F HTTP/1.1")]
    public async Task An_odd_request_line_is_answered_in_the_envelope(string line)
    {
        var server = shared.Server;
        var (status, headers, body) = await server.SendRawAsync($"{line}\r\nHost: docket\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Assert.InRange(status, 200, 499);
        if (status >= 400)
        {
            var envelope = JsonNode.Parse(body[body.IndexOf('{')..(body.LastIndexOf('}') + 1)])!; // without the lengths of its chunks
            Assert.Equal("error", envelope["status"]!.ToString());
            Assert.NotEqual("", envelope["message"]!.ToString());
            Assert.Contains($"X-HubSpot-Correlation-Id: {envelope["correlationId"]}", headers);
        }
    }

    [Theory]
    [InlineData("POST /crm/v3/objects/tickets HTTP/1.1\r\nHost: docket\r\nContent-Length: x\r\n\r\n")]
    [InlineData("POST /crm/v3/objects/tickets HTTP/1.1\r\nHost: docket\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /crm/v3/objects/tickets\r\n\r\n")]
    [InlineData("GET /crm/v3/objects/tickets/%00 HTTP/1.1\r\nHost: docket\r\n\r\n")]
    [InlineData("GET http://elsewhere/crm HTTP/1.1\r\nHost: docket\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001 GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET /crm/v3/objects/tickets HTTP/1.1\r\n\r\n")]
    public async Task What_is_not_even_HTTP_is_refused_and_harms_nobody(string bytes)
    {
        await using var server = await TestServer.StartAsync();
        var (status, _, _) = await server.SendRawAsync(bytes);
        Assert.InRange(status, 400, 499);
        (await server.GetAsync(Objects)).Expect(200);
    }

    [Theory]
    [InlineData(Objects + "/batch/read", """{"inputs":[null]}""", 400)]
    [InlineData(Objects + "/batch/read", """{"inputs":[{"id":null}]}""", 400)]
    [InlineData(Objects + "/batch/read", """{"inputs":[{}]}""", 400)]
    [InlineData(Objects + "/batch/read", """{"properties":[null,"subject"],"propertiesWithHistory":[null],"inputs":[{"id":"99"}]}""", 207)]
    [InlineData(Objects + "/batch/read", """{"\u0069nputs":[{"\u0069d":"99"}]}""", 207)]
    [InlineData(Objects, """{"properties":{"hs_pipeline_stage":"1"},"associations":[{"\ud800":1}]}""", 400)]
    [InlineData(Objects, """{"properties":{"hs_pipeline_stage":"1"},"associations":[{"to":{"id":"\ud800"}}]}""", 400)]
    [InlineData(Objects, """{"\u0070roperties":{"hs_pipeline\u005fstage":"1"}}""", 201)]
    [InlineData(Properties + "/groups", """{"name":"","label":"Nameless"}""", 400)]
    public async Task Odd_but_readable_JSON_is_understood_or_refused(string path, string body, int status)
    {
        var server = shared.Server;
        (await server.PostAsync(path, body)).Expect(status);
    }

    [Fact]
    public async Task A_chunked_body_that_breaks_off_writes_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var good = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";
        var (status, _, _) = await server.SendRawAsync($"POST {Objects} HTTP/1.1\r\nHost: docket\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{good.Length:x}\r\n{good}\r\nnonsense\r\n\r\n");
        Assert.Equal(400, status);
        Assert.Equal(0, (await server.GetAsync(Objects)).Expect(200).Count("results"));
    }

    static async Task<TestServer> StartAsync()
    {
        var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("amount", "number", "number", unique: false);
        await server.CreatePropertyAsync("seen", "datetime", "date", unique: false);
        await server.CreatePropertyAsync("due", "date", "date", unique: false);
        await server.CreatePropertyAsync("urgent", "bool", "booleancheckbox", unique: false, ",\"options\":[{\"label\":\"Yes\",\"value\":\"true\"},{\"label\":\"No\",\"value\":\"false\"}]");
        await server.CreatePropertyAsync("tags_set", "enumeration", "checkbox", unique: false, ",\"options\":[{\"label\":\"A\",\"value\":\"a\"},{\"label\":\"B\",\"value\":\"b\"}]");
        return server;
    }

    static HttpClient NewClient(TestServer server) => server.NewClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1 });

    /// <summary>Sends nonsense and holds that the answer is in order.</summary>
    static async Task<(int Status, string Story)> AskAsync(HttpClient client, TestServer server, int number, (string Method, string Path, byte[] Body, List<(string, string)> Headers) nonsense)
    {
        var (method, path, body, headers) = nonsense;
        var story = $"request {number}: {method} {path} {string.Join(' ', headers)}\n{Shown(body)}";
        using var request = Request(method, server.Url + path, body, headers);
        HttpResponseMessage response;
        try
        {
            response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"no answer to {story}", failure);
        }

        using (response)
        {
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            CheckAnswer((int)response.StatusCode, text, response.Headers, response.Content.Headers.ContentType, story);
            return ((int)response.StatusCode, $"{story}\n{text}");
        }
    }

    internal static (string Method, string Path, byte[] Body, List<(string, string)> Headers) Nonsense(Random random, (string Method, string Path, string Body)[] templates, string id)
    {
        var (method, path, text) = templates[random.Next(templates.Length)];
        var body = Encoding.UTF8.GetBytes(text.Replace("ID", id, StringComparison.Ordinal));
        path = path.Replace("ID", id, StringComparison.Ordinal);
        var headers = new List<(string, string)>();
        for (var more = true; more; more = random.Next(3) == 0)
        {
            switch (random.Next(13))
            {
                case < 6 when body.Length > 0:
                    body = ReplaceToken(random, body);
                    break;
                case 6 when body.Length > 0:
                    body[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
                    break;
                case 7 when body.Length > 0:
                    body = body[..random.Next(body.Length)];
                    break;
                case 8 when body.Length > 0:
                    var noise = new byte[random.Next(1, 20)];
                    random.NextBytes(noise);
                    var at = random.Next(body.Length);
                    body = [.. body[..at], .. noise, .. body[at..]];
                    break;
                case 9:
                    var segments = path.Split('/');
                    segments[random.Next(Math.Min(3, segments.Length - 1), segments.Length)] = Segments[random.Next(Segments.Length)];
                    path = string.Join('/', segments);
                    break;
                case 10:
                    path += (path.Contains('?', StringComparison.Ordinal) ? '&' : '?') + Queries[random.Next(Queries.Length)];
                    break;
                case 11:
                    headers.Add(Headers[random.Next(Headers.Length)]);
                    break;
                case 12:
                    method = ((string[])["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "NONSENSE"])[random.Next(8)];
                    break;
            }
        }

        return (method, path, body, headers);
    }

    /// <summary>Puts something else in the place of one name or value, or repeats a member.</summary>
    static byte[] ReplaceToken(Random random, byte[] body)
    {
        var tokens = new List<(int Start, int End, bool Name)>();
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                var start = (int)reader.TokenStartIndex;
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    tokens.Add((start, start + reader.ValueSpan.Length + 2, true));
                }
                else if (reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
                {
                    var whole = reader;
                    whole.Skip();
                    tokens.Add((start, (int)whole.BytesConsumed, false));
                }
            }
        }
        catch (JsonException)
        {
            // Nonsense already; what was read so far is good enough to go on with.
        }

        if (tokens.Count == 0)
        {
            return body;
        }

        var (from, to, isName) = tokens[random.Next(tokens.Count)];
        var instead = isName ? '"' + Name(random) + '"' : Value(random);
        if (isName && random.Next(4) == 0)
        {
            instead = $"{Encoding.UTF8.GetString(body[from..to])}:{Value(random)},{Encoding.UTF8.GetString(body[from..to])}";
        }

        return [.. body[..from], .. Encoding.UTF8.GetBytes(instead), .. body[Math.Min(to, body.Length)..]];
    }

    static string Name(Random random) => random.Next(40) == 0 ? new string('n', random.Next(300, 100_000)) : Names[random.Next(Names.Length)];

    static string Value(Random random) => random.Next(60) switch
    {
        0 => new string('[', random.Next(10, 10_000)),
        1 => string.Concat(Enumerable.Repeat("{\"a\":", random.Next(10, 5_000))),
        2 => string.Concat(Enumerable.Repeat("[", 50)) + string.Concat(Enumerable.Repeat("]", 50)),
        3 => '"' + new string('v', random.Next(60_000, 200_000)) + '"',
        4 => '[' + string.Join(',', Enumerable.Repeat("{\"id\":\"1\",\"properties\":{}}", 101)) + ']',
        5 => new string('9', random.Next(20, 5_000)),
        6 => '[' + string.Join(',', Enumerable.Repeat(Values[random.Next(Values.Length)], random.Next(1, 5))) + ']',
        _ => Values[random.Next(Values.Length)],
    };

    internal static HttpRequestMessage Request(string method, string url, byte[] body, List<(string Name, string Value)> headers)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + TestServer.Token);
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        foreach (var (name, value) in headers)
        {
            if (name.StartsWith("Content-", StringComparison.Ordinal))
            {
                request.Content?.Headers.Remove(name);
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    static void CheckAnswer(int status, string text, HttpResponseHeaders headers, MediaTypeHeaderValue? type, string story)
    {
        Assert.True(status < 500, $"{status} for {story}\n{text}");
        if (status is 204 || text.Length == 0 && story.Contains(": HEAD ", StringComparison.Ordinal))
        {
            return;
        }

        if (status == 200 && type?.MediaType == "text/html")
        {
            return; // ".." leads to /docket/v1, which is a page
        }

        Assert.True(type?.MediaType == "application/json", $"{status} as {type} for {story}\n{text}");
        JsonNode answer;
        try
        {
            answer = JsonNode.Parse(text)!;
        }
        catch (JsonException broken)
        {
            throw new InvalidOperationException($"{status} with broken JSON for {story}\n{text}", broken);
        }

        if (status >= 400)
        {
            MalformedBodyTests.AssertNoInternals(story.Contains('`') ? text.Replace("`", "") : text, story); // what was sent may come back
            Assert.True(answer["status"]?.ToString() == "error" && answer["message"]?.ToString().Length > 0, $"{status} without an envelope for {story}\n{text}");
            Assert.True(answer["correlationId"]?.ToString() == headers.GetValues("X-HubSpot-Correlation-Id").Single(), $"{status} with another correlation id than its header for {story}\n{text}");
        }
    }

    /// <summary>Everything that is stored can still be read, with its history, and written.</summary>
    static async Task AssertSoundAsync(TestServer server)
    {
        foreach (var archived in (string[])["false", "true"])
        {
            for (var next = $"{Objects}?limit=50&archived={archived}&propertiesWithHistory=subject,content,hs_pipeline_stage,createdate,hs_lastmodifieddate,hs_is_closed"; next is not null;)
            {
                var page = (await server.GetAsync(next)).Expect(200);
                Assert.All(page.Json!["results"]!.AsArray(), ticket => Assert.NotNull(ticket!["properties"]!["hs_pipeline_stage"]));
                next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
            }
        }

        (await server.GetAsync(Properties)).Expect(200);
        var stage = (await server.GetAsync(Pipelines)).Expect(200)["results[0].stages[0].id"];
        var made = (await server.PostAsync(Objects, $$$"""{"properties":{"subject":"sound","hs_pipeline_stage":"{{{stage}}}"}}""")).Expect(201);
        (await server.DeleteAsync($"{Objects}/{made["id"]}")).Expect(204);
    }

    internal static string Shown(byte[] body)
    {
        var text = Encoding.UTF8.GetString(body);
        return text.Length <= 2_000 ? text : $"{text[..1_000]} … {text[^200..]} ({text.Length} characters)";
    }
}
