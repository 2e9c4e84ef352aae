using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The apps of all portals. Their secrets are in the answers that make them and nowhere else: only hashes are kept.</summary>
internal interface IApps
{
    /// <summary>Makes a private app and its token.</summary>
    (App App, string Token) CreatePrivate(long portalId, string name, ImmutableArray<string> scopes);

    /// <summary>Makes an OAuth app and its client secret.</summary>
    (App App, string Secret) CreateClient(long portalId, string name, ImmutableArray<string> scopes, ImmutableArray<string> optionalScopes, ImmutableArray<string> redirectUris);

    /// <summary>The apps of a portal, or all.</summary>
    ImmutableArray<App> List(long? portalId);

    /// <summary>The OAuth app of a client id, of any portal, and the hash of its secret; <c>null</c> when there is none.</summary>
    (App App, byte[] SecretHash)? FindClient(string clientId);

    /// <summary>An app of a portal, or <c>null</c>.</summary>
    App? Find(long portalId, long id);

    /// <summary>Changes an app; <c>null</c> when the portal has none of that id. What a private app may do changes at once; what users have let an OAuth app do stays.</summary>
    App? Change(long portalId, long id, AppChange change);

    /// <summary>Makes a new token, or a new client secret, in place of the one there is.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="id">The app.</param>
    /// <param name="graceMs">How long the old token goes on working, in milliseconds. An old secret ends at once.</param>
    /// <returns>The new one; <c>null</c> when the portal has no such app.</returns>
    string? Rotate(long portalId, long id, long graceMs);

    /// <summary>Deletes an app and revokes its tokens, and all that users have let it do, at once for every request that starts afterwards; <c>false</c> when the portal has none of that id.</summary>
    bool Delete(long portalId, long id);
}
