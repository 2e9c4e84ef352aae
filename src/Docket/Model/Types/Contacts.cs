using System.Collections.Immutable;
using System.Text;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to contacts (reference/objects-other-than-tickets.md 2).</summary>
internal static class Contacts
{
    const string
        Email = "email", MoreEmails = "hs_additional_emails", EmailDomain = "hs_email_domain", FirstName = "firstname", LastName = "lastname", NameOrEmail = "hs_full_name_or_email",
        Phone = "phone", PhoneDigits = "hs_searchable_calculated_phone_number", Mobile = "mobilephone", MobileDigits = "hs_searchable_calculated_mobile_number";

    static readonly ImmutableArray<string> Always = ["createdate", "hs_object_id", "lastmodifieddate"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-1",
        Plural = "contacts",
        Singular = "contact",
        LegacyName = "CONTACT",
        ReadAlways = Always,
        ReadDefault = [.. Always, Email, FirstName, LastName],
        AfterUpdate = [.. Always, .. TypeParts.Source, "hs_pipeline", "lifecyclestage"],
        AfterCreate = [.. Always, .. TypeParts.Source, EmailDomain, NameOrEmail, PhoneDigits, "hs_pipeline", "lifecyclestage"],
        AfterMerge = [.. Always, .. TypeParts.Source, Email, "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf("contacts"),
        Several = (Email, MoreEmails),
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>(Email, EmailAddresses.Check), new(MoreEmails, EmailAddresses.CheckList)]),
        Follow = Follow,
        Searched = [FirstName, LastName, Email, Phone, MoreEmails, "fax", Mobile, "company"],
        Derived = ImmutableDictionary.CreateRange([KeyValuePair.Create("lastmodifieddate", Derivation.LastModifiedDate)]),
        Seed = () => TypeParts.SeedOf("contacts", Email, FirstName, LastName, Phone, "company", EmailDomain, NameOrEmail, PhoneDigits, "lifecyclestage", "hubspot_owner_id"),
    };

    // What HubSpot calculates and a search finds is stored; ids and constants are derived when read (2.4).
    static void Follow(Draft draft)
    {
        if (draft.Changes(Email) || draft.Changes(MoreEmails))
        {
            draft.Set(MoreEmails, TypeParts.Without(draft.After(MoreEmails), draft.After(Email)));
            draft.Set(EmailDomain, EmailAddresses.DomainOf(draft.After(Email)));
        }

        if (draft.Changes(Email) || draft.Changes(FirstName) || draft.Changes(LastName))
        {
            draft.Set(NameOrEmail, NameOf(draft));
        }

        TypeParts.FollowPhone(draft, Phone, PhoneDigits);
        TypeParts.FollowPhone(draft, Mobile, MobileDigits);
    }

    static ReadOnlyMemory<byte> NameOf(Draft draft)
    {
        var (first, last) = (draft.After(FirstName), draft.After(LastName));
        return first.IsEmpty && last.IsEmpty ? draft.After(Email)
            : Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetString(first.Span)} {Encoding.UTF8.GetString(last.Span)}".Trim());
    }
}
