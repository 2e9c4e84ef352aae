namespace Docket.Conversations.Comparing;

/// <summary>
/// Keeps calls below HubSpot's limits. Its official client sends nine a second, and a search every 550 ms
/// (reference/auth-limits-webhooks-imports.md 2.4), so a search takes the time of five calls. One call at a time.
/// </summary>
internal sealed class Pace(int perSecond, TimeProvider clock)
{
    const int CallsOfASearch = 5;

    readonly TimeSpan between = TimeSpan.FromSeconds(1) / perSecond;
    DateTimeOffset next;

    /// <summary>Waits until the next call may be sent.</summary>
    public async Task WaitAsync(bool isSearch, CancellationToken cancellation)
    {
        if (next - clock.GetUtcNow() is var wait && wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, clock, cancellation);
        }

        next = clock.GetUtcNow() + (isSearch ? CallsOfASearch * between : between);
    }

    /// <summary>How long to wait after a refusal by a limit; <c>null</c> if waiting doesn't help (reference/auth-limits-webhooks-imports.md 2.4).</summary>
    public static TimeSpan? AfterRefusal(Reply refusal, int attempt) =>
        refusal.Status != 429 || attempt > 3 || refusal.Body.Contains("DAILY", StringComparison.Ordinal) ? null
        : TimeSpan.FromSeconds(attempt * (refusal.Body.Contains("your secondly limit", StringComparison.Ordinal) ? 1 : 10));
}
