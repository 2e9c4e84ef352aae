using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;

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
    SearchIndex index, IndexReader reader, SearchQuery query, SourceNumbers sources, Func<long, Property, byte[]> readValue, long now)
{
    public IndexPage Run()
    {
        var columns = new IndexColumns(index, reader, query.Schema, sources, now);
        var stored = new StoredValues(index, reader, columns, readValue);
        var matches = new IndexMatches(index, reader, query, columns, stored).Find();
        long total = 0;
        foreach (var set in matches)
        {
            total += set.Count();
        }

        var page = new IndexOrder(index, reader, query, columns, stored).Pick(matches);
        var ids = page.Documents.Select(document => index.IdOf(document, reader.Column)).ToImmutableArray();
        return new(total, ids, ids.IsEmpty || page.IsLast ? null : new(ids[^1], page.LastValue));
    }
}
