using System.Collections.Immutable;
using System.Text;

namespace Docket.Model;

/// <summary>The stages of a schema, and the properties that contain a record's stage: <see cref="StageRules"/> with each name resolved.</summary>
internal sealed class SchemaStages
{
    readonly Dictionary<string, StagePlace>.AlternateLookup<ReadOnlySpan<byte>> byId;
    readonly Dictionary<Property, (StagePlace Place, Property? Origin)> owned = [];

    public SchemaStages(Schema schema, StageRules rules)
    {
        Pipeline = schema.Require(rules.Pipeline);
        Stage = schema.Require(rules.Stage);
        DueDate = rules.DueDate is { } due ? schema.Require(due) : null;
        ClosedDate = rules.ClosedDate is { } closed ? schema.Require(closed) : null;
        LastClosedDate = rules.LastClosedDate is { } last ? schema.Require(last) : null;
        ReopenedAt = rules.ReopenedAt is { } reopened ? schema.Require(reopened) : null;
        AfterMove = [.. rules.AfterMove.Select(schema.Require)];
        byId = new Dictionary<string, StagePlace>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var pipeline in schema.Pipelines)
        {
            var utf8PipelineId = Encoding.UTF8.GetBytes(pipeline.Id);
            foreach (var stage in pipeline.Stages)
            {
                byId.Dictionary[stage.Id] = Link(schema, pipeline, utf8PipelineId, stage);
            }
        }

        All = [.. byId.Dictionary.Values];
    }

    public Property Pipeline { get; }

    public Property Stage { get; }

    /// <summary>See <see cref="StageRules.DueDate"/>.</summary>
    public Property? DueDate { get; }

    /// <summary>See <see cref="StageRules.ClosedDate"/>.</summary>
    public Property? ClosedDate { get; }

    /// <summary>See <see cref="StageRules.LastClosedDate"/>.</summary>
    public Property? LastClosedDate { get; }

    /// <summary>See <see cref="StageRules.ReopenedAt"/>.</summary>
    public Property? ReopenedAt { get; }

    /// <summary>See <see cref="StageRules.AfterMove"/>.</summary>
    public ImmutableArray<Property> AfterMove { get; }

    /// <summary>Every stage of every pipeline.</summary>
    public ImmutableArray<StagePlace> All { get; }

    /// <summary>The stage with an id; <c>null</c> if it was deleted or never existed.</summary>
    public StagePlace? Find(ReadOnlySpan<byte> utf8Id) => byId.TryGetValue(utf8Id, out var place) ? place : null;

    /// <summary>The stage of a property; <c>null</c> if it belongs to none.</summary>
    public StagePlace? PlaceOf(Property property) => owned.TryGetValue(property, out var known) ? known.Place : null;

    /// <summary>The stored property from which a derived one of a stage is calculated.</summary>
    public Property? OriginOf(Property property) => owned.TryGetValue(property, out var known) ? known.Origin : null;

    // The seven properties of a stage (reference/properties-pipelines-search-associations.md 2.3): four are stored, the three older spellings are derived.
    StagePlace Link(Schema schema, Pipeline pipeline, byte[] utf8PipelineId, Stage stage)
    {
        var name = StageProperties.NameOf(schema.Type.Stages, stage.Id);
        var place = new StagePlace(
            pipeline, stage, Encoding.UTF8.GetBytes(stage.Id), utf8PipelineId,
            schema.Require(StageProperties.Entered + name), schema.Require(StageProperties.Exited + name),
            schema.Require(StageProperties.CumulativeTime + name), schema.Require(StageProperties.LatestTime + name));
        foreach (var stored in (ReadOnlySpan<Property>)[place.Entered, place.Exited, place.CumulativeTime, place.LatestTime])
        {
            owned[stored] = (place, null);
        }

        owned[schema.Require(StageProperties.OlderEntered + name)] = (place, place.Entered);
        owned[schema.Require(StageProperties.OlderExited + name)] = (place, place.Exited);
        owned[schema.Require(StageProperties.OlderTime + name)] = (place, place.CumulativeTime);
        if (StageProperties.LifecycleDate(schema.Type.Stages, stage.Id) is { } date)
        {
            owned[schema.Require(date)] = (place, place.Entered);
        }

        return place;
    }
}

/// <summary>A stage in its pipeline, with the stored properties that show when a record was in it.</summary>
internal sealed record StagePlace(
    Pipeline Pipeline, Stage Stage, byte[] Utf8Id, byte[] Utf8PipelineId,
    Property Entered, Property Exited, Property CumulativeTime, Property LatestTime)
{
    public bool IsClosed => Stage.Metadata.IsClosed;

    /// <summary>Whether it comes after another stage of the same pipeline.</summary>
    public bool IsBeyond(StagePlace other) => Pipeline == other.Pipeline && Stage.DisplayOrder > other.Stage.DisplayOrder;
}
