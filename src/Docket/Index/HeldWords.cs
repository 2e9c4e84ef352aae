using System.Numerics;

namespace Docket.Index;

/// <summary>The words of a text, to find out which of them another text no longer has. A word is identified by its hash (<see cref="Key.OfHash"/>).</summary>
internal sealed class HeldWords
{
    (ulong Hash, Range Range)[] words = new (ulong, Range)[64];
    int[] slots = new int[128]; // by hash: the number of a word, from 1
    int count, mask;

    public bool IsEmpty => count == 0;

    /// <summary>The words, each once; those that were kept have an empty range.</summary>
    public ReadOnlySpan<(ulong Hash, Range Range)> Rest => words.AsSpan(0, count);

    /// <summary>Forgets all words. Those of a text of this many bytes can be added then.</summary>
    public void Clear(int bytes)
    {
        var most = (bytes / 2) + 1;
        if (words.Length < most)
        {
            words = new (ulong, Range)[most];
            slots = new int[BitOperations.RoundUpToPowerOf2((uint)most * 2)];
        }

        mask = (int)BitOperations.RoundUpToPowerOf2((uint)most * 2) - 1;
        slots.AsSpan(0, mask + 1).Clear();
        count = 0;
    }

    public void Add(ulong hash, Range range)
    {
        ref var slot = ref SlotOf(hash);
        if (slot == 0)
        {
            words[count] = (hash, range);
            slot = ++count;
        }
    }

    /// <summary>Notes that a word is in the other text too; <c>false</c> if it isn't one of these.</summary>
    public bool Keep(ulong hash)
    {
        if (SlotOf(hash) is var number and > 0)
        {
            words[number - 1].Range = default;
            return true;
        }

        return false;
    }

    ref int SlotOf(ulong hash)
    {
        var at = (int)hash & mask;
        while (slots[at] is var number and > 0 && words[number - 1].Hash != hash)
        {
            at = (at + 1) & mask;
        }

        return ref slots[at];
    }
}
