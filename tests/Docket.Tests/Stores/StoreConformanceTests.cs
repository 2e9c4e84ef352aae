using System.Collections.Immutable;
using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Stores;
using Docket.Writes;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

/// <summary>What every engine promises at <see cref="IStore"/>. An engine's own class says how a store is opened and closed, and inherits the rest.</summary>
public abstract partial class StoreConformanceTests : IAsyncLifetime
{
    private protected ManualClock Clock { get; } = new();

    private protected IStore Store { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Store = await OpenAsync();
        foreach (var (name, unique) in ((string, bool)[])[("ext_a", true), ("ext_b", true), ("note", false)])
        {
            await AddPropertyAsync(Schemata.Custom(name) with { HasUniqueValue = unique });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await RemoveAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens this test's portal: empty the first time, afterwards with what it had when it was closed.</summary>
    private protected abstract ValueTask<IStore> OpenAsync();

    /// <summary>Closes it; its content stays.</summary>
    private protected abstract ValueTask CloseAsync();

    /// <summary>Takes away what it held.</summary>
    private protected abstract ValueTask RemoveAsync();

    [Fact]
    public async Task A_created_record_is_found_by_id_and_by_every_unique_value()
    {
        var record = await CreateAsync(("subject", "hello"), ("ext_a", "A"), ("ext_b", "B"), ("hs_pipeline_stage", "2"));

        foreach (var found in (Record?[])[await FindAsync(record.Id), await FindAsync("ext_a", "A"), await FindAsync("ext_b", "B")])
        {
            Assert.NotNull(found);
            Assert.Equal(record.Id, found.Id);
            Assert.Equal(("hello", "2", "0"), (Value(found, "subject"), Value(found, "hs_pipeline_stage"), Value(found, "hs_pipeline")));
            Assert.Equal((Now, Now, null), (found.CreatedAt, found.UpdatedAt, found.ArchivedAt));
            Assert.Equal(Schemata.Caller.Source, found.Source);
            Assert.Equal(record.Values.ToArray(), found.Values.ToArray());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(9_999_999_999)]
    public async Task An_id_that_nobody_has_finds_nothing(long id)
    {
        await CreateAsync(("hs_pipeline_stage", "1"));
        Assert.Null(await FindAsync(id));
        Assert.Null(await FindAsync(id, archived: true));
    }

    [Fact]
    public async Task Unique_values_are_compared_byte_by_byte()
    {
        var ids = new HashSet<long>();
        foreach (var value in (string[])["a", "A", " a", "a ", "ä", "a\u0308", "\u0000", "a\u0000"])
        {
            Assert.True(ids.Add((await CreateAsync(("ext_a", value), ("hs_pipeline_stage", "1"))).Id));
        }

        Assert.Equal(ids.Order(), (await ListAsync()).Select(record => record.Id));
        Assert.Null(await FindAsync("ext_a", "a\u0000\u0000"));
        Assert.Null(await FindAsync("ext_b", "a"));
    }

    [Fact]
    public async Task A_taken_value_refuses_the_whole_batch_and_leaves_no_trace()
    {
        var holder = await CreateAsync(("ext_a", "taken"), ("hs_pipeline_stage", "1"));
        var outcome = await ApplyAsync(WriteKind.Create, Input(("ext_a", "free"), ("hs_pipeline_stage", "1")), Input(("ext_a", "taken"), ("hs_pipeline_stage", "1")));

        Assert.True(outcome.Refused);
        Assert.Equal((FaultKind.UniqueTaken, 1, holder.Id), Assert.Single(outcome.Faults) is var fault ? (fault.Kind, fault.Index, fault.Existing) : default);
        Assert.Null(await FindAsync("ext_a", "free"));
        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task A_batch_with_trace_ids_is_decided_row_by_row()
    {
        await CreateAsync(("ext_a", "taken"), ("hs_pipeline_stage", "1"));
        var outcome = await ApplyAsync(
            WriteKind.Create, Traced(Input(("ext_a", "free"), ("hs_pipeline_stage", "1"))), Traced(Input(("ext_a", "taken"), ("hs_pipeline_stage", "1"))), Traced(Input(("subject", "no stage"))));

        Assert.Equal([Effect.Created, Effect.None, Effect.None], outcome.Results.Select(result => result.Effect));
        Assert.Equal([FaultKind.UniqueTaken, FaultKind.RequiredMissing], outcome.Faults.Select(fault => fault.Kind));
        Assert.NotNull(await FindAsync("ext_a", "free"));
        Assert.Equal(2, (await ListAsync()).Length);
    }

    [Fact]
    public async Task An_upsert_creates_once_and_updates_from_then_on()
    {
        var first = await ApplyAsync(WriteKind.Upsert, Keyed("ext_a", "1", ("subject", "one"), ("hs_pipeline_stage", "1")));
        Clock.Advance(TimeSpan.FromSeconds(5));
        var second = await ApplyAsync(WriteKind.Upsert, Keyed("ext_a", "1", ("subject", "two")));
        Clock.Advance(TimeSpan.FromSeconds(5));
        var third = await ApplyAsync(WriteKind.Upsert, Keyed("ext_a", "1", ("subject", "two")));

        Assert.Equal([Effect.Created, Effect.Updated, Effect.Unchanged], ((Outcome[])[first, second, third]).Select(outcome => outcome.Results[0].Effect));
        var record = (await FindAsync("ext_a", "1"))!;
        Assert.Equal(first.Results[0].Record!.Id, record.Id);
        Assert.Equal((Now - 10_000, Now - 5_000, "two"), (record.CreatedAt, record.UpdatedAt, Value(record, "subject")));
    }

    [Fact]
    public async Task A_changed_or_cleared_unique_value_is_free_again()
    {
        var record = await CreateAsync(("ext_a", "old"), ("ext_b", "old"), ("hs_pipeline_stage", "1"));
        await ApplyAsync(WriteKind.Update, ById(record.Id, ("ext_a", "new"), ("ext_b", "")));

        Assert.Null(await FindAsync("ext_a", "old"));
        Assert.Null(await FindAsync("ext_b", "old"));
        Assert.Equal(record.Id, (await FindAsync("ext_a", "new"))!.Id);
        var next = await CreateAsync(("ext_a", "old"), ("ext_b", "old"), ("hs_pipeline_stage", "1"));
        Assert.Equal(next.Id, (await FindAsync("ext_a", "old"))!.Id);
    }

    [Fact]
    public async Task An_archived_record_moves_to_the_other_list_and_frees_its_values()
    {
        var record = await CreateAsync(("ext_a", "A"), ("subject", "kept"), ("hs_pipeline_stage", "1"));
        Clock.Advance(TimeSpan.FromSeconds(1));
        var outcome = await ApplyAsync(WriteKind.Archive, ById(record.Id), ById(99));

        Assert.Equal([Effect.Archived, Effect.None], outcome.Results.Select(result => result.Effect));
        Assert.Null(await FindAsync(record.Id));
        Assert.Null(await FindAsync("ext_a", "A"));
        Assert.Empty(await ListAsync());
        var archived = (await FindAsync(record.Id, archived: true))!;
        Assert.Equal((Now, "kept", "A"), (archived.ArchivedAt, Value(archived, "subject"), Value(archived, "ext_a")));
        Assert.Equal(record.Id, Assert.Single(await ListAsync(archived: true)).Id);
        await CreateAsync(("ext_a", "A"), ("hs_pipeline_stage", "1"));
        Assert.Equal(["subject: kept"], await HistoryAsync(archived, "subject"));
    }

    [Fact]
    public async Task Lists_are_ranges_in_order_of_id_active_and_archived_apart()
    {
        var ids = new List<long>();
        for (var i = 0; i < 30; i++)
        {
            ids.Add((await CreateAsync(("subject", $"{i}"), ("hs_pipeline_stage", "1"))).Id);
        }

        var gone = ids.Where((_, i) => i % 3 == 0).ToList();
        await ApplyAsync(WriteKind.Archive, [.. gone.Select(id => ById(id))]);
        foreach (var (archived, expected) in ((bool, List<long>)[])[(true, gone), (false, [.. ids.Except(gone)])])
        {
            Assert.Equal(expected, (await ListAsync(archived: archived)).Select(record => record.Id));
            Assert.Equal(expected.Take(4), (await ListAsync(limit: 4, archived: archived)).Select(record => record.Id));
            Assert.Equal(expected.Skip(4).Take(3), (await ListAsync(expected[4], 3, archived)).Select(record => record.Id));
            Assert.Equal(expected.Skip(5).Take(1), (await ListAsync(expected[4] + 1, 1, archived)).Select(record => record.Id));
            Assert.Equal(expected, (await ListAsync(long.MinValue, archived: archived)).Select(record => record.Id));
            Assert.Empty(await ListAsync(expected[^1] + 1, archived: archived));
            Assert.Empty(await ListAsync(long.MaxValue, archived: archived));
        }
    }

    [Fact]
    public async Task History_follows_one_property_newest_first_and_stops_at_the_limit()
    {
        var record = await CreateAsync(("subject", "0"), ("hs_pipeline_stage", "1"));
        for (var i = 1; i < 30; i++)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(10));
            await ApplyAsync(WriteKind.Update, ById(record.Id, ("note", $"{i}")));
            if (i % 10 == 0)
            {
                await ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", $"{i}")));
            }

            await CreateAsync(("subject", "another"), ("hs_pipeline_stage", "1"));
        }

        record = (await FindAsync(record.Id))!;
        Assert.Equal(["subject: 20", "subject: 10", "subject: 0"], await HistoryAsync(record, "subject"));
        Assert.Equal(Enumerable.Range(1, 29).Reverse().Select(i => $"note: {i}"), await HistoryAsync(record, "note"));
        Assert.Equal(["note: 29", "note: 28"], await HistoryAsync(record, "note", limit: 2));
        Assert.Empty(await HistoryAsync(record, "content"));
        Assert.Empty(await HistoryAsync(record, "note", limit: 0));
        var entries = await HistoryOfAsync(record, "note", 100);
        Assert.All(entries, entry => Assert.Equal(Schemata.Caller.Source, entry.Source));
        Assert.Equal(entries.Select(entry => entry.Timestamp).OrderDescending(), entries.Select(entry => entry.Timestamp));
    }

    [Fact]
    public async Task The_changes_of_a_record_have_its_create_all_updates_and_the_archiving()
    {
        var record = await CreateAsync(("subject", "0"), ("hs_pipeline_stage", "1"));
        await CreateAsync(("subject", "another"), ("hs_pipeline_stage", "1"));
        for (var i = 1; i <= 3; i++)
        {
            await ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", $"{i}")));
            await ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", $"{i}"))); // nothing changes, so there is no change
        }

        await ApplyAsync(WriteKind.Archive, ById(record.Id));
        record = (await FindAsync(record.Id, archived: true))!;
        var changes = await ChangesAsync(record, 100);
        // The clock doesn't move, but a record's changes do.
        Assert.Equal([Now + 4, Now + 3, Now + 2, Now + 1, Now], changes.Select(change => change.Timestamp));
        Assert.Equal([Now + 4, Now + 3], (await ChangesAsync(record, 2)).Select(change => change.Timestamp));
    }

    [Fact]
    public async Task A_schema_change_sees_the_newest_content_and_a_refusal_changes_nothing()
    {
        var before = Store.Schema.Of(Tickets.Type);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => AddPropertyAsync(Schemata.Custom($"made_{i}"))));

        var after = Store.Schema.Of(Tickets.Type);
        Assert.Null(before.Find("made_0"));
        Assert.All(Enumerable.Range(0, 20), i => Assert.NotNull(after.Find($"made_{i}")));
        Assert.Equal(20, after.Content.LastNumber - before.Content.LastNumber);
        Assert.Equal(after.Properties.Length, after.Properties.Select(property => property.Number).Distinct().Count());
        await Assert.ThrowsAsync<Refusal>(() => Store.ChangeSchemaAsync(Tickets.Type, _ => throw new Refusal(Faults.LastPipeline())));
        Assert.Same(after, Store.Schema.Of(Tickets.Type));
    }

    [Fact]
    public async Task A_stage_that_an_active_record_is_in_is_kept_if_that_is_requested()
    {
        var record = await CreateAsync(("hs_pipeline_stage", "2"));
        var refusal = await Assert.ThrowsAsync<Refusal>(() => TakeAwayStageAsync("2"));
        Assert.Equal("PipelineError.STAGE_ID_IN_USE", refusal.Error.SubCategory);
        Assert.Contains(record.Id.ToString(), refusal.Error.Message, StringComparison.Ordinal);
        Assert.NotNull(Store.Schema.Of(Tickets.Type).FindStage("2"u8));

        await ApplyAsync(WriteKind.Update, ById(record.Id, ("hs_pipeline_stage", "3")));
        await TakeAwayStageAsync("2");
        Assert.Null(Store.Schema.Of(Tickets.Type).FindStage("2"u8));

        await ApplyAsync(WriteKind.Archive, ById(record.Id));
        await TakeAwayStageAsync("3");
    }

    [Fact]
    public async Task A_row_that_fails_leaves_the_count_of_its_stage_as_it_was()
    {
        await CreateAsync(("ext_a", "taken"), ("hs_pipeline_stage", "1"));
        var record = await CreateAsync(("ext_a", "mine"), ("hs_pipeline_stage", "2"));
        var outcome = await ApplyAsync(
            WriteKind.Update, Traced(ById(record.Id, ("hs_pipeline_stage", "3"), ("ext_a", "taken"))), Traced(Keyed("ext_a", "taken", ("subject", "done"))));
        Assert.Equal([Effect.None, Effect.Updated], outcome.Results.Select(result => result.Effect));

        await Assert.ThrowsAsync<Refusal>(() => TakeAwayStageAsync("2"));
        await TakeAwayStageAsync("3");
    }

    [Fact]
    public async Task A_batch_that_was_checked_against_an_older_schema_is_checked_again()
    {
        var old = Store.Schema.Of(Tickets.Type);
        var unknown = Validation.Check(WriteKind.Create, [Traced(Input(("later", "x"), ("hs_pipeline_stage", "1")))], old, Schemata.Caller);
        var known = Validation.Check(WriteKind.Create, [Traced(Input(("note", "x"), ("hs_pipeline_stage", "1")))], old, Schemata.Caller);
        Assert.NotEmpty(unknown.Faults);
        Assert.Empty(known.Faults);

        await AddPropertyAsync(Schemata.Custom("later"));
        await Store.ChangeSchemaAsync(Tickets.Type, content => content with
        {
            Properties = content.Properties.Remove("note"),
            ArchivedProperties = content.ArchivedProperties.Add("note", content.Properties["note"]),
        });

        var created = await Store.ApplyAsync(unknown);
        Assert.Equal("x", Value(created.Results[0].Record!, "later"));
        Assert.Same(Store.Schema.Of(Tickets.Type), created.Batch.Schema);
        var refused = await Store.ApplyAsync(known);
        Assert.Equal("PROPERTY_DOESNT_EXIST", Assert.Single(refused.Faults).Code);
        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task A_dry_run_returns_what_would_be_written_and_writes_nothing()
    {
        var kept = await CreateAsync(("subject", "kept"), ("ext_a", "A"), ("hs_pipeline_stage", "2"));
        var upserts = (RecordInput[])[Keyed("ext_a", "A", ("subject", "changed"), ("hs_pipeline_stage", "3")), Keyed("ext_a", "B", ("hs_pipeline_stage", "1"))];
        var tried = await TryAsync(WriteKind.Upsert, upserts);
        Assert.Equal([Effect.Updated, Effect.Created], tried.Results.Select(result => result.Effect));
        Assert.Equal(("changed", 1), (Value(tried.Results[0].Record!, "subject"), tried.Results[1].Record!.Id));
        Assert.Equal([Effect.Archived], (await TryAsync(WriteKind.Archive, ById(kept.Id))).Results.Select(result => result.Effect));

        // Neither records nor values, nor history, nor the counts of stages.
        AssertSame(kept, Assert.Single(await ListAsync()));
        Assert.Null(await FindAsync("ext_a", "B"));
        Assert.Equal(["subject: kept"], await HistoryAsync(kept, "subject"));
        await TakeAwayStageAsync("3");
        await Assert.ThrowsAsync<Refusal>(() => TakeAwayStageAsync("2"));
        Assert.Equal(kept.LastChange + 1, (await CreateAsync(("hs_pipeline_stage", "1"))).FirstChange);
    }

    [Fact]
    public async Task A_dry_run_that_is_checked_again_stays_one()
    {
        var old = Store.Schema.Of(Tickets.Type);
        var batch = Validation.Check(WriteKind.Create, [Input(("note", "x"), ("hs_pipeline_stage", "1"))], old, Schemata.Caller, OptionalFeatures.DryRun);
        await AddPropertyAsync(Schemata.Custom("later"));

        var outcome = await Store.ApplyAsync(batch);
        Assert.NotSame(old, outcome.Batch.Schema);
        Assert.Equal(Effect.Created, outcome.Results[0].Effect);
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task Many_at_once_make_one_record_per_key()
    {
        const int writers = 16, keys = 5, rounds = 10;
        var outcomes = await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var mine = new List<Outcome>();
            for (var round = 0; round < rounds; round++)
            {
                mine.Add(await ApplyAsync(WriteKind.Upsert, [.. Enumerable.Range(0, keys).Select(i => Keyed("ext_a", $"{round}-{(i + writer) % keys}", ("note", $"{writer}"), ("hs_pipeline_stage", "1")))]));
            }

            return mine;
        }, Cancellation)));

        var results = outcomes.SelectMany(mine => mine).SelectMany(outcome => outcome.Results).ToList();
        Assert.Equal(rounds * keys, results.Count(result => result.Effect == Effect.Created));
        Assert.Equal(rounds * keys, (await ListAsync()).Length);
        Assert.Equal(rounds * keys, results.Select(result => result.Record!.Id).Distinct().Count());
    }

    [Fact]
    public async Task Readers_see_a_batch_as_a_whole_while_it_is_written()
    {
        const int inputs = 20;
        var batch = Enumerable.Range(0, inputs).Select(i => $"{i}").ToArray();
        await ApplyAsync(WriteKind.Upsert, [.. batch.Select(key => Keyed("ext_a", key, ("note", "0"), ("hs_pipeline_stage", "1")))]);
        var writing = Task.Run(async () =>
        {
            for (var round = 1; round <= 60; round++)
            {
                await ApplyAsync(WriteKind.Upsert, [.. batch.Select(key => Keyed("ext_a", key, ("note", $"{round}")))]);
            }
        }, Cancellation);
        while (!writing.IsCompleted)
        {
            Assert.Single((await ListAsync()).Select(record => Value(record, "note")).Distinct());
        }

        await writing;
    }

    [Fact]
    public async Task A_merge_makes_one_record_of_two_and_both_ids_lead_to_it()
    {
        var primary = await CreateAsync(("subject", "p1"), ("ext_a", "A"), ("hs_pipeline_stage", "1"));
        var other = await CreateAsync(("subject", "o1"), ("note", "n1"), ("ext_a", "A2"), ("ext_b", "B"), ("hs_pipeline_stage", "4"));
        await ApplyAsync(WriteKind.Update, ById(primary.Id, ("subject", "p2")), ById(other.Id, ("note", "n2")));
        Clock.Advance(TimeSpan.FromSeconds(5));

        var merged = (await ApplyAsync(WriteKind.Merge, ById(primary.Id), ById(other.Id))).Results[0].Record!;
        Assert.True(merged.Id > other.Id);
        Assert.Equal((Now, primary.CreatedAt, primary.Source), (merged.UpdatedAt, merged.CreatedAt, merged.Source));
        foreach (var found in (Record?[])[await FindAsync(merged.Id), await FindAsync(primary.Id), await FindAsync(other.Id), await FindAsync("ext_a", "A"), await FindAsync("ext_b", "B"), Assert.Single(await ListAsync())])
        {
            AssertSame(merged, found!);
        }

        Assert.Null(await FindAsync("ext_a", "A2"));
        Assert.Equal(("p2", "n2", "1", $"{primary.Id};{other.Id}"), (Value(merged, "subject"), Value(merged, "note"), Value(merged, "hs_pipeline_stage"), Value(merged, "hs_merged_object_ids")));
        Assert.Equal("(never set)", Value(merged, "closed_date"));
        Assert.Equal(["subject: p2", "subject: p2", "subject: p1"], await HistoryAsync(merged, "subject"));
        Assert.Equal(["note: n2", "note: n2", "note: n1"], await HistoryAsync(merged, "note"));
        Assert.Equal(["MERGE_OBJECTS", "INTEGRATION", "INTEGRATION"], (await ChangesAsync(merged, 10)).Select(entry => entry.Source.Type));

        // Once more, and all ids lead to the last one; also when it is archived and after opening again.
        var third = await CreateAsync(("subject", "third"), ("hs_pipeline_stage", "2"));
        var last = (await ApplyAsync(WriteKind.Merge, ById(third.Id), ById(primary.Id))).Results[0].Record!;
        Assert.Equal($"{primary.Id};{other.Id};{third.Id};{merged.Id}", Value(last, "hs_merged_object_ids"));
        Assert.Equal("A", Value(last, "ext_a"));
        await ApplyAsync(WriteKind.Archive, ById(last.Id));
        await CloseAsync();
        Store = await OpenAsync();
        foreach (var id in (long[])[primary.Id, other.Id, merged.Id, third.Id, last.Id])
        {
            Assert.Null(await FindAsync(id));
            Assert.Equal(last.Id, (await FindAsync(id, archived: true))!.Id);
        }

        await TakeAwayStageAsync("1"); // no record is left in any stage
    }

    [Fact]
    public async Task Writes_by_the_id_of_a_record_that_was_merged_away_find_nothing()
    {
        var (primary, other) = (await CreateAsync(("hs_pipeline_stage", "1")), await CreateAsync(("hs_pipeline_stage", "1")));
        await ApplyAsync(WriteKind.Merge, ById(primary.Id), ById(other.Id));

        Assert.Equal(FaultKind.NotFound, Assert.Single((await ApplyAsync(WriteKind.Update, ById(other.Id, ("note", "x")))).Faults).Kind);
        await ApplyAsync(WriteKind.Archive, ById(other.Id));
        Assert.Single(await ListAsync());
    }

    [Fact]
    public async Task A_merge_that_can_not_be_leaves_no_trace()
    {
        var record = await CreateAsync(("ext_a", "A"), ("hs_pipeline_stage", "1"));
        Assert.Equal((FaultKind.NotFound, 1), Assert.Single((await ApplyAsync(WriteKind.Merge, ById(record.Id), ById(99))).Faults) is var fault ? (fault.Kind, fault.Index) : default);
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(WriteKind.Merge, ById(record.Id), ById(record.Id)));
        AssertSame(record, (await FindAsync("ext_a", "A"))!);
        Assert.Equal(record.LastChange, Store.Sequence);
    }

    [Fact]
    public async Task A_restored_record_is_as_it_was_and_takes_its_values_and_its_stage_again()
    {
        var record = await CreateAsync(("subject", "one"), ("ext_a", "A"), ("hs_pipeline_stage", "2"));
        await ApplyAsync(WriteKind.Archive, ById(record.Id));
        await TakeAwayStageAsync("3"); // another one: the schema has moved on
        var restored = (await ApplyAsync(WriteKind.Restore, ById(record.Id, ("note", "back")))).Results[0];

        Assert.Equal(Effect.Restored, restored.Effect);
        AssertSame(restored.Record!, (await FindAsync("ext_a", "A"))!);
        AssertSame(restored.Record!, Assert.Single(await ListAsync()));
        Assert.Empty(await ListAsync(archived: true));
        Assert.Equal(("one", "back", null), (Value(restored.Record!, "subject"), Value(restored.Record!, "note"), restored.Record!.ArchivedAt));
        await Assert.ThrowsAsync<Refusal>(() => TakeAwayStageAsync("2"));
        Assert.Equal(["subject: one"], await HistoryAsync(restored.Record!, "subject"));
        Assert.Equal(3, (await ChangesAsync(restored.Record!, 10)).Length);
        await Assert.ThrowsAsync<Refusal>(() => ApplyAsync(WriteKind.Restore, ById(record.Id))); // it is active
    }

    [Fact]
    public async Task A_record_whose_value_or_stage_is_gone_meanwhile_stays_archived()
    {
        var record = await CreateAsync(("ext_a", "A"), ("hs_pipeline_stage", "2"));
        await ApplyAsync(WriteKind.Archive, ById(record.Id));
        var holder = await CreateAsync(("ext_a", "A"), ("hs_pipeline_stage", "1"));
        await TakeAwayStageAsync("2");

        var outcome = await ApplyAsync(WriteKind.Restore, ById(record.Id));
        Assert.Equal([FaultKind.InvalidValue, FaultKind.UniqueTaken], outcome.Faults.Select(fault => fault.Kind).Order());
        Assert.Equal(holder.Id, outcome.Faults.Single(fault => fault.Kind == FaultKind.UniqueTaken).Existing);
        Assert.NotNull(await FindAsync(record.Id, archived: true));
        Assert.Equal(holder.LastChange, Store.Sequence);

        var restored = (await ApplyAsync(WriteKind.Restore, ById(record.Id, ("ext_a", ""), ("hs_pipeline_stage", "3")))).Results[0].Record!;
        Assert.Equal(("", "3"), (Value(restored, "ext_a"), Value(restored, "hs_pipeline_stage")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_purged_record_is_gone_with_its_history_its_values_and_all_its_ids(bool archived)
    {
        var (primary, other) = (await CreateAsync(("subject", "p"), ("ext_a", "A"), ("hs_pipeline_stage", "2")), await CreateAsync(("subject", "o"), ("ext_b", "B"), ("hs_pipeline_stage", "1")));
        var neighbour = await CreateAsync(("subject", "n"), ("hs_pipeline_stage", "1"));
        var merged = (await ApplyAsync(WriteKind.Merge, ById(primary.Id), ById(other.Id))).Results[0].Record!;
        await ApplyAsync(WriteKind.Update, ById(merged.Id, ("subject", "m")));
        if (archived)
        {
            await ApplyAsync(WriteKind.Archive, ById(merged.Id));
        }

        Assert.Equal([merged.Id], await Store.FindHoldersAsync(Tickets.Type, Property("ext_b"), "B"u8.ToArray(), Cancellation));
        Assert.Equal(Effect.Purged, (await ApplyAsync(WriteKind.Purge, ById(other.Id), ById(99), ById(merged.Id))).Results[0].Effect);
        foreach (var id in (long[])[primary.Id, other.Id, merged.Id])
        {
            Assert.Null(await FindAsync(id));
            Assert.Null(await FindAsync(id, archived: true));
            Assert.Null(await Store.FindAsOfAsync(Tickets.Type, id, long.MaxValue, Cancellation));
        }

        Assert.Empty(await Store.FindHoldersAsync(Tickets.Type, Property("ext_b"), "B"u8.ToArray(), Cancellation));
        AssertSame(neighbour, Assert.Single(await ListAsync()));
        await CreateAsync(("ext_a", "A"), ("ext_b", "B"), ("hs_pipeline_stage", "1"));
        await TakeAwayStageAsync("2");

        var feed = await Store.FeedAsync(0, 100, int.MaxValue, Cancellation);
        Assert.Equal(Enumerable.Range(1, feed.Length).Select(i => (long)i), feed.Select(change => change.Sequence));
        Assert.All(feed.Where(change => change.RecordId == merged.Id || change.RecordId == primary.Id || change.RecordId == other.Id), change => Assert.True(change.Values.IsEmpty && change.TraceId is null));
        Assert.Equal(merged.Id, Assert.Single(feed, change => change.Kind == ChangeKind.Purge).RecordId);
    }

    [Fact]
    public async Task A_record_is_found_as_it_was_at_any_moment()
    {
        var (random, states) = (new Random(11), new List<(long Time, Record Record)>());
        var record = await CreateAsync(("subject", "0"), ("hs_pipeline_stage", "1"));
        var id = record.Id;
        for (var i = 0; i < 60; i++)
        {
            states.Add((Now, record));
            Clock.Advance(TimeSpan.FromMilliseconds(2 + random.Next(5)));
            var values = ((string Name, string Value)[])[("subject", $"{random.Next(3)}"), ("note", $"{random.Next(2)}"), ("createdate", $"{random.Next(3)}"), ("hs_pipeline_stage", $"{random.Next(1, 5)}")];
            var kind = record.ArchivedAt is not null ? WriteKind.Restore : random.Next(6) == 0 ? WriteKind.Archive : WriteKind.Update;
            var input = kind == WriteKind.Archive ? ById(id) : ById(id, [.. values.Where(_ => random.Next(2) == 0)]);
            record = (await ApplyAsync(kind, input)).Results[0].Record!;
        }

        var other = await CreateAsync(("subject", "other"), ("hs_pipeline_stage", "1"));
        if (record.ArchivedAt is not null)
        {
            record = (await ApplyAsync(WriteKind.Restore, ById(id))).Results[0].Record!;
        }

        Clock.Advance(TimeSpan.FromSeconds(1));
        var before = Now - 1;
        var merged = (await ApplyAsync(WriteKind.Merge, ById(other.Id), ById(id))).Results[0].Record!;
        for (var again = 0; again < 2; again++)
        {
            foreach (var (time, state) in states)
            {
                AssertSame(state, (await AsOfAsync(id, time))!); // through the merge, of which it was the other record
            }

            AssertSame(record, (await AsOfAsync(id, before))!);
            AssertSame(other, (await AsOfAsync(other.Id, before))!);
            Assert.Null(await AsOfAsync(id, states[0].Time - 1));
            Assert.Null(await AsOfAsync(merged.Id, before));
            foreach (var any in (long[])[id, other.Id, merged.Id])
            {
                AssertSame(merged, (await AsOfAsync(any, merged.UpdatedAt))!);
            }

            // Once more, after the merged one has become part of another.
            if (again == 0)
            {
                Clock.Advance(TimeSpan.FromSeconds(1));
                await ApplyAsync(WriteKind.Merge, ById(merged.Id), ById((await CreateAsync(("hs_pipeline_stage", "1"))).Id));
            }
        }

        Task<Record?> AsOfAsync(long id, long time) => Store.FindAsOfAsync(Tickets.Type, id, time, Cancellation);
    }

    [Fact]
    public async Task The_feed_has_each_change_with_the_values_before_and_after()
    {
        var record = (await ApplyAsync(WriteKind.Create, Traced(Input(("subject", "one"), ("hs_pipeline_stage", "1"))))).Results[0].Record!;
        await ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", "two"), ("note", "n")));
        await ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", "two"))); // no change
        await ApplyAsync(WriteKind.Update, ById(record.Id, ("note", "")));
        await ApplyAsync(WriteKind.Archive, ById(record.Id));
        await ApplyAsync(WriteKind.Restore, ById(record.Id, ("subject", "three")));
        var other = await CreateAsync(("hs_pipeline_stage", "1"));
        var merged = (await ApplyAsync(WriteKind.Merge, ById(record.Id), ById(other.Id))).Results[0].Record!;

        var feed = await Store.FeedAsync(0, 100, int.MaxValue, Cancellation);
        Assert.Equal(Enumerable.Range(1, 9).Select(i => (long)i), feed.Select(change => change.Sequence));
        Assert.Equal(
            [ChangeKind.Create, ChangeKind.Update, ChangeKind.Update, ChangeKind.Archive, ChangeKind.Restore, ChangeKind.Create, ChangeKind.MergedAway, ChangeKind.MergedAway, ChangeKind.Merge],
            feed.Select(change => change.Kind));
        Assert.Equal("trace", Encoding.UTF8.GetString(feed[0].TraceId!.Value.Span));
        Assert.Null(feed[1].TraceId);
        Assert.Equal(["subject: one > two", "note: - > n"], Describe(feed[1]));
        Assert.Equal(["note: n > "], Describe(feed[2]));
        Assert.Empty(feed[3].Values);
        Assert.Equal(["subject: two > three"], Describe(feed[4]));
        Assert.Equal((other.Id, merged.Id), (feed[6].RecordId, Assert.Single(feed[6].Related)));
        Assert.Equal((record.Id, merged.Id), (feed[7].RecordId, Assert.Single(feed[7].Related)));
        Assert.Equal([record.Id, other.Id], feed[8].Related);
        Assert.Contains("subject: - > three", Describe(feed[8]));
        Assert.Equal([2L, 3L], (await Store.FeedAsync(1, 2, int.MaxValue, Cancellation)).Select(change => change.Sequence));
        Assert.Empty(await Store.FeedAsync(Store.Sequence, 2, int.MaxValue, Cancellation));

        var waiting = Store.WaitBeyondAsync(Store.Sequence, Cancellation);
        Assert.False(waiting.IsCompleted);
        await CreateAsync(("hs_pipeline_stage", "1"));
        await waiting.WaitAsync(TimeSpan.FromMinutes(1), Cancellation);

        string[] Describe(Change change) => [.. change.Values.Select(value =>
            $"{Store.Schema.Of(Tickets.Type).FindNumber(value.Number)!.Name}: {(value.Before is { } before ? Encoding.UTF8.GetString(before.Span) : "-")} > {Encoding.UTF8.GetString(value.After.Span)}")];
    }

    [Fact]
    public Task The_changes_of_one_record_are_those_of_the_feed_whatever_became_of_it() => Seed.PlayAsync(async random =>
    {
        var (ids, effects) = (new HashSet<long>(), new HashSet<Effect>());
        for (var step = 0; step < 120 || effects.Count < 6; step++) // until each has come to pass: a restore needs one that is archived
        {
            var (kind, count) = ((WriteKind, int)[])[(WriteKind.Create, 0), (WriteKind.Update, 1), (WriteKind.Update, 1), (WriteKind.Update, 1), (WriteKind.Archive, 1), (WriteKind.Restore, 1), (WriteKind.Merge, 2), (WriteKind.Purge, 1)]
                is var kinds ? kinds[step < 8 ? 0 : step % 40 == 39 ? 7 : random.Next(7)] : default;
            var chosen = ids.OrderBy(_ => random.Next()).Take(count).ToArray();
            (string, string)[] values = kind is WriteKind.Create ? [("subject", $"{step}"), ("hs_pipeline_stage", "1")] : kind is WriteKind.Update ? [("subject", $"{step}")] : [];
            try
            {
                var outcome = await Store.ApplyAsync(Validation.Check(kind, count == 0 ? [Input(values)] : [.. chosen.Select(id => ById(id, values))], Store.Schema.Of(Tickets.Type), Schemata.Caller));
                ids.UnionWith(outcome.Results.Where(result => result.Record is not null).Select(result => result.Record!.Id));
                effects.UnionWith(outcome.Results.Select(result => result.Effect).Where(effect => effect is not (Effect.None or Effect.Unchanged)));
            }
            catch (Refusal) when (kind is WriteKind.Merge or WriteKind.Restore)
            {
                // Both have become the same one, or it is active.
            }
        }

        var feed = await Store.FeedAsync(0, 1_000, int.MaxValue, Cancellation);
        Assert.Equal(Enumerable.Range((int)ChangeKind.Create, 7), feed.Select(change => (int)change.Kind).Distinct().Order());
        foreach (var id in ids)
        {
            var expected = feed.Where(change => change.RecordId == id).ToArray();
            var found = new List<Change>();
            for (var (after, limit) = (0L, random.Next(1, 5)); ;)
            {
                var (page, newest) = await Store.FeedOfAsync(Tickets.Type, id, after, limit, Cancellation);
                Assert.Equal(expected[^1].Sequence, newest);
                found.AddRange(page);
                if (page.Length == 0)
                {
                    break;
                }

                Assert.True(page.Length == limit || page[^1].Sequence == newest);
                after = page[^1].Sequence;
            }

            Assert.Equal(expected.Select(Shown), found.Select(Shown));
        }

        foreach (var nobody in (long[])[0, 1, ids.Max() + 1, long.MaxValue])
        {
            var (none, newest) = await Store.FeedOfAsync(Tickets.Type, nobody, 0, 10, Cancellation);
            Assert.Equal((0, 0), (none.Length, newest));
        }

        static string Shown(Change change) => $"{change.Sequence} {change.RecordId} {change.Kind} {change.Time} {change.Source} {string.Join(',', change.Related)} "
            + string.Join(' ', change.Values.Select(value => $"{value.Number}:{(value.Before is { } before ? Encoding.UTF8.GetString(before.Span) : "-")}>{Encoding.UTF8.GetString(value.After.Span)}"));
    });

    [Fact]
    public async Task A_record_with_thousands_of_changes_is_permanently_deleted_while_others_are_written()
    {
        const int changes = 2_500;
        var record = await CreateAsync(("subject", "first"), ("hs_pipeline_stage", "1"));
        await Task.WhenAll(Enumerable.Range(0, changes).Select(i => ApplyAsync(WriteKind.Update, ById(record.Id, ("subject", $"subject {i}")))));
        var purge = ApplyAsync(WriteKind.Purge, ById(record.Id));
        var others = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => CreateAsync(("subject", $"other {i}"), ("hs_pipeline_stage", "1"))));
        await purge;

        Assert.Equal(others.Select(other => other.Id).Order(), (await ListAsync()).Select(other => other.Id));
        var (left, newest) = await Store.FeedOfAsync(Tickets.Type, record.Id, 0, changes * 2, Cancellation);
        Assert.Equal((changes + 2, ChangeKind.Purge, newest), (left.Length, left[^1].Kind, left[^1].Sequence));
        Assert.All(left, change => Assert.Empty(change.Values));
    }

    [Fact]
    public async Task Everything_is_there_after_opening_again()
    {
        var kept = await CreateAsync(("subject", "0"), ("ext_a", "A"), ("hs_pipeline_stage", "2"));
        await ApplyAsync(WriteKind.Update, ById(kept.Id, ("subject", "1")));
        var gone = await CreateAsync(("subject", "gone"), ("hs_pipeline_stage", "1"));
        await ApplyAsync(WriteKind.Archive, ById(gone.Id));
        var (active, archived, schema) = ((await FindAsync(kept.Id))!, (await FindAsync(gone.Id, archived: true))!, Store.Schema.Of(Tickets.Type));

        await CloseAsync();
        Store = await OpenAsync();

        AssertSame(active, Assert.Single(await ListAsync()));
        AssertSame(archived, Assert.Single(await ListAsync(archived: true)));
        AssertSame(active, (await FindAsync("ext_a", "A"))!);
        Assert.Equal(["subject: 1", "subject: 0"], await HistoryAsync(active, "subject"));
        Assert.Equal(schema.Properties.Select(property => (property.Name, property.Number)), Store.Schema.Of(Tickets.Type).Properties.Select(property => (property.Name, property.Number)));
        await Assert.ThrowsAsync<Refusal>(() => TakeAwayStageAsync("2"));

        // New ids and changes come after all that existed.
        var next = await CreateAsync(("subject", "next"), ("hs_pipeline_stage", "1"));
        Assert.True(next.Id > gone.Id && next.FirstChange > archived.LastChange);
    }

    // ---- how the tests above speak

    private protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected long Now => Clock.GetUtcNow().ToUnixTimeMilliseconds();

    private protected Task<Outcome> ApplyAsync(WriteKind kind, params RecordInput[] inputs) =>
        Store.ApplyAsync(Validation.Check(kind, inputs, Store.Schema.Of(Tickets.Type), Schemata.Caller));

    Task<Outcome> TryAsync(WriteKind kind, params RecordInput[] inputs) =>
        Store.ApplyAsync(Validation.Check(kind, inputs, Store.Schema.Of(Tickets.Type), Schemata.Caller, OptionalFeatures.DryRun));

    async Task<Record> CreateAsync(params (string Name, string Value)[] values)
    {
        var outcome = await ApplyAsync(WriteKind.Create, Input(values));
        Assert.Empty(outcome.Faults);
        return outcome.Results[0].Record!;
    }

    Task AddPropertyAsync(PropertyDefinition definition) => Store.ChangeSchemaAsync(Tickets.Type, content => content with
    {
        Properties = content.Properties.Add(definition.Name, new(content.LastNumber + 1, definition)),
        LastNumber = content.LastNumber + 1,
    });

    Task TakeAwayStageAsync(string id) => Store.ChangeSchemaAsync(
        Tickets.Type,
        content => content with { Pipelines = [.. content.Pipelines.Select(pipeline => pipeline with { Stages = [.. pipeline.Stages.Where(stage => stage.Id != id)] })] },
        keepUsedStages: true);

    private protected static RecordInput Input(params (string Name, string Value)[] values) =>
        new() { Values = [.. values.Select(value => new RawValue(Encoding.UTF8.GetBytes(value.Name), Encoding.UTF8.GetBytes(value.Value)))] };

    static RecordInput ById(long id, params (string Name, string Value)[] values)
    {
        var input = Input(values);
        input.Id = Encoding.UTF8.GetBytes(id.ToString());
        return input;
    }

    static RecordInput Keyed(string key, string id, params (string Name, string Value)[] values)
    {
        var input = Input(values);
        input.Id = Encoding.UTF8.GetBytes(id);
        input.IdProperty = Encoding.UTF8.GetBytes(key);
        return input;
    }

    static RecordInput Traced(RecordInput input)
    {
        input.TraceId = "trace"u8.ToArray();
        return input;
    }

    Property Property(string name) => Store.Schema.Of(Tickets.Type).Find(name)!;

    ValueTask<Record?> FindAsync(long id, bool archived = false) => Store.FindAsync(Tickets.Type, id, archived, Cancellation);

    ValueTask<Record?> FindAsync(string key, string value) => Store.FindAsync(Property(key), Encoding.UTF8.GetBytes(value), Cancellation);

    private protected async Task<Record[]> ListAsync(long from = 0, int limit = 1_000, bool archived = false) => [.. await ReadAsync(snapshot => snapshot.ListAsync(Tickets.Type, from, limit, archived))];

    ValueTask<T> ReadAsync<T>(Func<ISnapshot, ValueTask<T>> read) => Store.ReadAsync(read, Cancellation);

    async Task<ImmutableArray<HistoryEntry>> ChangesAsync(Record record, int limit) =>
        (await ReadAsync(snapshot => snapshot.PastsAsync([record], [], changes: true, limit)))[0].Changes;

    async Task<ImmutableArray<HistoryEntry>> HistoryOfAsync(Record record, string name, int limit) =>
        (await ReadAsync(snapshot => snapshot.PastsAsync([record], [Property(name)], changes: false, limit)))[0].Properties[0];

    async Task<string[]> HistoryAsync(Record record, string name, int limit = 100) =>
        [.. (await HistoryOfAsync(record, name, limit)).Select(entry => $"{name}: {entry.Value}")];

    string Value(Record record, string name)
    {
        var values = new ValueReader(record.Values.Span);
        return values.Seek(Property(name).Number) ? Encoding.UTF8.GetString(values.Value) : "(never set)";
    }

    static void AssertSame(Record expected, Record actual)
    {
        Assert.Equal(expected with { Values = default }, actual with { Values = default });
        Assert.Equal(expected.Values.ToArray(), actual.Values.ToArray());
    }
}
