using Docket.Model;
using Docket.Stores;
using Docket.Stores.Postgres;
using Docket.Tests.Stores;

namespace Docket.Tests.Search;

/// <summary>PostgreSQL answers searches as every engine does.</summary>
public sealed class PostgresSearchTests : SearchStoreTests
{
    PostgresProcesses? portal;
    PostgresStore store = null!;

    private protected override async ValueTask<IStore> OpenAsync()
    {
        portal = await PostgresProcesses.CreateAsync(Clock);
        return store = await portal.OpenAsync();
    }

    private protected override void Set(PortalSettings settings) => store.Settings = settings;

    private protected override ValueTask CloseAsync() => portal?.DisposeAsync() ?? ValueTask.CompletedTask;
}
