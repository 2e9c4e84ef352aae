using System.Diagnostics;
using System.Net;

namespace Docket.Bench;

/// <summary>A Release server as its own process, with its data directory, from start to SIGTERM.</summary>
internal sealed class ServerProcess : IDisposable
{
    public const string Token = "benchmark-token-0f6e2b9c41d84a53";

    /// <summary>The portal that a new data directory has.</summary>
    const string FirstPortal = "24000001";

    const string UrlStart = "http://127.0.0.1:";
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    readonly Process process;
    readonly Queue<string> lastLines = new();
    readonly TaskCompletionSource<int> port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Starts the server and returns once it answers an authenticated GET with 200.</summary>
    /// <param name="program">Its <c>docket.dll</c>, or a program.</param>
    /// <param name="dataDirectory">Its data directory.</param>
    /// <param name="store">The connection string of its PostgreSQL database, if it has one.</param>
    public ServerProcess(string program, string dataDirectory, string? store = null)
    {
        var start = Stopwatch.GetTimestamp();
        var info = Command(program, "serve", "--data", dataDirectory, "--urls", UrlStart + "0", "--token", Token);
        info.RedirectStandardError = true;
        if (store is not null)
        {
            info.Environment["DOCKET_STORE"] = store;
        }

        process = new Process { StartInfo = info, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Read(line.Data);
        process.ErrorDataReceived += (_, line) => Read(line.Data);
        process.Exited += (_, _) => port.TrySetException(new ServerFailure("The server ended."));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            Address = new IPEndPoint(IPAddress.Loopback, port.Task.WaitAsync(Patience).GetAwaiter().GetResult());
            WaitUntilReady();
        }
        catch (Exception exception)
        {
            Dispose();
            throw new ServerFailure($"The server did not start: {exception.Message}\n{Log}");
        }

        ReadySeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public IPEndPoint Address { get; }

    /// <summary>From the start of the process to the first good answer.</summary>
    public double ReadySeconds { get; }

    /// <summary>The last lines the server wrote.</summary>
    public string Log
    {
        get
        {
            lock (lastLines)
            {
                return string.Join('\n', lastLines);
            }
        }
    }

    /// <summary>How to run a command of a <c>docket.dll</c>, or of a program.</summary>
    public static ProcessStartInfo Command(string program, params string[] args)
    {
        var info = program.EndsWith(".dll", StringComparison.Ordinal) ? new ProcessStartInfo("dotnet", [program, .. args]) : new(program, args);
        info.RedirectStandardOutput = true;
        return info;
    }

    /// <summary>Seconds of processor time used so far.</summary>
    public double Cpu()
    {
        // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, in hundredths of a second.
        var stat = File.ReadAllText($"/proc/{process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11]) + long.Parse(fields[12])) / 100.0;
    }

    public Memory Memory()
    {
        var lines = File.ReadAllLines($"/proc/{process.Id}/status");
        return new Memory(MegaBytes("VmRSS:"), MegaBytes("VmHWM:"), MegaBytes("RssAnon:"));

        double MegaBytes(string name) =>
            double.Parse(lines.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "").Trim()) / 1000;
    }

    /// <summary>
    /// Delays searches: the index applies nothing during that time, and this is the only difference from a server without an
    /// index.
    /// </summary>
    /// <returns>Why it can't, or <c>null</c>.</returns>
    public static string? HoldIndexBack(string program, string dataDirectory)
    {
        var info = Command(program, "portal", "set", FirstPortal, "search-lag", "60m", "--data", dataDirectory);
        info.RedirectStandardError = true;
        using var set = Process.Start(info)!;
        var output = set.StandardOutput.ReadToEndAsync();
        var mistake = set.StandardError.ReadToEnd();
        set.WaitForExit();
        return set.ExitCode == 0 ? null : (mistake + output.Result).Trim().Split('\n')[0];
    }

    /// <summary>Creates a portal, while servers run or not.</summary>
    /// <returns>Its token.</returns>
    public static string CreatePortal(string program, string dataDirectory, string? store)
    {
        var info = Command(program, "portal", "create", "another", "--data", dataDirectory);
        if (store is not null)
        {
            info.Environment["DOCKET_STORE"] = store;
        }

        using var create = Process.Start(info)!;
        var output = create.StandardOutput.ReadToEnd();
        create.WaitForExit();
        return create.ExitCode == 0 ? output.Trim().Split(' ')[^1] : throw new ServerFailure("A portal can't be created.");
    }

    /// <summary>Ends the server with SIGTERM and waits for it.</summary>
    public void Stop()
    {
        if (!process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", process.Id.ToString()]);
            kill.WaitForExit();
        }

        if (!process.WaitForExit(Patience))
        {
            throw new ServerFailure("The server does not end on SIGTERM.");
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }

        process.Dispose();
    }

    void WaitUntilReady()
    {
        var request = new Request(Address, Token);
        request.Get();
        request.Add("/crm/v3/objects/tickets?limit=1"u8);
        request.End();
        var start = Stopwatch.GetTimestamp();
        using var connection = new Connection(Address);
        while (connection.Exchange(request) is var status and not 200)
        {
            if (Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new ServerFailure($"Still {status} after {Patience.TotalSeconds} seconds.");
            }

            Thread.Sleep(5);
        }
    }

    void Read(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (lastLines)
        {
            lastLines.Enqueue(line);
            if (lastLines.Count > 50)
            {
                lastLines.Dequeue();
            }
        }

        var url = line.IndexOf(UrlStart, StringComparison.Ordinal);
        if (url >= 0)
        {
            var digits = line.AsSpan(url + UrlStart.Length);
            var end = digits.IndexOfAnyExceptInRange('0', '9');
            port.TrySetResult(int.Parse(end < 0 ? digits : digits[..end]));
        }
    }
}

/// <summary>Resident memory of a process in megabytes: now, at most so far, and the part now that is not file pages.</summary>
internal sealed record Memory(double Resident, double Peak, double Anonymous);

/// <summary>The server does not start or does not end; the run ends.</summary>
internal sealed class ServerFailure(string message) : Exception(message);
