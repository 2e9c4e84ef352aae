using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;

namespace Docket.Index;

/// <summary>The ids of a page, and how many records match in all.</summary>
internal sealed record IndexPage(long Total, ImmutableArray<long> Ids, SearchCursor? Last)
{
    /// <summary>Sequence number of the newest change that the index held.</summary>
    public long Position { get; init; }

    /// <summary>When it was searched, milliseconds since 1970.</summary>
    public long Time { get; init; }
}

/// <summary>
/// One search on an index: each filter becomes a set of documents for each chunk, groups and words combine them, and the
/// page is picked by a column. Takes the time of a walk over the columns that it names, whatever it finds.
/// </summary>
/// <param name="index">The index, which nobody changes meanwhile.</param>
/// <param name="reader">The search's connection to the index file.</param>
/// <param name="query">What is looked for.</param>
/// <param name="sources">What the numbers of sources stand for.</param>
/// <param name="readValue">The stored value of a property of a record, as the index has it: decides where the first eight bytes of texts are equal, or numbers by their keys.</param>
/// <param name="now">Milliseconds since 1970, for times that still run.</param>
internal sealed class IndexSearch(
    SearchIndex index, IndexReader reader, SearchQuery query, Sources sources, Func<long, Property, byte[]> readValue, long now)
{
    /// <summary>Puts the documents of a chunk that meet a condition into an empty set.</summary>
    delegate void Condition(int chunk, DocSet into);

    readonly IndexColumns columns = new(index, reader, query.Schema, sources, now);
    byte[] scratch = new byte[256];

    public IndexPage Run()
    {
        var matches = FindMatches();
        long total = 0;
        foreach (var set in matches)
        {
            total += set.Count();
        }

        var page = query.Sort is null ? InOrderOfCreation(matches) : InOrderOf(query.Sort, matches);
        var ids = page.Documents.Select(document => index.IdOf(document, reader.Column)).ToImmutableArray();
        return new(total, ids, ids.IsEmpty || page.IsLast ? null : new(ids[^1], page.LastValue));
    }

    // ---- which documents

    DocSet[] FindMatches()
    {
        var live = Gather(SearchIndex.Live, []);
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

    Condition Compile(SearchFilter filter) => filter.Operator switch
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

    Condition HasValue(Property property) => (chunk, into) => InRange(columns.Keys(property, chunk), 1, ulong.MaxValue, into);

    static Condition Not(Condition condition) => (chunk, into) =>
    {
        condition(chunk, into);
        into.Negate(); // of documents that don't exist, too: none of them is active
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

    Condition EqualsAny(SearchFilter filter)
    {
        var property = filter.Property;
        switch (Key.FormOf(property))
        {
            case Form.Set when property.Derivation == Derivation.None:
                var parts = new DocSet?[index.Chunks];
                foreach (var value in filter.Values)
                {
                    Gather(property.Number, Encoding.UTF8.GetBytes(value.Text), parts);
                }

                return From(parts);
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

    // A number that its key doesn't say exactly has a hash, and is found by that alone.
    Condition EqualsAnyNumber(Property property, ImmutableArray<SearchValue> numbers)
    {
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
        hashes.Remove(0); // an empty text is no value
        return (chunk, into) => InSet(columns.Hashes(property, chunk), hashes, into);
    }

    // Found by the ids' order, without looking at the other documents.
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

    // Lower and upper bound, each with whether it is inside.
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
            // The keys tell the first eight bytes only: at the bounds the texts themselves decide.
            for (var doc = into.Next(0); doc >= 0; doc = into.Next(doc + 1))
            {
                if (((lowText is not null && keys[doc] == lowKey) || (highText is not null && keys[doc] == highKey))
                    && !IsInside(TextOf((chunk << DocSet.Bits) + doc, property)))
                {
                    into.Remove(doc);
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
        // Of the numbers with the key of a bound, those that the key says exactly are all the same one.
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
                if (keys[doc] >= lowKey && keys[doc] <= highKey && NumberOf((chunk << DocSet.Bits) + doc, property) is var number && IsAbove(number) && IsBelow(number))
                {
                    into.Add(doc);
                }
            }
        };

        bool IsAbove(ExactNumber number) => low is null || (number.CompareTo(lowest) is var order && (lowInside ? order >= 0 : order > 0));

        bool IsBelow(ExactNumber number) => high is null || (number.CompareTo(highest) is var order && (highInside ? order <= 0 : order < 0));
    }

    // The texts of a property that has few, as they are compared.
    IEnumerable<string> KnownTexts(Property property) =>
        columns.KnownValues(property).Distinct().Select(known => Key.FormOf(property) == Form.Text ? known.ToLowerInvariant() : known);

    Condition HasTokens(SearchFilter filter)
    {
        var property = filter.Property;
        if (filter.Values.IsEmpty)
        {
            return (_, _) => { }; // a needle without a token: nothing holds it
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
            Form.Set => From(GatherFitting(property.Number, [], term => HoldsToken(term, pattern))),
            _ => From(GatherFitting(property.Number, pattern, term => Words.Fits(term, pattern))),
        };
    }

    // Values that are no options any more are read from their records: there are few.
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
            for (var doc = other.Next(0); doc >= 0; doc = other.Next(doc + 1))
            {
                if (HoldsToken(TextOf((chunk << DocSet.Bits) + doc, property), pattern))
                {
                    into.Add(doc);
                }
            }
        };
    }

    // What a word of a query is looked for in (reference/properties-pipelines-search-associations.md 4.5).
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
        reader.Term.Bind(property).Bind(term);
        while (reader.Term.Step())
        {
            var chunk = (int)reader.Term.Integer(0);
            if (index.Postings.Loaded(property, chunk, term) is null)
            {
                Posting.OrInto(reader.Term.Blob(1), into[chunk] ??= new());
            }
        }

        for (var chunk = 0; chunk < into.Length; chunk++)
        {
            index.Postings.Loaded(property, chunk, term)?.OrInto(into[chunk] ??= new());
        }

        return into;
    }

    // All terms that fit, beginning with what stands before the first star of a pattern.
    DocSet?[] GatherFitting(int property, ReadOnlySpan<byte> pattern, TermTest fits)
    {
        var sets = new DocSet?[index.Chunks];
        var beginning = pattern.IndexOf((byte)'*') is var star and >= 0 ? pattern[..star] : pattern;
        reader.Terms.Bind(property).Bind(beginning).Bind([.. beginning, 0xff]);
        while (reader.Terms.Step())
        {
            var term = reader.Terms.Blob(0);
            if (!fits(term))
            {
                continue;
            }

            var chunk = (int)reader.Terms.Integer(1);
            var set = sets[chunk] ??= new();
            if (index.Postings.Loaded(property, chunk, term) is { } newer)
            {
                newer.OrInto(set);
            }
            else
            {
                Posting.OrInto(reader.Terms.Blob(2), set);
            }
        }

        foreach (var (term, chunk, posting) in index.Postings.Unsaved(property))
        {
            if (fits(term))
            {
                posting.OrInto(sets[chunk] ??= new());
            }
        }

        return sets;
    }

    delegate bool TermTest(ReadOnlySpan<byte> term);

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

    // ---- which of them, in which order

    /// <param name="Documents">The page.</param>
    /// <param name="IsLast">Nothing comes after it.</param>
    /// <param name="LastValue">What its last document is ordered by.</param>
    readonly record struct Page(List<int> Documents, bool IsLast, ReadOnlyMemory<byte>? LastValue);

    Page InOrderOfCreation(DocSet[] matches)
    {
        var (from, skip) = query.After is { } after ? (index.FirstAfter(after.Id, reader.Column), 0) : (0, query.Skip);
        var documents = new List<int>();
        for (var chunk = from >> DocSet.Bits; chunk < matches.Length; chunk++)
        {
            var set = matches[chunk];
            var first = chunk == from >> DocSet.Bits ? from & (DocSet.Size - 1) : 0;
            if (first == 0 && skip > 0 && set.Count() is var count && count <= skip)
            {
                skip -= count;
                continue;
            }

            for (var doc = set.Next(first); doc >= 0; doc = set.Next(doc + 1))
            {
                if (skip > 0)
                {
                    skip--;
                }
                else if (documents.Count == query.Limit)
                {
                    return new(documents, false, null);
                }
                else
                {
                    documents.Add((chunk << DocSet.Bits) + doc);
                }
            }
        }

        return new(documents, true, null);
    }

    Page InOrderOf(SearchSort sort, DocSet[] matches)
    {
        var isText = sort.Property.Derivation == Derivation.None && Key.FormOf(sort.Property) is Form.Text or Form.Exact or Form.Set;
        var start = query.After is { } cursor ? new Start(this, sort, isText, cursor, index.FirstAfter(cursor.Id, reader.Column)) : null;
        var isApproximate = isText || (Key.FormOf(sort.Property) == Form.Number && Enumerable.Range(0, index.Chunks).Any(chunk => !columns.Hashes(sort.Property, chunk).IsEmpty));
        var (skip, limit) = (start is null ? query.Skip : 0, query.Limit + 1); // one more tells whether there is a next page
        var first = Smallest(sort, matches, start, skip + limit, out _);
        if (first.Count <= skip)
        {
            return new([], true, null);
        }

        var page = first[skip..];
        if (isApproximate)
        {
            page = Exactly(sort, isText, matches, start, page, skip, limit);
        }

        var isLast = page.Count < limit;
        var documents = page.Take(query.Limit).Select(place => place.Document).ToList();
        return new(documents, isLast, isLast ? null : LastValue(sort, isText, page[query.Limit - 1]));
    }

    /// <summary>Where a document stands: by its key, turned around when the order descends; without a value last.</summary>
    readonly record struct Place(ulong Order, int Document) : IComparable<Place>
    {
        public const ulong Unset = ulong.MaxValue;

        public static ulong OrderOf(ulong key, bool descending) => key == 0 ? Unset : descending ? ~key : key;

        public int CompareTo(Place other) => Order != other.Order ? Order.CompareTo(other.Order) : Document.CompareTo(other.Document);
    }

    /// <summary>The place that a cursor stands for.</summary>
    sealed class Start(IndexSearch search, SearchSort sort, bool isText, SearchCursor cursor, int firstAfter)
    {
        readonly ulong order = cursor.Value is not { } value ? Place.Unset
            : Place.OrderOf(
                isText ? Key.OfText(value.Span) : BinaryPrimitives.TryReadUInt64BigEndian(value.Span, out var key) ? key : throw Bad(),
                sort.Descending);

        // Behind the key, where it doesn't say all of the number.
        readonly ExactNumber? number = isText || cursor.Value is not { Length: > sizeof(ulong) } all ? null
            : PropertyValues.IsNumber(all.Span[sizeof(ulong)..]) ? ExactNumber.Parse(all.Span[sizeof(ulong)..]) : throw Bad();

        public bool IsBefore(Place place)
        {
            var isNumber = !isText && Key.FormOf(sort.Property) == Form.Number;
            if (place.Order != order || order == Place.Unset || (!isText && !isNumber))
            {
                return place.Order > order || (place.Order == order && place.Document >= firstAfter);
            }

            var comparison = isText ? search.OrderTextOf(place.Document, sort.Property).SequenceCompareTo(cursor.Value!.Value.Span)
                : number is null && search.ExactAt(place.Document, sort.Property) == 0 ? 0
                : search.NumberOf(place.Document, sort.Property).CompareTo(number ?? ExactNumber.Of(Key.ToNumber(sort.Descending ? ~order : order)));
            return comparison == 0 ? place.Document >= firstAfter : comparison > 0 != sort.Descending;
        }

        static Refusal Bad() => new(Faults.BadBodyParameter("after"));
    }

    // The first places in order. Most documents are behind the last of them and cost a comparison.
    List<Place> Smallest(SearchSort sort, DocSet[] matches, Start? start, int wanted, out Place bound)
    {
        var places = new List<Place>(wanted * 2 + 4096);
        bound = new(ulong.MaxValue, int.MaxValue);
        for (var turn = 0; turn < matches.Length; turn++)
        {
            // Dates grow with the documents: so the first places are met first in either direction.
            var chunk = sort.Descending ? matches.Length - 1 - turn : turn;
            var set = matches[chunk];
            var keys = columns.Keys(sort.Property, chunk);
            for (var doc = set.Next(0); doc >= 0; doc = set.Next(doc + 1))
            {
                var place = new Place(Place.OrderOf(doc < keys.Length ? keys[doc] : 0, sort.Descending), (chunk << DocSet.Bits) + doc);
                if (place.CompareTo(bound) > 0 || start?.IsBefore(place) == false)
                {
                    continue;
                }

                places.Add(place);
                if (places.Count == places.Capacity)
                {
                    Keep(ref bound);
                }
            }
        }

        Keep(ref bound);
        return places;

        void Keep(ref Place last)
        {
            places.Sort();
            if (places.Count > wanted)
            {
                places.RemoveRange(wanted, places.Count - wanted);
            }

            if (places.Count == wanted)
            {
                last = places[^1];
            }
        }
    }

    // The same page by the texts or numbers themselves: of all documents with the keys of the page's.
    List<Place> Exactly(SearchSort sort, bool isText, DocSet[] matches, Start? start, List<Place> page, int skip, int limit)
    {
        var (low, high) = (page[0].Order, page[^1].Order);
        var (before, same) = (0, new List<Place>());
        for (var chunk = 0; chunk < matches.Length; chunk++)
        {
            var set = matches[chunk];
            var keys = columns.Keys(sort.Property, chunk);
            for (var doc = set.Next(0); doc >= 0; doc = set.Next(doc + 1))
            {
                var place = new Place(Place.OrderOf(doc < keys.Length ? keys[doc] : 0, sort.Descending), (chunk << DocSet.Bits) + doc);
                if (place.Order > high || place.Order == Place.Unset || start?.IsBefore(place) == false)
                {
                    continue;
                }

                if (place.Order < low)
                {
                    before++;
                }
                else
                {
                    same.Add(place);
                }
            }
        }

        same.Sort();
        var texts = new Dictionary<int, byte[]>();
        var numbers = new Dictionary<int, ExactNumber>();
        var comparer = Comparer<Place>.Create((a, b) =>
            (isText ? Text(a.Document).AsSpan().SequenceCompareTo(Text(b.Document)) : CompareNumbers(a.Document, b.Document)) is var order and not 0 ? sort.Descending ? -order : order : a.Document.CompareTo(b.Document));
        for (var from = 0; from < same.Count;)
        {
            var to = from + 1;
            while (to < same.Count && same[to].Order == same[from].Order)
            {
                to++;
            }

            if (to > from + 1)
            {
                same.Sort(from, to - from, comparer);
            }

            from = to;
        }

        // Those without a value need no text: they are in order already.
        return [.. same.Skip(skip - before).Concat(page.Where(place => place.Order == Place.Unset)).Take(limit)];

        byte[] Text(int document) => texts.TryGetValue(document, out var text) ? text : texts[document] = OrderTextOf(document, sort.Property).ToArray();

        // No record is read for those that their key, or the hash beside it, shows to be the same number.
        int CompareNumbers(int a, int b) => ExactAt(a, sort.Property) == ExactAt(b, sort.Property) ? 0 : Number(a).CompareTo(Number(b));

        ExactNumber Number(int document) => numbers.TryGetValue(document, out var number) ? number : numbers[document] = NumberOf(document, sort.Property);
    }

    ReadOnlyMemory<byte>? LastValue(SearchSort sort, bool isText, Place last)
    {
        if (last.Order == Place.Unset)
        {
            return null;
        }

        if (isText)
        {
            return OrderTextOf(last.Document, sort.Property).ToArray();
        }

        var key = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(key, sort.Descending ? ~last.Order : last.Order);
        return ExactAt(last.Document, sort.Property) == 0 ? key : (byte[])[.. key, .. NumberOf(last.Document, sort.Property).ToUtf8()];
    }

    ulong ExactAt(int document, Property property) =>
        Key.FormOf(property) == Form.Number && columns.Hashes(property, document >> DocSet.Bits) is var exact && (document & (DocSet.Size - 1)) is var doc && doc < exact.Length ? exact[doc] : 0;

    // A number with all of its digits. Of a record that has just been deleted for good only the key is left.
    ExactNumber NumberOf(int document, Property property)
    {
        if (ExactAt(document, property) != 0 && readValue(index.IdOf(document, reader.Column), property.Origin ?? property) is { Length: > 0 } value && PropertyValues.IsNumber(value))
        {
            return ExactNumber.Parse(value);
        }

        var keys = columns.Keys(property, document >> DocSet.Bits);
        return ExactNumber.Of(Key.ToNumber(keys[document & (DocSet.Size - 1)]));
    }

    // A stored text as it is compared. Valid until the next call.
    ReadOnlySpan<byte> TextOf(int document, Property property)
    {
        var value = readValue(index.IdOf(document, reader.Column), property);
        return Key.FormOf(property) == Form.Text ? Words.ToLower(value, ref scratch) : value;
    }

    // As much of it as decides its order. Of a record that has just been merged or deleted for good the index may know what the
    // portal's file has no longer: its first bytes.
    ReadOnlySpan<byte> OrderTextOf(int document, Property property)
    {
        var text = TextOf(document, property);
        if (text.IsEmpty && columns.Keys(property, document >> DocSet.Bits) is var keys && keys[document & (DocSet.Size - 1)] is not 0 and var key)
        {
            BinaryPrimitives.WriteUInt64BigEndian(scratch, key);
            text = scratch.AsSpan(0, sizeof(ulong)).TrimEnd((byte)0);
        }

        return text[..Math.Min(text.Length, Key.TextMax)];
    }
}
