namespace Docket.Tests.TestKit;

/// <summary>Portals that tests create and delete.</summary>
public sealed class PortalsTests
{
    const string Portals = "/docket/v1/portals", Tickets = "/crm/v3/objects/tickets", Ticket = """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""";

    [Fact]
    public async Task A_new_portal_is_empty_has_its_own_token_and_is_gone_with_everything_when_it_is_deleted()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, Ticket)).Expect(201);
        var made = (await server.PostAsync(Portals, """{"name":"one"}""")).Expect(201);
        Assert.Equal($$"""{"portalId":{{server.PortalId + 1}},"name":"one","token":"{{made["token"]}}","createdAt":"2026-03-14T09:26:53.589Z"}""", made.Text);
        Assert.Equal($"{Portals}/{server.PortalId + 1}", made.Headers.Location!.OriginalString);
        using var own = server.NewClient(made["token"]!);
        Assert.Equal("""{"results":[]}""", await own.GetStringAsync(Tickets, TestContext.Current.CancellationToken));
        Assert.Equal($$"""{"portalId":{{server.PortalId + 1}},"name":"one","createdAt":"2026-03-14T09:26:53.589Z"}""", (await server.GetAsync($"{Portals}/{made["portalId"]}")).Expect(200).Text);
        using var posted = await own.PostAsync(Tickets, new StringContent(Ticket, null, "application/json"), TestContext.Current.CancellationToken);
        Assert.Equal(201, (int)posted.StatusCode);

        (await server.DeleteAsync($"{Portals}/{made["portalId"]}")).Expect(204);
        using var after = await own.GetAsync(Tickets, TestContext.Current.CancellationToken);
        Assert.Equal(401, (int)after.StatusCode);
        (await server.GetAsync($"{Portals}/{made["portalId"]}")).Expect(404);
        (await server.DeleteAsync($"{Portals}/{made["portalId"]}")).Expect(404);
        Assert.Equal(1, (await server.GetAsync(Portals)).Expect(200).Count("results"));
        Assert.Equal(1, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task Without_a_body_a_portal_has_a_random_token_that_may_create_and_delete_portals_too()
    {
        await using var server = await TestServer.StartAsync();
        var (one, two) = ((await server.SendAsync(HttpMethod.Post, Portals, null)).Expect(201), (await server.PostAsync(Portals, "{}")).Expect(201));
        Assert.NotEqual(one["token"], two["token"]);
        using var first = server.NewClient(one["token"]!);
        using var deleted = await first.DeleteAsync($"{Portals}/{two["portalId"]}", TestContext.Current.CancellationToken);
        Assert.Equal(204, (int)deleted.StatusCode);
        using var itself = await first.DeleteAsync($"{Portals}/{one["portalId"]}", TestContext.Current.CancellationToken);
        Assert.Equal(204, (int)itself.StatusCode);
    }

    [Fact]
    public async Task A_given_token_is_the_portals_and_refused_if_another_app_has_it()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("mine", (await server.PostAsync(Portals, """{"token":"mine"}""")).Expect(201)["token"]);
        using var own = server.NewClient("mine");
        (await Answer.OfAsync(await own.GetAsync(Tickets, TestContext.Current.CancellationToken))).Expect(200);
        foreach (var taken in (string[])["mine", TestServer.Token])
        {
            var refused = (await server.PostAsync(Portals, $$"""{"token":"{{taken}}"}""")).Expect(409);
            Assert.Equal(("Another app has this token.", "OBJECT_ALREADY_EXISTS"), (refused["message"], refused["category"]));
        }

        Assert.Equal(2, (await server.GetAsync(Portals)).Count("results"));
    }

    [Fact]
    public async Task Of_portals_created_with_one_token_at_the_same_time_one_is_left()
    {
        await using var server = await TestServer.StartAsync();
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.PostAsync(Portals, """{"token":"mine"}""")));
        Assert.Single(made, answer => answer.Status == 201);
        Assert.Equal(7, made.Count(answer => answer.Status == 409));
        Assert.Equal(2, (await server.GetAsync(Portals)).Count("results"));
    }

    [Theory]
    [InlineData("""{"name":" "}""", "The name of a portal has 1 to 200 characters.")]
    [InlineData("""{"token":"a b"}""", "A token has 1 to 200 characters of ASCII, and no spaces.")]
    [InlineData("""{"token":""}""", "A token has 1 to 200 characters of ASCII, and no spaces.")]
    public async Task What_is_wrong_with_a_portal_is_said_and_none_is_created(string body, string message)
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(message, (await server.PostAsync(Portals, body)).Expect(400)["message"]);
        Assert.Equal(1, (await server.GetAsync(Portals)).Count("results"));
    }

    [Fact]
    public async Task The_first_portal_stays_because_the_servers_token_belongs_to_it()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Portals, "{}")).Expect(201);
        Assert.Equal("The first portal can't be deleted: the server's own token belongs to it.", (await server.DeleteAsync($"{Portals}/{server.PortalId}")).Expect(400)["message"]);
        (await server.GetAsync(Tickets)).Expect(200);
    }

    [Fact]
    public async Task A_server_that_was_not_started_for_tests_does_not_have_the_routes()
    {
        await using var server = await TestServer.StartAsync(with: options => options with { TestKit = false });
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        (await Answer.OfAsync(await http.GetAsync(Portals, TestContext.Current.CancellationToken))).Expect(404);
        Assert.DoesNotContain(Portals, await http.GetStringAsync("/docket/v1/openapi.json", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
