using System.Globalization;
using System.Numerics;
using System.Text;

namespace Docket.Model;

/// <summary>
/// A decimal number with all its digits, for amounts: a product keeps every digit of both factors, as HubSpot's does
/// (reference/objects-other-than-tickets.md 4).
/// </summary>
/// <param name="Unscaled">The digits.</param>
/// <param name="Scale">How many of them are after the point.</param>
internal readonly record struct ExactDecimal(BigInteger Unscaled, int Scale)
{
    /// <summary>Longest text and largest exponent that are calculated with. A property accepts more, but that is no amount.</summary>
    const int TextMax = 100, ExponentMax = 100;

    public static ExactDecimal Zero => default;

    /// <summary>The number of a text that <c>PropertyValues.IsNumber</c> accepts; <c>null</c> for an empty one, and for one too long to calculate with.</summary>
    public static ExactDecimal? Parse(ReadOnlySpan<byte> utf8Text)
    {
        if (utf8Text.IsEmpty || utf8Text.Length > TextMax)
        {
            return null;
        }

        var text = Encoding.ASCII.GetString(utf8Text);
        var (mantissa, exponent) = (text, 0);
        if (text.IndexOfAny(['e', 'E']) is var e and >= 0)
        {
            mantissa = text[..e];
            if (!int.TryParse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || exponent is < -ExponentMax or > ExponentMax)
            {
                return null;
            }
        }

        var dot = mantissa.IndexOf('.');
        var unscaled = BigInteger.Parse(dot < 0 ? mantissa : mantissa.Remove(dot, 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var scale = (dot < 0 ? 0 : mantissa.Length - dot - 1) - exponent;
        return scale < 0 ? new(unscaled * BigInteger.Pow(10, -scale), 0) : new(unscaled, scale);
    }

    /// <summary>Every digit of a double from 0 to 1, such as 0.40000000000000002220446049250313080847263336181640625 for 0.4.</summary>
    public static ExactDecimal OfFraction(double fraction)
    {
        // fraction = mantissa / 2^power = mantissa × 5^power / 10^power
        var (mantissa, power) = (fraction, 0);
        for (; mantissa != Math.Floor(mantissa); power++)
        {
            mantissa *= 2;
        }

        return new((BigInteger)mantissa * BigInteger.Pow(5, power), power);
    }

    public static ExactDecimal operator *(ExactDecimal one, ExactDecimal other) => new(one.Unscaled * other.Unscaled, one.Scale + other.Scale);

    public static ExactDecimal operator +(ExactDecimal one, ExactDecimal other)
    {
        var scale = Math.Max(one.Scale, other.Scale);
        return new(one.At(scale) + other.At(scale), scale);
    }

    public static ExactDecimal operator -(ExactDecimal one, ExactDecimal other) => one + (other with { Unscaled = -other.Unscaled });

    /// <summary>The nearest number with <paramref name="scale"/> digits after the point; of two, the one further from zero.</summary>
    public ExactDecimal Rounded(int scale) => Scale <= scale ? new(At(scale), scale) : new(Divide(Unscaled, BigInteger.Pow(10, Scale - scale)), scale);

    /// <summary>The same number without zeros at its end.</summary>
    public ExactDecimal Shortened()
    {
        var (unscaled, scale) = (Unscaled, Scale);
        for (; scale > 0 && (unscaled % 10).IsZero; scale--)
        {
            unscaled /= 10;
        }

        return new(unscaled, scale);
    }

    /// <summary>The quotient with <paramref name="scale"/> digits after the point, rounded as by <see cref="Rounded"/>.</summary>
    public ExactDecimal DividedBy(BigInteger divisor, int scale) => new(Divide(Unscaled * BigInteger.Pow(10, scale), divisor * BigInteger.Pow(10, Scale)), scale);

    public byte[] ToUtf8() => Encoding.ASCII.GetBytes(ToString());

    /// <summary>With all digits, without an exponent.</summary>
    public override string ToString()
    {
        var digits = BigInteger.Abs(Unscaled).ToString(CultureInfo.InvariantCulture).PadLeft(Scale + 1, '0');
        return (Unscaled.Sign < 0 ? "-" : "") + (Scale == 0 ? digits : $"{digits[..^Scale]}.{digits[^Scale..]}");
    }

    BigInteger At(int scale) => Unscaled * BigInteger.Pow(10, scale - Scale);

    static BigInteger Divide(BigInteger number, BigInteger divisor)
    {
        var (quotient, rest) = BigInteger.DivRem(number, divisor);
        return BigInteger.Abs(rest) * 2 >= BigInteger.Abs(divisor) ? quotient + (rest.Sign * divisor.Sign) : quotient;
    }
}
