using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Writes;

namespace Docket.Tests.Types;

/// <summary>The rules of e-mail addresses (reference/objects-other-than-tickets.md 2.1).</summary>
public class EmailAddressTests
{
    static readonly Schema Schema = new(Contacts.Type, SchemaContent.Of(Contacts.Type.Seed()));

    [Theory]
    [InlineData("a@b.cc", "a@b.cc")]
    [InlineData("Ada.Lovelace+x@Example.COM", "ada.lovelace+x@example.com")]
    [InlineData(" \t a@b.cc ", "a@b.cc")]
    [InlineData("a@sub.b.museum", "a@sub.b.museum")]
    [InlineData("Jürgen@Müller.de", "jürgen@müller.de")]
    [InlineData("a@example.com", "a@example.com")]
    [InlineData("  ", "")]
    public void An_address_is_stored_trimmed_and_in_lower_case(string sent, string stored) =>
        Assert.Equal((null, stored, false), Check("email", sent));

    [Theory]
    [InlineData("None")]
    [InlineData("dsfsafas@")]
    [InlineData("example.lcom")]
    [InlineData("@b.cc")]
    [InlineData("a@b")]
    [InlineData("a@b.c")]
    [InlineData("a@b.c1")]
    [InlineData("a@b..cc")]
    [InlineData("a@.cc")]
    [InlineData("a@b.cc.")]
    [InlineData("a@b@c.dd")]
    [InlineData("a b@c.dd")]
    [InlineData("a;b@c.dd")]
    [InlineData("a@b.test")]
    [InlineData("a@b.Example")]
    [InlineData("a@b.invalid")]
    [InlineData("a@b.localhost")]
    [InlineData("a@b.local")]
    public void Anything_else_is_invalid(string sent)
    {
        Assert.Equal($"Email address {sent} is invalid", Check("email", sent).Fault);
        Assert.NotNull(Check("hs_additional_emails", $"x@y.zz;{sent}").Fault);
    }

    [Fact]
    public void The_last_part_has_at_most_63_letters()
    {
        Assert.Null(Check("email", $"a@b.{new string('c', 63)}").Fault);
        Assert.NotNull(Check("email", $"a@b.{new string('c', 64)}").Fault);
    }

    [Theory]
    [InlineData("a@b.cc;C@d.ee", "a@b.cc;c@d.ee", false)]
    [InlineData(" a@b.cc ; A@B.cc;;c@d.ee;", "a@b.cc;c@d.ee", false)]
    [InlineData(";a@b.cc", "a@b.cc", true)]
    [InlineData(";", "", true)]
    public void A_list_has_each_address_once(string sent, string stored, bool append) => Assert.Equal((null, stored, append), Check("hs_additional_emails", sent));

    [Fact]
    public void A_list_has_at_most_250_addresses()
    {
        Assert.Null(Check("hs_additional_emails", List(250)).Fault);
        Assert.Equal("Cannot have more than 250 identities on a profile", Check("hs_additional_emails", List(251)).Fault);

        static string List(int count) => string.Join(';', Enumerable.Range(0, count).Select(i => $"a{i}@b.cc"));
    }

    [Fact]
    public void Reserved_domains_are_allowed_by_a_setting() =>
        Assert.Null(Check("email", "a@b.test", PortalSettings.Default with { ReservedEmailDomains = true }).Fault);

    static (string? Fault, string Stored, bool Append) Check(string property, string sent, PortalSettings? settings = null)
    {
        var fault = PropertyValues.Check(0, Schema, settings ?? PortalSettings.Default, Schema.Find(property)!, Encoding.UTF8.GetBytes(sent), out var value);
        return (fault?.Message, Encoding.UTF8.GetString(value.Value.Span), value.Append);
    }
}
