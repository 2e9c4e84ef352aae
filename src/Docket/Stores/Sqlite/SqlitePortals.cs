using System.Collections.Concurrent;
using System.Collections.Immutable;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Control;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The portals of a data directory: <c>docket.db</c> lists them and their tokens, <c>portal-*.db</c> contain their data. Several
/// processes may use a directory at once (the command line and a server); only one may serve.
/// </summary>
internal sealed partial class SqlitePortals : IPortals
{
    /// <summary>Most open portals, if descriptors allow it. Each uses three threads and up to 2 MB while it does little.</summary>
    public const int OpenMax = 250;

    /// <summary>File descriptors of an open portal, including a few concurrent reads.</summary>
    public const int DescriptorsEach = 16;

    /// <summary>How long a portal is unused before its file is closed, and how often to look for such portals.</summary>
    public static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(5), IdleCheckEvery = TimeSpan.FromSeconds(30);

    /// <summary>The same for a server for tests, which may have a thousand portals that are not used again.</summary>
    public static readonly TimeSpan SoonIdleAfter = TimeSpan.FromSeconds(5), SoonIdleCheckEvery = TimeSpan.FromSeconds(1);

    /// <summary>The pages of portals of a server for tests, in bytes: most tables of a small portal have a page that is nearly empty.</summary>
    const int SmallPageSize = 2048;

    /// <summary>A search index of up to this many bytes is built again as quickly as it is read.</summary>
    const long SmallIndexBytes = 256 * 1024;

    /// <summary>Portals that are opened at the start. If there are more, most are not used soon, and their files are only inspected.</summary>
    const int WarmMax = 8;

    /// <summary>How long the start inspects portal files, in milliseconds. With many portals, the others are inspected while the server is running.</summary>
    const int InspectMs = 100;

    /// <summary>Most cached callers. OAuth apps have a new token every half hour.</summary>
    const int CallersMax = 10_000;

    /// <summary>How often to check the progress of an index, in milliseconds.</summary>
    const int RebuildStepMs = 100;

    readonly string directory;
    readonly ImmutableArray<ObjectType> types;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly int busyTimeoutMs;
    readonly Instruments? instruments;
    readonly FileStream? serving;
    readonly Registry registry;
    readonly ConcurrentDictionary<long, SqliteStore> stores = new();
    readonly ITimer? idling;
    readonly int openMax;
    readonly bool isEphemeral;
    bool isUntrimmed;
    readonly string? developmentToken;

    // Cached callers and all settings, for one generation of the registry: a revocation takes effect at once, also by another
    // process, and costs each token one lookup.
    readonly Dictionary<string, Caller> callers = new(StringComparer.Ordinal);
    ImmutableDictionary<long, PortalSettings> settings = ImmutableDictionary<long, PortalSettings>.Empty;
    long generation = -1;

    // Cached owners of portals.
    readonly Dictionary<long, PortalOwners> owners = [];

    /// <summary>Opens a data directory. Its portals are opened when they are used.</summary>
    /// <param name="directory">The directory, created if it doesn't exist.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures of files.</param>
    /// <param name="serve">Lock the directory, so that a second server is refused.</param>
    /// <param name="developmentToken">A token for the first portal with all scopes; never stored.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="instruments">The metrics, if any.</param>
    /// <param name="strict">Fail if a portal can't be opened. Otherwise the others are served.</param>
    /// <param name="openMax">Most open portals, at least 1; more stay open if they are in use.</param>
    /// <param name="isEphemeral">Close portals soon after their last use.</param>
    /// <exception cref="OperatorMistake">The directory or a file in it can't be used.</exception>
    public SqlitePortals(
        string directory, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger, bool serve, string? developmentToken = null, int busyTimeoutMs = Engine.BusyTimeoutMs,
        Instruments? instruments = null, bool strict = false, int openMax = int.MaxValue, bool isEphemeral = false)
    {
        this.directory = directory.Length > 0 ? Path.GetFullPath(directory) : throw new OperatorMistake("The name of the data directory is empty. Use --data to specify one.");
        this.types = types;
        this.clock = clock;
        Clocks = new(clock);
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        this.instruments = instruments;
        this.openMax = openMax;
        this.isEphemeral = isEphemeral;
        empty = new(MakeEmpty);
        this.developmentToken = developmentToken is null ? null : Convert.ToHexString(Secrets.Hash(developmentToken));
        DataDirectory.Create(this.directory);
        serving = serve ? DataDirectory.Hold(this.directory) : null;
        try
        {
            registry = OpenRegistry();
            settings = SettingsOf(registry.PortalsAtStart);
            Apps = new AppTables(registry);
            Usage = new UsageTable(registry);
            Users = new UserTables(registry);
            Sessions = new SessionTables(registry);
            Grants = new GrantTables(registry);
            if (serve)
            {
                LookAround(strict);
                DeleteImages();
                var (after, every) = isEphemeral ? (SoonIdleAfter, SoonIdleCheckEvery) : (IdleAfter, IdleCheckEvery);
                idling = clock.CreateTimer(_ => CloseIdle(after), null, every, every);
            }

            instruments?.Observe("docket.writes.waiting", "{write}", "Writes that wait for their portal's writer", () => Sum(store => store.Waiting));
            instruments?.Observe("docket.index.behind_changes", "{change}", "Changes that search indexes do not contain yet", () => Sum(store => store.IndexBehind));
            instruments?.Observe("docket.file.size", "By", "Size of files: portals with their logs and search indexes, and the registry", () =>
            [
                .. Sizes.OfFiles(this.directory, Served().Select(one => one.Id), [("data", ".db"), ("log", ".db-wal"), .. Sizes.IndexFiles]),
                Sizes.OfAll("registry", Sizes.LengthOf(Path.Combine(this.directory, "docket.db")) + Sizes.LengthOf(Path.Combine(this.directory, "docket.db-wal"))),
            ]);
            instruments?.Observe("docket.disk.free", "By", "Free space on the disk of the data directory", () => Sizes.FreeOn(this.directory));
            instruments?.Observe("docket.records", "{record}", "Records that are not archived", () => Sizes.OfRecords(this.types, [.. Served().Select(one => (one.Id, one.Store.ActiveRecords))]));
        }
        catch
        {
            Close();
            throw;
        }
    }

    public PortalClocks Clocks { get; }

    public IApps Apps { get; }

    public IUsers Users { get; }

    public IUsage Usage { get; }

    public SharedCalls? SharedCalls => null;

    public ISessions Sessions { get; }

    public IGrants Grants { get; }

    public ValueTask<(Caller Caller, IStore Store)?> FindTokenAsync(string token, CancellationToken cancellation)
    {
        var hash = Secrets.Hash(token);
        var key = Convert.ToHexString(hash);
        var caller = registry.Read(async opened =>
        {
            await RefreshAsync(opened);
            if (callers.TryGetValue(key, out var known))
            {
                return known;
            }

            var found = await Callers.FindAsync(opened, hash, key == developmentToken, settings);
            if (found is not null)
            {
                found = found with { Owners = await OwnersOfAsync(opened, found.PortalId) };
                if (callers.Count >= CallersMax)
                {
                    callers.Clear();
                }

                callers.Add(key, found);
            }

            return found;
        });
        return new(caller is null ? null : (caller, OpenStore(caller.PortalId)));
    }

    public ValueTask<PortalOwners> OwnersOfAsync(long portalId, CancellationToken cancellation) => registry.ReadAsync(
        async opened =>
        {
            await RefreshAsync(opened);
            return await OwnersOfAsync(opened, portalId);
        },
        cancellation);

    public ValueTask<ImmutableArray<Portal>> ListAsync(CancellationToken cancellation) => registry.IsMoved ? throw new Refusal(Faults.FileMissing("docket.db")) : registry.ReadAsync(
        async opened =>
        {
            await RefreshAsync(opened);
            return await PortalTable.ListAsync(opened);
        },
        cancellation);

    public ValueTask<IStore> OpenAsync(long portalId, CancellationToken cancellation) => new(OpenStore(portalId));

    public ValueTask<bool> IsCareDueAsync(long portalId, CancellationToken cancellation) => new(StoreOf(portalId).DueAt() <= Clocks.NowOf(portalId));

    public ValueTask<bool> IsAloneAsync(CancellationToken cancellation) => new(true); // one process serves the directory

    public ValueTask<ImmutableArray<long>> AbandonedAsync(CancellationToken cancellation) => new([]);

    public async Task<Condition> ConditionAsync(long portalId)
    {
        try
        {
            var store = StoreOf(portalId);
            // A health check doesn't open a portal that is not in use.
            return store.IsOpen || store.IsInTrouble || Engine.IsMissing(PathOf(portalId)) || store.DueAt() == 0 ? await store.ConditionAsync() : new(Condition.Ready, "closed");
        }
        catch (Refusal refusal)
        {
            return new(Condition.WordOf(refusal), "none");
        }
    }

    // The tool that creates one portal creates its tables; a server copies those that it created once.
    public ValueTask<Portal> CreateAsync(string name) => registry.WriteAsync(opened => CreateAsync(opened, name, serving is null ? null : empty.Value));

    public ValueTask<Portal> FindOrCreateFirstAsync(string name) =>
        registry.WriteAsync(async opened => await PortalTable.ListAsync(opened) is [var first, ..] ? first : await CreateAsync(opened, name, null));

    async ValueTask<Portal> CreateAsync(ControlConnection opened, string name, PortalImage? image)
    {
        var id = await PortalTable.NextIdAsync(opened);
        while (Directory.EnumerateFiles(directory, $"portal-{id}.*").Any())
        {
            id++; // an existing file contains the tickets of another portal, even if it is not in the registry
        }

        // The file first: if the process stops in between, a file without a portal remains, but never a portal without a file.
        var file = image is null ? SqliteStore.Create(PathOf(id), id, registry.Identity, busyTimeoutMs, PageSize) : CreateFile(PathOf(id), id, image);
        var portal = await PortalTable.AddAsync(opened, new(id, name, Instant.Now(clock)));
        await SetFileAsync(opened, id, file.File);
        if (serving is not null)
        {
            beginnings[id] = (null, null, null);
        }

        return portal;
    }

    public ValueTask ForgetAsync(long portalId)
    {
        if (!Engine.IsMissing(PathOf(portalId)))
        {
            throw new OperatorMistake($"{PathOf(portalId)} exists. Only a portal whose file is missing can be forgotten; move the file away first.");
        }

        Delete(portalId);
        return ValueTask.CompletedTask;
    }

    public ValueTask<Portal?> ChangeAsync(long portalId, IReadOnlyDictionary<string, string> changes) => registry.WriteAsync(opened => PortalTable.ChangeAsync(opened, portalId, changes));

    public ValueTask<Portal?> RenameAsync(long portalId, string name) => registry.WriteAsync(opened => PortalTable.RenameAsync(opened, portalId, name));

    public ValueTask<bool> DeleteAsync(long portalId) => new(Delete(portalId));

    bool Delete(long portalId)
    {
        var found = registry.Write(opened => PortalTable.DeleteAsync(opened, portalId, Instant.Now(clock)));
        if (found)
        {
            ForgetBeginning(portalId);
            DeleteFiles(portalId);
        }

        return found;
    }

    public async Task<bool> RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation)
    {
        var path = PathOf(portalId);
        var seed = IndexFile.AskForRebuild(Indexer.PathOf(path));
        if (serving is not null)
        {
            _ = OpenStore(portalId);
        }

        long records;
        try
        {
            using var portal = new Connection(path, create: false);
            records = Math.Max(1, portal.QueryInteger("SELECT count(*) FROM head"));
        }
        catch (SqliteFailure failure)
        {
            throw new OperatorMistake(Engine.Explain(failure, path));
        }

        while (IndexFile.BuiltSoFar(Indexer.PathOf(path), seed) is { } built)
        {
            // The last connection to a file deletes its log, so without a log the server has closed the file.
            if (!File.Exists(path + "-wal"))
            {
                return false;
            }

            progress(Math.Min(1, (double)built / records));
            await Task.Delay(TimeSpan.FromMilliseconds(RebuildStepMs), clock, cancellation);
        }

        progress(1);
        return true;
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    // Also after a failed start.
    void Close()
    {
        idling?.Dispose();
        Parallel.ForEach(stores.Values, store => store.Dispose());
        registry?.Dispose();
        if (serving is not null)
        {
            DeleteImages();
            serving.Dispose();
        }
    }

    /// <summary>Opens the store of a portal if it isn't open.</summary>
    /// <exception cref="Refusal">It can't be opened.</exception>
    internal SqliteStore OpenStore(long portalId)
    {
        var store = StoreOf(portalId);
        if (!store.IsOpen)
        {
            MakeRoom();
        }

        try
        {
            store.Open();
            return store;
        }
        catch (OperatorMistake mistake)
        {
            throw new Refusal(Faults.PortalUnserved(portalId, mistake.State));
        }
    }

    // Under the registry's lock: Refresh removes stores of deleted portals, and they must not be created again.
    SqliteStore StoreOf(long portalId) => stores.TryGetValue(portalId, out var store) ? store : registry.Read(async opened =>
    {
        await RefreshAsync(opened);
        return settings.TryGetValue(portalId, out var set)
            ? stores.GetOrAdd(portalId, id => new SqliteStore(PathOf(id), types, Clocks.Of(id), logger, busyTimeoutMs, instruments, id, file => Identify(file, id, PathOf(id))) { Settings = set })
            : throw new Refusal(Faults.ResourceNotFound());
    });

    // Requests in progress for a deleted portal are refused.
    void CloseDeleted(long portalId, SqliteStore store)
    {
        store.Abandon();
        Clocks.Remove(portalId);
        ForgetBeginning(portalId);
        DeleteFiles(portalId); // its index may have been written again after the files were deleted
    }

    void DeleteFiles(long portalId)
    {
        try
        {
            IndexFile.Delete(PathOf(portalId));
            IndexFile.Delete(Indexer.PathOf(PathOf(portalId)));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogLeftFiles(failure, PathOf(portalId)); // the portal is deleted anyway, and on Windows the server deletes the files when it has closed them
        }
    }

    // Checks that a file belongs to a portal. Files and registries of earlier versions don't say so: such a file is assigned to
    // the portal. The file is written first, so that a stop in between does no harm.
    Identity Identify(Connection file, long portalId, string path)
    {
        var identity = Identity.Of(file);
        var known = registry.Read(opened => opened.FindAsync(row => row.IsDBNull(0) ? null : row.GetString(0), "SELECT file FROM portal WHERE id = @1", portalId));
        if (identity == new Identity(known ?? "", portalId, registry.Identity))
        {
            return identity;
        }

        if (identity.Portal is not null && (known is not null || identity.Portal != portalId))
        {
            throw new OperatorMistake($"{path} belongs to another portal or another data directory. Replace it with the file of portal {portalId}.") { State = "foreign" };
        }

        identity = identity.Claim(file, portalId, registry.Identity);
        registry.Write(opened => SetFileAsync(opened, portalId, identity.File), changesCallers: static _ => false);
        return identity;
    }

    static ValueTask<int> SetFileAsync(ControlConnection opened, long portalId, string file) => opened.RunAsync("UPDATE portal SET file = @1 WHERE id = @2", file, portalId);

    Registry OpenRegistry()
    {
        var path = Path.Combine(directory, "docket.db");
        if (Engine.IsMissing(path) && PortalFiles(directory).FirstOrDefault() is { } portal)
        {
            throw new OperatorMistake(
                $"{path} is {(File.Exists(path) ? "empty" : "missing")}, and without it there are no tokens for {Path.GetFileName(portal)}. Restore it from a backup, or move the portal files away to start with an empty data directory.");
        }

        return new Registry(path, Clocks, logger, busyTimeoutMs);
    }

    void LookAround(bool strict)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(directory) & ~(Connection.PrivateFile | UnixFileMode.UserExecute)) != 0)
        {
            LogReadable(directory);
        }

        var began = clock.GetTimestamp();
        foreach (var portalId in settings.Keys.Order())
        {
            // Missing files are found at once. Other problems are found only by opening a file.
            if (strict || Engine.IsMissing(PathOf(portalId)) || clock.GetElapsedTime(began).TotalMilliseconds < InspectMs)
            {
                try
                {
                    var store = StoreOf(portalId);
                    if (strict || settings.Count <= WarmMax || store.DueAt() == 0)
                    {
                        store.Open();
                    }
                }
                catch (OperatorMistake) when (!strict)
                {
                    // Already logged, and retried when the portal is used.
                }
            }
        }

        var known = settings.Keys.Select(PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (var file in PortalFiles(directory).Where(file => !known.Contains(file)).Order(StringComparer.Ordinal))
        {
            LogLeftOver(file);
        }
    }

    // Each open portal uses descriptors, threads and memory: closes the least recently used ones to make room for others.
    void MakeRoom()
    {
        var open = stores.Values.Where(store => store.IsOpen).ToList();
        foreach (var store in open.OrderBy(store => store.UsedAt).Take(open.Count + 1 - openMax))
        {
            store.CloseIfIdle(TimeSpan.Zero);
        }
    }

    void CloseIdle(TimeSpan after)
    {
        var closed = 0;
        foreach (var (id, store) in stores)
        {
            store.CloseIfIdle(after, () =>
            {
                closed++;
                DeleteSmallIndex(id);
            });
        }

        // Once, after the last of many.
        if (closed == 0 && isUntrimmed)
        {
            HeapTrim.ReleaseNative();
        }

        isUntrimmed = closed > 0;
    }

    void DeleteSmallIndex(long portalId)
    {
        if (isEphemeral && new FileInfo(Indexer.PathOf(PathOf(portalId))) is { Exists: true, Length: <= SmallIndexBytes } small)
        {
            IndexFile.Delete(small.FullName);
        }
    }

    static IEnumerable<string> PortalFiles(string directory) => Directory.EnumerateFiles(directory, "portal-*.db").Where(file => !file.EndsWith(".index.db", StringComparison.Ordinal));

    int PageSize => isEphemeral ? SmallPageSize : Engine.PageSize;

    string PathOf(long portalId) => Path.Combine(directory, $"portal-{portalId}.db");

    static ImmutableDictionary<long, PortalSettings> SettingsOf(ImmutableArray<Portal> portals) => portals.ToImmutableDictionary(portal => portal.Id, portal => portal.Settings);

    async ValueTask<PortalOwners> OwnersOfAsync(ControlConnection opened, long portalId)
    {
        if (!owners.TryGetValue(portalId, out var known))
        {
            owners.Add(portalId, known = new PortalOwners(await UserTables.ListAsync(opened, portalId)));
        }

        return known;
    }

    async ValueTask RefreshAsync(ControlConnection opened)
    {
        var now = registry.Generation;
        if (now == generation)
        {
            return;
        }

        callers.Clear();
        owners.Clear();
        settings = SettingsOf(await PortalTable.ListAsync(opened));
        generation = now; // last: a failed read is repeated

        foreach (var (id, store) in stores)
        {
            if (settings.TryGetValue(id, out var set))
            {
                store.Settings = set;
            }
            else if (stores.TryRemove(new(id, store)))
            {
                _ = Task.Run(() => CloseDeleted(id, store)); // not here: requests wait for each other
            }
        }
    }

    // Opens none of them.
    IEnumerable<(long Id, SqliteStore Store)> Served() => stores.Select(store => (store.Key, store.Value)).OrderBy(store => store.Key);

    long Sum(Func<SqliteStore, long> look) => Served().Sum(served => look(served.Store));

    /// <summary>Refuses a data directory without data, so that a mistyped one is not created.</summary>
    /// <exception cref="OperatorMistake">It doesn't exist, or has no registry.</exception>
    public static void RequireData(string directory)
    {
        if (!File.Exists(Path.Combine(directory, "docket.db")) && !(Directory.Exists(directory) && PortalFiles(directory).Any()))
        {
            throw new OperatorMistake(Directory.Exists(directory)
                ? $"There is no Docket data in {Path.GetFullPath(directory)}. Use a different --data, or create a first portal: docket portal create NAME"
                : $"The directory {(directory.Length > 0 ? Path.GetFullPath(directory) : "\"\"")} doesn't exist. Use --data to specify your data directory.");
        }
    }

    [LoggerMessage(LogLevel.Warning, "Cannot delete the files of a deleted portal: {Path}")]
    partial void LogLeftFiles(Exception failure, string path);

    [LoggerMessage(LogLevel.Warning, "{File} belongs to no portal of this data directory and is not served")]
    partial void LogLeftOver(string file);

    [LoggerMessage(LogLevel.Warning, "Other users of this machine have access to the data directory {Directory}. To keep them out: chmod 700 {Directory}")]
    partial void LogReadable(string directory);
}
