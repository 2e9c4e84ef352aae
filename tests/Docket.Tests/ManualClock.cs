namespace Docket.Tests;

/// <summary>A clock that stands still until it is told to move, so that every moment in an answer is known beforehand.</summary>
public sealed class ManualClock : TimeProvider
{
    public static readonly DateTimeOffset Beginning = new(2026, 3, 14, 9, 26, 53, 589, TimeSpan.Zero);

    long ticks = Beginning.UtcTicks;

    /// <summary>How far the clock moves with each look at it; nothing at first.</summary>
    public TimeSpan Step { get; set; }

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Add(ref ticks, Step.Ticks), TimeSpan.Zero);

    public void Advance(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);
}
