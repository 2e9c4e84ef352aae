using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using Docket.Http;
using Docket.Tests.OAuth;

namespace Docket.Tests.Http;

/// <summary>Bodies that come compressed, and answers that go compressed.</summary>
public sealed class EncodingTests
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert", Lines = "application/x-ndjson";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Encodings => ["gzip", "deflate", "br"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_compressed_body_is_what_it_was_before(string encoding)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        (await SendAsync(server, "POST", Tickets, Compress(encoding, """{"properties":{"subject":"é","hs_pipeline_stage":"1"}}"""), encoding)).Expect(201);
        (await SendAsync(server, "PATCH", Tickets + "/10000000001", Compress(encoding, """{"properties":{"subject":"ü"}}"""), encoding.ToUpperInvariant())).Expect(200);
        Assert.Equal("true", (await SendAsync(server, "POST", Upsert, Compress(encoding, Batch(1)), encoding)).Expect(200)["results[0].new"]);
        Assert.Equal("1", (await SendAsync(server, "POST", Tickets + "/search", Compress(encoding, """{"query":"ü"}"""), encoding)).Expect(200)["total"]);
        Assert.Equal("2s", (await SendAsync(server, "PATCH", "/docket/v1/settings", Compress(encoding, """{"search-lag":"2s"}"""), encoding)).Expect(200)["search-lag"]);
        Assert.Equal("BAD_GRANT_TYPE", (await SendAsync(server, "POST", "/oauth/v1/token", Compress(encoding, "grant_type=none"), encoding, "application/x-www-form-urlencoded")).Expect(400)["status"]);
    }

    [Theory]
    [InlineData("identity")]
    [InlineData("Identity, identity")]
    [InlineData(" ")]
    public async Task A_body_that_is_not_compressed_may_say_so(string encoding)
    {
        await using var server = await TestServer.StartAsync();
        (await SendAsync(server, "POST", Tickets + "/search", "{}"u8.ToArray(), encoding)).Expect(200);
    }

    [Fact]
    public async Task Identity_beside_an_encoding_says_nothing()
    {
        await using var server = await TestServer.StartAsync();
        (await SendAsync(server, "POST", Tickets + "/search", Compress("gzip", "{}"), "identity, gzip")).Expect(200);
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("compress")]
    [InlineData("gzip, gzip")]
    [InlineData("nonsense")]
    public async Task Another_encoding_is_refused_with_those_there_are(string encoding)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var (path, prefer) in ((string, string?)[])[(Tickets + "/search", null), (Upsert, null), (Upsert, "respond-async"), ("/oauth/v1/token", null)])
        {
            var answer = (await SendAsync(server, "POST", path, "{}"u8.ToArray(), encoding, prefer: prefer)).Expect(415);
            Assert.Equal($"Unsupported Content-Encoding {encoding}: use one of gzip, deflate, br, or none", answer["message"]);
            Assert.Equal("gzip, deflate, br", string.Join(", ", answer.Headers.GetValues("Accept-Encoding")));
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task What_is_not_what_its_encoding_says_is_a_400_wherever_it_is_read(string encoding)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var whole = Compress(encoding, Batch(50));
        foreach (var body in (byte[][])["{\"inputs\":[]}"u8.ToArray(), whole[..(whole.Length / 2)], [.. whole[..20], 0xff, 0xff, 0xff, 0xff, .. whole[24..]]])
        {
            foreach (var (type, prefer) in ((string, string?)[])[("application/json", null), ("application/json", "respond-async"), (Lines, "respond-async")])
            {
                var answer = (await SendAsync(server, "POST", Upsert, body, encoding, type, prefer)).Expect(400);
                Assert.StartsWith("The request body doesn't match its Content-Encoding, or is incomplete. ", answer["message"], StringComparison.Ordinal);
            }
        }

        (await SendAsync(server, "POST", "/oauth/v1/token", whole[..20], encoding, "application/x-www-form-urlencoded")).Expect(400);
        Assert.Equal(0, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Encodings))]
    public async Task A_bomb_is_refused_when_it_passes_the_limit(string encoding)
    {
        await using var server = await TestServer.StartAsync();
        var bomb = Compress(encoding, new string(' ', RequestBody.BytesMax + 1));
        foreach (var path in (string[])[Tickets, Upsert, Tickets + "/search"])
        {
            var answer = (await SendAsync(server, "POST", path, bomb, encoding)).Expect(413);
            Assert.Equal($"Request body is larger than {RequestBody.BytesMax} bytes", answer["message"]);
        }

        Assert.Equal("Request body is larger than 8192 bytes", (await SendAsync(server, "POST", "/oauth/v2/private-apps/get/access-token-info", bomb, encoding)).Expect(413)["message"]);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Encodings))]
    public async Task A_compressed_batch_can_be_worked_on_later(string encoding)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        foreach (var (type, text, inputs) in ((string, string, int)[])[("application/json", Batch(1_000), 1_000), (Lines, LinesOf(0, 5_000), 5_000)])
        {
            var job = (await SendAsync(server, "POST", Upsert, Compress(encoding, text), encoding, type, "respond-async")).Expect(202)["id"];
            using var wait = new HttpRequestMessage(HttpMethod.Get, $"/docket/v1/jobs/{job}") { Headers = { { "Prefer", "wait=60" } } };
            using var ended = await server.Http.SendAsync(wait, Cancellation);
            var answer = await Answer.OfAsync(ended);
            Assert.Equal(("COMPLETE", $"{inputs}", "0"), (answer["status"], answer["inputs"], answer["failed"]));
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Lines_that_break_off_within_their_encoding_say_what_was_taken_in()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var whole = Compress("gzip", LinesOf(0, 20_000));
        var answer = (await SendAsync(server, "POST", Upsert, whole[..^100], "gzip", Lines, "respond-async")).Expect(400);
        Assert.Matches("^The request body doesn't match its Content-Encoding, or is incomplete. Lines 1 to [0-9]+ were already received, as job 1. Send only the lines after them$", answer["message"]);
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("br", "br")]
    [InlineData("gzip, deflate, br", "br")]
    [InlineData("identity", null)]
    [InlineData("zstd", null)]
    [InlineData(null, null)]
    public async Task An_answer_is_compressed_when_the_client_asks_and_it_is_long(string? accepted, string? encoding)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        (await server.PostAsync(Upsert, Batch(50))).Expect(200);
        var plain = await server.GetAsync(Tickets + "?limit=50");
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) }; // its answers are not to be read as JSON
        http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        foreach (var (path, isLong) in ((string, bool)[])[(Tickets + "?limit=50", true), (Tickets + "?limit=1", false), (Tickets + "/7", false)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);
            using var response = await http.SendAsync(request, Cancellation);
            Assert.Equal(isLong ? encoding : null, response.Content.Headers.ContentEncoding.SingleOrDefault());
            Assert.Equal("origin, Accept-Encoding", string.Join(", ", response.Headers.GetValues("Vary")));
            var body = await response.Content.ReadAsByteArrayAsync(Cancellation);
            Assert.Equal(body.Length, response.Content.Headers.ContentLength ?? body.Length);
            if (isLong)
            {
                Assert.Equal(plain.Text, Encoding.UTF8.GetString(encoding switch { "gzip" => Decompress(new GZipStream(new MemoryStream(body), CompressionMode.Decompress)), "br" => Decompress(new BrotliStream(new MemoryStream(body), CompressionMode.Decompress)), _ => body }));
                Assert.True(encoding is null || body.Length < plain.Text.Length / 4);
            }
        }
    }

    [Fact]
    public async Task Pages_and_streams_of_events_are_never_compressed()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var http = docket.Server.NewClient();
        http.DefaultRequestHeaders.AcceptEncoding.ParseAdd("gzip, br");
        using var page = await http.GetAsync(docket.Authorize, Cancellation);
        Assert.Empty(page.Content.Headers.ContentEncoding);

        (await docket.Server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{new string('x', 5_000)}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
        using var request = new HttpRequestMessage(HttpMethod.Get, docket.Server.Url + "/docket/v1/changes");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        request.Headers.Authorization = new("Bearer", TestServer.Token);
        request.Headers.AcceptEncoding.ParseAdd("gzip, br");
        using var plain = new HttpClient();
        using var stream = await plain.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Empty(stream.Content.Headers.ContentEncoding);
        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(Cancellation));
        Assert.Equal(":", await reader.ReadLineAsync(Cancellation));
        Assert.Equal("", await reader.ReadLineAsync(Cancellation));
        Assert.Equal("id: 1", await reader.ReadLineAsync(Cancellation));
    }

    static string Batch(int inputs) => $$"""{"inputs":[{{string.Join(',', LinesOf(0, inputs).TrimEnd('\n').Split('\n'))}}]}""";

    static string LinesOf(int from, int count) => string.Concat(Enumerable.Range(from, count).Select(i => $$$"""{"id":"K{{{i}}}","idProperty":"ext_id","properties":{"subject":"Ticket {{{i}}}","hs_pipeline_stage":"1"}}""" + "\n"));

    static byte[] Compress(string encoding, string text)
    {
        using var result = new MemoryStream();
        using (Stream stream = encoding switch
        {
            "gzip" => new GZipStream(result, CompressionLevel.Fastest),
            "deflate" => new ZLibStream(result, CompressionLevel.Fastest),
            _ => new BrotliStream(result, CompressionLevel.Fastest),
        })
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
        }

        return result.ToArray();
    }

    static byte[] Decompress(Stream stream)
    {
        using var result = new MemoryStream();
        stream.CopyTo(result);
        return result.ToArray();
    }

    static async Task<Answer> SendAsync(TestServer server, string method, string path, byte[] body, string encoding, string type = "application/json", string? prefer = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        request.Content.Headers.ContentType = new(type);
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }

        using var response = await server.Http.SendAsync(request, Cancellation);
        return await Answer.OfAsync(response);
    }
}
