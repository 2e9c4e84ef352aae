using System.Net.Http.Headers;
using System.Text.Json.Nodes;

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

    readonly Kit kit;

    TestDocket(Server server, NewPortal portal)
    {
        this.server = server;
        PortalId = portal.PortalId;
        Token = portal.Token;
        Handler = new Door(server.Connections);
        HttpClient = NewClient(server, Token);
        kit = new(HttpClient);
        (Clock, Faults, Requests) = (new(kit), new(kit), new(kit));
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

    /// <summary>What goes wrong in the portal on purpose.</summary>
    public TestFaults Faults { get; }

    /// <summary>The last calls of the portal.</summary>
    public TestRequests Requests { get; }

    /// <summary>Creates a portal. The first call in a process starts the server.</summary>
    /// <param name="options">What the test wants; by default an empty portal without a port.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">The portal can't be created with these options.</exception>
    public static async Task<TestDocket> StartAsync(TestDocketOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new();
        var server = await Server.SharedAsync(options.WithPort).WaitAsync(cancellation);
        using var client = NewClient(server, DocketServer.EphemeralToken);
        return new(server, await new Kit(client).CallAsync<NewPortal>(HttpMethod.Post, Portals, new { name = options.Name, token = options.Token, snapshot = options.Snapshot, seed = JsonOf(options.Seed) }, cancellation));
    }

    /// <summary>Keeps the state of the portal, for <see cref="RewindAsync"/> and for new portals with <see cref="TestDocketOptions.Snapshot"/>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <returns>Its id.</returns>
    public async Task<string> TakeSnapshotAsync(string? name = null, CancellationToken cancellation = default) =>
        (await kit.CallAsync<Snapshot>(HttpMethod.Post, "docket/v1/snapshots", new { name }, cancellation)).Id;

    /// <summary>Brings the portal back to a snapshot, or to the state in which it was created.</summary>
    /// <param name="snapshot">The id of the snapshot.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="TestDocketException">The portal has no such snapshot.</exception>
    public Task RewindAsync(string? snapshot = null, CancellationToken cancellation = default) => kit.SendAsync(HttpMethod.Post, "docket/v1/rewind", new { snapshot }, cancellation);

    /// <summary>Adds the content of a seed file: all of it, or nothing.</summary>
    /// <param name="seed">The content, as JSON.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <returns>The ids of the records that have names.</returns>
    /// <exception cref="TestDocketException">It has a mistake. The message names the place.</exception>
    public async Task<IReadOnlyDictionary<string, string>> SeedAsync(string seed, CancellationToken cancellation = default) =>
        (await kit.CallAsync<Seeded>(HttpMethod.Post, "docket/v1/seed", JsonOf(seed), cancellation)).Records;

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

    static JsonNode? JsonOf(string? seed) => seed is null ? null : JsonNode.Parse(seed);

    sealed record NewPortal(long PortalId, string Token);

    sealed record Snapshot(string Id);

    sealed record Seeded(Dictionary<string, string> Records);
}
