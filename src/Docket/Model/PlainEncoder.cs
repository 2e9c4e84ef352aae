using System.Buffers;
using System.Globalization;
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
        Span<char> numbered = stackalloc char[6];
        ReadOnlySpan<char> escape = unicodeScalar switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\b' => "\\b",
            '\f' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => Numbered(unicodeScalar, numbered),
        };
        numberOfCharactersWritten = escape.Length;
        return escape.TryCopyTo(new Span<char>(buffer, bufferLength));
    }

    static Span<char> Numbered(int unicodeScalar, Span<char> target)
    {
        target.TryWrite(CultureInfo.InvariantCulture, $"\\u{unicodeScalar:X4}", out _);
        return target;
    }
}
