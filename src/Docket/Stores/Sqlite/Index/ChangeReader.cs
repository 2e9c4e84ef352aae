using Docket.Model;

namespace Docket.Stores.Sqlite.Index;

/// <summary>One committed change. One that was read from the file has no values with it: <see cref="ChangeReader"/> stands on them.</summary>
internal readonly record struct FollowedChange(ChangeKind Kind, long Sequence, long Key, long Time, long Source)
{
    public long RecordId => RecordKey.IdOf(Key);

    /// <summary>The values that changed; <c>null</c> when it was read from the file.</summary>
    public ReadOnlyMemory<byte>? Content { get; init; }

    /// <summary>The record's values before, of a change that has its content.</summary>
    public ReadOnlyMemory<byte> Before { get; init; }
}

/// <summary>What the index holds of a record.</summary>
internal sealed record IndexedRecord(long Id, long CreatedAt, long UpdatedAt, long Source, bool Active, byte[] Values);

/// <summary>What the index is made from: a portal's changes in order, and its records.</summary>
internal sealed class ChangeReader : IDisposable
{
    readonly Connection connection;
    readonly Statement after, content, origin, time;

    public ChangeReader(string portalPath)
    {
        connection = new Connection(portalPath, create: false);
        connection.Execute("PRAGMA query_only=1; PRAGMA cache_size=-32768"); // the inner pages of the changes: values before are looked up all over them
        after = connection.Prepare("SELECT sequence, record, kind, time, source, content FROM change WHERE sequence > ? ORDER BY sequence LIMIT ?");
        content = connection.Prepare("SELECT content FROM change WHERE sequence = ?");
        origin = connection.Prepare("SELECT created, source FROM record WHERE key IN (?, ?)");
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

    /// <summary>Gives a document the values of a change, which is the current one when it was read here; <c>false</c> when they are gone for good already.</summary>
    public bool PutValues(SearchIndex index, int document, Schema schema, FollowedChange change)
    {
        var values = new ValueReader(ContentOf(change));
        var stored = new ValueReader(change.Before.Span);
        stored.Next();
        var any = false;
        while (values.Next())
        {
            any = true;
            if (schema.FindNumberEvenArchived(values.Number) is not { } property)
            {
                continue;
            }

            while (stored.Number < values.Number)
            {
                stored.Next();
            }

            if (stored.Number == values.Number)
            {
                index.Put(document, schema, property, stored.Value, values.Value);
            }
            // The links of a merged record lead into other records' past; its document is new.
            else if (change.Content is null && values.Link > 0 && change.Kind != ChangeKind.Merge && SearchIndex.NeedsBefore(property)
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

        return any;
    }

    /// <summary>Takes the values of a change away from a document; <c>false</c> when they are gone for good already.</summary>
    public bool RemoveValues(SearchIndex index, int document, Schema schema, FollowedChange change)
    {
        var values = new ValueReader(ContentOf(change));
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

    ReadOnlySpan<byte> ContentOf(FollowedChange change) => change.Content is { } known ? known.Span : after.Blob(5);

    /// <summary>The create date and the source of a record that a change made: those of the change, unless the values say otherwise; a merged record has its own.</summary>
    public (long CreatedAt, long Source) OriginOf(FollowedChange change)
    {
        var id = RecordKey.IdOf(change.Key);
        if (change.Kind != ChangeKind.Merge
            || !origin.Bind(change.Key).Bind(RecordKey.Of(ObjectType.Ticket, id, archived: true)).Step())
        {
            return (change.Time, change.Source);
        }

        var found = (origin.Integer(0), origin.Integer(1));
        origin.Reset();
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
        foreach (var statement in (ReadOnlySpan<Statement>)[after, content, origin, time])
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
