namespace Docket.Tests;

/// <summary>
/// A server with the unique property <see cref="TestServer.Key"/> for the tests of a class that leave nothing behind, such as
/// those of refused requests. All other tests start their own.
/// </summary>
public sealed class SharedServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestServer.StartWithKeyAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
