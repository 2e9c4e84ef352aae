using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>The log of a portal's calls, and what a test expects of it.</summary>
internal static class RequestRoutes
{
    const int LimitMax = PortalSettings.RequestLogMax;

    /// <summary>How many calls a failed expectation names.</summary>
    const int NamedMax = 5;

    public static void Map(IEndpointRouteBuilder routes, string path, TestedPortals tested)
    {
        routes.MapGet(path, http => ListAsync(http, tested)).Needs(ScopeNeed.Test)
            .Describe("listRequests", "Lists the portal's last calls on HubSpot's paths, newest first", (
                string? method = null,
                [Description("The path without the query. * is any text without a slash, ** any text.")] string? path = null,
                [Description("Any name of the type in the path.")] string? objectType = null,
                [Description("The app of the token.")] long? app = null,
                [Description("The status of the answer.")] int? status = null,
                [Range(1, LimitMax)] int limit = LimitMax) => default(ListAnswer<RequestAnswer>)!);
        routes.MapDelete(path, http => Clear(http, tested)).Needs(ScopeNeed.Test)
            .Describe("deleteRequests", "Empties the log of the portal's calls", () => { }, StatusCodes.Status204NoContent);
        routes.MapPost(path + "/expect", http => ExpectAsync(http, tested)).Needs(ScopeNeed.Test)
            .Describe("expectRequests", "Answers 200 with the calls in the log that match if there are as many as expected, otherwise 417 with what is different", (ExpectationBody expectation) => default(ListAnswer<RequestAnswer>)!);
    }

    static Task ListAsync(HttpContext http, TestedPortals tested)
    {
        var (query, call) = (http.Request.Query, http.Call());
        var match = new CallMatch
        {
            Method = Text("method")?.ToUpperInvariant(),
            Path = Text("path"),
            ObjectType = Text("objectType"),
            App = http.QueryNumber("app"),
            Status = http.QueryNumber("status"),
        };
        Faults.RefuseIf([.. match.Mistakes(ofFaults: false)]);
        var limit = http.QueryLimit(LimitMax, LimitMax);
        return Wire.RespondListAsync(http.Response, LogOf(http, tested).Read().Calls.Where(one => match.Matches(one.Facts, call.Portal)).Take(limit), RequestAnswer.Write);

        string? Text(string name) => query[name].ToString() is { Length: > 0 } text ? text : null;
    }

    static Task Clear(HttpContext http, TestedPortals tested)
    {
        LogOf(http, tested).Clear();
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    static async Task ExpectAsync(HttpContext http, TestedPortals tested)
    {
        var expected = await RequestBody.ReadJsonAsync(http, ExpectationBody.Shape.Read);
        Faults.RefuseIf(expected.Mistakes());
        var (match, times, portal) = (expected.Match ?? new(), expected.Wanted, http.Call().Portal);
        var (calls, dropped) = LogOf(http, tested).Read();
        var compared = calls.Select(call => (Call: call, Differences: match.Differences(call.Facts, portal).ToList())).ToList();
        List<LoggedCall> found = [.. compared.Where(one => one.Differences is []).Select(one => one.Call)];
        if (!times.Holds(found.Count))
        {
            var named = found.Count > times.Most ? found.Select(Name)
                : compared.Where(one => one.Differences is not []).OrderBy(one => one.Differences.Count).Select(one => $"{Name(one.Call)}: {string.Join(", ", one.Differences)}");
            throw new Refusal(Faults.Unexpected(times.ToString(), Encoding.UTF8.GetString(Wire.ToBytes(match, (json, match) => match.Write(json))), found.Count, calls.Length, dropped, named.Take(NamedMax)));
        }

        await Wire.RespondListAsync(http.Response, found, RequestAnswer.Write);
    }

    static string Name(LoggedCall call) => $"#{call.Number} {call.Method} {call.Path} {call.Status}";

    static RequestLog LogOf(HttpContext http, TestedPortals tested) => tested.LogOf(http.Call().Caller.PortalId);
}

/// <summary>A call in the log.</summary>
internal sealed record RequestAnswer(
    [property: Description("Counts the calls of the portal.")] long Number,
    DateTimeOffset Time,
    long DurationMs,
    long App,
    string Method,
    string Path,
    [property: Description("Without the question mark; tokens and secrets are replaced by ***.")] string Query,
    [property: Description("With lower-case names; tokens and cookies are replaced by ***.")] Dictionary<string, string> Headers,
    [property: Description("0 if the connection was cut before anything was done.")] int Status,
    Dictionary<string, string> AnswerHeaders,
    [property: Description("The id of the object type in the path.")] string? ObjectTypeId = null,
    [property: Description("The body as text, at most 64 kB of it. If the call was refused before its body was read, a long one is missing.")] string? Body = null,
    [property: Description("The size of the body in bytes, if more than what is shown.")] long? BodyBytes = null,
    string? Answer = null,
    [property: Description("The size of the answer's body in bytes, if more than what is shown.")] long? AnswerBytes = null,
    [property: Description("The fault that the call met, by its id.")] string? Fault = null,
    [property: Description("The limit that would have refused the call, of the portal's profile or, if limits are off, of the smallest subscription."), AllowedValues(LimitPolicies.TenSecondlyRolling, LimitPolicies.Daily, LimitPolicies.Secondly)] string? BeyondLimit = null)
{
    public static void Write(Utf8JsonWriter json, LoggedCall call)
    {
        json.WriteStartObject();
        json.WriteNumber("number", call.Number);
        json.WriteString("time", Instant.ToText(call.At));
        json.WriteNumber("durationMs", call.DurationMs);
        json.WriteNumber("app", call.AppId);
        json.WriteString("method", call.Method);
        json.WriteString("path", call.Path);
        json.WriteString("query", call.Query);
        if (call.TypeId is not null)
        {
            json.WriteString("objectTypeId", call.TypeId);
        }

        WriteHeaders(json, "headers", call.Headers);
        WriteBody(json, "body", call.Body);
        json.WriteNumber("status", call.Status);
        WriteHeaders(json, "answerHeaders", call.AnswerHeaders);
        WriteBody(json, "answer", call.Answer);
        if (call.Fault is not null)
        {
            json.WriteString("fault", call.Fault);
        }

        if (call.BeyondLimit is not null)
        {
            json.WriteString("beyondLimit", call.BeyondLimit);
        }

        json.WriteEndObject();
    }

    static void WriteHeaders(Utf8JsonWriter json, string name, (string Name, string Value)[] headers)
    {
        json.WriteStartObject(name);
        foreach (var (header, value) in headers)
        {
            json.WriteString(header, value);
        }

        json.WriteEndObject();
    }

    static void WriteBody(Utf8JsonWriter json, string name, LoggedBody? body)
    {
        if (body is null)
        {
            return;
        }

        json.WriteString(name, Encoding.UTF8.GetString(body.Start));
        if (body.IsCut)
        {
            json.WriteNumber(name + "Bytes", body.Bytes);
        }
    }
}

/// <summary>What a test expects of the log.</summary>
internal sealed record ExpectationBody
{
    public static readonly JsonShape<ExpectationBody> Shape = new(
        null,
        [],
        ("match", (expected, ref json) => expected.Match = json.IsNull ? null : CallMatch.Shape.Read(ref json)),
        ("times", (expected, ref json) => expected.Times = json.TokenType == JsonTokenType.StartObject ? CallCount.Shape.Read(ref json) : json.Number() is { } number ? new CallCount { AtLeast = number, AtMost = number } : null))
    {
        IsClosed = true,
    };

    [Description("Which calls; all by default.")]
    public CallMatch? Match { get; set; }

    [Description("How many: a number, or an object with atLeast, atMost or both. At least one by default.")]
    public object? Times { get; set; }

    internal CallCount Wanted => Times as CallCount ?? new();

    public List<string> Mistakes() =>
    [
        .. Match?.Mistakes(ofFaults: false) ?? [],
        .. Wanted.Least < 0 || Wanted.Most < Wanted.Least ? ["times must be a number from 0, or atLeast and atMost with such numbers, the first no greater than the second."] : (string[])[],
    ];
}

/// <summary>How often something is expected.</summary>
internal sealed record CallCount
{
    public static readonly JsonShape<CallCount> Shape = new(
        null,
        [],
        ("atLeast", (times, ref json) => times.AtLeast = json.Number()),
        ("atMost", (times, ref json) => times.AtMost = json.Number()))
    {
        IsClosed = true,
    };

    public int? AtLeast { get; set; }

    public int? AtMost { get; set; }

    public int Least => AtLeast ?? (AtMost is null ? 1 : 0);

    public int Most => AtMost ?? int.MaxValue;

    public bool Holds(int count) => count >= Least && count <= Most;

    public override string ToString() => Most == Least ? Calls(Least) : AtMost is null ? $"at least {Calls(Least)}" : Least == 0 ? $"at most {Calls(Most)}" : $"{Least} to {Calls(Most)}";

    static string Calls(int count) => count == 1 ? "1 call" : $"{count} calls";
}
