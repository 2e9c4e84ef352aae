using System.Text.Json;
using System.Web;

namespace Docket.Tests.Contract;

/// <summary>The OpenAPI document of Docket's own paths, as a server gives it, and whether what is asked and answered is what it says.</summary>
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

    /// <summary>What an exchange has against the document; <c>null</c> when nothing.</summary>
    public static string? Complaint((JsonElement Document, PublishedApi Api) own, HttpRequestMessage request, string path, HttpResponseMessage response, string body)
    {
        var (method, status) = (request.Method.Method, (int)response.StatusCode);
        if (own.Api.Find(method, path) is not { } operation)
        {
            return null; // HEAD, OPTIONS, and what is not there; that no endpoint is missing in the document is a test of its own
        }

        // The keys of a context are many, and open.
        var findings = PublishedApi.Check(operation, status, body, response.Content.Headers.ContentType?.MediaType).Where(finding => finding.Problem != Problem.Key).Select(finding => finding.ToString()).ToList();
        if (status < 300)
        {
            var known = own.Document.GetProperty("paths").GetProperty(operation.Path).GetProperty(method.ToLowerInvariant()).TryGetProperty("parameters", out var parameters)
                ? parameters.EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() == "query").Select(parameter => parameter.GetProperty("name").GetString())
                : [];
            // OddInputTests gives these two to every list, to show that one without them ignores them.
            findings.AddRange(HttpUtility.ParseQueryString(request.RequestUri!.Query).AllKeys.Except(known).Except(["archived", "failed"]).Select(name => $"Unknown query parameter {name}"));
        }

        return findings.Count == 0 ? null : $"{method} {path} answered {status} not as {Path} says: {string.Join(", ", findings)}\n{body}";
    }
}
