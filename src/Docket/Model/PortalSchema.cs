using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// The immutable snapshot of all object types of a portal. A request takes it once and uses it throughout. A change of the schema
/// creates a new one.
/// </summary>
internal sealed class PortalSchema
{
    readonly Property?[] byNumber;

    public PortalSchema(IEnumerable<Schema> types)
    {
        Types = [.. types];
        LastNumber = Types.Select(schema => schema.Content.LastNumber).DefaultIfEmpty().Max();
        byNumber = new Property?[LastNumber + 1];
        foreach (var number in Enumerable.Range(0, byNumber.Length))
        {
            byNumber[number] = Types.Select(schema => schema.FindNumberEvenArchived(number)).FirstOrDefault(property => property is not null);
        }
    }

    /// <summary>The schema of each type. The first is that of paths without a type.</summary>
    public ImmutableArray<Schema> Types { get; }

    /// <summary>The last property number in use. Numbers are unique in the portal, across types.</summary>
    public int LastNumber { get; }

    /// <summary>The type of a path segment.</summary>
    public Schema? Find(string spelling)
    {
        foreach (var schema in Types)
        {
            if (schema.Type.IsCalled(spelling))
            {
                return schema;
            }
        }

        return null;
    }

    /// <summary>The type with this number in record keys; <c>null</c> if the server doesn't know it.</summary>
    public Schema? Find(int number)
    {
        foreach (var schema in Types)
        {
            if (schema.Type.Number == number)
            {
                return schema;
            }
        }

        return null;
    }

    /// <summary>The schema of a type.</summary>
    public Schema Of(ObjectType type) => Find(type.Number) ?? throw new InvalidOperationException($"There are no {type.Plural} here.");

    /// <summary>The content of a type as the start of a change: new properties are numbered after the last property of the portal.</summary>
    public SchemaContent ContentOf(ObjectType type) => Of(type).Content with { LastNumber = LastNumber };

    /// <summary>The property of any type with this number in stored values, including archived ones.</summary>
    public Property? FindNumberEvenArchived(int number) => number < byNumber.Length ? byNumber[number] : null;

    /// <summary>The snapshot with new content of one type. The schemas of the other types stay the same objects.</summary>
    public PortalSchema With(ObjectType type, SchemaContent content) =>
        new(Types.Select(schema => schema.Type.Number == type.Number ? new Schema(type, content) : schema));
}
