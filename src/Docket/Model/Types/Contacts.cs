using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to contacts (reference/objects-other-than-tickets.md 2).</summary>
internal static class Contacts
{
    static readonly ImmutableArray<string> Always = ["createdate", "hs_object_id", "lastmodifieddate"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-1",
        Plural = "contacts",
        Singular = "contact",
        LegacyName = "CONTACT",
        ReadAlways = Always,
        ReadDefault = [.. Always, "email", "firstname", "lastname"],
        AfterUpdate = [.. Always, .. TypeParts.Source, "hs_pipeline", "lifecyclestage"],
        AfterCreate = [.. Always, .. TypeParts.Source, "hs_pipeline", "lifecyclestage"],
        AfterMerge = [.. Always, .. TypeParts.Source, "email", "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf("contacts"),
        Several = ("email", "hs_additional_emails"),
        Searched = ["firstname", "lastname", "email", "phone", "hs_additional_emails", "fax", "mobilephone", "company"],
        Derived = ImmutableDictionary.CreateRange([KeyValuePair.Create("lastmodifieddate", Derivation.LastModifiedDate)]),
        Seed = () => TypeParts.SeedOf("contacts", "email", "firstname", "lastname", "phone", "company", "lifecyclestage", "hubspot_owner_id"),
    };
}
