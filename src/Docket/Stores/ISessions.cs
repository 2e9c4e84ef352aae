using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>Sessions of browsers. The value of the cookie is stored as a hash.</summary>
internal interface ISessions
{
    /// <summary>Counts an attempt to sign in with an address, known or not, before the password is checked; <c>false</c> if there were too many recently.</summary>
    ValueTask<bool> MayTryAsync(string email);

    /// <summary>Starts a session of users, at most one for each portal, and returns the value of its cookie.</summary>
    ValueTask<string> StartAsync(IEnumerable<User> users);

    /// <summary>Finds the users of a session; empty if the session is unknown or has ended.</summary>
    ValueTask<ImmutableArray<User>> FindAsync(string session, CancellationToken cancellation);

    ValueTask EndAsync(string session);
}
