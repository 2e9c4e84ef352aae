using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>The result of exchanging a code for tokens.</summary>
internal enum ExchangeEnd
{
    Done,

    /// <summary>The code is unknown, expired, already used or another app's, or the verifier is wrong.</summary>
    BadCode,

    /// <summary>The code was issued for another redirect URL.</summary>
    BadRedirectUri,
}

/// <summary>The grants of users of all portals to OAuth apps. Codes and tokens are returned only when they are created: only hashes are stored.</summary>
internal interface IGrants
{
    /// <summary>Stores a grant and returns its code; <c>null</c> if the app or the user no longer exists.</summary>
    /// <param name="app">An OAuth app, of any portal.</param>
    /// <param name="user">The user who allows it, for their own portal.</param>
    /// <param name="scopes">The scopes that the app requested.</param>
    /// <param name="redirectUri">The redirect URL to which the code is sent.</param>
    /// <param name="challenge">The app's PKCE challenge (S256), if it sent one.</param>
    ValueTask<string?> AllowAsync(App app, User user, ImmutableArray<string> scopes, string redirectUri, string? challenge);

    /// <summary>Exchanges a code for tokens, once. If a code is used a second time, its grant and all its tokens end (RFC 6749 4.1.2).</summary>
    /// <param name="appId">The authenticated app.</param>
    /// <param name="code">The code.</param>
    /// <param name="redirectUri">The redirect URL to which the code was sent.</param>
    /// <param name="verifier">The PKCE verifier; <c>null</c> if there is none.</param>
    ValueTask<(ExchangeEnd End, IssuedTokens? Tokens)> ExchangeAsync(long appId, string code, string redirectUri, string? verifier);

    /// <summary>Creates another access token, with the same refresh token; <c>null</c> if the app has no such refresh token. Earlier access tokens stay valid.</summary>
    ValueTask<IssuedTokens?> RefreshAsync(long appId, string refreshToken);

    /// <summary>Finds the grant of a valid access token, and when the token expires, in milliseconds since 1970.</summary>
    ValueTask<(Grant Grant, long ExpiresAt)?> FindAccessAsync(string accessToken, CancellationToken cancellation);

    /// <summary>Finds the grant of a refresh token.</summary>
    ValueTask<Grant?> FindRefreshAsync(string refreshToken, CancellationToken cancellation);

    /// <summary>Revokes a refresh token, of this app if one is given; access tokens stay valid until they expire (reference/auth-limits-webhooks-imports.md 1.4). <c>false</c> if it doesn't exist.</summary>
    ValueTask<bool> RevokeRefreshAsync(string refreshToken, long? appId = null);

    /// <summary>Lists the apps that a user has allowed, by name.</summary>
    ValueTask<ImmutableArray<AllowedApp>> ListAsync(User user, CancellationToken cancellation);

    /// <summary>Ends all grants of a user to an app, for every request that starts afterwards; <c>false</c> if there are none.</summary>
    ValueTask<bool> EndAsync(long userId, long appId);

    /// <summary>Ends all grants of a portal's users to an app, for every request that starts afterwards; <c>false</c> if there are none.</summary>
    ValueTask<bool> UninstallAsync(long portalId, long appId);
}
