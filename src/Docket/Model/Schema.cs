using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>A property definition with its number, active or archived.</summary>
internal sealed record NumberedProperty(int Number, PropertyDefinition Definition);

/// <summary>What a portal keeps of a schema: definitions, groups and pipelines. Plain data; <see cref="Schema"/> is built from it.</summary>
internal sealed record SchemaContent(
    ImmutableSortedDictionary<string, NumberedProperty> Properties,
    ImmutableSortedDictionary<string, NumberedProperty> ArchivedProperties,
    ImmutableArray<PropertyGroup> Groups,
    ImmutableArray<Pipeline> Pipelines,
    int LastNumber)
{
    /// <summary>Every change of a pipeline or stage, oldest first. Entries are only ever added, at the end.</summary>
    public ImmutableArray<PipelineAudit> Audit { get; init; } = [];

    /// <summary>What a type starts with, its properties numbered after <paramref name="lastNumber"/>.</summary>
    public static SchemaContent Of(TypeSeed seed, int lastNumber = 0)
    {
        // Stored values carry the property's number as a variable-length integer: those up to 127 take one byte (Values.cs).
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
/// The immutable snapshot of one object type's properties and pipelines in one portal, against which a request is
/// validated and by which values are read.
/// </summary>
internal sealed class Schema
{
    readonly Dictionary<string, Property>.AlternateLookup<ReadOnlySpan<byte>> byName;
    readonly Property?[] byNumber, archivedByNumber;

    public Schema(ObjectType type, SchemaContent content)
    {
        Type = type;
        Content = content;
        var ofStages = content.Pipelines.SelectMany(pipeline => pipeline.Stages).SelectMany(stage => StageProperties.Derived(stage.Id)).ToDictionary(StringComparer.Ordinal);
        Properties = [.. content.Properties.Values.Select((entry, rank) => new Property(type, entry, rank, ofStages))];
        byNumber = new Property?[content.LastNumber + 1];
        archivedByNumber = new Property?[content.LastNumber + 1];
        foreach (var archived in content.ArchivedProperties.Values)
        {
            archivedByNumber[archived.Number] = new Property(type, archived, rank: -1, ofStages);
        }

        byName = new Dictionary<string, Property>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var property in Properties)
        {
            byNumber[property.Number] = property;
            byName.Dictionary[property.Name] = property;
        }

        Stages = type.Stages is { } rules ? new(this, rules) : null;
        if (Stages is null && Properties.FirstOrDefault(property => property.Derivation is Derivation.IsClosed or Derivation.TimeToClose or Derivation.CurrentStageEntered) is { } homeless)
        {
            throw new InvalidOperationException($"{homeless.Name} follows from stages, which {Type.Plural} have not.");
        }

        RecordId = Require("hs_object_id");
        MergedIds = Require("hs_merged_object_ids");
        CreateDate = Properties.FirstOrDefault(property => property.Derivation == Derivation.CreateDate);
        HubSpotCreateDate = Properties.FirstOrDefault(property => property.Derivation == Derivation.HubSpotCreateDate);
        Required = [.. type.Required.Select(Require)];
        Searched = [.. type.Searched.Select(Require)];
        ReadAlways = SetOf(type.ReadAlways);
        ReadDefault = SetOf(type.ReadDefault);
        AfterUpdate = SetOf(type.AfterUpdate);
        AfterCreate = SetOf(type.AfterCreate);
        AfterMerge = SetOf(type.AfterMerge);
    }

    public ObjectType Type { get; }

    public SchemaContent Content { get; }

    /// <summary>The active properties in alphabetical order; the index of each is its rank.</summary>
    public ImmutableArray<Property> Properties { get; }

    public ImmutableArray<Pipeline> Pipelines => Content.Pipelines;

    /// <summary>The properties that tell where a record stands; <c>null</c> for a type without stages.</summary>
    public SchemaStages? Stages { get; }

    public Property RecordId { get; }

    /// <summary>The ids of the records that were merged into one.</summary>
    public Property MergedIds { get; }

    /// <summary>When a record was created, which a write may set; <c>null</c> in a type where none may.</summary>
    public Property? CreateDate { get; }

    /// <summary>The moment of creation, kept when <see cref="CreateDate"/> says another one.</summary>
    public Property? HubSpotCreateDate { get; }

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

    public Property? Find(ReadOnlySpan<byte> utf8Name) => byName.TryGetValue(utf8Name, out var property) ? property : null;

    public Property? Find(string name) => byName.Dictionary.GetValueOrDefault(name);

    /// <summary>A property that the type cannot do without.</summary>
    public Property Require(string name) =>
        Find(name) ?? throw new InvalidOperationException($"The schema of {Type.Plural} has no property {name}.");

    /// <summary>The property that stored values carry as <paramref name="number"/>; <c>null</c> while it is archived.</summary>
    public Property? FindNumber(int number) => number < byNumber.Length ? byNumber[number] : null;

    /// <summary>As <see cref="FindNumber"/>, archived ones too: what is stored of them must still be kept in order. Those have no rank.</summary>
    public Property? FindNumberEvenArchived(int number) => FindNumber(number) ?? (number < archivedByNumber.Length ? archivedByNumber[number] : null);

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

    /// <summary>Where a stage stands; <c>null</c> for a stage that is gone or never was.</summary>
    public StagePlace? FindStage(ReadOnlySpan<byte> utf8Id) => Stages?.Find(utf8Id);

    /// <summary>The stage that a property belongs to; <c>null</c> for one that belongs to none.</summary>
    public StagePlace? PlaceOf(Property property) => Stages?.PlaceOf(property);

    /// <summary>The stored property that a property of a stage follows: see <see cref="Derivation.SameAsOrigin"/> and <see cref="Derivation.TimeInStage"/>.</summary>
    public Property? OriginOf(Property property) => Stages?.OriginOf(property);

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
