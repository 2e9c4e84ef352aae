namespace Docket.Bench;

/// <summary>
/// One run from fresh data to the report: grows the server and what it is compared with side by side, and at each size asks
/// the questions. What is compared is measured in turns, so that a noisy moment of the machine meets all sides.
/// </summary>
internal sealed class Run : IDisposable
{
    const int Turns = 3, GrowTurns = 5, PortalCount = 16;
    const double UpdateSeconds = 0.5;

    readonly Options options;
    readonly string directory;
    readonly Side[] sides;
    readonly Report report;

    public Run(Options options)
    {
        this.options = options;
        report = new Report(Console.Out, options.Json);
        directory = Path.Combine(options.Data, $"run-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        sides = options.Store is { } store
            ? [new ServerSide("server", options.Server, Path.Combine(directory, "server"), NewTable(), options.Connections, new(store, "bench_server"), options.Processes),
               options.Against is { } rival ? new ServerSide("against", rival, Path.Combine(directory, "against"), NewTable(), options.Connections, new(store, "bench_against"))
                   : new RawPostgres("raw, set-based SQL", Path.Combine(directory, "raw"), NewTable(), new(store, "bench_raw"), options.Connections)]
            : options.Against is { } other
            ? [Server("server", options.Server), Server("against", other)]
            : [Server("server", options.Server), Raw("in place", 1), Raw("in place", 8), Raw("log-first", 1), Raw("log-first", 8)];

        Side Server(string name, string program) => new ServerSide(name, program, Path.Combine(directory, name), NewTable(), options.Connections);

        Side Raw(string layout, int batches) => new RawLoop(
            $"raw, {layout}, {batches} a commit", Path.Combine(directory, $"{layout}-{batches}"), NewTable(),
            (database, table) => layout == "in place" ? new InPlace(database, table) : new LogFirst(database, table), batches);

        Table NewTable() => new(options.Sizes[^1], options.Keys);
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
            Array.ForEach(workloads, Ask);
            if (workloads.Any(workload => workload.Changes is not null))
            {
                Restart("after these updates", grown);
            }

            if (options.Store is { } store && options.Only.Contains(Report.Portals))
            {
                AskPortals(store, size);
            }

            if (options.Only.Contains(Hour.Name))
            {
                PlayHour();
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
        Array.ForEach(sides, side => side.CreateTo(size));
        Update();
    }

    /// <summary>Briefly, because these updates count for the bytes of a ticket.</summary>
    void Update()
    {
        foreach (var side in sides.OfType<ServerSide>())
        {
            side.Ask(Workload.All[0], UpdateSeconds);
        }
    }

    void Ask(Workload workload)
    {
        var able = sides.Where(side => side.Can(workload)).ToArray();
        if (!workload.IsPaced)
        {
            report.Rows(workload.Name, workload.Title, able, InTurns(able, Turns, (side, _) => side.Ask(workload, options.Seconds)));
            return;
        }

        var servers = sides.OfType<ServerSide>().ToArray();
        var rate = servers.Min(side => side.Ask(workload, options.Seconds).Rate) / 2;
        report.Rows(workload.Name, workload.Title, servers, InTurns(servers, Turns, (side, _) => side.Ask(workload, options.Seconds, rate / workload.BatchSize)));
    }

    /// <summary>Random updates of many portals, each over one connection. Together they have the size.</summary>
    void AskPortals(string store, int size)
    {
        var each = size / PortalCount / Question.BatchSize * Question.BatchSize;
        Side[] many =
        [
            new ServerSide("server", options.Server, Path.Combine(directory, "server-portals"), NewTable(), PortalCount, new(store, "bench_server_portals"), options.Processes, PortalCount),
            new RawPostgres("raw, set-based SQL", Path.Combine(directory, "raw-portals"), NewTable(), new(store, "bench_raw_portals"), PortalCount, PortalCount),
        ];
        try
        {
            Array.ForEach(many, side => side.CreateTo(each));
            report.Rows(Report.Portals, $"random updates of {PortalCount} portals", many, InTurns(many, Turns, (side, _) => side.Ask(Workload.All[0], options.Seconds)));
        }
        finally
        {
            Array.ForEach(many, side => side.Dispose());
        }

        Table NewTable() => new(each, options.Keys);
    }

    void PlayHour()
    {
        foreach (var side in sides.OfType<ServerSide>())
        {
            Hour.Play(side, options.HourSeconds / 10); // a server that has just started would spend the beginning on compiling
            var (before, cpu) = (side.Server.Memory(), side.Server.Cpu());
            var minutes = new List<(string Role, Slice Slice)[]>();
            for (var left = options.HourSeconds; left > 0; left -= Hour.MinuteSeconds)
            {
                minutes.Add(Hour.Play(side, Math.Min(left, Hour.MinuteSeconds)));
                if (options.HourSeconds > Hour.MinuteSeconds)
                {
                    report.Minute(side, minutes.Count, minutes[^1]);
                }
            }

            var slices = minutes[0].Select((role, i) => (role.Role, Report.Overall([.. minutes.Select(minute => minute[i].Slice)]))).ToArray();
            report.Hour(side, slices, before, (side.Server.Cpu() - cpu) / options.HourSeconds);
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
    static List<Slice>[] InTurns<T>(T[] sides, int turns, Func<T, int, Slice> ask)
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

        Update(); // the runtime recompiles again
        return now;
    }
}
