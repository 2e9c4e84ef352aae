using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>An object type: the kind of thing a record is, as data. All types are treated alike; what is special about one stands in its own file in <c>Model/Types</c>.</summary>
internal sealed record ObjectType
{
    /// <summary>The number that keys of this type carry, 1 to 16,383.</summary>
    public required int Number { get; init; }

    /// <summary>The id on the wire, such as <c>0-5</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The plural used in paths, such as <c>tickets</c>.</summary>
    public required string Plural { get; init; }

    /// <summary>The singular that paths accept too.</summary>
    public required string Singular { get; init; }

    /// <summary>The upper-case name inside messages, such as <c>TICKET</c> (reference/objects-and-batch.md 2.4, 2.5, 4.8).</summary>
    public required string LegacyName { get; init; }

    /// <summary>The properties that a read always gives (reference/objects-and-batch.md 4.3).</summary>
    public required ImmutableArray<string> ReadAlways { get; init; }

    /// <summary>The properties that a read gives when it names none (reference/objects-and-batch.md 0).</summary>
    public required ImmutableArray<string> ReadDefault { get; init; }

    /// <summary>The properties that the answer to an update gives besides the written ones (reference/properties-pipelines-search-associations.md 2.5).</summary>
    public required ImmutableArray<string> AfterUpdate { get; init; }

    /// <summary>The same for a create (reference/objects-and-batch.md 4.2).</summary>
    public required ImmutableArray<string> AfterCreate { get; init; }

    /// <summary>The properties that the answer to a merge gives.</summary>
    public required ImmutableArray<string> AfterMerge { get; init; }

    /// <summary>The scopes that its rights take.</summary>
    public required TypeScopes Scopes { get; init; }

    /// <summary>The properties that a new record needs (reference/objects-and-batch.md 2.4).</summary>
    public ImmutableArray<string> Required { get; init; } = [];

    /// <summary>The properties that the <c>query</c> of a search looks at, besides the record id (reference/properties-pipelines-search-associations.md 4.5).</summary>
    public ImmutableArray<string> Searched { get; init; } = [];

    /// <summary>The rules of its pipelines; <c>null</c> for a type without stages.</summary>
    public StageRules? Stages { get; init; }

    /// <summary>How the values of its own properties follow from others; <see cref="Derivations.OfEveryType"/> holds for the rest.</summary>
    public ImmutableDictionary<string, Derivation> Derived { get; init; } = ImmutableDictionary<string, Derivation>.Empty;

    /// <summary>Makes what a new portal starts with. Called only where the type isn't there yet: definitions take a while to read.</summary>
    public required Func<TypeSeed> Seed { get; init; }

    /// <summary>Whether a path segment names the type: plural, singular or id, the names in any letter case (reference/properties-pipelines-search-associations.md 7).</summary>
    public bool IsCalled(string spelling) =>
        spelling.Equals(Plural, StringComparison.OrdinalIgnoreCase) || spelling.Equals(Singular, StringComparison.OrdinalIgnoreCase) || spelling == Id;

    /// <summary>How its property of a name that HubSpot defines gets its value.</summary>
    public Derivation DerivationOf(string name) =>
        Derived.TryGetValue(name, out var own) ? own : Derivations.OfEveryType.GetValueOrDefault(name);
}

/// <summary>How the records of a type go through stages: the names of the properties that tell where a record stands, and of those that follow.</summary>
/// <param name="Pipeline">The pipeline that a record is in.</param>
/// <param name="Stage">The stage of that pipeline.</param>
/// <param name="ClosedDate">When it was closed: set by Docket unless the write sets it, cleared when the record is opened again.</param>
/// <param name="LastClosedDate">When it was closed last.</param>
/// <param name="ReopenedAt">When it was opened again last.</param>
/// <param name="AfterMove">The properties that the answer to a write gives besides, when it sets the stage.</param>
/// <param name="Group">The group of the properties that each stage brings along.</param>
internal sealed record StageRules(
    string Pipeline, string Stage, string ClosedDate, string LastClosedDate, string ReopenedAt, ImmutableArray<string> AfterMove, string Group);

/// <summary>What a new portal has of a type.</summary>
/// <param name="Properties">The definitions.</param>
/// <param name="Foremost">The names of those that nearly every record holds, from most to least used: they get the smallest numbers, which take the least room in records.</param>
/// <param name="Groups">The groups that the definitions name.</param>
/// <param name="Pipelines">The pipelines; the definitions have the properties of their stages.</param>
internal sealed record TypeSeed(
    ImmutableArray<PropertyDefinition> Properties, ImmutableArray<string> Foremost, ImmutableArray<PropertyGroup> Groups, ImmutableArray<Pipeline> Pipelines);
