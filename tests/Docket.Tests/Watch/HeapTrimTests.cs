using Docket.Watch;

namespace Docket.Tests.Watch;

public sealed class HeapTrimTests
{
    readonly ManualClock clock = new() { HoldsTimers = true };
    long allocated = 1_000;
    int collections;

    [Fact]
    public void Memory_is_returned_once_after_heavy_use()
    {
        using var trim = Make();
        Use(HeapTrim.HeavyBytes);
        Assert.Equal(0, collections);
        Use(HeapTrim.QuietBytes);
        Assert.Equal(1, collections);
        Use(HeapTrim.QuietBytes);
        Use(0);
        Assert.Equal(1, collections);
    }

    [Fact]
    public void Memory_is_not_returned_during_use()
    {
        using var trim = Make();
        for (var i = 0; i < 10; i++)
        {
            Use(HeapTrim.HeavyBytes / 2);
        }

        Assert.Equal(0, collections);
    }

    [Fact]
    public void Memory_is_returned_again_after_the_next_heavy_use()
    {
        using var trim = Make();
        for (var i = 0; i < 3; i++)
        {
            Use(HeapTrim.HeavyBytes);
            Use(0);
        }

        Assert.Equal(3, collections);
    }

    [Fact]
    public void Light_use_returns_nothing()
    {
        using var trim = Make();
        Use(HeapTrim.HeavyBytes / 2);
        Use(0);
        Assert.Equal(0, collections);
    }

    HeapTrim Make() => new(clock, () => allocated, () => collections++);

    void Use(long bytes)
    {
        allocated += bytes;
        clock.Advance(HeapTrim.Every);
    }
}
