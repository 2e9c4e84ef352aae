using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Limits;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Account;

/// <summary>Account info of the caller's portal (reference/auth-limits-webhooks-imports.md 6.1). Open to every token.</summary>
internal static class AccountRoutes
{
    static readonly JsonEncodedText CollectedAt = JsonEncodedText.Encode("collectedAt"), ResetsAt = JsonEncodedText.Encode("resetsAt");

    /// <summary>Maps the endpoints of a version below its prefix.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix, RateLimiter limiter)
    {
        routes.MapGet(prefix + "/details", DetailsAsync).Needs(ScopeNeed.None);
        routes.MapGet(prefix + "/api-usage/daily/private-apps", http => UsageAsync(http, limiter)).Needs(ScopeNeed.None);
    }

    /// <summary>Maps an older spelling of the usage, which only v3 has.</summary>
    public static void MapDaily(IEndpointRouteBuilder routes, string prefix, RateLimiter limiter) =>
        routes.MapGet(prefix + "/api-usage/daily", http => UsageAsync(http, limiter)).Needs(ScopeNeed.None);

    /// <summary>Maps the old "who am I", which some tools use to test a token.</summary>
    public static void MapMe(IEndpointRouteBuilder routes, string path) => routes.MapGet(path, MeAsync).Needs(ScopeNeed.None);

    static Task DetailsAsync(HttpContext http) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, http, static (json, http) =>
    {
        var call = http.Call();
        var settings = call.Caller.Settings;
        json.WriteStartObject();
        json.WriteNumber("portalId", call.Caller.PortalId);
        json.WriteString("accountType", settings.AccountType);
        json.WriteString("timeZone", settings.TimeZone.Id);
        json.WriteString("companyCurrency", settings.Currency);
        json.WriteStartArray("additionalCurrencies");
        json.WriteEndArray();
        WriteOffset(json, call);
        json.WriteString("uiDomain", http.Request.Host.Host);
        json.WriteString("dataHostingLocation", "na1"); // as in its tokens
        json.WriteEndObject();
    });

    static Task MeAsync(HttpContext http) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, http.Call(), static (json, call) =>
    {
        json.WriteStartObject();
        json.WriteNumber("portalId", call.Caller.PortalId);
        json.WriteString("timeZone", call.Caller.Settings.TimeZone.Id);
        json.WriteString("currency", call.Caller.Settings.Currency);
        WriteOffset(json, call);
        json.WriteEndObject();
    });

    static Task UsageAsync(HttpContext http, RateLimiter limiter)
    {
        var call = http.Call();
        var today = limiter.Of(call.Caller.PortalId).Today(call.Caller.Settings.TimeZone);
        return Wire.RespondListAsync(http.Response, [(call, today)], static (json, answer) =>
        {
            var ((calls, endsAt), settings) = (answer.today, answer.call.Caller.Settings);
            // The limit of private apps, for every caller. HubSpot's files have 32-bit numbers; the largest means no limit.
            var limit = (answer.call.Caller with { IsOAuth = false }).Limits.Daily;
            json.WriteStartObject();
            json.WriteString("name", "private-apps-api-calls-daily");
            json.WriteNumber("usageLimit", limit > 0 ? limit : int.MaxValue);
            json.WriteNumber("currentUsage", Math.Min(calls, int.MaxValue));
            Wire.WriteInstant(json, CollectedAt, answer.call.Now);
            json.WriteString("fetchStatus", "SUCCESS");
            Wire.WriteInstant(json, ResetsAt, endsAt);
            json.WriteEndObject();
        });
    }

    static void WriteOffset(Utf8JsonWriter json, Call call)
    {
        var offset = call.Caller.Settings.TimeZone.GetUtcOffset(DateTimeOffset.FromUnixTimeMilliseconds(call.Now));
        json.WriteString("utcOffset", $"{(offset < TimeSpan.Zero ? '-' : '+')}{offset:hh\\:mm}");
        json.WriteNumber("utcOffsetMilliseconds", (long)offset.TotalMilliseconds);
    }
}
