using System.Collections.Immutable;
using System.Globalization;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>The page on which users see the apps they allowed, and revoke that.</summary>
internal sealed partial class Pages
{
    /// <param name="http">The request.</param>
    /// <param name="accounts">The signed-in user's accounts, at least one, each with its allowed apps.</param>
    /// <param name="ended">The name of the app whose access was just revoked.</param>
    public Task ListAsync(HttpContext http, ImmutableArray<(User User, Portal Portal, ImmutableArray<AllowedApp> Apps)> accounts, string? ended = null)
    {
        Html done = ended is null ? $"" : (Html)$"""<p class="note good" role="status">{ended} can no longer use your account.</p>""";
        Html none = accounts.Any(account => account.Apps.Length > 0) ? $"" : (Html)$"<p>No app can use your account.</p>";
        return RespondAsync(http, StatusCodes.Status200OK, "Your apps", $"""
            <h1>Your apps</h1>
            {done}
            {none}
            <form method="post">
            {Key(http)}
            {accounts.SelectMany(account => account.Apps.Select(app => Entry(account.User, account.Portal, app)))}
            {Who(accounts[0].User)}
            </form>
            """);
    }

    static Html Entry(User user, Portal portal, AllowedApp app) => $"""
        <section class="app">
        <h2>{app.Name}</h2>
        <p class="small">Account {portal.Name} ({portal.Id})<br>Allowed on {Day(app.Since)}</p>
        {Allows(app.Scopes)}
        <button name="end" value="{user.Id}-{app.AppId}" aria-label="End access of {app.Name} to account {portal.Name}">End access</button>
        </section>
        """;

    static string Day(long since) => DateTimeOffset.FromUnixTimeMilliseconds(since).ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
}
