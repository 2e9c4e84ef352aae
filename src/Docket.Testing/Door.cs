namespace Docket.Testing;

/// <summary>
/// Sends every request to the server, also one to <c>https://api.hubapi.com</c>. Disposing it, as the end of an <see cref="HttpClient"/> does,
/// closes no connection of other tests.
/// </summary>
internal sealed class Door(HttpMessageHandler connections) : DelegatingHandler(connections)
{
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) => base.Send(WithoutTls(request), cancellationToken);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => base.SendAsync(WithoutTls(request), cancellationToken);

    protected override void Dispose(bool disposing) => base.Dispose(disposing: false);

    static HttpRequestMessage WithoutTls(HttpRequestMessage request)
    {
        if (request.RequestUri is { IsAbsoluteUri: true, Scheme: "https" } url)
        {
            request.RequestUri = new UriBuilder(url) { Scheme = Uri.UriSchemeHttp, Port = url.IsDefaultPort ? -1 : url.Port }.Uri;
        }

        return request;
    }
}
