// Usage: ShopSync SINCE, with SHOP_URL, HUBSPOT_TOKEN and, for tests, HUBSPOT_BASE_URL.
using ShopSync;

using var hubSpot = new HttpClient { BaseAddress = new(Environment.GetEnvironmentVariable("HUBSPOT_BASE_URL") ?? "https://api.hubapi.com") };
using var shop = new HttpClient { BaseAddress = new(Variable("SHOP_URL")) };
var sync = new TicketSync(new HubSpot(hubSpot, () => Task.FromResult(Variable("HUBSPOT_TOKEN")), Task.Delay), new Shop(shop).ReadAsync);
var report = await sync.RunAsync(DateTimeOffset.Parse(args[0]));
foreach (var (key, reason) in report.Rejected)
{
    Console.Error.WriteLine($"{key}: {reason}");
}

Console.WriteLine($"{report.Orders} orders, until {report.Until:O}");

static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"Set {name}.");
