using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>The pages that people see. No scripts, and nothing is loaded from anywhere.</summary>
internal static class AuthorizePage
{
    const string Style = """
        *{box-sizing:border-box}
        body{margin:0;padding:1rem;font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:#1c2127;background:#eef1f4}
        main{max-width:30rem;margin:4vh auto;padding:1.75rem;background:#fff;border:1px solid #c9d0d8;border-radius:.5rem;overflow-wrap:anywhere}
        h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25}
        h2,legend{margin:1.25rem 0 .25rem;padding:0;font-size:1.0625rem;font-weight:600}
        p{margin:0 0 1rem}
        ul{margin:0 0 1rem;padding-left:1.25rem}
        fieldset{margin:0;padding:0;border:0}
        label{display:block;margin-bottom:.25rem;font-weight:600}
        fieldset label{display:flex;gap:.75rem;align-items:center;min-height:2.75rem;margin:0;font-weight:400}
        input[type=radio]{flex:none;width:1.25rem;height:1.25rem;margin:0}
        .text{display:block;width:100%;min-height:2.75rem;margin-bottom:1rem;padding:.5rem .75rem;font:inherit;color:inherit;background:#fff;border:1px solid #6b7682;border-radius:.25rem}
        .buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
        button{min-height:2.75rem;padding:.5rem 1.25rem;font:inherit;font-weight:600;color:#1c2127;background:#fff;border:1px solid #6b7682;border-radius:.25rem;cursor:pointer}
        button.first{color:#fff;background:#0b5394;border-color:#0b5394}
        button.plain{padding:0;border:0;background:none;color:#0b5394;font-weight:400;text-decoration:underline}
        .small{font-size:.9375rem;color:#48525d}
        .who{margin:1.25rem 0 0}
        .alert{padding:.75rem 1rem;color:#7a1512;background:#fdecea;border-left:.25rem solid #b3261e}
        :focus-visible{outline:.1875rem solid #0b5394;outline-offset:.125rem}
        @media(max-width:30rem){main{margin:0 auto;padding:1.25rem}.buttons button{flex:1 1 100%}}
        """;

    // No form-action: browsers hold it against the redirect that follows a form too, and that leads to the app.
    static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>What all answers have, pages and redirects: they are kept by nobody, shown in no frame, and told to nobody.</summary>
    public static void SetHeaders(HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
    }

    public static Task AskToSignInAsync(HttpContext http, AuthorizeRequest request, string email, string? mistake, int status = StatusCodes.Status200OK) =>
        RespondAsync(http, status, mistake is null ? "Sign in" : "Error: sign in", $"""
            <h1>Sign in</h1>
            <p><strong>{request.App.Name}</strong> asks for access to your account. Sign in to see what it asks for, and to agree or to refuse.</p>
            {Alert(mistake)}
            <form method="post">
            <input type="hidden" name="key" value="{SignIn.FormKey(http)}">
            <label for="email">Email address</label>
            <input class="text" id="email" name="email" type="email" value="{email}" autocomplete="username" required{Focus(email.Length == 0)}>
            <label for="password">Password</label>
            <input class="text" id="password" name="password" type="password" autocomplete="current-password" required{Focus(email.Length > 0)}>
            <div class="buttons"><button class="first" name="do" value="sign-in">Sign in</button><button name="do" value="refuse" formnovalidate>Refuse</button></div>
            </form>
            """);

    public static Task AskAsync(HttpContext http, AuthorizeRequest request, ImmutableArray<(User User, Portal Portal)> accounts, string? mistake) =>
        RespondAsync(http, StatusCodes.Status200OK, mistake is null ? "Let an app in" : "Error: let an app in", $"""
            <h1>Let {request.App.Name} in?</h1>
            {Alert(mistake)}
            <form method="post">
            <input type="hidden" name="key" value="{SignIn.FormKey(http)}">
            {Choice(accounts)}
            <h2>It asks to</h2>
            <ul>{request.Scopes.Select(Scope)}</ul>
            <p class="small">If you agree, you go to {Host(request)}, and the app has access until it is removed.</p>
            <div class="buttons"><button class="first" name="do" value="agree">Agree</button><button name="do" value="refuse" formnovalidate>Refuse</button></div>
            <p class="small who">Signed in as {accounts[0].User.Email}. <button class="plain" name="do" value="leave" formnovalidate>Sign in as somebody else</button></p>
            </form>
            """);

    /// <summary>Tells what is wrong with the request, which the user can't put right.</summary>
    public static Task RefuseAsync(HttpContext http, string message, params ImmutableArray<string> details) =>
        RespondAsync(http, StatusCodes.Status400BadRequest, "Authorization failed", $"""
            <h1>Authorization failed</h1>
            <p>{message}</p>
            {ForDevelopers(details)}
            """);

    static Html Choice(ImmutableArray<(User User, Portal Portal)> accounts)
    {
        if (accounts is [var only])
        {
            return $"""<p>Account: <strong>{only.Portal.Name}</strong> ({only.Portal.Id})<input type="hidden" name="account" value="{only.Portal.Id}"></p>""";
        }

        return $"<fieldset><legend>Into which account?</legend>{accounts.Select(Radio)}</fieldset>";
    }

    static Html Radio((User User, Portal Portal) account) =>
        $"""<label><input type="radio" name="account" value="{account.Portal.Id}" required><span>{account.Portal.Name} ({account.Portal.Id})</span></label>""";

    static Html Focus(bool here)
    {
        if (here)
        {
            return $" autofocus";
        }

        return $"";
    }

    static Html Alert(string? mistake)
    {
        if (mistake is null)
        {
            return $"";
        }

        return $"""<p class="alert" role="alert">{mistake}</p>""";
    }

    static Html ForDevelopers(ImmutableArray<string> details)
    {
        if (details.IsEmpty)
        {
            return $"";
        }

        return $"<h2>For the developer</h2><ul>{details.Select(Item)}</ul>";
    }

    static Html Item(string text) => $"<li>{text}</li>";

    static Html Scope(string name) => Item(name switch
    {
        "tickets" => "read and change tickets, their properties and their pipelines",
        "crm.objects.tickets.read" => "read tickets",
        "crm.objects.tickets.write" => "create, change and delete tickets",
        "crm.schemas.tickets.read" => "read the properties and pipelines of tickets",
        "crm.schemas.tickets.write" => "change the properties and pipelines of tickets",
        "crm.objects.owners.read" => "read the names and email addresses of the account's users",
        "oauth" => "know which account it is let into",
        "docket.manage" => "manage the account, which no user can allow: it has no effect",
        _ => $"use {name}, which has no effect here",
    });

    static string Host(AuthorizeRequest request) => new Uri(request.RedirectUri).Authority;

    static async Task RespondAsync(HttpContext http, int status, string title, Html content)
    {
        Html page = $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <title>{title} – Docket</title>
            <style>{Styled}</style>
            </head>
            <body>
            <main>
            {content}
            </main>
            </body>
            </html>

            """;
        SetHeaders(http.Response);
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/html; charset=utf-8";
        await http.Response.WriteAsync(page.ToString(), http.RequestAborted);
    }

    static Html Styled
    {
        get
        {
            var style = new Html(Style.Length, 0);
            style.AppendLiteral(Style);
            return style;
        }
    }
}
