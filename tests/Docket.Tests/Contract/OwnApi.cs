using System.Text.Json;

namespace Docket.Tests.Contract;

/// <summary>The OpenAPI document of Docket's own paths, as a server gives it, and whether answers are what it says.</summary>
internal static class OwnApi
{
    public const string Prefix = "/docket/v1/", Path = Prefix + "openapi.json";

    static readonly Lazy<Task<(JsonElement Document, PublishedApi Api)>> Once = new(async () =>
    {
        await using var server = await TestServer.StartAsync();
        using var http = new HttpClient();
        var document = JsonDocument.Parse(await http.GetByteArrayAsync(server.Url + Path)).RootElement;
        return (document, PublishedApi.Of(document));
    });

    public static Task<(JsonElement Document, PublishedApi Api)> Loaded => Once.Value;

    /// <summary>What an answer has against the document; <c>null</c> when nothing.</summary>
    public static string? Complaint(PublishedApi own, string method, string path, HttpResponseMessage response, string body)
    {
        if (own.Find(method, path) is not { } operation)
        {
            return null; // HEAD, OPTIONS, and what is not there; that no endpoint is missing in the document is a test of its own
        }

        // The keys of a context are many, and open.
        var findings = PublishedApi.Check(operation, (int)response.StatusCode, body, response.Content.Headers.ContentType?.MediaType).Where(finding => finding.Problem != Problem.Key).Select(finding => finding.ToString()).ToList();
        return findings.Count == 0 ? null : $"{method} {path} answered {(int)response.StatusCode} not as {Path} says: {string.Join(", ", findings)}\n{body}";
    }
}
