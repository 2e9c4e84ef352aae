using System.Buffers;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Stores;

namespace Docket.Jobs;

/// <summary>
/// A rejected input on the wire: unchanged, with its error as an additional member, which an upload ignores. An input that was not a
/// JSON object is a text in <c>input</c>.
/// </summary>
internal static class RejectedResponse
{
    public static void Write(IBufferWriter<byte> output, RejectedInput row)
    {
        using (var json = new Utf8JsonWriter(output, Wire.WriterOptions))
        {
            json.WriteStartObject();
            if (!row.Input.AsSpan().IsEmpty && !TryWriteMembers(json, row.Input))
            {
                json.WriteString("input", Encoding.UTF8.GetString(row.Input).TrimEnd('\r'));
            }

            var outcome = new Utf8JsonReader(row.Outcome);
            using var shown = JsonDocument.ParseValue(ref outcome);
            json.WritePropertyName("error");
            shown.RootElement.GetProperty("error").WriteTo(json);
            json.WriteEndObject();
        }

        output.Write("\n"u8);
    }

    // Without an error from an earlier upload.
    static bool TryWriteMembers(Utf8JsonWriter json, byte[] input)
    {
        try
        {
            using var document = JsonDocument.Parse(input);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return false;
            }

            foreach (var member in document.RootElement.EnumerateObject().Where(member => !member.NameEquals("error"u8)))
            {
                json.WritePropertyName(member.Name);
                json.WriteRawValue(member.Value.GetRawText(), skipInputValidation: true);
            }

            return true;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return false; // not JSON, or half a surrogate pair in a name
        }
    }
}
