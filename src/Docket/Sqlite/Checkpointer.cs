using Docket.Watch;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Docket.Sqlite;

/// <summary>
/// Copies committed pages from the log into the file. If SQLite did that itself, the writer would wait until a thousand random pages are on
/// disk. A separate thread copies and syncs while the writer continues, and the writer only copies the small rest between two transactions,
/// after which the log restarts (docs/internals/decisions.md, Checkpoints).
/// </summary>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>Pages written between two checkpoints (4 MB). With more, the disk would be busy longer while the writer waits for it.</summary>
    const int PagesBetween = 1_000;

    /// <summary>Pages in the log before it is restarted (100 MB), which briefly blocks the writer.</summary>
    const int LogMax = 25_000;

    /// <summary>Pages that may then be left for the writer to copy.</summary>
    const int RestMax = 500;

    /// <summary>Rounds to make the rest small. Each round leaves what was written during it, which is less each time.</summary>
    const int RoundsMax = 10;

    readonly Connection writer, background;
    readonly SafeFileHandle file;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly string path;
    readonly bool syncs;
    readonly Thread thread;
    readonly ManualResetEventSlim wanted = new();
    readonly Lock copying = new();
    int pagesAtLast;
    volatile bool running, restIsSmall, closing;

    public Checkpointer(string path, Connection writer, ILogger logger, Complaints complaints)
    {
        this.path = path;
        this.writer = writer;
        this.logger = logger;
        this.complaints = complaints;
        writer.Execute("PRAGMA wal_autocheckpoint=0");
        background = new Connection(path, create: false);
        Engine.MakeDurable(background, path);
        syncs = !EphemeralDirectory.Holds(path);
        file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        thread = new Thread(Run) { IsBackground = true, Name = "docket checkpoint" };
        thread.UnsafeStart(); // see PortalWriter
    }

    /// <summary>Called by the writer between two transactions.</summary>
    public void AfterCommit()
    {
        if (restIsSmall)
        {
            restIsSmall = false;
            try
            {
                writer.Checkpoint();
            }
            catch (SqliteFailure failure)
            {
                Complain(failure);
            }

            running = false;
        }
        else if (!running && writer.PagesWritten() is var pages && pages - pagesAtLast >= PagesBetween)
        {
            pagesAtLast = pages;
            running = true;
            wanted.Set();
        }
    }

    /// <summary>Called by the writer: empties the log. <c>false</c> if another program still reads it.</summary>
    public bool TruncateLog()
    {
        // Two checkpoints at the same time refuse each other without waiting.
        lock (copying)
        {
            return writer.TruncateLog();
        }
    }

    /// <summary>Stops the thread. The handle stays open: see <see cref="Dispose"/>.</summary>
    public void Stop()
    {
        closing = true;
        wanted.Set();
        thread.Join();
        background.Dispose();
    }

    /// <summary>
    /// Closes the handle. SQLite must have closed all of its own before: closing any handle to a file releases every lock that the process
    /// has on it (POSIX).
    /// </summary>
    public void Dispose()
    {
        file.Dispose();
        wanted.Dispose();
    }

    void Run()
    {
        while (true)
        {
            wanted.Wait();
            wanted.Reset(); // before the check, or a signal in between would be lost
            if (closing)
            {
                return;
            }

            try
            {
                restIsSmall = CopyAndPrepareRestart();
            }
            catch (Exception failure) when (failure is SqliteFailure or IOException)
            {
                // Nothing is lost: the pages stay in the log, and the next checkpoint copies them.
                Complain(failure);
                running = false;
            }
        }
    }

    // If the log is long, copies until little is left for the writer, and signals the writer.
    bool CopyAndPrepareRestart()
    {
        var inLog = Copy();
        if (inLog < LogMax)
        {
            running = false;
            return false;
        }

        for (var (round, before) = (0, 0); round < RoundsMax && !closing && inLog - before >= RestMax; round++)
        {
            (before, inLog) = (inLog, Copy());
        }

        return true; // still running: the writer must do its part
    }

    // Returns the number of pages in the log.
    int Copy()
    {
        lock (copying)
        {
            var inLog = background.Checkpoint();
            // SQLite syncs the file only if nothing is left in the log, which under load only happens in the writer. Syncing here leaves little
            // for the writer's sync.
            if (syncs)
            {
                RandomAccess.FlushToDisk(file);
            }

            return inLog;
        }
    }

    void Complain(Exception failure)
    {
        if (complaints.Due("checkpoint") is { } more)
        {
            LogFailure(failure, path, more);
        }
    }

    [LoggerMessage(LogLevel.Warning, "A checkpoint of {Path} failed; its log was not shortened{More}")]
    partial void LogFailure(Exception failure, string path, string more);
}
