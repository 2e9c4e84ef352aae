using Docket.Watch;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Docket.Sqlite;

/// <summary>
/// Brings committed pages from the log into the file. Done by SQLite itself it would stop the writer for as long as a
/// thousand random pages take to reach the disk. So a thread of its own copies and syncs while the writer goes on, and the
/// writer only copies the small rest between two transactions, after which the log starts anew (docs/internals/decisions.md, Checkpoints).
/// </summary>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>Pages written between two checkpoints (4 MB). More at once would keep the disk busy while the writer waits for it.</summary>
    const int PagesBetween = 1_000;

    /// <summary>Pages in the log before it is made to start anew (100 MB), which stops the writer for a moment.</summary>
    const int LogMax = 25_000;

    /// <summary>What the writer may then be left to copy, in pages.</summary>
    const int RestMax = 500;

    /// <summary>Rounds that make the rest small. Each leaves what was written while it ran, which gets less from round to round.</summary>
    const int RoundsMax = 10;

    readonly Connection writer, background;
    readonly SafeFileHandle file;
    readonly ILogger logger;
    readonly Complaints complaints;
    readonly string path;
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
        background.Execute("PRAGMA synchronous=FULL");
        file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        thread = new Thread(Run) { IsBackground = true, Name = "docket checkpoint" };
        thread.UnsafeStart(); // see PortalWriter
    }

    /// <summary>For the writer, between two transactions.</summary>
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

    /// <summary>For the writer: empties the log. <c>false</c> when another program still reads from it.</summary>
    public bool TruncateLog()
    {
        // Two checkpoints at once refuse each other without waiting.
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
    /// Closes the handle; to be called when SQLite has closed all of its own. Closing any handle to a file drops every lock
    /// that the process holds on it (POSIX).
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
            wanted.Reset(); // before looking: a wish that comes between would be lost
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

    // When the log has become long, copies until little is left for the writer, and tells so.
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

        return true; // still running: the writer has its part to do
    }

    // Gives how many pages are in the log.
    int Copy()
    {
        lock (copying)
        {
            var inLog = background.Checkpoint();
            // SQLite syncs the file only when nothing was left in the log, which under load is the writer's turn. So it is done
            // here, and the writer's sync finds little to do.
            RandomAccess.FlushToDisk(file);
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

    [LoggerMessage(LogLevel.Warning, "A checkpoint of {Path} failed; its log stays longer{More}")]
    partial void LogFailure(Exception failure, string path, string more);
}
