using Docket.Http;
using Docket.Limits;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Docket.TestKit;

/// <summary>
/// Adds calls on HubSpot's paths to the log of their portal. The answer is held back until it is in the log, so that a test finds the
/// call there as soon as it has the answer.
/// </summary>
internal sealed partial class CallRecorder(RequestDelegate next, IPortals portals, TestedPortals tested, TimeProvider clock, ILogger<CallRecorder> logger)
{
    const string Scheme = "Bearer ", Own = "/docket/v1";

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.Request.Path.StartsWithSegments(Own) || !http.Request.Headers.Authorization.ToString().StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            await next(http);
            return;
        }

        var (call, began) = (new ObservedCall { IsEncoded = http.Request.Headers.ContentEncoding.Count > 0 }, clock.GetTimestamp());
        http.Features.Set(call);
        var (wire, response) = (http.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), http.Features.GetRequiredFeature<IHttpResponseFeature>());
        using var answer = new MemoryStream();
        var held = new StreamResponseBodyFeature(answer);
        http.Features.Set<IHttpResponseBodyFeature>(held);
        http.Features.Set<IHttpResponseFeature>(new HeldResponse(response, answer));
        try
        {
            await next(http);
            await held.CompleteAsync();
        }
        finally
        {
            http.Features.Set(wire);
            http.Features.Set(response);
        }

        FaultedAnswer.Change(http, call, answer);
        if (http.Features.GetRequiredFeature<AboutRequest>().Caller is { Settings.Strict: true })
        {
            foreach (var warning in Strictness.WarningsOf(http, call))
            {
                http.Response.Headers.Append("Docket-Warning", warning);
                LogWarning(http.Request.Method, http.Route(), warning);
            }
        }

        await RecordAsync(http, call, answer, (long)clock.GetElapsedTime(began).TotalMilliseconds);
        if (call.Fault?.Answer.Cut is not null)
        {
            http.Abort();
        }
        else if (answer.Length > 0)
        {
            await SendAsync(wire.Stream, answer.GetBuffer().AsMemory(0, (int)answer.Length), call.Fault?.Answer.BytesPerSecond, http.RequestAborted);
        }
    }

    async Task SendAsync(Stream wire, ReadOnlyMemory<byte> answer, int? bytesPerSecond, CancellationToken gone)
    {
        if (bytesPerSecond is not { } speed)
        {
            await wire.WriteAsync(answer, gone);
            return;
        }

        // Ten pieces a second, or single bytes at their pace.
        var piece = Math.Max(1, speed / 10);
        for (var at = 0; at < answer.Length; at += piece)
        {
            await wire.WriteAsync(answer[at..Math.Min(answer.Length, at + piece)], gone);
            await wire.FlushAsync(gone);
            await Task.Delay(TimeSpan.FromSeconds((double)piece / speed), clock, gone);
        }
    }

    async Task RecordAsync(HttpContext http, ObservedCall call, MemoryStream answer, long ms)
    {
        if (await CallerOfAsync(http) is not { Settings.RequestLog: > 0 and var max } caller)
        {
            return;
        }

        var (endpoint, known) = (http.GetEndpoint()?.Metadata, http.Features.Get<Call>());
        var log = tested.LogOf(caller.PortalId);
        log.Add(
            new LoggedCall
            {
                At = known?.StartedAt ?? portals.Clocks.NowOf(caller.PortalId),
                DurationMs = ms,
                AppId = caller.AppId,
                Method = http.Request.Method,
                Path = http.Request.Path.Value!,
                Query = CallSecrets.WithoutSecrets(http.Request.QueryString.Value!.TrimStart('?')),
                TypeId = known?.TypeName is null ? null : known.Type.Id,
                Headers = CallSecrets.WithoutSecrets(http.Request.Headers),
                Body = await BodyOfAsync(http, call),
                Status = call.Fault?.Answer.Cut == FaultEffect.Before ? 0 : http.Response.StatusCode,
                AnswerHeaders = CallSecrets.WithoutSecrets(http.Response.Headers),
                Answer = answer.Length == 0 ? null : new(answer.GetBuffer()[..(int)Math.Min(answer.Length, ObservedCall.BodyMax)], answer.Length),
                Fault = call.Fault?.Id,
                BeyondLimit = endpoint?.GetMetadata<ApiVersion>() is null ? null : log.Count(caller, endpoint.GetMetadata<CountsAsSearch>() is not null),
            },
            max);
    }

    async Task<Caller?> CallerOfAsync(HttpContext http)
    {
        var caller = http.Features.GetRequiredFeature<AboutRequest>().Caller;
        if (caller is not null || http.GetEndpoint() is RouteEndpoint)
        {
            return caller;
        }

        try
        {
            // An unknown path was answered before anyone looked at the token.
            return (await portals.FindTokenAsync(http.Request.Headers.Authorization.ToString()[Scheme.Length..].Trim(), CancellationToken.None))?.Caller;
        }
        catch (Refusal)
        {
            return null; // its portal can't be served
        }
    }

    static async Task<LoggedBody?> BodyOfAsync(HttpContext http, ObservedCall call)
    {
        var request = http.Request;
        if (call.Body is not { Bytes: > 0 } && request.ContentLength is > 0 and <= ObservedCall.BodyMax && !call.IsEncoded && request.Headers.Expect.Count == 0)
        {
            // The call was refused before anyone read its body, which is short and on its way.
            call.Body ??= new KeptBody(request.Body, ObservedCall.BodyMax);
            try
            {
                await call.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            }
            catch (Exception failure) when (failure is IOException or OperationCanceledException)
            {
                // The client stopped sending it.
            }
        }

        return call.Body is not { Bytes: > 0 } body ? null
            : new(request.HasFormContentType ? CallSecrets.FormWithoutSecrets(body.Kept.Span) : body.Kept.ToArray(), body.Bytes);
    }

    [LoggerMessage(LogLevel.Warning, "{Method} {Route}: {Warning}")]
    partial void LogWarning(string method, string route, string warning);
}
