using CsCheck;
using Docket.Limits;

namespace Docket.Tests.Limits;

/// <summary>A window lets in as many calls as it may, in every span of time and not only in those that begin with a round second.</summary>
public sealed class RollingWindowTests
{
    const int SpanMs = 1000;

    /// <summary>A limit, and how long after the one before each call comes, in milliseconds: often at once, often about a window later.</summary>
    static readonly Gen<(int Limit, int[] Pauses)> Calls = Gen.Select(
        Gen.Int[1, 40],
        Gen.Frequency((6, Gen.Int[0, 3]), (3, Gen.Int[0, 2 * SpanMs / 20]), (1, Gen.Int[SpanMs - 2, SpanMs + 2])).Array[0, 300]);

    [Fact]
    public void Calls_are_let_in_as_by_a_list_of_all_calls() => Calls.Sample((limit, pauses) =>
    {
        var window = new RollingWindow(SpanMs);
        var log = new List<long>();
        var now = 1_000_000L;
        foreach (var pause in pauses)
        {
            now += pause;
            var within = log.Count(moment => moment > now - SpanMs);
            Assert.Equal(within, window.Count(now));
            if (within < limit)
            {
                window.Add(now);
                log.Add(now);
            }
        }

        // No span of time, wherever it begins, has more.
        Assert.All(log, begin => Assert.InRange(log.Count(moment => moment >= begin && moment < begin + SpanMs), 1, limit));
    });

    [Fact]
    public void What_it_says_to_wait_is_enough_and_no_more() => Calls.Sample((limit, pauses) =>
    {
        var window = new RollingWindow(SpanMs);
        var now = 1_000_000L;
        foreach (var pause in pauses)
        {
            now += pause;
            if (window.Count(now) < limit)
            {
                window.Add(now);
                continue;
            }

            var wait = window.WaitMs(limit, now);
            Assert.InRange(wait, 1, SpanMs);
            Assert.Equal(limit, window.Count(now + wait - 1));
            Assert.InRange(window.Count(now += wait), 0, limit - 1);
            window.Add(now);
        }
    });

    [Fact]
    public void A_limit_that_was_lowered_lets_nobody_in_until_enough_calls_are_past()
    {
        var window = new RollingWindow(SpanMs);
        for (var i = 0; i < 50; i++)
        {
            window.Add(10_000 + i);
        }

        Assert.Equal(50, window.Count(10_050));
        Assert.Equal(10_047 + SpanMs - 10_050, window.WaitMs(3, 10_050)); // until all but two are past
        Assert.Equal(2, window.Count(10_047 + SpanMs));
    }

    [Fact]
    public void A_clock_that_is_set_back_locks_nobody_out()
    {
        var window = new RollingWindow(SpanMs);
        window.Add(1_000_000);
        Assert.Equal(1, window.Count(999_999)); // by a little: the call still counts
        window.Add(999_999);
        Assert.Equal(2, window.Count(1_000_999));
        Assert.Equal(0, window.Count(1_001_000));
        window.Add(1_001_000);
        Assert.Equal(0, window.Count(500_000)); // by much
    }
}
