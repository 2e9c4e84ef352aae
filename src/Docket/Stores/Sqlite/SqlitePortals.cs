using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;
using Docket.Stores.Sqlite.Index;
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

    /// <summary>How often to look how far a new index is, in milliseconds.</summary>
    const int RebuildStepMs = 100;

    readonly string directory;
    readonly TimeProvider clock;
    readonly ILogger logger;
    readonly int busyTimeoutMs;
    readonly FileStream? serving;
    readonly Connection registry;
    readonly Statement dataVersion;
    readonly string registryPath;
    readonly Lock gate = new();
    readonly ConcurrentDictionary<long, Lazy<SqliteStore>> stores = new();
    readonly byte[]? developmentHash;
    Dictionary<string, Caller> callers = new(StringComparer.Ordinal);
    ImmutableDictionary<long, PortalSettings> settings = ImmutableDictionary<long, PortalSettings>.Empty;
    long callersVersion = -1;

    /// <summary>Opens a data directory and, to serve it, all its portals.</summary>
    /// <param name="directory">Made when it isn't there.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures of files are told.</param>
    /// <param name="serve">Hold the directory: a second server is refused.</param>
    /// <param name="developmentToken">Opens the first portal with all scopes; kept nowhere.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <exception cref="OperatorMistake">The directory or a file in it can't be used.</exception>
    public SqlitePortals(string directory, TimeProvider clock, ILogger logger, bool serve, string? developmentToken = null, int busyTimeoutMs = Engine.BusyTimeoutMs)
    {
        this.directory = Path.GetFullPath(directory);
        this.clock = clock;
        this.logger = logger;
        this.busyTimeoutMs = busyTimeoutMs;
        developmentHash = developmentToken is null ? null : Hash(developmentToken);
        CreateDirectory();
        serving = serve ? HoldDirectory() : null;
        try
        {
            registryPath = Path.Combine(this.directory, "docket.db");
            var portals = ImmutableArray<Portal>.Empty;
            (registry, dataVersion) = Engine.Open(registryPath, "registry", busyTimeoutMs, opened =>
            {
                portals = List(opened);
                return (opened, opened.Prepare("PRAGMA data_version"));
            });
            settings = SettingsOf(portals);
            foreach (var portal in serve ? portals : [])
            {
                _ = OpenStore(portal.Id);
            }
        }
        catch
        {
            Close();
            throw;
        }
    }

    public (Caller Caller, IStore Store)? FindToken(string token)
    {
        Caller? caller;
        try
        {
            var hash = Convert.ToHexString(Hash(token));
            lock (gate)
            {
                RefreshCallers();
                callers.TryGetValue(hash, out caller);
            }
        }
        catch (SqliteFailure failure)
        {
            throw Engine.Translate(failure, registryPath);
        }

        return caller is null ? null : (caller, OpenStore(caller.PortalId));
    }

    public ImmutableArray<Portal> List()
    {
        lock (gate)
        {
            return List(registry);
        }
    }

    public IStore Open(long portalId) => OpenStore(portalId);

    public Portal Create(string name)
    {
        lock (gate)
        {
            using var insert = registry.Prepare("INSERT INTO portal (id, name, created) SELECT coalesce(max(id) + 1, ?), ?, ? FROM portal RETURNING id");
            var now = Instant.Now(clock);
            insert.Bind(FirstPortal).Bind(name).Bind(now).Step();
            var portal = new Portal(insert.Integer(0), name, now);
            insert.Run();
            callersVersion = -1;
            return portal;
        }
    }

    public Portal? Change(long portalId, IReadOnlyDictionary<string, string> changes)
    {
        try
        {
            lock (gate)
            {
                // Patched in place: what another process, or a newer Docket, has set meanwhile stays.
                using var update = registry.Prepare("UPDATE portal SET settings = json_patch(settings, ?) WHERE id = ? RETURNING id");
                if (update.Bind(JsonSerializer.Serialize(changes, SettingsJson.Default.IReadOnlyDictionaryStringString)).Bind(portalId).Step())
                {
                    update.Run();
                }

                callersVersion = -1;
                return List(registry).FirstOrDefault(portal => portal.Id == portalId);
            }
        }
        catch (SqliteFailure failure)
        {
            throw Engine.Translate(failure, registryPath);
        }
    }

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

    public (TokenInfo Info, string Text) CreateToken(long portalId, string name, Scopes scopes)
    {
        // HubSpot's shape, which clients check for (reference/auth-limits-webhooks-imports.md 1.1); all 128 bits are random.
        var random = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var text = $"pat-na1-{random[..8]}-{random[8..12]}-{random[12..16]}-{random[16..20]}-{random[20..]}";
        lock (gate)
        {
            using var insert = registry.Prepare("INSERT INTO token (portal, name, hash, hint, scopes, created) VALUES (?, ?, ?, ?, ?, ?) RETURNING id");
            var now = Instant.Now(clock);
            insert.Bind(portalId).Bind(name).Bind(Hash(text)).Bind(text[^4..]).Bind((long)scopes).Bind(now).Step();
            var info = new TokenInfo(insert.Integer(0), portalId, name, text[^4..], scopes, now, null);
            insert.Run();
            callersVersion = -1;
            return (info, text);
        }
    }

    public ImmutableArray<TokenInfo> ListTokens(long? portalId)
    {
        lock (gate)
        {
            var tokens = ImmutableArray.CreateBuilder<TokenInfo>();
            using var select = registry.Prepare("SELECT id, portal, name, hint, scopes, created, revoked FROM token WHERE portal = coalesce(?, portal) ORDER BY id");
            select.Bind(portalId);
            while (select.Step())
            {
                tokens.Add(new(select.Integer(0), select.Integer(1), select.Text(2), select.Text(3), (Scopes)select.Integer(4), select.Integer(5), select.IsNull(6) ? null : select.Integer(6)));
            }

            return tokens.DrainToImmutable();
        }
    }

    public bool RevokeToken(long id)
    {
        lock (gate)
        {
            using var update = registry.Prepare("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL RETURNING id");
            var revoked = update.Bind(Instant.Now(clock)).Bind(id).Step();
            if (revoked)
            {
                update.Run();
            }

            callersVersion = -1;
            return revoked;
        }
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

        dataVersion?.Dispose();
        registry?.Dispose();
        serving?.Dispose();
    }

    /// <summary>The store of a portal, opened when it isn't yet.</summary>
    internal SqliteStore OpenStore(long portalId)
    {
        var store = stores.GetOrAdd(portalId, id => new(() => new SqliteStore(PathOf(id), clock, logger, busyTimeoutMs)));
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

        lock (gate)
        {
            opened.Settings = settings.GetValueOrDefault(portalId, PortalSettings.Default);
        }

        return opened;
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
    static PortalSettings ParseSettings(string json) =>
        JsonSerializer.Deserialize(json, SettingsJson.Default.IReadOnlyDictionaryStringString)!
            .Aggregate(PortalSettings.Default, (settings, entry) => settings.With(entry.Key, entry.Value).Settings);

    static ImmutableDictionary<long, PortalSettings> SettingsOf(ImmutableArray<Portal> portals) =>
        portals.ToImmutableDictionary(portal => portal.Id, portal => portal.Settings);

    // Tokens and settings are kept in memory until another process or this one has changed the file, so revoking works at once and
    // costs the next request a read.
    void RefreshCallers()
    {
        dataVersion.Step();
        var version = dataVersion.Integer(0);
        dataVersion.Reset();
        if (version == callersVersion)
        {
            return;
        }

        settings = SettingsOf(List(registry));
        foreach (var (id, store) in stores)
        {
            if (store.IsValueCreated)
            {
                store.Value.Settings = settings.GetValueOrDefault(id, PortalSettings.Default);
            }
        }

        var loaded = new Dictionary<string, Caller>(StringComparer.Ordinal);
        using var select = registry.Prepare("SELECT id, portal, hash, scopes FROM token WHERE revoked IS NULL");
        while (select.Step())
        {
            loaded[Convert.ToHexString(select.Blob(2))] = new(select.Integer(1), (Scopes)select.Integer(3), Source.Integration(select.Integer(0)))
            {
                Settings = settings.GetValueOrDefault(select.Integer(1), PortalSettings.Default),
            };
        }

        if (developmentHash is not null && registry.QueryInteger("SELECT min(id) FROM portal") is var portal and > 0)
        {
            loaded[Convert.ToHexString(developmentHash)] = new(portal, Scopes.All, Source.Integration(0)) { Settings = settings.GetValueOrDefault(portal, PortalSettings.Default) };
        }

        callers = loaded;
        callersVersion = version;
    }

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

    static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class SettingsJson : JsonSerializerContext;
