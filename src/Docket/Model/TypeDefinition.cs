using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Docket.Model;

/// <summary>
/// The definition of an object type that a portal has created (reference/properties-pipelines-search-associations.md 8), in the
/// format in which it is stored. Its number is never reused, and the changes of its records are readable as long as the portal exists,
/// so an archived or purged definition stays stored.
/// </summary>
internal sealed record TypeDefinition
{
    /// <summary>The longest name and label (reference/objects-other-than-tickets.md 7).</summary>
    public const int NameMax = 50, LabelMax = 50;

    /// <summary>The most secondary display properties.</summary>
    public const int SecondaryMax = 2;

    /// <summary>The property that every type can be searched by.</summary>
    public const string RecordId = "hs_object_id";

    static readonly ImmutableArray<string>
        Always = ["hs_createdate", "hs_lastmodifieddate", RecordId],
        Written = [.. Always, "hs_object_source", "hs_object_source_id", "hs_object_source_label"];

    // Reading the schemas of a portal is allowed by each of those that the OpenAPI file lists.
    static readonly ImmutableArray<string> SchemaReaders =
        ["crm.objects.custom.read", "crm.objects.custom.sensitive.read.v2", "crm.objects.custom.highly_sensitive.read.v2", "crm.schemas.custom.read"];

    /// <summary>The scopes of all custom objects (reference/objects-other-than-tickets.md 1.2).</summary>
    public static readonly TypeScopes Scopes = new(
        Read: new(["crm.objects.custom.read"], Named: ["crm.schemas.custom.read", "crm.objects.custom.read"]),
        Write: ScopeNeed.Of("crm.objects.custom.write"),
        ReadSchema: new(SchemaReaders, Named: ["crm.schemas.custom.read"]),
        WriteSchema: ScopeNeed.Of("crm.schemas.custom.write"));

    /// <summary>The scopes of the schemas API, whose refusals have another form (reference/properties-pipelines-search-associations.md 8).</summary>
    public static readonly ScopeNeed
        ReadAll = new(SchemaReaders, Named: ["custom-object-read"]) { InShort = true },
        WriteAll = new(["crm.schemas.custom.write"], Named: ["custom-object-write"]) { InShort = true };

    /// <summary>The id on the wire, <c>2-n</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The name, in any letter case. No two types of a portal that are not purged have the same name in different letter case.</summary>
    public required string Name { get; init; }

    /// <summary>The name with the portal's id: <c>p123_name</c>.</summary>
    public required string FullyQualifiedName { get; init; }

    public required TypeLabels Labels { get; init; }

    public string? Description { get; init; }

    public required string PrimaryDisplayProperty { get; init; }

    public ImmutableArray<string> SecondaryDisplayProperties { get; init; } = [];

    public ImmutableArray<string> SearchableProperties { get; init; } = [RecordId];

    public ImmutableArray<string> RequiredProperties { get; init; } = [];

    public bool AllowsSensitiveProperties { get; init; } = true;

    public bool Restorable { get; init; } = true;

    [JsonConverter(typeof(InstantConverter))]
    public long CreatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long UpdatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long? ArchivedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long? PurgedAt { get; init; }

    public string CreatedUserId { get; init; } = "";

    public string UpdatedUserId { get; init; } = "";

    /// <summary>The associations with other types that were defined with this one.</summary>
    public ImmutableArray<AssociationDefinition> Associations { get; init; } = [];

    /// <summary>The group of the properties that every custom object has.</summary>
    [JsonIgnore]
    public string Group => $"{Name}_information";

    /// <summary>The names of properties that the definition refers to.</summary>
    [JsonIgnore]
    public IEnumerable<string> Uses => [PrimaryDisplayProperty, .. SecondaryDisplayProperties, .. SearchableProperties, .. RequiredProperties];

    /// <summary>Whether a name in any letter case is that of the type.</summary>
    public bool IsNamed(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The object type that is defined.</summary>
    public ObjectType ToType() => new()
    {
        Id = Id,
        Plural = FullyQualifiedName,
        OtherName = $"p_{Name}",
        Singular = Labels.Singular,
        TakesSingular = false, // nor the bare name (reference/objects-other-than-tickets.md 7)
        LegacyName = "PermanentCustomObject",
        Definition = this,
        ReadAlways = Always,
        ReadDefault = Always,
        AfterUpdate = Written,
        AfterCreate = Written,
        AfterMerge = [.. Written, "hs_merged_object_ids"],
        Scopes = Scopes,
        Required = RequiredProperties,
        Searched = SearchableProperties.Remove(RecordId), // the record id is always searched
        Display = [PrimaryDisplayProperty, .. SecondaryDisplayProperties],
        Stages = new("hs_pipeline", "hs_pipeline_stage", AfterMove: ["hs_pipeline", "hs_pipeline_stage"], Group, Metadata:
        [
            new("state") { Allowed = ["OPEN", "CLOSED"], Default = "OPEN", Closing = ["CLOSED"] }, StageMetadataRule.IsClosed, // reference/properties-pipelines-search-associations.md 3.4
        ]),
        Seed = () => throw new InvalidOperationException($"{Id} is created with its content."),
    };
}

/// <summary>What people call one record of a type and several of them.</summary>
internal sealed record TypeLabels(string Singular, string Plural);

/// <summary>An association of two object types that a portal has defined, with one id for each direction: both are <c>USER_DEFINED</c>, unique in the portal and never reused.</summary>
/// <param name="FromObjectTypeId">The id of the type at which <paramref name="Id"/> starts.</param>
/// <param name="ToObjectTypeId">The id of the type to which it leads.</param>
/// <param name="Name">The name of both directions.</param>
/// <param name="Id">The id from the first type to the second.</param>
/// <param name="InverseId">The id from the second type to the first.</param>
/// <param name="CreatedAt">Milliseconds since 1970; <c>null</c> for those that every new type gets (reference/objects-other-than-tickets.md 7).</param>
internal sealed record AssociationDefinition(string FromObjectTypeId, string ToObjectTypeId, string Name, int Id, int InverseId, long? CreatedAt)
{
    /// <summary>What it makes of a record of the second type; <c>null</c> for the plain association.</summary>
    public string? Label { get; init; }

    /// <summary>What it makes of a record of the first type; <c>null</c> for the plain association.</summary>
    public string? InverseLabel { get; init; }

    /// <summary>When it was deleted, milliseconds since 1970. Changes of the past name it.</summary>
    public long? DeletedAt { get; init; }

    /// <summary>The numbers of the two object types.</summary>
    [JsonIgnore]
    public ImmutableArray<int> Ends => [TypeNumber.Parse(FromObjectTypeId)!.Value, TypeNumber.Parse(ToObjectTypeId)!.Value];

    /// <summary>Both directions.</summary>
    [JsonIgnore]
    public IEnumerable<AssociationType> Types => [ToType(), Inverse().ToType()];

    /// <summary>Whether a type is at one of its ends.</summary>
    public bool Concerns(string typeId) => FromObjectTypeId == typeId || ToObjectTypeId == typeId;

    /// <summary>Whether it is of two types, in either direction.</summary>
    public bool IsBetween(string oneId, string otherId) =>
        (FromObjectTypeId == oneId && ToObjectTypeId == otherId) || (FromObjectTypeId == otherId && ToObjectTypeId == oneId);

    /// <summary>The other direction.</summary>
    public AssociationDefinition Inverse() => this with { FromObjectTypeId = ToObjectTypeId, ToObjectTypeId = FromObjectTypeId, Id = InverseId, InverseId = Id, Label = InverseLabel, InverseLabel = Label };

    AssociationType ToType() => new(AssociationType.UserDefined, Id, Ends[0], Ends[1], Name, Label, InverseId);
}
