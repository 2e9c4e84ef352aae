using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.Schemas;

/// <summary>The answers of this room (reference/properties-pipelines-search-associations.md 1.1, 1.8, 3.1).</summary>
internal static class SchemaResponse
{
    public static Task OneAsync<T>(HttpContext http, T thing, JsonTypeInfo<T> shape) => OneAsync(http, StatusCodes.Status200OK, thing, shape);

    /// <summary>201, with the location of what was created.</summary>
    public static Task CreatedAsync<T>(HttpContext http, string name, T created, JsonTypeInfo<T> shape)
    {
        Wire.SetLocation(http, name);
        return OneAsync(http, StatusCodes.Status201Created, created, shape);
    }

    public static Task ListAsync<T>(HttpContext http, IEnumerable<T> things, JsonTypeInfo<T> shape) =>
        Wire.RespondListAsync(http.Response, things, (json, thing) => JsonSerializer.Serialize(json, thing, shape));

    public static Task AuditAsync(HttpContext http, IEnumerable<PipelineAudit> entries, long portalId) =>
        Wire.RespondListAsync(http.Response, entries, (json, entry) => PipelineTrail.WriteEntry(json, entry, portalId));

    /// <summary>The answer to a batch: <paramref name="status"/>, or 207 if some inputs failed. Each error names its property (1.8).</summary>
    public static Task BatchAsync(HttpContext http, int status, ImmutableArray<PropertyResult> results)
    {
        var errors = results.Index().Where(result => result.Item.Error is not null).Select(result =>
        {
            var (index, (name, _, error)) = result;
            return new RowError(error!.Category, error.SubCategory, error.Message, [("name", [name]), ("index", [index.ToString()]), .. error.Context]);
        });
        return BatchEnvelope.RespondAsync(http, status, [.. errors], results, static (json, results) =>
        {
            foreach (var result in results)
            {
                if (result.Definition is { } definition)
                {
                    JsonSerializer.Serialize(json, definition, SchemaJson.Default.PropertyDefinition);
                }
            }
        });
    }

    public static void Nothing(HttpContext http) => http.Response.StatusCode = StatusCodes.Status204NoContent;

    static Task OneAsync<T>(HttpContext http, int status, T thing, JsonTypeInfo<T> shape) =>
        Wire.RespondAsync(http.Response, status, (thing, shape), static (json, one) => JsonSerializer.Serialize(json, one.thing, one.shape));
}
