using System.Diagnostics;
using System.Reflection;
using Docket.Model;
using Microsoft.Data.Sqlite;

namespace Docket.Bench;

/// <summary>
/// The plainest good loop over the engine: the rows the server would write, in its tables, with prepared statements, one
/// transaction a batch and the same durability. One thread, no HTTP, no JSON, no validation; everything that is not
/// named here is SQLite's default; so are page size and checkpoints unless the options say otherwise.
/// </summary>
internal sealed class RawLoop : Side
{
    /// <summary>Where the keys of active tickets begin (RecordKey.cs of the product).</summary>
    const long TicketKeys = 5L << 48;

    const int KeyProperty = 20, Source = 1, Create = 1, Update = 2;

    /// <summary>The numbers of the properties of <see cref="Ticket.Names"/>, in ascending order as blocks require.</summary>
    static readonly int[] PropertyNumbers = [10, 40, 41, 60, 61, 90, 91, 92];

    readonly SqliteConnection connection;
    readonly SqliteCommand begin, commit, insertRecord, insertUnique, insertChange, find, updateRecord;
    readonly Picker picker;
    readonly Ticket ticket = new();
    readonly ValueWriter content = new(), changed = new();
    long sequence;

    public RawLoop(string name, string directory, Options options) : base(name, directory, options.Sizes[^1])
    {
        picker = new Picker(Table, seed: 3);
        System.IO.Directory.CreateDirectory(directory);
        connection = new SqliteConnection($"Data Source={Path.Combine(directory, "raw.db")};Pooling=False");
        connection.Open();
        Execute($"PRAGMA page_size={options.PageSize}; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint={options.Checkpoint}");
        connection.CreateFunction("stage_property_name", (string name) => name); // an upgrade asks for it, of a file that has no stages here
        foreach (var script in Scripts())
        {
            Execute(script);
        }

        Execute($"INSERT INTO source (number, type, id) VALUES ({Source}, 'INTEGRATION', 'bench')");
        begin = Prepare("BEGIN IMMEDIATE");
        commit = Prepare("COMMIT");
        insertRecord = Prepare(
            """
            INSERT INTO record (key, created, updated, archived, source, first_change, last_change, content)
            VALUES ($key, $time, $time, NULL, $source, $sequence, $sequence, $content)
            """, "$key", "$time", "$source", "$sequence", "$content");
        insertUnique = Prepare(
            "INSERT INTO unique_value (property, value, record) VALUES ($property, $value, $record)", "$property", "$value", "$record");
        insertChange = Prepare(
            """
            INSERT INTO change (sequence, record, previous, kind, time, source, trace, content)
            VALUES ($sequence, $record, $previous, $kind, $time, $source, NULL, $content)
            """, "$sequence", "$record", "$previous", "$kind", "$time", "$source", "$content");
        find = Prepare(
            """
            SELECT record.key, record.first_change, record.last_change, record.content
            FROM unique_value JOIN record ON record.key = unique_value.record
            WHERE unique_value.property = $property AND unique_value.value = $value
            """, "$property", "$value");
        updateRecord = Prepare(
            "UPDATE record SET updated = $time, last_change = $sequence, content = $content WHERE key = $key", "$time", "$sequence", "$content", "$key");
    }

    /// <summary>How it works, for the header.</summary>
    public static string Description(Options options) =>
        $"raw loop: one thread, the same rows and tables, one transaction a batch, WAL, synchronous=FULL, pages of {options.PageSize:N0} bytes, checkpoint after {options.Checkpoint:N0} pages";

    public override bool Can(Workload workload) => workload.RawBatch is not null;

    public override Slice Ask(Workload workload, double seconds) => Updates(workload.RawBatch!.Value, seconds);

    public override Rest Restart() => Rest.Of(Directory);

    public override Slice CreateTo(int end)
    {
        var first = Table.Count;
        var latencies = new List<long>();
        var start = Stopwatch.GetTimestamp();
        while (Table.Count < end)
        {
            var batchStart = Stopwatch.GetTimestamp();
            begin.ExecuteNonQuery();
            var batchEnd = Math.Min(Table.Count + Question.BatchSize, end);
            for (; Table.Count < batchEnd; Table.Count++)
            {
                CreateOne(Table.Count);
            }

            commit.ExecuteNonQuery();
            latencies.Add(Stopwatch.GetTimestamp() - batchStart);
        }

        return new Slice(end - first, Stopwatch.GetElapsedTime(start).TotalSeconds, [.. latencies]);
    }

    Slice Updates(int batchSize, double seconds)
    {
        var numbers = new int[batchSize];
        var latencies = new List<long>();
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            var batchStart = Stopwatch.GetTimestamp();
            picker.Pick(numbers);
            begin.ExecuteNonQuery();
            foreach (var number in numbers)
            {
                UpdateOne(number, Table.Advance(number));
            }

            commit.ExecuteNonQuery();
            latencies.Add(Stopwatch.GetTimestamp() - batchStart);
        }

        Table.Changes += latencies.Count * batchSize;
        return new Slice(latencies.Count * batchSize, Stopwatch.GetElapsedTime(start).TotalSeconds, [.. latencies]);
    }

    public override void Dispose() => connection.Dispose();

    void CreateOne(int number)
    {
        ticket.Become(number, version: 0);
        var key = TicketKeys + number + 1;
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        sequence++;
        for (var property = 0; property < PropertyNumbers.Length; property++)
        {
            if (property == 1)
            {
                content.Add(KeyProperty, 0, ticket.Key);
            }

            content.Add(PropertyNumbers[property], 0, ticket[property]);
        }

        // A record that nothing has changed yet and the change that made it hold the same block.
        var block = content.Take();
        Run(insertRecord, key, time, Source, sequence, block);
        Run(insertUnique, KeyProperty, ticket.Key.ToArray(), key);
        Run(insertChange, sequence, key, DBNull.Value, Create, time, Source, block);
    }

    void UpdateOne(int number, int version)
    {
        ticket.Become(number, version);
        Bind(find, KeyProperty, ticket.Key.ToArray());
        long key, firstChange, lastChange;
        byte[] block;
        using (var row = find.ExecuteReader())
        {
            row.Read();
            (key, firstChange, lastChange, block) = (row.GetInt64(0), row.GetInt64(1), row.GetInt64(2), row.GetFieldValue<byte[]>(3));
        }

        sequence++;
        var old = new ValueReader(block);
        while (old.Next())
        {
            var property = Array.IndexOf(PropertyNumbers, old.Number);
            if (property >= 0 && Ticket.Varies(property))
            {
                content.Add(old.Number, sequence - firstChange, ticket[property]);
                changed.Add(old.Number, sequence - (firstChange + old.Link), ticket[property]);
            }
            else
            {
                content.Add(old.Entry);
            }
        }

        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        Run(updateRecord, time, sequence, content.Take(), key);
        Run(insertChange, sequence, key, lastChange, Update, time, Source, changed.Take());
    }

    static IEnumerable<string> Scripts()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return reader.ReadToEnd();
        }
    }

    SqliteCommand Prepare(string sql, params ReadOnlySpan<string> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
        {
            command.Parameters.AddWithValue(name, 0);
        }

        command.Prepare();
        return command;
    }

    static void Bind(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }
    }

    static void Run(SqliteCommand command, params ReadOnlySpan<object> values)
    {
        Bind(command, values);
        command.ExecuteNonQuery();
    }

    void Execute(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
