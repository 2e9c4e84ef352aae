using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>An object type as data. All types are treated alike; what is specific to one is in its file in <c>Model/Types</c>.</summary>
internal sealed record ObjectType
{
    readonly FrozenSet<int> rolledUp = [], counted = [], read = [];
    Schema? unused, begun;

    /// <summary>The id on the wire, such as <c>0-5</c>.</summary>
    public required string Id
    {
        get;
        init => (field, Number) = (value, TypeNumber.Parse(value) ?? throw new ArgumentException($"{value} is no id of an object type.", nameof(value)));
    }

    /// <summary>The number in keys of this type: see <see cref="TypeNumber"/>.</summary>
    public int Number { get; private init; }

    /// <summary>The plural used in paths, such as <c>tickets</c>.</summary>
    public required string Plural { get; init; }

    /// <summary>The singular: in messages, and in paths if <see cref="TakesSingular"/>.</summary>
    public required string Singular { get; init; }

    /// <summary>Whether paths accept the singular too: not for every type (reference/properties-pipelines-search-associations.md 7).</summary>
    public bool TakesSingular { get; init; } = true;

    /// <summary>Another name that paths accept; <c>null</c> for none.</summary>
    public string? OtherName { get; init; }

    /// <summary>The definition of a type that the portal has created; <c>null</c> for HubSpot's own types.</summary>
    public TypeDefinition? Definition { get; init; }

    /// <summary>Whether the portal has archived the type: it has no records except archived ones, and can't be written or called by a path.</summary>
    public bool IsArchived => Definition?.ArchivedAt is not null;

    /// <summary>The type inside messages (reference/objects-other-than-tickets.md 7).</summary>
    public string InMessages => Definition is null ? $"legacyObjectType={LegacyName}" : $"innerId={Id}";

    /// <summary>The upper-case name inside messages, such as <c>TICKET</c> (reference/objects-and-batch.md 2.4, 2.5, 4.8).</summary>
    public required string LegacyName { get; init; }

    /// <summary>The properties that every read returns (reference/objects-and-batch.md 4.3).</summary>
    public required ImmutableArray<string> ReadAlways { get; init; }

    /// <summary>The properties that a read returns if it names none (reference/objects-and-batch.md 0).</summary>
    public required ImmutableArray<string> ReadDefault { get; init; }

    /// <summary>Additional properties in the answer to an update, besides the written ones (reference/properties-pipelines-search-associations.md 2.5).</summary>
    public required ImmutableArray<string> AfterUpdate { get; init; }

    /// <summary>The same for a create (reference/objects-and-batch.md 4.2).</summary>
    public required ImmutableArray<string> AfterCreate { get; init; }

    /// <summary>The properties in the answer to a merge.</summary>
    public required ImmutableArray<string> AfterMerge { get; init; }

    /// <summary>The scopes for its rights.</summary>
    public required TypeScopes Scopes { get; init; }

    /// <summary>Properties that are left out of answers without another scope; <c>null</c> for none.</summary>
    public GuardedValues? Guarded { get; init; }

    /// <summary>Where HubSpot shows a record, for <c>url</c>; <c>null</c> for a page of its own, as most types have.</summary>
    public RecordPage? Page { get; init; }

    /// <summary>The properties that a new record requires (reference/objects-and-batch.md 2.4).</summary>
    public ImmutableArray<string> Required { get; init; } = [];

    /// <summary>The properties that the <c>query</c> of a search includes, besides the record id (reference/properties-pipelines-search-associations.md 4.5).</summary>
    public ImmutableArray<string> Searched { get; init; } = [];

    /// <summary>The properties under which a record is shown, the most important one first: only part of the type's definition on the wire. If empty, the first one of <see cref="Searched"/>.</summary>
    public ImmutableArray<string> Display { get; init; } = [];

    /// <summary>The rules of its pipelines; <c>null</c> for a type without stages.</summary>
    public StageRules? Stages { get; init; }

    /// <summary>
    /// A property with one value, and the one with further values of the same kind, separated by <c>;</c>: the first is the primary one.
    /// If they are unique, each value is, in both together. A merge keeps the other record's value there. <c>null</c> for none.
    /// </summary>
    public (string One, string More)? Several { get; init; }

    /// <summary>Whether its records are activities, such as notes and calls.</summary>
    public bool IsActivity { get; init; }

    /// <summary>Whether even a list of its pipelines is refused (reference/objects-other-than-tickets.md 6).</summary>
    public bool RefusesPipelines { get; init; }

    /// <summary>Whether inputs of one <c>batch/create</c> with the same text create one record together (reference/objects-other-than-tickets.md 1.6).</summary>
    public bool CreatesEqualOnce { get; init; }

    /// <summary>What a new record copies from another one; <c>null</c> if nothing.</summary>
    public CopyRule? Copying { get; init; }

    /// <summary>Checks values of its own properties beyond their kind, and normalises them, by the property's name.</summary>
    public ImmutableDictionary<string, ValueRule> Values { get; init; } = ImmutableDictionary<string, ValueRule>.Empty;

    /// <summary>Sets what follows from the values of a write, besides stages; <c>null</c> if nothing does. Called before anything else is decided about the write.</summary>
    public Action<Draft>? Follow { get; init; }

    /// <summary>How the values of its own properties are derived. <see cref="Derivations.OfEveryType"/> applies to the rest.</summary>
    public ImmutableDictionary<string, Derivation> Derived { get; init; } = ImmutableDictionary<string, Derivation>.Empty;

    /// <summary>Properties of its own that always have the value of another one. Nothing is stored.</summary>
    public ImmutableDictionary<string, string> Copies { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Values of its own properties that are the same for every record, such as counts of what Docket doesn't have. Nothing is stored.</summary>
    public ImmutableDictionary<string, string> Constants { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Its properties that follow from associations.</summary>
    public ImmutableArray<RollUp> RollUps
    {
        get;
        init
        {
            (field, rolledUp, counted, read) = (value, NumbersOf(_ => true), NumbersOf(rollUp => rollUp.Kind != RollUpKind.Text), NumbersOf(rollUp => rollUp.Of is not null));

            FrozenSet<int> NumbersOf(Func<RollUp, bool> which) => value.Where(which).SelectMany(rollUp => rollUp.Numbers).ToFrozenSet();
        }
    } = [];

    /// <summary>The values of its records that are among the roll-ups of other records; <c>null</c> if none are.</summary>
    public FollowedValues? Followed { get; init; }

    /// <summary>HubSpot's own association types that start at its records, by its id. Made when a portal first needs them, not when it is opened.</summary>
    public Func<string, ImmutableArray<AssociationType>> Associations { get; init; } = static _ => [];

    /// <summary>Creates the initial content for a new portal. Called when the type is first used, because reading definitions takes a while.</summary>
    public required Func<TypeSeed> Seed { get; init; }

    /// <summary>
    /// The schema of this type for every portal that doesn't use it yet: the initial content, whose properties have no numbers, so
    /// nothing can be stored with it or found by it. Built when first needed.
    /// </summary>
    public Schema Unused => unused is { } built && ReferenceEquals(built.Type, this) ? built : unused = new Schema(this, SchemaContent.WithoutNumbers(Seed()));

    /// <summary>
    /// The schema with which a portal begins to use this type, if its properties are numbered up to <paramref name="lastNumber"/> until then. The last one is
    /// shared: portals of tests begin with the same types.
    /// </summary>
    public Schema BegunAfter(int lastNumber) =>
        begun is { Content: var content } built && ReferenceEquals(built.Type, this) && content.LastNumber - content.Properties.Count == lastNumber
            ? built : begun = new Schema(this, SchemaContent.Of(Seed(), lastNumber));

    /// <summary>Whether a path segment refers to the type: plural, singular or id, in any letter case (reference/properties-pipelines-search-associations.md 7).</summary>
    public bool IsCalled(string spelling) =>
        spelling.Equals(Plural, StringComparison.OrdinalIgnoreCase) || (TakesSingular && spelling.Equals(Singular, StringComparison.OrdinalIgnoreCase)) || spelling == Id
        || spelling.Equals(OtherName, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether something of its records follows from an association type, by its number.</summary>
    public bool IsRolledUp(int tie) => rolledUp.Contains(tie);

    /// <summary>Whether that is more than texts: what changes by differences.</summary>
    public bool IsCounted(int tie) => counted.Contains(tie);

    /// <summary>Whether that takes what the record at the other side adds: <see cref="RollUp.Of"/>.</summary>
    public bool IsReadFor(int tie) => read.Contains(tie);

    /// <summary>How its property with a name defined by HubSpot gets its value.</summary>
    public Derivation DerivationOf(string name) =>
        RollUps.Any(rollUp => rollUp.Kind == RollUpKind.Count && rollUp.Property == name) ? Derivation.StoredOrZero
        : Constants.ContainsKey(name) ? Derivation.Constant : Copies.ContainsKey(name) ? Derivation.SameAsOrigin : Derived.TryGetValue(name, out var own) ? own : Derivations.OfEveryType.GetValueOrDefault(name);
}

/// <summary>The values that a new record has from another one, unless the request sets them. Later changes of that one don't follow (reference/objects-other-than-tickets.md 6).</summary>
/// <param name="Property">The property with the id of the other record.</param>
/// <param name="From">The path name of its type.</param>
/// <param name="Names">The properties, which have the same names in both types.</param>
internal sealed record CopyRule(string Property, string From, ImmutableArray<string> Names);

/// <summary>Properties of a type that only some tokens may read (reference/objects-other-than-tickets.md 1.2, 5.4).</summary>
/// <param name="Scope">The scope that allows it.</param>
/// <param name="Names">The properties.</param>
internal sealed record GuardedValues(string Scope, ImmutableArray<string> Names)
{
    public ScopeNeed Need { get; } = ScopeNeed.Of(Scope);
}

/// <summary>The path of a record's page (reference/objects-other-than-tickets.md 1.4).</summary>
/// <param name="BeforePortal">What precedes the portal's number.</param>
/// <param name="BeforeId">What is between that and the record's id.</param>
/// <param name="AfterId">What follows the id.</param>
internal sealed record RecordPage(string BeforePortal, string BeforeId, string AfterId);

/// <summary>How the records of a type use stages: the names of the properties for a record's stage, and of those derived from it.</summary>
/// <param name="Pipeline">The pipeline that a record is in.</param>
/// <param name="Stage">The stage of that pipeline.</param>
/// <param name="AfterMove">Additional properties in the answer to a write that sets the stage.</param>
/// <param name="Group">The group of the properties of each stage.</param>
/// <param name="Metadata">The rules of the metadata of a stage, in the wire's key order.</param>
internal sealed record StageRules(string Pipeline, string Stage, ImmutableArray<string> AfterMove, string Group, ImmutableArray<StageMetadataRule> Metadata)
{
    /// <summary>When a record was closed: set by Docket unless the write sets it, cleared when the record is reopened. <c>null</c> for none.</summary>
    public string? ClosedDate { get; init; }

    /// <summary>When an open record is due: from then on it is overdue. <c>null</c> for none.</summary>
    public string? DueDate { get; init; }

    /// <summary>When it was last closed; <c>null</c> for none.</summary>
    public string? LastClosedDate { get; init; }

    /// <summary>When it was last reopened; <c>null</c> for none.</summary>
    public string? ReopenedAt { get; init; }

    /// <summary>Ids of HubSpot's own stages that are words: the names of their properties contain them unchanged (deal-properties.json, contact-properties.json).</summary>
    public ImmutableArray<string> PlainIds { get; init; } = [];

    /// <summary>
    /// Whether the stages are those of a life, not of a piece of work: they are values of a property like others, which may be cleared, and a merge
    /// takes what came first and what came furthest (reference/objects-other-than-tickets.md 2.5, 2.6).
    /// </summary>
    public bool IsLifecycle { get; init; }

    /// <summary>Whether the definitions of <see cref="Pipeline"/> and <see cref="Stage"/> list what there is as options (reference/objects-other-than-tickets.md 4).</summary>
    public bool ListsOptions { get; init; }

    /// <summary>Most stages of a pipeline (reference/properties-pipelines-search-associations.md 3.3).</summary>
    public int StagesMax { get; init; } = 100;

    /// <summary>Whether each pipeline needs a closed stage (reference/properties-pipelines-search-associations.md 3.5).</summary>
    public bool NeedsClosedStage { get; init; }
}

/// <summary>Checks a value that has the form of its kind, and replaces it by its normal form, even if it is refused.</summary>
/// <param name="index">The index of the input.</param>
/// <param name="settings">The settings of the portal.</param>
/// <param name="value">The value, not empty before.</param>
/// <returns>The fault, if any.</returns>
internal delegate Fault? ValueRule(int index, PortalSettings settings, ref PropertyValue value);

/// <summary>The initial content of a type in a new portal.</summary>
/// <param name="Properties">The definitions.</param>
/// <param name="Foremost">The names of properties that nearly every record has, by frequency: they get the smallest numbers, which need the least space in records.</param>
/// <param name="Groups">The groups of the definitions.</param>
/// <param name="Pipelines">The pipelines; the definitions contain the properties of their stages.</param>
internal sealed record TypeSeed(
    ImmutableArray<PropertyDefinition> Properties, ImmutableArray<string> Foremost, ImmutableArray<PropertyGroup> Groups, ImmutableArray<Pipeline> Pipelines);
