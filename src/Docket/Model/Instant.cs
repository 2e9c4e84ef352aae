using System.Globalization;
using System.Text;

namespace Docket.Model;

/// <summary>
/// A time in Docket: whole milliseconds since 1970 in UTC, written as HubSpot does: <c>2025-01-09T07:18:05.522Z</c>, without a
/// fraction if the milliseconds are 0 (reference/objects-and-batch.md 6).
/// </summary>
internal static class Instant
{
    /// <summary>Length of the longest text.</summary>
    public const int TextMax = 24;

    /// <summary>The first and last time with a four-digit year.</summary>
    public const long Min = -62135596800000, Max = 253402300799999;

    public static long Now(TimeProvider clock) => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Writes the time as text and returns its length. <paramref name="target"/> must have at least <see cref="TextMax"/> bytes.</summary>
    public static int Format(long milliseconds, Span<byte> target)
    {
        var moment = DateTime.UnixEpoch.AddTicks(milliseconds * TimeSpan.TicksPerMillisecond);
        Digits(target, moment.Year, 4);
        target[4] = (byte)'-';
        Digits(target[5..], moment.Month, 2);
        target[7] = (byte)'-';
        Digits(target[8..], moment.Day, 2);
        target[10] = (byte)'T';
        Digits(target[11..], moment.Hour, 2);
        target[13] = (byte)':';
        Digits(target[14..], moment.Minute, 2);
        target[16] = (byte)':';
        Digits(target[17..], moment.Second, 2);
        if (moment.Millisecond == 0)
        {
            target[19] = (byte)'Z';
            return 20;
        }

        target[19] = (byte)'.';
        Digits(target[20..], moment.Millisecond, 3);
        target[23] = (byte)'Z';
        return 24;
    }

    public static string ToText(long milliseconds)
    {
        Span<byte> text = stackalloc byte[TextMax];
        return Encoding.ASCII.GetString(text[..Format(milliseconds, text)]);
    }

    public static byte[] ToUtf8(long milliseconds)
    {
        Span<byte> text = stackalloc byte[TextMax];
        return text[..Format(milliseconds, text)].ToArray();
    }

    /// <summary>Parses the output of <see cref="Format"/>; <c>null</c> for anything else.</summary>
    public static long? Parse(ReadOnlySpan<byte> text) =>
        text.Length is 20 or 24 && text[^1] == 'Z'
        && DateTime.TryParseExact(
            Encoding.ASCII.GetString(text), text.Length == 20 ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:ss.fff'Z'",
            CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)
            ? (moment.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond
            : null;

    static void Digits(Span<byte> target, int value, int count)
    {
        for (var i = count - 1; i >= 0; i--)
        {
            target[i] = (byte)('0' + value % 10);
            value /= 10;
        }
    }
}
