using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;

namespace Docket;

/// <summary>The first portal of a data directory, its token if it was just created, and the app of that token while the portal is empty.</summary>
internal sealed record FirstPortal(long Id, string? Token, long? App)
{
    public static FirstPortal Of(IPortals portals, string? fixedToken)
    {
        var portal = portals.List() is [var first, ..] ? first : Create(portals);
        if (fixedToken is not null || !IsEmpty(portals, portal.Id))
        {
            return new(portal.Id, null, null);
        }

        if (portals.Apps.List(portal.Id) is [var app, ..])
        {
            return new(portal.Id, null, app.Client is null ? app.Id : null);
        }

        // Also if an earlier start ended after it created the portal and before it created a token.
        var (made, token) = portals.Apps.CreatePrivate(portal.Id, "first app", ScopeNames.All);
        return new(portal.Id, token, made.Id);
    }

    static Portal Create(IPortals portals)
    {
        var portal = portals.Create("default");
        _ = portals.Open(portal.Id);
        return portal;
    }

    static bool IsEmpty(IPortals portals, long id)
    {
        try
        {
            return portals.Open(id).Sequence == 0;
        }
        catch (Refusal)
        {
            return false;
        }
    }
}
