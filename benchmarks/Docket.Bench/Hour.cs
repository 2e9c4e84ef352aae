using System.Buffers.Text;
using System.Text;

namespace Docket.Bench;

/// <summary>
/// A busy hour scaled down: at fixed rates that a server can keep up with, some connections write batches and single tickets,
/// some read, some search, and one follows the changes, all at the same time.
/// </summary>
internal static class Hour
{
    /// <summary>What <c>--only</c> calls it.</summary>
    public const string Name = "hour";

    /// <summary>A longer one is reported minute by minute, which shows whether anything grows.</summary>
    public const int MinuteSeconds = 60;

    const int FeedStart = 1000;

    /// <summary>Those who write share the tickets out among themselves, so that the version of each is known.</summary>
    static readonly Role[] Roles =
    [
        new("batches of 100 updates", 30, 4, (side, connection) => new Updates(side.Table, Picker(side, connection, 8), Question.BatchSize)),
        new("single updates", 100, 4, (side, connection) => new Updates(side.Table, Picker(side, 4 + connection, 8), batchSize: 1)),
        new("reads by key", 200, 2, (side, connection) => new Reads(side.Table, Picker(side, connection, 2), quiet: false)),
        new("searches", 20, 2, (side, connection) => new HelpDeskSearches(side.Table, Picker(side, connection, 2))),
        new("pages of the change feed", 10, 1, (side, _) => new Feed(side.Table, side.Table.Count + side.Table.Changes - FeedStart)),
    ];

    /// <summary>Plays it and gives what each role met.</summary>
    public static (string Role, Slice Slice)[] Play(ServerSide side, double seconds)
    {
        var tasks = Roles.Select(role => Task.Factory.StartNew(
            () =>
            {
                using var load = new LoadClient(side.Server, role.Connections);
                return (role.Name, load.Run(connection => role.Ask(side, connection), seconds, rate: role.Rate));
            },
            TaskCreationOptions.LongRunning)).ToArray();
        Task.WaitAll(tasks);
        var slices = tasks.Select(task => task.Result).ToArray();
        side.Table.Changes += slices[0].Item2.Tickets + slices[1].Item2.Tickets;
        return slices;
    }

    static Picker Picker(ServerSide side, int part, int parts) => new(side.Table, seed: 11, part, parts);

    /// <param name="Name">What the report calls it.</param>
    /// <param name="Rate">Requests a second.</param>
    /// <param name="Connections">Most requests at the same time.</param>
    /// <param name="Ask">The questions of a connection.</param>
    sealed record Role(string Name, double Rate, int Connections, Func<ServerSide, int, Question> Ask);
}

/// <summary>A stage with the newest first, a word, and a key, in turn.</summary>
internal sealed class HelpDeskSearches(Table table, Picker picker) : Question(table)
{
    static readonly string[] Words = ["refund", "invoice", "printer", "timeout"];

    int asked;

    public override int Write(Request request)
    {
        var number = picker.Pick();
        Ticket.Become(number, default);
        request.Post("/crm/v3/objects/tickets/search"u8);
        request.Add(Encoding.UTF8.GetBytes((asked++ % 3) switch
        {
            0 => $$"""{"limit":100,"filterGroups":[{"filters":[{"propertyName":"hs_pipeline_stage","operator":"EQ","value":"{{(number % 3) + 1}}"}]}],"sorts":[{"propertyName":"createdate","direction":"DESCENDING"}]}""",
            1 => $$"""{"limit":100,"query":"{{Words[number % Words.Length]}}"}""",
            _ => $$"""{"filterGroups":[{"filters":[{"propertyName":"hs_external_object_ids","operator":"EQ","value":"{{Encoding.UTF8.GetString(Ticket.Key)}}"}]}]}""",
        }));
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => Answers.Total(body) > 0;
}

/// <summary>Follows the changes from one on, a page after the other. None may be missing.</summary>
internal sealed class Feed(Table table, long after) : Question(table)
{
    static ReadOnlySpan<byte> Mark => "{\"sequence\":"u8;

    public override int Write(Request request)
    {
        request.Get();
        request.Add("/docket/v1/changes?limit=1000&after="u8);
        request.Add(after);
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body)
    {
        for (int at; (at = body.IndexOf(Mark)) >= 0;)
        {
            body = body[(at + Mark.Length)..];
            if (!Utf8Parser.TryParse(body, out long sequence, out _) || sequence != ++after)
            {
                return false;
            }
        }

        return true;
    }
}
