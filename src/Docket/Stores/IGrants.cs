using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores;

/// <summary>What became of a code that was to be exchanged for tokens.</summary>
internal enum ExchangeEnd
{
    Done,

    /// <summary>Unknown, expired, used before, another app's, or without the right verifier.</summary>
    BadCode,

    /// <summary>It was given out for another redirect URL.</summary>
    BadRedirectUri,
}

/// <summary>What users of all portals let OAuth apps do. Codes and tokens are in the answers that make them and nowhere else: only hashes are kept.</summary>
internal interface IGrants
{
    /// <summary>Notes that a user lets an app in, and gives the code for it; <c>null</c> when one of them is gone meanwhile.</summary>
    /// <param name="app">An OAuth app, of any portal.</param>
    /// <param name="user">Who lets it in, into their own portal.</param>
    /// <param name="scopes">Names of what the app asked for.</param>
    /// <param name="redirectUri">Where the code is sent.</param>
    /// <param name="challenge">The app's PKCE challenge (S256), if it sent one.</param>
    string? Allow(App app, User user, ImmutableArray<string> scopes, string redirectUri, string? challenge);

    /// <summary>Gives tokens for a code, once. When a code comes a second time, its grant and all tokens of it end (RFC 6749 4.1.2).</summary>
    /// <param name="appId">The app that has proved itself.</param>
    /// <param name="code">What it was sent.</param>
    /// <param name="redirectUri">Where it was sent.</param>
    /// <param name="verifier">For the challenge; <c>null</c> when there is none.</param>
    (ExchangeEnd End, IssuedTokens? Tokens) Exchange(long appId, string code, string redirectUri, string? verifier);

    /// <summary>Gives another access token, and the same refresh token again; <c>null</c> when the app has no such refresh token. Earlier access tokens go on.</summary>
    IssuedTokens? Refresh(long appId, string refreshToken);

    /// <summary>What an access token that has not expired is for, and when it does, in milliseconds since 1970.</summary>
    (Grant Grant, long ExpiresAt)? FindAccess(string accessToken);

    /// <summary>What a refresh token is for.</summary>
    Grant? FindRefresh(string refreshToken);

    /// <summary>Ends a refresh token, of this app when one is given; access tokens go on until they expire (reference/auth-limits-webhooks-imports.md 1.4). <c>false</c> when there is none.</summary>
    bool RevokeRefresh(string refreshToken, long? appId = null);

    /// <summary>The apps that a user lets in, by name.</summary>
    ImmutableArray<AllowedApp> List(User user);

    /// <summary>Ends all that a user has let an app do, at once for every request that starts afterwards; <c>false</c> when that is nothing.</summary>
    bool End(long userId, long appId);

    /// <summary>Ends all that users of a portal have let an app do, at once for every request that starts afterwards; <c>false</c> when that is nothing.</summary>
    bool Uninstall(long portalId, long appId);
}
