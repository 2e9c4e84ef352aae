using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Microsoft.Extensions.Logging;

namespace Docket.Index;

/// <summary>
/// Keeps a portal's search index up to its changes, on a thread of its own: follows the changes in the order of their commit,
/// saves now and then, and builds the index from the records when its file can't be used.
/// </summary>
internal sealed partial class Indexer : IDisposable
{
    /// <summary>Changes taken in at once, while searches wait: some milliseconds.</summary>
    const int BatchMax = 256;

    /// <summary>Changes after which the index is saved. What isn't saved is read from the changes again after a crash: some seconds' work.</summary>
    const int SaveAfter = 100_000;

    /// <summary>
    /// Bytes for each of them that are worth a save. Changes all over the place touch nearly every posting of a common word, and
    /// as many bytes after twice as many changes; so they are saved less often, though not after more than that.
    /// </summary>
    const int SaveWorth = 400, SaveAfterMax = 2 * SaveAfter;

    /// <summary>Bytes written at once, while searches wait: some milliseconds.</summary>
    const long SaveStep = 512 * 1024;

    /// <summary>Postings that may wait in memory for a save.</summary>
    const int UnsavedMax = 200_000;

    /// <summary>How long there must have been no change before what is left is saved, in milliseconds.</summary>
    const int SaveWhenIdleMs = 2_000;

    /// <summary>How often to look whether enough time has passed, while searches are made to lag, in milliseconds.</summary>
    const int LagStepMs = 20;

    /// <summary>Changes that writes may be ahead of the index: a tenth of a second's work or two, which a search that arrives then waits for.</summary>
    const int BehindMax = 2_000;

    /// <summary>How long a write waits for the index at most, in milliseconds: whatever happens to the index, writes go on.</summary>
    const int PatienceMs = 1_000;

    /// <summary>How long to let a failing disk rest, in milliseconds.</summary>
    const int RestMs = 1_000;

    /// <summary>What <see cref="indexed"/> says while there is no index to search.</summary>
    const long NotReady = -1;

    readonly string path;
    readonly Func<IChangeLog> openLog;
    readonly Func<PortalSchema> schema;
    readonly Func<int> lagMs;
    readonly CommitSignal committed;
    readonly RecentChanges recent;
    readonly List<FollowedChange> atHand = [];
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Thread thread;
    readonly CommitSignal indexed = new();
    volatile IndexFile? file, distrusted;
    volatile bool closing;
    long building, buildTotal, hurryTo;

    /// <summary>Starts to follow a portal.</summary>
    /// <param name="path">The file of the index.</param>
    /// <param name="openLog">Opens the portal's changes for the index's own thread.</param>
    /// <param name="schema">The portal's newest committed schema.</param>
    /// <param name="committed">How far the portal's changes are committed.</param>
    /// <param name="recent">The newest of them.</param>
    /// <param name="lagMs">How long a change stays invisible to searches, in milliseconds.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures are told.</param>
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
        indexed.Advance(NotReady);
        thread = new Thread(Run) { IsBackground = true, Name = "docket index " + Path.GetFileName(path).Split('.')[0] };
        thread.UnsafeStart(); // see PortalWriter
    }

    /// <summary>How much of a new index is built, in percent; <c>null</c> when there is nothing to build.</summary>
    public int? BuiltPercent => Interlocked.Read(ref buildTotal) is var total and > 0 ? (int)(100 * Interlocked.Read(ref building) / total) : null;

    /// <summary>How many changes it is behind; all, while there is no index to search.</summary>
    public long Behind => Math.Max(0, committed.Sequence - Math.Max(0, indexed.Sequence));

    /// <summary>How it stands, in one word: searches are answered at once, after a wait, or when it is built.</summary>
    public string State => indexed.Sequence == NotReady ? "building" : Behind > BehindMax ? "behind" : "ready";

    /// <summary>The index file of a portal's file.</summary>
    public static string PathOf(string portalPath) => Path.ChangeExtension(portalPath, ".index.db");

    /// <summary>
    /// Searches the index once it holds all changes up to <paramref name="sequence"/>, or what it holds, when searches are made
    /// to lag; and its values in the forms of <paramref name="asked"/>.
    /// </summary>
    public async Task<T> SearchAsync<T>(Schema asked, long sequence, Func<IndexFile, IndexReader, T> search, CancellationToken cancellation)
        where T : class
    {
        while (true)
        {
            var from = lagMs() > 0 ? NotReady : sequence;
            await indexed.WaitBeyondAsync(from - 1, cancellation);
            if (file is { } ready)
            {
                try
                {
                    // It may be another file by now, which is behind, or in the midst of being replaced.
                    if (ready.Index.TryRead(reader => ready.Position >= from && ready.Reads(asked) ? search(ready, reader) : null, out var result) && result is not null)
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
    }

    /// <summary>
    /// Completes at once, or, when writes have outrun the index by <see cref="BehindMax"/>, when it has come nearer or
    /// after <see cref="PatienceMs"/>: otherwise searches would wait for it ever longer. For whoever is about to write.
    /// </summary>
    public Task KeepUpAsync()
    {
        var (done, position) = (committed.Sequence, indexed.Sequence);
        return position == NotReady || done - position <= BehindMax || lagMs() > 0 ? Task.CompletedTask : WaitAsync(done - BehindMax);

        async Task WaitAsync(long sequence)
        {
            using var patience = new CancellationTokenSource(PatienceMs);
            await ReachAsync(sequence, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Completes when the index holds all changes up to <paramref name="sequence"/>: what they deleted for good is out of its file.</summary>
    public Task ReachAsync(long sequence, CancellationToken cancellation) => indexed.WaitBeyondAsync(sequence - 1, cancellation);

    /// <summary>As <see cref="ReachAsync"/>, also when searches are made to lag.</summary>
    public Task HurryToAsync(long sequence, CancellationToken cancellation)
    {
        Interlocked.Exchange(ref hurryTo, sequence);
        committed.Wake();
        return ReachAsync(sequence, cancellation);
    }

    /// <summary>Saves what is left and closes the file.</summary>
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
                    IndexFile.Delete(path); // someone wants a new one
                }
            }
            catch (Exception failure)
            {
                // Nothing may end this thread; and nothing is lost, for all of it can be built again.
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
            // Half built, or the portal's file is another one than it was built from.
            if (opened.Built ? changes.TimeOf(opened.Reach) == opened.ReachTime : opened.Index.Documents == 0)
            {
                return opened;
            }

            opened.Dispose();
        }
        catch (IndexFile.OfAnotherVersion)
        {
            // Docket was upgraded, and nothing is wrong.
        }
        catch (SqliteFailure failure) when (!failure.NoRoom)
        {
            LogDiscarded(failure.Message, path);
        }

        IndexFile.Delete(path);
        return new IndexFile(path);
    }

    // Until the server stops, or a new index is wanted.
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

        for (var unsaved = 0; !closing;)
        {
            if (file is null && opened.Position >= opened.Reach)
            {
                file = opened;
                indexed.Advance(opened.Position);
            }

            // In this order: a schema read later knows every property of the changes up to here.
            var upTo = committed.Sequence;
            // A property whose values are kept in another form from now on.
            if (!ReferenceEquals(known, schema()) && !opened.Fits(known = schema()))
            {
                return;
            }

            var taken = TakeIn(opened, changes, known, upTo);
            unsaved += taken;
            if (opened.IsSaving)
            {
                // At once when more comes than goes.
                if (opened.SaveSome(opened.Index.Postings.Dirty < UnsavedMax ? SaveStep : long.MaxValue) && opened.WantsRebuild)
                {
                    return;
                }
            }
            // Also with nothing to write, to drop columns that only searches wanted.
            else if (taken > 0 ? IsWorthSaving(opened, unsaved) : !Wait(opened) && (unsaved > 0 || opened.IsOverBudget))
            {
                opened.BeginSave(built: true);
                unsaved = 0;
            }

            if (ReferenceEquals(distrusted, opened) || (taken == 0 && opened.WantsRebuild))
            {
                return;
            }
        }

        opened.Save(built: true);
    }

    // What is deleted for good doesn't wait, nor what is half in the file.
    bool IsLagging(IndexFile opened) => lagMs() > 0 && opened.Position >= Math.Max(opened.Reach, Interlocked.Read(ref hurryTo));

    static bool IsWorthSaving(IndexFile opened, int unsaved) =>
        unsaved >= SaveAfterMax || opened.Index.Postings.Dirty >= UnsavedMax || opened.IsFarOverBudget
        || (unsaved >= SaveAfter && opened.Index.DirtyBytes <= (long)unsaved * SaveWorth);

    // Gives whether there is something to do.
    bool Wait(IndexFile opened)
    {
        var lagging = IsLagging(opened) && committed.Sequence > opened.Position;
        committed.WaitBeyond(lagging ? long.MaxValue : opened.Position, lagging ? LagStepMs : SaveWhenIdleMs);
        return lagging || committed.Sequence > opened.Position;
    }

    // From the records as they are now, not from all changes that led there. Gives whether it came to an end.
    bool Build(IndexFile opened, IChangeLog changes)
    {
        using var snapshot = changes.Snapshot();
        (opened.Position, opened.PositionTime) = changes.Newest();
        // A commit can be read a moment before its schema: without it, values of a new property would be passed over.
        while (committed.Sequence < opened.Position && !closing)
        {
            committed.WaitBeyond(opened.Position - 1, LagStepMs);
        }

        var known = schema();
        opened.Fits(known);
        building = 0;
        buildTotal = Math.Max(1, changes.CountRecords());
        LogBuilding(path, buildTotal);
        foreach (var batch in changes.Records(known.Types.Select(schema => schema.Type)).Chunk(BatchMax))
        {
            if (closing)
            {
                return false;
            }

            // Nobody searches yet, so nobody waits at the gate.
            foreach (var record in batch)
            {
                var document = opened.Index.Add(record.Type, record.Id, record.CreatedAt, record.UpdatedAt, record.Source, record.Active);
                var values = new ValueReader(record.Values);
                while (values.Next())
                {
                    if (known.FindNumberEvenArchived(values.Number) is { } property)
                    {
                        opened.Index.Put(document, property, default, values.Value);
                    }
                }
            }

            building += batch.Length;
            if (opened.Index.Documents % SaveAfter < BatchMax || opened.Index.Postings.Dirty >= UnsavedMax)
            {
                opened.Save(built: false);
            }
        }

        opened.Save(built: true);
        buildTotal = 0;
        return true;
    }

    // Gives how many changes there were.
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
            recent.Take(opened.Position, upTo, BatchMax, atHand);
        }

        index.Gate.EnterWriteLock();
        try
        {
            foreach (var change in atHand.Count > 0 ? atHand : changes.After(opened.Position, BatchMax))
            {
                // One of a time yet to come was made before the clock was set back: it is not held up until then.
                if (change.Sequence > upTo || (change.Time > until && change.Time <= now))
                {
                    break;
                }

                taken++;
                (opened.Position, opened.PositionTime) = (change.Sequence, change.Time);
                var document = change.Kind is ChangeKind.Create or ChangeKind.Merge && changes.OriginOf(change) is var origin
                    ? index.Add(change.Type, change.RecordId, origin.CreatedAt, change.Time, origin.Source, active: true)
                    : index.Find(change.RecordId);
                if (document < 0)
                {
                    continue; // gone for good before the index was built
                }

                index.Touch(document, change.Time);
                var isGone = change.Kind == ChangeKind.Purge;
                switch (change.Kind)
                {
                    case ChangeKind.Restore:
                        ChangedValues.Put(index, document, known, changes, change); // none, when nothing changed with it
                        break;
                    case ChangeKind.Create or ChangeKind.Merge or ChangeKind.Update:
                        // Erased before they got here: what came before may be from memory and in the index.
                        isGone = !ChangedValues.Put(index, document, known, changes, change);
                        break;
                    case ChangeKind.MergedAway:
                        // Its values are another record's now, and would stay when that one is deleted for good.
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

        if (file is not null)
        {
            indexed.Advance(opened.Position);
        }

        return taken;
    }

    // A disk that is full may have room later; anything else is worth a new file, but not at once again and again.
    void Rest(Exception failure)
    {
        try
        {
            if (failure is not SqliteFailure { NoRoom: true })
            {
                IndexFile.Delete(path);
            }
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next try will tell.
        }

        for (var begun = clock.GetTimestamp(); clock.GetElapsedTime(begun).TotalMilliseconds < RestMs && !closing;)
        {
            committed.WaitBeyond(long.MaxValue, LagStepMs); // commits end it early
        }
    }

    [LoggerMessage(LogLevel.Error, "The search index {Path} failed and is built anew")]
    partial void LogFailure(Exception failure, string path);

    [LoggerMessage(LogLevel.Warning, "The search index {Path} can't be used ({Reason}) and is built anew")]
    partial void LogDiscarded(string reason, string path);

    [LoggerMessage(LogLevel.Information, "Building the search index {Path} of {Records} records")]
    partial void LogBuilding(string path, long records);
}
