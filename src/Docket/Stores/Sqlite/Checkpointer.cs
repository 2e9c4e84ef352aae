using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Brings committed pages from the log into the file. Done by SQLite itself it would stop the writer for as long as a
/// thousand random pages take to reach the disk. So a thread of its own copies while the writer goes on, and the writer
/// only copies the small rest between two transactions, after which the log starts anew (docs/decisions.md, Checkpoints).
/// </summary>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>Pages written before a checkpoint begins: a page that changes often is then copied once for many changes.</summary>
    const int PagesBetween = 16_000;

    /// <summary>The rest that the writer copies itself, in pages.</summary>
    const int RestMax = 1_000;

    /// <summary>Rounds of the background thread: each leaves what was written while it ran, which gets less from round to round.</summary>
    const int RoundsMax = 8;

    readonly Connection writer, background;
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
        thread = new Thread(Run) { IsBackground = true, Name = "docket checkpoint" };
        thread.Start();
    }

    /// <summary>For the writer, between two transactions.</summary>
    public void AfterCommit()
    {
        if (restIsSmall)
        {
            restIsSmall = false;
            Copy(writer);
            pagesAtLast = writer.PagesWritten();
            running = false;
        }
        else if (!running && writer.PagesWritten() - pagesAtLast >= PagesBetween)
        {
            running = true;
            wanted.Set();
        }
    }

    public void Dispose()
    {
        closing = true;
        wanted.Set();
        thread.Join();
        background.Dispose();
        wanted.Dispose();
    }

    void Run()
    {
        while (true)
        {
            wanted.Wait();
            if (closing)
            {
                return;
            }

            wanted.Reset();
            for (var round = 0; round < RoundsMax && !closing && Copy(background) > RestMax; round++)
            {
            }

            restIsSmall = true;
        }
    }

    // A checkpoint that fails loses nothing: the pages stay in the log, and the next one copies them.
    int Copy(Connection connection)
    {
        try
        {
            return connection.Checkpoint();
        }
        catch (SqliteFailure failure)
        {
            LogFailure(failure, path);
            return 0;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A checkpoint of {Path} failed; its log stays longer")]
    partial void LogFailure(Exception failure, string path);
}
