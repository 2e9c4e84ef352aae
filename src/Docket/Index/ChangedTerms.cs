using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>Whether a term is one of those that are looked for.</summary>
internal delegate bool TermTest(ReadOnlySpan<byte> term);

/// <summary>
/// The terms of a property that documents got or lost since the last save, in a few arrays: a word that was never seen before costs
/// an entry and the bytes of its text, and no object. Searches read it while nothing changes it.
/// </summary>
internal sealed class ChangedTerms(int property)
{
    /// <summary>Most changes of a term that are sorted; more are counted out in sets.</summary>
    const int SortMax = 64;

    /// <summary>Changes in the first and in the largest block of a term.</summary>
    const int BlockMin = 4, BlockMax = 512;

    Entry[] entries = new Entry[16];
    ulong[] slots = new ulong[32]; // by hash: the upper half of the hash and the number of an entry, from 1
    byte[] texts = new byte[128];
    int[] changes = new int[64];
    int count, textsLength, changesLength = 1; // a block at 0 is none

    /// <summary>Bytes in use.</summary>
    public long Bytes => (count * 48L) + textsLength + (changesLength * sizeof(int));

    /// <summary>Adds a document to a term, or removes it.</summary>
    /// <param name="term">The term.</param>
    /// <param name="hash">The hash of the term, which identifies it (<see cref="Key.OfHash"/>).</param>
    /// <param name="document">The document.</param>
    /// <param name="add">Whether to add it.</param>
    public void Change(ReadOnlySpan<byte> term, ulong hash, int document, bool add)
    {
        var slot = SlotOf(hash);
        if (slots[slot] == 0)
        {
            slot = Begin(term, hash, slot);
        }

        ref var entry = ref entries[(uint)slots[slot] - 1];
        var change = (document << 1) | (add ? 0 : 1);
        if (entry.Count == 0)
        {
            (entry.Head, entry.Count) = (change, 1);
        }
        else if (change != (entry.Count == 1 ? entry.Head : changes[entry.Next - 1])) // nearly always a word that occurs again in the same text
        {
            if (entry.Count == 1)
            {
                var first = entry.Head;
                (entry.Head, entry.Count) = (0, 0);
                Append(ref entry, first);
            }

            Append(ref entry, change);
        }
    }

    /// <summary>Forgets everything and keeps the memory.</summary>
    public void Clear()
    {
        Array.Clear(slots);
        (count, textsLength, changesLength) = (0, 0, 1);
    }

    /// <summary>Writes everything.</summary>
    public void WriteTo(SegmentWriter writer)
    {
        var numbers = new int[count];
        for (var i = 0; i < count; i++)
        {
            numbers[i] = i;
        }

        Write(numbers, writer);
    }

    /// <summary>Writes one term, if it has changed.</summary>
    public void WriteTo(SegmentWriter writer, ulong hash)
    {
        if (slots[SlotOf(hash)] is var found and > 0)
        {
            Write([(int)(uint)found - 1], writer);
        }
    }

    /// <summary>Writes the terms that fit.</summary>
    public void WriteTo(SegmentWriter writer, TermTest fits)
    {
        var numbers = new List<int>();
        for (var i = 0; i < count; i++)
        {
            if (fits(TextOf(entries[i])))
            {
                numbers.Add(i);
            }
        }

        Write(CollectionsMarshal.AsSpan(numbers), writer);
    }

    void Write(Span<int> numbers, SegmentWriter writer)
    {
        // By the beginning of the text, which nearly always decides.
        var keys = new ulong[numbers.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = Key.OfText(TextOf(entries[numbers[i]]));
        }

        keys.AsSpan().Sort(numbers);
        for (var (from, to) = (0, 1); from < keys.Length; from = to++)
        {
            while (to < keys.Length && keys[to] == keys[from])
            {
                to++;
            }

            if (to > from + 1)
            {
                numbers[from..to].Sort((a, b) => TextOf(entries[a]).SequenceCompareTo(TextOf(entries[b])));
            }
        }

        var sets = new ChunkSets();
        foreach (var number in numbers)
        {
            ref var entry = ref entries[number];
            if (entry.Count == 1)
            {
                var doc = MemoryMarshal.AsBytes([(ushort)(entry.Head >> 1)]);
                var added = (entry.Head & 1) == 0;
                writer.Add(property, TextOf(entry), entry.Head >> 1 >> DocSet.Bits, added ? doc : default, added ? default : doc);
            }
            else if (entry.Count <= SortMax)
            {
                WriteSorted(entry, writer);
            }
            else
            {
                for (var list = new Changes(changes, entry); list.Next();)
                {
                    sets.Add(list.Current >> 1, (list.Current & 1) == 0);
                }

                sets.WriteAndClear(property, TextOf(entry), writer);
            }
        }
    }

    // The last change of each document counts.
    void WriteSorted(in Entry entry, SegmentWriter writer)
    {
        Span<ulong> sorted = stackalloc ulong[entry.Count];
        var list = new Changes(changes, entry);
        for (var i = 0; list.Next(); i++)
        {
            sorted[i] = ((ulong)(list.Current >> 1) << 32) | ((ulong)i << 1) | (uint)(list.Current & 1);
        }

        sorted.Sort();
        Span<ushort> added = stackalloc ushort[sorted.Length], removed = stackalloc ushort[sorted.Length];
        for (var (i, adds, removes) = (0, 0, 0); i < sorted.Length; i++)
        {
            var document = (int)(sorted[i] >> 32);
            var next = i + 1 < sorted.Length ? (int)(sorted[i + 1] >> 32) : -1;
            if (next == document)
            {
                continue;
            }

            _ = (sorted[i] & 1) == 0 ? added[adds++] = (ushort)document : removed[removes++] = (ushort)document;
            if (next >> DocSet.Bits != document >> DocSet.Bits)
            {
                writer.Add(property, TextOf(entry), document >> DocSet.Bits, MemoryMarshal.AsBytes(added[..adds]), MemoryMarshal.AsBytes(removed[..removes]));
                (adds, removes) = (0, 0);
            }
        }
    }

    // Returns its slot.
    int Begin(ReadOnlySpan<byte> term, ulong hash, int slot)
    {
        if (count == entries.Length)
        {
            Array.Resize(ref entries, count * 2);
            slots = new ulong[entries.Length * 2];
            for (var i = 0; i < count; i++)
            {
                slots[SlotOf(entries[i].Hash)] = Slot(entries[i].Hash, i + 1);
            }

            slot = SlotOf(hash);
        }

        if (textsLength + term.Length > texts.Length)
        {
            Array.Resize(ref texts, Math.Max(texts.Length * 2, textsLength + term.Length));
        }

        term.CopyTo(texts.AsSpan(textsLength));
        entries[count] = new() { Hash = hash, Text = textsLength, Length = term.Length };
        textsLength += term.Length;
        slots[slot] = Slot(hash, ++count);
        return slot;
    }

    static ulong Slot(ulong hash, int number) => (hash & ~(ulong)uint.MaxValue) | (uint)number;

    int SlotOf(ulong hash)
    {
        var at = (int)hash & (slots.Length - 1);
        while (slots[at] is var found and > 0 && (found >> 32 != hash >> 32 || entries[(uint)found - 1].Hash != hash))
        {
            at = (at + 1) & (slots.Length - 1);
        }

        return at;
    }

    ReadOnlySpan<byte> TextOf(in Entry entry) => texts.AsSpan(entry.Text, entry.Length);

    // The changes of a term are in blocks, each twice as long as the one before, with the place of the next at the end.
    void Append(ref Entry entry, int change)
    {
        if (entry.Next == entry.End)
        {
            var size = Math.Min(BlockMax, entry.Count + BlockMin);
            if (changesLength + size + 1 > changes.Length)
            {
                Array.Resize(ref changes, changes.Length * 2 + size);
            }

            _ = entry.Head == 0 ? entry.Head = changesLength : changes[entry.End] = changesLength;
            (entry.Next, entry.End) = (changesLength, changesLength + size);
            changesLength += size + 1;
        }

        changes[entry.Next++] = change;
        entry.Count++;
    }

    // A single change is in place of the first block. A cache line has two of these.
    struct Entry
    {
        public ulong Hash;
        public int Text, Length, Count, Head, Next, End;
    }

    /// <summary>The changes of a term with several, in order: twice the document, and one more if it was removed.</summary>
    ref struct Changes(int[] changes, in Entry entry)
    {
        int left = entry.Count, at = entry.Head, size = BlockMin, end = entry.Head + BlockMin;

        public int Current { get; private set; }

        public bool Next()
        {
            if (left-- == 0)
            {
                return false;
            }

            if (at == end)
            {
                at = changes[end];
                size = Math.Min(BlockMax, size * 2);
                end = at + size;
            }

            Current = changes[at++];
            return true;
        }
    }
}

/// <summary>The documents that a term was added to and those that it was removed from, as sets for each chunk.</summary>
internal sealed class ChunkSets
{
    readonly SortedDictionary<int, (DocSet Added, DocSet Removed)> used = [];
    readonly Stack<(DocSet Added, DocSet Removed)> free = [];
    (DocSet Added, DocSet Removed) last;
    int lastChunk = -1;

    /// <summary>Adds a document, or removes it.</summary>
    public void Add(int document, bool add)
    {
        var (chunk, doc) = (document >> DocSet.Bits, document & (DocSet.Size - 1));
        if (chunk != lastChunk)
        {
            if (!used.TryGetValue(chunk, out last))
            {
                used[chunk] = last = free.TryPop(out var cleared) ? cleared : (new(), new());
            }

            lastChunk = chunk;
        }

        (add ? last.Added : last.Removed).Add(doc);
        (add ? last.Removed : last.Added).Remove(doc);
    }

    /// <summary>Writes them as entries of a term.</summary>
    public void WriteAndClear(int property, ReadOnlySpan<byte> term, SegmentWriter writer)
    {
        foreach (var (chunk, sets) in used)
        {
            writer.Add(property, term, chunk, sets.Added, sets.Removed);
            sets.Added.Clear();
            sets.Removed.Clear();
            free.Push(sets);
        }

        used.Clear();
        lastChunk = -1;
    }
}
