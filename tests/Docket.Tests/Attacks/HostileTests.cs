using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Docket.Tests.Access;
using Docket.Tests.Http;

namespace Docket.Tests.Attacks;

/// <summary>
/// Promise 6 on every route: requests from the grammars of HTTP and JSON, mutated in a few places. Each gets an answer, never 500;
/// refused requests write nothing; and the log has no error, because none of them is the server's fault.
/// </summary>
public sealed class HostileTests : IDisposable
{
    const int JsonRequests = 8_000, HttpRequests = 3_000, WaitMs = 400;
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";
    const string Good = """{"inputs":[{"idProperty":"ext_id","id":"one","properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""";

    readonly string directory = Directory.CreateTempSubdirectory("docket-hostile-").FullName;
    readonly Dictionary<int, int> statuses = [];
    readonly List<string> wrong = [];

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public Task Bodies_paths_and_headers_bent_on_every_route_are_answered_and_write_nothing_when_refused() => Seed.PlayAsync(async random =>
    {
        await using var server = await StartAsync();
        var (templates, id) = await TemplatesAsync(server);
        using var file = await BackDoor.OpenAsync(directory, "portal-24000001.db");
        _ = file.HasNews();
        using var client = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1, AllowAutoRedirect = false });
        for (var i = 0; i < JsonRequests; i++)
        {
            var (method, path, body, headers) = NonsenseTests.Nonsense(random, templates, id);
            if (path.Contains("/apps/0", StringComparison.Ordinal))
            {
                continue; // its own app: it would lock itself out
            }

            if (path.StartsWith("/oauth/", StringComparison.Ordinal) && body is not [(byte)'{', ..])
            {
                headers.Insert(0, ("Content-Type", "application/x-www-form-urlencoded"));
            }

            var story = $"request {i}: {method} {path} {string.Join(' ', headers)}\n{Shown(body)}";
            int status;
            using (var request = NonsenseTests.Request(method, server.Url + path, body, headers))
            {
                using var response = await SendAsync(client, request, story);
                status = (int)response.StatusCode;
                var text = await response.Content.ReadAsStringAsync(Cancellation);
                Check(status, response.Content.Headers.ContentType?.MediaType, text, story);
            }

            var hasNews = file.HasNews();
            Expect(status is >= 200 and < 300 || !hasNews, $"{status} and written all the same: {story}");
        }

        await EndAsync(server, [200, 400, 401, 404, 405, 415]);
    });

    [Fact(Explicit = true)]
    public Task HTTP_bent_in_a_few_places_is_answered_or_cut_off() => Seed.PlayAsync(async random =>
    {
        await using var server = await StartAsync();
        var requests = Enumerable.Range(0, HttpRequests).Select(i => (Number: i, Bytes: Request(random))).ToList();
        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancellation }, async (request, _) =>
        {
            var story = $"request {request.Number}: {Shown(request.Bytes)}";
            var answer = await SendRawAsync(server, request.Bytes, story);
            lock (wrong)
            {
                Check(answer, story);
            }
        });
        await EndAsync(server, [0, 200, 400, 401]);
    });

    public void Dispose() => Directory.Delete(directory, recursive: true);

    async Task<ServerProcess> StartAsync()
    {
        var server = await ServerProcess.StartAsync(directory);
        (await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
        return server;
    }

    /// <summary>Good requests of every route: those that try the wall between portals, and those with more in their bodies.</summary>
    static async Task<((string, string, string)[] Templates, string Id)> TemplatesAsync(ServerProcess server)
    {
        var ticket = (await server.SendAsync(HttpMethod.Post, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1","ext_id":"one"}}""")).Expect(201)["id"]!;
        var user = (await server.SendAsync(HttpMethod.Post, "/docket/v1/users", """{"email":"ada@example.com"}""")).Expect(201)["id"]!;
        var app = (await server.SendAsync(HttpMethod.Post, "/docket/v1/apps", """{"name":"one","scopes":["tickets"],"redirectUris":["https://example.com/back"]}""")).Expect(201);
        var known = new Dictionary<string, string>();
        foreach (var (names, value) in ((string, string)[])
        [
            ("ticket archived id", ticket), ("unique", "one"), ("property name", "ext_id"), ("group", "ticketinformation"), ("pipeline pipelineId", "0"), ("stage stageId", "1"), ("app appId", app["id"]!),
            ("client token", app["clientId"]!), ("user userId ownerId", user), ("email", "ada@example.com"), ("job sequence", "1"), ("portal accountId", "24000001"), ("objectType", "tickets"),
        ])
        {
            foreach (var name in names.Split(' '))
            {
                known[name] = value;
            }
        }

        var all = new List<(string, string, string)>(NonsenseTests.Templates.Where(template => !template.Path.Contains("/settings", StringComparison.Ordinal)));
        foreach (var (route, attempts) in PortalWallTests.Attempts.Where(entry => !entry.Key.Contains("/settings", StringComparison.Ordinal) && !entry.Key.Contains("/refusals", StringComparison.Ordinal)))
        {
            foreach (var attempt in attempts)
            {
                var (method, path) = route.Split(' ') is [var first, var second] ? (first, second) : throw new InvalidOperationException(route);
                var split = !attempt.StartsWith('?') ? 0 : attempt.IndexOf(' ', StringComparison.Ordinal) is var at and >= 0 ? at : attempt.Length;
                var (query, body) = (attempt[..split], attempt[split..].TrimStart());
                foreach (var (name, value) in known.OrderByDescending(entry => entry.Key.Length))
                {
                    path = path.Replace($"{{{name}}}", value, StringComparison.Ordinal);
                    query = query.Replace($"${name}", value, StringComparison.Ordinal);
                    body = body.Replace($"${name}", value, StringComparison.Ordinal);
                }

                Assert.DoesNotContain('{', path);
                all.Add((method, path + query, body));
            }
        }

        return ([.. all], ticket);
    }

    static async Task<HttpResponseMessage> SendAsync(HttpClient client, HttpRequestMessage request, string story)
    {
        try
        {
            return await client.SendAsync(request, Cancellation);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"no answer to {story}", failure);
        }
    }

    void Check(string answer, string story)
    {
        if (answer.Length == 0)
        {
            statuses[0] = statuses.GetValueOrDefault(0) + 1; // cut off: what was sent was no whole request
            return;
        }

        // There are several when a body was taken for requests, as it may be where its length lies.
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (!answer.StartsWith("HTTP/1.", StringComparison.Ordinal) || end < 0)
        {
            Expect(false, $"no HTTP: {answer} for {story}");
            return;
        }

        var headers = answer[..end].Split("\r\n").Skip(1).Select(line => line.Split(": ", 2)).ToLookup(parts => parts[0].ToLowerInvariant(), parts => parts[^1]);
        var body = Encoding.UTF8.GetBytes(answer[(end + 4)..]);
        var length = headers["content-length"].Select(int.Parse).DefaultIfEmpty(0).Single(); // 0 for a body in chunks
        Check(int.Parse(answer.AsSpan(9, 3)), headers["content-type"].SingleOrDefault()?.Split(';')[0], Encoding.UTF8.GetString(body.AsSpan(..Math.Min(length, body.Length))), story);
    }

    void Check(int status, string? type, string text, string story)
    {
        statuses[status] = statuses.GetValueOrDefault(status) + 1;
        Expect(status is >= 100 and < 500 or 501 or 503 or 505 or 507, $"{status} for {story}\n{text}");
        if (type == "application/json" && text.Length > 0)
        {
            try
            {
                var answer = JsonNode.Parse(text);
                Expect(status < 400 || answer is JsonObject members && (members.ContainsKey("message") || members.ContainsKey("error") || members.ContainsKey("status")), $"{status} without an envelope for {story}\n{text}");
            }
            catch (JsonException)
            {
                Expect(false, $"{status} with broken JSON for {story}\n{text}");
            }
        }
        else if (text.Length > 0)
        {
            Expect(type is "text/html" or "text/javascript" or "text/event-stream" or "application/x-ndjson", $"{status} as {type} for {story}\n{text}");
        }
    }

    /// <summary>Goes on after a wrong answer: the rest may show another.</summary>
    void Expect(bool isSo, string otherwise)
    {
        if (!isSo)
        {
            wrong.Add(otherwise);
        }
    }

    static string Shown(byte[] bytes) => JsonValue.Create(Encoding.Latin1.GetString(bytes)).ToJsonString() is var text && text.Length <= 1_500 ? text : $"{text[..1_200]} … {text[^200..]} ({bytes.Length} bytes)";

    async Task EndAsync(ServerProcess server, int[] expected)
    {
        (await server.SendAsync(HttpMethod.Get, Tickets, "")).Expect(200);
        (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Expect(200);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Value} × {status.Key}")));
        Assert.True(wrong.Count == 0, $"{wrong.Count} answers are wrong: {string.Join(", ", wrong.CountBy(text => text.Split(' ')[0]))}\n{string.Join("\n\n", wrong.Take(8))}");
        Assert.All(expected, status => Assert.True(statuses.ContainsKey(status), $"no {status} among {string.Join(' ', statuses.Keys.Order())}"));
        var errors = server.Output.Split('\n').Where(line => line.StartsWith("fail:", StringComparison.Ordinal) || line.StartsWith("crit:", StringComparison.Ordinal) || line.StartsWith("   at ", StringComparison.Ordinal)).ToList();
        Assert.True(errors.Count == 0, $"{errors.Count} lines of the log are errors:\n{string.Join('\n', errors.Take(10))}");
    }

    // ---- HTTP, bent

    static byte[] Request(Random random)
    {
        var method = Often(random, "POST", "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "post", "P OST", "", "POST\0", new string('M', 9_000));
        var target = Often(random, Upsert, Tickets, "/", "*", "//", "/crm/../etc", "/%", "/%00", "/\u00e9", "http://docket/crm", "docket:443", "/healthz", "/oauth/v1/token", "/oauth/v2/private-apps/get/access-token-info", "/docket/v1/changes", Tickets + "?" + new string('q', 70_000), "");
        var version = Often(random, "HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3", "http/1.1", "HTTP/1.1 x", "");
        var lineEnd = Often(random, "\r\n", "\n", "\r", "\r\n\r\n", "\0");
        var headers = new List<string> { Often(random, "Host: docket", "Host: docket\r\nHost: other", "Host:", "Host: a b", "Host: docket:99999", "X: y") };
        var isChunked = random.Next(2) == 0;
        var payload = Payload(random);
        var body = isChunked ? Chunked(random, payload) : payload;
        headers.Add(Often(random, "Authorization: Bearer " + TestServer.Token, "Authorization: Bearer x", "Authorization: Basic x", "Authorization:", "Authorization: Bearer " + new string('t', 40_000)));
        headers.Add(Often(random, "Content-Type: application/json", "Content-Type: application/x-ndjson", "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json; charset=utf-16", "Content-Type: ;", "Content-Type: multipart/form-data; boundary="));
        headers.Add(isChunked
            ? Often(random, "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity", "Transfer-Encoding : chunked", "Transfer-Encoding: \tchunked", "Transfer-Encoding: chunked\r\nContent-Length: 5", "transfer-encoding: xchunked")
            : Often(random, $"Content-Length: {body.Length}", $"Content-Length: {body.Length + 7}", $"Content-Length: {Math.Max(0, body.Length - 7)}", "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 0x10", $"Content-Length: {body.Length}, {body.Length}", $"Content-Length: {body.Length}\r\nContent-Length: 1", "Content-Length: 1073741825", "Content-Length:"));
        if (random.Next(3) == 0)
        {
            headers.Add(Often(random, "Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: br", "Content-Encoding: zstd", "Content-Encoding: gzip, gzip", "Expect: 100-continue", "Expect: nonsense", "Upgrade: h2c\r\nConnection: Upgrade", "Upgrade: websocket\r\nConnection: Upgrade", "Prefer: respond-async",
                "Accept-Encoding: gzip;q=x", "Docket-Dry-Run: true", " folded: x", "na me: x", ": x", "x", "X-\u00ff: \u00ff", "X: a\0b", "X: " + new string('h', 40_000), "Trailer: X", "TE: trailers", "Accept: text/event-stream", "Range: bytes=0-", "Last-Event-ID: x", "Idempotency-Key: " + new string('k', 5_000)));
        }

        if (random.Next(40) == 0)
        {
            headers.AddRange(Enumerable.Range(0, 200).Select(i => $"X-{i}: {i}"));
        }

        headers.Add("Connection: close");
        byte[] whole = [.. Encoding.Latin1.GetBytes($"{method} {target} {version}{lineEnd}{string.Join("\r\n", headers)}\r\n\r\n"), .. body];
        return random.Next(12) switch
        {
            0 => whole[..random.Next(1, whole.Length)],
            1 => Flipped(random, whole),
            _ => whole,
        };
    }

    static byte[] Payload(Random random) => random.Next(14) switch
    {
        0 => [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(Good)],
        1 => Encoding.Unicode.GetBytes(Good),
        2 => [0xff, 0xfe, .. Encoding.Unicode.GetBytes(Good)],
        3 => [],
        4 => Compressed(Encoding.UTF8.GetBytes(Good)),
        5 => Compressed(new byte[20_000_000]),
        6 => Compressed(Encoding.UTF8.GetBytes(Good))[..20],
        7 => Encoding.UTF8.GetBytes(Good[..random.Next(Good.Length)]),
        8 => Encoding.UTF8.GetBytes(Good.Replace("\"a\"", "\"\\ud800\"", StringComparison.Ordinal)),
        9 => Encoding.UTF8.GetBytes(Good.Replace("subject", "\\ud800", StringComparison.Ordinal)),
        10 => Flipped(random, Encoding.UTF8.GetBytes(Good)),
        _ => Encoding.UTF8.GetBytes(Good),
    };

    static byte[] Compressed(byte[] bytes)
    {
        using var into = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(into, System.IO.Compression.CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return into.ToArray();
    }

    static byte[] Flipped(Random random, byte[] bytes)
    {
        var copy = bytes.ToArray();
        for (var i = random.Next(1, 4); i > 0 && copy.Length > 0; i--)
        {
            copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
        }

        return copy;
    }

    static byte[] Chunked(Random random, byte[] payload)
    {
        var into = new MemoryStream();
        for (var at = 0; at < payload.Length;)
        {
            var length = Math.Min(payload.Length - at, random.Next(1, 200));
            Write(Often(random, $"{length:x}", $"{length:X}", $"000{length:x}", $"{length:x};name=value", $"{length:x};\"", $"{length + 1:x}", "ffffffff", "7fffffff", "80000000", "ffffffffffffffff", "fffffffffffffffff0", "-1", "0x5", "zz", "", $"{length:x} ", $"{length:x};" + new string('e', 20_000)));
            Write(Often(random, "\r\n", "\n", "\r", ""));
            into.Write(payload.AsSpan(at, length));
            Write(Often(random, "\r\n", "\n", "", "xx"));
            at += length;
        }

        Write(Often(random, "0\r\n\r\n", "0\r\nX: y\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\n", "", "00000\r\n\r\n", "0\r\n: \r\n\r\n", "0\r\n" + new string('t', 40_000) + ": x\r\n\r\n"));
        return into.ToArray();

        void Write(string text) => into.Write(Encoding.Latin1.GetBytes(text));
    }

    /// <summary>The first of some, mostly.</summary>
    static string Often(Random random, params string[] some) => random.Next(5) > 0 ? some[0] : some[random.Next(some.Length)];

    static async Task<string> SendRawAsync(ServerProcess server, byte[] bytes, string story)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port, Cancellation);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        enough.CancelAfter(TimeSpan.FromMinutes(1));
        var answer = new MemoryStream();
        try
        {
            var stream = client.GetStream();
            try
            {
                await stream.WriteAsync(bytes, enough.Token);
            }
            catch (Exception cut) when (cut is IOException or SocketException)
            {
                // It was refused before it was sent as a whole; the answer may be there all the same.
            }

            // A client that waits for more sees after a while that there is none.
            var reading = stream.CopyToAsync(answer, enough.Token);
            if (await Task.WhenAny(reading, Task.Delay(WaitMs, Cancellation)) != reading)
            {
                client.Client.Shutdown(SocketShutdown.Send);
            }

            await reading;
        }
        catch (Exception cut) when (cut is IOException or SocketException)
        {
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the connection is still open after a minute: {story}\n{Encoding.UTF8.GetString(answer.ToArray())}");
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
