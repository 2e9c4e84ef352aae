using System.Buffers;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Jobs;

/// <summary>Cuts the inputs of a batch out of a body as it arrives, without parsing them.</summary>
internal abstract class InputReader
{
    bool begun;

    /// <summary>Moves one input from <paramref name="rest"/> into the chunk, or as much of it as has arrived.</summary>
    /// <param name="rest">The bytes that have arrived and were not taken yet; on return, without those taken.</param>
    /// <param name="ended">Whether this is the end of the body.</param>
    /// <param name="chunk">The target.</param>
    /// <returns>Whether an input is finished; if not, more bytes are needed.</returns>
    /// <exception cref="Refusal">400 for a body without inputs.</exception>
    public bool TryTake(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        if (!begun && (ended || rest.Length >= RequestBody.ByteOrderMark.Length))
        {
            begun = true;
            Span<byte> start = stackalloc byte[(int)Math.Min(rest.Length, RequestBody.ByteOrderMark.Length)];
            rest.Slice(0, start.Length).CopyTo(start);
            rest = RequestBody.IsWideText(start) ? throw new Refusal(Faults.WideText()) : start.SequenceEqual(RequestBody.ByteOrderMark) ? rest.Slice(start.Length) : rest;
        }

        return begun && TakeNext(ref rest, ended, chunk);
    }

    /// <summary>Like <see cref="TryTake"/>, after the byte order mark.</summary>
    protected abstract bool TakeNext(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk);

    /// <summary>Called at the end of the body.</summary>
    /// <exception cref="Refusal">400 if it was not a batch.</exception>
    public abstract void End();
}

/// <summary>Reads one input from each line; blank lines are ignored.</summary>
internal sealed class LineReader : InputReader
{
    bool within;
    long number = 1;

    protected override bool TakeNext(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        while (!rest.IsEmpty)
        {
            var line = rest.PositionOf((byte)'\n') is { } end ? rest.Slice(0, end) : rest;
            var isWhole = line.Length < rest.Length;
            if (!isWhole && !ended && line.Length <= InputChunk.InputMax)
            {
                return false; // wait for the whole line, unless it is already too long
            }

            rest = rest.Slice(isWhole ? rest.GetPosition(1, line.End) : line.End);
            var here = number;
            number += isWhole ? 1 : 0;
            if (within || !IsBlank(line))
            {
                if (!within)
                {
                    chunk.Begin(here);
                }

                chunk.Append(line);
                within = !isWhole && !ended;
                if (!within)
                {
                    chunk.EndInput();
                    return true;
                }
            }
        }

        if (ended && within)
        {
            within = false;
            chunk.EndInput();
            return true;
        }

        return false;
    }

    public override void End()
    {
    }

    static bool IsBlank(in ReadOnlySequence<byte> line)
    {
        foreach (var piece in line)
        {
            if (piece.Span.ContainsAnyExcept(" \t\r"u8))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>Reads the elements of <c>inputs</c> in a JSON object; other members are ignored.</summary>
internal sealed class JsonInputReader : InputReader
{
    /// <summary>Most bytes to buffer while waiting for the end of a text: longer ones are refused.</summary>
    public const int RestMax = 2 * InputChunk.InputMax;

    JsonReaderState state;
    bool named, hasInputs, inInputs, inInput;

    // Lines, and bytes of the last line, that were taken before, and where the body's object begins: errors are answered like
    // those of a batch that is processed at once.
    (long Lines, long Bytes) taken, start;

    protected override bool TakeNext(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        if (ended && rest.IsEmpty && taken == default)
        {
            throw new Refusal(Faults.NoBody());
        }

        var json = new Utf8JsonReader(rest, ended, state);
        try
        {
            return Take(ref json, ref rest, chunk);
        }
        catch (JsonException malformed)
        {
            throw new Refusal(JsonCursor.Malformed(malformed));
        }
        catch (InvalidOperationException)
        {
            throw Refuse(rest, json.TokenStartIndex, Faults.LoneSurrogate); // as in JsonCursor
        }
    }

    public override void End()
    {
        if (!hasInputs)
        {
            throw new Refusal(Faults.RequiredFieldsMissing(start.Lines + 1, start.Bytes + 2, "inputs"));
        }
    }

    bool Take(ref Utf8JsonReader json, ref ReadOnlySequence<byte> rest, InputChunk chunk)
    {
        var from = 0L; // where the current input continues or begins
        var isTaken = false;
        while (!isTaken && json.Read())
        {
            if ((json.HasValueSequence ? json.ValueSequence.Length : json.ValueSpan.Length) > InputChunk.InputMax)
            {
                throw new Refusal(Faults.TextTooLong(InputChunk.InputMax));
            }

            switch (json.CurrentDepth)
            {
                case 0 when json.TokenType == JsonTokenType.StartObject:
                    start = Place(rest, json.TokenStartIndex);
                    break;
                case 0 when json.TokenType != JsonTokenType.EndObject:
                    throw Refuse(rest, json.TokenStartIndex, $"Expected an object, found {JsonCursor.Describe(json.TokenType)}");
                case 1 when inInputs:
                    inInputs = false; // its closing bracket
                    break;
                case 1 when json.TokenType == JsonTokenType.PropertyName:
                    _ = json.ValueIsEscaped ? json.GetString() : null; // throws for half of a surrogate pair
                    named = json.ValueTextEquals("inputs"u8);
                    break;
                case 1 when named:
                    named = false;
                    if (hasInputs || json.TokenType != JsonTokenType.StartArray)
                    {
                        throw Refuse(rest, json.TokenStartIndex, hasInputs ? Faults.InputsTwice : $"Expected an array of inputs, found {JsonCursor.Describe(json.TokenType)}");
                    }

                    hasInputs = inInputs = true;
                    break;
                case 2 when inInputs && json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray:
                    (from, inInput) = (json.TokenStartIndex, true);
                    break;
                case 2 when inInputs:
                    from = inInput ? from : json.TokenStartIndex;
                    isTaken = true;
                    break;
            }
        }

        if (inInput || isTaken)
        {
            chunk.Append(rest.Slice(from, json.BytesConsumed - from));
        }

        if (isTaken)
        {
            inInput = false;
            chunk.EndInput();
        }
        else if (rest.Length - json.BytesConsumed > RestMax)
        {
            throw new Refusal(Faults.TextTooLong(InputChunk.InputMax)); // the reader needs the whole text at once
        }

        state = json.CurrentState;
        taken = Place(rest, json.BytesConsumed);
        rest = rest.Slice(json.BytesConsumed);
        return isTaken;
    }

    (long Lines, long Bytes) Place(in ReadOnlySequence<byte> rest, long at)
    {
        var place = taken;
        foreach (var piece in rest.Slice(0, at))
        {
            var lines = piece.Span.Count((byte)'\n');
            place = (place.Lines + lines, lines == 0 ? place.Bytes + piece.Length : piece.Length - 1 - piece.Span.LastIndexOf((byte)'\n'));
        }

        return place;
    }

    Refusal Refuse(in ReadOnlySequence<byte> rest, long at, string words)
    {
        var (lines, bytes) = Place(rest, at);
        return new(Faults.MalformedJson(lines + 1, bytes + 1, words));
    }
}
