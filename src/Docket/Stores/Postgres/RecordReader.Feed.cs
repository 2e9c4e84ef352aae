using System.Collections.Immutable;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

// Reads what has changed, with the values before.
internal sealed partial class RecordReader
{
    /// <summary>Bytes of values after which a page of one record's changes ends early: a thousand changes can contain a thousand long texts each.</summary>
    const int FeedBytesMax = 4 * 1024 * 1024;

    // The values of a merged record are those of its earlier changes, and not shown.
    const string Shown = "c.sequence, c.record, c.kind, c.time, c.source, c.trace, CASE WHEN c.kind = 6 THEN ''::bytea ELSE c.content END AS content";

    // Ends the page after the change with which the values have more than these bytes.
    const string UpTo = "SELECT sequence, record, kind, time, source, trace, content FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence) - octet_length(content) AS before";

    // For the limit see Range.
    const string Page = $"""
        {UpTo} FROM (SELECT {Shown} FROM change c WHERE c.portal = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT (SELECT $3)) c) c WHERE before <= $4 ORDER BY sequence
        """;

    // The last change of a record: of an active or archived one, or of one without a row, which the index change_gone finds.
    const string Last = """
        SELECT change FROM record WHERE portal = $1 AND key = $2 UNION ALL SELECT change FROM record WHERE portal = $1 AND key = $2 | $3
        UNION ALL SELECT sequence FROM change WHERE portal = $1 AND record = $2 AND kind IN (6, 7)
        """;

    // The oldest changes after $3, found from the newest one, $2.
    const string PageOf = $"""
        WITH RECURSIVE chain AS (
          SELECT sequence, previous, kind FROM change WHERE portal = $1 AND sequence = $2
          UNION ALL
          SELECT c.* FROM chain CROSS JOIN LATERAL (SELECT sequence, previous, kind FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c
          WHERE chain.kind NOT IN (1, 5) AND chain.previous > $3
        )
        {UpTo} FROM (SELECT {Shown} FROM (SELECT sequence FROM chain WHERE sequence > $3 ORDER BY sequence LIMIT $4) k
          CROSS JOIN LATERAL (SELECT * FROM change c WHERE c.portal = $1 AND c.sequence = k.sequence LIMIT 1) c) c) c WHERE before <= $5 ORDER BY sequence
        """;

    // The newest changes of the record $2: its own from $3 back, and those of its associations before $4. Each of its own has the one before
    // it, 0 for none. Ends like UpTo; available counts those before that.
    const string Timeline = $"""
        WITH RECURSIVE chain AS (
          SELECT 1 AS depth, c.* FROM (SELECT sequence, previous, kind FROM change c WHERE c.portal = $1 AND c.sequence = $3 AND c.record = $2 LIMIT 1) c
          UNION ALL
          SELECT chain.depth + 1, c.* FROM chain
          CROSS JOIN LATERAL (SELECT sequence, previous, kind FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c
          WHERE chain.kind NOT IN (1, 5) AND chain.depth < $5
        )
        SELECT sequence, record, kind, time, source, trace, content, earlier, available
        FROM (SELECT *, sum(octet_length(content)) OVER (ORDER BY sequence DESC) - octet_length(content) AS before, count(*) OVER () AS available FROM (
          SELECT {Shown}, k.earlier FROM (
            SELECT sequence, CASE WHEN kind IN (1, 5) THEN 0 ELSE coalesce(previous, 0) END AS earlier FROM chain
            UNION ALL
            (SELECT change, NULL FROM association_change a WHERE a.portal = $1 AND a.record = $2 AND a.change < $4 ORDER BY a.change DESC LIMIT (SELECT $5))
            ORDER BY sequence DESC LIMIT (SELECT $5)) k
          CROSS JOIN LATERAL (SELECT * FROM change c WHERE c.portal = $1 AND c.sequence = k.sequence LIMIT 1) c) c) c
        WHERE before <= $6 ORDER BY sequence DESC
        """;

    /// <summary>Reads the next changes after a number, with the previous values.</summary>
    public async ValueTask<ImmutableArray<Change>> FeedAsync(long after, int limit, int bytesMax, CancellationToken cancellation) => await CompleteAsync(
        await reads.ListAsync(ReadLogged, Page, [PortalSession.Value(after), PortalSession.Value((long)limit), PortalSession.Value((long)bytesMax)], cancellation), bytesMax, cancellation);

    /// <summary>Reads the next changes of one record after a number, and the number of its newest change.</summary>
    public async ValueTask<(ImmutableArray<Change> Changes, long Newest)> FeedOfAsync(ObjectType type, long id, long after, int limit, CancellationToken cancellation)
    {
        if (await LastChangeOfAsync(type, id, cancellation) is not { } newest)
        {
            return ([], 0);
        }

        var page = await reads.ListAsync(
            ReadLogged, PageOf, [PortalSession.Value(newest), PortalSession.Value(after), PortalSession.Value((long)limit), PortalSession.Value((long)FeedBytesMax)], cancellation);
        return (await CompleteAsync(page, FeedBytesMax, cancellation), newest);
    }

    /// <summary>Reads the newest changes of one record and its associations before a place, and where to continue.</summary>
    public async ValueTask<TimelinePage?> TimelineAsync(ObjectType type, long id, TimelinePlace? after, int limit, CancellationToken cancellation)
    {
        if (await LastChangeOfAsync(type, id, cancellation) is not { } newest)
        {
            return null;
        }

        var place = after ?? new(long.MaxValue, newest);
        var rows = await reads.ListAsync(
            row => (Logged: ReadLogged(row), Earlier: row.IsDBNull(7) ? (long?)null : row.GetInt64(7), Available: row.GetInt64(8)), Timeline,
            [
                PortalSession.Value(RecordKey.Of(type, id, archived: false)), PortalSession.Value(place.Own), PortalSession.Value(place.Before), PortalSession.Value(limit + 1L),
                PortalSession.Value((long)FeedBytesMax),
            ],
            cancellation);
        var changes = await CompleteAsync([.. rows.Take(limit).Select(row => row.Logged)], FeedBytesMax, cancellation);
        return new(changes, rows.Count == 0 || changes.Length == rows[0].Available ? null
            : new(changes[^1].Sequence, rows.Take(changes.Length).LastOrDefault(row => row.Earlier is not null).Earlier ?? place.Own));
    }

    async ValueTask<long?> LastChangeOfAsync(ObjectType type, long id, CancellationToken cancellation)
    {
        var last = !IsId(id) ? [] : await reads.ListAsync(
            row => row.GetInt64(0), Last, [PortalSession.Value(RecordKey.Of(type, id, archived: false)), PortalSession.Value(RecordKey.Of(0, 0, archived: true))], cancellation);
        return last.Count == 0 ? null : last.Max();
    }

    // Adds what other changes have: the values before, and the records that a merge united.
    async ValueTask<ImmutableArray<Change>> CompleteAsync(List<Logged> page, int bytesMax, CancellationToken cancellation)
    {
        var (before, complete) = await ValuesBeforeAsync(page, bytesMax, cancellation);
        var merges = await MergedRecordsAsync(page, cancellation);
        var changes = ImmutableArray.CreateBuilder<Change>();
        var bytes = 0L;
        foreach (var row in page.Take(complete).TakeWhile(_ => bytes <= bytesMax))
        {
            var changed = ImmutableArray.CreateBuilder<ChangedValue>();
            var values = new ValueReader(row.Kind.IsTie() ? [] : row.Content);
            while (values.Next())
            {
                var old = row.HasBefore && values.Link > 0 ? before.GetValueOrDefault((row.Sequence - values.Link, values.Number)) : null;
                changed.Add(new(values.Number, old is null ? (ReadOnlyMemory<byte>?)null : old, row.Content.AsMemory(values.ValueStart, values.Value.Length))); // spelled out: a bare null would become empty memory
                bytes += values.Value.Length + (old?.Length ?? 0);
            }

            changes.Add(new(
                row.Sequence, RecordKey.TypeOf(row.Key), RecordKey.IdOf(row.Key), row.Kind, row.Time, row.Source, row.Trace is null ? (ReadOnlyMemory<byte>?)null : row.Trace,
                Related(row, merges), changed.DrainToImmutable())
            { Tie = row.Kind.IsTie() ? TieContent.Read(row.Content) : null });
        }

        return changes.DrainToImmutable();
    }

    // Keeps no more values than fit. Complete is how many changes of the page have all theirs, at least one.
    async ValueTask<(Dictionary<(long Sequence, int Number), byte[]> Values, int Complete)> ValuesBeforeAsync(List<Logged> page, int bytesMax, CancellationToken cancellation)
    {
        var wanted = new Dictionary<long, List<(int Number, int Place)>>();
        for (var place = 0; place < page.Count; place++)
        {
            var values = new ValueReader(page[place].HasBefore ? page[place].Content : []);
            while (values.Next())
            {
                if (values.Link > 0)
                {
                    var setter = page[place].Sequence - values.Link;
                    (wanted.TryGetValue(setter, out var known) ? known : wanted[setter] = []).Add((values.Number, place));
                }
            }
        }

        var (found, bytes, complete) = (new Dictionary<(long, int), byte[]>(), 0L, page.Count);
        if (wanted.Count > 0)
        {
            await reads.ListAsync(Keep, ChangesOf, [PortalSession.Value(wanted.Keys.ToArray())], cancellation);
        }

        return (found, complete);

        bool Keep(NpgsqlDataReader row)
        {
            var (sequence, content) = (row.GetInt64(0), row.GetFieldValue<byte[]>(5));
            foreach (var (number, place) in wanted[sequence])
            {
                var values = new ValueReader(content);
                if (!values.Seek(number))
                {
                    continue; // permanently deleted
                }

                if (bytes > bytesMax && place > 0)
                {
                    complete = Math.Min(complete, place);
                }
                else if (found.TryAdd((sequence, number), values.Value.ToArray()))
                {
                    bytes += values.Value.Length;
                }
            }

            return true;
        }
    }

    // The records of the changes next to merges and to changes of merged records. The order of a merge's three changes: see ChangeKind.Merge.
    async ValueTask<Dictionary<long, (ChangeKind Kind, long Id)>> MergedRecordsAsync(List<Logged> page, CancellationToken cancellation)
    {
        var next = page.SelectMany(row => row.Kind switch
        {
            ChangeKind.Merge => (long[])[row.Sequence - 1, row.Sequence - 2],
            ChangeKind.MergedAway => [row.Sequence + 1, row.Sequence + 2],
            _ => [],
        }).ToHashSet();
        var rows = next.Count == 0 ? [] : await reads.ListAsync(
            row => (Sequence: row.GetInt64(0), Kind: (ChangeKind)row.GetInt16(2), Id: RecordKey.IdOf(row.GetInt64(1))), ChangesOf, [PortalSession.Value(next.ToArray())], cancellation);
        return rows.ToDictionary(row => row.Sequence, row => (row.Kind, row.Id));
    }

    static ImmutableArray<long> Related(Logged row, Dictionary<long, (ChangeKind Kind, long Id)> merges) => row.Kind switch
    {
        ChangeKind.Merge => [merges[row.Sequence - 1].Id, merges[row.Sequence - 2].Id],
        ChangeKind.MergedAway => [merges[row.Sequence + 1] is { Kind: ChangeKind.Merge } merge ? merge.Id : merges[row.Sequence + 2].Id],
        _ => [],
    };

    Logged ReadLogged(NpgsqlDataReader row) => new(
        row.GetInt64(0), row.GetInt64(1), (ChangeKind)row.GetInt16(2), row.GetInt64(3), sources.Find(row.GetInt32(4)), row.IsDBNull(5) ? null : row.GetFieldValue<byte[]>(5), row.GetFieldValue<byte[]>(6));

    /// <summary>A row of <c>change</c>.</summary>
    sealed record Logged(long Sequence, long Key, ChangeKind Kind, long Time, Source Source, byte[]? Trace, byte[] Content)
    {
        /// <summary>Whether links lead to the values before: those of a new record have none, those of a merge lead into other records.</summary>
        public bool HasBefore => Kind is not (ChangeKind.Create or ChangeKind.Merge) && !Kind.IsTie();
    }
}
