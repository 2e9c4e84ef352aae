using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Docket.Tests.Tidy;

namespace Docket.Tests.Contract;

/// <summary>
/// HubSpot's published OpenAPI 3.0 files, and whether an answer matches them. They are not part of the project: they
/// are read from <c>../shared/reference/openapi</c> next to it, or from the folder in <c>DOCKET_REFERENCE</c>.
/// The files use twelve keywords of the schema language; this knows those and throws at any other. Two things are
/// stricter than the files: a member that a schema does not have is a finding, and so is each key of a <c>context</c>,
/// which the schemas leave open.
/// </summary>
internal sealed partial class PublishedApi
{
    const string Absent = "HubSpot's OpenAPI files are neither in ../shared/reference/openapi nor in the folder that DOCKET_REFERENCE names";

    /// <summary>Keywords of a schema that are supported, or that don't concern values.</summary>
    static readonly string[] Keywords = ["$ref", "type", "format", "enum", "nullable", "required", "properties", "additionalProperties", "items", "description", "example", "default", "x-hubspot-sub-type-impl"];

    /// <summary>
    /// Alternatives to names in the files: other spellings of the object type
    /// (reference/properties-pipelines-search-associations.md 7), and the beta of a version, which has no separate files.
    /// </summary>
    static readonly Dictionary<string, string[]> Spellings = new() { ["tickets"] = ["ticket", "0-5"], ["2026-09"] = ["2026-09-beta"] };

    static readonly Lazy<PublishedApi?> Loaded = new(Load);

    readonly List<Operation> operations;

    PublishedApi(List<Operation> operations) => this.operations = operations;

    /// <summary>The files, or <c>null</c> where they are absent: then answers are not compared with them.</summary>
    public static PublishedApi? OrNull => Loaded.Value;

    /// <summary>The files; where they are absent the test is skipped and says so.</summary>
    public static PublishedApi OrSkip()
    {
        Assert.SkipWhen(OrNull is null, Absent);
        return OrNull!;
    }

    /// <summary>What another document says.</summary>
    public static PublishedApi Of(JsonElement document) => new([.. Operations(document)]);

    /// <summary>The operation that answers a request, if HubSpot has one; a literal name goes before a parameter.</summary>
    public Operation? Find(string method, string path)
    {
        var segments = Segments(path);
        return operations.Where(operation => operation.Fits(method, segments)).MaxBy(operation => operation.Literals);
    }

    /// <summary>Whether a path is one of those that a pattern such as <c>/crm/v3/objects/tickets/{ticketId}</c> means, in any spelling of the object type.</summary>
    public static bool Fits(string pattern, string path) => Fits(Segments(pattern), Segments(path));

    /// <summary>Everything about an answer that the operation's schema doesn't have, each thing once.</summary>
    public static HashSet<Finding> Check(Operation operation, int status, string body, string? mediaType = null)
    {
        var findings = new HashSet<Finding>();
        var response = operation.ResponseOf(status, out var listed);
        if (response.ValueKind == JsonValueKind.Undefined || !response.TryGetProperty("content", out var content) || content.EnumerateObject().Where(type => mediaType is null || type.Name == mediaType).Select(type => type.Value).FirstOrDefault() is not { ValueKind: JsonValueKind.Object } type)
        {
            if (body.Length > 0)
            {
                findings.Add(new("", $"HTTP {status}", Problem.Body));
            }

            return findings;
        }

        var schema = type.GetProperty("schema");
        if (!listed)
        {
            findings.Add(new(NameOf(schema), $"HTTP {status}", Problem.Status));
        }

        try
        {
            foreach (var text in mediaType == "application/x-ndjson" ? body.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [body])
            {
                using var json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
                Check(operation, schema, json.RootElement, new("", ""), findings);
            }
        }
        catch (JsonException)
        {
            findings.Add(new(NameOf(schema), "", Problem.Body));
        }

        return findings;
    }

    static void Check(Operation operation, JsonElement schema, JsonElement value, Place at, HashSet<Finding> findings)
    {
        while (schema.TryGetProperty("$ref", out _))
        {
            at = new(NameOf(schema), "");
            schema = operation.Schemas.GetProperty(at.Schema);
        }

        if (!schema.EnumerateObject().Any())
        {
            return; // anything
        }

        if (schema.TryGetProperty("oneOf", out var alternatives))
        {
            // The one that fits best: the files have no discriminator.
            findings.UnionWith(alternatives.EnumerateArray().Select(alternative =>
            {
                var its = new HashSet<Finding>();
                Check(operation, alternative, value, at, its);
                return its;
            }).MinBy(its => its.Count)!);
            return;
        }

        foreach (var keyword in schema.EnumerateObject().Where(keyword => !Keywords.Contains(keyword.Name)))
        {
            throw new NotSupportedException($"{at.Schema}{at.Pointer} uses {keyword.Name}, which PublishedApi does not know yet");
        }

        if (value.ValueKind == JsonValueKind.Null)
        {
            Note(!(schema.TryGetProperty("nullable", out var nullable) && nullable.GetBoolean()), Problem.Null);
            return;
        }

        var fits = (schema.GetProperty("type").GetString(), value.ValueKind) switch
        {
            ("object", JsonValueKind.Object) or ("array", JsonValueKind.Array) or ("string", JsonValueKind.String) => true,
            ("boolean", JsonValueKind.True or JsonValueKind.False) or ("number", JsonValueKind.Number) => true,
            ("integer", JsonValueKind.Number) => value.TryGetInt64(out _),
            _ => false,
        };
        if (!fits)
        {
            Note(true, Problem.Type);
            return;
        }

        Note(schema.TryGetProperty("enum", out var allowed) && !allowed.EnumerateArray().Any(one => one.ValueEquals(value.GetString())), Problem.Enum);
        Note(schema.TryGetProperty("format", out var format) && !HasFormat(format.GetString()!, value), Problem.Format);
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in value.EnumerateArray())
            {
                Check(operation, schema.GetProperty("items"), entry, at.Into("*"), findings);
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            var known = schema.TryGetProperty("properties", out var properties) ? properties : default;
            var open = schema.TryGetProperty("additionalProperties", out var others) ? others : default;
            foreach (var name in schema.TryGetProperty("required", out var required) ? required.EnumerateArray().Select(name => name.GetString()!) : [])
            {
                Note(!value.TryGetProperty(name, out _), Problem.Missing, name);
            }

            foreach (var member in value.EnumerateObject())
            {
                if (known.ValueKind == JsonValueKind.Object && known.TryGetProperty(member.Name, out var its))
                {
                    Check(operation, its, member.Value, at.Into(member.Name), findings);
                }
                else if (open.ValueKind == JsonValueKind.Object)
                {
                    Note(at.Pointer.EndsWith("/context", StringComparison.Ordinal), Problem.Key, member.Name);
                    Check(operation, open, member.Value, at.Into("*"), findings);
                }
                else
                {
                    // An object of which the schema names no member at all may hold anything.
                    Note(known.ValueKind == JsonValueKind.Object && known.EnumerateObject().Any(), Problem.Unknown, member.Name);
                }
            }
        }

        void Note(bool wrong, Problem problem, string? member = null)
        {
            if (wrong)
            {
                var place = member is null ? at : at.Into(member);
                findings.Add(new(place.Schema, place.Pointer, problem));
            }
        }
    }

    static string[] Segments(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    static bool Fits(string[] pattern, string[] path) => pattern.Length == path.Length && pattern.Zip(path).All(pair => Fits(pair));

    static bool Fits((string Pattern, string Path) segment) =>
        segment.Pattern[0] == '{' || Spellings.GetValueOrDefault(segment.Pattern, []).Append(segment.Pattern).Contains(segment.Path, StringComparer.OrdinalIgnoreCase);

    static bool HasFormat(string format, JsonElement value) => format switch
    {
        "int32" => value.TryGetInt32(out _),
        "int64" => value.TryGetInt64(out _),
        "double" => value.TryGetDouble(out _),
        "uuid" => Guid.TryParseExact(value.GetString(), "D", out _),
        "date-time" => Moment().IsMatch(value.GetString()!) && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, out _),
        _ => throw new NotSupportedException($"the format {format}, which PublishedApi does not know yet"),
    };

    static string NameOf(JsonElement reference) => reference.TryGetProperty("$ref", out var name) ? name.GetString()!.Split('/')[^1] : "";

    static PublishedApi? Load()
    {
        var named = Environment.GetEnvironmentVariable("DOCKET_REFERENCE");
        var folder = string.IsNullOrEmpty(named) ? Path.GetFullPath(Path.Combine(House.Root, "..", "shared", "reference", "openapi")) : named;
        if (!Directory.Exists(folder))
        {
            return string.IsNullOrEmpty(named) ? null : throw new DirectoryNotFoundException($"DOCKET_REFERENCE names {named}, which is no folder");
        }

        // Where two files have the same path, the one made for tickets decides: the sort is stable and MaxBy takes the first.
        var files = Directory.GetFiles(folder, "*.json").Order(StringComparer.Ordinal).OrderByDescending(file => Path.GetFileName(file).StartsWith("tickets-", StringComparison.Ordinal));
        return new([.. files.SelectMany(file => Operations(JsonDocument.Parse(File.ReadAllBytes(file)).RootElement))]);
    }

    static IEnumerable<Operation> Operations(JsonElement root) =>
        from path in root.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select new Operation(operation.Name.ToUpperInvariant(), path.Name, operation.Value.GetProperty("responses"), root.GetProperty("components"));

    // RFC 3339, as the format says.
    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex Moment();

    /// <summary>One method of one path of one file.</summary>
    public sealed record Operation(string Method, string Path, JsonElement Responses, JsonElement Components)
    {
        readonly string[] segments = Segments(Path);

        public int Literals => segments.Count(segment => segment[0] != '{');

        public JsonElement Schemas => Components.GetProperty("schemas");

        public bool Fits(string method, string[] request) => method == Method && PublishedApi.Fits(segments, request);

        /// <summary>The response of a status. A success that is not listed counts as the first that is, and has no body where none is; any other status is <c>default</c>.</summary>
        public JsonElement ResponseOf(int status, out bool listed)
        {
            listed = Responses.TryGetProperty(status.ToString(), out var response) || status >= 300;
            if (response.ValueKind == JsonValueKind.Undefined)
            {
                response = listed ? Responses.GetProperty("default") : Responses.EnumerateObject().FirstOrDefault(other => other.Name[0] == '2') is { Value.ValueKind: not JsonValueKind.Undefined } success ? success.Value : default;
            }

            return response.ValueKind == JsonValueKind.Object && response.TryGetProperty("$ref", out _) ? Components.GetProperty("responses").GetProperty(NameOf(response)) : response;
        }
    }

    /// <summary>A place in an answer: the schema that describes it, and a JSON pointer from there with <c>*</c> for any entry or key.</summary>
    readonly record struct Place(string Schema, string Pointer)
    {
        public Place Into(string name) => this with { Pointer = $"{Pointer}/{name}" };
    }
}

/// <summary>The deviations of an answer from its schema.</summary>
internal enum Problem
{
    /// <summary>A required member is absent.</summary>
    Missing,

    /// <summary>A member that the schema does not have.</summary>
    Unknown,

    /// <summary>A key of a <c>context</c>: the schema takes any, so that each is listed with where it comes from.</summary>
    Key,

    Null,
    Type,
    Enum,
    Format,

    /// <summary>A success that the operation does not list.</summary>
    Status,

    /// <summary>A body where there is none, or one that is not JSON or repeats a name.</summary>
    Body,
}

/// <summary>One thing that an answer has against the schema named, at a JSON pointer from it.</summary>
internal sealed record Finding(string Schema, string Pointer, Problem Problem)
{
    public override string ToString() => $"{Problem} at {Schema} {Pointer}";
}
