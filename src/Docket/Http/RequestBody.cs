using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Docket.Model;
using Docket.Watch;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Docket.Http;

/// <summary>
/// The bytes of a request's body in one buffer, checked to be UTF-8. Values that were read from it can point into it until it is
/// disposed, which releases the memory.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Largest body, in bytes: enough for 100 inputs of several long texts each.</summary>
    public const int BytesMax = 64 * 1024 * 1024;

    /// <summary>Largest buffer that is rented. Larger ones are left to the garbage collector, because the pool would keep them for a long time.</summary>
    const int RentedMax = 1024 * 1024;

    readonly byte[] buffer;
    readonly int length;
    readonly BodyBudget? budget;

    RequestBody(byte[] buffer, int length, BodyBudget? budget = null)
    {
        this.buffer = buffer;
        this.length = length;
        this.budget = budget;
        var bytes = buffer.AsMemory(0, length);
        Memory = bytes.Span.StartsWith(ByteOrderMark) ? bytes[ByteOrderMark.Length..] : bytes;
    }

    /// <summary>The byte order mark that some programs send (RFC 8259 8.1 allows parsers to ignore it).</summary>
    public static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    public ReadOnlyMemory<byte> Memory { get; }

    /// <summary>Receives the members that nobody reads; <c>null</c> if nobody wants to know.</summary>
    public UnreadMembers? Unread { get; private init; }

    /// <summary>Reads the whole body.</summary>
    /// <exception cref="Refusal">413, 415, 503 if all bodies together are too large, or 400 for an empty body or one that is not UTF-8.</exception>
    public static async Task<RequestBody> ReadAsync(HttpContext http)
    {
        using var span = Span.Start("read");
        var request = http.Request;
        if (!IsJson(request.ContentType))
        {
            throw new Refusal(Faults.UnsupportedMediaType());
        }

        RefuseOtherCharset(request.ContentType);

        var (reader, budget, taken) = (request.BodyReader, http.Features.GetRequiredFeature<BodyBudget>(), 0L);
        RequestBody? body = null;
        try
        {
            while (body is null)
            {
                var read = await reader.ReadAsync(http.RequestAborted);
                var length = read.Buffer.Length;
                if (!budget.TryTake(length - taken))
                {
                    reader.AdvanceTo(read.Buffer.End);
                    throw new Refusal(Faults.TooManyBodies());
                }

                taken = length;
                if (!read.IsCompleted)
                {
                    reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                    continue;
                }

                // One copy into one buffer: parsing a sequence of blocks costs more than copying it (docs/internals/decisions.md, Request bodies).
                var buffer = Allocate((int)length);
                read.Buffer.CopyTo(buffer);
                reader.AdvanceTo(read.Buffer.End);
                body = new RequestBody(buffer, (int)length, budget) { Unread = http.Features.Get<UnreadMembers>() };
            }
        }
        catch (Exception failure) when (IncomingBodies.SendersFault(http, failure) is { } error)
        {
            throw new Refusal(error);
        }
        finally
        {
            if (body is null)
            {
                budget.Give(taken);
            }
        }

        try
        {
            body.RefuseUnlessText();
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Bytes that were part of a body, such as one line of it. Its memory is not rented.</summary>
    /// <exception cref="Refusal">See <see cref="ReadAsync"/>.</exception>
    public static RequestBody Of(byte[] bytes)
    {
        var body = new RequestBody(bytes, bytes.Length);
        body.RefuseUnlessText();
        return body;
    }

    /// <summary>Reads the body as one JSON value.</summary>
    /// <exception cref="Refusal">See <see cref="ReadAsync"/>, and 400 with line and column.</exception>
    public static async Task<T> ReadJsonAsync<T>(HttpContext http, JsonCursor.Reading<T> read)
    {
        using var body = await ReadAsync(http);
        return JsonCursor.Read(body, read);
    }

    /// <summary>The same, or a new <typeparamref name="T"/> if the request has no body.</summary>
    /// <inheritdoc cref="ReadJsonAsync"/>
    public static async ValueTask<T> ReadOptionalJsonAsync<T>(HttpContext http, JsonShape<T> shape)
        where T : new() => http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } ? new() : await ReadJsonAsync(http, shape.Read);

    /// <summary>Line and column, both from 1, of an offset in the body.</summary>
    public (long Line, long Column) Position(long offset)
    {
        var before = Memory.Span[..(int)Math.Min(offset, Memory.Length)];
        return (before.Count((byte)'\n') + 1, before.Length - before.LastIndexOf((byte)'\n'));
    }

    public void Dispose()
    {
        if (budget is null)
        {
            return; // not rented
        }

        budget.Give(length);
        if (length <= RentedMax)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static bool IsJson(string? contentType) =>
        contentType is null or ""
        || contentType.AsSpan(0, contentType.AsSpan().IndexOf(';') is var end and >= 0 ? end : contentType.Length).TrimEnd().Equals("application/json", StringComparison.OrdinalIgnoreCase)
        || (contentType.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && contentType.Contains("+json", StringComparison.OrdinalIgnoreCase))
        || contentType.StartsWith("text/json", StringComparison.OrdinalIgnoreCase)
        || contentType.StartsWith("*/*", StringComparison.Ordinal);

    /// <summary>Refuses a body that is declared to be in another encoding of Unicode than UTF-8. Older encodings are ignored: most such bodies are ASCII.</summary>
    /// <exception cref="Refusal">415.</exception>
    public static void RefuseOtherCharset(string? contentType)
    {
        if (contentType is not null && contentType.Contains("charset", StringComparison.OrdinalIgnoreCase)
            && MediaTypeHeaderValue.TryParse(contentType, out var type) && type.Charset.AsSpan().Trim('"') is var charset
            && (charset.StartsWith("utf-16", StringComparison.OrdinalIgnoreCase) || charset.StartsWith("utf-32", StringComparison.OrdinalIgnoreCase)
                || charset.StartsWith("ucs-2", StringComparison.OrdinalIgnoreCase) || charset.StartsWith("iso-10646-ucs", StringComparison.OrdinalIgnoreCase)))
        {
            throw new Refusal(Faults.NotUtf8(charset.ToString()));
        }
    }

    /// <summary>Whether the start of a body is UTF-16 or UTF-32: by its byte order mark, or by the zeros around characters that must be ASCII in JSON.</summary>
    public static bool IsWideText(ReadOnlySpan<byte> start) =>
        start is [0xff, 0xfe, ..] or [0xfe, 0xff, ..] or [0, _, ..] or [_, 0, ..];

    static byte[] Allocate(int length) => length <= RentedMax ? ArrayPool<byte>.Shared.Rent(Math.Max(length, 1)) : GC.AllocateUninitializedArray<byte>(length);

    void RefuseUnlessText()
    {
        var bytes = Memory.Span;
        if (bytes.IsEmpty)
        {
            throw new Refusal(Faults.NoBody());
        }

        if (IsWideText(bytes))
        {
            throw new Refusal(Faults.WideText());
        }

        if (!Utf8.IsValid(bytes))
        {
            var at = 0;
            while (Rune.DecodeFromUtf8(bytes[at..], out _, out var size) == OperationStatus.Done)
            {
                at += size;
            }

            var (line, column) = Position(at);
            throw new Refusal(Faults.MalformedJson(line, column, $"Invalid UTF-8 byte 0x{bytes[at]:x2}"));
        }
    }
}
