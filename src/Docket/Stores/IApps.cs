using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The apps of all portals. Secrets are returned only when they are created: only hashes are stored.</summary>
internal interface IApps
{
    /// <summary>Creates a private app and its token.</summary>
    (App App, string Token) CreatePrivate(long portalId, string name, ImmutableArray<string> scopes);

    /// <summary>Creates an OAuth app and its client secret.</summary>
    (App App, string Secret) CreateClient(long portalId, string name, ImmutableArray<string> scopes, ImmutableArray<string> optionalScopes, ImmutableArray<string> redirectUris);

    /// <summary>Lists the apps of a portal, or all apps.</summary>
    ImmutableArray<App> List(long? portalId);

    /// <summary>Finds an OAuth app of any portal by client id, with the hash of its secret; <c>null</c> if it doesn't exist.</summary>
    (App App, byte[] SecretHash)? FindClient(string clientId);

    /// <summary>Finds an app of a portal; <c>null</c> if it doesn't exist.</summary>
    App? Find(long portalId, long id);

    /// <summary>Changes an app; <c>null</c> if the portal has no such app. The scopes of a private app change at once; grants to an OAuth app stay.</summary>
    App? Change(long portalId, long id, AppChange change);

    /// <summary>Replaces the token or client secret of an app.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="id">The app.</param>
    /// <param name="graceMs">How long the old token stays valid, in milliseconds. An old secret ends at once.</param>
    /// <returns>The new token or secret; <c>null</c> if the portal has no such app.</returns>
    string? Rotate(long portalId, long id, long graceMs);

    /// <summary>Deletes an app with its tokens and grants, for every request that starts afterwards; <c>false</c> if the portal has no such app.</summary>
    bool Delete(long portalId, long id);
}
