using Docket.Model;

namespace Docket.Stores.Sqlite.Index;

/// <summary>One committed change, without its values.</summary>
internal readonly record struct FollowedChange(ChangeKind Kind, long Sequence, long Key, long Time, long Source)
{
    public long RecordId => RecordKey.IdOf(Key);
}

/// <summary>What the index holds of a record.</summary>
internal sealed record IndexedRecord(long Id, long CreatedAt, long UpdatedAt, long Source, bool Active, byte[] Values);

/// <summary>What the index is made from: a portal's changes in order, and its records.</summary>
internal sealed class ChangeReader : IDisposable
{
    readonly Connection connection;
    readonly Statement after, content, created, time;

    public ChangeReader(string portalPath)
    {
        connection = new Connection(portalPath, create: false);
        connection.Execute("PRAGMA query_only=1; PRAGMA cache_size=-32768"); // the inner pages of the changes: values before are looked up all over them
        after = connection.Prepare("SELECT sequence, record, kind, time, source, content FROM change WHERE sequence > ? ORDER BY sequence LIMIT ?");
        content = connection.Prepare("SELECT content FROM change WHERE sequence = ?");
        created = connection.Prepare("SELECT created FROM record WHERE key = ?");
        time = connection.Prepare("SELECT time FROM change WHERE sequence = ?");
    }

    /// <summary>When a change was made; 0 for the beginning, <c>null</c> when there is no such change.</summary>
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

    /// <summary>The changes after one, at most <paramref name="limit"/>. The values of each are read with <see cref="PutValues"/> while it is the current one.</summary>
    public IEnumerable<FollowedChange> After(long sequence, int limit)
    {
        try
        {
            after.Bind(sequence).Bind(limit);
            while (after.Step())
            {
                yield return new((ChangeKind)after.Integer(2), after.Integer(0), after.Integer(1), after.Integer(3), after.Integer(4));
            }
        }
        finally
        {
            after.Reset();
        }
    }

    /// <summary>Gives a document the values of the current change.</summary>
    public void PutValues(SearchIndex index, int document, Schema schema, FollowedChange change)
    {
        var values = new ValueReader(after.Blob(5));
        while (values.Next())
        {
            if (schema.FindNumberEvenArchived(values.Number) is not { } property)
            {
                continue;
            }

            // The links of a merged record lead into other records' past; its document is new.
            if (values.Link > 0 && change.Kind != ChangeKind.Merge && SearchIndex.NeedsBefore(property)
                && content.Bind(change.Sequence - values.Link).Step())
            {
                var before = new ValueReader(content.Blob(0));
                index.Put(document, schema, property, before.Seek(values.Number) ? before.Value : default, values.Value);
                content.Reset();
            }
            else
            {
                index.Put(document, schema, property, default, values.Value);
            }
        }
    }

    /// <summary>Takes the values of the current change away from a document; <c>false</c> when they are gone for good already.</summary>
    public bool RemoveValues(SearchIndex index, int document, Schema schema)
    {
        var values = new ValueReader(after.Blob(5));
        var any = false;
        while (values.Next())
        {
            any = true;
            if (schema.FindNumberEvenArchived(values.Number) is { } property)
            {
                index.Put(document, schema, property, values.Value, default);
            }
        }

        return any;
    }

    /// <summary>The create date of a record that a change made. Where its values don't set it, it is the moment of the change; a merged record has its own.</summary>
    public long CreatedAt(FollowedChange change)
    {
        if (change.Kind != ChangeKind.Merge || !created.Bind(change.Key).Step())
        {
            return change.Time;
        }

        var found = created.Integer(0);
        created.Reset();
        return found;
    }

    /// <summary>Sees one state of the portal until it is disposed.</summary>
    public IDisposable Snapshot()
    {
        connection.Execute("BEGIN");
        return new EndOfSnapshot(connection);
    }

    public (long Sequence, long Time) Newest() =>
        connection.QueryInteger("SELECT max(sequence) FROM change") is var newest and > 0 ? (newest, TimeOf(newest) ?? 0) : (0, 0);

    public long CountRecords() => connection.QueryInteger("SELECT count(*) FROM record");

    /// <summary>All records of a type in the order of their ids, active and archived ones.</summary>
    public IEnumerable<IndexedRecord> Records(ObjectType type)
    {
        using var archived = List(type, archived: true).GetEnumerator();
        var hasArchived = archived.MoveNext();
        foreach (var active in List(type, archived: false))
        {
            for (; hasArchived && archived.Current.Id < active.Id; hasArchived = archived.MoveNext())
            {
                yield return archived.Current;
            }

            yield return active;
        }

        for (; hasArchived; hasArchived = archived.MoveNext())
        {
            yield return archived.Current;
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[after, content, created, time])
        {
            statement.Dispose();
        }

        connection.Dispose();
    }

    IEnumerable<IndexedRecord> List(ObjectType type, bool archived)
    {
        using var list = connection.Prepare("SELECT key, created, updated, source, content FROM record WHERE key BETWEEN ? AND ? ORDER BY key");
        list.Bind(RecordKey.Of(type, 0, archived)).Bind(RecordKey.Of(type, RecordKey.IdMax, archived));
        while (list.Step())
        {
            yield return new(RecordKey.IdOf(list.Integer(0)), list.Integer(1), list.Integer(2), list.Integer(3), !archived, list.Blob(4).ToArray());
        }
    }

    sealed class EndOfSnapshot(Connection connection) : IDisposable
    {
        public void Dispose() => connection.Rollback();
    }
}
