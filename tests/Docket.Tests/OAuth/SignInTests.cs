using System.Net;
using Docket.Access;
using Docket.Model;
using Docket.OAuth;
using Docket.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.OAuth;

/// <summary>Signing in: its cost, its effect on others, and how little strangers learn from it.</summary>
public sealed class SignInTests : IDisposable
{
    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    const string Shared = "shared@example.com", Single = "single@example.com", Password = "correct horse";

    readonly string directory = Directory.CreateTempSubdirectory("docket-sign-in-").FullName;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Refusing_an_address_costs_one_hashing_in_however_many_portals_it_has_a_password()
    {
        await using var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory), create: true);
        await Passwords.SetAsync(portals.Users, await AddAsync(portals, Single), Password, Cancellation);
        foreach (var password in (string[])[Password, "another horse", Password])
        {
            await Passwords.SetAsync(portals.Users, await AddAsync(portals, Shared), password, Cancellation);
        }

        using var signIn = new SignIn(portals.Users, portals.Sessions, TimeProvider.System, NullLogger.Instance);
        foreach (var email in (string[])["unknown@example.com", Single, Shared, ""])
        {
            Assert.Equal((SignInEnd.Refused, 1), await TryAsync(signIn, email, "wrong horse"));
        }

        // Each password opens the accounts that have it.
        Assert.Equal((SignInEnd.Done, 1), await TryAsync(signIn, Shared, Password));
        Assert.Equal((SignInEnd.Done, 1), await TryAsync(signIn, Shared, "another horse"));

        // One that is set again keeps the salt of the others.
        await Passwords.SetAsync(portals.Users, (await portals.Users.FindSignInsAsync(Shared, Cancellation))[1].User, "a third horse", Cancellation);
        Assert.Single((await portals.Users.FindSignInsAsync(Shared, Cancellation)).Select(one => Passwords.SaltOf(one.PasswordHash)).Distinct());
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Passwords_that_an_earlier_version_set_work_and_are_refused_at_the_same_cost_as_all_others()
    {
        await using var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory), create: true);
        var hasher = new PasswordHasher<object>(); // gives each its own salt
        foreach (var password in (string[])[Password, "another horse"])
        {
            var user = await AddAsync(portals, Shared);
            await portals.Users.SetPasswordAsync(user.PortalId, user.Id, hasher.HashPassword(user, password));
        }

        var single = await AddAsync(portals, Single);
        await Passwords.SetAsync(portals.Users, single, Password, Cancellation);
        using var signIn = new SignIn(portals.Users, portals.Sessions, TimeProvider.System, NullLogger.Instance);
        foreach (var email in (string[])["unknown@example.com", Single, Shared])
        {
            Assert.Equal((SignInEnd.Refused, 2), await TryAsync(signIn, email, "wrong horse"));
        }

        Assert.Equal((SignInEnd.Done, 2), await TryAsync(signIn, Shared, "another horse"));

        // As soon as one of them is set again they have one salt.
        await Passwords.SetAsync(portals.Users, (await portals.Users.FindSignInsAsync(Shared, Cancellation))[0].User, Password, Cancellation);
        Assert.Equal((SignInEnd.Refused, 1), await TryAsync(signIn, "unknown@example.com", "wrong horse"));
        Assert.Equal((SignInEnd.Done, 1), await TryAsync(signIn, Shared, Password));

        // The framework's hasher still takes what is kept, so the form is its own.
        var kept = (await portals.Users.FindSignInsAsync(Single, Cancellation))[0].PasswordHash;
        Assert.Equal(PasswordVerificationResult.Success, hasher.VerifyHashedPassword(single, kept, Password));
    }

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:0:1::1", "2001:db8:0:2::1", false)]
    [InlineData("::1", "127.0.0.1", false)]
    public void A_network_has_twenty_attempts_a_minute_an_IPv6_one_being_64_bits(string used, string tried, bool same)
    {
        var clock = new ManualClock();
        var attempts = new ClientAttempts(clock);
        for (var i = 0; i < ClientAttempts.PerMinute; i++)
        {
            Assert.True(attempts.MayTry(IPAddress.Parse(used)));
        }

        Assert.False(attempts.MayTry(IPAddress.Parse(used)));
        Assert.Equal(!same, attempts.MayTry(IPAddress.Parse(tried)));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(attempts.MayTry(IPAddress.Parse(used)));
    }

    [Fact]
    public void Attempts_from_more_networks_than_are_counted_wait_for_the_next_minute()
    {
        var clock = new ManualClock();
        var attempts = new ClientAttempts(clock);
        for (var i = 0; i < ClientAttempts.NetworksMax; i++)
        {
            Assert.True(attempts.MayTry(new IPAddress(i)));
        }

        Assert.False(attempts.MayTry(IPAddress.Parse("203.0.113.7")));
        Assert.True(attempts.MayTry(new IPAddress(1))); // known in this minute
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(attempts.MayTry(IPAddress.Parse("203.0.113.7")));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Made_up_addresses_from_one_network_do_not_hold_up_the_others()
    {
        await using var docket = await OAuthDocket.StartAsync(with: options => options with { TrustedProxies = ["127.0.0.0/8"] });
        using var attacker = docket.NewBrowser().From("203.0.113.7");
        await attacker.GetAsync(docket.Authorize);
        var attempts = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => attacker.SignInAsync($"made-up-{i}@example.com", "wrong horse")));
        Assert.Equal(60 - ClientAttempts.PerMinute, attempts.Count(page => page.Status == 429)); // the others are checked, or wait too long for that
        var refused = attempts.First(page => page.Status == 429);
        Assert.Contains("There were too many attempts to sign in from your network. Wait for a minute, then try again.", refused.Text, StringComparison.Ordinal);
        Assert.True(refused.AsksToSignIn);
        Assert.Equal("60", refused.Header("Retry-After"));

        using var person = docket.NewBrowser().From("203.0.113.8");
        await person.GetAsync(docket.Authorize);
        (await person.SignInAsync()).Expect(303);
        docket.Server.Clock.Advance(TimeSpan.FromMinutes(1));
        (await attacker.SignInAsync()).Expect(303);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData]
    [InlineData("203.0.113.1")]
    [InlineData("10.0.0.0/8", "::1")]
    public async Task Only_a_proxy_that_is_trusted_is_believed_where_a_client_is(params string[] trusted)
    {
        await using var docket = await OAuthDocket.StartAsync(with: options => options with { TrustedProxies = trusted });
        using var browser = docket.NewBrowser();
        await browser.GetAsync(docket.Authorize);
        for (var i = 0; i < ClientAttempts.PerMinute; i++)
        {
            (await browser.From($"203.0.113.{i}").SignInAsync($"made-up-{i}@example.com", "wrong horse")).Expect(200);
        }

        (await browser.From("203.0.113.99").SignInAsync()).Expect(429);
    }

    [Theory]
    [InlineData("example.com")]
    [InlineData("10.0.0.0/33")]
    [InlineData("")]
    public async Task A_proxy_that_is_no_address_is_the_operators_mistake(string proxy)
    {
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => DocketServer.StartAsync(
            new() { DataDirectory = directory, Urls = "http://127.0.0.1:0", TrustedProxies = [proxy] }, TestContext.Current.CancellationToken));
        Assert.Equal($"\"{proxy}\" is not the address of a proxy. Use an address such as 10.0.0.1 or a network such as 10.0.0.0/24.", mistake.Message);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Of_many_who_sign_in_at_once_some_wait_and_the_rest_are_refused_at_once()
    {
        await using var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory), create: true);
        using var signIn = new SignIn(portals.Users, portals.Sessions, TimeProvider.System, NullLogger.Instance);
        var ends = await Task.WhenAll(Enumerable.Range(0, 150).Select(i => Task.Run(() => signIn.TryAsync(FromNetwork(i), $"made-up-{i}@example.com", "wrong horse"))));
        Assert.Contains(SignInEnd.Busy, ends);
        Assert.Equal(signIn.Hashings, ends.Count(end => end == SignInEnd.Refused));
        Assert.Equal(SignInEnd.Refused, await signIn.TryAsync(FromNetwork(1000), Single, "wrong horse")); // nobody is left in the queue

        static HttpContext FromNetwork(int number) => new DefaultHttpContext { Connection = { RemoteIpAddress = new IPAddress(number) } };
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    static async Task<User> AddAsync(IPortals portals, string email) => (await portals.Users.AddAsync((await portals.CreateAsync("a portal")).Id, email, "", ""))!;

    static async Task<(SignInEnd End, int Hashings)> TryAsync(SignIn signIn, string email, string password)
    {
        var before = signIn.Hashings;
        return (await signIn.TryAsync(new DefaultHttpContext(), email, password), signIn.Hashings - before);
    }
}
