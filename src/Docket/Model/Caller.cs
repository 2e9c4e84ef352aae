namespace Docket.Model;

/// <summary>An account: its own records, properties, pipelines and tokens.</summary>
/// <param name="Id">The portal's number on the wire.</param>
/// <param name="Name">Its name, chosen by the operator.</param>
/// <param name="CreatedAt">Milliseconds since 1970.</param>
internal sealed record Portal(long Id, string Name, long CreatedAt)
{
    /// <summary>Longest name, in characters.</summary>
    public const int NameMax = 200;

    public PortalSettings Settings { get; init; } = PortalSettings.Default;
}

/// <summary>The source of a write in history (reference/objects-and-batch.md 5).</summary>
/// <param name="Type">Such as <c>INTEGRATION</c>.</param>
/// <param name="Id">Such as the app's id; empty if there is none.</param>
internal sealed record Source(string Type, string Id)
{
    public static Source Integration(long appId) => new("INTEGRATION", appId.ToString());

    /// <summary>The source of a merge by <paramref name="caller"/>.</summary>
    public static Source Merge(Source caller) => new("MERGE_OBJECTS", caller.Id);
}

/// <summary>The caller of a request: the portal, the app, and the rights of its token.</summary>
/// <param name="PortalId">The portal.</param>
/// <param name="AppId">The app; 0 for the fixed development token.</param>
/// <param name="Scopes">The token's scopes.</param>
internal sealed record Caller(long PortalId, long AppId, Scopes Scopes)
{
    /// <summary>The source of its writes.</summary>
    public Source Source { get; init; } = Source.Integration(AppId);

    /// <summary>When the token expires, milliseconds since 1970; <c>null</c> for never.</summary>
    public long? ExpiresAt { get; init; }

    /// <summary>Whether the app is an OAuth app, which has its own limits; otherwise a private one.</summary>
    public bool IsOAuth { get; init; }

    /// <summary>The settings of its portal.</summary>
    public PortalSettings Settings { get; init; } = PortalSettings.Default;

    /// <summary>
    /// The app's limits: the portal's own numbers override those of its profile. An OAuth app has no daily limit, and its burst doesn't
    /// depend on the subscription (reference/auth-limits-webhooks-imports.md 2.1).
    /// </summary>
    public RateLimits Limits
    {
        get
        {
            var profile = Settings.Limits.Limits;
            return new(
                Settings.LimitsBurst ?? (IsOAuth && profile.Burst > 0 ? RateLimits.OAuthBurst : profile.Burst),
                IsOAuth ? 0 : Settings.LimitsDaily ?? profile.Daily,
                Settings.LimitsSearch ?? profile.Search);
        }
    }

    /// <summary>The owners of its portal.</summary>
    public PortalOwners Owners { get; init; } = PortalOwners.None;
}
