using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Docket.Conversations.Comparing;

/// <summary>What a run has created in an account, how to delete it, and whether a request would change anything else.</summary>
internal sealed partial class Created
{
    readonly List<string> paths = [];
    readonly List<string> unknown = [];

    // "objects/123", "properties/ext_id", and the values of created records: "ext_id=A-1".
    readonly HashSet<string> own = [];

    /// <summary>The paths to delete, the newest first: a record before its pipeline.</summary>
    public IEnumerable<string> Paths => paths.AsEnumerable().Reverse();

    /// <summary>Requests that may have created something of which no path is known.</summary>
    public IReadOnlyList<string> Unknown => unknown;

    /// <summary>Remembers what a request has created.</summary>
    public void Note(string method, string path, int status, JsonNode? answer)
    {
        if (!Target.IsWrite(method, path) || status is < 200 or > 299 || Target.IsDockets(path))
        {
            return;
        }

        var creation = Creation().Match(path);
        if (method != "POST" || !creation.Success)
        {
            return;
        }

        var container = creation.Groups["container"].Value;
        // An upsert names the records that it has created (reference/objects-and-batch.md 1).
        var isUpsert = creation.Groups["batch"].Value == "upsert";
        var found = false;
        var results = (answer as JsonObject)?["results"] as JsonArray;
        foreach (var thing in results ?? (IEnumerable<JsonNode?>)[answer])
        {
            if (thing is not JsonObject created || IdOf(container, created) is not { } id)
            {
                continue;
            }

            found = true;
            if (!isUpsert || created["new"]?.GetValueKind() == JsonValueKind.True)
            {
                paths.Add($"{container}{(container.StartsWith("/properties/v", StringComparison.Ordinal) ? "/named" : "")}/{Uri.EscapeDataString(id)}");
                own.Add($"{KindsOf(container).Last()}/{id}");
                own.UnionWith(created["properties"] is JsonObject values ? values.Select(value => $"{value.Key}={Text(value.Value)}") : []);
            }
        }

        if (!found && results is null)
        {
            NoteUnknown(method, path);
        }
    }

    /// <summary>Remembers a request whose effects are not known, such as one that was not answered.</summary>
    public void NoteUnknown(string method, string path) => unknown.Add($"{method} {path}");

    /// <summary>Why a request must not be sent: it would change what the run didn't create, or it can't be undone. <c>null</c> if it may be sent.</summary>
    public string? Objection(string method, string target, JsonNode? body)
    {
        var path = Target.PathOf(target);
        if (!Target.IsWrite(method, path))
        {
            return null;
        }

        if (!Undoable().IsMatch(path))
        {
            return "what it does could not be undone";
        }

        if (method != "POST")
        {
            var segments = path.Split('/').Select(Uri.UnescapeDataString).ToList();
            var isOwn = KindsOf(path).Any(kind => segments.Skip(segments.IndexOf(kind) + 1).Any(segment => own.Contains($"{kind}/{segment}")))
                || (Target.Query(target, "idProperty") is { } property && own.Contains($"{property}={segments[^1]}"));
            return isOwn ? null : "it would change what this run didn't create";
        }

        // What is created may be associated with anything. Keys of an upsert are looked up before.
        return Creation().Match(path) is { Success: true } creation && creation.Groups["merge"].Length == 0 ? null
            : NamedIn(body).FirstOrDefault(name => !own.Contains(name)) is { } foreign ? $"it would change {foreign}, which this run didn't create"
            : null;
    }

    /// <summary>The keys in an upsert of which records may exist that the run didn't create, by property.</summary>
    public IEnumerable<(string Property, string Key)> ForeignKeys(string path, JsonNode? body) =>
        !path.EndsWith("/batch/upsert", StringComparison.Ordinal) || (body as JsonObject)?["inputs"] is not JsonArray inputs ? []
        : from input in inputs.OfType<JsonObject>()
          let property = Text(input["idProperty"]) ?? "hs_object_id"
          let key = Text(input["id"])
          where key is not null && !own.Contains($"properties/{property}") && !own.Contains($"{property}={key}")
          select (property, key!);

    /// <summary>Whether the run has created the record with this id.</summary>
    public bool Has(string id) => own.Contains($"objects/{id}");

    /// <summary>What a path names, from the outer to the inner: <c>pipelines</c>, <c>stages</c>.</summary>
    static IEnumerable<string> KindsOf(string path) => path.Split('/').Where(segment => segment is "objects" or "properties" or "groups" or "pipelines" or "stages" or "schemas" or "labels");

    static string? IdOf(string container, JsonObject created) =>
        ((string[])(container.Contains("properties/", StringComparison.Ordinal) ? ["name"] : ["objectTypeId", "typeId", "id", "objectId"]))
            .Select(name => Text(created[name])).FirstOrDefault(id => id is not null);

    /// <summary>What the body of a write names: records by id or by a key, and properties by name.</summary>
    static IEnumerable<string> NamedIn(JsonNode? node) => node switch
    {
        JsonArray entries => entries.SelectMany(NamedIn),
        JsonObject members => members.SelectMany(member => member switch
        {
            { Key: "properties" } => [],
            { Key: "id" } when Text(members["idProperty"]) is { } property => [$"{property}={Text(member.Value)}"],
            { Key: "id" or "primaryObjectId" or "objectIdToMerge" or "objectId" or "fromObjectId" or "toObjectId" } when Text(member.Value) is { } id => [$"objects/{id}"],
            { Key: "name" } when Text(member.Value) is { } name => [$"properties/{name}"],
            _ => NamedIn(member.Value),
        }),
        _ => [],
    };

    static string? Text(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.String => node.GetValue<string>(),
        JsonValueKind.Number => node.ToJsonString(),
        _ => null,
    };

    // Paths whose POST creates something that a DELETE below them deletes.
    [GeneratedRegex(@"^(?<container>/crm/v3/objects/[^/]+|/crm/objects/[^/]+/[^/]+|/crm/(v3/properties|properties/[^/]+)/[^/]+(/groups)?|/crm/(v3/pipelines|pipelines/[^/]+)/[^/]+(/[^/]+/stages)?|/crm-object-schemas/[^/]+/schemas|/crm/(v3/schemas|schemas/[^/]+)|/crm/(v4/associations|associations/[^/]+)/[^/]+/[^/]+/labels|/crm-objects/v1/objects/[^/]+|/properties/v[12]/[^/]+/(properties|groups))(/batch/(?<batch>create|upsert)|/(?<merge>merge))?/?$")]
    private static partial Regex Creation();

    [GeneratedRegex("^/crm(/v[34]|/\\d{4}-\\d\\d(-\\w+)?)?/(objects|properties|pipelines|associations|schemas)(/|$)|^/crm-object-schemas/|^/crm-objects/|^/crm-associations/|^/properties/v[12]/")]
    private static partial Regex Undoable();
}
