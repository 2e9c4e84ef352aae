using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Docket.Http;

/// <summary>
/// Turns everything that is not a success into HubSpot's envelope. The only place that writes errors to the wire.
/// </summary>
internal sealed partial class Refusals(RequestDelegate next, ILogger<Refusals> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        try
        {
            await next(http);
            if (!http.Response.HasStarted && http.Response is { StatusCode: 404 or 405 or 415, ContentType: null } response)
            {
                if (response.StatusCode == StatusCodes.Status405MethodNotAllowed)
                {
                    response.Headers.Allow = $"{response.Headers.Allow}, {HttpMethods.Options}";
                }

                // Routing finds no route for OPTIONS, but lists the allowed methods. They are documented, so no token is needed.
                if (HttpMethods.IsOptions(http.Request.Method) && response.StatusCode == StatusCodes.Status405MethodNotAllowed)
                {
                    response.StatusCode = StatusCodes.Status204NoContent;
                    return;
                }

                await RespondAsync(http, Unrouted(http));
            }
            else if (HttpMethods.IsHead(http.Request.Method) && !http.Response.HasStarted)
            {
                http.Response.ContentLength ??= 0; // Kestrel sets it for an empty answer to GET, but not to HEAD
            }
        }
        catch (Refusal refusal)
        {
            await RespondAsync(http, refusal.Error);
        }
        catch (Exception gone) when (IncomingBodies.IsGone(gone) || IncomingBodies.IsGone(gone.InnerException) || (gone is OperationCanceledException && http.RequestAborted.IsCancellationRequested))
        {
            // The client is gone: there is nobody to answer, and nothing left to read.
            http.Abort();
        }
        catch (BadHttpRequestException bad)
        {
            await RespondAsync(http, IncomingBodies.SendersFault(http, bad)!);
        }
        catch (Exception failure)
        {
            LogFailure(failure, http.Request.Method, http.Route());
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
        http.Features.GetRequiredFeature<AboutRequest>().Refused = error;
        // HubSpot's newer clients would also retry a 409, in vain (reference/auth-limits-webhooks-imports.md 2.5). A 429 sets this itself.
        if (error.Status is StatusCodes.Status409Conflict or StatusCodes.Status503ServiceUnavailable)
        {
            http.Response.Headers["x-should-retry"] = error.Headers.Any(header => header.Name == "Retry-After") ? "true" : "false";
        }

        foreach (var (name, value) in error.Headers)
        {
            http.Response.Headers[name] = value;
        }

        return Wire.RespondAsync(http.Response, error.Status, (error, (string?)http.CorrelationId()), Wire.WriteError);
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Route} failed")]
    partial void LogFailure(Exception failure, string method, string route);
}
