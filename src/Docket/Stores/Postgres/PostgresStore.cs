using System.Collections.Immutable;
using System.Globalization;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Postgres;

/// <summary>
/// A portal in PostgreSQL, which other processes may use at the same time. What this process keeps in memory of it, it compares with the
/// portal's row of <c>head</c> before a request (<see cref="CatchUpAsync"/>).
/// </summary>
internal sealed partial class PostgresStore : IStore, IDisposable
{
    /// <summary>Most records named in the refusal to delete a stage in use.</summary>
    const int InStageShown = 10;

    /// <summary>How long a search waits for an index that is behind, in milliseconds.</summary>
    const int SearchWaitMs = 20_000;

    /// <summary>Most attempts of a search if records found by it have been deleted before they are read.</summary>
    const int SearchTries = 3;

    /// <summary>How long a purge waits for the index to be rewritten, in milliseconds.</summary>
    const int PurgeWaitMs = 120_000;

    /// <summary>How often those who wait for a change ask for those of other processes, in milliseconds.</summary>
    const int FollowMs = 100;

    /// <summary>How long to wait before opening is retried, in milliseconds.</summary>
    const int RetryMs = 1_000;

    readonly PostgresDatabase database;
    readonly long portalId;
    readonly ImmutableArray<ObjectType> types;
    readonly string indexDirectory;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Instruments? instruments;
    readonly CommitSignal committed = new();
    readonly HeadWatch head;
    volatile PortalSettings settings = PortalSettings.Default;

    // Held while the portal is opened or closed.
    readonly Lock gate = new();

    // All who wait for the same opening share it.
    readonly Lock openingGate = new();
    Task? opening;

    volatile OpenPortal? open;
    volatile OperatorMistake? trouble;
    bool disposed;
    int uses;
    long triedAt, usedAt;

    /// <summary>Creates a store that is opened when it is first used, and closed by <see cref="CloseIfIdle"/>.</summary>
    /// <param name="database">The database.</param>
    /// <param name="portalId">The portal.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="indexDirectory">Where this process has its search indexes.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures.</param>
    /// <param name="instruments">The metrics, if any.</param>
    public PostgresStore(PostgresDatabase database, long portalId, ImmutableArray<ObjectType> types, string indexDirectory, TimeProvider clock, ILogger logger, Instruments? instruments = null)
    {
        this.database = database;
        this.portalId = portalId;
        this.types = types;
        this.indexDirectory = indexDirectory;
        this.clock = clock;
        this.logger = logger;
        this.instruments = instruments;
        complaints = new(clock);
        head = new(database, portalId);
        Jobs = new JobTables(this, database, portalId, clock);
        Answers = new AnswerTable(this, database, portalId, clock);
    }

    /// <summary>The settings of the portal; the portals of the database keep them up to date.</summary>
    public PortalSettings Settings
    {
        get => settings;
        set => settings = value;
    }

    public IJobs Jobs { get; }

    public IAnswers Answers { get; }

    public string History => Use(static opened => opened.Transaction.History);

    public PortalSchema Schema => Use(static opened => opened.Writer.Schema);

    public long Sequence => Use(_ => committed.Sequence); // known once the portal was opened

    /// <summary>When the portal was last used, as a timestamp of the clock.</summary>
    public long UsedAt => Interlocked.Read(ref usedAt);

    public bool IsOpen => open is not null;

    /// <summary>How many writes wait for the writer.</summary>
    public int Waiting => open?.Writer.Waiting ?? 0;

    /// <summary>How many changes the search index is behind.</summary>
    public long IndexBehind => open?.Indexer.Behind ?? 0;

    /// <summary>Lets <see cref="Schema"/> and <see cref="Sequence"/> contain everything that was committed before the call, also by other processes.</summary>
    /// <returns>The generation of the control plane.</returns>
    public async ValueTask<long> CatchUpAsync()
    {
        try
        {
            await OpenAsync();
        }
        catch (OperatorMistake)
        {
            // known from here on
        }

        var opened = Enter();
        try
        {
            var now = await ReadHeadAsync();
            if (now.SchemaVersion > opened.Transaction.SchemaVersion)
            {
                await opened.Writer.WriteAsync(static () => true); // an empty transaction begins with the newest schema
            }

            committed.Reach(now.Sequence);
            return now.Generation;
        }
        finally
        {
            Exit();
        }
    }

    public async Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null)
    {
        var opened = Enter();
        try
        {
            if (batch.Kind == WriteKind.Purge)
            {
                return await PurgeAsync(opened, batch);
            }

            await opened.Indexer.KeepUpAsync();
            return await opened.Writer.ApplyAsync(batch, note);
        }
        finally
        {
            Exit();
        }
    }

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var opened = Enter();
        try
        {
            for (var tries = 1; ; tries++)
            {
                var (schema, usedStages) = await opened.Writer.ChangeSchemaAsync(type, change, keepUsedStages);
                if (schema is not null)
                {
                    return schema;
                }

                await CatchUpAsync();
                var now = opened.Writer.Schema.Of(type);
                var standing = new SearchFilter(now.Stages!.Stage, SearchOperator.In, [.. usedStages.Select(stage => new SearchValue(stage))]);
                var first = await FindAsync(opened, new(now, [[standing]], [], [], null, 0, null, InStageShown), CancellationToken.None);
                // No record uses them any more: the change may be allowed now.
                if (!first.Ids.IsEmpty || tries == SearchTries)
                {
                    throw new Refusal(Faults.StagesInUse(usedStages, first.Ids));
                }
            }
        }
        finally
        {
            Exit();
        }
    }

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) =>
        ReadAsync(async reader => (await reader.FindAsync(type, [id], archived, cancellation))[0]);

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadAsync(async reader => (await reader.FindAsync(key, [value], cancellation))[0]);

    public ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation) =>
        ReadAsync(async reader => await read(reader.Snapshot(cancellation)));

    public Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FindAsOfAsync(type, id, time, Schema.Of(type).CreateDate, cancellation)).AsTask();

    public Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FindHoldersAsync(type, key, value, cancellation)).AsTask();

    public async ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation)
    {
        var opened = Enter();
        try
        {
            for (var tries = 1; ; tries++)
            {
                // What other processes have committed before this search must be in the index too.
                await CatchUpAsync();
                // Records are read as they are in the index, so that they match the query whatever has been written since then.
                var page = await FindAsync(opened, query, cancellation);
                var records = await ReadAsync(reader => reader.FindAtAsync(query.Schema.Type, page.Ids, page.Position, query.Schema.CreateDate, cancellation));
                if (records.Length == page.Ids.Length || tries == SearchTries)
                {
                    return new(page.Total, records, page.Last, page.Time);
                }
            }
        }
        finally
        {
            Exit();
        }
    }

    public async Task WaitBeyondAsync(long sequence, CancellationToken cancellation)
    {
        while (committed.Sequence <= sequence)
        {
            var change = committed.WaitBeyondAsync(sequence, cancellation);
            if (await Task.WhenAny(change, Task.Delay(TimeSpan.FromMilliseconds(FollowMs), cancellation)) == change)
            {
                await change;
                return;
            }

            cancellation.ThrowIfCancellationRequested();
            await CatchUpAsync();
        }
    }

    public ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FeedAsync(after, limit, bytesMax, cancellation));

    public Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FeedOfAsync(type, id, after, limit, cancellation)).AsTask();

    public async Task<Condition> ConditionAsync()
    {
        var opened = Enter();
        try
        {
            return new(await opened.Writer.TroubleAsync() ?? Condition.Ready, opened.Indexer.State);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Opens the portal if it is not open.</summary>
    /// <exception cref="OperatorMistake">It can't be used. The next attempt is at least a second later.</exception>
    public Task OpenAsync()
    {
        if (open is not null)
        {
            return Task.CompletedTask;
        }

        // Opening blocks. If each of many requests blocked a thread, none would be left to receive the answers of the database.
        lock (openingGate)
        {
            return opening is { IsCompleted: false } ? opening : opening = Task.Factory.StartNew(Open, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        void Open()
        {
            _ = EnterOrFail();
            Exit();
        }
    }

    /// <summary>Closes the portal if it has been unused for this long, and releases its thread and memory. Callers that wait for changes continue to wait.</summary>
    public void CloseIfIdle(TimeSpan unusedFor)
    {
        lock (gate)
        {
            if (open is { } idle && Volatile.Read(ref uses) == 0 && clock.GetElapsedTime(Interlocked.Read(ref usedAt)) >= unusedFor)
            {
                open = null;
                idle.Dispose();
            }
        }
    }

    public void Dispose()
    {
        committed.End();
        lock (gate)
        {
            disposed = true;
            open?.Dispose();
            open = null;
        }
    }

    /// <summary>The file of a portal's search index.</summary>
    public static string IndexPath(string directory, long portalId) => Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"portal-{portalId}.index.db"));

    /// <summary>Writes other data than records, in a transaction of the writer. May run again if other work in its transaction fails.</summary>
    public async Task<T> WriteAsync<T>(Func<PortalSession, T> write)
    {
        var opened = Enter();
        try
        {
            return await opened.Writer.WriteAsync(() => write(opened.Transaction.Session));
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>Reads, and translates failures of the database.</summary>
    public async ValueTask<T> ReadAsync<T>(Func<RecordReader, ValueTask<T>> read)
    {
        var opened = Enter();
        try
        {
            return await read(opened.Reader);
        }
        catch (OperatorMistake mistake)
        {
            throw new Refusal(Faults.PortalUnserved(portalId, mistake.State));
        }
        catch (Exception failure) when (PostgresFailures.Translate(failure, database.Description) is { } refusal)
        {
            if (complaints.Due("read " + Condition.WordOf(refusal)) is { } more)
            {
                LogFailure(failure, portalId, more);
            }

            throw refusal;
        }
        finally
        {
            Exit();
        }
    }

    ValueTask<PortalHead> ReadHeadAsync() => ReadAsync(_ => new ValueTask<PortalHead>(head.ReadAsync()));

    OpenPortal Enter()
    {
        try
        {
            return EnterOrFail();
        }
        catch (OperatorMistake mistake)
        {
            throw new Refusal(Faults.PortalUnserved(portalId, mistake.State));
        }
    }

    // The portal stays open until the matching Exit.
    OpenPortal EnterOrFail()
    {
        // Only one caller tries to open it again, after a pause. The others fail with the last error.
        var entered = false;
        if (trouble is { } met && (clock.GetElapsedTime(Interlocked.Read(ref triedAt)).TotalMilliseconds < RetryMs || !(entered = gate.TryEnter())))
        {
            throw met;
        }

        if (!entered)
        {
            gate.Enter();
        }

        try
        {
            if (disposed)
            {
                throw new Refusal(Faults.ShuttingDown());
            }

            open ??= new OpenPortal(database, portalId, types, indexDirectory, committed, () => Settings.SearchLagMs, clock, logger, complaints, instruments);
            trouble = null;
            Interlocked.Increment(ref uses);
            return open;
        }
        catch (OperatorMistake mistake)
        {
            Interlocked.Exchange(ref triedAt, clock.GetTimestamp());
            throw trouble = mistake;
        }
        finally
        {
            gate.Exit();
        }
    }

    void Exit()
    {
        Interlocked.Exchange(ref usedAt, clock.GetTimestamp());
        Interlocked.Decrement(ref uses);
    }

    T Use<T>(Func<OpenPortal, T> use)
    {
        var opened = Enter();
        try
        {
            return use(opened);
        }
        finally
        {
            Exit();
        }
    }

    // A purge is complete when the search index of this process does not contain the data any more. Those of other processes follow.
    async Task<Outcome> PurgeAsync(OpenPortal opened, WriteBatch batch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(PurgeWaitMs));
        var outcome = await opened.Writer.ApplyAsync(batch, null);
        try
        {
            await opened.Indexer.HurryToAsync(committed.Sequence, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new Refusal(Faults.TracesLeft(Path.GetFileName(opened.IndexPath), TracesReason.Behind));
        }

        return outcome;
    }

    async Task<IndexPage> FindAsync(OpenPortal opened, SearchQuery query, CancellationToken cancellation)
    {
        using var span = Span.Start("search");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(SearchWaitMs);
        try
        {
            return await opened.Indexer.SearchAsync(
                query.Schema, committed.Sequence,
                (file, reader) =>
                {
                    var (position, now) = (file.Position, Instant.Now(clock));
                    return new IndexSearch(file.Index, reader, query, opened.Sources, (ids, property) => opened.Reader.ValuesAt(query.Schema.Type, ids, property, position), now).Run() with { Position = position, Time = now };
                },
                patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new Refusal(Faults.IndexNotReady(opened.Indexer.BuiltPercent));
        }
    }

    [LoggerMessage(LogLevel.Error, "Reading portal {Portal} from the database failed{More}")]
    partial void LogFailure(Exception failure, long portal, string more);
}
