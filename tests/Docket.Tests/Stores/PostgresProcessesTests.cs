using System.Text;
using Docket.Jobs;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Stores.Postgres;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Docket.Tests.Stores;

/// <summary>What two processes promise that serve a portal of one PostgreSQL database.</summary>
public sealed class PostgresProcessesTests : IAsyncLifetime
{
    readonly ManualClock clock = new();
    readonly string directory = Directory.CreateTempSubdirectory("docket-processes-").FullName;
    PostgresSchema schema = null!;
    Process one = null!, other = null!;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        schema = await PostgresSchema.ChooseAsync();
        one = await StartAsync("one");
        other = await StartAsync("other");
    }

    public async ValueTask DisposeAsync()
    {
        await one.DisposeAsync();
        await other.DisposeAsync();
        await schema.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_job_is_continued_by_another_process_where_its_process_ended()
    {
        var job = await TakeAsync(one, 250, last: true);
        await ApplyAsync(one, job, first: 0, count: 100);
        Assert.False(await other.Store.Jobs.ClaimAsync(job));
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(other, job, first: 100, count: 100));
        Assert.False(Assert.Single(await other.Store.Jobs.UnfinishedAsync()).IsOurs);

        await one.DisposeAsync();
        Assert.Equal([one.Portal], await other.Portals.AbandonedAsync(Cancellation));
        Assert.True(await other.Portals.IsCareDueAsync(other.Portal, Cancellation));
        Assert.True(await other.Store.Jobs.ClaimAsync(job));
        Assert.False(await other.Portals.IsCareDueAsync(other.Portal, Cancellation));
        job = Assert.Single(await other.Store.Jobs.UnfinishedAsync());
        Assert.Equal((true, 100), (job.IsOurs, job.Done));
        await ApplyAsync(other, job, first: 100, count: 100);
        await ApplyAsync(other, job, first: 200, count: 50);
        job = (await other.Store.Jobs.FindAsync(job.Id))!;
        Assert.Equal((JobStatus.Complete, 250, 250), (job.Status, job.Done, job.Created));
        Assert.Equal(250, (await other.Store.FeedAsync(0, 1000, int.MaxValue, Cancellation)).Length);
    }

    [Fact]
    public async Task A_process_that_was_stopped_while_another_took_over_its_job_applies_nothing_more()
    {
        var job = await TakeAsync(one, 200, last: true);
        await StopAsync(one);
        Assert.True(await other.Store.Jobs.ClaimAsync(job));
        var refusal = await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(one, job, first: 0, count: 100));
        Assert.Equal(ErrorReason.JobMoved, refusal.Error.Reason);
        await Assert.ThrowsAsync<Refusal>(() => one.Store.Jobs.RecordAsync(new(job.Id, 0, 100, _ => Rows(100)), Rows(100)));
        Assert.False((await one.Store.Jobs.FindAsync(job.Id))!.IsOurs);
        await ApplyAsync(other, job, first: 0, count: 100);
        await ApplyAsync(other, job, first: 100, count: 100);
        Assert.Equal(JobStatus.Complete, (await one.Store.Jobs.FindAsync(job.Id))!.Status);
        Assert.Equal(200, (await one.Store.FeedAsync(0, 1000, int.MaxValue, Cancellation)).Length);
    }

    [Fact]
    public async Task What_a_process_has_left_to_follow_another_one_follows_after_its_next_write()
    {
        await ApplyAsync(other.Store, null, 1);
        await one.DisposeAsync();
        await using (var source = NpgsqlDataSource.Create(schema.ConnectionString))
        {
            await using var note = source.CreateCommand($"WITH note AS (INSERT INTO unfollowed SELECT portal, {RecordKey.Of(Contacts.Type, 1, archived: false)}, 0 FROM head) UPDATE head SET unfollowed = true");
            await note.ExecuteNonQueryAsync(Cancellation);
            await ApplyAsync(other.Store, null, 1);
            await using var left = source.CreateCommand("SELECT unfollowed OR EXISTS (SELECT FROM unfollowed) FROM head");
            while ((bool)(await left.ExecuteScalarAsync(Cancellation))!)
            {
                await Task.Delay(5, Cancellation);
            }
        }
    }

    [Fact]
    public async Task What_writes_nothing_leaves_the_rows_that_every_write_changes()
    {
        var record = (await ApplyAsync(one.Store, null, 1)).Results[0].Record!;
        var before = await RowsAsync();
        Assert.Equal(Effect.Unchanged, (await UpdateAsync(record.Id)).Results[0].Effect);
        Assert.Equal(Effect.Created, (await one.Store.ApplyAsync(Validation.Check(WriteKind.Create, [Input()], one.Store.Schema.Of(Tickets.Type), Schemata.Caller, OptionalFeatures.DryRun))).Results[0].Effect);
        Assert.NotEmpty((await UpdateAsync(1)).Faults);
        Assert.Equal(Condition.Ready, (await one.Store.ConditionAsync()).State);
        Assert.Equal(before, await RowsAsync());

        await using var held = await one.Store.Answers.HoldAsync("1", "key");
        Assert.Equal(Effect.Unchanged, (await UpdateAsync(record.Id, new KeptAnswer(new("1", "key", [1]), _ => new(204, null, [])))).Results[0].Effect);
        Assert.NotEqual(before, await RowsAsync()); // an answer is kept, so that it must be known whether that was done

        Task<Outcome> UpdateAsync(long id, SideWrite? note = null) =>
            one.Store.ApplyAsync(Validation.Check(WriteKind.Update, [Input(id)], one.Store.Schema.Of(Tickets.Type), Schemata.Caller), note);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_process_that_stands_still_in_a_transaction_makes_others_wait_for_seconds_and_refuses_nobody()
    {
        await using var database = await PostgresDatabase.OpenAsync(schema.ConnectionString, cancellation: Cancellation);
        using var still = new PortalSession(database);
        still.Begin();
        still.Ask("SELECT FROM head WHERE portal = $1 FOR UPDATE", PortalSession.Value(one.Portal));
        still.Read().Dispose();
        var waiting = ApplyAsync(other.Store, null, 1);
        await Task.Delay(50, Cancellation);
        Assert.False(waiting.IsCompleted);
        await waiting;
        still.Queue("UPDATE head SET sequence = 0 WHERE portal = $1", PortalSession.Value(one.Portal));
        Assert.True(PostgresFailures.IsInterruption(Assert.ThrowsAny<Exception>(still.Commit)));
        await ApplyAsync(one.Store, null, 1);
        Assert.Equal(2, (await other.Store.FeedAsync(0, 1000, int.MaxValue, Cancellation)).Length);
    }

    [Fact]
    public async Task A_server_that_is_started_again_in_its_directory_need_not_wait_for_what_it_left()
    {
        var job = await TakeAsync(one, 1, last: true);
        var former = one.Portals.Process;
        await one.DisposeAsync();
        await SetUntilAsync(former, "10 seconds"); // as if it had been killed
        Assert.False(await other.Store.Jobs.ClaimAsync(job));
        await using var again = await StartAsync("one");
        Assert.True(await again.Store.Jobs.ClaimAsync(job));
    }

    [Fact]
    public async Task A_job_that_two_processes_want_to_take_over_goes_to_one()
    {
        var job = await TakeAsync(one, 1, last: true);
        await one.DisposeAsync();
        await using var third = await StartAsync("third");
        bool[] taken = await Task.WhenAll(other.Store.Jobs.ClaimAsync(job), third.Store.Jobs.ClaimAsync(job));
        Assert.Single(taken, true);
        Assert.Equal(taken[0], (await other.Store.Jobs.FindAsync(job.Id))!.IsOurs);
    }

    [Theory]
    [InlineData(JobStatus.Receiving)]
    [InlineData(JobStatus.Pending)]
    public async Task An_upload_goes_on_while_another_process_starts_and_is_given_up_when_its_own_has_ended(object status)
    {
        var job = await TakeAsync(one, 10, last: false, (JobStatus)status);
        await using (await RunAsync(other))
        {
            job = await one.Store.Jobs.TakeAsync(job, Lines(10), 10, last: false, null);
            Assert.Equal(((JobStatus)status, 20), (job.Status, job.Inputs));
        }

        await StopAsync(one);
        await using (await RunAsync(other))
        {
            Assert.Equal(JobStatus.Canceled, (await one.Store.Jobs.TakeAsync(job, Lines(10), 10, last: true, null)).Status);
            Assert.Empty(await other.Store.Jobs.UnfinishedAsync());
        }
    }

    [Fact]
    public async Task A_job_whose_process_ended_in_the_middle_is_completed_by_another_and_waited_for_at_a_third()
    {
        var job = await TakeAsync(one, 250, last: true);
        await ApplyAsync(one, job, first: 0, count: 100);
        await one.DisposeAsync();
        await using var third = await StartAsync("third");
        await using var idle = new JobRunner(third.Portals, clock, NullLogger.Instance);
        var waiting = idle.WaitAsync(third.Store, third.Portal, job.Id, TimeSpan.FromMinutes(1), Cancellation);
        await using (await RunAsync(other))
        {
            await waiting;
        }

        job = (await third.Store.Jobs.FindAsync(job.Id))!;
        Assert.Equal((JobStatus.Complete, 250, 250), (job.Status, job.Done, job.Created + job.Failed));
        Assert.Equal(Enumerable.Range(0, 250).Select(i => (long)i), (await third.Store.Jobs.RowsAsync(job.Id, 0, 1000, failedOnly: false)).Select(row => row.Index));
    }

    [Fact]
    public async Task A_key_held_in_one_process_is_held_in_all_until_that_has_ended()
    {
        var held = await one.Store.Answers.HoldAsync("1", "key");
        Assert.NotNull(held);
        Assert.Null(await other.Store.Answers.HoldAsync("1", "key"));
        await held.DisposeAsync();
        await using var next = await other.Store.Answers.HoldAsync("1", "key");
        Assert.NotNull(next);
        Assert.Null(await one.Store.Answers.HoldAsync("1", "key"));
        await StopAsync(other);
        Assert.NotNull(await one.Store.Answers.HoldAsync("1", "key"));
    }

    [Fact]
    public async Task Of_many_requests_with_the_same_key_at_two_processes_one_is_executed()
    {
        var executed = 0;
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            var store = (i % 2 == 0 ? one : other).Store;
            while (true)
            {
                await using var held = await store.Answers.HoldAsync("1", "key");
                if (held is not null && await store.Answers.FindAsync("1", "key") is not null)
                {
                    return;
                }

                if (held is not null)
                {
                    Interlocked.Increment(ref executed);
                    await ApplyAsync(store, new KeptAnswer(new("1", "key", [1]), _ => new(204, null, [])), 1);
                }
            }
        }));
        Assert.Equal(1, executed);
        Assert.Single(await one.Store.FeedAsync(0, 1000, int.MaxValue, Cancellation));
    }

    [Fact]
    public async Task A_process_that_was_stopped_while_another_took_its_key_writes_nothing_with_it()
    {
        await using var lost = await one.Store.Answers.HoldAsync("1", "key");
        await StopAsync(one);
        await using var held = await other.Store.Answers.HoldAsync("1", "key");
        var note = new KeptAnswer(new("1", "key", [1]), _ => new(204, null, []));
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(one.Store, note, 1));
        await ApplyAsync(other.Store, note, 1);
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(one.Store, note, 1));
        Assert.Single(await one.Store.FeedAsync(0, 1000, int.MaxValue, Cancellation));
    }

    static ReadOnlyMemory<byte> Lines(int count) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("""{"properties":{"hs_pipeline_stage":"1"}}""" + '\n', count)));

    static JobRows Rows(int count) => new(Lines(count), count, 0, 0);

    Task<Job> TakeAsync(Process process, int count, bool last, JobStatus status = JobStatus.Pending) => process.Store.Jobs.TakeAsync(
        new(0, status, Open: true, Whole: false, WriteKind.Create, Tickets.Type.Plural, Schemata.Caller.Source, Instant.Now(clock)), Lines(count), count, last, null);

    static Task<Outcome> ApplyAsync(Process process, Job job, int first, int count) => ApplyAsync(process.Store, new JobStep(job.Id, first, count, _ => Rows(count)), count);

    static Task<Outcome> ApplyAsync(IStore store, SideWrite? note, int count) => store.ApplyAsync(
        Validation.Check(WriteKind.Create, [.. Enumerable.Repeat(Input(), count)], store.Schema.Of(Tickets.Type), Schemata.Caller), note);

    async Task<JobRunner> RunAsync(Process process)
    {
        var runner = new JobRunner(process.Portals, clock, NullLogger.Instance);
        await runner.StartAsync();
        return runner;
    }

    // As if it hadn't run for longer than its lease, and continued. It doesn't renew the lease, however long the test takes.
    async Task StopAsync(Process process)
    {
        await using var source = NpgsqlDataSource.Create(schema.ConnectionString);
        await using var command = source.CreateCommand($"""
            CREATE FUNCTION not_renewed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.until > now() THEN NULL ELSE NEW END; END';
            CREATE TRIGGER stopped BEFORE UPDATE ON process FOR EACH ROW WHEN (OLD.id = '{process.Portals.Process}') EXECUTE FUNCTION not_renewed()
            """);
        await command.ExecuteNonQueryAsync(Cancellation);
        await SetUntilAsync(process.Portals.Process, "-1 second");
    }

    async Task SetUntilAsync(Guid process, string fromNow)
    {
        await using var source = NpgsqlDataSource.Create(schema.ConnectionString);
        await using var command = source.CreateCommand("UPDATE process SET until = now() + $2::interval WHERE id = $1");
        command.Parameters.Add(PortalSession.Value(process));
        command.Parameters.Add(PortalSession.Value(fromNow));
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancellation));
    }

    // The last transaction that changed the row of each portal and of each process in it.
    async Task<string> RowsAsync()
    {
        await using var source = NpgsqlDataSource.Create(schema.ConnectionString);
        await using var command = source.CreateCommand("SELECT string_agg(version, ' ' ORDER BY version) FROM (SELECT xmin::text AS version FROM head UNION ALL SELECT xmin::text FROM write_mark) x");
        return (string)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    async Task<Process> StartAsync(string name)
    {
        var portals = await PostgresPortals.OpenAsync(schema.ConnectionString, null, Path.Combine(directory, name), StandardTypes.All, clock, NullLogger.Instance, serve: true);
        var portal = await portals.ListAsync(Cancellation) is [var first, ..] ? first : await portals.CreateAsync("first");
        return new(portals, portal.Id, await portals.OpenAsync(portal.Id, Cancellation));
    }

    static RecordInput Input(long? id = null) => new() { Id = Encoding.UTF8.GetBytes($"{id}"), Values = [new("hs_pipeline_stage"u8.ToArray(), "1"u8.ToArray())] };

    sealed record Process(PostgresPortals Portals, long Portal, IStore Store) : IAsyncDisposable
    {
        bool isEnded;

        public async ValueTask DisposeAsync()
        {
            if (!isEnded)
            {
                isEnded = true;
                await Portals.DisposeAsync();
            }
        }
    }
}
