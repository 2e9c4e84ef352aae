namespace Docket.Tests;

/// <summary>The seed of a random test: another one with each run, or the one in <c>DOCKET_TEST_SEED</c> to repeat a failure.</summary>
internal static class Seed
{
    public static int Next() => int.TryParse(Environment.GetEnvironmentVariable("DOCKET_TEST_SEED"), out var wanted) ? wanted : Environment.TickCount;

    /// <summary>Runs a test and names the seed when it fails.</summary>
    public static async Task PlayAsync(Func<Random, Task> test)
    {
        var seed = Next();
        try
        {
            await test(new Random(seed));
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"Seed {seed}; DOCKET_TEST_SEED={seed} repeats it. {failure.Message}", failure);
        }
    }
}
