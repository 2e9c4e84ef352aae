using System.Collections.Immutable;
using System.Text;

namespace Docket.Model.Types;

/// <summary>The rules of e-mail addresses: trimmed, lower-cased, checked (reference/objects-other-than-tickets.md 2.1).</summary>
internal static class EmailAddresses
{
    /// <summary>Most addresses in a list, as in a merge (reference/objects-other-than-tickets.md 2.6).</summary>
    const int ListMax = 250;

    static readonly ImmutableArray<string> Reserved = ["test", "invalid", "example", "localhost", "local"];

    /// <summary>The rule of a property with one address.</summary>
    public static Fault? Check(int index, PortalSettings settings, ref PropertyValue value)
    {
        var address = Encoding.UTF8.GetString(value.Value.Span).Trim();
        value = value with { Value = Encoding.UTF8.GetBytes(address.ToLowerInvariant()) };
        return address.Length == 0 || IsValid(address, settings) ? null : Faults.InvalidEmail(index, value.Property, address);
    }

    /// <summary>The rule of a property with addresses separated by <c>;</c>. Like any such list, it is appended if it starts with one.</summary>
    public static Fault? CheckList(int index, PortalSettings settings, ref PropertyValue value)
    {
        var text = Encoding.UTF8.GetString(value.Value.Span);
        string[] addresses = [.. text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct(StringComparer.OrdinalIgnoreCase)];
        value = value with { Value = Encoding.UTF8.GetBytes(string.Join(';', addresses).ToLowerInvariant()), Append = value.Append || text.StartsWith(';') };
        return addresses.Length > ListMax ? Faults.TooManyEmails(index, value.Property, ListMax)
            : Array.Find(addresses, address => !IsValid(address, settings)) is { } invalid ? Faults.InvalidEmail(index, value.Property, invalid)
            : null;
    }

    /// <summary>What follows the <c>@</c>.</summary>
    public static ReadOnlyMemory<byte> DomainOf(ReadOnlyMemory<byte> address) => address[(address.Span.IndexOf((byte)'@') + 1)..];

    // 2.1 [decide]. The separator of lists and white space would make two addresses of one.
    static bool IsValid(string address, PortalSettings settings)
    {
        if (address.Split('@') is not [{ Length: > 0 }, var host] || host.Split('.') is not [_, .., var last] labels || labels.Contains(""))
        {
            return false;
        }

        return last.Length is >= 2 and <= 63 && last.All(char.IsLetter)
            && (settings.ReservedEmailDomains || !Reserved.Contains(last.ToLowerInvariant()))
            && !address.Any(letter => letter == ';' || char.IsWhiteSpace(letter) || char.IsControl(letter));
    }
}
