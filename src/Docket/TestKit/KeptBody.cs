namespace Docket.TestKit;

/// <summary>A request's body that keeps a copy of the first bytes that are read, up to a limit. Whoever reads it sees no difference.</summary>
/// <param name="inner">The body.</param>
/// <param name="max">The most bytes to keep.</param>
internal sealed class KeptBody(Stream inner, int max) : Stream
{
    readonly MemoryStream kept = new();

    /// <summary>The first bytes that were read.</summary>
    public ReadOnlyMemory<byte> Kept => kept.GetBuffer().AsMemory(0, (int)kept.Length);

    /// <summary>How many bytes were read.</summary>
    public long Bytes { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Keep(buffer.Span[..read]);
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    void Keep(ReadOnlySpan<byte> bytes)
    {
        kept.Write(bytes[..(int)Math.Min(bytes.Length, max - kept.Length)]);
        Bytes += bytes.Length;
    }
}
