namespace Docket.Model;

/// <summary>
/// Iterates over a block of property values: the values of a record, or those that a change set.
/// Entries ascend by property number. Each consists of the number, a link and the length as variable-length integers, and the value in
/// UTF-8. The link refers to the change that set the value: in a record, counted from the record's first change; in a change, how far
/// back the change is that set the previous value, 0 if there is none. The history of one property is read by following its own links,
/// however often the record changed otherwise.
/// </summary>
internal ref struct ValueReader(ReadOnlySpan<byte> block)
{
    readonly ReadOnlySpan<byte> block = block;
    int start, position, valueStart;

    public int Number { get; private set; }

    public long Link { get; private set; }

    public readonly ReadOnlySpan<byte> Value => block[valueStart..position];

    /// <summary>Offset of <see cref="Value"/> in the block.</summary>
    public readonly int ValueStart => valueStart;

    /// <summary>The whole entry in the block.</summary>
    public readonly ReadOnlySpan<byte> Entry => block[start..position];

    public bool Next()
    {
        if (position == block.Length)
        {
            Number = int.MaxValue;
            return false;
        }

        start = position;
        Number = (int)ReadInteger();
        Link = ReadInteger();
        var length = (int)ReadInteger();
        valueStart = position;
        position += length;
        return true;
    }

    /// <summary>Moves to the entry of <paramref name="number"/>; <c>false</c> if the block has none.</summary>
    public bool Seek(int number)
    {
        while (Next())
        {
            if (Number >= number)
            {
                return Number == number;
            }
        }

        return false;
    }

    long ReadInteger()
    {
        long value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = block[position++];
            value |= (long)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }
}

/// <summary>Builds blocks for <see cref="ValueReader"/>. Entries are added in ascending order of property number.</summary>
internal sealed class ValueWriter
{
    byte[] buffer = new byte[4096];
    int length;

    public void Add(int number, long link, ReadOnlySpan<byte> value)
    {
        Reserve(value.Length + 24);
        WriteInteger(number);
        WriteInteger(link);
        WriteInteger(value.Length);
        value.CopyTo(buffer.AsSpan(length));
        length += value.Length;
    }

    /// <summary>Adds an entry unchanged from another block of the same record.</summary>
    public void Add(ReadOnlySpan<byte> entry)
    {
        Reserve(entry.Length);
        entry.CopyTo(buffer.AsSpan(length));
        length += entry.Length;
    }

    /// <summary>The finished block; the writer can then be reused.</summary>
    public byte[] Take()
    {
        var block = buffer.AsSpan(0, length).ToArray();
        length = 0;
        return block;
    }

    void Reserve(int more)
    {
        if (buffer.Length - length < more)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, length + more));
        }
    }

    void WriteInteger(long value)
    {
        while (value >= 0x80)
        {
            buffer[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        buffer[length++] = (byte)value;
    }
}
