using Docket.Model.Types;
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

    [Fact]
    public async Task No_transaction_contains_more_of_what_follows_than_a_step()
    {
        var (contact, tickets) = await CreateBusyContactAsync(1_000);
        var before = memory.Sizes.Count;
        await UpdateAsync(Contacts.Type, contact, "firstname", "Ann");
        await UpdateAsync(Tickets.Type, tickets[0], "subject", "meanwhile");
        await ShowAsync(tickets, "Ann");
        await CloseAsync(); // then nothing changes the list any more
        Assert.Equal((1_000 / PortalWriter.FollowedAtOnce) + 1, memory.Sizes.Skip(before).Count(size => size > 0));
        Assert.All(memory.Sizes.Skip(before), size => Assert.InRange(size, 0, 1 + PortalWriter.FollowedAtOnce));
    }
}
