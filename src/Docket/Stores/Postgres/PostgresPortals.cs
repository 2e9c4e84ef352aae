using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using Docket.Index;
using Docket.Model;
using Docket.Stores.Control;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Postgres;

/// <summary>
/// The portals of a PostgreSQL database. Any number of processes may serve it. Callers, owners and settings are cached for one
/// generation of the control plane; <see cref="PostgresListener"/> tells of the next one.
/// </summary>
internal sealed partial class PostgresPortals : IPortals
{
    /// <summary>How long a portal is unused before it is closed, which frees the memory of its search index.</summary>
    static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(5);

    /// <summary>How often to look for unused portals, and for deleted ones that still have rows.</summary>
    static readonly TimeSpan IdleCheckEvery = TimeSpan.FromSeconds(30);

    /// <summary>Portals that are opened at the start. If there are more, most are not used soon.</summary>
    const int WarmMax = 8;

    /// <summary>Most cached callers. OAuth apps have a new token every half hour.</summary>
    const int CallersMax = 10_000;

    /// <summary>Most rows of a deleted portal that are removed in one transaction.</summary>
    const int ErasedAtOnce = 10_000;

    /// <summary>How long a deletion that doesn't go on is left to the process that began it, in milliseconds.</summary>
    const long ErasingMs = 3_600_000;

    /// <summary>How often to check the progress of an index, in milliseconds.</summary>
    const int RebuildStepMs = 100;

    readonly PostgresDatabase database;
    readonly string indexDirectory;
    readonly ImmutableArray<ObjectType> types;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly Instruments? instruments;
    readonly FileStream? serving;
    readonly int openMax;
    readonly string? developmentToken;
    readonly PostgresControl control;
    readonly PostgresListener? listener;
    readonly ConcurrentDictionary<long, PostgresStore> stores = new();
    readonly ITimer? idling;
    readonly Lock gate = new();
    volatile Known known = new(-1, ImmutableDictionary<long, PortalSettings>.Empty);
    long newest;
    int erasing;

    PostgresPortals(
        PostgresDatabase database, string directory, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger, bool serve, string? developmentToken, Instruments? instruments, int openMax)
    {
        this.database = database;
        this.types = types;
        this.clock = clock;
        Clocks = new(clock);
        this.logger = logger;
        this.instruments = instruments;
        this.openMax = openMax;
        this.developmentToken = developmentToken is null ? null : Convert.ToHexString(Secrets.Hash(developmentToken));
        indexDirectory = Path.Combine(directory, "indexes");
        control = new(database, Announce, Clocks, logger);
        Apps = new AppTables(control);
        Usage = new UsageTable(control);
        Users = new UserTables(control);
        Sessions = new SessionTables(control);
        Grants = new GrantTables(control);
        if (!serve)
        {
            return;
        }

        DataDirectory.Create(directory);
        serving = DataDirectory.Hold(directory);
        DataDirectory.Create(indexDirectory);
        var reports = new CallReports(database, clock);
        SharedCalls = reports.Calls;
        listener = new(database, Announce, reports);
        idling = clock.CreateTimer(_ => LookAround(), null, IdleCheckEvery, IdleCheckEvery);
        instruments?.Observe("docket.writes.waiting", "{write}", "Writes that wait for their portal's writer", () => stores.Values.Sum(store => (long)store.Waiting));
        instruments?.Observe("docket.index.behind_changes", "{change}", "Changes that search indexes do not contain yet", () => stores.Values.Sum(store => store.IndexBehind));
        var sizes = new DatabaseSizes(database, clock);
        instruments?.Observe("docket.file.size", "By", "Size of the tables with their indexes, and of the files of search indexes", () => [.. sizes.Tables, .. Sizes.OfFiles(indexDirectory, stores.Keys.Order(), Sizes.IndexFiles)]);
        instruments?.Observe("docket.disk.free", "By", "Free space on the disk of the search indexes", () => Sizes.FreeOn(indexDirectory));
        instruments?.Observe("docket.records", "{record}", "Records that are not archived", () =>
            sizes.Records is { } records ? Sizes.OfRecords(types, [.. known.Settings.Keys.Order().Select(portal => (portal, records.GetValueOrDefault(portal) ?? ImmutableDictionary<string, long>.Empty))]) : []);
    }

    /// <summary>Opens the portals of a database. They are opened when they are used.</summary>
    /// <param name="connectionString">The database.</param>
    /// <param name="passwordFile">A file whose first line is the password, if the connection string has none.</param>
    /// <param name="directory">The directory of this process's search indexes.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures.</param>
    /// <param name="serve">Listen to other processes, and lock the directory, so that a second server doesn't use it too.</param>
    /// <param name="developmentToken">A token for the first portal with all scopes; never stored.</param>
    /// <param name="instruments">The metrics, if any.</param>
    /// <param name="strict">Fail if a portal can't be opened. Otherwise the others are served.</param>
    /// <param name="openMax">Most open portals, at least 1; more stay open if they are in use.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="OperatorMistake">The database or the directory can't be used.</exception>
    public static async Task<PostgresPortals> OpenAsync(
        string connectionString, string? passwordFile, string directory, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger, bool serve, string? developmentToken = null,
        Instruments? instruments = null, bool strict = false, int openMax = int.MaxValue, CancellationToken cancellation = default)
    {
        var database = await PostgresDatabase.OpenAsync(connectionString, passwordFile, cancellation);
        PostgresPortals? portals = null;
        try
        {
            portals = new(database, Path.GetFullPath(directory), types, clock, logger, serve, developmentToken, instruments, openMax);
            if (serve)
            {
                await portals.SucceedAsync(cancellation);
                await portals.KeepIndexesAsync(cancellation);
                await database.Presence.AnnounceAsync();
                await portals.WarmAsync(strict);
            }

            return portals;
        }
        catch
        {
            await (portals?.DisposeAsync() ?? database.DisposeAsync());
            throw;
        }
    }

    /// <summary>By which other processes know this one.</summary>
    public Guid Process => database.Process;

    public PortalClocks Clocks { get; }

    public IApps Apps { get; }

    public IUsers Users { get; }

    public IUsage Usage { get; }

    public SharedCalls? SharedCalls { get; }

    public ISnapshots? Snapshots => null;

    public ISessions Sessions { get; }

    public IGrants Grants { get; }

    // What is cached, if it is certainly current.
    Known? Current => listener is { IsCurrent: true } && known is var now && now.Generation >= Interlocked.Read(ref newest) ? now : null;

    public async ValueTask<(Caller Caller, IStore Store)?> FindTokenAsync(string token, CancellationToken cancellation)
    {
        var hash = Secrets.Hash(token);
        var key = Convert.ToHexString(hash);
        for (var tries = 1; ; tries++)
        {
            if (await FindCallerAsync(hash, key, cancellation) is not var (caller, generation))
            {
                return null;
            }

            try
            {
                var store = await OpenStoreAsync(caller.PortalId, cancellation);
                var found = await store.CatchUpAsync();
                if (found <= generation)
                {
                    return (caller, store);
                }

                Announce(found); // another process has changed callers, and its notification has not arrived yet
            }
            catch (Refusal) when (tries == 1)
            {
                Announce(null); // it may have deleted the portal
            }
        }
    }

    ValueTask<(Caller Caller, long Generation)?> FindCallerAsync(byte[] hash, string key, CancellationToken cancellation) =>
        Current is { } now && now.Callers.TryGetValue(key, out var caller) ? new((caller, now.Generation)) : ReadCallerAsync(hash, key, cancellation);

    async ValueTask<(Caller Caller, long Generation)?> ReadCallerAsync(byte[] hash, string key, CancellationToken cancellation) => await control.ReadAsync(
        async opened =>
        {
            var now = await KnowAsync(opened);
            if (now.Callers.TryGetValue(key, out var cached))
            {
                return (cached, now.Generation);
            }

            var found = await Callers.FindAsync(opened, hash, key == developmentToken, now.Settings);
            if (found is null)
            {
                return ((Caller, long)?)null;
            }

            found = found with { Owners = await OwnersOfAsync(opened, now, found.PortalId) };
            if (now.Callers.Count >= CallersMax)
            {
                now.Callers.Clear();
            }

            now.Callers[key] = found;
            return (found, now.Generation);
        },
        cancellation);

    public ValueTask<PortalOwners> OwnersOfAsync(long portalId, CancellationToken cancellation) =>
        Current is { } now && now.Owners.TryGetValue(portalId, out var owners) ? new(owners)
            : control.ReadAsync(async opened => await OwnersOfAsync(opened, await KnowAsync(opened), portalId), cancellation);

    public ValueTask<ImmutableArray<Portal>> ListAsync(CancellationToken cancellation) => control.ReadAsync(PortalTable.ListAsync, cancellation);

    public async ValueTask<IStore> OpenAsync(long portalId, CancellationToken cancellation) => await OpenStoreAsync(portalId, cancellation);

    async ValueTask<PostgresStore> OpenStoreAsync(long portalId, CancellationToken cancellation)
    {
        var store = await StoreOfAsync(portalId, cancellation);
        if (!store.IsOpen)
        {
            MakeRoom();
            try
            {
                await store.OpenAsync().WaitAsync(cancellation);
            }
            catch (OperatorMistake mistake)
            {
                throw new Refusal(Faults.PortalUnserved(portalId, mistake.State));
            }
        }

        return store;
    }

    public async ValueTask<bool> IsCareDueAsync(long portalId, CancellationToken cancellation) => await TranslateAsync(JobTables.IsCareDueAsync(database, portalId, Clocks.NowOf(portalId)));

    public async ValueTask<bool> IsAloneAsync(CancellationToken cancellation) => await TranslateAsync(database.Presence.IsAloneAsync());

    public async ValueTask<ImmutableArray<long>> AbandonedAsync(CancellationToken cancellation) => [.. await TranslateAsync(database.Presence.AbandonedAsync())];

    public async Task<Condition> ConditionAsync(long portalId)
    {
        try
        {
            // A health check doesn't open a portal that is not in use.
            var store = await StoreOfAsync(portalId, CancellationToken.None);
            return store.IsOpen ? await store.ConditionAsync() : new(Condition.Ready, "closed");
        }
        catch (Refusal refusal)
        {
            return new(Condition.WordOf(refusal), "none");
        }
    }

    public ValueTask<Portal> CreateAsync(string name) => control.WriteAsync(opened => CreateAsync(opened, name));

    public ValueTask<Portal> FindOrCreateFirstAsync(string name) =>
        control.WriteAsync(async opened => await PortalTable.ListAsync(opened) is [var first, ..] ? first : await CreateAsync(opened, name));

    async ValueTask<Portal> CreateAsync(ControlConnection opened, string name)
    {
        var id = await PortalTable.NextIdAsync(opened);
        while (await opened.FindAsync(_ => true, "SELECT FROM head WHERE portal = @1", id))
        {
            id++; // a copy that isn't complete yet (Stores/Moving)
        }

        await opened.RunAsync("INSERT INTO head (portal, history) VALUES (@1, @2)", id, Secrets.NewUuid());
        return await PortalTable.AddAsync(opened, new(id, name, Instant.Now(clock)));
    }

    public ValueTask ForgetAsync(long portalId) =>
        throw new OperatorMistake($"The data of portal {portalId} is in the database {database.Description} together with its name. To delete both: docket portal delete {portalId}");

    public ValueTask<Portal?> ChangeAsync(long portalId, IReadOnlyDictionary<string, string> changes) => control.WriteAsync(opened => PortalTable.ChangeAsync(opened, portalId, changes));

    public ValueTask<Portal?> RenameAsync(long portalId, string name) => control.WriteAsync(opened => PortalTable.RenameAsync(opened, portalId, name));

    public async ValueTask<bool> DeleteAsync(long portalId)
    {
        if (!await control.WriteAsync(opened => PortalTable.DeleteAsync(opened, portalId, Instant.Now(clock))))
        {
            return false;
        }

        await control.ReadAsync(KnowAsync, CancellationToken.None); // closes it here
        try
        {
            await EraseAsync(portalId);
        }
        catch (Exception failure) when (control.Translate(failure) is { } refusal)
        {
            throw refusal; // a server removes the rest later
        }

        return true;
    }

    public async Task<bool> RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation)
    {
        var path = PostgresStore.IndexPath(indexDirectory, portalId);
        var seed = IndexFile.AskForRebuild(path);
        if (serving is null)
        {
            return false; // a server that uses the directory sees it
        }

        _ = await OpenAsync(portalId, cancellation);
        var newestChange = await control.ReadAsync(opened => opened.FindAsync(row => row.GetInt64(0), "SELECT sequence FROM head WHERE portal = @1", portalId), cancellation);
        while (IndexFile.BuiltSoFar(path, seed) is { } built)
        {
            progress(Math.Min(1, (double)built / Math.Max(1, newestChange)));
            await Task.Delay(TimeSpan.FromMilliseconds(RebuildStepMs), clock, cancellation);
        }

        progress(1);
        return true;
    }

    async Task<T> TranslateAsync<T>(Task<T> read)
    {
        try
        {
            return await read;
        }
        catch (Exception failure) when (PostgresFailures.Translate(failure, database.Description) is { } refusal)
        {
            throw refusal;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await (idling?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (listener?.DisposeAsync() ?? ValueTask.CompletedTask);
        database.Close();
        await Task.Run(() => Parallel.ForEach(stores.Values, store => store.Dispose()));
        await (serving?.DisposeAsync() ?? ValueTask.CompletedTask);
        await database.DisposeAsync();
    }

    // The file that locks the directory names the process that holds it: the one before has ended, and what it left need not wait.
    async Task SucceedAsync(CancellationToken cancellation)
    {
        var before = new byte[16];
        if (await serving!.ReadAtLeastAsync(before, before.Length, throwOnEndOfStream: false, cancellation) == before.Length)
        {
            await database.Presence.EndAsync(new(before));
        }

        serving.Position = 0;
        await serving.WriteAsync(database.Process.ToByteArray(), cancellation);
        await serving.FlushAsync(cancellation);
    }

    // The indexes of another database would say that the newest changes of this one are gone.
    async Task KeepIndexesAsync(CancellationToken cancellation)
    {
        var named = Path.Combine(indexDirectory, "database");
        var identity = await control.ReadAsync(opened => opened.FindAsync(row => row.GetString(0), "SELECT file FROM identity"), cancellation);
        if (File.Exists(named) && await File.ReadAllTextAsync(named, cancellation) != identity)
        {
            foreach (var index in Directory.EnumerateFiles(indexDirectory, "portal-*.index.db*"))
            {
                File.Delete(index);
            }
        }

        await File.WriteAllTextAsync(named, identity, cancellation);
    }

    async Task WarmAsync(bool strict)
    {
        var now = await control.ReadAsync(KnowAsync, CancellationToken.None);
        foreach (var portalId in now.Settings.Keys.Order().Where(_ => strict || now.Settings.Count <= WarmMax))
        {
            try
            {
                var store = await StoreOfAsync(portalId, CancellationToken.None);
                await store.OpenAsync();
            }
            catch (OperatorMistake) when (!strict)
            {
                // Retried when the portal is used.
            }
        }
    }

    async ValueTask<PostgresStore> StoreOfAsync(long portalId, CancellationToken cancellation)
    {
        if (stores.TryGetValue(portalId, out var store))
        {
            return store;
        }

        await control.ReadAsync(KnowAsync, cancellation);
        lock (gate) // the store of a deleted portal must not be created again
        {
            return known.Settings.TryGetValue(portalId, out var set)
                ? stores.GetOrAdd(portalId, id => new PostgresStore(database, id, types, indexDirectory, Clocks.Of(id), logger, instruments) { Settings = set })
                : throw new Refusal(Faults.ResourceNotFound());
        }
    }

    static async ValueTask<PortalOwners> OwnersOfAsync(ControlConnection opened, Known now, long portalId) =>
        now.Owners.TryGetValue(portalId, out var owners) ? owners : now.Owners.GetOrAdd(portalId, new PortalOwners(await UserTables.ListAsync(opened, portalId)));

    // What is cached, compared with the database or loaded again.
    async ValueTask<Known> KnowAsync(ControlConnection opened)
    {
        if (Current is { } current)
        {
            return current;
        }

        // The generation first: what is read after it is at least as new.
        var generation = await opened.FindAsync(row => row.GetInt64(0), "SELECT generation FROM identity");
        if (known is { } same && same.Generation == generation)
        {
            return same;
        }

        var loaded = new Known(generation, (await PortalTable.ListAsync(opened)).ToImmutableDictionary(portal => portal.Id, portal => portal.Settings));
        lock (gate)
        {
            if (loaded.Generation <= known.Generation)
            {
                return known;
            }

            known = loaded;
            foreach (var (id, store) in stores)
            {
                if (loaded.Settings.TryGetValue(id, out var set))
                {
                    store.Settings = set;
                }
                else if (stores.TryRemove(new(id, store)))
                {
                    _ = Task.Run(() => CloseDeleted(id, store)); // not here: requests wait for each other
                }
            }
        }

        return loaded;
    }

    // The next request reads what has changed; with null, in any case, whatever generation it finds.
    void Announce(long? generation)
    {
        lock (gate)
        {
            if (generation is { } made)
            {
                Interlocked.Exchange(ref newest, Math.Max(newest, made));
            }
            else
            {
                known = known with { Generation = -1 };
                Interlocked.Exchange(ref newest, 0);
            }
        }
    }

    // Each open portal uses a thread, memory and descriptors: closes the least recently used ones to make room for others.
    void MakeRoom()
    {
        var open = stores.Values.Where(store => store.IsOpen).ToList();
        foreach (var store in open.OrderBy(store => store.UsedAt).Take(open.Count + 1 - openMax))
        {
            store.CloseIfIdle(TimeSpan.Zero);
        }
    }

    void LookAround()
    {
        foreach (var store in stores.Values)
        {
            store.CloseIfIdle(IdleAfter);
        }

        if (Interlocked.Exchange(ref erasing, 1) == 0)
        {
            _ = Task.Run(EraseLeftAsync);
        }
    }

    void CloseDeleted(long portalId, PostgresStore store)
    {
        store.Dispose();
        Clocks.Remove(portalId);
        try
        {
            IndexFile.Delete(PostgresStore.IndexPath(indexDirectory, portalId));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogLeftIndex(failure, portalId);
        }
    }

    // Goes on with deletions whose process has ended.
    async Task EraseLeftAsync()
    {
        try
        {
            foreach (var portalId in await control.ReadAsync(
                opened => opened.ListAsync(row => row.GetInt64(0), "SELECT id FROM portal WHERE deleted < @1 AND erased IS NULL", Instant.Now(clock) - ErasingMs), CancellationToken.None))
            {
                await EraseAsync(portalId);
            }
        }
        catch (Exception failure)
        {
            if (failure is not Refusal && control.Translate(failure) is null)
            {
                LogUnerased(failure);
            }
        }
        finally
        {
            Interlocked.Exchange(ref erasing, 0);
        }
    }

    async Task EraseAsync(long portalId)
    {
        // From then on no process can write the portal. It waits for a writer, and must find the version of the row that this leaves.
        await using var close = database.Source.CreateCommand("DELETE FROM head WHERE portal = $1");
        close.Parameters.Add(PortalSession.Value(portalId));
        await close.ExecuteNonQueryAsync();
        foreach (var table in PostgresDatabase.PortalTables.Where(table => table != "head"))
        {
            // In steps, so that no transaction is long.
            await using var delete = database.Source.CreateCommand(string.Create(
                CultureInfo.InvariantCulture,
                $"DELETE FROM {table} t USING (SELECT ctid id FROM {table} WHERE portal = $1 LIMIT {ErasedAtOnce}) x WHERE t.portal = $1 AND t.ctid = x.id"));
            delete.Parameters.Add(PortalSession.Value(portalId));
            while (await delete.ExecuteNonQueryAsync() > 0)
            {
            }
        }

        await using var mark = database.Source.CreateCommand("UPDATE portal SET erased = $2 WHERE id = $1");
        mark.Parameters.Add(PortalSession.Value(portalId));
        mark.Parameters.Add(PortalSession.Value(Instant.Now(clock)));
        await mark.ExecuteNonQueryAsync();
    }

    [LoggerMessage(LogLevel.Warning, "Cannot delete the search index of the deleted portal {Portal}")]
    partial void LogLeftIndex(Exception failure, long portal);

    [LoggerMessage(LogLevel.Error, "Cannot remove the rows of deleted portals")]
    partial void LogUnerased(Exception failure);

    /// <summary>What is cached of one generation of the control plane.</summary>
    sealed record Known(long Generation, ImmutableDictionary<long, PortalSettings> Settings)
    {
        public ConcurrentDictionary<string, Caller> Callers { get; } = new(StringComparer.Ordinal);

        public ConcurrentDictionary<long, PortalOwners> Owners { get; } = new();
    }
}
