using System.Diagnostics;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>A PostgreSQL server in a temporary directory, reached by a Unix socket. It ends with this process, however that ends (<c>postgres.sh</c>).</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>A connection string of a server for the tests, instead of one that they start.</summary>
    const string Variable = "DOCKET_TEST_POSTGRES";

    /// <summary>Many tests at once, each with its own pool; the data needn't survive a crash of the machine.</summary>
    static readonly string[] Fast = ["fsync=off", "full_page_writes=off", "max_connections=400", "shared_buffers=128MB", "max_wal_size=256MB"];

    /// <summary>Kept here: if the process were collected, its input would end.</summary>
    static readonly Lazy<Task<PostgresServer>> Shared = new(() => StartAsync(Fast));

    readonly Process keeper;

    PostgresServer(Process keeper, string connectionString)
    {
        this.keeper = keeper;
        ConnectionString = connectionString;
    }

    /// <summary>How its superuser connects, without a password.</summary>
    public string ConnectionString { get; }

    /// <summary>The directory of its socket and its data.</summary>
    public string Directory => new NpgsqlConnectionStringBuilder(ConnectionString).Host!;

    /// <summary>The server of the test run, started on first use. Skips the test where there are no PostgreSQL binaries.</summary>
    public static async Task<string> SharedAsync() =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : (await Shared.Value).ConnectionString;

    /// <summary>Starts a server of the caller's own. Skips the test where there are no PostgreSQL binaries.</summary>
    /// <param name="settings">Each <c>name=value</c> as in <c>postgresql.conf</c>.</param>
    public static Task<PostgresServer> StartAsync(params string[] settings) => RunAsync(settings);

    /// <summary>Starts a streaming standby of a server.</summary>
    public static Task<PostgresServer> StartStandbyAsync(PostgresServer primary, params string[] settings) => RunAsync(["--standby-of", primary.Directory, .. settings]);

    /// <summary>Kills all its processes.</summary>
    public Task KillAsync() => TellAsync("kill");

    /// <summary>Starts it with the data that it has.</summary>
    public Task StartAgainAsync() => TellAsync("start");

    /// <summary>Starts it again, with a limit on the size of its files: a disk that gets full.</summary>
    /// <param name="bytes">Not a multiple of the size of a page, or <c>unlimited</c>.</param>
    public async Task RestartAsync(string bytes)
    {
        await TellAsync("stop");
        await TellAsync($"limit {bytes}");
        await TellAsync("start");
    }

    /// <summary>Makes a standby the primary.</summary>
    public Task PromoteAsync() => TellAsync("promote");

    public async ValueTask DisposeAsync()
    {
        keeper.StandardInput.Close();
        await keeper.WaitForExitAsync();
        keeper.Dispose();
    }

    static async Task<PostgresServer> RunAsync(string[] arguments)
    {
        var keeper = Process.Start(new ProcessStartInfo("sh", [Path.Combine(AppContext.BaseDirectory, "Stores", "postgres.sh"), .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        var first = await keeper.StandardOutput.ReadLineAsync();
        Assert.SkipWhen(first == "no PostgreSQL", $"needs PostgreSQL: install Debian's postgresql, or set {Variable}");
        return new(keeper, first ?? throw new InvalidOperationException("PostgreSQL didn't start; see the errors of the test run."));
    }

    async Task TellAsync(string line)
    {
        await keeper.StandardInput.WriteLineAsync(line);
        await keeper.StandardInput.FlushAsync();
        Assert.Equal("done", await keeper.StandardOutput.ReadLineAsync());
    }
}

/// <summary>A schema in the server of the test run, which Docket creates when it opens it. Dropped at the end.</summary>
internal sealed class PostgresSchema : IAsyncDisposable
{
    readonly string server, name;

    PostgresSchema(string server, string name)
    {
        this.server = server;
        this.name = name;
    }

    public string ConnectionString => $"{server};Search Path={name}";

    /// <summary>Chooses a name. Skips the test where there is no PostgreSQL.</summary>
    /// <param name="server">The connection string of another server than that of the test run.</param>
    /// <param name="name">Its name, if it matters.</param>
    public static async Task<PostgresSchema> ChooseAsync(string? server = null, string? name = null) =>
        new(server is { Length: > 0 } ? server : await PostgresServer.SharedAsync(), name ?? $"test_{Guid.NewGuid():n}");

    public async ValueTask DisposeAsync()
    {
        await using var connection = new NpgsqlConnection($"{server};Pooling=false");
        await connection.OpenAsync();
        await using var drop = new NpgsqlCommand($"SET client_min_messages = error; DROP SCHEMA IF EXISTS {name} CASCADE", connection);
        await drop.ExecuteNonQueryAsync();
    }
}
