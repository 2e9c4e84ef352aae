using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Docket.Access;
using Docket.Http;

namespace Docket.Tests.Access;

/// <summary>Requests that exceed a limit: each gets an error, none is the server's fault, and the server answers the next one.</summary>
public sealed class RequestLimitTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";

    static readonly string Authorization = $"Authorization: Bearer {TestServer.Token}\r\n";

    /// <summary>Every route that reads a body, with ids that are nobody's.</summary>
    public static TheoryData<string, string> BodyRoutes =>
        [.. from route in PortalWallTests.Attempts
            where route.Value.Any(attempt => attempt.Contains('{', StringComparison.Ordinal)) && !PortalWallTests.IsOnlyDated(route.Key)
            let parts = route.Key.Split(' ')
            select (parts[0], System.Text.RegularExpressions.Regex.Replace(parts[1].Replace("{objectType}", "tickets", StringComparison.Ordinal).Replace("{toObjectType}", "tickets", StringComparison.Ordinal), @"\{\w+\}", "1"))];

    [Theory]
    [InlineData(60_000, 0, 10, 200)]
    [InlineData(66_000, 0, 10, 414)]
    [InlineData(0, 30_000, 10, 200)]
    [InlineData(0, 34_000, 10, 431)]
    [InlineData(0, 0, 90, 200)]
    [InlineData(0, 0, 101, 431)]
    public async Task The_request_line_and_the_headers_have_limits(int lineLength, int headerLength, int headers, int status)
    {
        await using var server = await TestServer.StartAsync();
        var more = string.Concat(Enumerable.Range(0, headers).Select(i => $"X-Header-{i}: x\r\n"));
        var (answered, _, _) = await server.SendRawAsync($"GET {Tickets}?properties={new string('p', lineLength)} HTTP/1.1\r\nHost: docket\r\n{Authorization}Connection: close\r\nX-Long: {new string('h', headerLength)}\r\n{more}\r\n");
        Assert.Equal(status, answered);
        (await server.GetAsync(Tickets)).Expect(200);
    }

    [Theory]
    [MemberData(nameof(BodyRoutes))]
    public async Task A_body_that_is_too_large_is_refused_before_it_is_read(string method, string path)
    {
        var server = shared.Server;
        var (status, headers, body) = await server.SendRawAsync($"{method} {path} HTTP/1.1\r\nHost: docket\r\n{Authorization}Content-Type: application/json\r\nContent-Length: {RequestBody.BytesMax + 1}\r\nConnection: close\r\n\r\n");
        Assert.Equal(413, status);
        AssertEnvelope(headers, body);
    }

    [Fact]
    public async Task A_chunk_of_an_impossible_length_is_refused_wherever_it_is_read()
    {
        await using var server = await TestServer.StartAsync();
        var forms = PortalWallTests.Attempts.Keys.Where(route => route.StartsWith("POST /oauth/", StringComparison.Ordinal) && !route.Contains("authorize", StringComparison.Ordinal))
            .Select(route => (Method: "POST", Path: route[5..], Type: route.EndsWith("info", StringComparison.Ordinal) ? "application/json" : "application/x-www-form-urlencoded"));
        foreach (var (method, path, type) in BodyRoutes.Select(row => (Method: row.Data.Item1, Path: row.Data.Item2, Type: "application/json")).Concat(forms)
            .Append(("POST", Upsert, "application/json\r\nPrefer: respond-async")).Append(("POST", Upsert, "application/x-ndjson\r\nPrefer: respond-async")))
        {
            foreach (var chunk in (string[])["ffffffffffffffff", "7fffffffffffffff", "fffffffff", "nonsense", "-1", "2\r\n{}\r\nfffffffffffffffff"])
            {
                var (status, headers, body) = await server.SendRawAsync($"{method} {path} HTTP/1.1\r\nHost: docket\r\n{Authorization}Content-Type: {type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunk}\r\n");
                Assert.True(status is >= 400 and < 500, $"{method} {path} {chunk}: {status} {body}"); // some look at the path before the body
                AssertEnvelope(headers, body);
            }
        }

        (await server.GetAsync(Tickets)).Expect(200);
    }

    [Fact]
    public async Task What_anybody_may_call_takes_a_few_kilobytes()
    {
        await using var server = await TestServer.StartAsync();
        var open = server.Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<NeedsScope>() is null && PortalWallTests.MethodOf(endpoint) == "POST").ToList();
        Assert.True(open.Count >= 13);
        foreach (var path in open.Select(endpoint => endpoint.RoutePattern.RawText!.Replace("{accountId}", "24000001", StringComparison.Ordinal)).Where(path => !path.Contains("authorize", StringComparison.Ordinal)))
        {
            foreach (var (type, length, body) in ((string, string, string)[])
            [
                ("application/x-www-form-urlencoded", "Content-Length: 9000", ""), // refused before any of it has come
                ("application/json", "Content-Length: 9000", ""),
                ("application/x-www-form-urlencoded", "Transfer-Encoding: chunked", $"2328\r\na={new string('a', 8_998)}\r\n0\r\n\r\n"),
                ("application/json", "Transfer-Encoding: chunked", $"2328\r\n{new string(' ', 9_000)}\r\n0\r\n\r\n"),
            ])
            {
                var readsJson = path.EndsWith("info", StringComparison.Ordinal);
                if (readsJson != (type == "application/json"))
                {
                    continue; // another kind of body is not read at all
                }

                var answer = await server.SendRawAsync($"POST {path} HTTP/1.1\r\nHost: docket\r\nContent-Type: {type}\r\n{length}\r\nConnection: close\r\n\r\n{body}");
                Assert.Equal(413, answer.Status);
                Assert.Contains("Request body is larger than 8192 bytes", answer.Body, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [MemberData(nameof(BodyRoutes))]
    public async Task JSON_that_is_too_deep_is_refused_wherever_it_is_read(string method, string path)
    {
        var server = shared.Server;
        foreach (var depth in (int[])(path.StartsWith("/oauth/", StringComparison.Ordinal) ? [70] : [70, 100_000])) // more is too large there
        {
            var nested = new string('[', depth) + new string(']', depth);
            foreach (var body in (string[])[nested, $$"""{"unknown":{{nested}}}""", $$$"""{"properties":{"subject":{{{nested}}}},"inputs":{{{nested}}},"filters":{{{nested}}},"label":{{{nested}}}}"""])
            {
                var answer = (await server.SendAsync(new HttpMethod(method), path, body)).Expect(400);
                Assert.StartsWith("Invalid input JSON on line 1, column ", answer["message"], StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData($"POST {Upsert} HTTP/1.1\r\nHost: docket\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n", "{\"inputs\":[", true)]
    [InlineData($"POST {Upsert} HTTP/1.1\r\nHost: docket\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nPrefer: respond-async\r\n", "{\"inputs\":[", true)]
    [InlineData("PATCH /docket/v1/settings HTTP/1.1\r\nHost: docket\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "5\r\n{\"sea\r\n", true)]
    [InlineData($"POST {Upsert} HTTP/1.1\r\nHost: docket\r\n", null, false)]
    public async Task A_client_that_stops_in_the_middle_of_a_request_gets_an_error_and_the_connection_is_closed(string start, string? body, bool isDocketsAnswer)
    {
        await using var server = await TestServer.StartAsync(patience: TimeSpan.FromSeconds(1.1));
        // The server ends the connection: reading to its end is the proof.
        var (status, headers, text) = await server.SendRawAsync(start + Authorization + (body is null ? "" : "\r\n" + body));
        Assert.Equal(408, status);
        if (isDocketsAnswer)
        {
            AssertEnvelope(headers, text);
            Assert.Contains("The request body arrived too slowly. Nothing was written", text, StringComparison.Ordinal);
        }

        (await server.GetAsync(Tickets)).Expect(200);
        Assert.Equal(0, (await server.GetAsync("/docket/v1/jobs")).Expect(200).Json!["results"]!.AsArray().Count(job => job!["status"]!.ToString() == "COMPLETE"));
    }

    [Fact]
    public async Task A_body_that_comes_in_small_pieces_is_no_slow_one()
    {
        await using var server = await TestServer.StartAsync();
        var body = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port, TestContext.Current.CancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {Tickets} HTTP/1.1\r\nHost: docket\r\n{Authorization}Content-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"), TestContext.Current.CancellationToken);
        foreach (var letter in body)
        {
            await stream.WriteAsync(new[] { (byte)letter }, TestContext.Current.CancellationToken);
        }

        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 201", await reader.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    static void AssertEnvelope(string headers, string body)
    {
        var envelope = JsonNode.Parse(body[body.IndexOf('{')..(body.LastIndexOf('}') + 1)])!; // without the lengths of its chunks
        Assert.Equal("error", envelope["status"]!.ToString());
        Assert.NotEqual("", envelope["message"]!.ToString());
        Assert.Contains($"X-HubSpot-Correlation-Id: {envelope["correlationId"]}", headers);
    }
}
