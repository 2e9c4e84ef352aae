using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Schemas;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>
/// Pipelines of version 1 and properties of versions 1 and 2, with which n8n's HubSpot node fills its lists of choices:
/// <c>n8n-nodes-base</c> 2.41, <c>nodes/Hubspot/V2/HubspotV2.node.js</c>. Read only; times are milliseconds since 1970.
/// </summary>
internal static class SchemaRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/crm-pipelines/v1/pipelines/{objectType}", ListPipelinesAsync).Needs(Right.ReadSchema);
        routes.MapGet("/companies/v2/properties", ListPropertiesAsync).Needs(Right.ReadSchema, "companies");
        routes.MapGet("/deals/v1/pipelines", http => RespondArrayAsync(http, PipelineRoutes.All(http.Call()), WriteDealPipeline)).Needs(Right.ReadSchema, "deals");
        routes.MapGet("/deals/v1/pipelines/{pipelineId}", ReadDealPipelineAsync).Needs(Right.ReadSchema, "deals");
        foreach (var version in (string[])["v1", "v2"])
        {
            routes.MapGet($"/properties/{version}/{{objectType}}/properties", ListPropertiesAsync).Needs(Right.ReadSchema);
            routes.MapGet($"/properties/{version}/{{objectType}}/properties/named/{{name}}", ReadPropertyAsync).Needs(Right.ReadSchema);
        }
    }

    static Task ListPipelinesAsync(HttpContext http) => Wire.RespondListAsync(http.Response, PipelineRoutes.All(http.Call()), (json, pipeline) =>
    {
        json.WriteStartObject();
        json.WriteString("pipelineId", pipeline.Id);
        WriteChanges(json, pipeline.CreatedAt, pipeline.UpdatedAt);
        json.WriteString("objectType", http.Call().Type.LegacyName);
        json.WriteString("objectTypeId", http.Call().Type.Id);
        WritePlace(json, pipeline.Label, pipeline.DisplayOrder, pipeline.Archived);
        json.WriteStartArray("stages");
        foreach (var stage in pipeline.Stages)
        {
            json.WriteStartObject();
            json.WriteString("stageId", stage.Id);
            WriteChanges(json, stage.CreatedAt, stage.UpdatedAt);
            WritePlace(json, stage.Label, stage.DisplayOrder, stage.Archived);
            json.WritePropertyName("metadata");
            JsonSerializer.Serialize(json, stage.Metadata, SchemaJson.Default.StageMetadata);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    static Task ListPropertiesAsync(HttpContext http) => RespondArrayAsync(http, PropertyRoutes.All(http.Call()), WriteProperty);

    // A bare array, unlike all newer lists.
    static Task RespondArrayAsync<T>(HttpContext http, IEnumerable<T> definitions, Action<Utf8JsonWriter, T> write) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (definitions, write), static (json, list) =>
    {
        json.WriteStartArray();
        foreach (var definition in list.definitions)
        {
            list.write(json, definition);
        }

        json.WriteEndArray();
    });

    static Task ReadDealPipelineAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, PipelineRoutes.All(http.Call()).FirstOrDefault(pipeline => pipeline.Id == id) ?? throw new Refusal(Faults.ResourceNotFound()), WriteDealPipeline);
    }

    // As Singer's tap-hubspot reads them: a deal in a stage with the probability 1 is won.
    static void WriteDealPipeline(Utf8JsonWriter json, Pipeline pipeline)
    {
        json.WriteStartObject();
        json.WriteString("pipelineId", pipeline.Id);
        WritePlace(json, pipeline.Label, pipeline.DisplayOrder, pipeline.Archived);
        json.WriteBoolean("staticDefault", pipeline.Id == "default");
        json.WriteStartArray("stages");
        foreach (var stage in pipeline.Stages)
        {
            json.WriteStartObject();
            json.WriteString("stageId", stage.Id);
            WritePlace(json, stage.Label, stage.DisplayOrder, stage.Archived);
            if (double.TryParse(stage.Metadata["probability"], out var probability))
            {
                json.WriteNumber("probability", probability);
                json.WriteBoolean("closedWon", probability == 1);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    static Task ReadPropertyAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, PropertyRoutes.All(http.Call()).FirstOrDefault(definition => definition.Name == name) ?? throw new Refusal(Faults.PropertyNotFound(name)), WriteProperty);
    }

    static void WriteProperty(Utf8JsonWriter json, PropertyDefinition definition)
    {
        json.WriteStartObject();
        json.WriteString("name", definition.Name);
        json.WriteString("label", definition.Label);
        json.WriteString("description", definition.Description);
        json.WriteString("groupName", definition.GroupName);
        json.WriteString("type", definition.Type);
        json.WriteString("fieldType", definition.FieldType);
        json.WriteNumber("displayOrder", definition.DisplayOrder);
        json.WriteBoolean("hidden", definition.Hidden);
        json.WriteBoolean("formField", definition.FormField);
        json.WriteBoolean("calculated", definition.Calculated);
        json.WriteBoolean("externalOptions", definition.ExternalOptions);
        json.WriteBoolean("hasUniqueValue", definition.HasUniqueValue);
        json.WriteBoolean("hubspotDefined", definition.HubspotDefined ?? false);
        json.WriteBoolean("readOnlyValue", definition.ModificationMetadata.ReadOnlyValue);
        json.WriteBoolean("readOnlyDefinition", definition.ModificationMetadata.ReadOnlyDefinition);
        WriteChanges(json, definition.CreatedAt, definition.UpdatedAt);
        json.WriteStartArray("options");
        foreach (var option in definition.Options)
        {
            json.WriteStartObject();
            json.WriteString("label", option.Label);
            json.WriteString("value", option.Value);
            json.WriteString("description", option.Description);
            json.WriteNumber("displayOrder", option.DisplayOrder);
            json.WriteBoolean("hidden", option.Hidden);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    static void WritePlace(Utf8JsonWriter json, string label, int displayOrder, bool archived)
    {
        json.WriteString("label", label);
        json.WriteNumber("displayOrder", displayOrder);
        json.WriteBoolean("active", !archived);
    }

    static void WriteChanges(Utf8JsonWriter json, long? createdAt, long? updatedAt)
    {
        if (createdAt is { } created)
        {
            json.WriteNumber("createdAt", created);
        }

        if (updatedAt is { } updated)
        {
            json.WriteNumber("updatedAt", updated);
        }
    }
}
