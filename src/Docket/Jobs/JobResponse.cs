using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Stores;
using Docket.Writes;
using Microsoft.AspNetCore.Http;

namespace Docket.Jobs;

/// <summary>
/// A job on the wire: the contract's shape of a batch, and counts. Future times are <c>null</c> and not left out, because
/// generated clients require the names.
/// </summary>
internal static class JobResponse
{
    public const string Path = "/docket/v1/jobs";

    /// <summary>Answers 202 to a batch that will be processed.</summary>
    public static Task AcceptAsync(HttpContext http, Job job)
    {
        http.Response.Headers.Location = $"{Path}/{job.Id}";
        http.Response.Headers["Preference-Applied"] = Prefer.RespondAsync;
        return RespondAsync(http, StatusCodes.Status202Accepted, job);
    }

    /// <summary>The same answer, to be stored.</summary>
    public static StoredAnswer ToStored(HttpContext http, Job job) =>
        new(StatusCodes.Status202Accepted, $"{Path}/{job.Id}", Wire.ToBytes((http.Request, job), static (json, answer) => Write(json, answer.Request, answer.job)));

    public static Task RespondAsync(HttpContext http, int status, Job job) =>
        Wire.RespondAsync(http.Response, status, (http.Request, job), static (json, answer) => Write(json, answer.Request, answer.job));

    public static void Write(Utf8JsonWriter json, HttpRequest request, Job job)
    {
        json.WriteStartObject();
        json.WriteString("status", job.Status switch
        {
            JobStatus.Processing => "PROCESSING",
            JobStatus.Complete => "COMPLETE",
            JobStatus.Canceled => "CANCELED",
            _ => "PENDING",
        });
        WriteMoment(json, "requestedAt", job.RequestedAt);
        WriteMoment(json, "startedAt", job.StartedAt);
        WriteMoment(json, "completedAt", job.CompletedAt);
        json.WriteStartArray("results");
        json.WriteEndArray();
        json.WriteString("id", job.Id.ToString());
        json.WriteString("operation", job.Kind switch { WriteKind.Create => "create", WriteKind.Update => "update", _ => "upsert" });
        json.WriteString("objectTypeId", request.HttpContext.Call().Portal.FindStored(job.Type).Type.Id);
        json.WriteNumber("inputs", job.Inputs);
        json.WriteNumber("done", job.Done);
        json.WriteNumber("created", job.Created);
        json.WriteNumber("updated", job.Updated);
        json.WriteNumber("unchanged", job.Unchanged);
        json.WriteNumber("failed", job.Failed);
        if (job.Refusal is { } refusal)
        {
            json.WritePropertyName("error");
            if (refusal.Length > 0)
            {
                json.WriteRawValue(refusal, skipInputValidation: true);
            }
            else
            {
                Wire.WriteError(json, (Faults.RefusalDeleted(), null));
            }
        }

        var self = $"{request.Scheme}://{request.Host}{Path}/{job.Id}";
        json.WriteStartObject("links");
        json.WriteString("status", self);
        json.WriteString("results", self + "/results");
        json.WriteString("rejected", self + "/rejected");
        json.WriteString("cancel", self + "/cancel");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The result of one input; an empty one named a record that was permanently deleted.</summary>
    public static void WriteRow(Utf8JsonWriter json, (long Index, byte[] Json) row)
    {
        if (row.Json.Length > 0)
        {
            json.WriteRawValue(row.Json, skipInputValidation: true);
            return;
        }

        json.WriteStartObject();
        json.WriteNumber("index", row.Index);
        json.WriteBoolean("deletedForGood", true);
        json.WriteEndObject();
    }

    static void WriteMoment(Utf8JsonWriter json, string name, long? milliseconds)
    {
        if (milliseconds is { } moment)
        {
            Wire.WriteInstant(json, JsonEncodedText.Encode(name), moment);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}

/// <summary>A job, as <see cref="JobResponse"/> writes it.</summary>
internal sealed record JobAnswer(
    [property: AllowedValues("PENDING", "PROCESSING", "COMPLETE", "CANCELED")] string Status,
    DateTimeOffset RequestedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? CompletedAt,
    [property: Description("Empty: results have their own pages.")] RecordAnswer[] Results,
    string Id,
    [property: AllowedValues("create", "update", "upsert")] string Operation,
    string ObjectTypeId,
    [property: Description("How many inputs have arrived.")] long Inputs,
    [property: Description("How many inputs were processed.")] long Done,
    long Created,
    long Updated,
    long Unchanged,
    long Failed,
    JobLinks Links,
    [property: Description("Why all inputs were refused.")] ErrorAnswer? Error = null);

/// <summary>The URLs of a job.</summary>
internal sealed record JobLinks(string Status, string Results, string Rejected, string Cancel);

/// <summary>The outcome of one input: a result or an error.</summary>
internal sealed record JobRowAnswer(
    [property: Description("The index of the input in the job, from 0.")] long Index,
    RecordAnswer? Result = null,
    RowErrorAnswer? Error = null,
    [property: Description("true in place of both: the record was permanently deleted.")] bool? DeletedForGood = null);

/// <summary>An input that failed, as <see cref="RejectedResponse"/> writes it.</summary>
internal sealed record RejectedAnswer(RowErrorAnswer Error, [property: Description("An input that is not a JSON object.")] string? Input = null)
{
    /// <summary>The members of the input.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Members { get; init; }
}
