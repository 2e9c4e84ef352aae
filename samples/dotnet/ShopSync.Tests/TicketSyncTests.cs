namespace ShopSync.Tests;

/// <summary>What the sync does while nothing goes wrong.</summary>
public sealed class TicketSyncTests : SyncTest
{
    public static TheoryData<OrderState, OrderState> Changes => new(Enum.GetValues<OrderState>().SelectMany(_ => Enum.GetValues<OrderState>(), (from, to) => (from, to)));

    public static TheoryData<int, int> PageSizes => new(from count in (int[])[1, 2, 9, 10, 11, 12] from size in (int[])[1, 3, 10, 25] select (count, size));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(250)]
    public async Task Each_order_has_one_ticket_with_its_customer(int count)
    {
        var shop = new TestShop(pageSize: 500).With(count);
        var report = await SyncAsync(shop);
        Assert.Equal(count, report.Orders);
        Assert.Empty(report.Rejected);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [MemberData(nameof(PageSizes))]
    public async Task All_pages_of_the_shop_are_read_once(int count, int size)
    {
        var shop = new TestShop(size).With(count);
        await SyncAsync(shop);
        Assert.Equal(Enumerable.Range(1, (count + size - 1) / size), shop.PagesRead);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_ticket_follows_the_state_of_its_order(OrderState from, OrderState to)
    {
        var shop = new TestShop().With([TestShop.Order(1, from), TestShop.Order(2, from)]);
        var first = await SyncAsync(shop);
        shop.Orders.Add(TestShop.Order(1, to, "It came, but it is broken.") with { ChangedAt = TestShop.Start.AddHours(1) });
        var second = await SyncAsync(shop, first.Until.AddTicks(1));
        Assert.Equal(1, second.Orders);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task The_same_sync_again_changes_nothing(int times)
    {
        var shop = new TestShop().With(10);
        await SyncAsync(shop);
        var before = await TicketsAsync();
        for (var i = 0; i < times; i++)
        {
            await SyncAsync(shop);
        }

        Assert.Equivalent(before, await TicketsAsync(), strict: true);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 2)]
    [InlineData(10, 9)]
    [InlineData(10, 5)]
    public async Task The_next_sync_starts_where_this_one_ended(int first, int more)
    {
        var shop = new TestShop().With(first);
        var report = await SyncAsync(shop);
        Assert.Equal(TestShop.Order(first).ChangedAt, report.Until);
        shop.With(Enumerable.Range(first + 1, more).Select(n => TestShop.Order(n)));
        Assert.Equal(more + 1, (await SyncAsync(shop, report.Until)).Orders); // the last one again, because another may have changed at the same moment
        await AssertSyncedAsync(shop);
    }

    [Fact]
    public async Task Without_orders_the_next_sync_starts_at_the_same_time()
    {
        Assert.Equal(TestShop.Start, (await SyncAsync(new TestShop())).Until);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Zoë's order is missing a piece 🙁")]
    [InlineData("注文した商品が届きません")]
    [InlineData("<b>Broken</b> & \"late\"")]
    [InlineData("first line\nsecond line\r\n\tthird line")]
    [InlineData("  spaces  ")]
    [InlineData("null")]
    [InlineData("{{ticket}} %s ${x}")]
    public async Task What_the_customer_wrote_is_in_the_ticket(string problem)
    {
        var shop = new TestShop().With([TestShop.Order(1, problem: problem)]);
        await SyncAsync(shop);
        Assert.Equal(problem.Trim(), (await TicketsAsync())["A-1"].Content?.Trim() ?? "");
    }

    [Theory]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(60_000)]
    public async Task Long_problems_are_complete(int length)
    {
        var shop = new TestShop().With([TestShop.Order(1, problem: new string('x', length))]);
        await SyncAsync(shop);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData("A-1")]
    [InlineData("2026/0001")]
    [InlineData("#17 b")]
    [InlineData("注文-7")]
    [InlineData("0007")]
    [InlineData("1e3")]
    public async Task Order_numbers_are_kept_as_they_are(string number)
    {
        var shop = new TestShop().With([TestShop.Order(1) with { Number = number }]);
        await SyncAsync(shop);
        await SyncAsync(shop);
        Assert.Equal([number], (await TicketsAsync()).Keys);
    }

    [Theory]
    [InlineData("Customer1@Mailbox.org", "customer1@mailbox.org")]
    [InlineData("CUSTOMER@MAILBOX.ORG", "customer@mailbox.org")]
    [InlineData("first.last+shop@mailbox.org", "first.last+shop@mailbox.org")]
    public async Task An_address_is_one_contact_however_it_is_spelt(string first, string second)
    {
        var shop = new TestShop().With([TestShop.Order(1) with { Email = first }, TestShop.Order(2) with { Email = second }]);
        await SyncAsync(shop);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(20)]
    [InlineData(100)]
    public async Task All_orders_of_a_customer_belong_to_one_contact(int count)
    {
        var shop = new TestShop().With(Enumerable.Range(1, count).Select(n => TestShop.Order(n) with { Email = "same@mailbox.org" }));
        await SyncAsync(shop);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("a@")]
    [InlineData("@mailbox.org")]
    [InlineData("a b@mailbox.org")]
    [InlineData("someone@shop.example")]
    public async Task What_HubSpot_does_not_accept_is_reported_and_the_rest_is_synced(string email)
    {
        var shop = new TestShop().With([TestShop.Order(1), TestShop.Order(2) with { Email = email }, TestShop.Order(3)]);
        var report = await SyncAsync(shop);
        Assert.Equal([email], report.Rejected.Keys);
        Assert.Equal(3, report.Orders);
        Assert.Equal([1, 0, 1], (await TicketsAsync()).OrderBy(ticket => ticket.Key).Select(ticket => ticket.Value.Contacts.Count));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    public async Task Of_an_order_that_changed_several_times_the_newest_state_counts(int times)
    {
        var shop = new TestShop().With(Enumerable.Range(1, times).Select(n => TestShop.Order(n, (OrderState)(n % 4), $"{n}") with { Number = "A-1", Email = "one@mailbox.org" }));
        await SyncAsync(shop);
        await AssertSyncedAsync(shop);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(50)]
    public async Task Tickets_of_other_programs_stay_as_they_are(int others)
    {
        for (var i = 0; i < others; i++)
        {
            await NewHubSpot().CallAsync(HttpMethod.Post, "/crm/v3/objects/tickets", new { properties = new { subject = "by hand", hs_pipeline_stage = "2" } });
        }

        await SyncAsync(new TestShop().With(5));
        var all = await NewHubSpot().CallAsync(HttpMethod.Post, "/crm/v3/objects/tickets/search", new { filterGroups = new[] { new { filters = new[] { new { propertyName = "subject", @operator = "EQ", value = "by hand" } } } } });
        Assert.Equal(others, (int)all!["total"]!);
    }
}
