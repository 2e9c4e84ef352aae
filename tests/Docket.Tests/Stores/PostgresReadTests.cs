using System.Collections.Immutable;
using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Search;
using Docket.Sqlite;
using Docket.Stores.Postgres;
using Docket.Writes;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

/// <summary>What a process reads of a portal that others write, and its search index, which it keeps when the database is lost.</summary>
public sealed class PostgresReadTests
{
    readonly ManualClock clock = new();

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_search_finds_what_another_process_wrote_even_in_a_property_made_there()
    {
        await using var portal = await PostgresProcesses.CreateAsync(clock);
        var (first, second) = (await portal.OpenAsync(), await portal.OpenAsync("second"));
        Assert.Equal(0, (await SearchAsync(second, Query("anything"))).Total);
        for (var i = 0; i < 20; i++)
        {
            var name = $"made_{i}";
            await first.ChangeSchemaAsync(Tickets.Type, content => content with { Properties = content.Properties.Add(name, new(content.LastNumber + 1, Schemata.Custom(name))), LastNumber = content.LastNumber + 1 }, keepUsedStages: false);
            var record = await CreateAsync(first, (name, $"value {i}"), ("hs_pipeline_stage", "1"));

            await second.CatchUpAsync(); // as each request does
            Assert.Equal(record.Id, Assert.Single((await SearchAsync(second, Sorted(name, set: true))).Records).Id);
            (first, second) = (second, first);
        }
    }

    [Fact]
    public async Task A_source_that_another_process_added_is_known_wherever_its_changes_are_read()
    {
        await using var portal = await PostgresProcesses.CreateAsync(clock);
        var (writer, reader) = (await portal.OpenAsync(), await portal.OpenAsync("second"));
        var source = new Source("INTEGRATION", "another");
        var record = (await ApplyAsync(writer, WriteKind.Create, Schemata.Caller with { Source = source }, Input(null, ("subject", "one"), ("hs_pipeline_stage", "1"))))[0];

        Assert.Equal(source, Assert.Single(await reader.FeedAsync(0, 10, int.MaxValue, Cancellation)).Source);
        Assert.Equal(source, (await reader.FindAsync(Tickets.Type, record.Id, archived: false, Cancellation))!.Source);
        var third = await portal.OpenAsync("third");
        await ApplyAsync(writer, WriteKind.Update, Schemata.Caller with { Source = new("INTEGRATION", "third") }, Input(record.Id, ("subject", "two")));
        var past = await third.ReadAsync(async snapshot => (await snapshot.PastsAsync([(await snapshot.FindAsync(Tickets.Type, [record.Id], archived: false))[0]!], [third.Schema.Of(Tickets.Type).Find("subject")!], changes: true, 10))[0], Cancellation);
        Assert.Equal(["third", "another"], past.Properties[0].Select(entry => entry.Source.Id));
        Assert.Equal(["third", "another"], past.Changes.Select(entry => entry.Source.Id));

        // A search compares sources by what the index has of them.
        await CreateAsync(third, ("subject", "three"), ("hs_pipeline_stage", "1"));
        foreach (var process in (PostgresStore[])[writer, reader, third])
        {
            Assert.Equal(2, (await SearchAsync(process, Sorted("hs_object_source_id", set: true))).Total);
        }
    }

    [Fact]
    public Task An_index_built_from_the_records_finds_what_one_finds_that_followed_the_changes() => Seed.PlayAsync(async random =>
    {
        await using var portal = await PostgresProcesses.CreateAsync(clock);
        var (writer, follower) = (await portal.OpenAsync(), await portal.OpenAsync("second"));
        var ids = new List<long>();
        for (var step = 0; step < 60; step++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(random.Next(3)));
            (string, string)[] values = [("subject", $"same beginning {random.Next(20)}"), ("content", random.Next(3) == 0 ? "" : new string('x', random.Next(5_000)))];
            var chosen = ids.OrderBy(_ => random.Next()).Take(2).ToArray();
            var kind = ids.Count < 10 ? WriteKind.Create : (WriteKind[])[WriteKind.Create, WriteKind.Update, WriteKind.Update, WriteKind.Archive, WriteKind.Restore, WriteKind.Merge, WriteKind.Purge] is var kinds ? kinds[random.Next(kinds.Length)] : default;
            try
            {
                var inputs = kind switch
                {
                    WriteKind.Create => [.. Enumerable.Range(0, 5).Select(_ => Input(null, [.. values, ("hs_pipeline_stage", "1")]))],
                    WriteKind.Merge => [.. chosen.Select(id => Input(id))],
                    WriteKind.Update => [.. chosen.Select(id => Input(id, values))],
                    _ => (RecordInput[])[Input(chosen[0])],
                };
                var outcome = await writer.ApplyAsync(Validation.Check(kind, inputs, writer.Schema.Of(Tickets.Type), Schemata.Caller));
                ids.AddRange(outcome.Results.Where(result => result.Effect is Effect.Created or Effect.Merged).Select(result => result.Record!.Id));
            }
            catch (Refusal) when (kind is WriteKind.Merge or WriteKind.Restore)
            {
                // Both have become the same one, or it is active.
            }

            if (random.Next(5) == 0)
            {
                await SearchAsync(follower, Query("same")); // follows a few changes at a time
            }
        }

        var builder = await portal.OpenAsync("third");
        foreach (var sort in (string[])["subject", "-subject", "createdate", "content", "hs_object_id"])
        {
            var expected = Shown((await SearchAsync(writer, Sorted(sort))).Records);
            Assert.NotEmpty(expected);
            Assert.Equal(expected, Shown((await SearchAsync(follower, Sorted(sort))).Records));
            Assert.Equal(expected, Shown((await SearchAsync(builder, Sorted(sort))).Records));
        }

        static string[] Shown(ImmutableArray<Record> records) => [.. records.Select(record => $"{record.Id} {record.UpdatedAt} {Convert.ToHexString(record.Values.Span)}")];
    });

    [Fact]
    [Trait("Category", "Slow")]
    public async Task An_index_whose_database_is_lost_keeps_its_file_and_goes_on_when_it_is_back()
    {
        var server = await PostgresServer.StartAsync();
        await using var portal = await PostgresProcesses.CreateAsync(server.ConnectionString, server, clock);
        var logger = new ListLogger();
        var (writer, other) = (await portal.OpenAsync("first", logger), await portal.OpenAsync("second"));
        for (var i = 0; i < 3; i++)
        {
            await CreateAsync(writer, ("subject", $"before {i}"), ("hs_pipeline_stage", "1"));
        }

        Assert.Equal(3, (await SearchAsync(writer, Query("before"))).Total);
        var file = Path.Combine(portal.DirectoryOf("first"), "portal-1.index.db");
        var seed = Seed(file);
        for (var round = 0; round < 2; round++)
        {
            // With a lag it reads the change again and again, until it is due.
            writer.Settings = PortalSettings.Default with { SearchLagMs = 60_000 };
            await CreateAsync(other, ("subject", $"missed {round}"), ("hs_pipeline_stage", "1"));
            await writer.CatchUpAsync();
            await server.KillAsync();
            for (var tries = 0; logger.Entries.Count(entry => entry.Contains("can't follow", StringComparison.Ordinal)) <= round; tries++)
            {
                Assert.True(tries < 600, "the index does not notice");
                await Task.Delay(50, Cancellation);
            }

            await Assert.ThrowsAsync<Refusal>(async () => await SearchAsync(writer, Query("missed")));
            await server.StartAgainAsync();
            writer.Settings = PortalSettings.Default;
            await UntilServedAsync(async () => Assert.Equal(round + 1, (await SearchAsync(writer, Query("missed"))).Total));
        }

        Assert.DoesNotContain(logger.Entries, entry => entry.Contains("is being rebuilt", StringComparison.Ordinal));
        Assert.Equal(seed, Seed(file));

        // Each file has its own.
        static long Seed(string file)
        {
            using var index = new Connection(file, create: false);
            return index.QueryInteger("SELECT seed FROM state");
        }
    }

    [Fact]
    public async Task A_page_of_the_feed_ends_early_when_the_values_before_are_long()
    {
        await using var portal = await PostgresProcesses.CreateAsync(clock);
        var store = await portal.OpenAsync();
        var records = await ApplyAsync(store, WriteKind.Create, Schemata.Caller, [.. Enumerable.Range(0, 20).Select(i => Input(null, ("content", new string('x', 10_000)), ("hs_pipeline_stage", "1")))]);
        await ApplyAsync(store, WriteKind.Update, Schemata.Caller, [.. records.Select(record => Input(record.Id, ("content", "")))]);

        foreach (var (after, bytesMax) in ((long, int)[])[(0, 45_000), (20, 45_000), (20, 0), (10, 1), (0, int.MaxValue)])
        {
            var page = await store.FeedAsync(after, 100, bytesMax, Cancellation);
            Assert.Equal(bytesMax == int.MaxValue ? 40 : bytesMax / 10_000 + 1, page.Length);
            Assert.All(page.Where(change => change.Kind == ChangeKind.Update), change => Assert.Equal(10_000, change.Values.Single(value => value.After.IsEmpty).Before!.Value.Length));
        }
    }

    static async Task UntilServedAsync(Func<Task> test)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await test();
                return;
            }
            catch (Refusal) when (tries < 300)
            {
                await Task.Delay(100, Cancellation);
            }
        }
    }

    static SearchBody Query(string words) => new() { Query = words };

    static SearchBody Sorted(string sort, bool set = false)
    {
        var body = new SearchBody { Limit = "200" };
        body.Sorts.Add(new(sort.TrimStart('-'), sort.StartsWith('-')));
        if (set)
        {
            body.Groups.Add([new(sort, SearchOperator.HasProperty, null, null, null)]);
        }

        return body;
    }

    static ValueTask<SearchPage> SearchAsync(PostgresStore store, SearchBody body) => store.SearchAsync(SearchCompiler.Compile(body, store.Schema.Of(Tickets.Type), capped: false), Cancellation);

    static async Task<Record> CreateAsync(PostgresStore store, params (string, string)[] values) => (await ApplyAsync(store, WriteKind.Create, Schemata.Caller, Input(null, values)))[0];

    static async Task<Record[]> ApplyAsync(PostgresStore store, WriteKind kind, Caller caller, params RecordInput[] inputs)
    {
        var outcome = await store.ApplyAsync(Validation.Check(kind, inputs, store.Schema.Of(Tickets.Type), caller));
        Assert.Empty(outcome.Faults);
        return [.. outcome.Results.Select(result => result.Record!)];
    }

    static RecordInput Input(long? id, params (string Name, string Value)[] values) => new()
    {
        Values = [.. values.Select(value => new RawValue(Encoding.UTF8.GetBytes(value.Name), Encoding.UTF8.GetBytes(value.Value)))],
        Id = id is { } known ? Encoding.UTF8.GetBytes(known.ToString()) : null,
    };
}
