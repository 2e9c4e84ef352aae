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
    /// <summary>Most attempts of a search if records found by it have been deleted before they are read.</summary>
    const int SearchTries = 3;

    /// <summary>How often those who wait for a change ask for those of other processes, in milliseconds.</summary>
    const int FollowMs = 100;

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
    readonly OnDemand<OpenPortal> portal;
    volatile PortalSettings settings = PortalSettings.Default;

    // All who wait for the same opening share it.
    readonly Lock openingGate = new();
    Task? opening;

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
        portal = new(() => new(database, portalId, types, indexDirectory, committed, () => Settings.SearchLagMs, clock, logger, complaints, instruments), portalId, clock, logger);
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

    public string History => portal.Use(static opened => opened.Transaction.History);

    public PortalSchema Schema => portal.Use(static opened => opened.Writer.Schema);

    public long Sequence => portal.Use(_ => committed.Sequence); // known once the portal was opened

    /// <summary>When the portal was last used, as a timestamp of the clock.</summary>
    public long UsedAt => portal.UsedAt;

    public bool IsOpen => portal.Opened is not null;

    /// <summary>How many writes wait for the writer.</summary>
    public int Waiting => portal.Opened?.Writer.Waiting ?? 0;

    /// <summary>How many changes the search index is behind.</summary>
    public long IndexBehind => portal.Opened?.Indexer.Behind ?? 0;

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

        var opened = portal.Enter();
        try
        {
            var known = committed.Sequence;
            var now = await ReadHeadAsync();
            if (now.SchemaVersion > opened.Transaction.SchemaVersion || now.Sequence < known)
            {
                await opened.Writer.WriteAsync(static () => true); // an empty transaction begins with the newest schema, and notices that changes are gone
            }

            committed.Reach(now.Sequence);
            return now.Generation;
        }
        finally
        {
            portal.Exit();
        }
    }

    public async Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null)
    {
        var opened = portal.Enter();
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
            portal.Exit();
        }
    }

    public async Task<TiePlan> ApplyAsync(TieBatch batch)
    {
        var opened = portal.Enter();
        try
        {
            await opened.Indexer.KeepUpAsync();
            return await opened.Writer.ApplyAsync(batch);
        }
        finally
        {
            portal.Exit();
        }
    }

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var opened = portal.Enter();
        try
        {
            return await opened.Writer.ChangeSchemaAsync(type, change, keepUsedStages, async query =>
            {
                await CatchUpAsync();
                return (await FindAsync(opened, query, CancellationToken.None)).Ids;
            });
        }
        finally
        {
            portal.Exit();
        }
    }

    public async Task<PortalSchema> ChangeTypesAsync(Func<PortalSchema, PortalSchema> change, Caller caller)
    {
        var opened = portal.Enter();
        try
        {
            return await opened.Writer.ChangeTypesAsync(change, caller);
        }
        finally
        {
            portal.Exit();
        }
    }

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) =>
        ReadAsync(async reader => (await reader.FindAsync(type, [id], archived, cancellation))[0]);

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadAsync(async reader => (await reader.FindAsync(key, [value], cancellation))[0]);

    public ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation, bool isLong = false) =>
        ReadAsync(async reader => await read(reader.Snapshot(cancellation)));

    public Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FindAsOfAsync(type, id, time, Schema.Of(type).CreateDate, cancellation)).AsTask();

    public Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadAsync(reader => reader.FindHoldersAsync(type, key, value, cancellation)).AsTask();

    public async ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation)
    {
        var opened = portal.Enter();
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
            portal.Exit();
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

    public ValueTask<TimelinePage?> TimelineAsync(ObjectType type, long id, TimelinePlace? after, int limit, CancellationToken cancellation) =>
        ReadAsync(reader => reader.TimelineAsync(type, id, after, limit, cancellation));

    public async Task<Condition> ConditionAsync()
    {
        var opened = portal.Enter();
        try
        {
            return new(await opened.Writer.TroubleAsync() ?? Condition.Ready, opened.Indexer.State);
        }
        finally
        {
            portal.Exit();
        }
    }

    /// <summary>Opens the portal if it is not open.</summary>
    /// <exception cref="OperatorMistake">It can't be used. The next attempt is at least a second later.</exception>
    public Task OpenAsync()
    {
        if (IsOpen)
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
            _ = portal.EnterOrFail();
            portal.Exit();
        }
    }

    /// <inheritdoc cref="OnDemand{T}.CloseIfIdle"/>
    /// <remarks>Callers that wait for changes continue to wait.</remarks>
    public void CloseIfIdle(TimeSpan unusedFor) => portal.CloseIfIdle(unusedFor);

    public void Dispose()
    {
        committed.End();
        portal.Dispose();
    }

    /// <summary>The file of a portal's search index.</summary>
    public static string IndexPath(string directory, long portalId) => Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"portal-{portalId}.index.db"));

    /// <summary>Writes other data than records, in a transaction of the writer. May run again if other work in its transaction fails.</summary>
    public async Task<T> WriteAsync<T>(Func<PortalSession, T> write)
    {
        var opened = portal.Enter();
        try
        {
            return await opened.Writer.WriteAsync(() => write(opened.Transaction.Session));
        }
        finally
        {
            portal.Exit();
        }
    }

    /// <summary>Reads, and translates failures of the database.</summary>
    public async ValueTask<T> ReadAsync<T>(Func<RecordReader, ValueTask<T>> read)
    {
        var opened = portal.Enter();
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
            portal.Exit();
        }
    }

    ValueTask<PortalHead> ReadHeadAsync() => ReadAsync(_ => new ValueTask<PortalHead>(head.ReadAsync()));

    // A purge is complete when the search index of this process does not contain the data any more. Those of other processes follow.
    async Task<Outcome> PurgeAsync(OpenPortal opened, WriteBatch batch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(Indexer.PurgeWaitMs));
        var outcome = await opened.Writer.ApplyAsync(batch, null);
        await opened.Indexer.EraseAsync(committed.Sequence, patience.Token);
        return outcome;
    }

    async Task<IndexPage> FindAsync(OpenPortal opened, SearchQuery query, CancellationToken cancellation)
    {
        using var span = Span.Start("search");
        return await opened.Indexer.FindAsync(
            query, committed.Sequence, opened.Sources, (ids, property, position) => opened.Reader.ValuesAt(query.Schema.Type, ids, property, position), cancellation);
    }

    [LoggerMessage(LogLevel.Error, "Reading portal {Portal} from the database failed{More}")]
    partial void LogFailure(Exception failure, long portal, string more);
}
