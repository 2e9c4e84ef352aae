using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Docket.Tests;

/// <summary>Docket as a separate process, which a test can kill.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    readonly Process process;
    readonly HttpClient http;

    readonly List<string> output, log;

    ServerProcess(Process process, string url, string token, List<string> output, List<string> log)
    {
        this.process = process;
        this.output = output;
        this.log = log;
        Url = url;
        http = new HttpClient { BaseAddress = new Uri(url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
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

    /// <summary>The lines of its standard output so far.</summary>
    public string[] Log
    {
        get
        {
            lock (output)
            {
                return [.. log];
            }
        }
    }

    /// <param name="directory">The data directory.</param>
    /// <param name="within">A command that runs the command after it in the same process, such as <c>nice</c>.</param>
    public static Task<ServerProcess> StartAsync(string directory, params string[] within) => ServeAsync(directory, [], within: within);

    /// <param name="directory">The data directory.</param>
    /// <param name="options">More options of <c>docket serve</c>.</param>
    /// <param name="url">Where it listens.</param>
    /// <param name="environment">More variables of its environment.</param>
    /// <param name="within">As for <see cref="StartAsync"/>.</param>
    public static async Task<ServerProcess> ServeAsync(
        string directory, string[] options, string url = "http://127.0.0.1:0", IReadOnlyDictionary<string, string>? environment = null, string[]? within = null)
    {
        var start = Serving(["--data", directory, "--urls", url, "--token", TestServer.Token, .. options], within);
        if (await TestEngine.StoreOfAsync(directory) is { } store)
        {
            start.Environment["DOCKET_STORE"] = store;
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return await RunAsync(start, TestServer.Token);
    }

    /// <summary>Starts a server that keeps its data in memory, with its own token.</summary>
    public static Task<ServerProcess> ServeEphemeralAsync(params string[] options) => ServeEphemeralAsync([], options);

    /// <inheritdoc cref="ServeEphemeralAsync(string[])"/>
    public static Task<ServerProcess> ServeEphemeralAsync(string[] within, params string[] options) =>
        RunAsync(Serving(["--ephemeral", "--urls", "http://127.0.0.1:0", .. options], within), DocketServer.EphemeralToken);

    static ProcessStartInfo Serving(string[] options, string[]? within)
    {
        string[] command = [.. within ?? [], "dotnet", Program(), "serve", .. options];
        return new(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
    }

    static async Task<ServerProcess> RunAsync(ProcessStartInfo start, string token)
    {
        var process = Process.Start(start)!;
        var listening = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (output, log) = (new List<string>(), new List<string>());
        process.OutputDataReceived += (_, line) => Hear(line.Data ?? "", log);
        process.ErrorDataReceived += (_, line) => Hear(line.Data ?? "", null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(listening.Task, ended).WaitAsync(TimeSpan.FromMinutes(1)) == ended && !listening.Task.IsCompleted)
        {
            throw new InvalidOperationException($"docket serve ended with {process.ExitCode}: {string.Join('\n', output)}");
        }

        return new ServerProcess(process, await listening.Task, token, output, log);

        void Hear(string line, List<string>? alsoIn)
        {
            lock (output)
            {
                output.Add(line);
                alsoIn?.Add(line);
            }

            if (Address().Match(line) is { Success: true } address)
            {
                listening.TrySetResult(address.Value);
            }
        }
    }

    /// <summary>What a pattern finds in <see cref="Output"/>, once it is there.</summary>
    public async Task<Match> WaitForAsync(string pattern)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        Match match;
        while (!(match = Regex.Match(Output, pattern)).Success)
        {
            Assert.False(enough.IsCancellationRequested, $"nothing like {pattern} in: {Output}");
            await Task.Delay(10);
        }

        return match;
    }

    /// <summary>Starts a command that a test may kill.</summary>
    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("dotnet", [Program(), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>Runs a command that ends by itself.</summary>
    public static async Task<(int Exit, string Output, string Errors)> RunAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("dotnet", [Program(), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Array.IndexOf(arguments, "--data") is >= 0 and var data && await TestEngine.StoreOfAsync(arguments[data + 1]) is { } store)
        {
            start.Environment["DOCKET_STORE"] = store;
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
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

    /// <summary>SIGSTOP: it stands still until <see cref="ContinueAsync"/>.</summary>
    public Task StandStillAsync() => SignalAsync("-STOP");

    /// <summary>SIGCONT.</summary>
    public Task ContinueAsync() => SignalAsync("-CONT");

    /// <summary>Waits until it has ended by itself.</summary>
    public Task EndAsync() => process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task StopAsync()
    {
        await SignalAsync("-TERM");
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [signal, process.Id.ToString()]);
        await kill.WaitForExitAsync();
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

    [GeneratedRegex(@"https?://127\.0\.0\.1:[1-9]\d*")]
    private static partial Regex Address();
}
