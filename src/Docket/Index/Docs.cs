using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>Documents of one chunk as bytes: a sorted list of 16-bit numbers if they are few, bits if they are many, always the smaller of the two.</summary>
internal static class Docs
{
    /// <summary>Most documents in a list: more of them need less space as bits. The length in bytes therefore shows which of the two it is.</summary>
    const int ListMax = (DocSet.Size / 16) - 1;

    const int ListBytesMax = ListMax * sizeof(ushort);

    /// <summary>The bytes of a set: its own, or those of a list in <paramref name="buffer"/>.</summary>
    public static ReadOnlySpan<byte> ToBytes(DocSet set, ref byte[] buffer)
    {
        var count = set.Count();
        if (count > ListMax)
        {
            return MemoryMarshal.AsBytes(set.Span);
        }

        if (buffer.Length < count * sizeof(ushort))
        {
            buffer = new byte[ListBytesMax];
        }

        var list = MemoryMarshal.Cast<byte, ushort>(buffer.AsSpan())[..count];
        for (var (i, doc) = (0, -1); i < count; i++)
        {
            list[i] = (ushort)(doc = set.Next(doc + 1));
        }

        return MemoryMarshal.AsBytes(list);
    }

    /// <summary>Adds the documents to a set.</summary>
    public static void OrInto(ReadOnlySpan<byte> bytes, DocSet set)
    {
        if (bytes.Length <= ListBytesMax)
        {
            foreach (var doc in MemoryMarshal.Cast<byte, ushort>(bytes))
            {
                set.Add(doc);
            }

            return;
        }

        var from = MemoryMarshal.Cast<byte, ulong>(bytes);
        var to = set.Span;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] |= from[i];
        }
    }

    /// <summary>Removes the documents from a set.</summary>
    public static void RemoveFrom(ReadOnlySpan<byte> bytes, DocSet set)
    {
        if (bytes.Length <= ListBytesMax)
        {
            foreach (var doc in MemoryMarshal.Cast<byte, ushort>(bytes))
            {
                set.Remove(doc);
            }

            return;
        }

        var from = MemoryMarshal.Cast<byte, ulong>(bytes);
        var to = set.Span;
        for (var i = 0; i < to.Length; i++)
        {
            to[i] &= ~from[i];
        }
    }
}
