using System.Buffers;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Tests.Model;

public sealed class PlainEncoderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain", "plain")]
    [InlineData("\n", "\\n")]
    [InlineData("a\nb\r\n\tc", "a\\nb\\r\\n\\tc")]
    [InlineData("\"quoted\" \\ é 😀 </script>\u2028", "\\\"quoted\\\" \\\\ é 😀 </script>\u2028")]
    [InlineData("\0\b\f\u001f\u007f", "\\u0000\\b\\f\\u001F\u007f")]
    public void Only_what_JSON_requires_is_escaped_in_bytes_as_in_characters(string text, string escaped)
    {
        foreach (var padding in (int[])[0, 1, 31, 300])
        {
            var (padded, expected) = (new string('x', padding) + text + new string('é', padding), new string('x', padding) + escaped + new string('é', padding));
            var output = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(output, Wire.WriterOptions))
            {
                json.WriteStartArray();
                json.WriteStringValue(padded);
                json.WriteStringValue(Encoding.UTF8.GetBytes(padded));
                json.WriteEndArray();
            }

            Assert.Equal($"[\"{expected}\",\"{expected}\"]", Encoding.UTF8.GetString(output.WrittenSpan));
        }
    }

    [Fact]
    public void A_buffer_that_is_too_small_gets_whole_escapes_only()
    {
        Span<byte> target = stackalloc byte[4];
        Assert.Equal(OperationStatus.DestinationTooSmall, PlainEncoder.Instance.EncodeUtf8("ab\n\nc"u8, target, out var consumed, out var written));
        Assert.Equal((3, 4), (consumed, written));
        Assert.Equal("ab\\n", Encoding.UTF8.GetString(target));
    }
}
