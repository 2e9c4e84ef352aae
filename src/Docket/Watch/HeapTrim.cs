using System.Runtime.InteropServices;

namespace Docket.Watch;

/// <summary>
/// Returns memory to the system once heavy use has ended. The collector keeps what it used at most, for the next time, and without
/// allocations it doesn't run. A collection that compacts stops all threads for some tens of milliseconds, so there is one each time.
/// </summary>
internal sealed partial class HeapTrim : IDisposable
{
    /// <summary>How often to look.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    /// <summary>Allocated bytes since the last time that make use heavy: about 60,000 writes.</summary>
    public const long HeavyBytes = 256L << 20;

    /// <summary>Allocated bytes between two looks that still count as quiet: some ten small requests a second.</summary>
    public const long QuietBytes = 8L << 20;

    readonly Func<long> allocated;
    readonly Action collect;
    readonly ITimer timer;
    long seen, collectedAt;

    /// <param name="clock">The time.</param>
    public HeapTrim(TimeProvider clock)
        : this(clock, () => GC.GetTotalAllocatedBytes(), () =>
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            ReleaseNative();
        })
    {
    }

    /// <param name="clock">The time.</param>
    /// <param name="allocated">Bytes that the process has allocated so far.</param>
    /// <param name="collect">Returns memory.</param>
    internal HeapTrim(TimeProvider clock, Func<long> allocated, Action collect)
    {
        this.allocated = allocated;
        this.collect = collect;
        seen = collectedAt = allocated();
        timer = clock.CreateTimer(_ => Look(), null, Every, Every);
    }

    /// <summary>
    /// Returns what SQLite has freed. The C library of most Linux systems keeps it for the threads that allocated it: half a
    /// megabyte for each portal that was open.
    /// </summary>
    public static void ReleaseNative()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library (musl), which returns memory itself.
        }
    }

    public void Dispose() => timer.Dispose();

    void Look()
    {
        var now = allocated();
        if (now - seen <= QuietBytes && now - collectedAt >= HeavyBytes)
        {
            collect();
            collectedAt = now;
        }

        seen = now;
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint kept);
}
