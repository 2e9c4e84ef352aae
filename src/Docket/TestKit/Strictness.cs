using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.TestKit;

/// <summary>
/// What HubSpot takes in silence, and a test should hear of: paths and parameters that it will no longer support
/// (reference/auth-limits-webhooks-imports.md 0.1, 1.1), properties that don't exist, and members of bodies that nobody reads.
/// </summary>
internal static class Strictness
{
    /// <summary>The most warnings of an answer.</summary>
    const int WarningsMax = 20;

    // In queries, and in bodies of searches and batch reads.
    static readonly string[] Lists = ["properties", "propertiesWithHistory"];

    /// <summary>The warnings of a call, of ASCII only: they are headers.</summary>
    public static IEnumerable<string> WarningsOf(HttpContext http, ObservedCall observed) =>
        OfPath(http.Request).Concat(OfProperties(http, observed)).Concat(OfMembers(http)).Take(WarningsMax).Select(warning => string.Concat(warning.Select(sign => sign is >= ' ' and <= '~' ? sign : '?')));

    static IEnumerable<string> OfPath(HttpRequest request)
    {
        var segments = request.Path.Value!.Split('/');
        var version = Array.Find(segments, segment => segment is "v1" or "v2" or "v3" or "v4");
        if (version is "v1" or "v2")
        {
            yield return $"HubSpot supports {version} paths until September 2027. Use a dated path such as /crm/objects/2026-03.";
        }
        else if (version == "v4")
        {
            yield return "HubSpot supports v4 paths until 2027-03-30. Use a dated path such as /crm/associations/2026-03.";
        }
        else if (version == "v3" && segments.Contains("associations"))
        {
            yield return "The associations of v3 have no labels, and HubSpot supports them until September 2027. Use a dated path such as /crm/associations/2026-03.";
        }

        if (request.Query.ContainsKey("hapikey"))
        {
            yield return "hapikey is ignored: HubSpot retired API keys on 2022-11-30.";
        }
    }

    // Unknown properties in filters, sorts and writes are refused anyway.
    static IEnumerable<string> OfProperties(HttpContext http, ObservedCall observed)
    {
        if (http.Features.Get<Call>() is not { TypeName: not null } call || !http.Request.Path.Value!.Contains("/objects/", StringComparison.Ordinal))
        {
            return [];
        }

        var names = Lists.SelectMany(parameter => http.QueryNames(parameter));
        if (http.Route() is var route && (route.EndsWith("/search", StringComparison.Ordinal) || route.EndsWith("/batch/read", StringComparison.Ordinal)) && observed.Body is { } body && CallFacts.Parse(body.Kept) is { ValueKind: JsonValueKind.Object } json)
        {
            names = names.Concat(Lists.SelectMany(member => json.TryGetProperty(member, out var listed) && listed.ValueKind == JsonValueKind.Array ? listed.EnumerateArray().Select(name => name.ToString()) : []));
        }

        var schema = call.Schema;
        return names.Distinct().Where(name => schema.Find(name) is null).Select(name =>
            $"{call.Type.Plural} have no property \"{Faults.Shorten(name)}\", so it is not in the answer.{Meant(NearNames.Find(name, schema.Properties.Select(property => property.Name)))}");
    }

    static IEnumerable<string> OfMembers(HttpContext http) =>
        (http.Features.Get<UnreadMembers>()?.All ?? []).Select(member => $"The member \"{Faults.Shorten(member.Name)}\" of the body is ignored.{Meant(member.Near)}");

    static string Meant(string? name) => name is null ? "" : $" Did you mean {name}?";
}
