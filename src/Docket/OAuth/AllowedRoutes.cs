using System.Collections.Immutable;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.OAuth;

/// <summary>The page on which users see which apps they allowed, and revoke that.</summary>
internal sealed class AllowedRoutes(IPortals portals, SignIn signIn, Pages pages)
{
    public static void Map(IEndpointRouteBuilder routes, IPortals portals, SignIn signIn, Pages pages)
    {
        var allowed = new AllowedRoutes(portals, signIn, pages);
        routes.MapGet("/oauth/apps", http => allowed.ShowAsync(http));
        routes.MapPost("/oauth/apps", allowed.ChangeAsync);
    }

    async Task ShowAsync(HttpContext http, string? ended = null)
    {
        var users = await signIn.UsersAsync(http);
        if (users.IsEmpty)
        {
            await pages.AskToSignInAsync(http);
            return;
        }

        var all = await portals.ListAsync(http.RequestAborted);
        var accounts = ImmutableArray.CreateBuilder<(User, Portal, ImmutableArray<AllowedApp>)>();
        foreach (var user in users)
        {
            accounts.Add((user, all.First(portal => portal.Id == user.PortalId), await portals.Grants.ListAsync(user, http.RequestAborted)));
        }

        await pages.ListAsync(http, accounts.DrainToImmutable(), ended);
    }

    Task ChangeAsync(HttpContext http) => SignInForm.AnswerAsync(
        http,
        signIn,
        pages,
        (email, mistake, status) => pages.AskToSignInAsync(http, email, mistake, status),
        async form => await ShowAsync(http, await EndAsync(http, form.Text("end"))));

    /// <summary>Revokes what a signed-in user allowed an app, and returns the app's name, or <c>null</c> if there is nothing to revoke.</summary>
    async Task<string?> EndAsync(HttpContext http, string which)
    {
        foreach (var user in await signIn.UsersAsync(http))
        {
            var allowed = await portals.Grants.ListAsync(user, http.RequestAborted);
            if (allowed.FirstOrDefault(app => which == $"{user.Id}-{app.AppId}") is { } app && await portals.Grants.EndAsync(user.Id, app.AppId))
            {
                return app.Name;
            }
        }

        return null;
    }
}
