using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>A property definition with its number, active or archived.</summary>
internal sealed record NumberedProperty(int Number, PropertyDefinition Definition);

/// <summary>The stored content of a schema: definitions, groups and pipelines. Plain data; <see cref="Schema"/> is built from it.</summary>
internal sealed record SchemaContent(
    ImmutableSortedDictionary<string, NumberedProperty> Properties,
    ImmutableSortedDictionary<string, NumberedProperty> ArchivedProperties,
    ImmutableArray<PropertyGroup> Groups,
    ImmutableArray<Pipeline> Pipelines,
    int LastNumber)
{
    /// <summary>Every change of a pipeline or stage, oldest first. Entries are only appended.</summary>
    public ImmutableArray<PipelineAudit> Audit { get; init; } = [];

    /// <summary>The initial content of a type that a portal doesn't use yet. No stored value has the number 0.</summary>
    public static SchemaContent WithoutNumbers(TypeSeed seed) => new(
        seed.Properties.ToImmutableSortedDictionary(definition => definition.Name, definition => new NumberedProperty(0, definition), StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, NumberedProperty>(StringComparer.Ordinal),
        seed.Groups,
        seed.Pipelines,
        LastNumber: 0);

    /// <summary>The initial content of a type, with its properties numbered after <paramref name="lastNumber"/>.</summary>
    public static SchemaContent Of(TypeSeed seed, int lastNumber = 0)
    {
        // Stored values contain the property's number as a variable-length integer: numbers up to 127 take one byte (Values.cs).
        var numbered = seed.Properties
            .OrderBy(definition => seed.Foremost.IndexOf(definition.Name) is var place and >= 0 ? place : seed.Foremost.Length)
            .Select((definition, index) => KeyValuePair.Create(definition.Name, new NumberedProperty(lastNumber + index + 1, definition)));
        return new(
            numbered.ToImmutableSortedDictionary(StringComparer.Ordinal),
            ImmutableSortedDictionary.Create<string, NumberedProperty>(StringComparer.Ordinal),
            seed.Groups,
            seed.Pipelines,
            lastNumber + seed.Properties.Length);
    }
}

/// <summary>
/// The immutable snapshot of one object type's properties and pipelines in one portal. Requests are validated and values are read
/// with it.
/// </summary>
internal sealed class Schema
{
    readonly Dictionary<string, Property>.AlternateLookup<ReadOnlySpan<byte>> byName;
    readonly Property?[] byNumber, archivedByNumber;
    readonly int firstNumber;

    public Schema(ObjectType type, SchemaContent content)
    {
        Type = type;
        Content = content;
        var ofStages = content.Pipelines.SelectMany(pipeline => pipeline.Stages).SelectMany(stage => StageProperties.Derived(type, stage.Id)).ToDictionary(StringComparer.Ordinal);
        Properties = [.. content.Properties.Values.Select((entry, rank) => new Property(type, entry, rank, ofStages))];
        // From the first number of this type: a portal can have thousands of types, each with a few numbers of its own.
        var numbers = content.Properties.Values.Concat(content.ArchivedProperties.Values).Select(entry => entry.Number).DefaultIfEmpty();
        firstNumber = numbers.Min();
        byNumber = new Property?[numbers.Max() - firstNumber + 1];
        archivedByNumber = new Property?[byNumber.Length];
        foreach (var archived in content.ArchivedProperties.Values)
        {
            archivedByNumber[archived.Number - firstNumber] = new Property(type, archived, rank: -1, ofStages);
        }

        byName = new Dictionary<string, Property>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var property in Properties)
        {
            byNumber[property.Number - firstNumber] = property;
            byName.Dictionary[property.Name] = property;
        }

        Several = type.Several is var (one, more) ? (Require(one), Require(more)) : null;
        Several?.One.Join(Several.Value.More);

        // A custom object has the properties of its stage since it got its first pipeline (reference/properties-pipelines-search-associations.md 8).
        Stages = type.Stages is { } rules && (type.Definition is null || content.Properties.ContainsKey(rules.Stage)) ? new(this, rules) : null;
        if (Stages is null && Properties.FirstOrDefault(property => property.Derivation is Derivation.IsClosed or Derivation.TimeToClose or Derivation.CurrentStageEntered or Derivation.IsOverdue or Derivation.OverdueCount) is { } homeless)
        {
            throw new InvalidOperationException($"{homeless.Name} follows from stages, which {Type.Plural} have not.");
        }

        Linking = type.RollUps.Where(rollUp => rollUp.Kind == RollUpKind.Id).Select(rollUp => (Find(rollUp.Property), rollUp)).FirstOrDefault(linking => linking.Item1 is { ReadOnly: false }) is ({ } linking, var by) ? (linking, by) : null;
        RecordId = Require("hs_object_id");
        MergedIds = Require("hs_merged_object_ids");
        CreateDate = Properties.FirstOrDefault(property => property.Derivation == Derivation.CreateDate);
        HubSpotCreateDate = Properties.FirstOrDefault(property => property.Derivation == Derivation.HubSpotCreateDate);
        // A definition may refer to a property that is being archived at the same time.
        Func<string, Property?> find = type.Definition is null ? Require : Find;
        Required = [.. type.Required.Select(find).OfType<Property>()];
        Searched = [.. type.Searched.Select(find).OfType<Property>()];
        ReadAlways = SetOf(type.ReadAlways);
        ReadDefault = SetOf(type.ReadDefault);
        AfterUpdate = SetOf(type.AfterUpdate);
        AfterCreate = SetOf(type.AfterCreate);
        AfterMerge = SetOf(type.AfterMerge);
        Guarded = type.Guarded is { } guarded ? SetOf(guarded.Names) : null;
    }

    public ObjectType Type { get; }

    public SchemaContent Content { get; }

    /// <summary>The active properties in alphabetical order; the index of each is its rank.</summary>
    public ImmutableArray<Property> Properties { get; }

    public ImmutableArray<Pipeline> Pipelines => Content.Pipelines;

    /// <summary>Whether the portal uses the type: <c>false</c> for <see cref="ObjectType.Unused"/>.</summary>
    public bool IsUsed => Content.LastNumber > 0;

    /// <summary>The properties that contain a record's stage; <c>null</c> for a type without stages.</summary>
    public SchemaStages? Stages { get; }

    /// <summary>The property by which a write associates a record with another one, whose id it contains; <c>null</c> for nearly all types.</summary>
    public (Property Property, RollUp RollUp)? Linking { get; }

    public Property RecordId { get; }

    /// <summary>The property with the ids of the records that were merged into one.</summary>
    public Property MergedIds { get; }

    /// <summary>When a record was created, which a write may set; <c>null</c> in a type in which none may.</summary>
    public Property? CreateDate { get; }

    /// <summary>The actual time of creation, kept if <see cref="CreateDate"/> differs.</summary>
    public Property? HubSpotCreateDate { get; }

    /// <summary>See <see cref="ObjectType.Several"/>.</summary>
    public (Property One, Property More)? Several { get; }

    /// <summary>See <see cref="ObjectType.Required"/>.</summary>
    public ImmutableArray<Property> Required { get; }

    /// <summary>See <see cref="ObjectType.Searched"/>.</summary>
    public ImmutableArray<Property> Searched { get; }

    /// <summary>See <see cref="ObjectType.ReadAlways"/>.</summary>
    public PropertySet ReadAlways { get; }

    /// <summary>See <see cref="ObjectType.ReadDefault"/>.</summary>
    public PropertySet ReadDefault { get; }

    /// <summary>See <see cref="ObjectType.AfterUpdate"/>.</summary>
    public PropertySet AfterUpdate { get; }

    /// <summary>See <see cref="ObjectType.AfterCreate"/>.</summary>
    public PropertySet AfterCreate { get; }

    /// <summary>See <see cref="ObjectType.AfterMerge"/>.</summary>
    public PropertySet AfterMerge { get; }

    /// <summary>See <see cref="ObjectType.Guarded"/>.</summary>
    public PropertySet? Guarded { get; }

    public Property? Find(ReadOnlySpan<byte> utf8Name) => byName.TryGetValue(utf8Name, out var property) ? property : null;

    public Property? Find(string name) => byName.Dictionary.GetValueOrDefault(name);

    /// <summary>A property that the type requires.</summary>
    public Property Require(string name) =>
        Find(name) ?? throw new InvalidOperationException($"The schema of {Type.Plural} has no property {name}.");

    /// <summary>The property with this number in stored values; <c>null</c> while it is archived.</summary>
    public Property? FindNumber(int number) => (uint)(number - firstNumber) < (uint)byNumber.Length ? byNumber[number - firstNumber] : null;

    /// <summary>Like <see cref="FindNumber"/>, but includes archived ones: their stored values must still be kept in order. Those have no rank.</summary>
    public Property? FindNumberEvenArchived(int number) => FindNumber(number) ?? ((uint)(number - firstNumber) < (uint)archivedByNumber.Length ? archivedByNumber[number - firstNumber] : null);

    /// <summary>All properties, also archived ones.</summary>
    public IEnumerable<Property> EvenArchived => Properties.Concat(archivedByNumber.OfType<Property>());

    public Pipeline? FindPipeline(ReadOnlySpan<byte> utf8Id)
    {
        foreach (var pipeline in Content.Pipelines)
        {
            if (Utf8Names.Comparer.Equals(utf8Id, pipeline.Id))
            {
                return pipeline;
            }
        }

        return null;
    }

    /// <summary>The stage with an id; <c>null</c> if it was deleted or never existed.</summary>
    public StagePlace? FindStage(ReadOnlySpan<byte> utf8Id) => Stages?.Find(utf8Id);

    /// <summary>The stage of a property; <c>null</c> if it belongs to none.</summary>
    public StagePlace? PlaceOf(Property property) => Stages?.PlaceOf(property);

    /// <summary>The stored property from which a property is derived: see <see cref="Derivation.SameAsOrigin"/> and <see cref="Derivation.TimeInStage"/>.</summary>
    public Property? OriginOf(Property property) => Stages?.OriginOf(property) ?? (Type.Copies.TryGetValue(property.Name, out var origin) ? Require(origin) : null);

    PropertySet SetOf(ImmutableArray<string> names)
    {
        var set = new PropertySet(this);
        foreach (var name in names)
        {
            set.Add(Require(name));
        }

        return set;
    }
}
