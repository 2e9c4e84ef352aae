using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to commerce objects (reference/objects-other-than-tickets.md 6).</summary>
internal static class Commerce
{
    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    public static readonly ObjectType Products = Make("0-7", "products", "product") with
    {
        ReadDefault = [.. Always, "description", "name", "price"],
        Searched = ["name", "description", "price", "hs_sku"],
        Seed = () => TypeParts.SeedOf("products", "name", "price", "description", "hs_sku"),
    };

    public static readonly ObjectType LineItems = Make("0-8", "line_items", "line_item") with
    {
        Seed = () => TypeParts.SeedOf("line_items", "name", "quantity", "price", "amount", "hs_product_id"),
    };

    public static readonly ObjectType Quotes = TypeParts.Plain("0-14", "quotes", "quote", () => TypeParts.SeedOf(
        "quoteinformation", "Quote information",
        TypeParts.Own("hs_title", "Title"), TypeParts.Own("hs_expiration_date", "Expiration date", "datetime"), TypeParts.Own("hs_status", "Quote status"),
        TypeParts.Own("hs_template_type", "Template type"), TypeParts.Own("hs_currency", "Currency"), TypeParts.Own("hs_language", "Language"),
        TypeParts.Own("hs_quote_number", "Quote number"), TypeParts.Own("hs_public_url_key", "Public URL key"), TypeParts.Own("hs_proposal_slug", "Slug"),
        TypeParts.Own("hs_sender_firstname", "Sender first name"), TypeParts.Own("hs_sender_lastname", "Sender last name"),
        TypeParts.Own("hs_sender_email", "Sender email"), TypeParts.Own("hs_sender_company_name", "Sender company name"))) with
    {
        Scopes = TypeParts.ScopesOf("quotes", "e-commerce"),
        Searched =
        [
            "hs_sender_firstname", "hs_sender_lastname", "hs_proposal_slug", "hs_title", "hs_sender_company_name", "hs_sender_email", "hs_quote_number",
            "hs_public_url_key",
        ],
    };

    public static readonly ObjectType Orders = TypeParts.Plain("0-123", "orders", "order", () => TypeParts.SeedOf(
        "order_information", "Order information",
        TypeParts.Own("hs_order_name", "Name"), TypeParts.Own("hs_currency_code", "Currency code"), TypeParts.Own("hs_exchange_rate", "Exchange rate", "number"),
        TypeParts.Own("hs_total_price", "Total price", "number"), TypeParts.Own("hs_homecurrency_amount", "Amount in home currency", "number"),
        TypeParts.Own("hs_fulfillment_status", "Fulfillment status"), TypeParts.Own("hs_external_order_id", "External order ID"),
        TypeParts.Own("hs_external_created_date", "External created date", "datetime")));

    public static readonly ObjectType Carts = TypeParts.Plain("0-142", "carts", "cart", () => TypeParts.SeedOf(
        "cart_information", "Cart information",
        TypeParts.Own("hs_cart_name", "Name"), TypeParts.Own("hs_currency_code", "Currency code"), TypeParts.Own("hs_exchange_rate", "Exchange rate", "number"),
        TypeParts.Own("hs_total_price", "Total price", "number"), TypeParts.Own("hs_homecurrency_amount", "Amount in home currency", "number"),
        TypeParts.Own("hs_external_cart_id", "External cart ID"), TypeParts.Own("hs_external_status", "External status")));

    public static readonly ObjectType Invoices = TypeParts.Plain("0-53", "invoices", "invoice", () => TypeParts.SeedOf(
        "invoice_information", "Invoice information",
        TypeParts.Own("hs_title", "Title"), TypeParts.Own("hs_number", "Number"), TypeParts.Own("hs_currency", "Currency"),
        TypeParts.Own("hs_invoice_date", "Invoice date", "datetime"), TypeParts.Own("hs_due_date", "Due date", "datetime"),
        TypeParts.Own("hs_invoice_status", "Status"), TypeParts.Own("hs_amount_billed", "Amount billed", "number"),
        TypeParts.Own("hs_balance_due", "Balance due", "number")));

    static ObjectType Make(string id, string plural, string singular) => TypeParts.Plain(id, plural, singular, () => TypeParts.SeedOf(plural)) with
    {
        ReadAlways = Always,
        ReadDefault = Always,
        AfterUpdate = [.. Always, .. TypeParts.Source],
        AfterCreate = [.. Always, .. TypeParts.Source],
        AfterMerge = [.. Always, .. TypeParts.Source, "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf(plural, "e-commerce"),
    };
}
