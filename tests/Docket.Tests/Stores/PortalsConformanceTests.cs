using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Docket.Stores;

namespace Docket.Tests.Stores;

/// <summary>What every engine promises about portals, apps, users, sessions, grants and usage. An engine's own class says how they are opened and closed, and inherits the rest.</summary>
public abstract class PortalsConformanceTests : IAsyncLifetime
{
    const long Minute = 60_000;
    const string Redirect = "https://app.example.com/back";

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected ManualClock Clock { get; } = new();

    private protected IPortals Portals { get; private set; } = null!;

    Portal portal = null!;

    public async ValueTask InitializeAsync()
    {
        Portals = await OpenAsync();
        portal = await Portals.CreateAsync("first");
    }

    public async ValueTask DisposeAsync()
    {
        await Portals.DisposeAsync();
        await RemoveAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens the portals of this test: none the first time, afterwards those that there were.</summary>
    private protected abstract ValueTask<IPortals> OpenAsync();

    /// <summary>Takes away what they held.</summary>
    private protected abstract ValueTask RemoveAsync();

    [Fact]
    public async Task Portals_are_listed_renamed_and_set_and_are_there_after_opening_again()
    {
        var second = await Portals.CreateAsync("second");
        Assert.Equal([portal, second], await Portals.ListAsync(Cancellation));
        Assert.Equal("renamed", (await Portals.RenameAsync(second.Id, "renamed"))!.Name);
        Assert.Equal(250, (await Portals.ChangeAsync(second.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" }))!.Settings.SearchLagMs);
        Assert.Null(await Portals.RenameAsync(second.Id + 1, "nobody"));
        Assert.Null(await Portals.ChangeAsync(second.Id + 1, new Dictionary<string, string>()));
        await OpenAgainAsync();
        Assert.Equal(["first", "renamed"], (await Portals.ListAsync(Cancellation)).Select(each => each.Name));
        Assert.Equal([0, 250], (await Portals.ListAsync(Cancellation)).Select(each => each.Settings.SearchLagMs));
    }

    [Fact]
    public async Task A_deleted_portal_is_gone_with_its_apps_and_users_and_its_id_is_not_given_again()
    {
        var second = await Portals.CreateAsync("second");
        var (_, token) = await Portals.Apps.CreatePrivateAsync(second.Id, "app", ["tickets"]);
        await Portals.Users.AddAsync(second.Id, "ada@example.com", "Ada", "L");
        Assert.NotNull(await Portals.FindTokenAsync(token, Cancellation));
        Assert.True(await Portals.DeleteAsync(second.Id));
        Assert.False(await Portals.DeleteAsync(second.Id));
        Assert.Null(await Portals.FindTokenAsync(token, Cancellation));
        Assert.Equal([portal], await Portals.ListAsync(Cancellation));
        Assert.Empty(await Portals.Apps.ListAsync(second.Id, Cancellation));
        Assert.Empty(await Portals.Users.ListAsync(second.Id, Cancellation));
        await OpenAgainAsync();
        Assert.True((await Portals.CreateAsync("third")).Id > second.Id);
    }

    [Fact]
    public async Task A_token_opens_its_own_portal_with_its_scopes_and_settings_until_its_app_is_deleted()
    {
        var second = await Portals.CreateAsync("second");
        await Portals.ChangeAsync(second.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" });
        var (app, token) = await Portals.Apps.CreatePrivateAsync(second.Id, "app", ["crm.objects.tickets.read"]);
        await OpenAgainAsync();
        var (caller, _) = (await Portals.FindTokenAsync(token, Cancellation))!.Value;
        Assert.Equal((second.Id, app.Id, null, 250), (caller.PortalId, caller.AppId, caller.ExpiresAt, caller.Settings.SearchLagMs));
        Assert.True(caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.read")));
        Assert.False(caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.write")));
        Assert.Null(await Portals.FindTokenAsync(token + "x", Cancellation));
        Assert.Null(await Portals.FindTokenAsync("", Cancellation));

        Assert.True(await Portals.Apps.ChangeAsync(second.Id, app.Id, new(Scopes: ["crm.objects.tickets.write"])) is { Name: "app" });
        Assert.True((await Portals.FindTokenAsync(token, Cancellation))!.Value.Caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.write")));
        Assert.False(await Portals.Apps.DeleteAsync(portal.Id, app.Id)); // another portal's
        Assert.NotNull(await Portals.FindTokenAsync(token, Cancellation));
        Assert.True(await Portals.Apps.DeleteAsync(second.Id, app.Id));
        Assert.Null(await Portals.FindTokenAsync(token, Cancellation));
        Assert.Null(await Portals.Apps.FindAsync(second.Id, app.Id, Cancellation));
        Assert.NotEqual(app.Id, (await Portals.Apps.CreatePrivateAsync(second.Id, "next", [])).App.Id);
    }

    [Fact]
    public async Task A_token_that_is_replaced_ends_at_once_or_after_its_grace()
    {
        var (app, first) = await Portals.Apps.CreatePrivateAsync(portal.Id, "app", ["tickets"]);
        var second = (await Portals.Apps.RotateAsync(portal.Id, app.Id, graceMs: Minute))!;
        Assert.Equal(Clock.GetUtcNow().ToUnixTimeMilliseconds() + Minute, (await Portals.FindTokenAsync(first, Cancellation))!.Value.Caller.ExpiresAt);
        Assert.Null((await Portals.FindTokenAsync(second, Cancellation))!.Value.Caller.ExpiresAt);
        var third = (await Portals.Apps.RotateAsync(portal.Id, app.Id, graceMs: 0))!;
        Assert.Null(await Portals.FindTokenAsync(second, Cancellation));
        Assert.NotNull(await Portals.FindTokenAsync(third, Cancellation));
        Assert.Null(await Portals.Apps.RotateAsync(portal.Id + 1, app.Id, 0));
    }

    [Fact]
    public async Task Apps_belong_to_their_portal_and_clients_are_found_by_their_client_id()
    {
        var (one, _) = await Portals.Apps.CreatePrivateAsync(portal.Id, "one", ["tickets"]);
        var (client, secret) = await Portals.Apps.CreateClientAsync(portal.Id, "two", ["tickets"], ["crm.objects.owners.read"], [Redirect]);
        var second = await Portals.CreateAsync("second");
        Assert.Equal([one.Id, client.Id], (await Portals.Apps.ListAsync(portal.Id, Cancellation)).Select(app => app.Id));
        Assert.Empty(await Portals.Apps.ListAsync(second.Id, Cancellation));
        Assert.Equal(2, (await Portals.Apps.ListAsync(null, Cancellation)).Length);
        Assert.Null(await Portals.Apps.FindAsync(second.Id, one.Id, Cancellation));
        var (found, hash) = (await Portals.Apps.FindClientAsync(client.Client!.Id, Cancellation))!.Value;
        Assert.Equal((client.Id, "two"), (found.Id, found.Name));
        Assert.Equal(Secrets.Hash(secret), hash);
        Assert.Equal([Redirect], found.Client!.RedirectUris);
        var next = (await Portals.Apps.RotateAsync(portal.Id, client.Id, 0))!;
        Assert.Equal(Secrets.Hash(next), (await Portals.Apps.FindClientAsync(client.Client.Id, Cancellation))!.Value.SecretHash);
        Assert.Null(await Portals.Apps.FindClientAsync("nobody", Cancellation));
    }

    [Fact]
    public async Task Users_have_one_address_each_in_a_portal_and_are_its_owners()
    {
        var ada = (await Portals.Users.AddAsync(portal.Id, "ada@example.com", "Ada", "L"))!;
        Assert.Null(await Portals.Users.AddAsync(portal.Id, "ADA@example.com", "Other", ""));
        var second = await Portals.CreateAsync("second");
        Assert.NotNull(await Portals.Users.AddAsync(second.Id, "ada@example.com", "Ada", "there"));
        var bob = (await Portals.Users.AddAsync(portal.Id, "bob@example.com", "Bob", ""))!;
        Assert.Equal([ada.Id, bob.Id], (await Portals.Users.ListAsync(portal.Id, Cancellation)).Select(user => user.Id));
        Assert.Equal([ada.Id, bob.Id], (await Portals.OwnersOfAsync(portal.Id, Cancellation)).All.Select(user => user.Id));
        Assert.Null(await Portals.Users.ChangeAsync(portal.Id, bob.Id, new(Email: "ada@example.com")));
        Assert.Null(await Portals.Users.ChangeAsync(second.Id, bob.Id, new(FirstName: "x")));
        Assert.Equal("Robert", (await Portals.Users.ChangeAsync(portal.Id, bob.Id, new(FirstName: "Robert")))!.FirstName);
        await OpenAgainAsync();
        Assert.Equal(("Robert", "bob@example.com"), await Portals.Users.FindAsync(portal.Id, bob.Id, Cancellation) is { } found ? (found.FirstName, found.Email) : default);
        Assert.Null(await Portals.Users.FindAsync(second.Id, bob.Id, Cancellation));
    }

    [Fact]
    public async Task Only_users_with_a_password_who_have_not_left_may_sign_in()
    {
        var ada = (await Portals.Users.AddAsync(portal.Id, "ada@example.com", "Ada", "L"))!;
        var second = await Portals.CreateAsync("second");
        var there = (await Portals.Users.AddAsync(second.Id, "ada@example.com", "Ada", "there"))!;
        Assert.Empty(await Portals.Users.FindSignInsAsync("ada@example.com", Cancellation));
        Assert.True(await Portals.Users.SetPasswordAsync(portal.Id, ada.Id, "hash 1"));
        Assert.True(await Portals.Users.SetPasswordAsync(second.Id, there.Id, "hash 2"));
        Assert.False(await Portals.Users.SetPasswordAsync(second.Id, ada.Id, "hash 3"));
        Assert.Equal([(ada.Id, "hash 1"), (there.Id, "hash 2")], (await Portals.Users.FindSignInsAsync("Ada@Example.com", Cancellation)).Select(one => (one.User.Id, one.PasswordHash)));
        await Portals.Users.ChangeAsync(second.Id, there.Id, new(Archived: true));
        Assert.Equal([ada.Id], (await Portals.Users.FindSignInsAsync("ada@example.com", Cancellation)).Select(one => one.User.Id));
    }

    [Fact]
    public async Task A_session_ends_with_its_time_its_password_and_its_user()
    {
        var ada = (await Portals.Users.AddAsync(portal.Id, "ada@example.com", "Ada", "L"))!;
        var session = await Portals.Sessions.StartAsync([ada]);
        await OpenAgainAsync();
        Assert.Equal([ada.Id], (await Portals.Sessions.FindAsync(session, Cancellation)).Select(user => user.Id));
        Assert.Empty(await Portals.Sessions.FindAsync(session + "x", Cancellation));
        await Portals.Sessions.EndAsync(session);
        Assert.Empty(await Portals.Sessions.FindAsync(session, Cancellation));

        session = await Portals.Sessions.StartAsync([ada]);
        await Portals.Users.SetPasswordAsync(portal.Id, ada.Id, "another");
        Assert.Empty(await Portals.Sessions.FindAsync(session, Cancellation));
        session = await Portals.Sessions.StartAsync([ada]);
        Clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await Portals.Sessions.FindAsync(session, Cancellation));
        session = await Portals.Sessions.StartAsync([ada]);
        await Portals.Users.ChangeAsync(portal.Id, ada.Id, new(Archived: true));
        Assert.Empty(await Portals.Sessions.FindAsync(session, Cancellation));
    }

    [Fact]
    public async Task Attempts_are_counted_by_address_and_forgotten_after_a_minute()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.True(await Portals.Sessions.MayTryAsync("ada@example.com"));
        }

        Assert.False(await Portals.Sessions.MayTryAsync("Ada@example.com"));
        Assert.True(await Portals.Sessions.MayTryAsync("bob@example.com"));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(await Portals.Sessions.MayTryAsync("ada@example.com"));
    }

    [Fact]
    public async Task A_code_is_good_once_for_its_own_app_redirect_and_verifier_within_a_minute()
    {
        var (client, user) = await ClientAndUserAsync();
        var (other, _) = await Portals.Apps.CreateClientAsync(portal.Id, "other", ["tickets"], [], [Redirect]);
        const string verifier = "0123456789012345678901234567890123456789012";
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        async Task<string> CodeAsync() => (await Portals.Grants.AllowAsync(client, user, ["tickets"], Redirect, challenge))!;
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(other.Id, await CodeAsync(), Redirect, verifier)).End);
        Assert.Equal(ExchangeEnd.BadRedirectUri, (await Portals.Grants.ExchangeAsync(client.Id, await CodeAsync(), Redirect + "/x", verifier)).End);
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(client.Id, await CodeAsync(), Redirect, "another verifier")).End);
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(client.Id, await CodeAsync(), Redirect, null)).End);
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(client.Id, "nothing", Redirect, verifier)).End);
        var late = await CodeAsync();
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(client.Id, late, Redirect, verifier)).End);

        var code = await CodeAsync();
        var (end, tokens) = await Portals.Grants.ExchangeAsync(client.Id, code, Redirect, verifier);
        Assert.Equal(ExchangeEnd.Done, end);
        Assert.NotNull(await Portals.FindTokenAsync(tokens!.Access, Cancellation));
        Assert.Equal(ExchangeEnd.BadCode, (await Portals.Grants.ExchangeAsync(client.Id, code, Redirect, verifier)).End);
        Assert.Null(await Portals.FindTokenAsync(tokens.Access, Cancellation)); // a code that comes twice may have been stolen
        Assert.Null(await Portals.Grants.FindRefreshAsync(tokens.Refresh, Cancellation));
    }

    [Fact]
    public async Task A_refresh_token_gets_access_tokens_until_it_is_revoked()
    {
        var (client, user) = await ClientAndUserAsync();
        var tokens = await ExchangeAsync(client, user);
        await OpenAgainAsync();
        var (caller, _) = (await Portals.FindTokenAsync(tokens.Access, Cancellation))!.Value;
        Assert.Equal((portal.Id, client.Id, true), (caller.PortalId, caller.AppId, caller.IsOAuth));
        Assert.False(caller.Scopes.Allow(ScopeNeed.Manage)); // asked for, and nobody's to give
        Assert.Equal(caller.ExpiresAt, (await Portals.Grants.FindAccessAsync(tokens.Access, Cancellation))!.Value.ExpiresAt);
        Assert.Equal((user.Id, "ada@example.com"), await Portals.Grants.FindRefreshAsync(tokens.Refresh, Cancellation) is { } grant ? (grant.UserId, grant.Email) : default);

        Clock.Advance(TimeSpan.FromDays(1));
        Assert.Null(await Portals.Grants.FindAccessAsync(tokens.Access, Cancellation));
        var next = (await Portals.Grants.RefreshAsync(client.Id, tokens.Refresh))!;
        Assert.Equal(tokens.Refresh, next.Refresh);
        Assert.NotNull(await Portals.FindTokenAsync(next.Access, Cancellation));
        Assert.Null(await Portals.Grants.RefreshAsync(client.Id + 1, tokens.Refresh));
        Assert.False(await Portals.Grants.RevokeRefreshAsync(tokens.Refresh, client.Id + 1));
        Assert.True(await Portals.Grants.RevokeRefreshAsync(tokens.Refresh, client.Id));
        Assert.False(await Portals.Grants.RevokeRefreshAsync(tokens.Refresh));
        Assert.Null(await Portals.Grants.RefreshAsync(client.Id, tokens.Refresh));
        Assert.NotNull(await Portals.FindTokenAsync(next.Access, Cancellation)); // goes on until it expires
    }

    [Fact]
    public async Task What_users_allowed_is_listed_and_ends_by_user_by_portal_and_with_the_app()
    {
        var (client, user) = await ClientAndUserAsync();
        var tokens = await ExchangeAsync(client, user);
        Assert.Equal((client.Id, "client"), await Portals.Grants.ListAsync(user, Cancellation) is [var allowed] ? (allowed.AppId, allowed.Name) : default);
        Assert.True(await Portals.Grants.EndAsync(user.Id, client.Id));
        Assert.False(await Portals.Grants.EndAsync(user.Id, client.Id));
        Assert.Empty(await Portals.Grants.ListAsync(user, Cancellation));
        Assert.Null(await Portals.FindTokenAsync(tokens.Access, Cancellation));

        tokens = await ExchangeAsync(client, user);
        Assert.True(await Portals.Grants.UninstallAsync(portal.Id, client.Id));
        Assert.False(await Portals.Grants.UninstallAsync(portal.Id, client.Id));
        Assert.Null(await Portals.FindTokenAsync(tokens.Access, Cancellation));

        tokens = await ExchangeAsync(client, user);
        Assert.True(await Portals.Apps.DeleteAsync(portal.Id, client.Id));
        Assert.Null(await Portals.FindTokenAsync(tokens.Access, Cancellation));
        Assert.Null(await Portals.Grants.FindRefreshAsync(tokens.Refresh, Cancellation));
        Assert.Null(await Portals.Grants.AllowAsync(client, user, ["tickets"], Redirect, null));
    }

    [Fact]
    public async Task Usage_is_the_sum_of_what_was_added_to_the_latest_day()
    {
        Assert.Empty(await Portals.Usage.LoadAsync(Cancellation));
        var day = new DateOnly(2026, 11, 26);
        await Portals.Usage.AddAsync([new(portal.Id, day, 7)]);
        await Portals.Usage.AddAsync([new(portal.Id, day, 2)]);
        await OpenAgainAsync();
        Assert.Equal([new DayUsage(portal.Id, day, 9)], await Portals.Usage.LoadAsync(Cancellation));
        await Portals.Usage.AddAsync([new(portal.Id, day.AddDays(1), 1)]);
        Assert.Equal([new DayUsage(portal.Id, day.AddDays(1), 1)], await Portals.Usage.LoadAsync(Cancellation));
    }

    async Task OpenAgainAsync()
    {
        await Portals.DisposeAsync();
        Portals = await OpenAsync();
    }

    async Task<(App Client, User User)> ClientAndUserAsync() =>
        ((await Portals.Apps.CreateClientAsync(portal.Id, "client", ["tickets", "docket.manage"], [], [Redirect])).App, (await Portals.Users.AddAsync(portal.Id, "ada@example.com", "Ada", "L"))!);

    async Task<IssuedTokens> ExchangeAsync(App client, User user) =>
        (await Portals.Grants.ExchangeAsync(client.Id, (await Portals.Grants.AllowAsync(client, user, ["tickets", "docket.manage"], Redirect, null))!, Redirect, null)).Tokens!;
}
