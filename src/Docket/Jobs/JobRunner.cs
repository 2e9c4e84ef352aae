using System.Collections.Concurrent;
using System.Diagnostics;
using Docket.Model;
using Docket.Stores;
using Docket.Writes;
using Microsoft.Extensions.Logging;

namespace Docket.Jobs;

/// <summary>
/// Processes jobs, in steps. While some steps of a job wait for the writer, the next one is prepared. A committed step is never
/// repeated, whatever happens to the process, and a step is only applied after the ones before it.
/// </summary>
internal sealed partial class JobRunner(IPortals portals, TimeProvider clock, ILogger logger) : IAsyncDisposable
{
    /// <summary>Most steps of all jobs of a portal that wait for the writer: few, so that interactive writes don't wait long (docs/internals/decisions.md, Jobs).</summary>
    const int StepsMax = 2;

    /// <summary>How long a job waits if the portal can't be written.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How long a job waits if its position has changed unexpectedly.</summary>
    static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(10);

    /// <summary>How often expired data is removed, and failed cancellations are retried.</summary>
    static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    /// <summary>How often to look for the jobs of other processes that have ended.</summary>
    static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>How often those who wait for the end of a job look at it: another process may work on it or cancel it.</summary>
    static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the start looks for unfinished jobs.</summary>
    static readonly TimeSpan LookingMax = TimeSpan.FromMilliseconds(50);

    // By store: a portal that was brought back to an earlier time has another one, in which the same numbers are given again.
    readonly ConcurrentDictionary<(IStore Store, long Job), RunningJob> works = new();
    readonly ConcurrentDictionary<long, SemaphoreSlim> steps = new();
    readonly ConcurrentQueue<(IStore Store, long PortalId, Job Job)> abandoned = new();
    readonly CancellationTokenSource stop = new();
    Task sweeping = Task.CompletedTask;
    long startedAt;

    /// <summary>How many jobs are being processed or wait for inputs.</summary>
    public int Running => works.Count;

    /// <summary>Continues unfinished jobs: now, for the portals that are checked in time, and later in the background for the others.</summary>
    public async Task StartAsync()
    {
        startedAt = Instant.Now(clock);
        var began = clock.GetTimestamp();
        foreach (var portal in await portals.ListAsync(stop.Token))
        {
            if (clock.GetElapsedTime(began) < LookingMax)
            {
                await LookAfterAsync(portal.Id, uploadsBefore: long.MaxValue);
            }
        }

        var (sweep, look) = (new PeriodicTimer(SweepEvery, clock), new PeriodicTimer(LookEvery, clock));
        sweeping = Task.WhenAll(Task.Run(() => RepeatAsync(sweep, CleanUpAsync)), Task.Run(() => RepeatAsync(look, TakeOverAsync)));
    }

    /// <summary>Continues the unfinished jobs of a portal that was brought back to an earlier time.</summary>
    public Task ContinueAsync(long portalId) => LookAfterAsync(portalId, uploadsBefore: long.MaxValue);

    // A failure doesn't prevent the start of the server.
    async Task LookAfterAsync(long portalId, long uploadsBefore)
    {
        try
        {
            if (!await portals.IsCareDueAsync(portalId, stop.Token))
            {
                return;
            }

            await GoOnAsync(portalId, uploadsBefore);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Refusal refusal) when (refusal.Error.Status == 404)
        {
            // The portal was deleted, and its jobs with it.
        }
        catch (Exception failure)
        {
            LogUnread(failure is Refusal ? null : failure, portalId);
        }
    }

    /// <summary>
    /// Ends a job whose inputs are no longer being sent. NDJSON inputs already applied stay applied, with their results; a JSON
    /// batch has not been applied yet and is removed. Retried until the portal can be written.
    /// </summary>
    public async Task GiveUpAsync(IStore store, long portalId, Job job)
    {
        try
        {
            if (job.Status == JobStatus.Receiving)
            {
                await store.Jobs.DropAsync(job.Id);
            }
            else
            {
                await store.Jobs.CancelAsync(job.Id);
                Work(store, portalId, job);
            }
        }
        catch (Exception failure)
        {
            if (await IsGoneAsync(store, portalId))
            {
                if (works.TryGetValue((store, job.Id), out var work))
                {
                    work.News.Writer.TryWrite(true); // it would wait for more inputs
                }

                return; // its jobs are gone too
            }

            LogFailure(failure, job.Id, portalId);
            abandoned.Enqueue((store, portalId, job));
        }
    }

    /// <summary>Starts a job, or notifies it of new inputs or a cancellation.</summary>
    public void Work(IStore store, long portalId, Job job)
    {
        if (stop.IsCancellationRequested)
        {
            return; // the next start continues it
        }

        var work = works.GetOrAdd((store, job.Id), _ => new RunningJob());
        work.News.Writer.TryWrite(true);
        work.Begin(() => Task.Run(() => RunAsync(store, portalId, job.Id, work)));
    }

    /// <summary>Waits until a job has ended, whatever process works on it.</summary>
    public async Task WaitAsync(IStore store, long portalId, long job, TimeSpan atMost, CancellationToken cancellation)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop.Token);
        var over = Task.Delay(atMost, clock, ending.Token);
        do
        {
            var next = Task.Delay(PollEvery, clock, ending.Token);
            await (works.TryGetValue((store, job), out var work) ? Task.WhenAny(over, next, work.Ended.Task) : Task.WhenAny(over, next));
        }
        while (!over.IsCompleted && await store.Jobs.FindAsync(job) is { Ended: false });
        await ending.CancelAsync(); // the delays
    }

    /// <summary>Finishes the current steps and begins no others. Jobs of later requests wait for the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(works.Values.Select(work => work.Task).Append(sweeping));
    }

    async Task RunAsync(IStore store, long portalId, long id, RunningJob work)
    {
        Activity.Current = null; // thousands of steps would make the trace of the request unreadable
        var turns = steps.GetOrAdd(portalId, _ => new SemaphoreSlim(StepsMax));
        var alone = false;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await store.Jobs.FindAsync(id) is not { Ended: false, IsOurs: true } job)
                {
                    break; // or another process has taken it over, because this one was stopped for long
                }

                if (job.Done == job.Inputs)
                {
                    await work.News.Reader.ReadAsync(stop.Token);
                    continue;
                }

                if (job.Whole || alone)
                {
                    alone = false;
                    await StepAsync(store, portalId, job, turns);
                }
                else
                {
                    await StepsAsync(store, portalId, job, turns);
                }
            }
            catch (Refusal refusal) when (refusal.Error.Reason == ErrorReason.Request)
            {
                alone = true; // the inputs of a step can't be applied together, for example because of too many faults for one answer
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception failure)
            {
                if (await IsGoneAsync(store, portalId))
                {
                    break;
                }

                if (failure is Refusal { Error.Reason: ErrorReason.JobMoved })
                {
                    // The job has advanced or was canceled: read it again, after a pause to avoid a busy loop.
                    await Task.WhenAny(Task.Delay(Glance, clock, stop.Token));
                    continue;
                }

                LogFailure(failure, id, portalId);
                await Task.WhenAny(Task.Delay(Pause, clock, stop.Token));
            }
        }

        works.TryRemove((store, id), out _);
        work.Ended.TrySetResult();
        await CleanUpAsync();
    }

    // Its portal was deleted, or has another store.
    async Task<bool> IsGoneAsync(IStore store, long portalId)
    {
        try
        {
            return (await portals.ListAsync(stop.Token)).All(portal => portal.Id != portalId) || await portals.OpenAsync(portalId, stop.Token) != store;
        }
        catch (Exception)
        {
            return false; // not known now
        }
    }

    // Applies the stored inputs. Several steps wait for the writer, in their order: if one fails, the later ones don't find the job
    // where they begin and are refused.
    async Task StepsAsync(IStore store, long portalId, Job job, SemaphoreSlim turns)
    {
        var (began, waiting) = (job.Done, new Queue<Task>());
        try
        {
            while (await store.Jobs.LinesAsync(job, all: false) is { Count: > 0 } lines)
            {
                foreach (var step in lines.Chunk(Validation.InputsMax))
                {
                    var inputs = await ReadAsync(portalId, job, step);
                    inputs.Check(store.Schema.FindStored(job.Type));
                    while (waiting.TryPeek(out var first) && first.IsCompleted)
                    {
                        await waiting.Dequeue();
                    }

                    await turns.WaitAsync(stop.Token);
                    waiting.Enqueue(ApplyAsync(store, inputs, turns));
                    job = job with { Done = job.Done + step.Length };
                }
            }

            while (waiting.TryDequeue(out var step))
            {
                await step;
            }
        }
        finally
        {
            await Task.WhenAny(Task.WhenAll(waiting)); // only the first failure counts: it is the cause of the others
        }

        if (job.Done == began)
        {
            throw new Refusal(Faults.JobMoved()); // canceled, and its inputs were removed
        }
    }

    static async Task ApplyAsync(IStore store, JobInputs inputs, SemaphoreSlim turns)
    {
        try
        {
            await inputs.ApplyAsync(store);
        }
        finally
        {
            turns.Release();
        }
    }

    // Applies the next inputs by themselves: as many of them as can be applied together.
    async Task StepAsync(IStore store, long portalId, Job job, SemaphoreSlim turns)
    {
        var lines = await store.Jobs.LinesAsync(job, all: job.Whole);
        if (lines.Count == 0)
        {
            throw new Refusal(Faults.JobMoved()); // canceled, and its inputs were removed
        }

        for (var count = Math.Min(lines.Count, Validation.InputsMax); ; count /= 2)
        {
            var inputs = await ReadAsync(portalId, job, lines.Take(count));
            try
            {
                inputs.Check(store.Schema.FindStored(job.Type));
                await turns.WaitAsync(stop.Token);
                await ApplyAsync(store, inputs, turns);
                return;
            }
            catch (Refusal refusal) when (refusal.Error.Reason == ErrorReason.Request)
            {
                if (job.Whole || count == 1)
                {
                    await inputs.RefuseAsync(store, refusal.Error);
                    return;
                }
            }
        }
    }

    async ValueTask<JobInputs> ReadAsync(long portalId, Job job, IEnumerable<StoredInput> lines)
    {
        var caller = new Caller(portalId, 0, Scopes.All) { Source = job.Source, Owners = await portals.OwnersOfAsync(portalId, stop.Token) };
        return JobInputs.Read(job, lines, caller, portals.Clocks.NowOf(portalId));
    }

    async Task RepeatAsync(PeriodicTimer timer, Func<Task> work)
    {
        using var _ = timer;
        try
        {
            do
            {
                await work();
            }
            while (await timer.WaitForNextTickAsync(stop.Token));
        }
        catch (OperationCanceledException)
        {
        }
    }

    async Task TakeOverAsync()
    {
        try
        {
            foreach (var portal in await portals.AbandonedAsync(stop.Token))
            {
                await LookAfterAsync(portal, uploadsBefore: startedAt);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            LogSweep(failure);
        }
    }

    // Continues the unfinished jobs of an earlier process, or of another one that has ended. Their open jobs will get no more inputs.
    async Task GoOnAsync(long portalId, long uploadsBefore)
    {
        var store = await portals.OpenAsync(portalId, stop.Token);
        foreach (var job in await store.Jobs.UnfinishedAsync())
        {
            if (!job.IsOurs && !await store.Jobs.ClaimAsync(job))
            {
                continue;
            }

            if (!job.Open)
            {
                Work(store, portalId, job);
            }
            else if (!job.IsOurs || job.RequestedAt < uploadsBefore)
            {
                await GiveUpAsync(store, portalId, job);
            }
        }
    }

    async Task CleanUpAsync()
    {
        try
        {
            await SweepOnceAsync();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            LogSweep(failure); // for example, the list of portals can't be read; the next sweep retries
        }
    }

    async Task SweepOnceAsync()
    {
        for (var left = abandoned.Count; left > 0 && !stop.IsCancellationRequested && abandoned.TryDequeue(out var upload); left--)
        {
            await GiveUpAsync(upload.Store, upload.PortalId, upload.Job);
        }

        foreach (var portal in await portals.ListAsync(stop.Token))
        {
            try
            {
                if (!await portals.IsCareDueAsync(portal.Id, stop.Token))
                {
                    continue;
                }

                // Later uploads are still running. With a clock that was moved, nothing tells which they are.
                await GoOnAsync(portal.Id, uploadsBefore: portals.Clocks.Of(portal.Id).IsServers ? startedAt : 0);
                var store = await portals.OpenAsync(portal.Id, stop.Token);
                while (!stop.IsCancellationRequested && await store.Jobs.SweepAsync())
                {
                }
            }
            catch (Refusal)
            {
                // The portal can't be served now; that is already logged.
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                LogSweep(failure); // will be retried
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "Job {Job} of portal {Portal} failed and will be retried")]
    partial void LogFailure(Exception failure, long job, long portal);

    [LoggerMessage(LogLevel.Error, "Cannot read the jobs of portal {Portal}; unfinished jobs wait until this succeeds")]
    partial void LogUnread(Exception? failure, long portal);

    [LoggerMessage(LogLevel.Error, "Cannot remove expired jobs and answers; will be retried")]
    partial void LogSweep(Exception failure);
}
