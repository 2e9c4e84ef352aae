using System.Collections.Immutable;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Schemas;

/// <summary>The Properties API (reference/properties-pipelines-search-associations.md 1.1).</summary>
internal static class PropertyRoutes
{
    /// <summary>Largest batch (1.1 [decide]).</summary>
    const int InputsMax = 100;

    /// <summary>Maps the endpoints below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var properties = routes.MapGroup(prefix);
        properties.MapGet("", ListAsync).Needs(Right.ReadSchema);
        properties.MapPost("", CreateAsync).Needs(Right.WriteSchema);
        properties.MapGet("/{name}", ReadAsync).Needs(Right.ReadSchema);
        properties.MapPatch("/{name}", UpdateAsync).Needs(Right.WriteSchema);
        properties.MapDelete("/{name}", ArchiveAsync).Needs(Right.WriteSchema);
        properties.MapPost("/batch/create", CreateBatchAsync).Needs(Right.WriteSchema);
        properties.MapPost("/batch/read", ReadBatchAsync).Needs(Right.ReadSchema);
        properties.MapPost("/batch/archive", ArchiveBatchAsync).Needs(Right.WriteSchema);
        properties.MapGet("/groups", ListGroupsAsync).Needs(Right.ReadSchema);
        properties.MapPost("/groups", CreateGroupAsync).Needs(Right.WriteSchema);
        properties.MapGet("/groups/{name}", ReadGroupAsync).Needs(Right.ReadSchema);
        properties.MapPatch("/groups/{name}", UpdateGroupAsync).Needs(Right.WriteSchema);
        properties.MapDelete("/groups/{name}", DeleteGroupAsync).Needs(Right.WriteSchema);
    }

    static Task ListAsync(HttpContext http)
    {
        var named = http.QueryNames("properties");
        var found = Properties(http.Call(), http.QueryFlag("archived")).Values
            .Select(property => WithStages(http.Call(), property.Definition))
            .Where(definition => definition.DataSensitivity == Sensitivity(http) && (named.IsEmpty || named.Contains(definition.Name)));
        return SchemaResponse.ListAsync(http, found, SchemaJson.Default.PropertyDefinition);
    }

    static async Task CreateAsync(HttpContext http)
    {
        var input = await RequestBody.ReadJsonAsync(http, InputJson.PropertyCreate);
        var created = await http.Call().EditAsync((content, edit) => PropertyRules.Create(content, input, edit));
        await SchemaResponse.CreatedAsync(http, created.Name, created, SchemaJson.Default.PropertyDefinition);
    }

    static Task ReadAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        var found = Find(http.Call(), name, http.QueryFlag("archived"), Sensitivity(http)) ?? throw new Refusal(Faults.PropertyNotFound(name));
        return SchemaResponse.OneAsync(http, found, SchemaJson.Default.PropertyDefinition);
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        var input = await RequestBody.ReadJsonAsync(http, InputJson.PropertyUpdate);
        var updated = await http.Call().EditAsync((content, edit) => PropertyRules.Update(content, name, input, edit));
        await SchemaResponse.OneAsync(http, updated, SchemaJson.Default.PropertyDefinition);
    }

    static async Task ArchiveAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        await http.Call().EditAsync((content, edit) => PropertyRules.Archive(content, name, edit));
        SchemaResponse.Nothing(http);
    }

    static async Task CreateBatchAsync(HttpContext http)
    {
        var inputs = Inputs(await RequestBody.ReadJsonAsync(http, InputJson.PropertyCreates));
        var results = await http.Call().EditAsync((content, edit) => PropertyRules.CreateAll(content, inputs, edit));
        await SchemaResponse.BatchAsync(http, StatusCodes.Status201Created, [.. results.Select(WithoutOrigin)]);
    }

    static async Task ReadBatchAsync(HttpContext http)
    {
        var batch = await RequestBody.ReadJsonAsync(http, InputJson.PropertyNames);
        var results = Inputs(batch).Select(input =>
        {
            var found = Find(http.Call(), input.Name!, batch.Archived ?? false, batch.DataSensitivity ?? PropertyRules.NotSensitive);
            return new PropertyResult(input.Name!, found, found is null ? Faults.PropertyNotFound(input.Name!) : null);
        });
        await SchemaResponse.BatchAsync(http, StatusCodes.Status200OK, [.. results]);
    }

    static async Task ArchiveBatchAsync(HttpContext http)
    {
        var names = Inputs(await RequestBody.ReadJsonAsync(http, InputJson.PropertyNames)).Select(input => input.Name!);
        await http.Call().EditAsync((content, edit) => PropertyRules.ArchiveAll(content, names, edit));
        SchemaResponse.Nothing(http);
    }

    static Task ListGroupsAsync(HttpContext http) =>
        SchemaResponse.ListAsync(http, http.Call().Schema.Content.Groups, SchemaJson.Default.PropertyGroup);

    static async Task CreateGroupAsync(HttpContext http)
    {
        var input = await RequestBody.ReadJsonAsync(http, InputJson.GroupCreate);
        var created = await http.Call().EditAsync((content, _) => GroupRules.Create(content, input));
        await SchemaResponse.CreatedAsync(http, created.Name, created, SchemaJson.Default.PropertyGroup);
    }

    static Task ReadGroupAsync(HttpContext http) =>
        SchemaResponse.OneAsync(http, GroupRules.Find(http.Call().Schema.Content, http.LastPathSegment()), SchemaJson.Default.PropertyGroup);

    static async Task UpdateGroupAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        var input = await RequestBody.ReadJsonAsync(http, InputJson.GroupUpdate);
        var updated = await http.Call().EditAsync((content, _) => GroupRules.Update(content, name, input));
        await SchemaResponse.OneAsync(http, updated, SchemaJson.Default.PropertyGroup);
    }

    static async Task DeleteGroupAsync(HttpContext http)
    {
        var name = http.LastPathSegment();
        await http.Call().EditAsync((content, _) => GroupRules.Delete(content, name));
        SchemaResponse.Nothing(http);
    }

    /// <summary>The properties of the type of a call that are not archived, without those for sensitive data.</summary>
    public static IEnumerable<PropertyDefinition> All(Call call) =>
        Properties(call, archived: false).Values.Select(property => WithStages(call, property.Definition)).Where(definition => definition.DataSensitivity == PropertyRules.NotSensitive);

    static ImmutableSortedDictionary<string, NumberedProperty> Properties(Call call, bool archived) =>
        archived ? call.Schema.Content.ArchivedProperties : call.Schema.Content.Properties;

    static PropertyDefinition? Find(Call call, string name, bool archived, string sensitivity) =>
        Properties(call, archived).GetValueOrDefault(name)?.Definition is { } found && found.DataSensitivity == sensitivity ? WithStages(call, found) : null;

    // Some types list their pipelines and stages as options: see StageRules.ListsOptions. A lifecycle lists its stages.
    static PropertyDefinition WithStages(Call call, PropertyDefinition definition) => call.Type.Stages is not { } stages || !(stages.ListsOptions || stages.IsLifecycle) ? definition
        : definition.Name == stages.Pipeline && stages.ListsOptions ? definition with { Options = [.. call.Schema.Pipelines.Select((pipeline, place) => Option(pipeline.Id, pipeline.Label, place))] }
        : definition.Name == stages.Stage ? definition with { Options = [.. call.Schema.Pipelines.SelectMany(pipeline => pipeline.Stages).Select((stage, place) => Option(stage.Id, stage.Label, place))] }
        : definition;

    static PropertyOption Option(string value, string label, int place) => new() { Value = value, Label = label, DisplayOrder = place };

    // The answer to batch/create lacks these (1.8).
    static PropertyResult WithoutOrigin(PropertyResult result) => result with
    {
        Definition = result.Definition is { } created
            ? created with { CreatedAt = null, UpdatedAt = null, CreatedUserId = null, Archived = null }
            : null,
    };

    static List<T> Inputs<T>(Batch<T> batch) => batch.Inputs switch
    {
        null or [] => throw new Refusal(Faults.NoInputs()),
        { Count: > InputsMax } => throw new Refusal(Faults.TooManyInputs(InputsMax)),
        var inputs => inputs,
    };

    static string Sensitivity(HttpContext http) =>
        http.Request.Query["dataSensitivity"].ToString() is { Length: > 0 } sensitivity ? sensitivity : PropertyRules.NotSensitive;
}
