using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Docket.Model;

/// <summary>
/// A property in the format of the Properties API, which is also the stored format. Members are in the wire's key order, and unset
/// ones are omitted (reference/properties-pipelines-search-associations.md 1.2).
/// </summary>
internal sealed record PropertyDefinition
{
    [JsonConverter(typeof(InstantConverter))]
    public long? UpdatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long? CreatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long? ArchivedAt { get; init; }

    public required string Name { get; init; }

    public required string Label { get; init; }

    public required string Type { get; init; }

    public required string FieldType { get; init; }

    public string Description { get; init; } = "";

    public required string GroupName { get; init; }

    public ImmutableArray<PropertyOption> Options { get; init; } = [];

    public string? CreatedUserId { get; init; }

    public string? UpdatedUserId { get; init; }

    public string? ReferencedObjectType { get; init; }

    public int DisplayOrder { get; init; } = -1;

    public bool Calculated { get; init; }

    public bool ExternalOptions { get; init; }

    /// <summary><c>null</c> (omitted) for most of HubSpot's own.</summary>
    public bool? Archived { get; init; }

    public bool HasUniqueValue { get; init; }

    public bool Hidden { get; init; }

    /// <summary><c>true</c>, or <c>null</c> (omitted) for custom properties.</summary>
    public bool? HubspotDefined { get; init; }

    public bool? ShowCurrencySymbol { get; init; }

    public string? CurrencyPropertyName { get; init; }

    public ModificationMetadata ModificationMetadata { get; init; } = new();

    public bool FormField { get; init; }

    public string? CalculationFormula { get; init; }

    public string? NumberDisplayHint { get; init; }

    public string? TextDisplayHint { get; init; }

    public string? DateDisplayHint { get; init; }

    public string DataSensitivity { get; init; } = "non_sensitive";
}

/// <summary>One allowed value of an enumeration, with the label that people see.</summary>
internal sealed record PropertyOption
{
    public required string Label { get; init; }

    public required string Value { get; init; }

    public string? Description { get; init; }

    public int DisplayOrder { get; init; } = -1;

    public bool Hidden { get; init; }
}

/// <summary>What clients may change about a property.</summary>
internal sealed record ModificationMetadata
{
    public bool Archivable { get; init; } = true;

    public bool ReadOnlyDefinition { get; init; }

    public bool? ReadOnlyOptions { get; init; }

    public bool ReadOnlyValue { get; init; }
}

/// <summary>A heading under which properties are shown.</summary>
internal sealed record PropertyGroup(string Name, string Label, int DisplayOrder, bool Archived);
