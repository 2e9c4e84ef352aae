using System.Buffers;
using System.Collections.Immutable;
using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Docket.OAuth;

/// <summary>What an app asks a user for, from the query of the authorization URL (reference/auth-limits-webhooks-imports.md 1.2).</summary>
/// <param name="App">The app.</param>
/// <param name="RedirectUri">The app's URL to which the user is sent back.</param>
/// <param name="Scopes">Names of the requested scopes, including optional ones that the app may have.</param>
/// <param name="Missing">Scopes that the app is registered with but does not request.</param>
/// <param name="Unregistered">Scopes that it requests but is not registered with.</param>
/// <param name="Challenge">The PKCE challenge, if there is one.</param>
/// <param name="BadChallenge">Whether the challenge is invalid.</param>
/// <param name="State">The app's own value, returned unchanged.</param>
internal sealed record AuthorizeRequest(
    App App, string RedirectUri, ImmutableArray<string> Scopes, ImmutableArray<string> Missing, ImmutableArray<string> Unregistered, string? Challenge, bool BadChallenge, string? State)
{
    /// <summary>A SHA-256 in base64url.</summary>
    const int ChallengeLength = 43;

    /// <summary>A scope that every OAuth app has without being registered with it.</summary>
    const string OAuthScope = "oauth";

    static readonly SearchValues<char> Base64Url = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Reads the query, for an app and a redirect URL that were checked to belong together.</summary>
    public static AuthorizeRequest Read(IQueryCollection query, App app, string redirectUri)
    {
        var asked = Names(query["scope"].Only());
        ImmutableArray<string> registered = [.. app.Scopes, .. app.Client!.OptionalScopes, OAuthScope];
        var optional = Names(query["optional_scope"].Only()).Where(registered.Contains);
        var challenge = query.ContainsKey("code_challenge") ? query["code_challenge"].Only() ?? "" : null;
        return new(
            app, redirectUri, [.. asked.Union(optional)],
            Missing: asked.IsEmpty && app.Scopes.IsEmpty ? [OAuthScope] : [.. app.Scopes.Except(asked)],
            Unregistered: [.. asked.Except(registered)],
            challenge,
            BadChallenge: challenge is not null && (query["code_challenge_method"].Only() != "S256" || challenge.Length != ChallengeLength || challenge.AsSpan().ContainsAnyExcept(Base64Url)),
            query["state"].Only());
    }

    /// <summary>The URL that sends the user back with an answer.</summary>
    public string Back(params (string Name, string Value)[] answer) => QueryHelpers.AddQueryString(
        RedirectUri, (State is null ? answer : [.. answer, ("state", State)]).Select(pair => KeyValuePair.Create(pair.Name, (string?)pair.Value)));

    static ImmutableArray<string> Names(string? text) => [.. (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];
}
