using System.Runtime.InteropServices;
using SQLitePCL;

namespace Docket.Sqlite;

/// <summary>An SQLite error, by its result code. Never leaves this folder: see <see cref="Engine.Translate"/>.</summary>
internal sealed class SqliteFailure(int code, string message, int systemError = 0, Exception? inner = null) : Exception($"SQLite error {code}: {message}", inner)
{
    /// <summary>The file is not a database, or damaged.</summary>
    public bool IsDamage => Code is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    /// <summary>The file is no longer where it was opened.</summary>
    public bool IsMoved { get; init; }

    /// <summary>The file of an open connection was removed or replaced.</summary>
    public static SqliteFailure Moved() => new(raw.SQLITE_CANTOPEN, "the file was removed or replaced") { IsMoved = true };

    /// <summary>A database that SQLite can read lacks required content.</summary>
    public static SqliteFailure Damaged(string what) => new(raw.SQLITE_CORRUPT, what);

    /// <summary>The process or the machine has run out of file descriptors.</summary>
    public bool NoDescriptors { get; } = !OperatingSystem.IsWindows() && systemError is 23 or 24;

    /// <summary>The primary result code.</summary>
    public int Code { get; } = code & 0xff;

    /// <summary>
    /// A file can't grow: there is no space, or the user's limit is reached. Only the lack of space has its own code. A quota (EDQUOT) and a
    /// limit on files (EFBIG) are I/O errors to SQLite, with the system's error number.
    /// </summary>
    public bool NoRoom { get; } = code == raw.SQLITE_FULL || ((code & 0xff) == raw.SQLITE_IOERR && systemError is not 0
        && (OperatingSystem.IsWindows() ? systemError is 39 or 112 : systemError is 27 or 28 || systemError == (OperatingSystem.IsLinux() ? 122 : 69)));
}

/// <summary>
/// One connection to a database file. Not thread-safe. A minimal layer over SQLite's C interface: a write of a ticket binds about twenty
/// values, and an ADO.NET provider adds as much work to each as SQLite itself.
/// </summary>
internal sealed partial class Connection : IDisposable
{
    const int FileHasMoved = 20; // SQLITE_FCNTL_HAS_MOVED

    /// <summary>The mode of every file that Docket creates: only its user can read and write it.</summary>
    public const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly sqlite3 handle;
    readonly bool isBorrowed;
    readonly List<Statement> statements = [];

    static Connection() => Batteries_V2.Init();

    /// <param name="path">The database file.</param>
    /// <param name="create">Whether to create the file if it doesn't exist.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    public Connection(string path, bool create, int busyTimeoutMs = Engine.BusyTimeoutMs)
    {
        if (create)
        {
            CreatePrivate(path);
        }

        var flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX | (create ? raw.SQLITE_OPEN_CREATE : 0);
        var code = raw.sqlite3_open_v2(path, out handle, flags, null);
        if (code != raw.SQLITE_OK)
        {
            var systemError = handle is null ? 0 : sqlite3_system_errno(handle);
            handle?.Dispose();
            throw new SqliteFailure(code, raw.sqlite3_errstr(code).utf8_to_string(), systemError);
        }

        raw.sqlite3_busy_timeout(handle, busyTimeoutMs);
    }

    /// <summary>Another view of a connection that is open already, and closed by its owner.</summary>
    public Connection(sqlite3 borrowed, int busyTimeoutMs)
    {
        (handle, isBorrowed) = (borrowed, true);
        raw.sqlite3_busy_timeout(handle, busyTimeoutMs);
    }

    // Tickets and hashes of tokens are private. SQLite would create a file that other users can read; files that it creates next to it get
    // the file's mode.
    static void CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows() || File.Exists(path))
        {
            return;
        }

        try
        {
            new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = PrivateFile }).Dispose();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another process was faster; or it can't be created, which SQLite reports like any other error.
        }
    }

    public Statement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v3(handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement));
        var prepared = new Statement(this, statement);
        statements.Add(prepared);
        return prepared;
    }

    /// <summary>Adds a function with one text argument to SQL, for upgrades that plain SQL can't do.</summary>
    public void Define(string name, Func<string, string> function) =>
        Check(raw.sqlite3_create_function(handle, name, 1, raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC, null, (context, _, arguments) =>
            raw.sqlite3_result_text(context, function(raw.sqlite3_value_text(arguments[0]).utf8_to_string()))));

    /// <summary>Adds a function of blobs to SQL, for upgrades. <c>NULL</c> is empty. An exception fails the statement.</summary>
    public void Define(string name, int parameters, Func<byte[][], byte[]?> function) =>
        Check(raw.sqlite3_create_function(handle, name, parameters, raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC, null, (context, _, arguments) =>
        {
            try
            {
                if (function([.. arguments.Select(argument => raw.sqlite3_value_blob(argument).ToArray())]) is { } result)
                {
                    raw.sqlite3_result_blob(context, result);
                }
                else
                {
                    raw.sqlite3_result_null(context);
                }
            }
            catch (Exception failure) // SQLite can't pass it on
            {
                raw.sqlite3_result_error(context, failure.Message);
            }
        }));

    /// <summary>Runs one or more statements without parameters and without results.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(handle, sql));

    /// <summary>Runs a statement once and returns the first column of its first row, 0 if there is none.</summary>
    public long QueryInteger(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Integer(0) : 0;
    }

    /// <summary>Like <see cref="QueryInteger"/>, for a text; empty if there is none.</summary>
    public string QueryText(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Text(0) : "";
    }

    /// <summary>Whether the file was deleted, renamed or replaced while open; also <c>false</c> if the system can't detect it.</summary>
    public bool IsMoved => sqlite3_file_control(handle, "main", FileHasMoved, out var moved) == raw.SQLITE_OK && moved != 0;

    /// <summary>A failure that another library reported for this connection.</summary>
    public SqliteFailure Failure(int code, Exception inner) => new(code, raw.sqlite3_errstr(code).utf8_to_string(), sqlite3_system_errno(handle), inner);

    /// <summary>Pages that this connection has written, to the log and to the file.</summary>
    public int PagesWritten()
    {
        raw.sqlite3_db_status(handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, 0);
        return pages;
    }

    /// <summary>Copies the log into the file without waiting, and returns the number of pages that were in the log at the start.</summary>
    public int Checkpoint()
    {
        var code = raw.sqlite3_wal_checkpoint_v2(handle, null!, raw.SQLITE_CHECKPOINT_PASSIVE, out var inLog, out _);
        if (code is not raw.SQLITE_OK and not raw.SQLITE_BUSY)
        {
            Check(code);
        }

        return Math.Max(0, inLog);
    }

    /// <summary>Copies the whole log into the file and empties it; <c>false</c> if someone still reads it after the wait for locks.</summary>
    public bool TruncateLog()
    {
        var code = raw.sqlite3_wal_checkpoint_v2(handle, null!, raw.SQLITE_CHECKPOINT_TRUNCATE, out _, out _);
        if (code != raw.SQLITE_BUSY)
        {
            Check(code);
        }

        return code == raw.SQLITE_OK;
    }

    /// <summary>Copies this whole database over another one, this many pages at a time.</summary>
    public void CopyTo(Connection target, int pages, Action<double> progress)
    {
        using var backup = raw.sqlite3_backup_init(target.handle, "main", handle, "main");
        if (backup.IsInvalid)
        {
            target.Check(raw.sqlite3_errcode(target.handle));
        }

        int code;
        do
        {
            code = raw.sqlite3_backup_step(backup, pages);
            progress(1 - ((double)raw.sqlite3_backup_remaining(backup) / Math.Max(1, raw.sqlite3_backup_pagecount(backup))));
        }
        while (code == raw.SQLITE_OK);
        var finished = raw.sqlite3_backup_finish(backup);
        target.Check(code == raw.SQLITE_DONE ? finished : code);
    }

    /// <summary>Runs writes in a transaction of their own; they are undone if they fail.</summary>
    public T InTransaction<T>(Func<T> write)
    {
        Execute("BEGIN IMMEDIATE");
        try
        {
            var result = write();
            Execute("COMMIT");
            return result;
        }
        catch
        {
            Rollback();
            throw;
        }
    }

    /// <inheritdoc cref="InTransaction{T}"/>
    public void InTransaction(Action write) => InTransaction(() =>
    {
        write();
        return true;
    });

    /// <summary>Rolls back a transaction, and resets every statement that a failure left half bound or half read.</summary>
    public void Rollback()
    {
        statements.ForEach(statement => statement.Reset());
        // After some failures, SQLite has already rolled back.
        if (raw.sqlite3_get_autocommit(handle) == 0)
        {
            raw.sqlite3_exec(handle, "ROLLBACK");
        }
    }

    public void Check(int code)
    {
        if (code is not raw.SQLITE_OK and not raw.SQLITE_ROW and not raw.SQLITE_DONE)
        {
            throw new SqliteFailure(code, raw.sqlite3_errmsg(handle).utf8_to_string(), sqlite3_system_errno(handle));
        }
    }

    public void Forget(Statement statement) => statements.Remove(statement);

    public void Dispose()
    {
        if (!isBorrowed)
        {
            handle.Dispose();
        }
    }

    // The package has no methods for these.
    [LibraryImport("e_sqlite3")]
    private static partial int sqlite3_system_errno(sqlite3 handle);

    [LibraryImport("e_sqlite3", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sqlite3_file_control(sqlite3 handle, string database, int operation, out int result);
}

/// <summary>A prepared statement. Bind in order and step; then it can be bound again.</summary>
/// <remarks>
/// The calls for each row and value are declared here, because the package counts references to the handle in each: 3 % of the processor
/// time of updates. The short ones, which never wait and never call back, are made without a transition.
/// </remarks>
internal sealed unsafe partial class Statement(Connection connection, sqlite3_stmt handle) : IDisposable
{
    const nint Copied = -1; // SQLITE_TRANSIENT

    // SQLite refuses 0, which it is after the disposal.
    nint pointer = handle.DangerousGetHandle();
    int bound;

    public Statement Bind(long value) => Bound(sqlite3_bind_int64(pointer, ++bound, value));

    public Statement Bind(long? value) => value is { } number ? Bind(number) : BindNull();

    public Statement Bind(ReadOnlySpan<byte> blob)
    {
        fixed (byte* bytes = blob)
        {
            byte none; // for an empty one: without an address, it would be NULL
            return Bound(sqlite3_bind_blob(pointer, ++bound, bytes is null ? &none : bytes, blob.Length, Copied));
        }
    }

    public Statement BindNull() => Bound(sqlite3_bind_null(pointer, ++bound));

    public Statement Bind(string? text) => text is null ? BindNull() : Bound(raw.sqlite3_bind_text(handle, ++bound, text));

    /// <summary>Moves to the next row. After the last one, the statement is reset and can be bound again.</summary>
    public bool Step()
    {
        var code = sqlite3_step(pointer);
        if (code == raw.SQLITE_ROW)
        {
            return true;
        }

        Reset(code);
        return false;
    }

    /// <summary>Runs a statement without rows.</summary>
    public void Run()
    {
        while (Step())
        {
        }
    }

    /// <summary>Skips the remaining rows.</summary>
    public void Reset() => Reset(raw.SQLITE_OK);

    public long Integer(int column) => sqlite3_column_int64(pointer, column);

    public bool IsNull(int column) => sqlite3_column_type(pointer, column) == raw.SQLITE_NULL;

    /// <summary>The bytes of a blob; valid until the next step.</summary>
    public ReadOnlySpan<byte> Blob(int column) => new(sqlite3_column_blob(pointer, column), sqlite3_column_bytes(pointer, column));

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    public void Dispose()
    {
        connection.Forget(this);
        pointer = 0;
        handle.Dispose();
    }

    Statement Bound(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            Reset(code);
        }

        return this;
    }

    void Reset(int stepped)
    {
        bound = 0;
        if (stepped is raw.SQLITE_OK or raw.SQLITE_DONE)
        {
            _ = sqlite3_reset(pointer);
            return;
        }

        // The message belongs to the failed step; resetting would repeat the code but may change the message.
        try
        {
            connection.Check(stepped);
        }
        finally
        {
            _ = sqlite3_reset(pointer);
        }
    }

    [LibraryImport("e_sqlite3"), SuppressGCTransition]
    private static partial int sqlite3_bind_int64(nint statement, int parameter, long value);

    [LibraryImport("e_sqlite3"), SuppressGCTransition]
    private static partial int sqlite3_bind_null(nint statement, int parameter);

    [LibraryImport("e_sqlite3")]
    private static partial int sqlite3_bind_blob(nint statement, int parameter, byte* value, int length, nint kind);

    [LibraryImport("e_sqlite3")]
    private static partial int sqlite3_step(nint statement);

    [LibraryImport("e_sqlite3")]
    private static partial int sqlite3_reset(nint statement);

    [LibraryImport("e_sqlite3"), SuppressGCTransition]
    private static partial long sqlite3_column_int64(nint statement, int column);

    [LibraryImport("e_sqlite3"), SuppressGCTransition]
    private static partial int sqlite3_column_type(nint statement, int column);

    [LibraryImport("e_sqlite3")]
    private static partial byte* sqlite3_column_blob(nint statement, int column);

    [LibraryImport("e_sqlite3"), SuppressGCTransition]
    private static partial int sqlite3_column_bytes(nint statement, int column);
}
