using System.Collections.Concurrent;
using System.Diagnostics;
using Docket.Model;
using Docket.Stores;
using Microsoft.Extensions.Logging;

namespace Docket.Jobs;

/// <summary>
/// Works on jobs: of each one step at a time, of all jobs of a portal two, so that writes of people and programs that
/// wait for their answer get their turn. A step that was committed is never done again, whatever happens to the process.
/// </summary>
internal sealed partial class JobRunner(IPortals portals, TimeProvider clock, ILogger logger) : IAsyncDisposable
{
    /// <summary>Steps of all jobs of a portal that are under way at once.</summary>
    const int StepsMax = 2;

    /// <summary>How long a job waits when the portal can't be written to.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How long a job waits that is not where it was thought to be.</summary>
    static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(10);

    /// <summary>How often what is kept no longer is removed, and what could not be ended is tried again.</summary>
    static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    /// <summary>How long the start looks for what was under way.</summary>
    static readonly TimeSpan LookingMax = TimeSpan.FromMilliseconds(50);

    readonly ConcurrentDictionary<(long Portal, long Job), RunningJob> works = new();
    readonly ConcurrentDictionary<long, SemaphoreSlim> steps = new();
    readonly ConcurrentQueue<(IStore Store, long PortalId, Job Job)> abandoned = new();
    readonly ConcurrentDictionary<long, bool> unread = new();
    readonly CancellationTokenSource stop = new();
    Task sweeping = Task.CompletedTask;
    long startedAt;

    /// <summary>How many are being worked on, or wait for inputs.</summary>
    public int Running => works.Count;

    /// <summary>Goes on with what was under way when the portals were closed: at once where that is known, elsewhere while the server serves.</summary>
    public async Task StartAsync()
    {
        startedAt = Instant.Now(clock);
        var began = clock.GetTimestamp();
        foreach (var portal in portals.List())
        {
            unread[portal.Id] = true;
            if (clock.GetElapsedTime(began) < LookingMax)
            {
                await LookAfterAsync(portal.Id, uploadsBefore: long.MaxValue);
            }
        }

        var timer = new PeriodicTimer(SweepEvery, clock);
        sweeping = Task.Run(() => SweepAsync(timer));
    }

    // The server starts all the same when it can't be done.
    async Task LookAfterAsync(long portalId, long uploadsBefore)
    {
        try
        {
            if (!portals.IsCareDue(portalId))
            {
                unread.TryRemove(portalId, out _);
                return;
            }

            await GoOnAsync(portalId, uploadsBefore);
        }
        catch (Exception failure)
        {
            LogUnread(failure is Refusal ? null : failure, portalId);
        }
    }

    /// <summary>
    /// Ends a job whose inputs nobody is sending any more. What lines have done is done, and told of; a JSON batch has done
    /// nothing yet and leaves nothing behind. Where the portal can't be written to, it is tried again until it can.
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
        catch (Exception) when (IsDeleted(portalId))
        {
            // and its jobs with it
        }
        catch (Exception failure)
        {
            LogFailure(failure, job.Id, portalId);
            abandoned.Enqueue((store, portalId, job));
        }
    }

    /// <summary>Begins with a job, or tells that there is news of it.</summary>
    public void Work(IStore store, long portalId, Job job)
    {
        if (stop.IsCancellationRequested)
        {
            return; // the next start goes on with it
        }

        var work = works.GetOrAdd((portalId, job.Id), _ => new RunningJob());
        work.News.Writer.TryWrite(true);
        work.Begin(() => Task.Run(() => RunAsync(store, portalId, job.Id, work)));
    }

    /// <summary>Waits until a job has ended.</summary>
    public async Task WaitAsync(long portalId, long job, TimeSpan atMost, CancellationToken cancellation)
    {
        if (works.TryGetValue((portalId, job), out var work))
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop.Token);
            await Task.WhenAny(work.Ended.Task, Task.Delay(atMost, clock, either.Token));
        }
    }

    /// <summary>Finishes the steps under way and begins no other. Requests may still come; what they bring waits for the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(works.Values.Select(work => work.Task).Append(sweeping));
    }

    async Task RunAsync(IStore store, long portalId, long id, RunningJob work)
    {
        Activity.Current = null; // thousands of steps would make the trace of the request that brought them unreadable
        var turns = steps.GetOrAdd(portalId, _ => new SemaphoreSlim(StepsMax));
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await store.Jobs.FindAsync(id) is not { Ended: false } job)
                {
                    break;
                }

                if (job.Done == job.Inputs)
                {
                    await work.News.Reader.ReadAsync(stop.Token);
                    continue;
                }

                await turns.WaitAsync(stop.Token);
                try
                {
                    await StepAsync(store, portalId, job);
                }
                finally
                {
                    turns.Release();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Refusal refusal) when (refusal.Error.Reason == ErrorReason.JobMoved && !IsDeleted(portalId))
            {
                // The job has gone on or was canceled: look at it again, though not in a circle without end.
                await Task.WhenAny(Task.Delay(Glance, clock, stop.Token));
            }
            catch (Exception) when (IsDeleted(portalId))
            {
                break;
            }
            catch (Exception failure)
            {
                LogFailure(failure, id, portalId);
                await Task.WhenAny(Task.Delay(Pause, clock, stop.Token));
            }
        }

        works.TryRemove((portalId, id), out _);
        work.Ended.TrySetResult();
        await CleanUpAsync();
    }

    // Nothing is left to go on with.
    bool IsDeleted(long portalId) => portals.List().All(portal => portal.Id != portalId);

    async Task StepAsync(IStore store, long portalId, Job job)
    {
        var lines = await store.Jobs.LinesAsync(job, all: job.Whole);
        using var inputs = JobInputs.Read(job, lines, new Caller(portalId, 0, Scopes.All) { Source = job.Source, Owners = portals.OwnersOf(portalId) }, Instant.Now(clock));
        if (inputs.Count == 0)
        {
            throw new Refusal(Faults.JobMoved()); // canceled, and its inputs thrown away
        }

        for (var count = inputs.Count; ; count /= 2)
        {
            try
            {
                await inputs.ApplyAsync(store, count);
                return;
            }
            catch (Refusal refusal) when (refusal.Error.Reason == ErrorReason.Request)
            {
                if (job.Whole || count == 1)
                {
                    await inputs.RefuseAsync(store, count, refusal.Error);
                    return;
                }

                // They can't be applied together, such as those that have too many faults for one answer: fewer at a time.
            }
        }
    }

    async Task SweepAsync(PeriodicTimer timer)
    {
        using var _ = timer;
        try
        {
            do
            {
                await CleanUpAsync();
            }
            while (await timer.WaitForNextTickAsync(stop.Token));
        }
        catch (OperationCanceledException)
        {
        }
    }

    // Goes on with the jobs that an earlier process had under way. Nobody sends the inputs of an open one any more.
    async Task GoOnAsync(long portalId, long uploadsBefore)
    {
        var store = portals.Open(portalId);
        foreach (var job in await store.Jobs.UnfinishedAsync())
        {
            if (!job.Open)
            {
                Work(store, portalId, job);
            }
            else if (job.RequestedAt < uploadsBefore)
            {
                await GiveUpAsync(store, portalId, job);
            }
        }

        unread.TryRemove(portalId, out _);
    }

    async Task CleanUpAsync()
    {
        try
        {
            await SweepOnceAsync();
        }
        catch (Exception failure)
        {
            LogSweep(failure); // such as the list of portals that can't be read; the next round tries again
        }
    }

    async Task SweepOnceAsync()
    {
        for (var left = abandoned.Count; left > 0 && !stop.IsCancellationRequested && abandoned.TryDequeue(out var upload); left--)
        {
            await GiveUpAsync(upload.Store, upload.PortalId, upload.Job);
        }

        foreach (var portal in portals.List())
        {
            try
            {
                if (!portals.IsCareDue(portal.Id))
                {
                    unread.TryRemove(portal.Id, out _);
                    continue;
                }

                if (unread.ContainsKey(portal.Id))
                {
                    await GoOnAsync(portal.Id, uploadsBefore: startedAt); // later ones are under way
                }

                var store = portals.Open(portal.Id);
                while (!stop.IsCancellationRequested && await store.Jobs.SweepAsync())
                {
                }
            }
            catch (Refusal)
            {
                // The portal can't be served now, which is in the log.
            }
            catch (Exception failure)
            {
                LogSweep(failure); // it will be tried again
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "Job {Job} of portal {Portal} can't go on; it is tried again")]
    partial void LogFailure(Exception failure, long job, long portal);

    [LoggerMessage(LogLevel.Error, "The jobs of portal {Portal} can't be read; those that were under way wait until they can")]
    partial void LogUnread(Exception? failure, long portal);

    [LoggerMessage(LogLevel.Error, "Old jobs and answers can't be removed; it is tried again")]
    partial void LogSweep(Exception failure);
}
