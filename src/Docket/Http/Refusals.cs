using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Docket.Http;

/// <summary>
/// The outermost stage of a request: gives it its correlation id and the headers that every answer has
/// (reference/auth-limits-webhooks-imports.md 6.3), and turns everything that is not a success into
/// HubSpot's envelope. Nothing else in Docket writes an error to the wire.
/// </summary>
internal sealed partial class Refusals(RequestDelegate next, Func<Guid> newCorrelationId, ILogger<Refusals> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var correlationId = newCorrelationId().ToString();
        http.SetCorrelationId(correlationId);
        var headers = http.Response.Headers;
        headers["X-HubSpot-Correlation-Id"] = correlationId;
        headers["X-Request-Id"] = correlationId;
        headers.Vary = "origin, Accept-Encoding";
        headers.AccessControlAllowCredentials = "false";
        headers.XContentTypeOptions = "nosniff";
        try
        {
            await next(http);
            if (!http.Response.HasStarted && http.Response is { StatusCode: 404 or 405 or 415, ContentType: null })
            {
                await RespondAsync(http, Unrouted(http));
            }
        }
        catch (Refusal refusal)
        {
            await RespondAsync(http, refusal.Error);
        }
        catch (BadHttpRequestException bad)
        {
            await RespondAsync(http, bad.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => Faults.BodyTooLarge(RequestBody.BytesMax),
                StatusCodes.Status408RequestTimeout => Faults.BodyTooSlow(),
                _ => Faults.BadRequest(bad.StatusCode, bad.Message),
            });
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: nobody is left to answer.
        }
        catch (OperatorMistake mistake)
        {
            // A portal that was made beside the running server and can't be opened; its operator reads the log.
            LogFailure(mistake, http.Request.Method, http.Request.Path.Value ?? "", correlationId);
            await RespondAsync(http, Faults.PortalClosed());
        }
        catch (Exception failure)
        {
            LogFailure(failure, http.Request.Method, http.Request.Path.Value ?? "", correlationId);
            if (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
            {
                await RespondAsync(http, Faults.Internal());
            }
        }
    }

    static Error Unrouted(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status405MethodNotAllowed => Faults.MethodNotAllowed(http.Request.Method, http.Response.Headers.Allow.ToString()),
        StatusCodes.Status415UnsupportedMediaType => Faults.UnsupportedMediaType(),
        _ => Faults.ResourceNotFound(),
    };

    static Task RespondAsync(HttpContext http, Error error)
    {
        // HubSpot's newer clients would try again after a 409 too, in vain (reference/auth-limits-webhooks-imports.md 2.5).
        if (error.Status is StatusCodes.Status409Conflict or StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            http.Response.Headers["x-should-retry"] = error.Headers.Any(header => header.Name == "Retry-After") ? "true" : "false";
        }

        foreach (var (name, value) in error.Headers)
        {
            http.Response.Headers[name] = value;
        }

        return Wire.RespondAsync(http.Response, error.Status, (error, (string?)http.CorrelationId()), Wire.WriteError);
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed; correlation id {CorrelationId}")]
    partial void LogFailure(Exception failure, string method, string path, string correlationId);
}
