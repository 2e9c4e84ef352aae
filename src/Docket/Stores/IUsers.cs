using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The users of all portals.</summary>
internal interface IUsers
{
    /// <summary>Adds a user; <c>null</c> when the portal has one with that address.</summary>
    User? Add(long portalId, string email, string firstName, string lastName);

    /// <summary>The users of a portal in the order of their ids, those who have left among them; or of all portals.</summary>
    ImmutableArray<User> List(long? portalId);

    /// <summary>A user of a portal, or <c>null</c>.</summary>
    User? Find(long portalId, long id);

    /// <summary>Changes a user, whose sessions end when it is archived; <c>null</c> when the portal has none of that id, or another one with the new address.</summary>
    User? Change(long portalId, long id, UserChange change);

    /// <summary>Sets what the password is checked against, and ends the user's sessions; <c>false</c> when the portal has no such user.</summary>
    bool SetPassword(long portalId, long id, string passwordHash);

    /// <summary>Those who may sign in with an address, one in each portal that has them, with what their passwords are checked against.</summary>
    ImmutableArray<(User User, string PasswordHash)> FindSignIns(string email);

    /// <summary>How many salts the passwords of one address have at most. 1, unless passwords were set by an earlier version, or a user got an address that another portal has.</summary>
    int CountSalts();
}
