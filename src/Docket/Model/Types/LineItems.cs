using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to line items (reference/objects-other-than-tickets.md 6).</summary>
internal static class LineItems
{
    const string
        Quantity = "quantity", Price = "price", UnitDiscount = "discount", DiscountPercentage = "hs_discount_percentage", UnitTax = "tax",
        UnitCost = "hs_cost_of_goods_sold", Frequency = "recurringbillingfrequency", Term = "hs_recurring_billing_period", Position = "hs_position_on_quote";

    // Amounts have two decimals.
    const int Decimals = 2;

    static readonly ImmutableArray<string> Amounts =
    [
        "amount", "hs_acv", "hs_arr", "hs_margin", "hs_margin_acv", "hs_margin_arr", "hs_margin_mrr", "hs_margin_tcv", "hs_mrr", "hs_post_tax_amount",
        "hs_pre_discount_amount", "hs_recurring_billing_number_of_payments", "hs_tcv", "hs_total_discount",
    ];

    // From the product.
    static readonly ImmutableArray<string> Copied =
    [
        "name", "description", Price, "hs_sku", "hs_url", "hs_images", UnitCost, UnitDiscount, DiscountPercentage, UnitTax, Frequency, Term,
        "hs_recurring_billing_start_date", "hs_pricing_model", "hs_tier_prices", "hs_tier_ranges", "hs_product_type", "hs_tax_category",
    ];

    static readonly ImmutableDictionary<string, int> MonthsOf = ImmutableDictionary.CreateRange(new KeyValuePair<string, int>[]
    {
        new("monthly", 1), new("quarterly", 3), new("per_six_months", 6), new("annually", 12), new("per_two_years", 24), new("per_three_years", 36),
        new("per_four_years", 48), new("per_five_years", 60),
    });

    static readonly ObjectType Plain = Commerce.Make("0-8", "line_items", "line_item");

    public static readonly ObjectType Type = Plain with
    {
        AfterUpdate = [.. Plain.AfterUpdate, .. Amounts],
        AfterCreate = [.. Plain.AfterCreate, .. Amounts, .. Copied, Position],
        CreatesEqualOnce = true,
        Copying = new("hs_product_id", "products", Copied),
        Follow = Follow,
        Values = ImmutableDictionary.CreateRange([KeyValuePair.Create<string, ValueRule>(Price, NotNegative)]),
        Seed = () => TypeParts.SeedOf("line_items", "name", Quantity, Price, "amount", "hs_product_id"),
    };

    static void Follow(Draft item)
    {
        item.Default(Position, "0");
        if (!item.IsNewOrChanges(Quantity, Price, UnitDiscount, DiscountPercentage, UnitTax, UnitCost, Frequency, Term))
        {
            return;
        }

        if (item.Number(Price) * item.Number(Quantity) is not { } gross)
        {
            foreach (var name in Amounts)
            {
                item.Set(name, "");
            }

            return;
        }

        var quantity = item.Number(Quantity) ?? ExactDecimal.Zero;
        var discount = DiscountOf(item, gross, quantity);
        var amount = (gross - discount).Rounded(Decimals);
        item.Set("hs_pre_discount_amount", gross.Rounded(Decimals));
        item.Set("hs_total_discount", discount.Rounded(Decimals));
        item.Set("amount", amount);
        item.Set("hs_post_tax_amount", amount + ((item.Number(UnitTax) ?? ExactDecimal.Zero) * quantity).Rounded(Decimals));

        var margin = amount - ((item.Number(UnitCost) ?? ExactDecimal.Zero) * quantity).Rounded(Decimals);
        item.Set("hs_margin", margin);
        var recurrence = RecurrenceOf(item);
        item.Set("hs_recurring_billing_number_of_payments", recurrence.Payments.ToString(CultureInfo.InvariantCulture));
        SetValues(item, "hs_", amount, recurrence);
        SetValues(item, "hs_margin_", margin, recurrence);
    }

    // The percentage takes precedence over the discount of each unit; both are never combined.
    static ExactDecimal DiscountOf(Draft item, ExactDecimal gross, ExactDecimal quantity) =>
        item.Number(DiscountPercentage) is { } percentage ? gross * percentage * new ExactDecimal(1, 2)
        : item.Number(UnitDiscount) is { } each ? each * quantity
        : ExactDecimal.Zero;

    // What is paid once has no recurring revenue. Only that was observed; the rest is what the names say.
    static void SetValues(Draft item, string prefix, ExactDecimal each, (int Months, int Payments) recurrence)
    {
        var (months, payments) = recurrence;
        var perMonth = months == 0 ? ExactDecimal.Zero : each.DividedBy(months, Decimals);
        var perYear = months == 0 ? ExactDecimal.Zero : (each * new ExactDecimal(12, 0)).DividedBy(months, Decimals);
        item.Set(prefix + "mrr", perMonth.Rounded(Decimals));
        item.Set(prefix + "arr", perYear.Rounded(Decimals));
        item.Set(prefix + "tcv", (each * new ExactDecimal(payments, 0)).Rounded(Decimals));
        item.Set(prefix + "acv", months is 0 ? each : months >= 12 ? perYear : (each * new ExactDecimal(Math.Min(payments, 12 / months), 0)).Rounded(Decimals));
    }

    // Months between two payments, 0 for a single one, and how many there are in the term, such as P12M or P2Y.
    static (int Months, int Payments) RecurrenceOf(Draft item)
    {
        if (!MonthsOf.TryGetValue(item.Text(Frequency), out var months))
        {
            return (0, 1);
        }

        var term = item.Text(Term);
        var length = term.Length > 2 && int.TryParse(term.AsSpan(1, term.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < 10_000 ? number : 0;
        return (months, Math.Max(1, (term is [.., 'Y'] ? length * 12 : length) / months));
    }

    // The message is Docket's own.
    static Fault? NotNegative(int index, PortalSettings settings, ref PropertyValue value) =>
        value.Value.Span[0] == '-' ? Faults.Negative(index, value.Property, value.Value.Span) : null;
}
