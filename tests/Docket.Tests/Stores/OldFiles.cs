using System.Runtime.CompilerServices;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>Files as an earlier Docket left them.</summary>
internal static class OldFiles
{
    /// <summary>A registry with the first portal, brought as far as the first <paramref name="version"/> of its upgrades.</summary>
    public static Connection Registry(string directory, int version)
    {
        RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle); // loads SQLite
        var registry = new Connection(Path.Combine(directory, "docket.db"), create: true);
        var assembly = typeof(DocketServer).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith("Docket.Sqlite.registry/", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Take(version))
        {
            using var script = new StreamReader(assembly.GetManifestResourceStream(name)!);
            registry.Execute(script.ReadToEnd());
        }

        registry.Execute($"PRAGMA application_id=0x44636b74; PRAGMA user_version={version}; INSERT INTO portal (id, name, created) VALUES (24000001, 'default', 1)");
        return registry;
    }
}
