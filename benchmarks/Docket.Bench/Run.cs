namespace Docket.Bench;

/// <summary>
/// One run from fresh data to the report: grows the server and what it is compared with side by side, and at each size asks
/// the questions. What is compared is measured in turns, so that a noisy moment of the machine meets all sides.
/// </summary>
internal sealed class Run : IDisposable
{
    const int Turns = 3, GrowTurns = 5;

    readonly Options options;
    readonly string directory;
    readonly Side[] sides;
    readonly Report report = new(Console.Out);

    public Run(Options options)
    {
        this.options = options;
        directory = Path.Combine(options.Data, $"run-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        var capacity = options.Sizes[^1];
        var server = new ServerSide("server", options.Server, Path.Combine(directory, "server"), capacity, options.Connections);
        sides = options.Against is { } other
            ? [server, new ServerSide("against", other, Path.Combine(directory, "against"), capacity, options.Connections)]
            : [server, new RawLoop("raw loop", Path.Combine(directory, "raw"), options)];
    }

    public void Go()
    {
        report.Header(options);
        WarmUp();
        foreach (var size in options.Sizes)
        {
            Grow(size);
            var grown = Restart("after these creates", null);
            var workloads = Workload.All.Where(workload => options.Only.Contains(workload.Name)).ToArray();
            foreach (var workload in workloads)
            {
                var able = sides.Where(side => side.Can(workload)).ToArray();
                report.Rows(workload.Name, workload.Title, able, InTurns(able, Turns, (side, _) => side.Ask(workload, options.Seconds)));
            }

            if (workloads.Any(workload => workload.Writes))
            {
                Restart("after these updates", grown);
            }
        }

        report.PrintExpectations();
    }

    public void Dispose()
    {
        Array.ForEach(sides, side => side.Dispose());
        if (!options.Keep)
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The runtime recompiles hot code in its first seconds, which must not count for any side.</summary>
    void WarmUp()
    {
        var size = options.Sizes[0] / 5 / Question.BatchSize * Question.BatchSize;
        foreach (var side in sides)
        {
            side.CreateTo(size);
            side.Ask(Workload.All[0], options.Seconds / 2);
        }
    }

    void Grow(int size)
    {
        var first = sides[0].Table.Count;
        var step = (size - first) / GrowTurns / Question.BatchSize * Question.BatchSize;
        var slices = InTurns(sides, GrowTurns, (side, turn) => side.CreateTo(turn == GrowTurns - 1 ? size : first + ((turn + 1) * step)));
        report.Table(size);
        report.Rows(Report.Creates, "creates, 100 a batch", sides, slices);
    }

    /// <summary>Every other turn goes the other way round, because each side may leave work to the system that meets the next one.</summary>
    static List<Slice>[] InTurns(Side[] sides, int turns, Func<Side, int, Slice> ask)
    {
        var slices = sides.Select(_ => new List<Slice>()).ToArray();
        for (var turn = 0; turn < turns; turn++)
        {
            foreach (var i in turn % 2 == 0 ? Enumerable.Range(0, sides.Length) : Enumerable.Range(0, sides.Length).Reverse())
            {
                slices[i].Add(ask(sides[i], turn));
            }
        }

        return slices;
    }

    /// <summary>How much room the data takes, and how soon and in how much memory a server serves it.</summary>
    /// <param name="when">For the report.</param>
    /// <param name="grown">What it was before the updates, if there were any.</param>
    (Rest State, long Changes)[] Restart(string when, (Rest State, long Changes)[]? grown)
    {
        var now = sides.Select(side => (State: side.Restart(), side.Table.Changes)).ToArray();
        for (var i = 0; i < sides.Length; i++)
        {
            report.Rest(when, sides[i], now[i].State, grown?[i].State, now[i].Changes - (grown?[i].Changes ?? 0));
        }

        foreach (var side in sides)
        {
            side.Ask(Workload.All[0], options.Seconds / 2); // the runtime recompiles again
        }

        return now;
    }
}
