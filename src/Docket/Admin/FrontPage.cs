using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Watch;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Admin;

/// <summary><c>GET /</c>: describes the server, for people who open the address in a browser or with curl.</summary>
internal static class FrontPage
{
    const string What = "A self-hosted ticket store that speaks HubSpot's CRM API", Docs = "docs/ in Docket's source; README.md leads to each page";

    const string Style = """
        :root{color-scheme:light dark}
        body{margin:0;padding:1rem;font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;color:#1c2127;background:#eef1f4}
        main{max-width:38rem;margin:4vh auto;padding:1.75rem;background:#fff;border:1px solid #c9d0d8;border-radius:.5rem;overflow-wrap:anywhere}
        h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25}
        h1 span{font-size:1.0625rem;font-weight:400;color:#48525d}
        p{margin:0 0 1rem}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1.25rem 0 0}
        dd{margin:0}
        code{font-size:.9375rem}
        a{color:#0b5394}
        @media(prefers-color-scheme:dark){body{color:#e4e8ec;background:#14181c}main{background:#1d2329;border-color:#3a434d}h1 span{color:#a5afb9}a{color:#8cc1f5}}
        @media(max-width:30rem){main{margin:0 auto;padding:1.25rem}dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}
        """;

    static readonly string Policy =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    static readonly string Page = $"""
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Docket</title><style>{Style}</style></head>
        <body><main>
        <h1>Docket <span>{Instruments.Version}</span></h1>
        <p>{What}. Programs written for HubSpot work with it: give them this address as their base URL, and a token of this server.</p>
        <dl>
        <dt>Tickets</dt><dd><code>/crm/v3/objects/tickets</code></dd>
        <dt>Docket's own API</dt><dd><a href="/docket/v1"><code>/docket/v1</code></a></dd>
        <dt>Health</dt><dd><a href="/healthz"><code>/healthz</code></a>, <a href="/readyz"><code>/readyz</code></a></dd>
        <dt>Tokens</dt><dd><code>docket app create NAME</code></dd>
        <dt>Documentation</dt><dd>{Docs}</dd>
        </dl>
        </main></body>
        </html>
        """;

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/", RespondAsync);

    static Task RespondAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (!http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, 0, static (json, _) => Write(json));
        }

        http.Response.Headers.Vary = "Accept, Accept-Encoding";
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.ContentType = "text/html;charset=utf-8";
        return http.Response.WriteAsync(Page, http.RequestAborted);
    }

    static void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", "Docket");
        json.WriteString("version", Instruments.Version);
        json.WriteString("description", What);
        json.WriteString("documentation", Docs);
        json.WriteEndObject();
    }
}
