using System.Globalization;
using System.Text;

namespace Docket.Model;

/// <summary>
/// Iterates over the tokens of a lower-case text: runs of letters and digits
/// (reference/properties-pipelines-search-associations.md 4.5).
/// </summary>
internal ref struct Words(ReadOnlySpan<byte> lowerText)
{
    /// <summary>Longest token in bytes; only the beginning of a longer one can be found.</summary>
    public const int LengthMax = 128;

    readonly ReadOnlySpan<byte> text = lowerText;
    int start, end, position;

    public readonly ReadOnlySpan<byte> Current => text[start..end];

    /// <summary>Its position in the text.</summary>
    public readonly Range Range => start..end;

    public bool Next()
    {
        var at = position;
        while (at < text.Length && !IsWord(at, out var size))
        {
            at += size;
        }

        start = at;
        while (true)
        {
            // Nearly all of nearly all texts: lower-case ASCII.
            while (at < text.Length && ((uint)(text[at] - 'a') <= 'z' - 'a' || (uint)(text[at] - '0') <= 9))
            {
                at++;
            }

            if (at == text.Length || !IsWord(at, out var size))
            {
                break;
            }

            at += size;
        }

        position = at;
        end = at - start <= LengthMax ? at : start + EndOf(text[start..at]);
        return at > start;
    }

    /// <summary>Where a token is cut: between characters.</summary>
    public static int EndOf(ReadOnlySpan<byte> token)
    {
        var end = Math.Min(token.Length, LengthMax);
        while (end < token.Length && (token[end] & 0xc0) == 0x80)
        {
            end--;
        }

        return end;
    }

    /// <summary>Whether a character belongs to a token.</summary>
    public static bool IsWord(Rune rune) =>
        // Marks belong to the preceding letter: many scripts write vowels this way.
        Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>A text in lower case, in <paramref name="buffer"/>, which grows as needed.</summary>
    public static ReadOnlySpan<byte> ToLower(ReadOnlySpan<byte> text, ref byte[] buffer)
    {
        if (buffer.Length < text.Length)
        {
            buffer = new byte[Math.Max(text.Length, buffer.Length * 2)];
        }

        return Ascii.ToLower(text, buffer, out var written) == System.Buffers.OperationStatus.Done
            ? buffer.AsSpan(0, written)
            : buffer = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).ToLowerInvariant());
    }

    /// <summary>Whether a token matches a pattern, in which <c>*</c> means any number of characters.</summary>
    public static bool Fits(ReadOnlySpan<byte> token, ReadOnlySpan<byte> pattern)
    {
        // Goes back to the last star if the text after it doesn't match.
        var (at, next, star, covered) = (0, 0, -1, 0);
        while (at < token.Length)
        {
            if (next < pattern.Length && pattern[next] == '*')
            {
                (star, covered) = (next++, at);
            }
            else if (next < pattern.Length && pattern[next] == token[at])
            {
                (at, next) = (at + 1, next + 1);
            }
            else if (star >= 0)
            {
                (next, at) = (star + 1, ++covered);
            }
            else
            {
                return false;
            }
        }

        return pattern[next..].TrimStart((byte)'*').IsEmpty;
    }

    readonly bool IsWord(int at, out int size)
    {
        size = 1;
        if (text[at] < 0x80)
        {
            return char.IsAsciiLetterOrDigit((char)text[at]);
        }

        Rune.DecodeFromUtf8(text[at..], out var rune, out size);
        return IsWord(rune);
    }
}
