using System.Collections.Concurrent;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// What searches read: for every record a document, numbered in the order of creation, with its values in columns
/// and its words in postings. Written by one thread, which alone may call what changes it, inside <see cref="Gate"/>;
/// read by searches.
/// </summary>
internal sealed class SearchIndex : IDisposable
{
    /// <summary>Columns that belong to no property; those of properties follow.</summary>
    public const int IdColumn = 0, CreatedColumn = 1, UpdatedColumn = 2, SourceColumn = 3;

    /// <summary>The postings of the active records, by object type: a number that no property has.</summary>
    public const int Live = 0;

    const int FirstPropertyColumn = 16;

    readonly string path;
    readonly long seed;
    readonly ConcurrentBag<IndexReader> readers = [];
    readonly Dictionary<ulong, Range> gone = [];
    readonly HashSet<ulong> seen = [];
    bool closed;
    byte[] scratch = new byte[4096], scratchBefore = new byte[4096];

    public SearchIndex(string path, Connection connection, long seed, int documents, int knownChunks)
    {
        this.path = path;
        this.seed = seed;
        Documents = documents;
        Columns = new Columns(connection);
        Postings = new Postings(connection, knownChunks, seed);
    }

    /// <summary>Searches read while they hold it for reading; who changes the index holds it for writing.</summary>
    public ReaderWriterLockSlim Gate { get; } = new();

    public Columns Columns { get; }

    public Postings Postings { get; }

    /// <summary>Documents so far, those of archived and deleted records among them.</summary>
    public int Documents { get; private set; }

    public int Chunks => (Documents + DocSet.Size - 1) >> DocSet.Bits;

    /// <summary>Where the keys of a property are.</summary>
    public static int KeyColumn(Property property) => FirstPropertyColumn + property.Number * 2;

    /// <summary>Where the hashes of a property's texts are, or of those numbers that their keys don't say exactly.</summary>
    public static int HashColumn(Property property) => KeyColumn(property) + 1;

    public ulong Hash(ReadOnlySpan<byte> text) => Key.OfHash(text, seed);

    /// <summary>As <see cref="Key.OfExact"/>.</summary>
    public ulong Exact(ReadOnlySpan<byte> number) => Key.OfExact(number, seed);

    /// <summary>As <see cref="Find(long, Statement)"/>, for the one that writes the index.</summary>
    public int Find(long id) => Find(id, Columns.Finder);

    /// <summary>The document of a record; -1 when there is none. Ids ascend with the numbers of documents.</summary>
    /// <param name="id">The record's id.</param>
    /// <param name="finder">The caller's own statement of <see cref="Columns.FindSql"/>.</param>
    public int Find(long id, Statement finder)
    {
        for (var chunk = Chunks - 1; chunk >= 0; chunk--)
        {
            var ids = Columns.Values(IdColumn, chunk, finder);
            if ((ulong)id >= ids[0])
            {
                return ids.BinarySearch((ulong)id) is var at and >= 0 ? (chunk << DocSet.Bits) + at : -1;
            }
        }

        return -1;
    }

    /// <summary>The first document of a record with an id greater than this one.</summary>
    public int FirstAfter(long id, Statement finder)
    {
        for (var chunk = Chunks - 1; chunk >= 0; chunk--)
        {
            var ids = Columns.Values(IdColumn, chunk, finder);
            if ((ulong)id >= ids[0])
            {
                var at = ids.BinarySearch((ulong)id);
                return (chunk << DocSet.Bits) + (at < 0 ? ~at : at + 1);
            }
        }

        return 0;
    }

    /// <summary>The id of a document's record.</summary>
    public long IdOf(int document, Statement finder) => (long)Columns.Values(IdColumn, document >> DocSet.Bits, finder)[document & (DocSet.Size - 1)];

    /// <summary>The term that stands for an object type among those of <see cref="Live"/>.</summary>
    public static byte[] TermOf(int type) => [(byte)(type >> 8), (byte)type];

    /// <summary>Makes the document of a new record, without values.</summary>
    public int Add(int type, long id, long createdAt, long updatedAt, long source, bool active)
    {
        var document = Documents++;
        Columns.Set(IdColumn, document, (ulong)id);
        Columns.Set(CreatedColumn, document, Key.OfNumber(createdAt));
        Columns.Set(SourceColumn, document, (ulong)source);
        Touch(document, updatedAt);
        SetActive(document, type, active);
        return document;
    }

    public void Touch(int document, long updatedAt) => Columns.Set(UpdatedColumn, document, Key.OfNumber(updatedAt));

    public void SetActive(int document, int type, bool active)
    {
        if (active)
        {
            Postings.Add(Live, document, TermOf(type));
        }
        else
        {
            Postings.Remove(Live, document, TermOf(type));
        }
    }

    /// <summary>Gives a document a value in place of another.</summary>
    /// <param name="document">The document.</param>
    /// <param name="property">The property.</param>
    /// <param name="before">The value until now, for the forms that need it (<see cref="NeedsBefore"/>).</param>
    /// <param name="value">The value; empty for none.</param>
    public void Put(int document, Property property, ReadOnlySpan<byte> before, ReadOnlySpan<byte> value)
    {
        var form = Key.FormOf(property);
        switch (form)
        {
            case Form.Text:
                var lower = Words.ToLower(value, ref scratch);
                Columns.Set(KeyColumn(property), document, Key.OfText(lower));
                Columns.Set(HashColumn(property), document, Hash(lower));
                ChangeWords(document, property, Words.ToLower(before, ref scratchBefore), lower);
                break;
            case Form.Exact:
                Columns.Set(KeyColumn(property), document, Key.OfText(value));
                Columns.Set(HashColumn(property), document, Hash(value));
                break;
            case Form.Set:
                Columns.Set(KeyColumn(property), document, Key.OfText(value));
                foreach (var part in before.Split((byte)';'))
                {
                    Postings.Remove(property.Number, document, before[part]);
                }

                foreach (var part in value.Split((byte)';'))
                {
                    if (!value[part].IsEmpty)
                    {
                        Postings.Add(property.Number, document, value[part]);
                    }
                }

                break;
            case Form.Number:
                Columns.Set(KeyColumn(property), document, Key.OfValue(form, value));
                Columns.Set(HashColumn(property), document, Exact(value));
                break;
            default:
                var key = Key.OfValue(form, value);
                Columns.Set(KeyColumn(property), document, key);
                if (property.Derivation == Derivation.CreateDate && key != 0)
                {
                    Columns.Set(CreatedColumn, document, key);
                }

                break;
        }
    }

    /// <summary>Whether <see cref="Put"/> has to know the value that was there.</summary>
    public static bool NeedsBefore(Property property) => Key.FormOf(property) is Form.Text or Form.Set;

    /// <summary>Lets a search read while nothing changes, on a connection of its own; <c>false</c> when the index was closed meanwhile.</summary>
    public bool TryRead<T>(Func<IndexReader, T> read, out T? result)
    {
        Gate.EnterReadLock();
        try
        {
            result = default;
            if (closed)
            {
                return false;
            }

            if (!readers.TryTake(out var reader))
            {
                reader = new IndexReader(path);
            }

            // A reader that failed is not used again.
            try
            {
                result = read(reader);
                readers.Add(reader);
                return true;
            }
            catch
            {
                reader.Dispose();
                throw;
            }
        }
        finally
        {
            Gate.ExitReadLock();
        }
    }

    /// <summary>Bytes of memory, roughly.</summary>
    public long Weight => Columns.Weight + Postings.Weight;

    /// <summary>What a save would write, in bytes, roughly.</summary>
    public long DirtyBytes => Columns.DirtyBytes + Postings.DirtyBytes;

    /// <summary>Begins to save what has changed so far. Until <see cref="EndSave"/> the index goes on changing.</summary>
    public void BeginSave() => Gated(() =>
    {
        Columns.BeginSave();
        Postings.BeginSave();
    });

    /// <summary>Writes some of it into the transaction that is open; <c>true</c> when there is no more.</summary>
    public bool SaveSome(long bytes) => Postings.SaveSome(Columns.SaveSome(bytes)) > 0;

    /// <summary>After what was written is committed.</summary>
    public void Settle() => Gated(Postings.Forget);

    /// <summary>When all is written and committed.</summary>
    /// <param name="budget">Bytes that may stay in memory.</param>
    public void EndSave(long budget) => Gated(() =>
    {
        Columns.EndSave(Math.Max(budget / 2, budget - Postings.Weight));
        Postings.EndSave(budget - Columns.Weight, Chunks);
    });

    /// <summary>Takes documents out of all columns and postings. To be called when everything is saved: the file tells where they are.</summary>
    public void Forget(Connection connection, IReadOnlyList<int> documents)
    {
        using var columns = connection.Prepare("SELECT DISTINCT place >> 32 FROM column_chunk WHERE place >> 32 <> 0");
        using var postings = connection.Prepare("SELECT property, term, chunk, docs FROM posting");
        var byChunk = documents.ToLookup(document => document >> DocSet.Bits);
        var held = new List<(int Property, byte[] Term, int Document)>();
        while (postings.Step())
        {
            foreach (var document in byChunk[(int)postings.Integer(2)])
            {
                if (Posting.Contains(postings.Blob(3), document & (DocSet.Size - 1)))
                {
                    held.Add(((int)postings.Integer(0), postings.Blob(1).ToArray(), document));
                }
            }
        }

        Gated(() =>
        {
            foreach (var (property, term, document) in held)
            {
                Postings.Remove(property, document, term);
            }

            while (columns.Step())
            {
                foreach (var document in documents)
                {
                    Columns.Set((int)columns.Integer(0), document, 0);
                }
            }
        });
    }

    /// <summary>Waits for the searches under way. The gate stays for those that come too late.</summary>
    public void Dispose()
    {
        Gate.EnterWriteLock();
        closed = true;
        while (readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        Columns.Dispose();
        Postings.Dispose();
        Gate.ExitWriteLock();
    }

    /// <summary>Changes something while no search reads.</summary>
    public void Gated(Action change)
    {
        Gate.EnterWriteLock();
        try
        {
            change();
        }
        finally
        {
            Gate.ExitWriteLock();
        }
    }

    // What stays is left alone: a posting that doesn't change needn't be written.
    void ChangeWords(int document, Property property, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        var words = new Words(after);
        if (before.IsEmpty)
        {
            while (words.Next())
            {
                Postings.Change(property.Number, document, words.Current, Hash(words.Current), add: true);
            }

            return;
        }

        gone.Clear();
        seen.Clear();
        words = new Words(before);
        while (words.Next())
        {
            gone[Hash(words.Current)] = words.Range;
        }

        words = new Words(after);
        while (words.Next())
        {
            var hash = Hash(words.Current);
            if (seen.Add(hash) && !gone.Remove(hash))
            {
                Postings.Change(property.Number, document, words.Current, hash, add: true);
            }
        }

        foreach (var (hash, range) in gone)
        {
            Postings.Change(property.Number, document, before[range], hash, add: false);
        }
    }
}
