using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>Answers a batch: everything done (200, 201), some rows not (207), or nothing done (400) (reference/objects-and-batch.md 1.4 to 1.6).</summary>
internal static class BatchResponse
{
    static readonly JsonEncodedText
        Status = JsonEncodedText.Encode("status"),
        Complete = JsonEncodedText.Encode("COMPLETE"),
        Results = JsonEncodedText.Encode("results"),
        StartedAt = JsonEncodedText.Encode("startedAt"),
        CompletedAt = JsonEncodedText.Encode("completedAt");

    /// <summary>Answers a batch of writes.</summary>
    /// <exception cref="Refusal">The batch failed as a whole.</exception>
    public static Task WriteAsync(HttpContext http, Call call, Outcome outcome, TimeProvider clock)
    {
        if (outcome.Refused)
        {
            throw new Refusal(FaultReport.Whole(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId));
        }

        var errors = FaultReport.Rows(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId);
        var status = errors.Count > 0 ? StatusCodes.Status207MultiStatus
            : outcome.Batch.Kind == WriteKind.Create ? StatusCodes.Status201Created
            : StatusCodes.Status200OK;
        return Wire.RespondAsync(http.Response, status, (call, outcome, errors, clock), static (json, answer) =>
        {
            var (call, outcome, errors, clock) = answer;
            WriteEnvelope(json, call.StartedAt, errors, clock, (call.Caller.PortalId, outcome), WriteResults);
        });
    }

    /// <summary>The envelope that all batches share, around the results that <paramref name="writeResults"/> writes.</summary>
    public static void WriteEnvelope<T>(Utf8JsonWriter json, long startedAt, List<RowError> errors, TimeProvider clock, T results, Action<Utf8JsonWriter, T, long> writeResults)
    {
        var completedAt = Instant.Now(clock);
        json.WriteStartObject();
        json.WriteString(Status, Complete);
        json.WriteStartArray(Results);
        writeResults(json, results, completedAt);
        json.WriteEndArray();
        if (errors.Count > 0)
        {
            json.WriteNumber("numErrors", errors.Count);
            json.WriteStartArray("errors");
            foreach (var error in errors)
            {
                json.WriteStartObject();
                json.WriteString("status", "error");
                json.WriteString("category", error.Category);
                json.WriteString("message", error.Message);
                Wire.WriteContext(json, error.Context);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        Wire.WriteInstant(json, StartedAt, startedAt);
        Wire.WriteInstant(json, CompletedAt, completedAt);
        json.WriteEndObject();
    }

    static void WriteResults(Utf8JsonWriter json, (long PortalId, Outcome Outcome) answer, long now)
    {
        var batch = answer.Outcome.Batch;
        var view = new RecordView(batch.Schema, now);
        var set = new PropertySet(batch.Schema);
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var result = answer.Outcome.Results[i];
            if (result.Record is not { } record)
            {
                continue;
            }

            ShowWritten(set, batch.Schema, result.Effect, batch.Inputs[i].Values);
            view.Show(record);
            RecordResponse.WriteWritten(
                json, view, answer.PortalId, set, batch.Kind == WriteKind.Upsert ? result.Effect == Effect.Created : null, batch.Raw[i].TraceId);
        }
    }

    /// <summary>Makes <paramref name="set"/> what the answer to a write shows: what was written, what follows from it, and what always comes along.</summary>
    public static void ShowWritten(PropertySet set, Schema schema, Effect effect, PropertyValue[] written)
    {
        set.Become(effect == Effect.Created ? schema.AfterCreate : schema.AfterUpdate);
        foreach (var value in written)
        {
            set.Add(value.Property);
            if (ReferenceEquals(value.Property, schema.Stage))
            {
                set.Add(schema.ClosedDate);
                set.Add(schema.TimeToClose);
            }
        }
    }
}
