using System.Net;
using System.Text.Json.Nodes;

namespace ShopSync.Tests;

/// <summary>Programs with one bug each, which no test finds while nothing goes wrong.</summary>
public static class PlantedBugs
{
    /// <summary>Makes the program with a bug, by the name of its class.</summary>
    public static TicketSync Make(string bug, HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait, TestShop shop) => bug switch
    {
        nameof(StopsAtLimits) => new(new StopsAtLimits(http, newToken, wait), shop.ReadAsync),
        nameof(StopsAtGateways) => new(new StopsAtGateways(http, newToken, wait), shop.ReadAsync),
        nameof(KeepsItsToken) => new(new KeepsItsToken(http, newToken, wait), shop.ReadAsync),
        nameof(NeverRepeats) => new(new NeverRepeats(http, newToken, wait), shop.ReadAsync),
        nameof(CreatesWhatItSends) => new CreatesWhatItSends(new(http, newToken, wait), shop),
        nameof(IgnoresFailedRows) => new IgnoresFailedRows(new(http, newToken, wait), shop),
        nameof(TrustsPositions) => new TrustsPositions(new(http, newToken, wait), shop),
        nameof(TrustsSearches) => new TrustsSearches(new(http, newToken, wait), shop),
        _ => throw new ArgumentOutOfRangeException(nameof(bug)),
    };

    /// <summary>Takes a 429 for the end.</summary>
    public sealed class StopsAtLimits(HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait) : HubSpot(http, newToken, wait)
    {
        protected override bool IsTemporary(HttpStatusCode? status) => status != HttpStatusCode.TooManyRequests && base.IsTemporary(status);
    }

    /// <summary>Takes a failure of HubSpot's gateway for the end.</summary>
    public sealed class StopsAtGateways(HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait) : HubSpot(http, newToken, wait)
    {
        protected override bool IsTemporary(HttpStatusCode? status) =>
            status is not (HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout) && base.IsTemporary(status);
    }

    /// <summary>Uses its first token for ever.</summary>
    public sealed class KeepsItsToken(HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait) : HubSpot(http, newToken, wait)
    {
        protected override bool RenewsToken => false;
    }

    /// <summary>Sends each call once.</summary>
    public sealed class NeverRepeats(HttpClient http, Func<Task<string>> newToken, Func<TimeSpan, Task> wait) : HubSpot(http, newToken, wait)
    {
        protected override bool IsTemporary(HttpStatusCode? status) => false;
    }

    /// <summary>Creates tickets without a key that HubSpot knows, and repeats that after a lost answer.</summary>
    sealed class CreatesWhatItSends(HubSpot hubSpot, TestShop shop) : TicketSync(hubSpot, shop.ReadAsync)
    {
        protected override Task CreatePropertyAsync() =>
            HubSpot.CallAsync(HttpMethod.Post, "/crm/v3/properties/tickets/batch/create", new { inputs = new[] { new { name = OrderNumber, label = "Order number", groupName = "ticketinformation", type = "string", fieldType = "text" } } });

        protected override async Task<Dictionary<string, string>> UpsertAsync(string type, string key, IEnumerable<(string Key, JsonObject Properties)> records, SyncReport report)
        {
            if (type != "tickets")
            {
                return await base.UpsertAsync(type, key, records, report);
            }

            var inputs = records.Select(record =>
            {
                record.Properties[key] = record.Key;
                return new { objectWriteTraceId = record.Key, properties = record.Properties };
            });
            var answer = await HubSpot.CallAsync(HttpMethod.Post, "/crm/v3/objects/tickets/batch/create", new { inputs });
            ReadErrors(answer!, report);
            return answer!["results"]!.AsArray().ToDictionary(result => (string)result!["objectWriteTraceId"]!, result => (string)result!["id"]!);
        }
    }

    /// <summary>Takes a 207 for a success.</summary>
    sealed class IgnoresFailedRows(HubSpot hubSpot, TestShop shop) : TicketSync(hubSpot, shop.ReadAsync)
    {
        protected override async Task<Dictionary<string, string>> UpsertAsync(string type, string key, IEnumerable<(string Key, JsonObject Properties)> records, SyncReport report)
        {
            var inputs = records.Select(record => new { idProperty = key, id = record.Key, objectWriteTraceId = record.Key, properties = record.Properties });
            var answer = await HubSpot.CallAsync(HttpMethod.Post, $"/crm/v3/objects/{type}/batch/upsert", new { inputs });
            return answer!["results"]!.AsArray().ToDictionary(result => (string)result!["objectWriteTraceId"]!, result => (string)result!["id"]!, StringComparer.OrdinalIgnoreCase);
        }
    }

    /// <summary>Reads what it wrote, and takes the first row of the answer for the first that it asked for.</summary>
    sealed class TrustsPositions(HubSpot hubSpot, TestShop shop) : TicketSync(hubSpot, shop.ReadAsync)
    {
        protected override async Task<Dictionary<string, string>> UpsertAsync(string type, string key, IEnumerable<(string Key, JsonObject Properties)> records, SyncReport report)
        {
            var keys = (await base.UpsertAsync(type, key, records, report)).Keys.ToList();
            var answer = await HubSpot.CallAsync(HttpMethod.Post, $"/crm/v3/objects/{type}/batch/read", new { idProperty = key, properties = new[] { key }, inputs = keys.Select(id => new { id }) });
            return keys.Zip(answer!["results"]!.AsArray()).ToDictionary(pair => pair.First, pair => (string)pair.Second!["id"]!, StringComparer.OrdinalIgnoreCase);
        }
    }

    /// <summary>Searches for what it has just written.</summary>
    sealed class TrustsSearches(HubSpot hubSpot, TestShop shop) : TicketSync(hubSpot, shop.ReadAsync)
    {
        protected override async Task<Dictionary<string, string>> UpsertAsync(string type, string key, IEnumerable<(string Key, JsonObject Properties)> records, SyncReport report)
        {
            var keys = (await base.UpsertAsync(type, key, records, report)).Keys.ToList();
            var filters = new[] { new { propertyName = key, @operator = "IN", values = keys.Select(one => one.ToLowerInvariant()) } };
            var answer = await HubSpot.CallAsync(HttpMethod.Post, $"/crm/v3/objects/{type}/search", new { filterGroups = new[] { new { filters } }, properties = new[] { key }, limit = 100 });
            return answer!["results"]!.AsArray().ToDictionary(result => (string)result!["properties"]![key]!, result => (string)result!["id"]!, StringComparer.OrdinalIgnoreCase);
        }
    }
}
