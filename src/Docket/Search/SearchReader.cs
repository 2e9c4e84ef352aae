using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Search;

/// <summary>A filter in a request, and where it ends.</summary>
internal sealed record RawFilter(string Property, SearchOperator Operator, string? Value, string? HighValue, List<string>? Values, long Line = 1, long Column = 1);

/// <summary>A sort in a request: an object, or only a text.</summary>
internal sealed record RawSort(string Property, bool Descending, bool IsText = false);

/// <summary>The body of a search: well-formed, but not yet checked against the schema (reference/properties-pipelines-search-associations.md 4.1).</summary>
internal sealed class SearchBody
{
    public List<List<RawFilter>> Groups { get; } = [];

    public List<RawSort> Sorts { get; } = [];

    public string Query { get; set; } = "";

    public List<string> Properties { get; } = [];

    public string Limit { get; set; } = "";

    public string After { get; set; } = "";
}

/// <summary>
/// Reads a search in one pass, so that the first of several faults in the text is reported, with its line and column
/// (reference/properties-pipelines-search-associations.md 4.6).
/// </summary>
internal sealed class SearchReader
{
    /// <summary>HubSpot's names, in the order of its message and of <see cref="SearchOperator"/>.</summary>
    static readonly string[] Operators =
    [
        "IN", "NOT_HAS_PROPERTY", "LT", "EQ", "GT", "NOT_IN", "GTE", "CONTAINS_TOKEN", "HAS_PROPERTY", "LTE", "NOT_CONTAINS_TOKEN", "BETWEEN", "NEQ",
    ];

    static readonly string[]
        BodyMembers = ["filterGroups", "filters", "sorts", "query", "properties", "limit", "after"],
        GroupMembers = ["filters"],
        FilterMembers = ["propertyName", "operator", "value", "highValue", "values"],
        SortMembers = ["propertyName", "direction"];

    readonly SearchBody search = new();

    /// <summary>Reads the body.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static SearchBody Read(RequestBody body) => JsonCursor.Read(body, new SearchReader().ReadMembers);

    SearchBody ReadMembers(ref JsonCursor json)
    {
        json.BeginObject("an object");
        List<RawFilter>? topLevel = null;
        while (json.NextMember() is { } member)
        {
            switch (member)
            {
                case "filterGroups":
                    Groups(ref json);
                    break;
                case "filters":
                    topLevel = Filters(ref json, search.Groups.Count);
                    break;
                case "sorts":
                    Sorts(ref json);
                    break;
                case "query":
                    search.Query = json.Text() ?? "";
                    break;
                case "properties":
                    search.Properties.AddRange(Texts(ref json) ?? []);
                    break;
                case "limit":
                    search.Limit = json.Text() ?? "";
                    break;
                case "after":
                    search.After = json.Text() ?? "";
                    break;
                default:
                    json.SkipUnread(BodyMembers);
                    break;
            }
        }

        if (topLevel is not null)
        {
            search.Groups.Add(topLevel); // one more group (4.1)
        }

        return search;
    }

    void Groups(ref JsonCursor json)
    {
        if (!BeginsList(ref json))
        {
            return;
        }

        while (json.NextItem())
        {
            json.BeginObject("a filter group");
            var filters = new List<RawFilter>();
            while (json.NextMember() is { } member)
            {
                if (member == "filters")
                {
                    filters = Filters(ref json, search.Groups.Count);
                }
                else
                {
                    json.SkipUnread(GroupMembers);
                }
            }

            search.Groups.Add(filters);
        }
    }

    static List<RawFilter> Filters(ref JsonCursor json, int group)
    {
        var filters = new List<RawFilter>();
        if (BeginsList(ref json))
        {
            while (json.NextItem())
            {
                filters.Add(Filter(ref json, group, filters.Count));
            }
        }

        return filters;
    }

    static RawFilter Filter(ref JsonCursor json, int group, int place)
    {
        json.BeginObject("a filter");
        var (property, value, highValue) = ((string?)null, (string?)null, (string?)null);
        SearchOperator? comparison = null;
        List<string>? values = null;
        while (json.NextMember() is { } member)
        {
            switch (member)
            {
                case "propertyName":
                    property = json.Text();
                    break;
                case "operator":
                    comparison = Operator(ref json, group, place);
                    break;
                case "value":
                    value = json.Text();
                    break;
                case "highValue":
                    highValue = json.Text();
                    break;
                case "values":
                    values = Texts(ref json);
                    break;
                default:
                    json.SkipUnread(FilterMembers);
                    break;
            }
        }

        var (line, column) = json.Position;
        if (property is null || comparison is not { } known)
        {
            string[] missing = property is not null ? ["operator"] : comparison is null ? ["propertyName", "operator"] : ["propertyName"];
            throw new Refusal(Faults.FilterIncomplete(line, column, string.Join(", ", missing)));
        }

        var lacks = known switch
        {
            SearchOperator.HasProperty or SearchOperator.NotHasProperty => null,
            SearchOperator.In or SearchOperator.NotIn => values is null ? "values" : null,
            SearchOperator.Between when highValue is null && value is not null => "a highValue",
            _ => value is null ? "a value" : null,
        };
        return lacks is null
            ? new(property, known, value, highValue, values, line, column)
            : throw new Refusal(Faults.OperatorRequires(line, column, Operators[(int)known], lacks));
    }

    static SearchOperator? Operator(ref JsonCursor json, int group, int filter)
    {
        var (line, column) = json.Position;
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        var text = json.TokenType == JsonTokenType.String ? json.Text()! : "";
        // Surrounding blanks and control characters are ignored; other white space is not.
        var trimmed = text.AsSpan().Trim([.. Enumerable.Range(0, 0x21).Select(character => (char)character)]);
        if (json.TokenType == JsonTokenType.String && trimmed.IsEmpty)
        {
            throw new Refusal(Faults.BlankOperator(group, filter, text));
        }

        return Array.IndexOf(Operators, trimmed.ToString()) is var known and >= 0
            ? (SearchOperator)known
            : throw new Refusal(Faults.NotOneOf(line, column, string.Join(", ", Operators)));
    }

    void Sorts(ref JsonCursor json)
    {
        if (!BeginsList(ref json))
        {
            return;
        }

        while (json.NextItem())
        {
            if (json.TokenType == JsonTokenType.String)
            {
                var name = json.Text()!;
                search.Sorts.Add(name.StartsWith('-') ? new(name[1..], true, IsText: true) : new(name, false, IsText: true));
                continue;
            }

            json.BeginObject("a sort");
            var (property, descending) = ((string?)null, false);
            while (json.NextMember() is { } member)
            {
                switch (member)
                {
                    case "propertyName":
                        property = json.Text();
                        break;
                    case "direction":
                        var (line, column) = json.Position;
                        descending = json.Text() switch
                        {
                            "DESCENDING" => true,
                            "ASCENDING" or null => false,
                            _ => throw new Refusal(Faults.NotOneOf(line, column, "ASCENDING, DESCENDING")),
                        };
                        break;
                    default:
                        json.SkipUnread(SortMembers);
                        break;
                }
            }

            search.Sorts.Add(new(property ?? throw json.Refuse("Cannot build Sort, some of required attributes are not set [propertyName]"), descending));
        }
    }

    // Null counts as a missing list.
    static bool BeginsList(ref JsonCursor json)
    {
        if (json.TokenType is JsonTokenType.StartArray or JsonTokenType.Null)
        {
            return json.TokenType == JsonTokenType.StartArray;
        }

        var (line, column) = json.Position;
        throw new Refusal(Faults.NotAList(line, column, json.TokenType switch
        {
            JsonTokenType.StartObject => "START_OBJECT",
            JsonTokenType.String => "VALUE_STRING",
            JsonTokenType.Number => "VALUE_NUMBER_INT",
            JsonTokenType.True => "VALUE_TRUE",
            _ => "VALUE_FALSE",
        }));
    }

    static List<string>? Texts(ref JsonCursor json)
    {
        if (!BeginsList(ref json))
        {
            return null;
        }

        var texts = new List<string>();
        while (json.NextItem())
        {
            if (json.Text() is { } text)
            {
                texts.Add(text);
            }
        }

        return texts;
    }
}
