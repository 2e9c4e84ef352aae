using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Docket.Model;
using Docket.Watch;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>
/// The bytes of a request's body in one piece, known to be UTF-8. Values read from it may point into it until it is
/// disposed, which gives the memory back.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Largest body taken, in bytes: 100 inputs of several long texts each fit.</summary>
    public const int BytesMax = 64 * 1024 * 1024;

    readonly byte[] buffer;
    readonly int length;

    RequestBody(byte[] buffer, int length)
    {
        this.buffer = buffer;
        this.length = length;
    }

    public ReadOnlyMemory<byte> Memory => buffer.AsMemory(0, length);

    /// <summary>Reads the whole body.</summary>
    /// <exception cref="Refusal">413, 415, or 400 for an empty body or one that is not UTF-8.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext http)
    {
        using var span = Span.Start("read");
        var request = http.Request;
        if (!IsJson(request.ContentType))
        {
            throw new Refusal(Faults.UnsupportedMediaType());
        }

        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.Buffer.Length > BytesMax)
            {
                throw new Refusal(Faults.BodyTooLarge(BytesMax));
            }

            if (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }

            // One copy into one piece: parsing a sequence of blocks costs more than copying it (docs/internals/decisions.md, Request bodies).
            var length = (int)read.Buffer.Length;
            var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(length, 1));
            read.Buffer.CopyTo(buffer);
            reader.AdvanceTo(read.Buffer.End);
            var body = new RequestBody(buffer, length);
            body.RefuseUnlessText();
            return body;
        }
    }

    /// <summary>A copy of a part of a body, such as one line of it.</summary>
    /// <exception cref="Refusal">As <see cref="ReadAsync"/>.</exception>
    public static RequestBody Copy(ReadOnlySpan<byte> bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, 1));
        bytes.CopyTo(buffer);
        var body = new RequestBody(buffer, bytes.Length);
        body.RefuseUnlessText();
        return body;
    }

    /// <summary>Reads the body as one JSON value of a known shape.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public static async Task<T> ReadJsonAsync<T>(HttpContext http, JsonTypeInfo<T> shape)
        where T : class
    {
        using var body = await ReadAsync(http);
        return body.Parse(shape);
    }

    /// <summary>The body as one JSON value of a known shape.</summary>
    /// <exception cref="Refusal">400 with line and column.</exception>
    public T Parse<T>(JsonTypeInfo<T> shape)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(Memory.Span, shape)
                ?? throw new Refusal(Faults.MalformedJson(1, 1, "expected an object, found null"));
        }
        catch (JsonException malformed)
        {
            throw new Refusal(Malformed(malformed));
        }
    }

    /// <summary>The answer to what the parser didn't take.</summary>
    public static Error Malformed(JsonException malformed)
    {
        // The parser's own message ends with the position, which stands in front here.
        var words = malformed.Message;
        if (malformed is UnfitValue unfit)
        {
            return Faults.UnfitJson((malformed.LineNumber ?? 0) + 1, (malformed.BytePositionInLine ?? 0) + 1 - unfit.TokenLength, words);
        }

        var end = words.IndexOf(" Path: ", StringComparison.Ordinal) is var path and >= 0 ? path : words.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        return Faults.MalformedJson((malformed.LineNumber ?? 0) + 1, (malformed.BytePositionInLine ?? 0) + 1, end < 0 ? words : words[..end]);
    }

    /// <summary>How long it is in UTF-16 characters.</summary>
    public int CountCharacters() => Encoding.UTF8.GetCharCount(Memory.Span);

    /// <summary>Line and column, both from 1, of an offset in the body.</summary>
    public (long Line, long Column) Position(long offset)
    {
        var before = buffer.AsSpan(0, (int)Math.Min(offset, length));
        return (before.Count((byte)'\n') + 1, before.Length - before.LastIndexOf((byte)'\n'));
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(buffer);

    public static bool IsJson(string? contentType) =>
        contentType is null or ""
        || contentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase)
        || (contentType.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && contentType.Contains("+json", StringComparison.OrdinalIgnoreCase))
        || contentType.StartsWith("text/json", StringComparison.OrdinalIgnoreCase)
        || contentType.StartsWith("*/*", StringComparison.Ordinal);

    void RefuseUnlessText()
    {
        var bytes = Memory.Span;
        if (bytes.IsEmpty)
        {
            Dispose();
            throw new Refusal(Faults.MalformedJson(1, 0, "a request body was expected, but none found"));
        }

        if (!Utf8.IsValid(bytes))
        {
            var at = 0;
            while (Rune.DecodeFromUtf8(bytes[at..], out _, out var size) == OperationStatus.Done)
            {
                at += size;
            }

            var (line, column) = Position(at);
            var found = bytes[at];
            Dispose();
            throw new Refusal(Faults.MalformedJson(line, column, $"Invalid UTF-8 byte 0x{found:x2}"));
        }
    }
}

/// <summary>
/// Thrown while reading a shape, for a value that is good JSON and still not what its place takes. The parser adds the
/// place after the token; with the token's length the answer can name its start, as HubSpot's does
/// (reference/properties-pipelines-search-associations.md 4.6).
/// </summary>
internal sealed class UnfitValue(string message, long tokenLength) : JsonException(message)
{
    public long TokenLength { get; } = tokenLength;
}
