using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>Who is signed in with which browser. What the cookie holds is kept as a hash.</summary>
internal interface ISessions
{
    /// <summary>Counts an attempt to sign in with an address, a user's or not, before its password is looked at; <c>false</c> when there were too many lately.</summary>
    bool MayTry(string email);

    /// <summary>Starts a session of users, one for each portal at most, and gives what its cookie holds.</summary>
    string Start(IEnumerable<User> users);

    /// <summary>Who is signed in; nobody when the session is unknown or over.</summary>
    ImmutableArray<User> Find(string session);

    void End(string session);
}
