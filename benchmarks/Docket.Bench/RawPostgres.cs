using System.Diagnostics;
using Npgsql;

namespace Docket.Bench;

/// <summary>
/// The plainest good set-based upsert over Npgsql, with the server's tables and as many connections as its load has: each batch is a
/// transaction of two round trips. Numbers are given out before the commit, so nothing orders the commits.
/// </summary>
internal sealed class RawPostgres : Side
{
    const string Schema = """
        CREATE TABLE record (
          portal bigint, key bigint, change bigint NOT NULL, created bigint NOT NULL, updated bigint NOT NULL, source int NOT NULL, content bytea NOT NULL,
          PRIMARY KEY (portal, key)) WITH (fillfactor = 85);
        CREATE TABLE unique_value (portal bigint, property int, value bytea, record bigint NOT NULL, PRIMARY KEY (portal, property, value));
        CREATE TABLE change (
          portal bigint, sequence bigint, record bigint NOT NULL, previous bigint, kind smallint NOT NULL, time bigint NOT NULL, source int NOT NULL, content bytea NOT NULL,
          PRIMARY KEY (portal, sequence));
        """;

    // Here and below, a connection has the number of its portal in place of $portal.
    const string Find = """
        SELECT k.n, r.key, r.change, r.content FROM unnest($1::int[], $2::bytea[]) WITH ORDINALITY k(p, v, n)
        CROSS JOIN LATERAL (SELECT record FROM unique_value u WHERE u.portal = $portal AND u.property = k.p AND u.value = k.v LIMIT 1) u
        CROSS JOIN LATERAL (SELECT * FROM record r WHERE r.portal = $portal AND r.key = u.record LIMIT 1) r
        """;

    const string InsertChanges = "INSERT INTO change SELECT $portal, * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::int[], $7::bytea[])";

    const string InsertRecords = "INSERT INTO record SELECT $portal, * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::bytea[])";

    const string UpdateRecords = """
        UPDATE record r SET change = x.change, updated = x.updated, content = x.content FROM (SELECT q.id, k.* FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) k(key, change, updated, content)
          CROSS JOIN LATERAL (SELECT ctid id FROM record q WHERE q.portal = $portal AND q.key = k.key LIMIT 1) q) x
        WHERE r.portal = $portal AND r.ctid = x.id
        """;

    const string InsertValues = "INSERT INTO unique_value SELECT $portal, * FROM unnest($1::int[], $2::bytea[], $3::bigint[])";

    readonly StoreDatabase database;
    readonly Table[] tables;
    readonly Writer[] writers;
    long sequence;
    int seed;

    public RawPostgres(string name, string directory, Table table, StoreDatabase database, int connections, int portals = 1) : base(name, directory, table)
    {
        this.database = database;
        tables = table.Repeated(portals);
        database.Create();
        database.Run(Schema);
        System.IO.Directory.CreateDirectory(directory);
        writers = [.. Enumerable.Range(0, connections).Select(i => new Writer(database.Open(), table.Keys, i % portals))];
    }

    public override bool Can(Workload workload) => workload.Raw;

    public override Slice CreateTo(int end)
    {
        var next = tables.Select(table => table.Count).ToArray();
        var slice = OnAll(writers.Length, writer =>
        {
            var from = Interlocked.Add(ref next[writer.Portal], Question.BatchSize) - Question.BatchSize;
            var numbers = Enumerable.Range(from, Math.Max(0, Math.Min(Question.BatchSize, end - from))).ToArray();
            return numbers.Length > 0 && writer.Create(numbers, Numbers(numbers.Length)) is var count ? count : 0;
        }, double.MaxValue);
        Array.ForEach(tables, table => table.Count = end);
        return slice;
    }

    public override Slice Ask(Workload workload, double seconds)
    {
        seed++;
        var parallel = workload.Connections ?? writers.Length;
        var pickers = writers.Take(parallel).Select((writer, i) => (writer, new Picker(tables[writer.Portal], seed, i / tables.Length, Math.Max(1, parallel / tables.Length), workload.InSequence))).ToDictionary(pair => pair.writer, pair => pair.Item2);
        var slice = OnAll(parallel, writer =>
        {
            var numbers = new int[workload.BatchSize];
            pickers[writer].Pick(numbers);
            return writer.Update(numbers, number => tables[writer.Portal].Advance(number, workload.Changes!.Value), Numbers(numbers.Length));
        }, seconds);
        Table.Changes += slice.Tickets;
        return slice;
    }

    public override Rest Restart() => new(database.Bytes(), 0);

    public override void Dispose()
    {
        Array.ForEach(writers, writer => writer.Dispose());
        database.Drop();
    }

    long Numbers(int count) => Interlocked.Add(ref sequence, count) - count;

    Slice OnAll(int parallel, Func<Writer, int> batch, double seconds)
    {
        using var client = Process.GetCurrentProcess();
        var (cpu, own) = (database.Cpu(), client.TotalProcessorTime);
        var start = Stopwatch.GetTimestamp();
        var results = writers.Take(parallel).Select(writer => Task.Factory.StartNew(() =>
        {
            var (tickets, latencies) = (0L, new List<long>());
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
            {
                var begun = Stopwatch.GetTimestamp();
                var written = batch(writer);
                if (written == 0)
                {
                    break;
                }

                tickets += written;
                latencies.Add(Stopwatch.GetTimestamp() - begun);
            }

            return (Tickets: tickets, Latencies: latencies);
        }, TaskCreationOptions.LongRunning)).ToArray();
        Task.WaitAll(results);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        client.Refresh();
        return new(
            results.Sum(result => result.Result.Tickets), elapsed, [.. results.SelectMany(result => result.Result.Latencies)],
            database.Cpu() - cpu + (client.TotalProcessorTime - own).TotalSeconds);
    }

    /// <summary>One connection. Only for one thread at a time.</summary>
    sealed class Writer(NpgsqlConnection connection, KeyOrder keys, int portal) : IDisposable
    {
        readonly Blocks blocks = new(keys);

        /// <summary>The number of its portal, from 0.</summary>
        public int Portal => portal;

        public int Create(int[] numbers, long before)
        {
            var (values, contents, records, changes) = (new byte[numbers.Length][], new byte[numbers.Length][], new long[numbers.Length], new long[numbers.Length]);
            for (var i = 0; i < numbers.Length; i++)
            {
                blocks.Ticket.Become(numbers[i], default);
                (values[i], contents[i], records[i], changes[i]) = (blocks.Ticket.Key.ToArray(), blocks.New(), RawTables.TicketKeys + numbers[i] + 1, before + i + 1);
            }

            if (Find(values).Count > 0)
            {
                throw new WrongAnswer("A new ticket is there already.");
            }

            Write(
                changes, records, new long?[numbers.Length], 1, contents,
                Command(InsertRecords, Value(records), Value(changes), Value(Times(numbers)), Value(Times(numbers)), Value(Ones(numbers)), Value(contents)),
                Command(InsertValues, Value(Properties(numbers)), Value(values), Value(records)));
            return numbers.Length;
        }

        public int Update(int[] numbers, Func<int, TicketVersion> advance, long before)
        {
            var values = new byte[numbers.Length][];
            for (var i = 0; i < numbers.Length; i++)
            {
                blocks.Ticket.Become(numbers[i], default);
                values[i] = blocks.Ticket.Key.ToArray();
            }

            var found = Find(values);
            if (found.Count < numbers.Length)
            {
                throw new WrongAnswer("A ticket is missing.");
            }

            var (contents, changed, records, changes, previous) = (new byte[numbers.Length][], new byte[numbers.Length][], new long[numbers.Length], new long[numbers.Length], new long?[numbers.Length]);
            for (var i = 0; i < numbers.Length; i++)
            {
                blocks.Ticket.Become(numbers[i], advance(numbers[i]));
                (records[i], previous[i], var content) = found[i];
                changes[i] = before + i + 1;
                (contents[i], changed[i]) = blocks.Next(content, firstChange: 0, changes[i]);
            }

            Write(changes, records, previous, 2, changed, Command(UpdateRecords, Value(records), Value(changes), Value(Times(numbers)), Value(contents)));
            return numbers.Length;
        }

        public void Dispose() => connection.Dispose();

        Dictionary<int, (long Key, long Change, byte[] Content)> Find(byte[][] values)
        {
            using var batch = new NpgsqlBatch(connection) { BatchCommands = { new("BEGIN"), Command(RawPostgres.Find, Value(values.Select(_ => Blocks.KeyProperty).ToArray()), Value(values)) } };
            using var rows = batch.ExecuteReader();
            var found = new Dictionary<int, (long, long, byte[])>();
            while (rows.Read())
            {
                found[(int)rows.GetInt64(0) - 1] = (rows.GetInt64(1), rows.GetInt64(2), rows.GetFieldValue<byte[]>(3));
            }

            return found;
        }

        void Write(long[] changes, long[] records, long?[] previous, short kind, byte[][] contents, params NpgsqlBatchCommand[] others)
        {
            using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(Command(
                InsertChanges, Value(changes), Value(records), Value(previous), Value(changes.Select(_ => kind).ToArray()), Value(Times(changes)), Value(Ones(changes)), Value(contents)));
            Array.ForEach(others, batch.BatchCommands.Add);
            batch.BatchCommands.Add(new("COMMIT"));
            batch.ExecuteNonQuery();
        }

        static long[] Times<T>(T[] rows) => [.. rows.Select(_ => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds())];

        static int[] Ones<T>(T[] rows) => [.. rows.Select(_ => 1)];

        static int[] Properties<T>(T[] rows) => [.. rows.Select(_ => Blocks.KeyProperty)];

        static NpgsqlParameter Value<T>(T value) => new NpgsqlParameter<T> { TypedValue = value };

        NpgsqlBatchCommand Command(string sql, params NpgsqlParameter[] values)
        {
            var command = new NpgsqlBatchCommand(sql.Replace("$portal", $"{portal + 1}", StringComparison.Ordinal));
            Array.ForEach(values, value => command.Parameters.Add(value));
            return command;
        }
    }
}
