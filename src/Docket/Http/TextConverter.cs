using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Model;

namespace Docket.Http;

/// <summary>Text, or a number or boolean taken as text, as HubSpot takes it (reference/objects-and-batch.md 1.1).</summary>
internal class TextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(reader.ValueSpan),
        _ => throw new UnfitValue(Faults.TextExpected, reader.BytesConsumed - reader.TokenStartIndex),
    };

    /// <summary>The keys of a map, which are texts anyway.</summary>
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString()!;

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}
