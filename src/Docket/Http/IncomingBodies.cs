using Docket.Model;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Docket.Http;

/// <summary>Marks an endpoint whose body can have any length if it becomes a job. The endpoint then counts bytes itself.</summary>
internal sealed record TakesUploads;

/// <summary>Marks a request whose body was compressed.</summary>
internal sealed record DecodedBody;

/// <summary>
/// Checks all bodies before a route reads them. It runs before the framework's decompression, which ignores unknown encodings and applies
/// the limit that is set here.
/// </summary>
internal sealed class IncomingBodies(RequestDelegate next, BodyBudget budget)
{
    static readonly string[] Encodings = ["gzip", "deflate", "br"];

    public Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint() is not RouteEndpoint { Metadata: var endpoint } || http.Request.IsGetOrHead())
        {
            return next(http);
        }

        http.Features.Set(budget);
        if (endpoint.GetMetadata<TakesUploads>() is not null && Prefer.AsksAsync(http.Request) && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (http.Request.Headers.ContentEncoding.Count > 0)
        {
            KeepOneEncoding(http);
        }

        return next(http);
    }

    /// <summary>The sender's error, if that is why a body could not be read.</summary>
    public static Error? SendersFault(HttpContext http, Exception failure)
    {
        var error = failure switch
        {
            _ when IsGone(failure) || IsGone(failure.InnerException) => null, // the client is gone
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => Faults.BodyTooLarge(http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? 0),
            BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } => Faults.BodyTooSlow(),
            BadHttpRequestException bad => Faults.BadRequest(bad.StatusCode, bad.Message),
            IOException odd => Faults.BadRequest(StatusCodes.Status400BadRequest, odd.Message), // thrown by Kestrel for a chunk length that overflows
            InvalidDataException or InvalidOperationException { Source: "System.IO.Compression.Brotli" } when http.Features.Get<DecodedBody>() is not null => Faults.BrokenEncoding(),
            _ => null,
        };
        if (failure is IOException && error is { Status: not StatusCodes.Status413PayloadTooLarge })
        {
            // After a body that ended early or is invalid HTTP, the connection is in the middle of a read, and Kestrel would fail with the next request.
            http.Response.Headers.Connection = "close";
        }

        return error;
    }

    /// <summary>Whether an exception means that the client is gone. Kestrel throws it before it cancels <c>RequestAborted</c>.</summary>
    public static bool IsGone(Exception? failure) => failure is ConnectionResetException or ConnectionAbortedException;

    static void KeepOneEncoding(HttpContext http)
    {
        var headers = http.Request.Headers;
        string[] encodings = [.. headers.GetCommaSeparatedValues("Content-Encoding").Select(name => name.Trim().ToLowerInvariant()).Where(name => name is not ("" or "identity"))];
        if (encodings.Length > 1 || encodings.Except(Encodings).Any())
        {
            throw new Refusal(Faults.UnsupportedEncoding(string.Join(", ", encodings), Encodings));
        }

        headers.ContentEncoding = encodings;
        if (encodings.Length > 0)
        {
            http.Features.Set(new DecodedBody());
        }
    }
}
