using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Docket.Conversations.Recording;

/// <summary>
/// Replaces secrets and personal values: e-mail addresses and their domains, names, phone and street addresses. The same value is always replaced by
/// the same one, also where it is part of another text, so that keys, filters and associations still fit together. First all
/// exchanges are learned, then they are replaced: a name may be in a subject before it is in a contact.
/// </summary>
internal sealed partial class Disguise(IEnumerable<string> moreProperties)
{
    /// <summary>A shorter name is only replaced where it is a whole value: as a part of a text it is more likely another word.</summary>
    const int WordMin = 3;

    const int SecretMin = 8;

    const int NumberMin = 7;

    static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Members of search filters and of the older versions' properties that name a property, whose value is beside them.</summary>
    static readonly string[] NamingMembers = ["propertyName", "property", "name"];

    readonly HashSet<string> more = [.. moreProperties];
    readonly Dictionary<(Kind Kind, string Key), string> replacements = [];

    // Values that are replaced wherever they are a whole word.
    readonly Dictionary<string, string> words = [];
    Regex? anyWord;

    enum Kind
    {
        None, Secret, Email, Domain, Phone, FirstName, LastName, Name, Company, Address, Other,
    }

    /// <summary>Notes the secrets and personal values of an exchange.</summary>
    public void Learn(Recorded exchange)
    {
        foreach (var (_, value) in exchange.Headers.Where(header => header.Name.Equals("Authorization", StringComparison.OrdinalIgnoreCase)))
        {
            Word(value.Split(' ')[^1], "{{token}}", SecretMin);
        }

        _ = OfBody(exchange.Body);
        _ = OfBody(exchange.Answer);
        _ = OfTarget(exchange.Target);
    }

    /// <summary>A path and its query.</summary>
    public string OfTarget(string target) => Part().Replace(target, part =>
    {
        var isQuery = target.AsSpan(0, part.Index).Contains('?');
        var plain = Uri.UnescapeDataString(isQuery ? part.Value.Replace('+', ' ') : part.Value);
        var replaced = OfText(plain);
        return replaced == plain ? part.Value : Uri.EscapeDataString(replaced).Replace("%7B%7B", "{{", StringComparison.Ordinal).Replace("%7D%7D", "}}", StringComparison.Ordinal);
    });

    /// <summary>A body: JSON, a form, or any text.</summary>
    public string OfBody(string body)
    {
        if (JsonText.IsJson(body.TrimStart()))
        {
            try
            {
                var node = JsonNode.Parse(body);
                Replace(node, Kind.None, ofRecord: false);
                return node!.ToJsonString(Plain);
            }
            catch (JsonException)
            {
                // It is a text then.
            }
        }

        return Form().IsMatch(body)
            ? string.Join('&', body.Split('&').Select(pair => pair.Split('=', 2)).Select(pair => IsSecret(pair[0]) || pair[0] is "code" or "code_verifier" ? $"{pair[0]}={Replacement(Kind.Secret, Uri.UnescapeDataString(pair[1]))}" : $"{pair[0]}={OfTarget(pair[1])}"))
            : OfText(body);
    }

    /// <summary>A text: addresses and numbers that look like themselves, and the values that were learned.</summary>
    public string OfText(string text)
    {
        text = PrivateToken().Replace(text, token => Replacement(Kind.Secret, token.Value));
        text = Email().Replace(text, email => Replacement(Kind.Email, email.Value));
        text = International().Replace(text, phone => Replacement(Kind.Phone, phone.Value));
        if (words.Count == 0)
        {
            return text;
        }

        anyWord ??= new Regex($@"(?<![\p{{L}}\p{{N}}@{{])({string.Join('|', words.Keys.OrderByDescending(word => word.Length).Select(Regex.Escape))})(?![\p{{L}}\p{{N}}}}])", RegexOptions.CultureInvariant);
        return anyWord.Replace(text, word => words[word.Value]);
    }

    /// <summary>Replaces the texts of a body.</summary>
    /// <param name="node">The body, or a part of it.</param>
    /// <param name="kind">What the member that contains it has.</param>
    /// <param name="ofRecord">Whether the members are properties of a record: other names are not those of companies.</param>
    void Replace(JsonNode? node, Kind kind, bool ofRecord)
    {
        switch (node)
        {
            case JsonObject members:
                // {"propertyName":"firstname","operator":"EQ","value":"Ann"} and the older {"name":"firstname","value":"Ann"}.
                var named = NamingMembers.Select(name => TextOf(members[name])).FirstOrDefault(name => name is not null);
                foreach (var (name, value) in members.ToList())
                {
                    var ofMember = name is "value" or "values" or "highValue" && named is not null ? KindOf(named, ofRecord: true)
                        : name is "value" or "sourceValue" ? kind
                        : KindOf(name, ofRecord);
                    if (TextOf(value) is { } text)
                    {
                        members[name] = Replaced(text, ofMember);
                    }
                    else
                    {
                        Replace(value, name == "versions" ? kind : ofMember, ofRecord: value is JsonObject && name is "properties" or "propertiesWithHistory");
                    }
                }

                break;
            case JsonArray entries:
                for (var i = 0; i < entries.Count; i++)
                {
                    if (TextOf(entries[i]) is { } text)
                    {
                        entries[i] = Replaced(text, kind);
                    }
                    else
                    {
                        Replace(entries[i], kind, ofRecord: false);
                    }
                }

                break;
        }
    }

    string Replaced(string text, Kind kind) =>
        text.Length == 0 || words.ContainsValue(text) ? text
        : kind == Kind.None ? OfText(text)
        : kind == Kind.Phone && text.Count(char.IsAsciiDigit) < 5 ? text // such as the code of a country
        : Replacement(kind, text);

    Kind KindOf(string name, bool ofRecord) =>
        IsSecret(name) ? Kind.Secret
        : more.Contains(name) ? Kind.Other
        : name.ToLowerInvariant().Replace("_", "", StringComparison.Ordinal) switch
        {
            "firstname" => Kind.FirstName,
            "lastname" => Kind.LastName,
            "fullname" or "hsfullnameoremail" => Kind.Name,
            "company" or "companyname" => Kind.Company,
            "name" when ofRecord => Kind.Company,
            "address" or "address2" or "street" or "zip" or "zipcode" => Kind.Address,
            "domain" or "website" or "hsemaildomain" or "hsadditionaldomains" => Kind.Domain,
            var plain when plain.Contains("phone", StringComparison.Ordinal) || plain is "fax" or "mobile" => Kind.Phone,
            _ => Kind.None,
        };

    static bool IsSecret(string name) => SecretName().IsMatch(name);

    string Replacement(Kind kind, string value)
    {
        var key = (kind, kind switch
        {
            Kind.Email or Kind.Domain => value.ToLowerInvariant(),
            Kind.Phone => new string([.. value.Where(char.IsAsciiDigit).TakeLast(7)]), // with and without the country
            _ => value,
        });
        if (replacements.TryGetValue(key, out var known))
        {
            return known;
        }

        if (replacements.ContainsValue(value) || words.GetValueOrDefault(value) is "{{token}}")
        {
            return words.GetValueOrDefault(value, value); // a replacement, or the token of the requests
        }

        var number = replacements.Keys.Count(other => other.Kind == kind) + 1;
        var replacement = kind switch
        {
            Kind.Secret => $"secret{number}",
            Kind.Email => $"person{number}@{OfDomain(value[(value.IndexOf('@', StringComparison.Ordinal) + 1)..])}",
            Kind.Domain => $"domain{number}.example.com",
            Kind.Phone => $"+1555010{number:d4}",
            Kind.FirstName => $"First{number}",
            Kind.LastName => $"Last{number}",
            Kind.Name => $"Name{number}",
            Kind.Company => $"Company{number}",
            Kind.Address => $"Address{number}",
            _ => $"Text{number}",
        };
        replacements.Add(key, replacement);
        Word(value, replacement, kind == Kind.Secret ? SecretMin : WordMin);
        return replacement;
    }

    // HubSpot's own stay: they are in every answer.
    string OfDomain(string domain) => domain.EndsWith("hubspot.com", StringComparison.OrdinalIgnoreCase) ? "hubspot.example.com" : Replacement(Kind.Domain, domain);

    void Word(string value, string replacement, int min)
    {
        // A short number is more likely an id or an amount.
        if (value.Length >= (value.Any(char.IsLetter) ? min : NumberMin) && !replacement.Contains(value, StringComparison.Ordinal) && words.TryAdd(value, replacement))
        {
            anyWord = null;
        }
    }

    static string? TextOf(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null;

    [GeneratedRegex(@"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")]
    private static partial Regex Email();

    [GeneratedRegex(@"(?<![\w+])\+[1-9]\d{0,2}[ ./()-]*\d([ ./()-]*\d){5,13}(?!\w)")]
    private static partial Regex International();

    [GeneratedRegex(@"\bpat-[a-z0-9]+-[0-9a-f-]{30,}\b")]
    private static partial Regex PrivateToken();

    [GeneratedRegex("^(access_?token|refresh_?token|id_?token|client_?secret|token|password|hapikey|api_?key|secret)$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    [GeneratedRegex(@"^\w+=[^&\s]*(&\w+=[^&\s]*)*$")]
    private static partial Regex Form();

    [GeneratedRegex("[^/?&=]+")]
    private static partial Regex Part();
}
