using System.Net;
using System.Net.Sockets;

namespace Docket.Tests.Stores;

/// <summary>Stands between Docket and PostgreSQL, and cuts connections at chosen bytes.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly EndPoint server;
    readonly Lock gate = new();
    readonly Task accepting;
    Cut? armed;

    /// <param name="connectionString">Of a server with a Unix socket.</param>
    public CuttingProxy(string connectionString)
    {
        var settings = new Npgsql.NpgsqlConnectionStringBuilder(connectionString);
        server = settings.Host!.StartsWith('/') ? new UnixDomainSocketEndPoint($"{settings.Host}/.s.PGSQL.{settings.Port}") : new DnsEndPoint(settings.Host, settings.Port);
        listener.Start();
        settings.Host = "127.0.0.1";
        settings.Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        ConnectionString = settings.ConnectionString;
        accepting = AcceptAsync();
    }

    /// <summary>How to reach the server through this.</summary>
    public string ConnectionString { get; }

    /// <summary>Cuts the connection that transfers a byte, counted from now over all connections, before that byte. Completed when it is done.</summary>
    /// <param name="toServer">Whether bytes to the server are counted, or those from it.</param>
    /// <param name="bytes">How many are still transferred.</param>
    /// <param name="lateMs">After how many milliseconds the server notices.</param>
    public Task CutAfterAsync(bool toServer, long bytes, int lateMs)
    {
        lock (gate)
        {
            armed = new(toServer, lateMs) { Left = bytes };
            return armed.Done.Task;
        }
    }

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        await accepting;
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptSocketAsync());
            }
        }
        catch (Exception failure) when (failure is ObjectDisposedException or SocketException)
        {
            // disposed
        }
    }

    async Task ServeAsync(Socket client)
    {
        using (client)
        using (var behind = server is UnixDomainSocketEndPoint ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) : new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            try
            {
                await behind.ConnectAsync(server);
                await Task.WhenAny(CopyAsync(client, behind, toServer: true), CopyAsync(behind, client, toServer: false)).Unwrap();
            }
            catch (SocketException)
            {
                // one of the two is gone
            }
            catch (CutException cut)
            {
                client.Close(0); // with a reset
                await Task.Delay(cut.LateMs);
            }
        }
    }

    async Task CopyAsync(Socket from, Socket to, bool toServer)
    {
        var buffer = new byte[8_192];
        while (await from.ReceiveAsync(buffer) is > 0 and var count)
        {
            Cut? cut = null;
            lock (gate)
            {
                if (armed is { } next && next.ToServer == toServer)
                {
                    if (next.Left < count)
                    {
                        (cut, armed, count) = (next, null, (int)next.Left);
                    }

                    next.Left -= count;
                }
            }

            await SendAsync(to, buffer.AsMemory(0, count));
            if (cut is not null)
            {
                cut.Done.SetResult();
                throw new CutException(cut.LateMs);
            }
        }
    }

    static async Task SendAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await to.SendAsync(bytes)..];
        }
    }

    sealed record Cut(bool ToServer, int LateMs)
    {
        public long Left { get; set; }

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    sealed class CutException(int lateMs) : Exception
    {
        public int LateMs => lateMs;
    }
}
