using System.Collections.Concurrent;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The columns of a portal's documents, in chunks. Loaded on demand, also by searches, each through its own connection. A save
/// writes what changed in each.
/// </summary>
internal sealed class Columns : IDisposable
{
    /// <summary>Reads what saves wrote of a column in one chunk.</summary>
    public const string FindSql = "SELECT form, data, hash FROM column_part WHERE id BETWEEN ? AND ? ORDER BY id";

    /// <summary>The bits of the number of a save in the id of a part.</summary>
    const int SaveBits = 30;

    const long SaveMask = (1L << SaveBits) - 1;

    /// <summary>The bits of the number of a chunk in a place.</summary>
    const int ChunkBits = 16;

    readonly ConcurrentDictionary<long, Column> loaded = new();
    readonly Statement put, delete;

    // What changed since the last save began, and what that save writes.
    readonly List<(long Place, Column Column)> changed = [];
    readonly List<(long Place, ColumnForm Form, byte[] Data)> saving = [];

    // The chunk that was written last, by column: nearly always the next one too.
    (long Place, Column? Column)[] recent = [];
    long weight;
    int round, saved;

    public Columns(Connection connection)
    {
        Finder = connection.Prepare(FindSql);
        put = connection.Prepare("INSERT INTO column_part (id, form, data, hash) VALUES (?, ?, ?, ?)");
        delete = connection.Prepare("DELETE FROM column_part WHERE id BETWEEN ? AND ?");
    }

    /// <summary>The statement of the thread that writes the index.</summary>
    public Statement Finder { get; }

    /// <summary>Bytes of memory.</summary>
    public long Weight => Interlocked.Read(ref weight);

    /// <summary>Sets the value of a document; 0 for none. Only for the thread that writes the index.</summary>
    public void Set(int column, int document, ulong value)
    {
        var place = Place(column, document >> DocSet.Bits);
        if (column >= recent.Length)
        {
            Array.Resize(ref recent, column + 256);
        }

        ref var last = ref recent[column];
        if (last.Column is not { } chunk || last.Place != place)
        {
            chunk = loaded.TryGetValue(place, out var known) ? known : Load(place, Finder);
            last = (place, chunk);
        }

        var (wasChanged, before) = (chunk.IsChanged, chunk.Weight);
        chunk.Used = round;
        chunk.Set(document & (DocSet.Size - 1), value);
        if (chunk.Weight != before)
        {
            Interlocked.Add(ref weight, chunk.Weight - before);
        }

        if (chunk.IsChanged && !wasChanged)
        {
            changed.Add((place, chunk));
        }
    }

    /// <summary>The values of the first documents of a chunk; later ones have none.</summary>
    /// <param name="column">The column.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="finder">The caller's own statement for <see cref="FindSql"/>.</param>
    public ReadOnlySpan<ulong> Values(int column, int chunk, Statement finder)
    {
        var place = Place(column, chunk);
        var found = loaded.TryGetValue(place, out var known) ? known : Load(place, finder);
        found.Used = round;
        return found.Values;
    }

    /// <summary>Removes documents from all columns except that of their ids. Everything is saved, and the next save writes the columns whole.</summary>
    public void Forget(Connection connection, ILookup<int, int> documentsByChunk)
    {
        using var places = connection.Prepare($"SELECT DISTINCT id >> {SaveBits} FROM column_part");
        while (places.Step())
        {
            var (column, chunk) = ((int)(places.Integer(0) >> ChunkBits), (int)places.Integer(0) & ((1 << ChunkBits) - 1));
            foreach (var document in column == SearchIndex.IdColumn ? [] : documentsByChunk[chunk])
            {
                Set(column, document, 0);
                if (!recent[column].Column!.IsChanged)
                {
                    changed.Add(recent[column]!);
                }

                recent[column].Column!.MarkWhole();
            }
        }
    }

    /// <summary>Like <see cref="Postings.BeginSave"/>.</summary>
    public void BeginSave()
    {
        foreach (var (place, column) in changed)
        {
            var data = column.BeginSave(out var form);
            saving.Add((place, form, data));
        }

        changed.Clear();
        saving.Sort(static (a, b) => a.Place.CompareTo(b.Place));
        saved = 0;
    }

    /// <summary>Like <see cref="Postings.SaveSome"/>.</summary>
    /// <param name="save">The number of the save.</param>
    /// <param name="bytes">The number of bytes after which to stop.</param>
    public long SaveSome(long save, long bytes)
    {
        for (; saved < saving.Count && bytes > 0; saved++)
        {
            var (place, form, data) = saving[saved];
            put.Bind(IdOf(place, save)).Bind((int)form).Bind(data).Bind(Segment.HashOf(data)).Run();
            bytes -= data.Length;
        }

        return Math.Max(0, bytes);
    }

    /// <summary>Deletes what the whole columns of a save replace, in its last transaction.</summary>
    public void DropReplaced(long save)
    {
        foreach (var (place, form, _) in saving)
        {
            if (form != ColumnForm.Changes)
            {
                delete.Bind(IdOf(place, 0)).Bind(IdOf(place, save - 1)).Run();
            }
        }
    }

    /// <summary>Call after everything is written and committed: frees memory beyond <paramref name="budget"/> bytes, least recently used first. The caller holds the gate.</summary>
    public void EndSave(long budget)
    {
        saving.Clear();
        saving.TrimExcess();
        Array.Clear(recent);
        for (var age = 1; age >= 0 && Weight > budget; age--)
        {
            foreach (var (place, column) in loaded)
            {
                if (Weight > budget && column.Used <= round - age && !column.IsChanged)
                {
                    Interlocked.Add(ref weight, -column.Weight);
                    loaded.TryRemove(place, out _);
                    column.Release();
                }
            }
        }

        round++;
    }

    /// <summary>Deletes what a save wrote that was interrupted.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="save">The number of the last complete save.</param>
    public static void DropUnfinished(Connection connection, long save) =>
        connection.Execute($"DELETE FROM column_part WHERE id & {SaveMask} > {save}");

    public void Dispose()
    {
        Finder.Dispose();
        put.Dispose();
        delete.Dispose();
    }

    static long Place(int column, int chunk) => ((long)column << ChunkBits) | (uint)chunk;

    static long IdOf(long place, long save) => (place << SaveBits) | save;

    Column Load(long place, Statement finder)
    {
        var column = new Column();
        finder.Bind(IdOf(place, 0)).Bind(IdOf(place, SaveMask));
        while (finder.Step())
        {
            var data = finder.Blob(1);
            if (Segment.HashOf(data) != finder.Integer(2))
            {
                finder.Reset();
                throw SqliteFailure.Damaged("a column is not as it was written");
            }

            column.Load(data, (ColumnForm)finder.Integer(0));
        }

        // Also if it is empty, so that it isn't looked up repeatedly.
        if (!loaded.TryAdd(place, column))
        {
            return loaded[place]; // another search was faster
        }

        Interlocked.Add(ref weight, column.Weight);
        return column;
    }
}
