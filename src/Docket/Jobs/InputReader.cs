using System.Buffers;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Jobs;

/// <summary>Cuts the inputs of a batch out of a body as it arrives, without reading what is in them.</summary>
internal abstract class InputReader
{
    /// <summary>Moves one input from <paramref name="rest"/> into the chunk, or as much of it as has arrived.</summary>
    /// <param name="rest">What has arrived and wasn't taken yet; afterwards what comes behind.</param>
    /// <param name="ended">Nothing comes after it.</param>
    /// <param name="chunk">Where to.</param>
    /// <returns>Whether an input is finished; if not, more has to arrive.</returns>
    /// <exception cref="Refusal">400 for a body that has no inputs to cut out.</exception>
    public abstract bool TryTake(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk);

    /// <summary>Called when all has been taken.</summary>
    /// <exception cref="Refusal">400 when it was not a batch.</exception>
    public abstract void End();
}

/// <summary>One input a line; blank lines don't count.</summary>
internal sealed class LineReader : InputReader
{
    bool within;

    public override bool TryTake(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        while (!rest.IsEmpty)
        {
            var line = rest.PositionOf((byte)'\n') is { } end ? rest.Slice(0, end) : rest;
            var isWhole = line.Length < rest.Length;
            if (!isWhole && !ended && line.Length <= InputChunk.InputMax)
            {
                return false; // a line stays where it is until it has all arrived, unless it is too long anyway
            }

            rest = rest.Slice(isWhole ? rest.GetPosition(1, line.End) : line.End);
            if (within || !IsBlank(line))
            {
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

/// <summary>The elements of <c>inputs</c> in one JSON object, whose other members are passed over.</summary>
internal sealed class JsonInputReader : InputReader
{
    /// <summary>Most bytes that are waited for to see the end of a text: it is too long by then.</summary>
    public const int RestMax = 2 * InputChunk.InputMax;

    JsonReaderState state;
    bool begun, named, hasInputs, inInputs, inInput;

    public override bool TryTake(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        if (!begun && ended && rest.IsEmpty)
        {
            throw new Refusal(Faults.MalformedJson(1, 0, "a request body was expected, but none found"));
        }

        try
        {
            return Take(ref rest, ended, chunk);
        }
        catch (JsonException malformed)
        {
            throw new Refusal(RequestBody.Malformed(malformed));
        }
    }

    public override void End()
    {
        if (!hasInputs)
        {
            throw new Refusal(Faults.RequiredFieldsMissing(1, 2, "inputs"));
        }
    }

    bool Take(ref ReadOnlySequence<byte> rest, bool ended, InputChunk chunk)
    {
        var json = new Utf8JsonReader(rest, ended, state);
        var from = 0L; // where the input that is under way goes on, or begins
        var isTaken = false;
        while (!isTaken && json.Read())
        {
            begun = true;
            if ((json.HasValueSequence ? json.ValueSequence.Length : json.ValueSpan.Length) > InputChunk.InputMax)
            {
                throw new Refusal(Faults.TextTooLong(InputChunk.InputMax));
            }

            switch (json.CurrentDepth)
            {
                case 0 when json.TokenType is not (JsonTokenType.StartObject or JsonTokenType.EndObject):
                    throw new Refusal(Faults.MalformedJson(1, 1, "Expected an object"));
                case 1 when inInputs:
                    inInputs = false; // its closing bracket
                    break;
                case 1 when json.TokenType == JsonTokenType.PropertyName:
                    named = json.ValueTextEquals("inputs"u8);
                    break;
                case 1 when named:
                    named = false;
                    if (hasInputs || json.TokenType != JsonTokenType.StartArray)
                    {
                        throw new Refusal(Faults.MalformedJson(1, 1, hasInputs ? "inputs stands there twice" : "Expected inputs to be an array"));
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
            throw new Refusal(Faults.TextTooLong(InputChunk.InputMax)); // it could only be read once it is there as a whole
        }

        state = json.CurrentState;
        rest = rest.Slice(json.BytesConsumed);
        return isTaken;
    }
}
