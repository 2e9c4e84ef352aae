using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Docket.Bench;

/// <summary>
/// Drives the server: each connection has a thread, asks, waits for the answer, checks it and asks again; at once (a closed
/// loop), or when the next request is due (an open loop). The first wrong answer stops everything.
/// </summary>
/// <param name="servers">The processes, which the connections share out among themselves.</param>
/// <param name="connectionCount">All connections.</param>
/// <param name="cpu">Seconds of processor time that the servers have used so far.</param>
/// <param name="tokens">The tokens of their portals, which the connections share out too.</param>
internal sealed class LoadClient(ServerProcess[] servers, int connectionCount, Func<double> cpu, string[] tokens) : IDisposable
{
    readonly Connection[] connections = [.. Enumerable.Range(0, connectionCount).Select(i => new Connection(servers[i % servers.Length].Address))];

    /// <summary>Drives one process.</summary>
    public LoadClient(ServerProcess server, int connectionCount) : this([server], connectionCount, server.Cpu, [ServerProcess.Token])
    {
    }

    public int ConnectionCount => connections.Length;

    /// <summary>Asks for so many seconds, or until no question is left.</summary>
    /// <param name="ask">The question of a connection, by its index.</param>
    /// <param name="seconds">When to stop.</param>
    /// <param name="parallel">How many connections ask; all of them by default.</param>
    /// <param name="rate">Requests a second in an open loop; <c>null</c> for a closed loop.</param>
    public Slice Run(Func<int, Question> ask, double seconds, int? parallel = null, double? rate = null)
    {
        var loops = new Loop[parallel ?? connections.Length];
        for (var i = 0; i < loops.Length; i++)
        {
            loops[i] = new Loop(connections[i], new Request(servers[i % servers.Length].Address, tokens[i % tokens.Length]), ask(i));
        }

        using var client = Process.GetCurrentProcess();
        var clientCpu = client.TotalProcessorTime;
        var serverCpu = cpu();
        var start = Stopwatch.GetTimestamp();
        var deadline = start + (long)(seconds * Stopwatch.Frequency);

        var schedule = rate is { } perSecond ? new Schedule(start, perSecond) : null;
        Exception? fault = null;
        var threads = loops.Select(loop => new Thread(() =>
        {
            try
            {
                while (Volatile.Read(ref fault) is null && loop.Turn(schedule, deadline))
                {
                }
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref fault, exception, null);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        var elapsed = Stopwatch.GetElapsedTime(start);
        if (fault is not null)
        {
            throw new WrongAnswer($"{(fault is WrongAnswer ? fault.Message : fault)}\n\nThe server's last lines:\n{string.Join('\n', servers.Select(server => server.Log))}");
        }

        client.Refresh();
        return new Slice(
            loops.Sum(loop => loop.Tickets),
            elapsed.TotalSeconds,
            [.. loops.SelectMany(loop => loop.Latencies)],
            cpu() - serverCpu,
            (client.TotalProcessorTime - clientCpu).TotalSeconds,
            servers.Sum(server => server.Memory().Resident));
    }

    /// <summary>The record ids of random tickets that have at least <paramref name="followers"/> after them.</summary>
    public long[] SampleIds(Table table, int count, int followers)
    {
        var ticket = new Ticket(table.Keys);
        var request = new Request(servers[0].Address, tokens[0]);
        var random = new Random(5);
        var ids = new long[count];
        for (var i = 0; i < count; i++)
        {
            ticket.Become(random.Next(table.Count - followers), default);
            request.Get();
            request.Add("/crm/v3/objects/tickets/"u8);
            request.Add(ticket.Key);
            request.Add("?idProperty=hs_external_object_ids"u8);
            request.End();
            var status = connections[0].Exchange(request);
            ids[i] = status == 200 ? Answers.Id(connections[0].Body) : throw Wrong(status, connections[0], request);
        }

        return ids;
    }

    /// <summary>The record ids of the first tickets.</summary>
    public long[] FirstIds(int count)
    {
        var request = new Request(servers[0].Address, tokens[0]);
        var ids = new List<long>();
        while (ids.Count < count)
        {
            request.Get();
            request.Add("/crm/v3/objects/tickets?limit=100&properties=hs_object_id&after="u8);
            request.Add(ids.Count == 0 ? 0 : ids[^1] + 1);
            request.End();
            AddIds(ids, request, expected: 200);
        }

        return [.. ids[..count]];
    }

    /// <summary>Creates contacts and gives their record ids. All are associated with the first one.</summary>
    public long[] CreateContacts(int count)
    {
        var request = new Request(servers[0].Address, tokens[0]);
        var ids = new List<long>();
        while (ids.Count < count)
        {
            NewContacts.Write(request, ids.Count == 0 ? 1 : Math.Min(Question.BatchSize, count - ids.Count), ids.Count == 0 ? null : ids[0]);
            AddIds(ids, request, expected: 201);
        }

        ids.Sort();
        return [.. ids];
    }

    public void Dispose() => Array.ForEach(connections, connection => connection.Dispose());

    void AddIds(List<long> ids, Request request, int expected)
    {
        if (connections[0].Exchange(request) is var status && status != expected)
        {
            throw Wrong(status, connections[0], request);
        }

        for (var rest = connections[0].Body; rest.IndexOf("{\"id\":\""u8) is var at and >= 0; rest = rest[(at + 1)..])
        {
            ids.Add(Answers.Id(rest[at..]));
        }
    }

    /// <summary>The request and its answer, for the message if the answer is wrong.</summary>
    public static WrongAnswer Wrong(int status, Connection connection, Request request) => new(
        $"Unexpected answer {status} to\n{Start(request.Bytes, 1000)}\n\n{Start(connection.Body, 10_000)}");

    static string Start(ReadOnlySpan<byte> text, int length) => Encoding.UTF8.GetString(text[..Math.Min(text.Length, length)]);

    /// <summary>When requests are due, for all connections: whoever is free takes the next one.</summary>
    sealed class Schedule(long start, double rate)
    {
        long taken = -1;

        public long Next() => start + (long)(Interlocked.Increment(ref taken) / rate * Stopwatch.Frequency);

        public static void Await(long due)
        {
            while (due - Stopwatch.GetTimestamp() is var left and > 0)
            {
                _ = usleep((uint)Math.Min(left * 1_000_000 / Stopwatch.Frequency, 999_999));
            }
        }

        // Sleeping in .NET is only exact to a millisecond or two, which would count as the server's.
        [DllImport("libc")]
        static extern int usleep(uint microseconds);
    }

    /// <summary>One connection's loop.</summary>
    sealed class Loop(Connection connection, Request request, Question question)
    {
        public long Tickets { get; private set; }

        /// <summary>
        /// Ticks of the stopwatch from the first byte sent to the last received, for each request. In an open loop, from the time when it
        /// was due: a request that waits for a free connection because the server is slow has waited too.
        /// </summary>
        public List<long> Latencies { get; } = new(1 << 16);

        /// <summary>One request and its answer; <c>false</c> when nothing is left to ask before the deadline.</summary>
        public bool Turn(Schedule? schedule, long deadline)
        {
            var due = schedule?.Next();
            if ((due ?? Stopwatch.GetTimestamp()) >= deadline)
            {
                return false;
            }

            var tickets = question.Write(request);
            if (tickets < 0)
            {
                return false;
            }

            if (due is { } time)
            {
                Schedule.Await(time);
            }

            var start = due ?? Stopwatch.GetTimestamp();
            var status = connection.Exchange(request);
            Latencies.Add(Stopwatch.GetTimestamp() - start);
            Tickets += tickets;
            return status is 200 or 201 or 202 && question.IsRight(connection.Body) ? true : throw Wrong(status, connection, request);
        }
    }
}

/// <summary>What was measured between two moments.</summary>
/// <param name="Tickets">Tickets written or read.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Latencies">Of each request, in ticks of the stopwatch, unordered.</param>
/// <param name="ServerCpu">Seconds of processor time the server used.</param>
/// <param name="ClientCpu">Seconds of processor time the load used.</param>
/// <param name="Memory">Megabytes of resident memory of the server, right after the last answer.</param>
/// <param name="Behind">Seconds of them from the last answer until the search index was there.</param>
internal sealed record Slice(long Tickets, double Seconds, long[] Latencies, double ServerCpu = 0, double ClientCpu = 0, double Memory = 0, double Behind = 0)
{
    public double Rate => Tickets / Seconds;
}
