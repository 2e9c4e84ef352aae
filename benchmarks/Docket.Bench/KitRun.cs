using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Docket.Bench;

/// <summary>Measures what tests wait for: starts of a server that keeps nothing, new portals, rewinds, and the memory of many portals.</summary>
internal sealed class KitRun : IDisposable
{
    const int Starts = 10, Portals = 1_000, Tickets = 10_000, Rewinds = 50;

    /// <summary>Until the server has closed portals that are not used and has given back their memory.</summary>
    static readonly TimeSpan UntilIdle = TimeSpan.FromSeconds(75);

    readonly Options options;
    readonly Report report = new(Console.Out);
    readonly HttpClient http = new();
    readonly string addressFile = Path.Combine(Path.GetTempPath(), $"docket-bench-{Environment.ProcessId}");
    Process? server;
    string address = "";

    public KitRun(Options options)
    {
        this.options = options;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "test");
    }

    public void Go()
    {
        report.Print(Report.Machine(options));
        report.Print($"server: own process, docket serve --ephemeral, one keep-alive connection over loopback\n\n{"",-44}{"p50",12}{"p99",12}{"most",12}");
        var starts = new List<double>();
        for (var i = 0; i < Starts; i++)
        {
            Stop();
            var begun = Stopwatch.GetTimestamp();
            Start();
            Send(HttpMethod.Get, "/crm/v3/objects/tickets");
            starts.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        Show("start of the process to the first answer", starts);
        for (var i = 0; i < 100; i++)
        {
            Create();
        }

        var (before, files) = Memory();
        var tokens = new List<string>();
        var creations = Times(Portals, () => tokens.Add(Create()));
        Show($"create an empty portal, {Portals:N0} of them", creations);
        Thread.Sleep(UntilIdle);
        ShowMemory($"memory of a portal that was not used, of {Portals:N0}", before, files);
        Show("first ticket of a portal", [.. tokens.Select(token => Times(1, () => Send(HttpMethod.Post, "/crm/v3/objects/tickets", Ticket(0), token))[0])]);
        Thread.Sleep(UntilIdle);
        var threads = ShowMemory($"memory of a used, idle portal, of {Portals:N0}", before, files);

        for (var i = 0; i < Tickets; i += 100)
        {
            Send(HttpMethod.Post, "/crm/v3/objects/tickets/batch/create", $$"""{"inputs":[{{string.Join(',', Enumerable.Range(i, 100).Select(Ticket))}}]}""");
        }

        var snapshot = Send(HttpMethod.Post, "/docket/v1/snapshots").GetProperty("id").GetString();
        List<double> rewinds = [], searches = [];
        for (var i = 0; i < Rewinds; i++)
        {
            Send(HttpMethod.Post, "/crm/v3/objects/tickets", Ticket(i));
            rewinds.AddRange(Times(1, () => Send(HttpMethod.Post, "/docket/v1/rewind", $$"""{"snapshot":"{{snapshot}}"}""")));
            var found = 0;
            searches.AddRange(Times(1, () => found = Send(HttpMethod.Post, "/crm/v3/objects/tickets/search", """{"query":"ticket"}""").GetProperty("total").GetInt32()));
            if (found != Tickets)
            {
                throw new WrongAnswer($"{found} tickets were found after a rewind, in place of {Tickets}.");
            }
        }

        Show($"rewind with {Tickets:N0} tickets", rewinds);
        Show("the first search after it", searches);
        Show($"create a portal with {Tickets:N0} tickets", Times(20, () => Create($$"""{"snapshot":"{{snapshot}}"}""")));

        report.Expect(Quantile(starts, 0.5) < 300, "the first answer is there in less than 300 ms", $"{Quantile(starts, 0.5):N0} ms");
        report.Expect(Quantile(creations, 0.5) < 10, "an empty portal takes less than 10 ms", $"{Quantile(creations, 0.5):N1} ms");
        report.Expect(Quantile(rewinds, 0.5) < 50, $"a rewind with {Tickets:N0} tickets takes less than 50 ms", $"{Quantile(rewinds, 0.5):N1} ms");
        report.Expect(threads < Portals / 10, "idle portals have no threads", $"{threads} threads");
        report.PrintExpectations();
    }

    public void Dispose()
    {
        Stop();
        http.Dispose();
    }

    void Start()
    {
        server = Process.Start(ServerProcess.Command(options.Server, "serve", "--ephemeral", "--urls", "http://127.0.0.1:0", "--address-file", addressFile, "--exit-with-parent"))!;
        while (!File.Exists(addressFile))
        {
            if (server.HasExited)
            {
                throw new ServerFailure("The server ended.");
            }

            Thread.Sleep(1);
        }

        address = File.ReadAllText(addressFile).Trim();
    }

    void Stop()
    {
        if (server is null)
        {
            return;
        }

        using var kill = Process.Start("kill", ["-TERM", server.Id.ToString()]);
        kill.WaitForExit();
        server.WaitForExit();
        server.Dispose();
        server = null;
    }

    string Create(string body = "{}") => Send(HttpMethod.Post, "/docket/v1/portals", body).GetProperty("token").GetString()!;

    JsonElement Send(HttpMethod method, string path, string? body = null, string? token = null)
    {
        using var request = new HttpRequestMessage(method, address + path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var response = http.Send(request);
        using var reader = new StreamReader(response.Content.ReadAsStream());
        var text = reader.ReadToEnd();
        return response.StatusCode >= HttpStatusCode.BadRequest ? throw new WrongAnswer($"{method} {path}: {(int)response.StatusCode} {text}")
            : text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    static string Ticket(int i) => $$$"""{"properties":{"subject":"ticket number {{{i}}}","content":"What it is about, in a few words.","hs_pipeline_stage":"1"}}""";

    static List<double> Times(int count, Action what)
    {
        var times = new List<double>(count);
        for (var i = 0; i < count; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            what();
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        return times;
    }

    /// <summary>Anonymous memory of the process, and its files in memory, in kB.</summary>
    (double Process, double Files) Memory()
    {
        var lines = File.ReadAllLines($"/proc/{server!.Id}/status");
        var anonymous = double.Parse(lines.First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal))["RssAnon:".Length..].Replace("kB", "").Trim());
        var directory = Directory.GetFiles($"/proc/{server.Id}/fd").Select(file => new FileInfo(file).LinkTarget).OfType<string>()
            .Where(target => target.Contains("docket-ephemeral-", StringComparison.Ordinal)).Select(target => Path.GetDirectoryName(target)!).First();
        return (anonymous, new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) / 1000.0);
    }

    /// <returns>The threads of the process.</returns>
    int ShowMemory(string name, double before, double filesBefore)
    {
        var (now, files) = Memory();
        var threads = Directory.GetDirectories($"/proc/{server!.Id}/task").Length;
        report.Print($"{name,-44}{$"{Math.Max(0, now - before) / Portals:N0} kB in the process, {(files - filesBefore) / Portals:N0} kB of files; {threads} threads in all"}");
        return threads;
    }

    void Show(string name, List<double> times) => report.Print($"{name,-44}{Quantile(times, 0.5),9:N1} ms{Quantile(times, 0.99),9:N1} ms{times.Max(),9:N1} ms");

    static double Quantile(List<double> values, double share) => values.Order().ElementAt((int)(share * (values.Count - 1)));
}
