using System.Buffers.Text;
using System.Text;

namespace Docket.Bench;

/// <summary>500 made-up words, of which the one of rank r is met 1/r as often as the first (Zipf), as in any language.</summary>
internal static class Vocabulary
{
    const int Size = 500;

    /// <summary>The most frequent first; frequent words are shorter, as in any language too.</summary>
    public static readonly string[] Words = Make();

    static readonly double[] Sums = SumUp();

    public static string Pick(Random random)
    {
        var at = Array.BinarySearch(Sums, random.NextDouble() * Sums[^1]);
        return Words[at < 0 ? ~at : at];
    }

    static string[] Make()
    {
        var random = new Random(3);
        var words = new HashSet<string>();
        while (words.Count < Size)
        {
            var syllables = (words.Count < 30 ? 1 : words.Count < 200 ? 2 : 3) + random.Next(2);
            words.Add(string.Concat(Enumerable.Range(0, syllables).Select(_ => $"{"bdfghklmnprstvwz"[random.Next(16)]}{"aeiou"[random.Next(5)]}")));
        }

        return [.. words];
    }

    static double[] SumUp()
    {
        var sums = new double[Size];
        for (var (rank, sum) = (1, 0.0); rank <= Size; rank++)
        {
            sums[rank - 1] = sum += 1.0 / rank;
        }

        return sums;
    }
}

/// <summary>
/// Tickets with texts to search. Every value follows from the ticket's number and the version of its texts or of its
/// stage; none of them has anything that JSON escapes.
/// </summary>
internal static class SearchTicket
{
    /// <summary>A number property of the benchmark's own; one ticket in four has none.</summary>
    public const string Effort = "effort_minutes";

    public const int EffortMax = 1000;

    public static readonly string[] Stages = ["1", "2", "3", "4"], Priorities = ["LOW", "MEDIUM", "HIGH", "URGENT"];
    public static readonly string[] Sources = ["CHAT", "EMAIL", "FORM", "PHONE"], Categories = ["PRODUCT_ISSUE", "BILLING_ISSUE", "GENERAL_INQUIRY", "FEATURE_REQUEST"];

    /// <summary>Create dates lie between these, in no order; milliseconds since 1970.</summary>
    public static readonly long FirstDay = new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    public static readonly long LastDay = FirstDay + (2 * 365 * 86_400_000L);

    const int Cuts = 1 << 16, ContentMax = 200, SubjectMax = 8;

    static readonly Prose Contents = new(seed: 1, wordsALine: int.MaxValue, Vocabulary.Pick, Cuts, ContentMax);
    static readonly Prose Subjects = new(seed: 2, wordsALine: int.MaxValue, Vocabulary.Pick, Cuts, SubjectMax);

    /// <summary>3 to 8 words.</summary>
    public static ReadOnlySpan<byte> Subject(int number, int version) => Cut(Subjects, Texts(number, version), 3, SubjectMax);

    /// <summary>The rest of a new ticket, after its key.</summary>
    public static void AddAll(Request request, int number)
    {
        var random = Ticket.Mix((ulong)number);
        AddTexts(request, number, version: 0);
        request.Add(",\"hs_pipeline\":\"0\","u8);
        AddStage(request, number, version: 0);
        request.Add(",\"createdate\":\""u8);
        request.Add(FirstDay + (long)(random % (ulong)(LastDay - FirstDay)));
        Add(request, "\",\"hs_ticket_priority\":\""u8, Priorities[random >> 32 & 3]);
        Add(request, "\",\"source_type\":\""u8, Sources[random >> 34 & 3]);
        Add(request, "\",\"hs_ticket_category\":\""u8, Categories[random >> 36 & 3]);
        if ((random >> 38 & 3) == 0)
        {
            Add(request, ";"u8, Categories[((random >> 36) + 1) & 3]);
        }

        if ((random >> 40 & 3) != 0)
        {
            Add(request, "\",\""u8, Effort);
            request.Add("\":\""u8);
            request.Add((long)(random >> 42) % EffortMax);
        }

        request.Add("\""u8);
    }

    public static void AddKey(Request request, int number)
    {
        Span<byte> digits = stackalloc byte[9];
        Utf8Formatter.TryFormat(number, digits, out _, new('D', 9));
        request.Add("ZD-"u8);
        request.Add(digits);
    }

    public static void AddTexts(Request request, int number, int version)
    {
        request.Add("\"subject\":\""u8);
        request.Add(Subject(number, version));
        request.Add("\",\"content\":\""u8);
        request.Add(Cut(Contents, Ticket.Mix(Texts(number, version)), 20, ContentMax));
        request.Add("\""u8);
    }

    /// <summary>Another stage in each version than in the one before.</summary>
    public static void AddStage(Request request, int number, int version)
    {
        Add(request, "\"hs_pipeline_stage\":\""u8, Stages[(number + version) & 3]);
        request.Add("\""u8);
    }

    static ulong Texts(int number, int version) => Ticket.Mix(Ticket.Mix((ulong)number) + (ulong)version);

    static ReadOnlySpan<byte> Cut(Prose prose, ulong random, int min, int max) =>
        prose.Words((int)(random & (Cuts - 1)), min + (int)((random >> 32) % (ulong)(max - min + 1)));

    static void Add(Request request, ReadOnlySpan<byte> name, string value)
    {
        request.Add(name);
        Span<byte> bytes = stackalloc byte[64];
        request.Add(bytes[..Encoding.ASCII.GetBytes(value, bytes)]);
    }
}
