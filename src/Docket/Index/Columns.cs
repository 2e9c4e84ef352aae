using System.Collections.Concurrent;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>
/// The columns of a portal's documents, in chunks. Loaded on demand, also by searches, each through its own
/// connection.
/// </summary>
internal sealed class Columns(Connection connection) : IDisposable
{
    readonly ConcurrentDictionary<long, Column> loaded = new();
    readonly Statement put = connection.Prepare("INSERT INTO column_chunk (place, data) VALUES (?, ?) ON CONFLICT DO UPDATE SET data = excluded.data");

    // Since the current save began, and what that save contains.
    List<(long Place, Column Column)> dirty = [], saving = [];

    // The chunk that was written last, by column: nearly always the next one too.
    (long Place, Column? Column)[] recent = [];
    long weight;
    int round, saved;

    /// <summary>Reads one chunk.</summary>
    public const string FindSql = "SELECT data FROM column_chunk WHERE place = ?";

    /// <summary>The statement of the thread that writes the index.</summary>
    public Statement Finder { get; } = connection.Prepare(FindSql);

    /// <summary>Bytes of memory.</summary>
    public long Weight => Interlocked.Read(ref weight);

    /// <summary>Approximate bytes that the next save will write.</summary>
    public long DirtyBytes { get; private set; }

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

        var (wasDirty, before) = (chunk.Dirty, chunk.Weight);
        chunk.Used = round;
        chunk.Set(document & (DocSet.Size - 1), value);
        if (chunk.Weight != before)
        {
            Interlocked.Add(ref weight, chunk.Weight - before);
        }

        if (chunk.Dirty && !wasDirty)
        {
            dirty.Add((place, chunk));
            DirtyBytes += chunk.Weight;
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

    /// <summary>Like <see cref="Postings.BeginSave"/>.</summary>
    public void BeginSave()
    {
        (saving, dirty) = (dirty, saving);
        (saved, DirtyBytes) = (0, 0);
        saving.Sort(static (a, b) => a.Place.CompareTo(b.Place));
    }

    /// <summary>Like <see cref="Postings.SaveSome"/>.</summary>
    public long SaveSome(long bytes)
    {
        for (; saved < saving.Count && bytes > 0; saved++)
        {
            var (place, column) = saving[saved];
            put.Bind(place).Bind(column.ToBytes()).Run();
            column.Dirty = false;
            bytes -= column.Weight;
        }

        return Math.Max(0, bytes);
    }

    /// <summary>Like <see cref="Postings.EndSave"/>.</summary>
    public void EndSave(long budget)
    {
        saving.Clear();
        Array.Clear(recent);
        for (var age = 1; age >= 0 && Weight > budget; age--)
        {
            foreach (var (place, column) in loaded)
            {
                if (Weight > budget && column.Used <= round - age && !column.Dirty)
                {
                    Interlocked.Add(ref weight, -column.Weight);
                    loaded.TryRemove(place, out _);
                }
            }
        }

        round++;
    }

    public void Dispose()
    {
        Finder.Dispose();
        put.Dispose();
    }

    static long Place(int column, int chunk) => ((long)column << 32) | (uint)chunk;

    Column Load(long place, Statement finder)
    {
        if (!finder.Bind(place).Step())
        {
            return Keep(place, new Column()); // so that it isn't looked up repeatedly
        }

        var column = new Column(finder.Blob(0));
        finder.Reset();
        return Keep(place, column);
    }

    Column Keep(long place, Column column)
    {
        if (!loaded.TryAdd(place, column))
        {
            return loaded[place]; // another search was faster
        }

        Interlocked.Add(ref weight, column.Weight);
        return column;
    }
}
