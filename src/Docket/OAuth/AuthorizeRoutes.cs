using System.Collections.Immutable;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.OAuth;

/// <summary>The authorization page: users sign in and allow or refuse an app (reference/auth-limits-webhooks-imports.md 1.2).</summary>
internal sealed class AuthorizeRoutes(IPortals portals, SignIn signIn, Pages pages)
{
    /// <summary>HubSpot's message.</summary>
    const string InsufficientScopes = "Authorization failed because the provided scopes are insufficient. Please contact the app developer.";

    public static void Map(IEndpointRouteBuilder routes, IPortals portals, SignIn signIn, Pages pages)
    {
        var authorize = new AuthorizeRoutes(portals, signIn, pages);
        foreach (var path in (string[])["/oauth/authorize", "/oauth/{accountId}/authorize"])
        {
            routes.MapGet(path, http => authorize.AnswerAsync(http, authorize.ShowAsync));
            routes.MapPost(path, http => authorize.AnswerAsync(http, authorize.DecideAsync));
        }
    }

    // No redirect until app and redirect URL are known to belong together: the server must not be an open redirector.
    Task AnswerAsync(HttpContext http, Func<HttpContext, AuthorizeRequest, Task> answer)
    {
        var query = http.Request.Query;
        if (query["client_id"].Only() is not { } clientId || portals.Apps.FindClient(clientId) is not { } client)
        {
            return pages.RefuseAsync(http, "The link that brought you here is invalid: its client_id does not belong to a known app.");
        }

        if (query["redirect_uri"].Only() is not { } redirectUri || !client.App.Client!.RedirectUris.Contains(redirectUri, StringComparer.Ordinal))
        {
            return pages.RefuseAsync(http, $"The link that brought you here is invalid: its redirect_uri is not registered for {client.App.Name}.");
        }

        var request = AuthorizeRequest.Read(query, client.App, redirectUri);
        if (!request.Missing.IsEmpty || !request.Unregistered.IsEmpty)
        {
            return pages.RefuseAsync(http, InsufficientScopes, [.. request.Missing.Select(name => $"Not requested: {name}"), .. request.Unregistered.Select(name => $"Not registered: {name}")]);
        }

        if (request.BadChallenge)
        {
            SignInForm.Redirect(http, request.Back(("error", "invalid_request"), ("error_description", "code_challenge must use code_challenge_method S256")));
            return Task.CompletedTask;
        }

        return answer(http, request);
    }

    Task ShowAsync(HttpContext http, AuthorizeRequest request)
    {
        if (AutoApproving(http, request) is { } user)
        {
            FeatureHeaders.Read(http, OptionalFeatures.None, writes: true); // a GET that grants access
            Allow(http, request, user);
            return Task.CompletedTask;
        }

        var users = UsersOf(http);
        return users.IsEmpty ? AskToSignInAsync(http, request)
            : pages.AskAsync(http, request, Accounts(users));
    }

    Task DecideAsync(HttpContext http, AuthorizeRequest request) => SignInForm.AnswerAsync(
        http,
        signIn,
        pages,
        (email, mistake, status) => pages.AskToSignInAsync(http, request, email, mistake, status),
        form =>
        {
            switch (form.Text("do"))
            {
                case "allow":
                    return AllowAsync(http, request, form.Text("account"));
                case "cancel":
                    SignInForm.Redirect(http, request.Back(("error", "access_denied"), ("error_description", "the user cancelled")));
                    return Task.CompletedTask;
                default:
                    return ShowAsync(http, request);
            }
        });

    Task AllowAsync(HttpContext http, AuthorizeRequest request, string account)
    {
        var users = UsersOf(http);
        if (users.IsEmpty)
        {
            return AskToSignInAsync(http, request); // the session has ended
        }

        if (users.FirstOrDefault(user => user.PortalId.ToString() == account) is not { } chosen)
        {
            return pages.AskAsync(http, request, Accounts(users), new("Choose an account.", "account"));
        }

        Allow(http, request, chosen);
        return Task.CompletedTask;
    }

    // No code if the app or the user was deleted in the meantime.
    void Allow(HttpContext http, AuthorizeRequest request, User user) => SignInForm.Redirect(http, request.Back(
        portals.Grants.Allow(request.App, user, request.Scopes, request.RedirectUri, request.Challenge) is { } code ? ("code", code) : ("error", "access_denied")));

    Task AskToSignInAsync(HttpContext http, AuthorizeRequest request) => pages.AskToSignInAsync(
        http, request, mistake: signIn.Users(http).IsEmpty ? null : new($"You are signed in, but not to account {AccountId(http)}. Sign in with an address that belongs to it."));

    /// <summary>The signed-in users, limited to the account in the path if there is one.</summary>
    ImmutableArray<User> UsersOf(HttpContext http) => AccountId(http) is { } id ? [.. signIn.Users(http).Where(user => user.PortalId == id)] : signIn.Users(http);

    /// <summary>The user for whom an app is allowed without asking; <c>null</c> if the portal doesn't want that, or has no users.</summary>
    User? AutoApproving(HttpContext http, AuthorizeRequest request)
    {
        var id = AccountId(http) ?? request.App.PortalId;
        return portals.List().FirstOrDefault(portal => portal.Id == id) is { Settings.OAuthAutoApprove: true } ? portals.Users.List(id).FirstOrDefault(user => !user.Archived) : null;
    }

    ImmutableArray<(User User, Portal Portal)> Accounts(ImmutableArray<User> users) => [.. users.Select(user => (user, portals.List().First(portal => portal.Id == user.PortalId)))];

    static long? AccountId(HttpContext http) =>
        http.GetRouteValue("accountId") is not string text ? null : long.TryParse(text, out var id) ? id : throw new Refusal(Faults.ResourceNotFound());
}
