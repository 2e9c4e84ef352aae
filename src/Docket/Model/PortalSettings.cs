using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>A portal's deviations from HubSpot's defaults, as set by its operator. A new setting is a member and an entry of <see cref="All"/>.</summary>
internal sealed record PortalSettings
{
    /// <summary>For the account info (reference/auth-limits-webhooks-imports.md 6.1). The first is the default, so this must precede it.</summary>
    static readonly ImmutableArray<string> AccountTypes = ["STANDARD", "DEVELOPER_TEST", "SANDBOX", "APP_DEVELOPER"];

    public static readonly PortalSettings Default = new();

    /// <summary>Every setting, with its name and values on the command line, in the registry and on the wire.</summary>
    public static readonly ImmutableArray<Setting> All =
    [
        Setting.Switch("search-cap", settings => settings.SearchCap, (settings, on) => settings with { SearchCap = on }),
        Setting.Duration("search-lag", 3_600_000, settings => settings.SearchLagMs, (settings, ms) => settings with { SearchLagMs = ms }),
        Setting.Duration("association-lag", 3_600_000, settings => settings.AssociationLagMs, (settings, ms) => settings with { AssociationLagMs = ms }),
        Setting.Switch("shuffle", settings => settings.Shuffle, (settings, on) => settings with { Shuffle = on }),
        new("limits", "off, or free, starter, professional or enterprise, these also with +1 or +2 for API limit increases", settings => settings.Limits.Name,
            (settings, text) => LimitProfile.Find(text) is { } profile ? settings with { Limits = profile } : null),
        Setting.Limit("limits-burst", 1_000_000, settings => settings.LimitsBurst, (settings, number) => settings with { LimitsBurst = number }),
        Setting.Limit("limits-daily", int.MaxValue, settings => settings.LimitsDaily, (settings, number) => settings with { LimitsDaily = number }),
        Setting.Limit("limits-search", 1_000_000, settings => settings.LimitsSearch, (settings, number) => settings with { LimitsSearch = number }),
        Setting.Switch("limits-retry-after", settings => settings.LimitsRetryAfter, (settings, on) => settings with { LimitsRetryAfter = on }),
        new("time-zone", "a time zone such as UTC or Europe/Berlin", settings => settings.TimeZone.Id,
            (settings, text) => TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone) ? settings with { TimeZone = zone } : null),
        new("currency", "a currency such as USD", settings => settings.Currency,
            (settings, text) => text.Length == 3 && text.All(char.IsAsciiLetterUpper) ? settings with { Currency = text } : null),
        new("account-type", string.Join(", ", AccountTypes), settings => settings.AccountType,
            (settings, text) => AccountTypes.Contains(text) ? settings with { AccountType = text } : null),
        Setting.Switch("reserved-email-domains", settings => settings.ReservedEmailDomains, (settings, on) => settings with { ReservedEmailDomains = on }),
        Setting.Switch("lifecycle-default", settings => settings.LifecycleDefault, (settings, on) => settings with { LifecycleDefault = on }),
        Setting.Duration("access-token-lifetime", 86_400_000, settings => settings.AccessTokenLifetimeMs, (settings, ms) => settings with { AccessTokenLifetimeMs = ms }, minMs: 1_000),
        Setting.Switch("oauth-auto-approve", settings => settings.OAuthAutoApprove, (settings, on) => settings with { OAuthAutoApprove = on }),
        Setting.Number("request-log", RequestLogMax, settings => settings.RequestLog, (settings, number) => settings with { RequestLog = number }),
        Setting.Switch("strict", settings => settings.Strict, (settings, on) => settings with { Strict = on }),
    ];

    /// <summary>The most calls that a portal's log can keep.</summary>
    public const int RequestLogMax = 1_000;

    /// <summary>Whether a search can page through its first 10,000 results only, as on HubSpot (reference/properties-pipelines-search-associations.md 4.3).</summary>
    public bool SearchCap { get; init; } = true;

    /// <summary>The delay until searches see a write, in milliseconds; 0 for none. To test clients against HubSpot's lag.</summary>
    public int SearchLagMs { get; init; }

    /// <summary>The delay until reads show a change of associations, in milliseconds; 0 for none. To test clients against HubSpot's lag.</summary>
    public int AssociationLagMs { get; init; }

    /// <summary>Whether the results of a batch come in any order, as HubSpot's may. To test clients that rely on an order.</summary>
    public bool Shuffle { get; init; }

    /// <summary>HubSpot's limits for apps of the portal; none by default.</summary>
    public LimitProfile Limits { get; init; } = LimitProfile.Off;

    /// <summary>Overrides the profile, for all apps; 0 for no limit, <c>null</c> for the profile's.</summary>
    public int? LimitsBurst { get; init; }

    /// <summary>Like <see cref="LimitsBurst"/>, for private apps.</summary>
    public int? LimitsDaily { get; init; }

    /// <summary>Like <see cref="LimitsBurst"/>.</summary>
    public int? LimitsSearch { get; init; }

    /// <summary>Whether a 429 has <c>Retry-After</c>, unlike HubSpot's. The daily limit never does.</summary>
    public bool LimitsRetryAfter { get; init; }

    /// <summary>The time zone whose midnight starts a day of calls; also in the account info.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>For the account info.</summary>
    public string Currency { get; init; } = "USD";

    /// <summary>For the account info.</summary>
    public string AccountType { get; init; } = AccountTypes[0];

    /// <summary>Whether e-mail addresses may end in <c>.test</c>, <c>.invalid</c>, <c>.example</c>, <c>.localhost</c> or <c>.local</c>, which HubSpot refuses. For test suites (reference/objects-other-than-tickets.md 2.1).</summary>
    public bool ReservedEmailDomains { get; init; }

    /// <summary>Whether a new contact or company is a lead if the call says nothing else (reference/objects-other-than-tickets.md 2.4).</summary>
    public bool LifecycleDefault { get; init; } = true;

    /// <summary>The lifetime of an access token of an OAuth app, in milliseconds, at least 1,000 (reference/auth-limits-webhooks-imports.md 1.3).</summary>
    public int AccessTokenLifetimeMs { get; init; } = 1_800_000;

    /// <summary>Whether OAuth apps are allowed without a sign-in. To test clients (reference/auth-limits-webhooks-imports.md 1.2).</summary>
    public bool OAuthAutoApprove { get; init; }

    /// <summary>How many of the last calls are kept for tests; 0 for none. Without effect on a server that was not started for tests.</summary>
    public int RequestLog { get; init; } = 100;

    /// <summary>Whether answers warn of what HubSpot ignores or will no longer support. Without effect on a server that was not started for tests.</summary>
    public bool Strict { get; init; }

    /// <summary>These settings with one changed, or an error message.</summary>
    public (PortalSettings Settings, string? Mistake) With(string name, string value)
    {
        if (All.FirstOrDefault(setting => setting.Name == name) is not { } known)
        {
            return (this, $"Unknown setting \"{name}\". Known settings: {string.Join("; ", All.Select(setting => $"{setting.Name} ({setting.Values})"))}.");
        }

        return known.Change(this, value) is { } changed ? (changed, null) : (this, $"Invalid value \"{value}\" for {name}: use {known.Values}.");
    }
}

/// <summary>A setting as text.</summary>
/// <param name="Name">In kebab-case.</param>
/// <param name="Values">Its possible values, as text.</param>
/// <param name="Show">The value as text.</param>
/// <param name="Change">Returns the settings with a value given as text; <c>null</c> if the text is invalid.</param>
internal sealed record Setting(string Name, string Values, Func<PortalSettings, string> Show, Func<PortalSettings, string, PortalSettings?> Change)
{
    static readonly (string Name, int Ms)[] Units = [("m", 60_000), ("s", 1_000), ("ms", 1)];

    public static Setting Switch(string name, Func<PortalSettings, bool> get, Func<PortalSettings, bool, PortalSettings> set) => new(
        name, "on or off", settings => get(settings) ? "on" : "off",
        (settings, text) => text switch { "on" or "true" => set(settings, true), "off" or "false" => set(settings, false), _ => null });

    public static Setting Duration(string name, int maxMs, Func<PortalSettings, int> get, Func<PortalSettings, int, PortalSettings> set, int minMs = 0) => new(
        name, $"a duration such as 500ms, 5s or 2m, {(minMs == 0 ? "" : $"at least {ToText(minMs)}, ")}at most {ToText(maxMs)}", settings => ToText(get(settings)),
        (settings, text) => ParseMs(text) is { } ms && ms >= minMs && ms <= maxMs ? set(settings, (int)ms) : null);

    public static Setting Limit(string name, int max, Func<PortalSettings, int?> get, Func<PortalSettings, int?, PortalSettings> set) => new(
        name, $"profile, off or a number from 1 to {max}",
        settings => get(settings) switch { null => "profile", 0 => "off", { } number => number.ToString() },
        (settings, text) => text switch
        {
            "profile" => set(settings, null),
            "off" => set(settings, 0),
            _ => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= max ? set(settings, number) : null,
        });

    public static Setting Number(string name, int max, Func<PortalSettings, int> get, Func<PortalSettings, int, PortalSettings> set) => new(
        name, $"a number from 0 to {max}", settings => get(settings).ToString(),
        (settings, text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? set(settings, number) : null);

    static string ToText(int ms) => Array.Find(Units, unit => ms % unit.Ms == 0 && ms >= unit.Ms) is { Name: not null } unit ? $"{ms / unit.Ms}{unit.Name}" : "0s";

    static long? ParseMs(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var unit = Array.Find(Units, unit => unit.Name == text[digits..]);
        return unit.Name is not null && int.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)number * unit.Ms : null;
    }
}
