using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The users of all portals.</summary>
internal interface IUsers
{
    /// <summary>Adds a user; <c>null</c> if the portal already has a user with this address.</summary>
    ValueTask<User?> AddAsync(long portalId, string email, string firstName, string lastName);

    /// <summary>Lists the users of a portal, or of all portals, in order of id, including archived ones.</summary>
    ValueTask<ImmutableArray<User>> ListAsync(long? portalId, CancellationToken cancellation);

    /// <summary>Finds a user of a portal; <c>null</c> if it doesn't exist.</summary>
    ValueTask<User?> FindAsync(long portalId, long id, CancellationToken cancellation);

    /// <summary>Changes a user. Archiving ends the user's sessions. <c>null</c> if the portal has no such user, or another user with the new address.</summary>
    ValueTask<User?> ChangeAsync(long portalId, long id, UserChange change);

    /// <summary>Sets the hash of the password and ends the user's sessions; <c>false</c> if the portal has no such user.</summary>
    ValueTask<bool> SetPasswordAsync(long portalId, long id, string passwordHash);

    /// <summary>Finds the users who can sign in with an address, at most one in each portal, with the hashes of their passwords.</summary>
    ValueTask<ImmutableArray<(User User, string PasswordHash)>> FindSignInsAsync(string email, CancellationToken cancellation);

    /// <summary>The maximum number of different salts for one address. 1, unless passwords were set by an earlier version, or a user was given an address that another portal has.</summary>
    ValueTask<int> CountSaltsAsync(CancellationToken cancellation);
}
