using System.Buffers;
using System.Buffers.Text;
using Docket.Writes;

namespace Docket.Jobs;

/// <summary>
/// Inputs on their way into the portal's file, one a line, behind its number in the file where they came as NDJSON. An empty line
/// stands for one that was too long.
/// </summary>
internal sealed class InputChunk
{
    /// <summary>Longest input, in bytes.</summary>
    public const int InputMax = 1024 * 1024;

    /// <summary>Bytes after which a chunk takes no further input, so that memory stays bounded whatever is sent.</summary>
    const int BytesFull = 1024 * 1024;

    readonly ArrayBufferWriter<byte> bytes = new();
    int start, last, finished;
    bool tooLong;

    /// <summary>How many inputs are finished.</summary>
    public int Count { get; private set; }

    /// <summary>The finished inputs, one a line.</summary>
    public ReadOnlyMemory<byte> Lines => bytes.WrittenMemory[..finished];

    /// <summary>The input that was finished last.</summary>
    public ReadOnlySpan<byte> Last => bytes.WrittenSpan[last..(finished - 1)];

    public bool IsFull => Count == Validation.InputsMax || bytes.WrittenCount >= BytesFull;

    /// <summary>Begins an input on a line of a file, which is kept with it. Other inputs begin by themselves.</summary>
    public void Begin(long line)
    {
        Utf8Formatter.TryFormat(line, bytes.GetSpan(20), out var written);
        bytes.Advance(written);
        bytes.Write(" "u8);
        start = bytes.WrittenCount;
    }

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
        (last, start, finished) = (start, bytes.WrittenCount, bytes.WrittenCount);
        tooLong = false;
        Count++;
    }

    /// <summary>Takes out the finished inputs; the one that is under way stays.</summary>
    public void Clear()
    {
        Keep(finished..);
        (start, finished, Count) = (start - finished, 0, 0);
    }

    void Rewind() => Keep(..start);

    void Keep(Range range)
    {
        var kept = bytes.WrittenSpan[range].ToArray();
        bytes.ResetWrittenCount();
        bytes.Write(kept);
    }
}
