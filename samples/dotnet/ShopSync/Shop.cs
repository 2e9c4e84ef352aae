using System.Net.Http.Json;

namespace ShopSync;

/// <summary>What is to be done about an order.</summary>
public enum OrderState
{
    /// <summary>The customer has reported a problem.</summary>
    Reported,

    /// <summary>The customer has to answer.</summary>
    WaitsForCustomer,

    /// <summary>The shop has to act.</summary>
    WaitsForShop,

    /// <summary>Nothing is left to do.</summary>
    Solved,
}

/// <summary>An order with a problem.</summary>
/// <param name="Number">Its number, which is unique.</param>
/// <param name="Email">The customer's address.</param>
/// <param name="Problem">What the customer wrote.</param>
/// <param name="State">What is to be done.</param>
/// <param name="ChangedAt">When the shop changed the order last.</param>
public sealed record Order(string Number, string Email, string Problem, OrderState State, DateTimeOffset ChangedAt);

/// <summary>Some of the orders, and the page that follows.</summary>
public sealed record OrderPage(IReadOnlyList<Order> Orders, int? Next);

/// <summary>The shop's API.</summary>
public sealed class Shop(HttpClient http)
{
    /// <summary>Reads a page of the orders with problems that changed since a time.</summary>
    public async Task<OrderPage> ReadAsync(DateTimeOffset since, int page) =>
        (await http.GetFromJsonAsync<OrderPage>($"/orders?problem=true&changedSince={Uri.EscapeDataString(since.ToString("O"))}&page={page}"))!;
}
