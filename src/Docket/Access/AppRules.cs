using System.Collections.Immutable;
using Docket.Model;
using Docket.Model.Types;

namespace Docket.Access;

/// <summary>The rules for apps. Each mistake is one sentence.</summary>
internal static class AppRules
{
    public const int NameMax = 200, ListMax = 100;

    const int UriMax = 2_000;

    /// <summary>The mistakes in a new app.</summary>
    public static List<string> MistakesOfNew(AppChange app)
    {
        var mistakes = Mistakes(app with { Name = app.Name ?? "" });
        if (app is { RedirectUris: null, OptionalScopes.IsEmpty: false })
        {
            mistakes.Add("Only an OAuth app has optional scopes: add a redirect URL.");
        }

        return mistakes;
    }

    /// <summary>The mistakes in a change of an app; <c>null</c> leaves a value unchanged.</summary>
    public static List<string> MistakesOfChange(App app, AppChange change)
    {
        var mistakes = Mistakes(change);
        if (app.Client is null && (change.RedirectUris is not null || change.OptionalScopes is not null))
        {
            mistakes.Add("Only an OAuth app has redirect URLs and optional scopes, and a private app can't become one: create another app.");
        }

        return mistakes;
    }

    /// <summary>Possible mistakes: HubSpot has scopes that Docket doesn't know, and a misspelt scope looks the same.</summary>
    public static IEnumerable<string> Warnings(App app) =>
        app.Scopes.Concat(app.Client?.OptionalScopes ?? []).Except(ScopeNames.Known).Select(scope => $"Docket doesn't know the scope {scope}, which allows nothing here.");

    static List<string> Mistakes(AppChange app)
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
            mistakes.Add($"\"{uri}\" is not a valid redirect URL. Use an absolute URL without a fragment, with https unless it is on this machine.");
        }

        if (app.RedirectUris is { IsEmpty: true })
        {
            mistakes.Add("An OAuth app needs a redirect URL.");
        }

        foreach (var list in (ImmutableArray<string>?[])[app.Scopes, app.OptionalScopes, app.RedirectUris])
        {
            if (list is { Length: > ListMax })
            {
                mistakes.Add($"An app has at most {ListMax} scopes, optional scopes or redirect URLs.");
            }
        }

        return mistakes;
    }

    static bool IsRedirectUri(string text) =>
        text.Length <= UriMax && !text.AsSpan().ContainsAnyExceptInRange('!', '~') // is written to a header unchanged
        && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}
