using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Stores;

/// <summary>SQLite keeps what every engine promises.</summary>
public class SqliteStoreTests : JobConformanceTests
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-store-").FullName;
    SqliteStore store = null!;

    private protected virtual FoldPace Pace => FoldPace.Default;

    private protected override ValueTask<IStore> OpenAsync()
    {
        var path = Path.Combine(directory, "portal.db");
        if (!File.Exists(path))
        {
            SqliteStore.Create(path, 1, "registry");
        }

        return new(store = new SqliteStore(path, StandardTypes.All, Clock, NullLogger.Instance, pace: Pace));
    }

    private protected override ValueTask CloseAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    private protected override ValueTask RemoveAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
