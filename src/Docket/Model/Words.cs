using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
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

    // Of the 64 bytes from the block's beginning, those that belong to tokens after the current one.
    ulong ahead;
    int block = -64, start, end;

    public readonly ReadOnlySpan<byte> Current => text[start..end];

    /// <summary>Its position in the text.</summary>
    public readonly Range Range => start..end;

    public bool Next()
    {
        while (ahead == 0)
        {
            if (!Read())
            {
                return false;
            }
        }

        start = block + BitOperations.TrailingZeroCount(ahead);
        // Adding to the lowest bit of a run clears the run and sets the bit after it.
        var after = ahead + (ahead & (0 - ahead));
        for (; after == 0; after = ahead + 1)
        {
            Read(); // the run continues in the next block, or ends with this one
        }

        end = block + BitOperations.TrailingZeroCount(after);
        ahead &= after;
        end = end - start <= LengthMax ? end : start + EndOf(text[start..end]);
        return true;
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

    /// <summary>Whether no token continues over a byte; also <c>false</c> for characters that are not in ASCII.</summary>
    public static bool Separates(byte value) => value < 0x80 && !char.IsAsciiLetterOrDigit((char)value);

    /// <summary>Whether a character belongs to a token.</summary>
    public static bool IsWord(Rune rune) =>
        // Marks belong to the preceding letter: many scripts write vowels this way.
        Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>A text in lower case, in <paramref name="buffer"/>, which grows as needed.</summary>
    public static ReadOnlySpan<byte> ToLower(ReadOnlySpan<byte> text, ref byte[] buffer)
    {
        // A character grows from two bytes to three at most, but a byte that belongs to none becomes three.
        if (buffer.Length < text.Length * 3)
        {
            buffer = new byte[Math.Max(text.Length * 3, buffer.Length * 2)];
        }

        for (var (read, length) = (0, 0); ;)
        {
            Ascii.ToLower(text[read..], buffer.AsSpan(length), out var written);
            (read, length) = (read + written, length + written);
            if (read == text.Length)
            {
                return buffer.AsSpan(0, length);
            }

            Rune.DecodeFromUtf8(text[read..], out var rune, out var size);
            read += size;
            length += Rune.ToLowerInvariant(rune).EncodeToUtf8(buffer.AsSpan(length));
        }
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

    // The next 64 bytes; false if there are none.
    bool Read()
    {
        block += 64;
        if (block >= text.Length)
        {
            ahead = 0;
            return false;
        }

        Span<byte> padded = stackalloc byte[64];
        scoped var bytes = text[block..];
        if (bytes.Length < 64)
        {
            padded.Clear();
            bytes.CopyTo(padded);
            bytes = padded;
        }

        var vector = Vector512.Create(bytes[..64]);
        var letters = Vector512.LessThanOrEqual((vector | Vector512.Create((byte)0x20)) - Vector512.Create((byte)'a'), Vector512.Create((byte)('z' - 'a')));
        var digits = Vector512.LessThanOrEqual(vector - Vector512.Create((byte)'0'), Vector512.Create((byte)9));
        ahead = (letters | digits).ExtractMostSignificantBits();
        for (var others = vector.ExtractMostSignificantBits(); others != 0;)
        {
            var bit = BitOperations.TrailingZeroCount(others);
            var at = block + bit;
            while (at > 0 && (text[at] & 0xc0) == 0x80)
            {
                at--; // into the block before
            }

            Rune.DecodeFromUtf8(text[at..], out var rune, out var size);
            var mask = ((1UL << Math.Max(1, at + size - block - bit)) - 1) << bit;
            others &= ~mask;
            ahead |= IsWord(rune) ? mask : 0;
        }

        return true;
    }
}
