using System.Diagnostics;
using System.Text;

namespace Docket.Bench;

/// <summary>A server with its load, and what the load has written to it.</summary>
internal sealed class SearchSide : IDisposable
{
    /// <summary>The server saves what is left of its index when nothing was written for two seconds. That belongs into nobody else's turn.</summary>
    static readonly TimeSpan Rest = TimeSpan.FromSeconds(3);

    readonly Options options;
    readonly string directory;
    readonly bool indexed;
    readonly Table table;
    int seed;

    /// <summary>Starts a server on a fresh directory.</summary>
    /// <param name="options">What the command line asks for.</param>
    /// <param name="directory">Where.</param>
    /// <param name="indexed">Whether its index may follow what is written.</param>
    public SearchSide(Options options, string directory, bool indexed)
    {
        (this.options, this.directory, this.indexed) = (options, directory, indexed);
        table = new Table(options.Sizes[^1]);
        Server = new ServerProcess(options.Server, directory);
        WhyNot = indexed ? null : ServerProcess.HoldIndexBack(options.Server, directory);
        Load = new LoadClient(Server, options.Connections);
        MakeProperty();
    }

    public ServerProcess Server { get; private set; }

    public LoadClient Load { get; private set; }

    /// <summary>Why the index can't be held back, or <c>null</c>.</summary>
    public string? WhyNot { get; }

    public int Count => table.Count;

    public Slice CreateTo(int end) => Timed(() =>
    {
        var next = new Creates.Cursor(Count);
        var slice = Load.Run(_ => new TextCreates(table, next, end), Options.GrowSecondsMax * 2);
        table.Count = Count + (int)slice.Tickets;
        return Count == end ? slice : throw new WrongAnswer($"Only {Count} tickets after {slice.Seconds:N0} seconds.");
    });

    public Slice UpdateTexts() => Timed(() => UpdateTexts(Load, options.Connections, options.Seconds, CancellationToken.None));

    public Slice UpdateTexts(LoadClient load, int connections, double seconds, CancellationToken until)
    {
        var turn = ++seed;
        return load.Run(connection => new TextUpdates(table, new Picker(table, turn, connection, connections), until), seconds, connections);
    }

    public Slice UpdateStages() => Timed(() =>
    {
        var turn = ++seed;
        return Load.Run(connection => new StageUpdates(table, new Picker(table, turn, connection, options.Connections)), options.Seconds);
    });

    /// <summary>Searches on some connections, each <paramref name="count"/> times at most.</summary>
    public (Slice Slice, List<long> Totals) Search(LoadClient load, SearchKind[] kinds, int connections, int count, double seconds, bool quiet, CancellationToken until)
    {
        var turn = ++seed;
        var searches = Enumerable.Range(0, connections).Select(connection => new Searches(kinds, table, (turn * 31) + (connection * 7), count, quiet, until)).ToArray();
        return (load.Run(connection => searches[connection], seconds, connections), [.. searches.SelectMany(search => search.Totals)]);
    }

    /// <summary>Returns when a search has seen the last write.</summary>
    public void AwaitIndex() => Load.Run(_ => new Arrival(table), Options.GrowSecondsMax, parallel: 1);

    /// <summary>Ends the server and starts it again.</summary>
    /// <param name="between">What to do while it is stopped.</param>
    /// <returns>Seconds from the start of the process to the first good answer, and to the first of a search.</returns>
    public (double Ready, double Search) Restart(Action between)
    {
        Load.Dispose();
        Server.Stop();
        Server.Dispose();
        between();
        var start = Stopwatch.GetTimestamp();
        Server = new ServerProcess(options.Server, directory);
        WaitUntilSearched();
        var searched = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Load = new LoadClient(Server, options.Connections);
        return (Server.ReadySeconds, searched);
    }

    public void Dispose()
    {
        Load.Dispose();
        Server.Dispose();
    }

    // The clock stops when a search has seen the last write. Processor time goes on until the index has come to rest.
    Slice Timed(Func<Slice> write)
    {
        var cpu = Server.Cpu();
        var start = Stopwatch.GetTimestamp();
        var slice = write();
        if (indexed)
        {
            AwaitIndex();
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (indexed)
        {
            Thread.Sleep(Rest);
        }

        return slice with { Seconds = seconds, Behind = seconds - slice.Seconds, ServerCpu = Server.Cpu() - cpu };
    }

    void MakeProperty()
    {
        var request = new Request(Server.Address, ServerProcess.Token);
        request.Post("/crm/v3/properties/tickets"u8);
        request.Add("{\"name\":\""u8);
        request.Add(Encoding.ASCII.GetBytes(SearchTicket.Effort));
        request.Add("\",\"label\":\"Effort\",\"type\":\"number\",\"fieldType\":\"number\",\"groupName\":\"ticketinformation\"}"u8);
        request.End();
        using var connection = new Connection(Server.Address);
        var status = connection.Exchange(request);
        if (status != 201)
        {
            throw LoadClient.Wrong(status, connection, request);
        }
    }

    // While it builds its index the server lets a search wait for a while and then refuses it.
    void WaitUntilSearched()
    {
        var request = new Request(Server.Address, ServerProcess.Token);
        new Arrival(table).Write(request);
        var start = Stopwatch.GetTimestamp();
        using var connection = new Connection(Server.Address);
        while (connection.Exchange(request) is var status and not 200)
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > Options.GrowSecondsMax * 4)
            {
                throw LoadClient.Wrong(status, connection, request);
            }
        }

        if (Answers.Total(connection.Body) != Count)
        {
            throw LoadClient.Wrong(200, connection, request);
        }
    }
}
