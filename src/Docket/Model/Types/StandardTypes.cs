using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>The object types that every portal has.</summary>
internal static class StandardTypes
{
    /// <summary>All of them. The first is that of paths without a type.</summary>
    public static ImmutableArray<ObjectType> All { get; } =
    [
        Tickets.Type, Contacts.Type, Companies.Type, Deals.Type,
        Activities.Notes, Tasks.Type, Activities.Calls, Emails.Type, Activities.Meetings, Activities.Communications, Activities.PostalMail,
        Commerce.Products, LineItems.Type, Commerce.Quotes, Commerce.Orders, Commerce.Carts, Commerce.Invoices,
        OtherTypes.Leads, OtherTypes.FeedbackSubmissions, OtherTypes.Users,
    ];
}
