using System.Buffers;
using System.Buffers.Text;

namespace Docket.Jobs;

/// <summary>
/// Inputs to be stored in the portal's file, one for each line. NDJSON inputs are preceded by their line number in the upload. An
/// empty line stands for an input that was too long.
/// </summary>
internal sealed class InputChunk
{
    /// <summary>Longest input, in bytes.</summary>
    public const int InputMax = 1024 * 1024;

    /// <summary>Most inputs in a chunk: as many as usually arrive while the one before it is stored.</summary>
    const int InputsMax = 1_000;

    /// <summary>Bytes after which a chunk accepts no more inputs, so that memory is bounded whatever is sent.</summary>
    const int BytesFull = 1024 * 1024;

    readonly ArrayBufferWriter<byte> bytes = new();
    int start, last, finished;
    bool tooLong;

    /// <summary>Number of finished inputs.</summary>
    public int Count { get; private set; }

    /// <summary>The finished inputs, one for each line.</summary>
    public ReadOnlyMemory<byte> Lines => bytes.WrittenMemory[..finished];

    /// <summary>The input that was finished last.</summary>
    public ReadOnlySpan<byte> Last => bytes.WrittenSpan[last..(finished - 1)];

    public bool IsFull => Count == InputsMax || bytes.WrittenCount >= BytesFull;

    /// <summary>Begins an NDJSON input and stores its line number. Other inputs need no beginning.</summary>
    public void Begin(long line)
    {
        Utf8Formatter.TryFormat(line, bytes.GetSpan(20), out var written);
        bytes.Advance(written);
        bytes.Write(" "u8);
        start = bytes.WrittenCount;
    }

    /// <summary>Appends to the current input.</summary>
    public void Append(in ReadOnlySequence<byte> part)
    {
        tooLong |= bytes.WrittenCount - start + part.Length > InputMax;
        if (tooLong)
        {
            return;
        }

        foreach (var piece in part)
        {
            // JSON has line ends only between tokens, where any white space is allowed.
            var target = bytes.GetSpan(piece.Length)[..piece.Length];
            piece.Span.Replace(target, (byte)'\n', (byte)' ');
            bytes.Advance(piece.Length);
        }
    }

    /// <summary>Finishes the current input.</summary>
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

    /// <summary>Removes the finished inputs; the current one stays.</summary>
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
