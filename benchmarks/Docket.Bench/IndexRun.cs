using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Model.Types;
using Docket.Search;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Bench;

/// <summary>
/// Measures the index alone: feeds an indexer with changes as the writer would, without HTTP and without a portal's file, with texts
/// of known words and with texts that contain words never seen before, as order numbers and addresses are.
/// </summary>
internal sealed class IndexRun(Options options)
{
    const int Commit = 100, Searches = 60;

    readonly Report report = new(Console.Out);

    public void Go()
    {
        var count = options.Sizes[0];
        report.Print($"{Report.Machine(options)}\nthe index alone: {count:N0} creates, then half as many updates of random texts, of 60 words each; CPU of the whole process");
        Measure(Math.Min(count, 100_000), 5, print: false); // compiles everything
        foreach (var newWords in (int[])[0, 5])
        {
            report.Print($"\n{newWords} of 60 words never seen before\n{"",-26}{"changes/s",11}{"CPU s/100k",12}{"written B",11}{"file B",9}{"heap MB",9}");
            Measure(count, newWords, print: true);
        }
    }

    void Measure(int count, int newWords, bool print)
    {
        var directory = Directory.CreateDirectory(Path.Combine(options.Data, $"index-{Environment.ProcessId}")).FullName;
        var path = Path.Combine(directory, "bench.index.db");
        var log = new GeneratedLog(newWords);
        try
        {
            Play("creates", [.. Enumerable.Range(0, count).Select(_ => log.Create())]);
            Play("updates of texts", [.. Enumerable.Range(0, count / 2).Select(_ => log.Update())]);
            Play("updates of the stage", [.. Enumerable.Range(0, count / 2).Select(_ => log.UpdateStage())]);
            Play("updates of ten tickets", [.. Enumerable.Range(0, count / 2).Select(_ => log.Update(among: 10))]);
            Search();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        void Play(string name, FollowedChange[] changes)
        {
            var (committed, recent) = (new CommitSignal(), new RecentChanges());
            committed.Advance(changes[0].Sequence - 1);
            var (written, cpu) = (Written(), Environment.CpuUsage.TotalTime);
            double seconds;
            using (var indexer = Open(committed, recent))
            {
                indexer.ReachAsync(committed.Sequence, default).Wait();
                var begun = Stopwatch.GetTimestamp();
                foreach (var commit in changes.Chunk(Commit))
                {
                    indexer.KeepUpAsync().Wait();
                    recent.Add([.. commit]);
                    committed.Advance(commit[^1].Sequence);
                }

                indexer.ReachAsync(committed.Sequence, default).Wait();
                seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            }

            var used = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
            var bytes = Directory.GetFiles(directory).Sum(file => new FileInfo(file).Length);
            if (print)
            {
                report.Print($"{name,-26}{changes.Length / seconds,11:N0}{used * 100_000 / changes.Length,12:F2}{(Written() - written) / changes.Length,11:N0}{bytes / log.Count,9:N0}{GC.GetTotalMemory(forceFullCollection: true) - log.Size >> 20,9:N0}");
            }
        }

        void Search()
        {
            var committed = new CommitSignal();
            committed.Advance(log.Sequence);
            using var indexer = Open(committed, new RecentChanges());
            foreach (var (name, make) in GeneratedLog.Questions())
            {
                var times = new List<double>();
                for (var i = 0; i < Searches; i++)
                {
                    var query = SearchCompiler.Compile(make(i), log.Schema.First, capped: true);
                    var begun = Stopwatch.GetTimestamp();
                    indexer.SearchAsync(query.Schema, log.Sequence, (file, reader) => new IndexSearch(file.Index, reader, query, log.Sources, (_, _) => new Dictionary<long, byte[]>(), 0).Run(), default).Wait();
                    times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
                }

                var first = times[0];
                times.Sort();
                if (print)
                {
                    report.Print($"search: {name,-18}{times[Searches / 2],11:F2} ms, p95 {times[Searches * 95 / 100]:F2}, first {first:F2}");
                }
            }
        }

        Indexer Open(CommitSignal committed, RecentChanges recent) =>
            new(path, () => log, () => log.Schema, committed, recent, () => 0, TimeProvider.System, NullLogger.Instance);
    }

    // Bytes that this process has written, including those that the system has not yet put on the disk.
    static long Written() => long.Parse(File.ReadLines("/proc/self/io").First(line => line.StartsWith("wchar", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
}

/// <summary>Tickets and their changes, made up as they are asked for.</summary>
internal sealed class GeneratedLog : IChangeLog
{
    const int SubjectWords = 6, ContentWords = 54;
    const long FirstId = 10_000_000_001, FirstTime = 1_700_000_000_000;

    readonly Random random = new(5);
    readonly List<byte[]> tickets = [];
    readonly ValueWriter writer = new();
    readonly int newWords, subject, content, stage;
    readonly (int Number, Func<int, string> Value)[] rest;
    int neverSeen;

    public GeneratedLog(int newWords)
    {
        this.newWords = newWords;
        Schema = new([Tickets.Type], [new Schema(Tickets.Type, SchemaContent.Of(Tickets.Type.Seed()))], []);
        (subject, content, stage) = (NumberOf("subject"), NumberOf("content"), NumberOf("hs_pipeline_stage"));
        rest =
        [
            (NumberOf("hs_pipeline"), _ => "0"),
            (NumberOf("hs_ticket_priority"), i => SearchTicket.Priorities[i % 4]),
            (NumberOf("source_type"), i => SearchTicket.Sources[i / 4 % 4]),
            (NumberOf("hs_ticket_category"), i => SearchTicket.Categories[i / 16 % 4]),
            (NumberOf("hs_external_object_ids"), i => $"ZD-{i:D9}"),
            (NumberOf("createdate"), _ => (FirstTime + random.NextInt64(60_000_000_000)).ToString(CultureInfo.InvariantCulture)),
        ];
    }

    public PortalSchema Schema { get; }

    public SourceNumbers Sources { get; } = new() { Snapshot = new() { [1] = Source.Integration(0) } };

    public long Sequence { get; private set; }

    public int Count => tickets.Count;

    /// <summary>Bytes of the tickets.</summary>
    public long Size => tickets.Sum(ticket => ticket.Length + 32L);

    public FollowedChange Create()
    {
        var (i, values) = (tickets.Count, Texts());
        values[stage] = SearchTicket.Stages[i % 4];
        foreach (var (number, value) in rest)
        {
            values[number] = value(i);
        }

        tickets.Add(Block(values));
        return new(ChangeKind.Create, ++Sequence, Tickets.Type.Number, FirstId + i, FirstTime + Sequence, 1) { Content = tickets[i] };
    }

    /// <summary>Replaces the texts of a random ticket.</summary>
    public FollowedChange Update(int among = int.MaxValue) => Change(random.Next(Math.Min(among, tickets.Count)), Texts());

    public FollowedChange UpdateStage() => Change(random.Next(tickets.Count), new() { [stage] = SearchTicket.Stages[random.Next(4)] });

    public static IEnumerable<(string Name, Func<int, SearchBody> Make)> Questions()
    {
        yield return ("stage EQ", i => Where("hs_pipeline_stage", SearchOperator.Eq, SearchTicket.Stages[i % 4]));
        yield return ("a word", i => Where("content", SearchOperator.ContainsToken, Vocabulary.Words[20 + i]));
        yield return ("words that begin", i => Where("content", SearchOperator.ContainsToken, Vocabulary.Words[20 + i][..2] + "*"));
        yield return ("a new word", i => Where("content", SearchOperator.ContainsToken, NewWord(i * 100)));
        yield return ("query, two words", i => new() { Query = $"{Vocabulary.Words[i]} {Vocabulary.Words[200 + i]}" });
        yield return ("key EQ", i => Where("hs_external_object_ids", SearchOperator.Eq, $"zd-{i * 100:D9}"));
        yield return ("sorted by createdate", _ => new() { Sorts = { new("createdate", true) } });

        static SearchBody Where(string property, SearchOperator comparison, string value) => new() { Groups = { new() { new(property, comparison, value, null, null) } } };
    }

    public long? TimeOf(long sequence) => sequence == 0 ? 0 : FirstTime + sequence;

    public (long CreatedAt, long Source) OriginOf(in FollowedChange change) => (change.Time, change.Source);

    public ReadOnlySpan<byte> ContentOf(in FollowedChange change) => change.Content!.Value.Span;

    // The bench never lets an indexer fall so far behind that it reads the log.
    public IEnumerable<FollowedChange> After(long sequence, int limit) => throw new WrongAnswer($"The change after {sequence} is not at hand.");

    public ReadOnlySpan<byte> ValueSetBy(long sequence, int property) => default;

    public IDisposable Snapshot() => this;

    public (long Sequence, long Time) Newest() => (0, 0);

    public long CountRecords() => 0;

    public bool[] AreTiedToActive(int type, IReadOnlyList<long> ids, ImmutableArray<int> types) => new bool[ids.Count];

    public IReadOnlyList<(int Type, long Id)> TiedTo((int Type, long Id) record) => [];

    public bool AreTied(long sequence, (int Type, long Id) record, IReadOnlyList<int> types, (int Type, long Id)? other) => false;

    public IEnumerable<((int Type, long Id) Record, (int Type, long Id) Other)> Ties(long sequence) => [];

    public IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types) => [];

    public void Dispose()
    {
    }

    FollowedChange Change(int i, SortedDictionary<int, string> values)
    {
        var (before, changed) = (tickets[i], Block(values));
        var old = new ValueReader(before);
        while (old.Next())
        {
            values.TryAdd(old.Number, Encoding.UTF8.GetString(old.Value));
        }

        tickets[i] = Block(values);
        return new(ChangeKind.Update, ++Sequence, Tickets.Type.Number, FirstId + i, FirstTime + Sequence, 1) { Content = changed, Before = before };
    }

    SortedDictionary<int, string> Texts() => new()
    {
        [subject] = string.Join(' ', Enumerable.Range(0, SubjectWords).Select(_ => Vocabulary.Pick(random))),
        [content] = string.Join(' ', Enumerable.Range(0, ContentWords).Select(i => i % 10 == 3 && i / 10 < newWords ? NewWord(neverSeen++) : Vocabulary.Pick(random))),
    };

    static string NewWord(int number) => $"x{Ticket.Mix((ulong)number) % 10_000_000_000:D10}";

    int NumberOf(string name) => Schema.First.Find(name)!.Number;

    byte[] Block(SortedDictionary<int, string> values)
    {
        foreach (var (number, value) in values)
        {
            writer.Add(number, 0, Encoding.UTF8.GetBytes(value));
        }

        return writer.Take();
    }
}
