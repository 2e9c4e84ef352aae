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
    static readonly JsonEncodedText StartedAt = JsonEncodedText.Encode("startedAt"), CompletedAt = JsonEncodedText.Encode("completedAt");

    public static Task OneAsync<T>(HttpContext http, T thing, JsonTypeInfo<T> shape) => OneAsync(http, StatusCodes.Status200OK, thing, shape);

    /// <summary>201, with the place of what was created.</summary>
    public static Task CreatedAsync<T>(HttpContext http, string name, T created, JsonTypeInfo<T> shape)
    {
        var request = http.Request;
        http.Response.Headers.Location = $"{request.Scheme}://{request.Host}{request.Path.ToUriComponent().TrimEnd('/')}/{Uri.EscapeDataString(name)}";
        return OneAsync(http, StatusCodes.Status201Created, created, shape);
    }

    public static Task ListAsync<T>(HttpContext http, IEnumerable<T> things, JsonTypeInfo<T> shape) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (things, shape), static (json, list) =>
        {
            json.WriteStartObject();
            json.WriteStartArray("results");
            foreach (var thing in list.things)
            {
                JsonSerializer.Serialize(json, thing, list.shape);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });

    public static Task AuditAsync(HttpContext http, IEnumerable<PipelineAudit> entries, long portalId) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (entries, portalId), static (json, list) =>
        {
            json.WriteStartObject();
            json.WriteStartArray("results");
            foreach (var entry in list.entries)
            {
                PipelineTrail.WriteEntry(json, entry, list.portalId);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });

    /// <summary>The answer to a batch: <paramref name="status"/>, or 207 when some inputs failed; each of those names its property.</summary>
    public static Task BatchAsync(HttpContext http, int status, ImmutableArray<PropertyResult> results, TimeProvider clock)
    {
        var completedAt = Instant.Now(clock);
        var failed = results.Count(result => result.Error is not null);
        return Wire.RespondAsync(http.Response, failed == 0 ? status : StatusCodes.Status207MultiStatus, (results, failed, http.Call().StartedAt, completedAt), static (json, batch) =>
        {
            json.WriteStartObject();
            json.WriteString("status", "COMPLETE");
            json.WriteStartArray("results");
            foreach (var result in batch.results)
            {
                if (result.Definition is { } definition)
                {
                    JsonSerializer.Serialize(json, definition, SchemaJson.Default.PropertyDefinition);
                }
            }

            json.WriteEndArray();
            if (batch.failed > 0)
            {
                json.WriteNumber("numErrors", batch.failed);
                json.WriteStartArray("errors");
                for (var index = 0; index < batch.results.Length; index++)
                {
                    if (batch.results[index] is { Error: { } error, Name: var name })
                    {
                        WriteError(json, index, name, error);
                    }
                }

                json.WriteEndArray();
            }

            Wire.WriteInstant(json, StartedAt, batch.StartedAt);
            Wire.WriteInstant(json, CompletedAt, batch.completedAt);
            json.WriteEndObject();
        });
    }

    public static void Nothing(HttpContext http) => http.Response.StatusCode = StatusCodes.Status204NoContent;

    static Task OneAsync<T>(HttpContext http, int status, T thing, JsonTypeInfo<T> shape) =>
        Wire.RespondAsync(http.Response, status, (thing, shape), static (json, one) => JsonSerializer.Serialize(json, one.thing, one.shape));

    // Key order of the recorded item (1.8); the index in context is ours.
    static void WriteError(Utf8JsonWriter json, int index, string name, Error error)
    {
        json.WriteStartObject();
        json.WriteString("status", "error");
        json.WriteString("category", error.Category);
        if (error.SubCategory is { } subCategory)
        {
            json.WriteString("subCategory", subCategory);
        }

        json.WriteString("message", error.Message);
        Wire.WriteContext(json, [("name", [name]), ("index", [index.ToString()]), .. error.Context]);
        json.WriteEndObject();
    }
}
