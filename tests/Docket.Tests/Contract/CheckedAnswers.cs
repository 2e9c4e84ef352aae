namespace Docket.Tests.Contract;

/// <summary>
/// Compares every answer that a test gets with HubSpot's OpenAPI files, except for the listed deviations, and answers of Docket's own
/// paths with Docket's own document. A test with a different answer fails. Without HubSpot's files, their paths are not checked, and
/// <see cref="ContractTests"/> is skipped.
/// </summary>
internal sealed class CheckedAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>The deviations of an answer from the files that are not listed; <c>null</c> if there are none.</summary>
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
