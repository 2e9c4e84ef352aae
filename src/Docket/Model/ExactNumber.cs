using System.Globalization;
using System.Numerics;
using System.Text;

namespace Docket.Model;

/// <summary>
/// A number with all digits of its text: ±0.ddd × 10^magnitude, without leading or trailing zeros, so that <c>1</c>, <c>+1.0</c> and
/// <c>10e-1</c> are equal.
/// </summary>
internal readonly struct ExactNumber : IComparable<ExactNumber>
{
    readonly int sign;
    readonly BigInteger magnitude;
    readonly byte[]? digits;

    ExactNumber(int sign, BigInteger magnitude, byte[] digits) => (this.sign, this.magnitude, this.digits) = (sign, magnitude, digits);

    /// <summary>The number of a text that <c>PropertyValues.IsNumber</c> accepts.</summary>
    public static ExactNumber Parse(ReadOnlySpan<byte> text)
    {
        var sign = text[0] == '-' ? -1 : 1;
        text = text[0] is (byte)'-' or (byte)'+' ? text[1..] : text;
        var e = text.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = e < 0 ? text : text[..e];
        var exponent = e < 0 ? BigInteger.Zero : BigInteger.Parse(Encoding.ASCII.GetString(text[(e + 1)..]), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var dot = mantissa.IndexOf((byte)'.');
        var whole = dot < 0 ? mantissa.Length : dot;
        byte[] digits = dot < 0 ? mantissa.ToArray() : [.. mantissa[..dot], .. mantissa[(dot + 1)..]];
        var first = digits.AsSpan().IndexOfAnyExcept((byte)'0');
        return first < 0 ? default : new(sign, exponent + whole - first, digits.AsSpan(first).TrimEnd((byte)'0').ToArray());
    }

    /// <inheritdoc cref="Parse(ReadOnlySpan{byte})"/>
    public static ExactNumber Parse(string text) => Parse(Encoding.ASCII.GetBytes(text));

    /// <summary>The shortest number whose nearest double is this one; for infinity, a number beyond all doubles.</summary>
    public static ExactNumber Of(double number) =>
        Parse(double.IsInfinity(number) ? number < 0 ? "-1e309" : "1e309" : number.ToString("R", CultureInfo.InvariantCulture));

    /// <summary>Equal for equal numbers.</summary>
    public byte[] ToUtf8() => digits is null ? "0"u8.ToArray() : [.. sign < 0 ? "-."u8 : "."u8, .. digits, .. Encoding.ASCII.GetBytes($"e{magnitude}")];

    public int CompareTo(ExactNumber other) =>
        sign != other.sign ? sign.CompareTo(other.sign)
        : sign == 0 ? 0
        : magnitude != other.magnitude ? sign * magnitude.CompareTo(other.magnitude)
        // With the same leading digits, more digits mean a greater number, as more letters mean a later word.
        : sign * digits.AsSpan().SequenceCompareTo(other.digits);
}
