using Docket.Model;
using Docket.Stores.Moving;
using Npgsql;
using NpgsqlTypes;

namespace Docket.Stores.Postgres;

/// <summary>A portal that a move fills. Until the table <c>portal</c> lists it, nobody sees its rows.</summary>
internal sealed class MoveCopy : IPortalCopy
{
    /// <summary>Changes of purged records to empty in one transaction.</summary>
    const int EmptiedAtOnce = 10_000;

    // The keys under which a record may have a row from an earlier attempt.
    const string DeleteRecords = """
        DELETE FROM record r USING (SELECT q.id FROM unnest($2::bigint[]) k(key)
          CROSS JOIN LATERAL (SELECT ctid id FROM record q WHERE q.portal = $1 AND q.key = k.key LIMIT 1) q) x
        WHERE r.portal = $1 AND r.ctid = x.id
        """;

    const string InsertErasing = """
        INSERT INTO erasing (portal, sequence) SELECT h.portal, x.* FROM head h, unnest($2::bigint[]) x WHERE h.portal = $1 ON CONFLICT DO NOTHING
        """;

    readonly PostgresDatabase database;
    readonly long portal;
    readonly NpgsqlConnection connection;

    // An earlier attempt may have copied records as they were then, and values of records that were permanently deleted since.
    readonly bool continues;

    /// <summary>Begins a copy, or continues one.</summary>
    /// <param name="database">The database.</param>
    /// <param name="portal">The portal.</param>
    /// <param name="history">The history, which an unfinished copy must have.</param>
    /// <exception cref="OperatorMistake">There is an unfinished copy of another history.</exception>
    public MoveCopy(PostgresDatabase database, long portal, string history)
    {
        (this.database, this.portal) = (database, portal);
        connection = database.Source.OpenConnection();
        try
        {
            Run("INSERT INTO head (portal, history) VALUES ($1, $2) ON CONFLICT DO NOTHING", PortalSession.Value(history));
            using var select = Command("SELECT history, sequence FROM head WHERE portal = $1");
            using var head = select.ExecuteReader();
            if (!head.Read() || head.GetString(0) != history)
            {
                throw new OperatorMistake($"The database has an unfinished copy of another portal {portal}. Add --restart to replace it.");
            }

            Sequence = head.GetInt64(1);
            continues = Sequence > 0;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public long Sequence { get; private set; }

    public bool Takes(MovedTable table) => table != MovedTable.Heads; // rows of records come with the changes

    public void Clear(MovedTable table) => Run($"DELETE FROM {table.Name} WHERE portal = $1");

    public void Append(MovedTable table, List<object?[]> rows)
    {
        using var transaction = connection.BeginTransaction();
        if (table == MovedTable.Changes)
        {
            AppendChanges(rows);
        }
        else
        {
            Copy(table, rows);
        }

        transaction.Commit();
    }

    public void Complete(long jobs)
    {
        RecordEraser.Finish(database, portal, EmptiedAtOnce);
        Run("UPDATE head SET jobs = $2, unfollowed = EXISTS (SELECT 1 FROM unfollowed u WHERE u.portal = $1) WHERE portal = $1", PortalSession.Value(jobs));
    }

    public IPortalRows Open() => new MoveRows(database.Source, portal);

    public void Dispose() => connection.Dispose();

    /// <summary>Deletes all rows of a portal that no server uses.</summary>
    public static void Delete(PostgresDatabase database, long portal)
    {
        using var connection = database.Source.OpenConnection();
        foreach (var table in (ReadOnlySpan<string>)["erasing", "write_mark", "record", "change", .. MovedTable.Others.Where(table => table != MovedTable.Heads).Select(table => table.Name), "head"])
        {
            using var delete = new NpgsqlCommand($"DELETE FROM {table} WHERE portal = $1", connection) { CommandTimeout = 0, Parameters = { PortalSession.Value(portal) } };
            delete.ExecuteNonQuery();
        }
    }

    void AppendChanges(List<object?[]> rows)
    {
        var last = (long)rows[^1][ChangeCells.Sequence]!;
        if (Run("UPDATE head SET sequence = $2 WHERE portal = $1 AND sequence = $3", PortalSession.Value(last), PortalSession.Value(Sequence)) == 0)
        {
            throw new OperatorMistake($"Another process is copying portal {portal} to this database.");
        }

        if (continues)
        {
            long[] keys = [.. rows.Select(row => (long)row[ChangeCells.Record]!).Distinct()];
            Run(DeleteRecords, PortalSession.Value((long[])[.. keys, .. keys.Select(key => key | RecordKey.ArchivedBit)]));
            Run(InsertErasing, PortalSession.Value(rows.Where(row => KindOf(row) == ChangeKind.Purge).Select(row => (long)row[ChangeCells.Previous]!).ToArray()));
        }

        Copy(MovedTable.Changes, rows);
        using var records = connection.BeginBinaryImport("COPY record (portal, key, change, created, updated, source, content) FROM STDIN (FORMAT BINARY)");
        foreach (var row in rows.Where(row => row[ChangeCells.RecordValues] is not null))
        {
            records.StartRow();
            records.Write(portal, NpgsqlDbType.Bigint);
            records.Write((long)row[ChangeCells.Record]! | (KindOf(row) == ChangeKind.Archive ? RecordKey.ArchivedBit : 0), NpgsqlDbType.Bigint);
            records.Write((long)row[ChangeCells.Sequence]!, NpgsqlDbType.Bigint);
            records.Write((long)row[ChangeCells.RecordCreated]!, NpgsqlDbType.Bigint);
            records.Write((long)row[ChangeCells.RecordUpdated]!, NpgsqlDbType.Bigint);
            records.Write((int)(long)row[ChangeCells.RecordSource]!, NpgsqlDbType.Integer);
            records.Write((byte[])row[ChangeCells.RecordValues]!, NpgsqlDbType.Bytea);
        }

        records.Complete();
        Sequence = last;
    }

    void Copy(MovedTable table, List<object?[]> rows)
    {
        using var copy = connection.BeginBinaryImport($"COPY {table.Name} (portal, {MoveRows.ColumnsOf(table)}) FROM STDIN (FORMAT BINARY)");
        copy.Timeout = TimeSpan.Zero;
        foreach (var row in rows)
        {
            copy.StartRow();
            copy.Write(portal, NpgsqlDbType.Bigint);
            for (var i = 0; i < table.Columns.Length; i++)
            {
                Write(copy, table.Columns[i].Type, row[i]);
            }
        }

        copy.Complete();
    }

    static void Write(NpgsqlBinaryImporter copy, ColumnType type, object? cell)
    {
        switch (type)
        {
            case ColumnType.RowNames:
                WriteNames(copy, ((long Name, int Row)[]?)cell);
                if (cell is (long Name, int Row)[] named)
                {
                    copy.Write(named.Select(entry => entry.Row).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Integer);
                }
                else
                {
                    copy.WriteNull();
                }

                break;
            case ColumnType.Names:
                WriteNames(copy, ((long Name, int Row)[]?)cell);
                break;
            case var _ when cell is null:
                copy.WriteNull();
                break;
            case ColumnType.Long:
                copy.Write((long)cell, NpgsqlDbType.Bigint);
                break;
            case ColumnType.Int:
                copy.Write((int)(long)cell, NpgsqlDbType.Integer);
                break;
            case ColumnType.Short:
                copy.Write((short)(long)cell, NpgsqlDbType.Smallint);
                break;
            case ColumnType.Flag:
                copy.Write((long)cell != 0, NpgsqlDbType.Boolean);
                break;
            case ColumnType.Text:
                copy.Write((string)cell, NpgsqlDbType.Text);
                break;
            case ColumnType.Bytes:
                copy.Write((byte[])cell, NpgsqlDbType.Bytea);
                break;
        }
    }

    static void WriteNames(NpgsqlBinaryImporter copy, (long Name, int Row)[]? names)
    {
        if (names is null)
        {
            copy.WriteNull();
        }
        else
        {
            copy.Write(names.Select(entry => entry.Name).ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Bigint);
        }
    }

    static ChangeKind KindOf(object?[] row) => (ChangeKind)(long)row[ChangeCells.Kind]!;

    NpgsqlCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> values)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0, Parameters = { PortalSession.Value(portal) } };
        foreach (var value in values)
        {
            command.Parameters.Add(value);
        }

        return command;
    }

    int Run(string sql, params ReadOnlySpan<NpgsqlParameter> values)
    {
        using var command = Command(sql, values);
        return command.ExecuteNonQuery();
    }
}
