using Docket.Model;

namespace Docket.Stores;

/// <summary>A directory for the files of one server.</summary>
internal static class DataDirectory
{
    const string LockFile = "docket.lock";

    /// <summary>Creates a directory that only the user that runs Docket can access, if it doesn't exist.</summary>
    /// <exception cref="OperatorMistake">It can't be created.</exception>
    public static void Create(string directory)
    {
        try
        {
            // Tickets and hashes of tokens are confidential.
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(directory);
            }
            else
            {
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot create the directory {directory}: {failure.Message}");
        }
    }

    /// <summary>Whether a server is using a data directory now.</summary>
    public static bool IsServed(string directory)
    {
        var path = Path.Combine(directory, LockFile);
        try
        {
            using var free = File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None) : null;
            return false;
        }
        catch (IOException failure) when (IsHeld(failure))
        {
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false; // opening its files will report it
        }
    }

    // The error of another process's lock: EWOULDBLOCK on Linux and macOS, a sharing violation on Windows.
    static bool IsHeld(IOException failure) => OperatingSystem.IsWindows() ? (failure.HResult & 0xffff) == 32 : failure.HResult is 11 or 35;

    /// <summary>Locks a data directory until the result is disposed.</summary>
    /// <exception cref="OperatorMistake">Another process has locked it, or it can't be written.</exception>
    public static FileStream Hold(string directory)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            return new FileStream(Path.Combine(directory, LockFile), options);
        }
        catch (IOException failure) when (IsHeld(failure))
        {
            throw new OperatorMistake($"Another docket process is already serving {directory}. Stop it or use a different --data.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatorMistake($"Cannot write to the data directory {directory}: {failure.Message}");
        }
    }
}
