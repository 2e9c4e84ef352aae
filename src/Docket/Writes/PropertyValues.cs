using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>Checks one value by the type of its property and converts it to the stored form (reference/objects-and-batch.md 2.1).</summary>
internal static class PropertyValues
{
    /// <summary>Longest text, in UTF-16 characters.</summary>
    public const int TextMax = 65_536;

    /// <summary>
    /// Fractional digits of a second that reads accept: up to nanoseconds. HubSpot's searches accept them, its writes refuse more than
    /// three (reference/objects-and-batch.md 2.2, INVALID_LONG; properties-pipelines-search-associations.md 4.1).
    /// </summary>
    public const int FractionMax = 9;

    /// <summary>White space around a value is ignored unless it is a text (2.1), or the portal named an option or a stage with it.</summary>
    public static ReadOnlyMemory<byte> Trim(Schema schema, Property property, ReadOnlyMemory<byte> raw) =>
        IsPadded(raw.Span) && !property.IsText && !IsNamed(schema, property, raw.Span) ? raw[Inner(raw.Span)] : raw;

    /// <summary>Returns the value as it is stored, or its fault. An empty value clears.</summary>
    public static Fault? Check(int index, Schema schema, PortalSettings settings, Property property, ReadOnlyMemory<byte> raw, out PropertyValue value)
    {
        value = new(property, raw);
        if (property.ReadOnly)
        {
            return Faults.ReadOnly(index, property, raw.Span);
        }

        value = value with { Value = Trim(schema, property, raw) };
        var text = value.Value.Span;

        if (text.IsEmpty)
        {
            return CheckClearing(index, schema, property);
        }

        if (text.Length > TextMax && Encoding.UTF8.GetCharCount(text) > TextMax)
        {
            return Faults.TooLong(index, property, TextMax);
        }

        return CheckKind(index, schema, ref value) ?? property.Rule?.Invoke(index, settings, ref value);
    }

    static Fault? CheckKind(int index, Schema schema, ref PropertyValue value)
    {
        var property = value.Property;
        var text = value.Value.Span;
        switch (property.Kind)
        {
            case PropertyKind.Number:
                return IsNumber(text) ? null : Faults.NotANumber(index, property, text);
            case PropertyKind.Bool:
                return CheckBool(index, ref value);
            case PropertyKind.Option:
                return property.HasOption(text) ? null : Faults.NotAnOption(index, property, text, OptionsOf(property));
            case PropertyKind.Options:
                return CheckOptions(index, ref value);
            case PropertyKind.Date:
                return CheckDate(index, ref value);
            case PropertyKind.DateTime:
                return CheckMoment(index, ref value);
            case PropertyKind.Owner:
                return long.TryParse(text, NumberStyles.None, null, out _) ? null : Faults.NotAnOwner(index, property, text);
            case PropertyKind.Pipeline:
                return schema.FindPipeline(text) is null ? Faults.NotAnOption(index, property, text, schema.Pipelines.Select(pipeline => pipeline.Id)) : null;
            case PropertyKind.Stage:
                return schema.FindStage(text) is not null ? null
                    : schema.Type.Stages!.IsLifecycle ? Faults.NotAnOption(index, property, text, schema.Stages!.All.Select(place => place.Stage.Id))
                    : Faults.NotAStage(index, schema, text);
            default:
                return null;
        }
    }

    /// <summary>Digits, optional sign, one dot, optional exponent; no thousands separators.</summary>
    public static bool IsNumber(ReadOnlySpan<byte> text)
    {
        var at = text.Length > 0 && text[0] is (byte)'+' or (byte)'-' ? 1 : 0;
        var digits = SkipDigits(text, ref at);
        if (at < text.Length && text[at] == '.')
        {
            at++;
            digits += SkipDigits(text, ref at);
        }

        if (digits == 0)
        {
            return false;
        }

        if (at < text.Length && text[at] is (byte)'e' or (byte)'E')
        {
            at++;
            if (at < text.Length && text[at] is (byte)'+' or (byte)'-')
            {
                at++;
            }

            if (SkipDigits(text, ref at) == 0)
            {
                return false;
            }
        }

        return at == text.Length;
    }

    /// <summary>The value of a checkbox property after <paramref name="added"/> is appended to <paramref name="stored"/>: stored parts first, without duplicates.</summary>
    public static byte[] Union(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> added)
    {
        // A property that takes any part can have thousands.
        var seen = new HashSet<string>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        var parts = new List<byte[]>();
        Add(stored);
        Add(added);
        return Join(parts);

        void Add(ReadOnlySpan<byte> text)
        {
            foreach (var range in text.Split((byte)';'))
            {
                if (text[range] is { IsEmpty: false } part && seen.Add(part))
                {
                    parts.Add(part.ToArray());
                }
            }
        }
    }

    /// <summary>Milliseconds since 1970 of an ISO 8601 time or of epoch milliseconds; <c>null</c> for anything else.</summary>
    /// <param name="text">The text.</param>
    /// <param name="fractionMax">Most fractional digits of a second; those beyond milliseconds are truncated.</param>
    public static long? ParseMoment(ReadOnlySpan<byte> text, int fractionMax = 3)
    {
        if (Utf8Parser.TryParse(text, out long milliseconds, out var used) && used == text.Length)
        {
            return milliseconds is >= Instant.Min and <= Instant.Max ? milliseconds : null;
        }

        // Date, time of day, fraction and zone are read in order; anything left at the end is a fault.
        if (!ParseDay(text, out var moment))
        {
            return null;
        }

        var at = 10;
        if (at == text.Length)
        {
            return ToMilliseconds(moment);
        }

        if (text[at] is not ((byte)'T' or (byte)'t' or (byte)' ')
            || !ReadTwo(text, at + 1, 23, out var hour) || text.Length < at + 6 || text[at + 3] != ':' || !ReadTwo(text, at + 4, 59, out var minute))
        {
            return null;
        }

        at += 6;
        moment = moment.AddHours(hour).AddMinutes(minute);
        if (at < text.Length && text[at] == ':')
        {
            if (!ReadTwo(text, at + 1, 59, out var second))
            {
                return null;
            }

            moment = moment.AddSeconds(second);
            at += 3;
            if (at < text.Length && text[at] is (byte)'.' or (byte)',')
            {
                at++;
                var start = at;
                var fraction = 0;
                for (var worth = 100; at < text.Length && char.IsAsciiDigit((char)text[at]); worth /= 10)
                {
                    fraction += (text[at++] - '0') * worth;
                }

                if (at == start || at - start > fractionMax)
                {
                    return null;
                }

                moment = moment.AddMilliseconds(fraction);
            }
        }

        if (!ReadZone(text[at..], out var offset))
        {
            return null;
        }

        var utc = ToMilliseconds(moment) - (long)offset.TotalMilliseconds;
        return utc is >= Instant.Min and <= Instant.Max ? utc : null;
    }

    static Fault? CheckClearing(int index, Schema schema, Property property) => property.Kind switch
    {
        PropertyKind.Pipeline => Faults.NotAnOption(index, property, default, schema.Pipelines.Select(pipeline => pipeline.Id)),
        PropertyKind.Stage when !schema.Type.Stages!.IsLifecycle => Faults.NotAStage(index, schema, default),
        PropertyKind.DateTime when property.Derivation == Derivation.CreateDate => Faults.NotAMoment(index, property, default),
        _ => null,
    };

    static Fault? CheckBool(int index, ref PropertyValue value)
    {
        var text = value.Value.Span;
        if (Ascii.EqualsIgnoreCase(text, "true"u8))
        {
            value = value with { Value = True };
            return null;
        }

        if (Ascii.EqualsIgnoreCase(text, "false"u8))
        {
            value = value with { Value = False };
            return null;
        }

        return Faults.NotAnOption(index, value.Property, text, ["true", "false"]);
    }

    static Fault? CheckOptions(int index, ref PropertyValue value)
    {
        var text = value.Value.Span;
        if (value.Property.TakesAnyPart)
        {
            value = text[0] == ';' ? value with { Value = value.Value[1..], Append = true } : value;
            return null;
        }

        if (text[0] != ';' && value.Property.HasOption(text))
        {
            return null;
        }

        foreach (var range in text.Split((byte)';'))
        {
            if (Part(value.Property, text[range]) is { IsEmpty: false } part && !value.Property.HasOption(part))
            {
                return Faults.NotAnOption(index, value.Property, part, OptionsOf(value.Property));
            }
        }

        // From here, there are no more different parts than the property has options.
        var parts = new List<byte[]>();
        AddParts(parts, text, value.Property);
        value = value with { Value = Join(parts), Append = text[0] == ';' };
        return null;
    }

    static Fault? CheckDate(int index, ref PropertyValue value)
    {
        var text = value.Value.Span;
        if (text.Length == 10 && ParseDay(text, out _))
        {
            return null;
        }

        if (!Utf8Parser.TryParse(text, out long milliseconds, out var used) || used != text.Length || milliseconds is < Instant.Min or > Instant.Max)
        {
            return Faults.NotADate(index, value.Property, text);
        }

        var moment = DateTime.UnixEpoch.AddMilliseconds(milliseconds);
        if (moment.TimeOfDay != TimeSpan.Zero)
        {
            return Faults.NotMidnight(index, value.Property, text, moment.TimeOfDay);
        }

        value = value with { Value = Encoding.ASCII.GetBytes(moment.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)) };
        return null;
    }

    static Fault? CheckMoment(int index, ref PropertyValue value)
    {
        if (ParseMoment(value.Value.Span) is not { } milliseconds)
        {
            return Faults.NotAMoment(index, value.Property, value.Value.Span);
        }

        value = value with { Value = Instant.ToUtf8(milliseconds) };
        return null;
    }

    static bool IsPadded(ReadOnlySpan<byte> text) =>
        !text.IsEmpty && (text[0] is <= (byte)' ' or >= 0x80 || text[^1] is <= (byte)' ' or >= 0x80) && !Inner(text).Equals(..text.Length);

    // The value without white space at both ends.
    static Range Inner(ReadOnlySpan<byte> text)
    {
        var (start, end) = (0, text.Length);
        while (Rune.DecodeFromUtf8(text[start..end], out var rune, out var size) == OperationStatus.Done && Rune.IsWhiteSpace(rune))
        {
            start += size;
        }

        while (Rune.DecodeLastFromUtf8(text[start..end], out var rune, out var size) == OperationStatus.Done && Rune.IsWhiteSpace(rune))
        {
            end -= size;
        }

        return start..end;
    }

    // Each part of a checkbox value is a separate value.
    static ReadOnlySpan<byte> Part(Property property, ReadOnlySpan<byte> part) => IsPadded(part) && !property.HasOption(part) ? part[Inner(part)] : part;

    static bool IsNamed(Schema schema, Property property, ReadOnlySpan<byte> value) => property.Kind switch
    {
        PropertyKind.Option or PropertyKind.Options => property.HasOption(value),
        PropertyKind.Pipeline => schema.FindPipeline(value) is not null,
        PropertyKind.Stage => schema.FindStage(value) is not null,
        _ => false,
    };

    static IEnumerable<string> OptionsOf(Property property) => property.Definition.Options.Select(option => option.Value);

    static void AddParts(List<byte[]> parts, ReadOnlySpan<byte> text, Property property)
    {
        foreach (var range in text.Split((byte)';'))
        {
            var part = Part(property, text[range]);
            if (!part.IsEmpty && !Contains(parts, part))
            {
                parts.Add(part.ToArray());
            }
        }
    }

    static bool Contains(List<byte[]> parts, ReadOnlySpan<byte> part)
    {
        foreach (var known in parts)
        {
            if (part.SequenceEqual(known))
            {
                return true;
            }
        }

        return false;
    }

    static byte[] Join(List<byte[]> parts)
    {
        var joined = new byte[parts.Sum(part => part.Length + 1) - (parts.Count > 0 ? 1 : 0)];
        var at = 0;
        foreach (var part in parts)
        {
            if (at > 0)
            {
                joined[at++] = (byte)';';
            }

            part.CopyTo(joined, at);
            at += part.Length;
        }

        return joined;
    }

    static int SkipDigits(ReadOnlySpan<byte> text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit((char)text[at]))
        {
            at++;
        }

        return at - start;
    }

    static bool ParseDay(ReadOnlySpan<byte> text, out DateTime day)
    {
        day = default;
        if (text.Length < 10 || text[4] != '-' || text[7] != '-'
            || !ReadTwo(text, 0, 99, out var century) || !ReadTwo(text, 2, 99, out var years)
            || !ReadTwo(text, 5, 12, out var month) || !ReadTwo(text, 8, 31, out var date))
        {
            return false;
        }

        var year = century * 100 + years;
        if (year == 0 || month == 0 || date == 0 || date > DateTime.DaysInMonth(year, month))
        {
            return false;
        }

        day = new DateTime(year, month, date, 0, 0, 0, DateTimeKind.Utc);
        return true;
    }

    static bool ReadTwo(ReadOnlySpan<byte> text, int at, int max, out int value)
    {
        value = 0;
        if (at + 2 > text.Length || !char.IsAsciiDigit((char)text[at]) || !char.IsAsciiDigit((char)text[at + 1]))
        {
            return false;
        }

        value = (text[at] - '0') * 10 + text[at + 1] - '0';
        return value <= max;
    }

    // Nothing and Z mean UTC; otherwise +hh, +hhmm or +hh:mm.
    static bool ReadZone(ReadOnlySpan<byte> text, out TimeSpan offset)
    {
        offset = default;
        if (text.IsEmpty || (text.Length == 1 && text[0] is (byte)'Z' or (byte)'z'))
        {
            return true;
        }

        if (text[0] is not ((byte)'+' or (byte)'-') || !ReadTwo(text, 1, 23, out var hours))
        {
            return false;
        }

        var minutes = 0;
        var rest = text[3..];
        if (!rest.IsEmpty && (!ReadTwo(rest, rest[0] == ':' ? 1 : 0, 59, out minutes) || rest.Length != (rest[0] == ':' ? 3 : 2)))
        {
            return false;
        }

        offset = new TimeSpan(hours, minutes, 0) * (text[0] == '-' ? -1 : 1);
        return true;
    }

    static long ToMilliseconds(DateTime moment) => (moment.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;

    static readonly byte[] True = "true"u8.ToArray(), False = "false"u8.ToArray();
}
