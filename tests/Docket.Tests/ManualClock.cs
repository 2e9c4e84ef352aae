namespace Docket.Tests;

/// <summary>A clock that only moves when a test moves it, so that every time in an answer is known in advance.</summary>
public sealed class ManualClock : TimeProvider
{
    public static readonly DateTimeOffset Beginning = new(2026, 3, 14, 9, 26, 53, 589, TimeSpan.Zero);

    readonly HashSet<Timer> timers = [];
    long ticks = Beginning.UtcTicks;

    /// <summary>How far the clock moves with each look at it; nothing at first.</summary>
    public TimeSpan Step { get; set; }

    /// <summary>Whether timers wait for the clock to move; otherwise they run by themselves, so that pauses end.</summary>
    public bool HoldsTimers { get; init; }

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Add(ref ticks, Step.Ticks), TimeSpan.Zero);

    /// <summary>Moves the clock on, and rings the timers whose time has come.</summary>
    public void Advance(TimeSpan by)
    {
        var now = Interlocked.Add(ref ticks, by.Ticks);
        Timer[] due;
        lock (timers)
        {
            due = [.. timers.Where(timer => timer.DueAt <= now)];
            timers.ExceptWith(due);
        }

        Array.ForEach(due, timer => timer.Ring());
    }

    /// <summary>How many timers wait for the clock to move.</summary>
    public int Timers
    {
        get
        {
            lock (timers)
            {
                return timers.Count;
            }
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (!HoldsTimers)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }

        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    sealed class Timer(ManualClock clock, TimerCallback callback, object? state) : ITimer
    {
        TimeSpan period = Timeout.InfiniteTimeSpan;

        public long DueAt { get; private set; }

        public void Ring()
        {
            callback(state);
            lock (clock.timers)
            {
                if (period != Timeout.InfiniteTimeSpan)
                {
                    Change(period, period);
                }
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.timers)
            {
                this.period = period;
                clock.timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    DueAt = Interlocked.Read(ref clock.ticks) + dueTime.Ticks;
                    clock.timers.Add(this);
                }
            }

            return true;
        }

        public void Dispose()
        {
            lock (clock.timers)
            {
                period = Timeout.InfiniteTimeSpan;
                clock.timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
