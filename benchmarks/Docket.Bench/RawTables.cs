using Docket.Sqlite;
using Database = Docket.Sqlite.Connection;

namespace Docket.Bench;

/// <summary>Writes tickets into tables, with the product's blocks of values.</summary>
internal abstract class RawTables(Database database, Table table)
{
    /// <summary>Where the keys of active tickets begin (RecordKey.cs of the product).</summary>
    public const long TicketKeys = 5L << 48;

    const int Source = 1, CreateKind = 1, UpdateKind = 2;

    protected const int KeyProperty = Blocks.KeyProperty;

    /// <summary>What all of them need.</summary>
    public const string Schema =
        """
        CREATE TABLE change (
          sequence INTEGER PRIMARY KEY, record INTEGER NOT NULL, previous INTEGER, kind INTEGER NOT NULL, time INTEGER NOT NULL,
          source INTEGER NOT NULL, trace BLOB, content BLOB NOT NULL) STRICT;
        CREATE TABLE record (
          key INTEGER PRIMARY KEY, created INTEGER NOT NULL, updated INTEGER NOT NULL, archived INTEGER, source INTEGER NOT NULL,
          first_change INTEGER NOT NULL, last_change INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
        CREATE TABLE head (key INTEGER PRIMARY KEY, change INTEGER NOT NULL) STRICT;
        CREATE TABLE unique_value (
          property INTEGER NOT NULL, value BLOB NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (property, value)) STRICT, WITHOUT ROWID;
        """;

    readonly Statement insertChange = database.Prepare("INSERT INTO change (sequence, record, previous, kind, time, source, trace, content) VALUES (?, ?, ?, ?, ?, ?, NULL, ?)");
    protected Blocks Blocks { get; } = new(table.Keys);

    protected Ticket Ticket => Blocks.Ticket;

    protected static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    /// <summary>The newest change.</summary>
    protected long Sequence { get; private set; }

    public abstract void Create(int number);

    public abstract void Update(int number, TicketVersion version);

    /// <summary>At the end of a transaction.</summary>
    public virtual void Committing()
    {
    }

    /// <summary>In a transaction: writes what was only in memory.</summary>
    public virtual void Fold()
    {
    }

    /// <summary>Begins a change to a ticket.</summary>
    protected long Begin(int number, TicketVersion version)
    {
        Ticket.Become(number, version);
        Sequence++;
        return TicketKeys + number + 1;
    }

    protected void AddChange(long key, long? previous, byte[] block) =>
        insertChange.Bind(Sequence).Bind(key).Bind(previous).Bind(previous is null ? CreateKind : UpdateKind).Bind(Now).Bind(Source).Bind(block).Run();
}

/// <summary>A table of records whose rows are replaced, and a log of what changed, as Docket had them in November 2026.</summary>
internal sealed class InPlace(Database database, Table table) : RawTables(database, table)
{
    readonly Statement insertRecord = database.Prepare(
        "INSERT INTO record (key, created, updated, archived, source, first_change, last_change, content) VALUES (?1, ?2, ?2, NULL, 1, ?3, ?3, ?4)");

    readonly Statement updateRecord = database.Prepare("UPDATE record SET updated = ?, last_change = ?, content = ? WHERE key = ?");
    readonly Statement insertUnique = database.Prepare("INSERT INTO unique_value (property, value, record) VALUES (?, ?, ?)");

    readonly Statement find = database.Prepare(
        """
        SELECT record.key, record.first_change, record.last_change, record.content
        FROM unique_value JOIN record ON record.key = unique_value.record
        WHERE unique_value.property = ? AND unique_value.value = ?
        """);

    public override void Create(int number)
    {
        var key = Begin(number, default);
        var block = Blocks.New();
        insertRecord.Bind(key).Bind(Now).Bind(Sequence).Bind(block).Run();
        insertUnique.Bind(KeyProperty).Bind(Ticket.Key).Bind(key).Run();
        AddChange(key, null, block);
    }

    public override void Update(int number, TicketVersion version)
    {
        Begin(number, version);
        find.Bind(KeyProperty).Bind(Ticket.Key).Step();
        var (key, firstChange, lastChange) = (find.Integer(0), find.Integer(1), find.Integer(2));
        var (block, changed) = Blocks.Next(find.Blob(3), firstChange, Sequence);
        find.Reset();
        updateRecord.Bind(Now).Bind(Sequence).Bind(block).Bind(key).Run();
        AddChange(key, lastChange, changed);
    }
}

/// <summary>
/// A log of whole records. Where the newest change of a record is, and which record has a unique value, is in memory, and is written
/// into tables for many changes at once, in order.
/// </summary>
internal sealed class LogFirst(Database database, Table table) : RawTables(database, table)
{
    /// <summary>Changes of a fold, as in a server.</summary>
    const int FoldAt = 50_000;

    readonly Statement newest = database.Prepare("SELECT content FROM change WHERE sequence = ?");
    readonly Statement putHead = database.Prepare("INSERT INTO head (key, change) VALUES (?, ?) ON CONFLICT DO UPDATE SET change = excluded.change");
    readonly Statement putUnique = database.Prepare("INSERT INTO unique_value (property, value, record) VALUES (?, ?, ?)");
    readonly Dictionary<long, long> heads = [];
    readonly Dictionary<ulong, long> holders = [];
    readonly List<long> changedKeys = [];
    readonly List<(byte[] Value, long Key)> newValues = [];

    public override void Create(int number)
    {
        var key = Begin(number, default);
        holders.Add(Hash(Ticket.Key), key); // throws if it is not new
        newValues.Add((Ticket.Key.ToArray(), key));
        Append(key, null, Blocks.New());
    }

    public override void Update(int number, TicketVersion version)
    {
        Begin(number, version);
        var key = holders[Hash(Ticket.Key)];
        var previous = heads[key];
        newest.Bind(previous).Step();
        var (block, _) = Blocks.Next(newest.Blob(0), firstChange: 0, Sequence);
        newest.Reset();
        Append(key, previous, block);
    }

    public override void Committing()
    {
        if (changedKeys.Count >= FoldAt)
        {
            Fold();
        }
    }

    public override void Fold()
    {
        changedKeys.Sort();
        for (var i = 0; i < changedKeys.Count; i++)
        {
            if (i == 0 || changedKeys[i] != changedKeys[i - 1])
            {
                putHead.Bind(changedKeys[i]).Bind(heads[changedKeys[i]]).Run();
            }
        }

        newValues.Sort((one, other) => one.Value.AsSpan().SequenceCompareTo(other.Value));
        foreach (var (value, key) in newValues)
        {
            putUnique.Bind(KeyProperty).Bind(value).Bind(key).Run();
        }

        changedKeys.Clear();
        newValues.Clear();
    }

    void Append(long key, long? previous, byte[] block)
    {
        AddChange(key, previous, block);
        heads[key] = Sequence;
        changedKeys.Add(key);
    }

    // FNV-1a.
    static ulong Hash(ReadOnlySpan<byte> value)
    {
        var hash = 14695981039346656037;
        foreach (var part in value)
        {
            hash = (hash ^ part) * 1099511628211;
        }

        return hash;
    }
}
