using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>
/// A program that calls a portal: a private app, with a token of its own, or an OAuth app, which users of portals let in. Its id is
/// what history puts its writes down to.
/// </summary>
/// <param name="Id">Its number, on the wire too.</param>
/// <param name="PortalId">The portal it belongs to.</param>
/// <param name="Name">What its operator calls it.</param>
/// <param name="Scopes">Names of what a private app may do, or of what an OAuth app asks for. Names that Docket doesn't know grant nothing.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
internal sealed record App(long Id, long PortalId, string Name, ImmutableArray<string> Scopes, long CreatedAt)
{
    /// <summary>What an OAuth app has besides; <c>null</c> for a private app.</summary>
    public OAuthClient? Client { get; init; }
}

/// <summary>An app in the OAuth 2.0 flow.</summary>
/// <param name="Id">Its <c>client_id</c>.</param>
/// <param name="RedirectUris">Where users may be sent back to, each letter as registered.</param>
/// <param name="OptionalScopes">Names of scopes it may ask for but does without.</param>
internal sealed record OAuthClient(string Id, ImmutableArray<string> RedirectUris, ImmutableArray<string> OptionalScopes);

/// <summary>A change to an app; what is <c>null</c> stays.</summary>
internal sealed record AppChange(string? Name = null, ImmutableArray<string>? Scopes = null, ImmutableArray<string>? OptionalScopes = null, ImmutableArray<string>? RedirectUris = null);
