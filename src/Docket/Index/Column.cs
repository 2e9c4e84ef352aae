using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>
/// One number for each document of a chunk: a value in a form that compares as the value does (<see cref="Key"/>), or something to
/// find it by. 0 means none.
/// </summary>
internal sealed class Column
{
    ulong[] values;
    int count;

    public Column() => values = [];

    /// <summary>Reads the result of <see cref="ToBytes"/>.</summary>
    public Column(ReadOnlySpan<byte> bytes)
    {
        values = MemoryMarshal.Cast<byte, ulong>(bytes).ToArray();
        count = values.Length;
    }

    /// <summary>The values of the first documents; later ones have none.</summary>
    public ReadOnlySpan<ulong> Values => values.AsSpan(0, count);

    /// <summary>Whether it differs from the file.</summary>
    public bool Dirty { get; set; }

    /// <summary>The flush during which it was last used (<see cref="Columns"/>).</summary>
    public int Used { get; set; }

    /// <summary>Bytes of memory.</summary>
    public int Weight => 100 + values.Length * sizeof(ulong);

    public void Set(int doc, ulong value)
    {
        if (doc >= values.Length)
        {
            if (value == 0)
            {
                return;
            }

            Array.Resize(ref values, Math.Min(DocSet.Size, Math.Max(doc + 1, values.Length * 2)));
        }

        values[doc] = value;
        count = Math.Max(count, doc + 1);
        Dirty = true;
    }

    /// <summary>The form in the file.</summary>
    public ReadOnlySpan<byte> ToBytes() => MemoryMarshal.AsBytes(Values);
}
