using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>Replaces labels of pipelines and stages with their ids. Ids stay, and so do unknown texts, which are refused as values.</summary>
internal static class StageLabels
{
    /// <summary>The values of an input with ids instead of labels. A label that several stages share is a fault, and its value is omitted.</summary>
    public static RawValue[] ToIds(int index, RawValue[] values, Schema schema, List<Fault> faults)
    {
        if (schema.Stages is not { } stages)
        {
            return values;
        }

        RawValue[] ids = [.. values];
        var pipelineAt = Array.FindLastIndex(ids, value => value.Name.Span.SequenceEqual(stages.Pipeline.Utf8Name));
        if (pipelineAt >= 0 && schema.FindPipeline(ids[pipelineAt].Value.Span) is null
            && schema.Pipelines.FirstOrDefault(pipeline => Is(pipeline.Label, ids[pipelineAt])) is { } named)
        {
            ids[pipelineAt] = ids[pipelineAt] with { Value = Encoding.UTF8.GetBytes(named.Id) };
        }

        var stageAt = Array.FindLastIndex(ids, value => value.Name.Span.SequenceEqual(stages.Stage.Utf8Name));
        if (stageAt < 0 || stages.Find(ids[stageAt].Value.Span) is not null)
        {
            return ids;
        }

        var given = pipelineAt < 0 ? null : schema.FindPipeline(ids[pipelineAt].Value.Span);
        var found = (given is null ? schema.Pipelines : [given])
            .SelectMany(pipeline => pipeline.Stages.Where(stage => Is(stage.Label, ids[stageAt])).Select(stage => (Pipeline: pipeline.Id, Stage: stage.Id))).ToList();
        if (found.Count == 1)
        {
            ids[stageAt] = ids[stageAt] with { Value = Encoding.UTF8.GetBytes(found[0].Stage) };
        }
        else if (found.Count > 1)
        {
            faults.Add(Faults.LabelOfSeveral(index, stages.Stage, ids[stageAt].Value.Span, found));
            ids[stageAt] = ids[stageAt] with { IsNull = true };
        }

        return ids;
    }

    static bool Is(string label, in RawValue value) =>
        !value.IsNull && label.Trim().Equals(Encoding.UTF8.GetString(value.Value.Span).Trim(), StringComparison.OrdinalIgnoreCase);
}
