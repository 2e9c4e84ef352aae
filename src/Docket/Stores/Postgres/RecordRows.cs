using Docket.ChangeLog;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>Records in the rows of <c>record</c>.</summary>
internal static class RecordRows
{
    /// <summary>The columns of <c>record</c> r that <see cref="Read"/> expects.</summary>
    public const string Columns = "r.key, r.change, r.created, r.updated, r.source, r.content";

    /// <summary>Reads a record from the current row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="sources">The sources of the portal.</param>
    /// <param name="at">The first of the columns.</param>
    public static Record Read(NpgsqlDataReader row, SourceNumbers sources, int at = 0)
    {
        var (key, updated) = (row.GetInt64(at), row.GetInt64(at + 3));
        var id = RecordKey.IdOf(key);
        return new(
            id, row.GetInt64(at + 2), updated, RecordKey.IsArchived(key) ? updated : null, sources.Find(row.GetInt32(at + 4)), id - Record.IdBase, row.GetInt64(at + 1),
            row.GetFieldValue<byte[]>(at + 5));
    }
}
