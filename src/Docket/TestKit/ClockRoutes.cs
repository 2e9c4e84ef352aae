using System.ComponentModel;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Xml;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>The clock of the caller's portal, which tests set, move and freeze.</summary>
internal static class ClockRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals)
    {
        routes.MapGet(path, http => RespondAsync(http, ClockOf(http, portals))).Needs(ScopeNeed.Test)
            .Describe("readClock", "Reads the clock of the portal", () => default(ClockAnswer)!);
        routes.MapPut(path, http => ChangeAsync(http, portals)).Needs(ScopeNeed.Test)
            .Describe("changeClock", "Sets, moves, freezes or releases the clock of the portal", (ClockBody clock) => default(ClockAnswer)!);
        routes.MapDelete(path, http => ResetAsync(http, portals)).Needs(ScopeNeed.Test)
            .Describe("resetClock", "Returns to the server's time", () => { }, StatusCodes.Status204NoContent);
    }

    static async Task ChangeAsync(HttpContext http, IPortals portals)
    {
        var body = await RequestBody.ReadJsonAsync(http, ClockBody.Shape.Read);
        var clock = ClockOf(http, portals);
        var (now, mistakes) = body.From(Instant.Now(clock));
        Faults.RefuseIf(mistakes);
        await RefuseBeforeChangesAsync(http, portals, now);
        clock.Set(DateTimeOffset.FromUnixTimeMilliseconds(now), body.Frozen ?? clock.IsFrozen);
        await RespondAsync(http, clock);
    }

    static async Task ResetAsync(HttpContext http, IPortals portals)
    {
        await RefuseBeforeChangesAsync(http, portals, Instant.Now(portals.Clocks.Server));
        ClockOf(http, portals).Reset();
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    // A record's history is in the order of its changes.
    static async Task RefuseBeforeChangesAsync(HttpContext http, IPortals portals, long now)
    {
        // Each process has its own clock.
        await portals.RequireAloneAsync("The clock of a portal can be changed", http.RequestAborted);
        var store = http.Call().Store;
        if (await store.FeedAsync(store.Sequence - 1, 1, 1, http.RequestAborted) is [.., var newest] && now < newest.Time)
        {
            throw new Refusal(Faults.BeforeNewestChange(newest.Time));
        }
    }

    static PortalClock ClockOf(HttpContext http, IPortals portals) => portals.Clocks.Of(http.Call().Caller.PortalId);

    static Task RespondAsync(HttpContext http, PortalClock clock) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, clock, Write);

    static void Write(Utf8JsonWriter json, PortalClock clock)
    {
        json.WriteStartObject();
        json.WriteString("now", Instant.ToText(Instant.Now(clock)));
        json.WriteBoolean("frozen", clock.IsFrozen);
        json.WriteEndObject();
    }
}

/// <summary>A clock, as <see cref="ClockRoutes"/> writes it.</summary>
internal sealed record ClockAnswer(DateTimeOffset Now, bool Frozen);

/// <summary>A change of a clock.</summary>
internal sealed record ClockBody
{
    public static readonly JsonShape<ClockBody> Shape = new(
        null,
        [],
        ("now", (clock, ref json) => clock.Now = json.Text()),
        ("advance", (clock, ref json) => clock.Advance = json.Text()),
        ("frozen", (clock, ref json) => clock.Frozen = json.Flag()))
    {
        IsClosed = true,
    };

    [Description("A time, or milliseconds since 1970.")]
    public string? Now { get; set; }

    [Description("By how much to move: a duration such as P1DT2H or PT90S, or milliseconds.")]
    public string? Advance { get; set; }

    [Description("Whether the clock stands still from then on. Unchanged without it.")]
    public bool? Frozen { get; set; }

    /// <summary>The time that the body asks for, in milliseconds since 1970.</summary>
    public (long Now, List<string> Mistakes) From(long current)
    {
        var mistakes = new List<string>();
        if (Now is null && Advance is null && Frozen is null)
        {
            mistakes.Add("Specify now, advance or frozen.");
        }

        if (Now is not null && PropertyValues.ParseMoment(Encoding.UTF8.GetBytes(Now), PropertyValues.FractionMax) is var set)
        {
            current = set ?? current;
            mistakes.AddRange(set is null ? [$"Invalid value \"{Faults.Shorten(Now)}\" for now: use a time such as 2026-03-14T09:26:53Z, or milliseconds since 1970."] : []);
        }

        if (Advance is not null && ParseDuration(Advance) is var moved)
        {
            current += moved ?? 0;
            mistakes.AddRange(moved is null ? [$"Invalid value \"{Faults.Shorten(Advance)}\" for advance: use a duration such as P1DT2H, or milliseconds, of at most {DaysMax} days."] : []);
        }

        if (current is < 0 or > Instant.Max)
        {
            mistakes.Add("The time of a clock is in the years 1970 to 9999.");
        }

        return (current, mistakes);
    }

    const int DaysMax = 36_525;

    // Years and months have no fixed length; .NET takes 365 and 30 days.
    static long? ParseDuration(string text)
    {
        try
        {
            var ms = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : (long)XmlConvert.ToTimeSpan(text).TotalMilliseconds;
            return Math.Abs(ms) <= DaysMax * 86_400_000L ? ms : null;
        }
        catch (Exception invalid) when (invalid is FormatException or OverflowException)
        {
            return null;
        }
    }
}
