namespace Docket.Model;

/// <summary>Faults of jobs and idempotency keys, which HubSpot doesn't have. The wording is Docket's own.</summary>
internal static partial class Faults
{
    public static Error InputTooLong(int bytesMax) => new(400, $"The input is longer than {bytesMax} bytes", Validation);

    public static Error NdjsonInUtf16() => new(400, "The body is UTF-16: send NDJSON in UTF-8", Validation);

    public static Error NdjsonIsArray() => new(400, "The body is a JSON array: send NDJSON, one JSON object on each line, without brackets and commas around them", Validation);

    public static Error NotNdjson(int rows) => new(400, $"The body is not NDJSON: none of its first {rows} lines is a JSON object. Send one JSON object on each line", Validation);

    /// <summary>The same for a row of NDJSON, which is read as if it were line 1.</summary>
    public static Error OnLine(Error error, long line) =>
        error with { Message = error.Message.Replace("Invalid input JSON on line 1,", $"Invalid input JSON on line {line},", StringComparison.Ordinal) };

    public static Error TextTooLong(int bytesMax) => new(400, $"The body has a text or number longer than {bytesMax} bytes", Validation);

    /// <summary>The error of each input of a batch that is all or nothing. The reason is in the job's own error.</summary>
    public static Error RefusedWithBatch() => new(400, "The whole batch was refused and nothing was written. See the job's error", Validation);

    /// <summary>The error of a batch that named a record which was permanently deleted since then.</summary>
    public static Error RefusalDeleted() => new(400, "The answer to this request was about an object that has been permanently deleted");

    /// <summary>The job continued or ended after the caller looked at it.</summary>
    public static Error JobMoved() => new(409, "The job has moved on", Validation) { Reason = ErrorReason.JobMoved };

    public static Error UploadCanceled(long job) =>
        new(409, $"Job {job} was canceled while its inputs were still arriving. See GET /docket/v1/jobs/{job} for what was applied", Validation);

    public static Error BadIdempotencyKey(int max) => new(400, $"The header Idempotency-Key must have 1 to {max} characters", Validation);

    public static Error IdempotencyKeyUnderWay(string key) =>
        new(409, $"A request with Idempotency-Key \"{Shorten(key)}\" is still in progress. Retry when it has been answered", Validation) { Headers = [("Retry-After", "1")] };

    public static Error IdempotencyKeyReused(string key) =>
        new(422, $"Idempotency-Key \"{Shorten(key)}\" was used for a different request: method, path, body or optional features differ. Nothing was written. Use a different key", Validation);

    /// <summary>The same for an NDJSON upload, of which a part was stored before.</summary>
    public static Error AfterLines(Error error, long lines, long job) =>
        error.What is { } what ? error with { Message = $"{what}. Lines 1 to {lines} were already received, as job {job}. Send only the lines after them" } : error;

    /// <summary>A repeated request is not executed again, but its answer must not be shown any more.</summary>
    public static Error AnswerDeleted(string key) =>
        new(410, $"The request with Idempotency-Key \"{Shorten(key)}\" was already executed. An object in its answer has since been permanently deleted", NotFoundCategory);
}
