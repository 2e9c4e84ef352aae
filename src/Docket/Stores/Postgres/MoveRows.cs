using Docket.Model;
using Docket.Stores.Moving;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// The rows of a portal for a move, as of one commit: all in one transaction, which blocks no writer. Read in pages, so that an index
/// gives the order, whatever statistics the server has.
/// </summary>
internal sealed class MoveRows : IPortalRows
{
    const int PageRows = 10_000;

    // Each change with the row of its record if it is the record's newest one.
    static readonly string SelectChanges = $"""
        SELECT c.sequence, c.record, c.previous, c.kind, c.time, c.source, c.created, c.origin, c.trace, c.content, r.content, r.created, r.updated, r.source
        FROM change c LEFT JOIN LATERAL (SELECT q.content, q.created, q.updated, q.source FROM record q
          WHERE q.portal = $1 AND q.key = CASE c.kind WHEN {(int)ChangeKind.Archive} THEN c.record | {RecordKey.ArchivedBit} ELSE c.record END AND q.change = c.sequence LIMIT 1) r ON true
        WHERE c.portal = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $3
        """;

    readonly long portal;
    readonly NpgsqlConnection connection;
    readonly NpgsqlTransaction snapshot;

    public MoveRows(NpgsqlDataSource source, long portal)
    {
        this.portal = portal;
        connection = source.OpenConnection();
        try
        {
            snapshot = connection.BeginTransaction(System.Data.IsolationLevel.RepeatableRead);
            using var select = new NpgsqlCommand("SELECT history, sequence, jobs, EXISTS (SELECT 1 FROM erasing e WHERE e.portal = $1) FROM head WHERE portal = $1", connection)
            {
                Parameters = { PortalSession.Value(portal) },
            };
            using var head = select.ExecuteReader();
            if (!head.Read())
            {
                throw new OperatorMistake($"The database has no data of portal {portal}.");
            }

            (History, Sequence, Jobs, HasErasing) = (head.GetString(0), head.GetInt64(1), head.GetInt64(2), head.GetBoolean(3));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public string History { get; }

    public long Sequence { get; }

    public long Jobs { get; }

    /// <summary>Whether changes of permanently deleted records still have their values.</summary>
    public bool HasErasing { get; }

    public IEnumerable<object?[]> Read(MovedTable table, long after = 0) =>
        table == MovedTable.Changes ? ReadChanges(after) : table.HasTextKey ? ReadAtOnce(table) : ReadPages(table);

    public void Dispose()
    {
        snapshot.Dispose();
        connection.Dispose();
    }

    /// <summary>Where PostgreSQL keeps the rows of a table.</summary>
    public static string TableOf(MovedTable table) => table == MovedTable.Heads ? "record" : table.Name;

    /// <summary>The columns of a table, as they are read and written.</summary>
    public static string ColumnsOf(MovedTable table) => string.Join(", ", table.Columns.Select(column => column.Type == ColumnType.RowNames ? $"{column.Name}, rows" : column.Name));

    IEnumerable<object?[]> ReadChanges(long after)
    {
        for (var count = PageRows; count == PageRows;)
        {
            count = 0;
            using var select = Command(SelectChanges, [PortalSession.Value(after), PortalSession.Value(PageRows)]);
            using var rows = select.ExecuteReader();
            while (rows.Read())
            {
                var row = Cells(rows, MovedTable.Changes, ChangeCells.Count);
                if (!rows.IsDBNull(ChangeCells.RecordValues))
                {
                    row[ChangeCells.RecordValues] = rows.GetFieldValue<byte[]>(ChangeCells.RecordValues);
                    row[ChangeCells.RecordCreated] = rows.GetInt64(ChangeCells.RecordCreated);
                    row[ChangeCells.RecordUpdated] = rows.GetInt64(ChangeCells.RecordUpdated);
                    row[ChangeCells.RecordSource] = (long)rows.GetInt32(ChangeCells.RecordSource);
                }

                (after, count) = ((long)row[ChangeCells.Sequence]!, count + 1);
                yield return row;
            }
        }
    }

    // The index has the order of the database's collation, so it is sorted.
    IEnumerable<object?[]> ReadAtOnce(MovedTable table) => ReadPage(
        table, Select(table, "", string.Join(", ", table.Columns.Take(table.Keys).Select(column => column.Type == ColumnType.Text ? $"{column.Name} COLLATE \"C\"" : column.Name))), []);

    IEnumerable<object?[]> ReadPages(MovedTable table)
    {
        var (keys, types) = (Keys(table), table.Columns.Take(table.Keys).Select(column => column.Type).ToArray());
        var sql = Select(table, $"AND ({string.Join(", ", keys)}) > ({string.Join(", ", keys.Select((_, i) => $"${i + 2}"))})", string.Join(", ", keys)) + $" LIMIT {PageRows}";
        object?[] last = [.. types.Select(type => type == ColumnType.Bytes ? (object)Array.Empty<byte>() : -1L)]; // before the first
        for (var count = PageRows; count == PageRows;)
        {
            count = 0;
            foreach (var row in ReadPage(table, sql, [.. types.Select((type, i) => Parameter(type, last[i]!))]))
            {
                (last, count) = (row, count + 1);
                yield return row;
            }
        }
    }

    IEnumerable<object?[]> ReadPage(MovedTable table, string sql, NpgsqlParameter[] values)
    {
        using var select = Command(sql, values);
        using var rows = select.ExecuteReader();
        while (rows.Read())
        {
            yield return Cells(rows, table, table.Columns.Length);
        }
    }

    NpgsqlCommand Command(string sql, NpgsqlParameter[] values)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0, Parameters = { PortalSession.Value(portal) } };
        command.Parameters.AddRange(values);
        return command;
    }

    static string Select(MovedTable table, string more, string order) => $"SELECT {ColumnsOf(table)} FROM {TableOf(table)} WHERE portal = $1 AND {table.Where ?? "true"} {more} ORDER BY {order}";

    static string[] Keys(MovedTable table) => [.. table.Columns.Take(table.Keys).Select(column => column.Name)];

    static NpgsqlParameter Parameter(ColumnType type, object value) => type switch
    {
        ColumnType.Bytes => PortalSession.Value((byte[])value),
        ColumnType.Int => PortalSession.Value((int)(long)value),
        _ => PortalSession.Value((long)value),
    };

    static object?[] Cells(NpgsqlDataReader row, MovedTable table, int count)
    {
        var cells = new object?[count];
        for (var i = 0; i < table.Columns.Length; i++)
        {
            cells[i] = row.IsDBNull(i) ? null : table.Columns[i].Type switch
            {
                ColumnType.Text => row.GetString(i),
                ColumnType.Bytes => row.GetFieldValue<byte[]>(i),
                ColumnType.Flag => row.GetBoolean(i) ? 1L : 0L,
                ColumnType.Names => Names(row.GetFieldValue<long[]>(i), null),
                ColumnType.RowNames => Names(row.GetFieldValue<long[]>(i), row.GetFieldValue<int[]>(i + 1)), // the last column
                ColumnType.Int => (long)row.GetInt32(i),
                ColumnType.Short => (long)row.GetInt16(i),
                _ => row.GetInt64(i),
            };
        }

        return cells;
    }

    static (long Name, int Row)[]? Names(long[] names, int[]? rows) => names is [] ? null : [.. names.Select((name, i) => (name, rows?[i] ?? 0)).Distinct().Order()];
}
