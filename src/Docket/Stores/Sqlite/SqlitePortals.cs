using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The portals of a data directory: <c>docket.db</c> lists them and their tokens, <c>portal-*.db</c> hold them. Several
/// processes may use it at once (the command line beside a server); only one may serve.
/// </summary>
internal sealed partial class SqlitePortals : IPortals
{
    /// <summary>Number of the first portal. Eight digits, as portals on HubSpot have.</summary>
    const long FirstPortal = 24_000_001;

    /// <summary>Portals that are open at once, if descriptors allow it. Each takes three threads and up to 2 MB while it does little.</summary>
    public const int OpenMax = 250;

    /// <summary>File descriptors that an open portal takes, a few reads at once included.</summary>
    public const int DescriptorsEach = 16;

    const string LockFile = "docket.lock";

    /// <summary>How long a portal has to be unused before its file is closed.</summary>
    static readonly TimeSpan IdleAfter = TimeSpan.FromMinutes(5);

    /// <summary>How often to look for those.</summary>
    static readonly TimeSpan IdleCheckEvery = TimeSpan.FromSeconds(30);

    /// <summary>Portals that the start opens. Of more most are not used at once, and their files are only looked into.</summary>
    const int WarmMax = 8;

    /// <summary>How long the start looks into the files of portals, in milliseconds. With many, the rest is looked into while the server serves.</summary>
    const int InspectMs = 100;

    /// <summary>How many callers are kept in memory. OAuth apps bring a new token every half hour.</summary>
    const int CallersMax = 10_000;

    /// <summary>How often to look how far a new index is, in milliseconds.</summary>
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
    readonly string? developmentToken;

    // Tokens that were looked up and all settings, as of a version of the registry: revoking works at once, also when another
    // process does it, and costs the next request of each token a lookup.
    readonly Dictionary<string, Caller> callers = new(StringComparer.Ordinal);
    ImmutableDictionary<long, PortalSettings> settings = ImmutableDictionary<long, PortalSettings>.Empty;
    long generation = -1;

    // Those of the portals that were asked for.
    readonly Dictionary<long, PortalOwners> owners = [];

    /// <summary>Opens a data directory. Its portals are opened when they are used.</summary>
    /// <param name="directory">Made when it isn't there.</param>
    /// <param name="types">The object types of every portal.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures of files are told.</param>
    /// <param name="serve">Hold the directory: a second server is refused.</param>
    /// <param name="developmentToken">Opens the first portal with all scopes; kept nowhere.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="instruments">What the work is shown on, if on anything.</param>
    /// <param name="strict">Don't serve at all when a portal can't be opened. Otherwise the others are served.</param>
    /// <param name="openMax">How many portals may be open at once, at least 1; those in use stay open beyond that.</param>
    /// <exception cref="OperatorMistake">The directory or a file in it can't be used.</exception>
    public SqlitePortals(
        string directory, ImmutableArray<ObjectType> types, TimeProvider clock, ILogger logger, bool serve, string? developmentToken = null, int busyTimeoutMs = Engine.BusyTimeoutMs,
        Instruments? instruments = null, bool strict = false, int openMax = int.MaxValue)
    {
        this.directory = directory.Length > 0 ? Path.GetFullPath(directory) : throw new OperatorMistake("The data directory has an empty name. Choose one with --data.");
        this.types = types;
        this.clock = clock;
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        this.instruments = instruments;
        this.openMax = openMax;
        this.developmentToken = developmentToken is null ? null : Convert.ToHexString(Secrets.Hash(developmentToken));
        CreateDirectory(this.directory);
        serving = serve ? HoldDirectory(this.directory) : null;
        try
        {
            registry = OpenRegistry();
            Apps = new AppTables(registry);
            Usage = new UsageTable(registry);
            Users = new UserTables(registry);
            Sessions = new SessionTables(registry);
            Grants = new GrantTables(registry);
            if (serve)
            {
                LookAround(strict);
                idling = clock.CreateTimer(_ => CloseIdle(), null, IdleCheckEvery, IdleCheckEvery);
            }

            instruments?.Observe("docket.writes.waiting", "{write}", "Writes that wait for their portal's writer", () => Sum(store => store.Waiting));
            instruments?.Observe("docket.index.behind_changes", "{change}", "Changes that search indexes have not taken in yet", () => Sum(store => store.IndexBehind));
            instruments?.Observe("docket.file.size", "By", "Size of files: portals with their logs and search indexes, and the registry", () => Sizes.OfFiles(this.directory, Served));
            instruments?.Observe("docket.disk.free", "By", "Room on the disk that holds the data", () => Sizes.FreeOn(this.directory));
            instruments?.Observe("docket.records", "{record}", "Records that are not archived", () => Sizes.OfRecords(this.types, Served));
        }
        catch
        {
            Close();
            throw;
        }
    }

    public IApps Apps { get; }

    public IUsers Users { get; }

    public IUsage Usage { get; }

    public ISessions Sessions { get; }

    public IGrants Grants { get; }

    public (Caller Caller, IStore Store)? FindToken(string token)
    {
        var hash = Secrets.Hash(token);
        var key = Convert.ToHexString(hash);
        var caller = registry.Read(opened =>
        {
            Refresh(opened);
            if (callers.TryGetValue(key, out var known))
            {
                return known;
            }

            var found = key == developmentToken && !settings.IsEmpty ? new Caller(settings.Keys.Min(), 0, Scopes.All)
                : AppTables.FindCaller(opened, hash) ?? GrantTables.FindCaller(opened, hash);
            if (found is not null)
            {
                found = found with { Settings = settings.GetValueOrDefault(found.PortalId, PortalSettings.Default), Owners = OwnersOf(opened, found.PortalId) };
                if (callers.Count >= CallersMax)
                {
                    callers.Clear();
                }

                callers.Add(key, found);
            }

            return found;
        });
        return caller is null ? null : (caller, OpenStore(caller.PortalId));
    }

    public PortalOwners OwnersOf(long portalId) => registry.Read(opened =>
    {
        Refresh(opened);
        return OwnersOf(opened, portalId);
    });

    public ImmutableArray<Portal> List() => registry.IsMoved ? throw new Refusal(Faults.FileMissing("docket.db")) : registry.Read(opened =>
    {
        Refresh(opened);
        return List(opened);
    });

    public IStore Open(long portalId) => OpenStore(portalId);

    public bool IsCareDue(long portalId) => StoreOf(portalId).DueAt() <= Instant.Now(clock);

    public async Task<Condition> ConditionAsync(long portalId)
    {
        try
        {
            var store = StoreOf(portalId);
            // Nobody uses it: it is not opened for being asked about.
            return store.IsOpen || store.IsInTrouble || Engine.IsMissing(PathOf(portalId)) || store.DueAt() == 0 ? await store.ConditionAsync() : new(Condition.Ready, "closed");
        }
        catch (Refusal refusal)
        {
            return new(Condition.WordOf(refusal), "none");
        }
    }

    public Portal Create(string name) => registry.Write(opened =>
    {
        var id = Math.Max(FirstPortal, opened.QueryInteger("SELECT max(id) + 1 FROM portal"));
        while (Directory.EnumerateFiles(directory, $"portal-{id}.*").Any())
        {
            id++; // a file that is there holds the tickets of another portal, whether the registry knows it or not
        }

        // The file comes first: a stop in between leaves one that nobody knows. A portal that is known has its file, or has lost it.
        var file = SqliteStore.Create(PathOf(id), types, id, registry.Identity, busyTimeoutMs);
        using var insert = opened.Prepare("INSERT INTO portal (id, name, created, file) VALUES (?, ?, ?, ?)");
        var now = Instant.Now(clock);
        insert.Bind(id).Bind(name).Bind(now).Bind(file.File).Run();
        return new Portal(id, name, now);
    });

    public void Forget(long portalId)
    {
        if (!Engine.IsMissing(PathOf(portalId)))
        {
            throw new OperatorMistake($"{PathOf(portalId)} is there. Only a portal whose file is gone can be forgotten; move the file away first.");
        }

        Delete(portalId);
    }

    public Portal? Change(long portalId, IReadOnlyDictionary<string, string> changes) => registry.Write(opened =>
    {
        // Patched in place: what another process, or a newer Docket, has set meanwhile stays.
        using var update = opened.Prepare("UPDATE portal SET settings = json_patch(settings, ?) WHERE id = ?");
        update.Bind(JsonSerializer.Serialize(changes, SettingsJson.Default.IReadOnlyDictionaryStringString)).Bind(portalId).Run();
        return List(opened).FirstOrDefault(portal => portal.Id == portalId);
    });

    public Portal? Rename(long portalId, string name) => registry.Write(opened =>
    {
        using var update = opened.Prepare("UPDATE portal SET name = ? WHERE id = ?");
        update.Bind(name).Bind(portalId).Run();
        return List(opened).FirstOrDefault(portal => portal.Id == portalId);
    });

    public bool Delete(long portalId)
    {
        var found = registry.Write(opened =>
        {
            if (List(opened).All(portal => portal.Id != portalId))
            {
                return false;
            }

            // Rows of apps and of the portal itself stay: their ids are in the history of other portals, in backups and elsewhere.
            foreach (var sql in (string[])
            [
                "DELETE FROM oauth_access WHERE grant_id IN (SELECT id FROM oauth_grant WHERE portal = ?1 OR app IN (SELECT id FROM app WHERE portal = ?1))",
                "DELETE FROM oauth_grant WHERE portal = ?1 OR app IN (SELECT id FROM app WHERE portal = ?1)",
                "DELETE FROM session WHERE user IN (SELECT id FROM user WHERE portal = ?1)",
                "DELETE FROM user WHERE portal = ?1",
                "DELETE FROM app_token WHERE app IN (SELECT id FROM app WHERE portal = ?1)",
                "DELETE FROM usage WHERE portal = ?1",
            ])
            {
                using var delete = opened.Prepare(sql);
                delete.Bind(portalId).Run();
            }

            foreach (var sql in (string[])["UPDATE app SET deleted = ?2 WHERE portal = ?1 AND deleted IS NULL", "UPDATE portal SET deleted = ?2 WHERE id = ?1"])
            {
                using var update = opened.Prepare(sql);
                update.Bind(portalId).Bind(Instant.Now(clock)).Run();
            }

            return true;
        });
        if (found)
        {
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
            records = Math.Max(1, portal.QueryInteger("SELECT count(*) FROM record"));
        }
        catch (SqliteFailure failure)
        {
            throw new OperatorMistake(Engine.Explain(failure, path));
        }

        while (IndexFile.BuiltSoFar(Indexer.PathOf(path), seed) is { } built)
        {
            // The last to close a file takes its log away, so without one the server has it closed.
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

    // Also of what a start has got to before it failed.
    void Close()
    {
        idling?.Dispose();
        Parallel.ForEach(stores.Values, store => store.Dispose());
        registry?.Dispose();
        serving?.Dispose();
    }

    /// <summary>The store of a portal, opened when it isn't yet.</summary>
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

    // Under the registry's lock, as Refresh takes away those that were deleted: one of them is not made again.
    SqliteStore StoreOf(long portalId) => stores.TryGetValue(portalId, out var store) ? store : registry.Read(opened =>
    {
        Refresh(opened);
        return settings.TryGetValue(portalId, out var set)
            ? stores.GetOrAdd(portalId, id => new SqliteStore(PathOf(id), types, clock, logger, busyTimeoutMs, instruments, id, file => Identify(file, id, PathOf(id))) { Settings = set })
            : throw new Refusal(Faults.ResourceNotFound());
    });

    // What a portal that was deleted still has under way is refused.
    void CloseDeleted(long portalId, SqliteStore store)
    {
        store.Dispose();
        DeleteFiles(portalId); // its index may have been written once more since the files were deleted
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
            LogLeftFiles(failure, PathOf(portalId)); // the portal is gone all the same, and on Windows the server deletes them when it has closed them
        }
    }

    // Whether a file is that of a portal. One of an earlier version doesn't say, and a registry of an earlier version doesn't know:
    // then it is taken for that. The file is told first, so that a stop in between does no harm.
    Identity Identify(Connection file, long portalId, string path)
    {
        var identity = Identity.Of(file);
        var known = registry.Read(opened =>
        {
            using var select = opened.Prepare("SELECT file FROM portal WHERE id = ?");
            return select.Bind(portalId).Step() && !select.IsNull(0) ? select.Text(0) : null;
        });
        if (identity == new Identity(known ?? "", portalId, registry.Identity))
        {
            return identity;
        }

        if (identity.Portal is not null && (known is not null || identity.Portal != portalId))
        {
            throw new OperatorMistake($"{path} belongs to another portal or another data directory. Put the file of portal {portalId} in its place.") { State = "foreign" };
        }

        identity = identity.Claim(file, portalId, registry.Identity);
        return registry.Write(
            opened =>
            {
                using var update = opened.Prepare("UPDATE portal SET file = ? WHERE id = ?");
                update.Bind(identity.File).Bind(portalId).Run();
                return identity;
            },
            changesCallers: static _ => false);
    }

    Registry OpenRegistry()
    {
        var path = Path.Combine(directory, "docket.db");
        if (Engine.IsMissing(path) && PortalFiles(directory).FirstOrDefault() is { } portal)
        {
            throw new OperatorMistake(
                $"{path} is {(File.Exists(path) ? "empty" : "missing")}, and without it nobody's tokens are known for {Path.GetFileName(portal)}. Restore it from a backup, or move the files of the portals away to start with an empty data directory.");
        }

        return new Registry(path, clock, logger, busyTimeoutMs, opened => settings = SettingsOf(opened));
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
            // Files that are gone are found at once. What else is wrong with one takes opening it.
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
                    // It is in the log, and tried again when somebody asks for it.
                }
            }
        }

        var known = settings.Keys.Select(PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (var file in PortalFiles(directory).Where(file => !known.Contains(file)).Order(StringComparer.Ordinal))
        {
            LogLeftOver(file);
        }
    }

    // Each open portal takes descriptors, threads and memory: those that were unused for longest make room for others.
    void MakeRoom()
    {
        var open = stores.Values.Where(store => store.IsOpen).ToList();
        foreach (var store in open.OrderBy(store => store.UsedAt).Take(open.Count + 1 - openMax))
        {
            store.CloseIfIdle(TimeSpan.Zero);
        }
    }

    void CloseIdle()
    {
        foreach (var store in stores.Values)
        {
            store.CloseIfIdle(IdleAfter);
        }
    }

    static IEnumerable<string> PortalFiles(string directory) => Directory.EnumerateFiles(directory, "portal-*.db").Where(file => !file.EndsWith(".index.db", StringComparison.Ordinal));

    string PathOf(long portalId) => Path.Combine(directory, $"portal-{portalId}.db");

    static ImmutableArray<Portal> List(Connection registry)
    {
        var portals = ImmutableArray.CreateBuilder<Portal>();
        using var select = registry.Prepare("SELECT id, name, created, settings FROM portal WHERE deleted IS NULL ORDER BY id");
        while (select.Step())
        {
            portals.Add(new(select.Integer(0), select.Text(1), select.Integer(2)) { Settings = ParseSettings(select.Text(3)) });
        }

        return portals.DrainToImmutable();
    }

    // What this Docket doesn't know is passed over: a newer one may have set it.
    public static PortalSettings ParseSettings(string json) =>
        JsonSerializer.Deserialize(json, SettingsJson.Default.IReadOnlyDictionaryStringString)!
            .Aggregate(PortalSettings.Default, (settings, entry) => settings.With(entry.Key, entry.Value).Settings);

    static ImmutableDictionary<long, PortalSettings> SettingsOf(Connection opened) => List(opened).ToImmutableDictionary(portal => portal.Id, portal => portal.Settings);

    PortalOwners OwnersOf(Connection opened, long portalId)
    {
        if (!owners.TryGetValue(portalId, out var known))
        {
            owners.Add(portalId, known = new PortalOwners(UserTables.List(opened, portalId)));
        }

        return known;
    }

    void Refresh(Connection opened)
    {
        var now = registry.Generation;
        if (now == generation)
        {
            return;
        }

        generation = now;
        callers.Clear();
        owners.Clear();
        settings = SettingsOf(opened);

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

    // None is opened for being looked at.
    IEnumerable<(long Id, SqliteStore Store)> Served() => stores.Select(store => (store.Key, store.Value)).OrderBy(store => store.Key);

    long Sum(Func<SqliteStore, long> look) => Served().Sum(served => look(served.Store));

    /// <summary>Makes a directory for nobody but the user that runs Docket, if it isn't there.</summary>
    /// <exception cref="OperatorMistake">It can't be made.</exception>
    public static void CreateDirectory(string directory)
    {
        try
        {
            // Tickets and hashes of tokens are nobody else's business.
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(directory);
            }
            else
            {
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"The directory {directory} can't be made: {failure.Message}");
        }
    }

    /// <summary>Refuses a data directory that nothing is in: a mistyped one is not to be made.</summary>
    /// <exception cref="OperatorMistake">It isn't there, or has no registry.</exception>
    public static void RequireData(string directory)
    {
        if (!File.Exists(Path.Combine(directory, "docket.db")) && !(Directory.Exists(directory) && PortalFiles(directory).Any()))
        {
            throw new OperatorMistake(Directory.Exists(directory)
                ? $"There is no Docket data in {Path.GetFullPath(directory)}. Choose another directory with --data, or make a first portal: docket portal create NAME"
                : $"There is no directory {(directory.Length > 0 ? Path.GetFullPath(directory) : "\"\"")}. Choose the one of your data with --data.");
        }
    }

    /// <summary>Whether a server holds a data directory at this moment.</summary>
    public static bool IsServed(string directory)
    {
        var path = Path.Combine(directory, LockFile);
        try
        {
            using var free = File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None) : null;
            return false;
        }
        catch (IOException failure) when (IsHeld(failure))
        {
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false; // opening its files will tell
        }
    }

    // What a lock of another process is told as: EWOULDBLOCK of Linux or macOS, a sharing violation of Windows.
    static bool IsHeld(IOException failure) => OperatingSystem.IsWindows() ? (failure.HResult & 0xffff) == 32 : failure.HResult is 11 or 35;

    /// <summary>Holds a data directory, until the result is disposed of.</summary>
    /// <exception cref="OperatorMistake">Another holds it, or it can't be written to.</exception>
    public static FileStream HoldDirectory(string directory)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = Connection.PrivateFile;
            }

            return new FileStream(Path.Combine(directory, LockFile), options);
        }
        catch (IOException failure) when (IsHeld(failure))
        {
            throw new OperatorMistake($"Another docket serves {directory}. Stop it, or choose another data directory with --data.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"The data directory {directory} can't be written to: {failure.Message}");
        }
    }

    [LoggerMessage(LogLevel.Warning, "The files of a portal that was deleted can't be deleted: {Path}")]
    partial void LogLeftFiles(Exception failure, string path);

    [LoggerMessage(LogLevel.Warning, "{File} belongs to no portal of this data directory and is not served")]
    partial void LogLeftOver(string file);

    [LoggerMessage(LogLevel.Warning, "Other users of this machine have access to the data directory {Directory}. To keep them out: chmod 700 {Directory}")]
    partial void LogReadable(string directory);
}

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class SettingsJson : JsonSerializerContext;
