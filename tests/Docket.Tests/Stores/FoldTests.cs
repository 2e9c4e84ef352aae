using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores;
using Docket.Stores.Sqlite;
using Docket.Writes;
using Microsoft.Extensions.Logging.Abstractions;
using Record = Docket.Model.Record;

namespace Docket.Tests.Stores;

/// <summary>
/// All promises of a store hold while what follows from its changes is written to the tables row by row, and the directory of the tables is
/// read row by row and takes many values for the same.
/// </summary>
public sealed class FoldingStoreTests : SqliteStoreTests
{
    private protected override FoldPace Pace => new(Changes: 4, StepRows: 1) { FillRows = (1, 1), HashMask = 7 };
}

/// <summary>What follows from changes: in memory, in the tables, and read again from the changes.</summary>
public sealed class FoldTests : IDisposable
{
    readonly string directory = Directory.CreateTempSubdirectory("docket-fold-").FullName;
    readonly ManualClock clock = new();

    string Portal => Path.Combine(directory, "portal.db");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Theory]
    [InlineData(1, int.MaxValue, 1)] // nothing is folded before the end
    [InlineData(2, 50, 7)]
    [InlineData(3, 5, 1)]
    [InlineData(4, 1, 1_000)]
    public async Task The_tables_are_the_same_whether_a_store_was_closed_or_killed_at_any_moment(int seed, int changes, int stepRows)
    {
        var random = new Random(seed);
        using (var store = await CreateAsync(new(changes, stepRows)))
        {
            var ids = new List<long>();
            for (var round = 0; round < 12; round++)
            {
                for (var i = 0; i < 25; i++)
                {
                    await WriteAsync(store, random, ids);
                }

                foreach (var end in (string[])["", "-wal"])
                {
                    File.Copy(Portal + end, $"{Portal}.{round}{end}"); // as a kill leaves it
                }
            }
        }

        foreach (var path in (string[])[Portal, .. Enumerable.Range(0, 12).Select(round => $"{Portal}.{round}")])
        {
            var reopened = DerivedTables.Reopened(path);
            Assert.Equal(DerivedTables.Remade(path), reopened);
        }
    }

    [Theory]
    [InlineData(1, 1, 1_000_000, -1)]
    [InlineData(2, 1, 1_000_000, 7)]
    [InlineData(3, 1_000, 1_000_000, 7)]
    [InlineData(4, 1_000, 1_000_000, 0)] // all values have the same hash
    [InlineData(5, 3, 60, -1)] // the directory is given up
    public async Task A_store_decides_as_one_without_tables_at_every_stage_of_its_directory(int seed, int fillRows, int keysMax, long hashMask)
    {
        var pace = new FoldPace(Changes: 9, StepRows: 2) { FillRows = (fillRows, fillRows), KeysMax = keysMax, HashMask = hashMask };
        using var memory = new MemoryStore(new MemoryTransaction(), clock);
        await DefineAsync(memory);
        var store = await CreateAsync(pace);
        try
        {
            var (random, same, ids, sameIds) = (new Random(seed), new Random(seed), new List<long>(), new List<long>());
            for (var i = 1; i <= 450; i++)
            {
                Assert.Equal(await WriteAsync(memory, same, sameIds, purges: true), await WriteAsync(store, random, ids, purges: true));
                if (i % 150 == 0)
                {
                    store.Dispose();
                    store = new SqliteStore(Portal, StandardTypes.All, clock, NullLogger.Instance, pace: pace);
                }
            }
        }
        finally
        {
            store.Dispose();
        }
    }

    [Theory]
    [InlineData(1, -1, 1_000_000)]
    [InlineData(2, 3, 1_000_000)]
    [InlineData(3, -1, 50)]
    public async Task The_directory_never_contradicts_the_tables(int seed, long hashMask, int keysMax)
    {
        (await CreateAsync(FoldPace.Default)).Dispose();
        var (random, folds) = (new Random(seed), new Folds());
        using var connection = new Connection(Portal, create: false);
        connection.Execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO head SELECT i, i FROM n");
        connection.Execute("INSERT INTO unique_value SELECT 1, CAST(key AS BLOB), key FROM head");
        using var folder = new Folder(connection, folds, new(Changes: 20, StepRows: 3) { FillRows = (1, 1), HashMask = hashMask, KeysMax = keysMax });
        var misses = 0;
        for (var round = 1; round <= 600; round++)
        {
            for (var i = random.Next(4); i > 0; i--)
            {
                folder.Newest.SetHead(random.Next(1, 80), round, random.Next(4) == 0 ? 0 : round, isNew: true);
                folder.Newest.SetHolder(Value(random.Next(1, 80)), round, random.Next(3) == 0 ? 0 : random.Next(1, 5));
            }

            switch (random.Next(12))
            {
                case 0:
                    folder.Rollback();
                    break;
                case 1:
                    connection.Execute("BEGIN");
                    folder.FoldAtCommit();
                    folder.Committing(round);
                    connection.Execute("ROLLBACK");
                    folder.Rollback();
                    break;
                case 2:
                    connection.Execute("BEGIN");
                    folder.FoldAtCommit();
                    folder.Committing(round);
                    connection.Execute("COMMIT");
                    folder.Committed(round);
                    break;
                default:
                    folder.Committed(round);
                    break;
            }

            connection.Execute($"PRAGMA query_only={(random.Next(3) == 0 ? 1 : 0)}"); // then steps fail
            try
            {
                _ = random.Next(4) == 0 && folder.RestLong();
                folder.Rest();
            }
            catch (SqliteFailure)
            {
                // The next step tries again.
            }

            connection.Execute("PRAGMA query_only=0");
            for (var i = 1; i < 80; i++)
            {
                var (head, holder) = (connection.QueryInteger($"SELECT change FROM head WHERE key = {i}"), connection.QueryInteger($"SELECT record FROM unique_value WHERE value = CAST({i} AS BLOB)"));
                Assert.Equal(head, folder.Directory.FindHead(i) ?? head);
                var found = folder.Directory.FindHolder(Value(i)) ?? holder;
                Assert.True(found == holder || (hashMask != -1 && found != 0), $"round {round}: {found} in place of {holder}"); // or of another value with the same hash
                misses += folder.Directory.FindHead(i) is 0 ? 1 : 0;
            }
        }

        Assert.Equal(keysMax > 50, misses > 0);

        static HeldValue Value(int i) => new(1, Encoding.UTF8.GetBytes($"{i}"));
    }

    [Fact]
    public void A_map_of_numbers_keeps_what_was_set_last()
    {
        var (map, model, random) = (new NumberMap(), new Dictionary<long, long>(), new Random(1));
        for (var i = 0; i < 200_000; i++)
        {
            var key = random.Next(2) == 0 ? random.Next(1, 50_000) : random.NextInt64(1, 50_000) << 45;
            var number = random.Next(3) == 0 ? 0 : random.NextInt64();
            map.Set(key, number);
            model[key] = number;
        }

        Assert.All(model, entry => Assert.Equal(entry.Value, map.Find(entry.Key)));
        Assert.Equal(0, map.Find(60_000));
        Assert.InRange(map.Count, model.Values.Count(number => number != 0), model.Count);
    }

    [Fact]
    public async Task A_reader_sees_one_commit_while_rows_move_from_memory_to_the_tables()
    {
        using var store = await CreateAsync(new(Changes: 20, StepRows: 3));
        var created = await ApplyAsync(store, WriteKind.Create, [.. Enumerable.Range(0, 10).Select(i => Input(null, ("subject", "0"), ("ext_a", $"key {i}"), ("hs_pipeline_stage", "1")))]);
        long[] ids = [.. created.Results.Select(result => result.Record!.Id)];
        var key = store.Schema.Of(Tickets.Type).Find("ext_a")!;
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var reads = 0;
            for (; !stop.IsCancellationRequested; reads++)
            {
                var (byId, byKey, listed, archived) = await store.ReadAsync(
                    async snapshot => (
                        await snapshot.FindAsync(Tickets.Type, [.. ids], archived: false),
                        await snapshot.FindAsync(key, [.. Enumerable.Range(0, 10).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"key {i}"))]),
                        await snapshot.ListAsync(Tickets.Type, 0, 100, archived: false),
                        await snapshot.ListAsync(Tickets.Type, 0, 100, archived: true)),
                    CancellationToken.None);
                Assert.Equal(listed.Select(record => record.Id), byId.OfType<Record>().Select(record => record.Id));
                var keyed = byKey.OfType<Record>().Select(record => record.LastChange).Order().ToList();
                Assert.Equal(keyed.Count == 0 ? [] : listed.Select(record => record.LastChange).Order(), keyed); // one change takes all keys away
                Assert.Equal(10, listed.Length + archived.Length);
                Assert.Single(listed.Select(record => Value(store, record, "subject")).Distinct());
            }

            return reads;
        })).ToList();

        var random = new Random(1);
        for (var round = 1; round <= 400; round++)
        {
            var gone = random.Next(10);
            await ApplyAsync(store, WriteKind.Archive, Input(ids[gone]));
            // Rotates the keys of those that are left, and gives all the same subject.
            await ApplyAsync(store, WriteKind.Update, [.. ids.Where(id => id != ids[gone]).Select(id => Input(id, ("subject", $"{round}"), ("ext_a", "")))]);
            await ApplyAsync(store, WriteKind.Update, [.. ids.Where(id => id != ids[gone]).Select((id, i) => Input(id, ("subject", $"{round} again"), ("ext_a", $"key {(i + round) % 10}")))]);
            var left = $"key {(9 + round) % 10}";
            await ApplyAsync(store, WriteKind.Restore, Input(ids[gone], ("subject", $"{round} again"), ("ext_a", left)));
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), reads => Assert.True(reads > 10));
    }

    [Fact]
    public async Task A_reader_sees_the_associations_of_one_commit_while_they_move_from_memory_to_the_tables()
    {
        using var store = await CreateAsync(new(Changes: 20, StepRows: 3));
        var created = await ApplyAsync(store, WriteKind.Create, [.. Enumerable.Range(0, 41).Select(_ => Input(null, ("subject", "0"), ("hs_pipeline_stage", "1")))]);
        long[] ids = [.. created.Results.Select(result => result.Record!.Id)];
        var types = store.Schema.Associations.Between(Tickets.Type.Number, Tickets.Type.Number);
        await TieAsync(store, TieKind.Associate, ids[40], ids[..10]);
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var reads = 0;
            for (; !stop.IsCancellationRequested; reads++)
            {
                var (of, back) = await store.ReadAsync(
                    async snapshot => (
                        await snapshot.TiesAsync(Tickets.Type, [(ids[40], 0)], types, 100),
                        await snapshot.TiesAsync(Tickets.Type, [.. ids[..40].Select(id => (id, 0L))], types, 100)),
                    CancellationToken.None);
                var tied = Assert.Single(of).Ties.Select(tie => tie.Id).ToList();
                Assert.Contains(tied.Count, (int[])[10, 20]);
                Assert.Equal(tied, ids[..40].Zip(back).Where(record => record.Second.Ties.Any(tie => tie.Id == ids[40])).Select(record => record.First));
                var paged = new List<long>();
                for (long after = 0; (await store.ReadAsync(snapshot => snapshot.TiesAsync(Tickets.Type, [(ids[40], after)], types, 3), CancellationToken.None))[0] is var page; after = page.Ties[^1].Id)
                {
                    paged.AddRange(page.Ties.Select(tie => tie.Id));
                    if (page.IsLast)
                    {
                        break;
                    }
                }

                Assert.Equal(paged.Order(), paged); // of several commits
            }

            return reads;
        })).ToList();

        for (var round = 1; round <= 400; round++)
        {
            int from = (round - 1) % 4 * 10, to = round % 4 * 10;
            await TieAsync(store, TieKind.Associate, ids[40], ids[to..(to + 10)]);
            await TieAsync(store, TieKind.Dissociate, ids[40], ids[from..(from + 10)]);
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), reads => Assert.True(reads > 10));
    }

    [Fact]
    public async Task Associations_that_an_earlier_version_had_written_with_their_changes_stay_as_they_are()
    {
        using (var store = await CreateAsync(FoldPace.Default))
        {
            var (random, ids) = (new Random(5), new List<long>());
            for (var i = 0; i < 40; i++)
            {
                await WriteAsync(store, random, ids);
            }
        }

        long folded;
        using (var file = new Connection(Portal, create: false))
        {
            folded = file.QueryInteger("SELECT sequence FROM fold");
        }

        using (var store = new SqliteStore(Portal, StandardTypes.All, clock, NullLogger.Instance))
        {
            var random = new Random(6);
            long[] ids = [.. (await store.ReadAsync(snapshot => snapshot.ListAsync(Tickets.Type, 0, 6, archived: false), CancellationToken.None)).Select(record => record.Id)];
            for (var i = 0; i < 200; i++)
            {
                await TieAsync(store, random.Next(2) == 0 ? TieKind.Dissociate : TieKind.Associate, ids[random.Next(ids.Length)], ids[random.Next(ids.Length)]);
            }
        }

        var expected = DerivedTables.Reopened(Portal);
        using (var file = new Connection(Portal, create: false))
        {
            file.Execute($"UPDATE fold SET sequence = {folded}; DROP TABLE unfollowed; PRAGMA user_version=16"); // as a kill left it
        }

        Assert.Equal(expected, DerivedTables.Reopened(Portal));
    }

    [Fact]
    public async Task A_disk_that_is_full_in_a_fold_loses_nothing_and_the_fold_goes_on_when_there_is_space()
    {
        (await CreateAsync(FoldPace.Default)).Dispose();
        var folds = new Folds();
        using var connection = new Connection(Portal, create: false);
        folds.Current = new(connection.QueryInteger("SELECT steps FROM fold"), new(0), null);
        connection.Execute("""
            INSERT INTO source VALUES (1, 'API', '');
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
            INSERT INTO change (sequence, record, kind, time, source, content) SELECT i, i, 1, 1, 1, x'' FROM n
            """);
        using var folder = new Folder(connection, folds, new(Changes: 1_000, StepRows: 600));
        for (var i = 1; i <= 2_000; i++)
        {
            folder.Newest.SetHead(i, i, i, isNew: true);
            folder.Newest.SetHolder(new(1, Encoding.UTF8.GetBytes($"value {i} {new string('x', 100)}")), i, i);
        }

        folder.Newest.Commit(2_000);
        Assert.True(folder.RestLong());
        connection.Execute($"PRAGMA max_page_count={connection.QueryInteger("PRAGMA page_count") + 10}");
        var failure = Assert.Throws<SqliteFailure>(() =>
        {
            while (folder.RestLong())
            {
            }
        });
        Assert.True(failure.NoRoom);
        AssertAllFound(connection, folds);

        connection.Execute("PRAGMA max_page_count=100000");
        while (folder.RestLong())
        {
        }

        Assert.Equal((2_000, 2_000, 2_000), (connection.QueryInteger("SELECT count(*) FROM head"), connection.QueryInteger("SELECT count(*) FROM unique_value"), connection.QueryInteger("SELECT sequence FROM fold")));
        AssertAllFound(connection, folds);

        static void AssertAllFound(Connection connection, Folds folds)
        {
            var sources = new SourceNumbers();
            sources.Load(connection);
            using var lookup = new RecordLookup(connection, sources, folds);
            lookup.Heads.Begin();
            Assert.Equal(Enumerable.Range(1, 2_000).Select(i => (long)i), lookup.Range(1, 3_000).Select(record => record.LastChange));
            lookup.Heads.End();
        }
    }

    [Fact]
    public void A_transaction_that_is_rolled_back_leaves_what_was_there_before()
    {
        var unfolded = new Unfolded(0);
        var value = new HeldValue(1, "a"u8.ToArray());
        unfolded.SetHead(1, 1, 1, isNew: true);
        unfolded.SetHolder(value, 1, 1);
        unfolded.MoveStage("0-5", "1", 1);
        unfolded.Commit(1);

        unfolded.SetHead(1, 2, 2, isNew: false);
        unfolded.SetHead(1, 3, 0, isNew: false);
        unfolded.SetHead(2, 3, 3, isNew: true);
        unfolded.SetHolder(value, 3, 2);
        unfolded.MoveStage("0-5", "1", 1);
        Assert.Equal((1, 1, null), (unfolded.FindHead(1, 1), unfolded.FindHolder(value, 1), unfolded.FindHead(2, 1))); // what others see
        Assert.Equal((0, 2, 3), (unfolded.FindHead(1, 3), unfolded.FindHolder(value, 3), unfolded.FindHead(2, 3)));

        unfolded.Rollback();
        Assert.Equal((1, 1, null), (unfolded.FindHead(1, 3), unfolded.FindHolder(value, 3), unfolded.FindHead(2, 3)));
        Assert.Equal((1, null), (unfolded.FirstAdded(0, 10), unfolded.FirstAdded(2, 10)));
        Assert.Equal(1, Assert.Single(unfolded.Stages(withOpen: true)).Value);
    }

    async Task<SqliteStore> CreateAsync(FoldPace pace)
    {
        SqliteStore.Create(Portal, 1, "registry");
        var store = new SqliteStore(Portal, StandardTypes.All, clock, NullLogger.Instance, pace: pace);
        await DefineAsync(store);
        return store;
    }

    static async Task DefineAsync(IStore store)
    {
        foreach (var name in (string[])["ext_a", "ext_b"])
        {
            await store.ChangeSchemaAsync(
                Tickets.Type,
                content => content with
                {
                    Properties = content.Properties.Add(name, new(content.LastNumber + 1, Schemata.Custom(name) with { HasUniqueValue = true })),
                    LastNumber = content.LastNumber + 1,
                }, keepUsedStages: false);
        }
    }

    // What was decided.
    static async Task<string> WriteAsync(IStore store, Random random, List<long> ids, bool purges = false)
    {
        var unique = (string name) => (name, random.Next(4) == 0 ? "" : $"{random.Next(60)}");
        var stage = ("hs_pipeline_stage", $"{random.Next(1, 5)}");
        long? any = ids.Count == 0 ? null : ids[random.Next(ids.Count)];
        var key = $"{random.Next(60)}";
        if (ids.Count > 1 && random.Next(4) == 0)
        {
            return await TieAsync(store, random.Next(3) == 0 ? TieKind.Dissociate : TieKind.Associate, any!.Value, ids[random.Next(Math.Min(ids.Count, 8))]);
        }

        var (kind, inputs) = random.Next(10) switch
        {
            _ when any is null => (WriteKind.Create, (RecordInput[])[Input(null, unique("ext_a"), stage)]),
            0 or 1 => (WriteKind.Create, [Input(null, unique("ext_a"), unique("ext_b"), stage)]),
            2 => (WriteKind.Archive, [Input(any)]),
            3 => (WriteKind.Restore, [Input(any)]),
            4 when random.Next(3) == 0 => (WriteKind.Merge, [Input(any), Input(ids[random.Next(ids.Count)])]),
            8 => (WriteKind.Upsert, [new() { Id = Encoding.UTF8.GetBytes(key), IdProperty = "ext_a"u8.ToArray(), Values = Input(null, stage).Values }]),
            9 when purges && random.Next(5) == 0 => (WriteKind.Purge, [Input(any)]),
            5 => (WriteKind.Update, [Input(any, ("subject", new string('s', random.Next(700))), stage)]),
            _ => (WriteKind.Update, [Input(any, unique("ext_a"), unique("ext_b"))]),
        };
        try
        {
            var outcome = await ApplyAsync(store, kind, inputs);
            ids.AddRange(outcome.Results.Select(result => result.Record?.Id).OfType<long>().Where(id => !ids.Contains(id)));
            return $"{kind} {string.Join(", ", outcome.Results.Select(result => $"{result.Record?.Id} {result.Record?.LastChange}"))} {string.Join(", ", outcome.Faults.Select(fault => fault.Message))}";
        }
        catch (Refusal refusal)
        {
            return refusal.Message; // a value that is taken, a record that isn't archived, or a merge with itself
        }
    }

    static async Task<string> TieAsync(IStore store, TieKind kind, long from, params long[] to)
    {
        var plan = await store.ApplyAsync(new TieBatch
        {
            Kind = kind,
            Caller = Schemata.Caller,
            From = Tickets.Type,
            To = Tickets.Type,
            Types = store.Schema.Associations.Between(Tickets.Type.Number, Tickets.Type.Number),
            Inputs = [.. to.Select(id => new TieInput(from, id, []))],
        });
        return $"{kind} {from} {string.Join(", ", plan.Writes.Select(write => $"{write.To.Id} {write.Sequence}"))} {plan.Results[0].Error?.Message}";
    }

    static Task<Outcome> ApplyAsync(IStore store, WriteKind kind, params RecordInput[] inputs) =>
        store.ApplyAsync(Validation.Check(kind, inputs, store.Schema.Of(Tickets.Type), Schemata.Caller));

    static RecordInput Input(long? id, params (string Name, string Value)[] values) => new()
    {
        Id = Encoding.UTF8.GetBytes($"{id}"),
        Values = [.. values.Select(value => new RawValue(Encoding.UTF8.GetBytes(value.Name), Encoding.UTF8.GetBytes(value.Value)))],
    };

    static string Value(SqliteStore store, Record record, string name)
    {
        var values = new ValueReader(record.Values.Span);
        return values.Seek(store.Schema.Of(Tickets.Type).Find(name)!.Number) ? Encoding.UTF8.GetString(values.Value) : "";
    }
}
