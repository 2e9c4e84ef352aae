using Docket.Conversations.Comparing;

namespace Docket.Tests.Comparing;

public sealed class PaceTests
{
    // The bodies of reference/auth-limits-webhooks-imports.md 2.3.
    [Theory]
    [InlineData(429, """{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING"}""", 2, 20)]
    [InlineData(429, """{"message":"You have reached your secondly limit.","policyName":"SECONDLY"}""", 2, 2)]
    [InlineData(429, """{"message":"You have reached your daily limit.","policyName":"DAILY"}""", 1, null)]
    [InlineData(429, """{"message":"You have reached your secondly limit."}""", 4, null)]
    [InlineData(500, "{}", 1, null)]
    public void A_call_is_sent_again_if_a_short_limit_refused_it(int status, string body, int attempt, int? seconds) =>
        Assert.Equal(seconds, (int?)Pace.AfterRefusal(new(status, "application/json", [], body), attempt)?.TotalSeconds);

    [Fact]
    public async Task A_search_takes_the_time_of_five_calls()
    {
        var clock = new ManualClock { HoldsTimers = true };
        var pace = new Pace(10, clock);
        await pace.WaitAsync(isSearch: true, TestContext.Current.CancellationToken);
        var next = pace.WaitAsync(isSearch: false, TestContext.Current.CancellationToken);
        clock.Advance(TimeSpan.FromMilliseconds(499));
        Assert.False(next.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await next;
    }
}
