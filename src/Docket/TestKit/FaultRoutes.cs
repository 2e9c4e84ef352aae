using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>The faults that calls of a portal meet, as a test wants them.</summary>
internal static class FaultRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals, TestedPortals tested)
    {
        routes.MapGet(path, http => RespondAsync(http, StatusCodes.Status200OK, tested.FindFaults(http.Call().Caller.PortalId)?.All ?? [])).Needs(ScopeNeed.Test)
            .Describe("listFaults", "Lists the portal's faults, also those that have ended", () => default(ListAnswer<FaultAnswer>)!);
        routes.MapPost(path, http => AddAsync(http, portals, tested)).Needs(ScopeNeed.Test)
            .Describe("createFaults", "Adds a fault, or those of a preset", (FaultBody fault) => default(ListAnswer<FaultAnswer>)!, StatusCodes.Status201Created);
        routes.MapDelete(path, http => Remove(http, tested, _ => true)).Needs(ScopeNeed.Test)
            .Describe("deleteFaults", "Deletes all faults of the portal", () => { }, StatusCodes.Status204NoContent);
        routes.MapGet(path + "/presets", http => Wire.RespondListAsync(http.Response, FaultPreset.All, FaultPresetAnswer.Write)).Needs(ScopeNeed.Test)
            .Describe("listFaultPresets", "Lists the presets", () => default(ListAnswer<FaultPresetAnswer>)!);
        routes.MapGet(path + "/{faultId}", http => ReadAsync(http, tested)).Needs(ScopeNeed.Test)
            .Describe("readFault", "Reads a fault and how often it fired", (string faultId) => default(FaultAnswer)!);
        routes.MapDelete(path + "/{faultId}", http => Remove(http, tested, rule => rule.Id == IdOf(http))).Needs(ScopeNeed.Test)
            .Describe("deleteFault", "Deletes a fault", (string faultId) => { }, StatusCodes.Status204NoContent);
    }

    static async Task AddAsync(HttpContext http, IPortals portals, TestedPortals tested)
    {
        var body = await RequestBody.ReadJsonAsync(http, FaultBody.Shape.Read);
        Faults.RefuseIf([.. body.Mistakes()]);
        // Each process would count on its own.
        await portals.RequireAloneAsync("Faults can be added", http.RequestAborted);
        var call = http.Call();
        var preset = FaultPreset.All.FirstOrDefault(preset => preset.Name == body.Preset);
        var rules = preset is null ? [new FaultRule("", null, body.Match ?? new(), body.Answer!, body.Times, body.For, call.Now)]
            : preset.Rules.Select((rule, index) => new FaultRule("", preset.Name, rule.Match with { Seed = unchecked((body.Seed ?? 0) + index) }, rule.Answer, body.Times ?? rule.Times, body.For, call.Now)).ToList();
        await RespondAsync(http, StatusCodes.Status201Created, tested.FaultsOf(call.Caller.PortalId).Add(rules));
    }

    static Task ReadAsync(HttpContext http, TestedPortals tested)
    {
        var found = Array.Find(tested.FindFaults(http.Call().Caller.PortalId)?.All ?? [], rule => rule.Id == IdOf(http)) ?? throw new Refusal(Faults.ResourceNotFound());
        return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (found, http.Call().Now), FaultAnswer.Write);
    }

    static Task Remove(HttpContext http, TestedPortals tested, Predicate<FaultRule> which)
    {
        var removed = tested.FindFaults(http.Call().Caller.PortalId)?.Remove(which) ?? 0;
        http.Response.StatusCode = removed > 0 || IdOf(http) is null ? StatusCodes.Status204NoContent : throw new Refusal(Faults.ResourceNotFound());
        return Task.CompletedTask;
    }

    static string? IdOf(HttpContext http) => http.GetRouteValue("faultId") as string;

    static Task RespondAsync(HttpContext http, int status, IEnumerable<FaultRule> rules) => Wire.RespondAsync(
        http.Response, status, (rules.Select(rule => (rule, http.Call().Now)), (NextPage?)null, (Action<Utf8JsonWriter, (FaultRule, long)>)FaultAnswer.Write), Wire.WritePage);
}

/// <summary>A fault of a portal.</summary>
internal sealed record FaultAnswer(
    string Id,
    CallMatch Match,
    FaultEffect Answer,
    [property: Description("How many calls matched, whether they met the fault or not.")] long Matched,
    [property: Description("How many calls met the fault.")] long Fired,
    [property: Description("Whether calls can still meet it.")] bool Active,
    DateTimeOffset CreatedAt,
    [property: Description("The preset that it is part of.")] string? Preset = null,
    int? Times = null,
    int? For = null)
{
    public static void Write(Utf8JsonWriter json, (FaultRule Rule, long Now) fault)
    {
        var rule = fault.Rule;
        json.WriteStartObject();
        json.WriteString("id", rule.Id);
        if (rule.Preset is not null)
        {
            json.WriteString("preset", rule.Preset);
        }

        json.WritePropertyName("match");
        rule.Match.Write(json);
        json.WritePropertyName("answer");
        rule.Answer.Write(json);
        foreach (var (name, number) in (ReadOnlySpan<(string, int?)>)[("times", rule.Times), ("for", rule.ForMs)])
        {
            if (number is { } value)
            {
                json.WriteNumber(name, value);
            }
        }

        json.WriteNumber("matched", rule.Matched);
        json.WriteNumber("fired", rule.Fired);
        json.WriteBoolean("active", rule.IsActive(fault.Now));
        json.WriteString("createdAt", Instant.ToText(rule.CreatedAt));
        json.WriteEndObject();
    }
}

/// <summary>A preset of faults.</summary>
internal sealed record FaultPresetAnswer(string Name, string Description)
{
    public static void Write(Utf8JsonWriter json, FaultPreset preset)
    {
        json.WriteStartObject();
        json.WriteString("name", preset.Name);
        json.WriteString("description", preset.Description);
        json.WriteEndObject();
    }
}

/// <summary>A fault in a request.</summary>
internal sealed record FaultBody
{
    public static readonly JsonShape<FaultBody> Shape = new(
        null,
        [],
        ("preset", (fault, ref json) => fault.Preset = json.Text()),
        ("seed", (fault, ref json) => fault.Seed = json.Number()),
        ("match", (fault, ref json) => fault.Match = json.IsNull ? null : CallMatch.Shape.Read(ref json)),
        ("answer", (fault, ref json) => fault.Answer = json.IsNull ? null : FaultEffect.Shape.Read(ref json)),
        ("times", (fault, ref json) => fault.Times = json.Number()),
        ("for", (fault, ref json) => fault.For = json.Number()))
    {
        IsClosed = true,
    };

    [Description("The name of a preset, in place of match and answer.")]
    public string? Preset { get; set; }

    [Description("For a preset: the same seed chooses the same calls.")]
    public int? Seed { get; set; }

    [Description("Which calls; all by default.")]
    public CallMatch? Match { get; set; }

    public FaultEffect? Answer { get; set; }

    [Description("It ends after so many calls have met it.")]
    public int? Times { get; set; }

    [Description("It ends after so many milliseconds on the portal's clock.")]
    public int? For { get; set; }

    public IEnumerable<string> Mistakes()
    {
        if (Preset is not null && FaultPreset.All.All(preset => preset.Name != Preset))
        {
            yield return $"There is no preset {Preset}. Presets: {string.Join(", ", FaultPreset.All.Select(preset => preset.Name))}.";
        }

        if (Preset is null ? Answer is null || Seed is not null : Match is not null || Answer is not null)
        {
            yield return "A fault has an answer and maybe a match, or else a preset and maybe a seed.";
        }

        if (Times < 1 || For < 1)
        {
            yield return "times and for must be at least 1.";
        }

        foreach (var mistake in (Match?.Mistakes(ofFaults: true) ?? []).Concat(Answer?.Mistakes() ?? []))
        {
            yield return mistake;
        }
    }
}

/// <summary>What a call meets.</summary>
internal sealed record FaultEffect
{
    public const string Before = "before", After = "after";

    /// <summary>Longest delay, in milliseconds.</summary>
    const int DelayMax = 300_000;

    static readonly int[] Statuses = [401, 403, 409, 423, 429, 477, 500, 502, 503, 504];

    public static readonly JsonShape<FaultEffect> Shape = new(
        null,
        [],
        ("status", (answer, ref json) => answer.Status = json.Number()),
        ("policyName", (answer, ref json) => answer.PolicyName = json.OneOf(LimitPolicies.TenSecondlyRolling, LimitPolicies.Daily, LimitPolicies.Secondly)),
        ("delay", (answer, ref json) => answer.Delay = json.Number()),
        ("cut", (answer, ref json) => answer.Cut = json.OneOf(Before, After)),
        ("bytesPerSecond", (answer, ref json) => answer.BytesPerSecond = json.Number()),
        ("dropRows", (answer, ref json) => answer.DropRows = json.List("a list of indexes", (ref json) => json.Number() ?? 0)?.ToArray()),
        ("lag", (answer, ref json) => answer.Lag = json.Number()),
        ("failRows", (answer, ref json) => answer.FailRows = json.List("a list of indexes", (ref json) => json.Number() ?? 0)?.ToArray()))
    {
        IsClosed = true,
    };

    [Description("Answers with an error of HubSpot's in place of doing anything: 401 (the token has expired), 403, 409, 423, 429, 477, 500, or a page of HTML with 502, 503 or 504.")]
    public int? Status { get; set; }

    [Description("The limit in a 429; by default SECONDLY for searches, otherwise TEN_SECONDLY_ROLLING.")]
    [AllowedValues(LimitPolicies.TenSecondlyRolling, LimitPolicies.Daily, LimitPolicies.Secondly)]
    public string? PolicyName { get; set; }

    [Description("Milliseconds to wait before anything is done, at most five minutes.")]
    public int? Delay { get; set; }

    [Description("Cuts the connection in place of an answer: before anything is done, or after the call was carried out.")]
    [AllowedValues(Before, After)]
    public string? Cut { get; set; }

    [Description("The speed at which the answer is sent.")]
    public int? BytesPerSecond { get; set; }

    [Description("The indexes of rows that are missing from results.")]
    public int[]? DropRows { get; set; }

    [Description("Rows that were changed less than so many milliseconds ago are missing from results, as if a search didn't know them yet.")]
    public int? Lag { get; set; }

    [Description("The indexes of rows of a batch that fail; the others are carried out, and the answer is a 207.")]
    public int[]? FailRows { get; set; }

    public IEnumerable<string> Mistakes()
    {
        if (Status is { } status && !Statuses.Contains(status))
        {
            yield return $"status must be one of {string.Join(", ", Statuses)}.";
        }

        if (PolicyName is not null && Status != 429)
        {
            yield return "policyName is for status 429.";
        }

        if (Delay is < 0 or > DelayMax || BytesPerSecond < 1 || Lag < 1 || (DropRows ?? []).Concat(FailRows ?? []).Any(row => row < 0))
        {
            yield return $"delay must be from 0 to {DelayMax}, bytesPerSecond and lag at least 1, and rows at least 0.";
        }

        var inPlace = (Status is null ? 0 : 1) + (Cut is null ? 0 : 1);
        var changes = DropRows is not null || Lag is not null || FailRows is not null;
        if (inPlace == 0 && !changes && Delay is null && BytesPerSecond is null)
        {
            yield return "An answer has at least one of status, delay, cut, bytesPerSecond, dropRows, lag and failRows.";
        }

        if (inPlace > 1 || (inPlace == 1 && changes) || (Cut is not null && BytesPerSecond is not null))
        {
            yield return "status and cut exclude each other, and dropRows, lag and failRows; cut also excludes bytesPerSecond.";
        }
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (name, number) in (ReadOnlySpan<(string, int?)>)[("status", Status), ("delay", Delay), ("bytesPerSecond", BytesPerSecond), ("lag", Lag)])
        {
            if (number is { } value)
            {
                json.WriteNumber(name, value);
            }
        }

        foreach (var (name, text) in (ReadOnlySpan<(string, string?)>)[("policyName", PolicyName), ("cut", Cut)])
        {
            if (text is not null)
            {
                json.WriteString(name, text);
            }
        }

        foreach (var (name, rows) in (ReadOnlySpan<(string, int[]?)>)[("dropRows", DropRows), ("failRows", FailRows)])
        {
            if (rows is not null)
            {
                json.WriteStartArray(name);
                Array.ForEach(rows, json.WriteNumberValue);
                json.WriteEndArray();
            }
        }

        json.WriteEndObject();
    }
}
