namespace ShopSync.Tests;

/// <summary>What the sync does while something goes wrong, and which bugs that finds.</summary>
public sealed class FaultTests : SyncTest
{
    const string Slow = "slow", BadDay = "hubspot-bad-day";

    /// <summary>With this seed, each preset has a fault where its bug is.</summary>
    const int Seed = 3;

    /// <summary>The bug that each preset finds.</summary>
    static readonly Dictionary<string, string> Found = new()
    {
        ["rate-limited"] = nameof(PlantedBugs.StopsAtLimits),
        ["flaky-gateway"] = nameof(PlantedBugs.StopsAtGateways),
        ["lost-answers"] = "CreatesWhatItSends",
        ["expired-token"] = nameof(PlantedBugs.KeepsItsToken),
        ["partial-batches"] = "IgnoresFailedRows",
        ["lost-rows"] = "TrustsPositions",
        ["stale-search"] = "TrustsSearches",
    };

    public static TheoryData<string> Bugs => [.. Found.Values];

    public static TheoryData<string, string> PresetsAndBugs => new(from preset in Found.Keys from bug in Found.Values select (preset, bug));

    public static TheoryData<string, int> PresetsAndSeeds => new(from preset in Found.Keys.Append(BadDay) from seed in Enumerable.Range(1, 5) select (preset, seed));

    [Theory]
    [MemberData(nameof(PresetsAndSeeds))]
    [InlineData(Slow, 1)]
    public async Task Whatever_goes_wrong_the_sync_ends_with_the_same_tickets(string preset, int seed)
    {
        var shop = NewShop(preset == Slow ? 2 : 8); // slow answers take real time
        await Docket.Faults.AddPresetAsync(preset, seed);
        var report = await SyncAsync(shop);
        await Docket.Faults.ClearAsync();
        await AssertSyncedAsync(shop, report);
        if (report.Rejected.Count > 0)
        {
            await SyncAsync(shop);
            await AssertSyncedAsync(shop);
        }
    }

    [Theory]
    [MemberData(nameof(PresetsAndBugs))]
    public async Task Each_preset_finds_its_bug_and_no_other(string preset, string bug)
    {
        await Docket.Faults.AddPresetAsync(preset, Seed);
        var failure = await Record.ExceptionAsync(() => RunAsync(bug));
        Assert.True((Found[preset] == bug) == failure is not null, failure?.ToString() ?? "It was not found.");
    }

    [Theory]
    [MemberData(nameof(Bugs))]
    [InlineData(nameof(PlantedBugs.NeverRepeats))]
    public async Task Without_faults_no_bug_is_found(string bug) => await RunAsync(bug);

    [Fact]
    public async Task A_bad_day_finds_a_program_that_never_repeats()
    {
        await Docket.Faults.AddPresetAsync(BadDay, Seed);
        Assert.IsType<HubSpotException>(await Record.ExceptionAsync(() => RunAsync(nameof(PlantedBugs.NeverRepeats))));
    }

    [Fact]
    public async Task Slow_answers_find_a_program_that_waits_too_short()
    {
        await Docket.Faults.AddPresetAsync(Slow, Seed);
        using var impatient = new HttpClient(Docket.Handler) { BaseAddress = Docket.Url, Timeout = TimeSpan.FromMilliseconds(300) };
        var sync = new TicketSync(new PlantedBugs.NeverRepeats(impatient, NewTokenAsync, WaitAsync), NewShop().ReadAsync);
        Assert.IsType<HubSpotException>(await Record.ExceptionAsync(() => sync.RunAsync(TestShop.Start)));
    }

    [Theory]
    [InlineData(502, 7, true)]
    [InlineData(502, 8, false)]
    [InlineData(429, 7, true)]
    [InlineData(429, 8, false)]
    [InlineData(403, 1, false)]
    public async Task It_tries_eight_times_where_that_is_of_use(int status, int times, bool succeeds)
    {
        var shop = NewShop();
        await Docket.Faults.AddAsync(new() { ObjectType = "tickets", Path = "**/upsert" }, new() { Status = status }, times);
        var failure = await Record.ExceptionAsync(() => SyncAsync(shop));
        Assert.Equal(succeeds, failure is null);
        await Docket.Requests.ExpectAsync(new() { Path = "**/tickets/batch/upsert", Status = status }, times);
        await SyncAsync(shop);
        await AssertSyncedAsync(shop);
    }

    static TestShop NewShop(int orders = 8) => new TestShop(pageSize: 2).With(orders);

    async Task RunAsync(string bug)
    {
        var shop = NewShop();
        var report = await PlantedBugs.Make(bug, Docket.HttpClient, NewTokenAsync, WaitAsync, shop).RunAsync(TestShop.Start);
        await Docket.Faults.ClearAsync();
        await AssertSyncedAsync(shop, report);
    }
}
