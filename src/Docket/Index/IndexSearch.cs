using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>The ids of a page, and the total number of matching records.</summary>
internal sealed record IndexPage(long Total, ImmutableArray<long> Ids, SearchCursor? Last)
{
    /// <summary>Sequence number of the newest change in the index.</summary>
    public long Position { get; init; }

    /// <summary>The time of the search, milliseconds since 1970.</summary>
    public long Time { get; init; }
}

/// <summary>
/// One search in an index: each filter becomes a set of documents for each chunk, groups and words combine them, and a column
/// selects the page. Takes the time of a scan of its columns, whatever it finds.
/// </summary>
/// <param name="index">The index, which must not change during the search.</param>
/// <param name="reader">The search's connection to the index file.</param>
/// <param name="query">The query.</param>
/// <param name="sources">The sources by number.</param>
/// <param name="readValues">Reads the stored values of a property of records as of the index's position, if texts have the same first eight bytes or numbers have the same key.</param>
/// <param name="now">Milliseconds since 1970, for durations that have not ended.</param>
internal sealed class IndexSearch(
    SearchIndex index, IndexReader reader, SearchQuery query, SourceNumbers sources, ReadValues readValues, long now)
{
    public IndexPage Run()
    {
        var columns = new IndexColumns(index, reader, query.Schema, sources, now);
        var stored = new StoredValues(index, reader, columns, readValues);
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
