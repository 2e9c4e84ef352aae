namespace Docket.Stores.Sqlite.Index;

/// <summary>A term of a property in one chunk, with the hash of the term (<see cref="SearchIndex.Hash"/>).</summary>
internal readonly record struct TermKey(int Property, int Chunk, byte[] Term, ulong Hash);

/// <summary>As <see cref="TermKey"/>, to look it up without making one.</summary>
internal readonly ref struct TermName(int property, int chunk, ReadOnlySpan<byte> term, ulong hash)
{
    public readonly int Property = property, Chunk = chunk;
    public readonly ReadOnlySpan<byte> Term = term;
    public readonly ulong Hash = hash;
}

/// <summary>
/// Which documents hold which term. What was changed since the last flush, and what changes often, is in memory; the
/// rest is in the file, and one row there is one posting.
/// </summary>
/// <param name="connection">The connection of the one that writes the index.</param>
/// <param name="chunks">How many chunks the file knows.</param>
/// <param name="seed">Of the hashes of terms.</param>
internal sealed class Postings(Connection connection, int chunks, long seed) : IDisposable
{
    readonly Dictionary<TermKey, Posting> loaded = new(new TermComparer());
    readonly Statement find = connection.Prepare("SELECT docs FROM posting WHERE property = ? AND term = ? AND chunk = ?");
    readonly Statement put = connection.Prepare("INSERT INTO posting (property, term, chunk, docs) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET docs = excluded.docs");
    readonly Statement delete = connection.Prepare("DELETE FROM posting WHERE property = ? AND term = ? AND chunk = ?");
    readonly List<TermKey> dirty = [], unsaved = [];
    int flush, firstUnsavedChunk = chunks;

    /// <summary>Bytes of memory, roughly.</summary>
    public long Weight { get; private set; }

    /// <summary>Postings that the file has in another form, or not at all.</summary>
    public int Dirty => dirty.Count;

    public void Add(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: true);

    public void Remove(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: false);

    /// <summary>Adds a document to a term or takes it away; for one who has the hash of the term.</summary>
    public void Change(int property, int document, ReadOnlySpan<byte> term, ulong hash, bool add)
    {
        var (chunk, doc) = (document >> DocSet.Bits, document & (DocSet.Size - 1));
        var lookup = loaded.GetAlternateLookup<TermName>();
        if (!lookup.TryGetValue(new(property, chunk, term, hash), out var posting))
        {
            posting = Load(new(property, chunk, term.ToArray(), hash));
        }

        posting.Used = flush;
        var (wasDirty, weight) = (posting.Dirty, posting.Weight);
        if (add)
        {
            posting.Add(doc);
        }
        else
        {
            posting.Remove(doc);
        }

        Weight += posting.Weight - weight;
        if (posting.Dirty && !wasDirty)
        {
            lookup.TryGetValue(new(property, chunk, term, hash), out var key, out _);
            dirty.Add(key);
        }
    }

    /// <summary>The posting in memory, or <c>null</c> when memory has nothing newer than the file.</summary>
    public Posting? Loaded(int property, int chunk, ReadOnlySpan<byte> term) =>
        loaded.GetAlternateLookup<TermName>().TryGetValue(new(property, chunk, term, Key.OfHash(term, seed)), out var posting) ? posting : null;

    /// <summary>What the file has no row for yet, of one property.</summary>
    public IEnumerable<(byte[] Term, int Chunk, Posting Posting)> Unsaved(int property)
    {
        foreach (var key in unsaved)
        {
            if (key.Property == property)
            {
                yield return (key.Term, key.Chunk, loaded[key]);
            }
        }
    }

    /// <summary>Writes what is dirty, in the order of the table. To be followed by <see cref="Settle"/> once that is committed.</summary>
    public void Save()
    {
        dirty.Sort(static (a, b) => a.Property != b.Property ? a.Property.CompareTo(b.Property)
            : a.Term.AsSpan().SequenceCompareTo(b.Term) is var order and not 0 ? order : a.Chunk.CompareTo(b.Chunk));
        foreach (var key in dirty)
        {
            var bytes = loaded[key].ToBytes();
            if (bytes.IsEmpty)
            {
                delete.Bind(key.Property).Bind(key.Term).Bind(key.Chunk).Run();
            }
            else
            {
                put.Bind(key.Property).Bind(key.Term).Bind(key.Chunk).Bind(bytes).Run();
            }
        }
    }

    /// <summary>After a commit: what was saved no longer needs memory, and beyond <paramref name="budget"/> bytes it is dropped, what wasn't used lately first.</summary>
    /// <param name="budget">Bytes that may stay.</param>
    /// <param name="chunksNow">How many chunks the file knows by now.</param>
    public void Settle(long budget, int chunksNow)
    {
        foreach (var key in dirty)
        {
            var posting = loaded[key];
            posting.Saved();
            Forget(key, posting);
        }

        // One that was only looked for isn't dirty.
        foreach (var key in unsaved)
        {
            if (loaded.TryGetValue(key, out var posting))
            {
                Forget(key, posting);
            }
        }

        dirty.Clear();
        unsaved.Clear();
        firstUnsavedChunk = chunksNow;
        for (var age = 1; age >= 0 && Weight > budget; age--)
        {
            foreach (var (key, posting) in loaded)
            {
                if (posting.Used <= flush - age)
                {
                    Weight -= posting.Weight;
                    loaded.Remove(key);
                }
            }
        }

        flush++;
    }

    public void Dispose()
    {
        find.Dispose();
        put.Dispose();
        delete.Dispose();
    }

    // Of an empty one the file has no row: should it come back it is a new one.
    void Forget(TermKey key, Posting posting)
    {
        if (posting.IsEmpty)
        {
            Weight -= posting.Weight;
            loaded.Remove(key);
        }
    }

    Posting Load(TermKey key)
    {
        Posting posting;
        // Of a chunk that was begun after the last flush the file has nothing.
        if (key.Chunk < firstUnsavedChunk && find.Bind(key.Property).Bind(key.Term).Bind(key.Chunk).Step())
        {
            posting = new Posting(find.Blob(0));
            find.Reset();
        }
        else
        {
            posting = new Posting();
            unsaved.Add(key);
        }

        loaded.Add(key, posting);
        Weight += posting.Weight;
        return posting;
    }

    sealed class TermComparer : IEqualityComparer<TermKey>, IAlternateEqualityComparer<TermName, TermKey>
    {
        public bool Equals(TermKey a, TermKey b) => a.Hash == b.Hash && a.Property == b.Property && a.Chunk == b.Chunk && a.Term.AsSpan().SequenceEqual(b.Term);

        public bool Equals(TermName name, TermKey key) => name.Hash == key.Hash && name.Property == key.Property && name.Chunk == key.Chunk && name.Term.SequenceEqual(key.Term);

        public int GetHashCode(TermKey key) => GetHashCode(key.Hash, key.Property, key.Chunk);

        public int GetHashCode(TermName name) => GetHashCode(name.Hash, name.Property, name.Chunk);

        public TermKey Create(TermName name) => new(name.Property, name.Chunk, name.Term.ToArray(), name.Hash);

        static int GetHashCode(ulong hash, int property, int chunk) => (int)((hash ^ ((((ulong)(uint)chunk << 20) + (uint)property) * 0x9e3779b97f4a7c15)) >> 32);
    }
}
