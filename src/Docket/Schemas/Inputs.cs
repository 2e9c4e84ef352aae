namespace Docket.Schemas;

/// <summary>
/// A property as a client wants it. How these bodies are read, and what they must hold, stands in <see cref="InputJson"/>.
/// </summary>
internal sealed record PropertyCreate : PropertyUpdate
{
    public string? Name { get; set; }

    public bool? HasUniqueValue { get; set; }

    public bool? ExternalOptions { get; set; }

    public string? ReferencedObjectType { get; set; }

    public string? DataSensitivity { get; set; }
}

/// <summary>
/// What a client may change about a property; a member that is missing or <c>null</c> stays as it is
/// (reference/properties-pipelines-search-associations.md 1.2, 1.6).
/// </summary>
internal record PropertyUpdate
{
    public string? Label { get; set; }

    public string? Type { get; set; }

    public string? FieldType { get; set; }

    public string? GroupName { get; set; }

    public string? Description { get; set; }

    public List<OptionInput>? Options { get; set; }

    public int? DisplayOrder { get; set; }

    public bool? FormField { get; set; }

    public bool? Hidden { get; set; }

    public string? NumberDisplayHint { get; set; }

    public string? TextDisplayHint { get; set; }

    public bool? ShowCurrencySymbol { get; set; }

    public string? CurrencyPropertyName { get; set; }

    /// <summary>An empty text takes the formula away.</summary>
    public string? CalculationFormula { get; set; }
}

/// <summary>One wanted option.</summary>
internal sealed record OptionInput
{
    public string? Label { get; set; }

    public string? Value { get; set; }

    public string? Description { get; set; }

    public int? DisplayOrder { get; set; }

    public bool? Hidden { get; set; }
}

/// <summary>A wanted group of properties.</summary>
internal sealed record PropertyGroupCreate
{
    public string? Name { get; set; }

    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }
}

/// <summary>What a client may change about a group; missing members stay.</summary>
internal sealed record PropertyGroupUpdate
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }
}

/// <summary>One name in a batch.</summary>
internal sealed record PropertyName
{
    public string? Name { get; set; }
}

/// <summary>The body of a batch.</summary>
internal sealed record Batch<T>
{
    public List<T>? Inputs { get; set; }

    /// <summary>For reads: look among the archived properties instead of the active ones.</summary>
    public bool? Archived { get; set; }

    /// <summary>For reads.</summary>
    public string? DataSensitivity { get; set; }
}

/// <summary>
/// A pipeline as a client wants it, for create and replace. HubSpot's specification also requires the display order;
/// whether the server does is unknown, so without one it is 0.
/// </summary>
internal sealed record PipelineInput
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    /// <summary>Ignored on replace.</summary>
    public string? PipelineId { get; set; }

    public List<StageInput>? Stages { get; set; }
}

/// <summary>What a client may change about a pipeline; missing members stay.</summary>
internal sealed record PipelinePatch
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    public bool? Archived { get; set; }
}

/// <summary>
/// A stage as a client wants it, for create and replace. HubSpot's specification also requires display order and
/// metadata; whether the server does is unknown, so without them the stage is open and comes last.
/// </summary>
internal sealed record StageInput
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    public StageMetadataInput? Metadata { get; set; }

    public string? StageId { get; set; }
}

/// <summary>What a client may change about a stage; missing members stay.</summary>
internal sealed record StagePatch
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    public StageMetadataInput? Metadata { get; set; }

    public bool? Archived { get; set; }
}

/// <summary>What a client says about a stage. Whether it is closed follows; unknown keys are dropped (reference/properties-pipelines-search-associations.md 3.4).</summary>
internal sealed record StageMetadataInput
{
    public string? TicketState { get; set; }
}
