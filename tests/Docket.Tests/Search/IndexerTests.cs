using Docket.ChangeLog;
using Docket.Index;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Search;

/// <summary>How writes and the index that follows them wait for each other.</summary>
public sealed class IndexerTests
{
    [Theory]
    [Trait("Category", "Slow")]
    [Trait("Engine", "SQLite")]
    [InlineData(5_000, false, true)]
    [InlineData(5_001, false, false)]
    [InlineData(2_000, true, true)]
    [InlineData(2_001, true, false)]
    public async Task A_write_that_is_far_ahead_of_the_index_waits_though_not_for_ever(int ahead, bool searched, bool atOnce)
    {
        var directory = Directory.CreateTempSubdirectory("docket-indexer-").FullName;
        string portalPath;
        await using (var server = await TestServer.StartAsync(directory))
        {
            portalPath = server.PortalFile;
        }

        var committed = new CommitSignal();
        using (var indexer = new Indexer(Indexer.PathOf(portalPath), () => new ChangeReader(portalPath, new(), new()), () => Schemata.Portal, committed, new RecentChanges(), () => 0, TimeProvider.System, NullLogger.Instance))
        {
            await indexer.ReachAsync(0, TestContext.Current.CancellationToken);
            Assert.True(indexer.KeepUpAsync().IsCompleted);
            if (searched)
            {
                await indexer.SearchAsync(Schemata.Tickets, 0, (_, _) => "found", TestContext.Current.CancellationToken);
            }

            committed.Advance(ahead); // by changes that the index will never find
            var wait = indexer.KeepUpAsync();
            Assert.Equal(atOnce, wait.IsCompleted);
            await wait;
        }

        Directory.Delete(directory, recursive: true);
    }
}
