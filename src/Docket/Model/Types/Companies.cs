using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to companies (reference/objects-other-than-tickets.md 3).</summary>
internal static class Companies
{
    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-2",
        Plural = "companies",
        Singular = "company",
        LegacyName = "COMPANY",
        ReadAlways = Always,
        ReadDefault = [.. Always, "domain", "name"],
        AfterUpdate = [.. Always, .. TypeParts.Source],
        AfterCreate = [.. Always, .. TypeParts.Source],
        AfterMerge = [.. Always, .. TypeParts.Source, "domain", "hs_merged_object_ids", "name"],
        Scopes = TypeParts.ScopesOf("companies"),
        Searched = ["name", "phone", "domain", "website"],
        Seed = () => TypeParts.SeedOf("companies", "name", "domain", "website", "phone", "lifecyclestage", "hubspot_owner_id"),
    };
}
