using System.Net;
using System.Text.Json.Nodes;

namespace ShopSync;

/// <summary>What a sync did.</summary>
public sealed class SyncReport
{
    /// <summary>Where the next sync starts: the newest change that this one has seen.</summary>
    public DateTimeOffset Until { get; internal set; }

    /// <summary>The number of orders with a ticket.</summary>
    public int Orders { get; internal set; }

    /// <summary>What HubSpot doesn't accept, with its reason: a ticket's order number or a contact's address.</summary>
    public Dictionary<string, string> Rejected { get; } = [];
}

/// <summary>
/// Makes a ticket for each order with a problem, and associates it with the customer's contact. Whatever fails in between, the next sync ends with the
/// same tickets: each has its order's number in a unique property.
/// </summary>
/// <param name="hubSpot">Where the tickets are.</param>
/// <param name="readOrders">Reads a page of the orders that changed since a time, oldest change first.</param>
public class TicketSync(HubSpot hubSpot, Func<DateTimeOffset, int, Task<OrderPage>> readOrders)
{
    /// <summary>The unique property of tickets with the order's number.</summary>
    public const string OrderNumber = "order_number";

    const int BatchMax = 100, TriesMax = 8;

    /// <summary>HubSpot.</summary>
    protected HubSpot HubSpot { get; } = hubSpot;

    /// <summary>Syncs the orders that changed since a time.</summary>
    /// <exception cref="HubSpotException">HubSpot was not reached. Try again from the same time.</exception>
    public async Task<SyncReport> RunAsync(DateTimeOffset since)
    {
        var report = new SyncReport { Until = since };
        await CreatePropertyAsync();
        for (int? page = 1; page is not null;)
        {
            (var orders, page) = await readOrders(since, page.Value);
            foreach (var batch in orders.Chunk(BatchMax))
            {
                await SyncAsync(batch, report);
            }
        }

        return report;
    }

    async Task SyncAsync(Order[] orders, SyncReport report)
    {
        // An order that changed twice is there twice: the newest one counts. HubSpot refuses a batch with the same key twice.
        var newest = orders.GroupBy(order => order.Number).Select(same => same.Last()).ToList();
        var contacts = await UpsertAsync("contacts", "email", newest.DistinctBy(order => order.Email.ToLowerInvariant()).Select(order => (order.Email, new JsonObject())), report);
        var tickets = await UpsertAsync("tickets", OrderNumber, newest.Select(order => (order.Number, TicketOf(order))), report);
        await AssociateAsync(from order in newest
                             where tickets.ContainsKey(order.Number) && contacts.ContainsKey(order.Email)
                             select (tickets[order.Number], contacts[order.Email]));
        report.Orders += tickets.Count;
        report.Until = orders.Select(order => order.ChangedAt).Append(report.Until).Max();
    }

    /// <summary>A ticket's properties.</summary>
    public static JsonObject TicketOf(Order order) => new()
    {
        ["subject"] = $"Order {order.Number}",
        ["content"] = order.Problem,
        ["hs_pipeline_stage"] = order.State switch
        {
            OrderState.Reported => "1",
            OrderState.WaitsForCustomer => "2",
            OrderState.WaitsForShop => "3",
            _ => "4",
        },
    };

    /// <summary>Creates or updates records by a unique property, and returns their ids by its values.</summary>
    protected virtual async Task<Dictionary<string, string>> UpsertAsync(string type, string key, IEnumerable<(string Key, JsonObject Properties)> records, SyncReport report)
    {
        var ids = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var left = records.ToList();
        for (var attempt = 0; left.Count > 0; attempt++)
        {
            if (attempt == TriesMax)
            {
                throw new HubSpotException($"{left.Count} {type} are in no answer.");
            }

            var answer = await HubSpot.CallAsync(HttpMethod.Post, $"/crm/v3/objects/{type}/batch/upsert", new
            {
                // With a trace id for each, HubSpot accepts the good ones and names the others.
                inputs = left.Select(record => new { idProperty = key, id = record.Key, objectWriteTraceId = record.Key, properties = record.Properties }),
            });
            foreach (var result in answer!["results"]!.AsArray())
            {
                ids[result!["objectWriteTraceId"]!.GetValue<string>()] = result["id"]!.GetValue<string>();
            }

            ReadErrors(answer, report);

            // What is neither in the results nor rejected is sent again: it may be there, but that does no harm.
            left.RemoveAll(record => ids.ContainsKey(record.Key) || report.Rejected.ContainsKey(record.Key));
        }

        return ids;
    }

    /// <summary>Notes the rows of a batch that HubSpot doesn't accept.</summary>
    protected static void ReadErrors(JsonNode answer, SyncReport report)
    {
        foreach (var error in answer["errors"]?.AsArray() ?? [])
        {
            report.Rejected[error!["context"]!["objectWriteTraceId"]![0]!.GetValue<string>()] = error["message"]!.GetValue<string>();
        }
    }

    async Task AssociateAsync(IEnumerable<(string Ticket, string Contact)> pairs)
    {
        var inputs = pairs.Select(pair => new { from = new { id = pair.Ticket }, to = new { id = pair.Contact } }).ToList();
        if (inputs.Count > 0)
        {
            await HubSpot.CallAsync(HttpMethod.Post, "/crm/v4/associations/tickets/contacts/batch/associate/default", new { inputs });
        }
    }

    /// <summary>Creates the property with the order's number.</summary>
    protected virtual async Task CreatePropertyAsync()
    {
        try
        {
            await HubSpot.CallAsync(HttpMethod.Post, "/crm/v3/properties/tickets",
                new { name = OrderNumber, label = "Order number", groupName = "ticketinformation", type = "string", fieldType = "text", hasUniqueValue = true });
        }
        catch (HubSpotException refused) when (refused.Status == HttpStatusCode.Conflict)
        {
            // It exists already.
        }
    }
}
