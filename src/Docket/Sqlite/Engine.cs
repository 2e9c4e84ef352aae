using System.Reflection;
using System.Text.Json;
using Docket.Model;
using SQLitePCL;

namespace Docket.Sqlite;

/// <summary>What all of Docket's database files share: opening, upgrading, and translating SQLite's errors.</summary>
internal static class Engine
{
    /// <summary>Marks a file as Docket's in its header, so that other databases are not mistaken for one ("Dckt").</summary>
    public const int ApplicationId = 0x44636b74;

    /// <summary>Page size in bytes (docs/internals/decisions.md, Page size).</summary>
    public const int PageSize = 4096;

    /// <summary>How long to wait for another program's lock.</summary>
    public const int BusyTimeoutMs = 5_000;

    /// <summary>Opens a file for writing, upgrades it to the newest version, and loads what is needed at start.</summary>
    /// <param name="path">The file.</param>
    /// <param name="migrations">Folder of the numbered upgrades, <c>portal</c> or <c>registry</c>.</param>
    /// <param name="busyTimeoutMs">How long to wait for another program's lock.</param>
    /// <param name="load">Loads what a start needs. Its failure is reported like any other problem of the file.</param>
    /// <param name="create">Whether to create the file if it is missing or empty.</param>
    /// <param name="define">Adds the functions that the upgrades need.</param>
    /// <param name="pageSize">The size of pages if it creates the file.</param>
    /// <exception cref="OperatorMistake">The file is missing, from a newer Docket, not Docket's, locked or damaged.</exception>
    public static T Open<T>(string path, string migrations, int busyTimeoutMs, Func<Connection, T> load, bool create, Action<Connection>? define = null, int pageSize = PageSize)
    {
        Connection? connection = null;
        try
        {
            if (!create && IsMissing(path))
            {
                throw Missing(path);
            }

            connection = new Connection(path, create, busyTimeoutMs);
            var isNew = connection.QueryInteger("SELECT count(*) FROM sqlite_schema") == 0;
            if (isNew && !create)
            {
                throw Missing(path);
            }

            if (!isNew && connection.QueryInteger("PRAGMA application_id") != ApplicationId)
            {
                throw new OperatorMistake($"{path} is not a Docket file. Move it away or choose another data directory with --data.") { State = "foreign" };
            }

            if (isNew)
            {
                connection.Execute($"PRAGMA page_size={pageSize}");
            }

            if (connection.QueryText("PRAGMA journal_mode=WAL") != "wal")
            {
                throw new OperatorMistake($"{path} is on a file system without shared memory, such as a network drive. Choose a local data directory with --data.");
            }

            MakeDurable(connection, path);
            Migrate(connection, path, migrations, define);
            return load(connection);
        }
        catch (SqliteFailure failure)
        {
            connection?.Dispose();
            throw new OperatorMistake(Explain(failure, path)) { State = StateOf(failure, path) ?? "failing" };
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            connection?.Dispose();
            throw new OperatorMistake(Damaged(path, failure)) { State = "damaged" };
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    /// <summary>Lets every commit of a connection reach the disk, unless the file is deleted with its process.</summary>
    public static void MakeDurable(Connection connection, string path)
    {
        if (EphemeralDirectory.Holds(path))
        {
            connection.Execute("PRAGMA synchronous=OFF");
            return;
        }

        connection.Execute("PRAGMA synchronous=FULL");
        connection.Execute("PRAGMA fullfsync=1; PRAGMA checkpoint_fullfsync=1"); // macOS: flush the drive's cache; no effect elsewhere
    }

    /// <summary>The answer to a request that SQLite couldn't serve; other exceptions are rethrown unchanged.</summary>
    public static Exception Translate(SqliteFailure failure, string path) => Path.GetFileName(path) is var file && StateOf(failure, path) is not { } state ? failure
        : new Refusal(state switch
        {
            "full" => Faults.DiskFull(file),
            "locked" => Faults.FileLocked(file),
            "damaged" => Faults.FileDamaged(file),
            "missing" => Faults.FileMissing(file),
            "read-only" => Faults.DiskReadOnly(file),
            _ => failure.Code == raw.SQLITE_CANTOPEN ? Faults.FileUnopened(file) : Faults.DiskFailing(file),
        });

    /// <summary>Whether a file is empty or missing.</summary>
    public static bool IsMissing(string path) => !Directory.Exists(path) && new FileInfo(path) is not { Exists: true, Length: > 0 };

    static string? StateOf(SqliteFailure failure, string path) => failure.Code switch
    {
        // The log's index in shared memory doesn't report why it can't grow.
        _ when failure.NoRoom || (failure.Code == raw.SQLITE_IOERR && IsDiskFull(path)) => "full",
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_PROTOCOL => "locked",
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => "damaged",
        raw.SQLITE_READONLY => "read-only",
        raw.SQLITE_CANTOPEN or raw.SQLITE_IOERR => failure.IsMoved || IsMissing(path) ? "missing" : "failing",
        _ => null,
    };

    static OperatorMistake Missing(string path) => new($"{path} is {(File.Exists(path) ? "empty" : "missing")}. Restore it from a backup") { State = "missing" };

    /// <summary>Whether the disk of a file has less space than a write needs.</summary>
    public static bool IsDiskFull(string path)
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(path)).AvailableFreeSpace < 1024 * 1024;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false; // the disk doesn't even report its space
        }
    }

    /// <summary>The same for the operator.</summary>
    public static string Explain(SqliteFailure failure, string path) => failure.Code switch
    {
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => Damaged(path, failure),
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => $"{path} is locked by another program. Close that program and start again.",
        _ when failure.NoDescriptors => $"{path} can't be opened: there are no file descriptors left. Raise the limit (ulimit -n, or LimitNOFILE= in a systemd unit).",
        raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY or raw.SQLITE_PERM =>
            $"{path} can't be opened for writing. Check that the directory exists and belongs to the user that runs Docket.",
        _ when failure.NoRoom => $"The disk that holds {path} is full. Free some space and start again.",
        _ => $"{path} can't be opened: {failure.Message}",
    };

    static string Damaged(string path, Exception failure) =>
        $"{path} is damaged ({failure.Message}). Restore a backup in its place, or move it away to start with an empty one.";

    static void Migrate(Connection connection, string path, string migrations, Action<Connection>? define)
    {
        var scripts = Scripts(migrations);
        var version = connection.QueryInteger("PRAGMA user_version");
        if (version > scripts.Count)
        {
            throw new OperatorMistake($"{path} was written by a newer Docket (file version {version}, this one knows {scripts.Count}). Start the newer Docket, or restore a backup.") { State = "newer" };
        }

        if (version == scripts.Count)
        {
            return;
        }

        connection.Define("stage_property_name", StageProperties.Renamed);
        define?.Invoke(connection);
        connection.InTransaction(() =>
        {
            // Another process may have done it while this one waited for the lock.
            for (version = connection.QueryInteger("PRAGMA user_version"); version < scripts.Count; version++)
            {
                connection.Execute(scripts[(int)version]);
                if (version == 0)
                {
                    connection.Execute($"PRAGMA application_id={ApplicationId}");
                }

                connection.Execute($"PRAGMA user_version={version + 1}");
            }
        });
    }

    static List<string> Scripts(string migrations)
    {
        var assembly = Assembly.GetExecutingAssembly();
        var prefix = $"Docket.Sqlite.{migrations}/";
        var scripts = new List<string>();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            scripts.Add(reader.ReadToEnd());
        }

        return scripts;
    }
}
