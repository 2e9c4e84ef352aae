using Docket.Limits;
using Docket.Model;

namespace Docket.Tests.Limits;

/// <summary>What counts together, and when a day begins.</summary>
public sealed class PortalUsageTests
{
    static readonly Caller First = Schemata.Caller with { AppId = 1 }, Second = Schemata.Caller with { AppId = 2 }, Public = Schemata.Caller with { AppId = 3, IsOAuth = true };

    [Theory]
    [InlineData("off", 0, 0, 0, 0)]
    [InlineData("free", 100, 250_000, 5, 110)]
    [InlineData("starter", 100, 250_000, 5, 110)]
    [InlineData("professional", 190, 650_000, 5, 110)]
    [InlineData("enterprise", 190, 1_000_000, 5, 110)]
    [InlineData("free+1", 250, 1_250_000, 5, 110)]
    [InlineData("professional+1", 250, 1_650_000, 5, 110)]
    [InlineData("enterprise+1", 250, 2_000_000, 5, 110)]
    [InlineData("enterprise+2", 250, 3_000_000, 5, 110)]
    public void A_profile_has_the_numbers_of_the_reference(string name, int burst, int daily, int search, int oauthBurst)
    {
        var settings = With(("limits", name));
        Assert.Equal(new RateLimits(burst, daily, search), (First with { Settings = settings }).Limits);
        Assert.Equal(new RateLimits(oauthBurst, 0, search), (Public with { Settings = settings }).Limits);
        Assert.Equal(name, PortalSettings.All.Single(setting => setting.Name == "limits").Show(settings));
    }

    [Fact]
    public void Calls_of_another_process_count_like_own_ones_for_ten_seconds()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var caller = First with { Settings = With(("limits-burst", "3")) };
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, usage.Count(caller, caller.Limits, search: false).BurstLeft);
        clock.Advance(TimeSpan.FromSeconds(1));
        usage.Hear(new(caller.PortalId, caller.AppId, 2));
        var full = usage.Count(caller, caller.Limits, search: false);
        Assert.Equal((LimitPolicy.TenSecondlyRolling, 9_000, 0), (full.Reached, full.WaitMs, full.BurstLeft));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, usage.Count(caller, caller.Limits, search: false).BurstLeft);
    }

    [Theory]
    [InlineData("limits", "gold")]
    [InlineData("limits", "")]
    [InlineData("limits", "off+1")]
    [InlineData("limits", "enterprise+3")]
    [InlineData("limits", "Enterprise")]
    [InlineData("limits-burst", "0")]
    [InlineData("limits-burst", "-1")]
    [InlineData("limits-burst", "1000001")]
    [InlineData("limits-daily", "2147483648")]
    [InlineData("limits-search", "many")]
    [InlineData("time-zone", "Mars/Olympus")]
    [InlineData("time-zone", "")]
    [InlineData("time-zone", "Europe")]
    [InlineData("time-zone", "../../../etc/passwd")]
    [InlineData("time-zone", "/etc/localtime")]
    [InlineData("time-zone", "U\0TC")]
    [InlineData("currency", "usd")]
    [InlineData("currency", "EURO")]
    [InlineData("account-type", "standard")]
    public void What_is_no_value_is_refused(string name, string value) => Assert.NotNull(PortalSettings.Default.With(name, value).Mistake);

    [Fact]
    public void Own_numbers_go_before_those_of_the_profile()
    {
        var settings = With(("limits", "free"), ("limits-burst", "7"), ("limits-daily", "off"));
        Assert.Equal(new RateLimits(7, 0, 5), (First with { Settings = settings }).Limits);
        Assert.Equal(new RateLimits(7, 0, 5), (Public with { Settings = settings }).Limits);
        Assert.Equal(new RateLimits(7, 250_000, 5), (First with { Settings = settings.With("limits-daily", "profile").Settings }).Limits);
    }

    [Fact]
    public void Two_apps_have_a_burst_each_and_share_the_day()
    {
        var usage = new PortalUsage(new ManualClock());
        var limits = new RateLimits(Burst: 2, Daily: 3, Search: 0);
        Assert.Equal((LimitPolicy.None, 1, 2), Stand(usage.Count(First, limits, search: false)));
        Assert.Equal((LimitPolicy.None, 0, 1), Stand(usage.Count(First, limits, search: false)));
        Assert.Equal((LimitPolicy.TenSecondlyRolling, 0, 1), Stand(usage.Count(First, limits, search: false)));
        Assert.Equal((LimitPolicy.None, 1, 0), Stand(usage.Count(Second, limits, search: false)));
        Assert.Equal((LimitPolicy.Daily, 1, 0), Stand(usage.Count(Second, limits, search: false)));
    }

    [Fact]
    public void Searches_of_all_apps_count_together_and_not_for_the_burst()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var limits = new RateLimits(Burst: 1, Daily: 100, Search: 2);
        Assert.Equal(LimitPolicy.None, usage.Count(First, limits, search: true).Reached);
        Assert.Equal(LimitPolicy.None, usage.Count(Second, limits, search: true).Reached);
        var refused = usage.Count(First, limits, search: true);
        Assert.Equal((LimitPolicy.Secondly, 1000, 98), (refused.Reached, refused.WaitMs, refused.DailyLeft));
        Assert.Equal(LimitPolicy.None, usage.Count(First, limits, search: false).Reached);
        clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Equal(LimitPolicy.Secondly, usage.Count(Second, limits, search: true).Reached);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(LimitPolicy.None, usage.Count(Second, limits, search: true).Reached);
    }

    [Fact]
    public void An_OAuth_app_has_no_day_and_takes_none_of_it()
    {
        var usage = new PortalUsage(new ManualClock());
        var settings = With(("limits", "enterprise+1"), ("limits-daily", "1"));
        for (var left = RateLimits.OAuthBurst - 1; left >= 0; left--)
        {
            Assert.Equal((LimitPolicy.None, left), Of(Public));
        }

        Assert.Equal((LimitPolicy.TenSecondlyRolling, 0), Of(Public));
        Assert.Equal(0, usage.Today(TimeZoneInfo.Utc).Calls);
        Assert.Equal((LimitPolicy.None, 249), Of(First));
        Assert.Equal((LimitPolicy.Daily, 249), Of(First));

        (LimitPolicy, int) Of(Caller caller) => usage.Count(caller, (caller with { Settings = settings }).Limits, search: false) is var standing ? (standing.Reached, standing.BurstLeft) : default;
    }

    [Fact]
    public void Refused_calls_count_for_nothing()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var limits = new RateLimits(Burst: 2, Daily: 0, Search: 0);
        for (var i = 0; i < 10; i++)
        {
            usage.Count(First, limits, search: false);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(2, usage.Today(TimeZoneInfo.Utc).Calls);
        Assert.Equal(LimitPolicy.None, usage.Count(First, limits, search: false).Reached); // 10 seconds after the first, whatever came between
    }

    [Fact]
    public void The_old_limit_per_second_is_shown_and_not_enforced()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var limits = new RateLimits(Burst: 20, Daily: 0, Search: 0);
        Assert.Equal([1, 0, 0, 0], Enumerable.Range(0, 4).Select(_ => usage.Count(First, limits, search: false).SecondlyLeft));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, usage.Count(First, limits, search: false).SecondlyLeft);
    }

    // The clock begins on 2026-03-14 at 09:26 in UTC.
    [Theory]
    [InlineData("UTC", "2026-03-15T00:00:00Z")]
    [InlineData("Europe/Berlin", "2026-03-14T23:00:00Z")]
    [InlineData("US/Eastern", "2026-03-15T04:00:00Z")]
    [InlineData("Pacific/Auckland", "2026-03-14T11:00:00Z")]
    public void A_day_ends_at_midnight_where_the_portal_is(string zone, string end)
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var caller = First with { Settings = With(("time-zone", zone)) };
        usage.Count(caller, default, search: false);
        var (calls, endsAt) = usage.Today(caller.Settings.TimeZone);
        Assert.Equal((1, end), (calls, Instant.ToText(endsAt)));
        var refused = usage.Count(caller, new(0, Daily: 1, 0), search: false);
        Assert.Equal((LimitPolicy.Daily, endsAt - Instant.Now(clock)), (refused.Reached, refused.WaitMs));

        clock.Advance(TimeSpan.FromMilliseconds(refused.WaitMs - 1));
        Assert.Equal(LimitPolicy.Daily, usage.Count(caller, new(0, Daily: 1, 0), search: false).Reached);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(LimitPolicy.None, usage.Count(caller, new(0, Daily: 1, 0), search: false).Reached);
    }

    [Theory]
    [InlineData("Africa/Cairo", "2026-04-23", "2026-04-23T22:00:00Z")] // the clocks go from 00:00 to 01:00
    [InlineData("America/Havana", "2026-10-31", "2026-11-01T04:00:00Z")] // they go from 01:00 back to 00:00
    [InlineData("Europe/Berlin", "2026-03-29", "2026-03-29T22:00:00Z")] // a day of 23 hours
    public void Where_the_clocks_change_the_day_ends_with_its_last_moment(string zone, string day, string end) =>
        Assert.Equal(end, Instant.ToText(PortalUsage.EndOf(DateOnly.ParseExact(day, "yyyy-MM-dd"), TimeZoneInfo.FindSystemTimeZoneById(zone))));

    [Fact]
    public void Another_time_zone_begins_a_day_only_where_it_is_another_one()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        usage.Count(First, default, search: false);
        Assert.Equal(1, usage.Today(TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).Calls);
        clock.Advance(TimeSpan.FromHours(3));
        Assert.Equal(0, usage.Today(TimeZoneInfo.FindSystemTimeZoneById("Pacific/Auckland")).Calls);
    }

    [Fact]
    public void An_app_that_is_forgotten_had_no_calls_left_to_count()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var limits = new RateLimits(Burst: 2, Daily: 0, Search: 0);
        usage.Count(First, limits, search: false);
        usage.Unsaved(1);
        Assert.Equal(0, usage.Count(First, limits, search: false).BurstLeft);
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, usage.Unsaved(1).Calls);
        Assert.Equal(1, usage.Count(First, limits, search: false).BurstLeft);
    }

    [Fact]
    public void What_other_processes_have_stored_counts_too()
    {
        var clock = new ManualClock();
        var (one, other) = (new PortalUsage(clock), new PortalUsage(clock));
        var limits = new RateLimits(Burst: 0, Daily: 4, Search: 0);
        one.Count(First, limits, search: false);
        other.Count(First, limits, search: false);
        other.Count(First, limits, search: false);
        var stored = one.Unsaved(1) with { Calls = one.Unsaved(1).Calls + other.Unsaved(1).Calls };
        one.Saved(one.Unsaved(1));
        one.Load(stored);
        Assert.Equal(0, one.Count(First, limits, search: false).DailyLeft);
        Assert.Equal(LimitPolicy.Daily, one.Count(First, limits, search: false).Reached);
        Assert.Equal(1, one.Unsaved(1).Calls); // the rest is stored
    }

    [Fact]
    public void Counting_takes_no_memory_once_the_app_is_known()
    {
        var clock = new ManualClock();
        var usage = new PortalUsage(clock);
        var least = long.MaxValue;
        for (var round = 0; round < 20; round++) // other work of the runtime during a round only adds
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
            {
                usage.Count(First, new(Burst: 100, Daily: 1_000_000, Search: 5), search: false);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(0, least);
    }

    static (LimitPolicy, int, int) Stand(Standing standing) => (standing.Reached, standing.BurstLeft, standing.DailyLeft);

    static PortalSettings With(params (string Name, string Value)[] values) => values.Aggregate(PortalSettings.Default, (settings, value) =>
    {
        var (changed, mistake) = settings.With(value.Name, value.Value);
        Assert.Null(mistake);
        return changed;
    });
}
