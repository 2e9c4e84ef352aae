namespace ShopSync.Tests;

/// <summary>A shop with orders that a test chooses.</summary>
public sealed class TestShop(int pageSize = 100)
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public List<Order> Orders { get; } = [];

    /// <summary>Which pages were read.</summary>
    public List<int> PagesRead { get; } = [];

    public static Order Order(int n, OrderState state = OrderState.Reported, string problem = "The box was empty.") =>
        new($"A-{n}", $"customer{n}@mailbox.org", problem, state, Start.AddMinutes(n));

    public TestShop With(IEnumerable<Order> orders)
    {
        Orders.AddRange(orders);
        return this;
    }

    public TestShop With(int count) => With(Enumerable.Range(1, count).Select(n => Order(n)));

    public Task<OrderPage> ReadAsync(DateTimeOffset since, int page)
    {
        PagesRead.Add(page);
        var changed = Orders.Where(order => order.ChangedAt >= since).OrderBy(order => order.ChangedAt).ToList();
        return Task.FromResult(new OrderPage([.. changed.Skip((page - 1) * pageSize).Take(pageSize)], page * pageSize < changed.Count ? page + 1 : null));
    }
}
