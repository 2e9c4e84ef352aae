using System.Net;
using Docket.Tests.Stores;

namespace Docket.Tests.TestKit;

/// <summary>A portal that was brought back is as it was, and nothing that came later is seen.</summary>
[Trait("Engine", "SQLite")]
public sealed class SnapshotTests
{
    const string Portals = "/docket/v1/portals", Snapshots = "/docket/v1/snapshots", Rewind = "/docket/v1/rewind", Tickets = "/crm/v3/objects/tickets", Search = Tickets + "/search";

    [Fact]
    public async Task A_snapshot_says_what_it_is_until_it_is_deleted()
    {
        await using var server = await TestServer.StartAsync();
        var taken = (await server.PostAsync(Snapshots, """{"name":"with tickets"}""")).Expect(201);
        Assert.Equal($$"""{"id":"1","name":"with tickets","portalId":{{server.PortalId}},"createdAt":"2026-03-14T09:26:53.589Z"}""", taken.Text);
        (await server.SendAsync(HttpMethod.Post, Snapshots, null)).Expect(201);
        Assert.Equal(taken.Text, (await server.GetAsync(Snapshots + "/1")).Expect(200).Text);
        Assert.Equal(["1", "2"], (await server.GetAsync(Snapshots)).Expect(200).Json!["results"]!.AsArray().Select(one => one!["id"]!.ToString()));
        (await server.DeleteAsync(Snapshots + "/1")).Expect(204);
        (await server.GetAsync(Snapshots + "/1")).Expect(404);
        (await server.DeleteAsync(Snapshots + "/1")).Expect(404);
        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(404);
        Assert.Equal(1, (await server.GetAsync($"{Portals}/{server.PortalId}/snapshots")).Expect(200).Count("results"));
        Assert.Single(Directory.GetFiles(Path.Combine(server.DataDirectory, "snapshots"), "2.db"));
        Assert.Empty(Directory.GetFiles(Path.Combine(server.DataDirectory, "snapshots"), "1.*"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task On_PostgreSQL_there_are_no_snapshots_and_a_refusal_says_so()
    {
        await using var schema = await PostgresSchema.ChooseAsync();
        await using var server = await TestServer.StartAsync(ephemeral: false, with: options => options with { Store = schema.ConnectionString });
        var own = $"{Portals}/{server.PortalId}";
        foreach (var (path, body) in ((string, string?)[])
            [(Snapshots, "{}"), (Rewind, "{}"), (own + "/snapshots", "{}"), (own + "/rewind", "{}"), (Snapshots, null), (own + "/snapshots", null), (Portals, """{"snapshot":"1"}""")])
        {
            var refused = await server.SendAsync(body is null ? HttpMethod.Get : HttpMethod.Post, path, body);
            Assert.Equal((400, "There are no snapshots of portals in PostgreSQL. Start a server without --store."), (refused.Status, refused["message"]));
        }

        Assert.Equal(1, (await server.GetAsync(Portals)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task After_a_rewind_everything_is_as_it_was()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var first = await CreateAsync(server, "first");
        (await server.PostAsync("/docket/v1/users", """{"email":"ada@example.com"}""")).Expect(201);
        (await server.PatchAsync("/docket/v1/settings", """{"time-zone":"Europe/Berlin"}""")).Expect(200);
        var before = await EverythingAsync(server);
        (await server.SendAsync(HttpMethod.Post, Snapshots, null)).Expect(201);
        var history = (await server.GetAsync("/docket/v1/changes")).Headers.GetValues("Docket-History").Single();

        // The future.
        for (var round = 0; round < 2; round++)
        {
            var second = await CreateAsync(server, "second");
            (await server.PatchAsync($"{Tickets}/{first}", """{"properties":{"subject":"changed"}}""")).Expect(200);
            Assert.Equal(1, (await server.PostAsync(Search, """{"query":"changed"}""")).Expect(200).Count("results"));
            await server.CreatePropertyAsync("later");
            (await server.PostAsync("/docket/v1/users", """{"email":"grace@example.com"}""")).Expect(201);
            (await server.PatchAsync("/docket/v1/settings", """{"time-zone":"UTC"}""")).Expect(200);
            var token = await server.CreateTokenAsync("tickets");
            using var later = server.NewClient(token);
            Assert.Equal(HttpStatusCode.OK, (await later.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
            using var keyed = new HttpRequestMessage(HttpMethod.Post, Tickets) { Content = new StringContent("""{"properties":{"subject":"keyed","hs_pipeline_stage":"1"}}""", null, "application/json") };
            keyed.Headers.Add("Idempotency-Key", "once");
            using var answered = await server.Http.SendAsync(keyed, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.Created, false), (answered.StatusCode, answered.Headers.Contains("Idempotent-Replayed")));

            (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
            Assert.Equal(before, await EverythingAsync(server));
            Assert.Equal(0, (await server.PostAsync(Search, """{"query":"changed"}""")).Expect(200).Count("results"));
            Assert.Equal(first, (await server.PostAsync(Search, """{"query":"first"}""")).Expect(200)["results[0].id"]);
            (await server.GetAsync($"{Tickets}/{second}")).Expect(404);
            Assert.Equal(HttpStatusCode.Unauthorized, (await later.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
            var now = (await server.GetAsync("/docket/v1/changes")).Headers.GetValues("Docket-History").Single();
            Assert.NotEqual(history, now);
            history = now;
        }
    }

    [Fact]
    public async Task Without_a_snapshot_a_portal_goes_back_to_its_beginning()
    {
        await using var server = await TestServer.StartAsync(ephemeral: true);
        await CreateAsync(server, "first");
        (await server.SendAsync(HttpMethod.Post, Rewind, null)).Expect(204);
        Assert.Equal(0, (await server.GetAsync(Tickets)).Expect(200).Count("results"));

        var made = (await server.SendAsync(HttpMethod.Post, Portals, null)).Expect(201);
        using var own = server.NewClient(made["token"]!);
        await PostAsync(own, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", 201);
        await PostAsync(own, Rewind, "{}", 204);
        Assert.Equal("""{"results":[]}""", await own.GetStringAsync(Tickets, TestContext.Current.CancellationToken));
        await PostAsync(own, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", 201);
        (await server.PostAsync($"{Portals}/{made["portalId"]}/rewind", "{}")).Expect(204);
        Assert.Equal("""{"results":[]}""", await own.GetStringAsync(Tickets, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_portal_that_was_there_before_the_server_has_no_beginning_but_may_be_rewound_to_snapshots()
    {
        await using var server = await TestServer.StartAsync();
        var first = await CreateAsync(server, "first");
        Assert.Equal("The portal existed when the server started, so its beginning is unknown. Rewind it to a snapshot.", (await server.PostAsync(Rewind, "{}")).Expect(400)["message"]);
        (await server.GetAsync($"{Tickets}/{first}")).Expect(200);
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        (await server.DeleteAsync($"{Tickets}/{first}")).Expect(204);
        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
        (await server.GetAsync($"{Tickets}/{first}")).Expect(200);
    }

    [Fact]
    public async Task A_portal_from_a_snapshot_begins_with_its_records_and_both_go_their_own_ways()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        (await server.PostAsync(Tickets, """{"properties":{"subject":"first","ext_id":"first","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.PatchAsync("/docket/v1/settings", """{"currency":"EUR"}""")).Expect(200);
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        await CreateAsync(server, "second");
        var made = (await server.PostAsync(Portals, """{"snapshot":"1"}""")).Expect(201);
        (await server.DeleteAsync(Snapshots + "/1")).Expect(204);
        using var own = server.NewClient(made["token"]!);
        Assert.Equal(["first"], await SubjectsAsync(own));
        Assert.Contains("\"currency\":\"EUR\"", await own.GetStringAsync("/docket/v1/settings", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await PostAsync(own, Tickets + "/batch/upsert", """{"inputs":[{"idProperty":"ext_id","id":"first","properties":{"subject":"theirs"}}]}""", 200);
        Assert.Equal(["first", "second"], (await server.GetAsync(Tickets)).Json!["results"]!.AsArray().Select(one => one!["properties"]!["subject"]!.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(["theirs"], await SubjectsAsync(own));
        await PostAsync(own, Rewind, "{}", 204);
        Assert.Equal(["first"], await SubjectsAsync(own));
        Assert.Equal("There is no snapshot 1.", (await server.PostAsync(Portals, """{"snapshot":"1"}""")).Expect(400)["message"]);
    }

    [Fact]
    public async Task A_snapshot_belongs_to_its_portal_and_outlives_it()
    {
        await using var server = await TestServer.StartAsync();
        var made = (await server.SendAsync(HttpMethod.Post, Portals, null)).Expect(201);
        (await server.PostAsync($"{Portals}/{made["portalId"]}/snapshots", "{}")).Expect(201);
        (await server.GetAsync(Snapshots + "/1")).Expect(404);
        (await server.DeleteAsync(Snapshots + "/1")).Expect(404);
        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(404);
        (await server.DeleteAsync($"{Portals}/{made["portalId"]}")).Expect(204);
        (await server.PostAsync(Portals, """{"snapshot":"1"}""")).Expect(201);
        (await server.PostAsync($"{Portals}/{made["portalId"]}/rewind", "{}")).Expect(404);
    }

    [Fact]
    public async Task A_stream_of_changes_ends_with_a_rewind()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/docket/v1/changes");
        request.Headers.Accept.Add(new("text/event-stream"));
        using var plain = new HttpClient { BaseAddress = new Uri(server.Url) };
        plain.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        using var stream = await plain.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await stream.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        await CreateAsync(server, "first");
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.StartsWith("id:", StringComparison.Ordinal))
        {
        }

        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is not null)
            {
            }

            throw new EndOfStreamException();
        });
        await CreateAsync(server, "other");
        Assert.Equal(1, (await server.GetAsync("/docket/v1/changes")).Expect(200).Count("results"));
    }

    [Fact]
    public async Task Jobs_after_a_snapshot_are_gone_and_their_numbers_are_given_again()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        for (var round = 0; round < 2; round++)
        {
            using var later = new HttpRequestMessage(HttpMethod.Post, Tickets + "/batch/create") { Content = new StringContent("""{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", null, "application/json") };
            later.Headers.Add("Prefer", "respond-async");
            using var accepted = await server.Http.SendAsync(later, TestContext.Current.CancellationToken);
            Assert.Equal("1", (await Answer.OfAsync(accepted)).Expect(202)["id"]);
            Assert.Equal("COMPLETE", (await server.EndOfJobAsync("1"))["status"]);
            (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
            Assert.Equal(0, (await server.GetAsync("/docket/v1/jobs")).Expect(200).Count("results"));
        }
    }

    [Fact]
    public async Task An_upload_that_a_rewind_interrupts_ends_and_the_next_job_with_its_number_runs()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        var lines = new System.IO.Pipelines.Pipe();
        using var upload = new HttpRequestMessage(HttpMethod.Post, Tickets + "/batch/create") { Content = new StreamContent(lines.Reader.AsStream()) };
        upload.Content.Headers.ContentType = new("application/x-ndjson");
        upload.Headers.Add("Prefer", "respond-async");
        var answering = server.Http.SendAsync(upload, TestContext.Current.CancellationToken);
        var line = "{\"properties\":{\"subject\":\"a\",\"hs_pipeline_stage\":\"1\"}}\n"u8.ToArray();
        await lines.Writer.WriteAsync(Enumerable.Repeat(line, 200).SelectMany(bytes => bytes).ToArray(), TestContext.Current.CancellationToken);
        while ((await server.GetAsync("/docket/v1/jobs")).Count("results") == 0)
        {
            await Task.Yield(); // until its first inputs have arrived
        }

        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
        await lines.Writer.WriteAsync(line, TestContext.Current.CancellationToken);
        await lines.Writer.CompleteAsync();
        using var refused = await answering;
        Assert.Equal(503, (int)refused.StatusCode);
        Assert.Equal(0, (await server.GetAsync("/docket/v1/jobs")).Expect(200).Count("results"));

        using var later = new HttpRequestMessage(HttpMethod.Post, Tickets + "/batch/create") { Content = new StringContent("""{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", null, "application/json") };
        later.Headers.Add("Prefer", "respond-async");
        using var accepted = await server.Http.SendAsync(later, TestContext.Current.CancellationToken);
        Assert.Equal("COMPLETE", (await server.EndOfJobAsync((await Answer.OfAsync(accepted)).Expect(202)["id"]))["status"]);
        Assert.Equal(1, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task Calls_after_a_snapshot_do_not_count_toward_limits()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"limits-daily":10,"limits-burst":3}""")).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.PostAsync(Snapshots, "{}")).Expect(201);
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.GetAsync(Tickets)).Expect(429);
        (await server.PostAsync(Rewind, """{"snapshot":"1"}""")).Expect(204);
        var answer = (await server.GetAsync(Tickets)).Expect(200);
        Assert.Equal(("8", "2"), (answer.Headers.GetValues("X-HubSpot-RateLimit-Daily-Remaining").Single(), answer.Headers.GetValues("X-HubSpot-RateLimit-Remaining").Single()));
    }

    [Fact]
    public async Task Portals_are_rewound_while_others_are_used()
    {
        await using var server = await TestServer.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var made = (await server.PostAsync(Portals, "{}")).Expect(201);
            using var own = server.NewClient(made["token"]!);
            for (var round = 0; round < 5; round++)
            {
                await PostAsync(own, Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""", 201);
                await PostAsync(own, Search, """{"query":"a"}""", 200);
                Assert.Equal(["a"], await SubjectsAsync(own));
                await PostAsync(own, Rewind, "{}", 204);
                Assert.Empty(await SubjectsAsync(own));
            }
        }));
    }

    static async Task<string> CreateAsync(TestServer server, string subject) =>
        (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{subject}}}","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;

    static async Task PostAsync(HttpClient http, string path, string body, int status)
    {
        using var response = await http.PostAsync(path, new StringContent(body, null, "application/json"), TestContext.Current.CancellationToken);
        (await Answer.OfAsync(response)).Expect(status);
    }

    static async Task<IEnumerable<string>> SubjectsAsync(HttpClient http)
    {
        using var response = await http.GetAsync(Tickets, TestContext.Current.CancellationToken);
        return (await Answer.OfAsync(response)).Expect(200).Json!["results"]!.AsArray().Select(one => one!["properties"]!["subject"]!.ToString());
    }

    static async Task<string> EverythingAsync(TestServer server)
    {
        var all = new List<string>();
        foreach (var path in (string[])
        [
            Tickets + "?propertiesWithHistory=subject", "/crm/v3/properties/tickets", "/crm/v3/pipelines/tickets", "/crm/v3/owners", "/docket/v1/changes", "/docket/v1/jobs", "/docket/v1/settings", "/docket/v1/apps", "/docket/v1/users",
        ])
        {
            all.Add((await server.GetAsync(path)).Expect(200).Text);
        }

        return string.Join('\n', all);
    }
}
