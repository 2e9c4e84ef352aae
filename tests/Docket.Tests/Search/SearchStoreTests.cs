using System.Text;
using Docket.Model;
using Docket.Model.Types;
using Docket.Search;
using Docket.Stores;
using Docket.Writes;
using Record = Docket.Model.Record;

namespace Docket.Tests.Search;

/// <summary>Searches of a store under settings that a portal can have: pages without an end, and a lag. The same for every engine.</summary>
public abstract class SearchStoreTests : IAsyncLifetime
{
    const int Records = 400, Limit = 37;

    readonly ManualClock clock = new();
    IStore store = null!;

    private protected ManualClock Clock => clock;

    private protected string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("docket-search-store-").FullName;

    public async ValueTask InitializeAsync() => store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens an empty portal.</summary>
    private protected abstract ValueTask<IStore> OpenAsync();

    private protected abstract void Set(PortalSettings settings);

    private protected abstract ValueTask CloseAsync();

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(0)]
    [InlineData(5_000)]
    public Task Pages_by_cursor_show_every_unchanged_record_once_while_others_change(int lagMs) => Seed.PlayAsync(async random =>
    {
        foreach (var definition in (PropertyDefinition[])[Schemata.Custom("amount", "number", "number"), Schemata.Custom("seen_at", "datetime", "date")])
        {
            await store.ChangeSchemaAsync(Tickets.Type, content => content with { Properties = content.Properties.Add(definition.Name, new(content.LastNumber + 1, definition)), LastNumber = content.LastNumber + 1 }, keepUsedStages: false);
        }

        var ids = new List<long>();
        foreach (var _ in Enumerable.Range(0, Records / 50))
        {
            ids.AddRange((await ApplyAsync(WriteKind.Create, [.. Enumerable.Range(0, 50).Select(_ => Input(null, [.. Values(random), ("hs_pipeline_stage", "1")]))])).Select(record => record.Id));
        }

        foreach (var (name, descending) in (string?[])[null, "subject", "amount", "seen_at", "createdate", "hs_object_id"] is var names ? names.SelectMany(name => (bool[])[false, true], (name, descending) => (name, descending)) : [])
        {
            // Everything is visible at the beginning: a search without a lag waits for it.
            clock.Advance(TimeSpan.FromMilliseconds(lagMs + 1));
            Set(PortalSettings.Default);
            await FindAsync(new SearchBody());
            Set(PortalSettings.Default with { SearchLagMs = lagMs });

            // The changed ones are never among those that must be shown.
            var changing = ids.Where(_ => random.Next(4) == 0).ToHashSet();
            var seen = new List<long>();
            var body = new SearchBody { Limit = $"{Limit}" };
            if (name is not null)
            {
                body.Sorts.Add(new(name, descending));
            }

            for (var pages = 0; ; pages++)
            {
                Assert.True(pages < 200, "there is no end");
                var page = await FindAsync(body);
                seen.AddRange(page.Records.Select(record => record.Id));
                if (page.Last is not { } last)
                {
                    break;
                }

                body.After = SearchCompiler.Write(last, name is not null);
                // Those at the end of a page determine a cursor.
                var onPage = page.Records.TakeLast(3).Select(record => record.Id).Where(changing.Contains).Take(2);
                long[] changed = [.. changing.Where(_ => random.Next(10) == 0).Take(6).Concat(onPage).Distinct()];
                await ApplyAsync(WriteKind.Update, [.. changed.Select(id => Input(id, Values(random)))]);
                var added = await ApplyAsync(WriteKind.Create, [Input(null, [.. Values(random), ("hs_pipeline_stage", "1")])]);
                if (changed.Length > 0 && random.Next(3) == 0)
                {
                    await ApplyAsync(WriteKind.Archive, [Input(changed[^1], [])]);
                    ids.Remove(changed[^1]);
                    changing.Remove(changed[^1]);
                }

                clock.Advance(TimeSpan.FromMilliseconds(random.Next(lagMs / 3 + 1)));
            }

            var counts = seen.CountBy(id => id).ToDictionary();
            Assert.All(ids.Except(changing), id => Assert.True(counts.GetValueOrDefault(id) == 1, $"{id} was shown {counts.GetValueOrDefault(id)} times by {name} {descending}"));
        }
    });

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_write_is_invisible_until_the_lag_has_passed()
    {
        var first = (await ApplyAsync(WriteKind.Create, [Input(null, [("subject", "old"), ("hs_pipeline_stage", "1")])])).Single();
        Assert.Equal(1, (await FindAsync(Query("old"))).Total);

        Set(PortalSettings.Default with { SearchLagMs = 2_000 });
        clock.Advance(TimeSpan.FromMilliseconds(500));
        await ApplyAsync(WriteKind.Update, [Input(first.Id, [("subject", "new")])]);
        await ApplyAsync(WriteKind.Create, [Input(null, [("subject", "new"), ("hs_pipeline_stage", "1")])]);
        foreach (var step in (int[])[0, 1_000, 999])
        {
            clock.Advance(TimeSpan.FromMilliseconds(step));
            await Task.Delay(100, TestContext.Current.CancellationToken);
            Assert.Equal((1, 0), ((await FindAsync(Query("old"))).Total, (await FindAsync(Query("new"))).Total));
        }

        clock.Advance(TimeSpan.FromMilliseconds(1));
        for (var tries = 0; (await FindAsync(Query("new"))).Total < 2; tries++)
        {
            Assert.True(tries < 500, "the lag never ends");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Equal(0, (await FindAsync(Query("old"))).Total);

        Set(PortalSettings.Default);
        await ApplyAsync(WriteKind.Update, [Input(first.Id, [("subject", "newest")])]);
        Assert.Equal(1, (await FindAsync(Query("newest"))).Total);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_does_not_hide_writes_while_searches_lag()
    {
        const int lagMs = 2_000;
        Set(PortalSettings.Default with { SearchLagMs = lagMs });
        clock.Advance(TimeSpan.FromMinutes(5));
        await ApplyAsync(WriteKind.Create, [Input(null, [("subject", "before"), ("hs_pipeline_stage", "1")])]);
        clock.Advance(TimeSpan.FromHours(-1));
        await ApplyAsync(WriteKind.Create, [Input(null, [("subject", "after"), ("hs_pipeline_stage", "1")])]);
        clock.Advance(TimeSpan.FromMilliseconds(lagMs));
        foreach (var word in (string[])["before", "after"])
        {
            for (var tries = 0; (await FindAsync(Query(word))).Total == 0; tries++)
            {
                Assert.True(tries < 500, $"{word} stays hidden");
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }
        }
    }

    static (string, string)[] Values(Random random) =>
    [
        ("subject", random.Next(4) switch { 0 => "", 1 => "same beginning", 2 => $"same beginning {random.Next(30)}", _ => $"{(char)('a' + random.Next(26))}{random.Next(100)}" }),
        ("amount", random.Next(4) == 0 ? "" : random.Next(-4, 5).ToString()),
        ("seen_at", random.Next(4) == 0 ? "" : $"2026-03-0{random.Next(1, 5)}T00:00:00Z"),
    ];

    private protected static SearchBody Query(string words) => new() { Query = words };

    private protected ValueTask<SearchPage> FindAsync(SearchBody body) => store.SearchAsync(SearchCompiler.Compile(body, store.Schema.Of(Tickets.Type), capped: false), TestContext.Current.CancellationToken);

    private protected async Task<Record[]> ApplyAsync(WriteKind kind, params RecordInput[] inputs)
    {
        if (inputs.Length == 0)
        {
            return [];
        }

        var outcome = await store.ApplyAsync(Validation.Check(kind, inputs, store.Schema.Of(Tickets.Type), Schemata.Caller));
        Assert.Empty(outcome.Faults);
        return [.. outcome.Results.Select(result => result.Record!)];
    }

    private protected static RecordInput Input(long? id, (string Name, string Value)[] values)
    {
        var input = new RecordInput { Values = [.. values.Select(value => new RawValue(Encoding.UTF8.GetBytes(value.Name), Encoding.UTF8.GetBytes(value.Value)))] };
        if (id is { } known)
        {
            input.Id = Encoding.UTF8.GetBytes(known.ToString());
        }

        return input;
    }
}
