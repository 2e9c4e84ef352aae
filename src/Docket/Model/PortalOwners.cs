using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// The immutable snapshot of a portal's users, who own its tickets. A portal that has never had a user takes any owner's id: it
/// can't know better than the integrations that bring the ids along from HubSpot.
/// </summary>
internal sealed class PortalOwners
{
    public static readonly PortalOwners None = new([]);

    readonly Dictionary<string, User>.AlternateLookup<ReadOnlySpan<byte>> byId;

    /// <param name="all">In the order of their ids, those who have left among them.</param>
    public PortalOwners(ImmutableArray<User> all)
    {
        All = all;
        byId = new Dictionary<string, User>(all.Select(user => KeyValuePair.Create(user.Id.ToString(), user)), Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public ImmutableArray<User> All { get; }

    /// <summary>Whether a ticket may have this owner already: it is or was one.</summary>
    public bool Knows(ReadOnlySpan<byte> utf8Id) => All.IsEmpty || byId.ContainsKey(utf8Id);

    /// <summary>Whether a ticket may get this owner: it hasn't left.</summary>
    public bool IsActive(ReadOnlySpan<byte> utf8Id) => All.IsEmpty || (byId.TryGetValue(utf8Id, out var user) && !user.Archived);
}
