namespace Docket.Model;

/// <summary>An object type: the kind of thing a record is. Tickets are the first; everything below works for any.</summary>
/// <param name="Number">The number that keys of this type carry, 1 to 16,383.</param>
/// <param name="Id">The id on the wire, such as <c>0-5</c>.</param>
/// <param name="Plural">The plural used in paths, such as <c>tickets</c>.</param>
/// <param name="Singular">The singular that paths accept too.</param>
/// <param name="LegacyName">The upper-case name inside messages, such as <c>TICKET</c> (reference/objects-and-batch.md 2.4, 2.5, 4.8).</param>
internal sealed record ObjectType(int Number, string Id, string Plural, string Singular, string LegacyName)
{
    public static readonly ObjectType Ticket = new(5, "0-5", "tickets", "ticket", "TICKET");

    static readonly ObjectType[] All = [Ticket];

    /// <summary>The type that keys carry as <paramref name="number"/>.</summary>
    public static ObjectType Of(int number) => Array.Find(All, type => type.Number == number)
        ?? throw new InvalidOperationException($"There is no object type {number}.");

    /// <summary>The type a path segment names: plural, singular or id, in any letter case (reference/properties-pipelines-search-associations.md 7).</summary>
    public static ObjectType? Find(string spelling)
    {
        foreach (var type in All)
        {
            if (spelling.Equals(type.Plural, StringComparison.OrdinalIgnoreCase)
                || spelling.Equals(type.Singular, StringComparison.OrdinalIgnoreCase)
                || spelling == type.Id)
            {
                return type;
            }
        }

        return null;
    }
}
