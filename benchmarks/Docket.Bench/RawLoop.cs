using System.Diagnostics;
using Docket.Sqlite;
using Docket.Watch;
using Microsoft.Extensions.Logging.Abstractions;
using Database = Docket.Sqlite.Connection;

namespace Docket.Bench;

/// <summary>
/// The plainest good loop over the engine: the rows that a server would write, with prepared statements over SQLite's C interface, the
/// same durability, and the server's own settings: page size, page cache, and checkpoints on their own thread. One thread, no HTTP, no
/// JSON, no validation, no index.
/// </summary>
internal sealed class RawLoop : Side
{
    readonly Database database;
    readonly Checkpointer checkpointer;
    readonly Statement begin, commit;
    readonly RawTables tables;
    readonly int batchesACommit;
    int seed;

    /// <param name="name">Its name in the table.</param>
    /// <param name="directory">Where its file is.</param>
    /// <param name="table">Which tickets it has.</param>
    /// <param name="layout">Its tables.</param>
    /// <param name="batchesACommit">Batches that share a transaction, as those of several connections do in a server.</param>
    public RawLoop(string name, string directory, Table table, Func<Database, Table, RawTables> layout, int batchesACommit) : base(name, directory, table)
    {
        this.batchesACommit = batchesACommit;
        System.IO.Directory.CreateDirectory(directory);
        var file = Path.Combine(directory, "raw.db");
        database = new Database(file, create: true);
        database.Execute($"PRAGMA page_size={Engine.PageSize}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536");
        database.Execute(RawTables.Schema);
        tables = layout(database, table);
        begin = database.Prepare("BEGIN IMMEDIATE");
        commit = database.Prepare("COMMIT");
        checkpointer = new Checkpointer(file, database, NullLogger.Instance, new Complaints(TimeProvider.System));
    }

    public override bool Can(Workload workload) => workload.Raw && (batchesACommit == 1 || workload.Connections != 1);

    public override Slice CreateTo(int end)
    {
        var first = Table.Count;
        var slice = Commits(Question.BatchSize, double.MaxValue, () =>
        {
            var batchEnd = Math.Min(Table.Count + Question.BatchSize, end);
            for (; Table.Count < batchEnd; Table.Count++)
            {
                tables.Create(Table.Count);
            }

            return Table.Count < end;
        });
        return slice with { Tickets = end - first };
    }

    public override Slice Ask(Workload workload, double seconds)
    {
        var picker = new Picker(Table, ++seed, inSequence: workload.InSequence);
        var numbers = new int[workload.BatchSize];
        var slice = Commits(workload.BatchSize, seconds, () =>
        {
            picker.Pick(numbers);
            foreach (var number in numbers)
            {
                tables.Update(number, Table.Advance(number, workload.Changes!.Value));
            }

            return true;
        });
        Table.Changes += slice.Tickets;
        return slice;
    }

    public override Rest Restart()
    {
        begin.Run();
        tables.Fold();
        commit.Run();
        checkpointer.TruncateLog();
        return Rest.Of(Directory);
    }

    public override void Dispose()
    {
        checkpointer.Stop();
        database.Dispose();
        checkpointer.Dispose();
    }

    /// <summary>Commits batches for so many seconds, or until there is no further batch.</summary>
    Slice Commits(int batchSize, double seconds, Func<bool> batch)
    {
        var latencies = new List<long>();
        var (batches, more, cpu) = (0, true, Environment.CpuUsage.TotalTime);
        var start = Stopwatch.GetTimestamp();
        while (more && Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            var begun = Stopwatch.GetTimestamp();
            begin.Run();
            for (var i = 0; i < batchesACommit && more; i++, batches++)
            {
                more = batch();
            }

            tables.Committing();
            commit.Run();
            checkpointer.AfterCommit();
            latencies.Add(Stopwatch.GetTimestamp() - begun);
        }

        return new Slice(batches * batchSize, Stopwatch.GetElapsedTime(start).TotalSeconds, [.. latencies], (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
    }
}
