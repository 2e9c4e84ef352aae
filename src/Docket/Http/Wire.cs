using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Docket.Model;
using Docket.Watch;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>The format of answers, whatever their content (reference/objects-and-batch.md 3.1, 6).</summary>
internal static class Wire
{
    public const string ContentType = "application/json;charset=utf-8";

    /// <summary>Compact, raw UTF-8, only required escapes. Tests cover the code that writes, so the writer skips validation.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = PlainEncoder.Instance, SkipValidation = true };

    /// <summary>Answers with the output of <paramref name="write"/>, directly to the output pipe.</summary>
    public static async Task RespondAsync<T>(HttpResponse response, int status, T value, Action<Utf8JsonWriter, T> write)
    {
        using var span = Span.Start("respond");
        response.StatusCode = status;
        response.ContentType = ContentType;
        try
        {
            using var json = new Utf8JsonWriter(response.BodyWriter, WriterOptions);
            write(json, value);
            json.Flush();
            response.ContentLength = json.BytesCommitted; // all of it is in the pipe
        }
        catch
        {
            // Half an answer is in the pipe. Aborting is better: the client retries, and a repeated write changes nothing.
            response.HttpContext.Abort();
            throw;
        }

        await response.BodyWriter.FlushAsync();
    }

    /// <summary>The output of <paramref name="write"/> as bytes, for stored answers.</summary>
    public static byte[] ToBytes<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            write(json, value);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The location of what a POST created: below the path of the POST. Relative, so that it works behind any proxy.</summary>
    public static string LocationOf(HttpContext http, string id) => $"{http.Request.Path.ToUriComponent().TrimEnd('/')}/{Uri.EscapeDataString(id)}";

    /// <summary>Sets the location of what a POST created.</summary>
    public static void SetLocation(HttpContext http, string id) => http.Response.Headers.Location = LocationOf(http, id);

    public static void WriteInstant(Utf8JsonWriter json, JsonEncodedText name, long milliseconds)
    {
        Span<byte> text = stackalloc byte[Instant.TextMax];
        json.WriteString(name, text[..Instant.Format(milliseconds, text)]);
    }

    public static void WriteId(Utf8JsonWriter json, JsonEncodedText name, long id)
    {
        Span<byte> text = stackalloc byte[20];
        id.TryFormat(text, out var length);
        json.WriteString(name, text[..length]);
    }

    /// <summary>A map from names to texts, as in <c>context</c>.</summary>
    public static void WriteContext(Utf8JsonWriter json, IReadOnlyCollection<(string Key, System.Collections.Immutable.ImmutableArray<string> Values)> context)
    {
        if (context.Count == 0)
        {
            return;
        }

        json.WriteStartObject("context");
        foreach (var (key, values) in context)
        {
            json.WriteStartArray(key);
            foreach (var value in values)
            {
                json.WriteStringValue(value);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    /// <summary>The next page with its full URL: the same query, with <c>after</c> replaced (reference/objects-and-batch.md 4.6). <c>null</c> if there is none.</summary>
    public static NextPage? LinkTo(HttpRequest request, long? after)
    {
        if (after is not { } next)
        {
            return null;
        }

        var kept = (request.QueryString.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(part => !part.StartsWith("after=", StringComparison.OrdinalIgnoreCase));
        return new(next.ToString(CultureInfo.InvariantCulture), $"{request.Scheme}://{request.Host}{request.Path}?{string.Join('&', [.. kept, $"after={next}"])}");
    }

    /// <summary>Answers 200 with a whole list without pages.</summary>
    public static Task RespondListAsync<T>(HttpResponse response, IEnumerable<T> things, Action<Utf8JsonWriter, T> write) =>
        RespondPageAsync(response, things, null, write);

    /// <summary>Answers 200 with a page of a list.</summary>
    public static Task RespondPageAsync<T>(HttpResponse response, IEnumerable<T> things, NextPage? next, Action<Utf8JsonWriter, T> write) =>
        RespondAsync(response, StatusCodes.Status200OK, (things, next, write), WritePage);

    /// <summary>Writes a page of a list.</summary>
    public static void WritePage<T>(Utf8JsonWriter json, (IEnumerable<T> Things, NextPage? Next, Action<Utf8JsonWriter, T> Write) page)
    {
        json.WriteStartObject();
        WriteResults(json, page.Things, page.Next, page.Write);
        json.WriteEndObject();
    }

    /// <summary>Writes <c>results</c>, and <c>paging</c> if there is a next page.</summary>
    public static void WriteResults<T>(Utf8JsonWriter json, IEnumerable<T> things, NextPage? next, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray("results");
        foreach (var thing in things)
        {
            write(json, thing);
        }

        json.WriteEndArray();
        if (next is not { } page)
        {
            return;
        }

        json.WriteStartObject("paging");
        json.WriteStartObject("next");
        json.WriteString("after", page.After);
        if (page.Link is not null)
        {
            json.WriteString("link", page.Link);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Writes HubSpot's error envelope; key order of reference/objects-and-batch.md 3.1. A stored envelope belongs to no request and has no correlation id.</summary>
    public static void WriteError(Utf8JsonWriter json, (Error Error, string? CorrelationId) answer)
    {
        var error = answer.Error;
        json.WriteStartObject();
        json.WriteString("status", error.OAuth?.Status ?? "error");
        json.WriteString("message", error.Message);
        if (error.Limit is not null)
        {
            json.WriteString("errorType", "RATE_LIMIT");
        }

        if (answer.CorrelationId is { } correlationId)
        {
            json.WriteString("correlationId", correlationId);
        }

        if (error.Limit is { } limit)
        {
            json.WriteString("policyName", limit.Policy);
            json.WriteString(limit.Group is null ? "requestId" : "groupName", limit.Group ?? answer.CorrelationId);
        }

        if (!error.Errors.IsEmpty)
        {
            json.WriteStartArray("errors");
            foreach (var detail in error.Errors)
            {
                json.WriteStartObject();
                json.WriteString("message", detail.Message);
                if (detail.Code is { } code)
                {
                    json.WriteString("code", code);
                }

                if (detail.SubCategory is { } detailSubCategory)
                {
                    json.WriteString("subCategory", detailSubCategory);
                }

                WriteContext(json, detail.Context);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        WriteContext(json, error.Context);
        if (!error.Links.IsEmpty)
        {
            json.WriteStartObject("links");
            foreach (var (key, value) in error.Links)
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        }

        if (error.Category is { } category)
        {
            json.WriteString("category", category);
        }

        if (error.SubCategory is { } subCategory)
        {
            json.WriteString("subCategory", subCategory);
        }

        if (error.OAuth is { } oauth)
        {
            json.WriteString("error", oauth.Error);
            json.WriteString("error_description", error.Message);
        }

        json.WriteEndObject();
    }
}

/// <summary>Where the next page of a list starts.</summary>
/// <param name="After">The value of <c>after</c>.</param>
/// <param name="Link">Its full URL; <c>null</c> if HubSpot returns none, as in searches (reference/objects-and-batch.md 4.2).</param>
internal readonly record struct NextPage(string After, string? Link = null);
