using System.Buffers.Binary;
using Docket.Model;
using Docket.Writes;

namespace Docket.Index;

/// <summary>Selects and orders the page of a search: by one column, and by the values themselves if keys are equal.</summary>
internal sealed class IndexOrder(SearchIndex index, IndexReader reader, SearchQuery query, IndexColumns columns, StoredValues stored)
{
    /// <param name="Documents">The page.</param>
    /// <param name="IsLast">Whether there is no next page.</param>
    /// <param name="LastValue">The sort value of the last document.</param>
    public readonly record struct Page(List<int> Documents, bool IsLast, ReadOnlyMemory<byte>? LastValue);

    public Page Pick(DocSet[] matches) => query.Sort is null ? InOrderOfCreation(matches) : InOrderOf(query.Sort, matches);

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
        var start = query.After is { } cursor ? new Start(stored, sort, isText, cursor, index.FirstAfter(cursor.Id, reader.Column)) : null;
        var isApproximate = isText || (Key.FormOf(sort.Property) == Form.Number && Enumerable.Range(0, index.Chunks).Any(chunk => !columns.Hashes(sort.Property, chunk).IsEmpty));
        if (isApproximate && start is not null)
        {
            start.Read(SameAs(start, sort, matches));
        }

        var (skip, limit) = (start is null ? query.Skip : 0, query.Limit + 1); // one more shows whether there is a next page
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

    /// <summary>The place of a document in the order: by its key, inverted for descending order; without a value last.</summary>
    readonly record struct Place(ulong Order, int Document) : IComparable<Place>
    {
        public const ulong Unset = ulong.MaxValue;

        public static ulong OrderOf(ulong key, bool descending) => key == 0 ? Unset : descending ? ~key : key;

        public int CompareTo(Place other) => Order != other.Order ? Order.CompareTo(other.Order) : Document.CompareTo(other.Document);
    }

    /// <summary>The place of a cursor.</summary>
    sealed class Start(StoredValues stored, SearchSort sort, bool isText, SearchCursor cursor, int firstAfter)
    {
        readonly ulong order = cursor.Value is not { } value ? Place.Unset
            : Place.OrderOf(
                isText ? Key.OfText(value.Span) : BinaryPrimitives.TryReadUInt64BigEndian(value.Span, out var key) ? key : throw Bad(),
                sort.Descending);

        // After the key, if the key isn't exact.
        readonly ExactNumber? number = isText || cursor.Value is not { Length: > sizeof(ulong) } all ? null
            : PropertyValues.IsNumber(all.Span[sizeof(ulong)..]) ? ExactNumber.Parse(all.Span[sizeof(ulong)..]) : throw Bad();

        readonly bool isNumber = !isText && Key.FormOf(sort.Property) == Form.Number;

        /// <summary>Whether the document's value must be compared with the cursor's.</summary>
        public bool IsSame(Place place) => place.Order == order && order != Place.Unset && (isText || isNumber);

        /// <summary>Reads the values of documents with the cursor's key.</summary>
        public void Read(IEnumerable<int> documents)
        {
            if (isText)
            {
                stored.ReadTexts(documents, sort.Property);
            }
            else
            {
                stored.ReadNumbers(documents, sort.Property);
            }
        }

        public bool IsBefore(Place place)
        {
            if (!IsSame(place))
            {
                return place.Order > order || (place.Order == order && place.Document >= firstAfter);
            }

            var comparison = isText ? stored.OrderTextOf(place.Document, sort.Property).SequenceCompareTo(cursor.Value!.Value.Span)
                : number is null && stored.ExactAt(place.Document, sort.Property) == 0 ? 0
                : stored.NumberOf(place.Document, sort.Property).CompareTo(number ?? ExactNumber.Of(Key.ToNumber(sort.Descending ? ~order : order)));
            return comparison == 0 ? place.Document >= firstAfter : comparison > 0 != sort.Descending;
        }

        static Refusal Bad() => new(Faults.BadBodyParameter("after"));
    }

    List<int> SameAs(Start start, SearchSort sort, DocSet[] matches)
    {
        var documents = new List<int>();
        for (var chunk = 0; chunk < matches.Length; chunk++)
        {
            var set = matches[chunk];
            var keys = columns.Keys(sort.Property, chunk);
            for (var doc = set.Next(0); doc >= 0; doc = set.Next(doc + 1))
            {
                var document = (chunk << DocSet.Bits) + doc;
                if (start.IsSame(new(Place.OrderOf(doc < keys.Length ? keys[doc] : 0, sort.Descending), document)))
                {
                    documents.Add(document);
                }
            }
        }

        return documents;
    }

    // The first places in order. Most documents come after the last of them and cost one comparison.
    List<Place> Smallest(SearchSort sort, DocSet[] matches, Start? start, int wanted, out Place bound)
    {
        var places = new List<Place>(wanted * 2 + 4096);
        bound = new(ulong.MaxValue, int.MaxValue);
        for (var turn = 0; turn < matches.Length; turn++)
        {
            // Dates usually increase with document numbers, so walk in the direction that meets the first places first.
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

    // The same page by the texts or numbers themselves: of all documents with the keys on the page.
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
                Read(same.Skip(from).Take(to - from).Select(place => place.Document).ToList());
                same.Sort(from, to - from, comparer);
            }

            from = to;
        }

        // Documents without a value need no text: they are already in order.
        return [.. same.Skip(skip - before).Concat(page.Where(place => place.Order == Place.Unset)).Take(limit)];

        void Read(List<int> documents)
        {
            if (isText)
            {
                stored.ReadTexts(documents, sort.Property);
            }
            else if (documents.Exists(document => stored.ExactAt(document, sort.Property) != stored.ExactAt(documents[0], sort.Property)))
            {
                stored.ReadNumbers(documents, sort.Property);
            }
        }

        byte[] Text(int document) => texts.TryGetValue(document, out var text) ? text : texts[document] = stored.OrderTextOf(document, sort.Property).ToArray();

        // No record is read if its key, or the hash next to it, shows the same number.
        int CompareNumbers(int a, int b) => stored.ExactAt(a, sort.Property) == stored.ExactAt(b, sort.Property) ? 0 : Number(a).CompareTo(Number(b));

        ExactNumber Number(int document) => numbers.TryGetValue(document, out var number) ? number : numbers[document] = stored.NumberOf(document, sort.Property);
    }

    ReadOnlyMemory<byte>? LastValue(SearchSort sort, bool isText, Place last)
    {
        if (last.Order == Place.Unset)
        {
            return null;
        }

        if (isText)
        {
            return stored.OrderTextOf(last.Document, sort.Property).ToArray();
        }

        var key = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(key, sort.Descending ? ~last.Order : last.Order);
        return stored.ExactAt(last.Document, sort.Property) == 0 ? key : (byte[])[.. key, .. stored.NumberOf(last.Document, sort.Property).ToUtf8()];
    }
}
