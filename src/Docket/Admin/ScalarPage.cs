using System.IO.Compression;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Scalar.AspNetCore;

namespace Docket.Admin;

/// <summary>
/// The page that shows the OpenAPI document with Scalar. Only the script comes from the package: the package's routes match every path
/// below the page, and its page contains a script, which the policy would have to allow.
/// </summary>
internal static class ScalarPage
{
    // No other server: Scalar would load fonts, and report that a request was sent.
    const string Policy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    const string Configuration = """{"withDefaultFonts":false,"telemetry":false,"showDeveloperTools":"never","hideClientButton":true,"agent":{"disabled":true},"mcp":{"disabled":true}}""";

    const string ScriptResource = "ScalarStaticAssets.scalar.js";

    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        routes.MapGet(path, http =>
        {
            http.Response.Headers.CacheControl = "no-store";
            http.Response.Headers.ContentSecurityPolicy = Policy;
            http.Response.ContentType = "text/html;charset=utf-8";
            return http.Response.WriteAsync(Page(path), http.RequestAborted);
        });
        routes.MapGet(path + "/scalar.js", SendScriptAsync);
    }

    // The script's URL contains the version, because browsers cache the script.
    static string Page(string path) => $"""
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Docket's own API</title></head>
        <body>
        <script id="api-reference" type="application/json" data-url="{path}/openapi.json" data-configuration='{Configuration}'></script>
        <script src="{path}/scalar.js?v={typeof(ScalarOptions).Assembly.GetName().Version!.ToString(3)}"></script>
        </body>
        </html>
        """;

    // The package contains it compressed.
    static async Task SendScriptAsync(HttpContext http)
    {
        await using var script = typeof(ScalarOptions).Assembly.GetManifestResourceStream(ScriptResource)!;
        http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        http.Response.ContentType = "text/javascript;charset=utf-8";
        if (http.Request.GetTypedHeaders().AcceptEncoding.Any(encoding => encoding.Value == "gzip" && encoding.Quality is not 0))
        {
            http.Response.Headers.ContentEncoding = "gzip";
            http.Response.ContentLength = script.Length;
            await script.CopyToAsync(http.Response.Body, http.RequestAborted);
        }
        else
        {
            await using var plain = new GZipStream(script, CompressionMode.Decompress);
            await plain.CopyToAsync(http.Response.Body, http.RequestAborted);
        }
    }
}
