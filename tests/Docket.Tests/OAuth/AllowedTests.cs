using System.Text.RegularExpressions;
using Docket.Access;

namespace Docket.Tests.OAuth;

/// <summary>The page on which users see and end what they have let apps do.</summary>
public sealed partial class AllowedTests
{
    const string Apps = "/oauth/apps", Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task A_user_sees_what_is_allowed_and_ends_it_and_every_token_of_it_at_once()
    {
        await using var docket = await OAuthDocket.StartAsync();
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        var first = await docket.TokensAsync();
        var second = await docket.TokensAsync(docket.AuthorizeWith(more: "&optional_scope=crm.objects.owners.read%20contacts"));
        var pending = await docket.CodeAsync();
        using var browser = await SignedInAsync(docket);
        var page = (await browser.GetAsync(Apps)).Expect(200);
        Assert.Contains("<h2>Test &lt;app&gt; &amp; &quot;co&quot;</h2>", page.Text, StringComparison.Ordinal);
        Assert.Matches("Account default \\(24000001\\)<br>Allowed on [0-9]{1,2} [A-Z][a-z]+ 20[0-9]{2}<", page.Text);
        Assert.Equal(
            ["Read and change tickets, their properties and their pipelines", "See which account this is, and your email address", "Read the names and email addresses of the account&#39;s users"],
            Items().Matches(page.Text).Select(match => match.Groups[1].Value));
        Assert.Single(Ends().Matches(page.Text));
        foreach (var tokens in (Answer[])[first, second])
        {
            (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
        }

        page = (await browser.SendAsync("", ("end", Ends().Match(page.Text).Groups[1].Value))).Expect(200);
        Assert.Contains("role=\"status\">Test &lt;app&gt; &amp; &quot;co&quot; can no longer use your account.", page.Text, StringComparison.Ordinal);
        Assert.Contains("No app can use your account.", page.Text, StringComparison.Ordinal);
        foreach (var tokens in (Answer[])[first, second])
        {
            (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(401);
            Assert.Equal("BAD_REFRESH_TOKEN", (await docket.RefreshAsync(tokens["refresh_token"]!)).Expect(400)["status"]);
        }

        Assert.Equal("BAD_AUTH_CODE", (await docket.ExchangeAsync(pending)).Expect(400)["status"]);
    }

    [Fact]
    public async Task What_others_have_allowed_is_neither_shown_nor_ended()
    {
        await using var docket = await OAuthDocket.StartAsync();
        (await docket.Server.PostAsync("/docket/v1/users", """{"email":"bob@example.com","password":"battery staple"}""")).Expect(201);
        var tokens = await docket.TokensAsync();
        using var bob = await SignedInAsync(docket, "bob@example.com", "battery staple");
        Assert.Contains("No app can use your account.", (await bob.GetAsync(Apps)).Text, StringComparison.Ordinal);
        foreach (var which in (string[])[$"{docket.UserId}-{docket.AppId}", "", "x", $"{docket.UserId}-"])
        {
            Assert.DoesNotContain("can no longer", (await bob.SendAsync("", ("end", which))).Expect(200).Text, StringComparison.Ordinal);
        }

        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
    }

    [Fact]
    public async Task A_form_from_another_site_ends_nothing()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        using var browser = await SignedInAsync(docket);
        using var stranger = docket.NewBrowser();
        var othersKey = Key().Match((await stranger.GetAsync(Apps)).Text).Groups[1].Value;
        foreach (var key in (string[])["", othersKey, new('0', 64)])
        {
            (await browser.PostAsync(Apps, ("end", $"{docket.UserId}-{docket.AppId}"), ("key", key))).Expect(400);
        }

        (await docket.CallAsync(HttpMethod.Get, Tickets, tokens["access_token"])).Expect(200);
    }

    [Fact]
    public async Task Signing_in_and_out_leads_back_to_the_page()
    {
        await using var docket = await OAuthDocket.StartAsync();
        using var browser = docket.NewBrowser();
        Assert.True((await browser.GetAsync(Apps)).Expect(200).AsksToSignIn);
        Assert.True((await browser.SignInAsync(password: "wrong horse")).Expect(200).AsksToSignIn);
        Assert.Equal("apps", (await browser.SignInAsync()).Expect(303).Location);
        var page = (await browser.GetAsync(Apps)).Expect(200);
        Assert.Contains("Signed in as ann@example.com.", page.Text, StringComparison.Ordinal);
        Assert.Equal("apps", (await browser.SendAsync("leave")).Expect(303).Location);
        Assert.True((await browser.SendAsync("", ("end", $"{docket.UserId}-{docket.AppId}"))).AsksToSignIn);
    }

    [Fact]
    public async Task Only_what_can_still_be_used_is_listed()
    {
        await using var docket = await OAuthDocket.StartAsync();
        var tokens = await docket.TokensAsync();
        using var browser = await SignedInAsync(docket);
        (await docket.CallAsync(HttpMethod.Delete, $"/oauth/v1/refresh-tokens/{tokens["refresh_token"]}")).Expect(204);
        Assert.Single(Ends().Matches((await browser.GetAsync(Apps)).Text)); // its access token still works
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(31));
        Assert.Empty(Ends().Matches((await browser.GetAsync(Apps)).Text));
        await docket.CodeAsync();
        Assert.Single(Ends().Matches((await browser.GetAsync(Apps)).Text));
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(Ends().Matches((await browser.GetAsync(Apps)).Text));
    }

    [Fact]
    public async Task Who_has_one_address_in_several_portals_ends_what_one_of_them_allows()
    {
        await using var docket = await OAuthDocket.StartAsync();
        long second;
        await using (var portals = await docket.Server.OpenPortalsAsync())
        {
            second = (await portals.CreateAsync("second")).Id;
            await Passwords.SetAsync(portals.Users, (await portals.Users.AddAsync(second, OAuthDocket.Email, "", ""))!, OAuthDocket.Password, TestContext.Current.CancellationToken);
        }

        var one = await docket.TokensAsync(docket.AuthorizeWith(account: "24000001"));
        var other = await docket.TokensAsync(docket.AuthorizeWith(account: second.ToString()));
        using var browser = await SignedInAsync(docket);
        var page = (await browser.GetAsync(Apps)).Expect(200);
        Assert.Equal(2, Ends().Count(page.Text));
        Assert.Contains($"Account second ({second})", page.Text, StringComparison.Ordinal);
        Assert.Single(Ends().Matches((await browser.SendAsync("", ("end", $"{docket.UserId}-{docket.AppId}"))).Text));
        (await docket.CallAsync(HttpMethod.Get, Tickets, one["access_token"])).Expect(401);
        (await docket.CallAsync(HttpMethod.Get, Tickets, other["access_token"])).Expect(200);
    }

    static async Task<OAuthDocket.Browser> SignedInAsync(OAuthDocket docket, string email = OAuthDocket.Email, string password = OAuthDocket.Password)
    {
        var browser = docket.NewBrowser();
        await browser.GetAsync(Apps);
        (await browser.SignInAsync(email, password)).Expect(303);
        await browser.GetAsync(Apps);
        return browser;
    }

    [GeneratedRegex("name=\"end\" value=\"([0-9-]+)\"")]
    private static partial Regex Ends();

    [GeneratedRegex("name=\"key\" value=\"([0-9a-f]+)\"")]
    private static partial Regex Key();

    [GeneratedRegex("<li>([^<]*)</li>")]
    private static partial Regex Items();
}
