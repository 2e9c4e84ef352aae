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

    private protected ManualClock Clock { get; } = new();

    private protected IPortals Portals { get; private set; } = null!;

    Portal portal = null!;

    public async ValueTask InitializeAsync()
    {
        Portals = await OpenAsync();
        portal = Portals.Create("first");
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
        var second = Portals.Create("second");
        Assert.Equal([portal, second], Portals.List());
        Assert.Equal("renamed", Portals.Rename(second.Id, "renamed")!.Name);
        Assert.Equal(250, Portals.Change(second.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" })!.Settings.SearchLagMs);
        Assert.Null(Portals.Rename(second.Id + 1, "nobody"));
        Assert.Null(Portals.Change(second.Id + 1, new Dictionary<string, string>()));
        await OpenAgainAsync();
        Assert.Equal(["first", "renamed"], Portals.List().Select(each => each.Name));
        Assert.Equal([0, 250], Portals.List().Select(each => each.Settings.SearchLagMs));
    }

    [Fact]
    public async Task A_deleted_portal_is_gone_with_its_apps_and_users_and_its_id_is_not_given_again()
    {
        var second = Portals.Create("second");
        var (_, token) = Portals.Apps.CreatePrivate(second.Id, "app", ["tickets"]);
        Portals.Users.Add(second.Id, "ada@example.com", "Ada", "L");
        Assert.NotNull(Portals.FindToken(token));
        Assert.True(Portals.Delete(second.Id));
        Assert.False(Portals.Delete(second.Id));
        Assert.Null(Portals.FindToken(token));
        Assert.Equal([portal], Portals.List());
        Assert.Empty(Portals.Apps.List(second.Id));
        Assert.Empty(Portals.Users.List(second.Id));
        await OpenAgainAsync();
        Assert.True(Portals.Create("third").Id > second.Id);
    }

    [Fact]
    public async Task A_token_opens_its_own_portal_with_its_scopes_and_settings_until_its_app_is_deleted()
    {
        var second = Portals.Create("second");
        Portals.Change(second.Id, new Dictionary<string, string> { ["search-lag"] = "250ms" });
        var (app, token) = Portals.Apps.CreatePrivate(second.Id, "app", ["crm.objects.tickets.read"]);
        await OpenAgainAsync();
        var (caller, _) = Portals.FindToken(token)!.Value;
        Assert.Equal((second.Id, app.Id, null, 250), (caller.PortalId, caller.AppId, caller.ExpiresAt, caller.Settings.SearchLagMs));
        Assert.True(caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.read")));
        Assert.False(caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.write")));
        Assert.Null(Portals.FindToken(token + "x"));
        Assert.Null(Portals.FindToken(""));

        Assert.True(Portals.Apps.Change(second.Id, app.Id, new(Scopes: ["crm.objects.tickets.write"])) is { Name: "app" });
        Assert.True(Portals.FindToken(token)!.Value.Caller.Scopes.Allow(ScopeNeed.Of("crm.objects.tickets.write")));
        Assert.False(Portals.Apps.Delete(portal.Id, app.Id)); // another portal's
        Assert.NotNull(Portals.FindToken(token));
        Assert.True(Portals.Apps.Delete(second.Id, app.Id));
        Assert.Null(Portals.FindToken(token));
        Assert.Null(Portals.Apps.Find(second.Id, app.Id));
        Assert.NotEqual(app.Id, Portals.Apps.CreatePrivate(second.Id, "next", []).App.Id);
    }

    [Fact]
    public void A_token_that_is_replaced_ends_at_once_or_after_its_grace()
    {
        var (app, first) = Portals.Apps.CreatePrivate(portal.Id, "app", ["tickets"]);
        var second = Portals.Apps.Rotate(portal.Id, app.Id, graceMs: Minute)!;
        Assert.Equal(Clock.GetUtcNow().ToUnixTimeMilliseconds() + Minute, Portals.FindToken(first)!.Value.Caller.ExpiresAt);
        Assert.Null(Portals.FindToken(second)!.Value.Caller.ExpiresAt);
        var third = Portals.Apps.Rotate(portal.Id, app.Id, graceMs: 0)!;
        Assert.Null(Portals.FindToken(second));
        Assert.NotNull(Portals.FindToken(third));
        Assert.Null(Portals.Apps.Rotate(portal.Id + 1, app.Id, 0));
    }

    [Fact]
    public void Apps_belong_to_their_portal_and_clients_are_found_by_their_client_id()
    {
        var (one, _) = Portals.Apps.CreatePrivate(portal.Id, "one", ["tickets"]);
        var (client, secret) = Portals.Apps.CreateClient(portal.Id, "two", ["tickets"], ["crm.objects.owners.read"], [Redirect]);
        var second = Portals.Create("second");
        Assert.Equal([one.Id, client.Id], Portals.Apps.List(portal.Id).Select(app => app.Id));
        Assert.Empty(Portals.Apps.List(second.Id));
        Assert.Equal(2, Portals.Apps.List(null).Length);
        Assert.Null(Portals.Apps.Find(second.Id, one.Id));
        var (found, hash) = Portals.Apps.FindClient(client.Client!.Id)!.Value;
        Assert.Equal((client.Id, "two"), (found.Id, found.Name));
        Assert.Equal(Secrets.Hash(secret), hash);
        Assert.Equal([Redirect], found.Client!.RedirectUris);
        var next = Portals.Apps.Rotate(portal.Id, client.Id, 0)!;
        Assert.Equal(Secrets.Hash(next), Portals.Apps.FindClient(client.Client.Id)!.Value.SecretHash);
        Assert.Null(Portals.Apps.FindClient("nobody"));
    }

    [Fact]
    public async Task Users_have_one_address_each_in_a_portal_and_are_its_owners()
    {
        var ada = Portals.Users.Add(portal.Id, "ada@example.com", "Ada", "L")!;
        Assert.Null(Portals.Users.Add(portal.Id, "ADA@example.com", "Other", ""));
        var second = Portals.Create("second");
        Assert.NotNull(Portals.Users.Add(second.Id, "ada@example.com", "Ada", "there"));
        var bob = Portals.Users.Add(portal.Id, "bob@example.com", "Bob", "")!;
        Assert.Equal([ada.Id, bob.Id], Portals.Users.List(portal.Id).Select(user => user.Id));
        Assert.Equal([ada.Id, bob.Id], Portals.OwnersOf(portal.Id).All.Select(user => user.Id));
        Assert.Null(Portals.Users.Change(portal.Id, bob.Id, new(Email: "ada@example.com")));
        Assert.Null(Portals.Users.Change(second.Id, bob.Id, new(FirstName: "x")));
        Assert.Equal("Robert", Portals.Users.Change(portal.Id, bob.Id, new(FirstName: "Robert"))!.FirstName);
        await OpenAgainAsync();
        Assert.Equal(("Robert", "bob@example.com"), Portals.Users.Find(portal.Id, bob.Id) is { } found ? (found.FirstName, found.Email) : default);
        Assert.Null(Portals.Users.Find(second.Id, bob.Id));
    }

    [Fact]
    public void Only_users_with_a_password_who_have_not_left_may_sign_in()
    {
        var ada = Portals.Users.Add(portal.Id, "ada@example.com", "Ada", "L")!;
        var second = Portals.Create("second");
        var there = Portals.Users.Add(second.Id, "ada@example.com", "Ada", "there")!;
        Assert.Empty(Portals.Users.FindSignIns("ada@example.com"));
        Assert.True(Portals.Users.SetPassword(portal.Id, ada.Id, "hash 1"));
        Assert.True(Portals.Users.SetPassword(second.Id, there.Id, "hash 2"));
        Assert.False(Portals.Users.SetPassword(second.Id, ada.Id, "hash 3"));
        Assert.Equal([(ada.Id, "hash 1"), (there.Id, "hash 2")], Portals.Users.FindSignIns("Ada@Example.com").Select(one => (one.User.Id, one.PasswordHash)));
        Portals.Users.Change(second.Id, there.Id, new(Archived: true));
        Assert.Equal([ada.Id], Portals.Users.FindSignIns("ada@example.com").Select(one => one.User.Id));
    }

    [Fact]
    public async Task A_session_ends_with_its_time_its_password_and_its_user()
    {
        var ada = Portals.Users.Add(portal.Id, "ada@example.com", "Ada", "L")!;
        var session = Portals.Sessions.Start([ada]);
        await OpenAgainAsync();
        Assert.Equal([ada.Id], Portals.Sessions.Find(session).Select(user => user.Id));
        Assert.Empty(Portals.Sessions.Find(session + "x"));
        Portals.Sessions.End(session);
        Assert.Empty(Portals.Sessions.Find(session));

        session = Portals.Sessions.Start([ada]);
        Portals.Users.SetPassword(portal.Id, ada.Id, "another");
        Assert.Empty(Portals.Sessions.Find(session));
        session = Portals.Sessions.Start([ada]);
        Clock.Advance(TimeSpan.FromHours(1));
        Assert.Empty(Portals.Sessions.Find(session));
        session = Portals.Sessions.Start([ada]);
        Portals.Users.Change(portal.Id, ada.Id, new(Archived: true));
        Assert.Empty(Portals.Sessions.Find(session));
    }

    [Fact]
    public void Attempts_are_counted_by_address_and_forgotten_after_a_minute()
    {
        Assert.All(Enumerable.Range(0, 5), _ => Assert.True(Portals.Sessions.MayTry("ada@example.com")));
        Assert.False(Portals.Sessions.MayTry("Ada@example.com"));
        Assert.True(Portals.Sessions.MayTry("bob@example.com"));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(Portals.Sessions.MayTry("ada@example.com"));
    }

    [Fact]
    public void A_code_is_good_once_for_its_own_app_redirect_and_verifier_within_a_minute()
    {
        var (client, user) = ClientAndUser();
        var (other, _) = Portals.Apps.CreateClient(portal.Id, "other", ["tickets"], [], [Redirect]);
        const string verifier = "0123456789012345678901234567890123456789012";
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
        string Code() => Portals.Grants.Allow(client, user, ["tickets"], Redirect, challenge)!;
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(other.Id, Code(), Redirect, verifier).End);
        Assert.Equal(ExchangeEnd.BadRedirectUri, Portals.Grants.Exchange(client.Id, Code(), Redirect + "/x", verifier).End);
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(client.Id, Code(), Redirect, "another verifier").End);
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(client.Id, Code(), Redirect, null).End);
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(client.Id, "nothing", Redirect, verifier).End);
        var late = Code();
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(client.Id, late, Redirect, verifier).End);

        var code = Code();
        var (end, tokens) = Portals.Grants.Exchange(client.Id, code, Redirect, verifier);
        Assert.Equal(ExchangeEnd.Done, end);
        Assert.NotNull(Portals.FindToken(tokens!.Access));
        Assert.Equal(ExchangeEnd.BadCode, Portals.Grants.Exchange(client.Id, code, Redirect, verifier).End);
        Assert.Null(Portals.FindToken(tokens.Access)); // a code that comes twice may have been stolen
        Assert.Null(Portals.Grants.FindRefresh(tokens.Refresh));
    }

    [Fact]
    public async Task A_refresh_token_gets_access_tokens_until_it_is_revoked()
    {
        var (client, user) = ClientAndUser();
        var tokens = Exchange(client, user);
        await OpenAgainAsync();
        var (caller, _) = Portals.FindToken(tokens.Access)!.Value;
        Assert.Equal((portal.Id, client.Id, true), (caller.PortalId, caller.AppId, caller.IsOAuth));
        Assert.False(caller.Scopes.Allow(ScopeNeed.Manage)); // asked for, and nobody's to give
        Assert.Equal(caller.ExpiresAt, Portals.Grants.FindAccess(tokens.Access)!.Value.ExpiresAt);
        Assert.Equal((user.Id, "ada@example.com"), Portals.Grants.FindRefresh(tokens.Refresh) is { } grant ? (grant.UserId, grant.Email) : default);

        Clock.Advance(TimeSpan.FromDays(1));
        Assert.Null(Portals.Grants.FindAccess(tokens.Access));
        var next = Portals.Grants.Refresh(client.Id, tokens.Refresh)!;
        Assert.Equal(tokens.Refresh, next.Refresh);
        Assert.NotNull(Portals.FindToken(next.Access));
        Assert.Null(Portals.Grants.Refresh(client.Id + 1, tokens.Refresh));
        Assert.False(Portals.Grants.RevokeRefresh(tokens.Refresh, client.Id + 1));
        Assert.True(Portals.Grants.RevokeRefresh(tokens.Refresh, client.Id));
        Assert.False(Portals.Grants.RevokeRefresh(tokens.Refresh));
        Assert.Null(Portals.Grants.Refresh(client.Id, tokens.Refresh));
        Assert.NotNull(Portals.FindToken(next.Access)); // goes on until it expires
    }

    [Fact]
    public void What_users_allowed_is_listed_and_ends_by_user_by_portal_and_with_the_app()
    {
        var (client, user) = ClientAndUser();
        var tokens = Exchange(client, user);
        Assert.Equal((client.Id, "client"), Portals.Grants.List(user) is [var allowed] ? (allowed.AppId, allowed.Name) : default);
        Assert.True(Portals.Grants.End(user.Id, client.Id));
        Assert.False(Portals.Grants.End(user.Id, client.Id));
        Assert.Empty(Portals.Grants.List(user));
        Assert.Null(Portals.FindToken(tokens.Access));

        tokens = Exchange(client, user);
        Assert.True(Portals.Grants.Uninstall(portal.Id, client.Id));
        Assert.False(Portals.Grants.Uninstall(portal.Id, client.Id));
        Assert.Null(Portals.FindToken(tokens.Access));

        tokens = Exchange(client, user);
        Assert.True(Portals.Apps.Delete(portal.Id, client.Id));
        Assert.Null(Portals.FindToken(tokens.Access));
        Assert.Null(Portals.Grants.FindRefresh(tokens.Refresh));
        Assert.Null(Portals.Grants.Allow(client, user, ["tickets"], Redirect, null));
    }

    [Fact]
    public async Task Usage_is_that_of_the_latest_day_that_was_saved()
    {
        Assert.Empty(Portals.Usage.Load());
        var day = new DateOnly(2026, 11, 26);
        Portals.Usage.Save([new(portal.Id, day, 7)]);
        Portals.Usage.Save([new(portal.Id, day, 9)]);
        await OpenAgainAsync();
        Assert.Equal([new DayUsage(portal.Id, day, 9)], Portals.Usage.Load());
        Portals.Usage.Save([new(portal.Id, day.AddDays(1), 1)]);
        Assert.Equal([new DayUsage(portal.Id, day.AddDays(1), 1)], Portals.Usage.Load());
    }

    async Task OpenAgainAsync()
    {
        await Portals.DisposeAsync();
        Portals = await OpenAsync();
    }

    (App Client, User User) ClientAndUser() =>
        (Portals.Apps.CreateClient(portal.Id, "client", ["tickets", "docket.manage"], [], [Redirect]).App, Portals.Users.Add(portal.Id, "ada@example.com", "Ada", "L")!);

    IssuedTokens Exchange(App client, User user) =>
        Portals.Grants.Exchange(client.Id, Portals.Grants.Allow(client, user, ["tickets", "docket.manage"], Redirect, null)!, Redirect, null).Tokens!;
}
