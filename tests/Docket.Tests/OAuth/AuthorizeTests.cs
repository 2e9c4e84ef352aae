using System.Text.RegularExpressions;
using Docket.Access;
using Docket.Model.Types;
using Docket.Tests.Compatibility;

namespace Docket.Tests.OAuth;

/// <summary>The page on which users sign in and let an app in, and what it keeps out.</summary>
public sealed partial class AuthorizeTests
{
    const string Insufficient = "Authorization failed because the provided scopes are insufficient. Please contact the app developer.", State = "&state=s%26t%20%E2%9C%93";

    [Fact]
    [Behaviour("OAuth", "the user signs in, is asked, and comes back with `code` and `state`", "docs", "auth-limits-webhooks-imports.md 1.2")]
    public async Task A_user_signs_in_and_agrees_and_the_app_gets_a_code_and_its_state()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var url = docket.Authorize + State;
        Assert.True((await browser.GetAsync(url)).Expect(200).AsksToSignIn);
        var signedIn = (await browser.SignInAsync()).Expect(303);
        Assert.Equal(url[url.IndexOf('?', StringComparison.Ordinal)..], signedIn.Location);
        var page = (await browser.GetAsync(url)).Expect(200);
        Assert.True(page.AsksToAllow && !page.AsksToSignIn);
        Assert.Contains("<li>Read and change tickets, their properties and their pipelines</li><li>See which account this is, and your email address</li>", page.Text, StringComparison.Ordinal);
        Assert.Contains("Signed in as ann@example.com", page.Text, StringComparison.Ordinal);
        var back = (await browser.SendAsync("allow")).Expect(302);
        Assert.StartsWith(OAuthDocket.Back + "?code=", back.Location, StringComparison.Ordinal);
        Assert.Equal("s&t ✓", back.Query("state"));

        // Without a state none comes back; a query that the redirect URL has stays.
        url = docket.AuthorizeWith(OAuthDocket.OtherBack);
        await browser.GetAsync(url);
        Assert.Matches(@"^https://example\.com/back\?kept=1&more&code=[\w-]{43}$", (await browser.SendAsync("allow")).Expect(302).Location);
    }

    [Fact]
    public async Task Who_refuses_sends_the_app_an_error_signed_in_or_not()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        await browser.GetAsync(docket.Authorize + State);
        AssertRefused(await browser.SendAsync("cancel"));
        await browser.SignInAsync();
        await browser.GetAsync(docket.Authorize + State);
        AssertRefused(await browser.SendAsync("cancel"));

        static void AssertRefused(OAuthDocket.Page page)
        {
            Assert.StartsWith(OAuthDocket.Back + "?error=access_denied", page.Expect(302).Location, StringComparison.Ordinal);
            Assert.Equal("s&t ✓", page.Query("state"));
            Assert.Null(page.Query("code"));
        }
    }

    [Theory]
    [InlineData("http://127.0.0.1:9999/back/")]
    [InlineData("http://127.0.0.1:9999/Back")]
    [InlineData("HTTP://127.0.0.1:9999/back")]
    [InlineData("http://127.0.0.1:9999/bac")]
    [InlineData("http://127.0.0.1:9999/back?x=1")]
    [InlineData("http://127.0.0.1:9999/back#x")]
    [InlineData("http://127.0.0.1:9998/back")]
    [InlineData("http://localhost:9999/back")]
    [InlineData("http://127.0.0.1:9999@evil.example/back")]
    [InlineData("https://127.0.0.1:9999/back")]
    [InlineData("https://example.com/back")]
    [InlineData("https://evil.example/back")]
    [InlineData("javascript:alert(1)")]
    [InlineData("")]
    [Behaviour("OAuth", "`redirect_uri` has to be a registered one letter for letter; with any other nobody is sent anywhere", "docs", "auth-limits-webhooks-imports.md 1.2")]
    public async Task A_redirect_url_that_is_not_registered_letter_for_letter_is_never_followed(string redirectUri)
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        foreach (var url in (string[])[docket.AuthorizeWith(redirectUri), docket.AuthorizeWith(redirectUri, scope: ""), docket.AuthorizeWith(redirectUri, more: "&code_challenge=x"), docket.Authorize + "&redirect_uri=" + Uri.EscapeDataString(redirectUri)])
        {
            AssertStopped(await browser.GetAsync(url));
            await browser.GetAsync(docket.Authorize); // has the key of a form
            AssertStopped(await browser.PostAsync(url, ("do", "cancel"), ("key", "x")));
        }
    }

    [Theory]
    [InlineData("&client_id=x")]
    [InlineData("")]
    public async Task An_app_that_is_not_known_sends_nobody_anywhere(string more)
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var url = docket.Authorize.Replace($"client_id={docket.ClientId}", more.Length == 0 ? "client_id=00000000-0000-0000-0000-000000000000" : $"client_id={docket.ClientId}", StringComparison.Ordinal) + more;
        AssertStopped(await browser.GetAsync(url));
        (await docket.Server.DeleteAsync($"/docket/v1/apps/{docket.AppId}")).Expect(204);
        AssertStopped(await browser.GetAsync(docket.Authorize));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("oauth", "")]
    [InlineData("crm.objects.tickets.read", "")]
    [InlineData("oauth", "tickets")]
    [InlineData("tickets docket.manage", "")]
    [InlineData("tickets crm.lists.read", "")]
    [Behaviour("OAuth", "an app has to ask for the scopes it is registered with, and for no others", "observed, decide", "auth-limits-webhooks-imports.md 1.2")]
    public async Task An_app_that_asks_for_other_scopes_than_it_is_registered_with_is_stopped(string scope, string optional)
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var page = await browser.GetAsync(docket.AuthorizeWith(scope: scope, more: "&optional_scope=" + Uri.EscapeDataString(optional)));
        AssertStopped(page);
        Assert.Contains(Insufficient, page.Text, StringComparison.Ordinal);
    }

    [Fact]
    [Behaviour("OAuth", "`optional_scope` adds those that the app is registered with and leaves out others; unknown names are granted, echoed, and allow nothing", "docs, decide", "auth-limits-webhooks-imports.md 1.2")]
    public async Task Optional_scopes_are_granted_as_registered_and_names_that_are_unknown_here_are_kept()
    {
        await using var docket = await OAuthDocket.StartAsync(scopes: "\"tickets\",\"automation\"");
        var tokens = await docket.TokensAsync(docket.AuthorizeWith(scope: "oauth automation tickets", more: "&optional_scope=contacts%20files%20tickets"));
        Assert.Equal("""["oauth","automation","tickets","contacts"]""", tokens.Json!["scopes"]!.ToJsonString());
    }

    [Fact]
    public async Task A_form_from_anywhere_else_is_ignored()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        (string, string)[] signIn = [("do", "sign-in"), ("email", OAuthDocket.Email), ("password", OAuthDocket.Password)];
        AssertStopped(await browser.PostAsync(docket.Authorize, signIn)); // neither cookie nor key
        await browser.GetAsync(docket.Authorize);
        AssertStopped(await browser.PostAsync(docket.Authorize, signIn)); // no key
        await browser.SignInAsync();
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToAllow);
        using var stranger = docket.NewBrowser();
        var othersKey = FormKey().Match((await stranger.GetAsync(docket.Authorize)).Text).Groups[1].Value;
        foreach (var key in (string[])["", othersKey, new('0', 64)])
        {
            foreach (var button in (string[])["allow", "cancel", "leave", "sign-in", ""])
            {
                AssertStopped(await browser.PostAsync(docket.Authorize, ("do", button), ("key", key), ("account", "24000001")));
            }
        }

        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToAllow); // still signed in
        Assert.Equal(302, (await browser.SendAsync("allow")).Status);
    }

    [Fact]
    public async Task The_cookie_is_for_this_server_alone_and_is_replaced_when_somebody_signs_in()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var first = (await browser.GetAsync(docket.Authorize)).Header("Set-Cookie");
        Assert.Matches("^docket-session=[A-Za-z0-9_-]{43}; path=/oauth; samesite=lax; httponly$", first);
        var second = (await browser.SignInAsync()).Header("Set-Cookie");
        Assert.Matches("^docket-session=[A-Za-z0-9_-]{43}; path=/oauth; samesite=lax; httponly$", second);
        Assert.NotEqual(first, second);

        // The cookie of before is worth nothing, so it was no use to put it there.
        using var attacker = docket.NewBrowser();
        attacker.Cookies.SetCookies(new Uri(docket.Server.Url + "/oauth"), first.Split(';')[0] + "; path=/oauth");
        Assert.True((await attacker.GetAsync(docket.Authorize)).AsksToSignIn);

        using var http = docket.Server.NewClient();
        http.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");
        using var behindTls = await http.GetAsync(docket.Authorize, TestContext.Current.CancellationToken);
        Assert.Contains("; secure; ", behindTls.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_session_ends_after_an_hour_and_when_its_user_leaves_is_archived_or_gets_another_password()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        await SignInAsync();
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(59));
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToAllow);
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);

        await SignInAsync();
        var cookie = browser.Cookies.GetCookieHeader(new Uri(docket.Server.Url + "/oauth"));
        Assert.Equal(303, (await browser.SendAsync("leave")).Status);
        browser.Cookies.SetCookies(new Uri(docket.Server.Url + "/oauth"), cookie + "; path=/oauth");
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);

        await SignInAsync();
        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", """{"password":"another horse"}""")).Expect(200);
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);
        Assert.Equal(200, (await browser.SignInAsync()).Status);
        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", $$"""{"password":"{{OAuthDocket.Password}}"}""")).Expect(200);

        await SignInAsync();
        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", """{"archived":true}""")).Expect(200);
        Assert.True((await browser.SendAsync("allow")).AsksToSignIn);
        Assert.Equal(200, (await browser.SignInAsync()).Status);
        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", """{"archived":false}""")).Expect(200);
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);

        async Task SignInAsync()
        {
            docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
            await browser.GetAsync(docket.Authorize);
            (await browser.SignInAsync()).Expect(303);
            Assert.True((await browser.GetAsync(docket.Authorize)).AsksToAllow);
        }
    }

    [Fact]
    public async Task A_wrong_password_and_an_unknown_address_look_the_same()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        await browser.GetAsync(docket.Authorize);
        var wrong = (await browser.SignInAsync(password: "wrong horse")).Expect(200);
        Assert.Contains("role=\"alert\"", wrong.Text, StringComparison.Ordinal);
        Assert.Equal(wrong.Text, (await browser.SignInAsync("bob@example.com", "wrong horse")).Expect(200).Text.Replace("bob@", "ann@", StringComparison.Ordinal));
        foreach (var (email, password) in ((string, string)[])[(OAuthDocket.Email, ""), ("", ""), ("", OAuthDocket.Password), (new string('x', 8_000), "x")])
        {
            Assert.True((await browser.SignInAsync(email, password)).Expect(200).AsksToSignIn);
        }

        (await browser.SignInAsync(OAuthDocket.Email + "\0")).Expect(400);
        (await browser.SignInAsync(new string('x', 9_000))).Expect(413);
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        (await browser.SignInAsync("ANN@Example.com")).Expect(303);
    }

    [Fact]
    public async Task A_mistake_is_tied_to_the_fields_that_it_is_about()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        Assert.Empty(Mistaken().Matches((await browser.GetAsync(docket.Authorize)).Text));
        foreach (var (email, password, fields, text) in ((string, string, string[], string)[])
        [
            ("", "x", ["email"], "Enter your email address."),
            ("ann@example.com", "", ["password"], "Enter your password."),
            ("ann@example.com", "wrong horse", ["email", "password"], "This email address and password don&#39;t match. After five attempts, wait for a minute."),
        ])
        {
            var page = (await browser.SignInAsync(email, password)).Expect(200);
            Assert.Equal(fields, Mistaken().Matches(page.Text).Select(match => match.Groups[1].Value));
            Assert.Contains($"<p class=\"mistake\" id=\"mistake\" role=\"alert\">{text}</p>", page.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_pages_say_which_docket_asks()
    {
        await using var docket = await OAuthDocket.StartAsync(with: options => options with { Name = "Support & Co" });
        using var browser = docket.NewBrowser();
        var page = await browser.GetAsync(docket.Authorize);
        var host = new Uri(docket.Server.Url).Authority;
        Assert.Contains($"<header><strong>Support &amp; Co</strong> at {host}</header>", page.Text, StringComparison.Ordinal);
        Assert.Contains("<title>Sign in – Support &amp; Co</title>", page.Text, StringComparison.Ordinal);
        await browser.SignInAsync();
        page = await browser.GetAsync(docket.Authorize);
        Assert.Contains($"<header><strong>Support &amp; Co</strong> at {host}</header>", page.Text, StringComparison.Ordinal);
        Assert.Contains("<h1>Allow Test &lt;app&gt; &amp; &quot;co&quot; to use your account?</h1>", page.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", "tickets.example.com", "; secure;")]
    [InlineData("10.0.0.1", "127.0.0.1:", "; secure;")]
    public async Task Behind_a_proxy_that_is_trusted_the_pages_say_the_address_that_users_see(string trusted, string host, string cookie)
    {
        await using var docket = await OAuthDocket.StartAsync(with: options => options with { TrustedProxies = [trusted] });
        using var http = docket.Server.NewClient();
        http.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        http.DefaultRequestHeaders.Add("X-Forwarded-Host", "tickets.example.com");
        http.DefaultRequestHeaders.Add("X-Forwarded-Proto", "https");
        using var page = await http.GetAsync(docket.Authorize, TestContext.Current.CancellationToken);
        Assert.Contains($"<strong>Docket</strong> at {host}", await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains(cookie, page.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task After_five_attempts_an_address_waits_for_a_minute_also_over_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("docket-oauth-").FullName;
        ManualClock clock;
        OAuthDocket docket;
        await using (docket = await OAuthDocket.StartAsync(directory))
        {
            clock = docket.Server.Clock;
            (await docket.Server.PostAsync("/docket/v1/users", """{"email":"bob@example.com","password":"battery staple"}""")).Expect(201);
            using var browser = docket.NewBrowser();
            await browser.GetAsync(docket.Authorize);

            // Concurrent attempts cannot bypass it.
            var attempts = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => browser.SignInAsync(i % 2 == 0 ? "ann@example.com" : "ANN@example.com", "wrong horse")));
            Assert.All(attempts, attempt => Assert.Equal(200, attempt.Status));
            Assert.Equal(200, (await browser.SignInAsync()).Status);
            Assert.Single(attempts.Select(attempt => attempt.Text.Replace("ANN", "ann", StringComparison.Ordinal)).Distinct());
            using var other = docket.NewBrowser();
            await other.GetAsync(docket.Authorize);
            (await other.SignInAsync("bob@example.com", "battery staple")).Expect(303);
        }

        await using (var again = docket.On(await TestServer.StartAsync(directory, clock: clock)))
        {
            using var browser = again.NewBrowser();
            await browser.GetAsync(again.Authorize);
            clock.Advance(TimeSpan.FromSeconds(59));
            Assert.Equal(200, (await browser.SignInAsync()).Status);
            clock.Advance(TimeSpan.FromSeconds(1));
            (await browser.SignInAsync()).Expect(303);

            // Successes count: they must not clear the way for guesses at another account of the same address.
            for (var i = 0; i < 4; i++)
            {
                await browser.GetAsync(again.Authorize);
                (await browser.SignInAsync()).Expect(303);
            }

            await browser.GetAsync(again.Authorize);
            Assert.Equal(200, (await browser.SignInAsync()).Status);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task One_address_in_several_portals_chooses_among_those_with_the_password_given()
    {
        await using var docket = await OAuthDocket.StartAsync();
        long second, third;
        await using (var portals = await docket.Server.OpenPortalsAsync())
        {
            (second, third) = ((await portals.CreateAsync("second")).Id, (await portals.CreateAsync("third")).Id);
            await Passwords.SetAsync(portals.Users, (await portals.Users.AddAsync(second, OAuthDocket.Email, "", ""))!, OAuthDocket.Password, TestContext.Current.CancellationToken);
            await Passwords.SetAsync(portals.Users, (await portals.Users.AddAsync(third, OAuthDocket.Email, "", ""))!, "another horse", TestContext.Current.CancellationToken);
        }

        using var browser = docket.NewBrowser();
        await browser.GetAsync(docket.Authorize);
        await browser.SignInAsync();
        var page = (await browser.GetAsync(docket.Authorize)).Expect(200);
        Assert.Equal(["24000001", second.ToString()], Accounts().Matches(page.Text).Select(match => match.Groups[1].Value));
        Assert.Contains("Choose an account.", (await browser.SendAsync("allow")).Expect(200).Text, StringComparison.Ordinal);
        Assert.Contains("Choose an account.", (await browser.SendAsync("allow", ("account", third.ToString()))).Expect(200).Text, StringComparison.Ordinal);
        var code = (await browser.PostAsync(docket.Authorize, ("account", second.ToString()), ("do", "allow"), ("key", FormKey().Match(page.Text).Groups[1].Value))).Code;
        Assert.Equal(second.ToString(), (await docket.ExchangeAsync(code)).Expect(200)["hub_id"]);

        // The account in the path is the only one.
        var url = docket.AuthorizeWith(account: second.ToString());
        Assert.Empty(Accounts().Matches((await browser.GetAsync(url)).Text));
        Assert.Equal(second.ToString(), (await docket.ExchangeAsync((await browser.SendAsync("allow")).Code)).Expect(200)["hub_id"]);
        var stranger = (await browser.GetAsync(docket.AuthorizeWith(account: third.ToString()))).Expect(200);
        Assert.True(stranger.AsksToSignIn);
        Assert.Contains($"You are signed in, but not to account {third}", stranger.Text, StringComparison.Ordinal);
        Assert.True((await browser.SendAsync("allow", ("account", third.ToString()))).AsksToSignIn);
        (await browser.GetAsync(docket.AuthorizeWith(account: "nonsense"))).Expect(404);
    }

    [Theory]
    [InlineData("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    [InlineData("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=plain")]
    [InlineData("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c&code_challenge_method=S256")]
    [InlineData("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw%2BcM&code_challenge_method=S256")]
    [InlineData("&code_challenge=&code_challenge_method=S256")]
    [InlineData("&code_challenge=a&code_challenge=b&code_challenge_method=S256")]
    public async Task A_challenge_that_is_no_S256_goes_back_as_an_error(string challenge)
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var back = (await browser.GetAsync(docket.Authorize + challenge + State)).Expect(302);
        Assert.StartsWith(OAuthDocket.Back + "?error=invalid_request", back.Location, StringComparison.Ordinal);
        Assert.Equal("s&t ✓", back.Query("state"));
    }

    [Fact]
    public async Task The_pages_hold_what_is_put_into_them_as_text_and_nothing_else_is_loaded_or_framed()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        var first = await browser.GetAsync(docket.Authorize);
        var wrong = await browser.SignInAsync("\"><script>alert(1)</script>", "x");
        await browser.SignInAsync();
        foreach (var page in (OAuthDocket.Page[])[first, wrong, await browser.GetAsync(docket.Authorize), await browser.GetAsync(docket.AuthorizeWith("https://evil.example"))])
        {
            Assert.DoesNotContain("<app>", page.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("<script", page.Text, StringComparison.Ordinal);
            Assert.Contains("Test &lt;app&gt; &amp; &quot;co&quot;", page.Text, StringComparison.Ordinal);
            Assert.Equal("no-store", page.Header("Cache-Control"));
            Assert.Equal("no-referrer", page.Header("Referrer-Policy"));
            Assert.Equal("nosniff", page.Header("X-Content-Type-Options"));
            var style = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Style().Match(page.Text).Groups[1].Value)));
            Assert.Equal($"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'", page.Header("Content-Security-Policy"));
            Assert.Contains("<html lang=\"en\">", page.Text, StringComparison.Ordinal);
            Assert.Single(Heading().Matches(page.Text));
            Assert.All(TextFields().Matches(page.Text), field => Assert.Contains($"<label for=\"{field.Groups[1].Value}\">", page.Text, StringComparison.Ordinal));
        }

        Assert.Contains("value=\"&quot;&gt;&lt;script&gt;", wrong.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_scope_that_has_an_effect_is_asked_for_in_words_and_no_other()
    {
        await using var docket = await OAuthDocket.StartAsync(scopes: string.Join(',', ScopeNames.Known.Select(name => $"\"{name}\"")));
        using var browser = docket.NewBrowser();
        var url = docket.AuthorizeWith(scope: string.Join(' ', ScopeNames.Known), more: "&optional_scope=automation");
        await browser.GetAsync(url);
        await browser.SignInAsync();
        var page = await browser.GetAsync(url);
        Assert.Equal(ScopeNames.Known.Length - 2, Item().Count(page.Text)); // no user can allow docket.manage or docket.portals
        Assert.DoesNotContain("automation", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    [Behaviour("OAuth", "for tests a portal can let apps in without a page: the setting `oauth-auto-approve`", "decide", "auth-limits-webhooks-imports.md 1.2")]
    public async Task A_portal_may_let_apps_in_without_asking_but_not_by_default()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);
        (await docket.Server.PatchAsync("/docket/v1/settings", """{"oauth-auto-approve":"on"}""")).Expect(200);
        var back = (await browser.GetAsync(docket.Authorize + State)).Expect(302);
        Assert.Equal("s&t ✓", back.Query("state"));
        Assert.Equal((docket.UserId, "24000001"), ((await docket.ExchangeAsync(back.Code)).Expect(200) is var tokens ? tokens["user_id"] : null, tokens["hub_id"]));
        Assert.Equal(302, (await browser.GetAsync(docket.AuthorizeWith(account: "24000001"))).Status);
        AssertStopped(await browser.GetAsync(docket.AuthorizeWith("https://evil.example")));
        AssertStopped(await browser.GetAsync(docket.AuthorizeWith(scope: "oauth")));

        // Another portal has its own setting; one without users can't.
        await using (var portals = await docket.Server.OpenPortalsAsync())
        {
            Assert.True((await browser.GetAsync(docket.AuthorizeWith(account: (await portals.CreateAsync("other")).Id.ToString()))).AsksToSignIn);
        }

        (await docket.Server.PatchAsync($"/docket/v1/users/{docket.UserId}", """{"archived":true}""")).Expect(200);
        Assert.True((await browser.GetAsync(docket.Authorize)).AsksToSignIn);
    }

    static void AssertStopped(OAuthDocket.Page page)
    {
        Assert.Equal((400, null), (page.Status, page.Location));
        Assert.Equal("text/html", page.Response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("Authorization failed", page.Text, StringComparison.Ordinal);
    }

    [GeneratedRegex("name=\"key\" value=\"([0-9a-f]+)\"")]
    private static partial Regex FormKey();

    [GeneratedRegex("type=\"radio\" name=\"account\" value=\"([0-9]+)\"")]
    private static partial Regex Accounts();

    [GeneratedRegex("<style>(.*)</style>", RegexOptions.Singleline)]
    private static partial Regex Style();

    [GeneratedRegex("name=\"([a-z]+)\"[^>]* aria-invalid=\"true\" aria-describedby=\"mistake\"")]
    private static partial Regex Mistaken();

    [GeneratedRegex("<h1>")]
    private static partial Regex Heading();

    [GeneratedRegex("<input class=\"text\" id=\"([a-z]+)\"")]
    private static partial Regex TextFields();

    [GeneratedRegex("<li>[^<]*</li>")]
    private static partial Regex Item();
}
