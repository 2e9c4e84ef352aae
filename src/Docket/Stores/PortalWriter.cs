using System.Collections.Immutable;
using System.Diagnostics;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores;

/// <summary>
/// The single writer of a portal, for every engine. Executes all waiting work in one transaction, commits it once, and only then
/// answers: acknowledged writes are durable, and nothing is visible earlier.
/// </summary>
internal sealed partial class PortalWriter : IDisposable
{
    /// <summary>
    /// Most work items in a transaction. Group commit: one commit costs as much as many rows, so all waiting work shares it; the
    /// limit keeps the wait of the last item short (docs/internals/decisions.md, Group commit).
    /// </summary>
    const int GroupMax = 32;

    /// <summary>How long there has been no work before maintenance that can wait is done, in milliseconds.</summary>
    const int LongMs = 1_000;

    /// <summary>How long a health check waits for the writer, in milliseconds.</summary>
    const int ProbeWaitMs = 500;

    /// <summary>Most records named in the refusal to delete a stage in use.</summary>
    const int InStageShown = 10;

    /// <summary>Most associations that end in one transaction because their type is deleted: as many as a request may write.</summary>
    const int EndedAtOnce = 2_000;

    /// <summary>Most attempts to delete a stage that records have just left.</summary>
    const int StageTries = 3;

    readonly ITransaction transaction;
    readonly CommitSignal committed;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Instruments? instruments;
    readonly Thread thread;
    readonly Queue<Work> waiting = [];
    readonly List<Work> group = [], uncleaned = [];
    readonly List<WriteBatch> batches = [];
    readonly List<FollowedChange> written = [];
    readonly List<Action> unfinished = [];
    long sequence;
    bool closing, isPutBack;
    int restInMs = LongMs;

    // The schema in the current transaction; others see it after the commit.
    PortalSchema schema;
    volatile PortalSchema committedSchema;

    // Why the last transaction failed; null if it didn't.
    volatile string? trouble;
    Task<string?>? probe;

    /// <summary>Starts the writer.</summary>
    /// <param name="name">The name of the writer's thread.</param>
    /// <param name="transaction">The portal's transactions, used only by the writer from now on.</param>
    /// <param name="committed">Receives the number of the newest committed change.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures.</param>
    /// <param name="complaints">Limits repeated log entries.</param>
    /// <param name="instruments">The metrics, if any.</param>
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
        follows = transaction.Unfollowed.Any;
        thread = new Thread(Run) { IsBackground = true, Name = "docket writer " + name };
        thread.UnsafeStart(); // a request may open the portal; this thread must not inherit its log scope and trace
    }

    /// <summary>The newest committed schema.</summary>
    public PortalSchema Schema => committedSchema;

    /// <summary>The newest committed changes.</summary>
    public RecentChanges Recent { get; } = new();

    public Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note) => Enqueue(new BatchWork(batch, note));

    public Task<TiePlan> ApplyAsync(TieBatch batch) => Enqueue(new TieWork(batch));

    /// <summary>Writes other data than records, in a transaction of the writer. May run again if other work in the transaction fails.</summary>
    public Task<T> WriteAsync<T>(Func<T> write) => Enqueue(new OtherWork<T>(write));

    /// <summary>Changes a schema. Returns the new one, or the stages in use that prevent the change.</summary>
    public Task<(Schema? Schema, List<string> UsedStages)> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages) =>
        Enqueue(new SchemaWork(type, change, keepUsedStages));

    /// <summary>Changes the object types: see <see cref="IStore.ChangeTypesAsync"/>.</summary>
    public async Task<PortalSchema> ChangeTypesAsync(Func<PortalSchema, PortalSchema> change, Caller caller)
    {
        while (true)
        {
            if (await Enqueue(new TypesWork(change, caller)) is { } changed)
            {
                return changed;
            }
        }
    }

    /// <summary>Changes a schema.</summary>
    /// <param name="type">The object type.</param>
    /// <param name="change">Turns the current content into the new one.</param>
    /// <param name="keepUsedStages">Refuse if the change removes a stage that active records use.</param>
    /// <param name="find">Finds the ids of records by a query.</param>
    /// <exception cref="Refusal">Records use the stages.</exception>
    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages, Func<SearchQuery, Task<ImmutableArray<long>>> find)
    {
        for (var tries = 1; ; tries++)
        {
            var (schema, usedStages) = await ChangeSchemaAsync(type, change, keepUsedStages);
            if (schema is not null)
            {
                return schema;
            }

            var now = Schema.Of(type);
            var standing = new SearchFilter(now.Stages!.Stage, SearchOperator.In, [.. usedStages.Select(stage => new SearchValue(stage))]);
            var first = await find(new(now, [[standing]], [], [], null, 0, null, InStageShown));
            // No record uses them any more: the change may be allowed now.
            if (!first.IsEmpty || tries == StageTries)
            {
                throw new Refusal(Faults.StagesInUse(usedStages, first));
            }
        }
    }

    /// <summary>The number of waiting work items.</summary>
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
    /// Why the portal can't be written, in one word; <c>null</c> if it can. Usually runs an empty transaction; if the writer is busy
    /// for long, returns the last known state.
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

                // Concurrent health checks share one probe, so that they can't fill the queue.
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

    /// <summary>Finishes the waiting work, then stops the thread and disposes the transactions.</summary>
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
                    restInMs = LongMs;
                }
                else if (uncleaned.Count == 0 && !follows)
                {
                    follows = transaction.Unfollowed.Any; // the last step failed
                    restInMs = transaction.RestLong() ? 0 : Timeout.Infinite;
                }

                AnswerPurges();
                FollowSome();
            }
            catch (Exception failure)
            {
                // Nothing may end this thread: an unhandled exception would end the process, and without the thread writes would wait forever.
                LogFailure(failure, transaction.Name, "");
                group.ForEach(work => work.Fail(failure));
                uncleaned.ForEach(work => work.Fail(failure));
                uncleaned.Clear();
            }
        }
    }

    // The group is empty if only erasing or following is left to do, or there has been no work for a while.
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

                if (follows || !Monitor.Wait(waiting, restInMs))
                {
                    return true;
                }
            }

            while (group.Count < GroupMax && waiting.TryDequeue(out var work))
            {
                group.Add(work);
            }
        }

        return true;
    }

    void Commit(List<Work> works, bool isRetry = false)
    {
        var sequenceBefore = sequence;
        written.Clear();
        unfinished.Clear();
        var begun = false;
        try
        {
            Begin(works);
            (begun, sequenceBefore) = (true, sequence);
            foreach (var work in works)
            {
                instruments?.Start("wait", work.Trace, work.Since)?.Dispose();
                using var span = instruments?.Start("apply", work.Trace);
                if (work.SeesNotes)
                {
                    FinishNotes();
                }

                work.Do(this);
            }

            FinishNotes();
            follows = transaction.Unfollowed.Any;
            CommitNow(works);
            trouble = null;
        }
        catch (Exception failure)
        {
            transaction.Rollback();
            follows = false;
            sequence = sequenceBefore;
            schema = committedSchema;
            var end = begun ? transaction.Judge(failure) : TransactionEnd.Unknown;
            if (end == TransactionEnd.Interrupted ? !isRetry : end == TransactionEnd.Rejected && works.Count > 1)
            {
                // One of them may be the cause: run each alone, so that only that one fails.
                foreach (var work in works)
                {
                    Commit([work], isRetry: end == TransactionEnd.Interrupted);
                }

                return;
            }

            // If the transaction couldn't begin, none of them is the cause, and each would wait for the same lock again.
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
            committed.Wake(); // the index may have to be rebuilt
        }

        if (isPutBack)
        {
            Recent.Clear();
            committed.Advance(sequenceBefore);
        }

        Recent.Add(written);
        committed.Reach(sequence); // before the answers, so that callers can wait for what was acknowledged
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

    void Begin(List<Work> works)
    {
        batches.Clear();
        foreach (var work in works)
        {
            if (work.Batch is { } batch)
            {
                batches.Add(batch);
            }
        }

        (sequence, var changed) = transaction.Begin(batches);
        isPutBack = sequence < committed.Sequence; // changes that were committed are gone, such as after the restore of a backup
        if (changed is not null)
        {
            schema = committedSchema = changed; // by another process
            committed.Wake();
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

    // All purges of a group share one cleaning. Other work doesn't wait for it, and waits for erasing only one part at a
    // time.
    void AnswerPurges()
    {
        if (uncleaned.Count == 0)
        {
            return;
        }

        var (done, failure) = transaction.EraseSome();
        if (failure is null && !done)
        {
            return; // waiting work comes first
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
        // If the schema has changed since validation, validate the batch again with the current schema.
        var known = Current(batch.Schema.Type, batch.Kind == WriteKind.Purge) is { IsUsed: true } used ? used : batch.Schema.Type.BegunAfter(schema.LastNumber);
        var current = ReferenceEquals(batch.Schema, known) ? batch : Validation.Check(batch.Kind, batch.Raw, known, batch.Caller, batch.Features, batch.InOrder);
        var ties = current.HasTies ? InputTies.Of(current, schema) : null;
        current = ties?.Check(transaction.Find(ties.Targets)) ?? current;
        var plan = Decide(current, known);
        if (ties?.FindBeyond(plan, transaction.Find) is { Count: > 0 } beyond)
        {
            current = current.With(beyond);
            plan = Decide(current, known);
        }

        if (!current.DryRun)
        {
            if (plan.Writes.Count > 0)
            {
                BeginToUse(known);
            }

            transaction.Write(plan, known.Type, written);
            sequence += plan.Writes.Count;
            RollUpValues(plan, known);
            MoveTies(plan, known.Type);
            var begun = new List<PlannedTie>();
            foreach (var batchOfTies in ties?.Batches(plan) ?? [])
            {
                begun.AddRange(Write(batchOfTies).Writes);
            }

            RollUp(begun, batch.Caller); // once for all types: each record changes once
        }

        return plan.Outcome;
    }

    Plan Decide(WriteBatch batch, Schema known)
    {
        var found = transaction.Find(batch);
        if (known.Type.Copying is { } copying && batch.Kind is WriteKind.Create or WriteKind.Upsert && schema.Find(copying.From) is { IsUsed: true } source)
        {
            found.Copied = Copies.Of(batch, copying, source, transaction.Read(source.Type, [.. Copies.Named(batch, copying)]));
        }

        return Planner.Decide(batch, found, Instant.Now(clock), sequence + 1);
    }

    TiePlan Apply(TieBatch batch)
    {
        var plan = Write(batch);
        RollUp(plan.Writes, batch.Caller);
        return plan;
    }

    TiePlan Write(TieBatch batch)
    {
        batch = batch.With(schema.Associations.Between(batch.From.Number, batch.To.Number));
        var plan = TiePlanner.Decide(batch, transaction.Find(batch), Instant.Now(clock), sequence + 1);
        Write(plan.Writes, batch.Caller);
        return plan;
    }

    // Records that were merged or permanently deleted take their associations with them.
    void MoveTies(Plan plan, ObjectType type)
    {
        var caller = plan.Outcome.Batch.Caller with { Source = plan.Outcome.Batch.Source };
        switch (plan.Writes)
        {
            case [.., { Kind: ChangeKind.MergedAway } other, { Kind: ChangeKind.MergedAway } primary, { Kind: ChangeKind.Merge } merge]:
                (int, long)[] merged = [(type.Number, primary.Record.Id), (type.Number, other.Record.Id)];
                var known = transaction.TiesOf(type, [primary.Record.Id, other.Record.Id]);
                WriteAndRollUp(TieMoves.ToSurvivor([.. merged.Zip(known, (record, own) => (record, own))], (type.Number, merge.Record.Id), merge.Time, sequence + 1, schema.Associations, ActiveOf(known)), caller, [primary, other]);
                break;
            case [{ Kind: ChangeKind.Purge }, ..]: // then all writes are purges
                foreach (var purge in plan.Writes)
                {
                    WriteAndRollUp(TieMoves.Ended((type.Number, purge.Record.Id), purge.Record.ArchivedAt is not null, transaction.TiesOf(type, [purge.Record.Id])[0], purge.Time, sequence + 1, schema.Associations), caller, [purge]);
                    transaction.ForgetTies(type, purge.Record.Id, schema.Associations.InverseOf);
                }

                break;
            case [{ Kind: ChangeKind.Archive or ChangeKind.Restore } first, ..]: // their associations are hidden, or seen again
                RollUpLife(first.Kind == ChangeKind.Archive ? ChangeKind.Dissociate : ChangeKind.Associate, type, plan, caller);
                break;
        }
    }

    // Another request may have archived the type since this one took its snapshot. Its records can still be permanently deleted.
    Schema Current(ObjectType type, bool evenArchived = false) =>
        schema.Of(type) is var current && (evenArchived || !current.Type.IsArchived) ? current : throw new Refusal(Faults.UnknownObjectType(type.Id));

    // A type that a portal doesn't use has no stored schema: its first record brings it along.
    void BeginToUse(Schema known)
    {
        if (!schema.Of(known.Type).IsUsed)
        {
            transaction.SaveSchema(known.Type, null, known.Content);
            schema = schema.With(known);
        }
    }

    Outcome Apply(WriteBatch batch, SideWrite? note)
    {
        if (note is not null)
        {
            transaction.Expect(note);
        }

        var outcome = Apply(batch);
        if (note is not null && transaction.Keep(note, outcome) is { } finish)
        {
            unfinished.Add(finish);
        }

        return outcome;
    }

    void FinishNotes()
    {
        unfinished.ForEach(finish => finish());
        unfinished.Clear();
    }

    (Schema?, List<string>) Change(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var before = schema.ContentOf(Current(type).Type);
        var after = change(before);
        if (ReferenceEquals(before, after))
        {
            return (schema.Of(type), []);
        }

        if (keepUsedStages && transaction.UsedStages(type, before, after) is { Count: > 0 } used)
        {
            return (null, used);
        }

        var changed = schema.With(type, after);
        transaction.SaveSchema(changed.Of(type).Type, schema.Of(type).IsUsed ? before : null, after);
        schema = changed;
        return (schema.Of(type), []);
    }

    // Null if associations of a deleted type remain: their number has no limit, and other work waits.
    PortalSchema? Change(Func<PortalSchema, PortalSchema> change, Caller caller)
    {
        var after = change(schema);
        var changed = after.Used.Except(schema.Used).Select(now => (Before: schema.Find(now.Type.Number), Now: now)).ToList();
        foreach (var (before, now) in changed)
        {
            if (now.Type.IsArchived && before is { Type.IsArchived: false } && transaction.HasRecords(now.Type))
            {
                throw new Refusal(Faults.RecordsOfTypeExist(now.Type));
            }
        }

        foreach (var type in schema.Associations.All.Where(type => type.Id <= type.InverseId && after.Associations.IsDeleted(type.Number)))
        {
            var ties = transaction.TiesWith(type, EndedAtOnce);
            var now = Instant.Now(clock);
            WriteAndRollUp([.. ties.Select((tie, at) => new PlannedTie(ChangeKind.Dissociate, sequence + 1 + at, now, (type.From, tie.From), (type.To, tie.To), [type]))], caller);
            if (ties.Count == EndedAtOnce)
            {
                return null;
            }
        }

        foreach (var (before, now) in changed)
        {
            transaction.SaveSchema(now.Type, before is { IsUsed: true } ? before.Content : null, now.Content);
        }

        foreach (var definition in after.Labels.Except(schema.Labels))
        {
            transaction.SaveAssociation(definition);
        }

        foreach (var type in schema.Limits.Keys.Union(after.Limits.Keys).Where(type => schema.Limits.GetValueOrDefault(type) != after.Limits.GetValueOrDefault(type)))
        {
            transaction.SaveLimit(type, after.Limits.TryGetValue(type, out var most) ? most : null);
        }

        return schema = after;
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

    [LoggerMessage(LogLevel.Error, "Writing to {Name} failed and was rolled back{More}")]
    partial void LogFailure(Exception failure, string name, string more);

    /// <summary>A work item for the writer.</summary>
    abstract class Work
    {
        /// <summary>The span of the caller, if any.</summary>
        public ActivityContext Trace { get; } = Span.Context;

        /// <summary>When it was enqueued, if traced.</summary>
        public DateTimeOffset Since { get; set; }

        /// <summary>The batch to apply, if it is one.</summary>
        public virtual WriteBatch? Batch => null;

        /// <summary>Whether it is answered only after everything that it deleted has been erased.</summary>
        public virtual bool Purges => false;

        /// <summary>Whether it reads or changes notes, such as those of the works before it.</summary>
        public abstract bool SeesNotes { get; }

        /// <summary>Does the work inside the transaction. A <see cref="Refusal"/> is its answer: the work has written nothing.</summary>
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

        /// <summary>The result; <c>null</c> if it was refused.</summary>
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
        public override WriteBatch? Batch => batch;

        public override bool Purges => batch.Kind == WriteKind.Purge;

        public override bool SeesNotes => Purges;

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

    sealed class TieWork(TieBatch batch) : Work<TiePlan>
    {
        public override bool SeesNotes => false;

        protected override TiePlan Result(PortalWriter writer) => writer.Apply(batch);
    }

    /// <summary>A step of what follows later. Nobody waits for it; failures are logged.</summary>
    sealed class FollowWork : Work
    {
        public override bool SeesNotes => false;

        public override void Do(PortalWriter writer) => writer.FollowNext();

        public override void Succeed(PortalWriter writer)
        {
        }

        public override void Fail(Exception failure)
        {
        }
    }

    sealed class OtherWork<T>(Func<T> write) : Work<T>
    {
        public override bool SeesNotes => true;

        protected override T Result(PortalWriter writer) => write();
    }

    sealed class TypesWork(Func<PortalSchema, PortalSchema> change, Caller caller) : Work<PortalSchema?>
    {
        public override bool SeesNotes => false;

        protected override PortalSchema? Result(PortalWriter writer) => writer.Change(change, caller);
    }

    sealed class SchemaWork(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages) : Work<(Schema?, List<string>)>
    {
        public override bool SeesNotes => false;

        protected override (Schema?, List<string>) Result(PortalWriter writer) => writer.Change(type, change, keepUsedStages);
    }
}
