using System.Net;
using System.Text;

namespace Docket.Tests.TestKit;

/// <summary>Faults that calls of a portal meet.</summary>
public sealed class FaultsTests
{
    const string Faults = "/docket/v1/faults", Requests = "/docket/v1/requests", Tickets = "/crm/v3/objects/tickets", Ticket = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";

    [Theory]
    [InlineData("""{"status":401}""", 401, """{"status":"error","message":"The OAuth token used to make this call expired 0 second(s) ago.","correlationId":"~","context":{"expire time":["2026-03-14T09:26:53.589Z"]},"category":"EXPIRED_AUTHENTICATION"}""")]
    [InlineData("""{"status":403}""", 403, """{"status":"error","message":"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.","correlationId":"~","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["tickets"]}}],"links":{"scopes":"https://developers.hubspot.com/scopes"},"category":"MISSING_SCOPES"}""")]
    [InlineData("""{"status":409}""", 409, """{"status":"error","message":"Ticket already exists","correlationId":"~","category":"CONFLICT"}""")]
    [InlineData("""{"status":423}""", 423, """{"status":"error","message":"This resource is currently locked. Try again in a moment.","correlationId":"~","category":"RESOURCE_LOCKED"}""")]
    [InlineData("""{"status":429}""", 429, """{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"~","policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi:private_app-api-calls-ten-secondly:0:24000001","category":"RATE_LIMITS"}""")]
    [InlineData("""{"status":429,"policyName":"DAILY"}""", 429, """{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"~","policyName":"DAILY","requestId":"~","category":"RATE_LIMITS"}""")]
    [InlineData("""{"status":429,"policyName":"SECONDLY"}""", 429, """{"status":"error","message":"You have reached your secondly limit.","errorType":"RATE_LIMIT","correlationId":"~","policyName":"SECONDLY","groupName":"publicapi:search-api-calls-secondly:24000001","category":"RATE_LIMITS"}""")]
    [InlineData("""{"status":477}""", 477, """{"status":"error","message":"This account is being moved to another data center.","correlationId":"~","category":"MIGRATION_IN_PROGRESS"}""")]
    [InlineData("""{"status":500}""", 500, """{"status":"error","message":"internal error","correlationId":"~"}""")]
    [InlineData("""{"status":502}""", 502, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")]
    [InlineData("""{"status":503}""", 503, "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")]
    [InlineData("""{"status":504}""", 504, "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n")]
    public async Task A_call_is_answered_with_an_error_in_HubSpots_form_and_does_nothing(string answer, int status, string body)
    {
        await using var server = await TestServer.StartAsync();
        using var http = Unchecked(server);
        await AddAsync(server, $$"""{"match":{"method":"POST"},"answer":{{answer}},"times":1}""");
        using var response = await http.PostAsync(Tickets, Json(Ticket), TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal((status, body), ((int)response.StatusCode, System.Text.RegularExpressions.Regex.Replace(text, "00000000-0000-7000-8000-[0-9]{12}", "~")));
        Assert.Equal(status is 502 or 503 or 504 ? "text/html" : "application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(status is not (502 or 503 or 504), response.Headers.Contains("X-HubSpot-Correlation-Id"));
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Tickets)).Expect(200).Text);
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        var logged = (await server.GetAsync(Requests + "?method=POST")).Expect(200);
        Assert.Equal((null, "1", Ticket, text), (logged["results[0].fault"], logged["results[1].fault"], logged["results[1].body"], logged["results[1].answer"]));
    }

    [Fact]
    public async Task A_search_is_refused_by_its_own_limit()
    {
        await using var server = await TestServer.StartAsync();
        await AddAsync(server, """{"answer":{"status":429}}""");
        Assert.Equal("SECONDLY", (await server.PostAsync(Tickets + "/search", "{}")).Expect(429)["policyName"]);
        Assert.Equal("TEN_SECONDLY_ROLLING", (await server.GetAsync(Tickets)).Expect(429)["policyName"]);
    }

    [Fact]
    public async Task A_connection_is_cut_before_or_after_the_write()
    {
        await using var server = await TestServer.StartAsync();
        using var http = Unchecked(server);
        await AddAsync(server, """{"match":{"method":"POST"},"answer":{"cut":"before"},"times":1}""");
        await AddAsync(server, """{"match":{"method":"POST"},"answer":{"cut":"after"},"times":1}""");
        foreach (var (count, status) in ((int, int)[])[(0, 0), (1, 201)])
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => http.PostAsync(Tickets, Json(Ticket), TestContext.Current.CancellationToken));
            Assert.Equal(count, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
            Assert.Equal(status, int.Parse((await server.GetAsync(Requests + "?method=POST&limit=1")).Expect(200)["results[0].status"]!));
        }

        (await server.PostAsync(Tickets, Ticket)).Expect(201);
    }

    [Fact]
    public async Task A_call_waits_and_its_answer_is_sent_slowly()
    {
        var clock = new ManualClock { HoldsTimers = true };
        await using var server = await TestServer.StartAsync(clock: clock);
        using var http = Unchecked(server);
        await AddAsync(server, """{"answer":{"delay":60000,"bytesPerSecond":150}}""");
        var timers = clock.Timers;
        var asking = http.GetAsync(Tickets + "/x", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await UntilAsync(() => clock.Timers > timers);
        Assert.False(asking.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(60));
        using var response = await asking;
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        var reading = response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var pieces = 0;
        while (!reading.IsCompleted)
        {
            await UntilAsync(() => reading.IsCompleted || clock.Timers > timers);
            pieces += reading.IsCompleted ? 0 : 1;
            clock.Advance(TimeSpan.FromMilliseconds(100));
        }

        var text = await reading;
        Assert.Contains("OBJECT_NOT_FOUND", text, StringComparison.Ordinal);
        Assert.InRange(pieces, text.Length / 15 - 1, text.Length / 15 + 1);
    }

    [Fact]
    public async Task Rows_of_a_batch_fail_and_the_others_are_carried_out()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await AddAsync(server, """{"answer":{"failRows":[0,2]}}""");
        var made = (await server.PostAsync(Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"},"objectWriteTraceId":"one"},{"properties":{"subject":"b","hs_pipeline_stage":"1"},"objectWriteTraceId":"two"},{"properties":{"subject":"c","hs_pipeline_stage":"1"},"objectWriteTraceId":"three"},{"properties":{"subject":"d","hs_pipeline_stage":"none"},"objectWriteTraceId":"four"}]}""")).Expect(207);
        Assert.Equal((1, "b", 3, "3"), (made.Count("results"), made["results[0].properties.subject"], made.Count("errors"), made["numErrors"]));
        Assert.Equal("""{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"subject\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"subject\",\"localizedErrorMessage\":\"Property \\\"subject\\\" does not exist\",\"portalId\":24000001}]","context":{"objectWriteTraceId":["one"],"index":["0"]}}""", made.Text[made.Text.IndexOf("""{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property""", StringComparison.Ordinal)..made.Text.IndexOf(""",{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"subject\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"subject\",\"localizedErrorMessage\":\"Property \\\"subject\\\" does not exist\",\"portalId\":24000001}]","context":{"objectWriteTraceId":["three"]""", StringComparison.Ordinal)]);
        Assert.Equal(("four", "3"), (made["errors[0].context.objectWriteTraceId[0]"], made["errors[0].context.index[0]"]));
        Assert.StartsWith("""{"status":"COMPLETE","results":[{""", made.Text, StringComparison.Ordinal);
        Assert.Contains("""}],"numErrors":3,"errors":[{""", made.Text, StringComparison.Ordinal);

        var id = made["results[0].id"]!;
        var read = (await server.PostAsync(Tickets + "/batch/read", $$"""{"inputs":[{"id":"{{id}}"}],"properties":[]}""")).Expect(207);
        Assert.Equal((0, "Could not get some TICKET objects, they may be deleted or not exist. Check that ids are valid.", id), (read.Count("results"), read["errors[0].message"], read["errors[0].context.ids[0]"]));
        (await server.PostAsync(Tickets + "/batch/archive", $$"""{"inputs":[{"id":"{{id}}"}]}""")).Expect(204); // has no answer for each row
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
    }

    [Fact]
    public async Task Rows_are_missing_from_an_answer()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 3; i++)
        {
            (await server.PostAsync(Tickets, Ticket)).Expect(201);
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        await AddAsync(server, """{"match":{"path":"**/search"},"answer":{"dropRows":[1,7]},"times":1}""");
        await AddAsync(server, """{"match":{"path":"**/search"},"answer":{"lag":2500},"times":1}""");
        foreach (var (total, last) in ((string, int)[])[("2", 3), ("1", 1), ("3", 3)])
        {
            var found = (await server.PostAsync(Tickets + "/search", "{}")).Expect(200);
            Assert.Equal((total, int.Parse(total), $"1000000000{last}"), (found["total"], found.Count("results"), found[$"results[{int.Parse(total) - 1}].id"]));
        }
    }

    [Fact]
    public async Task The_call_with_a_number_a_share_of_calls_and_those_with_a_value_in_their_body_are_chosen()
    {
        await using var server = await TestServer.StartAsync();
        await AddAsync(server, """{"match":{"method":"GET","call":2},"answer":{"status":500}}""");
        foreach (var status in (int[])[200, 500, 200])
        {
            (await server.GetAsync(Tickets)).Expect(status);
        }

        var third = (await server.GetAsync(Faults + "/1")).Expect(200);
        Assert.Equal(("2", "1", "false"), (third["matched"], third["fired"], third["active"]));
        await AddAsync(server, """{"match":{"body":{"properties.subject":"b"}},"answer":{"status":500}}""");
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        (await server.PostAsync(Tickets, Ticket.Replace("\"a\"", "\"b\"", StringComparison.Ordinal))).Expect(500);
        (await server.DeleteAsync(Faults)).Expect(204);

        List<string> played = [];
        foreach (var seed in (int[])[1, 1, 2])
        {
            await AddAsync(server, $$"""{"match":{"probability":0.4,"seed":{{seed}} },"answer":{"status":500} }""");
            var statuses = "";
            for (var i = 0; i < 50; i++)
            {
                statuses += (await server.GetAsync(Tickets + "?limit=1")).Status == 200 ? "." : "x";
            }

            played.Add(statuses);
            (await server.DeleteAsync(Faults)).Expect(204);
        }

        Assert.Equal(played[0], played[1]);
        Assert.NotEqual(played[0], played[2]);
        Assert.All(played, statuses => Assert.InRange(statuses.Count(status => status == 'x'), 10, 30));
    }

    [Fact]
    public async Task A_fault_ends_after_so_many_calls_or_so_much_time_and_says_how_often_it_fired()
    {
        await using var server = await TestServer.StartAsync();
        var added = await AddAsync(server, """{"match":{"objectType":"ticket"},"answer":{"status":500},"times":2,"for":5000}""");
        Assert.Equal("""{"results":[{"id":"1","match":{"objectType":"ticket"},"answer":{"status":500},"times":2,"for":5000,"matched":0,"fired":0,"active":true,"createdAt":"2026-03-14T09:26:53.589Z"}]}""", added.Text);
        foreach (var status in (int[])[500, 500, 200])
        {
            (await server.GetAsync(Tickets)).Expect(status);
            (await server.GetAsync("/crm/v3/objects/contacts")).Expect(200);
        }

        await AddAsync(server, """{"answer":{"status":500},"for":5000}""");
        (await server.GetAsync(Tickets)).Expect(500);
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        (await server.GetAsync(Tickets)).Expect(200);
        var all = (await server.GetAsync(Faults)).Expect(200);
        Assert.Equal(("2", "false", "1", "false"), (all["results[0].fired"], all["results[0].active"], all["results[1].fired"], all["results[1].active"]));
        (await server.DeleteAsync(Faults + "/1")).Expect(204);
        (await server.DeleteAsync(Faults + "/1")).Expect(404);
        (await server.GetAsync(Faults + "/1")).Expect(404);
        Assert.Equal(1, (await server.GetAsync(Faults)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task A_preset_is_several_faults_and_the_same_seed_plays_the_same()
    {
        await using var server = await TestServer.StartAsync();
        var names = (await server.GetAsync(Faults + "/presets")).Expect(200).Json!["results"]!.AsArray().Select(preset => preset!["name"]!.ToString()).ToList();
        Assert.Equal(["rate-limited", "flaky-gateway", "lost-answers", "expired-token", "slow", "partial-batches", "lost-rows", "stale-search", "hubspot-bad-day"], names);
        using var http = Unchecked(server);
        var played = new Dictionary<string, List<string>>();
        foreach (var name in names.Except(["slow", "hubspot-bad-day"]).Concat(names.Except(["slow", "hubspot-bad-day"])))
        {
            (await server.DeleteAsync(Faults)).Expect(204);
            var added = await AddAsync(server, $$"""{"preset":"{{name}}","seed":7}""");
            Assert.Equal(name, added["results[0].preset"]);
            var statuses = "";
            for (var i = 0; i < 20; i++)
            {
                foreach (var (path, body) in ((string, string)[])[(Tickets, """{"properties":{"subject":"a"}}"""), (Tickets + "/batch/read", """{"inputs":[{"id":"1"}],"properties":[]}"""), (Tickets + "/search", "{}"), (Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"b"}}]}""")])
                {
                    try
                    {
                        using var response = await http.PostAsync(path, Json(body), TestContext.Current.CancellationToken);
                        statuses += (int)response.StatusCode + " ";
                    }
                    catch (HttpRequestException)
                    {
                        statuses += "cut ";
                    }
                }
            }

            played[name] = [.. played.GetValueOrDefault(name) ?? [], statuses];
            var fired = (await server.GetAsync(Faults)).Expect(200).Json!["results"]!.AsArray();
            Assert.Contains(fired, rule => rule!["fired"]!.GetValue<int>() > 0);
        }

        Assert.All(played, one => Assert.Equal(one.Value[0], one.Value[1]));
        Assert.Contains("429", played["rate-limited"][0], StringComparison.Ordinal);
        Assert.Contains("502", played["flaky-gateway"][0], StringComparison.Ordinal);
        Assert.Contains("cut", played["lost-answers"][0], StringComparison.Ordinal);
        Assert.StartsWith("401 ", played["expired-token"][0], StringComparison.Ordinal);
        Assert.Equal(1, played["expired-token"][0].Split("401").Length - 1);
    }

    [Fact]
    public async Task Faults_are_of_their_portal_and_of_HubSpots_paths()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync("/docket/v1/portals", """{"token":"mine"}""")).Expect(201);
        await AddAsync(server, """{"answer":{"status":500}}""");
        using var other = server.NewClient("mine");
        (await Answer.OfAsync(await other.GetAsync(Tickets, TestContext.Current.CancellationToken))).Expect(200);
        (await server.GetAsync(Tickets)).Expect(500);
        (await server.GetAsync("/docket/v1/changes")).Expect(200);
        Assert.Equal("""{"results":[]}""", (await Answer.OfAsync(await other.GetAsync(Faults, TestContext.Current.CancellationToken))).Expect(200).Text);
        (await Answer.OfAsync(await other.DeleteAsync(Faults + "/1", TestContext.Current.CancellationToken))).Expect(404);
    }

    [Theory]
    [InlineData("{}", "A fault has an answer and maybe a match, or else a preset and maybe a seed.")]
    [InlineData("""{"preset":"slow","answer":{"status":500}}""", "A fault has an answer and maybe a match, or else a preset and maybe a seed.")]
    [InlineData("""{"preset":"bad-hair-day"}""", "There is no preset bad-hair-day. Presets: rate-limited, flaky-gateway, lost-answers, expired-token, slow, partial-batches, lost-rows, stale-search, hubspot-bad-day.")]
    [InlineData("""{"answer":{}}""", "An answer has at least one of status, delay, cut, bytesPerSecond, dropRows, lag and failRows.")]
    [InlineData("""{"answer":{"status":418}}""", "status must be one of 401, 403, 409, 423, 429, 477, 500, 502, 503, 504.")]
    [InlineData("""{"answer":{"status":500,"policyName":"DAILY"}}""", "policyName is for status 429.")]
    [InlineData("""{"answer":{"status":500,"cut":"after"}}""", "status and cut exclude each other, and dropRows, lag and failRows; cut also excludes bytesPerSecond.")]
    [InlineData("""{"answer":{"delay":300001}}""", "delay must be from 0 to 300000, bytesPerSecond and lag at least 1, and rows at least 0.")]
    [InlineData("""{"answer":{"status":500},"match":{"status":200}}""", "status and beyondLimit are only known after the answer.")]
    [InlineData("""{"answer":{"status":500},"match":{"probability":1.5}}""", "call must be at least 1, and probability from 0 to 1.")]
    [InlineData("""{"answer":{"status":500},"times":0}""", "times and for must be at least 1.")]
    public async Task What_is_wrong_with_a_fault_is_said_and_it_is_not_added(string body, string message)
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(message, (await server.PostAsync(Faults, body)).Expect(400)["message"]);
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Faults)).Expect(200).Text);
    }

    static async Task<Answer> AddAsync(TestServer server, string fault) => (await server.PostAsync(Faults, fault)).Expect(201);

    /// <summary>A client whose answers may be such as HubSpot has not published.</summary>
    static HttpClient Unchecked(TestServer server)
    {
        var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        return http;
    }

    static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
