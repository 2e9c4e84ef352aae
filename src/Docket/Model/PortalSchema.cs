using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// The immutable snapshot of all object types of a portal. A request takes it once and uses it throughout. A change of the schema
/// creates a new one.
/// </summary>
/// <remarks>
/// A portal has the schema of a type from the first write on, of a record or of a definition. Until then <see cref="ObjectType.Unused"/>
/// stands for it, which all portals share: a type that a portal doesn't use costs it nothing.
/// </remarks>
internal sealed class PortalSchema
{
    readonly ImmutableArray<ObjectType> known;
    readonly Property?[] byNumber;
    readonly Lazy<AssociationTypes> associations;

    /// <param name="known">The types that every portal has. The first is that of paths without a type.</param>
    /// <param name="used">The schemas of the types that the portal uses.</param>
    /// <param name="labels">The associations that the portal has defined apart from types.</param>
    /// <param name="limits">The limits of association types, by their numbers.</param>
    public PortalSchema(ImmutableArray<ObjectType> known, IEnumerable<Schema> used, ImmutableArray<AssociationDefinition> labels, ImmutableSortedDictionary<int, int>? limits = null)
    {
        this.known = known;
        Limits = limits ?? ImmutableSortedDictionary<int, int>.Empty;
        associations = new(() => new(
            [.. known.SelectMany(type => type.Associations(type.Id)), .. Defined.Where(definition => definition.Ends.All(end => Find(end) is not null)).SelectMany(definition => definition.Types)],
            EveryDefined.Where(definition => definition.DeletedAt is not null).SelectMany(definition => definition.Types),
            Limits));
        Labels = labels;
        Used = [.. used];
        LastNumber = Used.Select(schema => schema.Content.LastNumber).DefaultIfEmpty().Max();
        byNumber = new Property?[LastNumber + 1];
        foreach (var property in Used.SelectMany(schema => schema.EvenArchived))
        {
            byNumber[property.Number] = property;
        }
    }

    /// <summary>The schemas of the types that the portal uses, also of its own ones that it has archived or purged.</summary>
    public ImmutableArray<Schema> Used { get; }

    /// <summary>The types that the portal has or can use.</summary>
    public IEnumerable<ObjectType> Types => known.Concat(Custom.Select(schema => schema.Type));

    /// <summary>The schema for paths without a type.</summary>
    public Schema First => Of(known[0]);

    /// <summary>The ways in which records can be associated.</summary>
    public AssociationTypes Associations => associations.Value;

    /// <summary>The portal's own types, in order of their numbers, also archived and purged ones.</summary>
    public IEnumerable<Schema> Custom => Used.Where(schema => schema.Type.Definition is not null).OrderBy(schema => schema.Type.Number);

    /// <summary>The associations that the portal has defined between object types, one entry for both directions.</summary>
    public IEnumerable<AssociationDefinition> Defined => EveryDefined
        .Where(definition => definition.DeletedAt is null && !definition.Ends.Any(end => Find(end) is { Type.IsArchived: true }));

    /// <summary>The associations that the portal has defined apart from types: labels, and the plain ones that they need. Also deleted ones.</summary>
    public ImmutableArray<AssociationDefinition> Labels { get; }

    /// <summary>The most records that a record may be associated with, by the number of the association type. Those of deleted types have no effect.</summary>
    public ImmutableSortedDictionary<int, int> Limits { get; }

    /// <summary>The last id of an association, also of archived types and deleted ones.</summary>
    public int LastAssociation => EveryDefined.Select(definition => Math.Max(definition.Id, definition.InverseId)).DefaultIfEmpty().Max();

    // Also deleted ones, and those of archived types.
    IEnumerable<AssociationDefinition> EveryDefined => Custom.SelectMany(schema => schema.Type.Definition!.Associations).Concat(Labels);

    /// <summary>The last property number in use. Numbers are unique in the portal, across types.</summary>
    public int LastNumber { get; }

    /// <summary>The type of a path segment.</summary>
    public Schema? Find(string spelling)
    {
        foreach (var schema in Used)
        {
            if (!schema.Type.IsArchived && schema.Type.IsCalled(spelling))
            {
                return schema;
            }
        }

        foreach (var type in known)
        {
            if (type.IsCalled(spelling))
            {
                return type.Unused;
            }
        }

        return null;
    }

    /// <summary>The type in a stored text: its id, or in older data its plural.</summary>
    public Schema FindStored(string type) =>
        (TypeNumber.Parse(type) is { } number ? Find(number) : Find(type)) ?? throw new InvalidOperationException($"There are no {type} here.");

    /// <summary>The type with this number in record keys, even if it is archived; <c>null</c> if the server doesn't know it.</summary>
    public Schema? Find(int number)
    {
        foreach (var schema in Used)
        {
            if (schema.Type.Number == number)
            {
                return schema;
            }
        }

        foreach (var type in known)
        {
            if (type.Number == number)
            {
                return type.Unused;
            }
        }

        return null;
    }

    /// <summary>The schema of a type.</summary>
    public Schema Of(ObjectType type) => Find(type.Number) ?? throw new InvalidOperationException($"There are no {type.Plural} here.");

    /// <summary>The content of a type as the start of a change: new properties are numbered after the last property of the portal.</summary>
    public SchemaContent ContentOf(ObjectType type) =>
        Of(type) is { IsUsed: true, Content: var content } ? content with { LastNumber = LastNumber } : type.BegunAfter(LastNumber).Content;

    /// <summary>The property of any type with this number in stored values, including archived ones.</summary>
    public Property? FindNumberEvenArchived(int number) => number < byNumber.Length ? byNumber[number] : null;

    /// <summary>The snapshot with new content of one type. The schemas of the other types stay the same objects.</summary>
    public PortalSchema With(ObjectType type, SchemaContent content) => With(new Schema(Of(type).Type, content));

    /// <summary>The snapshot with another schema of one type, or with a new type.</summary>
    public PortalSchema With(Schema changed) =>
        new(known, Find(changed.Type.Number) is { IsUsed: true } ? Used.Select(schema => schema.Type.Number == changed.Type.Number ? changed : schema) : Used.Append(changed), Labels, Limits);

    /// <summary>The snapshot with other associations apart from types.</summary>
    public PortalSchema With(ImmutableArray<AssociationDefinition> labels) => new(known, Used, labels, Limits);

    /// <summary>The snapshot with other limits of association types.</summary>
    public PortalSchema With(ImmutableSortedDictionary<int, int> limits) => new(known, Used, Labels, limits);

    /// <summary>The snapshot in which an association that the portal has defined is deleted.</summary>
    /// <exception cref="Refusal">400: it is the plain one of two types that have labels.</exception>
    public PortalSchema Without(AssociationDefinition definition, long now)
    {
        if (definition.Label is null && Defined.Any(other => other.Label is not null && other.IsBetween(definition.FromObjectTypeId, definition.ToObjectTypeId)))
        {
            throw new Refusal(Faults.LabelsRemain(definition.Id));
        }

        var deleted = definition with { DeletedAt = now };
        if (Custom.FirstOrDefault(schema => schema.Type.Definition!.Associations.Contains(definition)) is not { } owner)
        {
            return With(Labels.Replace(definition, deleted));
        }

        var changed = owner.Type.Definition!;
        return With(new Schema((changed with { Associations = changed.Associations.Replace(definition, deleted), UpdatedAt = now }).ToType(), owner.Content));
    }
}
