using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>
/// The rules of pipelines and stages (reference/properties-pipelines-search-associations.md 3). Each rule builds the requested
/// pipeline and passes it to <see cref="Settle"/>, which checks all invariants. Pure.
/// </summary>
/// <remarks>
/// Writes return the display orders of the request, reads return the stored ones (3.3), so the answer of an
/// <see cref="Edited{T}"/> can differ from its content.
/// </remarks>
internal static class PipelineRules
{
    /// <summary>Limits of 3.3.</summary>
    public const int PipelinesMax = 100, PipelineIdMax = 36, StageIdMax = 100;

    public static Edited<Pipeline> Create(SchemaContent content, PipelineInput input, Edit edit)
    {
        if (content.Pipelines.Length >= PipelinesMax)
        {
            throw new Refusal(Faults.TooManyPipelines(edit.Type, PipelinesMax));
        }

        content = StagePropertyRules.Begin(content, edit);
        var ids = NamedIds(input.Stages);
        var id = string.IsNullOrEmpty(input.PipelineId) ? NewId(content, edit, ids) : input.PipelineId;
        if (id.Length > PipelineIdMax)
        {
            throw new Refusal(Faults.PipelineIdTooLong(PipelineIdMax));
        }

        if (content.Pipelines.Any(pipeline => pipeline.Id == id))
        {
            throw new Refusal(Faults.PipelineIdTaken(id));
        }

        ids.Add(id);
        var stages = Requested(input.Stages).Select(stage =>
        {
            RefuseStageOfAnother(content, null, stage.StageId);
            return NewStage(stage, string.IsNullOrEmpty(stage.StageId) ? NewId(content, edit, ids) : stage.StageId, edit);
        });
        return Write(content, null, new() { Id = id, Label = input.Label!, CreatedAt = edit.Now }, input, [.. stages], edit);
    }

    /// <summary>Replaces everything. Stages with an id of this pipeline stay, others are new, missing ones are deleted (3.5).</summary>
    public static Edited<Pipeline> Replace(SchemaContent content, string id, PipelineInput input, Edit edit)
    {
        var old = Find(content, id);
        var ids = NamedIds(input.Stages);
        var stages = Requested(input.Stages).Select(stage =>
        {
            RefuseStageOfAnother(content, old, stage.StageId);
            return old.FindStage(stage.StageId ?? "") is { } there ? Replaced(there, stage, edit) : NewStage(stage, NewId(content, edit, ids), edit);
        });
        return Write(content, old, old with { Label = input.Label! }, input, [.. stages], edit);
    }

    /// <summary>Changes the given members; all stages count as updated too (3.5).</summary>
    public static Edited<Pipeline> Update(SchemaContent content, string id, PipelinePatch input, Edit edit)
    {
        var old = Find(content, id);
        RefuseArchiving(input.Archived);
        var wanted = old with
        {
            Label = input.Label ?? old.Label,
            DisplayOrder = input.DisplayOrder ?? old.DisplayOrder,
            Stages = [.. old.Stages.Select(stage => stage with { UpdatedAt = edit.Now })],
            UpdatedAt = edit.Now,
        };
        return new(Settle(content, old, wanted, edit), wanted);
    }

    /// <summary>Permanently deletes a pipeline (3.6).</summary>
    public static SchemaContent Delete(SchemaContent content, string id, Edit edit)
    {
        var old = Find(content, id);
        return content.Pipelines.Length == 1 ? throw new Refusal(Faults.LastPipeline()) : Settle(content, old, null, edit);
    }

    public static Edited<Stage> CreateStage(SchemaContent content, string pipelineId, StageInput input, Edit edit)
    {
        var old = Find(content, pipelineId);
        if (input.StageId is { Length: > 0 } id && content.Pipelines.Any(pipeline => pipeline.FindStage(id) is not null))
        {
            throw new Refusal(Faults.StageIdTaken(id));
        }

        var stage = NewStage(input, string.IsNullOrEmpty(input.StageId) ? NewId(content, edit, []) : input.StageId, edit);
        return WriteStage(content, old, stage with { DisplayOrder = input.DisplayOrder ?? AfterLast(old.Stages) }, edit);
    }

    public static Edited<Stage> ReplaceStage(SchemaContent content, string pipelineId, string id, StageInput input, Edit edit)
    {
        var pipeline = Find(content, pipelineId);
        return WriteStage(content, pipeline, Replaced(FindStage(pipeline, id), input, edit), edit);
    }

    /// <summary>Changes the given members; metadata are merged (3.4).</summary>
    public static Edited<Stage> UpdateStage(SchemaContent content, string pipelineId, string id, StagePatch input, Edit edit)
    {
        var pipeline = Find(content, pipelineId);
        var old = FindStage(pipeline, id);
        RefuseArchiving(input.Archived);
        var wanted = old with
        {
            Label = input.Label ?? old.Label,
            DisplayOrder = input.DisplayOrder ?? old.DisplayOrder,
            Metadata = Metadata(input.Metadata, old.Metadata, edit.Type),
            UpdatedAt = edit.Now,
        };
        return WriteStage(content, pipeline, wanted, edit);
    }

    /// <summary>Permanently deletes a stage. A missing stage is not an error (3.6).</summary>
    public static SchemaContent DeleteStage(SchemaContent content, string pipelineId, string id, Edit edit)
    {
        var old = Find(content, pipelineId);
        return old.FindStage(id) is { } stage
            ? Settle(content, old, old with { Stages = old.Stages.Remove(stage), UpdatedAt = edit.Now }, edit)
            : content;
    }

    public static Pipeline Find(SchemaContent content, string id) =>
        content.Pipelines.FirstOrDefault(pipeline => pipeline.Id == id) ?? throw new Refusal(Faults.PipelineNotFound(id));

    /// <summary>The pipeline that contains a stage, or contained it when it was deleted; <c>null</c> if the id was never used.</summary>
    public static string? PipelineOf(SchemaContent content, string stageId) =>
        content.Pipelines.FirstOrDefault(pipeline => pipeline.FindStage(stageId) is not null)?.Id
        ?? content.Audit.LastOrDefault(entry => entry.StageId == stageId)?.PipelineId;

    public static Stage FindStage(Pipeline pipeline, string id) =>
        pipeline.FindStage(id) ?? throw new Refusal(Faults.StageNotFound(pipeline.Id, id));

    // A pipeline with the stages in the order of the request: stored in display order, returned as requested.
    static Edited<Pipeline> Write(SchemaContent content, Pipeline? old, Pipeline pipeline, PipelineInput input, ImmutableArray<Stage> stages, Edit edit)
    {
        var answer = pipeline with { DisplayOrder = input.DisplayOrder ?? 0, Stages = WithOrders(stages, input.Stages), UpdatedAt = edit.Now };
        return new(Settle(content, old, answer with { Stages = Arrange(answer.Stages) }, edit), answer);
    }

    static Edited<Stage> WriteStage(SchemaContent content, Pipeline old, Stage stage, Edit edit)
    {
        var others = old.Stages.Where(other => other.Id != stage.Id);
        return new(Settle(content, old, old with { Stages = Arrange(others.Append(stage)), UpdatedAt = edit.Now }, edit), stage);
    }

    /// <summary>
    /// Replaces <paramref name="old"/> with <paramref name="wanted"/>. Without an old one it is created, without a wanted one it is
    /// deleted. Checks the invariants of every pipeline, and applies what follows from a change: the properties of its stages and
    /// the entries of the audit.
    /// </summary>
    static SchemaContent Settle(SchemaContent content, Pipeline? old, Pipeline? wanted, Edit edit)
    {
        if (wanted is not null)
        {
            Check(content, wanted, edit.Type);
        }

        var gone = Stages(old).Where(stage => wanted?.FindStage(stage.Id) is null).ToList();
        foreach (var stage in gone)
        {
            content = StagePropertyRules.Archive(content, stage, edit);
        }

        foreach (var stage in Stages(wanted))
        {
            if (old?.FindStage(stage.Id) is null && !StagePropertyRules.AreFree(edit.Type, content, stage.Id))
            {
                throw new Refusal(Faults.StageIdReserved(stage.Id));
            }

            content = StagePropertyRules.Keep(content, wanted!, stage, edit);
        }

        return content with
        {
            Pipelines = (old, wanted) switch
            {
                (null, _) => content.Pipelines.Add(wanted!),
                (_, null) => content.Pipelines.Remove(old),
                _ => content.Pipelines.SetItem(content.Pipelines.IndexOf(old), wanted),
            },
            Audit = PipelineTrail.Continue(content.Audit, old, wanted, edit),
        };
    }

    static void Check(SchemaContent content, Pipeline pipeline, ObjectType type)
    {
        if (pipeline.DisplayOrder < 0)
        {
            throw new Refusal(Faults.PipelineOrderNegative());
        }

        if (content.Pipelines.Any(other => other.Id != pipeline.Id && other.Label == pipeline.Label))
        {
            throw new Refusal(Faults.PipelineLabelExists(pipeline.Label));
        }

        if (pipeline.Stages.IsEmpty)
        {
            throw new Refusal(Faults.PipelineWithoutStage());
        }

        var rules = type.Stages ?? throw new Refusal(Faults.WithoutPipelines(type));
        if (pipeline.Stages.Length > rules.StagesMax)
        {
            throw new Refusal(Faults.TooManyStages(rules.StagesMax));
        }

        // Letter case and surrounding spaces are ignored (3.3).
        var labels = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        if (pipeline.Stages.FirstOrDefault(stage => !labels.Add(stage.Label.Trim())) is { } twin)
        {
            throw new Refusal(Faults.StageLabelExists(twin.Label));
        }

        if (rules.NeedsClosedStage && !pipeline.Stages.Any(stage => stage.Metadata.IsClosed))
        {
            throw new Refusal(Faults.PipelineWithoutClosedStage(type, pipeline.Id));
        }
    }

    static Stage NewStage(StageInput input, string id, Edit edit) => new()
    {
        Id = id.Length <= StageIdMax ? id : throw new Refusal(Faults.StageIdTooLong(StageIdMax)),
        Label = input.Label!,
        Metadata = Metadata(input.Metadata, null, edit.Type),
        CreatedAt = edit.Now,
        UpdatedAt = edit.Now,
    };

    static Stage Replaced(Stage old, StageInput input, Edit edit) => old with
    {
        Label = input.Label!,
        DisplayOrder = input.DisplayOrder ?? old.DisplayOrder,
        Metadata = Metadata(input.Metadata, null, edit.Type),
        UpdatedAt = edit.Now,
    };

    // Missing values are those of the old stage, or the defaults.
    static StageMetadata Metadata(Dictionary<string, string?>? input, StageMetadata? old, ObjectType type)
    {
        if (type.Stages is not { } stages)
        {
            return new([]);
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var rule in stages.Metadata.Where(rule => !rule.IsDerived))
        {
            var value = input?.GetValueOrDefault(rule.Key) ?? old?[rule.Key] ?? rule.Default ?? throw new Refusal(Faults.StageMetadataMissing(rule, stages));
            values[rule.Key] = rule.Normalise(value)
                ?? throw new Refusal(rule.Range is { } range ? Faults.StageMetadataOutOfRange(rule, range, stages) : Faults.StageMetadataInvalid(rule, value));
        }

        values[StageMetadata.IsClosedKey] = stages.Metadata.Any(rule => !rule.IsDerived && rule.Closing.Contains(values[rule.Key])) ? "true" : "false";
        return new([.. stages.Metadata.Select(rule => (rule.Key, values[rule.Key]))]);
    }

    static void RefuseStageOfAnother(SchemaContent content, Pipeline? own, string? stageId)
    {
        if (stageId is not null && content.Pipelines.Any(pipeline => pipeline != own && pipeline.FindStage(stageId) is not null))
        {
            throw new Refusal(Faults.StageIdOfAnotherPipeline());
        }
    }

    static void RefuseArchiving(bool? archived)
    {
        if (archived == true)
        {
            throw new Refusal(Faults.PatchCannotArchive());
        }
    }

    // Stages of one body without a display order are numbered in order, after the highest so far.
    static ImmutableArray<Stage> WithOrders(ImmutableArray<Stage> stages, List<StageInput>? inputs)
    {
        var ordered = ImmutableArray.CreateBuilder<Stage>(stages.Length);
        for (var i = 0; i < stages.Length; i++)
        {
            ordered.Add(stages[i] with { DisplayOrder = inputs![i].DisplayOrder ?? AfterLast(ordered) });
        }

        return ordered.DrainToImmutable();
    }

    // Ascending by display order. Gaps stay. After a tie, the one written later follows the other, and all are renumbered (3.3).
    static ImmutableArray<Stage> Arrange(IEnumerable<Stage> stages)
    {
        ImmutableArray<Stage> sorted = [.. stages.OrderBy(stage => stage.DisplayOrder)];
        var ties = sorted.DistinctBy(stage => stage.DisplayOrder).Count() < sorted.Length;
        return ties ? [.. sorted.Select((stage, place) => stage with { DisplayOrder = place })] : sorted;
    }

    static int AfterLast(IEnumerable<Stage> stages) => stages.Max(stage => (int?)stage.DisplayOrder) + 1 ?? 0;

    // The stage ids in a body.
    static HashSet<string> NamedIds(List<StageInput>? stages)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var stage in Requested(stages))
        {
            if (!string.IsNullOrEmpty(stage.StageId) && !ids.Add(stage.StageId))
            {
                throw new Refusal(Faults.StageIdRepeated(stage.StageId));
            }
        }

        return ids;
    }

    // About ten decimal digits, like HubSpot's (3.3): the second of the edit, incremented past every id that is or was in use.
    static string NewId(SchemaContent content, Edit edit, HashSet<string> ids)
    {
        var id = edit.Now / 1000;
        while (WasUsed(edit.Type, content, id.ToString()) || !ids.Add(id.ToString()))
        {
            id++;
        }

        return id.ToString();
    }

    static bool WasUsed(ObjectType type, SchemaContent content, string id) =>
        StagePropertyRules.WasUsed(type, content, id)
        || content.Pipelines.Any(pipeline => pipeline.Id == id)
        || content.Audit.Any(entry => entry.PipelineId == id);

    static List<StageInput> Requested(List<StageInput>? stages) => stages ?? [];

    static ImmutableArray<Stage> Stages(Pipeline? pipeline) => pipeline?.Stages ?? [];
}
