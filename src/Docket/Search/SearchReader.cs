using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Search;

/// <summary>One filter as it stands in a request, and where it ends.</summary>
internal sealed record RawFilter(string Property, SearchOperator Operator, string? Value, string? HighValue, List<string>? Values, long Line = 1, long Column = 1);

/// <summary>One sort as it stands in a request: an object, or only a text.</summary>
internal sealed record RawSort(string Property, bool Descending, bool IsText = false);

/// <summary>The body of a search as it stands there: well-formed, nothing looked up yet (reference/properties-pipelines-search-associations.md 4.1).</summary>
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
/// Reads a search in one pass, so that of several faults the first in the text is told, with its line and column
/// (reference/properties-pipelines-search-associations.md 4.6).
/// </summary>
internal ref struct SearchReader
{
    /// <summary>HubSpot's names, in the order of its message and of <see cref="SearchOperator"/>.</summary>
    static readonly string[] Operators =
    [
        "IN", "NOT_HAS_PROPERTY", "LT", "EQ", "GT", "NOT_IN", "GTE", "CONTAINS_TOKEN", "HAS_PROPERTY", "LTE", "NOT_CONTAINS_TOKEN", "BETWEEN", "NEQ",
    ];

    readonly RequestBody body;
    readonly SearchBody search = new();
    Utf8JsonReader json;

    SearchReader(RequestBody body)
    {
        this.body = body;
        json = new Utf8JsonReader(body.Memory.Span);
    }

    /// <summary>Reads the body.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static SearchBody Read(RequestBody body)
    {
        var reader = new SearchReader(body);
        try
        {
            reader.Advance();
            reader.ReadMembers();
            return reader.json.Read() ? throw reader.Unexpected("the end") : reader.search;
        }
        catch (JsonException malformed)
        {
            throw new Refusal(RequestBody.Malformed(malformed));
        }
        catch (InvalidOperationException)
        {
            throw reader.Refuse("Incomplete surrogate pair in a text"); // what the parser throws for \ud83d without its other half
        }
    }

    void ReadMembers()
    {
        Expect(JsonTokenType.StartObject, "an object");
        List<RawFilter>? topLevel = null;
        while (NextMember() is { } member)
        {
            switch (member)
            {
                case "filterGroups":
                    Groups();
                    break;
                case "filters":
                    topLevel = Filters(search.Groups.Count);
                    break;
                case "sorts":
                    Sorts();
                    break;
                case "query":
                    search.Query = Text() ?? "";
                    break;
                case "properties":
                    search.Properties.AddRange(Texts() ?? []);
                    break;
                case "limit":
                    search.Limit = Text() ?? "";
                    break;
                case "after":
                    search.After = Text() ?? "";
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        if (topLevel is not null)
        {
            search.Groups.Add(topLevel); // one more group (4.1)
        }
    }

    void Groups()
    {
        if (!BeginsList())
        {
            return;
        }

        while (Advance() != JsonTokenType.EndArray)
        {
            Expect(JsonTokenType.StartObject, "a filter group");
            var filters = new List<RawFilter>();
            while (NextMember() is { } member)
            {
                if (member == "filters")
                {
                    filters = Filters(search.Groups.Count);
                }
                else
                {
                    json.Skip();
                }
            }

            search.Groups.Add(filters);
        }
    }

    List<RawFilter> Filters(int group)
    {
        var filters = new List<RawFilter>();
        if (BeginsList())
        {
            while (Advance() != JsonTokenType.EndArray)
            {
                filters.Add(Filter(group, filters.Count));
            }
        }

        return filters;
    }

    RawFilter Filter(int group, int place)
    {
        Expect(JsonTokenType.StartObject, "a filter");
        var (property, value, highValue) = ((string?)null, (string?)null, (string?)null);
        SearchOperator? comparison = null;
        List<string>? values = null;
        while (NextMember() is { } member)
        {
            switch (member)
            {
                case "propertyName":
                    property = Text();
                    break;
                case "operator":
                    comparison = Operator(group, place);
                    break;
                case "value":
                    value = Text();
                    break;
                case "highValue":
                    highValue = Text();
                    break;
                case "values":
                    values = Texts();
                    break;
                default:
                    json.Skip();
                    break;
            }
        }

        var (line, column) = body.Position(json.TokenStartIndex);
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

    SearchOperator? Operator(int group, int filter)
    {
        var (line, column) = body.Position(json.TokenStartIndex);
        if (json.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        var text = json.TokenType == JsonTokenType.String ? json.GetString()! : "";
        // Blanks and control characters around it are forgiven; other white space is not.
        var trimmed = text.AsSpan().Trim([.. Enumerable.Range(0, 0x21).Select(character => (char)character)]);
        if (json.TokenType == JsonTokenType.String && trimmed.IsEmpty)
        {
            throw new Refusal(Faults.BlankOperator(group, filter, text));
        }

        return Array.IndexOf(Operators, trimmed.ToString()) is var known and >= 0
            ? (SearchOperator)known
            : throw new Refusal(Faults.NotOneOf(line, column, string.Join(", ", Operators)));
    }

    void Sorts()
    {
        if (!BeginsList())
        {
            return;
        }

        while (Advance() != JsonTokenType.EndArray)
        {
            if (json.TokenType == JsonTokenType.String)
            {
                var name = json.GetString()!;
                search.Sorts.Add(name.StartsWith('-') ? new(name[1..], true, IsText: true) : new(name, false, IsText: true));
                continue;
            }

            Expect(JsonTokenType.StartObject, "a sort");
            var (property, descending) = ((string?)null, false);
            while (NextMember() is { } member)
            {
                switch (member)
                {
                    case "propertyName":
                        property = Text();
                        break;
                    case "direction":
                        var (line, column) = body.Position(json.TokenStartIndex);
                        descending = Text() switch
                        {
                            "DESCENDING" => true,
                            "ASCENDING" or null => false,
                            _ => throw new Refusal(Faults.NotOneOf(line, column, "ASCENDING, DESCENDING")),
                        };
                        break;
                    default:
                        json.Skip();
                        break;
                }
            }

            search.Sorts.Add(new(property ?? throw Refuse("Cannot build Sort, some of required attributes are not set [propertyName]"), descending));
        }
    }

    // Null counts as no list.
    bool BeginsList()
    {
        if (json.TokenType is JsonTokenType.StartArray or JsonTokenType.Null)
        {
            return json.TokenType == JsonTokenType.StartArray;
        }

        var (line, column) = body.Position(json.TokenStartIndex);
        throw new Refusal(Faults.NotAList(line, column, json.TokenType switch
        {
            JsonTokenType.StartObject => "START_OBJECT",
            JsonTokenType.String => "VALUE_STRING",
            JsonTokenType.Number => "VALUE_NUMBER_INT",
            JsonTokenType.True => "VALUE_TRUE",
            _ => "VALUE_FALSE",
        }));
    }

    List<string>? Texts()
    {
        if (!BeginsList())
        {
            return null;
        }

        var texts = new List<string>();
        while (Advance() != JsonTokenType.EndArray)
        {
            if (Text() is { } text)
            {
                texts.Add(text);
            }
        }

        return texts;
    }

    // Numbers and booleans are taken as text.
    string? Text() => json.TokenType switch
    {
        JsonTokenType.String => json.GetString(),
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(json.ValueSpan),
        JsonTokenType.Null => null,
        _ => throw Unexpected("a text"),
    };

    /// <summary>Goes to the value of the next member of an object; <c>null</c> at its end.</summary>
    string? NextMember()
    {
        if (Advance() == JsonTokenType.EndObject)
        {
            return null;
        }

        var name = json.GetString()!;
        Advance();
        return name;
    }

    JsonTokenType Advance() => json.Read() ? json.TokenType : throw Refuse("Unexpected end of the body");

    void Expect(JsonTokenType type, string what)
    {
        if (json.TokenType != type)
        {
            throw Unexpected(what);
        }
    }

    readonly Refusal Unexpected(string expected) => Refuse($"Expected {expected}");

    readonly Refusal Refuse(string words)
    {
        var (line, column) = body.Position(json.TokenStartIndex);
        return new(Faults.MalformedJson(line, column, words));
    }
}
