using System.Runtime.CompilerServices;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>Files as an earlier Docket left them.</summary>
internal static class OldFiles
{
    /// <summary>A registry with the first portal, brought as far as the first <paramref name="version"/> of its upgrades.</summary>
    public static Connection Registry(string directory, int version)
    {
        var registry = Make(Path.Combine(directory, "docket.db"), "registry", version);
        registry.Execute("INSERT INTO portal (id, name, created) VALUES (24000001, 'default', 1)");
        Portal(Path.Combine(directory, "portal-24000001.db"), 1);
        return registry;
    }

    /// <summary>The file of a portal without tickets, brought as far as the first <paramref name="version"/> of its upgrades.</summary>
    public static void Portal(string path, int version)
    {
        using var portal = Make(path, "portal", version);
        SchemaTables.Save(portal, Tickets.Type, null, SchemaContent.Of(Tickets.Type.Seed()));
    }

    static Connection Make(string path, string migrations, int version)
    {
        RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle); // loads SQLite
        var connection = new Connection(path, create: true);
        foreach (var name in Scripts(migrations).Take(version))
        {
            connection.Execute(Read(name));
        }

        connection.Execute($"PRAGMA application_id=0x44636b74; PRAGMA user_version={version}");
        return connection;
    }

    /// <summary>Recreates a portal's file as it was before an upgrade, with its current content.</summary>
    public static Connection PortalBefore(string file, string upgrade)
    {
        RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle); // loads SQLite
        var newer = file + ".newer";
        File.Move(file, newer);
        Array.ForEach(["-wal", "-shm"], end => File.Delete(file + end));
        var portal = new Connection(file, create: true);
        portal.Define("stage_property_name", StageProperties.Renamed);
        OlderAnswers.Define(portal);
        var scripts = Scripts("portal").TakeWhile(name => !name.EndsWith(upgrade, StringComparison.Ordinal)).ToList();
        scripts.ForEach(name => portal.Execute(Read(name)));
        portal.Execute($"PRAGMA application_id=0x44636b74; PRAGMA user_version={scripts.Count}; ATTACH '{newer}' AS newer");
        var copies = new List<string>();
        using (var tables = portal.Prepare("SELECT t.name, group_concat(c.name) FROM main.sqlite_schema t JOIN pragma_table_info(t.name) c JOIN newer.sqlite_schema n ON n.name = t.name WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' GROUP BY t.name"))
        {
            while (tables.Step())
            {
                copies.Add($"INSERT OR REPLACE INTO main.{tables.Text(0)} ({tables.Text(1)}) SELECT {tables.Text(1)} FROM newer.{tables.Text(0)}");
            }
        }

        copies.ForEach(portal.Execute);
        if (portal.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE name = 'record'") > 0)
        {
            FillRecords(portal, newer);
        }

        portal.Execute("DETACH newer");
        File.Delete(newer);
        return portal;
    }

    // Records as they were stored in a table of their own.
    static void FillRecords(Connection portal, string newer)
    {
        using var file = new Connection(newer, create: false);
        var sources = new SourceNumbers();
        sources.Load(file);
        using var rows = new RecordRows(file, sources);
        using var heads = file.Prepare("SELECT key, change FROM head ORDER BY key");
        using var insert = portal.Prepare("INSERT INTO record (key, created, updated, archived, source, first_change, last_change, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        while (heads.Step())
        {
            var record = rows.Read(heads.Integer(1));
            insert.Bind(heads.Integer(0)).Bind(record.CreatedAt).Bind(record.UpdatedAt).Bind(record.ArchivedAt).Bind(sources.NumberOf(record.Source)!.Value)
                .Bind(record.FirstChange).Bind(record.LastChange).Bind(record.Values.Span).Run();
        }
    }

    static IEnumerable<string> Scripts(string folder) =>
        typeof(DocketServer).Assembly.GetManifestResourceNames().Where(name => name.StartsWith($"Docket.Sqlite.{folder}/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    static string Read(string script)
    {
        using var reader = new StreamReader(typeof(DocketServer).Assembly.GetManifestResourceStream(script)!);
        return reader.ReadToEnd();
    }
}
