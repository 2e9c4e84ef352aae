using Docket.Access;
using Docket.Model;
using Docket.Model.Types;
using Docket.Tests.Stores;

namespace Docket.Tests.Access;

/// <summary>Apps and users of a portal, as its operators manage them.</summary>
public sealed class AppTests(SharedServer shared) : IClassFixture<SharedServer>
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    const string Apps = "/docket/v1/apps", Users = "/docket/v1/users", Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task A_private_app_has_a_token_and_history_names_the_app()
    {
        await using var server = await TestServer.StartAsync();
        var app = (await server.PostAsync(Apps, """{"name":"Importer","scopes":["tickets","contacts"]}""")).Expect(201);
        Assert.Equal(("Importer", "private", null), (app["name"], app["type"], app["clientId"]));
        Assert.Matches("^pat-na1-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", app["token"]);
        using var http = server.NewClient(app["token"]!);
        var ticket = await SendAsync(http, HttpMethod.Post, Tickets, """{"properties":{"subject":"by the importer","hs_pipeline_stage":"1"}}""");
        var read = (await server.GetAsync($"{Tickets}/{ticket.Expect(201)["id"]}?properties=hs_object_source_id&propertiesWithHistory=subject")).Expect(200);
        Assert.Equal((app["id"], app["id"]), (read["properties.hs_object_source_id"], read["propertiesWithHistory.subject[0].sourceId"]));
        Assert.Null((await server.GetAsync($"{Apps}/{app["id"]}")).Expect(200)["token"]);
    }

    [Fact]
    public async Task What_an_app_may_do_changes_with_the_next_request()
    {
        await using var server = await TestServer.StartAsync();
        var app = (await server.PostAsync(Apps, """{"name":"Reader","scopes":["crm.objects.tickets.read"]}""")).Expect(201);
        using var http = server.NewClient(app["token"]!);
        (await SendAsync(http, HttpMethod.Get, Tickets)).Expect(200);
        (await SendAsync(http, HttpMethod.Post, Tickets, "{}")).Expect(403);
        (await server.PatchAsync($"{Apps}/{app["id"]}", """{"scopes":["tickets"],"name":"Writer"}""")).Expect(200);
        (await SendAsync(http, HttpMethod.Post, Tickets, """{"properties":{"hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.DeleteAsync($"{Apps}/{app["id"]}")).Expect(204);
        (await SendAsync(http, HttpMethod.Get, Tickets)).Expect(401);
        (await server.DeleteAsync($"{Apps}/{app["id"]}")).Expect(404);
    }

    [Fact]
    public async Task A_replaced_token_works_until_its_grace_is_over()
    {
        await using var server = await TestServer.StartAsync();
        var app = (await server.PostAsync(Apps, """{"name":"Rotated","scopes":["tickets"]}""")).Expect(201);
        var rotated = (await server.PostAsync($"{Apps}/{app["id"]}/rotate", """{"graceSeconds":60}""")).Expect(200)["token"]!;
        Assert.NotEqual(app["token"], rotated);
        using var before = server.NewClient(app["token"]!);
        using var after = server.NewClient(rotated);
        (await SendAsync(before, HttpMethod.Get, Tickets)).Expect(200);
        server.Clock.Advance(TimeSpan.FromSeconds(59));
        (await SendAsync(before, HttpMethod.Get, Tickets)).Expect(200);
        server.Clock.Advance(TimeSpan.FromSeconds(62));
        var refused = (await SendAsync(before, HttpMethod.Get, Tickets)).Expect(401);
        Assert.Equal(("EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired 1 minute(s) ago."), (refused["category"], refused["message"]));
        (await SendAsync(after, HttpMethod.Get, Tickets)).Expect(200);

        var last = (await server.PostAsync($"{Apps}/{app["id"]}/rotate", "{}")).Expect(200)["token"]!;
        (await SendAsync(after, HttpMethod.Get, Tickets)).Expect(401);
        using var newest = server.NewClient(last);
        (await SendAsync(newest, HttpMethod.Get, Tickets)).Expect(200);
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"name":" "}""")]
    [InlineData("""{"name":"a","scopes":["Tickets and more"]}""")]
    [InlineData("""{"name":"a","scopes":[null]}""")]
    [InlineData("""{"name":"a","redirectUris":[]}""")]
    [InlineData("""{"name":"a","redirectUris":["/relative"]}""")]
    [InlineData("""{"name":"a","redirectUris":["http://example.com/back"]}""")]
    [InlineData("""{"name":"a","redirectUris":["https://example.com/back#part"]}""")]
    [InlineData("""{"name":"a","redirectUris":["https://user@example.com/back"]}""")]
    [InlineData("""{"name":"a","redirectUris":["javascript:alert(1)"]}""")]
    [InlineData("""{"name":"a","redirectUris":["https://exämple.com/back"]}""")]
    [InlineData("""{"name":"a","redirectUris":[" https://example.com/back"]}""")]
    [InlineData("""{"name":"a","nonsense":1}""")]
    [InlineData("""[]""")]
    public async Task What_can_be_no_app_is_refused(string json)
    {
        var server = shared.Server;
        Assert.NotNull((await server.PostAsync(Apps, json)).Expect(400)["message"]);
        Assert.Equal(0, (await server.GetAsync(Apps)).Expect(200).Count("results"));
    }

    [Fact]
    public async Task An_app_and_a_user_of_another_portal_are_not_there()
    {
        await using var server = await TestServer.StartAsync();
        var app = (await server.PostAsync(Apps, """{"name":"Mine","redirectUris":["https://example.com/back"]}""")).Expect(201);
        var user = (await server.PostAsync(Users, """{"email":"ann@example.com"}""")).Expect(201);
        await using var portals = await server.OpenPortalsAsync();
        using var other = server.NewClient((await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("other")).Id, "other", ScopeNames.All)).Token);
        foreach (var (method, path) in ((HttpMethod, string)[])
            [
                (HttpMethod.Get, $"{Apps}/{app["id"]}"), (HttpMethod.Patch, $"{Apps}/{app["id"]}"), (HttpMethod.Delete, $"{Apps}/{app["id"]}"), (HttpMethod.Post, $"{Apps}/{app["id"]}/rotate"),
                (HttpMethod.Get, $"{Users}/{user["id"]}"), (HttpMethod.Patch, $"{Users}/{user["id"]}"),
            ])
        {
            (await SendAsync(other, method, path, method == HttpMethod.Get ? null : "{}")).Expect(404);
        }

        Assert.Equal(1, (await SendAsync(other, HttpMethod.Get, Apps)).Expect(200).Count("results"));
        Assert.Equal(0, (await SendAsync(other, HttpMethod.Get, Users)).Expect(200).Count("results"));
        Assert.Equal("Mine", (await server.GetAsync($"{Apps}/{app["id"]}")).Expect(200)["name"]);
    }

    [Fact]
    public async Task Users_are_added_changed_and_archived_and_their_passwords_never_shown()
    {
        await using var server = await TestServer.StartAsync();
        var ann = (await server.PostAsync(Users, """{"email":"ann@example.com","firstName":"Ann","password":"correct horse"}""")).Expect(201);
        Assert.Equal("OBJECT_ALREADY_EXISTS", (await server.PostAsync(Users, """{"email":"Ann@Example.com"}""")).Expect(409)["category"]);
        (await server.PostAsync(Users, """{"email":"bob@example.com"}""")).Expect(201);
        (await server.PatchAsync($"{Users}/{ann["id"]}", """{"email":"bob@example.com"}""")).Expect(409);
        var changed = (await server.PatchAsync($"{Users}/{ann["id"]}", """{"lastName":"Lee","archived":true,"password":"another horse"}""")).Expect(200);
        Assert.Equal(("ann@example.com", "Ann", "Lee", "true"), (changed["email"], changed["firstName"], changed["lastName"], changed["archived"]));
        Assert.DoesNotContain("horse", ann.Text + changed.Text, StringComparison.Ordinal);
        await using var portals = await server.OpenPortalsAsync();
        Assert.Empty(await portals.Users.FindSignInsAsync("ann@example.com", Cancellation));
        (await server.PatchAsync($"{Users}/{ann["id"]}", """{"archived":false}""")).Expect(200);
        var (_, hash) = Assert.Single(await portals.Users.FindSignInsAsync("ANN@example.com", Cancellation));
        Assert.True(Passwords.Same(hash, Passwords.Hash("another horse", Passwords.SaltOf(hash))));
        Assert.False(Passwords.Same(hash, Passwords.Hash("correct horse", Passwords.SaltOf(hash))));
        Assert.Empty(await portals.Users.FindSignInsAsync("bob@example.com", Cancellation)); // has no password
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"email":"nonsense"}""")]
    [InlineData("""{"email":"Ann <ann@example.com>"}""")]
    [InlineData("""{"email":"ann@example.com","password":"short"}""")]
    public async Task What_can_be_no_user_is_refused(string json)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Users, json)).Expect(400);
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task Tokens_of_before_there_were_apps_go_on_working()
    {
        var directory = Directory.CreateTempSubdirectory("docket-apps-").FullName;
        var (all, read) = (Secrets.NewToken(), Secrets.NewToken());
        using (var registry = OldFiles.Registry(directory, 2))
        {
            using var insert = registry.Prepare("INSERT INTO token (portal, name, hash, hint, scopes, created, revoked) VALUES (24000001, ?, ?, '', ?, 1, ?)");
            insert.Bind("all").Bind(Secrets.Hash(all)).Bind(15).BindNull().Run();
            insert.Bind("read").Bind(Secrets.Hash(read)).Bind(5).BindNull().Run();
            insert.Bind("gone").Bind(Secrets.Hash("gone")).Bind(15).Bind(2).Run();
        }

        await using (var server = await TestServer.StartAsync(directory))
        {
            using var powerful = server.NewClient(all);
            using var reader = server.NewClient(read);
            using var gone = server.NewClient("gone");
            var apps = (await SendAsync(powerful, HttpMethod.Get, Apps)).Expect(200);
            Assert.Equal(["all", "read"], apps.Json!["results"]!.AsArray().Select(app => app!["name"]!.ToString()));
            Assert.Equal("[\"crm.objects.tickets.read\",\"crm.schemas.tickets.read\"]", apps.Json["results"]![1]!["scopes"]!.ToJsonString());
            (await SendAsync(reader, HttpMethod.Get, Tickets)).Expect(200);
            (await SendAsync(reader, HttpMethod.Post, Tickets, "{}")).Expect(403);
            (await SendAsync(gone, HttpMethod.Get, Tickets)).Expect(401);
        }

        Directory.Delete(directory, recursive: true);
    }

    static async Task<Answer> SendAsync(HttpClient http, HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, System.Text.Encoding.UTF8, "application/json") };
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }
}
