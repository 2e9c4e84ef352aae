using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Postgres;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Stores;

/// <summary>PostgreSQL keeps what every engine promises about portals and those who use them.</summary>
public sealed class PostgresPortalsTests : PortalsConformanceTests
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-portals-").FullName;
    PostgresSchema? schema;

    private protected override async ValueTask<IPortals> OpenAsync()
    {
        schema ??= await PostgresSchema.ChooseAsync();
        return await PostgresPortals.OpenAsync(schema.ConnectionString, null, directory, StandardTypes.All, Clock, NullLogger.Instance, serve: true);
    }

    private protected override async ValueTask RemoveAsync()
    {
        Directory.Delete(directory, recursive: true);
        await (schema?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
