using Docket.Model;

namespace Docket.Sqlite;

/// <summary>
/// A data directory that ends with its server: in memory if the system has a file system for that, otherwise among the temporary files.
/// Nothing in it is synced. What killed servers left is deleted at the next start.
/// </summary>
internal sealed class EphemeralDirectory : IDisposable
{
    const string Prefix = "docket-ephemeral-", LockFile = "ephemeral.lock", InMemory = "/dev/shm";

    /// <summary>With less space in memory, the temporary files are used. Containers often have 64 MB.</summary>
    const long FreeMin = 256 * 1024 * 1024;

    /// <summary>Attempts to create one: another process may take it for an abandoned one before its lock is held.</summary>
    const int TriesMax = 10;

    readonly FileStream held;

    EphemeralDirectory(string path, FileStream held)
    {
        Path = path;
        this.held = held;
    }

    public string Path { get; }

    /// <exception cref="OperatorMistake">It can't be created.</exception>
    public static EphemeralDirectory Create()
    {
        var home = Home();
        foreach (var abandoned in Directory.EnumerateDirectories(home, Prefix + "*"))
        {
            if (TryHold(abandoned, FileMode.Open) is { } held)
            {
                Delete(abandoned, held);
            }
        }

        for (var tries = 1; ; tries++)
        {
            var path = System.IO.Path.Combine(home, Prefix + System.IO.Path.GetRandomFileName());
            CreatePrivate(path);
            if (TryHold(path, FileMode.Create) is { } held && File.Exists(held.Name))
            {
                return new(path, held);
            }

            if (tries == TriesMax)
            {
                throw new OperatorMistake($"Cannot create a directory in {home}.");
            }
        }
    }

    /// <summary>Whether a file is directly in such a directory, of this process or another.</summary>
    public static bool Holds(string path) => File.Exists(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? "", LockFile));

    public void Dispose() => Delete(Path, held);

    static void CreatePrivate(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, Connection.PrivateFile | UnixFileMode.UserExecute);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot create the directory {path}: {failure.Message}");
        }
    }

    // The lock last: what a stop in between leaves is deleted at the next start.
    static void Delete(string path, FileStream held)
    {
        try
        {
            foreach (var file in Directory.EnumerateFiles(path).Where(file => file != held.Name))
            {
                File.Delete(file);
            }

            held.Dispose(); // before: Windows deletes no open file
            Directory.Delete(path, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            held.Dispose(); // another process deletes it, or will
        }
    }

    static FileStream? TryHold(string path, FileMode mode)
    {
        try
        {
            return new(System.IO.Path.Combine(path, LockFile), mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // in use, or of another user
        }
    }

    static string Home()
    {
        try
        {
            return OperatingSystem.IsLinux() && new DriveInfo(InMemory).AvailableFreeSpace >= FreeMin ? InMemory : System.IO.Path.GetTempPath();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return System.IO.Path.GetTempPath();
        }
    }
}
