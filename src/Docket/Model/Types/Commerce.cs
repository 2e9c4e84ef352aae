using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to commerce objects (reference/objects-other-than-tickets.md 6).</summary>
internal static class Commerce
{
    const string CurrencyCode = "hs_currency_code", ExchangeRate = "hs_exchange_rate", TotalPrice = "hs_total_price", HomeAmount = "hs_homecurrency_amount";

    static readonly ImmutableArray<string> Always = ["createdate", "hs_lastmodifieddate", "hs_object_id"];

    public static readonly ObjectType Products = Make("0-7", "products", "product") with
    {
        ReadDefault = [.. Always, "description", "name", "price"],
        Searched = ["name", "description", "price", "hs_sku"],
        Seed = () => TypeParts.SeedOf("products", "name", "price", "description", "hs_sku"),
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
        AfterCreate = [.. TypeParts.Always, .. TypeParts.Source, "hs_status"],
        Follow = quote => quote.Default("hs_status", "DRAFT"),
        Searched =
        [
            "hs_sender_firstname", "hs_sender_lastname", "hs_proposal_slug", "hs_title", "hs_sender_company_name", "hs_sender_email", "hs_quote_number",
            "hs_public_url_key",
        ],
    };

    public static readonly ObjectType Orders = WithCurrency("0-123", "orders", "order", () => TypeParts.SeedOf(
        "order_information", "Order information",
        TypeParts.Own("hs_order_name", "Name"), TypeParts.Own(CurrencyCode, "Currency code"), TypeParts.Own(ExchangeRate, "Exchange rate", "number"),
        TypeParts.Own(TotalPrice, "Total price", "number"), TypeParts.Calculated(HomeAmount),
        TypeParts.Own("hs_fulfillment_status", "Fulfillment status"), TypeParts.Own("hs_external_order_id", "External order ID"),
        TypeParts.Own("hs_external_created_date", "External created date", "datetime")));

    public static readonly ObjectType Carts = WithCurrency("0-142", "carts", "cart", () => TypeParts.SeedOf(
        "cart_information", "Cart information",
        TypeParts.Own("hs_cart_name", "Name"), TypeParts.Own(CurrencyCode, "Currency code"), TypeParts.Own(ExchangeRate, "Exchange rate", "number"),
        TypeParts.Own(TotalPrice, "Total price", "number"), TypeParts.Calculated(HomeAmount),
        TypeParts.Own("hs_external_cart_id", "External cart ID"), TypeParts.Own("hs_external_status", "External status")));

    public static readonly ObjectType Invoices = TypeParts.Plain("0-53", "invoices", "invoice", () => TypeParts.SeedOf(
        "invoice_information", "Invoice information",
        TypeParts.Own("hs_title", "Title"), TypeParts.Own("hs_number", "Number"), TypeParts.Own("hs_currency", "Currency"),
        TypeParts.Own("hs_invoice_date", "Invoice date", "datetime"), TypeParts.Own("hs_due_date", "Due date", "datetime"),
        TypeParts.Own("hs_invoice_status", "Status"), TypeParts.Own("hs_amount_billed", "Amount billed", "number"),
        TypeParts.Own("hs_balance_due", "Balance due", "number")));

    // Orders and carts: the total in the portal's currency follows from the total and the exchange rate.
    static ObjectType WithCurrency(string id, string plural, string singular, Func<TypeSeed> seed) => TypeParts.Plain(id, plural, singular, seed) with
    {
        AfterUpdate = [.. TypeParts.Always, .. TypeParts.Source, CurrencyCode, ExchangeRate, HomeAmount],
        AfterCreate = [.. TypeParts.Always, .. TypeParts.Source, CurrencyCode, ExchangeRate, HomeAmount],
        Follow = record =>
        {
            record.Default(CurrencyCode, record.Settings.Currency);
            record.Default(ExchangeRate, "1.0");
            record.Set(HomeAmount, record.Number(TotalPrice) * record.Number(ExchangeRate));
        },
    };

    /// <summary>A type whose records have a <c>createdate</c>.</summary>
    public static ObjectType Make(string id, string plural, string singular) => TypeParts.Plain(id, plural, singular, () => TypeParts.SeedOf(plural)) with
    {
        ReadAlways = Always,
        ReadDefault = Always,
        AfterUpdate = [.. Always, .. TypeParts.Source],
        AfterCreate = [.. Always, .. TypeParts.Source],
        AfterMerge = [.. Always, .. TypeParts.Source, "hs_merged_object_ids"],
        Scopes = TypeParts.ScopesOf(plural, "e-commerce"),
    };
}
