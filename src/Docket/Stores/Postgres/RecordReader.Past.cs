using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores.Postgres;

// Reads from changes: how records were in the past.
internal sealed partial class RecordReader
{
    // Active or archived: both keys have the same id. Nearly always the first one finds it.
    const string Current = $"""
        SELECT {RecordRows.Columns} FROM unnest($2::bigint[]) k(key) CROSS JOIN LATERAL (
          SELECT * FROM record r WHERE r.portal = $1 AND r.key = k.key UNION ALL SELECT * FROM record r WHERE r.portal = $1 AND r.key = k.key | $3 LIMIT 1) r
        """;

    // Of a merged record the change that ended it, and the record that a merge made of it. The order of a merge's three changes: see ChangeKind.Merge.
    const string MergedAway = """
        SELECT k.key, c.sequence, c.time, c.previous, c.content, s.record FROM unnest($2::bigint[]) k(key)
        CROSS JOIN LATERAL (SELECT change FROM forward f WHERE f.portal = $1 AND f.record = k.key LIMIT 1) f
        CROSS JOIN LATERAL (SELECT * FROM change c WHERE c.portal = $1 AND c.sequence = f.change LIMIT 1) c
        CROSS JOIN LATERAL (SELECT record FROM change s WHERE s.portal = $1 AND s.sequence BETWEEN f.change + 1 AND f.change + 2 AND s.kind = 5 LIMIT 1) s
        """;

    // Back from the newest changes of records, $2, to the first that is not after a point, or to the record's creation.
    const string BackTo = """
        WITH RECURSIVE chain AS (
          SELECT k.n, c.* FROM unnest($2::bigint[]) WITH ORDINALITY k(sequence, n)
          CROSS JOIN LATERAL (SELECT sequence, previous, kind, time, content FROM change c WHERE c.portal = $1 AND c.sequence = k.sequence LIMIT 1) c
          UNION ALL
          SELECT chain.n, c.* FROM chain
          CROSS JOIN LATERAL (SELECT sequence, previous, kind, time, content FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c
          WHERE (chain.sequence > $3 OR chain.time > $4) AND chain.kind NOT IN (1, 5)
        )
        SELECT n, sequence, kind, time, content FROM chain ORDER BY n, sequence DESC
        """;

    // Those of the records $2 that were active at the time $4. The newest change of each is that of its row, or of one without a row the
    // last that the index change_gone finds.
    const string ActiveAt = """
        WITH RECURSIVE chain AS (
          SELECT k.key, c.* FROM unnest($2::bigint[]) k(key)
          CROSS JOIN LATERAL (SELECT max(change) AS change FROM (
            SELECT change FROM record r WHERE r.portal = $1 AND r.key = k.key UNION ALL SELECT change FROM record r WHERE r.portal = $1 AND r.key = k.key | $3
            UNION ALL SELECT sequence FROM change c WHERE c.portal = $1 AND c.record = k.key AND c.kind IN (6, 7)) l) l
          CROSS JOIN LATERAL (SELECT previous, kind, time FROM change c WHERE c.portal = $1 AND c.sequence = l.change LIMIT 1) c
          UNION ALL
          SELECT chain.key, c.* FROM chain
          CROSS JOIN LATERAL (SELECT previous, kind, time FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c
          WHERE chain.time > $4 AND chain.kind NOT IN (1, 5)
        )
        SELECT key FROM chain WHERE time <= $4 AND kind NOT IN (3, 6, 7)
        """;

    /// <summary>Finds a record as it was.</summary>
    public async ValueTask<Record?> FindAsOfAsync(ObjectType type, long id, long time, Property? createDate, CancellationToken cancellation) =>
        (await FindAsOfAsync(type, [id], new(long.MaxValue, time), createDate, cancellation))[0];

    /// <summary>Finds records as they were after a change, without those permanently deleted since then.</summary>
    public async ValueTask<ImmutableArray<Record>> FindAtAsync(ObjectType type, ImmutableArray<long> ids, long sequence, Property? createDate, CancellationToken cancellation) =>
        [.. (await FindAsOfAsync(type, ids, new(sequence, long.MaxValue), createDate, cancellation)).OfType<Record>()];

    /// <summary>Which records were active at a time. All are keys of active records.</summary>
    async ValueTask<HashSet<long>> ActiveAtAsync(long[] keys, long time, CancellationToken cancellation) => keys.Length == 0 ? [] :
        [.. await reads.ListAsync(row => row.GetInt64(0), ActiveAt, [PortalSession.Value(keys), PortalSession.Value(RecordKey.Of(0, 0, archived: true)), PortalSession.Value(time)], cancellation)];

    async ValueTask<Record?[]> FindAsOfAsync(ObjectType type, ImmutableArray<long> ids, Point point, Property? createDate, CancellationToken cancellation)
    {
        var (found, pasts) = (new Record?[ids.Length], new List<Past>());
        var wanted = ids.Select((id, place) => (Place: place, Id: id)).Where(each => IsId(each.Id)).ToList();
        while (wanted.Count > 0)
        {
            var current = (await reads.ListAsync(ReadRecord, Current, [Keys(type, wanted.Select(each => each.Id).Distinct(), archived: false), PortalSession.Value(RecordKey.Of(0, 0, archived: true))], cancellation))
                .ToDictionary(record => record.Id);
            var gone = new List<(int Place, long Id)>();
            foreach (var (place, id) in wanted)
            {
                if (!current.TryGetValue(id, out var record))
                {
                    gone.Add((place, id));
                }
                else if (point.Time == long.MaxValue && record.LastChange <= point.Sequence)
                {
                    found[place] = record;
                }
                else
                {
                    pasts.Add(new(place, id, record.LastChange, Setters.Of(record)));
                }
            }

            wanted.Clear();
            var merged = gone.Count == 0 ? [] : (await reads.ListAsync(
                row => (Id: RecordKey.IdOf(row.GetInt64(0)), Sequence: row.GetInt64(1), Time: row.GetInt64(2), Previous: row.GetInt64(3), Content: row.GetFieldValue<byte[]>(4), Survivor: RecordKey.IdOf(row.GetInt64(5))),
                MergedAway, [Keys(type, gone.Select(each => each.Id).Distinct(), archived: false)], cancellation)).ToDictionary(row => row.Id);
            foreach (var (place, id) in gone)
            {
                if (!merged.TryGetValue(id, out var away))
                {
                    continue;
                }

                if (point.IsBefore(away.Sequence, away.Time))
                {
                    pasts.Add(new(place, id, away.Previous, Setters.Before([], away.Sequence, away.Content)));
                }
                else
                {
                    wanted.Add((place, away.Survivor));
                }
            }
        }

        if (pasts.Count > 0)
        {
            await GoBackAsync(pasts, point, cancellation);
            pasts.RemoveAll(past => point.IsBefore(past.Newest.Sequence, past.Newest.Time)); // didn't exist yet
            await ReadValuesAsync(pasts, cancellation);
            pasts.ForEach(past => found[past.Place] = past.Finish(createDate));
        }

        return found;
    }

    // To the changes that were the newest ones then. Each later change names the changes that had set its values before.
    async ValueTask GoBackAsync(List<Past> pasts, Point point, CancellationToken cancellation) => await reads.ListAsync(
        row =>
        {
            var past = pasts[(int)row.GetInt64(0) - 1];
            past.Newest = (row.GetInt64(1), row.GetInt64(3), (ChangeKind)row.GetInt16(2));
            if (point.IsBefore(past.Newest.Sequence, past.Newest.Time))
            {
                Setters.Before(past.Setters, past.Newest.Sequence, row.GetFieldValue<byte[]>(4));
            }

            return true;
        },
        BackTo, [PortalSession.Value(pasts.Select(past => past.LastChange).ToArray()), PortalSession.Value(point.Sequence), PortalSession.Value(point.Time)], cancellation);

    // The values from the changes that set them, and from the records' first changes their origin.
    async ValueTask ReadValuesAsync(List<Past> pasts, CancellationToken cancellation)
    {
        var setters = pasts.SelectMany(past => past.Setters.Select(setter => (Sequence: setter.Value, Number: setter.Key, Past: past))).ToLookup(setter => setter.Sequence);
        await reads.ListAsync(
            row =>
            {
                var content = row.GetFieldValue<byte[]>(5);
                foreach (var (_, number, past) in setters[row.GetInt64(0)])
                {
                    var values = new ValueReader(content);
                    if (values.Seek(number)) // unless it was permanently deleted in the meantime
                    {
                        past.Values[number] = values.Value.ToArray();
                    }
                }

                return true;
            },
            ChangesOf, [PortalSession.Value(setters.Select(setter => setter.Key).ToArray())], cancellation);

        // For a merged record, those of its primary record, whose last change is the one before the merge.
        var firsts = pasts.Select(past => (Past: past, First: past.Id - Record.IdBase)).ToList();
        while (firsts.Count > 0)
        {
            var rows = (await reads.ListAsync(
                row => (Sequence: row.GetInt64(0), Id: RecordKey.IdOf(row.GetInt64(1)), Kind: (ChangeKind)row.GetInt16(2), Time: row.GetInt64(3), Source: sources.Find(row.GetInt32(4))),
                ChangesOf, [PortalSession.Value(firsts.SelectMany(each => (long[])[each.First, each.First - 1]).Distinct().ToArray())], cancellation)).ToDictionary(row => row.Sequence);
            var later = new List<(Past, long)>();
            foreach (var (past, first) in firsts)
            {
                var row = rows[first];
                if (row.Kind == ChangeKind.Merge)
                {
                    later.Add((past, rows[first - 1].Id - Record.IdBase));
                }
                else
                {
                    past.Origin = (row.Time, row.Source);
                }
            }

            firsts = later;
        }
    }

    /// <summary>A record on the way back to a point.</summary>
    sealed class Past(int place, long id, long lastChange, SortedDictionary<int, long> setters)
    {
        public int Place => place;

        public long Id => id;

        public long LastChange => lastChange;

        /// <summary>Which change set each value.</summary>
        public SortedDictionary<int, long> Setters => setters;

        /// <summary>The newest change then.</summary>
        public (long Sequence, long Time, ChangeKind Kind) Newest { get; set; } = (long.MaxValue, long.MaxValue, default);

        public Dictionary<int, byte[]> Values { get; } = [];

        /// <summary>When and by whom it was created.</summary>
        public (long Time, Source Source) Origin { get; set; }

        public Record Finish(Property? createDate)
        {
            var (first, createdAt, values) = (id - Record.IdBase, Origin.Time, new ValueWriter());
            foreach (var (number, setter) in setters)
            {
                if (Values.TryGetValue(number, out var value))
                {
                    values.Add(number, setter - first, value);
                    createdAt = number == createDate?.Number ? Instant.Parse(value) ?? createdAt : createdAt;
                }
            }

            return new(id, createdAt, Newest.Time, Newest.Kind == ChangeKind.Archive ? Newest.Time : null, Origin.Source, first, Newest.Sequence, values.Take());
        }
    }
}
