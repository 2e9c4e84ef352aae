using System.Collections;
using System.Diagnostics;
using Docket.Model;
using Docket.Watch;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Docket.Http;

/// <summary>
/// The outermost stage of a request: sets its correlation id and the headers of every answer
/// (reference/auth-limits-webhooks-imports.md 6.3), adds the id to log entries of the request, and writes a log entry and a span for the
/// request if they are turned on. Only that entry contains the actual path (<see cref="RequestTarget"/>), because paths and queries
/// contain values.
/// </summary>
internal sealed partial class RequestWatch(RequestDelegate next, Func<Guid> newCorrelationId, Instruments instruments, TimeProvider clock, ILoggerFactory loggers, RequestTarget target)
{
    /// <summary>Category of the log entry for each request.</summary>
    public const string Category = "Docket.Requests";

    readonly ILogger logger = loggers.CreateLogger(Category);

    public async Task InvokeAsync(HttpContext http)
    {
        var about = new AboutRequest(newCorrelationId().ToString());
        http.Features.Set(about);
        var headers = http.Response.Headers;
        headers["X-HubSpot-Correlation-Id"] = about.CorrelationId;
        headers["X-Request-Id"] = about.CorrelationId;
        headers.Vary = "origin, Accept-Encoding";
        headers.AccessControlAllowCredentials = "false";
        headers.XContentTypeOptions = "nosniff";
        using var scope = logger.BeginScope(about);
        var logs = logger.IsEnabled(LogLevel.Information);
        if (!logs && !instruments.Spans.HasListeners())
        {
            await next(http);
            return;
        }

        // Our own span instead of the framework's, which has the actual path.
        ActivityContext.TryParse(http.Request.Headers.TraceParent, http.Request.Headers.TraceState, isRemote: true, out var parent);
        using var span = instruments.Spans.StartActivity("request", ActivityKind.Server, parent);
        var begun = clock.GetTimestamp();
        await next(http);
        if (logs)
        {
            var took = clock.GetElapsedTime(begun).TotalMilliseconds;
            var (path, refusal) = target.Show(http, about.Refused);
            if (refusal is not null)
            {
                LogRefused(http.Request.Method, path, http.Response.StatusCode, refusal, took);
            }
            else
            {
                LogRequest(http.Request.Method, path, http.Response.StatusCode, took);
            }
        }

        if (span is not null)
        {
            var route = http.RouteOrNull();
            span.DisplayName = route is null ? http.Request.Method : $"{http.Request.Method} {route}";
            span.SetTag("http.request.method", http.Request.Method).SetTag("url.scheme", http.Request.Scheme).SetTag("http.route", route).SetTag("http.response.status_code", http.Response.StatusCode)
                .SetTag("docket.correlation_id", about.CorrelationId).SetTag("docket.portal", about.Caller?.PortalId).SetTag("docket.app", about.Caller?.AppId);
            if (http.Response.StatusCode >= StatusCodes.Status500InternalServerError)
            {
                span.SetStatus(ActivityStatusCode.Error);
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "{Method} {Path} {Status} {Milliseconds:F1} ms")]
    partial void LogRequest(string method, string path, int status, double milliseconds);

    [LoggerMessage(LogLevel.Information, "{Method} {Path} {Status} {Refusal} {Milliseconds:F1} ms")]
    partial void LogRefused(string method, string path, int status, string refusal, double milliseconds);
}

/// <summary>
/// The request's data in log entries. Not the request itself: a job keeps this after the answer, when the server uses the same object
/// for another request.
/// </summary>
internal sealed class AboutRequest(string correlationId) : IEnumerable<KeyValuePair<string, object?>>
{
    /// <summary>The UUID in <c>X-HubSpot-Correlation-Id</c> and in every envelope (reference/auth-limits-webhooks-imports.md 6.2).</summary>
    public string CorrelationId => correlationId;

    /// <summary>The caller, once it is known.</summary>
    public Caller? Caller { get; set; }

    /// <summary>The route pattern, once it is known.</summary>
    public string? Route { get; set; }

    /// <summary>The refusal, if there is one.</summary>
    public Error? Refused { get; set; }

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        yield return new("correlationId", correlationId);
        if (Caller is { } caller)
        {
            yield return new("portal", caller.PortalId);
            yield return new("app", caller.AppId);
        }

        if (Route is not null)
        {
            yield return new("route", Route);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // For the text format, whose entries about a route already name it.
    public override string ToString() => string.Join(' ', this.Where(entry => entry.Key != "route").Select(entry => $"{entry.Key}={entry.Value}"));
}

/// <summary>The watch's data of a request.</summary>
internal static class RequestWatchExtensions
{
    public static string CorrelationId(this HttpContext http) => http.Features.GetRequiredFeature<AboutRequest>().CorrelationId;

    /// <summary>The route pattern of a request: from a fixed set, without data of the request.</summary>
    public static string Route(this HttpContext http) => http.RouteOrNull() ?? "(none)";

    /// <summary>Like <see cref="Route"/>; <c>null</c> if there is none.</summary>
    public static string? RouteOrNull(this HttpContext http) => (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
}
