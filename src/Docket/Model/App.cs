using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// A program that calls a portal: a private app with its own token, or an OAuth app, which users of portals allow. Its id is the source
/// of its writes in history.
/// </summary>
/// <param name="Id">Its number, also on the wire.</param>
/// <param name="PortalId">The portal it belongs to.</param>
/// <param name="Name">Its name, chosen by the operator.</param>
/// <param name="Scopes">Names of a private app's scopes, or of the scopes that an OAuth app requests. Unknown names grant nothing.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
internal sealed record App(long Id, long PortalId, string Name, ImmutableArray<string> Scopes, long CreatedAt)
{
    /// <summary>Additional data of an OAuth app; <c>null</c> for a private app.</summary>
    public OAuthClient? Client { get; init; }
}

/// <summary>An app in the OAuth 2.0 flow.</summary>
/// <param name="Id">Its <c>client_id</c>.</param>
/// <param name="RedirectUris">URLs to which users may be sent back, compared exactly.</param>
/// <param name="OptionalScopes">Names of scopes that it may request but doesn't need.</param>
internal sealed record OAuthClient(string Id, ImmutableArray<string> RedirectUris, ImmutableArray<string> OptionalScopes);

/// <summary>A change to an app; <c>null</c> means unchanged.</summary>
internal sealed record AppChange(string? Name = null, ImmutableArray<string>? Scopes = null, ImmutableArray<string>? OptionalScopes = null, ImmutableArray<string>? RedirectUris = null);
