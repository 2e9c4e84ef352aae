using System.Text;
using Microsoft.AspNetCore.Http;

namespace Docket.TestKit;

/// <summary>
/// The page of the servers in front of HubSpot when HubSpot doesn't answer: HTML without a correlation id (reference/auth-limits-webhooks-imports.md 1.9).
/// </summary>
internal static class EdgePage
{
    public static Task RespondAsync(HttpContext http, int status)
    {
        var title = status switch
        {
            StatusCodes.Status502BadGateway => "502 Bad Gateway",
            StatusCodes.Status503ServiceUnavailable => "503 Service Temporarily Unavailable",
            _ => "504 Gateway Time-out",
        };
        var page = Encoding.ASCII.GetBytes($"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n");
        var response = http.Response;
        foreach (var name in response.Headers.Keys.Where(name => name.StartsWith("X-HubSpot-", StringComparison.OrdinalIgnoreCase) || name.Equals("X-Request-Id", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            response.Headers.Remove(name);
        }

        response.StatusCode = status;
        response.ContentType = "text/html";
        response.ContentLength = page.Length;
        return response.Body.WriteAsync(page, http.RequestAborted).AsTask();
    }
}
