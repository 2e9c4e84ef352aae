using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Docket.Bench;

/// <summary>One line of the table.</summary>
/// <param name="Name">The question.</param>
/// <param name="Server">What the server did.</param>
/// <param name="Memory">The server's memory right afterwards.</param>
/// <param name="Raw">What the raw loop did with the same rows, where it has such a question.</param>
/// <param name="Ratio">How much faster than the raw loop the server was.</param>
internal sealed record Row(string Name, Slice Server, Memory Memory, Slice? Raw = null, double Ratio = 0);

/// <summary>Bytes in a data directory: the write-ahead log, and everything else.</summary>
internal sealed record Disk(long Data, long Log)
{
    public static Disk Of(string directory)
    {
        var files = new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).ToLookup(file => file.Name.EndsWith("-wal", StringComparison.Ordinal), file => file.Length);
        return new Disk(files[false].Sum(), files[true].Sum());
    }
}

/// <summary>Prints the table line by line as it comes, and at the end what was expected of it.</summary>
internal sealed class Report(TextWriter output)
{
    public const string Creates = "creates, 100 a batch", Updates = "random updates, 100 a batch", Repeats = "no-op upserts, 100 a batch";
    public const string Singles = "single upserts, 1 connection";

    readonly List<(bool Met, string Text)> expectations = [];
    double peak;
    int count;

    public void Header(Options options, string engineVersion)
    {
        Print($"""
            {Machine(options)}; SQLite {engineVersion}
            server: own process, {options.Connections} keep-alive connections over loopback, eight properties a ticket
            raw: one thread, the same rows and tables, one transaction a batch, WAL, synchronous=FULL, pages of {options.PageSize:N0} bytes, checkpoint after {options.Checkpoint:N0} pages
            """);
    }

    /// <summary>What was measured, when and on what.</summary>
    public static string Machine(Options options) =>
        $"""
        Docket {Commit(options.Server)}, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC
        {Processor()}, {Environment.ProcessorCount} cores; {RuntimeInformation.OSDescription}; {RuntimeInformation.FrameworkDescription}
        """;

    public void Table(int count, int wanted)
    {
        this.count = count;
        Print("");
        Print(count == wanted ? $"at {count:N0} tickets" : $"at {count:N0} tickets; the time to grow to {wanted:N0} was up");
        Print($"{"",-32}{"tickets/s",11}{"p50 ms",9}{"p99 ms",9}{"max ms",9}{"raw/s",11}{"raw p50",9}{"ratio",7}{"server CPU",12}{"load CPU",10}{"RSS MB",8}");
    }

    public void Row(Row row)
    {
        var (server, raw) = (row.Server, row.Raw);
        var hundredThousands = server.Tickets / 100_000.0;
        Print($"{row.Name,-32}{server.Rate,11:N0}{Milliseconds(server, 50),9:N2}{Milliseconds(server, 99),9:N2}{Milliseconds(server, 100),9:N1}"
            + (raw is null ? $"{"",27}" : $"{raw.Rate,11:N0}{(raw.Latencies.Length == 0 ? "" : $"{Milliseconds(raw, 50):N2}"),9}{row.Ratio,7:N2}")
            + $"{server.ServerCpu / hundredThousands,12:N2}{server.ClientCpu / hundredThousands,10:N2}{row.Memory.Resident,8:N0}");

        peak = Math.Max(peak, row.Memory.Peak);
        if (row.Name is Creates or Updates)
        {
            Expect(row.Ratio >= 1, $"{count:N0} tickets, {row.Name}: at least the raw loop's rate", $"{row.Ratio:N2} of it");
        }

        if (row.Name is Creates or Updates or Repeats)
        {
            Expect(Milliseconds(server, 99) < 50, $"{count:N0} tickets, {row.Name}: p99 below 50 ms", $"{Milliseconds(server, 99):N1} ms");
        }

        if (row.Name is Singles)
        {
            Expect(Milliseconds(server, 50) < 1.5, $"{count:N0} tickets, {row.Name}: p50 below 1.5 ms", $"{Milliseconds(server, 50):N2} ms");
        }
    }

    public void State(Table table, Table rawTable, Memory memory, Disk disk, Disk rawDisk) => Print(
        $"""
        memory: {memory.Resident:N0} MB resident ({memory.Anonymous:N0} MB of it anonymous), {memory.Peak:N0} MB at most
        disk: {disk.Data / 1e6:N0} MB and a log of {disk.Log / 1e6:N0} MB; {(double)disk.Data / table.Count:N0} bytes a ticket with {Changes(table):N1} updates each
        raw: {rawDisk.Data / 1e6:N0} MB and a log of {rawDisk.Log / 1e6:N0} MB; {(double)rawDisk.Data / rawTable.Count:N0} bytes a ticket with {Changes(rawTable):N1} updates each
        """);

    public void Restart(double readySeconds, double stopSeconds)
    {
        Print($"\nready {readySeconds:N2} s after the start of the process on this data (median); stopped on SIGTERM within {stopSeconds:N2} s");
        Expect(readySeconds < 1, "ready within a second on existing data", $"{readySeconds:N2} s");
    }

    public void Expectations()
    {
        Expect(peak < 400, "resident memory below 400 MB", $"{peak:N0} MB at most");
        PrintExpectations();
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
        slices.Sum(slice => slice.ClientCpu));

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

    static double Changes(Table table) => (double)table.Changes / table.Count;

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
