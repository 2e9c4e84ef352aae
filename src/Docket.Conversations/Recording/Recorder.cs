using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Docket.Conversations.Recording;

/// <summary>
/// Makes a conversation of what a program asked and was answered: without secrets and personal values (<see cref="Disguise"/>), and with ids
/// that an answer gave and a later request used as captured variables, so that the file can be sent to another account.
/// </summary>
internal sealed class Recorder(string upstream, IEnumerable<string> moreProperties)
{
    /// <summary>Shorter ids, such as those of default stages, are the same in every account.</summary>
    const int IdMin = 4;

    /// <summary>Headers that change what a request means. Others are left out: they tell of the program and may have secrets.</summary>
    static readonly string[] KeptHeaders = ["Content-Type", "Prefer", "Idempotency-Key"];

    readonly Disguise disguise = new(moreProperties);
    readonly List<Recorded> exchanges = [];

    /// <summary>How many exchanges there are.</summary>
    public int Count => exchanges.Count;

    /// <summary>Adds an exchange. The order is that of the answers: a request that uses an id comes after the answer with it.</summary>
    public void Add(Recorded exchange)
    {
        exchanges.Add(exchange);
        disguise.Learn(exchange);
    }

    /// <summary>The file.</summary>
    public string ToConversation()
    {
        var plain = exchanges.ConvertAll(exchange => exchange with
        {
            Target = disguise.OfTarget(exchange.Target),
            Body = WithoutAddress(disguise.OfBody(exchange.Body)),
            Answer = WithoutAddress(disguise.OfBody(exchange.Answer)),
        });
        var captures = Captures(plain);
        var names = captures.ToDictionary(capture => capture.Id, capture => capture.Name);
        string filled(string text) => Ids.ReplaceWords(text, word => names.TryGetValue(word, out var name) ? $"{{{{{name}}}}}" : word);
        var file = new StringBuilder();
        for (var i = 0; i < plain.Count; i++)
        {
            var exchange = plain[i];
            file.Append(i == 0 ? "" : "\n").Append(exchange.Method).Append(" {{docket}}").Append(filled(exchange.Target)).Append('\n');
            if (exchange.Headers.Any(header => header.Name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)))
            {
                file.Append("Authorization: Bearer {{token}}\n");
            }

            foreach (var (name, value) in exchange.Headers.Where(header => IsKept(header.Name) && !IsUsual(header, exchange.Body)))
            {
                file.Append(name).Append(": ").Append(filled(disguise.OfText(value))).Append('\n');
            }

            file.Append(filled(Written(exchange.Body))).Append("HTTP ").Append(exchange.Status).Append('\n');
            var ofThis = captures.Where(capture => capture.Exchange == i).ToList();
            file.Append(ofThis.Count == 0 ? "" : "[Captures]\n");
            ofThis.ForEach(capture => file.Append(capture.Name).Append(": jsonpath \"").Append(capture.Path).Append("\"\n"));
            file.Append(filled(Written(exchange.Answer)));
        }

        return file.ToString();
    }

    string WithoutAddress(string text) => text.Replace(upstream, "{{docket}}", StringComparison.Ordinal);

    static bool IsKept(string name) => KeptHeaders.Contains(name, StringComparer.OrdinalIgnoreCase) || name.StartsWith("Docket-", StringComparison.OrdinalIgnoreCase);

    static bool IsUsual((string Name, string Value) header, string body) =>
        header.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase) && (body.Length == 0 || (JsonText.IsJson(body) && header.Value.StartsWith("application/json", StringComparison.OrdinalIgnoreCase)));

    /// <summary>A body in the file's syntax.</summary>
    static string Written(string body) =>
        body.Length == 0 ? ""
        : IsJson(body) ? (body.Length == 2 ? body : JsonText.Indent(body)) + "\n"
        : body.Contains('\n', StringComparison.Ordinal) || body.Contains('`', StringComparison.Ordinal) ? $"```\n{body.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n')}\n```\n"
        : $"`{body}`\n";

    static bool IsJson(string body) => Parse(body) is not null;

    static List<Capture> Captures(List<Recorded> exchanges)
    {
        var captures = new List<Capture>();
        var seen = new Dictionary<string, Capture?>(); // an id that a request used before any answer gave it is the program's own
        for (var i = 0; i < exchanges.Count; i++)
        {
            foreach (var word in Ids.WordsOf(exchanges[i].Target).Concat(Ids.WordsOf(exchanges[i].Body)).Where(word => word.Length >= IdMin))
            {
                if (seen.TryAdd(word, null) || seen[word] is not { Name: "" } given)
                {
                    continue;
                }

                var capture = given with { Name = $"id{captures.Count + 1}" };
                seen[word] = capture;
                captures.Add(capture);
            }

            foreach (var (id, path) in IdsIn(Parse(exchanges[i].Answer), "$", ""))
            {
                seen.TryAdd(id, new(i, id, path, ""));
            }
        }

        return captures;
    }

    static IEnumerable<(string Id, string Path)> IdsIn(JsonNode? node, string path, string name) => node switch
    {
        JsonObject members => members.Where(member => !member.Key.AsSpan().ContainsAny(".[]\" ")).SelectMany(member => IdsIn(member.Value, $"{path}.{member.Key}", member.Key)),
        JsonArray entries => entries.SelectMany((entry, i) => IdsIn(entry, $"{path}[{i}]", name)),
        JsonValue value when Ids.IsIdMember(name) && value.ToString() is { Length: >= IdMin } id && Ids.IsWord(id) && id.Any(char.IsAsciiDigit) => [(id, path)],
        _ => [],
    };

    static JsonNode? Parse(string text)
    {
        try
        {
            return JsonText.IsJson(text) ? JsonNode.Parse(text) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>An id, where an answer gave it first, and the variable if a later request used it.</summary>
    sealed record Capture(int Exchange, string Id, string Path, string Name);
}
