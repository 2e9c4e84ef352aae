using Docket.Stores;

namespace Docket.Tests.Stores;

/// <summary>The writer, the planner and the lookup of batches know no engine: with the smallest one they keep all promises about records.</summary>
public sealed class MemoryStoreTests : StoreConformanceTests
{
    readonly MemoryTransaction memory = new();
    MemoryStore store = null!;

    private protected override ValueTask<IStore> OpenAsync() => new(store = new MemoryStore(memory, Clock));

    private protected override ValueTask CloseAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    private protected override ValueTask RemoveAsync() => ValueTask.CompletedTask;
}
