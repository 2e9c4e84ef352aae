namespace Docket.Tests;

/// <summary>
/// A server with the unique property <see cref="TestServer.Key"/> for those tests of a class that leave nothing behind: what is
/// refused in many ways needs no server of its own for each. Everything else starts one.
/// </summary>
public sealed class SharedServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestServer.StartWithKeyAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
