using System.Collections.Immutable;

namespace Docket.Model.Types;

/// <summary>The lifecycle stages of contacts and companies: stages of a pipeline, which a record passes in one direction (reference/objects-other-than-tickets.md 2.5).</summary>
internal static class Lifecycle
{
    /// <summary>The property with the stage.</summary>
    public const string Stage = "lifecyclestage";

    /// <summary>The property with the pipeline.</summary>
    public const string Pipeline = "hs_pipeline";

    const string Entered = "hs_v2_date_entered_current_stage", Time = "hs_v2_time_in_current_stage";

    /// <summary>What every answer to a write shows of it.</summary>
    public static readonly ImmutableArray<string> Shown = [Entered, Time, Pipeline, Stage];

    /// <summary>What is derived from it.</summary>
    public static readonly ImmutableDictionary<string, Derivation> Derived =
        ImmutableDictionary.CreateRange([KeyValuePair.Create(Entered, Derivation.CurrentStageEntered), new(Time, Derivation.CurrentStageEntered)]);

    const string Open = "OPEN", Closed = "CLOSED";

    static readonly byte[] First = "lead"u8.ToArray();

    static readonly ImmutableArray<(string Id, string Label)> Stages =
    [
        ("subscriber", "Subscriber"), ("lead", "Lead"), ("marketingqualifiedlead", "Marketing Qualified Lead"), ("salesqualifiedlead", "Sales Qualified Lead"),
        ("opportunity", "Opportunity"), ("customer", "Customer"), ("evangelist", "Evangelist"), ("other", "Other"),
    ];

    /// <summary>The rules of the stages.</summary>
    /// <param name="group">The group of the properties of each stage.</param>
    public static StageRules Rules(string group) => new(
        Pipeline, Stage, AfterMove: [], group,
        Metadata: [StageMetadataRule.IsClosed, new("state") { Allowed = [Open, Closed], Default = Open, Closing = [Closed] }])
    {
        PlainIds = [.. Stages.Select(stage => stage.Id)],
        IsLifecycle = true,
        StagesMax = 30,
    };

    /// <summary>The pipeline that a portal starts with.</summary>
    /// <param name="plural">The type's plural.</param>
    public static Pipeline Of(string plural) => new()
    {
        Id = $"{plural}-lifecycle-pipeline",
        Label = "Lifecycle Stage Pipeline",
        Stages =
        [
            .. Stages.Select((stage, order) => new Stage
            {
                Id = stage.Id,
                Label = stage.Label,
                DisplayOrder = order,
                Metadata = new([(StageMetadata.IsClosedKey, "false"), ("state", Open)]),
            }),
        ],
    };

    /// <summary>A new record starts as a lead. Later, an earlier stage than the current one is taken only after it was cleared.</summary>
    public static void Follow(Draft draft)
    {
        if (draft.IsNew && draft.Settings.LifecycleDefault && !draft.Changes(Stage) && draft.Schema.FindStage(First) is { } first
            && (draft.After(Pipeline).IsEmpty || draft.After(Pipeline).Span.SequenceEqual(first.Utf8PipelineId)))
        {
            draft.Set(Stage, First);
        }
        else if (draft.Changes(Stage) && draft.Schema.FindStage(draft.Before(Stage).Span) is { } before && draft.Schema.FindStage(draft.After(Stage).Span) is { } after && before.IsBeyond(after))
        {
            draft.Repeat(Stage);
        }
    }
}
