using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores.Control;

/// <summary>Who calls with a token: an app of its own portal, or one that a user has allowed.</summary>
internal static class Callers
{
    /// <summary>Finds the caller of a token; <c>null</c> for an unknown or revoked one.</summary>
    /// <param name="opened">The control plane.</param>
    /// <param name="hash">The hash of the token.</param>
    /// <param name="isDevelopmentToken">Whether it is the server's fixed one, which is not stored: for the first portal, with all scopes.</param>
    /// <param name="settings">The settings of all portals.</param>
    public static async ValueTask<Caller?> FindAsync(ControlConnection opened, byte[] hash, bool isDevelopmentToken, ImmutableDictionary<long, PortalSettings> settings)
    {
        var found = isDevelopmentToken && !settings.IsEmpty ? new Caller(settings.Keys.Min(), 0, Scopes.All)
            : await AppTables.FindCallerAsync(opened, hash) ?? await GrantTables.FindCallerAsync(opened, hash);
        return found is null ? null : found with { Settings = settings.GetValueOrDefault(found.PortalId, PortalSettings.Default) };
    }
}
