using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

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
