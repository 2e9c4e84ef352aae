using System.Text.Json;
using Docket.Http;

namespace Docket.Schemas;

/// <summary>The changes to a custom object type; a member that is missing or <c>null</c> stays unchanged (reference/objects-other-than-tickets.md 7).</summary>
internal record TypeUpdate
{
    public LabelsInput? Labels { get; set; }

    public string? Description { get; set; }

    public bool? ClearDescription { get; set; }

    public string? PrimaryDisplayProperty { get; set; }

    public List<string>? SecondaryDisplayProperties { get; set; }

    public List<string>? SearchableProperties { get; set; }

    public List<string>? RequiredProperties { get; set; }

    public bool? Restorable { get; set; }

    public bool? AllowsSensitiveProperties { get; set; }
}

/// <summary>A custom object type in a request.</summary>
internal sealed record TypeCreate : TypeUpdate
{
    public string? Name { get; set; }

    public List<PropertyCreate>? Properties { get; set; }

    /// <summary>Other object types, in any spelling.</summary>
    public List<string>? AssociatedObjects { get; set; }
}

/// <summary>The labels of a type in a request.</summary>
internal sealed record LabelsInput
{
    public string? Singular { get; set; }

    public string? Plural { get; set; }
}

/// <summary>An association of two object types in a request.</summary>
internal sealed record AssociationInput
{
    public string? FromObjectTypeId { get; set; }

    public string? ToObjectTypeId { get; set; }

    public string? Name { get; set; }
}

/// <summary>The types that a batch reads, and which parts of them.</summary>
internal sealed record TypeNames
{
    public List<string>? Inputs { get; set; }

    public bool? IncludePropertyDefinitions { get; set; }

    public bool? IncludeAssociationDefinitions { get; set; }

    public bool? IncludeAuditMetadata { get; set; }
}

/// <summary>Reads the bodies of the schemas API, like <see cref="InputJson"/>.</summary>
internal static class TypeJson
{
    static readonly JsonShape<PropertyCreate> Property = InputJson.PropertyShape("ObjectTypePropertyCreate", "name", "label", "type", "fieldType");

    // What a create really needs, unlike in HubSpot's specification; the primary display property is missed in another form.
    static readonly JsonShape<TypeCreate> CreateShape = new(
        "ObjectSchemaEgg",
        ["name", "labels"],
        [
            ("name", (type, ref json) => type.Name = json.Text()),
            ("properties", (type, ref json) => type.Properties = List(ref json, "a list of properties", Property.Read)),
            ("associatedObjects", (type, ref json) => type.AssociatedObjects = Texts(ref json)),
            .. Members<TypeCreate>(LabelsShape("singular", "plural")),
        ]);

    static readonly JsonShape<TypeUpdate> UpdateShape = new(null, [], Members<TypeUpdate>(LabelsShape()));

    static readonly JsonShape<AssociationInput> AssociationShape = new(
        "AssociationDefinitionEgg",
        ["fromObjectTypeId", "toObjectTypeId"],
        ("fromObjectTypeId", (association, ref json) => association.FromObjectTypeId = json.Text()),
        ("toObjectTypeId", (association, ref json) => association.ToObjectTypeId = json.Text()),
        ("name", (association, ref json) => association.Name = json.Text()));

    static readonly JsonShape<TypeNames> NamesShape = new(
        null,
        ["inputs"],
        ("inputs", (names, ref json) => names.Inputs = Texts(ref json)),
        ("includePropertyDefinitions", (names, ref json) => names.IncludePropertyDefinitions = json.Flag()),
        ("includeAssociationDefinitions", (names, ref json) => names.IncludeAssociationDefinitions = json.Flag()),
        ("includeAuditMetadata", (names, ref json) => names.IncludeAuditMetadata = json.Flag()));

    public static JsonCursor.Reading<TypeCreate> Create => CreateShape.Read;

    public static JsonCursor.Reading<TypeUpdate> Update => UpdateShape.Read;

    public static JsonCursor.Reading<AssociationInput> Association => AssociationShape.Read;

    public static JsonCursor.Reading<TypeNames> Names => NamesShape.Read;

    static (string, JsonMember<T>)[] Members<T>(JsonShape<LabelsInput> labels)
        where T : TypeUpdate =>
    [
        ("labels", (type, ref json) => type.Labels = json.IsNull ? null : labels.Read(ref json)),
        ("description", (type, ref json) => type.Description = json.Text()),
        ("clearDescription", (type, ref json) => type.ClearDescription = json.Flag()),
        ("primaryDisplayProperty", (type, ref json) => type.PrimaryDisplayProperty = json.Text()),
        ("secondaryDisplayProperties", (type, ref json) => type.SecondaryDisplayProperties = Texts(ref json)),
        ("searchableProperties", (type, ref json) => type.SearchableProperties = Texts(ref json)),
        ("requiredProperties", (type, ref json) => type.RequiredProperties = Texts(ref json)),
        ("restorable", (type, ref json) => type.Restorable = json.Flag()),
        ("allowsSensitiveProperties", (type, ref json) => type.AllowsSensitiveProperties = json.Flag()),
    ];

    static JsonShape<LabelsInput> LabelsShape(params string[] required) => new(
        "ObjectTypeDefinitionLabels",
        required,
        ("singular", (labels, ref json) => labels.Singular = json.Text()),
        ("plural", (labels, ref json) => labels.Plural = json.Text()));

    static List<string>? Texts(ref JsonCursor json) => List(ref json, "a list of texts", static (ref json) => json.Text() ?? throw json.Unexpected("a text"));

    // HubSpot's wording (reference/objects-other-than-tickets.md 7).
    static List<T>? List<T>(ref JsonCursor json, string what, JsonCursor.Reading<T> read) =>
        json.TokenType == JsonTokenType.StartObject ? throw json.Refuse("Cannot deserialize instance of `java.util.ArrayList` out of START_OBJECT token") : json.List(what, read);
}
