using System.Text;

namespace Docket.Bench;

/// <summary>New tickets with texts, in the order of their numbers, up to <paramref name="end"/>.</summary>
internal sealed class TextCreates(Table table, Creates.Cursor next, int end) : Upserts(table, creates: true)
{
    protected override int WriteInputs(Request request)
    {
        var first = next.Take(BatchSize);
        var count = Math.Clamp(end - first, 0, BatchSize);
        for (var i = 0; i < count; i++)
        {
            Begin(request, first + i, i == 0);
            SearchTicket.AddAll(request, first + i);
            request.Add("}}"u8);
        }

        return count;
    }

    /// <summary>Writes an input up to its first property.</summary>
    public static void Begin(Request request, int number, bool first)
    {
        request.Add(first ? ""u8 : ","u8);
        request.Add("{\"idProperty\":\"hs_external_object_ids\",\"id\":\""u8);
        SearchTicket.AddKey(request, number);
        request.Add("\",\"properties\":{"u8);
    }
}

/// <summary>Random tickets with the next version of their subject and content.</summary>
internal sealed class TextUpdates(Table texts, Picker picker, CancellationToken until) : Upserts(texts, creates: false)
{
    readonly int[] numbers = new int[BatchSize];

    protected override int WriteInputs(Request request)
    {
        if (until.IsCancellationRequested)
        {
            return 0;
        }

        picker.Pick(numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            TextCreates.Begin(request, numbers[i], i == 0);
            SearchTicket.AddTexts(request, numbers[i], Table.Advance(numbers[i], Change.Texts).Texts);
            request.Add("}}"u8);
        }

        return numbers.Length;
    }
}

/// <summary>Random tickets in another stage.</summary>
internal sealed class StageUpdates(Table table, Picker picker) : Upserts(table, creates: false)
{
    readonly int[] numbers = new int[BatchSize];

    protected override int WriteInputs(Request request)
    {
        picker.Pick(numbers);
        for (var i = 0; i < numbers.Length; i++)
        {
            TextCreates.Begin(request, numbers[i], i == 0);
            SearchTicket.AddStage(request, numbers[i], Table.Advance(numbers[i], Change.Stage).Stage);
            request.Add("}}"u8);
        }

        return numbers.Length;
    }
}

/// <summary>What searches look for; each call gives something else.</summary>
internal sealed class Operands(Table texts, int seed)
{
    readonly Random random = new(seed);

    public string Common() => Vocabulary.Words[random.Next(20)];

    public string Rare() => Vocabulary.Words[random.Next(400, Vocabulary.Words.Length)];

    /// <summary>The first letters of some words.</summary>
    public string Beginning() => Vocabulary.Words[random.Next(30, Vocabulary.Words.Length)][..3];

    /// <summary>Letters from within some words.</summary>
    public string Middle() => Rare()[1..4];

    public string Of(string[] values) => values[random.Next(values.Length)];

    /// <summary>Two different ones, as the inside of a JSON list.</summary>
    public string Two(string[] values)
    {
        var first = random.Next(values.Length);
        return $"\"{values[first]}\",\"{values[(first + 1 + random.Next(values.Length - 1)) % values.Length]}\"";
    }

    /// <summary>A moment that so many percent of the create dates lie before, roughly.</summary>
    public string Day(int percent) => (SearchTicket.FirstDay + ((SearchTicket.LastDay - SearchTicket.FirstDay) / 100 * percent) + random.Next(86_400_000)).ToString();

    public int Effort() => random.Next(SearchTicket.EffortMax);

    /// <summary>The subject of a ticket.</summary>
    public string Subject()
    {
        var number = random.Next(texts.Count);
        return Encoding.UTF8.GetString(SearchTicket.Subject(number, texts.Version(number).Texts));
    }

    public string Key() => $"ZD-{random.Next(texts.Count):D9}";
}

/// <summary>A class of searches.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Body">The members of a body, without limit.</param>
/// <param name="Skip">Results before the page.</param>
/// <param name="Least">What must at least be found as long as nobody writes.</param>
internal sealed record SearchKind(string Name, Func<Operands, string> Body, int Skip = 0, int Least = 0)
{
    /// <summary>All that is measured.</summary>
    public static readonly SearchKind[] All =
    [
        new("stage EQ", o => Where(Is("hs_pipeline_stage", "EQ", o.Of(SearchTicket.Stages)))),
        new("stage NEQ", o => Where(Is("hs_pipeline_stage", "NEQ", o.Of(SearchTicket.Stages)))),
        new("stage IN two", o => Where(In("hs_pipeline_stage", "IN", o.Two(SearchTicket.Stages)))),
        new("stage NOT_IN two", o => Where(In("hs_pipeline_stage", "NOT_IN", o.Two(SearchTicket.Stages)))),
        new("priority EQ", o => Where(Is("hs_ticket_priority", "EQ", o.Of(SearchTicket.Priorities)))),
        new("category EQ, a set", o => Where(Is("hs_ticket_category", "EQ", o.Of(SearchTicket.Categories)))),
        new("key EQ", o => Where(Is("hs_external_object_ids", "EQ", o.Key())), Least: 1),
        new("subject EQ", o => Where(Is("subject", "EQ", o.Subject())), Least: 1),
        new("subject IN three", o => Where(In("subject", "IN", $"\"{o.Subject()}\",\"{o.Subject()}\",\"{o.Subject()}\"")), Least: 1),
        new("number LT", o => Where(Is(SearchTicket.Effort, "LT", o.Effort()))),
        new("number GT", o => Where(Is(SearchTicket.Effort, "GT", o.Effort()))),
        new("number BETWEEN", o =>
        {
            var low = o.Effort();
            return Where(Between(SearchTicket.Effort, low, low + 50));
        }),
        new("createdate LT", o => Where(Is("createdate", "LT", o.Day(30)))),
        new("createdate GT", o => Where(Is("createdate", "GT", o.Day(95)))),
        new("createdate BETWEEN", o => Where(Between("createdate", o.Day(40), o.Day(50)))),
        new("HAS_PROPERTY", _ => Where($$"""{"propertyName":"{{SearchTicket.Effort}}","operator":"HAS_PROPERTY"}""")),
        new("NOT_HAS_PROPERTY", _ => Where($$"""{"propertyName":"{{SearchTicket.Effort}}","operator":"NOT_HAS_PROPERTY"}""")),
        new("CONTAINS_TOKEN, common", o => Where(Is("content", "CONTAINS_TOKEN", o.Common()))),
        new("CONTAINS_TOKEN, rare", o => Where(Is("content", "CONTAINS_TOKEN", o.Rare()))),
        new("CONTAINS_TOKEN, abc*", o => Where(Is("content", "CONTAINS_TOKEN", o.Beginning() + "*"))),
        new("CONTAINS_TOKEN, *abc*", o => Where(Is("content", "CONTAINS_TOKEN", $"*{o.Middle()}*"))),
        new("NOT_CONTAINS_TOKEN", o => Where(Is("content", "NOT_CONTAINS_TOKEN", o.Common()))),
        new("six filters", o => Where(Six(o, 0))),
        new("18 filters in 3 groups", o => $"\"filterGroups\":[{Group(Six(o, 0))},{Group(Six(o, 1))},{Group(Six(o, 2))}]"),
        new("query, common", o => Query(o.Common())),
        new("query, rare", o => Query(o.Rare())),
        new("query, two words", o => Query($"{o.Common()} {o.Rare()}")),
        new("all, no sort", _ => "\"query\":\"\""),
        new("all by createdate", _ => By("createdate", "ASCENDING")),
        new("all by createdate, last first", _ => By("createdate", "DESCENDING")),
        new("all by subject", _ => By("subject", "ASCENDING")),
        new("all by subject, last first", _ => By("subject", "DESCENDING")),
        new("all by hs_lastmodifieddate", _ => By("hs_lastmodifieddate", "DESCENDING")),
        new("stage EQ by createdate", o => $"{Where(Is("hs_pipeline_stage", "EQ", o.Of(SearchTicket.Stages)))},{By("createdate", "DESCENDING")}"),
        new("query, rare, by subject", o => $"{Query(o.Rare())},{By("subject", "ASCENDING")}"),
        new("after 9,900", _ => "\"after\":\"9900\"", Skip: 9_900),
        new("after 9,900 by createdate", _ => $"\"after\":\"9900\",{By("createdate", "DESCENDING")}", Skip: 9_900),
        new("after 9,900 by subject", _ => $"\"after\":\"9900\",{By("subject", "ASCENDING")}", Skip: 9_900),
    ];

    static string Is(string property, string comparison, object value) => $$"""{"propertyName":"{{property}}","operator":"{{comparison}}","value":"{{value}}"}""";

    static string In(string property, string comparison, string values) => $$"""{"propertyName":"{{property}}","operator":"{{comparison}}","values":[{{values}}]}""";

    static string Between(string property, object low, object high) =>
        $$"""{"propertyName":"{{property}}","operator":"BETWEEN","value":"{{low}}","highValue":"{{high}}"}""";

    static string[] Six(Operands o, int stage) =>
    [
        Is("hs_pipeline_stage", "EQ", SearchTicket.Stages[stage]), In("hs_ticket_priority", "IN", o.Two(SearchTicket.Priorities)), Is("source_type", "NEQ", o.Of(SearchTicket.Sources)),
        Between("createdate", o.Day(20), o.Day(80)), Is(SearchTicket.Effort, "LT", 800), Is("content", "CONTAINS_TOKEN", o.Common()),
    ];

    static string Group(string[] filters) => $$"""{"filters":[{{string.Join(',', filters)}}]}""";

    static string Where(params string[] filters) => $"\"filterGroups\":[{Group(filters)}]";

    static string Query(string words) => $"\"query\":\"{words}\"";

    static string By(string property, string direction) => $$"""
        "sorts":[{"propertyName":"{{property}}","direction":"{{direction}}"}]
        """;
}

/// <summary>Searches of one kind, or of several in turn; each for a page of 100 with its total and the default properties.</summary>
internal sealed class Searches(SearchKind[] kinds, Table texts, int seed, int count, bool quiet, CancellationToken until) : Question(texts)
{
    const int PageSize = 100;

    readonly Operands operands = new(texts, seed);
    int asked = seed;

    /// <summary>What each search found in all.</summary>
    public List<long> Totals { get; } = [];

    SearchKind Kind => kinds[asked % kinds.Length];

    public override int Write(Request request)
    {
        if (Totals.Count == count || until.IsCancellationRequested)
        {
            return -1;
        }

        asked++;
        request.Post("/crm/v3/objects/tickets/search"u8);
        request.Add(Encoding.UTF8.GetBytes($"{{{Kind.Body(operands)},\"limit\":{PageSize}}}"));
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body)
    {
        var total = Answers.Total(body);
        Totals.Add(total);
        return body.Count("\"createdAt\":"u8) == Math.Clamp(total - Kind.Skip, 0, PageSize) && (!quiet || total >= Kind.Least);
    }
}

/// <summary>Waits for the index: one search that must find every ticket written so far.</summary>
internal sealed class Arrival(Table texts) : Question(texts)
{
    bool asked;

    public override int Write(Request request)
    {
        request.Post("/crm/v3/objects/tickets/search"u8);
        request.Add("{\"limit\":1}"u8);
        request.End();
        return !asked && (asked = true) ? 1 : -1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => Answers.Total(body) == Table.Count;
}
