using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Docket.Testing;

namespace ShopSync.Tests;

/// <summary>A test with a portal of its own.</summary>
public abstract class SyncTest : IAsyncLifetime
{
    protected TestDocket Docket { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Docket = await TestDocket.StartAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Docket.DisposeAsync();
    }

    protected Task<SyncReport> SyncAsync(TestShop shop, DateTimeOffset? since = null) => new TicketSync(NewHubSpot(), shop.ReadAsync).RunAsync(since ?? TestShop.Start);

    /// <summary>Waiting moves the portal's clock, so that it takes no time.</summary>
    protected HubSpot NewHubSpot() => new(Docket.HttpClient, NewTokenAsync, WaitAsync);

    protected Task<string> NewTokenAsync() => Task.FromResult(Docket.Token);

    protected Task WaitAsync(TimeSpan time) => Docket.Clock.AdvanceAsync(time);

    /// <summary>The tickets in the portal, by order number.</summary>
    protected async Task<Dictionary<string, Ticket>> TicketsAsync()
    {
        var tickets = new Dictionary<string, Ticket>();
        for (var after = "0"; after is not null;)
        {
            var page = (await Docket.HttpClient.GetFromJsonAsync<JsonObject>($"/crm/v3/objects/tickets?limit=100&after={after}&properties=order_number,subject,content,hs_pipeline_stage&associations=contacts"))!;
            foreach (var ticket in page["results"]!.AsArray())
            {
                var properties = ticket!["properties"]!;
                tickets.Add((string)properties["order_number"]!, new(
                    (string)ticket["id"]!, (string)properties["subject"]!, (string)properties["content"]!, (string)properties["hs_pipeline_stage"]!,
                    [.. ticket["associations"]?["contacts"]?["results"]?.AsArray().Select(contact => (string)contact!["id"]!).Distinct() ?? []]));
            }

            after = (string?)page["paging"]?["next"]?["after"];
        }

        return tickets;
    }

    /// <summary>The addresses of the contacts in the portal, by id.</summary>
    protected async Task<Dictionary<string, string>> ContactsAsync()
    {
        var contacts = new Dictionary<string, string>();
        for (var after = "0"; after is not null;)
        {
            var page = (await Docket.HttpClient.GetFromJsonAsync<JsonObject>($"/crm/v3/objects/contacts?limit=100&after={after}"))!;
            foreach (var contact in page["results"]!.AsArray())
            {
                contacts.Add((string)contact!["id"]!, (string)contact["properties"]!["email"]!);
            }

            after = (string?)page["paging"]?["next"]?["after"];
        }

        return contacts;
    }

    /// <summary>Each order has one ticket with what it says and with its customer, and there is nothing else. What the report names as rejected may be missing.</summary>
    protected async Task AssertSyncedAsync(TestShop shop, SyncReport? report = null)
    {
        var (tickets, contacts) = (await TicketsAsync(), await ContactsAsync());
        var orders = shop.Orders.GroupBy(order => order.Number).Select(same => same.MaxBy(order => order.ChangedAt)!).ToList();
        var accepted = orders.Where(order => report is null || !(report.Rejected.ContainsKey(order.Number) || report.Rejected.ContainsKey(order.Email))).ToList();
        Assert.Empty(accepted.Select(order => order.Number).Except(tickets.Keys));
        Assert.Empty(tickets.Keys.Except(orders.Select(order => order.Number)));
        Assert.Distinct(contacts.Values);
        Assert.Empty(contacts.Values.Except(orders.Select(order => order.Email.ToLowerInvariant())));
        Assert.All(accepted, order =>
        {
            var (ticket, expected) = (tickets[order.Number], TicketSync.TicketOf(order));
            Assert.Equal(((string)expected["subject"]!, (string)expected["content"]!, (string)expected["hs_pipeline_stage"]!), (ticket.Subject, ticket.Content, ticket.Stage));
            Assert.Equal([order.Email.ToLowerInvariant()], ticket.Contacts.Select(id => contacts[id]));
        });
    }

    protected sealed record Ticket(string Id, string Subject, string Content, string Stage, IReadOnlyList<string> Contacts);
}
