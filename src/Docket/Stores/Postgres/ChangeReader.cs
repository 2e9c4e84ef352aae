using System.Collections.Immutable;
using System.Data.Common;
using System.Net.Sockets;
using Docket.ChangeLog;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Reads a portal's changes for the thread of its search index, which may block. Takes a connection from the pool for each read, so an
/// index that waits needs none, and a lost connection is replaced by the next one.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="portal">The portal.</param>
/// <param name="sources">The sources of the portal.</param>
/// <param name="catchUp">Starts to let this process know everything that is committed, as a build of the index needs it.</param>
internal sealed class ChangeReader(PostgresDatabase database, long portal, SourceNumbers sources, Action catchUp) : IChangeLog
{
    /// <summary>Records that are read together: the lists of several types are read in turns.</summary>
    const int ListedAtOnce = 500;

    /// <summary>Associations that are read together.</summary>
    const int TiesAtOnce = 10_000;

    /// <summary>Bytes of values after which a page of changes ends early.</summary>
    const long PageBytesMax = 16L << 20;

    // For the limit see RecordReader.Range.
    const string Page = """
        SELECT sequence, record, kind, time, source, created, origin, content FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence) - octet_length(content) AS before FROM (
          SELECT sequence, record, kind, time, source, created, origin, content FROM change WHERE portal = $1 AND sequence > $2 ORDER BY sequence LIMIT (SELECT $3)) c) c
        WHERE before <= $4 ORDER BY sequence
        """;

    readonly PortalReads reads = new(database, portal, sources);
    readonly Dictionary<long, (long CreatedAt, long Source)> origins = []; // of the merges on the current page
    readonly ValueWriter writer = new();
    NpgsqlConnection? snapshot;

    public long? TimeOf(long sequence) => sequence == 0 ? 0 : Read(row => (long?)row.GetInt64(0), "SELECT time FROM change WHERE portal = $1 AND sequence = $2", PortalSession.Value(sequence)).FirstOrDefault();

    // At once, with the values before, so that applying the changes needs no other read: searches wait for that.
    public IEnumerable<FollowedChange> After(long sequence, int limit)
    {
        origins.Clear();
        var page = Read(
            row =>
            {
                var (key, kind, time, source) = (row.GetInt64(1), (ChangeKind)row.GetInt16(2), row.GetInt64(3), Known(row.GetInt32(4)));
                if (kind == ChangeKind.Merge)
                {
                    origins[row.GetInt64(0)] = OriginOf(row, 5, time, source);
                }

                return new FollowedChange(kind, row.GetInt64(0), RecordKey.TypeOf(key), RecordKey.IdOf(key), time, source) { Content = row.GetFieldValue<byte[]>(7) };
            },
            Page, PortalSession.Value(sequence), PortalSession.Value((long)limit), PortalSession.Value(PageBytesMax));
        var before = ValuesBefore(page);
        return page.Select(change => change with { Before = Before(change, before) });
    }

    public ReadOnlySpan<byte> ContentOf(in FollowedChange change) => change.Content!.Value.Span;

    public ReadOnlySpan<byte> ValueSetBy(long sequence, int property)
    {
        var content = Read(row => row.GetFieldValue<byte[]>(5), RecordReader.ChangesOf, PortalSession.Value(new[] { sequence }));
        var values = new ValueReader(content is [var set] ? set : []);
        return values.Seek(property) ? values.Value : default;
    }

    public (long CreatedAt, long Source) OriginOf(in FollowedChange change)
    {
        var (time, source) = (change.Time, change.Source);
        if (change.Kind != ChangeKind.Merge)
        {
            return (time, source);
        }

        return origins.TryGetValue(change.Sequence, out var known) ? known
            : Read(row => OriginOf(row, 0, time, source), "SELECT created, origin FROM change WHERE portal = $1 AND sequence = $2", PortalSession.Value(change.Sequence)) is [var found] ? found : (time, source);
    }

    public IDisposable Snapshot()
    {
        try
        {
            snapshot = database.Source.OpenConnection();
            using var begin = new NpgsqlCommand("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", snapshot);
            begin.ExecuteNonQuery();
        }
        catch (Exception failure) when (IsDatabases(failure))
        {
            EndSnapshot();
            throw Unavailable(failure);
        }

        return new EndOfSnapshot(this);
    }

    public (long Sequence, long Time) Newest()
    {
        var newest = Read(
            row => (row.GetInt64(0), row.IsDBNull(1) ? 0 : row.GetInt64(1)),
            "SELECT h.sequence, c.time FROM head h LEFT JOIN LATERAL (SELECT time FROM change c WHERE c.portal = $1 AND c.sequence = h.sequence LIMIT 1) c ON true WHERE h.portal = $1").FirstOrDefault();
        catchUp(); // another process may have made it
        return newest;
    }

    public long CountRecords() => Read(row => row.GetInt64(0), "SELECT count(*) FROM record WHERE portal = $1")[0];

    public bool AreTied(long sequence, (int Type, long Id) record, IReadOnlyList<int> types, (int Type, long Id)? other) => Read(
        _ => true, TieTable.Tied, PortalSession.Value(RecordKey.Of(record.Type, record.Id, archived: false)), PortalSession.Value(types.ToArray()), PortalSession.Value(sequence),
        PortalSession.Value(other is var (type, id) ? RecordKey.Of(type, id, archived: false) : 0)).Count > 0;

    public bool[] AreTiedToActive(int type, IReadOnlyList<long> ids, ImmutableArray<int> types)
    {
        var pairs = ids.SelectMany((id, place) => types.Select(number => (Place: place, Record: RecordKey.Of(type, id, archived: false), Type: number))).ToArray();
        var tied = new bool[ids.Count];
        foreach (var pair in Read(
            row => row.GetInt64(0), TieTable.List, PortalSession.Value(pairs.Select(pair => pair.Record).ToArray()), PortalSession.Value(pairs.Select(pair => pair.Type).ToArray()),
            PortalSession.Value(new long[pairs.Length]), PortalSession.Value(1L)))
        {
            tied[pairs[(int)pair - 1].Place] = true;
        }

        return tied;
    }

    public IReadOnlyList<(int Type, long Id)> TiedTo((int Type, long Id) record) =>
    [
        .. Read(row => row.GetInt64(2), TieTable.Stored, PortalSession.Value((long[])[RecordKey.Of(record.Type, record.Id, archived: false)]), PortalSession.Value(long.MaxValue))
            .Distinct().Select(key => (RecordKey.TypeOf(key), RecordKey.IdOf(key))),
    ];

    public IEnumerable<((int Type, long Id) Record, (int Type, long Id) Other)> Ties(long sequence)
    {
        var (record, type, other) = (0L, 0, 0L);
        while (Read(row => (Record: row.GetInt64(0), Type: row.GetInt32(1), Other: row.GetInt64(2)), TieTable.Page, PortalSession.Value(record), PortalSession.Value(type), PortalSession.Value(other), PortalSession.Value((long)TiesAtOnce), PortalSession.Value(sequence)) is { Count: > 0 } page)
        {
            foreach (var tie in page)
            {
                yield return (PlaceOf(tie.Record), PlaceOf(tie.Other));
            }

            (record, type, other) = page[^1];
        }

        static (int, long) PlaceOf(long key) => (RecordKey.TypeOf(key), RecordKey.IdOf(key));
    }

    public IEnumerable<LoggedRecord> Records(IEnumerable<ObjectType> types) =>
        LoggedRecord.ById(types.SelectMany(type => (IEnumerable<LoggedRecord>[])[List(type, archived: false), List(type, archived: true)]));

    public void Dispose() => EndSnapshot();

    IEnumerable<LoggedRecord> List(ObjectType type, bool archived)
    {
        var (next, last) = (RecordKey.Of(type, 0, archived), RecordKey.Of(type, RecordKey.IdMax, archived));
        while (Read(row => RecordRows.Read(row, sources), RecordReader.Range, PortalSession.Value(next), PortalSession.Value(last), PortalSession.Value((long)ListedAtOnce)) is { Count: > 0 } page)
        {
            foreach (var record in page)
            {
                yield return new(type.Number, record.Id, record.CreatedAt, record.UpdatedAt, sources.NumberOf(record.Source)!.Value, record.ArchivedAt is null, record.Values);
            }

            if (page.Count < ListedAtOnce)
            {
                break;
            }

            next = RecordKey.Of(type, page[^1].Id, archived) + 1;
        }
    }

    // By the changes that set them.
    Dictionary<(long Sequence, int Number), byte[]> ValuesBefore(List<FollowedChange> page)
    {
        var wanted = new Dictionary<long, List<int>>();
        foreach (var change in page.Where(HasBefore))
        {
            var values = new ValueReader(change.Content!.Value.Span);
            while (values.Next())
            {
                if (values.Link > 0)
                {
                    var setter = change.Sequence - values.Link;
                    (wanted.TryGetValue(setter, out var known) ? known : wanted[setter] = []).Add(values.Number);
                }
            }
        }

        var found = new Dictionary<(long, int), byte[]>();
        if (wanted.Count > 0)
        {
            Read(Keep, RecordReader.ChangesOf, PortalSession.Value(wanted.Keys.ToArray()));
        }

        return found;

        bool Keep(NpgsqlDataReader row)
        {
            var (sequence, content) = (row.GetInt64(0), row.GetFieldValue<byte[]>(5));
            foreach (var number in wanted[sequence])
            {
                var values = new ValueReader(content);
                if (values.Seek(number)) // unless it was permanently deleted
                {
                    found[(sequence, number)] = values.Value.ToArray();
                }
            }

            return true;
        }
    }

    byte[] Before(in FollowedChange change, Dictionary<(long Sequence, int Number), byte[]> before)
    {
        var values = new ValueReader(HasBefore(change) ? change.Content!.Value.Span : default);
        while (values.Next())
        {
            if (values.Link > 0 && before.TryGetValue((change.Sequence - values.Link, values.Number), out var value))
            {
                writer.Add(values.Number, 0, value);
            }
        }

        return writer.Take();
    }

    // A new record has none; the values of one that was merged away are those before.
    static bool HasBefore(FollowedChange change) => change.Kind is ChangeKind.Update or ChangeKind.Restore;

    (long CreatedAt, long Source) OriginOf(NpgsqlDataReader row, int at, long time, long source) =>
        (row.IsDBNull(at) ? time : row.GetInt64(at), row.IsDBNull(at + 1) ? source : Known(row.GetInt32(at + 1)));

    // A search looks up the sources of what the index has.
    long Known(long source)
    {
        sources.Find(source);
        return source;
    }

    List<T> Read<T>(Func<NpgsqlDataReader, T> read, string sql, params NpgsqlParameter[] values)
    {
        try
        {
            return reads.List(snapshot, read, sql, values);
        }
        catch (Exception failure) when (IsDatabases(failure))
        {
            throw Unavailable(failure);
        }
    }

    void EndSnapshot()
    {
        snapshot?.Dispose(); // the pool ends the transaction
        snapshot = null;
    }

    LogUnavailable Unavailable(Exception failure) => new(PostgresFailures.Explain(failure, database.Description), failure);

    static bool IsDatabases(Exception failure) => failure is DbException or TimeoutException or IOException or SocketException or InvalidOperationException;

    sealed class EndOfSnapshot(ChangeReader reader) : IDisposable
    {
        public void Dispose() => reader.EndSnapshot();
    }
}
