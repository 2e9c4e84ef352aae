namespace Docket.Tests.Owners;

/// <summary>The users of a portal in HubSpot's settings, and as the user of a private app.</summary>
public sealed class PortalUserTests
{
    const string Users = "/settings/v3/users", Info = "/oauth/v2/private-apps/get/access-token-info";

    [Fact]
    public async Task The_users_of_the_portal_are_listed_in_pages_without_those_who_have_left()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(0, (await server.GetAsync(Users)).Expect(200).Count("results"));
        var ada = await AddAsync(server, "ada@example.com");
        var grace = await AddAsync(server, "grace@example.com");
        var left = await AddAsync(server, "left@example.com");
        (await server.PatchAsync($"/docket/v1/users/{left}", """{"archived":true}""")).Expect(200);

        var first = (await server.GetAsync(Users + "?limit=1")).Expect(200);
        var second = (await server.GetAsync($"{Users}?limit=1&after={first["paging.next.after"]}")).Expect(200);
        Assert.Equal((ada, grace, null), (first["results[0].id"], second["results[0].id"], second["paging.next.after"]));
        Assert.Equal("ada@example.com", (await server.GetAsync($"{Users}/{ada}")).Expect(200)["email"]);
        Assert.Equal(grace, (await server.GetAsync($"{Users}/Grace@example.com?idProperty=EMAIL")).Expect(200)["id"]);
        (await server.GetAsync($"{Users}/{left}")).Expect(404);
        Assert.Equal("""{"results":[]}""", (await server.GetAsync(Users + "/teams")).Expect(200).Text);
    }

    // @hubspot/mcp-server 0.4, getUserDetailsTool.js: reads the token's userId, then the owner with this id.
    [Fact]
    public async Task The_user_of_a_private_app_is_an_owner_as_soon_as_there_is_one()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("0", (await server.PostAsync(Info, $$"""{"tokenKey":"{{TestServer.Token}}"}""")).Expect(200)["userId"]);
        await AddAsync(server, "ada@example.com");
        var user = (await server.PostAsync(Info, $$"""{"tokenKey":"{{TestServer.Token}}"}""")).Expect(200)["userId"];
        Assert.Equal("ada@example.com", (await server.GetAsync($"/crm/v3/owners/{user}?idProperty=userId&archived=false")).Expect(200)["email"]);
    }

    static async Task<string?> AddAsync(TestServer server, string email) => (await server.PostAsync("/docket/v1/users", $$"""{"email":"{{email}}"}""")).Expect(201)["id"];
}
