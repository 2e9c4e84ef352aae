using System.Buffers.Text;
using System.Text;

namespace Docket.Bench;

/// <summary>
/// One ticket as the outside world knows it: key and eight values in UTF-8. Everything follows from its number and its
/// version, so nobody has to remember values: the same two give the same bytes to the server and to the raw loop.
/// </summary>
internal sealed class Ticket(KeyOrder keys)
{
    /// <summary>In alphabetical order; the index identifies the property.</summary>
    public static readonly byte[][] Names =
    [
        "content"u8.ToArray(), "hs_pipeline"u8.ToArray(), "hs_pipeline_stage"u8.ToArray(), "hs_ticket_category"u8.ToArray(),
        "hs_ticket_priority"u8.ToArray(), "source_ref"u8.ToArray(), "source_type"u8.ToArray(), "subject"u8.ToArray(),
    ];

    public const int Content = 0, Priority = 4, Subject = 7;

    const int KeyIndex = 8, NewWords = 5, WordsBetween = 11;

    static readonly byte[][] Stages = ["1"u8.ToArray(), "2"u8.ToArray(), "3"u8.ToArray()];
    static readonly byte[][] Priorities = ["LOW"u8.ToArray(), "MEDIUM"u8.ToArray(), "HIGH"u8.ToArray(), "URGENT"u8.ToArray()];
    static readonly byte[][] SourceTypes = ["CHAT"u8.ToArray(), "EMAIL"u8.ToArray(), "FORM"u8.ToArray(), "PHONE"u8.ToArray()];
    static readonly byte[][] Categories =
    [
        "PRODUCT_ISSUE"u8.ToArray(), "BILLING_ISSUE"u8.ToArray(), "GENERAL_INQUIRY"u8.ToArray(), "PRODUCT_ISSUE;FEATURE_REQUEST"u8.ToArray(),
    ];

    static readonly Prose Descriptions = new(seed: 1, wordsALine: 14);
    static readonly Prose Subjects = new(seed: 2, wordsALine: int.MaxValue);

    readonly byte[] bytes = new byte[2048];
    readonly int[] starts = new int[KeyIndex + 2];
    int length;

    public ReadOnlySpan<byte> Key => this[KeyIndex];

    public ReadOnlySpan<byte> this[int property] => bytes.AsSpan(starts[property]..starts[property + 1]);

    public void Become(int number, TicketVersion version)
    {
        var fixedPart = Mix((ulong)number);
        var varying = Mix(fixedPart + version.Texts);
        length = 0;

        starts[0] = length;
        if (version.IsLong)
        {
            AppendLong(varying, version.NewWords);
        }
        else
        {
            Append(Descriptions.Words((int)(fixedPart & 0xfff), 11 + (int)(fixedPart >> 12 & 0xfff) % 22));
            Append(" Update "u8);
            Append(version.Texts);
        }

        starts[1] = length;
        Append("0"u8);
        starts[2] = length;
        Append(Stages[((fixedPart >> 24 & 0xff) + version.Stage) % 3]);
        starts[3] = length;
        Append(Categories[fixedPart >> 32 & 3]);
        starts[4] = length;
        Append(Priorities[(number + version.Texts) & 3]);
        starts[5] = length;
        Append("https://helpdesk.example.com/agent/tickets/"u8);
        Append(number);
        starts[6] = length;
        Append(SourceTypes[fixedPart >> 34 & 3]);
        starts[7] = length;
        Append(Subjects.Words((int)(varying & 0xfff), 4 + (int)(varying >> 12 & 3)));
        Append(" #"u8);
        Append(version.Texts);
        starts[KeyIndex] = length;
        AppendKey(number, fixedPart);
        starts[KeyIndex + 1] = length;
    }

    /// <summary>60 words; if wanted, five of them are in no other text, as order numbers and addresses are.</summary>
    void AppendLong(ulong random, bool newWords)
    {
        for (var word = 0; word < NewWords; word++)
        {
            Append(Descriptions.Words((int)(random & 0xfff), WordsBetween));
            Append(" "u8);
            random = Mix(random);
            if (newWords)
            {
                AppendHex(random);
            }
            else
            {
                Append("sixteen0letters0"u8);
            }

            Append(" "u8);
        }
    }

    void AppendKey(int number, ulong random)
    {
        if (keys is KeyOrder.Sequence || (keys is KeyOrder.Mixed && (random >> 36 & 7) != 0))
        {
            Append("ZD-"u8);
            Utf8Formatter.TryFormat(number, bytes.AsSpan(length), out var written, new('D', 9));
            length += written;
        }
        else
        {
            Append("SN-"u8);
            AppendHex(random);
        }
    }

    void AppendHex(ulong value)
    {
        Utf8Formatter.TryFormat(value, bytes.AsSpan(length), out var written, new('x', 16));
        length += written;
    }

    void Append(ReadOnlySpan<byte> text)
    {
        text.CopyTo(bytes.AsSpan(length));
        length += text.Length;
    }

    void Append(int value)
    {
        Utf8Formatter.TryFormat(value, bytes.AsSpan(length), out var written);
        length += written;
    }

    /// <summary>SplitMix64's finisher: one to one, so random keys never meet.</summary>
    public static ulong Mix(ulong x)
    {
        x += 0x9e3779b97f4a7c15;
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
        x = (x ^ x >> 27) * 0x94d049bb133111eb;
        return x ^ x >> 31;
    }
}

/// <summary>A long made-up text to cut descriptions and subjects from: copying is the cheapest way to write.</summary>
internal sealed class Prose
{
    static readonly string[] HelpDesk =
        ("the a to and of in is it we our your cannot does not after since when order invoice login password printer screen "
        + "error message delivery refund account customer export report page button mobile browser update version license "
        + "upgrade please help again still waiting today yesterday Monday urgent broken missing wrong slow empty double "
        + "charged address café Zürich naïve \"timeout\" \"denied\" https://example.com/help support agent").Split(' ');

    readonly byte[] text;
    readonly int[] wordStarts;

    /// <summary>Writes the text.</summary>
    /// <param name="seed">The same seed gives the same text.</param>
    /// <param name="wordsALine">Words before a line feed.</param>
    /// <param name="pick">Picks a word; by default those of a help desk, all equally often.</param>
    /// <param name="cuts">Words at which a cut can begin.</param>
    /// <param name="longestCut">Most words in a cut.</param>
    public Prose(int seed, int wordsALine, Func<Random, string>? pick = null, int cuts = 4096, int longestCut = 64)
    {
        pick ??= random => HelpDesk[random.Next(HelpDesk.Length)];
        wordStarts = new int[cuts + longestCut];
        var random = new Random(seed);
        var builder = new List<byte>();
        for (var word = 0; word < wordStarts.Length; word++)
        {
            wordStarts[word] = builder.Count;
            builder.AddRange(Encoding.UTF8.GetBytes(pick(random)));
            builder.Add((word + 1) % wordsALine == 0 ? (byte)'\n' : (byte)' ');
        }

        text = [.. builder];
    }

    /// <summary>So many words from the <paramref name="first"/>, without the space at the end.</summary>
    public ReadOnlySpan<byte> Words(int first, int count) => text.AsSpan(wordStarts[first]..(wordStarts[first + count] - 1));
}

/// <summary>How the keys of new tickets follow each other.</summary>
internal enum KeyOrder
{
    /// <summary>Seven in eight ascend in order of arrival, as a help desk numbers them; the eighth comes from a source with random ids.</summary>
    Mixed,

    /// <summary>All ascend.</summary>
    Sequence,

    /// <summary>All are random.</summary>
    Random,
}

/// <summary>What an update changes.</summary>
[Flags]
internal enum Change
{
    /// <summary>Subject, content and priority.</summary>
    Texts = 1,

    /// <summary>The stage.</summary>
    Stage = 2,

    /// <summary>With <see cref="Texts"/>: the content gets 60 words.</summary>
    LongTexts = 4,

    /// <summary>With <see cref="LongTexts"/>: five of them were never seen before.</summary>
    NewWords = 8,
}

/// <summary>Which values a ticket has.</summary>
/// <param name="Texts">How often its texts have changed.</param>
/// <param name="Stage">How often its stage has changed.</param>
/// <param name="IsLong">Whether its content has 60 words.</param>
/// <param name="NewWords">Whether some of these are its own.</param>
internal readonly record struct TicketVersion(byte Texts, byte Stage, bool IsLong, bool NewWords)
{
    public TicketVersion After(Change change) => unchecked(new(
        (byte)(Texts + (change.HasFlag(Change.Texts) ? 1 : 0)),
        (byte)(Stage + (change.HasFlag(Change.Stage) ? 1 : 0)),
        change.HasFlag(Change.Texts) ? change.HasFlag(Change.LongTexts) : IsLong,
        change.HasFlag(Change.Texts) ? change.HasFlag(Change.NewWords) : NewWords));
}

/// <summary>How far one side has come: how many tickets it has and which version of each. Numbers start at 0 and have no gap.</summary>
internal sealed class Table(int capacity, KeyOrder keys = KeyOrder.Mixed)
{
    readonly TicketVersion[] versions = new TicketVersion[capacity];

    public KeyOrder Keys => keys;

    public int Count { get; set; }

    /// <summary>Updates done so far.</summary>
    public long Changes { get; set; }

    public TicketVersion Version(int number) => versions[number];

    /// <summary>This table, and others like it without tickets.</summary>
    public Table[] Repeated(int tables) => [this, .. Enumerable.Range(1, tables - 1).Select(_ => new Table(versions.Length, keys))];

    /// <summary>The next version, which is now the current one. Nobody else may hold the number: see <see cref="Picker"/>.</summary>
    public TicketVersion Advance(int number, Change change) => versions[number] = versions[number].After(change);
}

/// <summary>
/// Picks tickets of a table, at random or in sequence from a random one on. Several pickers share the numbers out among themselves, so two connections never
/// write the same ticket at once and its last version is known.
/// </summary>
internal sealed class Picker(Table table, int seed, int part = 0, int parts = 1, bool inSequence = false)
{
    readonly Random random = new(seed * 7919 + part);
    int? last;

    public Table Table => table;

    public int Pick()
    {
        var count = (table.Count - part + parts - 1) / parts;
        last = inSequence && last is { } before ? (before + 1) % count : random.Next(count);
        return part + parts * last.Value;
    }

    /// <summary>Fills with different numbers: a batch must not name a ticket twice.</summary>
    public void Pick(Span<int> numbers)
    {
        for (var i = 0; i < numbers.Length; i++)
        {
            do
            {
                numbers[i] = Pick();
            }
            while (numbers[..i].Contains(numbers[i]));
        }
    }
}
