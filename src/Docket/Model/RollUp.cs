using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What a roll-up property shows of the records that a record is associated with.</summary>
internal enum RollUpKind
{
    /// <summary>How many there are, or how many of them count; <c>0</c> if there never was one.</summary>
    Count,

    /// <summary>The id of the one record that there is.</summary>
    Id,

    /// <summary>The sum of their numbers.</summary>
    Sum,

    /// <summary>The earliest of their moments.</summary>
    First,

    /// <summary>The latest of their moments.</summary>
    Last,

    /// <summary>The earliest of their moments that was still to come when one of them changed.</summary>
    Next,

    /// <summary>Their texts, see <see cref="RollUp.Texts"/>.</summary>
    Text,
}

/// <summary>A property of a type that follows from associations (reference/objects-other-than-tickets.md 8.9).</summary>
/// <param name="Property">The property.</param>
/// <param name="Kind">What it shows.</param>
/// <param name="Types">Ids of HubSpot's association types that start at records of the type.</param>
internal sealed record RollUp(string Property, RollUpKind Kind, params ImmutableArray<int> Types)
{
    /// <summary>
    /// What a record at the other side adds. Only what is stored, so that the same record takes away later what it added. <c>null</c> if it
    /// counts whatever its values are.
    /// </summary>
    public Func<Followed, Share>? Of { get; init; }

    /// <summary>
    /// Properties with the values of another one of the records at the other side, which is named second: joined by <c>;</c> in order of their
    /// ids, without empty ones. <c>Property</c> is the first of them.
    /// </summary>
    public ImmutableArray<(string Property, string Of)> Texts { get; init; } = [];

    /// <summary>A property with the value beside the moment; <c>null</c> for none.</summary>
    public string? Beside { get; init; }

    /// <summary>The numbers of <see cref="Types"/>.</summary>
    public IEnumerable<int> Numbers => Types.Select(id => AssociationType.NumberOf(AssociationType.HubSpotDefined, id));

    /// <summary>Whether it shows values of the records at the other side.</summary>
    public bool ShowsValues => Of is not null || Kind == RollUpKind.Text;

    /// <summary>Texts of the records that are associated by one type.</summary>
    public static RollUp Joined(int type, params ImmutableArray<(string Property, string Of)> texts) => new(texts[0].Property, RollUpKind.Text, type) { Texts = texts };

    /// <summary>Whether an association type, by its number, counts.</summary>
    public bool Follows(int number) => (number & 1) == 0 && Types.Contains(number >> 1);

    /// <summary>Whether it sets a property.</summary>
    public bool Sets(string property) => property == Property || property == Beside || Texts.Any(text => text.Property == property);
}

/// <summary>What one record adds to a roll-up of another.</summary>
/// <param name="Value">A number, or for a count <c>1</c> if the record counts, or the value beside the moment. Empty for none.</param>
/// <param name="At">A moment, milliseconds since 1970; <c>null</c> for none.</param>
internal readonly record struct Share(ReadOnlyMemory<byte> Value, long? At = null);

/// <summary>A record whose values are rolled up in others.</summary>
internal readonly struct Followed(Schema schema, Record record)
{
    public ObjectType Type => schema.Type;

    public long Id => record.Id;

    /// <summary>Its <c>createdate</c>, milliseconds since 1970.</summary>
    public long CreatedAt => record.CreatedAt;

    /// <summary>A stored value; empty if there is none.</summary>
    public ReadOnlyMemory<byte> Value(string name)
    {
        var stored = new ValueReader(record.Values.Span);
        return schema.Find(name) is { } property && stored.Seek(property.Number) ? record.Values.Slice(stored.ValueStart, stored.Value.Length) : default;
    }

    /// <summary>A stored value as a time, milliseconds since 1970; <c>null</c> if there is none.</summary>
    public long? Moment(string name) => Instant.Parse(Value(name).Span);
}

/// <summary>The values of a type's records that are rolled up in others (<see cref="RollUp.Of"/>).</summary>
/// <param name="Types">Ids of HubSpot's association types that lead to those others.</param>
/// <param name="Names">The properties.</param>
internal sealed record FollowedValues(ImmutableArray<int> Types, params ImmutableArray<string> Names)
{
    /// <summary>The numbers of <see cref="Types"/>.</summary>
    public ImmutableArray<int> Numbers { get; } = [.. Types.Select(id => AssociationType.NumberOf(AssociationType.HubSpotDefined, id))];
}
