using System.Collections.Concurrent;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The data for searches: a document for every record, numbered in order of creation, with its values in columns and its words in
/// postings. One thread writes it, and only that thread may call methods that change it, inside <see cref="Gate"/>. Searches
/// read it.
/// </summary>
internal sealed class SearchIndex : IDisposable
{
    /// <summary>Columns that belong to no property. Those of properties follow.</summary>
    public const int IdColumn = 0, CreatedColumn = 1, UpdatedColumn = 2, SourceColumn = 3;

    /// <summary>Has a value for the documents of records that are not active.</summary>
    public const int ArchivedColumn = 4;

    /// <summary>The postings of the active records, by object type: a number that no property has.</summary>
    public const int Live = 0;

    /// <summary>
    /// The postings of associations: for each document, the records that it is associated with, and the object types of those of them that are active.
    /// A number that no property has.
    /// </summary>
    public const int Ties = 1;

    const int FirstPropertyColumn = 16;

    readonly string path;
    readonly long seed;
    readonly ConcurrentBag<IndexReader> readers = [];
    readonly HeldWords held = new();
    bool closed;
    byte[] scratch = new byte[4096], scratchBefore = new byte[4096];

    public SearchIndex(string path, Connection connection, long seed, int documents)
    {
        this.path = path;
        this.seed = seed;
        Documents = documents;
        Columns = new Columns(connection);
        Postings = new Postings(connection, seed);
    }

    /// <summary>Searches hold it for reading. The thread that changes the index holds it for writing.</summary>
    public ReaderWriterLockSlim Gate { get; } = new();

    public Columns Columns { get; }

    public Postings Postings { get; }

    /// <summary>The number of documents, including those of archived and deleted records.</summary>
    public int Documents { get; private set; }

    public int Chunks => (Documents + DocSet.Size - 1) >> DocSet.Bits;

    /// <summary>The column with the keys of a property.</summary>
    public static int KeyColumn(Property property) => FirstPropertyColumn + property.Number * 2;

    /// <summary>The column with the hashes of a property's texts, or of numbers with inexact keys.</summary>
    public static int HashColumn(Property property) => KeyColumn(property) + 1;

    /// <summary>The postings of a property's words or parts. Number 0 is <see cref="Live"/>.</summary>
    public static int Terms(Property property) => property.Number * 2;

    /// <summary>The postings of the values of a unique property (<see cref="HasPostings"/>). The number 1 is <see cref="Ties"/>.</summary>
    public static int WholeValues(Property property) => (property.Number * 2) + 1;

    /// <summary>Whether records are found by a whole value of a property without reading its column.</summary>
    public static bool HasPostings(Property property) => property.Unique && property.Derivation == Derivation.None && Key.FormOf(property) is Form.Text or Form.Exact or Form.Number;

    /// <summary>The term of a whole text, by its hash.</summary>
    public static byte[] TermOf(ulong hash) => BitConverter.GetBytes(hash);

    /// <summary>The term of a whole number, the same for equal numbers in any notation: a hash identifies one with an inexact key.</summary>
    public static byte[] TermOf(ulong key, ulong exact) => exact == 0 ? TermOf(key) : [.. TermOf(exact), 0];

    public ulong Hash(ReadOnlySpan<byte> text) => Key.OfHash(text, seed);

    /// <summary>Like <see cref="Key.OfExact"/>.</summary>
    public ulong Exact(ReadOnlySpan<byte> number) => Key.OfExact(number, seed);

    /// <summary>Like <see cref="Find(long, Statement)"/>, for the thread that writes the index.</summary>
    public int Find(long id) => Find(id, Columns.Finder);

    /// <summary>The document of a record; -1 if there is none. Ids increase with document numbers.</summary>
    /// <param name="id">The record's id.</param>
    /// <param name="finder">The caller's own statement for <see cref="Columns.FindSql"/>.</param>
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

    /// <summary>The term of an object type in <see cref="Live"/>.</summary>
    public static byte[] TermOf(int type) => [(byte)(type >> 8), (byte)type];

    /// <summary>The term in <see cref="Ties"/> of an object type, or of one of its records.</summary>
    public static byte[] TieTerm(int type, long? id = null) => id is { } one ? [.. TermOf(type), .. BitConverter.GetBytes(one)] : TermOf(type);

    /// <summary>Creates the document of a new record, without values.</summary>
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

        if (active == IsArchived(document))
        {
            Columns.Set(ArchivedColumn, document, active ? 0UL : 1);
        }
    }

    /// <summary>Whether the record of a document is not active, for the thread that writes the index.</summary>
    public bool IsArchived(int document) =>
        Columns.Values(ArchivedColumn, document >> DocSet.Bits, Columns.Finder) is var values && (document & (DocSet.Size - 1)) is var at && at < values.Length && values[at] != 0;

    /// <summary>Replaces a value of a document.</summary>
    /// <param name="document">The document.</param>
    /// <param name="property">The property.</param>
    /// <param name="before">The previous value, for the forms that need it (<see cref="NeedsBefore"/>).</param>
    /// <param name="value">The value; empty for none.</param>
    public void Put(int document, Property property, ReadOnlySpan<byte> before, ReadOnlySpan<byte> value)
    {
        if (!value.IsEmpty && before.SequenceEqual(value))
        {
            return;
        }

        var form = Key.FormOf(property);
        switch (form)
        {
            case Form.Text:
                var lower = Words.ToLower(value, ref scratch);
                Columns.Set(KeyColumn(property), document, Key.OfText(lower));
                var lowerBefore = Words.ToLower(before, ref scratchBefore);
                Columns.Set(HashColumn(property), document, Hash(lower));
                ChangeWords(document, property, lowerBefore, lower);
                ChangeWhole(document, property, lowerBefore, lower);
                break;
            case Form.Exact:
                Columns.Set(KeyColumn(property), document, Key.OfText(value));
                Columns.Set(HashColumn(property), document, Hash(value));
                ChangeWhole(document, property, before, value);
                break;
            case Form.Set:
                Columns.Set(KeyColumn(property), document, Key.OfText(value));
                ChangeParts(document, property, before, add: false);
                ChangeParts(document, property, value, add: true);
                break;
            case Form.Number:
                Columns.Set(KeyColumn(property), document, Key.OfValue(form, value));
                Columns.Set(HashColumn(property), document, Exact(value));
                ChangeWhole(document, property, before, value);
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

    /// <summary>Whether <see cref="Put"/> needs the previous value.</summary>
    public static bool NeedsBefore(Property property) => Key.FormOf(property) is Form.Text or Form.Set || HasPostings(property);

    /// <summary>Runs a search on its own connection while nothing changes; <c>false</c> if the index was closed.</summary>
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

    /// <summary>Begins to save what has changed so far. The index continues to change until <see cref="EndSave"/>.</summary>
    public void BeginSave()
    {
        Columns.BeginSave();
        var changed = Postings.ToSegment(); // takes some time, in which searches go on
        Gated(() => Postings.BeginSave(changed));
    }

    /// <summary>Writes a part of it in the open transaction; <c>true</c> if there is no more.</summary>
    /// <param name="save">The number of the save.</param>
    /// <param name="bytes">About how many bytes to write.</param>
    public bool SaveSome(long save, long bytes)
    {
        if (Postings.SaveSome(Columns.SaveSome(save, bytes)) == 0)
        {
            return false;
        }

        Columns.DropReplaced(save);
        return true;
    }

    /// <summary>Call after everything is written and committed.</summary>
    /// <param name="budget">Bytes of columns that may stay in memory.</param>
    public void EndSave(long budget) => Gated(() =>
    {
        Columns.EndSave(budget);
        Postings.EndSave();
    });

    /// <summary>Waits for the searches in progress. The gate remains for late ones.</summary>
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

    void ChangeWhole(int document, Property property, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        if (!HasPostings(property) || before.SequenceEqual(after))
        {
            return;
        }

        if (TermOfWhole(property, before) is { } gone)
        {
            Postings.Remove(WholeValues(property), document, gone);
        }

        if (TermOfWhole(property, after) is { } term)
        {
            Postings.Add(WholeValues(property), document, term);
        }
    }

    // Null for none, and for a value that was stored under another type.
    byte[]? TermOfWhole(Property property, ReadOnlySpan<byte> value) =>
        value.IsEmpty ? null
        : Key.FormOf(property) != Form.Number ? TermOf(Hash(value))
        : Key.OfValue(Form.Number, value) is var key and not 0 ? TermOf(key, Exact(value))
        : null;

    void ChangeParts(int document, Property property, ReadOnlySpan<byte> value, bool add)
    {
        foreach (var part in value.Split((byte)';'))
        {
            if (!value[part].IsEmpty)
            {
                Postings.Change(Terms(property), document, value[part], Hash(value[part]), add);
            }
        }
    }

    // A word that stays is not written.
    void ChangeWords(int document, Property property, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        // Up to the first difference the words are the same.
        var from = before.CommonPrefixLength(after);
        while (from > 0 && !Words.Separates(before[from - 1]))
        {
            from--;
        }

        before = before[from..];
        held.Clear(before.Length);
        var words = new Words(before);
        while (words.Next())
        {
            held.Add(Hash(words.Current), words.Range);
        }

        if (held.IsEmpty)
        {
            after = after[from..];
            from = 0;
        }

        words = new Words(after);
        while (words.Next())
        {
            var hash = Hash(words.Current);
            if (!held.Keep(hash) && words.Range.Start.Value >= from)
            {
                Postings.Change(Terms(property), document, words.Current, hash, add: true);
            }
        }

        foreach (var (hash, range) in held.Rest)
        {
            if (!before[range].IsEmpty)
            {
                Postings.Change(Terms(property), document, before[range], hash, add: false);
            }
        }
    }
}
