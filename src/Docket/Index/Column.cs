using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>
/// One number for each document of a chunk: a value in a form that compares as the value does (<see cref="Key"/>), or something to
/// find it by. 0 means none.
/// </summary>
internal sealed class Column
{
    /// <summary>A column is saved whole once a quarter of its values has changed since it was; before that, only what changed.</summary>
    const int WholeShare = 4;

    const int ChangeSize = sizeof(ushort) + sizeof(ulong);

    ulong[] values = [];
    int count;

    // Since the last save began.
    DocSet? changed;

    // In the file beyond the whole column; null if the file does not have it.
    int? changesInFile;

    /// <summary>The values of the first documents; later ones have none.</summary>
    public ReadOnlySpan<ulong> Values => values.AsSpan(0, count);

    /// <summary>Whether it changed since the last save began.</summary>
    public bool IsChanged => changed is not null;

    /// <summary>The save during which it was last used (<see cref="Columns"/>).</summary>
    public int Used { get; set; }

    /// <summary>Bytes of memory.</summary>
    public int Weight => 100 + (values.Length * sizeof(ulong));

    public void Set(int doc, ulong value)
    {
        if (value == (doc < count ? values[doc] : 0))
        {
            return;
        }

        Put(doc, value);
        (changed ??= new()).Add(doc);
    }

    /// <summary>Ensures that the next save writes it whole.</summary>
    public void MarkWhole()
    {
        changed ??= new();
        changesInFile = null;
    }

    /// <summary>What a save writes: the whole column, or the numbers of changed documents and then their values.</summary>
    public byte[] BeginSave(out bool whole)
    {
        var saved = changed!;
        var changes = saved.Count();
        changed = null;
        whole = changesInFile is not { } before || (before + changes) * WholeShare > count;
        changesInFile = whole ? 0 : changesInFile + changes;
        if (whole)
        {
            return MemoryMarshal.AsBytes(Values).ToArray();
        }

        var bytes = new byte[changes * ChangeSize];
        var docs = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan(0, changes * sizeof(ushort)));
        var news = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan(changes * sizeof(ushort)));
        for (var (i, doc) = (0, saved.Next(0)); doc >= 0; i++, doc = saved.Next(doc + 1))
        {
            (docs[i], news[i]) = ((ushort)doc, values[doc]);
        }

        return bytes;
    }

    /// <summary>Applies what a save wrote, in the order of saves.</summary>
    public void Load(ReadOnlySpan<byte> saved, bool whole)
    {
        if (whole)
        {
            values = MemoryMarshal.Cast<byte, ulong>(saved).ToArray();
            (count, changesInFile) = (values.Length, 0);
            return;
        }

        var changes = saved.Length / ChangeSize;
        var docs = MemoryMarshal.Cast<byte, ushort>(saved[..(changes * sizeof(ushort))]);
        var news = MemoryMarshal.Cast<byte, ulong>(saved[(changes * sizeof(ushort))..]);
        for (var i = 0; i < docs.Length; i++)
        {
            Put(docs[i], news[i]);
        }

        changesInFile += changes;
    }

    void Put(int doc, ulong value)
    {
        if (doc >= values.Length)
        {
            Array.Resize(ref values, Math.Min(DocSet.Size, Math.Max(doc + 1, values.Length * 2)));
        }

        values[doc] = value;
        count = Math.Max(count, doc + 1);
    }
}
