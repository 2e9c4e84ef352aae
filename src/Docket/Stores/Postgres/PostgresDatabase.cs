using System.Data.Common;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>A PostgreSQL database: its connections, and the upgrades of its schema.</summary>
internal sealed partial class PostgresDatabase : IAsyncDisposable
{
    /// <summary>The schema that contains all tables, unless the connection string has another <c>Search Path</c>.</summary>
    const string DefaultSchema = "docket";

    /// <summary>Prefix of the embedded upgrades.</summary>
    const string Migrations = "Docket.Postgres.";

    /// <summary>The tables of portals, which a cluster distributes by portal: all rows of a portal are on one node.</summary>
    internal static readonly string[] PortalTables =
    [
        "head", "write_mark", "change", "record", "unique_value", "stage_use", "source", "forward", "erasing", "object_type", "property", "property_group", "pipeline", "pipeline_audit",
        "job", "job_chunk", "job_outcome", "kept_answer", "association", "association_past", "association_change", "association_type", "association_limit",
        "unfollowed",
    ];

    /// <summary>Key of the lock under which one process at a time upgrades ("Docket" in ASCII).</summary>
    const long UpgradeLock = 0x446f636b6574;

    // A restored dump has other tables, and a new server another number.
    const string Place = "(SELECT system_identifier FROM pg_control_system()) || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || 'head'::regclass::oid";

    readonly CancellationTokenSource closing = new();

    PostgresDatabase(NpgsqlDataSource source, string schema, string description)
    {
        Source = source;
        Schema = schema;
        Description = description;
        Closing = closing.Token;
        Presence = new(this);
    }

    /// <summary>The pool of connections.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>The schema that contains all tables. Also the channel of notifications.</summary>
    public string Schema { get; }

    /// <summary>Host, port and database for messages, without secrets.</summary>
    public string Description { get; }

    /// <summary>A number that identifies this process in what it writes.</summary>
    public Guid Process { get; } = new(RandomNumberGenerator.GetBytes(16));

    /// <summary>Which processes are alive.</summary>
    public Presence Presence { get; }

    /// <summary>Ends the waits for a server that can't be reached.</summary>
    public CancellationToken Closing { get; }

    /// <summary>Connects, creates the schema if it is missing, and upgrades it.</summary>
    /// <param name="connectionString">Names and values as Npgsql has them.</param>
    /// <param name="passwordFile">A file whose first line is the password, if it is not in the connection string or where Npgsql finds it.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="OperatorMistake">The server can't be reached, refuses the user, or contains data of a newer Docket.</exception>
    public static async Task<PostgresDatabase> OpenAsync(string connectionString, string? passwordFile = null, CancellationToken cancellation = default)
    {
        var settings = Settings(connectionString);
        settings.Password = passwordFile is null ? settings.Password : await ReadPasswordAsync(passwordFile, cancellation);
        var description = string.Create(CultureInfo.InvariantCulture, $"{settings.Host}:{settings.Port}/{settings.Database}");
        var database = new PostgresDatabase(BuildSource(settings), settings.SearchPath!, description);
        try
        {
            await database.UpgradeAsync(cancellation);
            return database;
        }
        catch (Exception failure)
        {
            await database.DisposeAsync();
            throw failure is DbException or TimeoutException ? new OperatorMistake(PostgresFailures.Explain(failure, description)) { State = "unreachable" } : failure;
        }
    }

    /// <summary>Called before stores are closed, which would otherwise wait for the server.</summary>
    public void Close() => closing.Cancel();

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        await Presence.DisposeAsync();
        await Source.DisposeAsync();
        closing.Dispose();
    }

    static async Task<string> ReadPasswordAsync(string file, CancellationToken cancellation)
    {
        try
        {
            using var reader = new StreamReader(file);
            return await reader.ReadLineAsync(cancellation) is { Length: > 0 } password ? password : throw new OperatorMistake($"The password file {file} is empty.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot read the password file {file}: {failure.Message}");
        }
    }

    // What the operator doesn't set has values for many short transactions, and for a change of the primary.
    static NpgsqlConnectionStringBuilder Settings(string connectionString)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new(connectionString);
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new OperatorMistake("The store's connection string can't be read. Write it as \"Host=…;Database=…;Username=…\"; the names are those of Npgsql."); // the message might contain the password
        }

        if (string.IsNullOrEmpty(settings.Host))
        {
            throw new OperatorMistake("The store's connection string names no server. Add \"Host=…\".");
        }

        settings.SearchPath ??= DefaultSchema;
        settings.ApplicationName ??= "docket";
        Default("Maximum Pool Size", 30);
        Default("Timeout", 5); // seconds to connect
        Default("Command Timeout", 30);
        Default("Keepalive", 30);
        Default("Max Auto Prepare", 100);
        Default("Auto Prepare Min Usages", 2);
        Default("No Reset On Close", true); // nothing is set for longer than a transaction, and a reset is six statements
        Default("Host Recheck Seconds", 1); // otherwise a new primary is used only after ten seconds
        settings.IncludeErrorDetail = false; // details contain values
        return settings;

        void Default(string name, object value)
        {
            if (!settings.ShouldSerialize(name))
            {
                settings[name] = value;
            }
        }
    }

    static NpgsqlDataSource BuildSource(NpgsqlConnectionStringBuilder settings)
    {
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        return settings.Host!.Contains(',', StringComparison.Ordinal) ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary) : builder.Build();
    }

    async Task UpgradeAsync(CancellationToken cancellation)
    {
        await using var connection = await Source.OpenConnectionAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(cancellation);
        // One process upgrades; the others wait here, and then find everything done.
        await RunAsync($"SELECT pg_advisory_xact_lock({UpgradeLock})", connection, cancellation);
        var quoted = Quote(Schema);
        if (await QueryAsync<bool>("SELECT to_regnamespace($1) IS NULL", connection, cancellation, quoted))
        {
            await RunAsync($"CREATE SCHEMA {quoted}", connection, cancellation);
        }

        await RunAsync($"CREATE TABLE IF NOT EXISTS {quoted}.migration (number int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())", connection, cancellation);
        var newest = await QueryAsync<int>($"SELECT coalesce(max(number), 0) FROM {quoted}.migration", connection, cancellation);
        var known = Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(name => name.StartsWith(Migrations, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        if (newest > known.Count)
        {
            throw new OperatorMistake($"The schema {Schema} of {Description} was written by a newer Docket (version {newest}, this one knows {known.Count}). Update this server.") { State = "newer" };
        }

        foreach (var name in known.Skip(newest))
        {
            using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
            await RunAsync(await reader.ReadToEndAsync(cancellation), connection, cancellation);
            await RunAsync($"INSERT INTO {quoted}.migration (number) VALUES ({int.Parse(name.AsSpan(Migrations.Length, 3), CultureInfo.InvariantCulture)})", connection, cancellation);
        }

        await DistributeAsync(quoted, connection, cancellation);
        await SettleAsync(connection, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    // What was restored from a dump has sequence numbers that are given again, so it begins a new history.
    static async Task SettleAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (await QueryAsync<bool>($"SELECT place IS DISTINCT FROM {Place} FROM identity", connection, cancellation))
        {
            await RunAsync("UPDATE head SET history = gen_random_uuid()::text WHERE (SELECT place FROM identity) IS NOT NULL", connection, cancellation);
            await RunAsync($"UPDATE identity SET place = {Place}", connection, cancellation);
        }
    }

    // Only where the extension Citus is there. The statements are the same.
    static async Task DistributeAsync(string schema, NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (!await QueryAsync<bool>("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')", connection, cancellation))
        {
            return;
        }

        foreach (var table in PortalTables)
        {
            if (!await QueryAsync<bool>("SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = $1::regclass)", connection, cancellation, $"{schema}.{table}"))
            {
                await RunAsync($"SELECT create_distributed_table('{schema}.{table}', 'portal', colocate_with => '{(table == "head" ? "none" : schema + ".head")}')", connection, cancellation);
            }
        }
    }

    static string Quote(string name) => Plain().IsMatch(name) ? name : throw new OperatorMistake("The Search Path of the store must be the name of one schema, in lower-case letters, digits and underscores.");

    static async Task RunAsync(string sql, NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    static async Task<T> QueryAsync<T>(string sql, NpgsqlConnection connection, CancellationToken cancellation, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        return (T)(await command.ExecuteScalarAsync(cancellation))!;
    }

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,62}$")]
    private static partial Regex Plain();
}
