using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>HubSpot's own association types (reference/objects-other-than-tickets.md 8.2, properties-pipelines-search-associations.md 5.5).</summary>
internal static class HubSpotAssociations
{
    // Object types: the number, and the word in names.
    static readonly (int Number, string Word)
        Contact = (1, "contact"), Company = (2, "company"), Deal = (3, "deal"), Ticket = (5, "ticket"), LineItem = (8, "line_item"), Quote = (14, "quote"),
        Communication = (18, "communication"), Feedback = (19, "feedback_submission"), Task = (27, "task"), Note = (46, "note"), Meeting = (47, "meeting_event"),
        Call = (48, "call"), Email = (49, "email"), Invoice = (53, "invoice"), PostalMail = (116, "postal_mail"), Order = (123, "order"), Lead = (136, "lead"), Cart = (142, "cart");

    static readonly ILookup<int, AssociationType> ByStart = ((IEnumerable<IEnumerable<AssociationType>>)
    [
        Pair(Contact, 449, Contact, 449),
        Pair(Contact, 279, Company, 280),
        Pair(Contact, 1, Company, 2, "Primary", "Contact with Primary Company"),
        Pair(Contact, 931, Company, 930, "Billing Contact", "Billing Contact", "billing_contact_to_company", "company_to_billing_contact"),
        Pair(Contact, 4, Deal, 3),
        Pair(Contact, 15, Ticket, 16),
        Pair(Company, 450, Company, 450),
        Pair(Company, 13, Company, 14, "Child Company", "Parent Company", "parent_to_child_company", "child_to_parent_company"),
        Pair(Company, 342, Deal, 341),
        Pair(Company, 6, Deal, 5, "Deal with Primary Company", "Primary"),
        Pair(Company, 340, Ticket, 339),
        Pair(Company, 25, Ticket, 26, "Ticket with Primary Company", "Primary"),
        Pair(Deal, 451, Deal, 451),
        Pair(Deal, 27, Ticket, 28),
        Pair(Ticket, 452, Ticket, 452),
        Activity(Note, 202, 190, 214, 228),
        Activity(Task, 204, 192, 216, 230),
        Activity(Call, 194, 182, 206, 220),
        Activity(Email, 198, 186, 210, 224),
        Activity(Meeting, 200, 188, 212, 226),
        Activity(Communication, 81, 87, 85, 83, back: 1),
        Activity(PostalMail, 453, 459, 457, 455, back: 1),
        Pair(LineItem, 20, Deal, 19),
        Pair(Quote, 69, Contact, 70),
        Pair(Quote, 71, Company, 72),
        Pair(Quote, 64, Deal, 63),
        Pair(Quote, 67, LineItem, 68),
        Pair(Order, 507, Contact, 508),
        Pair(Order, 509, Company, 510),
        Pair(Order, 512, Deal, 511),
        Pair(Order, 525, Ticket, 526),
        Pair(Order, 513, LineItem, 514),
        Pair(Cart, 586, Contact, 587),
        Pair(Cart, 590, LineItem, 591),
        Pair(Feedback, 98, Contact, 97),
        Pair(Feedback, 928, Company, 929),
        Pair(Feedback, 984, Deal, 985),
        Pair(Feedback, 100, Ticket, 99),
        Pair(Call, 399, Meeting, 400),
        // The ids of the other direction are not documented for these [decide].
        Pair(Cart, 594, Ticket, 593),
        Pair(Invoice, 177, Contact, 178),
        Pair(Invoice, 179, Company, 180),
        Pair(Invoice, 175, Deal, 176),
        Pair(Invoice, 986, Ticket, 987),
        Pair(Lead, 608, Contact, 607),
        Pair(Lead, 578, Contact, 577, "Primary", "Lead with Primary Contact", "lead_to_primary_contact", "primary_contact_to_lead"),
        Pair(Lead, 610, Company, 609),
    ]).SelectMany(types => types).ToLookup(type => type.From);

    /// <summary>The types that start at an object type.</summary>
    public static ImmutableArray<AssociationType> From(string type) => [.. ByStart[TypeNumber.Parse(type)!.Value]];

    // To contacts, companies, deals and tickets. The ids of the other direction are next to these.
    static IEnumerable<AssociationType> Activity((int, string) type, int contact, int company, int deal, int ticket, int back = -1) =>
    [
        .. Pair(type, contact, Contact, contact + back),
        .. Pair(type, company, Company, company + back),
        .. Pair(type, deal, Deal, deal + back),
        .. Pair(type, ticket, Ticket, ticket + back),
    ];

    static IEnumerable<AssociationType> Pair(
        (int Number, string Word) from, int id, (int Number, string Word) to, int inverse, string? label = null, string? inverseLabel = null, string? name = null, string? inverseName = null)
    {
        yield return new(AssociationType.HubSpotDefined, id, from.Number, to.Number, name ?? NameOf(from, to, label), label, inverse);
        if (id != inverse)
        {
            yield return new(AssociationType.HubSpotDefined, inverse, to.Number, from.Number, inverseName ?? NameOf(to, from, inverseLabel), inverseLabel, id);
        }
    }

    // The short name is that of the primary company, where there is one.
    static string NameOf((int, string Word) from, (int, string Word) to, string? label) =>
        $"{from.Word}_to_{to.Word}{(label is null && HasPrimary(from.Word, to.Word) ? "_unlabeled" : "")}";

    static bool HasPrimary(string from, string to) => (from, to) is ("contact" or "deal" or "ticket", "company") or ("company", "contact" or "deal" or "ticket");
}
