using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Writes;

/// <summary>What to do with the associations of two records.</summary>
internal enum TieKind
{
    /// <summary>Associates them plainly.</summary>
    Associate,

    /// <summary>Associates them with the given types; labels of the portal's own that are not given end (reference/objects-other-than-tickets.md 8.5).</summary>
    Label,

    /// <summary>Ends all associations between them.</summary>
    Dissociate,

    /// <summary>Ends the given types, or all if the plain one is among them (reference/properties-pipelines-search-associations.md 5.3).</summary>
    Unlabel,
}

/// <summary>Two records to associate.</summary>
/// <param name="From">The id of the one.</param>
/// <param name="To">The id of the other.</param>
/// <param name="Types">The given types, as seen from the one.</param>
internal readonly record struct TieInput(long From, long To, ImmutableArray<AssociationType> Types);

/// <summary>A validated batch of associations between records of two types. Each input is decided on its own.</summary>
internal sealed class TieBatch
{
    public required TieKind Kind { get; init; }

    public required Caller Caller { get; init; }

    public required ObjectType From { get; init; }

    public required ObjectType To { get; init; }

    /// <summary>The association types from one to the other.</summary>
    public required ImmutableArray<AssociationType> Types { get; init; }

    public required ImmutableArray<TieInput> Inputs { get; init; }

    /// <summary>Ids of HubSpot's associations with a primary company, from the side of the contact, deal or ticket.</summary>
    static readonly ImmutableArray<int> Primaries = [.. new[] { 1, 5, 26 }.Select(id => AssociationType.NumberOf(AssociationType.HubSpotDefined, id))];

    /// <summary>The batch with the current association types, which may have changed since it was read.</summary>
    public TieBatch With(ImmutableArray<AssociationType> types) => types.AsSpan().SequenceEqual(Types.AsSpan()) ? this : new()
    {
        Kind = Kind,
        Caller = Caller,
        From = From,
        To = To,
        Types = types,
        Inputs = [.. Inputs.Select(input => input with { Types = [.. input.Types.Select(type => types.FirstOrDefault(current => current.Number == type.Number) ?? type)] })],
    };

    /// <summary>Whether some of the types have a limit, in one direction or the other.</summary>
    public bool IsLimited => Types.Any(type => type.Most is not null || type.InverseMost is not null);

    /// <summary>The records and types with a limit: how many associations each has needs to be known, up to a number.</summary>
    public IEnumerable<(ObjectType Of, long Id, int Type, long UpTo)> Counted => Kind is TieKind.Dissociate or TieKind.Unlabel ? [] : Types
        .SelectMany(type => Inputs.SelectMany(input => ((ObjectType, long, int, int?)[])[(From, input.From, type.Number, type.Most), (To, input.To, type.Inverse, type.InverseMost)]))
        .Where(each => each.Item4 is not null).Distinct().Select(each => (each.Item1, each.Item2, each.Item3, (long)each.Item4!.Value + Inputs.Length));

    /// <summary>The plain type; <c>null</c> if there is none.</summary>
    public AssociationType? Plain => Types.FirstOrDefault(type => type.Label is null);

    /// <summary>The type of a primary company, seen from <see cref="From"/>, and whether it is the company's side.</summary>
    public (AssociationType Type, bool IsCompanys)? Primary =>
        Types.FirstOrDefault(type => Primaries.Contains(type.Number)) is { } own ? (own, false)
        : Types.FirstOrDefault(type => Primaries.Contains(type.Inverse)) is { } companys ? (companys, true)
        : null;
}

/// <summary>What a store found for a batch.</summary>
/// <param name="FromExists">Whether the first record of each input is active.</param>
/// <param name="ToExists">The same for the second one.</param>
/// <param name="Types">The numbers of the types between the records of each input, as seen from the first.</param>
/// <param name="Companies">The primary company of each contact, deal or ticket of the inputs that has one.</param>
internal sealed record FoundTies(bool[] FromExists, bool[] ToExists, ImmutableArray<int>[] Types, Dictionary<long, long> Companies)
{
    /// <summary>How many active records a record is associated with by a type: see <see cref="TieBatch.Counted"/>.</summary>
    public Dictionary<(long Id, int Type), long> Counts { get; } = [];
}

/// <summary>The associations of two records after a batch, or why an input failed.</summary>
/// <param name="Types">The types after the batch, as seen from the first record.</param>
/// <param name="Error">Why the input failed; <c>null</c> if it didn't.</param>
internal readonly record struct TieResult(ImmutableArray<int> Types, RowError? Error);

/// <summary>One change of associations to write.</summary>
/// <param name="Kind"><see cref="ChangeKind.Associate"/> or <see cref="ChangeKind.Dissociate"/>.</param>
/// <param name="Sequence">Its number.</param>
/// <param name="Time">Milliseconds since 1970.</param>
/// <param name="From">The type and id of the one record.</param>
/// <param name="To">The type and id of the other.</param>
/// <param name="Types">The types that begin or end, as seen from the one, in order of their numbers.</param>
/// <param name="IsHidden">Whether one of the two is archived: nothing follows from the change.</param>
internal sealed record PlannedTie(ChangeKind Kind, long Sequence, long Time, (int Type, long Id) From, (int Type, long Id) To, ImmutableArray<AssociationType> Types, bool IsHidden = false);

/// <summary>Everything to write for a batch of associations.</summary>
internal sealed record TiePlan(TieBatch Batch, TieResult[] Results, List<PlannedTie> Writes);
