using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Docket.Model;
using Docket.Model.Types;

namespace Docket.Schemas;

/// <summary>The caller and time of a change of a portal's object types.</summary>
/// <param name="PortalId">The portal.</param>
/// <param name="Now">Milliseconds since 1970.</param>
/// <param name="UserId">As in <see cref="Edit"/>.</param>
internal readonly record struct TypeEdit(long PortalId, long Now, string UserId);

/// <summary>The result of a change of the object types: the new snapshot, and the answer to the request.</summary>
internal readonly record struct TypesEdited<T>(PortalSchema Portal, T Answer);

/// <summary>The rules of custom object types (reference/properties-pipelines-search-associations.md 8, reference/objects-other-than-tickets.md 7). Pure.</summary>
internal static partial class TypeRules
{
    const string InvalidPrimary = "ObjectSchemasSandboxesSyncErrorType.INVALID_PRIMARY_DISPLAY_PROPERTY",
        InvalidSecondary = "ObjectSchemasSandboxesSyncErrorType.INVALID_SECONDARY_DISPLAY_PROPERTIES",
        InvalidSearchable = "ObjectSchemasSandboxesSyncErrorType.INVALID_SEARCHABLE_PROPERTIES",
        InvalidRequired = "InvalidPropertiesError.INVALID_REQUIRED_PROPERTIES";

    /// <summary>Creates a type. An archived one with the same name is purged.</summary>
    public static TypesEdited<Schema> Create(PortalSchema portal, TypeCreate input, TypeEdit edit)
    {
        var name = input.Name!;
        if (name.Length > TypeDefinition.NameMax || !NameForm().IsMatch(name))
        {
            throw new Refusal(Faults.TypeNameInvalid(name));
        }

        if (portal.Custom.Any(schema => !schema.Type.IsArchived && schema.Type.Definition!.IsNamed(name)))
        {
            throw new Refusal(Faults.TypeExists(name));
        }

        var number = TypeNumber.Next(portal.Custom.Select(schema => schema.Type.Number)) ?? throw new Refusal(Faults.TooManyTypes(TypeNumber.CustomMax));
        var bare = new TypeDefinition
        {
            Id = TypeNumber.Format(number),
            Name = name,
            FullyQualifiedName = $"p{edit.PortalId}_{name}",
            Labels = Labels(input.Labels!, null),
            PrimaryDisplayProperty = input.PrimaryDisplayProperty ?? throw new Refusal(Faults.PrimaryDisplayRequired()),
            CreatedAt = edit.Now,
            CreatedUserId = edit.UserId,
        };
        var content = CustomObjects.ContentOf(bare, portal.LastNumber);
        var type = bare.ToType();
        foreach (var property in input.Properties ?? [])
        {
            content = PropertyRules.Create(content, property with { GroupName = property.GroupName ?? bare.Group }, new(type, edit.Now, edit.UserId)).Content;
        }

        var created = new Schema((Apply(bare, input, content, edit) with { Associations = FirstAssociations(portal, bare, input.AssociatedObjects ?? [], edit) }).ToType(), content);
        return new((FindArchivedByName(portal, name) is { } archived ? Purge(portal, archived, edit) : portal).With(created), created);
    }

    /// <summary>Changes the given members and keeps the rest.</summary>
    public static TypesEdited<Schema> Update(PortalSchema portal, string spelling, TypeUpdate input, TypeEdit edit)
    {
        var (schema, definition) = Own(portal, spelling);
        return Replace(portal, schema, Apply(definition, input, schema.Content, edit));
    }

    /// <summary>Archives a type. The store refuses that while it has active records.</summary>
    public static TypesEdited<Schema> Archive(PortalSchema portal, string spelling, TypeEdit edit)
    {
        var (schema, definition) = Own(portal, spelling);
        return Replace(portal, schema, definition with { ArchivedAt = edit.Now });
    }

    /// <summary>Permanently deletes an archived type: its name becomes free.</summary>
    public static TypesEdited<Schema> Purge(PortalSchema portal, string spelling, TypeEdit edit) =>
        FindArchived(portal, spelling) is { } archived ? new(Purge(portal, archived, edit), archived) : throw new Refusal(Faults.TypeNotArchived());

    /// <summary>The archived type that a path segment refers to; <c>null</c> if there is none.</summary>
    public static Schema? FindArchived(PortalSchema portal, string spelling) => Archived(portal).FirstOrDefault(schema => schema.Type.IsCalled(spelling));

    /// <summary>The archived type with a name; <c>null</c> if there is none.</summary>
    public static Schema? FindArchivedByName(PortalSchema portal, string name) => Archived(portal).FirstOrDefault(schema => schema.Type.Definition!.IsNamed(name));

    /// <summary>Defines the plain association of two types: one of them is the type of the path, and one is the portal's own.</summary>
    public static TypesEdited<AssociationDefinition> Associate(PortalSchema portal, string spelling, AssociationInput input, TypeEdit edit)
    {
        var (path, from, to) = (Find(portal, spelling), Find(portal, input.FromObjectTypeId!), Find(portal, input.ToObjectTypeId!));
        if (from == to)
        {
            throw new Refusal(Faults.AssociationWithItself(from.Type.Id));
        }

        if ((path != from && path != to) || new[] { path, from, to }.FirstOrDefault(schema => schema.Type.Definition is not null) is not { } owner)
        {
            throw new Refusal(Faults.AssociationElsewhere(path.Type));
        }

        var name = string.IsNullOrWhiteSpace(input.Name) ? $"{Word(from.Type)}_to_{Word(to.Type)}" : input.Name;
        if (portal.Defined.FirstOrDefault(other => other.Name == name || (other.Concerns(from.Type.Id) && other.Concerns(to.Type.Id))) is { } existing)
        {
            throw new Refusal(Faults.AssociationNameTaken(existing.Name));
        }

        var created = new AssociationDefinition(from.Type.Id, to.Type.Id, name, portal.LastAssociation + 1, portal.LastAssociation + 2, edit.Now);
        var definition = owner.Type.Definition!;
        return new(Replace(portal, owner, definition with { Associations = definition.Associations.Add(created) }).Portal, created);
    }

    /// <summary>Removes the plain association of the path's type and another, given by its name or by the id of either direction.</summary>
    public static TypesEdited<AssociationDefinition> Dissociate(PortalSchema portal, string spelling, string identifier, TypeEdit edit)
    {
        var path = Find(portal, spelling);
        var found = portal.Defined.FirstOrDefault(one => one.Concerns(path.Type.Id) && (one.Name == identifier || one.Id.ToString() == identifier || one.InverseId.ToString() == identifier))
            ?? throw new Refusal(Faults.AssociationNotFound(identifier));
        return new(portal.Without(found, edit.Now), found);
    }

    static TypesEdited<Schema> Replace(PortalSchema portal, Schema old, TypeDefinition wanted)
    {
        var changed = new Schema(wanted.ToType(), old.Content);
        return new(portal.With(changed), changed);
    }

    static PortalSchema Purge(PortalSchema portal, Schema archived, TypeEdit edit) => Replace(portal, archived, archived.Type.Definition! with { PurgedAt = edit.Now }).Portal;

    static IEnumerable<Schema> Archived(PortalSchema portal) => portal.Custom.Where(schema => schema.Type.Definition is { ArchivedAt: not null, PurgedAt: null });

    static Schema Find(PortalSchema portal, string spelling) => portal.Find(spelling) ?? throw new Refusal(Faults.UnknownObjectType(spelling));

    static (Schema Schema, TypeDefinition Definition) Own(PortalSchema portal, string spelling) =>
        Find(portal, spelling) is var schema && schema.Type.Definition is { } definition ? (schema, definition) : throw new Refusal(Faults.TypeOfHubSpot(schema.Type));

    static TypeDefinition Apply(TypeDefinition definition, TypeUpdate input, SchemaContent content, TypeEdit edit)
    {
        var isNew = definition.UpdatedAt == 0;
        if (!isNew && definition.AllowsSensitiveProperties && input.AllowsSensitiveProperties == false)
        {
            throw new Refusal(Faults.SensitiveStaysOn());
        }

        var wanted = definition with
        {
            Labels = input.Labels is { } labels ? Labels(labels, definition.Labels) : definition.Labels,
            Description = input.ClearDescription == true ? null : input.Description ?? definition.Description,
            PrimaryDisplayProperty = input.PrimaryDisplayProperty ?? definition.PrimaryDisplayProperty,
            SecondaryDisplayProperties = input.SecondaryDisplayProperties?.ToImmutableArray() ?? definition.SecondaryDisplayProperties,
            SearchableProperties = input.SearchableProperties switch
            {
                null => definition.SearchableProperties,
                [] => [TypeDefinition.RecordId],
                var names => [.. names.Distinct()],
            },
            RequiredProperties = input.RequiredProperties?.Distinct().ToImmutableArray() ?? definition.RequiredProperties,
            Restorable = input.Restorable ?? definition.Restorable,
            AllowsSensitiveProperties = input.AllowsSensitiveProperties ?? definition.AllowsSensitiveProperties,
            UpdatedAt = edit.Now,
            UpdatedUserId = edit.UserId,
        };
        Check(content, "primaryDisplayProperty", [wanted.PrimaryDisplayProperty], InvalidPrimary);
        Check(content, "secondaryDisplayProperties", wanted.SecondaryDisplayProperties, InvalidSecondary);
        Check(content, "searchableProperties", wanted.SearchableProperties, InvalidSearchable);
        Check(content, "requiredProperties", wanted.RequiredProperties, InvalidRequired);
        return wanted.SecondaryDisplayProperties is var secondary && (secondary.Length > TypeDefinition.SecondaryMax || secondary.Distinct().Count() < secondary.Length)
            ? throw new Refusal(Faults.SecondaryDisplayTooMany(TypeDefinition.SecondaryMax))
            : wanted;
    }

    static void Check(SchemaContent content, string list, ImmutableArray<string> names, string subCategory)
    {
        if (names.Where(name => !content.Properties.ContainsKey(name)).ToList() is { Count: > 0 } unknown)
        {
            throw new Refusal(Faults.DisplayPropertiesInvalid(list, unknown, subCategory));
        }
    }

    static TypeLabels Labels(LabelsInput input, TypeLabels? old)
    {
        var labels = new TypeLabels(input.Singular ?? old?.Singular ?? "", input.Plural ?? old?.Plural ?? "");
        return new[] { labels.Singular, labels.Plural }.FirstOrDefault(label => label.Length is 0 or > TypeDefinition.LabelMax) is { } wrong ? throw new Refusal(Faults.TypeLabelTooLong(wrong)) : labels;
    }

    static ImmutableArray<AssociationDefinition> FirstAssociations(PortalSchema portal, TypeDefinition definition, List<string> associated, TypeEdit edit)
    {
        var id = portal.LastAssociation;
        IEnumerable<ObjectType> others = [.. associated.Select(spelling => FindAssociated(portal, spelling)).DistinctBy(type => type.Id).Where(type => CustomObjects.Activities.All(activity => activity.Id != type.Id))];
        return
        [
            .. CustomObjects.Activities.Select(activity => Next(activity.Id, activity.Word, null)),
            .. others.Select(other => Next(other.Id, Word(other), edit.Now)),
        ];

        AssociationDefinition Next(string other, string word, long? createdAt) => new(definition.Id, other, $"{definition.Name}_to_{word}", ++id, ++id, createdAt);
    }

    // Also the upper-case names of HubSpot's definitions: CONTACT, MEETING_EVENT.
    static ObjectType FindAssociated(PortalSchema portal, string spelling) =>
        (portal.Find(spelling) ?? portal.Custom.FirstOrDefault(schema => !schema.Type.IsArchived && schema.Type.Definition!.IsNamed(spelling)))?.Type
        ?? throw new Refusal(Faults.UnknownObjectType(spelling));

    static string Word(ObjectType type) => type.Definition?.Name ?? type.Singular;

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_]*\\z")]
    private static partial Regex NameForm();
}
