namespace Docket.Tests.Contract;

/// <summary>
/// Stands between a test and the server and holds every answer against HubSpot's OpenAPI files, but for the deviations
/// listed, and those of Docket's own paths against Docket's own document. An answer that is not as published fails the test
/// that got it. Without HubSpot's files it lets pass what would be in them; <see cref="ContractTests"/> says so by being skipped.
/// </summary>
internal sealed class CheckedAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>What an answer has against the files, and is not listed; <c>null</c> when nothing.</summary>
    public static string? Complaint(PublishedApi published, string method, string path, int status, string body)
    {
        if (method is "HEAD" or "OPTIONS")
        {
            return null; // has no body, and no file has the method
        }

        if (published.Find(method, path) is not { } operation)
        {
            return status < 300 && path.StartsWith("/crm/", StringComparison.Ordinal) && !Deviations.OwnEndpoints.Any(own => own.Method == method && PublishedApi.Fits(own.Path, path))
                ? $"{method} {path} succeeded with {status}, but no file of HubSpot's has it and Deviations.OwnEndpoints doesn't either"
                : null;
        }

        var unlisted = PublishedApi.Check(operation, status, body).Except(Deviations.Places).ToList();
        return unlisted.Count == 0 ? null : $"{method} {path} answered {status} not as {operation.Method} {operation.Path} is published: {string.Join(", ", unlisted)}\n{body}";
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var response = await base.SendAsync(request, cancellation);
        // A test may send "/." as it is: the server resolves it. A backslash means nothing to the server, but a slash to Uri.
        var path = new Uri(request.RequestUri!.OriginalString.Replace("\\", "%5C", StringComparison.Ordinal)).AbsolutePath;
        if (path.StartsWith(OwnApi.Prefix, StringComparison.OrdinalIgnoreCase))
        {
            var complaint = OwnApi.Complaint((await OwnApi.Loaded).Api, request.Method.Method, path, response, await response.Content.ReadAsStringAsync(cancellation));
            Assert.True(complaint is null, complaint);
        }
        else if (PublishedApi.OrNull is { } published)
        {
            var complaint = Complaint(published, request.Method.Method, path, (int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellation));
            Assert.True(complaint is null, complaint);
        }

        return response;
    }
}
