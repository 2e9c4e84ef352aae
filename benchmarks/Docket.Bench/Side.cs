namespace Docket.Bench;

/// <summary>One of those that are compared: creates tickets, answers questions about them, and remembers how far it has come.</summary>
/// <param name="name">Its name in the table.</param>
/// <param name="directory">Where its data is.</param>
/// <param name="table">Which tickets it has.</param>
internal abstract class Side(string name, string directory, Table table) : IDisposable
{
    public string Name => name;

    public string Directory => directory;

    public Table Table => table;

    /// <summary>Creates the tickets up to the number <paramref name="end"/>.</summary>
    public abstract Slice CreateTo(int end);

    /// <summary>Whether it can do this.</summary>
    public abstract bool Can(Workload workload);

    public abstract Slice Ask(Workload workload, double seconds);

    /// <summary>Stops it, so that its data is as compact as it gets, and starts it again.</summary>
    public abstract Rest Restart();

    public abstract void Dispose();
}

/// <summary>A side at rest.</summary>
/// <param name="Data">Bytes of its files while it was stopped, without the search index.</param>
/// <param name="Index">Bytes of the search index.</param>
/// <param name="ReadySeconds">From its start to its first answer.</param>
/// <param name="Memory">Right after that answer.</param>
internal sealed record Rest(long Data, long Index, double ReadySeconds = 0, Memory? Memory = null)
{
    public static Rest Of(string directory)
    {
        var files = new DirectoryInfo(directory).EnumerateFiles("*", SearchOption.AllDirectories).ToLookup(file => file.Name.Contains(".index.db", StringComparison.Ordinal), file => file.Length);
        return new Rest(files[false].Sum(), files[true].Sum());
    }
}

/// <summary>A server with its load.</summary>
internal sealed class ServerSide : Side
{
    /// <summary>A server folds, checkpoints and saves its index when nothing was written for two seconds. That belongs in nobody else's turn.</summary>
    static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2.5);

    const int IdSamples = 500, TiedTickets = 100_000, Contacts = 100_000;

    readonly string program;
    readonly int connections, processes;
    readonly StoreDatabase? store;
    readonly Table[] tables;
    readonly string[] tokens;
    ServerProcess[] servers;
    LoadClient load;
    Ends? ends;
    int seed;

    /// <param name="name">Its name in the table.</param>
    /// <param name="program">Its <c>docket.dll</c>.</param>
    /// <param name="directory">Where its data is.</param>
    /// <param name="table">Which tickets it has.</param>
    /// <param name="connections">Connections of its load.</param>
    /// <param name="store">Its PostgreSQL database, if it has one.</param>
    /// <param name="processes">Processes on that database.</param>
    /// <param name="portals">Portals, of which each has a table of its own like the first one and its share of the connections.</param>
    public ServerSide(string name, string program, string directory, Table table, int connections, StoreDatabase? store = null, int processes = 1, int portals = 1) : base(name, directory, table)
    {
        (this.program, this.connections, this.store, this.processes) = (program, connections, store, processes);
        tables = table.Repeated(portals);
        servers = Start();
        tokens = [ServerProcess.Token, .. tables.Skip(1).Select(_ => ServerProcess.CreatePortal(program, directory, store?.Text))];
        load = new LoadClient(servers, connections, Cpu, tokens);
    }

    /// <summary>The process, or the first of them.</summary>
    public ServerProcess Server => servers[0];

    public override bool Can(Workload workload) => true;

    public override Slice CreateTo(int end) => UntilQuiet(() =>
    {
        var (count, next) = (Table.Count, tables.Select(table => new Creates.Cursor(table.Count)).ToArray());
        var slice = load.Run(connection => new Creates(tables[connection % tables.Length], next[connection % tables.Length], end), Options.GrowSecondsMax);
        Array.ForEach(tables, table => table.Count = end);
        return slice.Tickets == (long)(end - count) * tables.Length ? slice : throw new WrongAnswer($"{Name}: only {slice.Tickets} tickets in {slice.Seconds:N0} seconds.");
    });

    public override Slice Ask(Workload workload, double seconds) => Ask(workload, seconds, null);

    /// <param name="workload">What to ask.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="rate">Requests a second, as <see cref="LoadClient.Run"/> has it.</param>
    public Slice Ask(Workload workload, double seconds, double? rate)
    {
        seed++;
        var parallel = workload.Connections ?? connections;
        var ask = workload.Ask(this);
        Slice Run() => load.Run(connection => ask(new Picker(tables[connection % tables.Length], seed, connection / tables.Length, Math.Max(1, parallel / tables.Length), workload.InSequence)), seconds, parallel, rate);
        if (workload.Changes is null)
        {
            return Run();
        }

        var slice = UntilQuiet(Run);
        Table.Changes += slice.Tickets;
        return slice;
    }

    /// <summary>The record ids of random tickets, each with enough others after it for a page.</summary>
    public long[] SampleIds() => load.SampleIds(Table, IdSamples, Question.BatchSize * (connections + 1));

    /// <summary>What associations are between: tickets, and contacts that are created at the first use.</summary>
    public Ends Ends => ends ??= new(load.FirstIds(Math.Min(Table.Count, TiedTickets)), load.CreateContacts(Contacts));

    public override Rest Restart()
    {
        load.Dispose();
        Array.ForEach(servers, server => server.Stop());
        Array.ForEach(servers, server => server.Dispose());
        var rest = Rest.Of(Directory);
        rest = rest with { Data = store?.Bytes() ?? rest.Data, Index = rest.Index / processes };
        servers = Start();
        load = new LoadClient(servers, connections, Cpu, tokens);
        return rest with { ReadySeconds = Server.ReadySeconds, Memory = Server.Memory() };
    }

    public override void Dispose()
    {
        load.Dispose();
        Array.ForEach(servers, server => server.Dispose());
        store?.Drop();
    }

    ServerProcess[] Start() => [.. Enumerable.Range(0, processes).Select(i => new ServerProcess(program, processes == 1 ? Directory : Path.Combine(Directory, $"{i + 1}"), store?.Text))];

    double Cpu() => servers.Sum(server => server.Cpu()) + (store?.Cpu() ?? 0);

    /// <summary>The rate is that of the answers; processor time goes on until the server has come to rest.</summary>
    Slice UntilQuiet(Func<Slice> write)
    {
        var cpu = Cpu();
        var slice = write();
        Thread.Sleep(Quiet);
        return slice with { ServerCpu = Cpu() - cpu };
    }
}
