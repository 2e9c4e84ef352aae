using System.Collections.Immutable;
using System.Text;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to companies (reference/objects-other-than-tickets.md 3).</summary>
internal static class Companies
{
    const string Name = "name", Domain = "domain", MoreDomains = "hs_additional_domains", Website = "website", Currency = "hs_annual_revenue_currency_code", TaskLabel = "hs_task_label",
        Phone = "phone", PhoneDigits = "hs_searchable_calculated_phone_number";

    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    static readonly ImmutableArray<string> Updated = [.. Always, .. TypeParts.Source, .. Lifecycle.Shown];

    // Of what Docket doesn't have there is nothing.
    static readonly ImmutableArray<string> Absent = ["hs_num_blockers", "hs_num_contacts_with_buying_roles", "hs_num_decision_makers"];

    static readonly ImmutableArray<string> Zeros =
        [.. Absent, "hs_num_child_companies", "hs_num_open_deals", "num_associated_contacts", "num_notes"];

    public static readonly ObjectType Type = new()
    {
        Id = "0-2",
        Plural = "companies",
        Singular = "company",
        LegacyName = "COMPANY",
        ReadAlways = Always,
        ReadDefault = [.. Always, Domain, Name],
        AfterUpdate = [.. Updated, "notes_last_updated"],
        AfterCreate = [.. Updated, .. Zeros, Currency, PhoneDigits, TaskLabel, Website],
        AfterMerge = [.. Updated, Domain, "hs_merged_object_ids", Name],
        Scopes = TypeParts.ScopesOf("companies"),
        Several = (Domain, MoreDomains),
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>(Domain, ToDomain), new(MoreDomains, ToDomains)]),
        Follow = Follow,
        Searched = [Name, Phone, Domain, Website],
        Stages = Lifecycle.Rules("companylcs"),
        Constants = TypeParts.All("0", Zeros),
        Derived = Lifecycle.Derived,
        Copies = TypeParts.Owners.Add(TaskLabel, Name),
        RollUps =
        [
            new("num_associated_contacts", RollUpKind.Count, 280), new("first_contact_createdate", RollUpKind.First, 280) { Of = contact => new(default, contact.CreatedAt) },
            .. Deals.RollUpsOf(342), new("hs_num_child_companies", RollUpKind.Count, 13),
            new("hs_parent_company_id", RollUpKind.Id, 14), .. Activities.RollUpsOf(189, 191, 181, 185, 187), Activities.Latest("hs_last_logged_call_date", 181), Activities.Latest("hs_last_booked_meeting_date", 187),
        ],
        Followed = new([25], Name),
        Associations = HubSpotAssociations.From,
        Seed = () => TypeParts.SeedOf(
                "companies", Name, Domain, Website, Currency, Lifecycle.Stage, Lifecycle.Pipeline, "hs_v2_date_entered_lead", Phone, PhoneDigits, "hubspot_owner_id")
            .With("deal_information", [.. Absent.Select(name => TypeParts.Calculated(name))])
            .With(Type!, Lifecycle.Of("companies")),
    };

    static void Follow(Draft draft)
    {
        Lifecycle.Follow(draft);
        TypeParts.FollowOwner(draft);
        draft.Default(Currency, draft.Settings.Currency);
        // The other way round, HubSpot does it in its pages only.
        if (draft.Changes(Domain) && !draft.Changes(Website) && draft.Before(Website).IsEmpty)
        {
            draft.Set(Website, draft.After(Domain));
        }

        TypeParts.FollowPhone(draft, Phone, PhoneDigits);
    }

    static Fault? ToDomain(int index, PortalSettings settings, ref PropertyValue value)
    {
        value = value with { Value = Encoding.UTF8.GetBytes(DomainOf(Encoding.UTF8.GetString(value.Value.Span))) };
        return null;
    }

    static Fault? ToDomains(int index, PortalSettings settings, ref PropertyValue value)
    {
        var domains = Encoding.UTF8.GetString(value.Value.Span).Split(';').Select(DomainOf).Where(domain => domain.Length > 0).Distinct(StringComparer.Ordinal);
        value = value with { Value = Encoding.UTF8.GetBytes(string.Join(';', domains)) };
        return null;
    }

    // The host of an address, without www (3 [decide]).
    static string DomainOf(string text)
    {
        var host = text.Trim().ToLowerInvariant();
        host = host[(host.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0)..];
        host = host[..(host.IndexOfAny(['/', '?', '#']) is var end and >= 0 ? end : host.Length)];
        return host.StartsWith("www.", StringComparison.Ordinal) ? host[4..] : host;
    }
}
