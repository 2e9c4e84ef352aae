using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to contacts (reference/objects-other-than-tickets.md 2).</summary>
internal static class Contacts
{
    const string
        Email = "email", MoreEmails = "hs_additional_emails", EmailDomain = "hs_email_domain", FirstName = "firstname", LastName = "lastname", NameOrEmail = "hs_full_name_or_email",
        Phone = "phone", PhoneDigits = "hs_searchable_calculated_phone_number", Mobile = "mobilephone", MobileDigits = "hs_searchable_calculated_mobile_number";

    const string Unworked = "hs_is_unworked", LastUpdated = "notes_last_updated";

    const string InAgent = "hs_currently_enrolled_in_prospecting_agent";

    static readonly ImmutableArray<string> Always = ["createdate", "hs_object_id", "lastmodifieddate"];

    static readonly ImmutableArray<string> Updated = [.. Always, .. TypeParts.Source, .. Lifecycle.Shown, Unworked];

    // Of what Docket doesn't have there is nothing.
    static readonly ImmutableArray<string> Absent =
    [
        "hs_associated_target_accounts", "hs_membership_has_accessed_private_content", "hs_prospecting_agent_actively_enrolled_count", "hs_prospecting_agent_total_enrolled_count",
        "hs_sequences_actively_enrolled_count",
    ];

    static readonly ImmutableArray<string> Zeros = [.. Absent, "hs_registered_member", "num_notes"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-1",
        Plural = "contacts",
        Singular = "contact",
        LegacyName = "CONTACT",
        ReadAlways = Always,
        ReadDefault = [.. Always, Email, FirstName, LastName],
        AfterUpdate = [.. Updated, LastUpdated],
        AfterCreate = [.. Updated, .. Zeros, InAgent, EmailDomain, NameOrEmail, PhoneDigits, "hs_all_contact_vids", "hs_is_contact"],
        AfterMerge = [.. Updated, Email, FirstName, LastName, "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf("contacts"),
        Several = (Email, MoreEmails),
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>(Email, EmailAddresses.Check), new(MoreEmails, EmailAddresses.CheckList)]),
        Follow = Follow,
        Searched = [FirstName, LastName, Email, Phone, MoreEmails, "fax", Mobile, "company"],
        Display = [FirstName, LastName, Email, Phone],
        Stages = Lifecycle.Rules("contactlcs"),
        Constants = TypeParts.All("0", Zeros).Add("hs_is_contact", "true").Add(InAgent, "false"),
        Derived = Lifecycle.Derived.Add("lastmodifieddate", Derivation.LastModifiedDate).Add("hs_all_contact_vids", Derivation.AllIds),
        Copies = TypeParts.Owners.Add("hs_calculated_merged_vids", "hs_merged_object_ids"),
        RollUps = [new("associatedcompanyid", RollUpKind.Id, 1), .. Deals.RollUpsOf(4), .. Activities.RollUpsOf(201, 203, 193, 197, 199)],
        Followed = new([15], "company", Email, FirstName, LastName, Mobile, Phone),
        Associations = HubSpotAssociations.From,
        Seed = () => TypeParts.SeedOf(
                "contacts", Email, FirstName, LastName, EmailDomain, NameOrEmail, Lifecycle.Stage, Lifecycle.Pipeline, "hs_v2_date_entered_lead", Phone, PhoneDigits, "company", "hubspot_owner_id")
            .With("sales_properties", [.. Absent.Select(name => TypeParts.Calculated(name)), TypeParts.Calculated(InAgent, "bool")])
            .With(Type!, Lifecycle.Of("contacts")),
    };

    // What HubSpot calculates and a search finds is stored; ids and constants are derived when read (2.4).
    static void Follow(Draft draft)
    {
        Lifecycle.Follow(draft);
        TypeParts.FollowOwner(draft);
        FollowWork(draft);
        if (draft.Changes(Email) || draft.Changes(MoreEmails))
        {
            draft.Set(MoreEmails, Parts.Without(draft.After(MoreEmails), draft.After(Email)));
            draft.Set(EmailDomain, EmailAddresses.DomainOf(draft.After(Email)));
        }

        if (draft.Changes(Email) || draft.Changes(FirstName) || draft.Changes(LastName))
        {
            var name = $"{draft.Text(FirstName)} {draft.Text(LastName)}".Trim();
            draft.Set(NameOrEmail, name.Length > 0 ? name : draft.Text(Email));
        }

        TypeParts.FollowPhone(draft, Phone, PhoneDigits);
        TypeParts.FollowPhone(draft, Mobile, MobileDigits);
    }

    // The formula of HubSpot's definition (contact-properties.json).
    static void FollowWork(Draft draft)
    {
        if (draft.IsNewOrChanges(TypeParts.OwnerAssigned, LastUpdated))
        {
            draft.Set(Unworked, draft.Moment(LastUpdated) >= draft.Moment(TypeParts.OwnerAssigned) ? "false" : "true");
        }
    }
}
