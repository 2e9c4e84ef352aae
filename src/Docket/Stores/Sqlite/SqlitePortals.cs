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
internal sealed class SqlitePortals : IPortals
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
        this.directory = Path.GetFullPath(directory);
        this.clock = clock;
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        this.instruments = instruments;
        this.developmentToken = developmentToken is null ? null : Convert.ToHexString(Secrets.Hash(developmentToken));
        CreateDirectory();
        serving = serve ? HoldDirectory() : null;
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
            instruments?.Observe("docket.index.behind", "{change}", "Changes that search indexes have not taken in yet", () => Sum(store => store.IndexBehind));
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

    public ImmutableArray<Portal> List() => registry.Read(List);

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

    public async Task RebuildIndexAsync(long portalId, Action<double> progress, CancellationToken cancellation)
    {
        var path = PathOf(portalId);
        var seed = IndexFile.AskForRebuild(Indexer.PathOf(path));
        if (serving is not null)
        {
            _ = OpenStore(portalId);
        }

        long records;
        using (var portal = new Connection(path, create: false))
        {
            records = Math.Max(1, portal.QueryInteger("SELECT count(*) FROM record"));
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

    string PathOf(long portalId) => Path.Combine(directory, $"portal-{portalId}.db");

    static ImmutableArray<Portal> List(Connection registry)
    {
        var portals = ImmutableArray.CreateBuilder<Portal>();
        using var select = registry.Prepare("SELECT id, name, created, settings FROM portal ORDER BY id");
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
            if (store.IsValueCreated)
            {
                store.Value.Settings = settings.GetValueOrDefault(id, PortalSettings.Default);
            }
        }
    }

    long Sum(Func<SqliteStore, long> look) => stores.Values.Where(store => store.IsValueCreated).Sum(store => look(store.Value));

    void CreateDirectory()
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
            throw new OperatorMistake($"The data directory {directory} can't be made: {failure.Message}");
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
        catch (IOException)
        {
            return true;
        }
    }

    FileStream HoldDirectory()
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
