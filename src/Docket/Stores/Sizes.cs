using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Docket.Model;

namespace Docket.Stores;

/// <summary>Metrics of sizes. Portals beyond the first few are summed: each label costs memory in every monitoring system.</summary>
internal static class Sizes
{
    /// <summary>The files of a portal's search index.</summary>
    public static readonly ImmutableArray<(string Kind, string Suffix)> IndexFiles = [("index", ".index.db"), ("index-log", ".index.db-wal")];

    /// <summary>Portals with separate values.</summary>
    const int PortalsMax = 50;

    const string Others = "others";

    /// <summary>Bytes of files, by portal and kind.</summary>
    public static IEnumerable<Measurement<long>> OfFiles(string directory, IEnumerable<long> portals, ImmutableArray<(string Kind, string Suffix)> kinds) =>
        from kind in kinds
        from each in ByPortal(portals.Select(portal => (portal, Path.Combine(directory, $"portal-{portal}{kind.Suffix}"))), LengthOf)
        select new Measurement<long>(each.Sum, new("file", kind.Kind), new("portal", each.Portal));

    /// <summary>Bytes of something that no single portal has.</summary>
    public static Measurement<long> OfAll(string kind, long bytes) => new(bytes, new KeyValuePair<string, object?>("file", kind));

    /// <summary>Records, by type and portal. The types of a portal's own are summed: their ids mean something else in each portal.</summary>
    public static IEnumerable<Measurement<long>> OfRecords(ImmutableArray<ObjectType> types, IReadOnlyCollection<(long Portal, IReadOnlyDictionary<string, long> Records)> counted)
    {
        var kinds = types.Select(type => (Name: type.Plural, Count: (Func<IReadOnlyDictionary<string, long>, long>)(records => records.GetValueOrDefault(type.Id))))
            .Append(("custom_objects", records => records.Where(entry => entry.Key.StartsWith("2-", StringComparison.Ordinal)).Sum(entry => entry.Value)));
        return from kind in kinds
               from each in ByPortal(counted, kind.Count)
               select new Measurement<long>(each.Sum, new("type", kind.Name), new("portal", each.Portal));
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

    /// <summary>Bytes of a file, 0 if there is none.</summary>
    public static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    static IEnumerable<(string Portal, long Sum)> ByPortal<T>(IEnumerable<(long Id, T What)> served, Func<T, long> count) =>
        served.Select((one, index) => (Portal: index < PortalsMax ? one.Id.ToString() : Others, Number: count(one.What))).GroupBy(each => each.Portal, (portal, all) => (portal, all.Sum(each => each.Number)));
}
