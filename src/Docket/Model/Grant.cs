using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>What a user has let an OAuth app do.</summary>
/// <param name="AppId">The app.</param>
/// <param name="ClientId">The app's <c>client_id</c>.</param>
/// <param name="Portal">The user's portal, which the app is let into.</param>
/// <param name="UserId">The user.</param>
/// <param name="Email">The user's address.</param>
/// <param name="Scopes">Names as they were asked for; those that Docket doesn't know grant nothing.</param>
internal sealed record Grant(long AppId, string ClientId, Portal Portal, long UserId, string Email, ImmutableArray<string> Scopes);

/// <summary>An app that a user lets in.</summary>
/// <param name="AppId">The app.</param>
/// <param name="Name">The app's.</param>
/// <param name="Scopes">Names of all that it was let do.</param>
/// <param name="Since">When the user first agreed to what still holds, milliseconds since 1970.</param>
internal sealed record AllowedApp(long AppId, string Name, ImmutableArray<string> Scopes, long Since);

/// <summary>An app's new tokens, shown this once.</summary>
/// <param name="Grant">What they are for.</param>
/// <param name="Access">Lets the app call until it expires.</param>
/// <param name="Refresh">Gets more access tokens until it is revoked.</param>
internal sealed record IssuedTokens(Grant Grant, string Access, string Refresh);
