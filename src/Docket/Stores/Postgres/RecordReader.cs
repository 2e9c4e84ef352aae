using System.Collections.Immutable;
using System.Text;
using Docket.ChangeLog;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Reads records and history by sets. Used by many requests at once. Each statement sees one commit; several need no common snapshot,
/// because changes never change, except that a permanent deletion empties them: whatever follows from a record that was read can be
/// read later.
/// </summary>
internal sealed partial class RecordReader(PostgresDatabase database, long portal, SourceNumbers sources)
{
    /// <summary>Archived records read at once, and records whose values are read at once while a search sorts.</summary>
    const int ReadAtOnce = 500;

    // The survivors of merged records, active or, with the bit of $3, archived.
    const string BySurvivor = $"""
        SELECT k.key, {RecordRows.Columns} FROM unnest($2::bigint[]) k(key)
        CROSS JOIN LATERAL (SELECT survivor FROM forward f WHERE f.portal = $1 AND f.record = k.key LIMIT 1) f
        CROSS JOIN LATERAL (SELECT * FROM record r WHERE r.portal = $1 AND r.key = f.survivor | $3 LIMIT 1) r
        """;

    /// <summary>The first $4 records with a key from $2 to $3. With a limit known to the planner it would read and sort the whole range of a portal that it has no statistics of.</summary>
    public const string Range = $"SELECT {RecordRows.Columns} FROM record r WHERE r.portal = $1 AND r.key BETWEEN $2 AND $3 ORDER BY r.key LIMIT (SELECT $4)";

    // Each of $2 is the newest change of a record.
    const string NewestChanges = """
        WITH RECURSIVE chain AS (
          SELECT k.n, 1 AS depth, c.* FROM unnest($2::bigint[]) WITH ORDINALITY k(sequence, n)
          CROSS JOIN LATERAL (SELECT sequence, previous, time, source FROM change c WHERE c.portal = $1 AND c.sequence = k.sequence LIMIT 1) c
          UNION ALL
          SELECT chain.n, chain.depth + 1, c.* FROM chain
          CROSS JOIN LATERAL (SELECT sequence, previous, time, source FROM change c WHERE c.portal = $1 AND c.sequence = chain.previous LIMIT 1) c WHERE chain.depth < $3
        )
        SELECT n, time, source FROM chain ORDER BY n, sequence DESC
        """;

    /// <summary>Some changes, in any order.</summary>
    public const string ChangesOf = """
        SELECT c.sequence, c.record, c.kind, c.time, c.source, c.content FROM unnest($2::bigint[]) k(sequence)
        CROSS JOIN LATERAL (SELECT * FROM change c WHERE c.portal = $1 AND c.sequence = k.sequence LIMIT 1) c
        """;

    readonly PortalReads reads = new(database, portal, sources);

    /// <summary>The reads of one request.</summary>
    public ISnapshot Snapshot(CancellationToken cancellation) => new Request(this, cancellation);

    public async ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived, CancellationToken cancellation)
    {
        long[] asked = [.. ids.Where(IsId).Distinct()];
        var found = (await reads.ListAsync(ReadRecord, RecordLookup.ByKey, [Keys(type, asked, archived)], cancellation)).ToDictionary(record => record.Id);
        if (found.Count < asked.Length)
        {
            var survivors = await reads.ListAsync(
                row => (Id: RecordKey.IdOf(row.GetInt64(0)), Record: RecordRows.Read(row, sources, 1)), BySurvivor,
                [Keys(type, asked.Where(id => !found.ContainsKey(id)), archived: false), PortalSession.Value(RecordKey.Of(0, 0, archived))], cancellation);
            survivors.ForEach(survivor => found.TryAdd(survivor.Id, survivor.Record));
        }

        return [.. ids.Select(found.GetValueOrDefault)];
    }

    public async ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values, CancellationToken cancellation)
    {
        var found = new Record?[values.Length];
        var rows = await reads.ListAsync(
            row => (Place: (int)row.GetInt64(0) - 1, Record: RecordRows.Read(row, sources, 1)), RecordLookup.ByUnique,
            [PortalSession.Value(values.Select(_ => key.ClaimedAs.Number).ToArray()), PortalSession.Value(values.Select(value => value.ToArray()).ToArray())], cancellation);
        rows.ForEach(row => found[row.Place] = row.Record);
        return [.. found];
    }

    public async ValueTask<ImmutableArray<TiePage>> TiesAsync(
        ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? asOf, CancellationToken cancellation)
    {
        if (asOf is not { } time)
        {
            return [.. (await ListTiesAsync(from, records, types, limit, null, cancellation)).Select(list => new TiePage(
                [.. list.Known.Take(limit).Select(tie => new Tie(RecordKey.IdOf(tie.Other), tie.Types))], list.IsLast && list.Known.Count <= limit))];
        }

        // Goes on with those lists that are not full without the records that were not active then.
        var wereActive = await ActiveAtAsync([.. records.Where(record => IsId(record.Id)).Select(record => RecordKey.Of(from, record.Id, archived: false))], time, cancellation);
        var (found, last) = (records.Select(_ => new List<Tie>()).ToArray(), new bool[records.Length]);
        var open = Enumerable.Range(0, records.Length).Where(place => IsId(records[place].Id) && wereActive.Contains(RecordKey.Of(from, records[place].Id, archived: false))).Select(place => (Place: place, records[place].After)).ToList();
        Array.Fill(last, true);
        while (open.Count > 0)
        {
            var lists = await ListTiesAsync(from, [.. open.Select(each => (records[each.Place].Id, each.After))], types, limit, time, cancellation);
            var active = await ActiveAtAsync([.. lists.SelectMany(list => list.Known.Select(tie => tie.Other)).Distinct()], time, cancellation);
            foreach (var ((place, _), (known, isLast)) in open.Zip(lists))
            {
                found[place].AddRange(known.Where(tie => active.Contains(tie.Other)).Select(tie => new Tie(RecordKey.IdOf(tie.Other), tie.Types)));
                last[place] = isLast;
            }

            open = [.. open.Zip(lists, (each, list) => (each.Place, After: list.Known.Count == 0 ? 0 : RecordKey.IdOf(list.Known[^1].Other))).Where(each => !last[each.Place] && found[each.Place].Count <= limit)];
        }

        return [.. found.Select((ties, place) => new TiePage([.. ties.Take(limit)], last[place] && ties.Count <= limit))];
    }

    // Each question is a record and a type.
    async ValueTask<(List<(long Other, ImmutableArray<int> Types)> Known, bool IsLast)[]> ListTiesAsync(
        ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? time, CancellationToken cancellation)
    {
        var asked = records.SelectMany((record, place) => IsId(record.Id) ? types.Select(type => (place, record, type.Number)) : []).ToArray();
        var rows = asked.Length == 0 ? [] : await reads.ListAsync(
            row => (Question: (int)row.GetInt64(0) - 1, Other: row.GetInt64(1)), time is null ? TieTable.List : TieTable.ListPast,
            [
                PortalSession.Value(asked.Select(question => RecordKey.Of(from, question.record.Id, archived: false)).ToArray()),
                PortalSession.Value(asked.Select(question => question.Number).ToArray()),
                PortalSession.Value(asked.Select(question => RecordKey.Of(types[0].To, question.record.After, archived: false)).ToArray()),
                PortalSession.Value(limit + 1L),
                .. time is { } then ? (NpgsqlParameter[])[PortalSession.Value(then)] : [],
            ],
            cancellation);
        var found = rows.ToLookup(row => asked[row.Question].place);
        return [.. records.Select((_, place) => TieLists.Merge(found[place].GroupBy(row => asked[row.Question].Number, row => row.Other).Select(list => (list.Key, list.ToList())), limit))];
    }

    public async ValueTask<ImmutableArray<long>> FindHoldersAsync(ObjectType type, Property key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        var ids = ImmutableArray.CreateBuilder<long>();
        if ((await FindAsync(key, [value], cancellation))[0] is { } active)
        {
            ids.Add(active.Id);
        }

        for (var page = await ListAsync(type, 0, ReadAtOnce, archived: true, cancellation); page is [.., var last]; page = await ListAsync(type, last.Id + 1, ReadAtOnce, archived: true, cancellation))
        {
            ids.AddRange(page.Where(record => Claims.Include(record.Values, key, value.Span)).Select(record => record.Id));
        }

        return ids.DrainToImmutable();
    }

    async ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived, CancellationToken cancellation) =>
        [.. await reads.ListAsync(
            ReadRecord, Range,
            [PortalSession.Value(RecordKey.Of(type, Math.Clamp(from, 0, RecordKey.IdMax), archived)), PortalSession.Value(RecordKey.Of(type, RecordKey.IdMax, archived)), PortalSession.Value((long)limit)], cancellation)];

    async ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit, CancellationToken cancellation)
    {
        var histories = await HistoriesAsync(records, properties, limit, cancellation);
        var newest = records.Select(_ => ImmutableArray.CreateBuilder<HistoryEntry>()).ToArray();
        if (changes && limit > 0)
        {
            var rows = await reads.ListAsync(
                row => (Place: (int)row.GetInt64(0) - 1, Entry: new HistoryEntry("", row.GetInt64(1), sources.Find(row.GetInt32(2)))), NewestChanges,
                [PortalSession.Value(records.Select(record => record.LastChange).ToArray()), PortalSession.Value(limit)], cancellation);
            rows.ForEach(row => newest[row.Place].Add(row.Entry));
        }

        return [.. histories.Zip(newest, (history, entries) => new RecordPast(history, entries.DrainToImmutable()))];
    }

    // Follows the links of all properties of all records at the same time: each round reads the changes that set the next values, and a
    // change that set several values is read once.
    async ValueTask<ImmutableArray<ImmutableArray<ImmutableArray<HistoryEntry>>>> HistoriesAsync(
        ImmutableArray<Record> records, ImmutableArray<Property> properties, int limit, CancellationToken cancellation)
    {
        var (entries, read) = (records.Select(_ => properties.Select(_ => new List<HistoryEntry>()).ToArray()).ToArray(), new Dictionary<(long Sequence, int Property), SetValue>());
        var next = new List<(int Record, int Property, long Sequence)>();
        for (var i = 0; limit > 0 && i < records.Length; i++)
        {
            for (var j = 0; j < properties.Length; j++)
            {
                var stored = new ValueReader(records[i].Values.Span);
                if (stored.Seek(properties[j].Number))
                {
                    next.Add((i, j, records[i].FirstChange + stored.Link));
                }
            }
        }

        while (next.Count > 0)
        {
            var rows = await reads.ListAsync(
                row => SetValues(row, properties), ChangesOf, [PortalSession.Value(next.Select(each => each.Sequence).Distinct().ToArray())], cancellation);
            foreach (var row in rows.SelectMany(row => row))
            {
                read[(row.Sequence, row.Property)] = row;
            }

            var later = new List<(int Record, int Property, long Sequence)>();
            foreach (var (record, property, from) in next)
            {
                // A value that was read before is used at once. One that isn't there was permanently deleted in the meantime.
                var (of, sequence) = (entries[record][property], from);
                while (sequence > 0 && read.TryGetValue((sequence, property), out var set))
                {
                    of.Add(set.Entry);
                    sequence = set.Link == 0 || of.Count == limit ? 0 : sequence - set.Link;
                    if (sequence > 0 && !read.ContainsKey((sequence, property)))
                    {
                        later.Add((record, property, sequence));
                        break;
                    }
                }
            }

            next = later;
        }

        return [.. entries.Select(record => record.Select(of => of.ToImmutableArray()).ToImmutableArray())];
    }

    List<SetValue> SetValues(NpgsqlDataReader row, ImmutableArray<Property> properties)
    {
        var (set, sequence, time, source, content) = (new List<SetValue>(), row.GetInt64(0), row.GetInt64(3), sources.Find(row.GetInt32(4)), row.GetFieldValue<byte[]>(5));
        for (var i = 0; i < properties.Length; i++)
        {
            var values = new ValueReader(content);
            if (values.Seek(properties[i].Number))
            {
                set.Add(new(sequence, i, new(Encoding.UTF8.GetString(values.Value), time, source), values.Link));
            }
        }

        return set;
    }

    Record ReadRecord(NpgsqlDataReader row) => RecordRows.Read(row, sources);

    static bool IsId(long id) => id is >= 0 and <= RecordKey.IdMax;

    static NpgsqlParameter Keys(ObjectType type, IEnumerable<long> ids, bool archived) => PortalSession.Value(ids.Select(id => RecordKey.Of(type, id, archived)).ToArray());

    /// <summary>A value that a change set; the property by its place in the request.</summary>
    readonly record struct SetValue(long Sequence, int Property, HistoryEntry Entry, long Link);

    sealed class Request(RecordReader reader, CancellationToken cancellation) : ISnapshot
    {
        public ValueTask<ImmutableArray<Record?>> FindAsync(ObjectType type, ImmutableArray<long> ids, bool archived) => reader.FindAsync(type, ids, archived, cancellation);

        public ValueTask<ImmutableArray<Record?>> FindAsync(Property key, ImmutableArray<ReadOnlyMemory<byte>> values) => reader.FindAsync(key, values, cancellation);

        public ValueTask<ImmutableArray<Record>> ListAsync(ObjectType type, long from, int limit, bool archived) => reader.ListAsync(type, from, limit, archived, cancellation);

        public ValueTask<ImmutableArray<TiePage>> TiesAsync(ObjectType from, ImmutableArray<(long Id, long After)> records, ImmutableArray<AssociationType> types, int limit, long? asOf = null) =>
            reader.TiesAsync(from, records, types, limit, asOf, cancellation);

        public ValueTask<ImmutableArray<RecordPast>> PastsAsync(ImmutableArray<Record> records, ImmutableArray<Property> properties, bool changes, int limit) =>
            reader.PastsAsync(records, properties, changes, limit, cancellation);
    }
}
