using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Finds the records and owners that the batches of a transaction name. What all batches certainly need is read at once, at the start;
/// the rest when it is asked for. What the transaction writes is known here before the database has it.
/// </summary>
internal sealed class RecordLookup(PortalSession session, long portal, SourceNumbers sources) : IRecordLookup
{
    // LATERAL … LIMIT 1 asks the primary key for each value, whatever the planner knows of the table; joins and = ANY read the whole
    // portal as long as there are no statistics (docs/internals/decisions.md, PostgreSQL).
    public const string ByUnique = $"""
        SELECT k.n, {RecordRows.Columns} FROM unnest($2::int[], $3::bytea[]) WITH ORDINALITY k(p, v, n)
        CROSS JOIN LATERAL (SELECT record FROM unique_value u WHERE u.portal = $1 AND u.property = k.p AND u.value = k.v LIMIT 1) u
        CROSS JOIN LATERAL (SELECT * FROM record r WHERE r.portal = $1 AND r.key = u.record LIMIT 1) r
        """;

    public const string ByKey = $"""
        SELECT {RecordRows.Columns} FROM unnest($2::bigint[]) k(key) CROSS JOIN LATERAL (SELECT * FROM record r WHERE r.portal = $1 AND r.key = k.key LIMIT 1) r
        """;

    /// <summary>Who has each unique value.</summary>
    public const string Owners = """
        SELECT k.n, u.record FROM unnest($2::int[], $3::bytea[]) WITH ORDINALITY k(p, v, n)
        CROSS JOIN LATERAL (SELECT record FROM unique_value u WHERE u.portal = $1 AND u.property = k.p AND u.value = k.v LIMIT 1) u
        """;

    readonly Dictionary<long, Record?> records = [];
    readonly Dictionary<HeldValue, long?> holders = [];
    readonly List<HeldValue> wantedRecords = [], wantedOwners = [];
    readonly List<long> wantedKeys = [];

    /// <summary>Asks for what the batches of a transaction certainly need.</summary>
    public void Ask(IReadOnlyList<WriteBatch> batches)
    {
        records.Clear();
        holders.Clear();
        wantedRecords.Clear();
        wantedOwners.Clear();
        wantedKeys.Clear();
        foreach (var batch in batches)
        {
            foreach (var input in batch.Inputs)
            {
                if (!input.Skipped)
                {
                    Want(batch, input);
                }
            }
        }

        if (wantedRecords.Count > 0)
        {
            AskFor(ByUnique, wantedRecords);
        }

        if (wantedOwners.Count > 0)
        {
            AskFor(Owners, wantedOwners);
        }

        if (wantedKeys.Count > 0)
        {
            session.Ask(ByKey, PortalSession.Value(portal), PortalSession.Value(wantedKeys.ToArray()));
        }
    }

    /// <summary>Reads the answers, from the next result of the reader on.</summary>
    public void Read(NpgsqlDataReader rows)
    {
        if (wantedRecords.Count > 0)
        {
            rows.NextResult();
            while (rows.Read())
            {
                var key = rows.GetInt64(1);
                holders[wantedRecords[(int)rows.GetInt64(0) - 1]] = key;
                records[key] = RecordRows.Read(rows, sources, 1);
            }
        }

        if (wantedOwners.Count > 0)
        {
            rows.NextResult();
            while (rows.Read())
            {
                holders[wantedOwners[(int)rows.GetInt64(0) - 1]] = rows.GetInt64(1);
            }
        }

        if (wantedKeys.Count > 0)
        {
            rows.NextResult();
            while (rows.Read())
            {
                records[rows.GetInt64(0)] = RecordRows.Read(rows, sources);
            }
        }
    }

    /// <summary>Reads the records that updates name by their ids and that aren't known yet, in one round trip: those of what follows from other writes.</summary>
    public void Fetch(WriteBatch batch)
    {
        wantedKeys.Clear();
        foreach (var input in batch.Inputs)
        {
            if (batch.Kind == WriteKind.Update && input is { Skipped: false, Key: null } && Record.ParseId(input.KeyValue.Span) is { } id and <= RecordKey.IdMax
                && records.TryAdd(RecordKey.Of(batch.Schema.Type, id, archived: false), null))
            {
                wantedKeys.Add(RecordKey.Of(batch.Schema.Type, id, archived: false));
            }
        }

        if (wantedKeys.Count > 0)
        {
            foreach (var (key, record) in session.List(row => (row.GetInt64(0), RecordRows.Read(row, sources)), ByKey, PortalSession.Value(portal), PortalSession.Value(wantedKeys.ToArray())))
            {
                records[key] = record;
            }
        }
    }

    /// <summary>Reads records, in one round trip, and remembers none of them.</summary>
    public List<Record> Read(long[] keys)
    {
        var unknown = keys.Where(key => !records.ContainsKey(key)).ToArray();
        return
        [
            .. keys.Select(key => records.GetValueOrDefault(key)).OfType<Record>(),
            .. unknown.Length == 0 ? [] : session.List(row => RecordRows.Read(row, sources), ByKey, PortalSession.Value(portal), PortalSession.Value(unknown)),
        ];
    }

    public Record? FindId(ObjectType type, long id, bool archived) => id is < 0 or > RecordKey.IdMax ? null : FindKey(RecordKey.Of(type, id, archived));

    public Record? FindUnique(Property property, ReadOnlyMemory<byte> value) => FindHolder(HeldValue.Of(property, value)) is { } key ? FindKey(key) : null;

    public long? FindOwner(Property property, ReadOnlyMemory<byte> value) => FindHolder(HeldValue.Of(property, value)) is { } key ? RecordKey.IdOf(key) : null;

    public long? FindSurvivor(ObjectType type, long id) => id is < 0 or > RecordKey.IdMax ? null : session.Find(
        row => (long?)RecordKey.IdOf(row.GetInt64(0)), "SELECT survivor FROM forward WHERE portal = $1 AND record = $2",
        PortalSession.Value(portal), PortalSession.Value(RecordKey.Of(type, id, archived: false)));

    /// <summary>The key of the record that has a unique value, also if the open transaction gave it.</summary>
    public long? FindHolder(HeldValue value)
    {
        if (!holders.TryGetValue(value, out var holder))
        {
            holders[value] = holder = session.Find(
                row => (long?)row.GetInt64(0), "SELECT record FROM unique_value WHERE portal = $1 AND property = $2 AND value = $3",
                PortalSession.Value(portal), PortalSession.Value(value.Property), PortalSession.Value(value.Value.ToArray()));
        }

        return holder;
    }

    /// <summary>Remembers what the open transaction made of a record; <c>null</c> for none.</summary>
    public void Set(long key, Record? record) => records[key] = record;

    /// <summary>Remembers who has a unique value in the open transaction.</summary>
    public void Set(HeldValue value, long? holder) => holders[value] = holder;

    void Want(WriteBatch batch, in CheckedInput input)
    {
        if (batch.Kind != WriteKind.Create)
        {
            if (input.Key is { } key)
            {
                Want(wantedRecords, HeldValue.Of(key, input.KeyValue));
            }
            else if (Record.ParseId(input.KeyValue.Span) is { } id and <= RecordKey.IdMax && records.TryAdd(RecordKey.Of(batch.Schema.Type, id, archived: false), null))
            {
                wantedKeys.Add(RecordKey.Of(batch.Schema.Type, id, archived: false));
            }
        }

        foreach (var value in input.Values)
        {
            foreach (var claim in Claims.Of(value.Property, value.Value))
            {
                Want(wantedOwners, HeldValue.Of(claim.Property!, claim.Value));
            }
        }
    }

    // What isn't among the answers doesn't exist.
    void Want(List<HeldValue> wanted, HeldValue value)
    {
        if (holders.TryAdd(value, null))
        {
            wanted.Add(value);
        }
    }

    void AskFor(string sql, List<HeldValue> values) => session.Ask(
        sql, PortalSession.Value(portal), PortalSession.Value(values.Select(value => value.Property).ToArray()), PortalSession.Value(values.Select(value => value.Value.ToArray()).ToArray()));

    Record? FindKey(long key)
    {
        if (!records.TryGetValue(key, out var record))
        {
            records[key] = record = session.Find(
                row => RecordRows.Read(row, sources), ByKey, PortalSession.Value(portal), PortalSession.Value(new[] { key }));
        }

        return record;
    }
}
