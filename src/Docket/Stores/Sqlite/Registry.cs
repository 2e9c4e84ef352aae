namespace Docket.Stores.Sqlite;

/// <summary>
/// The file <c>docket.db</c> of a data directory. Requests wait for each other here, for the time of a lookup; what they look up
/// often is kept in memory until <see cref="Version"/> changes.
/// </summary>
internal sealed class Registry : IDisposable
{
    readonly string path;
    readonly Connection connection;
    readonly Statement dataVersion;
    readonly Lock gate = new();
    long ownChanges;

    /// <summary>Opens the file, or makes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">The time.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="load">Reads what a start needs.</param>
    /// <exception cref="OperatorMistake">It can't be used.</exception>
    public Registry(string path, TimeProvider clock, int busyTimeoutMs, Action<Connection> load)
    {
        this.path = path;
        Clock = clock;
        (connection, dataVersion) = Engine.Open(path, "registry", busyTimeoutMs, opened =>
        {
            load(opened);
            return (opened, opened.Prepare("PRAGMA data_version"));
        });
    }

    public TimeProvider Clock { get; }

    /// <summary>Another number after every change that <see cref="Write"/> is told of, and after every one by another process. For those inside of <see cref="Read"/>.</summary>
    public (long Others, long Own) Version
    {
        get
        {
            dataVersion.Step();
            var others = dataVersion.Integer(0);
            dataVersion.Reset();
            return (others, ownChanges);
        }
    }

    /// <summary>Reads, alone.</summary>
    /// <exception cref="Model.Refusal">The file can't be read now.</exception>
    public T Read<T>(Func<Connection, T> read)
    {
        try
        {
            lock (gate)
            {
                return read(connection);
            }
        }
        catch (SqliteFailure failure)
        {
            throw Engine.Translate(failure, path);
        }
    }

    /// <summary>Changes something in one transaction.</summary>
    /// <param name="write">The change.</param>
    /// <param name="changesCallers">Whether the result leaves nothing of what is kept in memory true: callers that were looked up, and settings. Left out, it does.</param>
    /// <exception cref="Model.Refusal">The file can't be written now.</exception>
    public T Write<T>(Func<Connection, T> write, Predicate<T>? changesCallers = null) => Read(opened =>
    {
        opened.Execute("BEGIN IMMEDIATE");
        try
        {
            var result = write(opened);
            opened.Execute("COMMIT");
            ownChanges += changesCallers?.Invoke(result) ?? true ? 1 : 0;
            return result;
        }
        catch
        {
            opened.Rollback();
            throw;
        }
    });

    public void Dispose()
    {
        dataVersion.Dispose();
        connection.Dispose();
    }
}
