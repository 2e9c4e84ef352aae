using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>One direction of a kind of association: from records of one type to those of another. Category and id identify it in a portal.</summary>
/// <param name="Category"><see cref="HubSpotDefined"/> or <see cref="UserDefined"/>.</param>
/// <param name="Id">The id on the wire.</param>
/// <param name="From">The number of the object type that it starts at.</param>
/// <param name="To">The number of the object type that it leads to.</param>
/// <param name="Name">The name in v3, such as <c>ticket_to_contact</c>.</param>
/// <param name="Label">What it makes of the target; <c>null</c> for the plain association of the two types.</param>
/// <param name="InverseId">The id of the other direction, of the same category.</param>
internal sealed record AssociationType(string Category, int Id, int From, int To, string Name, string? Label, int InverseId)
{
    public const string HubSpotDefined = "HUBSPOT_DEFINED", UserDefined = "USER_DEFINED";

    /// <summary>The label of the company that a contact, deal or ticket belongs to first of all: each has at most one (reference/properties-pipelines-search-associations.md 5.3).</summary>
    const string PrimaryLabel = "Primary";

    /// <summary>The number in stored data: the ids of both categories overlap. The rule never changes.</summary>
    public int Number => NumberOf(Category, Id);

    /// <summary>The number of the other direction.</summary>
    public int Inverse => NumberOf(Category, InverseId);

    /// <summary>The limit that stands for none (reference/properties-pipelines-search-associations.md 5.8), and the largest.</summary>
    public const int Unlimited = 500_000;

    /// <summary>The most records that a record may be associated with by this type; <c>null</c> if there is no limit.</summary>
    public int? Most { get; init; }

    /// <summary>The same in the other direction.</summary>
    public int? InverseMost { get; init; }

    public bool IsPrimary => Category == HubSpotDefined && Label == PrimaryLabel;

    public static int NumberOf(string category, int id) => (id << 1) | (category == HubSpotDefined ? 0 : 1);

    /// <summary>As in messages: <c>USER_DEFINED=3</c>.</summary>
    public static string Spell(string category, long id) => string.Create(CultureInfo.InvariantCulture, $"{category}={id}");
}

/// <summary>The association types of a portal, both directions of each.</summary>
internal sealed class AssociationTypes
{
    readonly Dictionary<int, AssociationType> byNumber, deleted;
    readonly ILookup<(int From, int To), AssociationType> byPair;

    /// <param name="types">The current ones.</param>
    /// <param name="deleted">Those that were deleted.</param>
    /// <param name="limits">The limits of some, by number.</param>
    public AssociationTypes(IEnumerable<AssociationType> types, IEnumerable<AssociationType> deleted, ImmutableSortedDictionary<int, int> limits)
    {
        byNumber = types.ToDictionary(type => type.Number, type => limits.IsEmpty ? type : type with { Most = MostOf(type.Number), InverseMost = MostOf(type.Inverse) });
        this.deleted = deleted.ToDictionary(type => type.Number);
        byPair = byNumber.Values.ToLookup(type => (type.From, type.To));

        int? MostOf(int number) => limits.TryGetValue(number, out var most) && most < AssociationType.Unlimited ? most : null;
    }

    /// <summary>All current types.</summary>
    public IReadOnlyCollection<AssociationType> All => byNumber.Values;

    /// <summary>The type with a number in stored data; <c>null</c> if it was deleted.</summary>
    public AssociationType? Find(int number) => byNumber.GetValueOrDefault(number);

    /// <summary>The number of the other direction of a type, also of a deleted one.</summary>
    public int? InverseOf(int number) => (Find(number) ?? deleted.GetValueOrDefault(number))?.Inverse;

    /// <summary>Whether the type with a number was deleted.</summary>
    public bool IsDeleted(int number) => deleted.ContainsKey(number);

    /// <summary>The types from one object type to another: HubSpot's first, then plain ones first, then by id (reference/objects-other-than-tickets.md 8.7 [decide]).</summary>
    public ImmutableArray<AssociationType> Between(int from, int to) =>
        [.. byPair[(from, to)].OrderBy(type => type.Category == AssociationType.HubSpotDefined ? 0 : 1).ThenBy(type => type.Label is null ? 0 : 1).ThenBy(type => type.Id)];

    /// <summary>The object types that records of a type can be associated with.</summary>
    public IEnumerable<int> TargetsOf(int from) => byPair.Where(pair => pair.Key.From == from).Select(pair => pair.Key.To);
}

/// <summary>A record that another one is associated with.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Types">The numbers of the association types, as seen from the other one.</param>
internal sealed record Tie(long Id, ImmutableArray<int> Types);

/// <summary>A page of the records of one type that a record is associated with, in order of their ids.</summary>
/// <param name="Ties">The records; active ones only.</param>
/// <param name="IsLast">Whether there are no more.</param>
internal readonly record struct TiePage(ImmutableArray<Tie> Ties, bool IsLast);
