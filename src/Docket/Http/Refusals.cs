using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Docket.Http;

/// <summary>
/// The outermost stage of a request: gives it its correlation id, and turns everything that is not a success into
/// HubSpot's envelope. Nothing else in Docket writes an error to the wire.
/// </summary>
internal sealed partial class Refusals(RequestDelegate next, Func<Guid> newCorrelationId, ILogger<Refusals> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var correlationId = newCorrelationId().ToString();
        http.SetCorrelationId(correlationId);
        http.Response.Headers["X-HubSpot-Correlation-Id"] = correlationId;
        http.Response.Headers["X-Request-Id"] = correlationId;
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
            await RespondAsync(http, bad.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? Faults.BodyTooLarge(RequestBody.BytesMax)
                : Faults.BadRequest(bad.StatusCode, bad.Message));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: nobody is left to answer.
        }
        catch (OperatorMistake mistake)
        {
            // A portal that was made beside the running server and can't be opened; its operator reads the log.
            LogFailure(mistake, http.Request.Method, RouteOf(http), correlationId);
            await RespondAsync(http, Faults.PortalClosed());
        }
        catch (Exception failure)
        {
            LogFailure(failure, http.Request.Method, RouteOf(http), correlationId);
            if (!http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
            {
                await RespondAsync(http, Faults.Internal());
            }
        }
    }

    // The pattern and not the path, in which a token may stand (/oauth/v1/access-tokens/{token}).
    static string RouteOf(HttpContext http) => (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "a path without a route";

    static Error Unrouted(HttpContext http) => http.Response.StatusCode switch
    {
        StatusCodes.Status405MethodNotAllowed => Faults.MethodNotAllowed(http.Request.Method, http.Response.Headers.Allow.ToString()),
        StatusCodes.Status415UnsupportedMediaType => Faults.UnsupportedMediaType(),
        _ => Faults.ResourceNotFound(),
    };

    static Task RespondAsync(HttpContext http, Error error)
    {
        foreach (var (name, value) in error.Headers)
        {
            http.Response.Headers[name] = value;
        }

        return Wire.RespondAsync(http.Response, error.Status, (error, (string?)http.CorrelationId()), Wire.WriteError);
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Route} failed; correlation id {CorrelationId}")]
    partial void LogFailure(Exception failure, string method, string route, string correlationId);
}
