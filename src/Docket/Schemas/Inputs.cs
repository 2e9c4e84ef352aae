namespace Docket.Schemas;

/// <summary>
/// A property in a request. <see cref="InputJson"/> reads these bodies and contains their required members.
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
/// The changes to a property; a member that is missing or <c>null</c> stays unchanged
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

    /// <summary>An empty text removes the formula.</summary>
    public string? CalculationFormula { get; set; }
}

/// <summary>An option in a request.</summary>
internal sealed record OptionInput
{
    public string? Label { get; set; }

    public string? Value { get; set; }

    public string? Description { get; set; }

    public int? DisplayOrder { get; set; }

    public bool? Hidden { get; set; }
}

/// <summary>A property group in a request.</summary>
internal sealed record PropertyGroupCreate
{
    public string? Name { get; set; }

    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }
}

/// <summary>The changes to a group; missing members stay unchanged.</summary>
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

    /// <summary>For reads: search the archived properties instead of the active ones.</summary>
    public bool? Archived { get; set; }

    /// <summary>For reads.</summary>
    public string? DataSensitivity { get; set; }
}

/// <summary>
/// A pipeline in a request, for create and replace. HubSpot's specification also requires the display order; whether the server
/// does is unknown, so the default is 0.
/// </summary>
internal sealed record PipelineInput
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    /// <summary>Ignored on replace.</summary>
    public string? PipelineId { get; set; }

    public List<StageInput>? Stages { get; set; }
}

/// <summary>The changes to a pipeline; missing members stay unchanged.</summary>
internal sealed record PipelinePatch
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    public bool? Archived { get; set; }
}

/// <summary>
/// A stage in a request, for create and replace. HubSpot's specification also requires display order and metadata; whether the
/// server does is unknown, so by default the stage is open and comes last.
/// </summary>
internal sealed record StageInput
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    /// <summary>By key; keys that the type doesn't have are dropped (reference/properties-pipelines-search-associations.md 3.4).</summary>
    public Dictionary<string, string?>? Metadata { get; set; }

    public string? StageId { get; set; }
}

/// <summary>The changes to a stage; missing members stay unchanged.</summary>
internal sealed record StagePatch
{
    public string? Label { get; set; }

    public int? DisplayOrder { get; set; }

    /// <summary>By key; keys that the type doesn't have are dropped (reference/properties-pipelines-search-associations.md 3.4).</summary>
    public Dictionary<string, string?>? Metadata { get; set; }

    public bool? Archived { get; set; }
}
