using System.Text;
using Docket.Sqlite;
using Docket.Tests.Stores;

namespace Docket.Tests.Attacks;

/// <summary>Power cuts while what follows from many changes is written to the tables, a step between two transactions.</summary>
public sealed class FoldPowerCutTests
{
    // The first fold begins after 50,000 changes (FoldPace) and needs about 50 steps.
    const int BatchSize = 100, Creates = 500, Renames = 60, Images = 12, Clients = 4;
    const string Tickets = "/crm/v3/objects/tickets";

    /// <summary>Writes that give 100 tickets new keys. A later one gives them other keys.</summary>
    sealed class Batch(int number)
    {
        public int Number { get; } = number;

        public string[] Ids { get; set; } = [];

        /// <summary>A position in the recording.</summary>
        public long AcknowledgedAt { get; set; } = long.MaxValue;

        public IEnumerable<string> Keys => Enumerable.Range(0, BatchSize).Select(i => $"{Number}-{i}");
    }

    readonly List<Batch> created = [], renamed = [];

    // The fewest steps that were seen with a last folded change. More of them are those of the next fold.
    readonly Dictionary<long, long> stepsAt = new() { [0] = 0 };

    [Fact]
    [Trait("Category", "Slow")]
    public Task A_power_cut_within_a_fold_loses_nothing_that_was_acknowledged_and_the_tables_follow_from_the_changes() => Seed.PlayAsync(async random =>
    {
        using var disk = await Disk.MakeAsync(records: true);
        var foldable = 0L;
        await using (var server = await disk.StartAsync())
        {
            (await server.SendAsync(HttpMethod.Post, "/crm/v3/properties/tickets", """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
            await WriteAsync(created, Creates, batch => server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", Body(batch, i => $$$"""{"properties":{"subject":"s","hs_pipeline_stage":"1","ext_id":"{{{batch.Number}}}-{{{i}}}"}}""")), 201, disk);
            foldable = disk.Position;
            await WriteAsync(renamed, Renames, batch => server.SendAsync(HttpMethod.Post, Tickets + "/batch/update", Body(batch, i => $$$"""{"id":"{{{created[batch.Number - Creates].Ids[i]}}}","properties":{"hs_pipeline_stage":"2","ext_id":"{{{batch.Number}}}-{{{i}}}"}}""")), 200, disk);
            server.Kill();
        }

        var entries = disk.Entries().ToList();
        var first = entries.FindIndex(entry => entry.Position > foldable);
        var chosen = Enumerable.Range(0, Images).Select(_ => random.Next(first, entries.Count)).ToHashSet();
        var platter = new Platter(disk.Folder);
        var withinFold = 0;
        for (var i = 0; i < entries.Count; i++)
        {
            platter.Take(entries[i]);
            if (chosen.Contains(i))
            {
                var image = Directory.CreateTempSubdirectory("docket-image-").FullName;
                platter.CutPower(image, random);
                withinFold += Check(Assert.Single(Directory.GetFiles(image, "portal-*.db"), file => !file.EndsWith(".index.db", StringComparison.Ordinal)), entries[i].Position) ? 1 : 0;
                Directory.Delete(image, recursive: true);
            }
        }

        Assert.True(withinFold > 0, $"none of {chosen.Count} power cuts was within a fold");
        TestContext.Current.TestOutputHelper?.WriteLine($"{withinFold} of {chosen.Count} power cuts were within a fold");
    });

    static string Body(Batch batch, Func<int, string> input) => $$"""{"inputs":[{{string.Join(',', Enumerable.Range(0, BatchSize).Select(input))}}]}""";

    async Task WriteAsync(List<Batch> batches, int count, Func<Batch, Task<Answer>> write, int status, Disk disk)
    {
        var first = status == 201 ? 0 : Creates;
        batches.AddRange(Enumerable.Range(first, count).Select(number => new Batch(number)));
        var next = -1;
        var clients = batches == created ? Clients : 1; // with one, there is a step of the fold after each batch
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var i && i < count)
            {
                var answer = (await write(batches[i])).Expect(status);
                batches[i].AcknowledgedAt = disk.Position;
                batches[i].Ids = [.. answer.Json!["results"]!.AsArray().Select(result => result!["id"]!.ToString())];
            }
        }));
    }

    /// <summary>Checks a file as a power cut at this position of the recording left it, and returns whether that was within a fold.</summary>
    bool Check(string path, long position)
    {
        bool isWithinFold;
        using (var file = new Connection(path, create: false))
        {
            // The last step of a fold is the one that changes the sequence.
            var (folded, steps) = (file.QueryInteger("SELECT sequence FROM fold"), file.QueryInteger("SELECT steps FROM fold"));
            stepsAt.TryAdd(folded, steps);
            isWithinFold = steps > stepsAt[folded];
        }

        var tables = DerivedTables.Reopened(path);
        var keys = new HashSet<string>();
        using (var file = new Connection(path, create: false))
        {
            Assert.Equal("ok", file.QueryText("PRAGMA integrity_check"));
            using var values = file.Prepare("SELECT value FROM unique_value WHERE property = (SELECT max(property) FROM unique_value)");
            while (values.Step())
            {
                keys.Add(Encoding.UTF8.GetString(values.Blob(0)));
            }
        }

        foreach (var batch in created)
        {
            var later = renamed.ElementAtOrDefault(batch.Number);
            var isThere = keys.IsSupersetOf(batch.Keys);
            var isReplaced = later is not null && keys.IsSupersetOf(later.Keys);
            Assert.True(isThere != isReplaced, $"batch {batch.Number} was acknowledged and is {(isThere ? "there twice" : "gone")}");
            Assert.True(isReplaced || later is null || later.AcknowledgedAt > position, $"batch {later?.Number} was acknowledged and is gone");
        }

        Assert.Equal(DerivedTables.Remade(path), tables);
        return isWithinFold;
    }
}
