using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>What pages behind the sign-in share: protected forms, signing in and signing out.</summary>
internal static class SignInForm
{
    const string NotOwn = "This page was open for too long, or your browser keeps no cookies. Go back and try again.";

    const string Mismatch = "This email address and password don't match. After five attempts, wait for a minute.";

    /// <summary>Handles the form of a page: signs in or out, or runs the page's own action. Refuses forms of other sites.</summary>
    /// <param name="http">The request.</param>
    /// <param name="signIn">The browser's session.</param>
    /// <param name="pages">Shows why a form is refused.</param>
    /// <param name="ask">Shows the sign-in form with what was entered, an error, and a status.</param>
    /// <param name="otherwise">The page's own action.</param>
    public static async Task AnswerAsync(HttpContext http, SignIn signIn, Pages pages, Func<string, Mistake, int, Task> ask, Func<IFormCollection, Task> otherwise)
    {
        var form = await FormBody.ReadAsync(http);
        if (!SignIn.IsOwn(http, form))
        {
            await pages.RefuseAsync(http, NotOwn);
            return;
        }

        switch (form.Text("do"))
        {
            case "sign-in":
                await SignInAsync(http, signIn, form, ask);
                break;
            case "leave":
                await signIn.LeaveAsync(http);
                Reload(http);
                break;
            default:
                await otherwise(form);
                break;
        }
    }

    // Reloads the page in the browser, or asks again.
    static async Task SignInAsync(HttpContext http, SignIn signIn, IFormCollection form, Func<string, Mistake, int, Task> ask)
    {
        var (email, password) = (form.Text("email"), form.Text("password"));
        if (email.Length == 0 || password.Length == 0)
        {
            await ask(email, email.Length == 0 ? new("Enter your email address.", "email") : new("Enter your password.", "password"), StatusCodes.Status200OK);
            return;
        }

        switch (await signIn.TryAsync(http, email, password))
        {
            case SignInEnd.Done:
                Reload(http);
                break;
            case SignInEnd.Refused:
                await ask(email, new(Mismatch, "email", "password"), StatusCodes.Status200OK);
                break;
            case SignInEnd.TooMany:
                http.Response.Headers.RetryAfter = "60";
                await ask(email, new("There were too many attempts to sign in from your network. Wait for a minute, then try again."), StatusCodes.Status429TooManyRequests);
                break;
            default:
                http.Response.Headers.RetryAfter = "5";
                await ask(email, new("Many people are signing in. Wait for a moment, then try again."), StatusCodes.Status503ServiceUnavailable);
                break;
        }
    }

    // Redirects, so that a reload doesn't send the form again. Relative, so that it works behind any proxy.
    static void Reload(HttpContext http) =>
        Redirect(http, http.Request.QueryString is { HasValue: true, Value: var query } ? query! : http.Request.Path.Value!.Split('/')[^1], StatusCodes.Status303SeeOther);

    public static void Redirect(HttpContext http, string url, int status = StatusCodes.Status302Found)
    {
        http.Response.StatusCode = status;
        http.Response.Headers.Location = url;
        Pages.SetHeaders(http.Response);
    }
}
