using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Copies a data directory, also one that a server writes to, and puts such a copy into an empty one. Each file is copied as it is
/// at one moment. The registry comes last: whatever the copies of portals refer to, apps and users, is in it. What
/// <c>backup.json</c> lists is complete, on disk and checked; a directory without it is no backup.
/// </summary>
internal static class Backup
{
    const string ContentFile = "backup.json", RegistryFile = "docket.db", Unfinished = ".unfinished";

    /// <summary>Pages to copy between two words about the progress: 8 MB.</summary>
    const int StepPages = 2_000;

    /// <summary>Makes a backup.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="target">A directory that is empty, or not there yet.</param>
    /// <param name="clock">The time.</param>
    /// <param name="progress">Told now and then which file is copied and how much of it is done, 0 to 1.</param>
    /// <exception cref="OperatorMistake">There is no backup, and nothing is left of what was written.</exception>
    public static BackupContent Save(string data, string target, TimeProvider clock, Action<string, double> progress)
    {
        SqlitePortals.RequireData(data);
        MakeEmptyDirectory(target, "A backup needs a directory of its own: choose another one, such as one named by the date.");
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
                    foreach (var gone in portals.Keys.Except(wanted).ToList()) // deleted since it was copied
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
                        throw new OperatorMistake($"{Path.Combine(data, NameOf(id))} is missing. Restore it, or give the portal up, before you make a backup.");
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

    /// <summary>Puts a backup into an empty data directory.</summary>
    /// <param name="source">The backup.</param>
    /// <param name="data">A directory that is empty, or not there yet.</param>
    /// <param name="progress">As of <see cref="Save"/>.</param>
    /// <exception cref="OperatorMistake">It is no sound backup, or the directory can't be used. Nothing is left of what was written.</exception>
    public static BackupContent Restore(string source, string data, Action<string, double> progress)
    {
        var content = ContentOf(source);
        MakeEmptyDirectory(data, "A restore overwrites nothing: stop the server and move what is in it away, or choose another directory with --data.");
        using var holding = SqlitePortals.HoldDirectory(data);
        try
        {
            foreach (var file in content.Files)
            {
                CopyChecked(source, data, file, progress);
            }

            // The registry last: without it no server starts on what would be a part.
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

    // Portals that were given up keep their row, but have no file.
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

    // A backup by SQLite begins again whenever another connection writes, which under load is always. Inside of a transaction
    // that reads it sees one moment, and writers go on.
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

            copy.Execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"); // it is written to disk below, and counts only then
            source.CopyTo(copy, StepPages, done => progress(name, done));
            source.Execute("ROLLBACK");
            if (copy.QueryText("PRAGMA quick_check") is var found && found != "ok")
            {
                throw new OperatorMistake($"{from} is damaged ({found}). There is no backup of it.");
            }

            if (!Rows(copy).OrderBy(table => table.Key, StringComparer.Ordinal).SequenceEqual(rows.OrderBy(table => table.Key, StringComparer.Ordinal)))
            {
                throw new OperatorMistake($"The copy of {from} has not as many rows as the original.");
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
            throw new OperatorMistake($"{from} is not as it was when the backup was made. Nothing was restored.");
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
            throw new OperatorMistake($"{source} is no backup: it has no {ContentFile}, which is written when all of it is complete.");
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
            // said below
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
        SqlitePortals.CreateDirectory(path);
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
