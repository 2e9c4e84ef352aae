using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Microsoft.Extensions.Logging;

namespace Docket.Index;

/// <summary>
/// Keeps a portal's search index up to date on its own thread: follows the changes in commit order, saves regularly, and rebuilds the
/// index from the records if its file can't be used.
/// </summary>
internal sealed partial class Indexer : IDisposable
{
    /// <summary>Changes applied at once while searches wait: some milliseconds. Otherwise more, so that repeated updates of a record are applied once.</summary>
    const int BatchMax = 256, LargeBatchMax = 2_000;

    /// <summary>How long to wait for a large batch if no search waits, in milliseconds.</summary>
    const int GatherMs = 50;

    /// <summary>Changes after which the index is saved. After a crash, unsaved changes are read again: some seconds of work.</summary>
    const int SaveAfter = 100_000;

    /// <summary>Bytes of terms in memory at which the index is saved.</summary>
    const long UnsavedMax = 8L << 20;

    /// <summary>Bytes written at once while searches wait: some milliseconds.</summary>
    const long SaveStep = 512 * 1024;

    /// <summary>Milliseconds without a change before the rest is saved.</summary>
    const int SaveWhenIdleMs = 2_000;

    /// <summary>How often to check whether a change is due if searches lag, in milliseconds.</summary>
    const int LagStepMs = 20;

    /// <summary>How many changes writes may be ahead of the index: a tenth to a fifth of a second of work, which a search has to wait for. More if there are no searches.</summary>
    const int BehindMax = 2_000, FarBehindMax = 5_000;

    /// <summary>How long after the last search there are none, in milliseconds.</summary>
    const int SearchedMs = 2_000;

    /// <summary>How long a write waits for the index at most, in milliseconds: writes continue, whatever happens to the index.</summary>
    const int PatienceMs = 1_000;

    /// <summary>The pause after a disk error, and that of merges after there was no space, in milliseconds.</summary>
    const int RestMs = 1_000, MergeRestMs = 30_000;

    /// <summary>How long a search waits for an index that is behind, in milliseconds.</summary>
    const int SearchWaitMs = 20_000;

    /// <summary>How long a permanent deletion waits for the index to be rewritten, in milliseconds.</summary>
    public const int PurgeWaitMs = 120_000;

    /// <summary>The value of <see cref="indexed"/> while there is no index to search.</summary>
    const long NotReady = -1;

    readonly string path;
    readonly Func<IChangeLog> openLog;
    readonly Func<PortalSchema> schema;
    readonly Func<int> lagMs;
    readonly CommitSignal committed;
    readonly RecentChanges recent;
    readonly List<FollowedChange> atHand = [];
    readonly RepeatedChanges repeated = new();
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Thread thread;
    readonly CommitSignal indexed = new();
    volatile IndexFile? file, distrusted;
    volatile bool closing, isAbandoned;
    long building, buildTotal, hurryTo, searchedAt, mergeAfter;
    int waiting;

    // What the signal said before the current file was opened: if it says something else, the file contains changes that are gone.
    volatile int returns;

    /// <summary>Starts to follow a portal.</summary>
    /// <param name="path">The index file.</param>
    /// <param name="openLog">Opens the portal's changes for the index's thread.</param>
    /// <param name="schema">Returns the portal's newest committed schema.</param>
    /// <param name="committed">Signals the portal's commits.</param>
    /// <param name="recent">The newest changes.</param>
    /// <param name="lagMs">The delay until searches see a change, in milliseconds.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Logs failures.</param>
    public Indexer(string path, Func<IChangeLog> openLog, Func<PortalSchema> schema, CommitSignal committed, RecentChanges recent, Func<int> lagMs, TimeProvider clock, ILogger logger)
    {
        this.path = path;
        this.openLog = openLog;
        this.schema = schema;
        this.committed = committed;
        this.recent = recent;
        this.lagMs = lagMs;
        this.clock = clock;
        this.logger = logger;
        searchedAt = clock.GetTimestamp() - (SearchedMs * clock.TimestampFrequency / 1000);
        indexed.Advance(NotReady);
        thread = new Thread(Run) { IsBackground = true, Name = "docket index " + Path.GetFileName(path).Split('.')[0] };
        thread.UnsafeStart(); // see PortalWriter
    }

    /// <summary>The progress of a rebuild in percent; <c>null</c> if there is none.</summary>
    public int? BuiltPercent => Interlocked.Read(ref buildTotal) is var total and > 0 ? (int)(100 * Interlocked.Read(ref building) / total) : null;

    /// <summary>The number of changes that are not in the index; all of them while there is no index to search.</summary>
    public long Behind => Math.Max(0, committed.Sequence - Math.Max(0, indexed.Sequence));

    /// <summary>The state in one word: whether searches are answered at once, after a wait, or after a rebuild.</summary>
    public string State => indexed.Sequence == NotReady ? "building" : Behind > FarBehindMax ? "behind" : "ready";

    /// <summary>The path of the index file for a portal's file.</summary>
    public static string PathOf(string portalPath) => Path.ChangeExtension(portalPath, ".index.db");

    /// <summary>
    /// Searches the index once it contains all changes up to <paramref name="sequence"/> (or its current content, if searches lag),
    /// with values in the forms of <paramref name="asked"/>.
    /// </summary>
    public async Task<T> SearchAsync<T>(Schema asked, long sequence, Func<IndexFile, IndexReader, T> search, CancellationToken cancellation)
        where T : class
    {
        Interlocked.Exchange(ref searchedAt, clock.GetTimestamp());
        while (true)
        {
            var from = lagMs() > 0 ? NotReady : sequence;
            await WaitAsync(from);
            if (file is { } ready)
            {
                try
                {
                    // The file may have been replaced, and the new one be behind or incomplete.
                    if (ready.Index.TryRead(reader => committed.Returns == returns && ready.Position >= from && ready.Reads(asked) ? search(ready, reader) : null, out var result) && result is not null)
                    {
                        return result;
                    }
                }
                catch (SqliteFailure failure) when (failure.IsDamage || !File.Exists(path))
                {
                    LogDiscarded(failure.Message, path);
                    distrusted = ready;
                    committed.Wake();
                }
            }

            await Task.Delay(LagStepMs, cancellation);
        }

        async ValueTask WaitAsync(long from)
        {
            if (indexed.Sequence >= from)
            {
                return;
            }

            Interlocked.Increment(ref waiting);
            try
            {
                committed.Wake();
                await indexed.WaitBeyondAsync(from - 1, cancellation);
            }
            finally
            {
                Interlocked.Decrement(ref waiting);
            }
        }
    }

    /// <summary>Finds the page of a query in the index as <see cref="SearchAsync"/> does, with the position and time of the index.</summary>
    /// <param name="query">The query.</param>
    /// <param name="sequence">The newest change that the index must contain.</param>
    /// <param name="sources">The sources by number.</param>
    /// <param name="readValues">Reads the values of a property of some records as they were after a change.</param>
    /// <param name="cancellation">Cancels the search.</param>
    /// <exception cref="Refusal">The index doesn't get there in time.</exception>
    public async Task<IndexPage> FindAsync(
        SearchQuery query, long sequence, SourceNumbers sources, Func<IReadOnlyCollection<long>, Property, long, Dictionary<long, byte[]>> readValues, CancellationToken cancellation)
    {
        if (!query.Schema.IsUsed)
        {
            return new(0, [], null) { Position = sequence, Time = Instant.Now(clock) };
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(SearchWaitMs);
        try
        {
            return await SearchAsync(
                query.Schema, sequence,
                (file, reader) =>
                {
                    var (position, now) = (file.Position, Instant.Now(clock));
                    return new IndexSearch(file.Index, reader, query, sources, (ids, property) => readValues(ids, property, position), now).Run() with { Position = position, Time = now };
                },
                patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new Refusal(Faults.IndexNotReady(BuiltPercent));
        }
    }

    /// <summary>
    /// Completes at once. If writes are ahead of the index by <see cref="BehindMax"/> or, without searches, <see cref="FarBehindMax"/>, it completes when the index has caught up or after
    /// <see cref="PatienceMs"/>, because otherwise searches would wait longer and longer. Call it before a write.
    /// </summary>
    public Task KeepUpAsync()
    {
        var (done, position) = (committed.Sequence, indexed.Sequence);
        var most = clock.GetElapsedTime(Interlocked.Read(ref searchedAt)).TotalMilliseconds < SearchedMs ? BehindMax : FarBehindMax;
        return position == NotReady || done - position <= most || lagMs() > 0 ? Task.CompletedTask : WaitAsync(done - most);

        async Task WaitAsync(long sequence)
        {
            using var patience = new CancellationTokenSource(PatienceMs);
            await ReachAsync(sequence, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Completes when the index contains all changes up to <paramref name="sequence"/>. Permanently deleted values are then removed from its file.</summary>
    public Task ReachAsync(long sequence, CancellationToken cancellation) => indexed.WaitBeyondAsync(sequence - 1, cancellation);

    /// <summary>Like <see cref="ReachAsync"/>, even if searches lag.</summary>
    /// <exception cref="Refusal">It takes longer than <paramref name="patience"/>. Permanently deleted values remain in the file until it gets there.</exception>
    public async Task EraseAsync(long sequence, CancellationToken patience)
    {
        Interlocked.Exchange(ref hurryTo, sequence);
        committed.Wake();
        try
        {
            await ReachAsync(sequence, patience);
        }
        catch (OperationCanceledException)
        {
            throw new Refusal(Faults.TracesLeft(Path.GetFileName(path), TracesReason.Behind));
        }
    }

    /// <summary>The file is deleted when it is closed, so nothing more is saved.</summary>
    public void Abandon() => isAbandoned = true;

    /// <summary>Saves the rest and closes the file.</summary>
    public void Dispose()
    {
        closing = true;
        committed.Wake();
        thread.Join();
    }

    void Run()
    {
        while (!closing)
        {
            try
            {
                returns = committed.Returns;
                using var changes = openLog();
                using (var opened = Open(changes))
                {
                    try
                    {
                        Follow(opened, changes);
                    }
                    finally
                    {
                        (file, buildTotal) = (null, 0);
                        indexed.Advance(NotReady);
                    }
                }

                if (!closing)
                {
                    IndexFile.Delete(path); // a rebuild was requested
                }
            }
            catch (LogUnavailable failure)
            {
                LogWaiting(path, failure.Message);
                Pause();
            }
            catch (Exception failure)
            {
                // Nothing may end this thread. Nothing is lost, because everything can be rebuilt.
                LogFailure(failure, path);
                Rest(failure);
            }
        }
    }

    IndexFile Open(IChangeLog changes)
    {
        try
        {
            var opened = new IndexFile(path);
            try
            {
                // Incomplete, or built from another file than the portal's.
                if (opened.Built ? changes.TimeOf(opened.Position) == opened.PositionTime : opened.Index.Documents == 0)
                {
                    return opened;
                }
            }
            catch
            {
                opened.Dispose();
                throw;
            }

            opened.Dispose();
        }
        catch (IndexFile.OfAnotherVersion)
        {
            // Docket was upgraded; this is not an error.
        }
        catch (SqliteFailure failure) when (!failure.NoRoom)
        {
            LogDiscarded(failure.Message, path);
        }

        IndexFile.Delete(path);
        return new IndexFile(path);
    }

    // Until the server stops, a rebuild is requested, or changes are gone.
    void Follow(IndexFile opened, IChangeLog changes)
    {
        if (!opened.Built && !Build(opened, changes))
        {
            return;
        }

        var known = schema();
        if (!opened.Fits(known))
        {
            return;
        }

        file = opened;
        indexed.Advance(opened.Position);
        for (var unsaved = 0; !closing;)
        {
            if (committed.Returns != returns)
            {
                return;
            }

            // In this order: a schema that is read later contains every property of the changes up to here.
            var upTo = committed.Sequence;
            // A property whose values get another form.
            if (!ReferenceEquals(known, schema()) && !opened.Fits(known = schema()))
            {
                return;
            }

            var taken = TakeIn(opened, changes, known, upTo);
            unsaved += taken;
            if (opened.IsSaving)
            {
                // At once if changes arrive faster than they are written.
                if (opened.SaveSome(opened.Index.Postings.ChangedBytes < UnsavedMax ? SaveStep : long.MaxValue) && opened.WantsRebuild)
                {
                    return;
                }
            }
            else if (taken == 0 && MayTidy())
            {
                opened.TidySome(SaveStep);
            }
            // Even if there is nothing to write, to drop columns that only searches used.
            else if (taken > 0 ? IsWorthSaving(opened, unsaved) : !Wait(opened) && (unsaved > 0 || opened.IsOverBudget))
            {
                opened.BeginSave(built: true);
                unsaved = 0;
            }
            else if (MayTidy())
            {
                opened.TidySome(SaveStep);
            }

            if (ReferenceEquals(distrusted, opened) || (taken == 0 && opened.WantsRebuild))
            {
                return;
            }
        }

        if (!isAbandoned)
        {
            opened.Save(built: true);
        }

        bool MayTidy() => opened.IsUntidy && clock.GetTimestamp() >= mergeAfter;
    }

    // Permanent deletions don't wait.
    bool IsLagging(IndexFile opened) => lagMs() > 0 && opened.Position >= Interlocked.Read(ref hurryTo);

    static bool IsWorthSaving(IndexFile opened, int unsaved) =>
        unsaved >= SaveAfter || opened.Index.Postings.ChangedBytes >= UnsavedMax || opened.IsFarOverBudget;

    // Returns whether there is something to do.
    bool Wait(IndexFile opened)
    {
        var lagging = IsLagging(opened) && committed.Sequence > opened.Position;
        committed.WaitBeyond(lagging ? long.MaxValue : opened.Position, lagging ? LagStepMs : SaveWhenIdleMs);
        for (var begun = clock.GetTimestamp(); IsGathering() && clock.GetElapsedTime(begun).TotalMilliseconds < GatherMs;)
        {
            committed.WaitBeyond(long.MaxValue, GatherMs); // commits end it early
        }

        return lagging || committed.Sequence > opened.Position;

        bool IsGathering() => !lagging && Volatile.Read(ref waiting) == 0 && committed.Sequence > opened.Position && committed.Sequence < opened.Position + LargeBatchMax && !closing;
    }

    // From the current records, not from all their changes. Returns whether it finished.
    bool Build(IndexFile opened, IChangeLog changes)
    {
        using var snapshot = changes.Snapshot();
        (opened.Position, opened.PositionTime) = changes.Newest();
        // A commit is visible a moment before its schema. Without the schema, values of a new property would be skipped.
        while (committed.Sequence < opened.Position && !closing)
        {
            committed.WaitBeyond(opened.Position - 1, LagStepMs);
        }

        var known = schema();
        opened.Fits(known);
        building = 0;
        buildTotal = Math.Max(1, changes.CountRecords());
        LogBuilding(path, buildTotal);
        foreach (var batch in changes.Records(known.Used.Select(schema => schema.Type)).Chunk(BatchMax))
        {
            if (closing)
            {
                return false;
            }

            // No search can run yet, so none waits at the gate.
            foreach (var record in batch)
            {
                var document = opened.Index.Add(record.Type, record.Id, record.CreatedAt, record.UpdatedAt, record.Source, record.Active);
                var values = new ValueReader(record.Values.Span);
                while (values.Next())
                {
                    if (known.FindNumberEvenArchived(values.Number) is { } property)
                    {
                        opened.Index.Put(document, property, default, values.Value);
                    }
                }
            }

            building += batch.Length;
            if (opened.Index.Documents % SaveAfter < BatchMax || opened.Index.Postings.ChangedBytes >= UnsavedMax)
            {
                opened.Save(built: false);
                while (opened.IsUntidy)
                {
                    opened.TidySome(long.MaxValue);
                }
            }
        }

        foreach (var (record, other) in changes.Ties(opened.Position))
        {
            if (opened.Index.Find(record.Id) is var document and >= 0)
            {
                opened.Index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type, other.Id));
                if (opened.Index.Find(other.Id) is var otherDocument and >= 0 && !opened.Index.IsArchived(otherDocument))
                {
                    opened.Index.Postings.Add(SearchIndex.Ties, document, SearchIndex.TieTerm(other.Type));
                }
            }
        }

        opened.Save(built: true);
        buildTotal = 0;
        return true;
    }

    // Returns the number of changes.
    int TakeIn(IndexFile opened, IChangeLog changes, PortalSchema known, long upTo)
    {
        if (upTo <= opened.Position)
        {
            return 0;
        }

        var index = opened.Index;
        var lag = lagMs();
        var now = Instant.Now(clock);
        var until = IsLagging(opened) ? now - lag : long.MaxValue;
        var purged = new HashSet<int>();
        var taken = 0;
        atHand.Clear();
        if (lag == 0)
        {
            recent.Take(opened.Position, upTo, Volatile.Read(ref waiting) > 0 ? BatchMax : LargeBatchMax, atHand);
            taken = atHand.Count;
            repeated.Combine(atHand);
        }

        // Before searches are locked out, because this may be a round trip.
        var next = atHand.Count > 0 ? atHand : changes.After(opened.Position, BatchMax);
        index.Gate.EnterWriteLock();
        try
        {
            foreach (var change in next)
            {
                // A change with a future time was made before the clock was set back: do not hold it back until then.
                if (change.Sequence > upTo || (change.Time > until && change.Time <= now))
                {
                    break;
                }

                taken += atHand.Count > 0 ? 0 : 1;
                (opened.Position, opened.PositionTime) = (change.Sequence, change.Time);
                if (change.Kind.IsTie())
                {
                    ChangedTies.Apply(index, known, changes, change);
                    continue;
                }

                var document = change.Kind is ChangeKind.Create or ChangeKind.Merge && changes.OriginOf(change) is var origin
                    ? index.Add(change.Type, change.RecordId, origin.CreatedAt, change.Time, origin.Source, active: true)
                    : index.Find(change.RecordId);
                if (document < 0)
                {
                    continue; // permanently deleted before the index was built
                }

                index.Touch(document, change.Time);
                var isGone = change.Kind == ChangeKind.Purge;
                switch (change.Kind)
                {
                    case ChangeKind.Create or ChangeKind.Merge or ChangeKind.Restore:
                        ChangedValues.Put(index, document, known, changes, change); // none, if the record has no values, or nothing changed with a restore
                        break;
                    case ChangeKind.Update:
                        // Erased before the index got here: the index may contain earlier values, applied from memory.
                        isGone = !ChangedValues.Put(index, document, known, changes, change);
                        break;
                    case ChangeKind.MergedAway:
                        // Its values now belong to another record, and would remain when that one is permanently deleted.
                        isGone = !ChangedValues.Remove(index, document, known, changes, change);
                        break;
                }

                if (isGone)
                {
                    purged.Add(document);
                }

                if (change.Kind != ChangeKind.Update)
                {
                    index.SetActive(document, change.Type, change.Kind is ChangeKind.Create or ChangeKind.Merge or ChangeKind.Restore);
                }

                if (change.Kind is ChangeKind.Archive or ChangeKind.Restore)
                {
                    ChangedTies.ApplyLife(index, known, changes, change);
                }
            }
        }
        finally
        {
            index.Gate.ExitWriteLock();
        }

        if (purged.Count > 0)
        {
            opened.Forget([.. purged]);
        }

        indexed.Advance(opened.Position);
        return taken;
    }

    // A full disk may have space later. Anything else is worth a new file, but not at once and repeatedly.
    void Rest(Exception failure)
    {
        try
        {
            if (failure is SqliteFailure { NoRoom: true })
            {
                mergeAfter = clock.GetTimestamp() + (MergeRestMs * clock.TimestampFrequency / 1000); // searches can do without
            }
            else
            {
                IndexFile.Delete(path);
            }
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next try reports it.
        }

        Pause();
    }

    void Pause()
    {
        for (var begun = clock.GetTimestamp(); clock.GetElapsedTime(begun).TotalMilliseconds < RestMs && !closing;)
        {
            committed.WaitBeyond(long.MaxValue, LagStepMs); // commits end it early
        }
    }

    [LoggerMessage(LogLevel.Error, "The search index {Path} failed and is being rebuilt")]
    partial void LogFailure(Exception failure, string path);

    [LoggerMessage(LogLevel.Warning, "The search index {Path} can't follow the portal's changes now ({Reason}); it tries again")]
    partial void LogWaiting(string path, string reason);

    [LoggerMessage(LogLevel.Warning, "The search index {Path} can't be used ({Reason}) and is being rebuilt")]
    partial void LogDiscarded(string reason, string path);

    [LoggerMessage(LogLevel.Information, "Building the search index {Path} of {Records} records")]
    partial void LogBuilding(string path, long records);
}
