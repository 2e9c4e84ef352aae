namespace Docket.Bench;

/// <summary>The report of a <see cref="SearchRun"/>, printed as it comes.</summary>
internal sealed class SearchReport(Report report)
{
    public const string Creates = "creates", Texts = "updates of subject and content", Stages = "updates of the stage";

    const double RatioMin = 0.70, SearchMsMax = 50;

    readonly List<string> slow = [];
    int searches;

    public void Header(Options options) => report.Print(
        $"""
        {Report.Machine(options)}
        server: own process, {options.Connections} keep-alive connections over loopback, 100 tickets a batch, ten properties a ticket
        """);

    public void NotCompared(string reason) => report.Print($"this server can't hold its index back, so nothing is said of writes without it: {reason}");

    public void WriteTable(int from, int to)
    {
        report.Print($"\nwriting, from {from:N0} to {to:N0} tickets; until a search has seen the last write, and without the index");
        report.Print($"{"",-34}{"tickets/s",11}{"p50 ms",9}{"p99 ms",9}{"behind ms",11}{"CPU",7}{"without/s",12}{"p50 ms",9}{"p99 ms",9}{"CPU",7}{"ratio",7}");
    }

    public void WriteRow(string name, List<Slice> slices, List<Slice> bareSlices)
    {
        var all = Report.Overall(slices);
        var line = $"{name,-34}{Report.Median(slices).Rate,11:N0}{Report.Milliseconds(all, 50),9:N1}{Report.Milliseconds(all, 99),9:N1}{Middle(slices.Select(slice => slice.Behind * 1000)),11:N0}{Cpu(all),7:N2}";
        if (bareSlices.Count == 0)
        {
            report.Print(line);
            return;
        }

        var (bare, ratio) = (Report.Overall(bareSlices), Report.Ratio(slices, bareSlices));
        report.Print($"{line}{Report.Median(bareSlices).Rate,12:N0}{Report.Milliseconds(bare, 50),9:N1}{Report.Milliseconds(bare, 99),9:N1}{Cpu(bare),7:N2}{ratio,7:N2}");
        report.Expect(ratio >= RatioMin, $"{name}, with the index: at least {RatioMin:N2} of the rate without", $"{ratio:N2} of it");
    }

    public void Memory(string when, Memory memory) =>
        report.Print($"memory {when}: {memory.Resident:N0} MB resident ({memory.Anonymous:N0} MB of it anonymous), {memory.Peak:N0} MB at most");

    /// <summary>Printed while the server is stopped.</summary>
    public void Disk(string directory, int count)
    {
        var files = new DirectoryInfo(directory).GetFiles("portal-*").ToLookup(file => file.Name.Contains(".index.db", StringComparison.Ordinal), file => file.Length);
        report.Print($"disk: tickets {files[false].Sum() / 1e6:N0} MB, index {files[true].Sum() / 1e6:N0} MB; {files[false].Sum() / count:N0} and {files[true].Sum() / count:N0} bytes a ticket");
    }

    public void Restart((double Ready, double Search) kept, (double Ready, double Search) built, int count)
    {
        report.Print($"ready {kept.Ready:N2} s after the start of the process, the first search answered after {kept.Search:N2} s");
        report.Print($"without the index file: ready after {built.Ready:N2} s, the first search answered after {built.Search:N1} s: {count / built.Search:N0} tickets/s");
        report.Expect(kept.Ready < 1 && built.Ready < 1, "ready within a second, with and without the index file", $"{kept.Ready:N2} s and {built.Ready:N2} s");
    }

    public void SearchTable(string title)
    {
        report.Print($"\n{title}");
        report.Print($"{"",-34}{"p50 ms",9}{"p95 ms",9}{"max ms",9}{"found",12}{"searches",10}");
    }

    public void SearchRow(string name, Slice slice, List<long> totals, bool quiet)
    {
        var p95 = Report.Milliseconds(slice, 95);
        report.Print($"{name,-34}{Report.Milliseconds(slice, 50),9:N1}{p95,9:N1}{Report.Milliseconds(slice, 100),9:N1}{Middle(totals),12:N0}{totals.Count,10:N0}");
        if (quiet)
        {
            searches++;
            if (p95 >= SearchMsMax)
            {
                slow.Add($"{name} {p95:N0} ms");
            }
        }
    }

    public void Beside(string name, Slice slice) => report.Print($"{name}: {slice.Rate:N0} tickets/s, p50 {Report.Milliseconds(slice, 50):N1} ms, p99 {Report.Milliseconds(slice, 99):N1} ms, max {Report.Milliseconds(slice, 100):N1} ms");

    public void Accompanied(List<Slice> alone, List<Slice> accompanied, List<Slice> searching, int connections)
    {
        report.Print($"\n{connections} connections update subject and content, 100 a batch");
        Beside("  alone", Report.Median(alone));
        Beside($"  while {connections} search at full speed", Report.Median(accompanied));
        var all = Report.Overall(searching);
        report.Print($"    those searches, all kinds in turn: {all.Rate:N0} a second, p50 {Report.Milliseconds(all, 50):N1} ms, p95 {Report.Milliseconds(all, 95):N1} ms");
        report.Print($"  {Report.Ratio(accompanied, alone):N2} of the rate");
    }

    public void Expectations()
    {
        report.Expect(slow.Count == 0, $"every search with nothing else going on: p95 below {SearchMsMax} ms",
            slow.Count == 0 ? "all of them" : $"{searches - slow.Count} of {searches}; not {string.Join(", ", slow)}");
        report.PrintExpectations();
    }

    /// <summary>Seconds of the server's processor time for 100,000 tickets.</summary>
    static double Cpu(Slice slice) => slice.ServerCpu / slice.Tickets * 100_000;

    static T Middle<T>(IEnumerable<T> values) => values.Order().ToArray() is { Length: > 0 } sorted ? sorted[sorted.Length / 2] : default!;
}
