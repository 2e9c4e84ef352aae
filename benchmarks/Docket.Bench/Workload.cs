namespace Docket.Bench;

/// <summary>A question of the table.</summary>
/// <param name="Name">What <c>--only</c> calls it.</param>
/// <param name="Title">What the table calls it.</param>
/// <param name="Ask">The questions of a connection to a server, which asks about the tickets of its picker.</param>
internal sealed record Workload(string Name, string Title, Func<ServerSide, Func<Picker, Question>> Ask)
{
    public static readonly Workload[] All =
    [
        Updates("updates", "random updates, 100 a batch", Change.Texts),
        Updates("updates-sequence", "updates in sequence", Change.Texts) with { InSequence = true },
        Updates("updates-moves", "random updates with a stage move", Change.Texts | Change.Stage),
        Updates("moves", "random stage moves", Change.Stage),
        Updates("long-texts", "random texts of 60 words", Change.Texts | Change.LongTexts),
        Updates("new-words", "random texts, 5 of 60 words new", Change.Texts | Change.LongTexts | Change.NewWords),
        Updates("single", "single updates, 1 connection", Change.Texts, batchSize: 1) with { Connections = 1 },
        Updates("singles", "single updates, all connections", Change.Texts, batchSize: 1),
        Updates("arrival", "random updates at a fixed rate", Change.Texts) with { IsPaced = true, Raw = false },
        Rows("ndjson", "NDJSON, 1 connection", rowsATicket: 1),
        Rows("ndjson-repeats", "NDJSON, 5 rows of a ticket in a row", rowsATicket: 5),
        new("no-op", "no-op upserts, 100 a batch", side => picker => new Repeats(picker.Table, picker)),
        new("read", "read one by key", side => picker => new Reads(picker.Table, picker)),
        new("read-history", "read one with history", side => picker => new Reads(picker.Table, picker, history: true)),
        new("batch-read", "batch read, 100 keys", side => picker => new BatchReads(picker.Table, picker)),
        new("list", "list, pages of 100", side =>
        {
            var ids = side.SampleIds();
            return picker => new Lists(picker.Table, ids, picker);
        }),
        OfEnds("associations", "associations of tickets and contacts", (ends, picker) => new Associations(ends, picker)),
        OfEnds("associations-read", "batch read of associations", (ends, picker) => new AssociationReads(ends, picker)),
        OfEnds("associations-page", "page of 100 of 100,000 associations", (ends, picker) => new AssociationPages(ends, picker)),
        OfEnds("associations-search", "search by an association, 100,000 found", (ends, picker) => new AssociationSearches(ends, picker, all: true)),
        OfEnds("association-search", "search by an association, 1 found", (ends, picker) => new AssociationSearches(ends, picker, all: false)),
        OfEnds("option-search", "search by an option, 100,000 found", (_, picker) => new OptionSearches(picker)),
        new("messages", "contact, ticket, association, note", side => picker => new Messages(picker)),
    ];

    /// <summary>What is asked unless <c>--only</c> says otherwise.</summary>
    public static readonly string[] Usual = ["updates", "single", "read", "batch-read", Report.Portals];

    /// <summary>Connections that ask; all by default.</summary>
    public int? Connections { get; init; }

    /// <summary>What it changes, if anything.</summary>
    public Change? Changes { get; init; }

    /// <summary>Tickets in a request.</summary>
    public int BatchSize { get; init; } = Question.BatchSize;

    /// <summary>Whether it names tickets in the order of their numbers.</summary>
    public bool InSequence { get; init; }

    /// <summary>Whether requests arrive at half of the rate that the slowest side can do, however long answers take.</summary>
    public bool IsPaced { get; init; }

    /// <summary>Whether a raw loop can do the same.</summary>
    public bool Raw { get; init; }

    static Workload Updates(string name, string title, Change change, int batchSize = Question.BatchSize) =>
        new(name, title, side => picker => new Updates(picker.Table, picker, batchSize, change)) { Changes = change, BatchSize = batchSize, Raw = true };

    static Workload OfEnds(string name, string title, Func<Ends, Picker, Question> ask) => new(name, title, side =>
    {
        var ends = side.Ends;
        return picker => ask(ends, picker);
    });

    static Workload Rows(string name, string title, int rowsATicket) =>
        new(name, title, side => picker => new Uploads(picker.Table, picker, rowsATicket)) { Changes = Change.Texts, Connections = 1 };
}
