namespace Docket.Bench;

/// <summary>
/// Measures the search from fresh data to the report: grows a server with its index and one without side by side, builds the
/// index, and searches, alone and next to writers.
/// </summary>
internal sealed class SearchRun : IDisposable
{
    const int Turns = 3, GrowTurns = 8, Restarts = 3, Beside = 4, SearchesEach = 200;

    /// <summary>A search that takes longer than this on average is asked less often than <see cref="SearchesEach"/>, in seconds for all of them.</summary>
    const double SearchSecondsMax = 40, BusySecondsMax = 10;

    /// <summary>An hour, in seconds.</summary>
    const double UntilStopped = 3600;

    readonly Options options;
    readonly string directory;
    readonly SearchReport report;
    readonly SearchSide indexed;
    SearchSide? bare;

    public SearchRun(Options options)
    {
        this.options = options;
        directory = Path.Combine(options.Data, $"search-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}");
        report = new SearchReport(new Report(Console.Out));
        indexed = new SearchSide(options, IndexedDirectory, indexed: true);
        bare = new SearchSide(options, BareDirectory, indexed: false);
    }

    string IndexedDirectory => Path.Combine(directory, "indexed");

    string BareDirectory => Path.Combine(directory, "bare");

    public void Go()
    {
        report.Header(options);
        if (bare!.WhyNot is { } reason)
        {
            report.NotCompared(reason);
            DropBare();
        }

        WarmUp();
        Write();
        DropBare();
        Restart();
        Search();
        BesideEachOther();
        report.Expectations();
    }

    public void Dispose()
    {
        indexed.Dispose();
        bare?.Dispose();
        if (!options.Keep)
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    void WarmUp()
    {
        var size = options.Sizes[^1] / 5 / Question.BatchSize * Question.BatchSize;
        foreach (var side in Sides())
        {
            side.CreateTo(size);
            side.UpdateTexts();
        }
    }

    void Write()
    {
        var size = options.Sizes[^1];
        var step = Math.Max(Question.BatchSize, (size - indexed.Count) / GrowTurns);
        report.WriteTable(indexed.Count, size);
        InTurns(SearchReport.Creates, GrowTurns, (side, turn) => side.CreateTo(turn == GrowTurns - 1 ? size : side.Count + step));
        InTurns(SearchReport.Texts, Turns, (side, _) => side.UpdateTexts());
        InTurns(SearchReport.Stages, Turns, (side, _) => side.UpdateStages());
    }

    void InTurns(string name, int turns, Func<SearchSide, int, Slice> write)
    {
        List<Slice> slices = [], bareSlices = [];
        for (var turn = 0; turn < turns; turn++)
        {
            if (bare is not null)
            {
                bareSlices.Add(write(bare, turn));
            }

            slices.Add(write(indexed, turn));
        }

        report.WriteRow(name, slices, bareSlices);
    }

    /// <summary>How soon searches are served again, with the index as it was left and without its file.</summary>
    void Restart()
    {
        report.Memory("after writing", indexed.Server.Memory());
        var restarts = new List<(double Ready, double Search)>();
        for (var i = 0; i < Restarts; i++)
        {
            restarts.Add(indexed.Restart(() => { }));
        }

        var build = indexed.Restart(() =>
        {
            report.Disk(IndexedDirectory, indexed.Count);
            foreach (var file in Directory.GetFiles(IndexedDirectory, "*.index.db*"))
            {
                File.Delete(file);
            }
        });
        report.Restart(restarts[Restarts / 2], build, indexed.Count);
        report.Memory("after building", indexed.Server.Memory());
        // Once more, so that searches meet the index as a server has it that has not just built it.
        indexed.Restart(() => { });
    }

    void Search()
    {
        indexed.Search(indexed.Load, SearchKind.All, 1, int.MaxValue, options.Seconds * 2, quiet: true, CancellationToken.None); // the runtime recompiles hot code
        report.SearchTable("searches on one connection, nothing else going on");
        foreach (var kind in SearchKind.All)
        {
            Ask(kind, quiet: true);
        }

        report.Memory("after searching", indexed.Server.Memory());
        report.SearchTable($"the same, while {Beside} connections update subject and content of random tickets, 100 a batch");
        // Each kind next to writers that have just started: an index that can't keep up must not affect the next one's figures.
        var updates = SearchKind.All.Select(kind => BesideUpdates(() => Ask(kind, quiet: false))).ToList();
        report.Beside("their updates", Report.Overall(updates));
        report.Memory("after that", indexed.Server.Memory());
    }

    void Ask(SearchKind kind, bool quiet)
    {
        var (slice, totals) = indexed.Search(indexed.Load, [kind], 1, SearchesEach, quiet ? SearchSecondsMax : BusySecondsMax, quiet, CancellationToken.None);
        report.SearchRow(kind.Name, slice, totals, quiet);
    }

    /// <summary>What searches cost writers.</summary>
    void BesideEachOther()
    {
        // Separate connections, because the server has closed those that were idle for the last minutes.
        using var writers = new LoadClient(indexed.Server, Beside);
        using var searchers = new LoadClient(indexed.Server, Beside);
        List<Slice> alone = [], accompanied = [], searches = [];
        for (var turn = 0; turn < Turns; turn++)
        {
            indexed.AwaitIndex();
            alone.Add(indexed.UpdateTexts(writers, Beside, options.Seconds, CancellationToken.None));
            indexed.AwaitIndex();
            using var stop = new CancellationTokenSource();
            var search = Task.Run(() => indexed.Search(searchers, SearchKind.All, Beside, int.MaxValue, UntilStopped, quiet: false, stop.Token).Slice);
            accompanied.Add(indexed.UpdateTexts(writers, Beside, options.Seconds, CancellationToken.None));
            stop.Cancel();
            searches.Add(search.GetAwaiter().GetResult());
        }

        report.Accompanied(alone, accompanied, searches, Beside);
        report.Memory("at the end", indexed.Server.Memory());
    }

    Slice BesideUpdates(Action search)
    {
        indexed.AwaitIndex();
        using var writers = new LoadClient(indexed.Server, Beside);
        using var stop = new CancellationTokenSource();
        var updates = Task.Run(() => indexed.UpdateTexts(writers, Beside, UntilStopped, stop.Token));
        try
        {
            search();
        }
        finally
        {
            stop.Cancel();
        }

        return updates.GetAwaiter().GetResult();
    }

    SearchSide[] Sides() => bare is null ? [indexed] : [bare, indexed];

    void DropBare()
    {
        bare?.Dispose();
        bare = null;
        if (Directory.Exists(BareDirectory))
        {
            Directory.Delete(BareDirectory, recursive: true);
        }
    }
}
