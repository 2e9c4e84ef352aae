using System.Diagnostics;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The one writer of a portal's file. Takes everything that waits into one transaction, commits it with one sync to
/// disk, and only then answers: what was acknowledged is durable, and nothing is visible before.
/// </summary>
internal sealed partial class PortalWriter : IDisposable
{
    /// <summary>
    /// Most works in a transaction. Group commit: one sync to disk costs as much as many rows, so all that waits shares
    /// it; the bound keeps the last one's wait short (docs/internals/decisions.md, Group commit).
    /// </summary>
    const int GroupMax = 32;

    /// <summary>Changes of records that are gone for good to empty in one transaction, while others wait: some milliseconds.</summary>
    const int EmptiedAtOnce = 1_000;

    /// <summary>How long a look at the file's condition waits for the writer, in milliseconds: who asks has little patience.</summary>
    const int ProbeWaitMs = 500;

    readonly string path;
    readonly Connection connection;
    readonly Sources sources;
    readonly RecordLookup lookup;
    readonly RecordWriter writer;
    readonly Statement begin, commit;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Instruments? instruments;
    readonly Checkpointer checkpointer;
    readonly Thread thread;
    readonly Queue<Work> waiting = [];
    readonly List<Work> group = [], uncleaned = [];
    readonly List<FollowedChange> written = [];
    long sequence;
    bool closing;

    // What the current transaction has made of the schema; everyone else sees it once it is committed.
    Schema schema;
    volatile Schema committedSchema;

    // What the last transaction failed of; null when it didn't.
    volatile string? trouble;
    Task<string?>? probe;

    public PortalWriter(string path, Connection connection, Sources sources, TimeProvider clock, ILogger logger, Complaints complaints, Instruments? instruments)
    {
        this.path = path;
        this.connection = connection;
        this.sources = sources;
        this.clock = clock;
        this.logger = logger;
        this.complaints = complaints;
        this.instruments = instruments;
        sources.Load(connection);
        schema = committedSchema = new Schema(ObjectType.Ticket, SchemaTables.Load(connection, ObjectType.Ticket));
        sequence = connection.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change");
        Committed.Advance(sequence);
        lookup = new RecordLookup(connection, sources);
        writer = new RecordWriter(connection, sources);
        begin = connection.Prepare("BEGIN IMMEDIATE");
        commit = connection.Prepare("COMMIT");
        checkpointer = new Checkpointer(path, connection, logger, complaints);
        EmptyAll(); // what a stop came between; a failure is in the log, and the next purge tries again
        thread = new Thread(Run) { IsBackground = true, Name = "docket writer " + Path.GetFileNameWithoutExtension(path) };
        thread.UnsafeStart(); // a portal may be opened by a request, whose place in log and trace this thread must not take over
    }

    /// <summary>The newest committed schema.</summary>
    public Schema Schema => committedSchema;

    /// <summary>The newest of those that are committed.</summary>
    public RecentChanges Recent { get; } = new();

    /// <summary>Tells how far the changes are committed.</summary>
    public CommitSignal Committed { get; } = new();

    public Task<Outcome> ApplyAsync(WriteBatch batch, Note? note) => Enqueue(new BatchWork(batch, note));

    /// <summary>Writes what is no record, in a transaction of the writer's. May run again when others in it fail.</summary>
    public Task<T> WriteAsync<T>(Func<Connection, T> write) => Enqueue(new OtherWork<T>(write));

    /// <summary>Gives the new schema, or the used stages that the change would take away and that it was to keep.</summary>
    public Task<(Schema? Schema, List<string> UsedStages)> ChangeSchemaAsync(Func<SchemaContent, SchemaContent> change, bool keepUsedStages) =>
        Enqueue(new SchemaWork(change, keepUsedStages));

    /// <summary>How much waits for the writer.</summary>
    public int Waiting
    {
        get
        {
            lock (waiting)
            {
                return waiting.Count;
            }
        }
    }

    /// <summary>
    /// What keeps the file from being written to, in one word; <c>null</c> for nothing. Where the writer has long work to do, what
    /// it met before. Usually an empty transaction, which touches no disk.
    /// </summary>
    public async Task<string?> TroubleAsync()
    {
        try
        {
            Task<string?> current;
            lock (waiting)
            {
                if (closing)
                {
                    return "stopping";
                }

                // All that ask at once share a look, so that nobody fills the queue by asking.
                current = probe is { IsCompleted: false } ? probe : probe = WriteAsync(Probe);
            }

            return await current.WaitAsync(TimeSpan.FromMilliseconds(ProbeWaitMs));
        }
        catch (TimeoutException)
        {
            return trouble;
        }
        catch (Exception failure)
        {
            return Engine.WordOf(failure);
        }
    }

    /// <summary>Finishes what waits, then stops the thread and closes the file.</summary>
    public void Dispose()
    {
        lock (waiting)
        {
            closing = true;
            Monitor.Pulse(waiting);
        }

        thread.Join();
        checkpointer.Stop();
        lookup.Dispose();
        writer.Dispose();
        begin.Dispose();
        commit.Dispose();
        connection.Dispose();
        checkpointer.Dispose();
    }

    Task<T> Enqueue<T>(Work<T> work)
    {
        if (work.Trace != default)
        {
            work.Since = clock.GetUtcNow();
        }

        lock (waiting)
        {
            if (closing)
            {
                throw new Refusal(Faults.ShuttingDown());
            }

            waiting.Enqueue(work);
            Monitor.Pulse(waiting);
        }

        return work.Task;
    }

    void Run()
    {
        while (TakeGroup())
        {
            try
            {
                if (group.Count > 0)
                {
                    Commit(group);
                    checkpointer.AfterCommit();
                }

                AnswerPurges();
            }
            catch (Exception failure)
            {
                // Nothing may end this thread: the portal's writes would wait for ever, and the other portals with the process.
                LogFailure(failure, path, "");
                group.ForEach(work => work.Fail(failure));
                uncleaned.ForEach(work => work.Fail(failure));
                uncleaned.Clear();
            }
        }
    }

    // Empty while there is only something left to erase.
    bool TakeGroup()
    {
        group.Clear();
        lock (waiting)
        {
            while (waiting.Count == 0 && uncleaned.Count == 0)
            {
                if (closing)
                {
                    return false;
                }

                Monitor.Wait(waiting);
            }

            while (group.Count < GroupMax && waiting.TryDequeue(out var work))
            {
                group.Add(work);
            }
        }

        return true;
    }

    void Commit(List<Work> works)
    {
        var (sequenceBefore, sourcesBefore) = (sequence, sources.Snapshot);
        written.Clear();
        var begun = false;
        try
        {
            begin.Run();
            begun = true;
            foreach (var work in works)
            {
                instruments?.Start("wait", work.Trace, work.Since)?.Dispose();
                using var span = instruments?.Start("apply", work.Trace);
                work.Do(this);
            }

            CommitNow(works);
            trouble = null;
        }
        catch (Exception failure)
        {
            connection.Rollback();
            sources.Snapshot = sourcesBefore; // not read again: the file may be what fails
            sequence = sequenceBefore;
            schema = committedSchema;
            if (begun && works.Count > 1)
            {
                // One of them may be to blame: each on its own, so that it alone fails.
                foreach (var work in works)
                {
                    Commit([work]);
                }

                return;
            }

            // Without a transaction none of them is to blame: they don't each wait for the same lock once more.
            var told = failure is SqliteFailure or Refusal ? Translate(failure) : failure;
            trouble = Engine.WordOf(told);
            foreach (var work in works)
            {
                work.Fail(told);
            }

            return;
        }

        if (!ReferenceEquals(committedSchema, schema))
        {
            committedSchema = schema;
            Committed.Wake(); // the index may have to be built anew
        }

        Recent.Add(written);
        Committed.Advance(sequence); // before anyone is answered: what is acknowledged can be waited for
        foreach (var work in works)
        {
            if (work.Purges)
            {
                uncleaned.Add(work);
            }
            else
            {
                work.Succeed(this);
            }
        }
    }

    void CommitNow(List<Work> works)
    {
        if (connection.IsMoved)
        {
            throw new Refusal(Faults.FileMissing(Path.GetFileName(path))); // the system goes on writing to what has no name any more
        }

        var (since, began) = (clock.GetUtcNow(), clock.GetTimestamp());
        commit.Run();
        instruments?.Committed(clock.GetElapsedTime(began));
        foreach (var work in works)
        {
            instruments?.Start("commit", work.Trace, since)?.Dispose();
        }
    }

    string? Probe(Connection connection)
    {
        if (Engine.IsDiskFull(path))
        {
            return "full";
        }

        if (trouble is not null)
        {
            // One page, to see whether what failed is well again.
            connection.Execute($"PRAGMA user_version={connection.QueryInteger("PRAGMA user_version")}");
        }

        return null;
    }

    // All purges of a group share one cleaning; the other works of it don't wait for that, and of the erasing before it only
    // for a part at a time.
    void AnswerPurges()
    {
        if (uncleaned.Count == 0)
        {
            return;
        }

        var (done, failure) = EmptySome();
        if (failure is null && !done)
        {
            return; // after whatever waits
        }

        failure ??= Clean();
        foreach (var work in uncleaned)
        {
            if (failure is null)
            {
                work.Succeed(this);
            }
            else
            {
                work.Fail(failure);
            }
        }

        uncleaned.Clear();
    }

    (bool Done, Refusal? Failure) EmptySome()
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

    void EmptyAll()
    {
        var (done, failure) = EmptySome();
        while (!done && failure is null)
        {
            (done, failure) = EmptySome();
        }

        if (done)
        {
            _ = Clean();
        }
    }

    Refusal Left(SqliteFailure failure)
    {
        LogUncleaned(failure, path);
        return new(Faults.TracesLeft(Path.GetFileName(path), failure.NoRoom ? "there is no room to write it anew" : "it could not be written anew, see the server's log"));
    }

    // Deleted values still lie in free places of pages and in the log: only a file written anew holds none of them
    // (docs/internals/decisions.md, Purging). The wish is a row of the purge's own transaction, so a stop can't lose it.
    Refusal? Clean()
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
                return new(Faults.TracesLeft(Path.GetFileName(path), "another program is reading it"));
            }

            connection.Execute("DELETE FROM cleaning");
            return null;
        }
        catch (SqliteFailure failure)
        {
            return Left(failure);
        }
    }

    Outcome Apply(WriteBatch batch)
    {
        // The schema moved on between validation and now: the batch is checked again, against the schema it will be stored under.
        var current = ReferenceEquals(batch.Schema, schema) ? batch : Validation.Check(batch.Kind, batch.Raw, schema, batch.Caller, batch.Helps, batch.InOrder);
        var plan = Planner.Decide(current, lookup.Find(current), Instant.Now(clock), sequence + 1);
        if (!current.DryRun)
        {
            writer.Write(plan, schema.Type, current.Source, written);
            sequence += plan.Writes.Count;
        }

        return plan.Outcome;
    }

    Outcome Apply(WriteBatch batch, Note? note)
    {
        if (note is JobStep next)
        {
            JobTables.Expect(connection, next);
        }

        var outcome = Apply(batch);
        switch (note)
        {
            case JobStep step:
                JobTables.Record(connection, step, step.Rows(outcome), Instant.Now(clock));
                break;
            case KeptAnswer kept when !outcome.Batch.DryRun && kept.Of(outcome) is { } answer:
                AnswerTable.Keep(connection, kept.Key, answer, Instant.Now(clock));
                break;
        }

        return outcome;
    }

    (Schema?, List<string>) Change(Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var before = schema.Content;
        var after = change(before);
        if (ReferenceEquals(before, after))
        {
            return (schema, []);
        }

        if (keepUsedStages && SchemaTables.UsedStagesTakenAway(connection, before, after) is { Count: > 0 } used)
        {
            return (null, used);
        }

        SchemaTables.Save(connection, schema.Type, before, after);
        return (schema = new Schema(schema.Type, after), []);
    }

    Exception Translate(Exception failure)
    {
        var told = failure is SqliteFailure sqlite ? Engine.Translate(sqlite, path) : failure;
        if (complaints.Due("write " + Engine.WordOf(told)) is { } more)
        {
            LogFailure(failure, path, more);
        }

        return told;
    }

    [LoggerMessage(LogLevel.Error, "Writing to {Path} failed; nothing of it is kept{More}")]
    partial void LogFailure(Exception failure, string path, string more);

    [LoggerMessage(LogLevel.Warning, "Values deleted for good may still be found in {Path}; the next purge or start tries again to remove them")]
    partial void LogUncleaned(Exception? failure, string path);

    /// <summary>Something that waits for the writer, and whoever waits for it.</summary>
    abstract class Work
    {
        /// <summary>The span of whoever waits, if there is one.</summary>
        public ActivityContext Trace { get; } = Span.Context;

        /// <summary>Since when it waits, if that is traced.</summary>
        public DateTimeOffset Since { get; set; }

        /// <summary>It is answered only when the file is clean of what it deleted.</summary>
        public virtual bool Purges => false;

        /// <summary>Does the work inside the transaction. A <see cref="Refusal"/> is this work's own answer: it has written nothing.</summary>
        public abstract void Do(PortalWriter writer);

        /// <summary>Answers, after the commit.</summary>
        public abstract void Succeed(PortalWriter writer);

        public abstract void Fail(Exception failure);
    }

    abstract class Work<T> : Work
    {
        readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        T? result;
        Refusal? refusal;

        public Task<T> Task => completion.Task;

        /// <summary>What was done; nothing when it was refused.</summary>
        protected T? Done => refusal is null ? result : default;

        public override void Do(PortalWriter writer)
        {
            refusal = null;
            try
            {
                result = Result(writer);
            }
            catch (Refusal refused)
            {
                refusal = refused;
            }
        }

        public override void Succeed(PortalWriter writer)
        {
            if (refusal is null)
            {
                completion.TrySetResult(result!);
            }
            else
            {
                completion.TrySetException(refusal);
            }
        }

        public override void Fail(Exception failure) => completion.TrySetException(failure);

        protected abstract T Result(PortalWriter writer);
    }

    sealed class BatchWork(WriteBatch batch, Note? note) : Work<Outcome>
    {
        public override bool Purges => batch.Kind == WriteKind.Purge;

        public override void Succeed(PortalWriter writer)
        {
            if (Done is { } outcome)
            {
                writer.instruments?.Wrote(outcome);
            }

            base.Succeed(writer);
        }

        protected override Outcome Result(PortalWriter writer) => writer.Apply(batch, note);
    }

    sealed class OtherWork<T>(Func<Connection, T> write) : Work<T>
    {
        protected override T Result(PortalWriter writer) => write(writer.connection);
    }

    sealed class SchemaWork(Func<SchemaContent, SchemaContent> change, bool keepUsedStages) : Work<(Schema?, List<string>)>
    {
        protected override (Schema?, List<string>) Result(PortalWriter writer) => writer.Change(change, keepUsedStages);
    }
}
