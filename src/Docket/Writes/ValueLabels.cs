using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>
/// Labels of options and email addresses of owners, instead of stored values. <see cref="StageLabels"/> handles pipelines and
/// stages. Booleans have no labels: they stay <c>true</c> and <c>false</c>.
/// </summary>
internal static class ValueLabels
{
    /// <summary>Replaces labels in a value with stored values. Stored values stay, and so do unknown texts, which are refused as values. A label that several options share is a fault.</summary>
    public static RawValue ToStored(int index, in RawValue raw, Property property, PortalOwners owners, List<Fault> faults)
    {
        if (raw.IsNull || property.Kind is not (PropertyKind.Option or PropertyKind.Options or PropertyKind.Owner))
        {
            return raw;
        }

        var text = Encoding.UTF8.GetString(raw.Value.Span);
        var parts = new List<string>();
        foreach (var part in PartsOf(property, text))
        {
            var values = ValuesOf(property, part, owners);
            if (values.Count > 1)
            {
                faults.Add(Faults.LabelOfSeveralOptions(index, property, part, values));
                return raw with { IsNull = true };
            }

            parts.Add(values is [var value] ? value : part);
        }

        var stored = string.Join(';', parts);
        return stored == text ? raw : raw with { Value = Encoding.UTF8.GetBytes(stored) };
    }

    /// <summary>The values that a text in a search can mean, one for each way to read it.</summary>
    public static List<string> ForSearch(Property property, string text, PortalOwners owners)
    {
        List<string> all = [""];
        foreach (var (part, at) in PartsOf(property, text).Select((part, at) => (part, at)))
        {
            var values = ValuesOf(property, part, owners);
            all = [.. all.SelectMany(before => (values.Count == 0 ? [part] : values).Select(value => at == 0 ? value : $"{before};{value}")).Take(WaysMax)];
        }

        return all;
    }

    /// <summary>A stored value with labels.</summary>
    public static ReadOnlySpan<byte> Show(Property property, ReadOnlySpan<byte> stored, PortalOwners owners)
    {
        if (stored.IsEmpty || property.Kind is not (PropertyKind.Option or PropertyKind.Options or PropertyKind.Owner))
        {
            return stored;
        }

        var text = Encoding.UTF8.GetString(stored);
        return Encoding.UTF8.GetBytes(string.Join(';', PartsOf(property, text).Select(part =>
            Labels(property, owners).FirstOrDefault(label => label.Value == part) is { Label: { Length: > 0 } label } ? label : part)));
    }

    /// <summary>Most ways to read a text in a search.</summary>
    const int WaysMax = 100;

    // Several options are separated by semicolons, also when appending one (;a). A label may contain semicolons itself.
    static string[] PartsOf(Property property, string text) =>
        property.Kind == PropertyKind.Options && !Labels(property, PortalOwners.None).Any(label => Is(label.Label, text)) ? text.Split(';') : [text];

    static List<string> ValuesOf(Property property, string text, PortalOwners owners)
    {
        if (text.Length == 0 || Labels(property, owners).Any(label => label.Value == text))
        {
            return [];
        }

        var found = Labels(property, owners).Where(label => Is(label.Label, text)).ToList();
        var exact = found.Where(label => label.Label.Trim() == text.Trim()).ToList();
        return [.. (exact.Count == 1 ? exact : found).Select(label => label.Value)];
    }

    static IEnumerable<(string Value, string Label)> Labels(Property property, PortalOwners owners) => property.Kind == PropertyKind.Owner
        ? owners.All.Select(user => (user.Id.ToString(), user.Email))
        : property.Definition.Options.Select(option => (option.Value, option.Label));

    static bool Is(string label, string text) => label.Trim().Equals(text.Trim(), StringComparison.OrdinalIgnoreCase);
}
