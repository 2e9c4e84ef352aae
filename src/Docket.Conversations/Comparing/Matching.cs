using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Docket.Conversations.Comparing;

/// <summary>
/// Compares answers of two accounts. Ids are different in each, so an id of one side is bound to the id that the other has in the same
/// place, and has to stand for it from then on. Times of the run are equal to each other, other times only to themselves. The order of members and
/// of the results of a batch doesn't count (reference/objects-and-batch.md 1: HubSpot promises none).
/// </summary>
internal sealed partial class Matching(string accountUrl, string docketUrl, DateTimeOffset begin, TimeProvider clock)
{
    /// <summary>How far the clocks of the two sides may differ.</summary>
    static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(5);

    // Ids that stand for each other, and the order in which they were bound, so that an attempt can be undone.
    readonly Dictionary<string, string> docketOf = [];
    readonly Dictionary<string, string> accountOf = [];
    readonly Stack<(string Account, string Docket)> bound = [];
    bool anyOrder;

    /// <summary>Two answers to the same request.</summary>
    /// <param name="account">The answer of the account.</param>
    /// <param name="docket">The answer of Docket.</param>
    /// <param name="isBatch">The results may have any order.</param>
    public List<Difference> Compare(Reply account, Reply docket, bool isBatch)
    {
        anyOrder = isBatch;
        var found = new List<Difference>();
        if (account.Status != docket.Status)
        {
            found.Add(new("status", account.Status.ToString(), docket.Status.ToString()));
        }

        if (account.MediaType != docket.MediaType)
        {
            found.Add(new("content type", account.MediaType ?? Difference.Absent, docket.MediaType ?? Difference.Absent));
        }

        foreach (var ((name, ofAccount), (_, ofDocket)) in account.Headers.Zip(docket.Headers))
        {
            WalkText(ofAccount, ofDocket, $"header {name}", name, found);
        }

        if (Parse(account.Body) is { } left && Parse(docket.Body) is { } right)
        {
            Walk(left, right, "$", "", found);
        }
        else
        {
            WalkText(account.Body, docket.Body, "body", "", found);
        }

        return found;
    }

    /// <summary>Two ids stand for each other.</summary>
    /// <returns>Whether neither stands for another one.</returns>
    public bool Bind(string account, string docket)
    {
        if (docketOf.TryGetValue(account, out var known) || accountOf.ContainsKey(docket))
        {
            return known == docket;
        }

        docketOf.Add(account, docket);
        accountOf.Add(docket, account);
        bound.Push((account, docket));
        return true;
    }

    /// <summary>Adds what is different to <paramref name="found"/>; without it, ends at the first difference.</summary>
    bool Walk(JsonNode? account, JsonNode? docket, string path, string name, List<Difference>? found) => (account, docket) switch
    {
        (JsonObject left, JsonObject right) => WalkMembers(left, right, path, found),
        (JsonArray left, JsonArray right) => WalkEntries(left, right, path, name, found),
        (JsonValue left, JsonValue right) when left.GetValueKind() == right.GetValueKind() => WalkText(TextOf(left), TextOf(right), path, name, found),
        (null, null) => true,
        _ => Differ(path, Show(account), Show(docket), found),
    };

    bool WalkMembers(JsonObject account, JsonObject docket, string path, List<Difference>? found)
    {
        var same = true;
        var paired = new HashSet<string>();
        foreach (var (name, value) in account)
        {
            var other = docket.ContainsKey(name) ? name : ToDocket(name); // properties of stages are named by the stage's id
            same &= docket.TryGetPropertyValue(other, out var otherValue) && paired.Add(other)
                ? Walk(value, otherValue, $"{path}.{name}", name, found)
                : Differ($"{path}.{name}", Show(value), Difference.Absent, found);
            if (!same && found is null)
            {
                return false;
            }
        }

        foreach (var (name, value) in docket.Where(member => !paired.Contains(member.Key)))
        {
            same = Differ($"{path}.{name}", Difference.Absent, Show(value), found);
        }

        return same;
    }

    bool WalkEntries(JsonArray account, JsonArray docket, string path, string name, List<Difference>? found)
    {
        // Those that are equal, wherever they are; then the others in their order.
        var partner = new int?[account.Count];
        var taken = new bool[docket.Count];
        for (var i = 0; i < account.Count; i++)
        {
            partner[i] = Enumerable.Range(0, docket.Count).OrderBy(j => j == i ? 0 : 1).Cast<int?>().FirstOrDefault(j => !taken[j!.Value] && IsSame(account[i], docket[j.Value], name));
            if (partner[i] is { } equal)
            {
                taken[equal] = true;
            }
        }

        var same = true;
        if (!anyOrder && partner.Where(index => index is not null).Zip(partner.Where(index => index is not null).Skip(1)).Any(pair => pair.First > pair.Second))
        {
            same = Differ(path, "(an order)", "(another order)", found);
        }

        var left = new Queue<int>(Enumerable.Range(0, docket.Count).Where(j => !taken[j]));
        for (var i = 0; i < account.Count; i++)
        {
            if (partner[i] is null)
            {
                same &= left.TryDequeue(out var j) ? Walk(account[i], docket[j], $"{path}[{i}]", name, found) : Differ($"{path}[{i}]", Show(account[i]), Difference.Absent, found);
            }
        }

        foreach (var j in left)
        {
            same = Differ($"{path}[{j}]", Difference.Absent, Show(docket[j]), found);
        }

        return same;
    }

    bool IsSame(JsonNode? account, JsonNode? docket, string name)
    {
        var before = Bindings;
        if (Walk(account, docket, "", name, null))
        {
            return true;
        }

        Undo(before);
        return false;
    }

    /// <summary>How many ids are bound.</summary>
    public int Bindings => bound.Count;

    /// <summary>Takes back all bindings after the first <paramref name="bindings"/>.</summary>
    public void Undo(int bindings)
    {
        while (bound.Count > bindings)
        {
            var (left, right) = bound.Pop();
            docketOf.Remove(left);
            accountOf.Remove(right);
        }
    }

    bool WalkText(string account, string docket, string path, string name, List<Difference>? found) =>
        account == docket
            || docketOf.GetValueOrDefault(account) == docket
            || (IsOfTheRun(account) && IsOfTheRun(docket))
            || (Duration().IsMatch(name) && IsNumber(account) && IsNumber(docket))
            || (((Ids.IsIdMember(name) && Ids.IsWord(account) && Ids.IsWord(docket)) || (Ids.IsUuid(account) && Ids.IsUuid(docket))) && Bind(account, docket))
            || Neutral(ToDocket(account.Replace(accountUrl, docketUrl, StringComparison.Ordinal))) == Neutral(docket)
            || Differ(path, account, docket, found);

    static bool Differ(string path, string account, string docket, List<Difference>? found)
    {
        found?.Add(new(path, account, docket));
        return false;
    }

    /// <summary>A text of the account with Docket's ids in it.</summary>
    string ToDocket(string text) =>
        docketOf.TryGetValue(text, out var whole) ? whole
        : Ids.ReplaceWords(text, word => docketOf.GetValueOrDefault(word) ?? StageId().Replace(word, id => docketOf.GetValueOrDefault(id.Value, id.Value)));

    /// <summary>A text without what is different in each answer: times of the run and UUIDs.</summary>
    string Neutral(string text) => Uuid().Replace(Time().Replace(text, time => IsOfTheRun(time.Value) ? "(time)" : time.Value), "(uuid)");

    bool IsOfTheRun(string text) =>
        (DateTimeOffset.TryParseExact(text, ["yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "yyyy-MM-ddTHH:mm:ssK"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            || (text.Length == 13 && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ms) && (time = DateTimeOffset.FromUnixTimeMilliseconds(ms)) > DateTimeOffset.UnixEpoch))
        && time > begin - ClockSkew && time < clock.GetUtcNow() + ClockSkew;

    static bool IsNumber(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);

    static string TextOf(JsonValue value) => value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();

    static string Show(JsonNode? node) => node?.ToJsonString(Plain) ?? "null";

    static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    static JsonNode? Parse(string body)
    {
        try
        {
            return JsonText.IsJson(body) ? JsonNode.Parse(body) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Milliseconds in a stage, or until a ticket was closed.
    [GeneratedRegex("(^|_)time_(in|to)_")]
    private static partial Regex Duration();

    [GeneratedRegex(@"\d{4,}")]
    private static partial Regex StageId();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)|(?<!\d)\d{13}(?!\d)")]
    private static partial Regex Time();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();
}
