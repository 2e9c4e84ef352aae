using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Docket.Jobs;

/// <summary>The endpoints that read and cancel jobs. Results are pages in the order of the inputs.</summary>
internal static class JobRoutes
{
    const int LimitMax = 100;

    const string After = "From paging.next of the previous page.";

    public static void Map(IEndpointRouteBuilder routes, JobRunner runner)
    {
        var jobs = routes.MapGroup(JobResponse.Path);
        jobs.MapGet("", ListAsync).NeedsAny(Right.Read)
            .Describe("listJobs", "Lists jobs, newest first", ([Range(1, LimitMax)] int limit = LimitMax, [Description(After)] long? after = null) => default(PageAnswer<JobAnswer>)!);
        jobs.MapGet("{id}", http => ReadAsync(http, runner)).NeedsAny(Right.Read)
            .Describe("readJob", "Reads the state of a job", (long id, [FromHeader(Name = "Prefer"), Description("wait=SECONDS: answer when the job has ended or after this time, at most 60 seconds.")] string? prefer = null) => default(JobAnswer)!);
        jobs.MapGet("{id}/results", ReadResultsAsync).NeedsAny(Right.Read)
            .Describe("readJobResults", "Reads the results of a job, in the order of the inputs",
                (long id, [Range(1, LimitMax)] int limit = LimitMax, [Description(After)] long? after = null, [Description("Only inputs that failed.")] bool failed = false) => default(PageAnswer<JobRowAnswer>)!);
        jobs.MapGet("{id}/rejected", ReadRejectedAsync).NeedsAny(Right.Read)
            .Describe("readRejected", "Reads the inputs that failed, one for each line, to correct and send again", (long id) => default(RejectedAnswer)!, contentType: "application/x-ndjson");
        jobs.MapPost("{id}/cancel", http => CancelAsync(http, runner)).NeedsAny(Right.Write)
            .Describe("cancelJob", "Cancels a job; inputs already applied stay applied", (long id) => default(JobAnswer)!);
    }

    static async Task ListAsync(HttpContext http)
    {
        var limit = http.QueryLimit(LimitMax, LimitMax);
        var jobs = await http.Call().Store.Jobs.ListAsync(http.QueryNumber("after") ?? long.MaxValue, limit + 1);
        await Wire.RespondPageAsync(http.Response, jobs.Take(limit).Where(job => MayUse(http.Call(), job, Right.Read)), Wire.LinkTo(http.Request, jobs.Count > limit ? jobs[limit].Id : null), (json, job) => JobResponse.Write(json, http.Request, job));
    }

    // With "Prefer: wait=10", waits up to ten seconds for the end of the job.
    static async Task ReadAsync(HttpContext http, JobRunner runner)
    {
        var job = await FindAsync(http);
        if (!job.Ended && Prefer.Wait(http.Request) is var wait && wait > TimeSpan.Zero)
        {
            await runner.WaitAsync(http.Call().Store, http.Call().Caller.PortalId, job.Id, wait, http.RequestAborted);
            job = await FindAsync(http);
        }

        await JobResponse.RespondAsync(http, StatusCodes.Status200OK, job);
    }

    static async Task ReadResultsAsync(HttpContext http)
    {
        var job = await FindAsync(http, before: 1);
        var limit = http.QueryLimit(LimitMax, LimitMax);
        var after = http.QueryNumber("after") ?? 0;
        // One more than the page shows whether there is a next page.
        var rows = await http.Call().Store.Jobs.RowsAsync(job.Id, after, limit + 1, http.QueryFlag("failed"));
        // Until the job has ended, the page ends at its current position, and the next page begins there.
        long? next = rows.Count > limit ? rows[limit].Index
            : job.Ended ? null
            : Math.Max(Math.Max(after, job.Done), rows.Count > 0 ? rows[^1].Index + 1 : 0);
        await Wire.RespondPageAsync(http.Response, rows.Take(limit), Wire.LinkTo(http.Request, next), JobResponse.WriteRow);
    }

    // Reads and writes one step of the job at a time.
    static async Task ReadRejectedAsync(HttpContext http)
    {
        var job = await FindAsync(http, before: 1);
        if (TypeOf(http.Call(), job).Guarded is { } guarded && !http.Call().Caller.Scopes.Allow(guarded.Need))
        {
            throw new Refusal(Faults.MissingScopes(guarded.Need)); // the inputs have such values
        }

        http.Response.ContentType = "application/x-ndjson";
        var after = 0L;
        while (await http.Call().Store.Jobs.RejectedAsync(job.Id, after) is { Count: > 0 } rejected)
        {
            foreach (var row in rejected)
            {
                RejectedResponse.Write(http.Response.BodyWriter, row);
            }

            await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
            after = rejected[^1].Index + 1;
        }
    }

    static async Task CancelAsync(HttpContext http, JobRunner runner)
    {
        var call = http.Call();
        var job = await call.Store.Jobs.CancelAsync((await FindAsync(http, before: 1, Right.Write)).Id) ?? throw new Refusal(Faults.ResourceNotFound());
        runner.Work(call.Store, call.Caller.PortalId, job);
        await JobResponse.RespondAsync(http, StatusCodes.Status200OK, job);
    }

    static async Task<Job> FindAsync(HttpContext http, int before = 0, Right right = Right.Read)
    {
        var call = http.Call();
        return !long.TryParse(http.LastPathSegment(before), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || await call.Store.Jobs.FindAsync(id) is not { } job ? throw new Refusal(Faults.ResourceNotFound())
            : !MayUse(call, job, right) ? throw new Refusal(Faults.MissingScopes(TypeOf(call, job).Scopes[right]))
            : job;
    }

    static bool MayUse(Call call, Job job, Right right) => call.Caller.Scopes.Allow(TypeOf(call, job).Scopes[right]);

    static ObjectType TypeOf(Call call, Job job) => call.Portal.FindStored(job.Type).Type;
}
