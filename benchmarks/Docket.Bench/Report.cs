using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Docket.Bench;

/// <summary>Prints the table line by line as it comes, and at the end what was expected of it.</summary>
internal sealed class Report(TextWriter output, string? json = null)
{
    public const string Creates = "creates", Portals = "portals";

    readonly List<(bool Met, string Text)> expectations = [];
    int count;

    public void Header(Options options) => Print($"""
        {Machine(options)}
        server: {options.Server}, own process, {options.Connections} keep-alive connections over loopback, eight properties a ticket
        {(options.Against is { } other ? $"against: {other}, {Commit(other)}, likewise" : options.Store is not null ? $"PostgreSQL, {options.Processes} process(es); raw: the same tables and connections with Npgsql; CPU s includes the database's" : "raw: one thread over SQLite's C interface, with the page size and checkpoints of the server, and a page cache of 64 MiB")}
        keys: {options.Keys}
        """);

    /// <summary>What was measured, when and on what.</summary>
    public static string Machine(Options options) =>
        $"""
        Docket {Commit(options.Server)}, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC
        {Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.OSDescription}; {RuntimeInformation.FrameworkDescription}
        """;

    public void Table(int count)
    {
        this.count = count;
        Print($"\nat {count:N0} tickets");
        Print($"{"",-36}{"tickets/s",11}{"p50 ms",9}{"p99 ms",9}{"max ms",9}{"CPU s",8}{"load CPU",10}{"RSS MB",8}{"ratio",7}  in the turns");
    }

    /// <summary>The first side, and below it each other one with the ratio of the first one's rate to its.</summary>
    public void Rows(string name, string title, Side[] sides, List<Slice>[] slices)
    {
        for (var i = 0; i < sides.Length; i++)
        {
            var all = Median(slices[i]);
            var ratios = slices[0].Zip(slices[i], (slice, other) => slice.Rate / other.Rate).Order().ToArray();
            Print($"{(i == 0 ? title : "  " + sides[i].Name),-36}{Times(all)}{Cpu(all.ServerCpu, all),8:N2}{Some(Cpu(all.ClientCpu, all)),10:N2}{Some(all.Memory),8:N0}"
                + (i == 0 ? "" : $"{ratios[ratios.Length / 2],7:N2}  {ratios[0]:N2} to {ratios[^1]:N2}"));
            AddJson(new
            {
                tickets = count,
                question = name,
                side = sides[i].Name,
                all.Rate,
                p50 = Milliseconds(all, 50),
                p99 = Milliseconds(all, 99),
                cpu = Cpu(all.ServerCpu, all),
                rss = all.Memory,
                ratios = i == 0 ? null : ratios,
            });
        }

        var server = Overall(slices[0]);
        if (name is Creates or "updates" or "no-op")
        {
            Expect(Milliseconds(server, 99) < 50, $"{count:N0} tickets, {title}: p99 below 50 ms", $"{Milliseconds(server, 99):N1} ms");
        }

        if (name is "single")
        {
            Expect(Milliseconds(server, 50) < 1.5, $"{count:N0} tickets, {title}: p50 below 1.5 ms", $"{Milliseconds(server, 50):N2} ms");
        }
    }

    /// <summary>What each role of an hour met.</summary>
    /// <param name="side">Whose hour.</param>
    /// <param name="slices">The roles.</param>
    /// <param name="before">The memory at its start.</param>
    /// <param name="cores">Cores that the server used.</param>
    public void Hour(ServerSide side, (string Role, Slice Slice)[] slices, Memory before, double cores)
    {
        Print($"an hour in {slices[0].Slice.Seconds:N0} s, {side.Name}; {cores:N2} cores");
        foreach (var (role, slice) in slices)
        {
            Print($"{"  " + role,-36}{Times(slice)}");
            AddJson(new { tickets = count, question = "hour", side = side.Name, role, slice.Rate, p50 = Milliseconds(slice, 50), p99 = Milliseconds(slice, 99) });
        }

        var after = side.Server.Memory();
        Print($"  memory: {before.Resident:N0} MB before, {after.Resident:N0} MB after, {after.Peak:N0} MB at most since the start");
    }

    /// <summary>What one minute of a long hour met.</summary>
    public void Minute(ServerSide side, int minute, (string Role, Slice Slice)[] slices)
    {
        var memory = side.Server.Memory();
        Print($"{"  minute " + minute,-12}{memory.Resident,6:N0} MB ({memory.Anonymous:N0} anonymous)  p99 ms: {string.Join(", ", slices.Select(slice => $"{slice.Role} {Milliseconds(slice.Slice, 99):N1}"))}");
        AddJson(new { tickets = count, question = "minute", side = side.Name, minute, rss = memory.Resident, p99 = slices.ToDictionary(slice => slice.Role, slice => Milliseconds(slice.Slice, 99)) });
    }

    /// <summary>A side while it was stopped, and as it starts again.</summary>
    public void Rest(string when, Side side, Rest rest, Rest? before, long changes)
    {
        var bytes = before is null ? $"{(double)rest.Data / side.Table.Count:N0} bytes a ticket with {(double)changes / side.Table.Count:N1} updates" : $"{(double)(rest.Data - before.Data) / changes:N0} bytes more for each of {changes:N0} updates";
        var server = rest.Memory is { } start ? $", and an index of {rest.Index / 1e6:N0} MB; ready in {rest.ReadySeconds:N2} s with {start.Resident:N0} MB of memory" : "";
        Print($"{when}, {side.Name}: {rest.Data / 1e6:N0} MB, {bytes}{server}");
        if (rest.Memory is not null)
        {
            Expect(rest.ReadySeconds < 1, $"{count:N0} tickets, {side.Name}: ready within a second on existing data", $"{rest.ReadySeconds:N2} s");
        }
    }

    /// <summary>What was expected, and whether it was met.</summary>
    public void PrintExpectations()
    {
        Print("\nexpected");
        foreach (var (met, text) in expectations)
        {
            Print($"  {(met ? "met   " : "MISSED")}  {text}");
        }
    }

    public void Expect(bool met, string what, string measured) => expectations.Add((met, $"{what}: {measured}"));

    public void Print(string line) => output.WriteLine(line);

    /// <summary>The latency that so many percent of the requests did not exceed.</summary>
    public static double Milliseconds(Slice slice, int percent)
    {
        Array.Sort(slice.Latencies);
        var index = (int)Math.Ceiling(slice.Latencies.Length * percent / 100.0) - 1;
        return slice.Latencies[Math.Max(index, 0)] * 1000.0 / Stopwatch.Frequency;
    }

    /// <summary>Several slices as one.</summary>
    public static Slice Overall(List<Slice> slices) => new(
        slices.Sum(slice => slice.Tickets),
        slices.Sum(slice => slice.Seconds),
        [.. slices.SelectMany(slice => slice.Latencies)],
        slices.Sum(slice => slice.ServerCpu),
        slices.Sum(slice => slice.ClientCpu),
        slices.Max(slice => slice.Memory));

    /// <summary>All slices as one, at the rate of the one in the middle.</summary>
    public static Slice Median(List<Slice> slices)
    {
        var overall = Overall(slices);
        var rate = slices.Select(slice => slice.Rate).Order().ElementAt(slices.Count / 2);
        return overall with { Seconds = overall.Tickets / rate };
    }

    /// <summary>
    /// The middle one of the turns' ratios. The two sides of a turn lie next to each other in time, so what slows the
    /// machine for a while shows in both.
    /// </summary>
    public static double Ratio(List<Slice> slices, List<Slice> rawSlices) =>
        slices.Zip(rawSlices, (slice, rawSlice) => slice.Rate / rawSlice.Rate).Order().ElementAt(slices.Count / 2);

    static string Times(Slice slice) => $"{slice.Rate,11:N0}{Milliseconds(slice, 50),9:N2}{Milliseconds(slice, 99),9:N2}{Milliseconds(slice, 100),9:N1}";

    static double? Some(double value) => value > 0 ? value : null;

    void AddJson(object row)
    {
        if (json is not null)
        {
            File.AppendAllText(json, JsonSerializer.Serialize(row, JsonSerializerOptions.Web) + "\n");
        }
    }

    /// <summary>Seconds of processor time for 100,000 tickets.</summary>
    static double Cpu(double seconds, Slice slice) => seconds * 100_000 / slice.Tickets;

    static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    static string Commit(string server)
    {
        try
        {
            var info = new ProcessStartInfo("git", ["-C", Path.GetDirectoryName(server)!, "describe", "--always", "--dirty", "--exclude=*"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var git = Process.Start(info)!;
            return git.StandardOutput.ReadToEnd().Trim() is { Length: > 0 } commit ? commit : "(no commit)";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "(no git)";
        }
    }
}
