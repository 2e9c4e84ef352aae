using Docket.Model;
using Docket.Stores;

namespace Docket.Limits;

/// <summary>The result of checking a call against the limits.</summary>
/// <param name="Reached">The limit that refuses the call, if any.</param>
/// <param name="WaitMs">Milliseconds until a call would be allowed.</param>
/// <param name="BurstLeft">Calls left to the app in ten seconds; not set for a search.</param>
/// <param name="SecondlyLeft">Calls left in a second, which is not enforced; not set for a search.</param>
/// <param name="DailyLeft">Calls left today to all private apps, if there is a limit.</param>
internal readonly record struct Standing(LimitPolicy Reached, long WaitMs, int BurstLeft, int SecondlyLeft, int DailyLeft);

/// <summary>The calls of one portal: each app's in ten seconds, all searches in a second, those of all private apps today.</summary>
/// <param name="clock">The time.</param>
/// <param name="shared">Receives the calls that count toward a limit in seconds, for other processes that serve the portal.</param>
internal sealed class PortalUsage(TimeProvider clock, SharedCalls? shared = null)
{
    /// <summary>Milliseconds.</summary>
    public const int BurstMs = 10_000, SearchMs = 1_000;

    readonly Lock gate = new();
    readonly Dictionary<long, (RollingWindow TenSeconds, RollingWindow Second)> apps = [];
    readonly Dictionary<long, (LimitPolicy Policy, int Calls)> ordered = [];
    readonly RollingWindow searches = new(SearchMs);
    TimeZoneInfo? zone;
    DateOnly day;
    long calls, unsaved, endsAt;

    /// <summary>The old limit per second, still reported: a tenth of the burst (reference/auth-limits-webhooks-imports.md 2.1).</summary>
    public static int Secondly(int burst) => (burst + 9) / 10;

    /// <summary>Counts a call if no limit is reached. A refused call is not counted (reference/auth-limits-webhooks-imports.md 7, 1 [decide]).</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="limits">The caller's limits.</param>
    /// <param name="search">Whether it is a search, which has its own limit instead of the burst (reference 2.2).</param>
    public Standing Count(Caller caller, RateLimits limits, bool search)
    {
        lock (gate)
        {
            var now = Turn(caller.Settings.TimeZone);
            var app = !search && limits.Burst > 0 ? AppOf(caller.AppId) : default;
            var (window, limit) = search && limits.Search > 0 ? (searches, limits.Search) : (app.TenSeconds, limits.Burst);
            var used = window?.Count(now) ?? 0;
            var (reached, waitMs) = Ordered(caller.AppId) is var policy and not LimitPolicy.None ? (policy, policy == LimitPolicy.Daily ? endsAt - now : SearchMs)
                : limits.Daily > 0 && calls >= limits.Daily ? (LimitPolicy.Daily, endsAt - now)
                : window is not null && used >= limit ? (search ? LimitPolicy.Secondly : LimitPolicy.TenSecondlyRolling, window.WaitMs(limit, now))
                : (LimitPolicy.None, 0);
            if (reached == LimitPolicy.None)
            {
                if (!caller.IsOAuth)
                {
                    calls++;
                    unsaved++;
                }

                used++;
                app.Second?.Add(now);
                if (window is not null)
                {
                    window.Add(now);
                    shared?.Add(caller.PortalId, search ? null : caller.AppId);
                }
            }

            return new(reached, waitMs,
                Math.Max(0, limits.Burst - used),
                Math.Max(0, Secondly(limits.Burst) - (app.Second?.Count(now) ?? 0)),
                (int)Math.Max(0, limits.Daily - calls));
        }
    }

    /// <summary>Counts calls that another process let in a moment ago.</summary>
    public void Hear(RecentCalls calls)
    {
        lock (gate)
        {
            var now = Instant.Now(clock);
            foreach (var window in calls.AppId is { } appId && AppOf(appId) is var app ? (RollingWindow[])[app.TenSeconds, app.Second] : [searches])
            {
                window.Count(now); // makes room
                for (var i = 0; i < calls.Calls; i++)
                {
                    window.Add(now);
                }
            }
        }
    }

    /// <summary>Refuses the next calls of an app, whatever its limits.</summary>
    public void Refuse(long appId, LimitPolicy policy, int count)
    {
        lock (gate)
        {
            ordered[appId] = (policy, count);
        }
    }

    /// <summary>The number of calls of private apps today, and when the day ends, in milliseconds since 1970.</summary>
    public (long Calls, long EndsAt) Today(TimeZoneInfo zone)
    {
        lock (gate)
        {
            Turn(zone);
            return (calls, endsAt);
        }
    }

    /// <summary>What to add to the store: the calls that it doesn't contain yet. Forgets apps that have not called for a while.</summary>
    public DayUsage Unsaved(long portalId)
    {
        lock (gate)
        {
            var now = Instant.Now(clock);
            foreach (var (appId, windows) in apps)
            {
                if (windows.TenSeconds.Count(now) == 0)
                {
                    apps.Remove(appId);
                }
            }

            return new(portalId, day, unsaved);
        }
    }

    /// <summary>Notes that calls were added to the store.</summary>
    public void Saved(DayUsage added)
    {
        lock (gate)
        {
            unsaved -= added.Day == day ? added.Calls : 0;
        }
    }

    /// <summary>Takes over what the store contains, to which other processes add too.</summary>
    public void Load(DayUsage stored)
    {
        lock (gate)
        {
            if (stored.Day == day)
            {
                calls = stored.Calls + unsaved;
            }
            else if (stored.Day > day)
            {
                (day, calls, unsaved, endsAt) = (stored.Day, stored.Calls, 0, 0);
            }
        }
    }

    /// <summary>The start of the day after <paramref name="day"/>, in milliseconds since 1970.</summary>
    public static long EndOf(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.AddDays(1).ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
        {
            midnight = midnight.AddMinutes(15); // if clocks go forward at midnight, the day starts later
        }

        var offset = zone.IsAmbiguousTime(midnight) ? zone.GetAmbiguousTimeOffsets(midnight).Max() : zone.GetUtcOffset(midnight);
        return new DateTimeOffset(midnight, offset).ToUnixTimeMilliseconds();
    }

    /// <summary>Starts a new day when it is time, or when another time zone makes it another day. Returns the time.</summary>
    long Turn(TimeZoneInfo zone)
    {
        var utc = clock.GetUtcNow();
        var now = utc.ToUnixTimeMilliseconds();
        if (now < endsAt && ReferenceEquals(zone, this.zone))
        {
            return now;
        }

        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(utc, zone).DateTime);
        (calls, unsaved) = today == day ? (calls, unsaved) : (0, 0);
        (day, endsAt, this.zone) = (today, EndOf(today, zone), zone);
        return now;
    }

    (RollingWindow TenSeconds, RollingWindow Second) AppOf(long appId)
    {
        if (!apps.TryGetValue(appId, out var windows))
        {
            apps.Add(appId, windows = (new(BurstMs), new(SearchMs)));
        }

        return windows;
    }

    LimitPolicy Ordered(long appId)
    {
        if (ordered.Count == 0 || !ordered.TryGetValue(appId, out var order))
        {
            return LimitPolicy.None;
        }

        if (order.Calls > 1)
        {
            ordered[appId] = order with { Calls = order.Calls - 1 };
        }
        else
        {
            ordered.Remove(appId);
        }

        return order.Policy;
    }
}
