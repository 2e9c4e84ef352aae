using Docket.Model;
using Docket.Sqlite;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The file <c>docket.db</c> of a data directory. Reads have a connection of their own, so they never wait for one who writes, in
/// this process or another; they wait for each other, for the time of a lookup. What they look up often is kept in memory until
/// <see cref="Generation"/> changes.
/// </summary>
internal sealed partial class Registry : IDisposable
{
    /// <summary>How long one who writes may have waited for another program's lock until the next ones are refused at once, in milliseconds.</summary>
    const int QueueMs = 100;

    readonly string path;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly Connection reader, writer;
    readonly Statement dataVersion, generationNow;
    readonly Lock reading = new(), writing = new();
    long lastVersion = -1, generation, waitingSince, failedWaits;

    /// <summary>Opens the file, or makes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">The time.</param>
    /// <param name="logger">Where failures of the file are told.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="load">Reads what a start needs.</param>
    /// <exception cref="OperatorMistake">It can't be used.</exception>
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

    /// <summary>Which registry this is; the files of its portals know it.</summary>
    public string Identity { get; }

    /// <summary>Another number after every change of what is kept in memory, by this process or another. For those inside of <see cref="Read"/>.</summary>
    public long Generation
    {
        get
        {
            // Looking whether anyone has written at all costs no read.
            if (Query(dataVersion) is var version && version != lastVersion)
            {
                (generation, lastVersion) = (Query(generationNow), version);
            }

            return generation;
        }
    }

    /// <summary>Whether the file was deleted, renamed or replaced: nobody else sees what is written to it, and it sees nothing of theirs.</summary>
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

    /// <summary>Changes something in one transaction.</summary>
    /// <param name="write">The change.</param>
    /// <param name="changesCallers">Whether the result leaves nothing of what is kept in memory true: callers that were looked up, and settings. Left out, it does.</param>
    /// <exception cref="Refusal">The file can't be written now.</exception>
    public T Write<T>(Func<Connection, T> write, Predicate<T>? changesCallers = null)
    {
        // While another program holds the file one waits for it. Others don't queue up behind: each would keep a thread from
        // serving requests that have nothing to do with it.
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
