using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// The transactions of a portal. Each first locks the portal's row of <c>head</c>: numbers have no gap and are in the order of commit,
/// and two writers never decide at the same time, in this process or another. Two round trips: one locks and looks up, the other
/// writes and commits.
/// </summary>
internal sealed class PostgresTransaction : ITransaction
{
    /// <summary>Most attempts to ask for the result of a commit whose answer was lost. Each waits for a connection.</summary>
    const int AskTries = 3;

    /// <summary>Changes of purged records to empty in one transaction, while other work waits: some milliseconds.</summary>
    const int EmptiedAtOnce = 1_000;

    readonly PostgresDatabase database;
    readonly long portal;
    readonly ImmutableArray<ObjectType> types;
    readonly SourceNumbers sources;
    readonly CommitSignal committed;
    readonly TimeProvider clock;
    readonly PortalSession session;
    readonly RecordLookup lookup;
    readonly RecordWriter writer;
    readonly RecordEraser eraser;
    readonly UnfollowedTable unfollowed;
    Dictionary<long, Source> sourcesBefore = [];
    PortalSchema schema;
    long schemaVersion = -1, shownVersion, servedVersion, sequence, mark;
    bool changesSchema;
    volatile string history = "";

    /// <summary>Loads the portal's schema and sources.</summary>
    /// <param name="database">The database.</param>
    /// <param name="portal">The portal.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="sources">The sources of the portal, which are loaded.</param>
    /// <param name="committed">The newest change that this process knows.</param>
    /// <param name="indexed">The newest change that it knew earlier, and its time; <c>null</c> if it never used the portal.</param>
    /// <param name="clock">The time.</param>
    /// <exception cref="OperatorMistake">The database has no such portal.</exception>
    public PostgresTransaction(
        PostgresDatabase database, long portal, ImmutableArray<ObjectType> types, SourceNumbers sources, CommitSignal committed, (long Sequence, long Time)? indexed, TimeProvider clock)
    {
        this.database = database;
        this.portal = portal;
        this.types = types;
        this.sources = sources;
        this.committed = committed;
        this.clock = clock;
        session = new(database);
        lookup = new(session, portal, sources);
        writer = new(session, portal, sources, lookup);
        eraser = new(session, portal);
        unfollowed = new(session, portal);
        session.BeforeRead = writer.Flush;
        try
        {
            schema = new(types, [], []);
            Lock(waits: false);
            if (indexed is var (known, time) && time != session.Find(row => row.GetInt64(0), "SELECT time FROM change WHERE portal = $1 AND sequence = $2", PortalSession.Value(portal), PortalSession.Value(known)))
            {
                BeginHistory();
            }

            servedVersion = shownVersion = schemaVersion;
            session.Queue("DELETE FROM write_mark WHERE portal = $1 AND time < $2", PortalSession.Value(portal), PortalSession.Value(Instant.Now(clock) - (long)IJobs.Kept.TotalMilliseconds));
            session.Commit();
        }
        catch
        {
            session.Rollback();
            throw;
        }
    }

    public string Name => $"portal {portal}";

    public long Sequence => sequence;

    /// <summary>Identifies what sequence numbers refer to.</summary>
    public string History => history;

    /// <summary>The version of the committed schema that this process knows.</summary>
    public long SchemaVersion => Interlocked.Read(ref servedVersion);

    /// <summary>For writing other data than records, in a transaction.</summary>
    public PortalSession Session => session;

    public IUnfollowed Unfollowed => unfollowed;

    public PortalSchema LoadSchema() => schema;

    public TransactionStart Begin(IReadOnlyList<WriteBatch> batches)
    {
        writer.Clear();
        changesSchema = false;
        sourcesBefore = sources.Snapshot;
        Lock(batches);
        var isNew = shownVersion != schemaVersion;
        shownVersion = schemaVersion;
        return new(sequence, isNew ? schema : null);
    }

    public void Commit()
    {
        writer.Flush();
        if (session.HasWritten)
        {
            CommitWrites();
        }
        else
        {
            session.Rollback(); // unlike a commit, it needs no sync: all rows may be unchanged, a batch refused or a dry run
        }

        Interlocked.Exchange(ref servedVersion, shownVersion); // the writer took a newer schema when the transaction began
    }

    void CommitWrites()
    {
        mark++;
        var isNewer = changesSchema || sources.Snapshot != sourcesBefore; // then the other processes load both
        session.Queue(
            "INSERT INTO write_mark (portal, process, number, time) VALUES ($1, $2, $3, $4) ON CONFLICT (portal, process) DO UPDATE SET number = excluded.number, time = excluded.time",
            PortalSession.Value(portal), PortalSession.Value(database.Process), PortalSession.Value(mark), PortalSession.Value(Instant.Now(clock)));
        session.Queue(
            "UPDATE head SET sequence = $2, schema_version = schema_version + $3, unfollowed = $4 WHERE portal = $1", PortalSession.Value(portal), PortalSession.Value(sequence),
            PortalSession.Value(isNewer ? 1L : 0), PortalSession.Value(unfollowed.Any));
        if (isNewer)
        {
            session.Queue("SELECT pg_notify($1, $2)", PortalSession.Value(database.Schema), PortalSession.Value($"schema {portal}"));
        }

        try
        {
            session.Commit();
        }
        catch (Exception failure) when (session.IsCommitSent)
        {
            // Every failure of a commit says nothing about whether it was done.
            session.Rollback();
            if (!WasCommitted())
            {
                throw new Uncommitted(failure);
            }
        }

        if (isNewer)
        {
            shownVersion = ++schemaVersion;
        }
    }

    public void Rollback()
    {
        session.Rollback();
        writer.Clear();
        sources.Snapshot = sourcesBefore;
    }

    public FoundRecords Find(WriteBatch batch)
    {
        lookup.Fetch(batch);
        return BatchLookup.Find(lookup, batch);
    }

    public long?[] Find(IReadOnlyList<TieTarget> targets) => writer.Find(targets);

    public IReadOnlyList<Record> Read(ObjectType type, IReadOnlyList<long> ids) => lookup.Read([.. ids.Select(id => RecordKey.Of(type, id, archived: false))]);

    public FoundTies Find(TieBatch batch) => writer.Find(batch);

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids) => writer.TiesOf([.. ids.Select(id => RecordKey.Of(type, id, archived: false))]);

    public IReadOnlyList<StoredTie>[] TiesOf(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<int> types, int limit, bool oldest) =>
        writer.TiesOf([.. ids.Select(id => RecordKey.Of(type, id, archived: false))], types, limit, oldest);

    public TiePage TiesAfter(ObjectType type, long id, ImmutableArray<int> types, long after, int limit) => writer.TiesAfter(RecordKey.Of(type, id, archived: false), types, after, limit);

    public IReadOnlyList<(long From, long To)> TiesWith(AssociationType type, int limit) => writer.TiesWith(type, limit);

    public void Write(IReadOnlyList<PlannedTie> ties, Source source, List<FollowedChange> written)
    {
        writer.Write(ties, source, written);
        sequence += ties.Count;
    }

    public void ForgetTies(ObjectType type, long id, Func<int, int?> inverse) => writer.ForgetTies(RecordKey.Of(type, id, archived: false), inverse);

    public void Write(Plan plan, ObjectType type, List<FollowedChange> written)
    {
        if (plan.Writes.Count == 0)
        {
            return;
        }

        writer.Write(plan, type, written);
        sequence = plan.Writes[^1].Record.LastChange;
        if (plan.Writes[0].Kind == ChangeKind.Purge) // then all writes are purges
        {
            eraser.Erase(plan.Writes, plan.Outcome.Batch.Schema);
        }
    }

    public void Expect(SideWrite note)
    {
        switch (note)
        {
            case JobStep step:
                JobTables.Expect(session, portal, database.Process, step);
                break;
            case KeptAnswer kept:
                AnswerTable.Expect(session, portal, database.Process, kept.Key);
                break;
        }
    }

    public Action? Keep(SideWrite note, Outcome outcome)
    {
        switch (note)
        {
            case JobStep step:
                JobTables.Advance(session, portal, step);
                var packed = new Lazy<PackedRows>(() => PackedRows.Of(step.Rows(outcome)));
                _ = Task.Run(() => packed.Value); // if no thread is free, the writer does it
                return () => JobTables.Record(session, portal, step, packed.Value, Instant.Now(clock));
            case KeptAnswer kept when !outcome.Batch.DryRun && kept.Of(outcome) is { } answer:
                AnswerTable.Keep(session, portal, kept.Key, answer, Names.Of(outcome), Instant.Now(clock));
                return null;
            default:
                return null;
        }
    }

    public List<string> UsedStages(ObjectType type, SchemaContent before, SchemaContent after) => SchemaTables.UsedStagesTakenAway(session, portal, type, before, after);

    public bool HasRecords(ObjectType type) => SchemaTables.HasRecords(session, portal, type);

    public void SaveSchema(ObjectType type, SchemaContent? before, SchemaContent after)
    {
        SchemaTables.Save(session, portal, type, before, after);
        changesSchema = true;
    }

    public void SaveAssociation(AssociationDefinition definition)
    {
        SchemaTables.Save(session, portal, definition);
        changesSchema = true;
    }

    public void SaveLimit(int type, int? most)
    {
        SchemaTables.SaveLimit(session, portal, type, most);
        changesSchema = true;
    }

    public void Rest()
    {
    }

    public bool RestLong() => false;

    public (bool Done, Refusal? Failure) EraseSome()
    {
        try
        {
            Lock();
            var done = eraser.EmptySome(EmptiedAtOnce);
            session.Commit();
            return (done, null);
        }
        catch (Exception failure) when (Translate(failure) is { } refusal)
        {
            session.Rollback();
            return (false, refusal);
        }
    }

    // PostgreSQL removes the rows' old versions itself (docs/postgresql.md, Permanent deletion).
    public Refusal? Clean() => null;

    public string? Probe(bool failed) => null; // the lock of the head was a write

    public TransactionEnd Judge(Exception failure) => failure switch
    {
        Refusal => TransactionEnd.Unknown,
        Uncommitted => TransactionEnd.Interrupted,
        _ => PostgresFailures.IsInterruption(failure) ? TransactionEnd.Interrupted : TransactionEnd.Rejected,
    };

    public Refusal? Translate(Exception failure) => failure switch
    {
        Refusal refusal => refusal,
        OperatorMistake mistake => new(Faults.PortalUnserved(portal, mistake.State)), // another process has deleted it
        // A cluster reports a node that was lost in the commit as an internal error.
        Uncommitted { InnerException: PostgresException { SqlState: PostgresErrorCodes.InternalError } } => new(Faults.DatabaseUnreachable(database.Description)),
        Uncommitted { InnerException: { } cause } => PostgresFailures.Translate(cause, database.Description),
        _ => PostgresFailures.Translate(failure, database.Description),
    };

    public void Dispose() => session.Dispose();

    void Lock(IReadOnlyList<WriteBatch>? batches = null, bool waits = true)
    {
        try
        {
            LockOn(batches, waits);
        }
        catch (Exception failure) when (PostgresFailures.IsLoss(failure))
        {
            // The pool had the connections since before a restart of the server. Nothing has been written.
            session.Rollback();
            database.Source.Clear();
            LockOn(batches, waits);
        }
    }

    // Another process may have changed the schema or added a source; then what was looked up is read again, because it can refer to them.
    // So is everything if the newest changes are gone.
    void LockOn(IReadOnlyList<WriteBatch>? batches, bool waits)
    {
        var isPutBack = false;
        session.Begin(waits);
        while (true)
        {
            long newer;
            session.Ask("SELECT sequence, schema_version, unfollowed FROM head WHERE portal = $1 FOR UPDATE", PortalSession.Value(portal));
            lookup.Ask(batches ?? []);
            using (var rows = session.Read())
            {
                if (!rows.Read())
                {
                    throw new OperatorMistake($"{database.Description} has no portal {portal} any more.") { State = "missing" };
                }

                (sequence, unfollowed.Any) = (rows.GetInt64(0), rows.GetBoolean(2));
                if (rows.GetInt64(1) == schemaVersion && (isPutBack || sequence >= committed.Sequence))
                {
                    lookup.Read(rows);
                    return;
                }

                newer = rows.GetInt64(1);
            }

            schema = SchemaTables.LoadAll(session, portal, types);
            sources.Snapshot = sourcesBefore = session.List(
                row => (row.GetInt32(0), new Source(row.GetString(1), row.GetString(2))), "SELECT number, type, id FROM source WHERE portal = $1", PortalSession.Value(portal))
                .ToDictionary(entry => (long)entry.Item1, entry => entry.Item2);
            history = session.Find(row => row.GetString(0), "SELECT history FROM head WHERE portal = $1", PortalSession.Value(portal))!;
            schemaVersion = newer;
            if (sequence < committed.Sequence && !isPutBack)
            {
                isPutBack = true;
                BeginHistory();
            }
        }
    }

    // An older backup was restored, or a standby without the newest changes has become the primary: from here on, numbers are given
    // again. The version lets other processes notice it too.
    void BeginHistory()
    {
        history = Secrets.NewUuid();
        session.Queue("UPDATE head SET history = $2, schema_version = schema_version + 1 WHERE portal = $1", PortalSession.Value(portal), PortalSession.Value(history));
        schemaVersion++;
    }

    // Under the lock of the head: if the connection was lost but the server is alive, the old transaction may still be committing.
    bool WasCommitted()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                session.Begin();
                var found = session.Find(
                    row => row.IsDBNull(0) ? 0 : row.GetInt64(0), "SELECT m.number FROM head h LEFT JOIN write_mark m ON m.portal = h.portal AND m.process = $2 WHERE h.portal = $1 FOR UPDATE OF h",
                    PortalSession.Value(portal), PortalSession.Value(database.Process));
                session.Rollback();
                return found == mark;
            }
            catch (Exception failure) when (PostgresFailures.IsInterruption(failure))
            {
                session.Rollback();
                if (tries == AskTries)
                {
                    throw new Refusal(Faults.OutcomeUnknown(database.Description));
                }
            }
        }
    }

    /// <summary>A commit failed, and has certainly not been done.</summary>
    sealed class Uncommitted(Exception cause) : Exception(cause.Message, cause);
}
