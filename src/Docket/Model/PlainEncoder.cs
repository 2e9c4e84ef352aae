using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace Docket.Model;

/// <summary>
/// Escapes in JSON only what JSON requires, as HubSpot's Jackson does. The framework's most relaxed encoder would still write an
/// emoji as two <c>\u</c> escapes.
/// </summary>
internal sealed unsafe class PlainEncoder : JavaScriptEncoder
{
    public static readonly PlainEncoder Instance = new();

    static readonly SearchValues<byte> EscapedBytes = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (byte)code), (byte)'"', (byte)'\\']);
    static readonly SearchValues<char> EscapedChars = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (char)code), '"', '\\']);

    public override int MaxOutputCharactersPerInputCharacter => 6;

    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\';

    public override int FindFirstCharacterToEncodeUtf8(ReadOnlySpan<byte> utf8Text) => utf8Text.IndexOfAny(EscapedBytes);

    public override int FindFirstCharacterToEncode(char* text, int textLength) => new ReadOnlySpan<char>(text, textLength).IndexOfAny(EscapedChars);

    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var escape = EscapeOf(unicodeScalar);
        numberOfCharactersWritten = escape.Length;
        return escape.TryCopyTo(new Span<char>(buffer, bufferLength));
    }

    // The framework's own goes on character by character after the first escape: line breaks in a long text doubled the time of an answer.
    public override OperationStatus EncodeUtf8(ReadOnlySpan<byte> utf8Source, Span<byte> utf8Destination, out int bytesConsumed, out int bytesWritten, bool isFinalBlock = true)
    {
        (bytesConsumed, bytesWritten) = (0, 0);
        while (bytesConsumed < utf8Source.Length)
        {
            var rest = utf8Source[bytesConsumed..];
            var target = utf8Destination[bytesWritten..];
            var plain = FindFirstCharacterToEncodeUtf8(rest) is var found and >= 0 ? found : rest.Length;
            var escape = plain < rest.Length ? EscapeOf(rest[plain]) : "";
            if (target.Length < plain + escape.Length)
            {
                return OperationStatus.DestinationTooSmall;
            }

            rest[..plain].CopyTo(target);
            Ascii.FromUtf16(escape, target[plain..], out _);
            bytesConsumed += Math.Min(plain + 1, rest.Length);
            bytesWritten += plain + escape.Length;
        }

        return OperationStatus.Done;
    }

    static string EscapeOf(int unicodeScalar) => unicodeScalar switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{unicodeScalar:X4}"),
    };
}
