using System.Collections.Immutable;
using System.Text;

namespace Docket.Model;

/// <summary>A property definition with its number, active or archived.</summary>
internal sealed record NumberedProperty(int Number, PropertyDefinition Definition);

/// <summary>What a portal keeps of a schema: definitions, groups and pipelines. Plain data; <see cref="Schema"/> is built from it.</summary>
internal sealed record SchemaContent(
    ImmutableSortedDictionary<string, NumberedProperty> Properties,
    ImmutableSortedDictionary<string, NumberedProperty> ArchivedProperties,
    ImmutableArray<PropertyGroup> Groups,
    ImmutableArray<Pipeline> Pipelines,
    int LastNumber)
{
    /// <summary>Every change of a pipeline or stage, oldest first. Entries are only ever added, at the end.</summary>
    public ImmutableArray<PipelineAudit> Audit { get; init; } = [];
}

/// <summary>
/// The immutable snapshot of one object type's properties and pipelines in one portal, against which a request is
/// validated and by which values are read.
/// </summary>
internal sealed class Schema
{
    readonly Dictionary<string, Property>.AlternateLookup<ReadOnlySpan<byte>> byName;
    readonly Property?[] byNumber, archivedByNumber;
    readonly Dictionary<string, StagePlace>.AlternateLookup<ReadOnlySpan<byte>> stages;

    public Schema(ObjectType type, SchemaContent content)
    {
        Type = type;
        Content = content;
        Properties = [.. content.Properties.Values.Select((entry, rank) => new Property(entry.Definition, entry.Number, rank))];
        byNumber = new Property?[content.LastNumber + 1];
        archivedByNumber = new Property?[content.LastNumber + 1];
        foreach (var archived in content.ArchivedProperties.Values)
        {
            archivedByNumber[archived.Number] = new Property(archived.Definition, archived.Number, rank: -1);
        }

        byName = new Dictionary<string, Property>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var property in Properties)
        {
            byNumber[property.Number] = property;
            byName.Dictionary[property.Name] = property;
        }

        stages = new Dictionary<string, StagePlace>(Utf8Names.Comparer).GetAlternateLookup<ReadOnlySpan<byte>>();
        foreach (var pipeline in content.Pipelines)
        {
            var utf8PipelineId = Encoding.UTF8.GetBytes(pipeline.Id);
            foreach (var stage in pipeline.Stages)
            {
                stages.Dictionary[stage.Id] = LinkStage(pipeline, utf8PipelineId, stage);
            }
        }

        Pipeline = Require("hs_pipeline");
        Stage = Require("hs_pipeline_stage");
        CreateDate = Require("createdate");
        HubSpotCreateDate = Require("hs_createdate");
        ClosedDate = Require("closed_date");
        TimeToClose = Require("time_to_close");
        LastClosedDate = Require("hs_last_closed_date");
        ReopenedAt = Require("hs_ticket_reopened_at");
        RecordId = Require("hs_object_id");
        MergedIds = Require("hs_merged_object_ids");
        ReadAlways = SetOf("createdate", "hs_lastmodifieddate", "hs_object_id");
        ReadDefault = SetOf(
            "content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage",
            "hs_ticket_category", "hs_ticket_priority", "subject");
        AfterUpdate = SetOf(
            "createdate", "hs_is_closed", "hs_lastmodifieddate", "hs_object_id", "hs_object_source", "hs_object_source_id",
            "hs_object_source_label", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_id",
            "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage");
        AfterMerge = AfterUpdate.Copy();
        foreach (var name in (string[])["content", "hs_merged_object_ids", "hs_ticket_category", "hs_ticket_priority", "subject"])
        {
            AfterMerge.Add(Require(name));
        }

        AfterCreate = AfterUpdate.Copy();
        foreach (var name in (string[])["hs_num_associated_companies", "hs_num_associated_conversations", "hs_num_times_contacted", "num_notes"])
        {
            AfterCreate.Add(Require(name));
        }
    }

    public ObjectType Type { get; }

    public SchemaContent Content { get; }

    /// <summary>The active properties in alphabetical order; the index of each is its rank.</summary>
    public ImmutableArray<Property> Properties { get; }

    public ImmutableArray<Pipeline> Pipelines => Content.Pipelines;

    public Property Pipeline { get; }

    public Property Stage { get; }

    public Property CreateDate { get; }

    public Property HubSpotCreateDate { get; }

    public Property ClosedDate { get; }

    public Property TimeToClose { get; }

    public Property LastClosedDate { get; }

    public Property ReopenedAt { get; }

    public Property RecordId { get; }

    /// <summary>The ids of the records that were merged into one.</summary>
    public Property MergedIds { get; }

    /// <summary>What a read always gives (reference/objects-and-batch.md 4.3).</summary>
    public PropertySet ReadAlways { get; }

    /// <summary>What a read gives when it names no properties (reference/objects-and-batch.md 0).</summary>
    public PropertySet ReadDefault { get; }

    /// <summary>What the answer to an update gives besides the written properties (reference/properties-pipelines-search-associations.md 2.5).</summary>
    public PropertySet AfterUpdate { get; }

    /// <summary>What the answer to a merge gives: what updates and what reads give by themselves, and the ids that were merged.</summary>
    public PropertySet AfterMerge { get; }

    /// <summary>What the answer to a create gives besides the written properties (reference/objects-and-batch.md 4.2).</summary>
    public PropertySet AfterCreate { get; }

    public Property? Find(ReadOnlySpan<byte> utf8Name) => byName.TryGetValue(utf8Name, out var property) ? property : null;

    public Property? Find(string name) => byName.Dictionary.GetValueOrDefault(name);

    /// <summary>The property that stored values carry as <paramref name="number"/>; <c>null</c> while it is archived.</summary>
    public Property? FindNumber(int number) => number < byNumber.Length ? byNumber[number] : null;

    /// <summary>As <see cref="FindNumber"/>, archived ones too: what is stored of them must still be kept in order. Those have no rank.</summary>
    public Property? FindNumberEvenArchived(int number) => FindNumber(number) ?? (number < archivedByNumber.Length ? archivedByNumber[number] : null);

    public Pipeline? FindPipeline(ReadOnlySpan<byte> utf8Id)
    {
        foreach (var pipeline in Content.Pipelines)
        {
            if (Utf8Names.Comparer.Equals(utf8Id, pipeline.Id))
            {
                return pipeline;
            }
        }

        return null;
    }

    /// <summary>Where a stage stands; <c>null</c> for a stage that is gone or never was.</summary>
    public StagePlace? FindStage(ReadOnlySpan<byte> utf8Id) => stages.TryGetValue(utf8Id, out var place) ? place : null;

    PropertySet SetOf(params ReadOnlySpan<string> names)
    {
        var set = new PropertySet(this);
        foreach (var name in names)
        {
            set.Add(Require(name));
        }

        return set;
    }

    Property Require(string name) =>
        Find(name) ?? throw new InvalidOperationException($"The schema of {Type.Plural} has no property {name}.");

    // The seven properties of a stage (reference/properties-pipelines-search-associations.md 2.3): four are stored, the three older spellings follow.
    StagePlace LinkStage(Pipeline pipeline, byte[] utf8PipelineId, Stage stage)
    {
        var name = StageProperties.NameOf(stage.Id);
        var place = new StagePlace(
            pipeline, stage, Encoding.UTF8.GetBytes(stage.Id), utf8PipelineId,
            Require(StageProperties.Entered + name), Require(StageProperties.Exited + name),
            Require(StageProperties.CumulativeTime + name), Require(StageProperties.LatestTime + name));
        place.Entered.BelongTo(place, Derivation.None, null);
        place.Exited.BelongTo(place, Derivation.None, null);
        place.CumulativeTime.BelongTo(place, Derivation.None, null);
        place.LatestTime.BelongTo(place, Derivation.None, null);
        Require(StageProperties.OlderEntered + name).BelongTo(place, Derivation.SameAsOrigin, place.Entered);
        Require(StageProperties.OlderExited + name).BelongTo(place, Derivation.SameAsOrigin, place.Exited);
        Require(StageProperties.OlderTime + name).BelongTo(place, Derivation.TimeInStage, place.CumulativeTime);
        return place;
    }
}

/// <summary>A stage in its pipeline, with the stored properties that tell when a record was in it.</summary>
internal sealed record StagePlace(
    Pipeline Pipeline, Stage Stage, byte[] Utf8Id, byte[] Utf8PipelineId,
    Property Entered, Property Exited, Property CumulativeTime, Property LatestTime)
{
    public bool IsClosed => Stage.Metadata.TicketState == StageMetadata.Closed;
}
