using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Schemas;

/// <summary>The Pipelines API (reference/properties-pipelines-search-associations.md 3.1).</summary>
internal static class PipelineRoutes
{
    // Three official clients send this instead of the pipeline's id in requests for the audit of a stage (HubSpot's specification lacks the parameter).
    const string PipelineTemplate = "{pipelineId}";

    /// <summary>Maps the endpoints below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var pipelines = routes.MapGroup(prefix);
        pipelines.MapGet("", ListAsync).Needs(Right.ReadSchema);
        pipelines.MapPost("", CreateAsync).Needs(Right.WriteSchema);
        pipelines.MapGet("/{pipelineId}", ReadAsync).Needs(Right.ReadSchema);
        pipelines.MapPut("/{pipelineId}", ReplaceAsync).Needs(Right.WriteSchema);
        pipelines.MapPatch("/{pipelineId}", UpdateAsync).Needs(Right.WriteSchema);
        pipelines.MapDelete("/{pipelineId}", DeleteAsync).Needs(Right.WriteSchema);
        pipelines.MapGet("/{pipelineId}/audit", AuditAsync).Needs(Right.ReadSchema);

        var stages = pipelines.MapGroup("/{pipelineId}/stages");
        stages.MapGet("", ListStagesAsync).Needs(Right.ReadSchema);
        stages.MapPost("", CreateStageAsync).Needs(Right.WriteSchema);
        stages.MapGet("/{stageId}", ReadStageAsync).Needs(Right.ReadSchema);
        stages.MapPut("/{stageId}", ReplaceStageAsync).Needs(Right.WriteSchema);
        stages.MapPatch("/{stageId}", UpdateStageAsync).Needs(Right.WriteSchema);
        stages.MapDelete("/{stageId}", DeleteStageAsync).Needs(Right.WriteSchema);
        stages.MapGet("/{stageId}/audit", AuditStageAsync).Needs(Right.ReadSchema);
    }

    // No paging and no archived pipelines: HubSpot has neither (3.1).
    static Task ListAsync(HttpContext http) => SchemaResponse.ListAsync(http, All(http.Call()), SchemaJson.Default.Pipeline);

    /// <summary>The pipelines of the type of a call.</summary>
    /// <exception cref="Refusal">403: the type refuses them.</exception>
    public static IEnumerable<Pipeline> All(Call call) => call.Type is { RefusesPipelines: true } type
        ? throw new Refusal(Faults.MissingScopes(type.Scopes.ReadSchema))
        : call.Schema.Pipelines;

    static async Task CreateAsync(HttpContext http)
    {
        var input = await RequestBody.ReadJsonAsync(http, InputJson.Pipeline(http.Call().Type));
        var created = await http.Call().EditAsync((content, edit) => PipelineRules.Create(content, input, edit));
        await SchemaResponse.CreatedAsync(http, created.Id, created, SchemaJson.Default.Pipeline);
    }

    static Task ReadAsync(HttpContext http) =>
        SchemaResponse.OneAsync(http, PipelineRules.Find(http.Call().Schema.Content, http.LastPathSegment()), SchemaJson.Default.Pipeline);

    static async Task ReplaceAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        var input = await RequestBody.ReadJsonAsync(http, InputJson.Pipeline(http.Call().Type));
        var replaced = await http.Call().EditAsync((content, edit) => PipelineRules.Replace(content, id, input, edit), KeepUsedStages(http));
        await SchemaResponse.OneAsync(http, replaced, SchemaJson.Default.Pipeline);
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        var input = await RequestBody.ReadJsonAsync(http, InputJson.PipelinePatch);
        var updated = await http.Call().EditAsync((content, edit) => PipelineRules.Update(content, id, input, edit), KeepUsedStages(http));
        await SchemaResponse.OneAsync(http, updated, SchemaJson.Default.Pipeline);
    }

    static async Task DeleteAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        await http.Call().EditAsync((content, edit) => PipelineRules.Delete(content, id, edit), KeepUsedStages(http));
        SchemaResponse.Nothing(http);
    }

    // A deleted pipeline still has entries; one that never existed has none.
    static Task AuditAsync(HttpContext http)
    {
        var (call, id) = (http.Call(), http.LastPathSegment(before: 1));
        var entries = PipelineTrail.Of(call.Schema.Content, id, null).ToList();
        if (entries.Count == 0)
        {
            PipelineRules.Find(call.Schema.Content, id);
        }

        return SchemaResponse.AuditAsync(http, entries, call.Caller.PortalId);
    }

    static Task ListStagesAsync(HttpContext http) =>
        SchemaResponse.ListAsync(http, PipelineRules.Find(http.Call().Schema.Content, http.LastPathSegment(before: 1)).Stages, SchemaJson.Default.Stage);

    static async Task CreateStageAsync(HttpContext http)
    {
        var pipelineId = http.LastPathSegment(before: 1);
        var input = await RequestBody.ReadJsonAsync(http, InputJson.Stage(http.Call().Type));
        var created = await http.Call().EditAsync((content, edit) => PipelineRules.CreateStage(content, pipelineId, input, edit));
        await SchemaResponse.CreatedAsync(http, created.Id, created, SchemaJson.Default.Stage);
    }

    static Task ReadStageAsync(HttpContext http)
    {
        var (pipelineId, id) = StagePath(http);
        var pipeline = PipelineRules.Find(http.Call().Schema.Content, pipelineId);
        return SchemaResponse.OneAsync(http, PipelineRules.FindStage(pipeline, id), SchemaJson.Default.Stage);
    }

    static async Task ReplaceStageAsync(HttpContext http)
    {
        var (pipelineId, id) = StagePath(http);
        var input = await RequestBody.ReadJsonAsync(http, InputJson.Stage(http.Call().Type));
        var replaced = await http.Call().EditAsync((content, edit) => PipelineRules.ReplaceStage(content, pipelineId, id, input, edit));
        await SchemaResponse.OneAsync(http, replaced, SchemaJson.Default.Stage);
    }

    static async Task UpdateStageAsync(HttpContext http)
    {
        var (pipelineId, id) = StagePath(http);
        var input = await RequestBody.ReadJsonAsync(http, InputJson.StagePatch(http.Call().Type));
        var updated = await http.Call().EditAsync((content, edit) => PipelineRules.UpdateStage(content, pipelineId, id, input, edit));
        await SchemaResponse.OneAsync(http, updated, SchemaJson.Default.Stage);
    }

    static async Task DeleteStageAsync(HttpContext http)
    {
        var (pipelineId, id) = StagePath(http);
        await http.Call().EditAsync((content, edit) => PipelineRules.DeleteStage(content, pipelineId, id, edit), KeepUsedStages(http));
        SchemaResponse.Nothing(http);
    }

    static Task AuditStageAsync(HttpContext http)
    {
        var (call, pipelineId, id) = (http.Call(), http.LastPathSegment(before: 3), http.LastPathSegment(before: 1));
        var content = call.Schema.Content;
        if (pipelineId == PipelineTemplate)
        {
            pipelineId = PipelineRules.PipelineOf(content, id) ?? throw new Refusal(Faults.StageNotFound(pipelineId, id));
        }

        var entries = PipelineTrail.Of(content, pipelineId, id).ToList();
        if (entries.Count == 0)
        {
            PipelineRules.FindStage(PipelineRules.Find(content, pipelineId), id);
        }

        return SchemaResponse.AuditAsync(http, entries, call.Caller.PortalId);
    }

    static (string PipelineId, string StageId) StagePath(HttpContext http) => (http.LastPathSegment(before: 2), http.LastPathSegment());

    // Either flag turns the check on or off; without one the version decides (3.1, 3.6).
    static bool KeepUsedStages(HttpContext http)
    {
        string[] flags = ["validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete"];
        return flags.Any(http.QueryFlag)
            || (http.Call().Version.KeepsUsedStages && !flags.Any(flag => bool.TryParse(http.Request.Query[flag], out var on) && !on));
    }
}
