using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>Answers a batch: everything done (200, 201), some rows not (207), or nothing done (400) (reference/objects-and-batch.md 1.4 to 1.6).</summary>
internal static class BatchResponse
{
    /// <summary>Answers a batch of writes.</summary>
    /// <exception cref="Refusal">The batch failed as a whole.</exception>
    public static Task WriteAsync(HttpContext http, Outcome outcome)
    {
        var call = http.Call();
        if (outcome.Refused)
        {
            throw new Refusal(FaultReport.Whole(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId));
        }

        if (outcome.Batch.Folded.Count > 0)
        {
            http.Response.Headers["Docket-Folded"] = string.Join(", ", outcome.Batch.Folded);
        }

        var errors = FaultReport.Rows(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId);
        var status = outcome.Batch.Kind == WriteKind.Create ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        return BatchEnvelope.RespondAsync(http, status, errors, (call, outcome), WriteResults);
    }

    static void WriteResults(Utf8JsonWriter json, (Call Call, Outcome Outcome) answer)
    {
        var batch = answer.Outcome.Batch;
        var view = RecordView.For(answer.Call, batch.Schema);
        var set = new PropertySet(batch.Schema);
        var order = answer.Call.ResultOrder(batch.Inputs.Length);
        for (var at = 0; at < batch.Inputs.Length; at++)
        {
            var i = order?[at] ?? at;
            var result = answer.Outcome.Results[i];
            if (result.Record is not { } record)
            {
                continue;
            }

            ShowWritten(set, batch.Schema, result.Effect, batch.Inputs[i].Values);
            view.Show(record);
            RecordResponse.WriteWritten(
                json, view, answer.Call.Caller.PortalId, set, batch.Kind == WriteKind.Upsert ? result.Effect == Effect.Created : null, batch.Raw[i].TraceId);
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
