using System.Diagnostics;
using System.Net.Sockets;

namespace Docket.Tests.Stores;

/// <summary>A process that has no file descriptors left for a while: requests may fail, and nothing stays broken.</summary>
public sealed class DescriptorTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets";

    readonly string directory = Directory.CreateTempSubdirectory("docket-descriptors-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Descriptors_that_ran_out_once_leave_no_job_undone_and_the_server_ready()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits of a running process are changed with Linux's prlimit.");
        await using var server = await ServerProcess.StartAsync(directory);
        (await server.SendAsync(HttpMethod.Get, "/healthz", "")).Expect(200); // the connection that goes on working
        await LimitAsync(server.Id, Directory.GetFiles($"/proc/{server.Id}/fd").Length);

        var jobs = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            var answer = await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"a","hs_pipeline_stage":"1"}}]}""", prefer: "respond-async");
            Assert.True(answer.Status is 202 or >= 500, answer.Text);
            if (answer.Status == 202)
            {
                jobs.Add(answer["id"]!);
            }

            await server.SendAsync(HttpMethod.Get, Tickets, "");
            await server.SendAsync(HttpMethod.Get, "/readyz", "");
            await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"a"}""");
        }

        // Some want to connect, which needs a descriptor each.
        var waiting = new List<TcpClient>();
        for (var i = 0; i < 20; i++)
        {
            var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, TestContext.Current.CancellationToken);
            waiting.Add(client);
        }

        await LimitAsync(server.Id, 4_096);
        waiting.ForEach(client => client.Dispose());
        using (var another = new HttpClient())
        {
            using var answered = await another.GetAsync(server.Url + "/healthz", TestContext.Current.CancellationToken);
            Assert.True(answered.IsSuccessStatusCode);
        }

        await UntilAsync(async () => (await server.SendAsync(HttpMethod.Get, "/readyz", "")).Status == 200);
        foreach (var job in jobs)
        {
            await UntilAsync(async () => (await server.SendAsync(HttpMethod.Get, $"/docket/v1/jobs/{job}", ""))["status"] == "COMPLETE");
        }

        await UntilAsync(async () => (await server.SendAsync(HttpMethod.Post, Tickets + "/search", """{"query":"a"}"""))["total"] == jobs.Count.ToString());
        Assert.DoesNotMatch("FileNotFoundException|FileLoadException|TypeInitializationException|DllNotFoundException", server.Output);
    }

    static async Task LimitAsync(int process, int descriptors)
    {
        using var limit = Process.Start("prlimit", ["--pid", process.ToString(), $"--nofile={descriptors}:"]);
        await limit.WaitForExitAsync();
        Assert.Equal(0, limit.ExitCode);
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
