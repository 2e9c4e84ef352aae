using Docket.Sqlite;
using Docket.Stores.Control;
using Microsoft.Data.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>A connection to <c>docket.db</c>: over ADO.NET for the statements that all engines share, and natively for what SQLite alone has. Not thread-safe.</summary>
internal sealed class RegistryConnection : IDisposable
{
    readonly SqliteConnection connection;
    readonly ControlConnection statements;

    /// <exception cref="SqliteFailure">The file can't be opened.</exception>
    public RegistryConnection(string path, int busyTimeoutMs)
    {
        // SQLite waits for locks itself, so that the package doesn't have to ask again and again.
        connection = new(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 1 }.ToString());
        try
        {
            connection.Open();
        }
        catch (SqliteException)
        {
            using var again = new Connection(path, create: false, busyTimeoutMs); // reports the system's error too
            throw;
        }

        Native = new(connection.Handle!, busyTimeoutMs);
        Engine.MakeDurable(Native, path);
        statements = new(connection, null, CancellationToken.None);
    }

    public Connection Native { get; }

    /// <summary>Runs statements. SQLite has no asynchronous calls: each of them has ended when its task is returned.</summary>
    /// <exception cref="SqliteFailure">One of them failed.</exception>
    public T Run<T>(Func<ControlConnection, ValueTask<T>> work)
    {
        try
        {
            var done = work(statements);
            return done.IsCompleted ? done.Result : throw new InvalidOperationException("Only the connection may be awaited.");
        }
        catch (SqliteException failure)
        {
            throw Native.Failure(failure.SqliteExtendedErrorCode, failure);
        }
    }

    public void Dispose()
    {
        Native.Dispose();
        connection.Dispose();
    }
}
