using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>A portal in one SQLite file: one writer, as many readers as there are reads at once.</summary>
internal sealed partial class SqliteStore : IStore, IDisposable
{
    /// <summary>Records named in the refusal to delete a stage in use.</summary>
    const int InStageShown = 10;

    /// <summary>How long a search waits for an index that is behind, in milliseconds.</summary>
    const int SearchWaitMs = 20_000;

    /// <summary>How often something is searched because what was found before is gone when it is looked at.</summary>
    const int SearchTries = 3;

    /// <summary>Reads that may take long at the same time: they share the processors with all others, and each holds the log of the file.</summary>
    const int LongReadsMax = 2;

    /// <summary>How long a deletion for good waits for the index to be written anew, in milliseconds.</summary>
    const int PurgeWaitMs = 120_000;

    readonly string path;
    readonly Sources sources = new();
    readonly PortalWriter writer;
    readonly SqliteTransaction transaction;
    readonly Indexer indexer;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly ConcurrentBag<RecordReader> readers = [];
    readonly SemaphoreSlim longReads = new(LongReadsMax);

    // Opened with the writer's: a reader that is opened after the file was replaced would read another file.
    readonly Connection witness;
    volatile PortalSettings settings = PortalSettings.Default;

    /// <summary>Opens the file of a portal.</summary>
    /// <param name="path">The file, which <see cref="Create"/> has made.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures of the file are told.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="instruments">What the work is shown on, if on anything.</param>
    /// <param name="identify">Checks whose file it is, and gives its identity.</param>
    /// <exception cref="OperatorMistake">See <see cref="Engine.Open"/>.</exception>
    public SqliteStore(
        string path, TimeProvider clock, ILogger logger, int busyTimeoutMs = Engine.BusyTimeoutMs, Instruments? instruments = null, Func<Connection, Identity>? identify = null)
    {
        this.path = path;
        this.clock = clock;
        this.logger = logger;
        complaints = new(clock);
        (writer, transaction, History) = Engine.Open(
            path, "portal", busyTimeoutMs,
            connection =>
            {
                var identity = (identify ?? Identity.Of)(connection);
                connection.Execute("PRAGMA cache_size=-65536"); // 64 MiB: the inner pages of all indexes at a million tickets, and the newest leaves
                var opened = new SqliteTransaction(path, connection, sources, clock, logger, complaints);
                try
                {
                    return (new PortalWriter(Path.GetFileNameWithoutExtension(path), opened, clock, logger, complaints, instruments), opened, identity.File);
                }
                catch
                {
                    opened.Dispose();
                    throw;
                }
            },
            create: false);
        witness = new Connection(path, create: false);
        indexer = new Indexer(Indexer.PathOf(path), () => new ChangeReader(path), () => writer.Schema, writer.Committed, writer.Recent, () => Settings.SearchLagMs, clock, logger);
        Jobs = new JobTables(this, clock);
        Answers = new AnswerTable(this, clock);
        _ = ReadTrouble(); // damage is in the log from the start, and a reader is there should descriptors run out
    }

    /// <summary>Makes the file of a new portal.</summary>
    /// <param name="path">The file, which isn't there yet.</param>
    /// <param name="portal">The portal's id.</param>
    /// <param name="registry">The identity of the registry that lists it.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <exception cref="OperatorMistake">See <see cref="Engine.Open"/>.</exception>
    public static Identity Create(string path, long portal, string registry, int busyTimeoutMs = Engine.BusyTimeoutMs) =>
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
            fresh => SchemaTables.Save(fresh, ObjectType.Ticket, null, DefaultSchema.For(ObjectType.Ticket)));

    public string History { get; }

    /// <summary>The settings of the portal; <see cref="SqlitePortals"/> keeps them up to date.</summary>
    public PortalSettings Settings
    {
        get => settings;
        set => settings = value;
    }

    public IJobs Jobs { get; }

    public IAnswers Answers { get; }

    public Schema Schema(ObjectType type) => writer.Schema;

    public Task<Outcome> ApplyAsync(WriteBatch batch, Note? note = null)
    {
        if (batch.Kind == WriteKind.Purge)
        {
            return PurgeAsync(batch);
        }

        var nearEnough = indexer.KeepUpAsync();
        return nearEnough.IsCompleted ? writer.ApplyAsync(batch, note) : ApplyAfterAsync(nearEnough, batch, note);
    }

    public async Task<Schema> ChangeSchemaAsync(ObjectType type, Func<SchemaContent, SchemaContent> change, bool keepUsedStages)
    {
        for (var tries = 1; ; tries++)
        {
            var (schema, usedStages) = await writer.ChangeSchemaAsync(change, keepUsedStages);
            if (schema is not null)
            {
                return schema;
            }

            var standing = new SearchFilter(writer.Schema.Stage, SearchOperator.In, [.. usedStages.Select(stage => new SearchValue(stage))]);
            var first = await FindAsync(new(writer.Schema, [[standing]], [], [], null, 0, null, InStageShown), CancellationToken.None);
            // None there any more: by now the change may be allowed.
            if (!first.Ids.IsEmpty || tries == SearchTries)
            {
                throw new Refusal(Faults.StagesInUse(usedStages, first.Ids));
            }
        }
    }

    public ValueTask<Record?> FindAsync(ObjectType type, long id, bool archived, CancellationToken cancellation) =>
        new(Read(reader => reader.Find(type, id, archived)));

    public ValueTask<Record?> FindAsync(Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        new(Read(reader => reader.Lookup.FindUnique(key, value.Span)));

    public ValueTask<T> ReadAsync<T>(Func<ISnapshot, T> read, CancellationToken cancellation) => new(Read(reader => reader.InOneSnapshot(() => read(reader))));

    public Task<Record?> FindAsOfAsync(ObjectType type, long id, long time, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FindAsOf(type, id, time, writer.Schema.CreateDate, cancellation), cancellation);

    public Task<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FindHolders(type, key, value.Span), cancellation);

    public async ValueTask<SearchPage> SearchAsync(SearchQuery query, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            // Records are read as the index has them, so that they meet the query whatever was written since.
            var page = await FindAsync(query, cancellation);
            var records = Read(reader => reader.FindAt(query.Schema.Type, page.Ids, page.Position, query.Schema.CreateDate, cancellation));
            if (records.Length == page.Ids.Length || tries == SearchTries)
            {
                return new(page.Total, records, page.Last, page.Time);
            }
        }
    }

    public long Sequence => writer.Committed.Sequence;

    public Task WaitBeyondAsync(long sequence, CancellationToken cancellation) => writer.Committed.WaitBeyondAsync(sequence, cancellation);

    public ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation) =>
        new(Read(reader => reader.Feed(after, limit, bytesMax)));

    public Task<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation) =>
        ReadLongAsync(reader => reader.FeedOf(type, id, after, limit, cancellation), cancellation);

    public async Task<Condition> ConditionAsync() => new(await writer.TroubleAsync() ?? ReadTrouble() ?? Condition.Ready, indexer.State);

    /// <summary>How many writes wait for the writer.</summary>
    public int Waiting => writer.Waiting;

    /// <summary>How many changes the search index is behind.</summary>
    public long IndexBehind => indexer.Behind;

    /// <summary>How many records are not archived; 0 when the file can't be read now.</summary>
    public long ActiveRecords
    {
        get
        {
            try
            {
                return Read(reader => reader.Connection.QueryInteger("SELECT sum(records) FROM stage_use"));
            }
            catch (Exception failure) when (failure is Refusal or SqliteFailure)
            {
                return 0;
            }
        }
    }

    public void Dispose()
    {
        writer.Committed.End();
        indexer.Dispose();
        while (readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        writer.Dispose();
        longReads.Dispose();
        witness.Dispose();
    }

    async Task<Outcome> ApplyAfterAsync(Task nearEnough, WriteBatch batch, Note? note)
    {
        await nearEnough;
        return await writer.ApplyAsync(batch, note);
    }

    // Deleted for good is what is in no file any more, that of the search index included.
    async Task<Outcome> PurgeAsync(WriteBatch batch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(PurgeWaitMs));
        // An index that is being built reads the portal's file, which could not be cleaned meanwhile.
        await indexer.ReachAsync(0, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var outcome = await writer.ApplyAsync(batch, null);
        try
        {
            await indexer.HurryToAsync(writer.Committed.Sequence, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new Refusal(Faults.TracesLeft(Path.GetFileName(Indexer.PathOf(path)), "it is behind, and they will be removed when it gets there"));
        }

        return outcome;
    }

    async Task<IndexPage> FindAsync(SearchQuery query, CancellationToken cancellation)
    {
        using var span = Span.Start("search");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(SearchWaitMs);
        try
        {
            return await indexer.SearchAsync(
                query.Schema, writer.Committed.Sequence,
                (file, reader) =>
                {
                    var (position, now) = (file.Position, Instant.Now(clock));
                    return new IndexSearch(file.Index, reader, query, sources, (id, property) => ReadValue(id, property, position), now).Run() with { Position = position, Time = now };
                },
                patience.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new Refusal(Faults.IndexNotReady(indexer.BuiltPercent));
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure, Indexer.PathOf(path));
        }
    }

    string? ReadTrouble()
    {
        try
        {
            _ = Read(reader => reader.Find(ObjectType.Ticket, 0, archived: false));
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

    // As the index has it, which may be behind: else a place in an order of texts would be that of a value yet to come.
    byte[] ReadValue(long id, Property property, long sequence) => Read(reader => reader.ValueAt(ObjectType.Ticket, id, property, sequence));

    /// <summary>Writes what is no record. May run again when others in its transaction fail.</summary>
    public Task<T> WriteAsync<T>(Func<Connection, T> write) => writer.WriteAsync(() => write(transaction.Connection));

    /// <summary>Reads on a connection that nobody else uses meanwhile. A read runs where it is asked for: it takes microseconds and never waits for the writer.</summary>
    public T Read<T>(Func<RecordReader, T> read)
    {
        try
        {
            if (!readers.TryTake(out var reader))
            {
                lock (witness)
                {
                    RefuseMoved(witness);
                }

                reader = new RecordReader(path, sources);
            }

            // A reader that failed is not used again.
            try
            {
                RefuseMoved(reader.Connection);
                var result = read(reader);
                readers.Add(reader);
                return result;
            }
            catch
            {
                reader.Dispose();
                throw;
            }
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure, path);
        }
    }

    /// <summary>As <see cref="Read"/>, what may take long: on a thread of its own, a few at a time. The threads of the pool serve everyone else's requests.</summary>
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

    static void RefuseMoved(Connection connection)
    {
        if (connection.IsMoved)
        {
            throw SqliteFailure.Moved();
        }
    }

    Exception Translate(SqliteFailure failure, string file)
    {
        var told = Engine.Translate(failure, file);
        if (told is Refusal) // others are a fault of ours, and in the log with their request
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
