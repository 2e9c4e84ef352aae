using System.Collections.Concurrent;
using System.IO.Hashing;
using Docket.Sqlite;

namespace Docket.Index;

/// <summary>The place of an entry in a segment: entries ascend by property, term and chunk.</summary>
internal readonly record struct Place(int Property, byte[] Term, int Chunk);

/// <summary>
/// Entries in order, each with the documents that a term of a property was added to and removed from in one chunk. An entry of a
/// later segment is applied after those of earlier ones. Never changed.
/// </summary>
/// <param name="Id">Its number in the file; 0 for one that is only in memory.</param>
/// <param name="Age">The number of the newest segment that was merged into it: its place among the others.</param>
/// <param name="Firsts">The first place of each block.</param>
/// <param name="Blocks">The blocks, unless they are in the file.</param>
/// <param name="Bytes">The bytes of its blocks.</param>
internal sealed record Segment(int Id, int Age, Place[] Firsts, byte[][]? Blocks, long Bytes)
{
    /// <summary>Bytes of a block: it fits into a page of the file, unless it is one long entry.</summary>
    public const int BlockSize = IndexFile.PageSize - 64;

    /// <summary>Where a block is in the file.</summary>
    public static long BlockId(int segment, int block) => ((long)segment << 32) | (uint)block;

    /// <summary>Shows whether bytes of the file are as they were written: SQLite does not see damage within a value.</summary>
    public static long HashOf(ReadOnlySpan<byte> bytes) => (long)XxHash3.HashToUInt64(bytes);

    /// <summary>The form of <see cref="Firsts"/> in the file: blocks of entries without documents.</summary>
    public byte[] Directory()
    {
        var writer = new SegmentWriter();
        foreach (var (property, term, chunk) in Firsts)
        {
            writer.Add(property, term, chunk, ReadOnlySpan<byte>.Empty, []);
        }

        return [.. writer.Finish(0, 0).Blocks!.SelectMany(block => block)];
    }

    /// <summary>Reads a segment of the file.</summary>
    public static Segment Read(int id, int age, long bytes, ReadOnlySpan<byte> directory, long hash)
    {
        if (HashOf(directory) != hash)
        {
            throw SqliteFailure.Damaged("a directory is not as it was written");
        }

        var firsts = new List<Place>();
        var cursor = new SegmentCursor(new Segment(0, 0, [new(0, [], 0)], [directory.ToArray()], 0), _ => []);
        while (cursor.Next())
        {
            firsts.Add(new(cursor.Property, cursor.Term.ToArray(), cursor.Chunk));
        }

        return new(id, age, [.. firsts], null, bytes);
    }
}

/// <summary>Writes entries, which must come in order, into blocks.</summary>
internal sealed class SegmentWriter
{
    readonly List<Place> firsts = [];
    byte[] buffer = new byte[4096], added = [], removed = [];
    int length;

    /// <summary>The finished blocks that have not been taken away.</summary>
    public List<byte[]> Blocks { get; } = [];

    /// <summary>The bytes of all blocks, including those that were taken away.</summary>
    public long Bytes { get; private set; }

    /// <summary>Adds an entry, unless both sets are empty.</summary>
    public void Add(int property, ReadOnlySpan<byte> term, int chunk, DocSet added, DocSet removed)
    {
        var adds = Docs.ToBytes(added, ref this.added);
        var removes = Docs.ToBytes(removed, ref this.removed);
        if (adds.Length + removes.Length > 0)
        {
            Add(property, term, chunk, adds, removes);
        }
    }

    public void Add(int property, ReadOnlySpan<byte> term, int chunk, ReadOnlySpan<byte> added, ReadOnlySpan<byte> removed)
    {
        var most = term.Length + added.Length + removed.Length + (5 * 5);
        if (length + most > Segment.BlockSize)
        {
            Cut();
        }

        if (buffer.Length < length + most)
        {
            Array.Resize(ref buffer, Math.Max(length + most, Segment.BlockSize));
        }

        if (length == 0)
        {
            firsts.Add(new(property, term.ToArray(), chunk));
        }

        WriteInteger(property);
        WriteInteger(chunk);
        WriteInteger(term.Length);
        WriteInteger(added.Length);
        WriteInteger(removed.Length);
        Write(term);
        Write(added);
        Write(removed);
    }

    /// <summary>The segment, after the last entry.</summary>
    public Segment Finish(int id, int age)
    {
        Cut();
        return new(id, age, [.. firsts], [.. Blocks], Bytes);
    }

    void Cut()
    {
        if (length > 0)
        {
            Blocks.Add(buffer.AsSpan(0, length).ToArray());
            Bytes += length;
            length = 0;
        }
    }

    void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }

    void WriteInteger(int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            buffer[length++] = (byte)(value | 0x80);
        }

        buffer[length++] = (byte)value;
    }
}

/// <summary>
/// The blocks that searches have read last, up to a number of bytes. A block never changes, and its number is never used again.
/// </summary>
internal sealed class BlockCache
{
    /// <summary>Reads one block.</summary>
    public const string FindSql = "SELECT data, hash FROM block WHERE id = ?";

    const long BytesMax = 8L << 20;

    readonly ConcurrentDictionary<long, byte[]> blocks = new();
    long bytes;

    /// <summary>Returns a block, read through the caller's own statement for <see cref="FindSql"/> if it isn't here.</summary>
    public byte[] Find(long id, Statement finder)
    {
        if (blocks.TryGetValue(id, out var known))
        {
            return known;
        }

        var block = Read(id, finder);
        if (Interlocked.Add(ref bytes, block.Length) > BytesMax)
        {
            Clear();
        }

        return blocks[id] = block;
    }

    /// <summary>Reads a block and does not keep it.</summary>
    public static byte[] Read(long id, Statement finder)
    {
        if (!finder.Bind(id).Step())
        {
            throw SqliteFailure.Damaged("a block is missing");
        }

        var block = finder.Blob(0).ToArray();
        var hash = finder.Integer(1);
        finder.Reset();
        return Segment.HashOf(block) == hash ? block : throw SqliteFailure.Damaged("a block is not as it was written");
    }

    public void Clear()
    {
        blocks.Clear();
        Interlocked.Exchange(ref bytes, 0);
    }
}

/// <summary>Reads the entries of a segment in order.</summary>
/// <param name="segment">The segment.</param>
/// <param name="find">Finds a block of the file.</param>
internal sealed class SegmentCursor(Segment segment, Func<long, byte[]> find)
{
    byte[] block = [];
    int number = -1, position, term, termLength, addedLength, removedLength;

    public int Property { get; private set; }

    public int Chunk { get; private set; }

    public ReadOnlySpan<byte> Term => block.AsSpan(term, termLength);

    /// <summary>Documents that the term was added to (<see cref="Docs"/>).</summary>
    public ReadOnlySpan<byte> Added => block.AsSpan(term + termLength, addedLength);

    /// <summary>Documents that it was removed from. None of them is in <see cref="Added"/>.</summary>
    public ReadOnlySpan<byte> Removed => block.AsSpan(term + termLength + addedLength, removedLength);

    /// <summary>Moves to the first entry of a term, or the next one after it; <c>false</c> if there is none.</summary>
    public bool Seek(int property, ReadOnlySpan<byte> wanted)
    {
        // The last block that begins before it.
        var (low, high) = (0, segment.Firsts.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var (ofProperty, ofTerm, ofChunk) = segment.Firsts[middle];
            if (Compare(ofProperty, ofTerm, ofChunk, property, wanted, 0) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        (number, block, position) = (Math.Max(0, low - 1) - 1, [], 0);
        while (Next())
        {
            if (Compare(Property, Term, Chunk, property, wanted, 0) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Moves to the next entry.</summary>
    public bool Next()
    {
        if (position == block.Length)
        {
            if (++number >= segment.Firsts.Length)
            {
                return false;
            }

            (block, position) = (segment.Blocks?[number] ?? find(Segment.BlockId(segment.Id, number)), 0);
        }

        Property = ReadInteger();
        Chunk = ReadInteger();
        (termLength, addedLength, removedLength) = (ReadInteger(), ReadInteger(), ReadInteger());
        term = position;
        position += termLength + addedLength + removedLength;
        return true;
    }

    /// <summary>The order of two entries' places.</summary>
    public int CompareTo(SegmentCursor other) => Compare(Property, Term, Chunk, other.Property, other.Term, other.Chunk);

    static int Compare(int property, ReadOnlySpan<byte> term, int chunk, int otherProperty, ReadOnlySpan<byte> otherTerm, int otherChunk) =>
        property != otherProperty ? property.CompareTo(otherProperty)
        : term.SequenceCompareTo(otherTerm) is var order and not 0 ? order
        : chunk.CompareTo(otherChunk);

    int ReadInteger()
    {
        var value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = block[position++];
            value |= (part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }
}
