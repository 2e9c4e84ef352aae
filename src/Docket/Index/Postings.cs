using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The documents that contain each term: in segments, to which each save adds one, and in <see cref="ChangedTerms"/> since the last
/// save. Small segments are merged into larger ones later. To add or remove a document, nothing is looked up.
/// </summary>
internal sealed class Postings : IDisposable
{
    /// <summary>How many segments of about the same size become one. With more of them, merges are rarer and searches slower.</summary>
    const int MergeAt = 4;

    /// <summary>The largest of the smallest segments, in bytes. Those of each next size have up to <see cref="MergeAt"/> times as many.</summary>
    const long SmallMax = 4L << 20;

    /// <summary>Blocks that are deleted at once: about half a megabyte.</summary>
    const int DeleteStep = 32;

    readonly long seed;
    readonly BlockCache cache = new();
    readonly Statement finder, putBlock, putSegment, deleteSegment, deleteBlocks;

    // By property.
    ChangedTerms?[] changed = [];

    // Their blocks are deleted from the file, in steps.
    readonly Queue<Segment> replaced = [];
    int deleted;

    // The oldest first.
    Segment[] segments;
    Segment? saving;
    Merge? merge;
    int lastId, saved;

    public Postings(Connection connection, long seed)
    {
        this.seed = seed;
        segments = [.. ReadSegments(connection)];
        lastId = segments.Length == 0 ? 0 : segments.Max(segment => segment.Id);
        finder = connection.Prepare(BlockCache.FindSql);
        putBlock = connection.Prepare("INSERT INTO block (id, data, hash) VALUES (?, ?, ?)");
        putSegment = connection.Prepare("INSERT INTO segment (age, id, bytes, directory, hash) VALUES (?, ?, ?, ?, ?)");
        deleteSegment = connection.Prepare("DELETE FROM segment WHERE id = ?");
        deleteBlocks = connection.Prepare("DELETE FROM block WHERE id BETWEEN ? AND ?");
        DropUnfinished(connection);
    }

    /// <summary>Bytes in memory that are not saved.</summary>
    public long ChangedBytes => changed.Sum(terms => terms?.Bytes ?? 0);

    /// <summary>The segments, for tests.</summary>
    public IReadOnlyList<Segment> Segments => segments;

    public void Add(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: true);

    public void Remove(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: false);

    /// <summary>Adds a document to a term or removes it. The caller supplies the hash, which identifies the term (<see cref="Key.OfHash"/>).</summary>
    public void Change(int property, int document, ReadOnlySpan<byte> term, ulong hash, bool add)
    {
        if (property >= changed.Length)
        {
            Array.Resize(ref changed, property + 64);
        }

        (changed[property] ??= new(property)).Change(term, hash, document, add);
    }

    /// <summary>Adds the documents of a term to sets, one for each chunk.</summary>
    /// <param name="block">The caller's own statement for <see cref="BlockCache.FindSql"/>.</param>
    /// <param name="property">The property.</param>
    /// <param name="term">The term.</param>
    /// <param name="into">Receives the documents.</param>
    public void Gather(Statement block, int property, byte[] term, DocSet?[] into) =>
        Gather(block, property, term, Changed(property, (terms, writer) => terms.WriteTo(writer, Key.OfHash(term, seed))), found => found.SequenceEqual(term), into);

    /// <summary>Like <see cref="Gather(Statement, int, byte[], DocSet[])"/>, for all terms that fit.</summary>
    /// <param name="block">The caller's own statement for <see cref="BlockCache.FindSql"/>.</param>
    /// <param name="property">The property.</param>
    /// <param name="beginning">What all of them begin with.</param>
    /// <param name="fits">Whether a term is one of them.</param>
    /// <param name="into">Receives the documents.</param>
    public void Gather(Statement block, int property, byte[] beginning, TermTest fits, DocSet?[] into) =>
        Gather(block, property, beginning, Changed(property, (terms, writer) => terms.WriteTo(writer, fits)), fits, into);

    /// <summary>The changes since the last save began.</summary>
    public Segment ToSegment()
    {
        var writer = new SegmentWriter();
        foreach (var terms in changed)
        {
            terms?.WriteTo(writer);
        }

        return writer.Finish(++lastId, lastId);
    }

    /// <summary>Begins to save them. The caller holds the gate.</summary>
    public void BeginSave(Segment changes)
    {
        Array.ForEach(changed, terms => terms?.Clear());
        saved = 0;
        if (changes.Firsts.Length > 0)
        {
            segments = [.. segments, saving = changes];
        }
    }

    /// <summary>Writes more of them.</summary>
    /// <param name="bytes">The number of bytes after which to stop.</param>
    /// <returns>The bytes that are left of that number: none if there is more to write.</returns>
    public long SaveSome(long bytes)
    {
        for (; saved < saving?.Firsts.Length && bytes > 0; saved++)
        {
            bytes -= Put(saving, saved, saving.Blocks![saved]);
        }

        if (bytes > 0 && saving is not null)
        {
            Put(saving);
        }

        return Math.Max(0, bytes);
    }

    /// <summary>Call after everything is written and committed. The caller holds the gate.</summary>
    public void EndSave()
    {
        if (saving is not null)
        {
            segments[^1] = saving with { Blocks = null };
            saving = null;
        }
    }

    /// <summary>Whether there is something to do for <see cref="TidySome"/>.</summary>
    public bool IsUntidy => replaced.Count > 0 || merge is not null || NextToMerge() is not null;

    /// <summary>Merges segments, and deletes what was merged. Runs in a transaction.</summary>
    /// <param name="bytes">About how many bytes to write.</param>
    /// <returns>What to call after the commit, inside the gate, if segments are to be replaced now.</returns>
    public Action? TidySome(long bytes)
    {
        if (replaced.TryPeek(out var old))
        {
            deleteBlocks.Bind(Segment.BlockId(old.Id, deleted)).Bind(Segment.BlockId(old.Id, deleted + DeleteStep - 1)).Run();
            deleted += DeleteStep;
            if (deleted >= old.Firsts.Length)
            {
                replaced.Dequeue();
                deleted = 0;
            }

            return null;
        }

        merge ??= NextToMerge() is { } next ? new(this, next.From, next.Count, null) : null;
        return merge?.Some(bytes);
    }

    /// <summary>Merges all segments without some documents, in a transaction. All changes must be saved, and nothing untidy.</summary>
    /// <returns>Like <see cref="TidySome"/>.</returns>
    public Action? Forget(IEnumerable<int> documents)
    {
        if (segments.Length == 0)
        {
            return null;
        }

        merge = new(this, 0, segments.Length, documents.ToLookup(document => document >> DocSet.Bits));
        return merge.Some(long.MaxValue);
    }

    public void Dispose()
    {
        finder.Dispose();
        putBlock.Dispose();
        putSegment.Dispose();
        deleteSegment.Dispose();
        deleteBlocks.Dispose();
    }

    // What changed since the last save, as a segment.
    Segment Changed(int property, Action<ChangedTerms, SegmentWriter> write)
    {
        var writer = new SegmentWriter();
        if (property < changed.Length && changed[property] is { } terms)
        {
            write(terms, writer);
        }

        return writer.Finish(0, 0);
    }

    void Gather(Statement block, int property, byte[] beginning, Segment newest, TermTest fits, DocSet?[] into)
    {
        var cursors = new List<SegmentCursor>(segments.Length + 1);
        foreach (var segment in segments)
        {
            Begin(segment);
        }

        Begin(newest);
        var entries = new MergedSegments(cursors);
        for (; !entries.IsAtEnd && entries.Current is var entry && entry.Property == property && entry.Term.StartsWith(beginning); entries.Next())
        {
            if (fits(entry.Term))
            {
                entries.OrInto(into[entry.Chunk] ??= new());
            }
        }

        void Begin(Segment segment)
        {
            var cursor = new SegmentCursor(segment, id => cache.Find(id, block));
            if (cursor.Seek(property, beginning) && cursor.Property == property && cursor.Term.StartsWith(beginning))
            {
                cursors.Add(cursor);
            }
        }
    }

    // The newest segments up to a size of which there are too many.
    (int From, int Count)? NextToMerge()
    {
        var end = segments.Length - (saving is null ? 0 : 1);
        var (from, size) = (end, SmallMax);
        while (from > 0)
        {
            var ofThisSize = 0;
            for (; from > 0 && segments[from - 1].Bytes <= size; from--)
            {
                ofThisSize += segments[from - 1].Bytes > size / MergeAt || size == SmallMax ? 1 : 0;
            }

            if (ofThisSize >= MergeAt)
            {
                return (from, end - from);
            }

            size *= MergeAt;
        }

        return null;
    }

    long Put(Segment segment, int number, byte[] block)
    {
        putBlock.Bind(Segment.BlockId(segment.Id, number)).Bind(block).Bind(Segment.HashOf(block)).Run();
        return block.Length;
    }

    void Put(Segment segment)
    {
        var directory = segment.Directory();
        putSegment.Bind(segment.Age).Bind(segment.Id).Bind(segment.Bytes).Bind(directory).Bind(Segment.HashOf(directory)).Run();
    }

    static List<Segment> ReadSegments(Connection connection)
    {
        using var select = connection.Prepare("SELECT id, age, bytes, directory, hash FROM segment ORDER BY age");
        var found = new List<Segment>();
        while (select.Step())
        {
            found.Add(Segment.Read((int)select.Integer(0), (int)select.Integer(1), select.Integer(2), select.Blob(3), select.Integer(4)));
        }

        return found;
    }

    // Blocks of a save or a merge that was interrupted, or of segments that were being deleted.
    void DropUnfinished(Connection connection)
    {
        using var next = connection.Prepare("SELECT id FROM block WHERE id >= ? ORDER BY id LIMIT 1");
        var known = segments.Select(segment => segment.Id).ToHashSet();
        for (var id = 0; next.Bind(Segment.BlockId(id, 0)).Step(); id++)
        {
            id = (int)(next.Integer(0) >> 32);
            next.Reset();
            if (!known.Contains(id))
            {
                deleteBlocks.Bind(Segment.BlockId(id, 0)).Bind(Segment.BlockId(id, int.MaxValue)).Run();
            }
        }
    }

    /// <summary>Several segments becoming one, in steps.</summary>
    sealed class Merge
    {
        readonly Postings postings;
        readonly Segment[] merged;
        readonly MergedSegments entries;
        readonly SegmentWriter writer = new();
        readonly ILookup<int, int>? forgotten;
        readonly bool isAll;
        readonly int id;
        int written;

        public Merge(Postings postings, int from, int count, ILookup<int, int>? forgotten)
        {
            this.postings = postings;
            this.forgotten = forgotten;
            isAll = from == 0;
            id = ++postings.lastId;
            merged = postings.segments[from..(from + count)];
            entries = new(merged.Select(segment => new SegmentCursor(segment, id => BlockCache.Read(id, postings.finder))).Where(cursor => cursor.Next()));
        }

        public Action? Some(long bytes)
        {
            for (var end = writer.Bytes > long.MaxValue - bytes ? long.MaxValue : writer.Bytes + bytes; !entries.IsAtEnd && writer.Bytes < end; entries.Next())
            {
                entries.WriteTo(writer, isAll, forgotten);
                Write();
            }

            if (!entries.IsAtEnd)
            {
                return null;
            }

            var segment = writer.Finish(id, merged[^1].Age);
            Write();
            segment = segment with { Blocks = null };
            foreach (var old in merged)
            {
                postings.deleteSegment.Bind(old.Id).Run();
            }

            if (segment.Firsts.Length > 0)
            {
                postings.Put(segment);
            }

            return () => Replace(segment);
        }

        void Replace(Segment segment)
        {
            var from = Array.IndexOf(postings.segments, merged[0]);
            postings.segments = [.. postings.segments[..from], .. segment.Firsts.Length > 0 ? (Segment[])[segment] : [], .. postings.segments[(from + merged.Length)..]];
            Array.ForEach(merged, postings.replaced.Enqueue);
            postings.merge = null;
        }

        void Write()
        {
            foreach (var block in writer.Blocks)
            {
                postings.putBlock.Bind(Segment.BlockId(id, written++)).Bind(block).Bind(Segment.HashOf(block)).Run();
            }

            writer.Blocks.Clear();
        }
    }
}
