using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What a user allowed an OAuth app.</summary>
/// <param name="AppId">The app.</param>
/// <param name="ClientId">The app's <c>client_id</c>.</param>
/// <param name="Portal">The user's portal, which the app may use.</param>
/// <param name="UserId">The user.</param>
/// <param name="Email">The user's email address.</param>
/// <param name="Scopes">Names as requested; unknown names grant nothing.</param>
internal sealed record Grant(long AppId, string ClientId, Portal Portal, long UserId, string Email, ImmutableArray<string> Scopes);

/// <summary>An app that a user allowed.</summary>
/// <param name="AppId">The app.</param>
/// <param name="Name">The app's name.</param>
/// <param name="Scopes">Names of all scopes that were allowed.</param>
/// <param name="Since">When the user first agreed to what is still valid, milliseconds since 1970.</param>
internal sealed record AllowedApp(long AppId, string Name, ImmutableArray<string> Scopes, long Since);

/// <summary>An app's new tokens, which are shown only once.</summary>
/// <param name="Grant">Their grant.</param>
/// <param name="Access">Allows calls until it expires.</param>
/// <param name="Refresh">Gets more access tokens until it is revoked.</param>
internal sealed record IssuedTokens(Grant Grant, string Access, string Refresh);
