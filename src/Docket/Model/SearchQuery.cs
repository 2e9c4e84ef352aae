using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>The operator of a filter, in the order of HubSpot's messages (reference/properties-pipelines-search-associations.md 4.4).</summary>
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
/// <param name="Text">The text, in lower case if the comparison ignores case; or the pattern of a token; or the number with all digits as sent.</param>
/// <param name="Number">The nearest double to the number, or the time in milliseconds since 1970, for a property that is compared as one.</param>
internal readonly record struct SearchValue(string Text, double Number = 0);

/// <summary>
/// One condition on one property. <see cref="SearchOperator.Between"/> has two values, the operators on sets have any number, those on
/// tokens have one for each required token.
/// </summary>
internal sealed record SearchFilter(Property Property, SearchOperator Operator, ImmutableArray<SearchValue> Values)
{
    /// <summary>Whether an active record without a value matches a negated condition. Measured by one project in 2026; HubSpot's guide doesn't say (4.4).</summary>
    public static readonly bool NegationsMeetUnset = true;

    /// <summary>For <c>associations.contact</c>: the number of the object type that a record is to be associated with. The values are ids; <see cref="Property"/> means nothing then.</summary>
    public int? TiedTo { get; init; }
}

/// <summary>The order of the results. Records without a value come last in both directions (4.2).</summary>
internal sealed record SearchSort(Property Property, bool Descending);

/// <summary>A position after one result: the next page starts after it, wherever that is by then.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Value">Its sort value, as the store writes it; <c>null</c> if it has none.</param>
internal sealed record SearchCursor(long Id, ReadOnlyMemory<byte>? Value);

/// <summary>A search. Checked: every property exists, and every value is valid.</summary>
/// <param name="Schema">The snapshot that <paramref name="Groups"/> was checked against.</param>
/// <param name="Groups">A record matches if it meets all filters of any group. Without groups, all records match.</param>
/// <param name="Words">Each must start a token of one of <paramref name="SearchedProperties"/>, or be the record's id; lower case, no duplicates.</param>
/// <param name="SearchedProperties">The properties that are searched for <paramref name="Words"/>.</param>
/// <param name="Sort">The order; by creation, oldest first, if there is none.</param>
/// <param name="Skip">Results to skip.</param>
/// <param name="After">Where to continue instead, for pages beyond the results that can be skipped.</param>
/// <param name="Limit">Most results to return.</param>
internal sealed record SearchQuery(
    Schema Schema, ImmutableArray<ImmutableArray<SearchFilter>> Groups, ImmutableArray<string> Words, ImmutableArray<Property> SearchedProperties,
    SearchSort? Sort, int Skip, SearchCursor? After, int Limit);

/// <summary>One page of results.</summary>
/// <param name="Total">The number of all matches, the same on every page.</param>
/// <param name="Records">The page, in order.</param>
/// <param name="Last">The position after the last of them; <c>null</c> if there are no more.</param>
/// <param name="Time">The time of the search, milliseconds since 1970, for durations that have not ended.</param>
internal sealed record SearchPage(long Total, ImmutableArray<Record> Records, SearchCursor? Last, long Time);
