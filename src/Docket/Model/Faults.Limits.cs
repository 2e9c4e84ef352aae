namespace Docket.Model;

/// <summary>Wordings of limits (reference/auth-limits-webhooks-imports.md 2.4).</summary>
internal static partial class Faults
{
    /// <summary>A limit is reached. The names of groups are [decide] but for that of a private app's burst; a day's answer has none.</summary>
    /// <param name="policy">Which one.</param>
    /// <param name="caller">Whose call it was.</param>
    /// <param name="waitMs">When to try again, in milliseconds from now.</param>
    public static Error LimitReached(LimitPolicy policy, Caller caller, long waitMs)
    {
        var (word, group) = policy switch
        {
            LimitPolicy.TenSecondlyRolling => ("ten_secondly_rolling", $"publicapi:{(caller.IsOAuth ? "app" : "private_app")}-api-calls-ten-secondly:{caller.AppId}:{caller.PortalId}"),
            LimitPolicy.Daily => ("daily", null),
            _ => ("secondly", $"publicapi:search-api-calls-secondly:{caller.PortalId}"),
        };
        // HubSpot sends no Retry-After; urllib3 would sleep as long as it says, with DAILY until midnight (reference/auth-limits-webhooks-imports.md 2.5).
        var again = policy != LimitPolicy.Daily;
        return new(429, $"You have reached your {word} limit.", "RATE_LIMITS")
        {
            Limit = new(word.ToUpperInvariant(), group),
            Headers =
            [
                ("x-should-retry", again ? "true" : "false"),
                .. again && caller.Settings.LimitsRetryAfter ? [("Retry-After", Math.Max(1, (waitMs + 999) / 1000).ToString())] : ((string, string)[])[],
            ],
        };
    }
}
