using System.Text.Json;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Objects;

/// <summary>Answers a batch: everything done (200, 201), some rows failed (207), or nothing done (400) (reference/objects-and-batch.md 1.4 to 1.6).</summary>
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

        if (Folded(outcome) is { } folded)
        {
            http.Response.Headers[FeatureHeaders.Folded] = folded;
        }

        return BatchEnvelope.RespondAsync(http, Status(outcome), Errors(call, outcome), (call, outcome), WriteResults);
    }

    /// <summary>The same answer as bytes to store; <c>null</c> for a batch that failed as a whole.</summary>
    public static StoredAnswer? ToStored(HttpContext http, Outcome outcome)
    {
        if (outcome.Refused)
        {
            return null;
        }

        var call = http.Call();
        var errors = Errors(call, outcome);
        return new(BatchEnvelope.StatusOf(Status(outcome), errors), null, Wire.ToBytes((call, outcome, errors), static (json, answer) =>
            BatchEnvelope.Write(json, answer.call, answer.errors, (answer.call, answer.outcome), WriteResults)), Folded(outcome));
    }

    /// <summary>Writes the result of an input of a batch.</summary>
    /// <param name="json">The writer.</param>
    /// <param name="outcome">The batch.</param>
    /// <param name="index">The index of the input, which has a record.</param>
    /// <param name="view">Shows records of the batch's schema.</param>
    /// <param name="set">Any set of that schema; its content is overwritten.</param>
    public static void WriteResult(Utf8JsonWriter json, Outcome outcome, int index, RecordView view, PropertySet set)
    {
        var batch = outcome.Batch;
        var result = outcome.Results[index];
        ShowWritten(set, batch.Schema, result.Effect, batch.Inputs[index].Values);
        view.Show(result.Record!);
        RecordResponse.WriteWritten(
            json, view, batch.Caller.PortalId, set, batch.Kind == WriteKind.Upsert ? result.Effect == Effect.Created : null, batch.Raw[index].TraceId);
    }

    static string? Folded(Outcome outcome) => outcome.Batch.Folded.Count > 0 ? string.Join(", ", outcome.Batch.Folded) : null;

    static int Status(Outcome outcome) => outcome.Batch.Kind == WriteKind.Create ? StatusCodes.Status201Created : StatusCodes.Status200OK;

    static List<RowError> Errors(Call call, Outcome outcome) => FaultReport.Rows(outcome.Faults, outcome.Batch.Raw, call.Caller.PortalId);

    static void WriteResults(Utf8JsonWriter json, (Call Call, Outcome Outcome) answer)
    {
        var batch = answer.Outcome.Batch;
        var view = RecordView.For(answer.Call, batch.Schema);
        var set = new PropertySet(batch.Schema);
        var order = answer.Call.ResultOrder(batch.Inputs.Length);
        for (var at = 0; at < batch.Inputs.Length; at++)
        {
            var i = order?[at] ?? at;
            if (answer.Outcome.Results[i].Record is not null)
            {
                WriteResult(json, answer.Outcome, i, view, set);
            }
        }
    }

    /// <summary>Sets <paramref name="set"/> to what the answer to a write shows: written properties, those that follow from them, and those that are always shown.</summary>
    public static void ShowWritten(PropertySet set, Schema schema, Effect effect, PropertyValue[] written)
    {
        set.Become(effect == Effect.Created ? schema.AfterCreate : schema.AfterUpdate);
        foreach (var value in written)
        {
            set.Add(value.Property);
            if (value.Property.Kind == PropertyKind.Stage)
            {
                foreach (var follower in schema.Stages!.AfterMove)
                {
                    set.Add(follower);
                }
            }
        }
    }
}
