using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using Docket.Model;
using Docket.Writes;

namespace Docket.Index;

/// <summary>Converts values to what columns contain. 0 always means no value.</summary>
internal static class Key
{
    /// <summary>Bytes of a text that determine its order. Texts that differ only after them are ordered by record id.</summary>
    public const int TextMax = 128;

    public static Form FormOf(Property property) => property.Kind switch
    {
        PropertyKind.Number => Form.Number,
        PropertyKind.Date or PropertyKind.DateTime => Form.Moment,
        // Options that are stored elsewhere, and owners: by id, one or several.
        PropertyKind.Text when property.Definition.Type == "enumeration" => Form.Set,
        PropertyKind.Text => Form.Text,
        PropertyKind.Options or PropertyKind.Owner => Form.Set,
        _ => Form.Exact,
    };

    /// <summary>Ascending as the numbers are, as far as a double can distinguish them: see <see cref="OfExact"/>.</summary>
    public static ulong OfNumber(double number)
    {
        var bits = BitConverter.DoubleToInt64Bits(number + 0.0); // -0 becomes 0
        return bits < 0 ? ~(ulong)bits : (ulong)bits | (1UL << 63);
    }

    /// <summary>The number of a key.</summary>
    public static double ToNumber(ulong key) => BitConverter.UInt64BitsToDouble(key >= 1UL << 63 ? key ^ (1UL << 63) : ~key);

    /// <summary>
    /// 0 for a number with an exact key, which is the shortest one with that key; nearly all numbers are. Otherwise a hash, equal for
    /// equal numbers in any notation, and in practice only for those.
    /// </summary>
    public static ulong OfExact(ReadOnlySpan<byte> value, long seed)
    {
        // A double preserves up to 15 digits.
        if (value.Length <= 15 && !value.ContainsAny((byte)'e', (byte)'E'))
        {
            return 0;
        }

        if (!PropertyValues.IsNumber(value) || !double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            return 0; // stored under another type
        }

        var exact = ExactNumber.Parse(value);
        return exact.CompareTo(ExactNumber.Of(number)) == 0 ? 0 : OfHash(exact.ToUtf8(), seed);
    }

    /// <summary>Ascending as the texts are, as far as the first eight bytes show.</summary>
    public static ulong OfText(ReadOnlySpan<byte> text)
    {
        if (text.Length >= sizeof(ulong))
        {
            return Math.Max(1, BinaryPrimitives.ReadUInt64BigEndian(text));
        }

        Span<byte> padded = stackalloc byte[sizeof(ulong)];
        padded.Clear();
        text.CopyTo(padded);
        return text.IsEmpty ? 0 : Math.Max(1, BinaryPrimitives.ReadUInt64BigEndian(padded));
    }

    /// <summary>Equal for equal texts, and in practice only for those.</summary>
    public static ulong OfHash(ReadOnlySpan<byte> text, long seed) => text.IsEmpty ? 0 : Math.Max(1, XxHash3.HashToUInt64(text, seed));

    /// <summary>The key of a stored number or time; 0 for one that was stored under another type and is not valid for this one.</summary>
    public static ulong OfValue(Form form, ReadOnlySpan<byte> value) =>
        form == Form.Number
            ? PropertyValues.IsNumber(value) && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? OfNumber(number) : 0
            : PropertyValues.ParseMoment(value) is { } moment ? OfNumber(moment) : 0;
}
