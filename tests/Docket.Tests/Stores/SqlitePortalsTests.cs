using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Stores;

/// <summary>SQLite keeps what every engine promises about portals and those who use them.</summary>
public sealed class SqlitePortalsTests : PortalsConformanceTests
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-portals-").FullName;

    private protected override ValueTask<IPortals> OpenAsync() => new(new SqlitePortals(directory, StandardTypes.All, Clock, NullLogger.Instance, serve: true));

    private protected override ValueTask RemoveAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
