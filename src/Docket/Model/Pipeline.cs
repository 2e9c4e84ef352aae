using System.Collections.Immutable;

namespace Docket.Model;

/// <summary>A pipeline: the ordered stages a ticket goes through. Members stand in the wire's key order.</summary>
internal sealed record Pipeline
{
    public required string Label { get; init; }

    public int DisplayOrder { get; init; }

    public required string Id { get; init; }

    /// <summary>Ascending by display order.</summary>
    public ImmutableArray<Stage> Stages { get; init; } = [];

    public long CreatedAt { get; init; }

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

    public long CreatedAt { get; init; }

    public long UpdatedAt { get; init; }

    public string WritePermissions { get; init; } = "CRM_PERMISSIONS_ENFORCEMENT";

    public bool Archived { get; init; }
}

/// <summary>What a stage means. Both are text on the wire; <see cref="IsClosed"/> follows from <see cref="TicketState"/>.</summary>
internal sealed record StageMetadata(string TicketState)
{
    public const string Open = "OPEN", Closed = "CLOSED";

    public string IsClosed => TicketState == Closed ? "true" : "false";
}
