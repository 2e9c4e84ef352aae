using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Microsoft.AspNetCore.Http;

namespace Docket.OAuth;

/// <summary>The HTML pages. They have no scripts and load nothing.</summary>
/// <param name="name">The operator's name for this server.</param>
internal sealed partial class Pages(string name)
{
    // Contrast is at least 4.5 for text, and 3 for borders of fields and the focus.
    const string Style = """
        :root{color-scheme:light dark;--text:#1c2127;--soft:#505b66;--page:#eef1f4;--card:#fff;--line:#d5dae0;--edge:#6b7682;--main:#0b5394;--on-main:#fff;--bad:#a3201a;--bad-page:#fdecea;--good:#1b5e20;--good-page:#e8f3e9}
        @media(prefers-color-scheme:dark){:root{--text:#e4e8ec;--soft:#a8b3be;--page:#12161b;--card:#1c2229;--line:#343d47;--edge:#8290a0;--main:#8fc1f5;--on-main:#0c1b2c;--bad:#ffb0a6;--bad-page:#3b1a18;--good:#a5d6a7;--good-page:#17301a}}
        *{box-sizing:border-box}
        body{margin:0;padding:1rem;font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:var(--text);background:var(--page)}
        header,main{max-width:30rem;margin:0 auto;overflow-wrap:anywhere}
        header{padding:4vh 0 .75rem;color:var(--soft)}
        header strong{color:var(--text)}
        main{padding:1.75rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
        h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.25;text-wrap:balance}
        h2,legend{margin:0 0 .25rem;padding:0;font-size:1.0625rem;line-height:1.5;font-weight:600}
        p,ul{margin:0 0 1rem}
        ul{padding-left:1.25rem}
        a{color:var(--main)}
        fieldset{margin:0 0 1rem;padding:0;border:0}
        label{display:block;margin-bottom:.25rem;font-weight:600}
        fieldset label{display:flex;gap:.75rem;align-items:center;min-height:2.75rem;margin:0;font-weight:400}
        input[type=radio]{flex:none;width:1.25rem;height:1.25rem;margin:0;accent-color:var(--main)}
        .text{display:block;width:100%;min-height:2.75rem;margin-bottom:1rem;padding:.5rem .75rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.375rem}
        .text[aria-invalid]{border:2px solid var(--bad)}
        .text:has(+.mistake),fieldset .mistake{margin-bottom:.375rem}
        .mistake{color:var(--bad);font-size:.9375rem}
        .note{padding:.75rem 1rem;border-left:.25rem solid;border-radius:.25rem}
        .bad{color:var(--bad);background:var(--bad-page)}
        .good{color:var(--good);background:var(--good-page)}
        .buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1.5rem}
        button{min-height:2.75rem;padding:.5rem 1.25rem;font:inherit;font-weight:600;color:var(--text);background:none;border:1px solid var(--edge);border-radius:.375rem;cursor:pointer}
        button:hover{border-color:var(--text)}
        button.first{color:var(--on-main);background:var(--main);border-color:var(--main)}
        button.plain{min-height:0;padding:0;border:0;color:var(--main);font-weight:400;text-decoration:underline}
        .small{font-size:.9375rem;color:var(--soft)}
        .app{padding:1.25rem 0;border-top:1px solid var(--line)}
        .app p,.app ul{margin-bottom:.75rem}
        .who{margin:1.25rem 0 0;padding-top:1rem;border-top:1px solid var(--line)}
        :focus-visible{outline:.1875rem solid var(--main);outline-offset:.125rem}
        @media(max-width:30rem){header{padding-top:0}main{padding:1.25rem}.buttons button{flex:1 1 100%}}
        """;

    // No form-action: browsers also apply it to the redirect after a form, which leads to the app.
    static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Headers of all answers, pages and redirects: no caching, no frames, no referrer.</summary>
    public static void SetHeaders(HttpResponse response)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>What a scope allows, as text; <c>null</c> if it has no effect on an OAuth app.</summary>
    static string? InWords(string scope) => scope switch
    {
        "crm.objects.owners.read" or "settings.users.read" => "Read the names and email addresses of the account's users",
        "settings.users.teams.read" => "Read the account's teams",
        "crm.lists.read" => "Read lists",
        "docket.test" => "Change the account for tests: its faults, its clock and its snapshots",
        "oauth" => "See which account this is, and your email address",
        _ => string.Join("; ", ScopeNames.AllowedBy(scope).Select(one => InWords(one.Records, one.Rights))) is { Length: > 0 } words ? words : null,
    };

    static string InWords(string records, ImmutableArray<Right> rights) => rights switch
    {
        [Right.Read] => $"Read {records}",
        [Right.Write] => $"Create, change and delete {records}",
        [Right.ReadSchema] => $"Read the properties and pipelines of {records}",
        [Right.WriteSchema] => $"Change the properties and pipelines of {records}",
        _ => $"Read and change {records}, their properties and their pipelines",
    };

    static Html Allows(IEnumerable<string> scopes) => scopes.Select(InWords).OfType<string>().ToList() is { Count: > 0 } allowed
        ? $"<ul>{allowed.Select(Item)}</ul>"
        : (Html)$"<p>Nothing: none of the requested scopes has an effect here.</p>";

    static Html Item(string text) => $"<li>{text}</li>";

    static Html Key(HttpContext http) => $"""<input type="hidden" name="key" value="{SignIn.FormKey(http)}">""";

    /// <summary>The URL as the browser sees it, from a trusted proxy's headers if there is one.</summary>
    static string Here(HttpContext http) => http.Request.Host.Value ?? "";

    async Task RespondAsync(HttpContext http, int status, string title, Html content)
    {
        Html page = $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <title>{title} – {name}</title>
            <style>{Styled}</style>
            </head>
            <body>
            <header><strong>{name}</strong> at {Here(http)}</header>
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
