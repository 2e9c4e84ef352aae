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
    readonly Folds folds;
    readonly Folder folder;
    readonly RecordLookup lookup;
    readonly RecordWriter writer;
    readonly TieTable ties;
    readonly UnfollowedTable unfollowed;
    readonly PortalSchema schema;
    readonly Statement begin, commit;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Checkpointer checkpointer;
    readonly List<(long Record, Func<int, int?> Inverse)> forgotten = [];
    Dictionary<long, Source> sourcesBefore = [];
    volatile bool isAbandoned;
    long written; // the newest change, also in the open transaction

    /// <summary>Takes ownership of a connection, and finishes what was interrupted: an upgrade, a fold, a purge.</summary>
    public SqliteTransaction(string path, ImmutableArray<ObjectType> types, Connection connection, SourceNumbers sources, Folds folds, FoldPace pace, TimeProvider clock, ILogger logger, Complaints complaints)
    {
        this.path = path;
        this.types = types;
        this.connection = connection;
        this.sources = sources;
        this.folds = folds;
        this.clock = clock;
        this.logger = logger;
        this.complaints = complaints;
        sources.Load(connection);
        schema = SchemaTables.LoadAll(connection, types);
        RecordTable.MoveIntoChanges(connection, path, clock, logger);
        folds.Current = Replay.Run(connection, sources, schema);
        Sequence = written = folds.Current.Newest.Committed;
        folder = new Folder(connection, folds, pace);
        lookup = new RecordLookup(connection, sources, folds, folder.Directory);
        writer = new RecordWriter(connection, sources, folder);
        ties = new TieTable(connection, lookup);
        unfollowed = new UnfollowedTable(connection);
        begin = connection.Prepare("BEGIN IMMEDIATE");
        commit = connection.Prepare("COMMIT");
        checkpointer = new Checkpointer(path, connection, logger, complaints);
        EraseAll(); // a failure is logged, and the next purge retries
    }

    public string Name => path;

    public long Sequence { get; }

    /// <summary>For writing other data than records, in a transaction.</summary>
    public Connection Connection => connection;

    public IUnfollowed Unfollowed => unfollowed;

    public PortalSchema LoadSchema() => schema;

    public TransactionStart Begin(IReadOnlyList<WriteBatch> batches)
    {
        folder.Begin();
        lookup.Heads.Renew();
        (sourcesBefore, written) = (sources.Snapshot, folder.Newest.Committed);
        begin.Run();
        return new(written, null);
    }

    public void Commit()
    {
        if (connection.IsMoved)
        {
            throw new Refusal(Faults.FileMissing(Path.GetFileName(path))); // writes to a deleted file would still succeed
        }

        folder.Committing(written);
        forgotten.ForEach(record => ties.Forget(record.Record, record.Inverse));
        commit.Run();
        forgotten.Clear();
        folder.Committed(written);
    }

    public void Rollback()
    {
        connection.Rollback();
        folder.Rollback();
        forgotten.Clear();
        sources.Snapshot = sourcesBefore; // not read from the file, which may be the cause of the failure
    }

    public FoundRecords Find(WriteBatch batch) => BatchLookup.Find(lookup, batch);

    public void Write(Plan plan, ObjectType type, List<FollowedChange> followed)
    {
        if (plan.Writes.Count > 0)
        {
            writer.Write(plan, type, followed);
            written = plan.Writes[^1].Record.LastChange;
        }
    }

    public long?[] Find(IReadOnlyList<TieTarget> targets) =>
    [
        .. targets.Select(target => target.Key is { } key ? lookup.FindOwner(key, target.Value)
            : target.Id is >= 0 and <= RecordKey.IdMax && lookup.Exists(RecordKey.Of(target.Type, target.Id, archived: false)) ? target.Id : (long?)null),
    ];

    public IReadOnlyList<Record> Read(ObjectType type, IReadOnlyList<long> ids) => [.. ids.Select(id => lookup.FindId(type, id, archived: false)).OfType<Record>()];

    public FoundTies Find(TieBatch batch) => ties.Find(batch);

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids) => [.. ids.Select(id => ties.Of(RecordKey.Of(type, id, archived: false)))];

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<int> types, int limit, bool oldest) =>
        [.. ids.Select(id => ties.Of(RecordKey.Of(type, id, archived: false), types, limit, oldest))];

    public TiePage TiesAfter(ObjectType type, long id, ImmutableArray<int> types, long after, int limit) => ties.List(RecordKey.Of(type, id, archived: false), types, after, limit);

    public IReadOnlyList<(long From, long To)> TiesWith(AssociationType type, int limit) => ties.With(type, limit);

    public void Write(IReadOnlyList<PlannedTie> planned, Source source, List<FollowedChange> followed)
    {
        foreach (var tie in planned)
        {
            writer.Write(tie, source, followed);
            written = tie.Sequence;
        }
    }

    // At the end, when all changes of the associations are in the tables.
    public void ForgetTies(ObjectType type, long id, Func<int, int?> inverse) => forgotten.Add((RecordKey.Of(type, id, archived: false), inverse));

    public void Expect(SideWrite note)
    {
        if (note is JobStep step)
        {
            JobTables.Expect(connection, step);
        }
    }

    public Action? Keep(SideWrite note, Outcome outcome)
    {
        switch (note)
        {
            case JobStep step:
                JobTables.Advance(connection, step);
                var packed = new Lazy<PackedRows>(() => PackedRows.Of(step.Rows(outcome)));
                _ = Task.Run(() => packed.Value); // if no thread is free, the writer does it
                return () => JobTables.Record(connection, step, packed.Value, Instant.Now(clock));
            case KeptAnswer kept when !outcome.Batch.DryRun && kept.Of(outcome) is { } answer:
                AnswerTable.Keep(connection, kept.Key, answer, Names.Of(outcome), Instant.Now(clock));
                return null;
            default:
                return null;
        }
    }

    public List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after) => SchemaTables.UsedStagesTakenAway(connection, folds, type, before, after);

    public bool HasRecords(ObjectType type) => SchemaTables.HasRecords(connection, folds, type);

    public void SaveSchema(ObjectType type, SchemaContent? before, SchemaContent after) => SchemaTables.Save(connection, type, before, after);

    public void SaveAssociation(AssociationDefinition definition) => SchemaTables.Save(connection, definition);

    public void SaveLimit(int type, int? most) => SchemaTables.SaveLimit(connection, type, most);

    public void Rest()
    {
        TryFold(folder.Rest);
        checkpointer.AfterCommit();
    }

    public bool RestLong()
    {
        var more = false;
        TryFold(() => more = folder.RestLong());
        checkpointer.AfterCommit();
        return more;
    }

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

    public TransactionEnd Judge(Exception failure) => TransactionEnd.Rejected;

    public Refusal? Translate(Exception failure) => failure is SqliteFailure sqlite ? Engine.Translate(sqlite, path) as Refusal : null;

    /// <summary>The file is deleted when it is closed.</summary>
    public void Abandon() => isAbandoned = true;

    public void Dispose()
    {
        if (!isAbandoned)
        {
            TryFold(folder.Finish); // so that the next start has nothing to read
        }

        checkpointer.Stop();
        lookup.Dispose();
        writer.Dispose();
        ties.Dispose();
        unfollowed.Dispose();
        folder.Dispose();
        begin.Dispose();
        commit.Dispose();
        connection.Dispose();
        checkpointer.Dispose();
    }

    // Nothing is lost if it fails, because the changes are there.
    void TryFold(Action fold)
    {
        try
        {
            fold();
        }
        catch (SqliteFailure failure)
        {
            if (complaints.Due("fold") is { } more)
            {
                LogUnfolded(failure, path, more);
            }
        }
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

    [LoggerMessage(LogLevel.Warning, "What follows from the newest changes could not be written to {Path}; it will be retried{More}")]
    partial void LogUnfolded(Exception failure, string path, string more);

    [LoggerMessage(LogLevel.Warning, "Permanently deleted values may remain in {Path}; the next purge or start will retry")]
    partial void LogUncleaned(Exception? failure, string path);
}
