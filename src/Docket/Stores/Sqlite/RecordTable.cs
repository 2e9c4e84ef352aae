using Docket.Model;
using Docket.Sqlite;
using Microsoft.Extensions.Logging;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The upgrade of files in which records have a table of their own: moves them into their newest changes, some at a time, so that an
/// interrupted upgrade continues.
/// </summary>
internal static partial class RecordTable
{
    /// <summary>Rows moved in one transaction.</summary>
    const int MovedAtOnce = 10_000;

    public static void MoveIntoChanges(Connection connection, string path, TimeProvider clock, ILogger logger)
    {
        if (connection.QueryInteger("SELECT count(*) FROM sqlite_schema WHERE name = 'record'") == 0)
        {
            return;
        }

        var (logged, moved) = (clock.GetTimestamp(), 0L);
        while (connection.InTransaction(() => MoveSome(connection)) is > 0 and var more)
        {
            moved += more;
            if (clock.GetElapsedTime(logged) > TimeSpan.FromSeconds(2))
            {
                logged = clock.GetTimestamp();
                LogProgress(logger, path, moved, moved + connection.QueryInteger("SELECT count(*) FROM record"));
            }
        }

        connection.Execute("DROP TABLE record");
    }

    static int MoveSome(Connection connection)
    {
        using var records = connection.Prepare($"SELECT key, created, source, first_change, last_change, content FROM record ORDER BY key LIMIT {MovedAtOnce}");
        using var change = connection.Prepare("SELECT kind, time, source FROM change WHERE sequence = ?");
        using var complete = connection.Prepare("UPDATE change SET kept = ?, created = ?, origin = ? WHERE sequence = ?");
        using var head = connection.Prepare("INSERT INTO head (key, change) VALUES (?, ?)");
        var (count, last, values) = (0, 0L, new ValueWriter());
        while (records.Step())
        {
            (count, last) = (count + 1, records.Integer(0));
            var (created, source, sequence) = (records.Integer(1), records.Integer(2), records.Integer(4));
            if (!change.Bind(sequence).Step())
            {
                throw SqliteFailure.Damaged($"change {sequence} is missing");
            }

            var (kind, isTime, isSource) = ((ChangeKind)change.Integer(0), change.Integer(1) == created, change.Integer(2) == source);
            change.Reset();
            var isWhole = kind is ChangeKind.Create or ChangeKind.Merge;
            if (!isWhole || !isTime || !isSource)
            {
                var record = new Record(RecordKey.IdOf(last), created, 0, null, new("", ""), records.Integer(3), sequence, records.Blob(5).ToArray());
                _ = isWhole ? complete.BindNull() : complete.Bind(RecordRows.Kept(record, values));
                complete.Bind(isTime ? null : created).Bind(isSource ? null : source).Bind(sequence).Run();
            }

            head.Bind(last).Bind(sequence).Run();
        }

        connection.Execute($"DELETE FROM record WHERE key <= {last}");
        return count;
    }

    [LoggerMessage(LogLevel.Information, "Upgrading {Path}: {Moved} of {All} records")]
    static partial void LogProgress(ILogger logger, string path, long moved, long all);
}
