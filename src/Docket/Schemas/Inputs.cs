using System.Text.Json.Serialization;

namespace Docket.Schemas;

/// <summary>
/// A property as a client wants it. Every member may be missing; what a create needs is checked once the object is
/// read, so that the answer names all that is missing and where the object ends (reference/properties-pipelines-search-associations.md 1.5).
/// Unknown members are ignored, and so are those that only the server sets.
/// </summary>
internal sealed record PropertyCreate : PropertyUpdate, IJsonOnDeserialized
{
    public string? Name { get; init; }

    public bool? HasUniqueValue { get; init; }

    public bool? ExternalOptions { get; init; }

    public string? ReferencedObjectType { get; init; }

    [JsonConverter(typeof(SensitivityConverter))]
    public string? DataSensitivity { get; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        Required.In(nameof(PropertyCreate), ("name", Name), ("label", Label), ("type", Type), ("fieldType", FieldType), ("groupName", GroupName));
        Required.NoNulls(Options);
    }
}

/// <summary>
/// What a client may change about a property; a member that is missing or <c>null</c> stays as it is
/// (reference/properties-pipelines-search-associations.md 1.2, 1.6).
/// </summary>
internal record PropertyUpdate : IJsonOnDeserialized
{
    public string? Label { get; init; }

    [JsonConverter(typeof(TypeConverter))]
    public string? Type { get; init; }

    [JsonConverter(typeof(FieldTypeConverter))]
    public string? FieldType { get; init; }

    public string? GroupName { get; init; }

    public string? Description { get; init; }

    public OptionInput[]? Options { get; init; }

    public int? DisplayOrder { get; init; }

    public bool? FormField { get; init; }

    public bool? Hidden { get; init; }

    [JsonConverter(typeof(NumberHintConverter))]
    public string? NumberDisplayHint { get; init; }

    [JsonConverter(typeof(TextHintConverter))]
    public string? TextDisplayHint { get; init; }

    public bool? ShowCurrencySymbol { get; init; }

    public string? CurrencyPropertyName { get; init; }

    /// <summary>An empty text takes the formula away.</summary>
    public string? CalculationFormula { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.NoNulls(Options);
}

/// <summary>One wanted option.</summary>
internal sealed record OptionInput : IJsonOnDeserialized
{
    public string? Label { get; init; }

    public string? Value { get; init; }

    public string? Description { get; init; }

    public int? DisplayOrder { get; init; }

    public bool? Hidden { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.In(nameof(OptionInput), ("label", Label), ("value", Value));
}

/// <summary>A wanted group of properties.</summary>
internal sealed record PropertyGroupCreate : IJsonOnDeserialized
{
    public string? Name { get; init; }

    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.In(nameof(PropertyGroupCreate), ("name", Name), ("label", Label));
}

/// <summary>What a client may change about a group; missing members stay.</summary>
internal sealed record PropertyGroupUpdate
{
    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }
}

/// <summary>One name in a batch.</summary>
internal sealed record PropertyName : IJsonOnDeserialized
{
    public string? Name { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.In(nameof(PropertyName), ("name", Name));
}

/// <summary>The body of a batch.</summary>
internal sealed record Batch<T> : IJsonOnDeserialized
{
    public T[]? Inputs { get; init; }

    /// <summary>For reads: look among the archived properties instead of the active ones.</summary>
    public bool? Archived { get; init; }

    /// <summary>For reads.</summary>
    public string? DataSensitivity { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.NoNulls(Inputs);
}

/// <summary>
/// A pipeline as a client wants it, for create and replace. HubSpot's specification also requires the display order;
/// whether the server does is unknown, so without one it is 0.
/// </summary>
internal sealed record PipelineInput : IJsonOnDeserialized
{
    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }

    /// <summary>Ignored on replace.</summary>
    public string? PipelineId { get; init; }

    public StageInput[]? Stages { get; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        Required.In(nameof(PipelineInput), ("label", Label));
        Required.NoNulls(Stages);
    }
}

/// <summary>What a client may change about a pipeline; missing members stay.</summary>
internal sealed record PipelinePatch
{
    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }

    public bool? Archived { get; init; }
}

/// <summary>
/// A stage as a client wants it, for create and replace. HubSpot's specification also requires display order and
/// metadata; whether the server does is unknown, so without them the stage is open and comes last.
/// </summary>
internal sealed record StageInput : IJsonOnDeserialized
{
    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }

    public StageMetadataInput? Metadata { get; init; }

    public string? StageId { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => Required.In("PipelineStageInput", ("label", Label));
}

/// <summary>What a client may change about a stage; missing members stay.</summary>
internal sealed record StagePatch
{
    public string? Label { get; init; }

    public int? DisplayOrder { get; init; }

    public StageMetadataInput? Metadata { get; init; }

    public bool? Archived { get; init; }
}

/// <summary>What a client says about a stage. Whether it is closed follows; unknown keys are dropped (reference/properties-pipelines-search-associations.md 3.4).</summary>
internal sealed record StageMetadataInput
{
    public string? TicketState { get; init; }
}
