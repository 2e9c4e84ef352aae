using System.Text.Json;
using Docket.Model;
using Microsoft.AspNetCore.Http;

namespace Docket.Http;

/// <summary>What all answers to batches share (reference/objects-and-batch.md 1.4, 1.6): status, results, errors if there are any, and times.</summary>
internal static class BatchEnvelope
{
    static readonly JsonEncodedText
        Status = JsonEncodedText.Encode("status"),
        Complete = JsonEncodedText.Encode("COMPLETE"),
        Results = JsonEncodedText.Encode("results"),
        StartedAt = JsonEncodedText.Encode("startedAt"),
        CompletedAt = JsonEncodedText.Encode("completedAt");

    /// <summary>Answers with <paramref name="status"/>, or with 207 if there are errors, with the results that <paramref name="writeResults"/> writes.</summary>
    public static Task RespondAsync<T>(HttpContext http, int status, IReadOnlyCollection<RowError> errors, T results, Action<Utf8JsonWriter, T> writeResults)
    {
        var call = http.Call();
        return Wire.RespondAsync(http.Response, StatusOf(status, errors), (call, errors, results, writeResults), static (json, answer) =>
            Write(json, answer.call, answer.errors, answer.results, answer.writeResults));
    }

    /// <summary><paramref name="status"/>, or 207 if there are errors.</summary>
    public static int StatusOf(int status, IReadOnlyCollection<RowError> errors) => errors.Count > 0 ? StatusCodes.Status207MultiStatus : status;

    /// <summary>Writes the whole answer.</summary>
    public static void Write<T>(Utf8JsonWriter json, Call call, IReadOnlyCollection<RowError> errors, T results, Action<Utf8JsonWriter, T> writeResults)
    {
        json.WriteStartObject();
        json.WriteString(Status, Complete);
        json.WriteStartArray(Results);
        writeResults(json, results);
        json.WriteEndArray();
        if (errors.Count > 0)
        {
            json.WriteNumber("numErrors", errors.Count);
            json.WriteStartArray("errors");
            foreach (var error in errors)
            {
                WriteError(json, error);
            }

            json.WriteEndArray();
        }

        Wire.WriteInstant(json, StartedAt, call.StartedAt);
        Wire.WriteInstant(json, CompletedAt, call.Now);
        json.WriteEndObject();
    }

    /// <summary>One failed row.</summary>
    public static void WriteError(Utf8JsonWriter json, RowError error)
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
}
