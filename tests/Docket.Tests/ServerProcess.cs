using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Docket.Tests;

/// <summary>Docket as a process of its own, which a test may kill.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    readonly Process process;
    readonly HttpClient http;

    readonly List<string> output;

    ServerProcess(Process process, string url, List<string> output)
    {
        this.process = process;
        this.output = output;
        Url = url;
        http = new HttpClient { BaseAddress = new Uri(url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
    }

    public int Id => process.Id;

    public string Url { get; }

    /// <summary>Everything it has written to its output and its errors so far.</summary>
    public string Output
    {
        get
        {
            lock (output)
            {
                return string.Join('\n', output);
            }
        }
    }

    /// <param name="directory">The data directory.</param>
    /// <param name="within">A command that runs the command after it in the same process, such as <c>nice</c>.</param>
    public static async Task<ServerProcess> StartAsync(string directory, params string[] within)
    {
        string[] command = [.. within, "dotnet", Program(), "serve", "--data", directory, "--urls", "http://127.0.0.1:0", "--token", TestServer.Token];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        var url = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var output = new List<string>();
        DataReceivedEventHandler listen = (_, line) =>
        {
            lock (output)
            {
                output.Add(line.Data ?? "");
            }

            if (Address().Match(line.Data ?? "") is { Success: true } address)
            {
                url.TrySetResult(address.Value);
            }
        };
        process.OutputDataReceived += listen;
        process.ErrorDataReceived += listen;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(url.Task, ended).WaitAsync(TimeSpan.FromMinutes(1)) == ended && !url.Task.IsCompleted)
        {
            throw new InvalidOperationException($"docket serve ended with {process.ExitCode}: {string.Join('\n', output)}");
        }

        return new ServerProcess(process, await url.Task, output);
    }

    /// <summary>Runs a command that ends by itself.</summary>
    public static async Task<(int Exit, string Output, string Errors)> RunAsync(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Program(), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        }
        catch (TimeoutException)
        {
            process.Kill();
        }

        return (process.ExitCode, await output, await errors);
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, string json, string type = "application/json", string? prefer = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new StringContent(json, System.Text.Encoding.UTF8, type) };
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }

        using var response = await http.SendAsync(request);
        return await Answer.OfAsync(response);
    }

    /// <summary>SIGKILL: the process gets no chance to do anything.</summary>
    public void Kill() => process.Kill();

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>The command built with the same configuration as this assembly; it is the one with a runtime configuration.</summary>
    static string Program()
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var configuration = output.Parent!.Name;
        var root = output;
        while (!File.Exists(Path.Combine(root.FullName, "Docket.slnx")))
        {
            root = root.Parent ?? throw new InvalidOperationException($"{output} lies in no checkout of Docket.");
        }

        var bin = new DirectoryInfo(Path.Combine(root.FullName, "src", "Docket.Cli", "bin", configuration, output.Name));
        var newest = bin.GetFiles("*.runtimeconfig.json").OrderBy(file => file.LastWriteTimeUtc).Last();
        return newest.FullName.Replace(".runtimeconfig.json", ".dll", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"http://127\.0\.0\.1:[1-9]\d*")]
    private static partial Regex Address();
}
