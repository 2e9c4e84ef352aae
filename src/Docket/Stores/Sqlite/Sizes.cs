using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Docket.Model;

namespace Docket.Stores.Sqlite;

/// <summary>Metrics of sizes. Portals beyond the first few are summed: each label costs memory in every monitoring system.</summary>
internal static class Sizes
{
    /// <summary>Portals with separate values.</summary>
    const int PortalsMax = 50;

    const string Others = "others";

    /// <summary>Bytes of files, by portal and kind.</summary>
    public static IEnumerable<Measurement<long>> OfFiles(string directory, Func<IEnumerable<(long Id, SqliteStore Store)>> served)
    {
        foreach (var (kind, suffix) in ((string, string)[])[("data", ".db"), ("log", ".db-wal"), ("index", ".index.db"), ("index-log", ".index.db-wal")])
        {
            foreach (var (portal, bytes) in ByPortal(served().Select(one => (one.Id, Path.Combine(directory, $"portal-{one.Id}{suffix}"))), LengthOf))
            {
                yield return new(bytes, new("file", kind), new("portal", portal));
            }
        }

        yield return new(LengthOf(Path.Combine(directory, "docket.db")) + LengthOf(Path.Combine(directory, "docket.db-wal")), new KeyValuePair<string, object?>("file", "registry"));
    }

    /// <summary>Records, by type and portal.</summary>
    public static IEnumerable<Measurement<long>> OfRecords(ImmutableArray<ObjectType> types, Func<IEnumerable<(long Id, SqliteStore Store)>> served)
    {
        var counted = served().Select(one => (one.Id, one.Store.ActiveRecords)).ToList();
        return from type in types
               from each in ByPortal(counted, records => records.GetValueOrDefault(type.Id))
               select new Measurement<long>(each.Sum, new("type", type.Plural), new("portal", each.Portal));
    }

    /// <summary>Bytes available on the disk of a directory.</summary>
    public static long FreeOn(string directory)
    {
        try
        {
            return new DriveInfo(directory).AvailableFreeSpace;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return 0;
        }
    }

    static IEnumerable<(string Portal, long Sum)> ByPortal<T>(IEnumerable<(long Id, T What)> served, Func<T, long> count) =>
        served.Select((one, index) => (Portal: index < PortalsMax ? one.Id.ToString() : Others, Number: count(one.What))).GroupBy(each => each.Portal, (portal, all) => (portal, all.Sum(each => each.Number)));

    static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}
