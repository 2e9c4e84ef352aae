using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>
/// States of portals to which tests go back, or with which they create other portals: records with their history, schemas, settings, apps,
/// users, jobs and stored answers. They end with the server.
/// </summary>
internal interface ISnapshots
{
    /// <summary>The snapshots of a portal, oldest first.</summary>
    ImmutableArray<Snapshot> List(long portalId);

    /// <summary>Finds a snapshot of any portal, also of one that was deleted.</summary>
    Snapshot? Find(string id);

    /// <exception cref="Refusal">The portal is in use for so long that it can't be copied.</exception>
    Task<Snapshot> TakeAsync(long portalId, string name, CancellationToken cancellation);

    /// <returns><c>false</c> if it doesn't exist.</returns>
    bool Delete(string id);

    /// <summary>Creates a portal with the records and settings of a snapshot, but none of its apps and users, which have ids of their own.</summary>
    /// <exception cref="Refusal">The snapshot was deleted.</exception>
    ValueTask<Portal> CreateAsync(string name, Snapshot from);

    /// <summary>Notes the apps and users of a new portal, so that it can be rewound to its beginning. Without effect on portals that were there when the server started.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="isFilled">Whether it was filled since it was created.</param>
    ValueTask BeginAsync(long portalId, bool isFilled = false);

    /// <summary>
    /// Brings a portal back to a state. It has another store and another history from then on: what waits for its changes ends, and requests in
    /// progress are refused.
    /// </summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="to">A snapshot of the same portal; <c>null</c> for its beginning.</param>
    /// <exception cref="Refusal">The snapshot was deleted, or the portal's beginning isn't known.</exception>
    ValueTask RewindAsync(long portalId, Snapshot? to);
}

/// <summary>A state of a portal.</summary>
/// <param name="Id">Unique in the server.</param>
/// <param name="Name">Its name, chosen by the test; may be empty.</param>
/// <param name="PortalId">The portal.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
internal sealed record Snapshot(string Id, string Name, long PortalId, long CreatedAt);
