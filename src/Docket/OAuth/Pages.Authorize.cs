using System.Collections.Immutable;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>The page on which users allow an app, and the page for an invalid link.</summary>
internal sealed partial class Pages
{
    public Task AskAsync(HttpContext http, AuthorizeRequest request, ImmutableArray<(User User, Portal Portal)> accounts, Mistake? mistake = null)
    {
        var app = request.App.Name;
        var apps = http.Request.RouteValues.ContainsKey("accountId") ? "../apps" : "apps"; // relative, so that it works behind any proxy
        return RespondAsync(http, StatusCodes.Status200OK, mistake is null ? $"Allow {app}?" : $"Error: allow {app}?", $"""
            <h1>Allow {app} to use your account?</h1>
            <form method="post">
            {Key(http)}
            {Choice(accounts, mistake)}
            <h2>If you allow it, {app} can</h2>
            {Allows(request.Scopes)}
            <p class="small">You can end this at any time in <a href="{apps}">your apps</a>. Either button takes you back to {new Uri(request.RedirectUri).Authority}.</p>
            <div class="buttons"><button class="first" name="do" value="allow">Allow</button><button name="do" value="cancel" formnovalidate>Cancel</button></div>
            {Who(accounts[0].User)}
            </form>
            """);
    }

    /// <summary>Shows an error of the request that the user can't correct.</summary>
    public Task RefuseAsync(HttpContext http, string message, params ImmutableArray<string> details)
    {
        Html forDevelopers = details.IsEmpty ? $"" : (Html)$"<h2>For the developer of the app</h2><ul>{details.Select(Item)}</ul>";
        return RespondAsync(http, StatusCodes.Status400BadRequest, "Authorization failed", $"""
            <h1>Authorization failed</h1>
            <p>{message}</p>
            {forDevelopers}
            """);
    }

    static Html Choice(ImmutableArray<(User User, Portal Portal)> accounts, Mistake? mistake)
    {
        if (accounts is [var only])
        {
            return $"""<p>Account: <strong>{only.Portal.Name}</strong> ({only.Portal.Id})<input type="hidden" name="account" value="{only.Portal.Id}"></p>""";
        }

        return $"""<fieldset role="radiogroup" aria-required="true"{About(mistake, "account")}><legend>Which account?</legend>{accounts.Select(Radio)}{Below(mistake, "account")}</fieldset>""";
    }

    static Html Radio((User User, Portal Portal) account) =>
        $"""<label><input type="radio" name="account" value="{account.Portal.Id}" required><span>{account.Portal.Name} ({account.Portal.Id})</span></label>""";

    static Html Who(User user) =>
        $"""<p class="small who">Signed in as {user.Email}. <button class="plain" name="do" value="leave" formnovalidate>Sign out</button></p>""";
}
