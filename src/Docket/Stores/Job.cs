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
internal abstract record Note;

/// <summary>A part of a job and what became of it. Written only while the job stands at <paramref name="First"/>, so it is applied once.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="First">Index of the first input.</param>
/// <param name="Count">How many inputs.</param>
/// <param name="Rows">Tells what became of them; throws nothing, because the records are written already.</param>
internal sealed record JobStep(long Job, long First, int Count, Func<Outcome, JobRows> Rows) : Note;

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
internal sealed record KeptAnswer(AnswerKey Key, Func<Outcome, StoredAnswer?> Of) : Note;

/// <summary>The portal's jobs.</summary>
internal interface IJobs
{
    /// <summary>Takes in inputs of a job, which is made when its id is 0. A canceled job takes nothing; its state is in the result.</summary>
    /// <param name="job">The job as it is known.</param>
    /// <param name="lines">The inputs, one a line.</param>
    /// <param name="count">How many; 0 for none.</param>
    /// <param name="last">No more will come: the job is accepted.</param>
    /// <param name="answer">What to keep as the answer to the request.</param>
    /// <param name="numbered">Each input begins with the number of its line in the file and a blank.</param>
    Task<Job> TakeAsync(Job job, ReadOnlyMemory<byte> lines, int count, bool last, (AnswerKey Key, Func<Job, StoredAnswer> Of)? answer, bool numbered = false);

    /// <summary>Takes back a job that was never accepted.</summary>
    Task DropAsync(long id);

    /// <summary>Ends a job; what was done stays done. <c>null</c> when there is none.</summary>
    Task<Job?> CancelAsync(long id);

    /// <summary>Records a step that writes no record.</summary>
    /// <exception cref="Refusal">The job stands elsewhere.</exception>
    Task RecordAsync(JobStep step, JobRows rows);

    /// <summary>The job of an id that has not ended too long ago.</summary>
    ValueTask<Job?> FindAsync(long id);

    /// <summary>Jobs with an id of at most <paramref name="from"/>, newest first.</summary>
    ValueTask<List<Job>> ListAsync(long from, int limit);

    /// <summary>All jobs that have not ended.</summary>
    ValueTask<List<Job>> UnfinishedAsync();

    /// <summary>The stored inputs of a job from <see cref="Job.Done"/> on: the next chunk, or all.</summary>
    ValueTask<List<StoredInput>> LinesAsync(Job job, bool all);

    /// <summary>What became of the inputs from <paramref name="after"/> on, as JSON.</summary>
    ValueTask<List<(long Index, byte[] Json)>> RowsAsync(long id, long after, int limit, bool failedOnly);

    /// <summary>The rejected inputs of the first step that has any from <paramref name="after"/> on; empty when there is none.</summary>
    ValueTask<List<RejectedInput>> RejectedAsync(long id, long after);

    /// <summary>Removes a little of what is kept no longer: see <see cref="Kept"/>. <c>true</c> when there is more.</summary>
    Task<bool> SweepAsync();

    /// <summary>How long ended jobs and answers are kept.</summary>
    static readonly TimeSpan Kept = TimeSpan.FromHours(24);
}
