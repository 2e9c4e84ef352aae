using System.Text;
using System.Text.RegularExpressions;
using Docket.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Docket.Http;

/// <summary>
/// The path, query and refusal of a request in its log entry. Never contains tokens or secrets. If values are hidden, it contains no
/// values of tickets or keys, and nothing unknown.
/// </summary>
internal sealed partial class RequestTarget(bool hideValues, IReadOnlyCollection<ObjectType> types, IEnumerable<EndpointDataSource> endpoints)
{
    /// <summary>Stands for what is not shown.</summary>
    public const string Hidden = "***";

    /// <summary>Longest part of a path in the log, in characters.</summary>
    const int ShownMax = 1_000;

    // Query parameters whose values are names, numbers or flags.
    static readonly HashSet<string> Plain = new(
        ["properties", "propertiesWithHistory", "associations", "idProperty", "archived", "limit", "after", "count", "offset", "property", "propertyMode", "vid", "vidOffset", "timeOffset", "since", "includeAssociations", "includeAllProperties", "includePropertyVersions", "failed", "wait", "asOf", "objectId", "response_type"],
        StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> Secret = new(
        ["code", "state", "token", "access_token", "refresh_token", "client_secret", "hapikey", "code_challenge", "code_verifier", "password"], StringComparer.OrdinalIgnoreCase);

    // The words in paths. Everything is mapped before the first request arrives.
    readonly Lazy<HashSet<string>> words = new(() =>
    [
        .. types.SelectMany(type => (string[])[type.Singular, type.Plural, type.Id]),
        .. endpoints.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().SelectMany(endpoint => endpoint.RoutePattern.PathSegments).SelectMany(segment => segment.Parts)
            .OfType<RoutePatternLiteralPart>().Select(part => part.Content),
    ]);

    /// <summary>Whether a query parameter, or a field of a form, contains a token or a secret.</summary>
    public static bool IsSecret(string name) => Secret.Contains(name);

    /// <summary>Path and query, and the first sentence of the refusal if there is one.</summary>
    public (string Path, string? Refusal) Show(HttpContext http, Error? refused)
    {
        var raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var at = raw.IndexOf('?');
        var (path, query) = at < 0 ? (raw, "") : (raw[..at], raw[(at + 1)..]);
        var pattern = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern;
        var byKey = http.Request.Query.ContainsKey("idProperty");
        var found = http.Features.Get<Call>() is not null;
        var refusal = refused?.Message;
        var segments = path.Split('/');
        for (var i = 0; i < segments.Length; i++)
        {
            var parameter = pattern is not null && i > 0 && i <= pattern.PathSegments.Count && pattern.PathSegments[i - 1].Parts is [RoutePatternParameterPart part] ? part.Name : null;
            if (parameter == "token" || (hideValues && !IsPlain(segments[i], parameter, byKey, found)))
            {
                refusal = refusal?.Replace(Uri.UnescapeDataString(segments[i]), Hidden, StringComparison.Ordinal); // some messages repeat it
                segments[i] = Hidden;
            }
        }

        var shown = new StringBuilder(string.Join('/', segments));
        foreach (var (index, pair) in query.Split('&', StringSplitOptions.RemoveEmptyEntries).Index())
        {
            var name = pair.Split('=')[0];
            shown.Append(index == 0 ? '?' : '&').Append(
                Secret.Contains(name) ? $"{name}={Hidden}"
                : hideValues && !Plain.Contains(name) ? Hidden // an unknown parameter can contain anything
                : pair);
        }

        return (Printable(shown.ToString()), refusal is null ? null : FirstSentence(refusal));
    }

    string FirstSentence(string text)
    {
        if (hideValues)
        {
            text = Quoted().Replace(text, match => match.Value[0] + "…" + match.Value[^1]);
        }

        var end = text.IndexOf(". ", StringComparison.Ordinal);
        return Printable(end < 0 ? text : text[..(end + 1)]);
    }

    // Ids are numbers, but keys can be numbers too.
    bool IsPlain(string segment, string? parameter, bool byKey, bool found) => parameter switch
    {
        "id" or "objectId" => !byKey && IsNumber(segment),
        // A type of the portal's own was found before the request was served. Its name is no value either.
        "objectType" or "typeId" => types.Any(type => type.IsCalled(segment)) || TypeNumber.Parse(segment) is not null || found,
        "associationId" or "propertyName" or "groupName" or "pipelineId" or "stageId" => true,
        _ => segment.Length == 0 || IsNumber(segment) || words.Value.Contains(segment),
    };

    static bool IsNumber(string segment) => segment.AsSpan().IndexOfAnyExceptInRange('0', '9') < 0;

    static string Printable(string text)
    {
        var shown = text.Length > ShownMax ? text[..ShownMax] + "…" : text;
        return string.Create(shown.Length, shown, static (span, shown) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(shown[i]) ? '?' : shown[i];
            }
        });
    }

    // Messages quote what was sent: in quotes and brackets.
    [GeneratedRegex(@"""[^""]*""|(?<!\w)'[^']*'(?!\w)|\[.*\]|\{.*\}", RegexOptions.Singleline)]
    private static partial Regex Quoted();
}
