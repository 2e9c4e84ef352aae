using System.Net.Http.Headers;

namespace Docket.Testing;

/// <summary>
/// An empty portal for one test, on a server in this process. Tests that run at the same time share the server and nothing else: each has its own
/// records, properties, pipelines, limits, time and token.
/// </summary>
public sealed class TestDocket : IAsyncDisposable
{
    /// <summary>The address of a server without a port. No such host exists (RFC 2606).</summary>
    internal static readonly Uri NoPort = new("http://docket.test/");

    const string Portals = "docket/v1/portals";

    readonly Server server;

    TestDocket(Server server, NewPortal portal)
    {
        this.server = server;
        PortalId = portal.PortalId;
        Token = portal.Token;
        Handler = new Door(server.Connections);
        HttpClient = NewClient(server, Token);
        Clock = new(new(HttpClient));
    }

    /// <summary>The base address, in place of <c>https://api.hubapi.com</c>. Other processes reach it only with <see cref="TestDocketOptions.WithPort"/>.</summary>
    public Uri Url => server.Url;

    /// <summary>The access token, which has all scopes.</summary>
    public string Token { get; }

    /// <summary>The id of the portal.</summary>
    public long PortalId { get; }

    /// <summary>A client with <see cref="Url"/> as its base address and with <see cref="Token"/>.</summary>
    public HttpClient HttpClient { get; }

    /// <summary>
    /// Takes requests to any address to the server, also those to <c>https://api.hubapi.com</c>: for a program whose address can't be changed, or that
    /// makes its own <see cref="System.Net.Http.HttpClient"/>. It adds no token.
    /// </summary>
    public HttpMessageHandler Handler { get; }

    /// <summary>The time of the portal.</summary>
    public TestClock Clock { get; }

    /// <summary>Creates a portal. The first call in a process starts the server.</summary>
    /// <param name="options">What the test wants; by default an empty portal without a port.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">The portal can't be created with these options.</exception>
    public static async Task<TestDocket> StartAsync(TestDocketOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        var server = await Server.SharedAsync(options.WithPort).WaitAsync(cancellation);
        using var client = NewClient(server, DocketServer.EphemeralToken);
        return new(server, await new Kit(client).CallAsync<NewPortal>(HttpMethod.Post, Portals, new { name = options.Name, token = options.Token }, cancellation));
    }

    /// <summary>Deletes the portal with everything in it.</summary>
    public async ValueTask DisposeAsync()
    {
        using (var client = NewClient(server, DocketServer.EphemeralToken))
        {
            using var deleted = await client.DeleteAsync($"{Portals}/{PortalId}");
        }

        HttpClient.Dispose();
    }

    static HttpClient NewClient(Server server, string token) => new(new Door(server.Connections))
    {
        BaseAddress = server.Url,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token) },
    };

    sealed record NewPortal(long PortalId, string Token);
}
