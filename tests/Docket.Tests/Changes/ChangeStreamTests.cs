using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Docket.Tests.Changes;

/// <summary>The change feed as server-sent events, read by a real client.</summary>
public sealed class ChangeStreamTests
{
    const string Tickets = "/crm/v3/objects/tickets", Feed = "/docket/v1/changes";

    [Fact]
    public async Task A_stream_sends_earlier_changes_and_then_each_change_as_it_is_committed()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAsync(server, "one");
        await using var stream = await EventStream.OpenAsync(server);
        AssertEvent(await stream.NextAsync(), 1, "create", "one");

        await CreateAsync(server, "two\nlines");
        AssertEvent(await stream.NextAsync(), 2, "create", "two\nlines");
        (await server.DeleteAsync($"{Tickets}/10000000001")).Expect(204);
        var (id, kind, data) = await stream.NextAsync();
        Assert.Equal(("3", "archive", "10000000001"), (id, kind, data["objectId"]!.ToString()));

        // The same as on a page.
        var page = (await server.GetAsync($"{Feed}?after=2")).Expect(200);
        Assert.Equal(page.Json!["results"]![0]!.ToJsonString(), data.ToJsonString());
    }

    [Fact]
    public async Task A_stream_leaves_out_changes_of_records_that_its_token_may_not_read()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAsync(server, "one");
        (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"firstname":"Ann"}}""")).Expect(201);
        await CreateAsync(server, "two");
        (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"firstname":"Bob"}}""")).Expect(201);
        await using var stream = await EventStream.OpenAsync(server, token: await server.CreateTokenAsync("crm.objects.contacts.read"));
        Assert.Equal(("2", "0-1"), await stream.NextAsync() is var first ? (first.Id, (string?)first.Data["objectType"]) : default);
        Assert.Equal("4", (await stream.NextAsync()).Id);
    }

    [Fact]
    public async Task A_client_that_comes_back_goes_on_where_it_was()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 1; i <= 250; i++)
        {
            await CreateAsync(server, $"{i}");
        }

        await using (var first = await EventStream.OpenAsync(server))
        {
            for (var i = 1; i <= 240; i++) // more than are read at once
            {
                AssertEvent(await first.NextAsync(), i, "create", $"{i}");
            }
        }

        await using var second = await EventStream.OpenAsync(server, "?after=3", lastEventId: "248");
        AssertEvent(await second.NextAsync(), 249, "create", "249");
        AssertEvent(await second.NextAsync(), 250, "create", "250");
    }

    [Fact]
    public async Task A_quiet_stream_gives_signs_of_life()
    {
        await using var server = await TestServer.StartAsync(clock: new ManualClock { HoldsTimers = true });
        var others = server.Clock.Timers;
        await using var stream = await EventStream.OpenAsync(server);
        Assert.Equal(":", await stream.LineAsync());
        for (var heartbeat = 0; heartbeat < 3; heartbeat++)
        {
            await Until(() => server.Clock.Timers > others);
            server.Clock.Advance(TimeSpan.FromSeconds(15));
            Assert.Equal("", await stream.LineAsync());
            Assert.Equal(":", await stream.LineAsync());
        }

        await CreateAsync(server, "after the silence");
        AssertEvent(await stream.NextAsync(), 1, "create", "after the silence");
    }

    [Fact]
    public async Task A_stream_ends_when_the_server_stops_and_does_not_hold_it_up()
    {
        var server = await TestServer.StartAsync();
        await using var stream = await EventStream.OpenAsync(server);
        Assert.Equal(":", await stream.LineAsync());
        var stopping = server.DisposeAsync().AsTask();
        Assert.Equal("", await stream.LineAsync());
        Assert.Null(await stream.LineAsync());
        await stopping.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_client_that_does_not_read_is_cut_off_and_can_go_on_later()
    {
        await using var server = await TestServer.StartAsync(clock: new ManualClock { HoldsTimers = true });
        var others = server.Clock.Timers;
        using var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port, TestContext.Current.CancellationToken);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET {Feed} HTTP/1.1\r\nHost: docket\r\nAuthorization: Bearer {TestServer.Token}\r\nAccept: text/event-stream\r\n\r\n"), TestContext.Current.CancellationToken);
        await Until(() => server.Clock.Timers == others + 1); // waits for changes
        for (var i = 0; i < 200; i++)
        {
            await CreateAsync(server, new string('x', 60_000)); // more than all buffers on the way take
        }

        // Once it has read nothing for half a minute it is cut off. A stream always has a timer, but for moments.
        var gone = 0;
        await Until(() =>
        {
            server.Clock.Advance(TimeSpan.FromSeconds(30));
            gone = server.Clock.Timers == others ? gone + 1 : 0;
            return gone == 20;
        });

        await using var again = await EventStream.OpenAsync(server, lastEventId: "199");
        AssertEvent(await again.NextAsync(), 200, "create", new string('x', 60_000));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_stream_ends_when_its_client_goes()
    {
        await using var server = await TestServer.StartAsync(clock: new ManualClock { HoldsTimers = true });
        var others = server.Clock.Timers;
        await using (var stream = await EventStream.OpenAsync(server))
        {
            Assert.Equal(":", await stream.LineAsync());
            await Until(() => server.Clock.Timers == others + 1);
        }

        await Until(() => server.Clock.Timers == others);
    }

    [Fact]
    public async Task Pages_and_streams_of_many_writers_have_every_change_once_and_in_order()
    {
        await using var server = await TestServer.StartAsync();
        await using var stream = await EventStream.OpenAsync(server);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            for (var i = 0; i < 25; i++)
            {
                await CreateAsync(server, $"{writer}-{i}");
            }
        }));

        var streamed = new List<string>();
        for (var i = 1; i <= 100; i++)
        {
            var (id, _, data) = await stream.NextAsync();
            Assert.Equal($"{i}", id);
            streamed.Add(data.ToJsonString());
        }

        var paged = new List<string>();
        for (var after = "0"; after is not null;)
        {
            var page = (await server.GetAsync($"{Feed}?limit=7&after={after}")).Expect(200);
            paged.AddRange(page.Json!["results"]!.AsArray().Select(entry => entry!.ToJsonString()));
            after = page["paging.next.after"];
        }

        Assert.Equal(streamed, paged);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_page_of_long_texts_ends_early_and_says_that_there_is_more()
    {
        await using var server = await TestServer.StartAsync();
        var text = new string('x', 60_000);
        for (var i = 0; i < 100; i++)
        {
            await CreateAsync(server, text);
        }

        var page = (await server.GetAsync(Feed)).Expect(200);
        var next = page["paging.next.after"]!;
        Assert.InRange(page.Count("results"), 1, 99);
        Assert.Equal($"{page.Count("results")}", next);
        var rest = (await server.GetAsync($"{Feed}?after={next}")).Expect(200);
        Assert.Equal(100, page.Count("results") + rest.Count("results"));
        Assert.False(rest.Has("paging"));
    }

    static async Task CreateAsync(TestServer server, string subject) =>
        (await server.PostAsync(Tickets, new JsonObject { ["properties"] = new JsonObject { ["subject"] = subject, ["hs_pipeline_stage"] = "1" } }.ToJsonString())).Expect(201);

    static void AssertEvent((string Id, string Kind, JsonNode Data) found, long sequence, string kind, string subject)
    {
        Assert.Equal(($"{sequence}", kind, sequence), (found.Id, found.Kind, found.Data["sequence"]!.GetValue<long>()));
        Assert.Equal(subject, found.Data["changes"]!.AsArray().Single(change => change!["property"]!.ToString() == "subject")!["after"]!.ToString());
    }

    static async Task Until(Func<bool> condition)
    {
        for (var tries = 0; !condition(); tries++)
        {
            Assert.True(tries < 1_000);
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A connection that events come over.</summary>
    sealed class EventStream(HttpClient http, HttpResponseMessage response, StreamReader reader) : IAsyncDisposable
    {
        public static async Task<EventStream> OpenAsync(TestServer server, string query = "", string? lastEventId = null, string token = TestServer.Token)
        {
            var http = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Url + Feed + query);
            request.Headers.Add("Authorization", $"Bearer {token}");
            request.Headers.Add("Accept", "text/event-stream");
            if (lastEventId is not null)
            {
                request.Headers.Add("Last-Event-ID", lastEventId);
            }

            var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.ToString());
            return new(http, response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
        }

        /// <summary>The next line, <c>null</c> at the end.</summary>
        public async Task<string?> LineAsync() => await reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(1));

        public async Task<(string Id, string Kind, JsonNode Data)> NextAsync()
        {
            var fields = new Dictionary<string, string>();
            while (fields.Count < 3)
            {
                var line = await LineAsync() ?? throw new EndOfStreamException();
                if (line.Length > 0 && line[0] != ':')
                {
                    fields[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 2)..];
                }
            }

            return (fields["id"], fields["event"], JsonNode.Parse(fields["data"])!);
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            response.Dispose();
            http.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
