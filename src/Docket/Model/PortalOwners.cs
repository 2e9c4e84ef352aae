using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// The immutable snapshot of a portal's users, who own its tickets. A portal that never had a user accepts any owner id, because
/// integrations bring owner ids from HubSpot.
/// </summary>
internal sealed class PortalOwners
{
    public static readonly PortalOwners None = new([]);

    readonly Dictionary<string, User>.AlternateLookup<ReadOnlySpan<byte>> byId;

    /// <param name="all">All users by id, including archived ones.</param>
    public PortalOwners(ImmutableArray<User> all)
    {
        All = all;
        byId = new Dictionary<string, User>(all.Select(user => KeyValuePair.Create(user.Id.ToString(), user)), Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public ImmutableArray<User> All { get; }

    /// <summary>Whether a ticket may keep this owner: it is or was one.</summary>
    public bool Knows(ReadOnlySpan<byte> utf8Id) => All.IsEmpty || byId.ContainsKey(utf8Id);

    /// <summary>Whether a ticket may be assigned to this owner: it hasn't left.</summary>
    public bool IsActive(ReadOnlySpan<byte> utf8Id) => All.IsEmpty || (byId.TryGetValue(utf8Id, out var user) && !user.Archived);
}
