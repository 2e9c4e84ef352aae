using System.Text;
using Docket.Tests.Compatibility;

namespace Docket.Tests.OAuth;

/// <summary>Codes and tokens: what they open, for how long, and what ends them.</summary>
public sealed class TokenTests
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    const string Tickets = "/crm/v3/objects/tickets", Unknown = "INVALID_AUTHENTICATION", Expired = "EXPIRED_AUTHENTICATION";

    // RFC 7636, appendix B.
    const string Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", Challenge = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    public static TheoryData<string> Versions => ["v1", "v3", "2026-03", "2026-09"];

    [Theory]
    [MemberData(nameof(Versions))]
    [Behaviour("OAuth", "a code gives tokens, a refresh the same refresh token again and another access token; earlier ones go on", "spec, docs, observed", "auth-limits-webhooks-imports.md 1.3")]
    public async Task A_code_gives_tokens_and_the_refresh_token_more_of_them(string version)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var first = (await docket.ExchangeAsync(await docket.CodeAsync(), version: version)).Expect(200);
        Assert.Equal(
            $$"""{"token_type":"bearer","refresh_token":"{{first["refresh_token"]}}","access_token":"{{first["access_token"]}}","expires_in":1800,"token_use":"access_token","hub_id":24000001,"user_id":{{docket.UserId}},"scopes":["tickets","oauth"]}""",
            first.Text);
        Assert.Matches("^na1-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", first["refresh_token"]);
        Assert.Matches("^[A-Za-z0-9_-]{64}$", first["access_token"]);
        var second = (await docket.RefreshAsync(first["refresh_token"]!, version)).Expect(200);
        Assert.Equal(first.Text.Replace(first["access_token"]!, second["access_token"]!, StringComparison.Ordinal), second.Text);
        Assert.NotEqual(first["access_token"], second["access_token"]);
        (await docket.CallAsync(HttpMethod.Get, Tickets, first["access_token"])).Expect(200);
        (await docket.CallAsync(HttpMethod.Get, Tickets, second["access_token"])).Expect(200);
    }

    [Fact]
    public async Task An_access_token_does_what_was_agreed_to_and_history_names_the_app()
    {
        await using var docket = await OAuthDocket.StartAsync(scopes: "\"crm.objects.tickets.write\",\"crm.objects.tickets.read\",\"docket.manage\"");
        var token = (await docket.TokensAsync(docket.AuthorizeWith(scope: "crm.objects.tickets.write crm.objects.tickets.read docket.manage")))["access_token"];
        var made = (await docket.CallAsync(HttpMethod.Post, Tickets, token, """{"properties":{"subject":"by the app","hs_pipeline_stage":"1"}}""")).Expect(201);
        var read = (await docket.CallAsync(HttpMethod.Get, $"{Tickets}/{made["id"]}?properties=hs_object_source_id&propertiesWithHistory=subject", token)).Expect(200);
        Assert.Equal((docket.AppId, docket.AppId), (read["properties.hs_object_source_id"], read["propertiesWithHistory.subject[0].sourceId"]));
        (await docket.CallAsync(HttpMethod.Get, "/crm/v3/properties/tickets", token)).Expect(403);

        // Users have no say in the portal's management, so they can't pass it on.
        (await docket.CallAsync(HttpMethod.Get, "/docket/v1/apps", token)).Expect(403);
    }

    [Fact]
    public async Task An_app_is_let_into_the_portal_of_the_user_whosever_app_it_is()
    {
        await using var docket = await OAuthDocket.StartAsync();
        long other;
        string bob;
        await using (var portals = await docket.Server.OpenPortalsAsync())
        {
            other = (await portals.CreateAsync("other")).Id;
            var user = (await portals.Users.AddAsync(other, "bob@example.com", "", ""))!;
            await Docket.Access.Passwords.SetAsync(portals.Users, user, "battery staple", Cancellation);
            bob = user.Id.ToString();
        }

        var ann = (await docket.TokensAsync())["access_token"];
        var mine = (await docket.CallAsync(HttpMethod.Post, Tickets, ann, """{"properties":{"subject":"mine","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var tokens = (await docket.ExchangeAsync(await docket.CodeAsync(email: "bob@example.com"))).Expect(200);
        Assert.Equal((other.ToString(), bob), (tokens["hub_id"], tokens["user_id"]));
        Assert.Equal(0, (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200).Count("results"));
        (await docket.CallAsync(HttpMethod.Get, $"{Tickets}/{mine}", tokens["access_token"])).Expect(404);
        var made = (await docket.CallAsync(HttpMethod.Post, Tickets, tokens["access_token"], """{"properties":{"subject":"theirs","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(docket.AppId, (await docket.CallAsync(HttpMethod.Get, $"{Tickets}/{made["id"]}?properties=hs_object_source_id", tokens["access_token"]))["properties.hs_object_source_id"]);

        // Removed from one portal it stays in the other.
        (await docket.CallAsync(HttpMethod.Delete, "/appinstalls/v3/external-install", tokens["access_token"])).Expect(204);
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"]));
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(tokens["refresh_token"]!));
        Assert.Equal(1, (await docket.CallAsync(HttpMethod.Get, Tickets, ann)).Expect(200).Count("results"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    [Behaviour("OAuth", "errors have HubSpot's `status` and `message` and RFC 6749's `error` and `error_description`, on every version", "docs, observed, decide", "auth-limits-webhooks-imports.md 1.5")]
    public async Task What_is_wrong_is_reported_in_the_words_of_hubspot(string version)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var other = (await docket.Server.PostAsync("/docket/v1/apps", $$"""{"name":"Other","scopes":[],"redirectUris":["{{OAuthDocket.Back}}"]}""")).Expect(201);
        var (code, refresh) = (await docket.CodeAsync(), (await docket.TokensAsync())["refresh_token"]!);
        (string, string)[] id = [docket.Client[0]], others = [("client_id", other["clientId"]!), ("client_secret", other["clientSecret"]!)], wrong = [docket.Client[0], ("client_secret", other["clientSecret"]!)];
        (string, string) byCode = ("grant_type", "authorization_code"), byToken = ("grant_type", "refresh_token"), redirect = ("redirect_uri", OAuthDocket.Back);
        foreach (var (status, error, fields) in ((string, string, (string, string)[])[])
            [
                ("BAD_GRANT_TYPE", "unsupported_grant_type", []),
                ("BAD_GRANT_TYPE", "unsupported_grant_type", [("grant_type", "password"), .. docket.Client]),
                ("BAD_GRANT_TYPE", "unsupported_grant_type", [("grant_type", "client_credentials"), .. docket.Client]),
                ("BAD_GRANT_TYPE", "unsupported_grant_type", [byCode, byCode, .. docket.Client, ("code", code), redirect]),
                ("BAD_CLIENT_ID", "invalid_client", [byCode, ("code", code), redirect]),
                ("BAD_CLIENT_ID", "invalid_client", [byCode, ("client_id", "nobody"), docket.Client[1], ("code", code), redirect]),
                ("BAD_CLIENT_SECRET", "invalid_client", [byCode, .. id, ("code", code), redirect]),
                ("BAD_CLIENT_SECRET", "invalid_client", [byCode, .. wrong, ("code", code), redirect]),
                ("BAD_CLIENT_SECRET", "invalid_client", [byToken, .. wrong, ("refresh_token", refresh)]),
                ("BAD_REDIRECT_URI", "invalid_request", [byCode, .. docket.Client, ("code", code)]),
                ("BAD_REDIRECT_URI", "invalid_request", [byCode, .. docket.Client, ("code", code), ("redirect_uri", OAuthDocket.OtherBack)]),
                ("BAD_AUTH_CODE", "invalid_grant", [byCode, .. docket.Client, redirect]),
                ("BAD_AUTH_CODE", "invalid_grant", [byCode, .. docket.Client, ("code", "nonsense"), redirect]),
                ("BAD_AUTH_CODE", "invalid_grant", [byCode, .. docket.Client, ("code", refresh), redirect]),
                ("BAD_AUTH_CODE", "invalid_grant", [byCode, .. others, ("code", code), redirect]),
                ("BAD_REFRESH_TOKEN", "invalid_grant", [byToken, .. docket.Client]),
                ("BAD_REFRESH_TOKEN", "invalid_grant", [byToken, .. docket.Client, ("refresh_token", code)]),
                ("BAD_REFRESH_TOKEN", "invalid_grant", [byToken, .. others, ("refresh_token", refresh)]),
            ])
        {
            var answer = await docket.PostAsync($"/oauth/{version}/token", fields);
            AssertRefused(status, error, answer);
            Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        }

        // None of it has used up the code.
        (await docket.ExchangeAsync(code, version: version)).Expect(200);
    }

    [Fact]
    public async Task Only_a_form_in_the_body_is_read()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var refresh = (await docket.TokensAsync())["refresh_token"]!;
        var query = $"?grant_type=refresh_token&client_id={docket.ClientId}&client_secret={docket.ClientSecret}&refresh_token={refresh}";
        AssertRefused("BAD_GRANT_TYPE", "unsupported_grant_type", await docket.PostAsync("/oauth/v1/token" + query));
        AssertRefused("BAD_CLIENT_SECRET", "invalid_client", await docket.PostAsync("/oauth/v1/token" + query, ("grant_type", "refresh_token"), ("client_id", docket.ClientId)));
        AssertRefused("BAD_GRANT_TYPE", "unsupported_grant_type", await docket.CallAsync(HttpMethod.Post, "/oauth/v3/token", json: $$"""{"grant_type":"refresh_token","refresh_token":"{{refresh}}"}"""));
        (await docket.PostAsync("/oauth/v3/token", [.. Enumerable.Range(0, 100).Select(i => ($"f{i}", "x"))])).Expect(400);
        (await docket.PostAsync("/oauth/v3/token", ("grant_type", new string('x', 100_000)))).Expect(413);
    }

    [Fact]
    public async Task A_code_works_for_a_minute()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var (early, late) = (await docket.CodeAsync(), await docket.CodeAsync());
        docket.Server.Clock.Advance(TimeSpan.FromMilliseconds(59_999));
        (await docket.ExchangeAsync(early)).Expect(200);
        docket.Server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        AssertRefused("BAD_AUTH_CODE", "invalid_grant", await docket.ExchangeAsync(late));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    [InlineData(24 * 60)]
    [Behaviour("OAuth", "a code works once and for a minute; a second use ends all tokens of it", "docs, decide", "auth-limits-webhooks-imports.md 1.2")]
    public async Task A_code_that_comes_again_ends_its_tokens_however_late_it_is(int minutes)
    {
        await using var docket = await OAuthDocket.StartAsync();
        (await docket.Server.PatchAsync("/docket/v1/settings", """{"access-token-lifetime":"1440m"}""")).Expect(200);
        var code = await docket.CodeAsync();
        var tokens = (await docket.ExchangeAsync(code)).Expect(200);
        var kept = (await docket.TokensAsync())["refresh_token"]!;
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(minutes - 1));
        var newer = (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
        (await docket.CallAsync(HttpMethod.Get, Tickets, newer["access_token"])).Expect(200);
        AssertRefused("BAD_AUTH_CODE", "invalid_grant", await docket.ExchangeAsync(code, redirectUri: "https://wrong.example"));
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"]));
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, newer["access_token"]));
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(tokens["refresh_token"]!));
        AssertRefused("BAD_AUTH_CODE", "invalid_grant", await docket.ExchangeAsync(code));
        (await docket.RefreshAsync(kept)).Expect(200); // another grant of the same user to the same app
    }

    [Fact]
    public async Task Of_twenty_at_once_with_one_code_one_gets_tokens_and_they_end()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var code = await docket.CodeAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => docket.ExchangeAsync(code)));
        var winner = Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer != winner), answer => AssertRefused("BAD_AUTH_CODE", "invalid_grant", answer));
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, winner["access_token"]));
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(winner["refresh_token"]!));
    }

    [Theory]
    [InlineData(Challenge, Verifier, true)]
    [InlineData(Challenge, null, false)]
    [InlineData(Challenge, "", false)]
    [InlineData(Challenge, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", false)]
    [InlineData(Challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", false)]
    [InlineData("&code_challenge=-------------------------------------------&code_challenge_method=S256", Verifier, false)]
    [InlineData("", Verifier, false)]
    [InlineData("", "", false)]
    [InlineData("", null, true)]
    [Behaviour("OAuth", "PKCE with S256 is held where a challenge was sent", "spec, decide", "auth-limits-webhooks-imports.md 1.2, 1.3")]
    public async Task A_challenge_is_held(string challenge, string? verifier, bool good)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var answer = await docket.ExchangeAsync(await docket.CodeAsync(docket.Authorize + challenge), more: verifier is null ? [] : [("code_verifier", verifier)]);
        if (good)
        {
            answer.Expect(200);
        }
        else
        {
            AssertRefused("BAD_AUTH_CODE", "invalid_grant", answer);
        }
    }

    [Fact]
    [Behaviour("OAuth", "an access token works for 1,800 seconds, or as long as the portal's setting says; afterwards 401 `EXPIRED_AUTHENTICATION` tells since when", "docs, observed", "auth-limits-webhooks-imports.md 1.3, 1.6")]
    public async Task An_access_token_expires_and_is_distinguished_from_an_unknown_one_for_a_week()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        docket.Server.Clock.Advance(TimeSpan.FromMilliseconds(1_799_999));
        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
        Assert.Equal("0", (await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/access-tokens/{tokens["access_token"]}")).Expect(200)["expires_in"]);
        docket.Server.Clock.Advance(TimeSpan.FromMilliseconds(1));
        AssertCategory(Expired, await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"]));
        (await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/access-tokens/{tokens["access_token"]}")).Expect(404);

        (await docket.Server.PatchAsync("/docket/v1/settings", """{"access-token-lifetime":"0s"}""")).Expect(400);
        (await docket.Server.PatchAsync("/docket/v1/settings", """{"access-token-lifetime":"1s"}""")).Expect(200);
        var brief = (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
        Assert.Equal("1", brief["expires_in"]);
        (await docket.CallAsync(HttpMethod.Get, Tickets, brief["access_token"])).Expect(200);
        docket.Server.Clock.Advance(TimeSpan.FromSeconds(1));
        AssertCategory(Expired, await docket.CallAsync(HttpMethod.Get, Tickets, brief["access_token"]));

        // Forgotten when another one is made; the refresh token never is.
        docket.Server.Clock.Advance(TimeSpan.FromDays(7.1));
        AssertCategory(Expired, await docket.CallAsync(HttpMethod.Get, Tickets, brief["access_token"]));
        (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
        (await docket.Server.PatchAsync("/docket/v1/settings", "{}")).Expect(200);
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, brief["access_token"]));
    }

    [Fact]
    public async Task A_restart_between_consent_exchange_and_refresh_makes_no_difference()
    {
        var directory = Directory.CreateTempSubdirectory("docket-oauth-").FullName;
        OAuthDocket docket;
        string code;
        await using (docket = await OAuthDocket.StartAsync(directory))
        {
            code = await docket.CodeAsync();
        }

        Answer tokens;
        await using (var second = docket.On(await TestServer.StartAsync(directory)))
        {
            tokens = (await second.ExchangeAsync(code)).Expect(200);
        }

        await using (var third = docket.On(await TestServer.StartAsync(directory)))
        {
            (await third.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
            Assert.Equal(tokens["refresh_token"], (await third.RefreshAsync(tokens["refresh_token"]!)).Expect(200)["refresh_token"]);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_deleted_app_has_nothing_any_more_and_a_replaced_secret_ends_at_once()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var (code, tokens) = (await docket.CodeAsync(), await docket.TokensAsync());
        var secret = (await docket.Server.PostAsync($"/docket/v1/apps/{docket.AppId}/rotate", "{}")).Expect(200)["clientSecret"]!;
        AssertRefused("BAD_CLIENT_SECRET", "invalid_client", await docket.RefreshAsync(tokens["refresh_token"]!));
        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
        (string, string)[] client = [docket.Client[0], ("client_secret", secret)];
        (await docket.PostAsync("/oauth/v1/token", [("grant_type", "refresh_token"), .. client, ("refresh_token", tokens["refresh_token"]!)])).Expect(200);

        (await docket.Server.DeleteAsync($"/docket/v1/apps/{docket.AppId}")).Expect(204);
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"]));
        AssertRefused("BAD_CLIENT_ID", "invalid_client", await docket.PostAsync("/oauth/v1/token", [("grant_type", "authorization_code"), .. client, ("code", code), ("redirect_uri", OAuthDocket.Back)]));
        (await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/access-tokens/{tokens["access_token"]}")).Expect(404);
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}"));
    }

    [Fact]
    public async Task What_a_user_has_agreed_to_stays_when_the_user_is_archived()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", """{"archived":true}""")).Expect(200);
        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
        (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
    }

    [Fact]
    [Behaviour("OAuth", "v1 describes tokens, and deletes a refresh token; its access tokens go on", "spec, docs", "auth-limits-webhooks-imports.md 1.4")]
    public async Task V1_describes_tokens_and_ends_a_refresh_token_but_not_its_access_tokens()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        var access = (await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/access-tokens/{tokens["access_token"]}")).Expect(200);
        Assert.Equal(
            (tokens["access_token"], "access", OAuthDocket.Email, "default", "24000001", docket.AppId, docket.UserId, "1800"),
            (access["token"], access["token_type"], access["user"], access["hub_domain"], access["hub_id"], access["app_id"], access["user_id"], access["expires_in"]));
        Assert.Equal("""["tickets","oauth"]""", access.Json!["scopes"]!.ToJsonString());
        var refresh = (await docket.CallAsync(HttpMethod.Get, $"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}")).Expect(200);
        Assert.Equal((tokens["refresh_token"], "refresh", docket.ClientId), (refresh["token"], refresh["token_type"], refresh["client_id"]));

        Assert.Equal("", (await docket.CallAsync(HttpMethod.Delete, $"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}")).Expect(204).Text);
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.CallAsync(HttpMethod.Delete, $"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}"));
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(tokens["refresh_token"]!));
        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
    }

    [Theory]
    [InlineData("v3")]
    [InlineData("2026-03")]
    [InlineData("2026-09")]
    [Behaviour("OAuth", "v3 and later introspect and revoke for the client that proves itself; any other token is only not active", "spec, decide", "auth-limits-webhooks-imports.md 1.4")]
    public async Task V3_introspects_and_revokes_the_clients_own_tokens(string version)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var other = (await docket.Server.PostAsync("/docket/v1/apps", $$"""{"name":"Other","scopes":[],"redirectUris":["{{OAuthDocket.Back}}"]}""")).Expect(201);
        (string, string)[] others = [("client_id", other["clientId"]!), ("client_secret", other["clientSecret"]!)];
        var tokens = await docket.TokensAsync();
        (string, string) access = ("token", tokens["access_token"]!), refresh = ("token", tokens["refresh_token"]!);
        var (introspect, revoke) = ($"/oauth/{version}/token/introspect", $"/oauth/{version}/token/revoke");
        var known = (await docket.PostAsync(introspect, [.. docket.Client, access])).Expect(200);
        Assert.Equal(("true", "access_token", "1800", docket.ClientId, docket.AppId), (known["active"], known["token_use"], known["expires_in"], known["client_id"], known["app_id"]));
        Assert.Equal("refresh_token", (await docket.PostAsync(introspect, [.. docket.Client, refresh])).Expect(200)["token_use"]);
        foreach (var fields in ((string, string)[][])[[.. others, access], [.. others, refresh], [.. docket.Client, ("token", "nonsense")], docket.Client])
        {
            Assert.Equal("""{"active":false}""", (await docket.PostAsync(introspect, fields)).Expect(200).Text);
        }

        foreach (var path in (string[])[introspect, revoke])
        {
            AssertRefused("BAD_CLIENT_ID", "invalid_client", await docket.PostAsync(path, access));
            AssertRefused("BAD_CLIENT_SECRET", "invalid_client", await docket.PostAsync(path, docket.Client[0], ("client_secret", other["clientSecret"]!), refresh));
        }

        foreach (var fields in ((string, string)[][])[[.. others, refresh], [.. docket.Client, access], [.. docket.Client, ("token", "nonsense")]])
        {
            Assert.Equal("", (await docket.PostAsync(revoke, fields)).Expect(204).Text);
        }

        (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(200);
        (await docket.PostAsync(revoke, [.. docket.Client, refresh])).Expect(204);
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(tokens["refresh_token"]!));
        Assert.Equal("""{"active":false}""", (await docket.PostAsync(introspect, [.. docket.Client, refresh])).Expect(200).Text);
        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
    }

    [Theory]
    [InlineData("v3")]
    [InlineData("2026-03")]
    [InlineData("2026-09")]
    [Behaviour("OAuth", "an app uninstalls itself: 204, and its tokens end", "spec", "auth-limits-webhooks-imports.md 1.4")]
    public async Task An_app_uninstalls_itself(string version)
    {
        await using var docket = await OAuthDocket.StartAsync();
        var (one, two) = (await docket.TokensAsync(), await docket.TokensAsync());
        var code = await docket.CodeAsync();
        (await docket.CallAsync(HttpMethod.Delete, $"/appinstalls/{version}/external-install", one["access_token"])).Expect(204);
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, one["access_token"]));
        AssertCategory(Unknown, await docket.CallAsync(HttpMethod.Get, Tickets, two["access_token"]));
        AssertRefused("BAD_REFRESH_TOKEN", "invalid_grant", await docket.RefreshAsync(two["refresh_token"]!));
        AssertRefused("BAD_AUTH_CODE", "invalid_grant", await docket.ExchangeAsync(code));
        (await docket.CallAsync(HttpMethod.Get, Tickets, (await docket.TokensAsync())["access_token"])).Expect(200); // it may be let in again
        (await docket.Server.DeleteAsync($"/appinstalls/{version}/external-install")).Expect(404);
    }

    [Fact]
    [Behaviour("OAuth", "`access-token-info` tells portal, app and scopes of a private app's token", "docs, observed", "auth-limits-webhooks-imports.md 1.1")]
    public async Task The_token_of_a_private_app_is_described()
    {
        const string Info = "/oauth/v2/private-apps/get/access-token-info";
        await using var docket = await OAuthDocket.StartAsync();
        var app = (await docket.Server.PostAsync("/docket/v1/apps", """{"name":"Private","scopes":["tickets","contacts"]}""")).Expect(201);
        Assert.Equal(
            $$"""{"userId":88000001,"hubId":24000001,"appId":{{app["id"]}},"scopes":["tickets","contacts"]}""",
            (await docket.CallAsync(HttpMethod.Post, Info, json: $$"""{"tokenKey":"{{app["token"]}}"}""")).Expect(200).Text);
        Assert.Equal("0", (await docket.CallAsync(HttpMethod.Post, Info, json: $$"""{"tokenKey":"{{TestServer.Token}}"}""")).Expect(200)["appId"]);
        foreach (var token in (string[])["\"nonsense\"", "\"\"", "null", $"\"{(await docket.TokensAsync())["access_token"]}\""])
        {
            (await docket.CallAsync(HttpMethod.Post, Info, json: $$"""{"tokenKey":{{token}}}""")).Expect(404);
        }

        (await docket.Server.PostAsync($"/docket/v1/apps/{app["id"]}/rotate", "{}")).Expect(200);
        (await docket.CallAsync(HttpMethod.Post, Info, json: $$"""{"tokenKey":"{{app["token"]}}"}""")).Expect(404);
        (await docket.CallAsync(HttpMethod.Post, Info, json: "{}")).Expect(404);
        (await docket.CallAsync(HttpMethod.Post, Info, json: "[]")).Expect(400);
    }

    [Fact]
    public async Task What_is_kept_of_callers_outlasts_new_tokens_and_not_a_revocation()
    {
        var directory = Directory.CreateTempSubdirectory("docket-oauth-").FullName;
        await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory), create: true))
        {
            var portal = await portals.CreateAsync("one");
            var token = (await portals.Apps.CreatePrivateAsync(portal.Id, "private", ["tickets"])).Token;
            var app = (await portals.Apps.CreateClientAsync(portal.Id, "client", ["tickets"], [], ["http://localhost/"])).App;
            var user = (await portals.Users.AddAsync(portal.Id, "ann@example.com", "", ""))!;
            var caller = (await portals.FindTokenAsync(token, Cancellation))!.Value.Caller;
            Assert.True(await portals.Sessions.MayTryAsync("ann@example.com"));
            await portals.Sessions.EndAsync(await portals.Sessions.StartAsync([user]));
            var code = (await portals.Grants.AllowAsync(app, user, ["tickets"], "http://localhost/", null))!;
            var tokens = (await portals.Grants.ExchangeAsync(app.Id, code, "http://localhost/", null)).Tokens!;
            var issued = (await portals.FindTokenAsync(tokens.Access, Cancellation))!.Value.Caller;
            _ = await portals.Grants.RefreshAsync(app.Id, tokens.Refresh);
            Assert.True(await portals.Grants.RevokeRefreshAsync(tokens.Refresh));
            Assert.Same(issued, (await portals.FindTokenAsync(tokens.Access, Cancellation))!.Value.Caller);
            Assert.Same(caller, (await portals.FindTokenAsync(token, Cancellation))!.Value.Caller);
            Assert.Null((await portals.Grants.ExchangeAsync(app.Id, code, "http://localhost/", null)).Tokens);
            Assert.Null(await portals.FindTokenAsync(tokens.Access, Cancellation));
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task No_secret_is_in_a_file_or_in_the_log()
    {
        var directory = Directory.CreateTempSubdirectory("docket-oauth-").FullName;
        var secrets = new List<string> { OAuthDocket.Password };
        await using (var server = await ServerProcess.StartAsync(directory))
        {
            using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new() }) { BaseAddress = new Uri(server.Url) };
            async Task<Answer> FormAsync(string path, params (string Name, string Value)[] fields)
            {
                using var response = await http.PostAsync(path, new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))));
                secrets.AddRange((response.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies : []).Select(cookie => cookie.Split('=', ';')[1]));
                secrets.AddRange(response.Headers.Location is { IsAbsoluteUri: true } back && System.Web.HttpUtility.ParseQueryString(back.Query)["code"] is { } code ? [code] : []);
                return await Answer.OfAsync(response);
            }

            var app = await server.SendAsync(HttpMethod.Post, "/docket/v1/apps", $$"""{"name":"App","scopes":["tickets"],"redirectUris":["{{OAuthDocket.Back}}"]}""");
            await server.SendAsync(HttpMethod.Post, "/docket/v1/users", $$"""{"email":"{{OAuthDocket.Email}}","password":"{{OAuthDocket.Password}}"}""");
            (string, string)[] client = [("client_id", app["clientId"]!), ("client_secret", app["clientSecret"]!)];
            secrets.Add(app["clientSecret"]!);
            var url = $"/oauth/authorize?client_id={app["clientId"]}&redirect_uri={Uri.EscapeDataString(OAuthDocket.Back)}&scope=tickets";
            var key = await KeyAsync();
            await FormAsync(url, ("key", key), ("do", "sign-in"), ("email", OAuthDocket.Email), ("password", OAuthDocket.Password));
            await FormAsync(url, ("key", await KeyAsync()), ("do", "allow"), ("account", "24000001"));
            var tokens = (await FormAsync("/oauth/v1/token", [("grant_type", "authorization_code"), .. client, ("code", secrets[^1]), ("redirect_uri", OAuthDocket.Back)])).Expect(200);
            secrets.AddRange([tokens["access_token"]!, tokens["refresh_token"]!]);
            secrets.Add((await FormAsync("/oauth/v3/token", [("grant_type", "refresh_token"), .. client, ("refresh_token", tokens["refresh_token"]!)])).Expect(200)["access_token"]!);
            Assert.Equal(7, secrets.Count); // password, client secret, cookie, code, two access tokens, refresh token
            Assert.All(secrets, secret => Assert.True(secret.Length >= 13));

            // What fails is logged, and some of these have the token in their path.
            await server.SendAsync(HttpMethod.Post, "/docket/v1/settings", "{}");
            using (var registry = await BackDoor.OpenAsync(directory, "docket.db"))
            {
                registry.Execute("ALTER TABLE oauth_access RENAME TO elsewhere");
                Assert.Equal(500, (int)(await http.GetAsync($"/oauth/v1/access-tokens/{tokens["access_token"]}", TestContext.Current.CancellationToken)).StatusCode);
                (await FormAsync("/oauth/v1/token", [("grant_type", "refresh_token"), .. client, ("refresh_token", tokens["refresh_token"]!)])).Expect(500);
            }

            foreach (var file in Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 0 && Path.GetFileName(file) != "docket.lock"))
            {
                using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                var bytes = new byte[stream.Length];
                stream.ReadExactly(bytes);
                Assert.All(secrets, secret => Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) < 0, $"a secret is in {file}"));
            }

            await server.WaitForAsync("/oauth/v1/access-tokens/{token} failed");
            await server.WaitForAsync("/oauth/v1/token failed");
            Assert.All(secrets, secret => Assert.DoesNotContain(secret, server.Output, StringComparison.OrdinalIgnoreCase));

            async Task<string> KeyAsync()
            {
                using var response = await http.GetAsync(url);
                var text = await response.Content.ReadAsStringAsync();
                return text.Split("name=\"key\" value=\"")[1].Split('"')[0];
            }
        }

        Directory.Delete(directory, recursive: true);
    }

    static void AssertRefused(string status, string error, Answer answer)
    {
        answer.Expect(400);
        Assert.Equal((status, error), (answer["status"], answer["error"]));
        Assert.Equal($$"""{"status":"{{status}}","message":"{{answer["message"]}}","correlationId":"{{answer["correlationId"]}}","error":"{{error}}","error_description":"{{answer["message"]}}"}""", answer.Text);
        Assert.Equal(
            status switch
            {
                "BAD_GRANT_TYPE" => "missing or unknown grant type",
                "BAD_CLIENT_ID" => "missing or invalid client id",
                "BAD_CLIENT_SECRET" => "missing or invalid client secret",
                "BAD_REDIRECT_URI" => "missing or invalid redirect uri",
                "BAD_AUTH_CODE" => "missing or invalid auth code",
                _ => "refresh token is invalid, expired or revoked",
            },
            answer["message"]);
    }

    static void AssertCategory(string category, Answer answer) => Assert.Equal(category, answer.Expect(401)["category"]);
}
