namespace Docket.Model;

/// <summary>Messages of limits (reference/auth-limits-webhooks-imports.md 2.4).</summary>
internal static partial class Faults
{
    /// <param name="what">What each process would do on its own.</param>
    public static Error SeveralProcesses(string what) => new(409, $"{what} only while one process serves the database", Validation);

    /// <summary>A limit is reached. The names of groups are [decide], except for the burst of a private app. The answer for a day has none.</summary>
    /// <param name="policy">The limit.</param>
    /// <param name="caller">The caller.</param>
    /// <param name="waitMs">Milliseconds until a retry can succeed.</param>
    public static Error LimitReached(LimitPolicy policy, Caller caller, long waitMs)
    {
        var name = LimitPolicies.NameOf(policy)!;
        var group = policy switch
        {
            LimitPolicy.TenSecondlyRolling => $"publicapi:{(caller.IsOAuth ? "app" : "private_app")}-api-calls-ten-secondly:{caller.AppId}:{caller.PortalId}",
            LimitPolicy.Daily => null,
            _ => $"publicapi:search-api-calls-secondly:{caller.PortalId}",
        };
        // HubSpot sends no Retry-After; urllib3 would sleep for that time, until midnight with DAILY (reference/auth-limits-webhooks-imports.md 2.5).
        var again = policy != LimitPolicy.Daily;
        return new(429, $"You have reached your {name.ToLowerInvariant()} limit.", "RATE_LIMITS")
        {
            Limit = new(name, group),
            Headers =
            [
                ("x-should-retry", again ? "true" : "false"),
                .. again && caller.Settings.LimitsRetryAfter ? [("Retry-After", Math.Max(1, (waitMs + 999) / 1000).ToString())] : ((string, string)[])[],
            ],
        };
    }
}
