using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Control;
using Docket.Watch;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The file <c>docket.db</c> of a data directory. Reads use a separate connection, so they never wait for a writer in this process
/// or another; they wait for each other, for the time of a lookup. Callers cache frequent lookups in memory until
/// <see cref="Generation"/> changes.
/// </summary>
internal sealed partial class Registry : IControlDatabase, IDisposable
{
    /// <summary>How long a write may wait for another program's lock until further writes are refused at once, in milliseconds.</summary>
    const int QueueMs = 100;

    readonly string path;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly RegistryConnection reader, writer;
    readonly Statement dataVersion, generationNow;
    readonly Lock reading = new(), writing = new();
    long lastVersion = -1, generation, waitingSince, failedWaits;

    /// <summary>Opens the file, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clocks">The time in each portal.</param>
    /// <param name="logger">Receives failures of the file.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <exception cref="OperatorMistake">The file can't be used.</exception>
    public Registry(string path, PortalClocks clocks, ILogger logger, int busyTimeoutMs)
    {
        this.path = path;
        this.logger = logger;
        Clocks = clocks;
        complaints = new(clocks.Server);
        (writer, reader, Identity, PortalsAtStart) = Engine.Open(
            path, "registry", busyTimeoutMs,
            opened =>
            {
                using var upgraded = opened;
                var first = new RegistryConnection(path, busyTimeoutMs);
                try
                {
                    return (first, new RegistryConnection(path, busyTimeoutMs), first.Native.QueryText("SELECT file FROM identity"), first.Run(PortalTable.ListAsync));
                }
                catch
                {
                    first.Dispose();
                    throw;
                }
            },
            create: true);
        (dataVersion, generationNow) = (reader.Native.Prepare("PRAGMA data_version"), reader.Native.Prepare("SELECT generation FROM identity"));
    }

    public PortalClocks Clocks { get; }

    /// <summary>The identity of this registry, which the files of its portals contain.</summary>
    public string Identity { get; }

    /// <summary>The portals when it was opened.</summary>
    public ImmutableArray<Portal> PortalsAtStart { get; }

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
    public bool IsMoved => Read(_ => new ValueTask<bool>(reader.Native.IsMoved));

    /// <summary>Reads, one at a time.</summary>
    /// <exception cref="Refusal">The file can't be read now.</exception>
    public T Read<T>(Func<ControlConnection, ValueTask<T>> read)
    {
        try
        {
            lock (reading)
            {
                return reader.Run(read);
            }
        }
        catch (SqliteFailure failure)
        {
            throw Translate(failure);
        }
    }

    /// <summary>Like <see cref="Read"/>: the task has completed.</summary>
    public ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read, CancellationToken cancellation) => new(Read(read));

    /// <summary>Writes in one transaction.</summary>
    /// <param name="write">The change.</param>
    /// <param name="changesCallers">Whether a result invalidates cached callers and settings; by default, it does.</param>
    /// <exception cref="Refusal">The file can't be written now.</exception>
    public T Write<T>(Func<ControlConnection, ValueTask<T>> write, Predicate<T>? changesCallers = null)
    {
        // While another program locks the file, one write waits for it. Others don't queue behind it: each would block a thread
        // that could serve other requests.
        if (Interlocked.Read(ref waitingSince) is not 0 and var since && Clocks.Server.GetElapsedTime(since).TotalMilliseconds > QueueMs)
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
    public ValueTask<T> WriteAsync<T>(Func<ControlConnection, ValueTask<T>> write, Predicate<T>? changesCallers = null) => new(Write(write, changesCallers));

    public void Dispose()
    {
        dataVersion.Dispose();
        generationNow.Dispose();
        reader.Dispose();
        writer.Dispose();
    }

    T WriteAlone<T>(Func<ControlConnection, ValueTask<T>> write, Predicate<T>? changesCallers)
    {
        Begin();
        try
        {
            var result = writer.Run(write);
            if (changesCallers?.Invoke(result) ?? true)
            {
                writer.Native.Execute("UPDATE identity SET generation = generation + 1");
            }

            if (writer.Native.IsMoved)
            {
                throw SqliteFailure.Moved();
            }

            writer.Native.Execute("COMMIT");
            return result;
        }
        catch
        {
            writer.Native.Rollback();
            throw;
        }
    }

    void Begin()
    {
        Interlocked.Exchange(ref waitingSince, Clocks.Server.GetTimestamp());
        try
        {
            writer.Native.Execute("BEGIN IMMEDIATE");
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
