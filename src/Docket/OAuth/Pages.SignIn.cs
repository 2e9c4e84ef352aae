using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>An error in a form, and its fields.</summary>
/// <param name="Text">One or two sentences.</param>
/// <param name="Fields">Names of the affected fields; empty if it isn't about a field.</param>
internal sealed record Mistake(string Text, params string[] Fields);

/// <summary>The page on which users sign in.</summary>
internal sealed partial class Pages
{
    /// <summary>Asks the user to sign in before an app can be allowed.</summary>
    public Task AskToSignInAsync(HttpContext http, AuthorizeRequest request, string email = "", Mistake? mistake = null, int status = StatusCodes.Status200OK) =>
        AskToSignInAsync(http, $"<p><strong>{request.App.Name}</strong> asks to use your account. Sign in to see what it asks for. You can still say no.</p>", canCancel: true, email, mistake, status);

    /// <summary>Asks the user to sign in before the apps are listed.</summary>
    public Task AskToSignInAsync(HttpContext http, string email = "", Mistake? mistake = null, int status = StatusCodes.Status200OK) =>
        AskToSignInAsync(http, $"<p>Sign in to see the apps that you allowed to use your account.</p>", canCancel: false, email, mistake, status);

    Task AskToSignInAsync(HttpContext http, Html why, bool canCancel, string email, Mistake? mistake, int status)
    {
        Html cancel = canCancel ? (Html)$"""<button name="do" value="cancel" formnovalidate>Cancel</button>""" : $"";
        return RespondAsync(http, status, mistake is null ? "Sign in" : "Error: sign in", $"""
            <h1>Sign in</h1>
            {why}
            {Note(mistake)}
            <form method="post">
            {Key(http)}
            <label for="email">Email address</label>
            <input class="text" id="email" name="email" type="email" value="{email}" autocomplete="username" required{About(mistake, "email")}{Focus(email.Length == 0)}>
            {Below(mistake, "email")}
            <label for="password">Password</label>
            <input class="text" id="password" name="password" type="password" autocomplete="current-password" required{About(mistake, "password")}{Focus(email.Length > 0)}>
            {Below(mistake, "password")}
            <div class="buttons"><button class="first" name="do" value="sign-in">Sign in</button>{cancel}</div>
            </form>
            """);
    }

    static Html Focus(bool here) => here ? (Html)$" autofocus" : $"";

    static Html About(Mistake? mistake, string field) =>
        mistake?.Fields.Contains(field) is true ? (Html)$""" aria-invalid="true" aria-describedby="mistake" """ : $"";

    // Below the last affected field.
    static Html Below(Mistake? mistake, string field) =>
        mistake?.Fields is [.., var last] && last == field ? (Html)$"""<p class="mistake" id="mistake" role="alert">{mistake.Text}</p>""" : $"";

    static Html Note(Mistake? mistake) => mistake is { Fields: [] } ? (Html)$"""<p class="note bad" role="alert">{mistake.Text}</p>""" : $"";
}
