using System.Runtime.CompilerServices;
using System.Text;
using Docket.ChangeLog;
using Docket.Index;
using Docket.Model;
using Docket.Search;
using Docket.Sqlite;

namespace Docket.Tests.Search;

/// <summary>The index itself, with several chunks of documents: what it finds is what looking at every document finds, wherever its parts lie.</summary>
public sealed class SearchIndexTests : IDisposable
{
    const int Documents = 2 * DocSet.Size + 700;
    const long FirstId = 10_000_000_001;

    readonly string directory = Directory.CreateTempSubdirectory("docket-index-").FullName;
    readonly Schema schema = Schemata.Tickets;
    readonly Dictionary<long, Dictionary<string, string>> values = [];
    readonly HashSet<long> archived = [];
    readonly SourceNumbers sources = new() { Snapshot = new() { [1] = Source.Integration(0) } };

    // Few words, so that the naive way stays quick.
    static readonly Dictionary<string, Comparison> Kinds = new()
    {
        ["subject"] = Comparison.Text,
        ["amount"] = Comparison.Number,
        ["colour"] = Comparison.Option,
        ["tags_set"] = Comparison.Set,
        ["ext_a"] = Comparison.Text,
        ["ext_n"] = Comparison.Number,
        ["hs_object_id"] = Comparison.Number,
        ["hs_object_source"] = Comparison.Text,
    };

    static readonly string[] Names = ["subject", "amount", "colour", "tags_set", "ext_a", "ext_n"];

    // Loads SQLite.
    static SearchIndexTests() => RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle);

    string IndexPath => Path.Combine(directory, "portal.index.db");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Many_documents_are_found_across_chunks_saves_and_evictions() => Seed.PlayAsync(random =>
    {
        using (var file = new IndexFile(IndexPath))
        {
            for (var i = 0; i < Documents; i++)
            {
                Add(file.Index, random, FirstId + i * 3L);
            }

            CheckEdges(file.Index);
            Check(file.Index, random, 12);
            file.Save(built: true);
            Check(file.Index, random, 6);
            file.Index.EndSave(0);
            Check(file.Index, random, 12);
            Change(file.Index, random);
            Check(file.Index, random, 12);
            file.Save(built: true);
            file.Index.EndSave(0);
            file.Index.EndSave(0);
            CheckEdges(file.Index);
            Check(file.Index, random, 6);
            Change(file.Index, random);
            file.Save(built: true);
        }

        using (var file = new IndexFile(IndexPath))
        {
            Assert.Equal(Documents, file.Index.Documents);
            Check(file.Index, random, 12);
            Change(file.Index, random);
            Add(file.Index, random, FirstId + Documents * 3L);
            Check(file.Index, random, 12);
        }

        return Task.CompletedTask;
    });

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Searches_see_whole_batches_while_the_index_is_changed_saved_and_evicted()
    {
        using var file = new IndexFile(IndexPath);
        var index = file.Index;
        const int each = 300;
        for (var i = 0; i < 2 * each; i++)
        {
            var id = FirstId + i;
            index.Add(5, id, id, id, 1, active: true);
            values[id] = [];
            Put(index, i, id, "subject", i < each ? "left one" : "right two");
            Put(index, i, id, "amount", i < each ? "1" : "2");
            Put(index, i, id, "tags_set", i < each ? "a;b" : "c;b");
        }

        // Two documents always change places at once, so that every count stays.
        var turns = 0;
        var (random, done) = (new Random(6), false);
        var searches = Enumerable.Range(0, 3).Select(reader => Task.Run(() =>
        {
            Condition[] conditions =
            [
                new("subject", "EQ", "left one"), new("subject", "CONTAINS_TOKEN", "le*"), new("subject", "CONTAINS_TOKEN", "*ne"), new("amount", "LT", "2"), new("amount", "EQ", "1"),
                new("tags_set", "EQ", "a"), new("tags_set", "NEQ", "c"), new("tags_set", "CONTAINS_TOKEN", "a"),
            ];
            for (var i = reader; !Volatile.Read(ref done); i++)
            {
                var condition = conditions[i % conditions.Length];
                var query = SearchCompiler.Compile(Body(new([[condition]], "", "amount", i % 2 == 0)), schema, capped: true);
                Assert.True(index.TryRead(opened => new IndexSearch(index, opened, query, sources, (_, _) => new Dictionary<long, byte[]>(), 0).Run(), out var page));
                Assert.True(page!.Total == each, $"{page.Total} for {condition}");
            }
        })).ToArray();
        for (; turns < 1_500 && !searches.Any(search => search.IsCompleted); turns++)
        {
            var (left, right) = (random.Next(2 * each), random.Next(2 * each));
            index.Gate.EnterWriteLock();
            foreach (var name in (string[])["subject", "amount", "tags_set"])
            {
                var (one, other) = (values[FirstId + left][name], values[FirstId + right][name]);
                Put(index, left, FirstId + left, name, other);
                Put(index, right, FirstId + right, name, one);
            }

            index.Gate.ExitWriteLock();
            if (turns % 5 == 0)
            {
                file.Save(built: true);
            }

            if (turns % 15 == 0)
            {
                index.EndSave(0);
            }
        }

        Volatile.Write(ref done, true);
        await Task.WhenAll(searches);
        Assert.Equal(1_500, turns);
    }

    [Fact]
    public Task After_a_crash_the_file_is_as_it_was_when_its_last_complete_save_began() => Seed.PlayAsync(random =>
    {
        // What the portal's changes would say, one after the other: the new value of a property, the value before, or a new record.
        var history = new List<Action<SearchIndex>>();
        var states = new List<Dictionary<long, Dictionary<string, string>>>();
        var cut = Path.Combine(directory, "cut.index.db");
        var (began, complete) = (0, 0);
        using (var file = new IndexFile(IndexPath))
        {
            var cutAt = random.Next(500, 2_500);
            for (var i = 0; i < cutAt; i++)
            {
                var (id, isNew) = values.Count < 20 || random.Next(4) == 0 ? (FirstId + values.Count * 3L, true) : (values.Keys.ElementAt(random.Next(values.Count)), false);
                var document = (int)((id - FirstId) / 3);
                if (isNew)
                {
                    values[id] = [];
                    history.Add(index => index.Add(5, id, id, id, 1, active: true));
                }
                else
                {
                    var name = Names[random.Next(Names.Length)];
                    var (before, value) = (values[id].GetValueOrDefault(name, ""), random.Next(4) == 0 ? "" : Value(random, name));
                    values[id] = new(values[id]) { [name] = value };
                    history.Add(index => index.Put(document, schema.Find(name)!, Encoding.UTF8.GetBytes(before), Encoding.UTF8.GetBytes(value)));
                }

                history[^1](file.Index);
                states.Add(new(values));
                (file.Position, file.PositionTime) = (history.Count, history.Count * 10);
                if (file.IsSaving && file.SaveSome(random.Next(1, 3_000)))
                {
                    complete = began;
                }
                else if (!file.IsSaving && random.Next(50) == 0)
                {
                    file.BeginSave(built: true);
                    began = history.Count;
                }

                if (file.IsUntidy && random.Next(3) == 0)
                {
                    file.TidySome(random.Next(1, 5_000));
                }
            }

            // What was committed, and nothing else.
            foreach (var suffix in (string[])["", "-wal"])
            {
                File.Copy(IndexPath + suffix, cut + suffix);
            }
        }

        using (var reopened = new IndexFile(cut))
        {
            Assert.Equal((complete, complete * 10), (reopened.Position, reopened.PositionTime));
            if (complete > 0)
            {
                Become(states[complete - 1]);
                Check(reopened.Index, random, 60);
            }

            foreach (var change in history.Skip(complete))
            {
                change(reopened.Index);
            }

            Become(states[^1]);
            Assert.Equal(values.Count, reopened.Index.Documents);
            Check(reopened.Index, random, 60);
            reopened.Save(built: true);
            reopened.Index.EndSave(0);
            Check(reopened.Index, random, 60);
            using var rows = new Connection(cut, create: false);
            Assert.Equal(0, rows.QueryInteger("SELECT count(*) FROM block WHERE id >> 32 NOT IN (SELECT id FROM segment)"));
        }

        return Task.CompletedTask;

        void Become(Dictionary<long, Dictionary<string, string>> state)
        {
            values.Clear();
            foreach (var (id, held) in state)
            {
                values[id] = held;
            }
        }
    });

    [Fact]
    public void Damage_in_a_block_or_a_column_is_found_by_the_search_that_reads_it()
    {
        var random = new Random(8);
        using (var file = new IndexFile(IndexPath))
        {
            for (var i = 0; i < 2_000; i++)
            {
                Add(file.Index, random, FirstId + i * 3L);
            }

            file.Save(built: true);
        }

        foreach (var (table, wanted) in ((string, SearchBody)[])[("column_part", Body(new([[new("amount", "GT", "1")]], "", null, false))), ("block", Body(new([], "common", null, false)))])
        {
            using (var connection = new Connection(IndexPath, create: false))
            {
                connection.Execute($"UPDATE {table} SET data = CAST(substr(data, 1, length(data) - 1) || x'77' AS BLOB)");
            }

            using var file = new IndexFile(IndexPath);
            Assert.True(Assert.Throws<SqliteFailure>(() => Find(file.Index, wanted, capped: true)).IsDamage);
        }
    }

    [Fact]
    public void A_unique_value_is_found_without_reading_its_column()
    {
        using (var file = new IndexFile(IndexPath))
        {
            for (var i = 0; i < 2_000; i++)
            {
                Add(file.Index, new(i), FirstId + i);
            }

            file.Save(built: true);
        }

        var (property, value) = values.Values.SelectMany(ticket => ticket).First(entry => entry.Key == "ext_n" && entry.Value.EndsWith(".0", StringComparison.Ordinal));
        foreach (var condition in (Condition[])[new(property, "EQ", value[..^2]), new(property, "IN", Values: [value, "7e0"]), new("ext_a", "EQ", "Key-1")])
        {
            using var file = new IndexFile(IndexPath);
            Assert.True(Find(file.Index, Body(new([[condition]], "", null, false)), capped: true).Total > 0);
            Assert.InRange(file.Index.Columns.Weight, 1, 2_500 * sizeof(ulong)); // that of the ids
        }
    }

    [Fact]
    public void An_index_without_documents_finds_nothing()
    {
        using var file = new IndexFile(IndexPath);
        foreach (var sort in (RawSort?[])[null, new("subject", false), new("amount", true)])
        {
            var page = Find(file.Index, Body(new([], "a", sort?.Property, false)), capped: true);
            Assert.Equal((0, 0), (page.Total, page.Ids.Length));
            Assert.Null(page.Last);
        }
    }

    [Fact]
    public void What_is_forgotten_is_in_no_column_and_no_posting_and_harms_no_search()
    {
        using var file = new IndexFile(IndexPath);
        var random = new Random(4);
        for (var i = 0; i < 50; i++)
        {
            Add(file.Index, random, FirstId + i);
        }

        Put(file.Index, 7, FirstId + 7, "subject", "secretword");
        file.Index.SetActive(7, 5, false);
        file.Forget([7]);
        values.Remove(FirstId + 7);
        archived.Remove(FirstId + 7);
        Check(file.Index, random, 60);
        Assert.Equal(0, Find(file.Index, Body(new([[new("subject", "CONTAINS_TOKEN", "secretword")]], "", null, false)), capped: true).Total);
        using var connection = new Connection(IndexPath, create: false);
        Assert.DoesNotContain("secretword", Encoding.Latin1.GetString(File.ReadAllBytes(IndexPath)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_by_text_may_end_with_a_record_whose_text_is_gone_from_the_portal_already(bool descending)
    {
        using var file = new IndexFile(IndexPath);
        var subjects = (string[])["alpha one", "beta", "beta of two", "gamma three"];
        for (var i = 0; i < subjects.Length; i++)
        {
            Add(file.Index, new Random(i), FirstId + i);
            Put(file.Index, i, FirstId + i, "subject", subjects[i]);
        }

        values[FirstId + 1]["subject"] = values[FirstId + 2]["subject"] = "";
        var body = Body(new([], "", "subject", descending));
        body.Limit = "1";
        var seen = new HashSet<long>();
        var page = Find(file.Index, body, capped: false);
        // A record may come twice, but none is left out.
        for (var pages = 0; page.Last is { } last && pages < 10; pages++)
        {
            seen.UnionWith(page.Ids);
            body.After = SearchCompiler.Write(last, sorted: true);
            page = Find(file.Index, body, capped: false);
        }

        Assert.Equal(subjects.Length, seen.Union(page.Ids).Count());
        Assert.Null(page.Last);
    }

    [Fact]
    public void A_cursor_of_another_kind_of_sort_is_refused()
    {
        using var file = new IndexFile(IndexPath);
        Add(file.Index, new Random(5), FirstId);
        var body = Body(new([], "", "amount", false));
        body.After = $"{FirstId}-YWI";
        Assert.Equal(400, Assert.Throws<Refusal>(() => Find(file.Index, body, capped: false)).Error.Status);
    }

    void Add(SearchIndex index, Random random, long id)
    {
        var document = index.Add(5, id, id, id, 1, active: true);
        values[id] = [];
        foreach (var name in Names)
        {
            if (random.Next(4) > 0)
            {
                Put(index, document, id, name, Value(random, name));
            }
        }
    }

    void Put(SearchIndex index, int document, long id, string name, string value)
    {
        index.Put(document, schema.Find(name)!, Encoding.UTF8.GetBytes(values[id].GetValueOrDefault(name, "")), Encoding.UTF8.GetBytes(value));
        values[id][name] = value;
    }

    void Change(SearchIndex index, Random random)
    {
        index.Gate.EnterWriteLock();
        int[] documents = [0, 65_535, 65_536, 131_071, 131_072, Documents - 1, .. Enumerable.Range(0, 1_500).Select(_ => random.Next(Documents))];
        foreach (var document in documents)
        {
            var id = FirstId + document * 3L;
            var changed = Names[random.Next(Names.Length)];
            Put(index, document, id, changed, random.Next(5) == 0 ? "" : Value(random, changed));
            if (random.Next(6) == 0)
            {
                index.SetActive(document, 5, active: !archived.Add(id) && archived.Remove(id));
            }
        }

        index.Gate.ExitWriteLock();
    }

    static string Value(Random random, string name) => name switch
    {
        "subject" => random.Next(3) switch { 0 => $"Ticket #{random.Next(30)}", 1 => $"w{random.Next(300)} common", _ => $"rare{random.Next(200_000)}" },
        "amount" => random.Next(2) == 0 ? random.Next(-3, 4).ToString() : (random.NextDouble() * 1e6 - 5e5).ToString(System.Globalization.CultureInfo.InvariantCulture),
        "ext_a" => $"Key-{random.Next(5_000)}",
        "ext_n" => random.Next(4) == 0 ? $"761591733749525{random.Next(1_230, 1_240)}" : $"{random.Next(3_000)}{((string[])["", ".0", "e0", ".00000000000000000"])[random.Next(4)]}",
        "colour" => ((string[])["red", "green", "dark blue"])[random.Next(3)],
        _ => ((string[])["a", "a;b", "c", "a;b;c"])[random.Next(4)],
    };

    // The documents on both sides of the borders between chunks, by id and by cursor.
    void CheckEdges(SearchIndex index)
    {
        using var reader = new IndexReader(IndexPath);
        foreach (var document in (int[])[0, 1, 65_535, 65_536, 131_071, 131_072, Documents - 1])
        {
            var id = FirstId + document * 3L;
            Assert.Equal(document, index.Find(id, reader.Column));
            Assert.Equal(-1, index.Find(id + 1, reader.Column));
            Assert.Equal(document + 1, index.FirstAfter(id, reader.Column));
            Assert.Equal(document + 1, index.FirstAfter(id + 1, reader.Column));
            Assert.Equal(document, index.FirstAfter(id - 1, reader.Column));
            Assert.Equal(id, index.IdOf(document, reader.Column));
        }

        Assert.Equal(-1, index.Find(0, reader.Column));
        Assert.Equal(0, index.FirstAfter(0, reader.Column));
    }

    void Check(SearchIndex index, Random random, int searches)
    {
        var active = values.Where(entry => !archived.Contains(entry.Key)).ToDictionary(entry => entry.Key, entry => new Dictionary<string, string>(entry.Value)
        {
            ["hs_object_id"] = entry.Key.ToString(),
            ["hs_object_source"] = "INTEGRATION",
        });
        for (var i = 0; i < searches; i++)
        {
            var wanted = Random(random);
            var expected = NaiveSearch.Find(active, Kinds, wanted);
            var body = Body(wanted);
            var (skip, limit) = (random.Next(3) == 0 ? Math.Min(9_990, expected.Count) : random.Next(10), random.Next(1, 201));
            (body.After, body.Limit) = (skip.ToString(), limit.ToString());
            var page = Find(index, body, capped: true);
            var story = wanted.ToJson(limit, body.After).ToJsonString();
            Assert.True(expected.Count == page.Total, $"expected {expected.Count}, found {page.Total} for {story}");
            Assert.True(expected.Skip(skip).Take(Math.Min(limit, 10_000 - skip)).SequenceEqual(page.Ids), story);
        }
    }

    static Wanted Random(Random random)
    {
        var groups = Enumerable.Range(0, random.Next(3)).Select(_ => Enumerable.Range(0, random.Next(1, 3)).Select(_ =>
        {
            var name = Kinds.Keys.ElementAt(random.Next(Kinds.Count));
            var value = name == "hs_object_id" ? (FirstId + random.Next(Documents) * 3L).ToString() : name == "hs_object_source" ? "INTEGRATION" : Value(random, name);
            var comparison = RandomSearches.Operators[random.Next(RandomSearches.Operators.Length)];
            return comparison switch
            {
                "IN" or "NOT_IN" => new Condition(name, comparison, Values: [value, value.ToLowerInvariant()]),
                "BETWEEN" => new(name, comparison, value, value),
                _ => new(name, comparison, value),
            };
        }).ToArray()).ToArray();
        return new(groups, random.Next(4) switch { 0 => $"w{random.Next(300)}", 1 => "comm", 2 => $"rare{random.Next(1_000)}", _ => "" }, ((string?[])[null, "subject", "amount", "hs_object_id", "colour", "tags_set"])[random.Next(6)], random.Next(2) == 0);
    }

    static SearchBody Body(Wanted wanted)
    {
        var body = new SearchBody { Query = wanted.Words };
        body.Groups.AddRange(wanted.Groups.Select(group => group.Select(condition => new RawFilter(
            condition.Property, Enum.Parse<SearchOperator>(condition.Operator.Replace("_", "", StringComparison.Ordinal), ignoreCase: true), condition.Value, condition.HighValue, condition.Values?.ToList())).ToList()));
        if (wanted.Sort is { } sort)
        {
            body.Sorts.Add(new(sort, wanted.Descending));
        }

        return body;
    }

    IndexPage Find(SearchIndex index, SearchBody body, bool capped)
    {
        var query = SearchCompiler.Compile(body, schema, capped);
        Assert.True(index.TryRead(reader => new IndexSearch(index, reader, query, sources, (ids, property) => ids.ToDictionary(id => id, id => Encoding.UTF8.GetBytes(values[id].GetValueOrDefault(property.Name, ""))), 0).Run(), out var page));
        return page!;
    }
}
