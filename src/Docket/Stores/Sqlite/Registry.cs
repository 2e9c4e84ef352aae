using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The file <c>docket.db</c> of a data directory. Reads use a separate connection, so they never wait for a writer in this process
/// or another; they wait for each other, for the time of a lookup. Callers cache frequent lookups in memory until
/// <see cref="Generation"/> changes.
/// </summary>
internal sealed partial class Registry : IDisposable
{
    /// <summary>How long a write may wait for another program's lock until further writes are refused at once, in milliseconds.</summary>
    const int QueueMs = 100;

    readonly string path;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Connection reader, writer;
    readonly Statement dataVersion, generationNow;
    readonly Lock reading = new(), writing = new();
    long lastVersion = -1, generation, waitingSince, failedWaits;

    /// <summary>Opens the file, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Receives failures of the file.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="load">Reads the data needed at the start.</param>
    /// <exception cref="OperatorMistake">The file can't be used.</exception>
    public Registry(string path, TimeProvider clock, ILogger logger, int busyTimeoutMs, Action<Connection> load)
    {
        this.path = path;
        this.logger = logger;
        Clock = clock;
        complaints = new(clock);
        (writer, reader, dataVersion, generationNow, Identity) = Engine.Open(
            path, "registry", busyTimeoutMs,
            opened =>
            {
                load(opened);
                var identity = opened.QueryText("SELECT file FROM identity");
                var other = new Connection(path, create: false, busyTimeoutMs);
                return (opened, other, other.Prepare("PRAGMA data_version"), other.Prepare("SELECT generation FROM identity"), identity);
            },
            create: true);
    }

    public TimeProvider Clock { get; }

    /// <summary>The identity of this registry, which the files of its portals contain.</summary>
    public string Identity { get; }

    /// <summary>A number that changes with every write that invalidates cached data, by this process or another. Call only inside <see cref="Read"/>.</summary>
    public long Generation
    {
        get
        {
            // data_version shows whether any write has happened, without reading the file.
            if (Query(dataVersion) is var version && version != lastVersion)
            {
                (generation, lastVersion) = (Query(generationNow), version);
            }

            return generation;
        }
    }

    /// <summary>Whether the file was deleted, renamed or replaced: other processes don't see writes to it, and their writes are not visible here.</summary>
    public bool IsMoved => Read(opened => opened.IsMoved);

    /// <summary>Reads, one at a time.</summary>
    /// <exception cref="Refusal">The file can't be read now.</exception>
    public T Read<T>(Func<Connection, T> read)
    {
        try
        {
            lock (reading)
            {
                return read(reader);
            }
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure);
        }
    }

    /// <summary>Like <see cref="Read"/>, for interfaces behind which a network may be: the task has completed.</summary>
    public ValueTask<T> ReadAsync<T>(Func<Connection, T> read) => new(Read(read));

    /// <summary>Writes in one transaction.</summary>
    /// <param name="write">The change.</param>
    /// <param name="changesCallers">Whether a result invalidates cached callers and settings; by default, it does.</param>
    /// <exception cref="Refusal">The file can't be written now.</exception>
    public T Write<T>(Func<Connection, T> write, Predicate<T>? changesCallers = null)
    {
        // While another program locks the file, one write waits for it. Others don't queue behind it: each would block a thread
        // that could serve other requests.
        if (Interlocked.Read(ref waitingSince) is not 0 and var since && Clock.GetElapsedTime(since).TotalMilliseconds > QueueMs)
        {
            throw new Refusal(Faults.FileLocked(Path.GetFileName(path)));
        }

        try
        {
            var failedBefore = Interlocked.Read(ref failedWaits);
            lock (writing)
            {
                return failedBefore == failedWaits ? WriteAlone(write, changesCallers) : throw new Refusal(Faults.FileLocked(Path.GetFileName(path)));
            }
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure);
        }
    }

    /// <summary>Like <see cref="Write"/>; the task has completed.</summary>
    public ValueTask<T> WriteAsync<T>(Func<Connection, T> write, Predicate<T>? changesCallers = null) => new(Write(write, changesCallers));

    public void Dispose()
    {
        dataVersion.Dispose();
        generationNow.Dispose();
        reader.Dispose();
        writer.Dispose();
    }

    T WriteAlone<T>(Func<Connection, T> write, Predicate<T>? changesCallers)
    {
        Begin();
        try
        {
            var result = write(writer);
            if (changesCallers?.Invoke(result) ?? true)
            {
                writer.Execute("UPDATE identity SET generation = generation + 1");
            }

            if (writer.IsMoved)
            {
                throw SqliteFailure.Moved();
            }

            writer.Execute("COMMIT");
            return result;
        }
        catch
        {
            writer.Rollback();
            throw;
        }
    }

    void Begin()
    {
        Interlocked.Exchange(ref waitingSince, Clock.GetTimestamp());
        try
        {
            writer.Execute("BEGIN IMMEDIATE");
        }
        catch (SqliteFailure)
        {
            failedWaits++;
            throw;
        }
        finally
        {
            Interlocked.Exchange(ref waitingSince, 0);
        }
    }

    Exception Translate(SqliteFailure failure)
    {
        var told = Engine.Translate(failure, path);
        if (told is Refusal && complaints.Due(Condition.WordOf(told)) is { } more)
        {
            LogFailure(failure, path, more);
        }

        return told;
    }

    static long Query(Statement statement)
    {
        statement.Step();
        var result = statement.Integer(0);
        statement.Reset();
        return result;
    }

    [LoggerMessage(LogLevel.Error, "{Path} can't be used{More}")]
    partial void LogFailure(Exception failure, string path, string more);
}
