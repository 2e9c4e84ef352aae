namespace Docket.Bench;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public static readonly string Usage =
        $"""
        ./bench [search|index|limits|kit] [options]
          search             measures the search, at the last of the sizes
          index              measures the index alone, at the first of the sizes
          limits             measures what limits cost, at the first of the sizes
          kit                measures what tests wait for: starts, new portals, rewinds, and memory
          --against FILE     compares with this server in place of the raw loop, in turns
          --store TEXT       a PostgreSQL database for all sides, by its connection string; each has a schema of its own there
          --processes N      servers on that database                       1
          --only NAME,NAME   the questions to ask, or all                   {string.Join(',', Workload.Usual)}
          --sizes N,N        the sizes to measure at                        100000
          --connections N    keep-alive connections                         8
          --seconds N        how long a side answers in each turn           3
          --keys ORDER       of new tickets: mixed, sequence or random      mixed
          --hour N           seconds of an hour                             60
          --json FILE        appends each row to it as a line of JSON
          --data DIR         where fresh data directories are made          artifacts/bench
          --keep             leave the data there afterwards
          --server FILE      the server to measure                          the one just built
          --quick            20,000 tickets, one second a question

        Questions: {Report.Creates} (always), {string.Join(", ", Workload.All.Select(workload => workload.Name))}, {Report.Portals} (with --store), {Hour.Name}.
        """;

    /// <summary>A slow server must not make the run endless: it ends if growing takes longer than this.</summary>
    public const double GrowSecondsMax = 240;

    /// <summary>Measure the search in place of everything else.</summary>
    public bool Search { get; init; }

    /// <summary>Measure the index alone in place of everything else.</summary>
    public bool Index { get; init; }

    /// <summary>Measure the cost of limits in place of everything else.</summary>
    public bool Limits { get; init; }

    /// <summary>Measure the test kit in place of everything else.</summary>
    public bool Kit { get; init; }

    /// <summary>Ascending.</summary>
    public int[] Sizes { get; init; } = [100_000];

    /// <summary>A second server to compare with.</summary>
    public string? Against { get; init; }

    /// <summary>The connection string of a PostgreSQL database.</summary>
    public string? Store { get; init; }

    /// <summary>Servers on that database.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>Names of questions.</summary>
    public string[] Only { get; init; } = Workload.Usual;

    public int Connections { get; init; } = 8;

    public double Seconds { get; init; } = 3;

    /// <summary>Of new tickets.</summary>
    public KeyOrder Keys { get; init; }

    /// <summary>How long an hour takes.</summary>
    public double HourSeconds { get; init; } = 60;

    /// <summary>A file for the rows.</summary>
    public string? Json { get; init; }

    /// <summary>On a real disk: a directory in memory would make durability free.</summary>
    public string Data { get; init; } = "artifacts/bench";

    public bool Keep { get; init; }

    public string Server { get; init; } = "src/Docket.Cli/bin/Release/net10.0/docket.dll";

    public static Options Parse(string[] args)
    {
        var options = new Options();
        for (var i = 0; i < args.Length; i++)
        {
            options = args[i] switch
            {
                "search" => options with { Search = true },
                "index" => options with { Index = true },
                "limits" => options with { Limits = true },
                "kit" => options with { Kit = true },
                "--against" => options with { Against = Value() },
                "--store" => options with { Store = Value() },
                "--processes" => options with { Processes = Number(Value()) },
                "--only" => options with { Only = Names(Value()) },
                "--sizes" => options with { Sizes = [.. Value().Split(',').Select(Number).Order()] },
                "--connections" => options with { Connections = Number(Value()) },
                "--seconds" => options with { Seconds = Number(Value()) },
                "--keys" => options with { Keys = Enum.TryParse<KeyOrder>(Value(), ignoreCase: true, out var keys) ? keys : throw new ArgumentException($"{args[i]} is not an order of keys.") },
                "--hour" => options with { HourSeconds = Number(Value()) },
                "--json" => options with { Json = Value() },
                "--data" => options with { Data = Value() },
                "--keep" => options with { Keep = true },
                "--server" => options with { Server = Value() },
                "--quick" => options with { Sizes = [20_000], Seconds = 1 },
                _ => throw new ArgumentException($"Unknown option {args[i]}."),
            };

            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
        }

        return options.Sizes[0] < 10 * Question.BatchSize * options.Connections
            ? throw new ArgumentException("Too few tickets: each connection needs more than it names in a batch.")
            : options;
    }

    static string[] Names(string text)
    {
        string[] known = [Report.Creates, .. Workload.All.Select(workload => workload.Name), Report.Portals, Hour.Name];
        var names = text == "all" ? known : text.Split(',');
        return names.Except(known).FirstOrDefault() is { } unknown ? throw new ArgumentException($"There is no question {unknown}.") : names;
    }

    static int Number(string text) =>
        int.TryParse(text, out var number) && number > 0 ? number : throw new ArgumentException($"{text} is not a number above 0.");
}
