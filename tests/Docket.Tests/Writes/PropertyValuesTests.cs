using System.Globalization;
using System.Text;
using CsCheck;
using Docket.Model;
using Docket.Tests.Compatibility;
using Docket.Writes;

namespace Docket.Tests.Writes;

public class PropertyValuesTests
{
    // reference/objects-and-batch.md 2.1: what is accepted, and how it is stored.
    [Theory]
    [InlineData("subject", "  kept as sent  ", "  kept as sent  ")]
    [InlineData("subject", "línea 1\nüñí 😀", "línea 1\nüñí 😀")]
    [InlineData("subject", "", "")]
    [InlineData("amount", "860.00", "860.00")]
    [InlineData("amount", "-0.5", "-0.5")]
    [InlineData("amount", "+7", "+7")]
    [InlineData("amount", ".5", ".5")]
    [InlineData("amount", "1.5e-7", "1.5e-7")]
    [InlineData("amount", "0.200000000000000011102230246251565404236316680908203125", "0.200000000000000011102230246251565404236316680908203125")]
    [InlineData("urgent", "true", "true")]
    [InlineData("urgent", "TRUE", "true")]
    [InlineData("urgent", "False", "false")]
    [InlineData("colour", "dark blue", "dark blue")]
    [InlineData("tags_set", "a;b", "a;b")]
    [InlineData("tags_set", "b;a;b", "b;a")]
    [InlineData("tags_set", "a;", "a")]
    [InlineData("due", "2026-02-28", "2026-02-28")]
    [InlineData("due", "1786320000000", "2026-08-10")]
    [InlineData("due", "-86400000", "1969-12-31")]
    [InlineData("seen_at", "2025-01-09T07:18:05.522Z", "2025-01-09T07:18:05.522Z")]
    [InlineData("seen_at", "2024-09-19T17:30:00Z", "2024-09-19T17:30:00Z")]
    [InlineData("seen_at", "2024-09-19T17:30:00.000Z", "2024-09-19T17:30:00Z")]
    [InlineData("seen_at", "2024-09-19T19:30:00+02:00", "2024-09-19T17:30:00Z")]
    [InlineData("seen_at", "2024-09-19T12:00-0530", "2024-09-19T17:30:00Z")]
    [InlineData("seen_at", "2024-09-19T17:30:00.5Z", "2024-09-19T17:30:00.500Z")]
    [InlineData("seen_at", "2024-09-19", "2024-09-19T00:00:00Z")]
    [InlineData("seen_at", "1736407085522", "2025-01-09T07:18:05.522Z")]
    [InlineData("seen_at", "0", "1970-01-01T00:00:00Z")]
    [InlineData("hubspot_owner_id", "44", "44")]
    [InlineData("hs_pipeline", "0", "0")]
    [InlineData("hs_pipeline_stage", "3", "3")]
    public void A_value_is_taken_and_stored_in_its_normal_form(string property, string sent, string stored)
    {
        Assert.Null(Check(property, sent, out var value));
        Assert.Equal(stored, Encoding.UTF8.GetString(value.Value.Span));
        Assert.False(value.Append);
    }

    [Behaviour("any endpoint", "white space around a value that is no text is trimmed", "docs, decide", "objects-and-batch.md 2.1")]
    [Theory]
    [InlineData("amount", " 47", "47")]
    [InlineData("amount", "\t860.00\u00a0", "860.00")]
    [InlineData("amount", " ", "")]
    [InlineData("urgent", "true\t", "true")]
    [InlineData("urgent", "\u00a0FALSE ", "false")]
    [InlineData("colour", "\u00a0dark blue\r\n", "dark blue")]
    [InlineData("tags_set", " a;b ", "a;b")]
    [InlineData("tags_set", "a; b ;\u00a0c", "a;b;c")]
    [InlineData("due", " 2024-02-29", "2024-02-29")]
    [InlineData("due", "1786320000000 ", "2026-08-10")]
    [InlineData("seen_at", "\u00a02025-01-09T07:18:05.522Z ", "2025-01-09T07:18:05.522Z")]
    [InlineData("seen_at", "\u3000\u2003", "")]
    [InlineData("hubspot_owner_id", " 44 ", "44")]
    [InlineData("hs_pipeline", "0 ", "0")]
    [InlineData("hs_pipeline_stage", "\t3", "3")]
    [InlineData("hs_all_assigned_business_unit_ids", " 7 ", "7")] // options that are kept elsewhere
    [InlineData("hs_ticket_priority", "HIGH ", "HIGH")]
    public void White_space_around_what_is_no_text_is_trimmed(string property, string sent, string stored)
    {
        Assert.Null(Check(property, sent, out var value));
        Assert.Equal(stored, Encoding.UTF8.GetString(value.Value.Span));
    }

    [Theory]
    [InlineData("amount", "4 7", "INVALID_INTEGER")]
    [InlineData("colour", "dark  blue", "INVALID_OPTION")]
    [InlineData("due", "2024-02-30 ", "INVALID_DATE")]
    [InlineData("hs_pipeline_stage", " ", "INVALID_OPTION")]
    [InlineData("amount", "\u200b47", "INVALID_INTEGER")]
    public void White_space_within_a_value_or_around_a_wrong_one_does_not_make_it_right(string property, string sent, string code) =>
        Assert.Equal(code, Check(property, sent, out _)?.Code);

    [Fact]
    public void An_option_or_stage_with_white_space_of_its_own_is_found_by_it()
    {
        var padded = Schemata.With(Schemata.Custom("padded", "enumeration", "select") with { Options = [new() { Label = "A", Value = " a" }, new() { Label = "B", Value = "b" }] });
        var property = padded.Find("padded")!;
        Assert.Null(PropertyValues.Check(0, padded, PortalSettings.Default, property, Encoding.UTF8.GetBytes(" a"), out var value));
        Assert.Equal(" a", Encoding.UTF8.GetString(value.Value.Span));
        Assert.Null(PropertyValues.Check(0, padded, PortalSettings.Default, property, Encoding.UTF8.GetBytes(" b"), out value));
        Assert.Equal("b", Encoding.UTF8.GetString(value.Value.Span));
        Assert.NotNull(PropertyValues.Check(0, padded, PortalSettings.Default, property, Encoding.UTF8.GetBytes("a"), out _));
    }

    // reference/objects-and-batch.md 2.2: code, and the text where the reference has it literally.
    [Theory]
    [InlineData("hs_object_id", "5", "READ_ONLY_VALUE", "\"hs_object_id\" is a read only property; its value cannot be set.")]
    [InlineData("hs_is_closed", "true", "READ_ONLY_VALUE", "\"hs_is_closed\" is a calculated property; its value cannot be set.")]
    [InlineData("urgent", "tYES", "INVALID_OPTION", "tYES was not one of the allowed options: [true, false]")]
    [InlineData("colour", "Red", "INVALID_OPTION", "Red was not one of the allowed options: [red, green, dark blue]")]
    [InlineData("tags_set", "a;d", "INVALID_OPTION", "d was not one of the allowed options: [a, b, c]")]
    [InlineData("hs_pipeline_stage", "registered", "INVALID_OPTION", "registered is not a valid pipeline stage ID. Valid options are: pipelineId=0 : [1, 2, 3, 4]")]
    [InlineData("hs_pipeline_stage", "", "INVALID_OPTION", " is not a valid pipeline stage ID. Valid options are: pipelineId=0 : [1, 2, 3, 4]")]
    [InlineData("hs_pipeline", "7", "INVALID_OPTION", "7 was not one of the allowed options: [0]")]
    [InlineData("hubspot_owner_id", "someone", "INVALID_INTEGER", "someone was not a valid integer (for owner ID).")]
    [InlineData("seen_at", "asd000", "INVALID_LONG", "asd000 was not a valid long.")]
    [InlineData("seen_at", "2019-05-13T12:05:53.602759Z", "INVALID_LONG", "2019-05-13T12:05:53.602759Z was not a valid long.")]
    [InlineData("due", "1786334400000", "INVALID_DATE", "1786334400000 is at 4:0:0.0 UTC, not midnight!")]
    [InlineData("due", "1786387889103", "INVALID_DATE", "1786387889103 is at 18:51:29.103 UTC, not midnight!")]
    [InlineData("due", "2026-02-29", "INVALID_DATE", null)]
    [InlineData("due", "10.08.2026", "INVALID_DATE", null)]
    [InlineData("amount", "1,000", "INVALID_INTEGER", null)]
    [InlineData("amount", "1e", "INVALID_INTEGER", null)]
    [InlineData("amount", ".", "INVALID_INTEGER", null)]
    [InlineData("amount", "0x10", "INVALID_INTEGER", null)]
    [InlineData("amount", "NaN", "INVALID_INTEGER", null)]
    [InlineData("seen_at", "2025-13-01T00:00:00Z", "INVALID_LONG", null)]
    [InlineData("seen_at", "2025-01-01T24:00:00Z", "INVALID_LONG", null)]
    [InlineData("seen_at", "2025-01-01T00:00:00Zulu", "INVALID_LONG", null)]
    [InlineData("seen_at", "99999999999999999999", "INVALID_LONG", null)]
    [InlineData("seen_at", "9223372036854775807", "INVALID_LONG", null)]
    [InlineData("seen_at", "0001-01-01T00:00:00+01:00", "INVALID_LONG", null)]
    [InlineData("createdate", "", "INVALID_LONG", null)]
    public void A_value_that_its_property_does_not_take_is_a_fault(string property, string sent, string code, string? message)
    {
        var fault = Check(property, sent, out _);
        Assert.NotNull(fault);
        Assert.Equal((FaultKind.InvalidValue, code, property), (fault.Kind, fault.Code, fault.Property));
        if (message is not null)
        {
            Assert.Equal(message, fault.Message);
        }
    }

    [Fact]
    public void A_leading_semicolon_appends()
    {
        Assert.Null(Check("tags_set", ";c;a", out var value));
        Assert.True(value.Append);
        Assert.Equal("c;a", Encoding.UTF8.GetString(value.Value.Span));
        Assert.Equal("a;b;c", Encoding.UTF8.GetString(PropertyValues.Union("a;b"u8, value.Value.Span)));
    }

    // reference/objects-and-batch.md 8, 15: the bound counts characters, not bytes.
    [Fact]
    public void A_text_of_65536_characters_is_taken_and_one_more_is_not()
    {
        Assert.Null(Check("content", new string('ä', 65_536), out _));
        Assert.Equal("PROPERTY_VALUE_TOO_LONG", Check("content", new string('ä', 65_537), out _)?.Code);
    }

    [Fact]
    public void A_long_refused_value_is_repeated_in_part_only() =>
        Assert.True(Check("colour", new string('x', 60_000), out _)!.Message.Length < 400);

    [Fact]
    public void What_was_normalised_once_stays_as_it_is() => Gen.Select(Gen.OneOf("amount", "due", "seen_at", "urgent", "tags_set", "colour"), Near)
        .Sample((property, sent) =>
        {
            if (Check(property, sent, out var value) is null)
            {
                var stored = Encoding.UTF8.GetString(value.Value.Span);
                Assert.Null(Check(property, stored, out var again));
                Assert.Equal(stored, Encoding.UTF8.GetString(again.Value.Span));
            }
        });

    [Fact]
    public void Every_moment_reads_back_as_itself() => Gen.Long[Instant.Min, Instant.Max].Sample(moment =>
    {
        var text = Instant.ToUtf8(moment);
        Assert.Equal(moment, Instant.Parse(text));
        Assert.Equal(moment, PropertyValues.ParseMoment(text));
        Assert.Equal(moment, PropertyValues.ParseMoment(Encoding.ASCII.GetBytes(moment.ToString(CultureInfo.InvariantCulture))));
        Assert.DoesNotContain(".000Z", Encoding.ASCII.GetString(text));
    });

    [Fact]
    public void Moments_with_an_offset_mean_what_the_framework_thinks_they_mean() =>
        Gen.Select(Gen.Long[0, 4_000_000_000_000], Gen.Int[-14 * 60, 14 * 60]).Sample((moment, offset) =>
        {
            var local = DateTimeOffset.FromUnixTimeMilliseconds(moment).ToOffset(TimeSpan.FromMinutes(offset));
            var text = local.ToString("yyyy-MM-dd'T'HH:mm:ss.fffzzz", CultureInfo.InvariantCulture);
            Assert.Equal(moment, PropertyValues.ParseMoment(Encoding.ASCII.GetBytes(text)));
        });

    [Fact]
    public void Whatever_the_framework_reads_as_a_plain_number_is_a_number() => Gen.Double.Sample(number =>
        Assert.Equal(double.IsFinite(number), PropertyValues.IsNumber(Encoding.ASCII.GetBytes(number.ToString("R", CultureInfo.InvariantCulture)))));

    [Fact]
    public void No_text_whatever_makes_a_check_throw() => Gen.Select(Gen.Int[0, Schemata.Tickets.Properties.Length - 1], Gen.OneOf(Gen.String, Near))
        .Sample((rank, sent) =>
        {
            var property = Schemata.Tickets.Properties[rank];
            _ = PropertyValues.Check(0, Schemata.Tickets, PortalSettings.Default, property, Encoding.UTF8.GetBytes(sent), out _);
        });

    [Fact]
    public void Union_keeps_each_part_once_and_the_stored_ones_first() =>
        Gen.Select(Parts, Parts).Sample((stored, added) =>
        {
            var union = Encoding.UTF8.GetString(PropertyValues.Union(Encoding.UTF8.GetBytes(string.Join(';', stored)), Encoding.UTF8.GetBytes(string.Join(';', added))));
            Assert.Equal(string.Join(';', stored.Concat(added).Distinct()), union);
        });

    // Texts that are nearly values: digits, signs, separators and letters in any order.
    static readonly Gen<string> Near = Gen.OneOf(
        Gen.Char["0123456789+-.eETZ:; "].Array[0, 30].Select(chars => new string(chars)),
        Gen.OneOf("true", "FALSE", "a;b", ";c", "red", "2026-01-01", "2026-01-01T10:00:00Z", "1767225600000"),
        Gen.DateTime.Select(moment => moment.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)));

    static readonly Gen<string[]> Parts = Gen.OneOf("a", "b", "c", "d").Array[0, 5];

    static Fault? Check(string property, string sent, out PropertyValue value) =>
        PropertyValues.Check(0, Schemata.Tickets, PortalSettings.Default, Schemata.Tickets.Find(property)!, Encoding.UTF8.GetBytes(sent), out value);
}
