using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Brings committed pages from the log into the file. Done by SQLite itself it would stop the writer for as long as a
/// thousand random pages take to reach the disk. So a thread of its own copies and syncs while the writer goes on, and the
/// writer only copies the small rest between two transactions, after which the log starts anew (docs/decisions.md, Checkpoints).
/// </summary>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>Pages written before a checkpoint begins: a page that changes often is then copied once for many changes.</summary>
    const int PagesBetween = 12_000;

    /// <summary>What the writer may be left to copy, in pages.</summary>
    const int RestMax = 500;

    /// <summary>Rounds of the background thread. Each leaves what was written while it ran, which gets less from round to round.</summary>
    const int RoundsMax = 10;

    readonly Connection writer, background;
    readonly SafeFileHandle file;
    readonly ILogger logger;
    readonly string path;
    readonly Thread thread;
    readonly ManualResetEventSlim wanted = new();
    int pagesAtLast;
    volatile bool running, restIsSmall, closing;

    public Checkpointer(string path, Connection writer, ILogger logger)
    {
        this.path = path;
        this.writer = writer;
        this.logger = logger;
        writer.Execute("PRAGMA wal_autocheckpoint=0");
        background = new Connection(path, create: false);
        background.Execute("PRAGMA synchronous=FULL");
        file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        thread = new Thread(Run) { IsBackground = true, Name = "docket checkpoint" };
        thread.Start();
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
                LogFailure(failure, path);
            }

            pagesAtLast = writer.PagesWritten();
            running = false;
        }
        else if (!running && writer.PagesWritten() - pagesAtLast >= PagesBetween)
        {
            running = true;
            wanted.Set();
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

            CopyAndSync();
            restIsSmall = true;
        }
    }

    void CopyAndSync()
    {
        try
        {
            var copied = 0;
            for (var round = 0; round < RoundsMax && !closing; round++)
            {
                var inLog = background.Checkpoint();
                // SQLite syncs the file only when nothing was left in the log, which under load is the writer's turn. So it
                // is done here, and the writer's sync finds little to do.
                RandomAccess.FlushToDisk(file);
                if (inLog - copied < RestMax)
                {
                    break;
                }

                copied = inLog;
            }
        }
        catch (Exception failure) when (failure is SqliteFailure or IOException)
        {
            // Nothing is lost: the pages stay in the log, and the next checkpoint copies them.
            LogFailure(failure, path);
        }
    }

    [LoggerMessage(LogLevel.Warning, "A checkpoint of {Path} failed; its log stays longer")]
    partial void LogFailure(Exception failure, string path);
}
