using System.Collections.Immutable;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores.Postgres;

/// <summary>The associations of records, as the transactions of a portal's writer find and write them: a row for each side.</summary>
internal sealed class TieTable(PortalSession session, long portal)
{
    /// <summary>The records that each record of $2 is associated with by the type of $3, after that of $4; at most $5 of each, without archived ones.</summary>
    public const string List = """
        SELECT k.n, a.other FROM unnest($2::bigint[], $3::int[], $4::bigint[]) WITH ORDINALITY k(record, type, after, n)
        CROSS JOIN LATERAL (SELECT other FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type AND a.other > k.after
          AND EXISTS (SELECT 1 FROM record r WHERE r.portal = $1 AND r.key = a.other) ORDER BY a.other LIMIT (SELECT $5)) a
        ORDER BY k.n, a.other
        """;

    /// <summary>The same as of the time $6, also of records that were not active then.</summary>
    public const string ListPast = """
        SELECT k.n, a.other FROM unnest($2::bigint[], $3::int[], $4::bigint[]) WITH ORDINALITY k(record, type, after, n)
        CROSS JOIN LATERAL (SELECT other FROM (
          (SELECT a.other FROM association a CROSS JOIN LATERAL (SELECT time FROM change c WHERE c.portal = $1 AND c.sequence = a.change LIMIT 1) c
            WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type AND a.other > k.after AND c.time <= $6 ORDER BY a.other LIMIT (SELECT $5))
          UNION
          (SELECT DISTINCT a.other FROM association_past a CROSS JOIN LATERAL (SELECT time FROM change c WHERE c.portal = $1 AND c.sequence = a.since LIMIT 1) s
            CROSS JOIN LATERAL (SELECT time FROM change c WHERE c.portal = $1 AND c.sequence = a.until LIMIT 1) u
            WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type AND a.other > k.after AND s.time <= $6 AND u.time > $6 ORDER BY a.other LIMIT (SELECT $5))) a
          ORDER BY other LIMIT (SELECT $5)) a
        ORDER BY k.n, a.other
        """;

    /// <summary>Whether the record $2 is associated after the change $4 by one of the types $3: with the record $5, or with any if that is 0.</summary>
    public const string Tied = """
        SELECT 1 FROM unnest($3::int[]) k(type) CROSS JOIN LATERAL (
          (SELECT 1 FROM association a WHERE a.portal = $1 AND a.record = $2 AND a.type = k.type AND a.change <= $4 AND ($5 = 0 OR a.other = $5) LIMIT 1)
          UNION ALL
          (SELECT 1 FROM association_past a WHERE a.portal = $1 AND a.record = $2 AND a.type = k.type AND a.since <= $4 AND a.until > $4 AND ($5 = 0 OR a.other = $5) LIMIT 1)) a LIMIT 1
        """;

    /// <summary>The next $5 associations of a portal, as they were after the change $6, after the row of $2, $3 and $4.</summary>
    public const string Page = """
        SELECT record, type, other FROM (
          (SELECT record, type, other FROM association a WHERE a.portal = $1 AND (a.record, a.type, a.other) > ($2, $3, $4) AND a.change <= $6 ORDER BY a.record, a.type, a.other LIMIT (SELECT $5))
          UNION ALL
          (SELECT record, type, other FROM association_past a WHERE a.portal = $1 AND (a.record, a.type, a.other) > ($2, $3, $4) AND a.since <= $6 AND a.until > $6
            ORDER BY a.record, a.type, a.other LIMIT (SELECT $5))) a
        ORDER BY record, type, other LIMIT (SELECT $5)
        """;

    const string Existing = """
        SELECT k.n FROM unnest($2::bigint[]) WITH ORDINALITY k(key, n) CROSS JOIN LATERAL (SELECT 1 FROM record r WHERE r.portal = $1 AND r.key = k.key LIMIT 1) r
        """;

    const string Between = """
        SELECT k.n FROM unnest($2::bigint[], $3::int[], $4::bigint[]) WITH ORDINALITY k(record, type, other, n)
        CROSS JOIN LATERAL (SELECT 1 FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type AND a.other = k.other LIMIT 1) a
        """;

    const string First = """
        SELECT k.record, a.other FROM unnest($2::bigint[]) k(record)
        CROSS JOIN LATERAL (SELECT other FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = $3 ORDER BY a.other LIMIT 1) a
        """;

    // At most $4 active records of each.
    const string Counted = """
        SELECT k.n, a.others FROM unnest($2::bigint[], $3::int[], $4::bigint[]) WITH ORDINALITY k(record, type, most, n)
        CROSS JOIN LATERAL (SELECT count(*) AS others FROM (SELECT 1 FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type
          AND EXISTS (SELECT 1 FROM record r WHERE r.portal = $1 AND r.key = a.other) LIMIT k.most) a) a
        """;

    const string Begin = """
        INSERT INTO association (portal, record, type, other, change) SELECT h.portal, x.* FROM head h, unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[]) x
        WHERE h.portal = $1 ON CONFLICT DO NOTHING
        """;

    const string End = """
        WITH ended AS (
          DELETE FROM association a USING (SELECT q.id, k.until FROM unnest($2::bigint[], $3::int[], $4::bigint[], $5::bigint[]) k(record, type, other, until)
            CROSS JOIN LATERAL (SELECT ctid id FROM association q WHERE q.portal = $1 AND q.record = k.record AND q.type = k.type AND q.other = k.other LIMIT 1) q) x
          WHERE a.portal = $1 AND a.ctid = x.id RETURNING a.portal, a.record, a.type, a.other, a.change, x.until)
        INSERT INTO association_past (portal, record, type, other, since, until) SELECT * FROM ended
        """;

    const string Note = """
        INSERT INTO association_change (portal, record, change) SELECT h.portal, x.* FROM head h, unnest($2::bigint[], $3::bigint[]) x WHERE h.portal = $1
        """;

    /// <summary>The associations of each record of $2, at most $3 of each, also with archived ones.</summary>
    public const string Stored = """
        SELECT k.n, a.type, a.other FROM unnest($2::bigint[]) WITH ORDINALITY k(record, n)
        CROSS JOIN LATERAL (SELECT type, other FROM association a WHERE a.portal = $1 AND a.record = k.record LIMIT (SELECT $3)) a
        """;

    const string Newest = """
        SELECT k.n, a.type, a.other FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY k(record, type, n)
        CROSS JOIN LATERAL (SELECT type, other FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type ORDER BY a.other DESC LIMIT (SELECT $4)) a
        ORDER BY k.n, a.other DESC
        """;

    const string Oldest = """
        SELECT k.n, a.type, a.other FROM unnest($2::bigint[], $3::int[]) WITH ORDINALITY k(record, type, n)
        CROSS JOIN LATERAL (SELECT type, other FROM association a WHERE a.portal = $1 AND a.record = k.record AND a.type = k.type ORDER BY a.other LIMIT (SELECT $4)) a
        ORDER BY k.n, a.other
        """;

    const string Past = """
        SELECT k.n, a.type, a.other FROM unnest($2::bigint[]) WITH ORDINALITY k(record, n)
        CROSS JOIN LATERAL (SELECT type, other FROM association_past a WHERE a.portal = $1 AND a.record = k.record LIMIT (SELECT $3)) a
        """;

    const string Drop = """
        DELETE FROM association a USING (SELECT q.id FROM unnest($2::bigint[], $3::int[], $4::bigint[]) k(record, type, other)
          CROSS JOIN LATERAL (SELECT ctid id FROM association q WHERE q.portal = $1 AND q.record = k.record AND q.type = k.type AND q.other = k.other LIMIT 1) q) x
        WHERE a.portal = $1 AND a.ctid = x.id
        """;

    const string DropPast = """
        DELETE FROM association_past a USING (SELECT q.id FROM unnest($2::bigint[], $3::int[], $4::bigint[]) k(record, type, other)
          CROSS JOIN LATERAL (SELECT ctid id FROM association_past q WHERE q.portal = $1 AND q.record = k.record AND q.type = k.type AND q.other = k.other LIMIT 1000) q) x
        WHERE a.portal = $1 AND a.ctid = x.id
        """;

    readonly Dictionary<(long Record, int Type, long Other), long> begun = [], ended = [];
    readonly List<(long Record, long Change)> noted = [];

    /// <summary>Forgets what a transaction that failed has collected.</summary>
    public void Clear()
    {
        begun.Clear();
        ended.Clear();
        noted.Clear();
    }

    /// <summary>Finds the ids of active records, in one round trip; <c>null</c> for each that doesn't exist.</summary>
    public long?[] Find(IReadOnlyList<TieTarget> targets)
    {
        var found = new long?[targets.Count];
        var byKey = Enumerable.Range(0, targets.Count).Where(at => targets[at].Key is not null).ToArray();
        session.BeforeRead?.Invoke();
        session.Ask(
            Existing, PortalSession.Value(portal),
            PortalSession.Value(targets.Select(target => target.Id is >= 0 and <= RecordKey.IdMax ? RecordKey.Of(target.Type, target.Id, archived: false) : -1).ToArray()));
        session.Ask(
            RecordLookup.Owners, PortalSession.Value(portal), PortalSession.Value(byKey.Select(at => targets[at].Key!.ClaimedAs.Number).ToArray()),
            PortalSession.Value(byKey.Select(at => targets[at].Value.ToArray()).ToArray()));
        using var rows = session.Read();
        while (rows.Read())
        {
            var at = (int)rows.GetInt64(0) - 1;
            found[at] = targets[at].Id;
        }

        rows.NextResult();
        while (rows.Read())
        {
            found[byKey[(int)rows.GetInt64(0) - 1]] = RecordKey.IdOf(rows.GetInt64(1));
        }

        return found;
    }

    /// <summary>What the planner needs to know of a batch, in one round trip.</summary>
    public FoundTies Find(TieBatch batch)
    {
        var count = batch.Inputs.Length;
        var found = new FoundTies(new bool[count], new bool[count], new ImmutableArray<int>[count], []);
        var from = batch.Inputs.Select(input => RecordKey.Of(batch.From, input.From, archived: false)).ToArray();
        var to = batch.Inputs.Select(input => RecordKey.Of(batch.To, input.To, archived: false)).ToArray();
        var pairs = Enumerable.Range(0, count).SelectMany(at => batch.Types.Select(type => (At: at, type.Number))).ToArray();
        session.BeforeRead?.Invoke();
        session.Ask(Existing, PortalSession.Value(portal), PortalSession.Value((long[])[.. from, .. to]));
        session.Ask(
            Between, PortalSession.Value(portal), PortalSession.Value(pairs.Select(pair => from[pair.At]).ToArray()), PortalSession.Value(pairs.Select(pair => pair.Number).ToArray()),
            PortalSession.Value(pairs.Select(pair => to[pair.At]).ToArray()));
        if (batch.Primary is var (primary, isCompanys))
        {
            session.Ask(
                First, PortalSession.Value(portal), PortalSession.Value((isCompanys ? to : from).Distinct().ToArray()), PortalSession.Value(isCompanys ? primary.Inverse : primary.Number));
        }

        var counted = batch.Counted.ToArray();
        if (counted.Length > 0)
        {
            session.Ask(
                Counted, PortalSession.Value(portal), PortalSession.Value(counted.Select(each => RecordKey.Of(each.Of, each.Id, archived: false)).ToArray()),
                PortalSession.Value(counted.Select(each => each.Type).ToArray()), PortalSession.Value(counted.Select(each => each.UpTo).ToArray()));
        }

        using var rows = session.Read();
        while (rows.Read())
        {
            var at = (int)rows.GetInt64(0) - 1;
            (at < count ? found.FromExists : found.ToExists)[at % count] = true;
        }

        rows.NextResult();
        Array.Fill(found.Types, []);
        while (rows.Read())
        {
            var (at, number) = pairs[(int)rows.GetInt64(0) - 1];
            found.Types[at] = found.Types[at].Add(number);
        }

        if (batch.Primary is not null)
        {
            rows.NextResult();
            while (rows.Read())
            {
                found.Companies[RecordKey.IdOf(rows.GetInt64(0))] = RecordKey.IdOf(rows.GetInt64(1));
            }
        }

        if (counted.Length > 0)
        {
            rows.NextResult();
            while (rows.Read())
            {
                var (_, id, type, _) = counted[(int)rows.GetInt64(0) - 1];
                found.Counts[(id, type)] = rows.GetInt64(1);
            }
        }

        return found;
    }

    /// <summary>Some associations of a type, each once.</summary>
    public List<(long From, long To)> With(AssociationType type, int limit) => session.List(
        row => (RecordKey.IdOf(row.GetInt64(0)), RecordKey.IdOf(row.GetInt64(1))),
        "SELECT record, other FROM association a WHERE a.portal = $1 AND a.record BETWEEN $2 AND $3 AND a.type = $4 LIMIT $5",
        PortalSession.Value(portal), PortalSession.Value(RecordKey.Of(type.From, 0, archived: false)), PortalSession.Value(RecordKey.Of(type.From, RecordKey.IdMax, archived: false)),
        PortalSession.Value(type.Number), PortalSession.Value((long)limit));

    /// <summary>All associations of each record, in one round trip.</summary>
    public List<StoredTie>[] Of(long[] records) => Read(Stored, records);

    /// <summary>The associations of each record by some types, up to a number of each, in one round trip.</summary>
    public List<StoredTie>[] Of(long[] records, IReadOnlyList<int> types, int limit, bool oldest)
    {
        var pairs = records.SelectMany((record, place) => types.Select(type => (Place: place, Record: record, Type: type))).ToArray();
        var rows = session.List(
            row => (pairs[(int)row.GetInt64(0) - 1].Place, Tie: new StoredTie(row.GetInt32(1), (RecordKey.TypeOf(row.GetInt64(2)), RecordKey.IdOf(row.GetInt64(2))))), oldest ? Oldest : Newest,
            PortalSession.Value(portal), PortalSession.Value(pairs.Select(pair => pair.Record).ToArray()), PortalSession.Value(pairs.Select(pair => pair.Type).ToArray()),
            PortalSession.Value((long)limit)).ToLookup(row => row.Place, row => row.Tie);
        return [.. records.Select((_, place) => rows[place].ToList())];
    }

    /// <summary>The next active records that a record is associated with: see <see cref="ITransaction.TiesAfter"/>.</summary>
    public TiePage After(long record, ImmutableArray<int> types, long after, int limit)
    {
        var rows = session.List(
            row => (Type: types[(int)row.GetInt64(0) - 1], Other: row.GetInt64(1)), List, PortalSession.Value(portal), PortalSession.Value(types.Select(_ => record).ToArray()),
            PortalSession.Value(types.ToArray()), PortalSession.Value(types.Select(_ => after).ToArray()), PortalSession.Value(limit + 1L)).ToLookup(row => row.Type, row => row.Other);
        var (known, isLast) = TieLists.Merge(rows.Select(list => (list.Key, list.ToList())), limit);
        return new([.. known.Take(limit).Select(tie => new Tie(RecordKey.IdOf(tie.Other), tie.Types))], isLast && known.Count <= limit);
    }

    /// <summary>Removes all traces of a record's associations, on both sides.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="inverse">The number of the other direction of an association type.</param>
    public void Forget(long record, Func<int, int?> inverse)
    {
        foreach (var (drop, read) in (ReadOnlySpan<(string, string)>)[(Drop, Stored), (DropPast, Past)])
        {
            var ties = Read(read, [record])[0].Select(tie => (Record: record, tie.Type, Other: RecordKey.Of(tie.Other.Type, tie.Other.Id, archived: false))).Distinct().ToList();
            (long Record, int Type, long Other)[] rows = [.. ties, .. ties.Where(tie => inverse(tie.Type) is not null).Select(tie => (tie.Other, inverse(tie.Type)!.Value, record))];
            if (rows.Length > 0)
            {
                session.Queue(
                    drop, PortalSession.Value(portal), PortalSession.Value(rows.Select(row => row.Record).ToArray()), PortalSession.Value(rows.Select(row => row.Type).ToArray()),
                    PortalSession.Value(rows.Select(row => row.Other).ToArray()));
            }
        }
    }

    /// <summary>Collects a change of associations for both sides.</summary>
    public void Write(PlannedTie tie)
    {
        var (from, to) = (RecordKey.Of(tie.From.Type, tie.From.Id, archived: false), RecordKey.Of(tie.To.Type, tie.To.Id, archived: false));
        foreach (var type in tie.Types)
        {
            Write(tie, (from, type.Number, to));
            Write(tie, (to, type.Inverse, from));
        }

        noted.AddRange([(from, tie.Sequence), (to, tie.Sequence)]);
    }

    /// <summary>Queues the statements for everything that was collected.</summary>
    public void Flush()
    {
        Queue(End, ended);
        Queue(Begin, begun);
        if (noted.Count > 0)
        {
            session.Queue(Note, PortalSession.Value(portal), PortalSession.Value(noted.Select(row => row.Record).ToArray()), PortalSession.Value(noted.Select(row => row.Change).ToArray()));
        }

        Clear();
    }

    List<StoredTie>[] Read(string sql, long[] records)
    {
        var rows = session.List(
            row => (Place: (int)row.GetInt64(0) - 1, Tie: new StoredTie(row.GetInt32(1), (RecordKey.TypeOf(row.GetInt64(2)), RecordKey.IdOf(row.GetInt64(2))))),
            sql, PortalSession.Value(portal), PortalSession.Value(records), PortalSession.Value(long.MaxValue)).ToLookup(row => row.Place, row => row.Tie);
        return [.. records.Select((_, place) => rows[place].ToList())];
    }

    // Each of the two statements has a row once, so it doesn't matter which of them comes first.
    void Write(PlannedTie tie, (long, int, long) row)
    {
        if (begun.ContainsKey(row) || ended.ContainsKey(row))
        {
            Flush();
        }

        (tie.Kind == ChangeKind.Associate ? begun : ended)[row] = tie.Sequence;
    }

    void Queue(string sql, Dictionary<(long Record, int Type, long Other), long> rows)
    {
        if (rows.Count > 0)
        {
            session.Queue(
                sql, PortalSession.Value(portal), PortalSession.Value(rows.Keys.Select(row => row.Record).ToArray()), PortalSession.Value(rows.Keys.Select(row => row.Type).ToArray()),
                PortalSession.Value(rows.Keys.Select(row => row.Other).ToArray()), PortalSession.Value(rows.Values.ToArray()));
        }
    }
}
