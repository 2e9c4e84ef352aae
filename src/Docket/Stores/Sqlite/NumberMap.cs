namespace Docket.Stores.Sqlite;

/// <summary>
/// Numbers by numbers, neither of them 0, in less memory than a dictionary. It has parts that grow one after another, so that no caller
/// waits for a copy of the whole.
/// </summary>
internal sealed class NumberMap
{
    /// <summary>What an entry needs: 19 when its part is full, 28 when that has just grown.</summary>
    public const int BytesPerEntry = 24;

    const int PartBits = 10;
    const int SlotsMin = 4;

    // Key and number in turns; an entry without a key is free, one without a number was removed.
    readonly long[][] parts = new long[1 << PartBits][];
    readonly int[] used = new int[1 << PartBits];

    /// <summary>How many entries there are, including removed ones that still take space.</summary>
    public int Count { get; private set; }

    /// <summary>Finds the number of a key; 0 if there is none.</summary>
    public long Find(long key) => parts[PartOf(Spread(key))] is { } slots ? slots[Slot(slots, key) + 1] : 0;

    /// <summary>Sets the number of a key; 0 removes it.</summary>
    public void Set(long key, long number)
    {
        var part = PartOf(Spread(key));
        var slots = parts[part] ??= new long[SlotsMin * 2];
        var slot = Slot(slots, key);
        if (slots[slot] == 0)
        {
            if (number == 0)
            {
                return;
            }

            if ((used[part] + 1) * 7 > slots.Length * 3) // six of seven slots are used
            {
                slots = parts[part] = Grown(part);
                slot = Slot(slots, key);
            }

            slots[slot] = key;
            used[part]++;
            Count++;
        }

        slots[slot + 1] = number;
    }

    static ulong Spread(long key) => (ulong)key * 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio: spreads ids in order evenly

    static int PartOf(ulong spread) => (int)(spread >> (64 - PartBits));

    // Where a key is, or belongs.
    static int Slot(long[] slots, long key)
    {
        var slot = (int)Math.BigMul(Spread(key) << PartBits, (ulong)slots.Length / 2, out _) * 2;
        while (slots[slot] != 0 && slots[slot] != key)
        {
            slot = slot + 2 == slots.Length ? 0 : slot + 2;
        }

        return slot;
    }

    long[] Grown(int part)
    {
        var old = parts[part];
        var grown = new long[old.Length + (old.Length / 4 * 2)];
        Count -= used[part];
        used[part] = 0;
        for (var from = 0; from < old.Length; from += 2)
        {
            if (old[from + 1] != 0)
            {
                var to = Slot(grown, old[from]);
                (grown[to], grown[to + 1]) = (old[from], old[from + 1]);
                used[part]++;
            }
        }

        Count += used[part];
        return grown;
    }
}
