using System.Buffers;
using System.Text.Json;
using Docket.Model;
using Docket.Writes;

namespace Docket.Jobs;

/// <summary>Checks the beginning of an NDJSON upload, and refuses obviously different formats before anything is stored.</summary>
internal sealed class NdjsonCheck
{
    /// <summary>Bytes needed to recognise a byte order mark.</summary>
    public const int BytesMin = 2;

    bool hasBegun;

    /// <summary>Whether a row was a JSON object, so that it is NDJSON, even if other rows are invalid.</summary>
    public bool IsPassed { get; private set; }

    /// <summary>Checks the first bytes of the body.</summary>
    /// <exception cref="Refusal">400 for UTF-16 and for an array.</exception>
    public void Begin(in ReadOnlySequence<byte> body)
    {
        if (hasBegun)
        {
            return;
        }

        hasBegun = true;
        var start = body.Slice(0, Math.Min(body.Length, 1024)).ToArray().AsSpan();
        // JSON begins with an ASCII character, so in UTF-16 one of its two bytes is zero.
        if (start is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] or [0, ..] or [_, 0, ..])
        {
            throw new Refusal(Faults.NdjsonInUtf16());
        }

        start = start is [0xef, 0xbb, 0xbf, .. var text] ? text : start;
        if (start.TrimStart(" \t\r\n"u8) is [(byte)'[', ..])
        {
            throw new Refusal(Faults.NdjsonIsArray());
        }
    }

    /// <summary>Checks the newest row, unless an earlier row was an object.</summary>
    /// <exception cref="Refusal">400 if none of the first rows was an object.</exception>
    public void See(InputChunk chunk)
    {
        IsPassed = IsPassed || IsObject(chunk.Last);
        if (!IsPassed && chunk.Count == Validation.InputsMax)
        {
            throw new Refusal(Faults.NotNdjson(Validation.InputsMax));
        }
    }

    static bool IsObject(ReadOnlySpan<byte> row)
    {
        try
        {
            var json = new Utf8JsonReader(row);
            return json.Read() && json.TokenType == JsonTokenType.StartObject && json.TrySkip() && !json.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
