namespace Docket.Bench;

/// <summary>A row of the table.</summary>
/// <param name="Name">What <c>--only</c> calls it.</param>
/// <param name="Title">What the table calls it.</param>
/// <param name="Ask">The questions of a connection to a server, which asks about the tickets of its picker.</param>
internal sealed record Workload(string Name, string Title, Func<ServerSide, Func<Picker, Question>> Ask)
{
    public static readonly Workload[] All =
    [
        Updates("updates", "random updates, 100 a batch", Question.BatchSize),
        Updates("single", "single updates, 1 connection", batchSize: 1) with { Connections = 1 },
        Updates("singles", "single updates, all connections", batchSize: 1) with { RawBatch = null },
        new("no-op", "no-op upserts, 100 a batch", side => picker => new Repeats(side.Table, picker)),
        Rows("ndjson", "NDJSON, 1 connection", rowsATicket: 1),
        Rows("ndjson-repeats", "NDJSON, 5 rows of a ticket in a row", rowsATicket: 5),
        new("read", "read one by key", side => picker => new Reads(side.Table, picker)),
        new("read-history", "read one with history", side => picker => new Reads(side.Table, picker, history: true)),
        new("batch-read", "batch read, 100 keys", _ => picker => new BatchReads(picker)),
        new("list", "list, pages of 100", side =>
        {
            var ids = side.SampleIds();
            return picker => new Lists(ids, picker);
        }),
    ];

    /// <summary>What is asked unless <c>--only</c> says otherwise.</summary>
    public static readonly string[] Usual = ["updates", "single", "read", "batch-read"];

    /// <summary>Connections that ask; all by default.</summary>
    public int? Connections { get; init; }

    /// <summary>Whether it changes tickets.</summary>
    public bool Writes { get; init; }

    /// <summary>Tickets in each transaction of the raw loop that does the same; <c>null</c> if there is none.</summary>
    public int? RawBatch { get; init; }

    static Workload Updates(string name, string title, int batchSize) =>
        new(name, title, side => picker => new Updates(side.Table, picker, batchSize)) { Writes = true, RawBatch = batchSize };

    static Workload Rows(string name, string title, int rowsATicket) =>
        new(name, title, side => picker => new Uploads(side.Table, picker, rowsATicket)) { Writes = true, Connections = 1 };
}
