using Docket.Model;
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
    /// it; the bound keeps the last one's wait short (docs/decisions.md, Group commit).
    /// </summary>
    const int GroupMax = 32;

    readonly string path;
    readonly Connection connection;
    readonly Sources sources;
    readonly RecordLookup lookup;
    readonly RecordWriter writer;
    readonly Statement begin, commit;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Checkpointer checkpointer;
    readonly Thread thread;
    readonly Queue<Work> waiting = [];
    readonly List<Work> group = [];
    long sequence;
    bool closing;

    // What the current transaction has made of the schema; everyone else sees it once it is committed.
    Schema schema;
    volatile Schema committedSchema;

    public PortalWriter(string path, Connection connection, Sources sources, TimeProvider clock, ILogger logger)
    {
        this.path = path;
        this.connection = connection;
        this.sources = sources;
        this.clock = clock;
        this.logger = logger;
        sources.Load(connection);
        schema = committedSchema = new Schema(ObjectType.Ticket, SchemaTables.Load(connection, ObjectType.Ticket));
        sequence = connection.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change");
        Committed.Advance(sequence);
        lookup = new RecordLookup(connection, sources);
        writer = new RecordWriter(connection, sources);
        begin = connection.Prepare("BEGIN IMMEDIATE");
        commit = connection.Prepare("COMMIT");
        checkpointer = new Checkpointer(path, connection, logger);
        thread = new Thread(Run) { IsBackground = true, Name = "docket writer " + Path.GetFileNameWithoutExtension(path) };
        thread.Start();
    }

    /// <summary>The newest committed schema.</summary>
    public Schema Schema => committedSchema;

    /// <summary>Tells how far the changes are committed.</summary>
    public CommitSignal Committed { get; } = new();

    public Task<Outcome> ApplyAsync(WriteBatch batch) => Enqueue(new BatchWork(batch));

    /// <summary>Gives the new schema, or the used stages that the change would take away and that it was to keep.</summary>
    public Task<(Schema? Schema, List<string> UsedStages)> ChangeSchemaAsync(Func<SchemaContent, SchemaContent> change, bool keepUsedStages) =>
        Enqueue(new SchemaWork(change, keepUsedStages));

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
                Commit(group);
                checkpointer.AfterCommit();
            }
            catch (Exception failure)
            {
                // Nothing may end this thread: the portal's writes would wait for ever, and the other portals with the process.
                LogFailure(failure, path);
                group.ForEach(work => work.Fail(failure));
            }
        }
    }

    bool TakeGroup()
    {
        group.Clear();
        lock (waiting)
        {
            while (waiting.Count == 0)
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
        var begun = false;
        try
        {
            begin.Run();
            begun = true;
            foreach (var work in works)
            {
                work.Do(this);
            }

            commit.Run();
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
            var told = failure is SqliteFailure sqlite ? Translate(sqlite) : failure;
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

        Committed.Advance(sequence); // before anyone is answered: what is acknowledged can be waited for
        foreach (var work in works)
        {
            work.Succeed();
        }
    }

    Outcome Apply(WriteBatch batch)
    {
        // The schema moved on between validation and now: the batch is checked again, against the schema it will be stored under.
        var current = ReferenceEquals(batch.Schema, schema) ? batch : Validation.Check(batch.Kind, batch.Raw, schema, batch.Caller);
        var plan = Planner.Decide(current, lookup.Find(current), Instant.Now(clock), sequence + 1);
        writer.Write(plan, schema.Type, current.Caller.Source);
        sequence += plan.Writes.Count;
        return plan.Outcome;
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

    Exception Translate(SqliteFailure failure)
    {
        LogFailure(failure, path);
        return Engine.Translate(failure, path);
    }

    [LoggerMessage(LogLevel.Error, "Writing to {Path} failed; nothing of it is kept")]
    partial void LogFailure(Exception failure, string path);

    /// <summary>Something that waits for the writer, and whoever waits for it.</summary>
    abstract class Work
    {
        /// <summary>Does the work inside the transaction. A <see cref="Refusal"/> is this work's own answer: it has written nothing.</summary>
        public abstract void Do(PortalWriter writer);

        /// <summary>Answers, after the commit.</summary>
        public abstract void Succeed();

        public abstract void Fail(Exception failure);
    }

    abstract class Work<T> : Work
    {
        readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        T? result;
        Refusal? refusal;

        public Task<T> Task => completion.Task;

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

        public override void Succeed()
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

    sealed class BatchWork(WriteBatch batch) : Work<Outcome>
    {
        protected override Outcome Result(PortalWriter writer) => writer.Apply(batch);
    }

    sealed class SchemaWork(Func<SchemaContent, SchemaContent> change, bool keepUsedStages) : Work<(Schema?, List<string>)>
    {
        protected override (Schema?, List<string>) Result(PortalWriter writer) => writer.Change(change, keepUsedStages);
    }
}
