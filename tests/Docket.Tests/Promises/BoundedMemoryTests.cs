using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Docket.Tests.Promises;

/// <summary>A server that may use little memory goes on serving, whatever is sent to it and however slowly.</summary>
public sealed class BoundedMemoryTests : IDisposable
{
    const string Upsert = "/crm/v3/objects/tickets/batch/upsert";

    /// <summary>What the process may use for its objects; a quarter of it is for bodies.</summary>
    const int Megabytes = 120;

    readonly string directory = Directory.CreateTempSubdirectory("docket-memory-").FullName;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("/oauth/v2/private-apps/get/access-token-info", "", "413")]
    [InlineData(Upsert, "", "401")]
    [InlineData(Upsert, $"Authorization: Bearer {TestServer.Token}\r\n", "503")]
    [InlineData(Upsert, $"Authorization: Bearer {TestServer.Token}\r\nPrefer: respond-async\r\n", "")]
    public async Task Large_bodies_that_never_end_do_not_fill_the_memory(string path, string headers, string expected)
    {
        await using var server = await ServerProcess.ServeAsync(directory, [], environment: new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = $"{Megabytes * 1024 * 1024:x}" });
        var connections = new List<TcpClient>();
        try
        {
            // Each sends ten of the 25 MB that it says, and then nothing any more.
            var piece = Encoding.ASCII.GetBytes(new string(' ', 1024 * 1024));
            for (var i = 0; i < 16; i++)
            {
                var client = new TcpClient();
                connections.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port, Cancellation);
                var stream = client.GetStream();
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: docket\r\n{headers}Content-Type: application/json\r\nContent-Length: 25000000\r\n\r\n"), Cancellation);
                if (expected is "413" or "401")
                {
                    Assert.StartsWith($"HTTP/1.1 {expected} ", await AnyAnswerAsync([stream]), StringComparison.Ordinal); // before any of it has come
                }

                try
                {
                    for (var sent = 0; sent < 10; sent++)
                    {
                        await stream.WriteAsync(piece, Cancellation);
                    }
                }
                catch (IOException)
                {
                    // It was answered, and the connection closed.
                }
            }

            if (expected == "503")
            {
                var answered = await AnyAnswerAsync(connections.Select(client => client.GetStream()));
                Assert.StartsWith("HTTP/1.1 503 ", answered, StringComparison.Ordinal);
                Assert.Contains("\r\nRetry-After: 1\r\n", answered, StringComparison.Ordinal);
            }
        }
        finally
        {
            connections.ForEach(client => client.Dispose());
        }

        // As soon as the connections have gone there is room for everybody.
        Answer? answer = null;
        for (var tries = 0; answer?.Status is null or 503; tries++)
        {
            Assert.True(tries < 100, answer?.Text);
            await Task.Delay(answer is null ? 0 : 100, Cancellation);
            answer = await server.SendAsync(HttpMethod.Post, Upsert, $$$"""{"inputs":[{"id":"A","idProperty":"hs_external_object_ids","properties":{"hs_pipeline_stage":"1","content":"{{{new string('x', 60_000)}}}"}}]}""");
        }

        answer.Expect(200);
        Assert.DoesNotContain("OutOfMemory", server.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    /// <summary>The first thing that comes back on any of them.</summary>
    static async Task<string> AnyAnswerAsync(IEnumerable<NetworkStream> connections)
    {
        var reads = connections.Select(async connection =>
        {
            var buffer = new byte[4096];
            return Encoding.UTF8.GetString(buffer, 0, await connection.ReadAsync(buffer, Cancellation));
        });
        return await await Task.WhenAny(reads).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
    }
}
