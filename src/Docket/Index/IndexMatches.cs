using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text;
using Docket.Model;

namespace Docket.Index;

/// <summary>Finds the matching records: each filter becomes a set of documents for each chunk, and groups and words combine them.</summary>
internal sealed class IndexMatches(SearchIndex index, IndexReader reader, SearchQuery query, IndexColumns columns, StoredValues stored)
{
    /// <summary>Adds the documents of a chunk that match a condition to an empty set.</summary>
    delegate void Condition(int chunk, DocSet into);

    byte[] scratch = new byte[256];

    /// <summary>The active records of the type that match, one set for each chunk.</summary>
    public DocSet[] Find()
    {
        var live = Gather(SearchIndex.Live, SearchIndex.TermOf(query.Schema.Type.Number));
        var groups = query.Groups.Select(group => group.Select(Compile).ToArray()).ToArray();
        var words = query.Words.Select(StartsTokens).ToArray();
        var matches = new DocSet[index.Chunks];
        var (group, met) = (new DocSet(), new DocSet());
        for (var chunk = 0; chunk < matches.Length; chunk++)
        {
            var set = matches[chunk] = live[chunk] ?? new DocSet();
            foreach (var word in words)
            {
                Restrict(set, word, chunk, met);
            }

            if (groups.Length == 0)
            {
                continue;
            }

            var any = new DocSet();
            foreach (var filters in groups)
            {
                group.Become(set);
                foreach (var filter in filters)
                {
                    Restrict(group, filter, chunk, met);
                }

                any.Or(group);
            }

            matches[chunk] = any;
        }

        return matches;
    }

    static void Restrict(DocSet set, Condition condition, int chunk, DocSet scratch)
    {
        scratch.Clear();
        condition(chunk, scratch);
        set.And(scratch);
    }

    Condition Compile(SearchFilter filter) => filter.TiedTo is { } other ? CompileTies(filter, other) : filter.Operator switch
    {
        SearchOperator.HasProperty => HasValue(filter.Property),
        SearchOperator.NotHasProperty => Not(HasValue(filter.Property)),
        SearchOperator.Eq or SearchOperator.In => EqualsAny(filter),
        SearchOperator.Neq or SearchOperator.NotIn => NotButUnset(filter.Property, EqualsAny(filter)),
        SearchOperator.ContainsToken => HasTokens(filter),
        SearchOperator.NotContainsToken => NotButUnset(filter.Property, HasTokens(filter)),
        SearchOperator.Lt => InOrder(filter.Property, null, false, filter.Values[0], false),
        SearchOperator.Lte => InOrder(filter.Property, null, false, filter.Values[0], true),
        SearchOperator.Gt => InOrder(filter.Property, filter.Values[0], false, null, false),
        SearchOperator.Gte => InOrder(filter.Property, filter.Values[0], true, null, false),
        _ => InOrder(filter.Property, filter.Values[0], true, filter.Values[1], true),
    };

    // Negated ones include records without associations (reference/objects-other-than-tickets.md 8.8 [decide]).
    Condition CompileTies(SearchFilter filter, int other) => filter.Operator switch
    {
        SearchOperator.HasProperty => From(Gather(SearchIndex.Ties, SearchIndex.TieTerm(other))),
        SearchOperator.NotHasProperty => Not(From(Gather(SearchIndex.Ties, SearchIndex.TieTerm(other)))),
        SearchOperator.In => TiedToAny(filter.Values, other),
        _ => Not(TiedToAny(filter.Values, other)),
    };

    Condition TiedToAny(ImmutableArray<SearchValue> ids, int other)
    {
        var found = new DocSet?[index.Chunks];
        var active = Gather(SearchIndex.Live, SearchIndex.TermOf(other));
        foreach (var value in ids)
        {
            // An archived record is not associated with anything until it is restored.
            if (Record.ParseId(Encoding.UTF8.GetBytes(value.Text)) is { } id && index.Find(id, reader.Column) is var document and >= 0
                && active[document >> DocSet.Bits]?.Contains(document & (DocSet.Size - 1)) == true)
            {
                Gather(SearchIndex.Ties, SearchIndex.TieTerm(other, id), found);
            }
        }

        return From(found);
    }

    Condition HasValue(Property property) => (chunk, into) => InRange(columns.Keys(property, chunk), 1, ulong.MaxValue, into);

    static Condition Not(Condition condition) => (chunk, into) =>
    {
        condition(chunk, into);
        into.Negate(); // includes documents that don't exist or are of another type: none of them is active here
    };

    Condition NotButUnset(Property property, Condition condition)
    {
        var not = Not(condition);
        return SearchFilter.NegationsMeetUnset ? not : Both([not, HasValue(property)]);
    }

    static Condition Both(Condition[] conditions) => (chunk, into) =>
    {
        conditions[0](chunk, into);
        var other = new DocSet();
        foreach (var condition in conditions.AsSpan(1))
        {
            Restrict(into, condition, chunk, other);
        }
    };

    static Condition Either(Condition[] conditions) => (chunk, into) =>
    {
        var other = new DocSet();
        foreach (var condition in conditions)
        {
            other.Clear();
            condition(chunk, other);
            into.Or(other);
        }
    };

    static Condition From(DocSet?[] sets) => (chunk, into) =>
    {
        if (sets[chunk] is { } set)
        {
            into.Become(set);
        }
    };

    // A unique property with further values in another one equals any of them (reference/objects-other-than-tickets.md 2.3).
    Condition EqualsAny(SearchFilter filter) => filter.Property.More is { Unique: true } more
        ? Either([EqualsAnyOfOne(filter), EqualsAnyOfOne(filter with { Property = more })])
        : EqualsAnyOfOne(filter);

    Condition EqualsAnyOfOne(SearchFilter filter)
    {
        var property = filter.Property;
        switch (Key.FormOf(property))
        {
            case Form.Set when property.Derivation == Derivation.None:
                var parts = new DocSet?[index.Chunks];
                foreach (var value in filter.Values)
                {
                    Gather(SearchIndex.Terms(property), Encoding.UTF8.GetBytes(value.Text), parts);
                }

                return From(parts);
            case Form.Set when property.Derivation == Derivation.AllIds:
                var own = WithIds(filter.Values.Select(value => Record.ParseId(Encoding.UTF8.GetBytes(value.Text))).OfType<long>());
                return Either([From(own), EqualsAny(filter with { Property = columns.Schema.MergedIds })]);
            case Form.Number when property.Derivation == Derivation.RecordId:
                return From(WithIds(filter.Values.Where(value => ExactOf(value) == 0 && value.Number is >= 0 and < long.MaxValue && value.Number == Math.Floor(value.Number)).Select(value => (long)value.Number)));
            case Form.Number:
                return EqualsAnyNumber(property, filter.Values);
            case Form.Moment:
                var keys = filter.Values.Select(value => Key.OfNumber(value.Number)).ToHashSet();
                return (chunk, into) => InSet(columns.Keys(property, chunk), keys, into);
            default:
                return HasHash(property, filter.Values.Select(value => value.Text));
        }
    }

    // A number with an inexact key has a hash, and only the hash identifies it.
    Condition EqualsAnyNumber(Property property, ImmutableArray<SearchValue> numbers)
    {
        if (SearchIndex.HasPostings(property))
        {
            return HasAny(property, numbers.Select(number => SearchIndex.TermOf(Key.OfNumber(number.Number), ExactOf(number))));
        }

        var keys = numbers.Where(number => ExactOf(number) == 0).Select(number => Key.OfNumber(number.Number)).ToHashSet();
        var hashes = numbers.Select(ExactOf).Where(hash => hash != 0).ToHashSet();
        return (chunk, into) =>
        {
            InSet(columns.Keys(property, chunk), keys, into);
            var exact = columns.Hashes(property, chunk);
            for (var doc = 0; doc < exact.Length; doc++)
            {
                if (exact[doc] != 0)
                {
                    into.Remove(doc);
                }
            }

            InSet(exact, hashes, into);
        };
    }

    ulong ExactOf(SearchValue number) => index.Exact(Encoding.UTF8.GetBytes(number.Text));

    Condition HasHash(Property property, IEnumerable<string> texts)
    {
        var hashes = texts.Select(text => index.Hash(Encoding.UTF8.GetBytes(text))).ToHashSet();
        hashes.Remove(0); // an empty text is not a value
        if (SearchIndex.HasPostings(property))
        {
            return HasAny(property, hashes.Select(SearchIndex.TermOf));
        }

        return (chunk, into) => InSet(columns.Hashes(property, chunk), hashes, into);
    }

    // By postings of whole values.
    Condition HasAny(Property property, IEnumerable<byte[]> terms)
    {
        var found = new DocSet?[index.Chunks];
        foreach (var term in terms)
        {
            Gather(SearchIndex.WholeValues(property), term, found);
        }

        return From(found);
    }

    // Found by the order of ids, without looking at other documents.
    DocSet?[] WithIds(IEnumerable<long> ids)
    {
        var sets = new DocSet?[index.Chunks];
        foreach (var id in ids)
        {
            if (index.Find(id, reader.Column) is var document and >= 0)
            {
                (sets[document >> DocSet.Bits] ??= new()).Add(document & (DocSet.Size - 1));
            }
        }

        return sets;
    }

    // Lower and upper bound, each with whether it is inclusive.
    Condition InOrder(Property property, SearchValue? low, bool lowInside, SearchValue? high, bool highInside)
    {
        if (Key.FormOf(property) == Form.Number)
        {
            return InOrderOfNumbers(property, low, lowInside, high, highInside);
        }

        if (Key.FormOf(property) == Form.Moment)
        {
            var from = low is { } lowest ? Key.OfNumber(lowest.Number) + (lowInside ? 0UL : 1) : 1;
            var to = high is { } highest ? Key.OfNumber(highest.Number) - (highInside ? 0UL : 1) : ulong.MaxValue;
            return (chunk, into) => InRange(columns.Keys(property, chunk), from, to, into);
        }

        var (lowText, highText) = (low is { } l ? Encoding.UTF8.GetBytes(l.Text) : null, high is { } h ? Encoding.UTF8.GetBytes(h.Text) : null);
        if (property.Derivation != Derivation.None)
        {
            return HasHash(property, KnownTexts(property).Where(known => IsInside(Encoding.UTF8.GetBytes(known))));
        }

        var (lowKey, highKey) = (lowText is null ? 1 : Math.Max(1, Key.OfText(lowText)), highText is null ? ulong.MaxValue : Key.OfText(highText));
        return (chunk, into) =>
        {
            var keys = columns.Keys(property, chunk);
            InRange(keys, lowKey, highKey, into);
            // Keys contain only the first eight bytes: at the bounds, compare the texts themselves.
            var atBounds = new List<int>();
            for (var doc = into.Next(0); doc >= 0; doc = into.Next(doc + 1))
            {
                if ((lowText is not null && keys[doc] == lowKey) || (highText is not null && keys[doc] == highKey))
                {
                    atBounds.Add((chunk << DocSet.Bits) + doc);
                }
            }

            stored.ReadTexts(atBounds, property);
            foreach (var document in atBounds)
            {
                if (!IsInside(stored.TextOf(document, property)))
                {
                    into.Remove(document & (DocSet.Size - 1));
                }
            }
        };

        bool IsInside(ReadOnlySpan<byte> text) =>
            (lowText is null || text.SequenceCompareTo(lowText) is var toLow && (lowInside ? toLow >= 0 : toLow > 0))
            && (highText is null || text.SequenceCompareTo(highText) is var toHigh && (highInside ? toHigh <= 0 : toHigh < 0));
    }

    Condition InOrderOfNumbers(Property property, SearchValue? low, bool lowInside, SearchValue? high, bool highInside)
    {
        var (lowKey, highKey) = (low is { } l ? Key.OfNumber(l.Number) : 1, high is { } h ? Key.OfNumber(h.Number) : ulong.MaxValue);
        var (lowest, highest) = (low is { } lo ? ExactNumber.Parse(lo.Text) : default, high is { } hi ? ExactNumber.Parse(hi.Text) : default);
        // Numbers with exact keys equal to the key of a bound are all the same number.
        var from = low is null || IsAbove(ExactNumber.Of(Key.ToNumber(lowKey))) ? lowKey : lowKey + 1;
        var to = high is null || IsBelow(ExactNumber.Of(Key.ToNumber(highKey))) ? highKey : highKey - 1;
        return (chunk, into) =>
        {
            var keys = columns.Keys(property, chunk);
            InRange(keys, from, to, into);
            var exact = columns.Hashes(property, chunk);
            for (var doc = 0; doc < exact.Length; doc++)
            {
                // The others with such a key are looked up.
                if (exact[doc] == 0 || ((low is null || keys[doc] != lowKey) && (high is null || keys[doc] != highKey)))
                {
                    continue;
                }

                into.Remove(doc);
                if (keys[doc] >= lowKey && keys[doc] <= highKey && stored.NumberOf((chunk << DocSet.Bits) + doc, property) is var number && IsAbove(number) && IsBelow(number))
                {
                    into.Add(doc);
                }
            }
        };

        bool IsAbove(ExactNumber number) => low is null || (number.CompareTo(lowest) is var order && (lowInside ? order >= 0 : order > 0));

        bool IsBelow(ExactNumber number) => high is null || (number.CompareTo(highest) is var order && (highInside ? order <= 0 : order < 0));
    }

    // The texts of a property that has few of them, in the compared form.
    IEnumerable<string> KnownTexts(Property property) =>
        columns.KnownValues(property).Distinct().Select(known => Key.FormOf(property) == Form.Text ? known.ToLowerInvariant() : known);

    Condition HasTokens(SearchFilter filter)
    {
        var property = filter.Property;
        if (filter.Values.IsEmpty)
        {
            return (_, _) => { }; // without a token, nothing matches
        }

        return Both([.. filter.Values.Select(value => value.Text == "*" ? HasValue(property) : HasToken(property, value))]);
    }

    Condition HasToken(Property property, SearchValue value)
    {
        var pattern = Encoding.UTF8.GetBytes(value.Text);
        return Key.FormOf(property) switch
        {
            Form.Number or Form.Moment => EqualsAny(new(property, SearchOperator.Eq, [value])),
            _ when property.Derivation != Derivation.None => HasHash(property, KnownTexts(property).Where(known => HoldsToken(Encoding.UTF8.GetBytes(known), pattern))),
            Form.Exact => OptionHasToken(property, pattern),
            Form.Set => From(GatherFitting(SearchIndex.Terms(property), [], term => HoldsToken(term, pattern))),
            _ => From(GatherFitting(SearchIndex.Terms(property), pattern, term => Words.Fits(term, pattern))),
        };
    }

    // Values that are no longer options are read from their records: there are few.
    Condition OptionHasToken(Property property, byte[] pattern)
    {
        var options = KnownTexts(property).ToArray();
        var fitting = HasHash(property, options.Where(option => HoldsToken(Encoding.UTF8.GetBytes(option), pattern)));
        var others = Both([HasValue(property), Not(HasHash(property, options))]);
        return (chunk, into) =>
        {
            fitting(chunk, into);
            var other = new DocSet();
            others(chunk, other);
            var documents = new List<int>();
            for (var doc = other.Next(0); doc >= 0; doc = other.Next(doc + 1))
            {
                documents.Add((chunk << DocSet.Bits) + doc);
            }

            stored.ReadTexts(documents, property);
            foreach (var document in documents)
            {
                if (HoldsToken(stored.TextOf(document, property), pattern))
                {
                    into.Add(document & (DocSet.Size - 1));
                }
            }
        };
    }

    // The properties that a word of a query is searched in (reference/properties-pipelines-search-associations.md 4.5).
    Condition StartsTokens(string word)
    {
        var tokens = new Words(Encoding.UTF8.GetBytes(word));
        var conditions = new List<Condition>();
        while (tokens.Next())
        {
            var beginning = new SearchValue(Encoding.UTF8.GetString(tokens.Current) + "*");
            conditions.Add(Either([.. query.SearchedProperties.Select(property => HasToken(property, beginning))]));
        }

        Condition inTokens = conditions.Count == 0 ? (_, _) => { } : Both([.. conditions]);
        return long.TryParse(word, NumberStyles.None, null, out var id) ? Either([inTokens, From(WithIds([id]))]) : inTokens;
    }

    bool HoldsToken(ReadOnlySpan<byte> value, ReadOnlySpan<byte> pattern)
    {
        var tokens = new Words(Words.ToLower(value, ref scratch));
        while (tokens.Next())
        {
            if (Words.Fits(tokens.Current, pattern))
            {
                return true;
            }
        }

        return false;
    }

    DocSet?[] Gather(int property, byte[] term, DocSet?[]? into = null)
    {
        into ??= new DocSet?[index.Chunks];
        index.Postings.Gather(reader.Block, property, term, into);
        return into;
    }

    // All matching terms that start with the text before the first star of a pattern.
    DocSet?[] GatherFitting(int property, ReadOnlySpan<byte> pattern, TermTest fits)
    {
        var into = new DocSet?[index.Chunks];
        var beginning = pattern.IndexOf((byte)'*') is var star and >= 0 ? pattern[..star] : pattern;
        index.Postings.Gather(reader.Block, property, beginning.ToArray(), fits, into);
        return into;
    }

    static void InRange(ReadOnlySpan<ulong> keys, ulong low, ulong high, DocSet into)
    {
        if (low > high)
        {
            return;
        }

        // low <= key <= high in one comparison; four keys at a time, sixteen times for a word.
        var (lows, spans) = (Vector256.Create(low), Vector256.Create(high - low));
        var words = into.Span;
        var whole = keys.Length & ~63;
        for (var at = 0; at < whole; at += 64)
        {
            ulong word = 0;
            for (var four = 0; four < 64; four += 4)
            {
                var inside = Vector256.LessThanOrEqual(Vector256.Create(keys.Slice(at + four, 4)) - lows, spans);
                word |= (ulong)inside.ExtractMostSignificantBits() << four;
            }

            words[at >> 6] |= word;
        }

        for (var at = whole; at < keys.Length; at++)
        {
            if (keys[at] - low <= high - low)
            {
                into.Add(at);
            }
        }
    }

    static void InSet(ReadOnlySpan<ulong> keys, HashSet<ulong> wanted, DocSet into)
    {
        const int Few = 8;
        if (wanted.Count <= Few)
        {
            foreach (var key in wanted)
            {
                InRange(keys, key, key, into);
            }

            return;
        }

        for (var at = 0; at < keys.Length; at++)
        {
            if (wanted.Contains(keys[at]))
            {
                into.Add(at);
            }
        }
    }
}
