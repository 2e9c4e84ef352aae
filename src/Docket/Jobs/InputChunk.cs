using System.Buffers;
using Docket.Writes;

namespace Docket.Jobs;

/// <summary>Inputs on their way into the portal's file, one a line. An empty line stands for one that was too long.</summary>
internal sealed class InputChunk
{
    /// <summary>Longest input, in bytes.</summary>
    public const int InputMax = 1024 * 1024;

    /// <summary>Bytes after which a chunk takes no further input, so that memory stays bounded whatever is sent.</summary>
    const int BytesFull = 1024 * 1024;

    readonly ArrayBufferWriter<byte> bytes = new();
    int start;
    bool tooLong;

    /// <summary>The finished inputs.</summary>
    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Lines => bytes.WrittenMemory;

    public bool IsFull => Count == Validation.InputsMax || bytes.WrittenCount >= BytesFull;

    /// <summary>Adds to the input that is under way.</summary>
    public void Append(in ReadOnlySequence<byte> part)
    {
        tooLong |= bytes.WrittenCount - start + part.Length > InputMax;
        if (tooLong)
        {
            return;
        }

        foreach (var piece in part)
        {
            // JSON has line ends between its tokens only, where any white space will do.
            var target = bytes.GetSpan(piece.Length)[..piece.Length];
            piece.Span.Replace(target, (byte)'\n', (byte)' ');
            bytes.Advance(piece.Length);
        }
    }

    /// <summary>Finishes the input that is under way.</summary>
    public void EndInput()
    {
        if (tooLong)
        {
            Rewind();
        }

        bytes.Write("\n"u8);
        start = bytes.WrittenCount;
        tooLong = false;
        Count++;
    }

    public void Clear()
    {
        bytes.ResetWrittenCount();
        (start, Count, tooLong) = (0, 0, false);
    }

    void Rewind()
    {
        var kept = bytes.WrittenSpan[..start].ToArray();
        bytes.ResetWrittenCount();
        bytes.Write(kept);
    }
}
