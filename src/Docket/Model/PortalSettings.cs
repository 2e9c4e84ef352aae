namespace Docket.Model;

/// <summary>How one portal differs from HubSpot's defaults, by its operator's choice.</summary>
internal sealed record PortalSettings
{
    public static readonly PortalSettings Default = new();

    /// <summary>Whether a search reaches its first 10,000 results only, as HubSpot's does (reference/properties-pipelines-search-associations.md 4.3).</summary>
    public bool SearchCap { get; init; } = true;

    /// <summary>How long a write stays invisible to searches, in milliseconds; 0 for not at all. For tests of clients that meet HubSpot's lag.</summary>
    public int SearchLagMs { get; init; }
}
