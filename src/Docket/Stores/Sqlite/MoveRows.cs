using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores.Moving;

namespace Docket.Stores.Sqlite;

/// <summary>The rows of a portal's file for a move, in which everything is folded.</summary>
internal sealed class MoveRows : IPortalRows
{
    // Whether the change is the newest of a record: then it has the whole record.
    static readonly string SelectChanges = $"""
        SELECT {string.Join(", ", MovedTable.Changes.Columns.Select(column => column.Name))},
          EXISTS (SELECT 1 FROM head WHERE key = CASE kind WHEN {(int)ChangeKind.Archive} THEN record | {RecordKey.ArchivedBit} ELSE record END AND head.change = sequence)
        FROM change WHERE sequence > ? ORDER BY sequence
        """;

    readonly Connection connection;
    readonly RecordRows records;

    /// <summary>Opens the file and notes its newest commit.</summary>
    public MoveRows(string path)
    {
        connection = new Connection(path, create: false);
        connection.Execute("PRAGMA cache_size=-16384; BEGIN");
        var sources = new SourceNumbers();
        sources.Load(connection);
        records = new RecordRows(connection, sources);
        History = Identity.Of(connection).File;
        Sequence = connection.QueryInteger("SELECT coalesce(max(sequence), 0) FROM change");
        Jobs = connection.QueryInteger("SELECT seq FROM sqlite_sequence WHERE name = 'job'");
        if (connection.QueryInteger("SELECT count(*) FROM erasing") > 0 || connection.QueryInteger("SELECT sequence FROM fold") != Sequence)
        {
            connection.Dispose();
            throw new OperatorMistake($"{path} has unfinished work. Start a server on it once, with enough free space, and stop it.");
        }
    }

    public string History { get; }

    public long Sequence { get; }

    public long Jobs { get; }

    public IEnumerable<object?[]> Read(MovedTable table, long after = 0) => table == MovedTable.Changes ? ReadChanges(after) : ReadAll(table);

    public void Dispose()
    {
        records.Dispose();
        connection.Dispose();
    }

    IEnumerable<object?[]> ReadChanges(long after)
    {
        using var select = connection.Prepare(SelectChanges);
        select.Bind(after);
        var stored = MovedTable.Changes.Columns.Length;
        while (select.Step())
        {
            var row = Cells(select, MovedTable.Changes, ChangeCells.Count);
            if (select.Integer(stored) != 0)
            {
                row[ChangeCells.RecordValues] = records.Read(select.Integer(ChangeCells.Sequence)).Values.ToArray();
                row[ChangeCells.RecordCreated] = row[ChangeCells.Created] ?? row[ChangeCells.Time];
                row[ChangeCells.RecordUpdated] = row[ChangeCells.Time];
                row[ChangeCells.RecordSource] = row[ChangeCells.Origin] ?? row[ChangeCells.Source];
            }

            yield return row;
        }
    }

    IEnumerable<object?[]> ReadAll(MovedTable table)
    {
        using var select = connection.Prepare(
            $"SELECT {string.Join(", ", table.Columns.Select(column => column.Name))} FROM {table.Name} WHERE {table.Where ?? "true"} ORDER BY {string.Join(", ", table.Columns.Take(table.Keys).Select(column => column.Name))}");
        while (select.Step())
        {
            yield return Cells(select, table, table.Columns.Length);
        }
    }

    static object?[] Cells(Statement select, MovedTable table, int count)
    {
        var cells = new object?[count];
        for (var i = 0; i < table.Columns.Length; i++)
        {
            cells[i] = select.IsNull(i) ? null : table.Columns[i].Type switch
            {
                ColumnType.Text => select.Text(i),
                ColumnType.Bytes => select.Blob(i).ToArray(),
                ColumnType.Names or ColumnType.RowNames => NameColumn.Unpack(select.Blob(i)).ToArray(),
                _ => select.Integer(i),
            };
        }

        return cells;
    }
}
