using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The apps of all portals. Secrets are returned only when they are created: only hashes are stored.</summary>
internal interface IApps
{
    /// <summary>Creates a private app and its token, which is random unless it is given.</summary>
    /// <exception cref="Refusal">Another app has the token.</exception>
    ValueTask<(App App, string Token)> CreatePrivateAsync(long portalId, string name, ImmutableArray<string> scopes, string? token = null);

    /// <summary>Creates an OAuth app and its client secret.</summary>
    ValueTask<(App App, string Secret)> CreateClientAsync(long portalId, string name, ImmutableArray<string> scopes, ImmutableArray<string> optionalScopes, ImmutableArray<string> redirectUris);

    /// <summary>Lists the apps of a portal, or all apps.</summary>
    ValueTask<ImmutableArray<App>> ListAsync(long? portalId, CancellationToken cancellation);

    /// <summary>Finds an OAuth app of any portal by client id, with the hash of its secret; <c>null</c> if it doesn't exist.</summary>
    ValueTask<(App App, byte[] SecretHash)?> FindClientAsync(string clientId, CancellationToken cancellation);

    /// <summary>Finds an app of a portal; <c>null</c> if it doesn't exist.</summary>
    ValueTask<App?> FindAsync(long portalId, long id, CancellationToken cancellation);

    /// <summary>Changes an app; <c>null</c> if the portal has no such app. The scopes of a private app change at once; grants to an OAuth app stay.</summary>
    ValueTask<App?> ChangeAsync(long portalId, long id, AppChange change);

    /// <summary>Replaces the token or client secret of an app.</summary>
    /// <param name="portalId">The portal.</param>
    /// <param name="id">The app.</param>
    /// <param name="graceMs">How long the old token stays valid, in milliseconds. An old secret ends at once.</param>
    /// <returns>The new token or secret; <c>null</c> if the portal has no such app.</returns>
    ValueTask<string?> RotateAsync(long portalId, long id, long graceMs);

    /// <summary>Deletes an app with its tokens and grants, for every request that starts afterwards; <c>false</c> if the portal has no such app.</summary>
    ValueTask<bool> DeleteAsync(long portalId, long id);
}
