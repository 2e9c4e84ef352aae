using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Docket.Index;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Tests.Search;

/// <summary>The parts of the index, compared with the simplest implementation of the same.</summary>
public sealed class IndexPartsTests
{
    // Loads SQLite.
    static IndexPartsTests() => RuntimeHelpers.RunClassConstructor(typeof(Engine).TypeHandle);

    [Theory]
    [InlineData(10)]
    [InlineData(4_094)]
    [InlineData(4_095)]
    [InlineData(4_096)]
    [InlineData(9_000)]
    [InlineData(65_536)]
    public void A_posting_holds_what_a_set_holds_in_memory_and_in_bytes(int most)
    {
        var random = new Random(most);
        var all = Enumerable.Range(0, DocSet.Size).ToArray();
        random.Shuffle(all);
        var (posting, expected) = (new Posting(), new HashSet<int>());
        void Check()
        {
            Assert.Equal(expected.Count == 0, posting.IsEmpty);
            var bytes = posting.ToBytes().ToArray();
            Assert.Equal(expected.Count == 0, bytes.Length == 0);
            foreach (var set in (DocSet[])[Read(posting), Read(new Posting(bytes)), Read(bytes)])
            {
                Assert.Equal(expected.Count, set.Count());
                Assert.All(expected.Take(2_000), doc => Assert.True(set.Contains(doc)));
            }

            Assert.All((int[])[0, 1, 65_534, 65_535, .. all[..200]], doc => Assert.Equal(expected.Contains(doc), Posting.Contains(bytes, doc)));
        }

        foreach (var doc in all[..most])
        {
            posting.Add(doc);
            expected.Add(doc);
        }

        Check();
        Assert.True(posting.Dirty);
        posting.Saved();
        posting.Add(all[0]);
        posting.Remove(most < all.Length ? all[^1] : all[0]);
        if (most == all.Length)
        {
            expected.Remove(all[0]);
        }
        else
        {
            Assert.False(posting.Dirty); // nothing became another
        }

        Check();
        posting = new Posting(posting.ToBytes());
        foreach (var step in all[..most].Chunk(Math.Max(1, most / 5)))
        {
            foreach (var doc in step)
            {
                posting.Remove(doc);
                expected.Remove(doc);
            }

            Check();
            posting.Add(step[0]);
            expected.Add(step[0]);
        }
    }

    [Fact]
    public void Documents_of_a_set_are_found_in_order()
    {
        var set = new DocSet();
        int[] docs = [0, 1, 63, 64, 127, 65_535];
        foreach (var doc in docs)
        {
            set.Add(doc);
        }

        var found = new List<int>();
        for (var doc = set.Next(0); doc >= 0; doc = set.Next(doc + 1))
        {
            found.Add(doc);
        }

        Assert.Equal(docs, found);
        set.Negate();
        Assert.Equal(DocSet.Size - docs.Length, set.Count());
        Assert.False(set.Contains(65_535));
    }

    [Fact]
    public void Keys_of_numbers_ascend_as_the_numbers_do_and_are_never_the_sign_of_none()
    {
        var random = new Random(1);
        double[] numbers = [double.NegativeInfinity, double.MinValue, -9007199254740993, -1, -double.Epsilon, 0, double.Epsilon, 0.1, 1, 9007199254740992, double.MaxValue, double.PositiveInfinity, .. Enumerable.Range(0, 5_000).Select(_ => BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue))).Where(double.IsFinite)];
        Array.Sort(numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            Assert.InRange(Key.OfNumber(numbers[i]), 2UL, ulong.MaxValue - 2);
            Assert.Equal(numbers[i], Key.ToNumber(Key.OfNumber(numbers[i])));
            Assert.Equal(i > 0 ? numbers[i - 1].CompareTo(numbers[i]) : -1, i > 0 ? Key.OfNumber(numbers[i - 1]).CompareTo(Key.OfNumber(numbers[i])) : -1);
        }

        Assert.Equal(Key.OfNumber(0), Key.OfNumber(-0.0));
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("∞")]
    [InlineData(" 1")]
    [InlineData("1,000")]
    [InlineData("")]
    public void What_is_no_number_has_no_key(string text) => Assert.Equal(0UL, Key.OfValue(Form.Number, Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Keys_of_texts_never_contradict_their_order()
    {
        string[] texts = ["\0", "\0\0", "\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\u0001", "\u0001", "a", "a\0", "ab", "ticket #", "ticket #1", "ticket #2", "ü", "東", "\uffff", "😀"];
        foreach (var a in texts)
        {
            Assert.NotEqual(0UL, Key.OfText(Encoding.UTF8.GetBytes(a)));
            foreach (var b in texts)
            {
                var (keys, order) = (Key.OfText(Encoding.UTF8.GetBytes(a)).CompareTo(Key.OfText(Encoding.UTF8.GetBytes(b))), Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));
                Assert.True(keys == 0 || Math.Sign(keys) == Math.Sign(order), $"{a} {b}");
            }
        }

        Assert.Equal(0UL, Key.OfText([]));
    }

    [Fact]
    public void Columns_keep_their_values()
    {
        var column = new Column();
        column.Set(9, 0);
        Assert.True(column.Values.IsEmpty);
        column.Set(65_535, 3);
        column.Set(0, 7);
        column.Set(65_535, 0);
        Assert.Equal(DocSet.Size, column.Values.Length);
        Assert.Equal((7UL, 0UL), (new Column(column.ToBytes()).Values[0], new Column(column.ToBytes()).Values[65_535]));
    }

    [Theory]
    [InlineData("Hello, World-2", "hello|world|2")]
    [InlineData("東京駅 und Zürich", "東京駅|und|zürich")]
    [InlineData("मराठी e\u0301x 😀 𝒳", "मराठी|e\u0301x|𝒳")]
    [InlineData("--", "")]
    [InlineData("", "")]
    public void Tokens_are_runs_of_letters_digits_and_their_marks(string text, string expected) => Assert.Equal(expected, string.Join('|', TokensOf(text)));

    [Fact]
    public void Long_tokens_are_cut_between_characters()
    {
        Assert.Equal(new string('é', 64), Assert.Single(TokensOf(new string('é', 100))));
        Assert.Equal("a" + new string('é', 63), Assert.Single(TokensOf("a" + new string('é', 100))));
        Assert.Equal([string.Concat(Enumerable.Repeat("𝒳", 32)), "b"], TokensOf(string.Concat(Enumerable.Repeat("𝒳", 50)) + " b"));
    }

    [Fact]
    public void Patterns_fit_as_regular_expressions_do()
    {
        var random = new Random(2);
        for (var i = 0; i < 20_000; i++)
        {
            var (token, pattern) = (Text("ab", random.Next(7)), Text("ab*", random.Next(7)));
            Assert.True(Regex.IsMatch(token, $"^{Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}\\z") == Words.Fits(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(pattern)), $"{token} {pattern}");
        }

        string Text(string letters, int length) => new([.. Enumerable.Range(0, length).Select(_ => letters[random.Next(letters.Length)])]);
    }

    [Fact]
    public void Postings_survive_saves_evictions_and_reloads()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("docket-postings-").FullName, "p.index.db");
        var random = new Random(3);
        var expected = new Dictionary<(int Property, string Term), HashSet<int>>();
        try
        {
            using var file = new IndexFile(path);
            var index = file.Index;
            for (var i = 0; i < DocSet.Size + 10; i++)
            {
                index.Add(5, 10_000_000_001 + i, 0, 0, 1, active: false);
            }

            for (var round = 0; round < 30; round++)
            {
                for (var i = 0; i < 300; i++)
                {
                    var (property, term, document, add) = (random.Next(1, 3), $"t{random.Next(6)}", random.Next(4) == 0 ? DocSet.Size + random.Next(10) : random.Next(40), random.Next(2) == 0);
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

                Check();
                if (round % 3 > 0)
                {
                    file.Save(built: true);
                    if (round % 3 == 2)
                    {
                        index.EndSave(0);
                        Assert.Equal((0, 0), (index.Postings.Weight, index.Columns.Weight));
                    }

                    Check();
                }
            }

            // As a search sees them: the file's rows, newer ones in memory, and those without a row in the file.
            void Check()
            {
                using var rows = new Connection(path, create: false);
                using var select = rows.Prepare("SELECT property, term, chunk, docs FROM posting");
                var found = expected.Keys.ToDictionary(key => key, _ => new HashSet<int>());
                while (select.Step())
                {
                    var (property, term, chunk) = ((int)select.Integer(0), select.Blob(1).ToArray(), (int)select.Integer(2));
                    if (property > 0)
                    {
                        var set = index.Postings.Loaded(property, chunk, term) is { } newer ? Read(newer) : Read(select.Blob(3));
                        Collect(found[(property, Encoding.UTF8.GetString(term))], set, chunk);
                    }
                }

                foreach (var property in (int[])[1, 2])
                {
                    foreach (var (term, chunk, posting) in index.Postings.Unsaved(property))
                    {
                        Collect(found[(property, Encoding.UTF8.GetString(term))], Read(posting), chunk);
                    }
                }

                Assert.All(expected, entry => Assert.Equal(entry.Value.Order(), found[entry.Key].Order()));
            }
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }

        static void Collect(HashSet<int> into, DocSet from, int chunk)
        {
            for (var doc = from.Next(0); doc >= 0; doc = from.Next(doc + 1))
            {
                into.Add((chunk << DocSet.Bits) + doc);
            }
        }
    }

    [Fact]
    public void A_term_that_was_only_looked_for_is_found_once_it_is_there()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("docket-postings-").FullName, "p.index.db");
        using (var file = new IndexFile(path))
        {
            file.Index.Add(5, 10_000_000_001, 0, 0, 1, active: true);
            file.Index.Postings.Remove(1, 0, "late"u8);
            file.Save(built: true);
            file.Index.Postings.Add(1, 0, "late"u8);
            Assert.Single(file.Index.Postings.Unsaved(1));
        }

        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    static DocSet Read(Posting posting)
    {
        var set = new DocSet();
        posting.OrInto(set);
        return set;
    }

    static DocSet Read(ReadOnlySpan<byte> bytes)
    {
        var set = new DocSet();
        Posting.OrInto(bytes, set);
        return set;
    }

    static List<string> TokensOf(string text)
    {
        var tokens = new List<string>();
        var words = new Words(Encoding.UTF8.GetBytes(text.ToLowerInvariant()));
        while (words.Next())
        {
            tokens.Add(Encoding.UTF8.GetString(words.Current));
        }

        return tokens;
    }
}
