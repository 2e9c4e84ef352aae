namespace Docket.Tests.TestKit;

/// <summary>A portal's clock, which tests set, move and freeze: everything with a time in the portal follows it, and nothing elsewhere.</summary>
public sealed class ClockTests
{
    const string Clock = "/docket/v1/clock", Tickets = "/crm/v3/objects/tickets", Ticket = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";

    [Fact]
    public async Task A_clock_is_set_moved_frozen_and_returned_to_the_time_of_the_server()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("""{"now":"2026-03-14T09:26:53.589Z","frozen":false}""", (await server.GetAsync(Clock)).Expect(200).Text);
        Assert.Equal("""{"now":"2027-01-01T00:00:00Z","frozen":false}""", (await PutAsync(server, """{"now":"2027-01-01T00:00:00Z"}""")).Expect(200).Text);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("2027-01-01T00:00:01Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
        Assert.Equal("2027-01-02T02:00:01Z", (await PutAsync(server, """{"advance":"P1DT2H"}""")).Expect(200)["now"]);
        Assert.Equal("2027-01-02T02:00:01.500Z", (await PutAsync(server, """{"advance":500}""")).Expect(200)["now"]);
        Assert.Equal("""{"now":"2027-01-02T02:00:01.500Z","frozen":true}""", (await PutAsync(server, """{"frozen":true}""")).Expect(200).Text);
        server.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal("""{"now":"2027-01-02T02:00:00.500Z","frozen":true}""", (await PutAsync(server, """{"advance":"-PT1S"}""")).Expect(200).Text);
        Assert.Equal("2027-01-02T02:00:00.500Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
        (await PutAsync(server, """{"frozen":false}""")).Expect(200);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("2027-01-02T02:00:01.500Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
        (await server.DeleteAsync(Clock)).Expect(204);
        Assert.Equal("2026-03-14T10:26:55.589Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
    }

    [Theory]
    [InlineData("{}", "Specify now, advance or frozen.")]
    [InlineData("""{"now":"tomorrow"}""", "Invalid value \"tomorrow\" for now: use a time such as 2026-03-14T09:26:53Z, or milliseconds since 1970.")]
    [InlineData("""{"advance":"a day"}""", "Invalid value \"a day\" for advance: use a duration such as P1DT2H, or milliseconds, of at most 36525 days.")]
    [InlineData("""{"advance":"P101Y"}""", "Invalid value \"P101Y\" for advance: use a duration such as P1DT2H, or milliseconds, of at most 36525 days.")]
    [InlineData("""{"now":"1970-01-01T00:00:00Z","advance":-1}""", "The time of a clock is in the years 1970 to 9999.")]
    public async Task Nonsense_is_refused_by_name(string body, string message)
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(message, (await PutAsync(server, body)).Expect(400)["message"]);
        Assert.Equal("""{"now":"2026-03-14T09:26:53.589Z","frozen":false}""", (await server.GetAsync(Clock)).Expect(200).Text);
    }

    [Fact]
    public async Task A_clock_never_shows_a_time_before_the_newest_change()
    {
        await using var server = await TestServer.StartAsync();
        (await PutAsync(server, """{"now":"2020-01-01T00:00:00Z"}""")).Expect(200);
        (await PutAsync(server, """{"advance":"P1D"}""")).Expect(200);
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        Assert.Equal("The newest change of the portal is of 2020-01-02T00:00:00Z. Its clock can't show an earlier time.", (await PutAsync(server, """{"now":"2020-01-01T23:59:59.999Z"}""")).Expect(400)["message"]);
        (await PutAsync(server, """{"now":"2030-01-01T00:00:00Z"}""")).Expect(200);
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        (await server.DeleteAsync(Clock)).Expect(400);
        Assert.Equal("2030-01-01T00:00:00Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
    }

    [Fact]
    public async Task Records_their_history_and_the_times_in_stages_follow_the_clock()
    {
        await using var server = await TestServer.StartAsync();
        (await PutAsync(server, """{"now":"2027-01-01T00:00:00Z","frozen":true}""")).Expect(200);
        var id = (await server.PostAsync(Tickets, Ticket)).Expect(201)["id"];
        (await PutAsync(server, """{"advance":"PT1H"}""")).Expect(200);
        (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"hs_pipeline_stage":"4"}}""")).Expect(200);
        var read = (await server.GetAsync($"{Tickets}/{id}?properties=hs_v2_time_in_1,closed_date,time_to_close&propertiesWithHistory=hs_pipeline_stage")).Expect(200);
        Assert.Equal(("2027-01-01T00:00:00Z", "2027-01-01T01:00:00Z"), (read["createdAt"], read["updatedAt"]));
        Assert.Equal(("2027-01-01T01:00:00Z", "3600000", "2027-01-01T01:00:00Z"), (read["properties.closed_date"], read["properties.time_to_close"], read["propertiesWithHistory.hs_pipeline_stage[0].timestamp"]));
        (await server.GetAsync($"{Tickets}/{id}?asOf=2027-01-01T00:30:00Z")).Expect(200);
        (await server.GetAsync($"{Tickets}/{id}?asOf=2026-12-31T00:00:00Z")).Expect(404);
    }

    [Fact]
    public async Task A_token_that_was_replaced_and_a_limit_expire_with_the_clock_of_their_portal()
    {
        await using var server = await TestServer.StartAsync();
        var app = (await server.PostAsync("/docket/v1/apps", """{"name":"a","scopes":["tickets"]}""")).Expect(201);
        using var old = server.NewClient(app["token"]!);
        (await server.PostAsync($"/docket/v1/apps/{app["id"]}/rotate", """{"graceSeconds":3600}""")).Expect(200);
        Assert.Equal(200, (int)(await old.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
        (await server.PatchAsync("/docket/v1/settings", """{"limits-burst":"2"}""")).Expect(200);
        (await PutAsync(server, """{"frozen":true}""")).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.GetAsync(Tickets)).Expect(429);
        (await PutAsync(server, """{"advance":"PT11S"}""")).Expect(200);
        (await server.GetAsync(Tickets)).Expect(200);
        (await PutAsync(server, """{"advance":"PT1H"}""")).Expect(200);
        Assert.Equal(401, (int)(await old.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task The_lag_of_a_search_is_over_when_the_clock_says_so()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"search-lag":"1m"}""")).Expect(200);
        (await PutAsync(server, """{"frozen":true}""")).Expect(200);
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        Assert.Equal("0", (await server.PostAsync($"{Tickets}/search", "{}")).Expect(200)["total"]);
        (await PutAsync(server, """{"advance":"PT1M1S"}""")).Expect(200);
        while ((await server.PostAsync($"{Tickets}/search", "{}")).Expect(200)["total"] == "0")
        {
            await Task.Delay(10, TestContext.Current.CancellationToken); // the index looks at the clock from time to time
        }
    }

    [Fact]
    public async Task Portals_have_different_times()
    {
        await using var server = await TestServer.StartAsync();
        var other = (await server.PostAsync("/docket/v1/portals", "{}")).Expect(201);
        using var own = server.NewClient(other["token"]!);
        (await Answer.OfAsync(await own.PutAsync(Clock, new StringContent("""{"now":"2030-01-01T00:00:00Z"}""", null, "application/json"), TestContext.Current.CancellationToken))).Expect(200);
        Assert.Equal("2026-03-14T09:26:53.589Z", (await server.GetAsync(Clock)).Expect(200)["now"]);
        Assert.StartsWith("2026-", (await server.PostAsync(Tickets, Ticket)).Expect(201)["createdAt"], StringComparison.Ordinal);
        var posted = await Answer.OfAsync(await own.PostAsync(Tickets, new StringContent(Ticket, null, "application/json"), TestContext.Current.CancellationToken));
        Assert.Equal("2030-01-01T00:00:00Z", posted.Expect(201)["createdAt"]);
    }

    static Task<Answer> PutAsync(TestServer server, string body) => server.SendAsync(HttpMethod.Put, Clock, body);
}
