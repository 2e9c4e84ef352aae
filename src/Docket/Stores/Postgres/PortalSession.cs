using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// A transaction of a portal's writer, on a connection of the pool. Statements that need no answer wait until something is read or
/// the transaction ends, so that a group of batches needs two round trips: one to look up, one to write and commit. Only for the
/// writer's thread.
/// </summary>
internal sealed class PortalSession(PostgresDatabase database) : IDisposable
{
    /// <summary>Most attempts to reach a primary, and the pause between two of them in milliseconds: a standby that takes over needs some seconds.</summary>
    const int Tries = 100, PauseMs = 100;

    /// <summary>Another process has a portal for milliseconds; an open transaction of some other program may have it for hours.</summary>
    public const string LockTimeout = "SET LOCAL lock_timeout = '5s'";

    /// <summary>A process that stands still (suspended, out of memory) must not keep what it has locked. Shorter than <see cref="LockTimeout"/>, so that who waits gets it.</summary>
    public const string IdleTimeout = "SET LOCAL idle_in_transaction_session_timeout = '4s'";

    NpgsqlConnection? connection;
    NpgsqlBatch? batch;
    NpgsqlBatchCommand? commit;

    /// <summary>Whether the server may have got the request to commit.</summary>
    public bool IsCommitSent { get; private set; }

    /// <summary>Whether the transaction has written something, or something to write waits.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>Called before something is read, so that it sees everything.</summary>
    public Action? BeforeRead { get; set; }

    /// <summary>Begins a transaction together with its first statement. Waits for a server that is being replaced.</summary>
    /// <param name="waits">Whether to wait; otherwise it fails at once.</param>
    public void Begin(bool waits = true)
    {
        (IsCommitSent, commit) = (false, null);
        for (var tries = 1; ; tries++)
        {
            try
            {
                connection = database.Source.OpenConnection();
                break;
            }
            catch (Exception failure) when (waits && tries < Tries && PostgresFailures.IsInterruption(failure) && !database.Closing.WaitHandle.WaitOne(PauseMs))
            {
                // again
            }
        }

        batch = new NpgsqlBatch(connection);
        Queue("BEGIN");
        Queue(LockTimeout);
        Queue(IdleTimeout);
        HasWritten = false;
    }

    /// <summary>Adds a statement that returns no rows. It runs with the next one that does, or with the commit.</summary>
    public void Queue(string sql, params ReadOnlySpan<NpgsqlParameter> values)
    {
        Add(sql, values);
        HasWritten = true;
    }

    /// <summary>Adds a statement that returns rows, for <see cref="Read()"/>.</summary>
    public void Ask(string sql, params ReadOnlySpan<NpgsqlParameter> values) => Add(sql, values);

    /// <summary>Runs what waits. The reader is on the rows of the first statement that was asked.</summary>
    public NpgsqlDataReader Read()
    {
        var running = batch!;
        batch = new NpgsqlBatch(connection);
        return running.ExecuteReader();
    }

    /// <summary>Reads all rows of a statement, which sees everything that was written before.</summary>
    public List<T> List<T>(Func<NpgsqlDataReader, T> read, string sql, params ReadOnlySpan<NpgsqlParameter> values)
    {
        BeforeRead?.Invoke();
        Ask(sql, values);
        var rows = Read();
        var all = new List<T>();
        using (rows)
        {
            while (rows.Read())
            {
                all.Add(read(rows));
            }
        }

        HasWritten |= rows.RecordsAffected > 0; // a statement may return what it writes
        return all;
    }

    /// <summary>Reads the first row of a statement; <c>default</c> if there is none.</summary>
    public T? Find<T>(Func<NpgsqlDataReader, T> read, string sql, params ReadOnlySpan<NpgsqlParameter> values) =>
        List(read, sql, values) is [var first, ..] ? first : default;

    /// <summary>Runs what waits, and commits.</summary>
    public void Commit()
    {
        commit = Add("COMMIT", []);
        IsCommitSent = true;
        try
        {
            batch!.ExecuteNonQuery();
        }
        catch (PostgresException failure) when (failure.BatchCommand is { } failed && !ReferenceEquals(failed, commit))
        {
            IsCommitSent = false; // the server skips everything after a statement that failed
            throw;
        }

        End();
    }

    /// <summary>Undoes everything that was not committed. Throws nothing.</summary>
    public void Rollback()
    {
        try
        {
            if (connection is { State: System.Data.ConnectionState.Open })
            {
                using var undo = new NpgsqlCommand("ROLLBACK", connection);
                undo.ExecuteNonQuery();
            }
        }
        catch (Exception failure) when (failure is NpgsqlException or InvalidOperationException or IOException or TimeoutException)
        {
            // The server undoes it when it notices that the connection is gone.
        }

        End();
    }

    public void Dispose() => End();

    /// <summary>A value of a statement. Statements call their values $1, $2 and so on.</summary>
    public static NpgsqlParameter Value<T>(T value) => new NpgsqlParameter<T> { TypedValue = value };

    NpgsqlBatchCommand Add(string sql, ReadOnlySpan<NpgsqlParameter> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(value);
        }

        batch!.BatchCommands.Add(command);
        return command;
    }

    void End()
    {
        batch?.Dispose();
        connection?.Dispose(); // back to the pool, or gone if it is broken
        (batch, connection) = (null, null);
    }
}
