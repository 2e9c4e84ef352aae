using Docket.Model.Types;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Limits;

/// <summary>Limits as a client meets them. Headers and bodies are in <c>Conversations/limits.hurl</c>.</summary>
public sealed class RateLimiterTests
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    const string Tickets = "/crm/v3/objects/tickets", Settings = "/docket/v1/settings", Usage = "/account-info/v3/api-usage/daily/private-apps";

    [Fact]
    public async Task Without_limits_no_header_mentions_them_and_calls_are_still_counted()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 300; i++)
        {
            var answer = (await server.GetAsync(Tickets)).Expect(200);
            Assert.DoesNotContain(answer.Headers, header => header.Key.Contains("RateLimit", StringComparison.OrdinalIgnoreCase));
        }

        var usage = (await server.GetAsync(Usage)).Expect(200);
        Assert.Equal(("301", "2147483647"), (usage["results[0].currentUsage"], usage["results[0].usageLimit"]));
    }

    [Fact]
    public async Task Whatever_had_a_good_token_counts_and_nothing_else_does()
    {
        await using var server = await TestServer.StartAsync();
        await LimitAsync(server, """{"limits-daily":"1000"}""");
        using var stranger = server.NewClient();
        Assert.Equal(401, (int)(await stranger.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
        (await server.GetAsync("/crm/v3/nowhere")).Expect(404);
        (await server.GetAsync(Settings)).Expect(200);
        (await server.GetAsync("/docket/v1/changes")).Expect(200);
        Assert.Equal("1", (await server.GetAsync(Usage))["results[0].currentUsage"]);

        (await server.GetAsync("/crm/v3/objects/nonsense")).Expect(400);
        (await server.PostAsync(Tickets, "nonsense")).Expect(400);
        (await server.PostAsync(Tickets + "/search", "{}")).Expect(200);
        (await server.GetAsync("/crm/objects/2026-03/tickets/7")).Expect(404);
        (await server.GetAsync("/integrations/v1/me")).Expect(200);
        using var unscoped = server.NewClient(await server.CreateTokenAsync());
        Assert.Equal(403, (int)(await unscoped.GetAsync(Tickets, TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal("8", (await server.GetAsync(Usage))["results[0].currentUsage"]);
    }

    [Fact]
    [Behaviour("any endpoint", "a burst is of each app, a day of all private apps of the portal", "docs", "auth-limits-webhooks-imports.md 2.1")]
    public async Task Two_apps_have_a_burst_each_and_share_the_day()
    {
        await using var server = await TestServer.StartAsync();
        using var other = server.NewClient(await server.CreateTokenAsync(ScopeNames.All));
        await LimitAsync(server, """{"limits-burst":"2","limits-daily":"5"}""");
        Assert.Equal("200 200 429", await StatusesAsync(server.Http, server.Http, server.Http));
        Assert.Equal("200 200 429", await StatusesAsync(other, other, other));
        server.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("200 429 429", await StatusesAsync(other, other, server.Http));
        Assert.Equal("DAILY", (await server.GetAsync(Tickets)).Expect(429)["policyName"]);
    }

    [Fact]
    public async Task Another_portal_has_a_day_and_limits_of_its_own()
    {
        await using var server = await TestServer.StartAsync();
        string token;
        await using (var portals = await server.OpenPortalsAsync())
        {
            token = (await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("other")).Id, "other", ScopeNames.All)).Token;
        }

        using var other = server.NewClient(token);
        await LimitAsync(server, """{"limits-daily":"1"}""");
        Assert.Equal("200 429", await StatusesAsync(server.Http, server.Http));
        Assert.Equal("200 200", await StatusesAsync(other, other));
    }

    [Fact]
    public async Task Many_at_once_are_let_in_exactly_as_often_as_the_limit_says()
    {
        await using var server = await TestServer.StartAsync();
        await LimitAsync(server, """{"limits-burst":"50","limits-daily":"60"}""");
        var statuses = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => StatusAsync(server.Http)));
        Assert.Equal((50, 150), (statuses.Count(status => status == 200), statuses.Count(status => status == 429)));
        server.Clock.Advance(TimeSpan.FromSeconds(10));
        statuses = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => StatusAsync(server.Http)));
        Assert.Equal((10, 190), (statuses.Count(status => status == 200), statuses.Count(status => status == 429)));
    }

    [Fact]
    public async Task The_count_of_the_day_outlives_a_restart_and_ends_with_the_day()
    {
        var directory = Directory.CreateTempSubdirectory("docket-limits-").FullName;
        try
        {
            ManualClock clock;
            await using (var server = await TestServer.StartAsync(directory))
            {
                await LimitAsync(server, """{"limits-daily":"3","time-zone":"Europe/Berlin"}""");
                (await server.GetAsync(Tickets)).Expect(200);
                (await server.GetAsync(Tickets)).Expect(200);
                clock = server.Clock;
            }

            clock.Advance(TimeSpan.FromHours(13)); // 22:26 in UTC, 23:26 in Berlin
            await using (var server = await TestServer.StartAsync(directory, clock: clock))
            {
                Assert.Equal("0", (await server.GetAsync(Tickets)).Expect(200).Headers.GetValues("X-HubSpot-RateLimit-Daily-Remaining").Single());
                (await server.GetAsync(Tickets)).Expect(429);
            }

            clock.Advance(TimeSpan.FromHours(1));
            await using (var server = await TestServer.StartAsync(directory, clock: clock))
            {
                Assert.Equal("2", (await server.GetAsync(Tickets)).Expect(200).Headers.GetValues("X-HubSpot-RateLimit-Daily-Remaining").Single());
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task The_count_of_the_day_is_also_written_down_now_and_then()
    {
        var directory = Directory.CreateTempSubdirectory("docket-limits-").FullName;
        try
        {
            var clock = new ManualClock { HoldsTimers = true };
            await using var server = await TestServer.StartAsync(directory, clock: clock);
            (await server.GetAsync(Tickets)).Expect(200);
            await using var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory));
            Assert.Empty(await portals.Usage.LoadAsync(Cancellation));
            clock.Advance(TimeSpan.FromMinutes(1));
            while (await portals.Usage.LoadAsync(Cancellation) is [])
            {
                await Task.Delay(10, TestContext.Current.CancellationToken); // it is saved during requests
            }

            Assert.Equal([new((await portals.ListAsync(Cancellation))[0].Id, new DateOnly(2026, 3, 14), 1)], await portals.Usage.LoadAsync(Cancellation));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Limits_hold_from_the_next_request_and_end_with_it()
    {
        await using var server = await TestServer.StartAsync();
        (await server.GetAsync(Tickets)).Expect(200);
        await LimitAsync(server, """{"limits":"free","limits-burst":"1"}""");
        (await server.GetAsync(Tickets)).Expect(200);
        (await server.GetAsync(Tickets)).Expect(429);
        await LimitAsync(server, """{"limits-burst":"profile"}""");
        Assert.Equal("98", (await server.GetAsync(Tickets)).Expect(200).Headers.GetValues("X-HubSpot-RateLimit-Remaining").Single());
        await LimitAsync(server, """{"limits":"off"}""");
        Assert.False((await server.GetAsync(Tickets)).Expect(200).Headers.Contains("X-HubSpot-RateLimit-Remaining"));
    }

    static async Task LimitAsync(TestServer server, string settings) => (await server.PatchAsync(Settings, settings)).Expect(200);

    // One after the other.
    static async Task<string> StatusesAsync(params HttpClient[] callers)
    {
        var statuses = new List<int>();
        foreach (var http in callers)
        {
            statuses.Add(await StatusAsync(http));
        }

        return string.Join(' ', statuses);
    }

    static async Task<int> StatusAsync(HttpClient http)
    {
        using var response = await http.GetAsync(Tickets, TestContext.Current.CancellationToken);
        return (int)response.StatusCode;
    }
}
