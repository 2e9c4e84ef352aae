using System.Text.Json;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>What all answers to batches share (reference/objects-and-batch.md 1.4, 1.6): status, results, errors where there are any, and when it was worked on.</summary>
internal static class BatchEnvelope
{
    static readonly JsonEncodedText
        Status = JsonEncodedText.Encode("status"),
        Complete = JsonEncodedText.Encode("COMPLETE"),
        Results = JsonEncodedText.Encode("results"),
        StartedAt = JsonEncodedText.Encode("startedAt"),
        CompletedAt = JsonEncodedText.Encode("completedAt");

    /// <summary>Answers with <paramref name="status"/>, or with 207 when there are errors, around the results that <paramref name="writeResults"/> writes.</summary>
    public static Task RespondAsync<T>(HttpContext http, int status, IReadOnlyCollection<RowError> errors, T results, Action<Utf8JsonWriter, T> writeResults)
    {
        var call = http.Call();
        return Wire.RespondAsync(
            http.Response, errors.Count > 0 ? StatusCodes.Status207MultiStatus : status, (call, errors, results, writeResults), static (json, answer) =>
            {
                json.WriteStartObject();
                json.WriteString(Status, Complete);
                json.WriteStartArray(Results);
                answer.writeResults(json, answer.results);
                json.WriteEndArray();
                if (answer.errors.Count > 0)
                {
                    WriteErrors(json, answer.errors);
                }

                Wire.WriteInstant(json, StartedAt, answer.call.StartedAt);
                Wire.WriteInstant(json, CompletedAt, answer.call.Now);
                json.WriteEndObject();
            });
    }

    static void WriteErrors(Utf8JsonWriter json, IReadOnlyCollection<RowError> errors)
    {
        json.WriteNumber("numErrors", errors.Count);
        json.WriteStartArray("errors");
        foreach (var error in errors)
        {
            json.WriteStartObject();
            json.WriteString("status", "error");
            if (error.Category is { } category)
            {
                json.WriteString("category", category);
            }

            if (error.SubCategory is { } subCategory)
            {
                json.WriteString("subCategory", subCategory);
            }

            json.WriteString("message", error.Message);
            Wire.WriteContext(json, error.Context);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
