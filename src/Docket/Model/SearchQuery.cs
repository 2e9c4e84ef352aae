using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>How a filter compares, in the order in which HubSpot's messages list the operators (reference/properties-pipelines-search-associations.md 4.4).</summary>
internal enum SearchOperator
{
    In,
    NotHasProperty,
    Lt,
    Eq,
    Gt,
    NotIn,
    Gte,
    ContainsToken,
    HasProperty,
    Lte,
    NotContainsToken,
    Between,
    Neq,
}

/// <summary>One operand of a filter, in the form in which stored values are compared (reference/properties-pipelines-search-associations.md 4.5).</summary>
/// <param name="Text">The text, in lower case where the comparison ignores case; or the pattern of a token; or the number as it was sent, with all of its digits.</param>
/// <param name="Number">The number, as near as this type gets, or the moment in milliseconds since 1970, of a property that is compared as one.</param>
internal readonly record struct SearchValue(string Text, double Number = 0);

/// <summary>
/// One condition on one property. <see cref="SearchOperator.Between"/> has two values, the operators of sets any number, those on
/// tokens one for each token that must be there.
/// </summary>
internal sealed record SearchFilter(Property Property, SearchOperator Operator, ImmutableArray<SearchValue> Values)
{
    /// <summary>Whether an active record without a value meets a negated condition. Measured by one project in 2026; HubSpot's guide is silent (4.4).</summary>
    public static readonly bool NegationsMeetUnset = true;
}

/// <summary>The order of the results. Records without a value come last in both directions (4.2).</summary>
internal sealed record SearchSort(Property Property, bool Descending);

/// <summary>A place behind one result: the next page begins after it, wherever it stands by then.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Value">What it is ordered by, as the store writes it; <c>null</c> when it has no value.</param>
internal sealed record SearchCursor(long Id, ReadOnlyMemory<byte>? Value);

/// <summary>What is looked for. Checked: every property exists, every value fits.</summary>
/// <param name="Schema">The snapshot that <paramref name="Groups"/> was checked against.</param>
/// <param name="Groups">A record matches when it meets all filters of any group; all records when there are no groups.</param>
/// <param name="Words">Each must start a token of one of <paramref name="SearchedProperties"/>, or be the record's id; lower case, no duplicates.</param>
/// <param name="SearchedProperties">Where <paramref name="Words"/> are looked for.</param>
/// <param name="Sort">The order; by creation, oldest first, without one.</param>
/// <param name="Skip">Results to pass over.</param>
/// <param name="After">Where to go on instead, for pages beyond what can be passed over.</param>
/// <param name="Limit">Most results to give.</param>
internal sealed record SearchQuery(
    Schema Schema, ImmutableArray<ImmutableArray<SearchFilter>> Groups, ImmutableArray<string> Words, ImmutableArray<Property> SearchedProperties,
    SearchSort? Sort, int Skip, SearchCursor? After, int Limit);

/// <summary>One page of results.</summary>
/// <param name="Total">All matches, on every page the same.</param>
/// <param name="Records">The page, in order.</param>
/// <param name="Last">The place behind the last of them; <c>null</c> when there is nothing after it.</param>
/// <param name="Time">When they were found, milliseconds since 1970: for times that still run.</param>
internal sealed record SearchPage(long Total, ImmutableArray<Record> Records, SearchCursor? Last, long Time);
