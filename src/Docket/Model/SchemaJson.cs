using System.Text.Json;
using System.Text.Json.Serialization;

namespace Docket.Model;

/// <summary>Definitions as JSON: the same text on the wire, in a store and in Docket's built-in definitions.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PropertyDefinition))]
[JsonSerializable(typeof(PropertyDefinition[]))]
[JsonSerializable(typeof(PropertyGroup))]
[JsonSerializable(typeof(Pipeline))]
[JsonSerializable(typeof(Stage))]
[JsonSerializable(typeof(PipelineAudit))]
[JsonSerializable(typeof(TypeDefinition))]
[JsonSerializable(typeof(AssociationDefinition))]
internal sealed partial class SchemaJson : JsonSerializerContext;

/// <summary>A time in milliseconds since 1970, written as HubSpot does: see <see cref="Instant"/>.</summary>
internal sealed class InstantConverter : JsonConverter<long>
{
    public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[Instant.TextMax];
        return reader.TokenType == JsonTokenType.String
            && reader.ValueSpan.Length <= Instant.TextMax
            && Instant.Parse(text[..reader.CopyString(text)]) is { } moment
            ? moment
            : throw new JsonException("A moment was expected, such as 2025-01-09T07:18:05.522Z.");
    }

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[Instant.TextMax];
        writer.WriteStringValue(text[..Instant.Format(value, text)]);
    }
}
