using System.IO.Compression;
using System.Net;
using System.Text;

namespace Docket.Tests.TestKit;

/// <summary>The log of a portal's calls, and what tests expect of it.</summary>
public sealed class RequestsTests
{
    const string Requests = "/docket/v1/requests", Expect = Requests + "/expect", Tickets = "/crm/v3/objects/tickets", Ticket = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";

    [Fact]
    public async Task A_call_is_in_the_log_with_its_answer_as_soon_as_a_client_has_the_answer()
    {
        await using var server = await TestServer.StartAsync();
        var made = (await server.PostAsync(Tickets + "?hapikey=deep-secret&a=b", Ticket)).Expect(201);
        var logged = (await server.GetAsync(Requests)).Expect(200);
        Assert.Equal(1, logged.Count("results"));
        Assert.Equal(
            ("1", "2026-03-14T09:26:53.589Z", "0", "POST", Tickets, "hapikey=***&a=b", "0-5", Ticket, "201"),
            (logged["results[0].number"], logged["results[0].time"], logged["results[0].app"], logged["results[0].method"], logged["results[0].path"], logged["results[0].query"], logged["results[0].objectTypeId"], logged["results[0].body"], logged["results[0].status"]));
        Assert.Equal(made.Text, logged["results[0].answer"]);
        Assert.Equal(("Bearer ***", "application/json; charset=utf-8"), (logged["results[0].headers.authorization"], logged["results[0].headers.content-type"]));
        Assert.Equal(made.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), logged["results[0].answerHeaders.x-hubspot-correlation-id"]);
        Assert.DoesNotContain(TestServer.Token, logged.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("deep-secret", logged.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_that_were_refused_are_in_it_with_their_bodies_and_Dockets_own_paths_are_not()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync("/crm/v3/objects/nonsense", Ticket)).Expect(400); // before the body was read
        (await server.PostAsync("/crm/v3/object/tickets", Ticket)).Expect(404); // no such path
        (await server.PostAsync(Tickets, "{")).Expect(400);
        (await server.GetAsync("/docket/v1/changes")).Expect(200);
        var logged = (await server.GetAsync(Requests)).Expect(200);
        Assert.Equal(3, logged.Count("results"));
        Assert.Equal(("{", "404", "400"), (logged["results[0].body"], logged["results[1].status"], logged["results[2].status"]));
        Assert.Equal((Ticket, Ticket), (logged["results[1].body"], logged["results[2].body"]));
        Assert.StartsWith("Invalid input JSON", System.Text.Json.Nodes.JsonNode.Parse(logged["results[0].answer"]!)!["message"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_are_shown_decoded_secrets_of_forms_replaced_and_long_ones_cut()
    {
        await using var server = await TestServer.StartAsync();
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Ticket), TestContext.Current.CancellationToken);
        }

        using var content = new ByteArrayContent(packed.ToArray());
        content.Headers.ContentType = new("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        using var made = await server.Http.PostAsync(Tickets, content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["client_secret"] = "deep-secret", ["a"] = "b" });
        using var refused = await server.Http.PostAsync(Tickets, form, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, refused.StatusCode);
        var (max, sent) = (64 * 1024, $$"""{"properties":{"content":"{{new string('x', 70_000)}}","hs_pipeline_stage":"1"} }""");
        (await server.PostAsync(Tickets, sent)).Expect(400);

        var logged = (await server.GetAsync(Requests)).Expect(200);
        Assert.Equal((Ticket, "client_secret=***&a=b", max), (logged["results[2].body"], logged["results[1].body"], logged["results[0].body"]!.Length));
        Assert.Equal(sent.Length, int.Parse(logged["results[0].bodyBytes"]!));
        Assert.False(logged.Has("results[2].bodyBytes"));
    }

    [Fact]
    public async Task Filters_choose_calls_and_the_newest_come_first()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        (await server.GetAsync(Tickets + "/1")).Expect(404);
        (await server.GetAsync("/crm/v3/objects/contacts")).Expect(200);
        foreach (var (query, numbers) in ((string, string)[])[("", "321"), ("?method=get", "32"), ("?path=/crm/v3/objects/*", "31"), ("?path=/crm/**", "321"), ("?objectType=ticket", "21"), ("?status=404", "2"), ("?app=0&limit=1", "3"), ("?app=1", ""), ("?objectType=nonsense", "")])
        {
            var found = (await server.GetAsync(Requests + query)).Expect(200);
            Assert.Equal(numbers, string.Concat(found.Json!["results"]!.AsArray().Select(call => call!["number"]!.ToString())));
        }

        Assert.Equal("A path has at most 500 characters.", (await server.GetAsync($"{Requests}?path={new string('*', 501)}")).Expect(400)["message"]);
    }

    [Fact]
    public async Task An_expectation_that_holds_answers_with_the_calls()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            (await server.PostAsync(Tickets + "/batch/read", $$"""{"inputs":[{"id":"1"},{"id":"{{i}}"}],"properties":["subject"]}""")).Expect(207);
        }

        Assert.Equal(3, (await server.PostAsync(Expect, """{"match":{"method":"post","path":"/crm/*/objects/tickets/batch/read","objectType":"0-5","app":0,"status":207},"times":3}""")).Expect(200).Count("results"));
        foreach (var (body, count) in ((string, int)[])[("""{"inputs.id":"1"}""", 3), ("""{"inputs.id":2}""", 1), ("""{"inputs.1.id":"1"}""", 1), ("""{"inputs.id":"7"}""", 0), ("""{"inputs.id":"0","properties":"subject"}""", 1)])
        {
            Assert.Equal(count, (await server.PostAsync(Expect, $$$"""{"match":{"body":{{{body}}}},"times":{{{count}}}}""")).Expect(200).Count("results"));
        }

        foreach (var times in (string[])["""{"atLeast":3}""", """{"atMost":3}""", """{"atLeast":1,"atMost":4}""", "null"])
        {
            (await server.PostAsync(Expect, $$"""{"times":{{times}}}""")).Expect(200);
        }
    }

    [Fact]
    public async Task An_expectation_that_fails_says_what_was_expected_and_how_the_nearest_calls_differ()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("Expected at least 1 call that matches {}, found 0 among the 0 in the log.", (await server.PostAsync(Expect, "{}")).Expect(417)["message"]);
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        (await server.GetAsync("/crm/v3/objects/contacts")).Expect(200);
        var few = (await server.PostAsync(Expect, """{"match":{"method":"POST","objectType":"tickets","body":{"properties.subject":"b"}},"times":2}""")).Expect(417);
        Assert.Equal(
            ("""Expected 2 calls that match {"method":"POST","objectType":"tickets","body":{"properties.subject":"b"}}, found 0 among the 2 in the log.""", "EXPECTATION_FAILED", 2),
            (few["message"], few["category"], few.Count("errors")));
        Assert.Equal("""#1 POST /crm/v3/objects/tickets 201: properties.subject is "a" """.TrimEnd(), few["errors[0].message"]);
        Assert.Equal("#2 GET /crm/v3/objects/contacts 200: the method is GET, the object type is contacts, the body has no properties.subject", few["errors[1].message"]);
        var many = (await server.PostAsync(Expect, """{"match":{"path":"/crm/**"},"times":{"atMost":1}}""")).Expect(417);
        Assert.Equal(("""Expected at most 1 call that matches {"path":"/crm/**"}, found 2 among the 2 in the log.""", "#2 GET /crm/v3/objects/contacts 200", "#1 POST /crm/v3/objects/tickets 201"), (many["message"], many["errors[0].message"], many["errors[1].message"]));
        (await server.PostAsync(Expect, """{"times":-1}""")).Expect(400);
        (await server.PostAsync(Expect, """{"times":{"atLeast":3,"atMost":2}}""")).Expect(400);
        (await server.PostAsync(Expect, """{"match":{"call":1}}""")).Expect(400);
    }

    [Fact]
    public async Task Only_as_many_calls_as_the_portal_says_are_kept_and_a_difference_says_that_some_are_gone()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"request-log":"2"}""")).Expect(200);
        for (var i = 0; i < 3; i++)
        {
            (await server.GetAsync($"{Tickets}?limit={i + 1}")).Expect(200);
        }

        var logged = (await server.GetAsync(Requests)).Expect(200);
        Assert.Equal((2, "limit=3", "limit=2"), (logged.Count("results"), logged["results[0].query"], logged["results[1].query"]));
        Assert.EndsWith("1 older calls are no longer in the log.", (await server.PostAsync(Expect, """{"times":3}""")).Expect(417)["message"], StringComparison.Ordinal);
        (await server.DeleteAsync(Requests)).Expect(204);
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Requests)).Expect(200).Text);
        (await server.PatchAsync("/docket/v1/settings", """{"request-log":"0"}""")).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Requests)).Expect(200).Text);
    }

    [Fact]
    public async Task The_bodies_of_a_portal_take_a_few_megabytes_at_most()
    {
        await using var server = await TestServer.StartAsync();
        var large = $$"""{"properties":{"subject":"{{new string('x', 66_000)}}"} }""";
        for (var i = 0; i < 70; i++)
        {
            (await server.PostAsync(Tickets, large)).Expect(400);
        }

        Assert.InRange((await server.GetAsync(Requests)).Expect(200).Count("results"), 50, 64);
    }

    [Fact]
    public async Task Calls_beyond_a_limit_of_HubSpots_are_marked_even_while_limits_are_off()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 101; i++)
        {
            (await server.GetAsync(Tickets + "?limit=1")).Expect(200);
        }

        for (var i = 0; i < 6; i++)
        {
            (await server.PostAsync(Tickets + "/search", "{}")).Expect(200);
        }

        var beyond = (await server.PostAsync(Expect, """{"match":{"beyondLimit":true},"times":2}""")).Expect(200);
        Assert.Equal(("SECONDLY", "TEN_SECONDLY_ROLLING"), (beyond["results[0].beyondLimit"], beyond["results[1].beyondLimit"]));
        server.Clock.Advance(TimeSpan.FromSeconds(10));
        (await server.GetAsync(Tickets + "?limit=2")).Expect(200);
        Assert.False((await server.GetAsync(Requests + "?limit=1")).Has("results[0].beyondLimit"));
    }

    [Fact]
    public async Task Calls_that_the_portals_own_limits_refused_are_marked_too()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"limits":"professional","limits-burst":"2"}""")).Expect(200);
        foreach (var status in (int[])[200, 200, 429])
        {
            (await server.GetAsync(Tickets)).Expect(status);
        }

        Assert.Equal("3", (await server.PostAsync(Expect, """{"match":{"beyondLimit":true,"status":429},"times":1}""")).Expect(200)["results[0].number"]);
    }

    [Fact]
    public async Task A_portal_sees_its_own_calls_and_a_deleted_one_leaves_none()
    {
        await using var server = await TestServer.StartAsync();
        var other = (await server.PostAsync("/docket/v1/portals", """{"token":"mine"}""")).Expect(201);
        using var http = server.NewClient("mine");
        (await Answer.OfAsync(await http.GetAsync(Tickets, TestContext.Current.CancellationToken))).Expect(200);
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Requests)).Expect(200).Text);
        Assert.Equal(1, (await Answer.OfAsync(await http.GetAsync(Requests, TestContext.Current.CancellationToken))).Expect(200).Count("results"));
        (await server.DeleteAsync($"/docket/v1/portals/{other["portalId"]}")).Expect(204);
        (await Answer.OfAsync(await http.GetAsync(Requests, TestContext.Current.CancellationToken))).Expect(401);
    }
}
