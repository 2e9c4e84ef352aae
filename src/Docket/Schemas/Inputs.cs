using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Http;
using Docket.Model;

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

/// <summary>How the bodies of this room are read: as tolerantly as HubSpot's Jackson, numbers and booleans also as text and the other way round.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    Converters = [typeof(TextConverter), typeof(FlagConverter)])]
[JsonSerializable(typeof(PropertyCreate))]
[JsonSerializable(typeof(PropertyUpdate))]
[JsonSerializable(typeof(PropertyGroupCreate))]
[JsonSerializable(typeof(PropertyGroupUpdate))]
[JsonSerializable(typeof(Batch<PropertyCreate>))]
[JsonSerializable(typeof(Batch<PropertyName>))]
[JsonSerializable(typeof(PipelineInput))]
[JsonSerializable(typeof(PipelinePatch))]
[JsonSerializable(typeof(StageInput))]
[JsonSerializable(typeof(StagePatch))]
internal sealed partial class InputJson : JsonSerializerContext;

/// <summary>Checks made when the end of an object was read, where the parser still knows the place.</summary>
internal static class Required
{
    public static void In(string shape, params ReadOnlySpan<(string Name, string? Value)> members)
    {
        var missing = new List<string>();
        foreach (var (name, value) in members)
        {
            if (value is null)
            {
                missing.Add(name);
            }
        }

        if (missing.Count > 0)
        {
            throw new UnfitValue(Faults.CannotBuild(shape, missing), tokenLength: 1);
        }
    }

    public static void NoNulls<T>(T[]? items)
    {
        if (items is not null && Array.Exists(items, item => item is null))
        {
            throw new UnfitValue(Faults.NullItem, tokenLength: 1);
        }
    }
}

/// <summary>Text, or a number or boolean taken as text.</summary>
internal class TextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
        _ => throw new UnfitValue(Faults.TextExpected, reader.BytesConsumed - reader.TokenStartIndex),
    };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}

/// <summary>A boolean, or its text.</summary>
internal sealed class FlagConverter : JsonConverter<bool>
{
    public override bool Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.True || (reader.TokenType != JsonTokenType.False
            && (reader.TokenType == JsonTokenType.String && bool.TryParse(reader.GetString(), out var flag)
                ? flag
                : throw new UnfitValue(Faults.FlagExpected, reader.BytesConsumed - reader.TokenStartIndex)));

    public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
}

/// <summary>A text that must be one of a few, spelt exactly so. The order in which HubSpot lists them is unknown; here it is that of the specification.</summary>
internal abstract class OneOfConverter(params string[] names) : TextConverter
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var text = base.Read(ref reader, typeToConvert, options);
        return names.Contains(text) ? text : throw new UnfitValue(Faults.NotOneOf(names), reader.BytesConsumed - reader.TokenStartIndex);
    }
}

internal sealed class TypeConverter()
    : OneOfConverter("bool", "date", "datetime", "enumeration", "number", "phone_number", "string");

internal sealed class FieldTypeConverter()
    : OneOfConverter("booleancheckbox", "calculation_equation", "checkbox", "date", "file", "html", "number", "phonenumber", "radio", "select", "text", "textarea");

internal sealed class NumberHintConverter()
    : OneOfConverter("currency", "duration", "formatted", "percentage", "probability", "unformatted");

internal sealed class TextHintConverter()
    : OneOfConverter("domain_name", "email", "ip_address", "multi_line", "phone_number", "physical_address", "postal_code", "unformatted_single_line");

internal sealed class SensitivityConverter()
    : OneOfConverter("highly_sensitive", "non_sensitive", "sensitive");
