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
    async Task AnswerAsync(HttpContext http, Func<HttpContext, AuthorizeRequest, Task> answer)
    {
        var query = http.Request.Query;
        if (query["client_id"].Only() is not { } clientId || await portals.Apps.FindClientAsync(clientId, http.RequestAborted) is not { } client)
        {
            await pages.RefuseAsync(http, "The link that brought you here is invalid: its client_id does not belong to a known app.");
            return;
        }

        if (query["redirect_uri"].Only() is not { } redirectUri || !client.App.Client!.RedirectUris.Contains(redirectUri, StringComparer.Ordinal))
        {
            await pages.RefuseAsync(http, $"The link that brought you here is invalid: its redirect_uri is not registered for {client.App.Name}.");
            return;
        }

        var request = AuthorizeRequest.Read(query, client.App, redirectUri);
        if (!request.Missing.IsEmpty || !request.Unregistered.IsEmpty)
        {
            await pages.RefuseAsync(http, InsufficientScopes, [.. request.Missing.Select(name => $"Not requested: {name}"), .. request.Unregistered.Select(name => $"Not registered: {name}")]);
            return;
        }

        if (request.BadChallenge)
        {
            SignInForm.Redirect(http, request.Back(("error", "invalid_request"), ("error_description", "code_challenge must use code_challenge_method S256")));
            return;
        }

        await answer(http, request);
    }

    async Task ShowAsync(HttpContext http, AuthorizeRequest request)
    {
        if (await FindAutoApprovingAsync(http, request) is { } user)
        {
            FeatureHeaders.Read(http, OptionalFeatures.None, writes: true); // a GET that grants access
            await AllowAsync(http, request, user);
            return;
        }

        var users = await UsersOfAsync(http);
        await (users.IsEmpty ? AskToSignInAsync(http, request) : AskAsync(http, request, users));
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

    async Task AllowAsync(HttpContext http, AuthorizeRequest request, string account)
    {
        var users = await UsersOfAsync(http);
        if (users.IsEmpty)
        {
            await AskToSignInAsync(http, request); // the session has ended
            return;
        }

        if (users.FirstOrDefault(user => user.PortalId.ToString() == account) is not { } chosen)
        {
            await AskAsync(http, request, users, new("Choose an account.", "account"));
            return;
        }

        await AllowAsync(http, request, chosen);
    }

    // No code if the app or the user was deleted in the meantime.
    async Task AllowAsync(HttpContext http, AuthorizeRequest request, User user) => SignInForm.Redirect(http, request.Back(
        await portals.Grants.AllowAsync(request.App, user, request.Scopes, request.RedirectUri, request.Challenge) is { } code ? ("code", code) : ("error", "access_denied")));

    async Task AskToSignInAsync(HttpContext http, AuthorizeRequest request) => await pages.AskToSignInAsync(
        http, request, mistake: (await signIn.UsersAsync(http)).IsEmpty ? null : new($"You are signed in, but not to account {AccountId(http)}. Sign in with an address that belongs to it."));

    /// <summary>The signed-in users, limited to the account in the path if there is one.</summary>
    async Task<ImmutableArray<User>> UsersOfAsync(HttpContext http)
    {
        var users = await signIn.UsersAsync(http);
        return AccountId(http) is { } id ? [.. users.Where(user => user.PortalId == id)] : users;
    }

    /// <summary>The user for whom an app is allowed without asking; <c>null</c> if the portal doesn't want that, or has no users.</summary>
    async Task<User?> FindAutoApprovingAsync(HttpContext http, AuthorizeRequest request)
    {
        var id = AccountId(http) ?? request.App.PortalId;
        return (await portals.ListAsync(http.RequestAborted)).FirstOrDefault(portal => portal.Id == id) is { Settings.OAuthAutoApprove: true }
            ? (await portals.Users.ListAsync(id, http.RequestAborted)).FirstOrDefault(user => !user.Archived) : null;
    }

    async Task AskAsync(HttpContext http, AuthorizeRequest request, ImmutableArray<User> users, Mistake? mistake = null)
    {
        var all = await portals.ListAsync(http.RequestAborted);
        await pages.AskAsync(http, request, [.. users.Select(user => (user, all.First(portal => portal.Id == user.PortalId)))], mistake);
    }

    static long? AccountId(HttpContext http) =>
        http.GetRouteValue("accountId") is not string text ? null : long.TryParse(text, out var id) ? id : throw new Refusal(Faults.ResourceNotFound());
}
