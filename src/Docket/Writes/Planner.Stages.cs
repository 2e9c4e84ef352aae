using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

// The rules of stages for a write, and what follows from entering one. Types without stages skip all of this.
internal sealed partial class Planner
{
    static ReadOnlyMemory<byte> NoStage => default;

    // Without a pipeline, a new record gets the pipeline of its stage (reference/objects-and-batch.md 2.2, 2.4).
    bool EnterFirstStage(int index, in CheckedInput input)
    {
        if (schema.Stages is not { } stages || FindWanted(stages.Stage) is not (var at and >= 0) || wanted[at].Value.IsEmpty)
        {
            return true;
        }

        var place = stages.Find(wanted[at].Value.Span)!; // validation has checked the stage
        if (FindWanted(stages.Pipeline) is var pipeline && pipeline < 0)
        {
            wanted.Add(new(stages.Pipeline, place.Utf8PipelineId));
        }
        else if (!wanted[pipeline].Value.Span.SequenceEqual(place.Utf8PipelineId))
        {
            plan.Outcome.Faults.Add(Faults.NotAStage(index, schema, place.Utf8Id));
            return false;
        }

        Enter(stages, input, place, null, now, default);
        return true;
    }

    bool ChangeStage(int index, in CheckedInput input, Record record, long time, bool evenUnchanged = false)
    {
        if (schema.Stages is not { } stages)
        {
            return true;
        }

        var stageAt = FindWanted(stages.Stage);
        var pipelineAt = FindWanted(stages.Pipeline);
        if (stageAt < 0 && pipelineAt < 0 && !evenUnchanged)
        {
            return true;
        }

        Seek(record, stages.Stage, out var storedStage);
        Seek(record, stages.Pipeline, out var storedPipeline);
        var stage = stageAt < 0 ? storedStage : wanted[stageAt].Value;
        var pipeline = pipelineAt < 0 ? storedPipeline : wanted[pipelineAt].Value;
        if (stage.IsEmpty)
        {
            Exit(stages.Find(storedStage.Span), time, record.Values);
            return true; // a stage may be missing if the type doesn't require one
        }

        var place = stages.Find(stage.Span);
        if (place is not null && pipeline.IsEmpty)
        {
            pipeline = place.Utf8PipelineId;
            wanted.Add(new(stages.Pipeline, pipeline)); // as for a new record
        }

        if (place is null || !pipeline.Span.SequenceEqual(place.Utf8PipelineId))
        {
            plan.Outcome.Faults.Add(Faults.NotAStage(index, schema, stage.Span));
            return false;
        }

        if (stageAt >= 0 && !stage.Span.SequenceEqual(storedStage.Span))
        {
            Enter(stages, input, place, stages.Find(storedStage.Span), time, record.Values);
        }

        return true;
    }

    // For a restore, a new stage alone is enough if the old pipeline no longer exists.
    void LeaveLostPipeline(Record record)
    {
        if (schema.Stages is { } stages && FindWanted(stages.Stage) is var at and >= 0 && FindWanted(stages.Pipeline) < 0
            && Seek(record, stages.Pipeline, out var pipeline) && schema.FindPipeline(pipeline.Span) is null)
        {
            wanted.Add(new(stages.Pipeline, stages.Find(wanted[at].Value.Span)!.Utf8PipelineId)); // validation has checked the stage
        }
    }

    // What follows from entering a stage (reference/properties-pipelines-search-associations.md 2.3, 2.5): the dates of both stages,
    // and closing or reopening the record.
    void Enter(SchemaStages stages, in CheckedInput input, StagePlace place, StagePlace? from, long time, ReadOnlyMemory<byte> stored)
    {
        var moment = Instant.ToUtf8(time);
        wanted.Add(new(place.Entered, moment));
        Exit(from, time, stored);

        // A close date in the request wins, even if it is no change.
        var isSent = Array.Exists(input.Values, value => ReferenceEquals(value.Property, stages.ClosedDate));
        var wasClosed = from?.IsClosed == true;
        if (place.IsClosed && !wasClosed)
        {
            Note(stages.LastClosedDate, moment);
            if (!isSent)
            {
                Note(stages.ClosedDate, moment);
            }
        }
        else if (!place.IsClosed && wasClosed)
        {
            Note(stages.ReopenedAt, moment);
            if (!isSent && Seek(stored, stages.ClosedDate, out var closed) && !closed.IsEmpty)
            {
                Note(stages.ClosedDate, default);
            }
        }
    }

    void Exit(StagePlace? from, long time, ReadOnlyMemory<byte> stored)
    {
        if (from is null)
        {
            return;
        }

        wanted.Add(new(from.Exited, Instant.ToUtf8(time)));
        if (Seek(stored, from.Entered, out var entered) && Instant.Parse(entered.Span) is { } since)
        {
            var visit = Math.Max(0, time - since);
            var before = Seek(stored, from.CumulativeTime, out var sum) ? long.Parse(sum.Span, NumberStyles.None) : 0;
            wanted.Add(new(from.LatestTime, Number(visit)));
            wanted.Add(new(from.CumulativeTime, Number(before + visit)));
        }
    }

    // For a property that not every type has.
    void Note(Property? property, ReadOnlyMemory<byte> value)
    {
        if (property is not null)
        {
            wanted.Add(new(property, value));
        }
    }

    // Not before all faults are known: in a batch with trace ids, a failed row must leave no trace.
    void CountMove(Record record)
    {
        if (FindWanted(schema.Stages?.Stage) >= 0)
        {
            CountStage(StageOf(record), -1);
            CountStage(StageWanted(), 1);
        }
    }

    // The number of active records of each stage. Records without a stage count under an empty name.
    void CountStage(ReadOnlyMemory<byte> stage, int by)
    {
        var id = Encoding.UTF8.GetString(stage.Span);
        plan.StageMoves[id] = plan.StageMoves.GetValueOrDefault(id) + by;
    }

    ReadOnlyMemory<byte> StageOf(Record record) => Seek(record, schema.Stages?.Stage, out var stage) ? stage : NoStage;

    ReadOnlyMemory<byte> StageWanted() => FindWanted(schema.Stages?.Stage) is var at and >= 0 ? wanted[at].Value : NoStage;

    static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
