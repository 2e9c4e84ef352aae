using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>HubSpot's limits for private apps, by subscription (reference/auth-limits-webhooks-imports.md 2.1, 2.2).</summary>
/// <param name="Name">The value of the setting: <c>off</c>, <c>free</c>, <c>enterprise+2</c>.</param>
/// <param name="Limits">The numbers.</param>
internal sealed record LimitProfile(string Name, RateLimits Limits)
{
    const int IncreasedBurst = 250, IncreasedDaily = 1_000_000, Search = 5;

    /// <summary>No limits.</summary>
    public static readonly LimitProfile Off = new("off", default);

    static readonly ImmutableArray<LimitProfile> Subscriptions =
    [
        new("free", new(100, 250_000, Search)),
        new("starter", new(100, 250_000, Search)),
        new("professional", new(190, 650_000, Search)), // 7, 7 [decide]: sources differ
        new("enterprise", new(190, 1_000_000, Search)),
    ];

    /// <summary>The profile with a name; <c>null</c> if there is none.</summary>
    public static LimitProfile? Find(string name)
    {
        // An API limit increase can be bought twice; the second only raises the daily limit.
        var increases = name.EndsWith("+1", StringComparison.Ordinal) ? 1 : name.EndsWith("+2", StringComparison.Ordinal) ? 2 : 0;
        var subscription = increases == 0 ? name : name[..^2];
        return name == Off.Name ? Off
            : Subscriptions.FirstOrDefault(profile => profile.Name == subscription) is not { } found ? null
            : increases == 0 ? found
            : new(name, found.Limits with { Burst = IncreasedBurst, Daily = found.Limits.Daily + increases * IncreasedDaily });
    }
}

/// <summary>An app's limits; 0 means no limit.</summary>
/// <param name="Burst">Its calls in any ten seconds, except searches.</param>
/// <param name="Daily">Calls of all private apps of the portal in a day of its time zone.</param>
/// <param name="Search">Searches of all apps of the portal in any second.</param>
internal readonly record struct RateLimits(int Burst, int Daily, int Search)
{
    /// <summary>Calls of an OAuth app in ten seconds, whatever the subscription (reference/auth-limits-webhooks-imports.md 2.1).</summary>
    public const int OAuthBurst = 110;
}

/// <summary>Why a call was refused.</summary>
internal enum LimitPolicy
{
    None,
    TenSecondlyRolling,
    Daily,
    Secondly,
}

/// <summary>The names of limits on the wire (reference/auth-limits-webhooks-imports.md 2.4).</summary>
internal static class LimitPolicies
{
    public const string TenSecondlyRolling = "TEN_SECONDLY_ROLLING", Daily = "DAILY", Secondly = "SECONDLY";

    public static LimitPolicy? Find(string? name) => name switch
    {
        TenSecondlyRolling => LimitPolicy.TenSecondlyRolling,
        Daily => LimitPolicy.Daily,
        Secondly => LimitPolicy.Secondly,
        _ => null,
    };

    /// <summary><c>null</c> if no limit is reached.</summary>
    public static string? NameOf(LimitPolicy policy) => policy switch
    {
        LimitPolicy.None => null,
        LimitPolicy.TenSecondlyRolling => TenSecondlyRolling,
        LimitPolicy.Daily => Daily,
        _ => Secondly,
    };
}
