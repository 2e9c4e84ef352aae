using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Docket.Http;
using Docket.Model;

namespace Docket.Schemas;

/// <summary>The audit of pipelines and stages: which changes are recorded, and their format (reference/properties-pipelines-search-associations.md 3.7).</summary>
internal static class PipelineTrail
{
    /// <summary>Adds an entry for the pipeline, and one for each stage that was added, removed or changed.</summary>
    public static ImmutableArray<PipelineAudit> Continue(ImmutableArray<PipelineAudit> trail, Pipeline? old, Pipeline? wanted, Edit edit)
    {
        var pipeline = (wanted ?? old)!;
        var entries = trail.ToBuilder();
        var version = 1 + trail.Count(entry => entry.PipelineId == pipeline.Id && entry.StageId is null);
        Note(null, old is not null, wanted is not null, json => Write(json, edit.Type, pipeline, version, wanted is not null));
        foreach (var id in Ids(wanted).Union(Ids(old)))
        {
            var (before, after) = (old?.FindStage(id), wanted?.FindStage(id));
            if (before is null || after is null || before with { UpdatedAt = after.UpdatedAt } != after)
            {
                Note(id, before is not null, after is not null, json => Write(json, (after ?? before)!, after is not null));
            }
        }

        return entries.DrainToImmutable();

        void Note(string? stageId, bool was, bool stays, Action<Utf8JsonWriter> write)
        {
            var action = !stays ? PipelineAudit.Delete : was ? PipelineAudit.Update : PipelineAudit.Create;
            entries.Add(new(pipeline.Id, stageId, action, edit.Now, edit.UserId, Text(write)));
        }
    }

    /// <summary>The entries of a pipeline or one of its stages, newest first.</summary>
    public static IEnumerable<PipelineAudit> Of(SchemaContent content, string pipelineId, string? stageId) =>
        content.Audit.Where(entry => entry.PipelineId == pipelineId && entry.StageId == stageId).Reverse();

    /// <summary>One entry in the audit endpoints' format. The raw object is a string there, although the specification differs (3.7).</summary>
    public static void WriteEntry(Utf8JsonWriter json, PipelineAudit entry, long portalId)
    {
        var thing = entry.StageId is null ? "Pipeline" : "Pipeline stage";
        json.WriteStartObject();
        json.WriteNumber("portalId", portalId);
        json.WriteString("identifier", $"{portalId}:{entry.StageId ?? entry.PipelineId}");
        json.WriteString("action", entry.Action);
        Wire.WriteInstant(json, Timestamp, entry.Timestamp);
        json.WriteString("message", $"{thing} {entry.Action.ToLowerInvariant()}");
        if (long.TryParse(entry.UserId, out var userId))
        {
            json.WriteNumber("fromUserId", userId);
        }

        json.WriteString("rawObject", entry.RawObject);
        json.WriteEndObject();
    }

    static readonly JsonEncodedText Timestamp = JsonEncodedText.Encode("timestamp");

    static IEnumerable<string> Ids(Pipeline? pipeline) => pipeline is null ? [] : pipeline.Stages.Select(stage => stage.Id);

    static string Text(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Wire.WriterOptions))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    static void Write(Utf8JsonWriter json, ObjectType type, Pipeline pipeline, int version, bool active)
    {
        json.WriteStartObject();
        json.WriteString("objectType", type.LegacyName);
        json.WriteString("pipelineId", pipeline.Id);
        json.WriteString("label", pipeline.Label);
        json.WriteNumber("displayOrder", pipeline.DisplayOrder);
        json.WriteBoolean("active", active);
        json.WriteStartArray("stages");
        foreach (var stage in pipeline.Stages)
        {
            Write(json, stage, active);
        }

        json.WriteEndArray();
        json.WriteNumber("createdAt", pipeline.CreatedAt);
        json.WriteNumber("updatedAt", pipeline.UpdatedAt);
        json.WriteNumber("version", version);
        json.WriteEndObject();
    }

    static void Write(Utf8JsonWriter json, Stage stage, bool active)
    {
        json.WriteStartObject();
        json.WriteString("stageId", stage.Id);
        json.WriteString("label", stage.Label);
        json.WriteNumber("displayOrder", stage.DisplayOrder);
        json.WriteStartObject("metadata");
        foreach (var (key, value) in stage.Metadata.Values)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
        json.WriteBoolean("active", active);
        json.WriteNumber("createdAt", stage.CreatedAt);
        json.WriteNumber("updatedAt", stage.UpdatedAt);
        json.WriteEndObject();
    }
}
