using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>Sessions of browsers. The value of the cookie is stored as a hash.</summary>
internal interface ISessions
{
    /// <summary>Counts an attempt to sign in with an address, known or not, before the password is checked; <c>false</c> if there were too many recently.</summary>
    bool MayTry(string email);

    /// <summary>Starts a session of users, at most one for each portal, and returns the value of its cookie.</summary>
    string Start(IEnumerable<User> users);

    /// <summary>Finds the users of a session; empty if the session is unknown or has ended.</summary>
    ImmutableArray<User> Find(string session);

    void End(string session);
}
