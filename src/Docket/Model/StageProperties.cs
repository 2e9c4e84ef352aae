using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Docket.Model;

/// <summary>The names of the seven properties of each stage (reference/properties-pipelines-search-associations.md 2.3).</summary>
internal static class StageProperties
{
    public const string
        Entered = "hs_v2_date_entered_", Exited = "hs_v2_date_exited_", CumulativeTime = "hs_v2_cumulative_time_in_", LatestTime = "hs_v2_latest_time_in_",
        OlderEntered = "hs_date_entered_", OlderExited = "hs_date_exited_", OlderTime = "hs_time_in_";

    static readonly string[] Prefixes = [Entered, Exited, CumulativeTime, LatestTime, OlderEntered, OlderExited, OlderTime];

    /// <summary>Whether a stage could have a property with this name.</summary>
    public static bool IsName(string name) => PrefixOf(name) is not null;

    /// <summary>
    /// The part of the property names that identifies a stage. For a number it is the id itself. In any other id, characters that are
    /// invalid in names become <c>_</c>, followed by a number that distinguishes stages whose ids then look the same. It depends only on
    /// the id, so it is the same after a restart and for a stage that is created again (docs/internals/decisions.md, Names of stage properties).
    /// </summary>
    public static string NameOf(string stageId)
    {
        if (stageId.Length > 0 && stageId.All(char.IsAsciiDigit))
        {
            return stageId;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(stageId), hash);
        return $"{string.Concat(stageId.Select(Cleaned))}_{BinaryPrimitives.ReadUInt32BigEndian(hash)}";
    }

    /// <summary>The properties of a stage that are not stored, and how they are derived from one that is.</summary>
    public static IEnumerable<KeyValuePair<string, Derivation>> Derived(string stageId)
    {
        var name = NameOf(stageId);
        yield return new(OlderEntered + name, Derivation.SameAsOrigin);
        yield return new(OlderExited + name, Derivation.SameAsOrigin);
        yield return new(OlderTime + name, Derivation.TimeInStage);
    }

    /// <summary>The current name of a property, from its name in earlier versions, which contained the stage's id unchanged.</summary>
    public static string Renamed(string name) =>
        PrefixOf(name) is { } prefix && name != Entered + "current_stage" ? prefix + NameOf(name[prefix.Length..]) : name;

    static string? PrefixOf(string name) => Array.Find(Prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    static char Cleaned(char sign) => char.IsAsciiLetterUpper(sign) ? char.ToLowerInvariant(sign) : char.IsAsciiLetterLower(sign) || char.IsAsciiDigit(sign) ? sign : '_';
}
