using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model;

/// <summary>How one portal differs from HubSpot's defaults, by its operator's choice. A new setting is a member and an entry of <see cref="All"/>.</summary>
internal sealed record PortalSettings
{
    public static readonly PortalSettings Default = new();

    /// <summary>Every setting, by the name and the texts it has on the command line, in the registry and on the wire.</summary>
    public static readonly ImmutableArray<Setting> All =
    [
        Setting.Switch("search-cap", settings => settings.SearchCap, (settings, on) => settings with { SearchCap = on }),
        Setting.Duration("search-lag", 3_600_000, settings => settings.SearchLagMs, (settings, ms) => settings with { SearchLagMs = ms }),
        Setting.Duration("access-token-lifetime", 86_400_000, settings => settings.AccessTokenLifetimeMs, (settings, ms) => settings with { AccessTokenLifetimeMs = ms }, minMs: 1_000),
        Setting.Switch("oauth-auto-approve", settings => settings.OAuthAutoApprove, (settings, on) => settings with { OAuthAutoApprove = on }),
    ];

    /// <summary>Whether a search reaches its first 10,000 results only, as HubSpot's does (reference/properties-pipelines-search-associations.md 4.3).</summary>
    public bool SearchCap { get; init; } = true;

    /// <summary>How long a write stays invisible to searches, in milliseconds; 0 for not at all. For tests of clients that meet HubSpot's lag.</summary>
    public int SearchLagMs { get; init; }

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

    static string ToText(int ms) => Array.Find(Units, unit => ms % unit.Ms == 0 && ms >= unit.Ms) is { Name: not null } unit ? $"{ms / unit.Ms}{unit.Name}" : "0s";

    static long? ParseMs(string text)
    {
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        var unit = Array.Find(Units, unit => unit.Name == text[digits..]);
        return unit.Name is not null && int.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (long)number * unit.Ms : null;
    }
}
