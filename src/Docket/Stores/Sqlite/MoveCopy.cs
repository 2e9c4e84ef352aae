using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Moving;

namespace Docket.Stores.Sqlite;

/// <summary>A portal's file that a move fills.</summary>
internal sealed class MoveCopy : IPortalCopy
{
    /// <summary>Changes of purged records to empty in one transaction.</summary>
    const int EmptiedAtOnce = 10_000;

    const string InsertChange = """
        INSERT INTO change (sequence, record, previous, kind, time, source, created, origin, trace, content, kept) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """;

    readonly string path;
    readonly Connection connection;
    readonly ValueWriter kept = new();

    // An earlier attempt may have copied values of records that were permanently deleted since.
    readonly bool continues;
    bool disposed;

    /// <summary>Opens the file, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="portal">The portal.</param>
    /// <param name="history">The history, which a file that exists must have.</param>
    /// <param name="registry">The identity of the registry that will list the portal.</param>
    /// <exception cref="OperatorMistake">The file can't be used.</exception>
    public MoveCopy(string path, long portal, string history, string registry)
    {
        this.path = path;
        connection = Engine.Open(
            path, "portal", Engine.BusyTimeoutMs,
            opened =>
            {
                if (Identity.Of(opened).Portal is null) // a new file
                {
                    using var identify = opened.Prepare("UPDATE identity SET file = ?, portal = ?, registry = ?");
                    identify.Bind(history).Bind(portal).Bind(registry).Run();
                }

                return opened;
            },
            create: true,
            OlderAnswers.Define);
        if (Identity.Of(connection) != new Identity(history, portal, registry))
        {
            connection.Dispose();
            throw new OperatorMistake($"{path} is the unfinished copy of another portal. Add --restart to replace it.");
        }

        // A crash of the machine may lose the last transactions, but not damage the file; the next attempt continues before them.
        connection.Execute("PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384");
        Sequence = connection.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change");
        continues = Sequence > 0;
    }

    public long Sequence { get; private set; }

    public bool Takes(MovedTable table) => true;

    public void Clear(MovedTable table) => connection.Execute($"DELETE FROM {table.Name}");

    public void Append(MovedTable table, List<object?[]> rows) => connection.InTransaction(() =>
    {
        if (table == MovedTable.Changes)
        {
            AppendChanges(rows);
            return;
        }

        using var insert = connection.Prepare(
            $"INSERT INTO {table.Name} ({string.Join(", ", table.Columns.Select(column => column.Name))}) VALUES ({string.Join(", ", table.Columns.Select(_ => "?"))})");
        foreach (var row in rows)
        {
            foreach (var cell in row)
            {
                Bind(insert, cell);
            }

            insert.Run();
        }
    });

    public void Complete(long jobs)
    {
        using (var eraser = new RecordEraser(connection))
        {
            while (!connection.InTransaction(() => eraser.EmptySome(EmptiedAtOnce)))
            {
            }
        }

        connection.InTransaction(() =>
        {
            connection.Execute($"UPDATE fold SET sequence = {Sequence}");
            connection.Execute($"DELETE FROM sqlite_sequence WHERE name = 'job'; INSERT INTO sqlite_sequence (name, seq) VALUES ('job', {jobs})");
        });
        Engine.MakeDurable(connection, path);
        connection.TruncateLog();
    }

    public IPortalRows Open() => new MoveRows(path);

    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            connection.Dispose();
        }
    }

    void AppendChanges(List<object?[]> rows)
    {
        using var insert = connection.Prepare(InsertChange);
        using var erase = connection.Prepare("INSERT OR IGNORE INTO erasing (sequence) VALUES (?)");
        using var clean = connection.Prepare("INSERT INTO cleaning (since) VALUES (?)");
        foreach (var row in rows)
        {
            for (var i = 0; i <= ChangeCells.Content; i++)
            {
                Bind(insert, row[i]);
            }

            var kind = (ChangeKind)(long)row[ChangeCells.Kind]!;
            Bind(insert, row[ChangeCells.RecordValues] is byte[] values && kind is ChangeKind.Update or ChangeKind.Archive or ChangeKind.Restore ? Kept(row, values) : null);
            insert.Run();
            if (continues && kind == ChangeKind.Purge)
            {
                erase.Bind((long)row[ChangeCells.Previous]!).Run();
                clean.Bind((long)row[ChangeCells.Time]!).Run();
            }
        }

        Sequence = (long)rows[^1][ChangeCells.Sequence]!;
    }

    byte[] Kept(object?[] row, byte[] values)
    {
        var id = RecordKey.IdOf((long)row[ChangeCells.Record]!);
        return RecordRows.Kept(new(id, 0, 0, null, new("", ""), id - Record.IdBase, (long)row[ChangeCells.Sequence]!, values), kept);
    }

    static void Bind(Statement statement, object? cell) => _ = cell switch
    {
        null => statement.BindNull(),
        long number => statement.Bind(number),
        string text => statement.Bind(text),
        byte[] bytes => statement.Bind(bytes),
        (long, int)[] names => statement.BindNames(names),
        _ => throw new InvalidOperationException($"A row can't contain a {cell.GetType()}."),
    };
}
