using System.IO.Compression;

namespace Docket.Stores;

/// <summary>The results of a step in the form in which they are stored.</summary>
internal sealed record PackedRows(JobRows Rows, byte[] Lines, byte[]? Rejected)
{
    public static PackedRows Of(JobRows rows) =>
        new(rows, Pack(rows.Lines.Span), rows.Failed > 0 ? Pack(rows.Rejected.Span) : null);

    // Results repeat the same names a hundred times: compressed, they take a tenth of the space.
    public static byte[] Pack(ReadOnlySpan<byte> lines)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Fastest))
        {
            deflate.Write(lines);
        }

        return packed.ToArray();
    }

    /// <summary>The lines of results, each with a line break at its end.</summary>
    public static byte[] Unpack(ReadOnlySpan<byte> packed)
    {
        using var lines = new MemoryStream();
        using var deflate = new DeflateStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        deflate.CopyTo(lines);
        return lines.ToArray();
    }
}
