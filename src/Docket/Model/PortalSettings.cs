using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>How one portal differs from HubSpot's defaults, by its operator's choice. A new setting is a member and an entry of <see cref="All"/>.</summary>
internal sealed record PortalSettings
{
    /// <summary>Of the account info (reference/auth-limits-webhooks-imports.md 6.1). The first is the default, so it stands before it.</summary>
    static readonly ImmutableArray<string> AccountTypes = ["STANDARD", "DEVELOPER_TEST", "SANDBOX", "APP_DEVELOPER"];

    public static readonly PortalSettings Default = new();

    /// <summary>Every setting, by the name and the texts it has on the command line, in the registry and on the wire.</summary>
    public static readonly ImmutableArray<Setting> All =
    [
        Setting.Switch("search-cap", settings => settings.SearchCap, (settings, on) => settings with { SearchCap = on }),
        Setting.Duration("search-lag", 3_600_000, settings => settings.SearchLagMs, (settings, ms) => settings with { SearchLagMs = ms }),
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
        Setting.Duration("access-token-lifetime", 86_400_000, settings => settings.AccessTokenLifetimeMs, (settings, ms) => settings with { AccessTokenLifetimeMs = ms }, minMs: 1_000),
        Setting.Switch("oauth-auto-approve", settings => settings.OAuthAutoApprove, (settings, on) => settings with { OAuthAutoApprove = on }),
    ];

    /// <summary>Whether a search reaches its first 10,000 results only, as HubSpot's does (reference/properties-pipelines-search-associations.md 4.3).</summary>
    public bool SearchCap { get; init; } = true;

    /// <summary>How long a write stays invisible to searches, in milliseconds; 0 for not at all. For tests of clients that meet HubSpot's lag.</summary>
    public int SearchLagMs { get; init; }

    /// <summary>Which of HubSpot's limits apps of the portal meet; none by default.</summary>
    public LimitProfile Limits { get; init; } = LimitProfile.Off;

    /// <summary>A number in place of the profile's, for all apps; 0 for no limit, <c>null</c> for the profile's.</summary>
    public int? LimitsBurst { get; init; }

    /// <summary>As <see cref="LimitsBurst"/>, for private apps.</summary>
    public int? LimitsDaily { get; init; }

    /// <summary>As <see cref="LimitsBurst"/>.</summary>
    public int? LimitsSearch { get; init; }

    /// <summary>Whether a 429 says in <c>Retry-After</c> when to call again, which HubSpot's doesn't; that of the day never does.</summary>
    public bool LimitsRetryAfter { get; init; }

    /// <summary>Whose midnight begins a day of calls; also told by the account info.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>Told by the account info.</summary>
    public string Currency { get; init; } = "USD";

    /// <summary>Told by the account info.</summary>
    public string AccountType { get; init; } = AccountTypes[0];

    /// <summary>How long an access token of an OAuth app works, in milliseconds, at least 1,000 (reference/auth-limits-webhooks-imports.md 1.3).</summary>
    public int AccessTokenLifetimeMs { get; init; } = 1_800_000;

    /// <summary>Whether OAuth apps are let in without anybody signing in. For tests of clients (reference/auth-limits-webhooks-imports.md 1.2).</summary>
    public bool OAuthAutoApprove { get; init; }

    /// <summary>These settings with one changed, or one line on what there is instead.</summary>
    public (PortalSettings Settings, string? Mistake) With(string name, string value)
    {
        if (All.FirstOrDefault(setting => setting.Name == name) is not { } known)
        {
            return (this, $"There is no setting \"{name}\". There are: {string.Join("; ", All.Select(setting => $"{setting.Name} ({setting.Values})"))}.");
        }

        return known.Change(this, value) is { } changed ? (changed, null) : (this, $"\"{value}\" is no value of {name}. Give {known.Values}.");
    }
}

/// <summary>One setting as text.</summary>
/// <param name="Name">In kebab-case.</param>
/// <param name="Values">What it takes, in words.</param>
/// <param name="Show">The value as text.</param>
/// <param name="Change">The settings with a value given as text; <c>null</c> for a text it doesn't take.</param>
internal sealed record Setting(string Name, string Values, Func<PortalSettings, string> Show, Func<PortalSettings, string, PortalSettings?> Change)
{
    static readonly (string Name, int Ms)[] Units = [("m", 60_000), ("s", 1_000), ("ms", 1)];

    public static Setting Switch(string name, Func<PortalSettings, bool> get, Func<PortalSettings, bool, PortalSettings> set) => new(
        name, "on or off", settings => get(settings) ? "on" : "off",
        (settings, text) => text switch { "on" or "true" => set(settings, true), "off" or "false" => set(settings, false), _ => null });

    public static Setting Duration(string name, int maxMs, Func<PortalSettings, int> get, Func<PortalSettings, int, PortalSettings> set, int minMs = 0) => new(
        name, $"a time such as 500ms, 5s or 2m, {(minMs == 0 ? "" : $"at least {ToText(minMs)}, ")}at most {ToText(maxMs)}", settings => ToText(get(settings)),
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

    static string ToText(int ms) => Array.Find(Units, unit => ms % unit.Ms == 0 && ms >= unit.Ms) is { Name: not null } unit ? $"{ms / unit.Ms}{unit.Name}" : "0s";

    static long? ParseMs(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var unit = Array.Find(Units, unit => unit.Name == text[digits..]);
        return unit.Name is not null && int.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)number * unit.Ms : null;
    }
}
