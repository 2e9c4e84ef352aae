using System.Net.Sockets;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>Translates PostgreSQL's errors by their codes: on a cluster, texts and names are those of a node's shards.</summary>
internal static class PostgresFailures
{
    /// <summary>The server has ended a transaction in which nothing happened for long, and its connection.</summary>
    const string IdleInTransaction = "25P03";

    /// <summary>Whether the server can't be reached now, or is changing its role: a later attempt may succeed. Says nothing of a commit that was sent.</summary>
    public static bool IsInterruption(Exception failure) => failure switch
    {
        // The last two: no host of the connection string is a primary just now, or none can be reached, which Npgsql doesn't call transient.
        PostgresException server => IsInterruption(server.SqlState),
        NpgsqlException client => client.IsTransient || client.InnerException is IOException or SocketException or TimeoutException
            || client.InnerException is AggregateException hosts && hosts.InnerExceptions.All(IsInterruption) || client.Message.StartsWith("No suitable host", StringComparison.Ordinal),
        TimeoutException or IOException or SocketException => true,
        ObjectDisposedException disposed => disposed.ObjectName.StartsWith("Npgsql", StringComparison.Ordinal),
        InvalidOperationException { Source: "Npgsql" } => true, // the connection has been closed meanwhile
        _ => false,
    };

    /// <summary>Whether the connection was lost, and other connections of the pool probably with it.</summary>
    public static bool IsLoss(Exception failure) =>
        failure is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown } or NpgsqlException { InnerException: IOException or SocketException };

    /// <summary>The answer to a request that PostgreSQL couldn't serve; <c>null</c> for a bug.</summary>
    public static Refusal? Translate(Exception failure, string database) => StateOf(failure) switch
    {
        null => null,
        "full" => new(Faults.DatabaseFull(database)),
        "read-only" => new(Faults.DatabaseReadOnly(database)),
        "locked" => new(Faults.DatabaseBusy(database)),
        _ => new(Faults.DatabaseUnreachable(database)),
    };

    /// <summary>The same for the operator, in one line.</summary>
    public static string Explain(Exception failure, string database) => failure switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } =>
            $"{database} refuses the user or the password of the store. Check the connection string, PGPASSWORD, PGPASSFILE or --store-password-file.",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => $"The database of {database} does not exist. Create it: createdb NAME.",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } => $"The user of the store lacks a privilege on {database}: see docs/postgresql.md for the GRANTs.",
        PostgresException server => $"{database} reports an error ({server.SqlState}): {server.MessageText}",
        _ when IsInterruption(failure) => $"{database} can't be reached. Check that PostgreSQL runs there and accepts connections from this machine.",
        _ => $"{database} can't be used: {failure.Message}",
    };

    static string? StateOf(Exception failure) => failure switch
    {
        PostgresException server => server.SqlState switch
        {
            PostgresErrorCodes.DiskFull => "full",
            PostgresErrorCodes.ReadOnlySqlTransaction => "read-only",
            PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => "locked",
            _ when IsInterruption(server.SqlState) => "unreachable",
            _ => null,
        },
        _ => IsInterruption(failure) ? "unreachable" : null,
    };

    static bool IsInterruption(string code) =>
        code[..2] is "08" or "57" or "53" && code is not PostgresErrorCodes.QueryCanceled and not PostgresErrorCodes.DiskFull
        || code is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.ReadOnlySqlTransaction or IdleInTransaction;
}
