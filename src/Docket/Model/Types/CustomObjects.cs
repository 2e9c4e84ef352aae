using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>What every object type that a portal creates starts with (reference/objects-other-than-tickets.md 7).</summary>
internal static class CustomObjects
{
    /// <summary>What their scopes allow access to, in words.</summary>
    public const string Plural = "custom objects";

    /// <summary>
    /// The types of activities that each new type is associated with, and their words in the names of these associations. The reference
    /// has their number, nine; HubSpot's activities without records here are among them.
    /// </summary>
    public static readonly ImmutableArray<(string Id, string Word)> Activities =
    [
        ("0-4", "engagement"), ("0-46", "note"), ("0-47", "meeting_event"), ("0-48", "call"), ("0-49", "email"), ("0-27", "task"),
        ("0-51", "conversation_session"), ("0-18", "communication"), ("0-116", "postal_mail"),
    ];

    /// <summary>The content of a new type, with its properties numbered after <paramref name="lastNumber"/>.</summary>
    public static SchemaContent ContentOf(TypeDefinition definition, int lastNumber) => SchemaContent.Of(
        new TypeSeed(
            [.. TypeParts.ReadProperties("custom_objects").Select(property => property with
            {
                GroupName = definition.Group,
                Label = property.Label.Replace("{Singular}", definition.Labels.Singular, StringComparison.Ordinal),
            })],
            [],
            [new(definition.Group, $"{definition.Labels.Singular} Information", 0, false)],
            []),
        lastNumber);

    /// <summary>The properties that the first pipeline brings (reference/properties-pipelines-search-associations.md 8).</summary>
    public static ImmutableArray<PropertyDefinition> StageProperties(TypeDefinition definition, StageRules stages, long now) =>
    [
        Place(stages.Pipeline, "Pipeline", $"The pipeline that this {definition.Labels.Singular} is in.", definition.Group, now),
        Place(stages.Stage, "Pipeline stage", $"The stage that this {definition.Labels.Singular} is in.", definition.Group, now),
    ];

    // As those of tickets: the options are in the Pipelines API.
    static PropertyDefinition Place(string name, string label, string description, string group, long now) => new()
    {
        Name = name,
        Label = label,
        Type = "enumeration",
        FieldType = "select",
        Description = description,
        GroupName = group,
        CreatedAt = now,
        UpdatedAt = now,
        ExternalOptions = true,
        HubspotDefined = true,
        ModificationMetadata = new() { ReadOnlyDefinition = true },
    };
}
