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

    Task ShowAsync(HttpContext http, string? ended = null) => signIn.Users(http) is { IsEmpty: false } users
        ? pages.ListAsync(http, [.. users.Select(user => (user, portals.List().First(portal => portal.Id == user.PortalId), portals.Grants.List(user)))], ended)
        : pages.AskToSignInAsync(http);

    Task ChangeAsync(HttpContext http) => SignInForm.AnswerAsync(
        http,
        signIn,
        pages,
        (email, mistake, status) => pages.AskToSignInAsync(http, email, mistake, status),
        form => ShowAsync(http, End(http, form.Text("end"))));

    /// <summary>Revokes what a signed-in user allowed an app, and returns the app's name, or <c>null</c> if there is nothing to revoke.</summary>
    string? End(HttpContext http, string which)
    {
        foreach (var user in signIn.Users(http))
        {
            if (portals.Grants.List(user).FirstOrDefault(app => which == $"{user.Id}-{app.AppId}") is { } app && portals.Grants.End(user.Id, app.AppId))
            {
                return app.Name;
            }
        }

        return null;
    }
}
