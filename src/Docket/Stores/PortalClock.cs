using System.Collections.Concurrent;
using Docket.Model;

namespace Docket.Stores;

/// <summary>
/// The time of one portal: the server's, until a test moves or freezes it. Durations and timers are always the server's. Thread-safe.
/// </summary>
/// <param name="server">The server's time.</param>
internal sealed class PortalClock(TimeProvider server) : TimeProvider
{
    Setting? setting;

    /// <summary>Whether it stands still.</summary>
    public bool IsFrozen => Volatile.Read(ref setting)?.FrozenAt is not null;

    /// <summary>Whether it shows the server's time.</summary>
    public bool IsServers => Volatile.Read(ref setting) is null;

    public override TimeZoneInfo LocalTimeZone => server.LocalTimeZone;

    public override long TimestampFrequency => server.TimestampFrequency;

    /// <summary>How it differs from the server's; <c>null</c> if it doesn't. To be set on it again, or on the clock of another portal.</summary>
    public Setting? Difference
    {
        get => Volatile.Read(ref setting);
        set => Volatile.Write(ref setting, value);
    }

    /// <summary>Sets the time, and whether it stands still from then on.</summary>
    public void Set(DateTimeOffset now, bool frozen) => Volatile.Write(ref setting, new(now - server.GetUtcNow(), frozen ? now : null));

    /// <summary>Follows the server's time again.</summary>
    public void Reset() => Volatile.Write(ref setting, null);

    public override DateTimeOffset GetUtcNow() => Volatile.Read(ref setting) is { } set ? set.FrozenAt ?? server.GetUtcNow() + set.Ahead : server.GetUtcNow();

    public override long GetTimestamp() => server.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => server.CreateTimer(callback, state, dueTime, period);

    /// <summary>How a clock differs from the server's.</summary>
    internal sealed record Setting(TimeSpan Ahead, DateTimeOffset? FrozenAt);
}

/// <summary>The clocks of all portals. Thread-safe.</summary>
/// <param name="server">The server's time.</param>
internal sealed class PortalClocks(TimeProvider server)
{
    readonly ConcurrentDictionary<long, PortalClock> clocks = new();

    /// <summary>The server's time.</summary>
    public TimeProvider Server => server;

    /// <summary>The clock of a portal.</summary>
    public PortalClock Of(long portalId) => clocks.TryGetValue(portalId, out var clock) ? clock : clocks.GetOrAdd(portalId, new PortalClock(server));

    /// <summary>The time of a portal, milliseconds since 1970.</summary>
    public long NowOf(long portalId) => Instant.Now(Of(portalId));

    /// <summary>The time of the clock that is furthest behind, milliseconds since 1970: what is over then is over in every portal.</summary>
    public long Earliest() => clocks.Values.Where(clock => !clock.IsServers).Select(Instant.Now).Append(Instant.Now(server)).Min();

    /// <summary>Forgets the clock of a deleted portal.</summary>
    public void Remove(long portalId) => clocks.TryRemove(portalId, out _);
}
