using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Docket.Model;
using Docket.Writes;

namespace Docket.Search;

/// <summary>
/// Compiles a request into a query: checks limits and properties, and reads values by the rules of their types
/// (reference/properties-pipelines-search-associations.md 4.3 to 4.5).
/// </summary>
internal static class SearchCompiler
{
    const int GroupsMax = 5, FiltersInGroupMax = 6, FiltersMax = 18, LimitDefault = 10, LimitMax = 200;

    /// <summary>How many results can be paged through.</summary>
    public const int ReachMax = 10_000;

    /// <summary>
    /// Characters of <c>query</c> and the values of all filters together. HubSpot's guide says the whole body, but connectors send the
    /// names of all properties in each search (4.3).
    /// </summary>
    public const int LengthMax = 3_000;

    /// <summary>Checks everything.</summary>
    /// <param name="body">The body.</param>
    /// <param name="schema">The schema of the object type.</param>
    /// <param name="capped">Whether pages end where HubSpot's do.</param>
    /// <param name="features">The optional features of the request.</param>
    /// <param name="owners">The owners of the portal.</param>
    /// <param name="portal">All object types, for filters by associations.</param>
    /// <exception cref="Refusal">400.</exception>
    public static SearchQuery Compile(SearchBody body, Schema schema, bool capped, OptionalFeatures features = OptionalFeatures.None, PortalOwners? owners = null, PortalSchema? portal = null)
    {
        Limit("filter groups", GroupsMax, body.Groups.Count);
        foreach (var group in body.Groups)
        {
            Limit("filters per group", FiltersInGroupMax, group.Count);
        }

        Limit("filters", FiltersMax, body.Groups.Sum(group => group.Count));
        if (body.Query.Length + body.Groups.Sum(group => group.Sum(LengthOf)) > LengthMax)
        {
            throw new Refusal(Faults.SearchTooLong(LengthMax));
        }

        var limit = ParseLimit(body.Limit);
        var (skip, after) = ParseAfter(body.After, capped);
        // A group without filters has no effect (4.1).
        var groups = body.Groups.Where(group => group.Count > 0).Select(group => group.Select(filter => Compile(features.HasFlag(OptionalFeatures.Labels) ? WithIds(filter, schema, owners ?? PortalOwners.None) : filter, schema, portal)).ToImmutableArray()).ToImmutableArray();
        // Only one sort counts. More are ignored (4.2), and so is a text that is not a property's name (4.1).
        var first = body.Sorts.Find(sort => !sort.IsText || schema.Find(sort.Property) is not null);
        var sort = first is not null ? new SearchSort(OriginOf(Find(first.Property, schema), schema), first.Descending) : null;
        return new(schema, groups, WordsOf(body.Query), schema.Searched, sort, skip, after,
            capped ? Math.Min(limit, ReachMax - skip) : limit);
    }

    /// <summary>What the pseudo-properties of associations begin with.</summary>
    const string Associations = "associations.";

    /// <summary>The cursor that continues after a place.</summary>
    public static string Write(SearchCursor cursor, bool sorted) =>
        !sorted ? cursor.Id.ToString() : $"{cursor.Id}-{(cursor.Value is { } value ? Base64Url.EncodeToString(value.Span) : "")}";

    static int LengthOf(RawFilter filter) => (filter.Value?.Length ?? 0) + (filter.HighValue?.Length ?? 0) + (filter.Values?.Sum(value => value.Length) ?? 0);

    static void Limit(string what, int max, int found)
    {
        if (found > max)
        {
            throw new Refusal(Faults.TooManyOf(what, max, found));
        }
    }

    static int ParseLimit(string text) => text.Length == 0 ? LimitDefault
        : !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var limit) ? throw new Refusal(Faults.BadBodyParameter("limit"))
        : limit < 1 ? throw new Refusal(Faults.LimitTooLow())
        : limit > LimitMax ? throw new Refusal(Faults.PageTooLarge(LimitMax))
        : (int)limit;

    // The number of results already returned, as on HubSpot; or a place if paging is unlimited. Record ids are greater than any
    // number of results, so the two can't be confused.
    static (int Skip, SearchCursor? After) ParseAfter(string text, bool capped)
    {
        if (text.Length == 0)
        {
            return (0, null);
        }

        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var (id, value) = dash < 0 ? (text, "") : (text[..dash], text[(dash + 1)..]);
        if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || (dash >= 0 && (capped || !Base64Url.IsValid(value))))
        {
            throw new Refusal(Faults.BadBodyParameter("after"));
        }

        return dash < 0 && number < ReachMax ? ((int)number, null)
            : capped || number < Record.IdBase ? throw new Refusal(Faults.BeyondReach(ReachMax))
            // Without the cast, a missing array becomes an empty value instead of null.
            : (0, new(number, value.Length > 0 ? (ReadOnlyMemory<byte>?)Base64Url.DecodeFromChars(value) : null));
    }

    // A lone & or - starts no token. It is ignored if there are other words.
    static ImmutableArray<string> WordsOf(string query)
    {
        ImmutableArray<string> words = [.. query.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];
        ImmutableArray<string> telling = [.. words.Where(word => word.EnumerateRunes().Any(Words.IsWord))];
        return telling.IsEmpty ? words : telling;
    }

    static Property Find(string name, Schema schema) => schema.Find(name) ?? throw new Refusal(Faults.SearchProblem(
        name, null, $"Property \"{name}\" does not exist", NearNames.Find(name, schema.Properties.Select(property => property.Name))));

    // A property that always has the value of another one is searched as that one.
    static Property OriginOf(Property property, Schema schema) => property.Derivation == Derivation.SameAsOrigin ? schema.OriginOf(property)! : property;

    // By label: several options may have the same one, and all of them match.
    static RawFilter WithIds(RawFilter filter, Schema schema, PortalOwners owners)
    {
        var property = schema.Find(filter.Property);
        if (property is { Kind: PropertyKind.Option or PropertyKind.Options or PropertyKind.Owner })
        {
            return WithStored(filter, text => ValueLabels.ForSearch(property, text, owners));
        }

        List<(string Id, string Label)> places = property?.Kind switch
        {
            PropertyKind.Stage => [.. schema.Pipelines.SelectMany(pipeline => pipeline.Stages).Select(stage => (stage.Id, stage.Label))],
            PropertyKind.Pipeline => [.. schema.Pipelines.Select(pipeline => (pipeline.Id, pipeline.Label))],
            _ => [],
        };
        return places.Count == 0 ? filter : WithStored(filter, text => [.. IdsOf(text)]);

        IEnumerable<string> IdsOf(string text) => places.Exists(place => place.Id == text)
            ? [text]
            : places.Where(place => place.Label.Trim().Equals(text.Trim(), StringComparison.OrdinalIgnoreCase)).Select(place => place.Id);
    }

    static RawFilter WithStored(RawFilter filter, Func<string, List<string>> stored) => filter.Operator switch
    {
        SearchOperator.Eq or SearchOperator.Neq when stored(filter.Value!) is [var one] => filter with { Value = one },
        SearchOperator.Eq => filter with { Operator = SearchOperator.In, Values = [.. stored(filter.Value!)] },
        SearchOperator.Neq => filter with { Operator = SearchOperator.NotIn, Values = [.. stored(filter.Value!)] },
        SearchOperator.In or SearchOperator.NotIn => filter with { Values = [.. filter.Values!.SelectMany(stored)] },
        _ => filter,
    };

    static SearchFilter Compile(RawFilter filter, Schema schema, PortalSchema? portal)
    {
        if (filter.Property.StartsWith(Associations, StringComparison.Ordinal))
        {
            return CompileTies(filter, schema, portal);
        }

        var property = Find(filter.Property, schema);
        CheckQuotationMarks(filter, property);
        if (!property.IsText)
        {
            filter = filter with { Value = Trim(filter.Value), HighValue = Trim(filter.HighValue), Values = filter.Values?.Select(value => Trim(value)!).ToList() };
        }

        var compiled = filter.Operator switch
        {
            SearchOperator.HasProperty or SearchOperator.NotHasProperty => new SearchFilter(property, filter.Operator, []), // a value is ignored (4.6)
            SearchOperator.In or SearchOperator.NotIn => new(property, filter.Operator, [.. filter.Values!.Select(value => Operand(property, value, asSent: true))]),
            SearchOperator.ContainsToken or SearchOperator.NotContainsToken => new(property, filter.Operator, Tokens(property, filter.Value!)),
            SearchOperator.Between => Between(property, Operand(property, filter.Value!), Operand(property, filter.HighValue!), filter),
            _ => new(property, filter.Operator, [Operand(property, filter.Value!)]),
        };
        return compiled with { Property = OriginOf(property, schema) };

        string? Trim(string? value) => value is null ? null : Encoding.UTF8.GetString(PropertyValues.Trim(schema, property, Encoding.UTF8.GetBytes(value)).Span);
    }

    // By any spelling of the other object type (reference/objects-other-than-tickets.md 8.8). Operators that compare in order match nothing.
    static SearchFilter CompileTies(RawFilter filter, Schema schema, PortalSchema? portal)
    {
        var other = portal?.Find(filter.Property[Associations.Length..]) ?? throw new Refusal(Faults.SearchProblem(filter.Property, null, $"Property \"{filter.Property}\" does not exist", null));
        ImmutableArray<SearchValue> values = [.. (filter.Values ?? (filter.Value is { } one ? [one] : [])).Select(value => new SearchValue(value.Trim()))];
        return filter.Operator switch
        {
            SearchOperator.HasProperty or SearchOperator.NotHasProperty => new(schema.RecordId, filter.Operator, []) { TiedTo = other.Type.Number },
            SearchOperator.Eq or SearchOperator.In or SearchOperator.ContainsToken => new(schema.RecordId, SearchOperator.In, values) { TiedTo = other.Type.Number },
            SearchOperator.Neq or SearchOperator.NotIn or SearchOperator.NotContainsToken => new(schema.RecordId, SearchOperator.NotIn, values) { TiedTo = other.Type.Number },
            _ => new(schema.RecordId, SearchOperator.In, []),
        };
    }

    // HubSpot refuses them in filters on whole texts or words, but not in query (4.1).
    static void CheckQuotationMarks(RawFilter filter, Property property)
    {
        if (IsFreeText(property)
            && filter.Operator is SearchOperator.Eq or SearchOperator.Neq or SearchOperator.In or SearchOperator.NotIn or SearchOperator.ContainsToken or SearchOperator.NotContainsToken
            && (filter.Values ?? []).Append(filter.Value ?? "").FirstOrDefault(value => value.Count(character => character == '"') % 2 == 1) is { } lone)
        {
            throw new Refusal(Faults.MismatchedQuotationMarks(filter.Line, filter.Column, lone));
        }
    }

    static bool IsFreeText(Property property) => property.Kind == PropertyKind.Text && property.Definition.Type != "enumeration";

    static SearchFilter Between(Property property, SearchValue low, SearchValue high, RawFilter filter)
    {
        var order = property.Kind switch
        {
            PropertyKind.Number => ExactNumber.Parse(low.Text).CompareTo(ExactNumber.Parse(high.Text)),
            PropertyKind.Date or PropertyKind.DateTime => low.Number.CompareTo(high.Number),
            _ => Encoding.UTF8.GetBytes(low.Text).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(high.Text)),
        };
        return order > 0
            ? throw new Refusal(Faults.SearchProblem(property.Name, filter.Value, $"{filter.Value} is greater than the highValue {filter.HighValue}"))
            : new(property, SearchOperator.Between, [low, high]);
    }

    // Texts are compared in lower case, but in lists they are compared as sent. Options are compared unchanged (4.5).
    static SearchValue Operand(Property property, string value, bool asSent = false)
    {
        switch (property.Kind)
        {
            case PropertyKind.Number:
                return PropertyValues.IsNumber(Encoding.UTF8.GetBytes(value)) && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                    ? new(value, number)
                    : throw Misfit(property, value, "a number");
            case PropertyKind.Date or PropertyKind.DateTime:
                return PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(value), PropertyValues.FractionMax) is { } moment ? new("", moment) : throw Misfit(property, value, "a date or time");
            case PropertyKind.Bool:
                return bool.TryParse(value, out var flag) ? new(flag ? "true" : "false") : throw Misfit(property, value, "true or false");
            case PropertyKind.Text when !asSent && IsFreeText(property):
                return new(value.ToLowerInvariant());
            default:
                return new(value);
        }
    }

    static Refusal Misfit(Property property, string value, string expected) => new(Faults.SearchProblem(property.Name, value, $"{value} is not {expected}"));

    // Runs of letters, digits and stars. Numbers and times have no tokens and are compared as a whole.
    static ImmutableArray<SearchValue> Tokens(Property property, string value)
    {
        if (value.Trim() == "*")
        {
            return [new("*")];
        }

        if (property.Kind is PropertyKind.Number or PropertyKind.Date or PropertyKind.DateTime)
        {
            return [Operand(property, value)];
        }

        var tokens = ImmutableArray.CreateBuilder<SearchValue>();
        var run = new StringBuilder();
        foreach (var rune in (value.ToLowerInvariant() + " ").EnumerateRunes())
        {
            if (rune.Value == '*' || Words.IsWord(rune))
            {
                run.Append(rune);
            }
            else if (run.Length > 0)
            {
                tokens.Add(new(Token(run.ToString())));
                run.Clear();
            }
        }

        return tokens.DrainToImmutable();
    }

    // The same length as tokens of texts.
    static string Token(string run) =>
        run.Trim('*').Length == 0 ? "*"
        : run.Contains('*', StringComparison.Ordinal) || Encoding.UTF8.GetBytes(run) is var utf8 && Words.EndOf(utf8) == utf8.Length ? run
        : Encoding.UTF8.GetString(utf8.AsSpan(0, Words.EndOf(utf8)));
}
