using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;
using Docket.Stores.Sqlite.Index;
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

    const string LockFile = "docket.lock";

    /// <summary>How many callers are kept in memory. OAuth apps bring a new token every half hour.</summary>
    const int CallersMax = 10_000;

    /// <summary>How often to look how far a new index is, in milliseconds.</summary>
    const int RebuildStepMs = 100;

    readonly string directory;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly int busyTimeoutMs;
    readonly Instruments? instruments;
    readonly FileStream? serving;
    readonly Registry registry;
    readonly ConcurrentDictionary<long, Lazy<SqliteStore>> stores = new();
    readonly UserTables users;
    readonly string? developmentToken;

    // Tokens that were looked up and all settings, as of a version of the registry: revoking works at once, also when another
    // process does it, and costs the next request of each token a lookup.
    readonly Dictionary<string, Caller> callers = new(StringComparer.Ordinal);
    ImmutableDictionary<long, PortalSettings> settings = ImmutableDictionary<long, PortalSettings>.Empty;
    (long, long) version = (-1, -1);

    // Those of the portals that were asked for: read again after a change of users here, or of anything by another process.
    readonly Dictionary<long, PortalOwners> owners = [];
    (long, long) ownersVersion;

    /// <summary>Opens a data directory and, to serve it, all its portals.</summary>
    /// <param name="directory">Made when it isn't there.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures of files are told.</param>
    /// <param name="serve">Hold the directory: a second server is refused.</param>
    /// <param name="developmentToken">Opens the first portal with all scopes; kept nowhere.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="instruments">What the work is shown on, if on anything.</param>
    /// <exception cref="OperatorMistake">The directory or a file in it can't be used.</exception>
    public SqlitePortals(string directory, TimeProvider clock, ILogger logger, bool serve, string? developmentToken = null, int busyTimeoutMs = Engine.BusyTimeoutMs, Instruments? instruments = null)
    {
        this.directory = directory.Length > 0 ? Path.GetFullPath(directory) : throw new OperatorMistake("The data directory has an empty name. Choose one with --data.");
        this.clock = clock;
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        this.instruments = instruments;
        this.developmentToken = developmentToken is null ? null : Convert.ToHexString(Secrets.Hash(developmentToken));
        CreateDirectory(this.directory);
        serving = serve ? HoldDirectory(this.directory) : null;
        try
        {
            registry = new Registry(Path.Combine(this.directory, "docket.db"), clock, busyTimeoutMs, opened => settings = SettingsOf(opened));
            Apps = new AppTables(registry);
            Usage = new UsageTable(registry);
            users = new UserTables(registry);
            Sessions = new SessionTables(registry);
            Grants = new GrantTables(registry);
            foreach (var portalId in serve ? settings.Keys : [])
            {
                _ = OpenStore(portalId);
            }

            instruments?.Observe("docket.writes.waiting", "{write}", "Writes that wait for their portal's writer", () => Sum(store => store.Waiting));
            instruments?.Observe("docket.index.behind_changes", "{change}", "Changes that search indexes have not taken in yet", () => Sum(store => store.IndexBehind));
            instruments?.Observe("docket.file.size", "By", "Size of files: portals with their logs and search indexes, and the registry", () => Sizes.OfFiles(this.directory, Served));
            instruments?.Observe("docket.disk.free", "By", "Room on the disk that holds the data", () => Sizes.FreeOn(this.directory));
            instruments?.Observe("docket.records", "{record}", "Records that are not archived", () => Sizes.OfRecords(Served));
        }
        catch
        {
            Close();
            throw;
        }
    }

    public IApps Apps { get; }

    public IUsers Users => users;

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

    public ImmutableArray<Portal> List() => registry.Read(opened =>
    {
        Refresh(opened);
        return List(opened);
    });

    public IStore Open(long portalId) => OpenStore(portalId);

    public Portal Create(string name) => registry.Write(opened =>
    {
        using var insert = opened.Prepare("INSERT INTO portal (id, name, created) SELECT coalesce(max(id) + 1, ?), ?, ? FROM portal RETURNING id");
        var now = Instant.Now(clock);
        insert.Bind(FirstPortal).Bind(name).Bind(now).Step();
        return new Portal(insert.Integer(0), name, now);
    });

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

    public async Task RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation)
    {
        var path = PathOf(portalId);
        if (!File.Exists(path))
        {
            progress(1); // made beside the server, and nobody has called it yet
            return;
        }

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
            progress(Math.Min(1, (double)built / records));
            await Task.Delay(TimeSpan.FromMilliseconds(RebuildStepMs), clock, cancellation);
        }

        progress(1);
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    // Also of what a start has got to before it failed.
    void Close()
    {
        foreach (var store in stores.Values)
        {
            if (store.IsValueCreated)
            {
                store.Value.Dispose();
            }
        }

        registry?.Dispose();
        serving?.Dispose();
    }

    /// <summary>The store of a portal, opened when it isn't yet.</summary>
    internal SqliteStore OpenStore(long portalId)
    {
        var store = stores.GetOrAdd(portalId, id => new(() => new SqliteStore(PathOf(id), clock, logger, busyTimeoutMs, instruments)));
        if (store.IsValueCreated)
        {
            return store.Value;
        }

        // One that was deleted gets no new file.
        if (!registry.Read(opened => List(opened).Any(portal => portal.Id == portalId)))
        {
            stores.TryRemove(new(portalId, store));
            throw new Refusal(Faults.ResourceNotFound());
        }

        SqliteStore opened;
        try
        {
            opened = store.Value;
        }
        catch
        {
            stores.TryRemove(new(portalId, store)); // the next request tries again
            throw;
        }

        // Not while Refresh gives new ones: older settings could take their place.
        return registry.Read(_ =>
        {
            opened.Settings = settings.GetValueOrDefault(portalId, PortalSettings.Default);
            return opened;
        });
    }

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

    [LoggerMessage(LogLevel.Warning, "The files of a portal that was deleted can't be deleted: {Path}")]
    partial void LogLeftFiles(Exception failure, string path);

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
        var now = registry.Version;
        if (now == version)
        {
            return;
        }

        version = now;
        callers.Clear();
        settings = SettingsOf(opened);
        var usersVersion = (now.Others, users.Changes);
        if (usersVersion != ownersVersion)
        {
            ownersVersion = usersVersion;
            owners.Clear();
        }

        foreach (var (id, store) in stores)
        {
            if (!settings.ContainsKey(id))
            {
                if (stores.TryRemove(new(id, store)) && store.IsValueCreated)
                {
                    _ = Task.Run(() => CloseDeleted(id, store.Value)); // not here: requests wait for each other
                }
            }
            else if (store.IsValueCreated)
            {
                store.Value.Settings = settings.GetValueOrDefault(id, PortalSettings.Default);
            }
        }
    }

    // Those that are open: it is looked at them, and none is opened for it.
    IEnumerable<(long Id, SqliteStore Store)> Served() => stores.Where(store => store.Value.IsValueCreated).Select(store => (store.Key, store.Value.Value)).OrderBy(store => store.Key);

    long Sum(Func<SqliteStore, long> look) => stores.Values.Where(store => store.IsValueCreated).Sum(store => look(store.Value));

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
        if (!File.Exists(Path.Combine(directory, "docket.db")))
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
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>Holds a data directory, until the result is disposed of.</summary>
    /// <exception cref="OperatorMistake">Another holds it, or it can't be written to.</exception>
    public static FileStream HoldDirectory(string directory)
    {
        try
        {
            return new FileStream(Path.Combine(directory, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new OperatorMistake($"Another docket serves {directory}. Stop it, or choose another data directory with --data.");
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new OperatorMistake($"The data directory {directory} can't be written to: {failure.Message}");
        }
    }
}

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class SettingsJson : JsonSerializerContext;
