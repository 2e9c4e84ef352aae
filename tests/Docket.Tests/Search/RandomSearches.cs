namespace Docket.Tests.Search;

/// <summary>Values and searches that match often enough to detect errors.</summary>
internal sealed class RandomSearches(Random random)
{
    static readonly string[] Words =
    [
        "alpha", "Beta", "ÜBER", "straße", "東京", "東京駅", "😀", "x1", "42", "o'neil", "foo-bar", "a_b", "ΣΊΣΥΦΟΣ", "ab", "AB", "abc", "clinics", "Clin", "मराठी", "\u0001", "e\u0301", "𝒳y", "invoice", "&",
        new('a', 130), new string('ä', 63) + "ä€", new string('a', 127) + "é",
    ];

    public static readonly string[] Operators = ["IN", "NOT_HAS_PROPERTY", "LT", "EQ", "GT", "NOT_IN", "GTE", "CONTAINS_TOKEN", "HAS_PROPERTY", "LTE", "NOT_CONTAINS_TOKEN", "BETWEEN", "NEQ"];

    /// <summary>The properties of <see cref="Schemata.Tickets"/> and some that are derived.</summary>
    public static readonly Dictionary<string, Comparison> Kinds = new()
    {
        ["subject"] = Comparison.Text,
        ["content"] = Comparison.Text,
        ["amount"] = Comparison.Number,
        ["due"] = Comparison.Moment,
        ["seen_at"] = Comparison.Moment,
        ["urgent"] = Comparison.Option,
        ["colour"] = Comparison.Option,
        ["tags_set"] = Comparison.Set,
        ["hubspot_owner_id"] = Comparison.Option,
        ["hs_pipeline_stage"] = Comparison.Option,
        ["hs_ticket_priority"] = Comparison.Option,
        ["hs_ticket_category"] = Comparison.Set,
        ["closed_date"] = Comparison.Moment,
        ["hs_object_id"] = Comparison.Number,
        ["createdate"] = Comparison.Moment,
        ["hs_createdate"] = Comparison.Moment,
        ["hs_lastmodifieddate"] = Comparison.Moment,
        ["hs_is_closed"] = Comparison.Option,
        ["time_to_close"] = Comparison.Number,
        ["hs_v2_date_entered_current_stage"] = Comparison.Moment,
        ["hs_date_entered_2"] = Comparison.Moment,
        ["hs_time_in_1"] = Comparison.Number,
        ["hs_object_source"] = Comparison.Text,
        ["hs_object_source_label"] = Comparison.Option,
        ["num_notes"] = Comparison.Number,
    };

    /// <summary>Properties that clients write, and the values they give.</summary>
    public Dictionary<string, string> Values(bool isNew)
    {
        var values = new Dictionary<string, string>();
        Maybe(2, "subject", Text);
        Maybe(3, "content", Text);
        Maybe(3, "amount", Number);
        Maybe(3, "due", () => $"2026-0{random.Next(1, 4)}-{random.Next(10, 13)}");
        Maybe(3, "seen_at", () => $"2026-03-1{random.Next(4)}T0{random.Next(3)}:00:00.{random.Next(3)}00Z");
        Maybe(3, "urgent", () => Pick("true", "false"));
        Maybe(3, "colour", () => Pick("red", "green", "dark blue"));
        Maybe(3, "tags_set", () => isNew ? Pick("a", "b;c", "a;b;c", "c") : Pick("a", "b;c", ";b", ";a;c", "c"));
        Maybe(4, "hubspot_owner_id", () => Pick("7", "77", "8"));
        Maybe(4, "hs_ticket_priority", () => Pick("LOW", "HIGH", "MEDIUM"));
        Maybe(4, "hs_ticket_category", () => Pick("PRODUCT_ISSUE", "PRODUCT_ISSUE;FEATURE_REQUEST", "BILLING_ISSUE"));
        Maybe(6, "createdate", () => $"2026-02-0{random.Next(1, 5)}T00:00:00Z");
        if (values.GetValueOrDefault("createdate") == "")
        {
            values.Remove("createdate");
        }

        if (isNew || random.Next(3) == 0)
        {
            values["hs_pipeline_stage"] = Pick("1", "2", "3", "4");
        }

        if (values.Count == 0)
        {
            values["subject"] = Text();
        }

        return values;

        void Maybe(int oneIn, string name, Func<string> value)
        {
            if (random.Next(oneIn) == 0)
            {
                values[name] = random.Next(6) == 0 ? "" : value();
            }
        }
    }

    /// <param name="tickets">Where most of the values come from.</param>
    public Wanted Search(IReadOnlyCollection<Dictionary<string, string>> tickets)
    {
        var all = tickets.ToArray();
        var groups = Enumerable.Range(0, random.Next(4)).Select(_ => Enumerable.Range(0, random.Next(1, 3)).Select(_ => Condition(all)).ToArray()).ToArray();
        var words = random.Next(3) == 0 ? string.Join(' ', Enumerable.Range(0, random.Next(1, 3)).Select(_ => random.Next(8) == 0 ? random.Next(5).ToString() : Part(Pick(Words)))) : "";
        return new(groups, words, random.Next(4) == 0 ? null : Pick([.. Kinds.Keys]), random.Next(2) == 0);
    }

    Condition Condition(Dictionary<string, string>[] tickets)
    {
        var (property, comparison) = (Pick([.. Kinds.Keys]), Pick(Operators));
        var (value, other) = (Value(tickets, property), Value(tickets, property));
        var kind = Kinds[property];
        switch (comparison)
        {
            case "HAS_PROPERTY" or "NOT_HAS_PROPERTY":
                return new(property, comparison);
            case "IN" or "NOT_IN":
                return new(property, comparison, Values: [value, .. Enumerable.Range(0, random.Next(12)).Select(_ => Value(tickets, property)), random.Next(2) == 0 ? other.ToLowerInvariant() : other]);
            case "BETWEEN":
                return NaiveSearch.Compare(kind, value, other) > 0 ? new(property, comparison, other, value) : new(property, comparison, value, other);
            case "CONTAINS_TOKEN" or "NOT_CONTAINS_TOKEN" when kind is not (Comparison.Number or Comparison.Moment):
                return new(property, comparison, random.Next(12) == 0 ? Pick("*", " * ", "* *", "-", "**", "") : random.Next(2) == 0 ? value : Pattern(random.Next(3) == 0 ? Pick(Words) : value));
            case "CONTAINS_TOKEN" or "NOT_CONTAINS_TOKEN" when random.Next(5) == 0:
                return new(property, comparison, "*");
            default:
                return new(property, comparison, kind == Comparison.Text && random.Next(3) == 0 ? value.ToUpperInvariant() : value);
        }
    }

    string Value(Dictionary<string, string>[] tickets, string property)
    {
        if (tickets.Length > 0 && random.Next(5) > 0 && tickets[random.Next(tickets.Length)].GetValueOrDefault(property) is { Length: > 0 } value)
        {
            return Kinds[property] == Comparison.Set && random.Next(3) > 0 ? Pick(value.Split(';')) : value;
        }

        return Kinds[property] switch
        {
            Comparison.Number => Number(),
            Comparison.Moment => Pick("2026-03-12", "2026-03-14T09:26:53.589Z", "1773480413589", "2026-02-02T00:00:00Z", "-1"),
            _ when property is "urgent" or "hs_is_closed" => Pick("true", "false"),
            _ when random.Next(8) == 0 => "",
            Comparison.Text => Text(),
            _ => Pick("a", "b;c", "red", "7", "LOW", "low", "1", "INTEGRATION", "PRODUCT_ISSUE"),
        };
    }

    string Text() => random.Next(8) switch
    {
        0 => $"Ticket #{random.Next(40)}",
        1 => new string('l', 126) + Pick("ab", "ac", "abx", "aby"),
        2 => new string('l', 128) + Pick("", "a", "b"),
        3 => Pick(Words),
        _ => string.Join(Pick(" ", " ", ", ", "-", "😀"), Enumerable.Range(0, random.Next(1, 5)).Select(_ => Pick(Words))),
    };

    string Number() => random.Next(2) == 0
        ? Pick("0", "-0", "1", "-1", "860.00", "860", "1e5", "100000", "-2.5", "1e999", "-1e999", "0.1", "1e-999", "+5", ".5", "10000000003")
        // Some of each line have the same double.
        : Pick(
            "9007199254740992", "9007199254740993", "9007199254740993.0", "9007199254740992.5", "9007199254740994", "9.007199254740993e15",
            "7615917337495251231", "7615917337495251230", "7615917337495251231.00", "-7615917337495251231", "-7615917337495251230", "7615917337495251000",
            "0.1000000000000000055511151231257827", "0.10", "1e-1", "0.100000000000000005551115123125782702118158340454101562", "0.09999999999999999999999999",
            "1e1000", "1.0e999", "10e998", "1e309", "1e310", "-1e1000", "1e-1000", "-1e-1000", "0.0", "0e5", "-0.00000000000000000000");

    // The beginning of a word, with no half of a character.
    string Part(string word)
    {
        var runes = word.EnumerateRunes().ToArray();
        return string.Concat(runes.Take(random.Next(1, runes.Length + 1)));
    }

    string Pattern(string value)
    {
        var runes = value.EnumerateRunes().ToList();
        for (var stars = random.Next(1, 3); stars > 0; stars--)
        {
            var at = random.Next(runes.Count + 1);
            runes.RemoveRange(at, Math.Min(random.Next(3), runes.Count - at));
            runes.Insert(at, new('*'));
        }

        return string.Concat(runes);
    }

    T Pick<T>(params T[] from) => from[random.Next(from.Length)];
}
