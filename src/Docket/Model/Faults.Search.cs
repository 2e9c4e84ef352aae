namespace Docket.Model;

/// <summary>Messages of searches: reference/properties-pipelines-search-associations.md 4.3 and 4.6.</summary>
internal static partial class Faults
{
    const string FilterClass = "com.hubspot.inbounddb.publicobject.core.v3.search.Filter";

    /// <summary>A; the column is that of the operator's opening quote.</summary>
    public static Error NotOneOf(long line, long column, string allowed) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Enum type must be one of: [{allowed}]", Validation);

    /// <summary>B.</summary>
    public static Error BlankOperator(int group, int filter, string operatorText) =>
        new(400, $"Invalid input JSON: unable to deserialize field \"filterGroups[{group}].filters[{filter}].operator\". Invalid value: {operatorText.Trim()}", Validation);

    public static Error FilterIncomplete(long line, long column, string missing) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Cannot build Filter, some of required attributes are not set [{missing}]", Validation);

    /// <summary>C.</summary>
    public static Error OperatorRequires(long line, long column, string operatorName, string what) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Cannot construct instance of `{FilterClass}`, problem: operator {operatorName} requires {what}", Validation);

    /// <summary>A value that must be a list.</summary>
    public static Error NotAList(long line, long column, string found) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Cannot deserialize instance of `java.util.HashSet` out of {found} token");

    /// <summary>HubSpot's message for a filter or sort that it can't execute has no details; <c>errors</c> does.</summary>
    public static Error SearchProblem(string property, string? value, string words, string? near = null)
    {
        var context = new List<(string, System.Collections.Immutable.ImmutableArray<string>)> { ("propertyName", [property]) };
        if (value is not null)
        {
            context.Add(("propertyValue", [Shorten(value)]));
        }

        if (near is not null)
        {
            context.Add(("didYouMean", [near]));
        }

        return new(400, "There was a problem with the request.") { Errors = [new(words) { Context = [.. context] }] };
    }

    /// <summary>[decide].</summary>
    public static Error TooManyOf(string what, int max, int found) =>
        new(400, $"The maximum number of {what} is {max}. You have requested {found}.", Validation);

    /// <summary>[decide].</summary>
    public static Error PageTooLarge(int max) => new(400, $"The maximum page size is {max}.", Validation);

    /// <summary>[decide].</summary>
    public static Error BeyondReach(int max) => new(400, $"The maximum number of results that can be paged through is {max}.", Validation);

    /// <summary>[decide].</summary>
    public static Error SearchTooLong(int max) => new(400, $"The maximum length of the request body is {max} characters.", Validation);

    /// <summary>As in HubSpot/hubspot-api-nodejs issue 555.</summary>
    public static Error MismatchedQuotationMarks(long line, long column, string value) =>
        new(400, $"Invalid input JSON on line {line}, column {column}: Filter value '{Shorten(value)}' has mismatched quotation marks", Validation);

    /// <summary>Docket's own wording.</summary>
    public static Error IndexNotReady(int? percent) =>
        new(503, percent is { } built ? $"The search index is being built: {built} % is done. Try again." : "The search index is behind. Try again.") { Reason = ErrorReason.Server, Headers = [("Retry-After", "2")] };
}
