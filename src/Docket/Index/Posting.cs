using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>
/// The documents of one chunk that contain a term: a sorted list if they are few, bits if they are many. Always the smaller of the
/// two, in memory and in the file.
/// </summary>
internal sealed class Posting
{
    /// <summary>Most documents in a list: more of them need less space as bits. The length in bytes therefore shows which of the two it is.</summary>
    const int ListMax = DocSet.Size / 16 - 1;

    ushort[] list;
    int count;
    DocSet? bits;

    public Posting() => list = new ushort[2];

    /// <summary>Reads the result of <see cref="ToBytes"/>.</summary>
    public Posting(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > ListMax * sizeof(ushort))
        {
            (list, bits) = ([], new DocSet());
            MemoryMarshal.Cast<byte, ulong>(bytes).CopyTo(bits.Span);
        }
        else
        {
            list = MemoryMarshal.Cast<byte, ushort>(bytes).ToArray();
            count = list.Length;
        }
    }

    /// <summary>Whether it differs from the file.</summary>
    public bool Dirty { get; private set; }

    /// <summary>The flush during which it was last used (<see cref="Postings"/>).</summary>
    public int Used { get; set; }

    public bool IsEmpty => bits is null ? count == 0 : bits.Next(0) < 0;

    /// <summary>Approximate bytes of memory.</summary>
    public int Weight => 250 + (bits is null ? list.Length * sizeof(ushort) : DocSet.Size / 8);

    /// <summary>Adds a document; <c>false</c> if it was already there.</summary>
    public bool Add(int doc)
    {
        if (bits is not null)
        {
            if (bits.Contains(doc))
            {
                return false;
            }

            bits.Add(doc);
            return Dirty = true;
        }

        // Nearly always at the end or already there: new tickets have the highest numbers, and words repeat within a ticket.
        var at = count > 0 && list[count - 1] <= doc ? list[count - 1] == doc ? count - 1 : ~count : list.AsSpan(0, count).BinarySearch((ushort)doc);
        if (at >= 0)
        {
            return false;
        }

        if (count == ListMax)
        {
            var all = new DocSet();
            OrInto(all);
            all.Add(doc);
            (list, count, bits) = ([], 0, all);
            return Dirty = true;
        }

        if (count == list.Length)
        {
            Array.Resize(ref list, Math.Max(2, count * 2));
        }

        list.AsSpan(~at, count - ~at).CopyTo(list.AsSpan(~at + 1));
        list[~at] = (ushort)doc;
        count++;
        return Dirty = true;
    }

    /// <summary>Removes a document; <c>false</c> if it was not there.</summary>
    public bool Remove(int doc)
    {
        if (bits is not null)
        {
            if (!bits.Contains(doc))
            {
                return false;
            }

            bits.Remove(doc);
            return Dirty = true;
        }

        if (list.AsSpan(0, count).BinarySearch((ushort)doc) is var at && at < 0)
        {
            return false;
        }

        list.AsSpan(at + 1, count - at - 1).CopyTo(list.AsSpan(at));
        count--;
        return Dirty = true;
    }

    /// <summary>Adds its documents to a set.</summary>
    public void OrInto(DocSet set)
    {
        if (bits is not null)
        {
            set.Or(bits);
            return;
        }

        foreach (var doc in list.AsSpan(0, count))
        {
            set.Add(doc);
        }
    }

    /// <summary>Adds the documents in the file's bytes to a set.</summary>
    public static void OrInto(ReadOnlySpan<byte> bytes, DocSet set)
    {
        if (bytes.Length > ListMax * sizeof(ushort))
        {
            var from = MemoryMarshal.Cast<byte, ulong>(bytes);
            var to = set.Span;
            for (var i = 0; i < to.Length; i++)
            {
                to[i] |= from[i];
            }

            return;
        }

        foreach (var doc in MemoryMarshal.Cast<byte, ushort>(bytes))
        {
            set.Add(doc);
        }
    }

    /// <summary>Whether the file's bytes contain a document.</summary>
    public static bool Contains(ReadOnlySpan<byte> bytes, int doc) => bytes.Length > ListMax * sizeof(ushort)
        ? (bytes[doc >> 3] & (1 << (doc & 7))) != 0
        : MemoryMarshal.Cast<byte, ushort>(bytes).BinarySearch((ushort)doc) >= 0;

    /// <summary>The form in the file; empty if no document is left.</summary>
    public ReadOnlySpan<byte> ToBytes()
    {
        if (bits is null)
        {
            return MemoryMarshal.AsBytes(list.AsSpan(0, count));
        }

        var left = bits.Count();
        if (left > ListMax / 2)
        {
            return MemoryMarshal.AsBytes(bits.Span);
        }

        var few = new ushort[left];
        for (var (i, doc) = (0, -1); i < left; i++)
        {
            few[i] = (ushort)(doc = bits.Next(doc + 1));
        }

        return MemoryMarshal.AsBytes(few);
    }

    /// <summary>Marks it as saved.</summary>
    public void Saved() => Dirty = false;
}
