using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Access;

/// <summary>What an app may be. Each mistake is one sentence.</summary>
internal static class AppRules
{
    const int NameMax = 200, ListMax = 100, UriMax = 2_000;

    /// <summary>The mistakes in what is given of an app; what is <c>null</c> isn't given.</summary>
    public static List<string> Mistakes(AppChange app)
    {
        var mistakes = new List<string>();
        if (app.Name is { } name && (string.IsNullOrWhiteSpace(name) || name.Length > NameMax))
        {
            mistakes.Add($"The name of an app has 1 to {NameMax} characters.");
        }

        foreach (var scope in (app.Scopes ?? []).Concat(app.OptionalScopes ?? []).Where(scope => !ScopeNames.IsWellFormed(scope)))
        {
            mistakes.Add($"\"{scope}\" is not the name of a scope. Docket knows {string.Join(", ", ScopeNames.Known)}.");
        }

        foreach (var uri in (app.RedirectUris ?? []).Where(uri => !IsRedirectUri(uri)))
        {
            mistakes.Add($"\"{uri}\" can't be redirected to. Give an absolute URL without a fragment, with https unless it is on this machine.");
        }

        if (app.RedirectUris is { IsEmpty: true })
        {
            mistakes.Add("An OAuth app needs a redirect URL.");
        }

        foreach (var list in (ImmutableArray<string>?[])[app.Scopes, app.OptionalScopes, app.RedirectUris])
        {
            if (list is { Length: > ListMax })
            {
                mistakes.Add($"An app has at most {ListMax} scopes or redirect URLs of a kind.");
            }
        }

        return mistakes;
    }

    static bool IsRedirectUri(string text) =>
        text.Length <= UriMax && !text.AsSpan().ContainsAnyExceptInRange('!', '~') // goes into a header as it is
        && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}
