using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace ShopSync;

/// <summary>HubSpot refused a call, or didn't answer in any of several attempts.</summary>
public sealed class HubSpotException(string message, HttpStatusCode? status = null) : Exception(message)
{
    /// <summary>The status of its answer.</summary>
    public HttpStatusCode? Status { get; } = status;
}

/// <summary>
/// Calls HubSpot's API until it answers. A call may arrive more than once: it must be a read, or a write that does the same when it is repeated.
/// </summary>
/// <param name="http">A client with HubSpot's base address.</param>
/// <param name="newToken">Gets an access token, for example with a refresh token.</param>
/// <param name="wait">Waits; <see cref="Task.Delay(TimeSpan)"/> except in tests.</param>
public class HubSpot(HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait)
{
    const int TriesMax = 8;

    static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(0.5), LongestWait = TimeSpan.FromSeconds(10);

    string? token;

    /// <summary>Sends a request and returns the body of the answer.</summary>
    /// <exception cref="HubSpotException">HubSpot refused the call, or was not reached.</exception>
    public async Task<JsonNode?> CallAsync(HttpMethod method, string path, object? body = null)
    {
        var isNewToken = false;
        for (var attempt = 1; ; attempt++)
        {
            var (answer, failure) = await TryAsync(method, path, body);
            using (answer)
            {
                if (answer is { IsSuccessStatusCode: true })
                {
                    return await answer.Content.ReadFromJsonAsync<JsonNode>();
                }

                if (answer is { StatusCode: HttpStatusCode.Unauthorized } && !isNewToken && RenewsToken)
                {
                    (token, isNewToken) = (null, true);
                    continue;
                }

                if (attempt == TriesMax || !IsTemporary(answer?.StatusCode))
                {
                    throw new HubSpotException($"{method} {path}: {(answer is null ? failure : $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}")}", answer?.StatusCode);
                }

                await wait(WaitBefore(attempt, answer?.Headers.RetryAfter?.Delta, answer?.StatusCode));
            }
        }
    }

    /// <summary>Whether to get another token when HubSpot doesn't accept the one that was used.</summary>
    protected virtual bool RenewsToken => true;

    /// <summary>Whether the same call may succeed later: HubSpot was not reached, its gateway failed, or there were too many calls.</summary>
    protected virtual bool IsTemporary(HttpStatusCode? status) => status is null or HttpStatusCode.TooManyRequests or HttpStatusCode.Locked or >= HttpStatusCode.InternalServerError;

    /// <summary>How long to wait before the next attempt: as long as HubSpot says, and otherwise longer each time.</summary>
    protected virtual TimeSpan WaitBefore(int attempt, TimeSpan? retryAfter, HttpStatusCode? status) =>
        retryAfter
        ?? (status == HttpStatusCode.TooManyRequests ? LongestWait // most limits are for ten seconds
        : TimeSpan.FromSeconds(Math.Min(LongestWait.TotalSeconds, FirstWait.TotalSeconds * Math.Pow(2, attempt - 1))));

    async Task<(HttpResponseMessage? Answer, string Failure)> TryAsync(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token ??= await newToken());
        try
        {
            return (await http.SendAsync(request), "");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException { InnerException: TimeoutException })
        {
            return (null, failure.Message);
        }
    }
}
