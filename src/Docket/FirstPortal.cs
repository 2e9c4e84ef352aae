using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;

namespace Docket;

/// <summary>The first portal of a data directory, its token if it was just created, and the app of that token while the portal is empty.</summary>
internal sealed record FirstPortal(long Id, string? Token, long? App)
{
    public static async Task<FirstPortal> OfAsync(IPortals portals, string? fixedToken, CancellationToken cancellation)
    {
        var portal = await portals.ListAsync(cancellation) is [var first, ..] ? first : await CreateAsync(portals, cancellation);
        if (fixedToken is not null || !await IsEmptyAsync(portals, portal.Id, cancellation))
        {
            return new(portal.Id, null, null);
        }

        if (await portals.Apps.ListAsync(portal.Id, cancellation) is [var app, ..])
        {
            return new(portal.Id, null, app.Client is null ? app.Id : null);
        }

        // Also if an earlier start ended after it created the portal and before it created a token.
        var (made, token) = await portals.Apps.CreatePrivateAsync(portal.Id, "first app", ScopeNames.All);
        return new(portal.Id, token, made.Id);
    }

    static async Task<Portal> CreateAsync(IPortals portals, CancellationToken cancellation)
    {
        var portal = await portals.FindOrCreateFirstAsync("default");
        _ = await portals.OpenAsync(portal.Id, cancellation);
        return portal;
    }

    static async Task<bool> IsEmptyAsync(IPortals portals, long id, CancellationToken cancellation)
    {
        try
        {
            return (await portals.OpenAsync(id, cancellation)).Sequence == 0;
        }
        catch (Refusal)
        {
            return false;
        }
    }
}
