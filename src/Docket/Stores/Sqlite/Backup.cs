using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Creates a backup of a data directory, also while a server writes to it, and restores a backup to an empty directory. Each copy of
/// a file is a snapshot. The registry is copied last, so that it has all apps and users to which the copies of portals refer. Files
/// listed in <c>backup.json</c> are complete, on disk and verified; a directory without it is not a backup.
/// </summary>
internal static class Backup
{
    const string ContentFile = "backup.json", RegistryFile = "docket.db", Unfinished = ".unfinished";

    /// <summary>Pages to copy between two reports of the progress: 8 MB.</summary>
    const int StepPages = 2_000;

    /// <summary>Creates a backup.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="target">A directory that is empty or doesn't exist.</param>
    /// <param name="clock">The time.</param>
    /// <param name="progress">Called from time to time with the current file and its progress, 0 to 1.</param>
    /// <exception cref="OperatorMistake">The backup failed, and everything that was written has been removed.</exception>
    public static BackupContent Save(string data, string target, TimeProvider clock, Action<string, double> progress)
    {
        SqlitePortals.RequireData(data);
        MakeEmptyDirectory(target, "Use a separate directory for each backup, for example named by the date.");
        try
        {
            BackupFile registry;
            var portals = new Dictionary<long, BackupFile>();
            while (true)
            {
                registry = Copy(data, target, RegistryFile, progress);
                var wanted = PortalsIn(Path.Combine(target, RegistryFile));
                if (wanted.All(portals.ContainsKey))
                {
                    foreach (var gone in portals.Keys.Except(wanted).ToList()) // portals deleted since they were copied
                    {
                        portals.Remove(gone);
                        File.Delete(Path.Combine(target, NameOf(gone)));
                    }

                    break;
                }

                foreach (var id in wanted.Where(id => !portals.ContainsKey(id)))
                {
                    if (File.Exists(Path.Combine(data, NameOf(id))))
                    {
                        portals.Add(id, Copy(data, target, NameOf(id), progress));
                    }
                    else if (PortalsIn(Path.Combine(data, RegistryFile)).Contains(id))
                    {
                        throw new OperatorMistake($"{Path.Combine(data, NameOf(id))} is missing. Restore it or forget the portal before you create a backup.");
                    }
                }
            }

            var content = new BackupContent(Version, Instant.ToText(Instant.Now(clock)), [registry, .. portals.OrderBy(portal => portal.Key).Select(portal => portal.Value)]);
            Write(Path.Combine(target, ContentFile), JsonSerializer.SerializeToUtf8Bytes(content, BackupJson.Default.BackupContent));
            return content;
        }
        catch (Exception failure)
        {
            foreach (var file in Directory.GetFiles(target))
            {
                File.Delete(file); // the directory was empty before
            }

            throw Explained(failure, target);
        }
    }

    /// <summary>Restores a backup to an empty data directory.</summary>
    /// <param name="source">The backup.</param>
    /// <param name="data">A directory that is empty or doesn't exist.</param>
    /// <param name="progress">Like that of <see cref="Save"/>.</param>
    /// <exception cref="OperatorMistake">The backup is not valid, or the directory can't be used. Everything that was written has been removed.</exception>
    public static BackupContent Restore(string source, string data, Action<string, double> progress)
    {
        var content = ContentOf(source);
        MakeEmptyDirectory(data, "A restore does not overwrite files. Stop the server and move its files away, or use a different --data.");
        using var holding = DataDirectory.Hold(data);
        try
        {
            foreach (var file in content.Files)
            {
                CopyChecked(source, data, file, progress);
            }

            BeginHistories(data, content.Files);
            // The registry last: without it, no server starts with an incomplete restore.
            foreach (var file in content.Files.Reverse())
            {
                File.Move(Path.Combine(data, file.Name + Unfinished), Path.Combine(data, file.Name));
            }

            return content;
        }
        catch (Exception failure)
        {
            foreach (var file in content.Files)
            {
                File.Delete(Path.Combine(data, file.Name + Unfinished));
                File.Delete(Path.Combine(data, file.Name));
            }

            throw Explained(failure, data);
        }
    }

    static string Version => typeof(Backup).Assembly.GetName().Version!.ToString(3);

    static string NameOf(long portalId) => $"portal-{portalId}.db";

    // Deleted and forgotten portals keep their rows, but have no files.
    static List<long> PortalsIn(string registry)
    {
        using var opened = new Connection(registry, create: false);
        var given = opened.QueryText("SELECT group_concat(name || ' IS NULL', ' AND ') FROM pragma_table_info('portal') WHERE name IN ('deleted', 'forgotten')");
        using var select = opened.Prepare($"SELECT id FROM portal WHERE {(given.Length > 0 ? given : "true")} ORDER BY id");
        var ids = new List<long>();
        while (select.Step())
        {
            ids.Add(select.Integer(0));
        }

        return ids;
    }

    // SQLite's backup restarts whenever another connection writes, so under load it would never end. In a read transaction, it
    // copies a snapshot while writers continue.
    static BackupFile Copy(string data, string target, string name, Action<string, double> progress)
    {
        var (from, to) = (Path.Combine(data, name), Path.Combine(target, name));
        Dictionary<string, long> rows;
        CreatePrivate(to + Unfinished).Dispose();
        using (var source = new Connection(from, create: false))
        using (var copy = new Connection(to + Unfinished, create: false))
        {
            source.Execute("BEGIN");
            rows = Rows(source);
            if (source.QueryInteger("PRAGMA application_id") != Engine.ApplicationId)
            {
                throw new OperatorMistake($"{from} is not a Docket file.");
            }

            copy.Execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"); // flushed to disk below
            source.CopyTo(copy, StepPages, done => progress(name, done));
            source.Execute("ROLLBACK");
            if (copy.QueryText("PRAGMA quick_check") is var found && found != "ok")
            {
                throw new OperatorMistake($"{from} is damaged ({found}) and can't be backed up.");
            }

            if (!Rows(copy).OrderBy(table => table.Key, StringComparer.Ordinal).SequenceEqual(rows.OrderBy(table => table.Key, StringComparer.Ordinal)))
            {
                throw new OperatorMistake($"The copy of {from} doesn't have as many rows as the original.");
            }
        }

        var hash = FlushAndHash(to + Unfinished);
        File.Move(to + Unfinished, to, overwrite: true);
        return new(name, new FileInfo(to).Length, hash, rows);
    }

    static Dictionary<string, long> Rows(Connection opened)
    {
        var tables = new List<string>();
        using (var select = opened.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"))
        {
            while (select.Step())
            {
                tables.Add(select.Text(0));
            }
        }

        return tables.ToDictionary(table => table, table => opened.QueryInteger($"SELECT count(*) FROM \"{table}\""));
    }

    static void CopyChecked(string source, string data, BackupFile file, Action<string, double> progress)
    {
        var (from, to) = (Path.Combine(source, file.Name), Path.Combine(data, file.Name + Unfinished));
        using (var input = new FileStream(from, FileMode.Open, FileAccess.Read))
        using (var output = CreatePrivate(to))
        {
            var buffer = new byte[StepPages * Engine.PageSize];
            for (int read; (read = input.Read(buffer)) > 0;)
            {
                output.Write(buffer, 0, read);
                progress(file.Name, Math.Min(1, (double)input.Position / Math.Max(1, file.Bytes)));
            }
        }

        if (FlushAndHash(to) != file.Sha256)
        {
            throw new OperatorMistake($"{from} has changed since the backup was created. Nothing was restored.");
        }
    }

    // Sequence numbers are given again from here on. Files of versions without an identity get one when they are opened.
    static void BeginHistories(string data, IReadOnlyList<BackupFile> files)
    {
        using var registry = new Connection(Path.Combine(data, RegistryFile + Unfinished), create: false);
        foreach (var file in files.Skip(1).Where(file => file.Rows.ContainsKey("identity") && files[0].Rows.ContainsKey("identity")))
        {
            using var portal = new Connection(Path.Combine(data, file.Name + Unfinished), create: false);
            var before = Identity.Of(portal).File;
            portal.Execute("UPDATE identity SET file = lower(hex(randomblob(16)))");
            using var update = registry.Prepare("UPDATE portal SET file = ? WHERE file = ?");
            update.Bind(Identity.Of(portal).File).Bind(before).Run();
        }
    }

    static string FlushAndHash(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    static BackupContent ContentOf(string source)
    {
        var path = Path.Combine(source, ContentFile);
        if (!File.Exists(path))
        {
            throw new OperatorMistake($"{source} is not a complete backup: it has no {ContentFile}.");
        }

        try
        {
            var content = JsonSerializer.Deserialize(File.ReadAllBytes(path), BackupJson.Default.BackupContent)!;
            if (content.Files is [{ Name: RegistryFile }, ..] && content.Files.Skip(1).All(file => file.Name.StartsWith("portal-", StringComparison.Ordinal) && Path.GetFileName(file.Name) == file.Name))
            {
                return content;
            }
        }
        catch (JsonException)
        {
            // reported below
        }

        throw new OperatorMistake($"{path} is damaged. Use another backup.");
    }

    static void Write(string path, byte[] bytes)
    {
        using (var file = CreatePrivate(path + Unfinished))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + Unfinished, path);
    }

    static FileStream CreatePrivate(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(path, options);
    }

    static void MakeEmptyDirectory(string path, string otherwise)
    {
        DataDirectory.Create(path);
        if (Directory.EnumerateFileSystemEntries(path).Any())
        {
            throw new OperatorMistake($"{Path.GetFullPath(path)} is not empty. {otherwise}");
        }
    }

    static Exception Explained(Exception failure, string path) => failure switch
    {
        SqliteFailure sqlite => new OperatorMistake(Engine.Explain(sqlite, Path.GetFullPath(path))),
        IOException or UnauthorizedAccessException => new OperatorMistake($"{Path.GetFullPath(path)} can't be used: {failure.Message}"),
        _ => failure,
    };
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BackupContent))]
internal sealed partial class BackupJson : JsonSerializerContext;
