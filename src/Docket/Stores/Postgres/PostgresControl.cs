using Docket.Model;
using Docket.Stores.Control;
using Docket.Watch;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>The control plane in PostgreSQL. Npgsql turns the values @1, @2 of its statements into PostgreSQL's own.</summary>
/// <param name="database">The database.</param>
/// <param name="announce">Called with the new generation when a write of this process has changed callers, and with <c>null</c> if it may have.</param>
/// <param name="clocks">The time in each portal.</param>
/// <param name="logger">Receives failures.</param>
internal sealed partial class PostgresControl(PostgresDatabase database, Action<long?> announce, PortalClocks clocks, ILogger logger) : IControlDatabase
{
    /// <summary>What a notification of changed callers begins with; the new generation follows.</summary>
    public const string CallersChanged = "callers ";

    readonly Complaints complaints = new(clocks.Server);

    public PortalClocks Clocks => clocks;

    public async ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read, CancellationToken cancellation)
    {
        for (var tried = false; ; tried = true)
        {
            try
            {
                await using var connection = await database.Source.OpenConnectionAsync(cancellation);
                return await read(new(connection, null, cancellation));
            }
            catch (Exception failure) when (!tried && PostgresFailures.IsInterruption(failure))
            {
                // All connections of the pool are gone after a restart of the server; the next one is new.
            }
            catch (Exception failure) when (Translate(failure) is { } refusal)
            {
                throw refusal;
            }
        }
    }

    public async ValueTask<T> WriteAsync<T>(Func<ControlConnection, ValueTask<T>> write, Predicate<T>? changesCallers = null)
    {
        try
        {
            await using var connection = await BeginAsync();
            var opened = new ControlConnection(connection, null, CancellationToken.None);
            var result = await write(opened);
            long? generation = null;
            if (changesCallers?.Invoke(result) ?? true)
            {
                generation = await opened.FindAsync(row => row.GetInt64(0), "UPDATE identity SET generation = generation + 1 WHERE id = 1 RETURNING generation");
                await opened.FindAsync(row => row.IsDBNull(0), "SELECT pg_notify(@1, @2)", database.Schema, string.Create(null, $"{CallersChanged}{generation}"));
            }

            try
            {
                await opened.RunAsync("COMMIT");
            }
            catch (Exception failure)
            {
                // Every failure of a commit says nothing about whether it was done.
                announce(null);
                LogUnknown(failure, database.Description);
                throw new Refusal(Faults.OutcomeUnknown(database.Description));
            }

            if (generation is not null)
            {
                announce(generation);
            }

            return result;
        }
        catch (Exception failure) when (Translate(failure) is { } refusal)
        {
            throw refusal;
        }
    }

    /// <summary>Translates a failure of the database, and logs it; <c>null</c> for other failures.</summary>
    public Refusal? Translate(Exception failure)
    {
        var refusal = PostgresFailures.Translate(failure, database.Description);
        if (refusal is not null && complaints.Due(Condition.WordOf(refusal)) is { } more)
        {
            LogFailure(failure, database.Description, more);
        }

        return refusal;
    }

    // Nothing is written yet, so that a connection of the pool that has ended can be replaced.
    async ValueTask<NpgsqlConnection> BeginAsync()
    {
        for (var tried = false; ; tried = true)
        {
            var connection = await database.Source.OpenConnectionAsync();
            try
            {
                // One write at a time, whatever the process.
                await using var begin = new NpgsqlBatch(connection)
                {
                    BatchCommands = { new("BEGIN"), new(PortalSession.LockTimeout), new(PortalSession.IdleTimeout), new("SELECT FROM identity WHERE id = 1 FOR UPDATE") },
                };
                await begin.ExecuteNonQueryAsync();
                return connection;
            }
            catch (Exception failure)
            {
                await connection.DisposeAsync();
                if (tried || !PostgresFailures.IsInterruption(failure))
                {
                    throw;
                }
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "{Database} can't be used{More}")]
    partial void LogFailure(Exception failure, string database, string more);

    [LoggerMessage(LogLevel.Error, "It is not known whether a write to {Database} was done")]
    partial void LogUnknown(Exception failure, string database);
}
