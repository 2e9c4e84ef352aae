using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Docket.ChangeLog;
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
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(4_095)]
    [InlineData(4_096)]
    [InlineData(9_000)]
    [InlineData(65_536)]
    public void Documents_are_the_same_in_bytes(int count)
    {
        var all = Enumerable.Range(0, DocSet.Size).ToArray();
        new Random(count).Shuffle(all);
        var (set, buffer) = (new DocSet(), (byte[])[]);
        Array.ForEach(all[..count], set.Add);
        var bytes = Docs.ToBytes(set, ref buffer);
        Assert.InRange(bytes.Length, 0, Math.Min(count * sizeof(ushort), DocSet.Size / 8));
        var (read, rest) = (new DocSet(), new DocSet());
        Docs.OrInto(bytes, read);
        Array.ForEach(all, rest.Add);
        Docs.RemoveFrom(bytes, rest);
        Assert.Equal((count, DocSet.Size - count), (read.Count(), rest.Count()));
        Assert.All(all[..count].Take(2_000), doc => Assert.True(read.Contains(doc) && !rest.Contains(doc)));
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

    [Theory]
    [InlineData(3)]
    [InlineData(256)]
    [InlineData(1_000_000)]
    public void Columns_keep_their_values_in_each_form_that_a_save_writes(int different)
    {
        var random = new Random(different);
        var (column, expected, saves) = (new Column(), new ulong[DocSet.Size], new List<(byte[] Data, ColumnForm Form)>());
        column.Set(9, 0);
        Assert.False(column.IsChanged);
        Assert.True(column.Values.IsEmpty);
        for (var round = 0; round < 60; round++)
        {
            for (var i = 0; i < (round % 10 == 1 ? 20_000 : 300); i++)
            {
                var (doc, value) = (random.Next(Math.Min(DocSet.Size, 2_000 * (round + 1))), (ulong)random.Next(different));
                column.Set(doc, value);
                expected[doc] = value;
            }

            saves.Add((column.BeginSave(out var form), form));
            Assert.False(column.IsChanged);
            var read = new Column();
            foreach (var save in saves)
            {
                read.Load(save.Data, save.Form);
            }

            Assert.True(column.Values.SequenceEqual(read.Values));
            Assert.True(expected.AsSpan(0, read.Values.Length).SequenceEqual(read.Values));
        }

        Assert.Equal(ColumnForm.Whole, saves[0].Form); // too few documents for anything else
        Assert.Equal(different > 256 ? ColumnForm.Whole : ColumnForm.Few, saves[1].Form);
        Assert.InRange(saves.Count(save => save.Form == ColumnForm.Changes), 20, 58);
        Assert.All(saves.Where((save, round) => save.Form == ColumnForm.Changes && round % 10 != 1), save => Assert.InRange(save.Data.Length, 1, 3_000)); // only what changed
    }

    [Fact]
    public void A_value_that_stays_changes_no_column()
    {
        var column = new Column();
        column.Set(3, 7);
        column.BeginSave(out _);
        column.Set(3, 7);
        Assert.False(column.IsChanged);
    }

    [Fact]
    public void Combined_updates_set_what_they_set_one_after_the_other()
    {
        var random = new Random(9);
        var writer = new ValueWriter();
        for (var round = 0; round < 300; round++)
        {
            var records = Enumerable.Range(0, 5).Select(_ => Block([.. Enumerable.Range(1, 6).Where(_ => random.Next(2) == 0)])).ToArray();
            var (before, state) = (records.ToArray(), records.ToArray());
            var changes = new List<FollowedChange>();
            for (var sequence = 1; sequence <= random.Next(1, 40); sequence++)
            {
                var record = random.Next(5);
                var content = Block([.. Enumerable.Range(1, 6).Where(_ => random.Next(3) == 0).Append(6).Distinct()]);
                var kind = random.Next(8) == 0 ? ChangeKind.Restore : ChangeKind.Update;
                changes.Add(new(kind, sequence, 5, record, sequence * 10, 1) { Content = content, Before = state[record] });
                state[record] = Apply(state[record], content);
            }

            var (last, barriers) = (changes[^1], changes.Count(change => change.Kind == ChangeKind.Restore));
            var combined = changes.ToList();
            new RepeatedChanges().Combine(combined);
            Assert.Equal((last.Sequence, last.Time), (combined[^1].Sequence, combined[^1].Time));
            Assert.Equal(combined.Select(change => change.Sequence).Order(), combined.Select(change => change.Sequence));
            Assert.InRange(combined.Count(change => change.Kind == ChangeKind.Update), 0, 5 + barriers);
            foreach (var change in combined)
            {
                Assert.Equal(Text(records[change.RecordId]), Text(change.Before.ToArray()));
                records[change.RecordId] = Apply(records[change.RecordId], change.Content!.Value.ToArray());
            }

            Assert.Equal(state.Select(Text), records.Select(Text));
        }

        byte[] Block(int[] numbers)
        {
            foreach (var number in numbers)
            {
                writer.Add(number, 0, Encoding.UTF8.GetBytes($"{random.Next(1_000)}"));
            }

            return writer.Take();
        }

        byte[] Apply(byte[] old, byte[] content)
        {
            var values = Values(old);
            foreach (var (number, value) in Values(content))
            {
                values[number] = value;
            }

            foreach (var (number, value) in values)
            {
                writer.Add(number, 0, value);
            }

            return writer.Take();
        }

        static SortedDictionary<int, byte[]> Values(byte[] block)
        {
            var values = new SortedDictionary<int, byte[]>();
            for (var reader = new ValueReader(block); reader.Next();)
            {
                values[reader.Number] = reader.Value.ToArray();
            }

            return values;
        }

        static string Text(byte[] block) => string.Join(' ', Values(block).Select(value => $"{value.Key}={Encoding.UTF8.GetString(value.Value)}"));
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
    public Task Texts_of_any_length_are_split_as_one_character_after_the_other_would_be() => Seed.PlayAsync(random =>
    {
        for (var i = 0; i < 5_000; i++)
        {
            var text = AnyText(random, ["a", "bc9", "Word", "Ⱥ", "İ", "é", "ß", "東", "𝒳", "e\u0301", "🙂", "@", "[", "`", "{", "/", ":", "\0", " ", " ", "\u00a0", new('y', 63), new('z', 140)]);
            var expected = new List<string>();
            var (token, length) = ("", 0);
            foreach (var rune in text.ToLowerInvariant().EnumerateRunes())
            {
                if (!Words.IsWord(rune))
                {
                    End();
                    continue;
                }

                length += rune.Utf8SequenceLength;
                token += length <= Words.LengthMax ? rune.ToString() : "";
            }

            End();
            Assert.Equal(expected, TokensOf(text));

            void End()
            {
                expected.AddRange(token.Length == 0 ? [] : [token]);
                (token, length) = ("", 0);
            }
        }

        return Task.CompletedTask;
    });

    [Fact]
    public void Every_character_has_the_lower_case_that_strings_have()
    {
        byte[] buffer = [];
        foreach (var first in Enumerable.Range(0, 0x110000 / 64))
        {
            var text = string.Concat(Enumerable.Range(first * 64, 64).Where(Rune.IsValid).Select(value => new Rune(value).ToString()));
            Assert.Equal(text.ToLowerInvariant(), Encoding.UTF8.GetString(Words.ToLower(Encoding.UTF8.GetBytes(text), ref buffer)));
        }

        buffer = [];
        byte[] broken = [0xff, (byte)'A', 0xe9, 0x80, 0x80, 0xe9, 0x80, 0xc3];
        Assert.Equal(Encoding.UTF8.GetString(broken).ToLowerInvariant(), Encoding.UTF8.GetString(Words.ToLower(broken, ref buffer)));
        buffer = [];
        Assert.Equal("a\ufffd", Encoding.UTF8.GetString(Words.ToLower([(byte)'A', 0x80], ref buffer)));
    }

    [Fact]
    public Task A_changed_text_has_its_own_words_and_no_others() => Seed.PlayAsync(random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-index-");
        try
        {
            using var file = new IndexFile(Path.Combine(directory.FullName, "portal.index.db"));
            var subject = Schemata.Tickets.Find("subject")!;
            var texts = new string[30];
            Array.Fill(texts, "");
            for (var i = 0; i < 2_000; i++)
            {
                var document = i < texts.Length ? file.Index.Add(5, i, 0, 0, 1, active: true) : random.Next(texts.Length);
                var before = texts[document];
                var text = before[..random.Next(before.Length + 1)] + AnyText(random, ["a", "b", "ab", "B", "é", "É", "e", " ", " ", "-", "1", "ü x"]);
                texts[document] = random.Next(10) == 0 ? "" : text;
                file.Index.Put(document, subject, Encoding.UTF8.GetBytes(before), Encoding.UTF8.GetBytes(texts[document]));
                if (i % 100 < 99)
                {
                    continue;
                }

                var tokens = texts.Select(TokensOf).ToArray();
                foreach (var word in tokens.SelectMany(list => list).Distinct())
                {
                    var found = new DocSet?[1];
                    Assert.True(file.Index.TryRead(reader => Gather(file.Index.Postings, reader, Encoding.UTF8.GetBytes(word), found), out _));
                    Assert.Equal(Enumerable.Range(0, texts.Length).Where(at => tokens[at].Contains(word)), Enumerable.Range(0, texts.Length).Where(at => found[0]!.Contains(at)));
                }
            }

            DocSet?[] Gather(Postings postings, IndexReader reader, byte[] word, DocSet?[] into)
            {
                postings.Gather(reader.Block, SearchIndex.Terms(subject), word, into);
                return into;
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }

        return Task.CompletedTask;
    });

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

    static string AnyText(Random random, string[] parts) => string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));

    static List<string> TokensOf(string text)
    {
        var tokens = new List<string>();
        byte[] buffer = [];
        var words = new Words(Words.ToLower(Encoding.UTF8.GetBytes(text), ref buffer));
        while (words.Next())
        {
            tokens.Add(Encoding.UTF8.GetString(words.Current));
        }

        return tokens;
    }
}
