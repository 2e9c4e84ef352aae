using System.Runtime.CompilerServices;
using System.Text;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Tests.Search;

/// <summary>Postings in memory and in segments, compared with sets of documents.</summary>
public sealed class PostingsTests : IDisposable
{
    const int Far = DocSet.Size + 10;

    readonly string path = Path.Combine(Directory.CreateTempSubdirectory("docket-postings-").FullName, "p.index.db");
    readonly Dictionary<(int Property, string Term), HashSet<int>> expected = [];
    int words;

    // Loads SQLite.
    static PostingsTests() => RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle);

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);

    [Fact]
    public Task Terms_have_the_documents_that_were_added_last_through_saves_and_merges() => Seed.PlayAsync(random =>
    {
        var file = Open();
        for (var round = 0; round < 150; round++)
        {
            for (var i = 0; i < random.Next(400); i++)
            {
                Change(file.Index, random);
            }

            switch (random.Next(4))
            {
                case 0 when !file.IsSaving:
                    file.BeginSave(built: true);
                    break;
                case 1 when file.IsSaving:
                    file.SaveSome(random.Next(1, 4_000));
                    break;
                case 2 when file.IsUntidy:
                    file.TidySome(random.Next(1, 4_000));
                    break;
                case 3 when round % 10 == 0:
                    file.Save(built: true);
                    file.Dispose();
                    file = Open();
                    break;
            }

            if (round % 5 == 0)
            {
                Check(file.Index);
            }
        }

        Finish(file);
        Check(file.Index);
        file.Dispose();
        return Task.CompletedTask;
    });

    [Fact]
    public void Segments_are_merged_and_those_that_were_are_deleted()
    {
        using var file = Open();
        var random = new Random(1);
        for (var save = 0; save < 40; save++)
        {
            for (var i = 0; i < 500; i++)
            {
                Change(file.Index, random);
            }

            file.Save(built: true);
            Finish(file);
        }

        Assert.InRange(file.Index.Postings.Segments.Count, 1, 8);
        Check(file.Index);
        using var rows = new Connection(path, create: false);
        Assert.Equal(file.Index.Postings.Segments.Sum(segment => segment.Firsts.Length), rows.QueryInteger("SELECT count(*) FROM block"));
        Assert.Equal(0, rows.QueryInteger("SELECT count(*) FROM block WHERE id >> 32 NOT IN (SELECT id FROM segment)"));
    }

    [Fact]
    public void Segments_of_words_that_were_never_seen_before_take_about_their_bytes()
    {
        using var file = Open();
        const int count = 50_000;
        for (var i = 0; i < count; i++)
        {
            file.Index.Postings.Add(1, i, Encoding.UTF8.GetBytes($"word{i:D8}"));
        }

        Assert.InRange(file.Index.Postings.ChangedBytes, count * 12, count * 80);
        file.Save(built: true);
        var segment = Assert.Single(file.Index.Postings.Segments);
        Assert.InRange(segment.Bytes, count * 12, count * 20);
        Assert.InRange(segment.Firsts.Length, 1, (segment.Bytes / Segment.BlockSize) + 2);
    }

    [Fact]
    public void A_merge_that_was_interrupted_leaves_nothing()
    {
        var file = Open();
        var random = new Random(2);
        for (var save = 0; !file.IsUntidy; save++)
        {
            for (var i = 0; i < 3_000; i++)
            {
                Change(file.Index, random);
            }

            file.Save(built: true);
        }

        var before = file.Index.Postings.Segments.Count;
        file.TidySome(Segment.BlockSize * 2);
        Assert.Equal(before, file.Index.Postings.Segments.Count); // it has not come to its end
        file.Dispose();
        file = Open();
        using (var rows = new Connection(path, create: false))
        {
            Assert.Equal(0, rows.QueryInteger("SELECT count(*) FROM block WHERE id >> 32 NOT IN (SELECT id FROM segment)"));
        }

        Check(file.Index);
        Finish(file);
        Check(file.Index);
        file.Dispose();
    }

    IndexFile Open()
    {
        var file = new IndexFile(path);
        for (var i = file.Index.Documents; i <= Far + 20; i++)
        {
            file.Index.Add(5, 10_000_000_001 + i, 0, 0, 1, active: false);
        }

        return file;
    }

    static void Finish(IndexFile file)
    {
        file.Save(built: true);
        while (file.IsUntidy)
        {
            file.TidySome(long.MaxValue);
        }
    }

    void Change(SearchIndex index, Random random)
    {
        var (property, term) = random.Next(3) switch
        {
            0 => (1, $"t{random.Next(6)}"), // common
            1 => (2, $"ü{random.Next(300)}"),
            _ => (2, $"new word {words++}"),
        };
        var document = random.Next(4) == 0 ? Far + random.Next(10) : property == 1 ? random.Next(DocSet.Size) : random.Next(40);
        var add = random.Next(3) > 0;
        var set = expected.TryGetValue((property, term), out var known) ? known : expected[(property, term)] = [];
        _ = add ? set.Add(document) : set.Remove(document);
        if (add)
        {
            index.Postings.Add(property, document, Encoding.UTF8.GetBytes(term));
        }
        else
        {
            index.Postings.Remove(property, document, Encoding.UTF8.GetBytes(term));
        }
    }

    void Check(SearchIndex index)
    {
        using var reader = new IndexReader(path);
        foreach (var (property, term) in expected.Keys.Where((_, i) => i < 20 || i % 97 == 0).Append((1, "never")))
        {
            Compare(expected.GetValueOrDefault((property, term), []), into => index.Postings.Gather(reader.Block, property, Encoding.UTF8.GetBytes(term), into));
        }

        foreach (var (property, pattern) in ((int, string)[])[(1, "*"), (2, "*"), (2, "ü1*"), (2, "*9"), (2, "new word 1*"), (1, "x*"), (3, "*")])
        {
            var (beginning, all) = (Encoding.UTF8.GetBytes(pattern.Split('*')[0]), Encoding.UTF8.GetBytes(pattern));
            var terms = expected.Where(entry => entry.Key.Property == property && Words.Fits(Encoding.UTF8.GetBytes(entry.Key.Term), all));
            Compare([.. terms.SelectMany(entry => entry.Value)], into => index.Postings.Gather(reader.Block, property, beginning, term => Words.Fits(term, all), into));
        }

        void Compare(HashSet<int> documents, Action<DocSet?[]> gather)
        {
            var into = new DocSet?[index.Chunks];
            gather(into);
            var found = new List<int>();
            for (var chunk = 0; chunk < into.Length; chunk++)
            {
                for (var doc = into[chunk]?.Next(0) ?? -1; doc >= 0; doc = into[chunk]!.Next(doc + 1))
                {
                    found.Add((chunk << DocSet.Bits) + doc);
                }
            }

            Assert.Equal(documents.Order(), found);
        }
    }
}
