using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>The transactions of a portal's file.</summary>
internal sealed partial class SqliteTransaction : ITransaction
{
    /// <summary>Changes of purged records to empty in one transaction, while other work waits: some milliseconds.</summary>
    const int EmptiedAtOnce = 1_000;

    readonly string path;
    readonly ImmutableArray<ObjectType> types;
    readonly Connection connection;
    readonly SourceNumbers sources;
    readonly RecordLookup lookup;
    readonly RecordWriter writer;
    readonly Statement begin, commit;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Checkpointer checkpointer;
    Dictionary<long, Source> sourcesBefore = [];

    /// <summary>Takes ownership of a connection, and finishes an interrupted purge.</summary>
    public SqliteTransaction(string path, ImmutableArray<ObjectType> types, Connection connection, SourceNumbers sources, TimeProvider clock, ILogger logger, Complaints complaints)
    {
        this.path = path;
        this.types = types;
        this.connection = connection;
        this.sources = sources;
        this.clock = clock;
        this.logger = logger;
        sources.Load(connection);
        Sequence = connection.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change");
        lookup = new RecordLookup(connection, sources);
        writer = new RecordWriter(connection, sources);
        begin = connection.Prepare("BEGIN IMMEDIATE");
        commit = connection.Prepare("COMMIT");
        checkpointer = new Checkpointer(path, connection, logger, complaints);
        EraseAll(); // a failure is logged, and the next purge retries
    }

    public string Name => path;

    public long Sequence { get; }

    /// <summary>For writing other data than records, in a transaction.</summary>
    public Connection Connection => connection;

    public PortalSchema LoadSchema() => SchemaTables.LoadAll(connection, types);

    public void Begin()
    {
        sourcesBefore = sources.Snapshot;
        begin.Run();
    }

    public void Commit()
    {
        if (connection.IsMoved)
        {
            throw new Refusal(Faults.FileMissing(Path.GetFileName(path))); // writes to a deleted file would still succeed
        }

        commit.Run();
    }

    public void Rollback()
    {
        connection.Rollback();
        sources.Snapshot = sourcesBefore; // not read from the file, which may be the cause of the failure
    }

    public FoundRecords Find(WriteBatch batch) => BatchLookup.Find(lookup, batch);

    public void Write(Plan plan, ObjectType type, List<FollowedChange> written) => writer.Write(plan, type, plan.Outcome.Batch.Source, written);

    public void Expect(SideWrite note)
    {
        if (note is JobStep step)
        {
            JobTables.Expect(connection, step);
        }
    }

    public void Keep(SideWrite note, Outcome outcome)
    {
        switch (note)
        {
            case JobStep step:
                JobTables.Record(connection, step, step.Rows(outcome), Instant.Now(clock));
                break;
            case KeptAnswer kept when !outcome.Batch.DryRun && kept.Of(outcome) is { } answer:
                AnswerTable.Keep(connection, kept.Key, answer, Names.Of(outcome), Instant.Now(clock));
                break;
        }
    }

    public List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after) => SchemaTables.UsedStagesTakenAway(connection, type, before, after);

    public void SaveSchema(ObjectType type, SchemaContent before, SchemaContent after) => SchemaTables.Save(connection, type, before, after);

    public void Rest() => checkpointer.AfterCommit();

    public (bool Done, Refusal? Failure) EraseSome()
    {
        try
        {
            if (connection.QueryInteger("SELECT count(*) FROM erasing") == 0)
            {
                return (true, null);
            }

            begin.Run();
            var done = writer.EmptySome(EmptiedAtOnce);
            commit.Run();
            checkpointer.AfterCommit();
            return (done, null);
        }
        catch (SqliteFailure failure)
        {
            connection.Rollback();
            return (false, Left(failure));
        }
    }

    // Deleted values remain in unused parts of pages and in the log: only a rewritten file doesn't contain them
    // (docs/internals/decisions.md, Purging). The request is a row in the purge's own transaction, so a stop can't lose it.
    public Refusal? Clean()
    {
        try
        {
            if (connection.QueryInteger("SELECT count(*) FROM cleaning") == 0)
            {
                return null;
            }

            connection.Execute("VACUUM");
            if (!checkpointer.TruncateLog())
            {
                LogUncleaned(null, path);
                return new(Faults.TracesLeft(Path.GetFileName(path), TracesReason.Read));
            }

            connection.Execute("DELETE FROM cleaning");
            return null;
        }
        catch (SqliteFailure failure)
        {
            return Left(failure);
        }
    }

    public string? Probe(bool failed)
    {
        if (Engine.IsDiskFull(path))
        {
            return "full";
        }

        if (failed)
        {
            // Writes one page, to check whether writing works again.
            connection.Execute($"PRAGMA user_version={connection.QueryInteger("PRAGMA user_version")}");
        }

        return null;
    }

    public Refusal? Translate(Exception failure) => failure is SqliteFailure sqlite ? Engine.Translate(sqlite, path) as Refusal : null;

    public void Dispose()
    {
        checkpointer.Stop();
        lookup.Dispose();
        writer.Dispose();
        begin.Dispose();
        commit.Dispose();
        connection.Dispose();
        checkpointer.Dispose();
    }

    void EraseAll()
    {
        var (done, failure) = EraseSome();
        while (!done && failure is null)
        {
            (done, failure) = EraseSome();
        }

        if (done)
        {
            _ = Clean();
        }
    }

    Refusal Left(SqliteFailure failure)
    {
        LogUncleaned(failure, path);
        return new(Faults.TracesLeft(Path.GetFileName(path), failure.NoRoom ? TracesReason.NoSpace : TracesReason.Failed));
    }

    [LoggerMessage(LogLevel.Warning, "Permanently deleted values may remain in {Path}; the next purge or start will retry")]
    partial void LogUncleaned(Exception? failure, string path);
}
