using System.Security.Cryptography;

namespace Docket.Stores.Moving;

/// <summary>The number of rows and a checksum of them, in order. It is the same whatever engine they are read from.</summary>
internal sealed class RowDigest : IDisposable
{
    readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly MemoryStream row = new();
    readonly BinaryWriter writer;

    public RowDigest() => writer = new(row);

    public long Rows { get; private set; }

    /// <summary>Adds a row.</summary>
    /// <returns>Its bytes, until the next one.</returns>
    public ReadOnlySpan<byte> Add(object?[] cells)
    {
        row.SetLength(0);
        foreach (var cell in cells)
        {
            Write(cell);
        }

        writer.Flush();
        var bytes = row.GetBuffer().AsSpan(0, (int)row.Length);
        hash.AppendData(bytes);
        Rows++;
        return bytes;
    }

    /// <summary>The checksum as text.</summary>
    public override string ToString() => Convert.ToHexStringLower(hash.GetCurrentHash());

    public void Dispose()
    {
        hash.Dispose();
        writer.Dispose();
    }

    void Write(object? cell)
    {
        switch (cell)
        {
            case null:
                writer.Write((byte)0);
                break;
            case long number:
                writer.Write((byte)1);
                writer.Write(number);
                break;
            case string text:
                writer.Write((byte)2);
                writer.Write(text);
                break;
            case byte[] bytes:
                writer.Write((byte)3);
                writer.Write7BitEncodedInt(bytes.Length);
                writer.Write(bytes);
                break;
            case (long Name, int Row)[] names:
                writer.Write((byte)4);
                writer.Write7BitEncodedInt(names.Length);
                foreach (var (name, place) in names)
                {
                    writer.Write(name);
                    writer.Write(place);
                }

                break;
            default:
                throw new InvalidOperationException($"A row can't contain a {cell.GetType()}.");
        }
    }
}
