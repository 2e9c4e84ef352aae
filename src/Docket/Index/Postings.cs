using Docket.Sqlite;
namespace Docket.Index;

/// <summary>A term of a property in one chunk, with the hash of the term (<see cref="SearchIndex.Hash"/>).</summary>
internal readonly record struct TermKey(int Property, int Chunk, byte[] Term, ulong Hash);

/// <summary>Like <see cref="TermKey"/>, but without an allocation for a lookup.</summary>
internal readonly ref struct TermName(int property, int chunk, ReadOnlySpan<byte> term, ulong hash)
{
    public readonly int Property = property, Chunk = chunk;
    public readonly ReadOnlySpan<byte> Term = term;
    public readonly ulong Hash = hash;
}

/// <summary>
/// The documents that contain each term. Unsaved changes and frequently used postings are in memory, the rest is in the file. One row
/// in the file is one posting.
/// </summary>
/// <param name="connection">The connection of the thread that writes the index.</param>
/// <param name="chunks">How many chunks the file may contain.</param>
/// <param name="seed">The seed of the hashes of terms.</param>
internal sealed class Postings(Connection connection, int chunks, long seed) : IDisposable
{
    /// <summary>The last postings found, by hash: words repeat, and a lookup in the dictionary takes three times as long.</summary>
    const int RecentMax = 8192;

    readonly Dictionary<TermKey, Posting> loaded = new(new TermComparer());
    readonly (TermKey Key, Posting? Posting)[] recent = new (TermKey, Posting?)[RecentMax];
    readonly Statement find = connection.Prepare("SELECT docs FROM posting WHERE property = ? AND term = ? AND chunk = ?");
    readonly Statement put = connection.Prepare("INSERT INTO posting (property, term, chunk, docs) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET docs = excluded.docs");
    readonly Statement delete = connection.Prepare("DELETE FROM posting WHERE property = ? AND term = ? AND chunk = ?");

    // Since the current save began, and what that save contains. Unsaved ones have no row in the file.
    List<TermKey> dirty = [], unsaved = [], saving = [], unsavedBefore = [];
    readonly List<TermKey> emptied = [];
    int round, saved, firstUnsavedChunk = chunks;

    /// <summary>Approximate bytes of memory.</summary>
    public long Weight { get; private set; }

    /// <summary>Postings that changed since the last save began.</summary>
    public int Dirty => dirty.Count;

    /// <summary>Approximate bytes that they will write.</summary>
    public long DirtyBytes { get; private set; }

    public void Add(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: true);

    public void Remove(int property, int document, ReadOnlySpan<byte> term) => Change(property, document, term, Key.OfHash(term, seed), add: false);

    /// <summary>Adds a document to a term or removes it. The caller supplies the hash, which identifies the term (<see cref="Key.OfHash"/>).</summary>
    public void Change(int property, int document, ReadOnlySpan<byte> term, ulong hash, bool add)
    {
        var (chunk, doc) = (document >> DocSet.Bits, document & (DocSet.Size - 1));
        ref var place = ref recent[(int)(hash ^ (ulong)property ^ (ulong)chunk << 7) & (RecentMax - 1)];
        if (place.Posting is not { } posting || place.Key.Hash != hash || place.Key.Property != property || place.Key.Chunk != chunk)
        {
            place = Find(property, chunk, term, hash);
            posting = place.Posting!;
        }

        posting.Used = round;
        var (wasDirty, weight) = (posting.Dirty, posting.Weight);
        if (!(add ? posting.Add(doc) : posting.Remove(doc)))
        {
            return;
        }

        Weight += posting.Weight - weight;
        if (!wasDirty)
        {
            dirty.Add(place.Key);
            DirtyBytes += posting.Weight;
        }
    }

    /// <summary>The posting in memory, or <c>null</c> if memory has nothing newer than the file.</summary>
    public Posting? Loaded(int property, int chunk, ReadOnlySpan<byte> term) =>
        loaded.GetAlternateLookup<TermName>().TryGetValue(new(property, chunk, term, Key.OfHash(term, seed)), out var posting) ? posting : null;

    /// <summary>Postings of one property that may have no row in the file yet.</summary>
    public IEnumerable<(byte[] Term, int Chunk, Posting Posting)> Unsaved(int property)
    {
        foreach (var key in unsavedBefore.Concat(unsaved))
        {
            if (key.Property == property && loaded.TryGetValue(key, out var posting))
            {
                yield return (key.Term, key.Chunk, posting);
            }
        }
    }

    /// <summary>Begins to save what is dirty now, in the order of the table.</summary>
    public void BeginSave()
    {
        (saving, dirty) = (dirty, saving);
        (unsavedBefore, unsaved) = (unsaved, unsavedBefore);
        (saved, DirtyBytes) = (0, 0);
        saving.Sort(static (a, b) => a.Property != b.Property ? a.Property.CompareTo(b.Property)
            : a.Term.AsSpan().SequenceCompareTo(b.Term) is var order and not 0 ? order : a.Chunk.CompareTo(b.Chunk));
    }

    /// <summary>Writes more of it, in its current state. Call <see cref="Forget"/> after the commit.</summary>
    /// <param name="bytes">The number of bytes after which to stop.</param>
    /// <returns>The bytes that are left of that number: none if there is more to write.</returns>
    public long SaveSome(long bytes)
    {
        for (; saved < saving.Count && bytes > 0; saved++)
        {
            var key = saving[saved];
            var posting = loaded[key];
            var docs = posting.ToBytes();
            if (docs.IsEmpty)
            {
                delete.Bind(key.Property).Bind(key.Term).Bind(key.Chunk).Run();
                emptied.Add(key);
            }
            else
            {
                put.Bind(key.Property).Bind(key.Term).Bind(key.Chunk).Bind(docs).Run();
            }

            posting.Saved();
            bytes -= docs.Length + 100;
        }

        return Math.Max(0, bytes);
    }

    /// <summary>The file has no row of empty postings. If they return, they are new.</summary>
    public void Forget()
    {
        if (emptied.Count > 0)
        {
            emptied.ForEach(ForgetEmpty);
            emptied.Clear();
            Array.Clear(recent);
        }
    }

    /// <summary>After everything is saved: frees memory beyond <paramref name="budget"/> bytes, least recently used first.</summary>
    /// <param name="budget">Bytes that may stay in memory.</param>
    /// <param name="chunksNow">How many chunks the file may contain now.</param>
    public void EndSave(long budget, int chunksNow)
    {
        foreach (var key in unsavedBefore)
        {
            ForgetEmpty(key); // one that was only looked up was never dirty
            if (loaded.TryGetValue(key, out var posting) && posting.Dirty)
            {
                unsaved.Add(key); // it got its first document in the meantime
            }
        }

        unsavedBefore.Clear();
        saving.Clear();
        firstUnsavedChunk = chunksNow;
        for (var age = 1; age >= 0 && Weight > budget; age--)
        {
            foreach (var (key, posting) in loaded)
            {
                if (Weight > budget && posting.Used <= round - age && !posting.Dirty)
                {
                    Weight -= posting.Weight;
                    loaded.Remove(key);
                }
            }
        }

        Array.Clear(recent);
        round++;
    }

    public void Dispose()
    {
        find.Dispose();
        put.Dispose();
        delete.Dispose();
    }

    void ForgetEmpty(TermKey key)
    {
        if (loaded.TryGetValue(key, out var posting) && posting is { IsEmpty: true, Dirty: false })
        {
            Weight -= posting.Weight;
            loaded.Remove(key);
        }
    }

    (TermKey, Posting) Find(int property, int chunk, ReadOnlySpan<byte> term, ulong hash)
    {
        if (loaded.GetAlternateLookup<TermName>().TryGetValue(new(property, chunk, term, hash), out var key, out var posting))
        {
            return (key, posting);
        }

        key = new(property, chunk, term.ToArray(), hash);
        // The file contains nothing of a chunk that was started after the last save.
        if (chunk < firstUnsavedChunk && find.Bind(property).Bind(key.Term).Bind(chunk).Step())
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
        return (key, posting);
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
