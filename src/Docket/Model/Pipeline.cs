using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Docket.Model;

/// <summary>A pipeline: the ordered stages of a record. Members are in the wire's key order.</summary>
internal sealed record Pipeline
{
    public required string Label { get; init; }

    public int DisplayOrder { get; init; }

    public required string Id { get; init; }

    /// <summary>Ascending by display order.</summary>
    public ImmutableArray<Stage> Stages { get; init; } = [];

    [JsonConverter(typeof(InstantConverter))]
    public long CreatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long UpdatedAt { get; init; }

    public bool Archived { get; init; }

    public Stage? FindStage(string id) => Stages.FirstOrDefault(stage => stage.Id == id);
}

/// <summary>One stage of a pipeline. Stage ids are unique in a portal (reference/properties-pipelines-search-associations.md 3.3).</summary>
internal sealed record Stage
{
    public required string Label { get; init; }

    public int DisplayOrder { get; init; }

    public required StageMetadata Metadata { get; init; }

    public required string Id { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long CreatedAt { get; init; }

    [JsonConverter(typeof(InstantConverter))]
    public long UpdatedAt { get; init; }

    public string WritePermissions { get; init; } = "CRM_PERMISSIONS_ENFORCEMENT";

    public bool Archived { get; init; }
}

/// <summary>One change of a pipeline or of one of its stages, for the audit endpoints (reference/properties-pipelines-search-associations.md 3.7).</summary>
/// <param name="PipelineId">The pipeline.</param>
/// <param name="StageId">The stage, or <c>null</c> if the entry is about the pipeline.</param>
/// <param name="Action"><c>CREATE</c>, <c>UPDATE</c> or <c>DELETE</c>.</param>
/// <param name="Timestamp">Milliseconds since 1970.</param>
/// <param name="UserId">The user, as in a definition's <c>updatedUserId</c>.</param>
/// <param name="RawObject">The pipeline or stage after the change, or as it was when deleted: JSON as a string.</param>
internal sealed record PipelineAudit(string PipelineId, string? StageId, string Action, long Timestamp, string UserId, string RawObject)
{
    public const string Create = "CREATE", Update = "UPDATE", Delete = "DELETE";
}
