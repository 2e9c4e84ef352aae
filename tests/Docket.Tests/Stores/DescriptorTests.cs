using System.Net.Sockets;

namespace Docket.Tests.Stores;

/// <summary>A process with fewer file descriptors than its clients would take.</summary>
public sealed class DescriptorTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-descriptors-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    [Trait("Category", "Slow")]
    public async Task More_connections_than_descriptors_leave_enough_for_files_and_threads()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The limit of a process is set with Linux's prlimit.");
        await using var server = await ServerProcess.StartAsync(directory, "prlimit", "--nofile=700:700");
        (await server.SendAsync(HttpMethod.Get, "/healthz", "")).Expect(200); // the connection that goes on working

        var waiting = new List<TcpClient>();
        for (var i = 0; i < 800; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, TestContext.Current.CancellationToken);
            waiting.Add(client);
        }

        var jobs = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            var answer = await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", prefer: "respond-async");
            jobs.Add(answer.Expect(202)["id"]!);
            (await server.SendAsync(HttpMethod.Get, Tickets, "")).Expect(200);
            (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Expect(200);
            (await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"a"}""")).Expect(200);
        }

        waiting.ForEach(client => client.Dispose());
        foreach (var job in jobs)
        {
            await UntilAsync(async () => (await server.SendAsync(HttpMethod.Get, $"/docket/v1/jobs/{job}", ""))["status"] == "COMPLETE");
        }

        (await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"a"}""")).Expect(200);
        await UntilAsync(async () =>
        {
            using var another = new HttpClient();
            try
            {
                using var answered = await another.GetAsync(server.Url + "/healthz", TestContext.Current.CancellationToken);
                return answered.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false; // those before it are still being closed
            }
        });
    }

    static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await condition())
        {
            await Task.Delay(20, enough.Token);
        }
    }
}
