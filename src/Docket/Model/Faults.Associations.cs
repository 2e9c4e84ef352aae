using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>Messages of associations: reference/properties-pipelines-search-associations.md 5.4 and objects-other-than-tickets.md 8.</summary>
internal static partial class Faults
{
    const string AssociationErrors = "crm.associations.";

    /// <summary>5.4, 207 item.</summary>
    public static RowError TieIdInvalid(string id) =>
        new(Validation, AssociationErrors + "INVALID_IDENTIFIER", $"{Shorten(id)} is not a valid ID", [("id", [Shorten(id)])]);

    /// <summary>5.4, 207 item.</summary>
    public static RowError TieWithItself(long id) =>
        new(Validation, null, $"Object {id} cannot be associated to itself ({id})", []);

    /// <summary>5.4, 207 item: name only observed, text [decide].</summary>
    public static RowError TieEndMissing(ObjectType type, long id, bool isFrom) =>
        new(NotFoundCategory, AssociationErrors + (isFrom ? "FROM_OBJECT_NOT_FOUND" : "TO_OBJECT_NOT_FOUND"), $"Object with id {id} of type {type.Singular} not found",
            [(isFrom ? "fromObjectId" : "toObjectId", [id.ToString()]), ("objectType", [type.Singular])]);

    /// <summary>5.2, 207 item of a read.</summary>
    public static RowError NoTies(ObjectType from, string id, ObjectType to) =>
        new(NotFoundCategory, AssociationErrors + "NO_ASSOCIATIONS_FOUND", $"No {to.Singular} is associated with {from.Singular} {id}.",
            [("fromObjectId", [id]), ("fromObjectType", [from.Singular]), ("toObjectType", [to.Singular])]);

    /// <summary>The subcategory of <see cref="TooManyTies"/>.</summary>
    public const string BeyondLimit = AssociationErrors + "ASSOCIATION_LIMIT_EXCEEDED";

    /// <summary>8.6 [decide]: HubSpot's answer is not known. Docket's own wording.</summary>
    public static RowError TooManyTies(ObjectType from, long id, ObjectType to, string spec, int most) =>
        new(Validation, BeyondLimit, $"The {from.Singular} {id} can be associated with no more than {most} {to.Plural} by {spec}",
            [("objectId", [id.ToString()]), ("objectType", [from.Singular]), ("associationSpec", [spec]), ("maxToObjectIds", [most.ToString()])]);

    /// <summary>A limit that is none. Docket's own wording.</summary>
    public static RowError TieLimitInvalid(long most, int max) =>
        new(Validation, null, $"maxToObjectIds must be between 1 and {max}", [("maxToObjectIds", [most.ToString()])]);

    /// <summary>8.3, form E.</summary>
    public static Error TieTypesUnknown(ImmutableArray<string> specs) =>
        new(400, TiesInvalid, Validation)
        {
            Context = [("associationSpec", specs), ("INVALID_ASSOCIATION_TYPE_ID", [.. specs.Select(spec => $"{spec} is not a valid association definition id")])],
        };

    /// <summary>The same, 207 item.</summary>
    public static RowError TieTypesGone(ImmutableArray<string> specs)
    {
        var error = TieTypesUnknown(specs);
        return new(error.Category, error.SubCategory, error.Message, error.Context);
    }

    /// <summary>5.4, in a create payload.</summary>
    public static Error TieStartsElsewhere(string actual, string expected) =>
        new(400, $"invalid from object type {actual} for associations to be created. expected: {expected}", Validation);

    /// <summary>5.4, form D.</summary>
    public static Error TieTargetMissing(string legacyName, string id) =>
        new(400, TiesInvalid, Validation)
        {
            Context = [("INVALID_OBJECT_IDS", [$"{legacyName}={Shorten(id)} is not valid"]), ("objectId", [Shorten(id)]), ("objectType", [legacyName])],
        };

    /// <summary>8.2: a pair of object types that is not listed has no default type. Docket's own wording.</summary>
    public static Error NoTieBetween(ObjectType from, ObjectType to) =>
        new(400, $"There is no association type from {from.Plural} to {to.Plural}", Validation);

    /// <summary>5.8.</summary>
    public static Error LabelNameTaken(string name) =>
        new(400, $"Association definition named {Shorten(name)} already exists for portal", Validation);

    /// <summary>8.7.</summary>
    public static Error LabelNameIsPlain(string name, string plain) =>
        new(400, $"Association definition name '{Shorten(name)}' conflicts with unlabeled association name '{plain}' (case-insensitive match)", Validation);

    /// <summary>5.8: the subcategory observed, Docket's own wording.</summary>
    public static Error LabelTaken(string label, ObjectType from, ObjectType to) =>
        new(400, label.Length == 0 ? $"{from.Id} and {to.Id} already have an association type without a label" : $"Association label '{Shorten(label)}' already exists between {from.Id} and {to.Id}",
            Validation, "AssociationValidationError.DUPLICATE_ASSOCIATION_LABEL");

    /// <summary>5.8: HTTP 437.</summary>
    public static Error TooManyLabels(int max, ObjectType from, ObjectType to) =>
        new(437, $"No more than {max} association types are allowed between {from.Id} and {to.Id}", Validation);

    /// <summary>5.8.</summary>
    public static Error LabelsRemain(int id) =>
        new(400, $"Definition with label still exists; Cannot delete unlabeled type with associationTypeId {id}", Validation);

    /// <summary>5.8.</summary>
    public static Error NoSuchLabel() =>
        new(400, "Unable to find objectTypeIds", Validation);

    const string TiesInvalid = "One or more associations are invalid";
}
