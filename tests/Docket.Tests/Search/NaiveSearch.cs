using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Docket.Tests.Search;

/// <summary>How the values of a property compare (reference/properties-pipelines-search-associations.md 4.5).</summary>
internal enum Comparison
{
    Text,
    Number,
    Moment,
    Option,
    Set,
}

/// <summary>One condition, as a request has it.</summary>
internal sealed record Condition(string Property, string Operator, string? Value = null, string? HighValue = null, string[]? Values = null);

/// <summary>A search, as a request has it.</summary>
internal sealed record Wanted(Condition[][] Groups, string Words, string? Sort, bool Descending)
{
    public JsonObject ToJson(int limit, string? after) => new()
    {
        ["filterGroups"] = new JsonArray([.. Groups.Select(group => new JsonObject { ["filters"] = new JsonArray([.. group.Select(Json)]) })]),
        ["query"] = Words,
        ["sorts"] = Sort is null ? null : new JsonArray(new JsonObject { ["propertyName"] = Sort, ["direction"] = Descending ? "DESCENDING" : "ASCENDING" }),
        ["limit"] = limit,
        ["after"] = after,
        ["properties"] = new JsonArray("subject"),
    };

    static JsonNode Json(Condition condition)
    {
        var json = new JsonObject { ["propertyName"] = condition.Property, ["operator"] = condition.Operator };
        if (condition.Value is not null)
        {
            json["value"] = condition.Value;
        }

        if (condition.HighValue is not null)
        {
            json["highValue"] = condition.HighValue;
        }

        if (condition.Values is not null)
        {
            json["values"] = new JsonArray([.. condition.Values.Select(value => JsonValue.Create(value))]);
        }

        return json;
    }
}

/// <summary>The rules of searches, as simply as they can be said: every ticket is looked at, and a value is what a read shows.</summary>
internal static class NaiveSearch
{
    static readonly string[] Searched = ["subject", "content", "hs_pipeline_stage", "hs_ticket_category"];

    /// <summary>The ids in order.</summary>
    public static List<long> Find(IReadOnlyDictionary<long, Dictionary<string, string>> tickets, IReadOnlyDictionary<string, Comparison> kinds, Wanted wanted)
    {
        var found = tickets.Where(ticket => Matches(ticket.Value, kinds, wanted)).OrderBy(ticket => ticket.Key).ToList();
        if (wanted.Sort is not { } sort)
        {
            return [.. found.Select(ticket => ticket.Key)];
        }

        var kind = kinds[sort];
        var order = Comparer<string>.Create((a, b) => (wanted.Descending ? -1 : 1) * Compare(kind, Cut(kind, a), Cut(kind, b)));
        return [.. found.Where(ticket => Value(ticket.Value, sort).Length > 0).OrderBy(ticket => Value(ticket.Value, sort), order).Concat(found.Where(ticket => Value(ticket.Value, sort).Length == 0))
            .Select(ticket => ticket.Key)];
    }

    static bool Matches(Dictionary<string, string> ticket, IReadOnlyDictionary<string, Comparison> kinds, Wanted wanted)
    {
        var groups = wanted.Groups.Where(group => group.Length > 0).ToArray();
        return (groups.Length == 0 || groups.Any(group => group.All(condition => Meets(kinds[condition.Property], Value(ticket, condition.Property), condition))))
            && HasWords(ticket, wanted.Words);
    }

    static bool HasWords(Dictionary<string, string> ticket, string query)
    {
        var words = query.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Any(word => Tokens(word).Count > 0))
        {
            words = [.. words.Where(word => Tokens(word).Count > 0)];
        }

        var tokens = Searched.SelectMany(property => Tokens(Value(ticket, property))).ToList();
        return words.All(word => word == ticket["hs_object_id"] || (Tokens(word) is { Count: > 0 } parts && parts.All(part => tokens.Any(token => token.StartsWith(part, StringComparison.Ordinal)))));
    }

    static bool Meets(Comparison kind, string value, Condition condition) => condition.Operator switch
    {
        "HAS_PROPERTY" => value.Length > 0,
        "NOT_HAS_PROPERTY" => value.Length == 0,
        "EQ" => Equals(kind, value, condition.Value!),
        "NEQ" => !Equals(kind, value, condition.Value!),
        "IN" => condition.Values!.Any(wanted => IsIn(kind, value, wanted)),
        "NOT_IN" => !condition.Values!.Any(wanted => IsIn(kind, value, wanted)),
        "CONTAINS_TOKEN" => HasTokens(kind, value, condition.Value!),
        "NOT_CONTAINS_TOKEN" => !HasTokens(kind, value, condition.Value!),
        _ when value.Length == 0 => false,
        "LT" => Compare(kind, value, condition.Value!) < 0,
        "LTE" => Compare(kind, value, condition.Value!) <= 0,
        "GT" => Compare(kind, value, condition.Value!) > 0,
        "GTE" => Compare(kind, value, condition.Value!) >= 0,
        "BETWEEN" => Compare(kind, value, condition.Value!) >= 0 && Compare(kind, value, condition.HighValue!) <= 0,
        _ => throw new ArgumentException(condition.Operator),
    };

    static bool Equals(Comparison kind, string value, string wanted) => value.Length > 0 && (kind == Comparison.Set ? value.Split(';').Contains(wanted) : Compare(kind, value, wanted) == 0);

    static bool IsIn(Comparison kind, string value, string wanted) => kind == Comparison.Text ? value.Length > 0 && string.Equals(value.ToLowerInvariant(), wanted, StringComparison.Ordinal) : Equals(kind, value, wanted);

    static bool HasTokens(Comparison kind, string value, string needle)
    {
        if (needle.Trim() == "*")
        {
            return value.Length > 0;
        }

        if (kind is Comparison.Number or Comparison.Moment)
        {
            return Equals(kind, value, needle);
        }

        var wanted = Tokens(needle, "*");
        var tokens = Tokens(value);
        return wanted.Count > 0 && wanted.All(part => part.Trim('*').Length == 0
            ? value.Length > 0
            : tokens.Any(token => Regex.IsMatch(token, $"^{Regex.Escape(part).Replace("\\*", ".*", StringComparison.Ordinal)}\\z", RegexOptions.Singleline | RegexOptions.CultureInvariant)));
    }

    /// <summary>Below zero, zero or above as one value comes before, with or after another.</summary>
    public static int Compare(Comparison kind, string a, string b) => kind switch
    {
        Comparison.Number => CompareNumbers(a, b),
        Comparison.Moment => Moment(a).CompareTo(Moment(b)),
        Comparison.Text => Encoding.UTF8.GetBytes(a.ToLowerInvariant()).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b.ToLowerInvariant())),
        _ => Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)),
    };

    // Both as whole numbers of the smaller one's last place.
    static int CompareNumbers(string a, string b)
    {
        var ((wholeA, placeA), (wholeB, placeB)) = (Whole(a), Whole(b));
        var place = Math.Min(placeA, placeB);
        return (wholeA * BigInteger.Pow(10, placeA - place)).CompareTo(wholeB * BigInteger.Pow(10, placeB - place));

        static (BigInteger, int) Whole(string text)
        {
            var parts = text.ToLowerInvariant().Split('e');
            var behindDot = parts[0].Contains('.', StringComparison.Ordinal) ? parts[0].Length - parts[0].IndexOf('.', StringComparison.Ordinal) - 1 : 0;
            return (BigInteger.Parse(parts[0].Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture), (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0) - behindDot);
        }
    }

    /// <summary>Runs of letters and digits in lower case, as much of each as can be found.</summary>
    public static List<string> Tokens(string text, string more = "")
    {
        var tokens = new List<string>();
        var run = "";
        foreach (var rune in (text.ToLowerInvariant() + " ").EnumerateRunes())
        {
            if (Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark || more.Contains(rune.ToString(), StringComparison.Ordinal))
            {
                run += rune;
            }
            else if (run.Length > 0)
            {
                tokens.Add(run.Contains('*', StringComparison.Ordinal) ? run : Shorten(run));
                run = "";
            }
        }

        return tokens;
    }

    static string Shorten(string token)
    {
        while (Encoding.UTF8.GetByteCount(token) > 128)
        {
            token = token[..^(char.IsLowSurrogate(token[^1]) ? 2 : 1)];
        }

        return token;
    }

    // Texts are ordered by their beginning (docs/internals/decisions.md, Order of texts). No value of the tests is cut within a character.
    static string Cut(Comparison kind, string value)
    {
        var utf8 = Encoding.UTF8.GetBytes(kind == Comparison.Text ? value.ToLowerInvariant() : value);
        return kind is Comparison.Number or Comparison.Moment || utf8.Length <= 128 ? value : Encoding.UTF8.GetString(utf8.AsSpan(0, 128));
    }

    static double Moment(string text) => long.TryParse(text, CultureInfo.InvariantCulture, out var milliseconds)
        ? milliseconds
        : (DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    static string Value(Dictionary<string, string> ticket, string property) => ticket.GetValueOrDefault(property, "");
}
