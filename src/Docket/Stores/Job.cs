using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>The status of a job. All but the first are the contract's names for a batch.</summary>
internal enum JobStatus
{
    /// <summary>Inputs are arriving and may still be refused as a whole; the job is not visible.</summary>
    Receiving,
    Pending,
    Processing,
    Complete,
    Canceled,
}

/// <summary>A batch that is processed after the answer.</summary>
/// <param name="Id">Its number; 0 before it is stored.</param>
/// <param name="Status">The status.</param>
/// <param name="Open">Whether inputs are still arriving.</param>
/// <param name="Whole">Whether it is all or nothing, like an immediate batch; otherwise each input is decided separately.</param>
/// <param name="Kind">The operation of its inputs.</param>
/// <param name="Type">The object type of its records.</param>
/// <param name="Source">The source of its writes.</param>
/// <param name="RequestedAt">When the request arrived, milliseconds since 1970.</param>
internal sealed record Job(long Id, JobStatus Status, bool Open, bool Whole, WriteKind Kind, string Type, Source Source, long RequestedAt)
{
    /// <summary>The optional features that the request uses.</summary>
    public OptionalFeatures Features { get; init; }

    /// <summary>When the first inputs were applied, milliseconds since 1970.</summary>
    public long? StartedAt { get; init; }

    /// <summary>When it was completed or canceled, milliseconds since 1970.</summary>
    public long? CompletedAt { get; init; }

    /// <summary>Inputs stored so far.</summary>
    public long Inputs { get; init; }

    /// <summary>Inputs decided so far: created, updated, unchanged or failed.</summary>
    public long Done { get; init; }

    public long Created { get; init; }

    public long Updated { get; init; }

    public long Unchanged { get; init; }

    public long Failed { get; init; }

    /// <summary>The error of a batch that was refused as a whole, as JSON; empty if a record that it named was permanently deleted.</summary>
    public byte[]? Refusal { get; init; }

    /// <summary>Whether this process has it: receives its inputs or works on it. No other process does so at the same time.</summary>
    public bool IsOurs { get; init; } = true;

    public bool Ended => Status is JobStatus.Complete or JobStatus.Canceled;
}

/// <summary>A waiting input of a job.</summary>
/// <param name="Line">The line number in an NDJSON upload, from 1.</param>
/// <param name="Json">The original input; empty if it was too long.</param>
internal readonly record struct StoredInput(long? Line, byte[] Json);

/// <summary>An input of a job that was rejected.</summary>
/// <param name="Index">Its index among the inputs, from 0.</param>
/// <param name="Outcome">Its result, as JSON.</param>
/// <param name="Input">The original input; empty if it was too long, or if a record has been permanently deleted since then.</param>
internal readonly record struct RejectedInput(long Index, byte[] Outcome, byte[] Input);

/// <summary>A note: data that is stored in the same transaction as a batch.</summary>
internal abstract record SideWrite;

/// <summary>A step of a job. Written only while the job is at <paramref name="First"/>, so that it is applied once.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="First">Index of the first input.</param>
/// <param name="Count">The number of inputs.</param>
/// <param name="Rows">Returns the results; must not throw, because the records are already written.</param>
internal sealed record JobStep(long Job, long First, int Count, Func<Outcome, JobRows> Rows) : SideWrite;

/// <summary>The results of a step.</summary>
/// <param name="Lines">One JSON object for each line, in the order of the inputs.</param>
/// <param name="Created">How many were created.</param>
/// <param name="Updated">How many were updated.</param>
/// <param name="Unchanged">How many needed no change.</param>
internal sealed record JobRows(ReadOnlyMemory<byte> Lines, int Created, int Updated, int Unchanged)
{
    /// <summary>The rows of the inputs that were refused, counted from the first of the step.</summary>
    public byte[] Failures { get; init; } = [];

    /// <summary>How many were refused.</summary>
    public int Failed => Failures.Length;

    /// <summary>The inputs that failed, one for each line.</summary>
    public ReadOnlyMemory<byte> Rejected { get; init; }

    /// <summary>The error of a batch that was refused as a whole, as JSON.</summary>
    public byte[]? Refusal { get; init; }

    /// <summary>The records named in <see cref="Lines"/>, and in <see cref="Refusal"/> as the row that follows the last.</summary>
    public Names Names { get; init; } = new();
}

/// <summary>The answer to a request that may be repeated: stored if <paramref name="Of"/> returns one, which it does only for successes.</summary>
internal sealed record KeptAnswer(AnswerKey Key, Func<Outcome, StoredAnswer?> Of) : SideWrite;
