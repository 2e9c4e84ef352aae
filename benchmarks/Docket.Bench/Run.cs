using System.Diagnostics;

namespace Docket.Bench;

/// <summary>
/// One run from fresh data to the report: grows the server and the raw loop side by side, and at each size asks every
/// question. What is compared is measured in turns, so that a noisy moment of the machine meets both sides.
/// </summary>
internal sealed class Run : IDisposable
{
    const int Turns = 3, GrowTurns = 8, Restarts = 3, IdSamples = 500;

    readonly Options options;
    readonly string directory;
    readonly Table table, rawTable;
    readonly RawLoop raw;
    readonly Report report;
    ServerProcess server;
    LoadClient load;
    int seed;

    public Run(Options options)
    {
        this.options = options;
        directory = Path.Combine(options.Data, $"run-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        server = new ServerProcess(options.Server, ServerDirectory);
        load = new LoadClient(server, options.Connections);
        Directory.CreateDirectory(RawDirectory);
        table = new Table(options.Sizes[^1]);
        rawTable = new Table(options.Sizes[^1]);
        raw = new RawLoop(Path.Combine(RawDirectory, "raw.db"), options, rawTable);
        report = new Report(Console.Out);
    }

    string ServerDirectory => Path.Combine(directory, "server");

    string RawDirectory => Path.Combine(directory, "raw");

    public void Go()
    {
        report.Header(options, raw.EngineVersion);
        WarmUp();
        foreach (var size in options.Sizes)
        {
            Grow(size);
            AskAll();
            report.State(table, rawTable, server.Memory(), Disk.Of(ServerDirectory), Disk.Of(RawDirectory));
        }

        Restart();
        report.Expectations();
    }

    public void Dispose()
    {
        load.Dispose();
        server.Dispose();
        raw.Dispose();
        if (!options.Keep)
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The runtime recompiles hot code in its first seconds, which must not count for either side.</summary>
    void WarmUp()
    {
        var size = options.Sizes[0] / 5 / Question.BatchSize * Question.BatchSize;
        raw.CreateTo(size);
        CreateTo(size);
        raw.Updates(Question.BatchSize, options.Seconds / 2);
        ServerUpdates(Question.BatchSize, options.Seconds / 2);
    }

    void Grow(int size)
    {
        var clock = Stopwatch.StartNew();
        var first = table.Count;
        var step = Math.Max(Question.BatchSize, (size - first) / GrowTurns);
        List<Slice> slices = [], rawSlices = [];
        while (table.Count < size && clock.Elapsed.TotalSeconds < Options.GrowSecondsMax)
        {
            var end = size - table.Count < 2 * step ? size : table.Count + step;
            rawSlices.Add(raw.CreateTo(end));
            slices.Add(CreateTo(end));
        }

        report.Table(table.Count, size);
        report.Row(new Row(Report.Creates, Report.Overall(slices), server.Memory(), Report.Overall(rawSlices), Report.Ratio(slices, rawSlices)));
        report.Row(new Row($"  … the last {slices[^1].Tickets:N0} of them", slices[^1], server.Memory(), rawSlices[^1], slices[^1].Rate / rawSlices[^1].Rate));
    }

    void AskAll()
    {
        InTurns(Report.Updates, () => raw.Updates(Question.BatchSize, options.Seconds), () => ServerUpdates(Question.BatchSize, options.Seconds));
        Ask(Report.Repeats, connection => new Repeats(table, NewPicker(connection)));

        AskRows("NDJSON, 1 connection", rowsATicket: 1);
        AskRows("  … 5 rows of a ticket in a row", rowsATicket: 5);

        var turn = options.Seconds / Turns;
        InTurns(Report.Singles, () => raw.Updates(batchSize: 1, turn), () => ServerUpdates(batchSize: 1, turn, parallel: 1));
        report.Row(new Row($"  … on {load.ConnectionCount} connections", ServerUpdates(batchSize: 1, options.Seconds), server.Memory()));

        var ids = load.SampleIds(table, IdSamples, followers: Question.BatchSize * (load.ConnectionCount + 1));
        Ask("read one by key", connection => new Reads(table, NewPicker(connection)));
        Ask("read one with history", connection => new Reads(table, NewPicker(connection), history: true));
        Ask("batch read, 100 keys", connection => new BatchReads(NewPicker(connection)));
        Ask("list, pages of 100", connection => new Lists(ids, seed: ++seed + connection));
    }

    void InTurns(string name, Func<Slice> askRaw, Func<Slice> askServer)
    {
        List<Slice> slices = [], rawSlices = [];
        for (var turn = 0; turn < Turns; turn++)
        {
            rawSlices.Add(askRaw());
            slices.Add(askServer());
        }

        report.Row(new Row(name, Report.Median(slices), server.Memory(), Report.Median(rawSlices), Report.Ratio(slices, rawSlices)));
    }

    void Ask(string name, Func<int, Question> ask)
    {
        seed++;
        report.Row(new Row(name, load.Run(ask, options.Seconds), server.Memory()));
    }

    void AskRows(string name, int rowsATicket)
    {
        seed++;
        var slice = load.Run(connection => new Uploads(table, NewPicker(connection, parallel: 1), rowsATicket), options.Seconds, parallel: 1);
        table.Changes += slice.Tickets;
        report.Row(new Row(name, slice, server.Memory()));
    }

    Slice CreateTo(int end)
    {
        var next = new Creates.Cursor(table.Count);
        var slice = load.Run(_ => new Creates(next, end), Options.GrowSecondsMax * 2);
        table.Count += (int)slice.Tickets;
        return table.Count == end ? slice : throw new WrongAnswer($"Only {table.Count} tickets after {slice.Seconds:N0} seconds.");
    }

    Slice ServerUpdates(int batchSize, double seconds, int? parallel = null)
    {
        seed++;
        var slice = load.Run(connection => new Updates(table, NewPicker(connection, parallel), batchSize), seconds, parallel);
        table.Changes += slice.Tickets;
        return slice;
    }

    Picker NewPicker(int connection, int? parallel = null) => new(table, seed, connection, parallel ?? load.ConnectionCount);

    /// <summary>How soon the server serves again, on the data it has by now.</summary>
    void Restart()
    {
        var ready = new List<double>();
        var stop = new List<double>();
        for (var i = 0; i < Restarts; i++)
        {
            load.Dispose();
            var start = Stopwatch.GetTimestamp();
            server.Stop();
            stop.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            server.Dispose();
            server = new ServerProcess(options.Server, ServerDirectory);
            load = new LoadClient(server, options.Connections);
            ready.Add(server.ReadySeconds);
        }

        report.Restart(ready.Order().ElementAt(Restarts / 2), stop.Max());
    }
}
