using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Search;

/// <summary>SQLite answers searches as every engine does, and lets long reads wait for each other.</summary>
public sealed class SqliteSearchTests : SearchStoreTests
{
    SqliteStore store = null!;

    private protected override ValueTask<IStore> OpenAsync()
    {
        var path = Path.Combine(Directory, "portal.db");
        SqliteStore.Create(path, 1, "registry");
        return new(store = new(path, StandardTypes.All, Clock, NullLogger.Instance));
    }

    private protected override void Set(PortalSettings settings) => store.Settings = settings;

    private protected override ValueTask CloseAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Reads_that_may_take_long_wait_for_each_other_and_hold_up_no_others()
    {
        var record = (await ApplyAsync(WriteKind.Create, [Input(null, [("subject", "one"), ("hs_pipeline_stage", "1")])])).Single();
        using var enough = new ManualResetEventSlim();
        var cancellation = TestContext.Current.CancellationToken;
        // Without an end, as it were.
        var slow = Enumerable.Range(0, 2).Select(_ => store.ReadLongAsync(
            _ =>
            {
                enough.Wait(cancellation);
                return Thread.CurrentThread.IsThreadPoolThread;
            },
            cancellation)).ToArray();
        Task[] later =
        [
            store.FindAsOfAsync(Tickets.Type, record.Id, Instant.Now(Clock), cancellation),
            store.FeedOfAsync(Tickets.Type, record.Id, 0, 10, cancellation),
            store.FindHoldersAsync(Tickets.Type, store.Schema.Of(Tickets.Type).Find("subject")!, "one"u8.ToArray(), cancellation),
        ];

        Assert.NotNull(await store.FindAsync(Tickets.Type, record.Id, archived: false, cancellation));
        await ApplyAsync(WriteKind.Update, [Input(record.Id, [("subject", "two")])]);
        Assert.Equal(1, (await FindAsync(Query("two"))).Total);
        Assert.Equal(2, (await store.FeedAsync(0, 10, int.MaxValue, cancellation)).Length);
        Assert.DoesNotContain(later, read => read.IsCompleted);

        enough.Set();
        Assert.DoesNotContain(true, await Task.WhenAll(slow));
        await Task.WhenAll(later);
    }
}
