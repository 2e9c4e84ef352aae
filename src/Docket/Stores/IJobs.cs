using Docket.Model;

namespace Docket.Stores;

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
