using Docket.Model;

namespace Docket.Stores;

/// <summary>The portal's jobs.</summary>
internal interface IJobs
{
    /// <summary>Stores inputs of a job, which is created if its id is 0. A canceled job, or one that another process took over, stores nothing; the result shows its state.</summary>
    /// <param name="job">The job as last read.</param>
    /// <param name="lines">The inputs, one for each line.</param>
    /// <param name="count">The number of inputs, which may be 0.</param>
    /// <param name="last">Whether these are the last inputs: the job is accepted.</param>
    /// <param name="answer">The answer to store for the request.</param>
    /// <param name="numbered">Whether each input begins with its line number in the upload and a space.</param>
    Task<Job> TakeAsync(Job job, ReadOnlyMemory<byte> lines, int count, bool last, (AnswerKey Key, Func<Job, StoredAnswer> Of)? answer, bool numbered = false);

    /// <summary>Takes over a job of a process that has ended, which can't continue it any more; <c>false</c> if the process is alive.</summary>
    Task<bool> ClaimAsync(Job job);

    /// <summary>Removes a job that was never accepted.</summary>
    Task DropAsync(long id);

    /// <summary>Cancels a job; inputs already applied stay applied. <c>null</c> if it doesn't exist.</summary>
    Task<Job?> CancelAsync(long id);

    /// <summary>Stores the results of a step that writes no records.</summary>
    /// <exception cref="Refusal">The job is at another position, or another process has it.</exception>
    Task RecordAsync(JobStep step, JobRows rows);

    /// <summary>Finds a job by id, unless it has expired.</summary>
    ValueTask<Job?> FindAsync(long id);

    /// <summary>Lists jobs with an id of at most <paramref name="from"/>, newest first.</summary>
    ValueTask<List<Job>> ListAsync(long from, int limit);

    /// <summary>Lists all jobs that have not ended.</summary>
    ValueTask<List<Job>> UnfinishedAsync();

    /// <summary>Reads the stored inputs of a job from <see cref="Job.Done"/> on: the next chunk, or all.</summary>
    ValueTask<List<StoredInput>> LinesAsync(Job job, bool all);

    /// <summary>Reads the results of inputs from <paramref name="after"/> on, as JSON; empty if a record that a result named was permanently deleted.</summary>
    ValueTask<List<(long Index, byte[] Json)>> RowsAsync(long id, long after, int limit, bool failedOnly);

    /// <summary>Reads the rejected inputs of the first step at or after <paramref name="after"/> that has any; empty if there is none.</summary>
    ValueTask<List<RejectedInput>> RejectedAsync(long id, long after);

    /// <summary>Removes some expired data: see <see cref="Kept"/>. <c>true</c> if there is more.</summary>
    Task<bool> SweepAsync();

    /// <summary>How long ended jobs and answers are kept.</summary>
    static readonly TimeSpan Kept = TimeSpan.FromHours(24);
}
