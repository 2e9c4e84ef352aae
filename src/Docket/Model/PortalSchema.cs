using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// The immutable snapshot of all object types of a portal. A request takes it once, and everything in the request sees that
/// one; a change of the schema makes a new one.
/// </summary>
internal sealed class PortalSchema
{
    readonly Property?[] byNumber;

    public PortalSchema(IEnumerable<Schema> types)
    {
        Types = [.. types];
        LastNumber = Types.Max(schema => schema.Content.LastNumber);
        byNumber = new Property?[LastNumber + 1];
        foreach (var number in Enumerable.Range(0, byNumber.Length))
        {
            byNumber[number] = Types.Select(schema => schema.FindNumberEvenArchived(number)).FirstOrDefault(property => property is not null);
        }
    }

    /// <summary>The schema of each type. The first is the one of paths that name none.</summary>
    public ImmutableArray<Schema> Types { get; }

    /// <summary>The last number that was given to a property. Numbers are unique in the portal, across its types.</summary>
    public int LastNumber { get; }

    /// <summary>The type that a path segment names.</summary>
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

    /// <summary>The type that record keys carry as <paramref name="number"/>; <c>null</c> for one that the server doesn't know.</summary>
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

    /// <summary>The content of a type for a change to start from: what it adds is numbered after the last property of the portal.</summary>
    public SchemaContent ContentOf(ObjectType type) => Of(type).Content with { LastNumber = LastNumber };

    /// <summary>The property of any type that stored values carry as <paramref name="number"/>, also an archived one.</summary>
    public Property? FindNumberEvenArchived(int number) => number < byNumber.Length ? byNumber[number] : null;

    /// <summary>The snapshot with another content of one type. The schemas of the others stay the same objects.</summary>
    public PortalSchema With(ObjectType type, SchemaContent content) =>
        new(Types.Select(schema => schema.Type.Number == type.Number ? new Schema(type, content) : schema));
}
