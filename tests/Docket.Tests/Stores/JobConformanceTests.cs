using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Writes;

namespace Docket.Tests.Stores;

/// <summary>What every engine promises that keeps jobs and answers beside the records.</summary>
public abstract class JobConformanceTests : StoreConformanceTests
{
    [Fact]
    public async Task A_step_of_a_job_is_applied_once_and_never_after_the_job_has_ended()
    {
        var job = await AddJobAsync(lines: "{}\n{}\n", count: 2);
        var step = new JobStep(job.Id, 0, 1, outcome => new("{}\n"u8.ToArray(), outcome.Results.Length, 0, 0));
        await ApplyAsync(step);
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(step));
        await Assert.ThrowsAsync<Refusal>(() => Store.Jobs.RecordAsync(step, new("{}\n"u8.ToArray(), 0, 0, 0) { Failures = [0] }));
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(step with { Job = job.Id + 1 }));
        Assert.Single(await ListAsync());

        await Store.Jobs.CancelAsync(job.Id);
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(step with { First = 1 }));
        Assert.Single(await ListAsync());
        var ended = (await Store.Jobs.FindAsync(job.Id))!;
        Assert.Equal((JobStatus.Canceled, 2, 1, 1), (ended.Status, ended.Inputs, ended.Done, ended.Created));
        Assert.Single(await Store.Jobs.RowsAsync(job.Id, 0, 10, failedOnly: false));
    }

    [Fact]
    public async Task A_step_that_is_refused_leaves_neither_records_nor_progress()
    {
        var job = await AddJobAsync(lines: "{}\n", count: 1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ApplyAsync(new JobStep(job.Id, 0, 1, _ => throw new InvalidOperationException("thrown by the test"))));
        Assert.Empty(await ListAsync());
        Assert.Equal(0, (await Store.Jobs.FindAsync(job.Id))!.Done);
        Assert.Equal("{}", Encoding.UTF8.GetString(Assert.Single(await Store.Jobs.LinesAsync(job, all: false)).Json));
    }

    [Fact]
    public async Task What_is_left_of_a_job_after_a_step_is_what_comes_behind_it_and_nothing_when_it_is_done()
    {
        var job = await AddJobAsync(lines: "a\nb\nc\n", count: 3);
        await ApplyAsync(new JobStep(job.Id, 0, 2, _ => new("0\n1\n"u8.ToArray(), 2, 0, 0)));
        job = (await Store.Jobs.FindAsync(job.Id))!;
        Assert.Equal("c", Encoding.UTF8.GetString(Assert.Single(await Store.Jobs.LinesAsync(job, all: true)).Json));
        await CloseAsync();
        Store = await OpenAsync();
        Assert.True(await Store.Jobs.ClaimAsync(job));
        Assert.Equal(job with { }, Assert.Single(await Store.Jobs.UnfinishedAsync()));
        await ApplyAsync(new JobStep(job.Id, 2, 1, _ => new("2\n"u8.ToArray(), 1, 0, 0)));
        Assert.Equal(JobStatus.Complete, (await Store.Jobs.FindAsync(job.Id))!.Status);
        Assert.Empty(await Store.Jobs.UnfinishedAsync());
        Assert.Empty(await Store.Jobs.LinesAsync(job, all: true));
        Assert.Equal([1, 2], (await Store.Jobs.RowsAsync(job.Id, 1, 10, failedOnly: false)).Select(row => row.Index));
    }

    [Fact]
    public async Task Jobs_and_answers_that_are_kept_no_longer_are_removed_a_little_at_a_time()
    {
        for (var i = 0; i < 3; i++)
        {
            var job = await AddJobAsync(lines: "{}\n", count: 1);
            await ApplyAsync(new JobStep(job.Id, 0, 1, _ => new("{}\n"u8.ToArray(), 1, 0, 0)));
        }

        await using (await Store.Answers.HoldAsync("1", "key"))
        {
            await ApplyAsync(new KeptAnswer(new("1", "key", [1]), _ => new(201, "/there", "{}"u8.ToArray())));
        }

        var unfinished = await AddJobAsync(lines: "{}\n", count: 1);
        Assert.False(await Store.Jobs.SweepAsync());
        Clock.Advance(TimeSpan.FromHours(24));
        Assert.Null(await Store.Jobs.FindAsync(1));
        Assert.Null(await Store.Answers.FindAsync("1", "key"));
        Assert.True(await Store.Jobs.SweepAsync());
        while (await Store.Jobs.SweepAsync())
        {
        }

        Assert.Equal(unfinished.Id, Assert.Single(await Store.Jobs.ListAsync(long.MaxValue, 10)).Id);
        Assert.Empty(await Store.Jobs.RowsAsync(1, 0, 10, failedOnly: false));
    }

    [Fact]
    public async Task An_answer_is_kept_with_its_write_and_not_without()
    {
        await using var held = await Store.Answers.HoldAsync("1", "key");
        await using var other = await Store.Answers.HoldAsync("1", "other");
        await Assert.ThrowsAsync<InvalidOperationException>(() => ApplyAsync(new KeptAnswer(new("1", "key", [1]), _ => throw new InvalidOperationException("thrown by the test"))));
        await ApplyAsync(new KeptAnswer(new("1", "other", [1]), _ => null));
        Assert.Null(await Store.Answers.FindAsync("1", "key"));
        Assert.Null(await Store.Answers.FindAsync("1", "other"));
        Assert.Single(await ListAsync());

        await ApplyAsync(new KeptAnswer(new("1", "key", [1]), outcome => new(204, null, [], "0, 2")));
        await CloseAsync();
        Store = await OpenAsync();
        var (answer, request) = (await Store.Answers.FindAsync("1", "key"))!.Value;
        Assert.Equal((204, null, 0, "0, 2"), (answer.Status, answer.Location, answer.Body.Length, answer.Folded));
        Assert.Equal([1], request);
        Assert.Null(await Store.Answers.FindAsync("2", "key"));
    }

    [Fact]
    public async Task A_key_is_held_by_one_at_a_time()
    {
        var held = (await Store.Answers.HoldAsync("1", "key"))!;
        Assert.Null(await Store.Answers.HoldAsync("1", "key"));
        await using var other = await Store.Answers.HoldAsync("2", "key");
        Assert.NotNull(other);
        await held.DisposeAsync();
        await using var again = await Store.Answers.HoldAsync("1", "key");
        Assert.NotNull(again);
        await held.DisposeAsync();
        Assert.Null(await Store.Answers.HoldAsync("1", "key"));
    }

    Task<Outcome> ApplyAsync(SideWrite note) =>
        Store.ApplyAsync(Validation.Check(WriteKind.Create, [Input(("hs_pipeline_stage", "1"))], Store.Schema.Of(Tickets.Type), Schemata.Caller), note);

    Task<Job> AddJobAsync(string lines, int count) => Store.Jobs.TakeAsync(
        new(0, JobStatus.Pending, Open: true, Whole: false, WriteKind.Create, Tickets.Type.Plural, Schemata.Caller.Source, Now), Encoding.UTF8.GetBytes(lines), count, last: true, null);
}
