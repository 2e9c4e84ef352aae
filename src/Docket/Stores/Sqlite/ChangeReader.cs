using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>Reads the change log of a portal's file on a separate connection.</summary>
internal sealed class ChangeReader : IChangeLog
{
    /// <summary>Records that are read together: the lists of several types are read in turns.</summary>
    const int ListedAtOnce = 500;

    readonly Connection connection;
    readonly SourceNumbers sources;
    readonly Statement after, content, origin, time;
    readonly RecordLookup records;
    readonly TieTable ties;
    bool isReading;
    byte[] value = new byte[256];

    public ChangeReader(string portalPath, SourceNumbers sources, Folds folds)
    {
        this.sources = sources;
        connection = new Connection(portalPath, create: false);
        connection.Execute("PRAGMA query_only=1; PRAGMA cache_size=-8192"); // for the inner pages of the changes: earlier values are looked up everywhere
        after = connection.Prepare("SELECT sequence, record, kind, time, source, content FROM change WHERE sequence > ? ORDER BY sequence LIMIT ?");
        content = connection.Prepare("SELECT content FROM change WHERE sequence = ?");
        origin = connection.Prepare("SELECT coalesce(created, time), coalesce(origin, source) FROM change WHERE sequence = ?");
        time = connection.Prepare("SELECT time FROM change WHERE sequence = ?");
        records = new RecordLookup(connection, sources, folds);
        ties = new TieTable(connection, records);
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
        records.Heads.RenewCommitted(); // first, so that the tables have everything that is not in memory
        isReading = true;
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
            isReading = false;
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
        if (change.Kind != ChangeKind.Merge || !origin.Bind(change.Sequence).Step())
        {
            return (change.Time, change.Source);
        }

        var found = (origin.Integer(0), origin.Integer(1));
        origin.Reset();
        return found;
    }

    public IDisposable Snapshot()
    {
        records.Heads.Begin();
        isReading = true;
        return new EndOfSnapshot(this);
    }

    public (long Sequence, long Time) Newest() => records.Heads.UpTo is var newest and > 0 ? (newest, TimeOf(newest) ?? 0) : (0, 0);

    public long CountRecords() => connection.QueryInteger("SELECT count(*) FROM head");

    public bool AreTied(long sequence, (int Type, long Id) record, IReadOnlyList<int> types, (int Type, long Id)? other)
    {
        Renew();
        var (key, with) = (KeyOf(record), other is { } one ? KeyOf(one) : (long?)null);
        return types.Any(type => ties.AreTied(sequence, key, type, with));
    }

    public bool[] AreTiedToActive(int type, IReadOnlyList<long> ids, ImmutableArray<int> types)
    {
        const int some = 10; // the first ones may be archived
        Renew();
        return [.. ids.Select(id => ties.List(KeyOf((type, id)), types, after: 0, some).Ties.Length > 0)];
    }

    public IReadOnlyList<(int Type, long Id)> TiedTo((int Type, long Id) record)
    {
        Renew();
        return [.. ties.Of(KeyOf(record)).Select(tie => tie.Other).Distinct()];
    }

    public IEnumerable<((int Type, long Id) Record, (int Type, long Id) Other)> Ties(long sequence)
    {
        return ties.All(sequence).Select(tie => (PlaceOf(tie.Record), PlaceOf(tie.Other)));

        static (int, long) PlaceOf(long key) => (RecordKey.TypeOf(key), RecordKey.IdOf(key));
    }

    public IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types) =>
        LoggedRecord.ById(types.SelectMany(type => (IEnumerable<LoggedRecord>[])[List(type, archived: false), List(type, archived: true)]));

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[after, content, origin, time])
        {
            statement.Dispose();
        }

        ties.Dispose();
        records.Dispose();
        connection.Dispose();
    }

    static long KeyOf((int Type, long Id) record) => RecordKey.Of(record.Type, record.Id, archived: false);

    void Renew()
    {
        if (!isReading)
        {
            records.Heads.RenewCommitted();
        }
    }

    IEnumerable<LoggedRecord> List(ObjectType type, bool archived)
    {
        var (next, last) = (RecordKey.Of(type, 0, archived), RecordKey.Of(type, RecordKey.IdMax, archived));
        while (records.Range(next, last).Take(ListedAtOnce).ToList() is { Count: > 0 } page)
        {
            foreach (var record in page)
            {
                yield return new(type.Number, record.Id, record.CreatedAt, record.UpdatedAt, sources.NumberOf(record.Source)!.Value, record.ArchivedAt is null, record.Values);
            }

            next = RecordKey.Of(type, page[^1].Id, archived) + 1;
        }
    }

    sealed class EndOfSnapshot(ChangeReader reader) : IDisposable
    {
        public void Dispose()
        {
            reader.isReading = false;
            reader.connection.Rollback();
        }
    }
}
