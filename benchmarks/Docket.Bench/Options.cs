namespace Docket.Bench;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    public const string Usage =
        """
        ./bench [search|index|limits] [options]
          search             measures the search, at the last of the sizes
          index              measures the index alone, at the first of the sizes
          limits             measures what limits cost, at the first of the sizes
          --tickets N,N      the sizes to measure at                        100000,1000000
          --connections N    keep-alive connections                         8
          --seconds N        how long each question is asked                5
          --page-size N      page size of the raw loop's file, in bytes     4096
          --checkpoint N     pages in the log at which the raw loop checkpoints 1000
          --data DIR         where fresh data directories are made          artifacts/bench
          --keep             leave the data there afterwards
          --server FILE      the server to measure                          the one just built
          --quick            20,000 tickets, one second a question
        """;

    /// <summary>A slow server must not make the run endless: growing to a size stops after this, and the report says how far it came.</summary>
    public const double GrowSecondsMax = 120;

    /// <summary>Measure the search in place of everything else.</summary>
    public bool Search { get; init; }

    /// <summary>Measure the index alone in place of everything else.</summary>
    public bool Index { get; init; }

    /// <summary>Measure the cost of limits in place of everything else.</summary>
    public bool Limits { get; init; }

    /// <summary>Ascending.</summary>
    public int[] Sizes { get; init; } = [100_000, 1_000_000];

    public int Connections { get; init; } = 8;

    public double Seconds { get; init; } = 5;

    /// <summary>The engine's default, as in a simple loop.</summary>
    public int PageSize { get; init; } = 4096;

    /// <summary>In pages; the engine's default too.</summary>
    public int Checkpoint { get; init; } = 1000;

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
                "--tickets" => options with { Sizes = [.. Value().Split(',').Select(Number).Order()] },
                "--connections" => options with { Connections = Number(Value()) },
                "--seconds" => options with { Seconds = Number(Value()) },
                "--page-size" => options with { PageSize = Number(Value()) },
                "--checkpoint" => options with { Checkpoint = Number(Value()) },
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

    static int Number(string text) =>
        int.TryParse(text, out var number) && number > 0 ? number : throw new ArgumentException($"{text} is not a number above 0.");
}
