using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

/// <summary>Where a job stands. All but the first are the contract's words for a batch.</summary>
internal enum JobStatus
{
    /// <summary>Its inputs are arriving and may yet be refused as a whole; nobody sees it.</summary>
    Receiving,
    Pending,
    Processing,
    Complete,
    Canceled,
}

/// <summary>A batch that is worked on after it was answered.</summary>
/// <param name="Id">Its number; 0 before it is stored.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Open">Inputs are still arriving.</param>
/// <param name="Whole">All or nothing, as a batch answered at once; otherwise each input is decided on its own.</param>
/// <param name="Kind">What its inputs want.</param>
/// <param name="Type">Of which type its records are.</param>
/// <param name="Source">What its writes are put down to.</param>
/// <param name="RequestedAt">When the request came, milliseconds since 1970.</param>
internal sealed record Job(long Id, JobStatus Status, bool Open, bool Whole, WriteKind Kind, string Type, Source Source, long RequestedAt)
{
    /// <summary>What the request asked for beyond HubSpot's ways.</summary>
    public Help Helps { get; init; }

    /// <summary>When the first inputs had been applied, milliseconds since 1970.</summary>
    public long? StartedAt { get; init; }

    /// <summary>When it was complete or canceled, milliseconds since 1970.</summary>
    public long? CompletedAt { get; init; }

    /// <summary>Inputs taken in so far.</summary>
    public long Inputs { get; init; }

    /// <summary>Inputs decided so far: created, updated, unchanged or failed.</summary>
    public long Done { get; init; }

    public long Created { get; init; }

    public long Updated { get; init; }

    public long Unchanged { get; init; }

    public long Failed { get; init; }

    /// <summary>The error of a batch that was refused as a whole, as JSON.</summary>
    public byte[]? Refusal { get; init; }

    public bool Ended => Status is JobStatus.Complete or JobStatus.Canceled;
}

/// <summary>An input of a job that waits.</summary>
/// <param name="Line">Of NDJSON its line in the file, from 1.</param>
/// <param name="Json">As it came; empty when it was too long.</param>
internal readonly record struct StoredInput(long? Line, byte[] Json);

/// <summary>An input of a job that was rejected.</summary>
/// <param name="Index">Its place among the inputs, from 0.</param>
/// <param name="Outcome">What is shown of it, as JSON.</param>
/// <param name="Input">As it came; empty when it was too long or something was deleted for good since then.</param>
internal readonly record struct RejectedInput(long Index, byte[] Outcome, byte[] Input);

/// <summary>What is written besides the records of a batch, in the same transaction.</summary>
internal abstract record SideWrite;

/// <summary>A part of a job and what became of it. Written only while the job stands at <paramref name="First"/>, so it is applied once.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="First">Index of the first input.</param>
/// <param name="Count">How many inputs.</param>
/// <param name="Rows">Tells what became of them; throws nothing, because the records are written already.</param>
internal sealed record JobStep(long Job, long First, int Count, Func<Outcome, JobRows> Rows) : SideWrite;

/// <summary>What became of the inputs of a step.</summary>
/// <param name="Lines">One JSON object a line, in the order of the inputs.</param>
/// <param name="Created">How many were created.</param>
/// <param name="Updated">How many were updated.</param>
/// <param name="Unchanged">How many were as wanted already.</param>
/// <param name="Failed">How many were refused.</param>
/// <param name="Rejected">The inputs that failed, one a line.</param>
/// <param name="Refusal">The error of a batch that was refused as a whole, as JSON.</param>
internal sealed record JobRows(ReadOnlyMemory<byte> Lines, int Created, int Updated, int Unchanged, int Failed, ReadOnlyMemory<byte> Rejected = default, byte[]? Refusal = null);

/// <summary>The answer to a request that may come again: kept if <paramref name="Of"/> gives one, which it does for successes only.</summary>
internal sealed record KeptAnswer(AnswerKey Key, Func<Outcome, StoredAnswer?> Of) : SideWrite;
