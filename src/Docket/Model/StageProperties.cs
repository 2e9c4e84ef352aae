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

    sealed record Template(string Prefix, string Type, string FieldType, bool Hidden, Func<string, string> Label, Func<string, string, string> Description);

    // Newer labels quote the stage in " and older ones in '. All times are milliseconds (2.3 [decide]).
    static readonly Template[] Templates =
    [
        new(Entered, "datetime", "date", false, stage => $"Date entered \"{stage}\"", (type, stage) => $"When the {type} most recently entered stage {stage}."),
        new(Exited, "datetime", "date", false, stage => $"Date exited \"{stage}\"", (type, stage) => $"When the {type} most recently left stage {stage}."),
        new(CumulativeTime, "number", "number", false, stage => $"Cumulative time in \"{stage}\"", (_, stage) => $"Milliseconds spent in stage {stage}, all visits together."),
        new(LatestTime, "number", "number", false, stage => $"Latest time in \"{stage}\"", (_, stage) => $"Milliseconds spent in stage {stage} since the latest entry."),
        new(OlderEntered, "datetime", "calculation_read_time", true, stage => $"Date entered '{stage}'", (type, stage) => $"When the {type} entered stage {stage}."),
        new(OlderExited, "datetime", "calculation_read_time", true, stage => $"Date exited '{stage}'", (type, stage) => $"When the {type} left stage {stage}."),
        new(OlderTime, "number", "calculation_read_time", true, stage => $"Time in '{stage}'", (_, stage) => $"Time spent in stage {stage}."),
    ];

    /// <summary>Whether a stage could have a property with this name.</summary>
    public static bool IsName(string name) => PrefixOf(name) is not null;

    /// <summary>
    /// The part of the property names that identifies a stage. For a number and for <see cref="StageRules.PlainIds"/> it is the id itself. In any other id, characters that are
    /// invalid in names become <c>_</c>, followed by a number that distinguishes stages whose ids then look the same. It depends only on
    /// the id, so it is the same after a restart and for a stage that is created again (docs/internals/decisions.md, Names of stage properties).
    /// </summary>
    public static string NameOf(StageRules? rules, string stageId)
    {
        if ((stageId.Length > 0 && stageId.All(char.IsAsciiDigit)) || rules?.PlainIds.Contains(stageId) == true)
        {
            return stageId;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(stageId), hash);
        return $"{string.Concat(stageId.Select(Cleaned))}_{BinaryPrimitives.ReadUInt32BigEndian(hash)}";
    }

    /// <summary>The definitions of a stage's properties, labelled after it and its pipeline.</summary>
    public static IEnumerable<PropertyDefinition> Define(ObjectType type, Pipeline pipeline, Stage stage)
    {
        var (name, label) = (NameOf(type.Stages, stage.Id), $"{stage.Label} ({pipeline.Label})");
        var definitions = Templates.Select(template => new PropertyDefinition
        {
            Name = template.Prefix + name,
            Label = template.Label(label),
            Type = template.Type,
            FieldType = template.FieldType,
            Description = template.Description(type.Singular, stage.Label),
            GroupName = type.Stages!.Group,
            Hidden = template.Hidden,
            HubspotDefined = true,
            ModificationMetadata = new() { ReadOnlyDefinition = true, ReadOnlyValue = true },
        });
        return LifecycleDate(type.Stages, stage.Id) is { } date ? definitions.Append(definitions.First() with { Name = date, Label = $"Became a {stage.Label} Date" }) : definitions;
    }

    /// <summary>The further property of a lifecycle stage, with the date of entering it (reference/objects-other-than-tickets.md 2.5); <c>null</c> for other stages.</summary>
    public static string? LifecycleDate(StageRules? rules, string stageId) => rules is { IsLifecycle: true } ? $"hs_lifecyclestage_{NameOf(rules, stageId)}_date" : null;

    /// <summary>The names of a stage's properties.</summary>
    public static IEnumerable<string> NamesOf(ObjectType type, string stageId)
    {
        var name = NameOf(type.Stages, stageId);
        var names = Templates.Select(template => template.Prefix + name);
        return LifecycleDate(type.Stages, stageId) is { } date ? names.Append(date) : names;
    }

    /// <summary>The properties of a stage that are not stored, and how they are derived from one that is.</summary>
    public static IEnumerable<KeyValuePair<string, Derivation>> Derived(ObjectType type, string stageId)
    {
        var name = NameOf(type.Stages, stageId);
        yield return new(OlderEntered + name, Derivation.SameAsOrigin);
        yield return new(OlderExited + name, Derivation.SameAsOrigin);
        yield return new(OlderTime + name, Derivation.TimeInStage);
        if (LifecycleDate(type.Stages, stageId) is { } date)
        {
            yield return new(date, Derivation.SameAsOrigin);
        }
    }

    /// <summary>The current name of a property, from its name in earlier versions, which contained the stage's id unchanged.</summary>
    public static string Renamed(string name) =>
        PrefixOf(name) is { } prefix && name != Entered + "current_stage" ? prefix + NameOf(null, name[prefix.Length..]) : name;

    static string? PrefixOf(string name) => Array.Find(Templates, template => name.StartsWith(template.Prefix, StringComparison.Ordinal))?.Prefix;

    static char Cleaned(char sign) => char.IsAsciiLetterUpper(sign) ? char.ToLowerInvariant(sign) : char.IsAsciiLetterLower(sign) || char.IsAsciiDigit(sign) ? sign : '_';
}
