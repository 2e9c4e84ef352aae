using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>A portal in one SQLite file. While it is not in use, only its settings and its waiting followers are in memory.</summary>
internal sealed partial class SqliteStore : IStore, IDisposable
{
    /// <summary>Most attempts of a search if records found by it have been deleted before they are read.</summary>
    const int SearchTries = 3;

    /// <summary>Most concurrent long reads: they share the processors with all other work, and each keeps the log of the file from being reset.</summary>
    const int LongReadsMax = 2;

    readonly string path;
    readonly ImmutableArray<ObjectType> types;
    readonly long portalId;
    readonly int busyTimeoutMs;
    readonly Instruments? instruments;
    readonly Func<Connection, Identity> identify;
    readonly FoldPace pace;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly SemaphoreSlim longReads = new(LongReadsMax);
    readonly CommitSignal committed = new();
    readonly OnDemand<OpenFile> file;
    volatile PortalSettings settings = PortalSettings.Default;
    IReadOnlyDictionary<string, long> activeRecords = ImmutableDictionary<string, long>.Empty;
    Action? prepare;
    long? dueAt; // known while the file is closed

    /// <summary>Creates a store whose file is opened when it is first used, and closed by <see cref="CloseIfIdle"/>.</summary>
    /// <param name="path">The file, created by <see cref="Create"/>.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures of the file.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="instruments">The metrics, if any.</param>
    /// <param name="portalId">The portal's id, for messages.</param>
    /// <param name="identify">Checks to which portal the file belongs, and returns its identity.</param>
    /// <param name="pace">When what follows from changes is written; for tests.</param>
    /// <param name="prepare">Puts the file there; called before it is first opened.</param>
    public SqliteStore(
        string path, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger, int busyTimeoutMs = Engine.BusyTimeoutMs, Instruments? instruments = null, long portalId = 0,
        Func<Connection, Identity>? identify = null, FoldPace? pace = null, Action? prepare = null)
    {
        this.path = path;
        this.prepare = prepare;
        this.types = types;
        this.clock = clock;
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        this.instruments = instruments;
        this.portalId = portalId;
        this.identify = identify ?? Identity.Of;
        this.pace = pace ?? FoldPace.Default;
        complaints = new(clock);
        file = new(OpenNow, portalId, clock, logger, () => ReadTrouble()); // logs damage at once, and keeps a reader in case descriptors run out
        Jobs = new JobTables(this, clock);
        Answers = new AnswerTable(this, clock);
    }

    /// <summary>Creates the file of a new portal.</summary>
    /// <param name="path">The file, which doesn't exist yet.</param>
    /// <param name="portal">The portal's id.</param>
    /// <param name="registry">The identity of the registry that lists it.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="pageSize">Of its pages, in bytes.</param>
    /// <exception cref="OperatorMistake">See <see cref="Engine.Open"/>.</exception>
    public static Identity Create(string path, long portal, string registry, int busyTimeoutMs = Engine.BusyTimeoutMs, int pageSize = Engine.PageSize) =>
        Engine.Open(
            path, "portal", busyTimeoutMs,
            connection =>
            {
                using (connection)
                {
                    return Identity.Of(connection).Claim(connection, portal, registry);
                }
            },
            create: true,
            OlderAnswers.Define,
            pageSize);

    public string History => file.Use(static opened => opened.Identity.File);

    /// <summary>The settings of the portal; <see cref="SqlitePortals"/> keeps them up to date.</summary>
    public PortalSettings Settings
    {
        get => settings;
        set => settings = value;
    }

    public IJobs Jobs { get; }

    public IAnswers Answers { get; }

    public PortalSchema Schema => file.Use(static opened => opened.Writer.Schema);

    public async Task<Outcome> ApplyAsync(WriteBatch batch, SideWrite? note = null)
    {
        var opened = file.Enter();
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
            file.Exit();
        }
    }

    public async Task<TiePlan> ApplyAsync(TieBatch batch)
    {
        var opened = file.Enter();
        try
        {
            await opened.Indexer.KeepUpAsync();
            return await opened.Writer.ApplyAsync(batch);
        }
        finally
        {
            file.Exit();
        }
    }

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        var opened = file.Enter();
        try
        {
            return await opened.Writer.ChangeSchemaAsync(type, change, keepUsedStages, async query => (await FindAsync(opened, query, CancellationToken.None)).Ids);
        }
        finally
        {
            file.Exit();
        }
    }

    public async Task<PortalSchema> ChangeTypesAsync(Func<PortalSchema, PortalSchema> change, Caller caller)
    {
        var opened = file.Enter();
        try
        {
            return await opened.Writer.ChangeTypesAsync(change, caller);
        }
        finally
        {
            file.Exit();
        }
    }

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) =>
        new(Read(reader => reader.Find(type, id, archived)));

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        new(Read(reader => reader.Lookup.FindUnique(key, value)));

    public ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read, CancellationToken cancellation, bool isLong = false)
    {
        return isLong ? LongAsync() : Read(reader => Ended(read(reader)));

        async ValueTask<T> LongAsync() => await await ReadLongAsync(reader => Ended(read(reader)), cancellation);
    }

    public Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FindAsOf(type, id, time, Schema.Of(type).CreateDate, cancellation), cancellation);

    public Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FindHolders(type, key, value), cancellation);

    public async ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation)
    {
        var opened = file.Enter();
        try
        {
            for (var tries = 1; ; tries++)
            {
                // Records are read as they are in the index, so that they match the query whatever has been written since then.
                var page = await FindAsync(opened, query, cancellation);
                var records = Read(reader => reader.FindAt(query.Schema.Type, page.Ids, page.Position, query.Schema.CreateDate, cancellation));
                if (records.Length == page.Ids.Length || tries == SearchTries)
                {
                    return new(page.Total, records, page.Last, page.Time);
                }
            }
        }
        finally
        {
            file.Exit();
        }
    }

    public long Sequence => file.Use(_ => committed.Sequence); // known once the file was opened

    public Task WaitBeyondAsync(long sequence, CancellationToken cancellation) => committed.WaitBeyondAsync(sequence, cancellation);

    public ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation) =>
        new(Read(reader => reader.Feed(after, limit, bytesMax)));

    public Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FeedOf(type, id, after, limit, cancellation), cancellation);

    public ValueTask<TimelinePage?> TimelineAsync(ObjectType type, long id, TimelinePlace? after, int limit, CancellationToken cancellation) =>
        new(Read(reader => reader.Timeline(type, id, after, limit)));

    public async Task<Condition> ConditionAsync()
    {
        var opened = file.Enter();
        try
        {
            return new(await opened.Writer.TroubleAsync() ?? ReadTrouble() ?? Condition.Ready, opened.Indexer.State);
        }
        finally
        {
            file.Exit();
        }
    }

    /// <summary>When the file was last used, as a timestamp of the clock.</summary>
    public long UsedAt => file.UsedAt;

    /// <summary>Whether the file is open.</summary>
    public bool IsOpen => file.Opened is not null;

    /// <summary>Whether the last attempt to open the file failed.</summary>
    public bool IsInTrouble => file.IsInTrouble;

    /// <summary>How many writes wait for the writer.</summary>
    public int Waiting => file.Opened?.Writer.Waiting ?? 0;

    /// <summary>How many changes the search index is behind.</summary>
    public long IndexBehind => file.Opened?.Indexer.Behind ?? 0;

    /// <summary>The number of active records by the id of their type, now or when the file was closed; empty before the file was first opened.</summary>
    public IReadOnlyDictionary<string, long> ActiveRecords => file.Opened is null ? activeRecords : activeRecords = CountActive();

    /// <summary>Opens the file if it is not open.</summary>
    /// <exception cref="OperatorMistake">It can't be used. The next attempt is at least a second later.</exception>
    public void Open()
    {
        _ = file.EnterOrFail();
        file.Exit();
    }

    /// <inheritdoc cref="OnDemand{T}.CloseIfIdle"/>
    /// <remarks>Callers that wait for changes continue to wait.</remarks>
    public void CloseIfIdle(TimeSpan unusedFor, Action? closed = null) => file.CloseIfIdle(unusedFor, () => activeRecords = CountActive(), closed);

    /// <summary>
    /// When jobs or answers next need maintenance: see <see cref="JobTables.DueAt"/>. Reads the file without opening the store or
    /// counting as a use.
    /// </summary>
    public long DueAt() => file.Look(opened =>
    {
        if (opened is not null)
        {
            dueAt = null;
        }

        try
        {
            if (opened is not null || dueAt is null)
            {
                using var closed = opened is null ? new Connection(path, create: false) : null;
                dueAt = closed is null ? opened!.Read(static reader => JobTables.DueAt(reader.Connection)) : JobTables.DueAt(closed);
            }

            return dueAt.Value;
        }
        catch (SqliteFailure)
        {
            return 0; // opening it will report the failure
        }
    });

    /// <summary>Closes the file if nobody uses it, and does something while it is closed; otherwise <c>false</c>.</summary>
    public bool TryWhileClosed(Action work) => file.TryWhileClosed(work, () => activeRecords = CountActive());

    /// <summary>Like <see cref="Dispose"/>, without writing what the file lacks: it is deleted or replaced.</summary>
    public void Abandon()
    {
        file.Opened?.Abandon();
        Dispose();
    }

    public void Dispose()
    {
        committed.End();
        file.Dispose();
        longReads.Dispose();
    }

    OpenFile OpenNow()
    {
        try
        {
            prepare?.Invoke();
            prepare = null; // if it fails, the next attempt repeats it
            return new(path, types, committed, () => Settings.SearchLagMs, busyTimeoutMs, identify, clock, logger, complaints, instruments, pace);
        }
        catch (OperatorMistake mistake) when (mistake.State == "missing" && portalId > 0)
        {
            throw new OperatorMistake($"{mistake.Message}, or forget the portal: docket portal forget {portalId}") { State = mistake.State };
        }
    }

    Dictionary<string, long> CountActive()
    {
        try
        {
            return file.Use(opened => opened.Read(reader => SchemaTables.CountActive(reader.Connection, opened.Folds)));
        }
        catch (Exception failure) when (failure is Refusal or SqliteFailure)
        {
            return [];
        }
    }

    // A purge is complete when no file contains the data any more, including the search index.
    async Task<Outcome> PurgeAsync(OpenFile opened, WriteBatch batch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(Indexer.PurgeWaitMs));
        // An index that is being built reads the portal's file, which can't be cleaned at the same time.
        await opened.Indexer.ReachAsync(0, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var outcome = await opened.Writer.ApplyAsync(batch, null);
        await opened.Indexer.EraseAsync(committed.Sequence, patience.Token);
        return outcome;
    }

    async Task<IndexPage> FindAsync(OpenFile opened, SearchQuery query, CancellationToken cancellation)
    {
        using var span = Span.Start("search");
        try
        {
            return await opened.Indexer.FindAsync(query, committed.Sequence, opened.Sources, (ids, property, position) => ReadValues(query.Schema.Type, ids, property, position), cancellation);
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure, Indexer.PathOf(path));
        }
    }

    // SQLite answers at once, so a read that only asks its snapshot has ended when it returns. One that failed has to fail here,
    // where its reader is given up.
    static ValueTask<T> Ended<T>(ValueTask<T> read)
    {
        if (!read.IsCompletedSuccessfully)
        {
            ExceptionDispatchInfo.Throw(read.AsTask().Exception?.InnerException ?? new InvalidOperationException("A read waits for something other than its snapshot."));
        }

        return read;
    }

    string? ReadTrouble()
    {
        try
        {
            _ = Read(reader => reader.Find(types[0], 0, archived: false));
            return null;
        }
        catch (Exception failure) when (failure is Refusal or SqliteFailure)
        {
            if (failure is SqliteFailure)
            {
                Complain(failure, failure, path);
            }

            return Condition.WordOf(failure);
        }
    }

    // As it is in the index, which may be behind: otherwise texts would be sorted by values that the index doesn't have yet.
    Dictionary<long, byte[]> ReadValues(ObjectType type, IReadOnlyCollection<long> ids, Property property, long sequence) =>
        Read(reader => ids.ToDictionary(id => id, id => reader.ValueAt(type, id, property, sequence)));

    /// <summary>Writes other data than records. May run again if other work in its transaction fails.</summary>
    public async Task<T> WriteAsync<T>(Func<Connection, T> write)
    {
        var opened = file.Enter();
        try
        {
            return await opened.Writer.WriteAsync(() => write(opened.Transaction.Connection));
        }
        finally
        {
            file.Exit();
        }
    }

    /// <summary>Reads one commit on a connection that no other read uses at the same time. Runs on the calling thread: a read takes microseconds and never waits for the writer.</summary>
    public T Read<T>(Func<RecordReader, T> read)
    {
        var opened = file.Enter();
        try
        {
            return opened.Read(read);
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure, path);
        }
        finally
        {
            file.Exit();
        }
    }

    /// <summary>Like <see cref="Read"/>, for long reads: on a dedicated thread, a few at a time, because pool threads serve all other requests.</summary>
    public async Task<T> ReadLongAsync<T>(Func<RecordReader, T> read, CancellationToken cancellation)
    {
        await longReads.WaitAsync(cancellation);
        try
        {
            return await Task.Factory.StartNew(() => Read(read), cancellation, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
        }
        finally
        {
            longReads.Release();
        }
    }

    Exception Translate(SqliteFailure failure, string file)
    {
        var told = Engine.Translate(failure, file);
        if (told is Refusal) // other exceptions are bugs, and logged with their request
        {
            Complain(failure, told, file);
        }

        return told;
    }

    void Complain(Exception failure, Exception told, string file)
    {
        if (complaints.Due($"read {Condition.WordOf(told)} {file}") is { } more)
        {
            LogFailure(failure, file, more);
        }
    }

    [LoggerMessage(LogLevel.Error, "Reading from {Path} failed{More}")]
    partial void LogFailure(Exception failure, string path, string more);
}
