using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Reads the change log of a portal's file on a separate connection.</summary>
internal sealed class ChangeReader : IChangeLog
{
    readonly Connection connection;
    readonly Statement after, content, origin, time;
    byte[] value = new byte[256];

    public ChangeReader(string portalPath)
    {
        connection = new Connection(portalPath, create: false);
        connection.Execute("PRAGMA query_only=1; PRAGMA cache_size=-32768"); // for the inner pages of the changes: earlier values are looked up everywhere
        after = connection.Prepare("SELECT sequence, record, kind, time, source, content FROM change WHERE sequence > ? ORDER BY sequence LIMIT ?");
        content = connection.Prepare("SELECT content FROM change WHERE sequence = ?");
        origin = connection.Prepare("SELECT created, source FROM record WHERE key IN (?, ?)");
        time = connection.Prepare("SELECT time FROM change WHERE sequence = ?");
    }

    public long? TimeOf(long sequence)
    {
        if (sequence == 0)
        {
            return 0;
        }

        if (!time.Bind(sequence).Step())
        {
            return null;
        }

        var found = time.Integer(0);
        time.Reset();
        return found;
    }

    public IEnumerable<FollowedChange> After(long sequence, int limit)
    {
        try
        {
            after.Bind(sequence).Bind(limit);
            while (after.Step())
            {
                var key = after.Integer(1);
                yield return new((ChangeKind)after.Integer(2), after.Integer(0), RecordKey.TypeOf(key), RecordKey.IdOf(key), after.Integer(3), after.Integer(4));
            }
        }
        finally
        {
            after.Reset();
        }
    }

    public ReadOnlySpan<byte> ContentOf(in FollowedChange change) => change.Content is { } known ? known.Span : after.Blob(5);

    public ReadOnlySpan<byte> ValueSetBy(long sequence, int property)
    {
        if (!content.Bind(sequence).Step())
        {
            return default;
        }

        var values = new ValueReader(content.Blob(0));
        var found = values.Seek(property) ? values.Value : default;
        // Copied, because a statement that is not reset holds a snapshot, and with it the log.
        if (found.Length > value.Length)
        {
            value = new byte[found.Length * 2];
        }

        found.CopyTo(value);
        content.Reset();
        return value.AsSpan(0, found.Length);
    }

    public (long CreatedAt, long Source) OriginOf(in FollowedChange change)
    {
        if (change.Kind != ChangeKind.Merge
            || !origin.Bind(RecordKey.Of(change.Type, change.RecordId, archived: false)).Bind(RecordKey.Of(change.Type, change.RecordId, archived: true)).Step())
        {
            return (change.Time, change.Source);
        }

        var found = (origin.Integer(0), origin.Integer(1));
        origin.Reset();
        return found;
    }

    public IDisposable Snapshot()
    {
        connection.Execute("BEGIN");
        return new EndOfSnapshot(connection);
    }

    public (long Sequence, long Time) Newest() =>
        connection.QueryInteger("SELECT max(sequence) FROM change") is var newest and > 0 ? (newest, TimeOf(newest) ?? 0) : (0, 0);

    public long CountRecords() => connection.QueryInteger("SELECT count(*) FROM record");

    // Merges the lists of all types by id. The active and the archived records of a type are each a range of the table.
    public IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types)
    {
        var lists = types.SelectMany(type => (IEnumerator<LoggedRecord>[])[List(type, archived: false).GetEnumerator(), List(type, archived: true).GetEnumerator()]).ToList();
        try
        {
            var next = new PriorityQueue<IEnumerator<LoggedRecord>, long>();
            foreach (var list in lists.Where(list => list.MoveNext()))
            {
                next.Enqueue(list, list.Current.Id);
            }

            while (next.TryPeek(out var list, out _))
            {
                yield return list.Current;
                _ = list.MoveNext() ? next.DequeueEnqueue(list, list.Current.Id) : next.Dequeue();
            }
        }
        finally
        {
            lists.ForEach(list => list.Dispose());
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[after, content, origin, time])
        {
            statement.Dispose();
        }

        connection.Dispose();
    }

    IEnumerable<LoggedRecord> List(ObjectType type, bool archived)
    {
        using var list = connection.Prepare("SELECT key, created, updated, source, content FROM record WHERE key BETWEEN ? AND ? ORDER BY key");
        list.Bind(RecordKey.Of(type, 0, archived)).Bind(RecordKey.Of(type, RecordKey.IdMax, archived));
        while (list.Step())
        {
            yield return new(type.Number, RecordKey.IdOf(list.Integer(0)), list.Integer(1), list.Integer(2), list.Integer(3), !archived, list.Blob(4).ToArray());
        }
    }

    sealed class EndOfSnapshot(Connection connection) : IDisposable
    {
        public void Dispose() => connection.Rollback();
    }
}
