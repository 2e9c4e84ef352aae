using System.Diagnostics;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores;

/// <summary>
/// The one writer of a portal, whatever keeps it. Takes everything that waits into one transaction, commits it once, and only
/// then answers: what was acknowledged is durable, and nothing is visible before.
/// </summary>
internal sealed partial class PortalWriter : IDisposable
{
    /// <summary>
    /// Most works in a transaction. Group commit: one commit costs as much as many rows, so all that waits shares it; the
    /// bound keeps the last one's wait short (docs/internals/decisions.md, Group commit).
    /// </summary>
    const int GroupMax = 32;

    /// <summary>How long a look at the portal's condition waits for the writer, in milliseconds: who asks has little patience.</summary>
    const int ProbeWaitMs = 500;

    readonly ITransaction transaction;
    readonly CommitSignal committed;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Instruments? instruments;
    readonly Thread thread;
    readonly Queue<Work> waiting = [];
    readonly List<Work> group = [], uncleaned = [];
    readonly List<FollowedChange> written = [];
    long sequence;
    bool closing;

    // What the current transaction has made of the schema; everyone else sees it once it is committed.
    PortalSchema schema;
    volatile PortalSchema committedSchema;

    // What the last transaction failed of; null when it didn't.
    volatile string? trouble;
    Task<string?>? probe;

    /// <summary>Starts to write.</summary>
    /// <param name="name">What the writer's thread is called.</param>
    /// <param name="transaction">The portal's transactions, which are the writer's alone from now on.</param>
    /// <param name="committed">Gets how far the changes are committed.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures go.</param>
    /// <param name="complaints">Keeps failures from filling the log.</param>
    /// <param name="instruments">What the work is shown on, if on anything.</param>
    public PortalWriter(string name, ITransaction transaction, CommitSignal committed, TimeProvider clock, ILogger logger, Complaints complaints, Instruments? instruments)
    {
        this.transaction = transaction;
        this.committed = committed;
        this.clock = clock;
        this.logger = logger;
        this.complaints = complaints;
        this.instruments = instruments;
        schema = committedSchema = transaction.LoadSchema();
        sequence = transaction.Sequence;
        committed.Advance(sequence);
        thread = new Thread(Run) { IsBackground = true, Name = "docket writer " + name };
        thread.UnsafeStart(); // a portal may be opened by a request, whose place in log and trace this thread must not take over
    }

    /// <summary>The newest committed schema.</summary>
    public PortalSchema Schema => committedSchema;

    /// <summary>The newest of those that are committed.</summary>
    public RecentChanges Recent { get; } = new();

    public Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note) => Enqueue(new BatchWork(batch, note));

    /// <summary>Writes what is no record, in a transaction of the writer's. May run again when others in it fail.</summary>
    public Task<T> WriteAsync<T>(Func<T> write) => Enqueue(new OtherWork<T>(write));

    /// <summary>Gives the new schema, or the used stages that the change would take away and that it was to keep.</summary>
    public Task<(Schema? Schema, List<string> UsedStages)> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages) =>
        Enqueue(new SchemaWork(type, change, keepUsedStages));

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
    /// What keeps the portal from being written to, in one word; <c>null</c> for nothing. Where the writer has long work to do, what
    /// it met before. Usually an empty transaction.
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
                current = probe is { IsCompleted: false } ? probe : probe = WriteAsync(() => transaction.Probe(trouble is not null));
            }

            return await current.WaitAsync(TimeSpan.FromMilliseconds(ProbeWaitMs));
        }
        catch (TimeoutException)
        {
            return trouble;
        }
        catch (Exception failure)
        {
            return Condition.WordOf(failure);
        }
    }

    /// <summary>Finishes what waits, then stops the thread and ends the transactions.</summary>
    public void Dispose()
    {
        lock (waiting)
        {
            closing = true;
            Monitor.Pulse(waiting);
        }

        thread.Join();
        transaction.Dispose();
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
                    transaction.Rest();
                }

                AnswerPurges();
            }
            catch (Exception failure)
            {
                // Nothing may end this thread: the portal's writes would wait for ever, and the other portals with the process.
                LogFailure(failure, transaction.Name, "");
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
        var sequenceBefore = sequence;
        written.Clear();
        var begun = false;
        try
        {
            transaction.Begin();
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
            transaction.Rollback();
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
            var told = Translate(failure);
            trouble = Condition.WordOf(told);
            foreach (var work in works)
            {
                work.Fail(told);
            }

            return;
        }

        if (!ReferenceEquals(committedSchema, schema))
        {
            committedSchema = schema;
            committed.Wake(); // the index may have to be built anew
        }

        Recent.Add(written);
        committed.Advance(sequence); // before anyone is answered: what is acknowledged can be waited for
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
        var (since, began) = (clock.GetUtcNow(), clock.GetTimestamp());
        transaction.Commit();
        instruments?.Committed(clock.GetElapsedTime(began));
        foreach (var work in works)
        {
            instruments?.Start("commit", work.Trace, since)?.Dispose();
        }
    }

    // All purges of a group share one cleaning; the other works of it don't wait for that, and of the erasing before it only
    // for a part at a time.
    void AnswerPurges()
    {
        if (uncleaned.Count == 0)
        {
            return;
        }

        var (done, failure) = transaction.EraseSome();
        if (failure is null && !done)
        {
            return; // after whatever waits
        }

        failure ??= transaction.Clean();
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

    Outcome Apply(WriteBatch batch)
    {
        // The schema moved on between validation and now: the batch is checked again, against the schema it will be stored under.
        var known = schema.Of(batch.Schema.Type);
        var current = ReferenceEquals(batch.Schema, known) ? batch : Validation.Check(batch.Kind, batch.Raw, known, batch.Caller, batch.Helps, batch.InOrder);
        var plan = Planner.Decide(current, transaction.Find(current), Instant.Now(clock), sequence + 1);
        if (!current.DryRun)
        {
            transaction.Write(plan, known.Type, written);
            sequence += plan.Writes.Count;
        }

        return plan.Outcome;
    }

    Outcome Apply(WriteBatch batch, SideWrite? note)
    {
        if (note is not null)
        {
            transaction.Expect(note);
        }

        var outcome = Apply(batch);
        if (note is not null)
        {
            transaction.Keep(note, outcome);
        }

        return outcome;
    }

    (Schema?, List<string>) Change(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var before = schema.ContentOf(type);
        var after = change(before);
        if (ReferenceEquals(before, after))
        {
            return (schema.Of(type), []);
        }

        if (keepUsedStages && transaction.UsedStages(type, before, after) is { Count: > 0 } used)
        {
            return (null, used);
        }

        transaction.SaveSchema(type, before, after);
        schema = schema.With(type, after);
        return (schema.Of(type), []);
    }

    Exception Translate(Exception failure)
    {
        var told = transaction.Translate(failure) ?? failure;
        if (complaints.Due("write " + Condition.WordOf(told)) is { } more)
        {
            LogFailure(failure, transaction.Name, more);
        }

        return told;
    }

    [LoggerMessage(LogLevel.Error, "Writing to {Name} failed; nothing of it is kept{More}")]
    partial void LogFailure(Exception failure, string name, string more);

    /// <summary>Something that waits for the writer, and whoever waits for it.</summary>
    abstract class Work
    {
        /// <summary>The span of whoever waits, if there is one.</summary>
        public ActivityContext Trace { get; } = Span.Context;

        /// <summary>Since when it waits, if that is traced.</summary>
        public DateTimeOffset Since { get; set; }

        /// <summary>It is answered only when nothing is left of what it deleted.</summary>
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

    sealed class BatchWork(WriteBatch batch, SideWrite? note) : Work<Outcome>
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

    sealed class OtherWork<T>(Func<T> write) : Work<T>
    {
        protected override T Result(PortalWriter writer) => write();
    }

    sealed class SchemaWork(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages) : Work<(Schema?, List<string>)>
    {
        protected override (Schema?, List<string>) Result(PortalWriter writer) => writer.Change(type, change, keepUsedStages);
    }
}
