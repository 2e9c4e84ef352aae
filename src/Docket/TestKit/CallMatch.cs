using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Docket.Http;
using Docket.Model;

namespace Docket.TestKit;

/// <summary>Which calls are meant, in a rule for faults and in a question to the log. What is not set matches every call.</summary>
internal sealed record CallMatch
{
    public static readonly JsonShape<CallMatch> Shape = new(
        null,
        [],
        ("method", (match, ref json) => match.Method = json.Text()?.ToUpperInvariant()),
        ("path", (match, ref json) => match.Path = json.Text()),
        ("objectType", (match, ref json) => match.ObjectType = json.Text()),
        ("app", (match, ref json) => match.App = json.Number()),
        ("status", (match, ref json) => match.Status = json.Number()),
        ("call", (match, ref json) => match.Call = json.Number()),
        ("probability", (match, ref json) => match.Probability = json.IsNull ? null : double.TryParse(json.Text(), NumberStyles.Float, CultureInfo.InvariantCulture, out var share) ? share : throw json.Unexpected("a number from 0 to 1")),
        ("seed", (match, ref json) => match.Seed = json.Number() ?? 0),
        ("beyondLimit", (match, ref json) => match.BeyondLimit = json.Flag()),
        ("body", (match, ref json) => match.Body = ReadBody(ref json)))
    {
        IsClosed = true,
    };

    /// <summary>Longest pattern, in characters.</summary>
    const int PathMax = 500;

    Regex? pattern;

    public string? Method { get; set; }

    [Description("The path without the query. * is any text without a slash, ** any text.")]
    public string? Path { get; set; }

    [Description("Any name of the type in the path.")]
    public string? ObjectType { get; set; }

    [Description("The app of the token; 0 is the fixed development token.")]
    public long? App { get; set; }

    [Description("Only for faults: the call with this number among those that match, from 1.")]
    public int? Call { get; set; }

    [Description("Only for faults: the share of calls, from 0 to 1, chosen by the seed.")]
    public double? Probability { get; set; }

    [Description("Only for faults: the same seed chooses the same calls.")]
    public int Seed { get; set; }

    [Description("Only for requests: the status of the answer.")]
    public long? Status { get; set; }

    [Description("Only for requests: whether a limit of HubSpot's would have refused the call.")]
    public bool? BeyondLimit { get; set; }

    [Description("Members of the body with their values as text, such as {\"properties.subject\":\"a\"}. In an array, any entry counts, or the one with the number that follows: {\"inputs.0.id\":\"1\"}.")]
    public Dictionary<string, string>? Body { get; set; }

    /// <summary>What makes a call another one than those that are meant; empty if it is one of them.</summary>
    /// <param name="call">The call.</param>
    /// <param name="portal">The portal's object types.</param>
    public IEnumerable<string> Differences(CallFacts call, PortalSchema portal)
    {
        if (Method is not null && Method != call.Method)
        {
            yield return $"the method is {call.Method}";
        }

        if (Path is not null && !(pattern ??= ToPattern(Path)).IsMatch(call.Path))
        {
            yield return $"the path is {call.Path}";
        }

        if (ObjectType is not null && (call.TypeId is null || portal.Find(ObjectType)?.Type.Id != call.TypeId))
        {
            yield return call.TypeId is null ? "no object type is in the path" : $"the object type is {portal.Find(call.TypeId)?.Type.Plural ?? call.TypeId}";
        }

        if (App is not null && App != call.AppId)
        {
            yield return $"the app is {call.AppId}";
        }

        if (Status is not null && Status != call.Status)
        {
            yield return $"the status is {call.Status}";
        }

        if (BeyondLimit is not null && BeyondLimit != call.IsBeyondLimit)
        {
            yield return $"it is {(call.IsBeyondLimit is true ? "" : "not ")}beyond a limit";
        }

        foreach (var (member, value) in Body ?? [])
        {
            List<string> found = call.Body is { } body ? [.. ValuesAt(body, member.Split('.'))] : [];
            if (!found.Contains(value))
            {
                yield return found is [] ? $"the body has no {member}" : $"{member} is {string.Join(", ", found.Take(3).Select(one => $"\"{one}\""))}";
            }
        }
    }

    /// <summary>What is wrong with the match itself.</summary>
    /// <param name="ofFaults">Whether it is in a rule for faults.</param>
    public IEnumerable<string> Mistakes(bool ofFaults)
    {
        if (Path?.Length > PathMax)
        {
            yield return $"A path has at most {PathMax} characters.";
        }

        if (ofFaults ? Status is not null || BeyondLimit is not null : Call is not null || Probability is not null || Seed != 0)
        {
            yield return ofFaults ? "status and beyondLimit are only known after the answer." : "call, probability and seed are only for faults.";
        }

        if (Call < 1 || Probability is < 0 or > 1)
        {
            yield return "call must be at least 1, and probability from 0 to 1.";
        }
    }

    /// <summary>Whether a call is one of those that are meant.</summary>
    public bool Matches(CallFacts call, PortalSchema portal) => !Differences(call, portal).Any();

    /// <summary>Writes the match as it was read.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        foreach (var (name, text) in (ReadOnlySpan<(string, string?)>)[("method", Method), ("path", Path), ("objectType", ObjectType)])
        {
            if (text is not null)
            {
                json.WriteString(name, text);
            }
        }

        foreach (var (name, number) in (ReadOnlySpan<(string, long?)>)[("app", App), ("status", Status), ("call", Call)])
        {
            if (number is { } value)
            {
                json.WriteNumber(name, value);
            }
        }

        if (Probability is { } share)
        {
            json.WriteNumber("probability", share);
            json.WriteNumber("seed", Seed);
        }

        if (BeyondLimit is { } beyond)
        {
            json.WriteBoolean("beyondLimit", beyond);
        }

        if (Body is not null)
        {
            json.WriteStartObject("body");
            foreach (var (member, value) in Body)
            {
                json.WriteString(member, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    static Dictionary<string, string> ReadBody(ref JsonCursor json)
    {
        json.BeginObject("an object of members and values");
        var members = new Dictionary<string, string>(StringComparer.Ordinal);
        while (json.NextMember() is { } name)
        {
            members[name] = json.Text() ?? "null";
        }

        return members;
    }

    static IEnumerable<string> ValuesAt(JsonElement value, ReadOnlyMemory<string> path)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            var isNumber = int.TryParse(path.IsEmpty ? "" : path.Span[0], out var index);
            return isNumber ? index >= 0 && index < value.GetArrayLength() ? ValuesAt(value[index], path[1..]) : []
                : value.EnumerateArray().SelectMany(entry => ValuesAt(entry, path));
        }

        if (path.IsEmpty)
        {
            return value.ValueKind == JsonValueKind.Object ? [] : [value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()];
        }

        return value.ValueKind == JsonValueKind.Object && value.TryGetProperty(path.Span[0], out var member) ? ValuesAt(member, path[1..]) : [];
    }

    // Without backtracking: the pattern comes from a request.
    static Regex ToPattern(string path) => new(
        "^" + Regex.Escape(path).Replace("\\*\\*", ".*", StringComparison.Ordinal).Replace("\\*", "[^/]*", StringComparison.Ordinal) + "$",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline);
}
