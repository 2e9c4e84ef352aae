using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.TestKit;

namespace Docket;

/// <summary>The first portal of a data directory, its token if it was just created, and the app of that token while the portal is empty.</summary>
internal sealed record FirstPortal(long Id, string? Token, long? App)
{
    /// <summary>The name of the first portal until it has all of its seed file.</summary>
    internal const string Unfinished = "waits for the rest of its seed file";

    const string Name = "default";

    /// <param name="portals">The portals.</param>
    /// <param name="fixedToken">The development token.</param>
    /// <param name="isNew">Whether it was created by this start, although it isn't empty.</param>
    /// <param name="cancellation">Cancels the start.</param>
    public static async Task<FirstPortal> OfAsync(IPortals portals, string? fixedToken, bool isNew, CancellationToken cancellation)
    {
        var portal = await portals.ListAsync(cancellation) is [var first, ..] ? first : await CreateAsync(portals, cancellation);
        if (fixedToken is not null || !(isNew || await IsEmptyAsync(portals, portal.Id, cancellation)))
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

    /// <summary>Creates the first portal with the content of a seed file, unless there is one. One that an interrupted start has left unfinished is created again.</summary>
    /// <returns>The portal; <c>null</c> if there was one.</returns>
    /// <exception cref="OperatorMistake">An entry is refused. No portal stays.</exception>
    public static async Task<Portal?> SeedAsync(IPortals portals, string file, Random random, CancellationToken cancellation)
    {
        if (await portals.ListAsync(cancellation) is not ([] or [{ Name: Unfinished }]))
        {
            return null;
        }

        try
        {
            await portals.RequireAloneAsync("A seed file is loaded", cancellation);
            var seed = SeedBody.Read(await File.ReadAllBytesAsync(file, cancellation));
            await DeleteUnfinishedAsync(portals, cancellation);
            var portal = await portals.FindOrCreateFirstAsync(Unfinished);
            await SeedRoutes.FillAsync(portals, new Caller(portal.Id, 0, Scopes.All), seed, random);
            return await portals.RenameAsync(portal.Id, Name);
        }
        catch (Refusal refusal)
        {
            await DeleteUnfinishedAsync(portals, cancellation);
            throw new OperatorMistake($"{file}: {refusal.Message}");
        }
    }

    static async Task DeleteUnfinishedAsync(IPortals portals, CancellationToken cancellation)
    {
        if (await portals.ListAsync(cancellation) is [{ Name: Unfinished } unfinished])
        {
            await portals.DeleteAsync(unfinished.Id);
        }
    }

    static async Task<Portal> CreateAsync(IPortals portals, CancellationToken cancellation)
    {
        var portal = await portals.FindOrCreateFirstAsync(Name);
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
