using System.Buffers;
using System.Runtime.InteropServices;

namespace Docket.Index;

/// <summary>What a save wrote of a column. The numbers are stored in the file.</summary>
internal enum ColumnForm
{
    /// <summary>The numbers of documents, and then their values.</summary>
    Changes = 0,

    /// <summary>All values.</summary>
    Whole = 1,

    /// <summary>Up to 256 different values, and then the place of each document's value among them, a byte each.</summary>
    Few = 2,
}

/// <summary>
/// One number for each document of a chunk: a value in a form that compares as the value does (<see cref="Key"/>), or something to
/// find it by. 0 means none.
/// </summary>
internal sealed class Column
{
    /// <summary>A column is saved whole once a quarter of its values has changed since it was; before that, only what changed.</summary>
    const int WholeShare = 4;

    /// <summary>Most different values in <see cref="ColumnForm.Few"/>, and their bytes.</summary>
    const int FewMax = 256, FewBytes = FewMax * sizeof(ulong);

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

    /// <summary>Gives its memory back. It must not be used any more.</summary>
    public void Release()
    {
        if (values.Length == DocSet.Size)
        {
            ArrayPool<ulong>.Shared.Return(values);
        }

        (values, count) = ([], 0);
    }

    /// <summary>What a save writes.</summary>
    public byte[] BeginSave(out ColumnForm form)
    {
        var saved = changed!;
        var changes = saved.Count();
        changed = null;
        if (changesInFile is not { } before || (before + changes) * WholeShare > count)
        {
            changesInFile = 0;
            var few = Few();
            form = few is null ? ColumnForm.Whole : ColumnForm.Few;
            return few ?? MemoryMarshal.AsBytes(Values).ToArray();
        }

        form = ColumnForm.Changes;
        changesInFile += changes;
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
    public void Load(ReadOnlySpan<byte> saved, ColumnForm form)
    {
        if (form == ColumnForm.Whole)
        {
            var whole = MemoryMarshal.Cast<byte, ulong>(saved);
            values = [];
            Grow(whole.Length);
            whole.CopyTo(values);
            (count, changesInFile) = (whole.Length, 0);
            return;
        }

        if (form == ColumnForm.Few)
        {
            var different = MemoryMarshal.Cast<byte, ulong>(saved[..FewBytes]);
            var places = saved[FewBytes..];
            values = [];
            Grow(places.Length);
            (count, changesInFile) = (places.Length, 0);
            for (var doc = 0; doc < places.Length; doc++)
            {
                values[doc] = different[places[doc]];
            }

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

    // Null if there are too many different values, or too few documents for the list of them.
    byte[]? Few()
    {
        var bytes = count < FewBytes ? [] : new byte[FewBytes + count];
        var different = new Dictionary<ulong, byte>();
        for (var doc = 0; doc < bytes.Length - FewBytes; doc++)
        {
            ref var place = ref bytes[FewBytes + doc];
            if (doc > 0 && values[doc] == values[doc - 1])
            {
                place = bytes[FewBytes + doc - 1];
            }
            else if (!different.TryGetValue(values[doc], out place))
            {
                if (different.Count == FewMax)
                {
                    return null;
                }

                place = (byte)different.Count;
                MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan())[place] = values[doc];
                different.Add(values[doc], place);
            }
        }

        return bytes.Length == 0 ? null : bytes;
    }

    void Put(int doc, ulong value)
    {
        if (doc >= values.Length)
        {
            Grow(Math.Min(DocSet.Size, Math.Max(doc + 1, values.Length * 2)));
        }

        values[doc] = value;
        count = Math.Max(count, doc + 1);
    }

    // Those of full chunks are large objects, which stay long after their use: the next one takes them over.
    void Grow(int length)
    {
        var grown = length == DocSet.Size ? ArrayPool<ulong>.Shared.Rent(length) : new ulong[length];
        values.CopyTo(grown);
        grown.AsSpan(values.Length).Clear();
        values = grown;
    }
}
