using System.Net.Sockets;

namespace Docket.Testing;

/// <summary>A server in this process. All tests share it; it stops when the process ends.</summary>
internal sealed class Server
{
    /// <summary>The time that the end of the process waits for the server.</summary>
    const int StopMs = 5_000;

    static readonly Lazy<Task<Server>> Portless = new(() => StartAsync(withPort: false)), Listening = new(() => StartAsync(withPort: true));

    Server(Uri url, SocketsHttpHandler connections)
    {
        Url = url;
        Connections = connections;
    }

    public Uri Url { get; }

    /// <summary>Connects to the server, whatever host a request names. Without cookies, because tests share it.</summary>
    public SocketsHttpHandler Connections { get; }

    public static Task<Server> SharedAsync(bool withPort) => (withPort ? Listening : Portless).Value;

    // A Unix socket, which Windows has too: unlike a stream in memory it is a real connection that can be cut, and unlike a port nothing else can be on it.
    static async Task<Server> StartAsync(bool withPort)
    {
        var socket = Path.Combine(Path.GetTempPath(), $"docket-{Environment.ProcessId}-{Path.GetRandomFileName()}");
        var server = await DocketServer.StartAsync(new() { Ephemeral = true, Urls = (withPort ? "http://127.0.0.1:0;" : "") + "http://unix:" + socket });
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.DisposeAsync().AsTask().Wait(StopMs);
        return new(withPort ? new(server.Url) : TestDocket.NoPort, new() { UseCookies = false, ConnectCallback = (_, cancellation) => ConnectAsync(socket, cancellation) });
    }

    static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
