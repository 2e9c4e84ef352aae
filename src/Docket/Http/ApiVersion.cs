using System.Collections.Immutable;

namespace Docket.Http;

/// <summary>
/// A version of HubSpot's paths and its differences (reference/objects-and-batch.md 7). Endpoints have it as metadata; all versions
/// share one implementation.
/// </summary>
/// <param name="Name">The name in the path.</param>
/// <param name="ShowsUnset">Whether reads return a property that was never set as <c>null</c>, or omit it.</param>
/// <param name="KeepsUsedStages">Whether deleting a stage in use is refused by default (reference/properties-pipelines-search-associations.md 3.6).</param>
/// <param name="AssociatesAsCreated">Whether a batch of associations with types is answered with 201 or with 200 (reference/properties-pipelines-search-associations.md 5.1).</param>
internal sealed record ApiVersion(string Name, bool ShowsUnset = true, bool KeepsUsedStages = false, bool AssociatesAsCreated = true)
{
    public static readonly ApiVersion V3 = new("v3");

    public static readonly ImmutableArray<ApiVersion> All =
    [
        V3,
        new("2025-09"),
        new("2026-03"),
        new("2026-09", ShowsUnset: false, KeepsUsedStages: true, AssociatesAsCreated: false),
        new("2026-09-beta", ShowsUnset: false, KeepsUsedStages: true, AssociatesAsCreated: false),
    ];

    /// <summary>The prefix of an API's paths: <c>/crm/v3/objects</c>, <c>/crm/objects/2026-03</c>.</summary>
    public string Prefix(string api) => this == V3 ? $"/crm/v3/{api}" : $"/crm/{api}/{Name}";
}
