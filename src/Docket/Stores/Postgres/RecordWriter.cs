using System.Collections.Immutable;
using Docket.ChangeLog;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores.Postgres;

/// <summary>Collects the planner's decisions of a transaction, and writes them at its end, one statement for each table.</summary>
internal sealed class RecordWriter(PortalSession session, long portal, SourceNumbers sources, RecordLookup lookup)
{
    // The row of the portal in these statements lets a cluster send them to one node (docs/internals/decisions.md, PostgreSQL).
    const string InsertChanges = """
        INSERT INTO change (portal, sequence, record, previous, kind, time, source, created, origin, trace, content)
        SELECT h.portal, x.* FROM head h, unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[], $7::int[], $8::bigint[], $9::int[], $10::bytea[], $11::bytea[]) x
        WHERE h.portal = $1
        """;

    const string InsertRecords = """
        INSERT INTO record (portal, key, change, created, updated, source, content)
        SELECT h.portal, x.* FROM head h, unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[], $7::bytea[]) x WHERE h.portal = $1
        """;

    // Row ids, because the head is locked: nobody else writes to the portal.
    const string UpdateRecords = """
        UPDATE record r SET change = x.change, created = x.created, updated = x.updated, source = x.source, content = x.content
        FROM (SELECT q.id, k.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::int[], $7::bytea[]) k(key, change, created, updated, source, content)
          CROSS JOIN LATERAL (SELECT ctid id FROM record q WHERE q.portal = $1 AND q.key = k.key LIMIT 1) q) x
        WHERE r.portal = $1 AND r.ctid = x.id
        """;

    const string DeleteRecords = """
        DELETE FROM record r USING (SELECT q.id FROM unnest($2::bigint[]) k(key)
          CROSS JOIN LATERAL (SELECT ctid id FROM record q WHERE q.portal = $1 AND q.key = k.key LIMIT 1) q) x
        WHERE r.portal = $1 AND r.ctid = x.id
        """;

    const string ReleaseValues = """
        DELETE FROM unique_value u USING (SELECT q.id FROM unnest($2::int[], $3::bytea[]) k(p, v)
          CROSS JOIN LATERAL (SELECT ctid id FROM unique_value q WHERE q.portal = $1 AND q.property = k.p AND q.value = k.v LIMIT 1) q) x
        WHERE u.portal = $1 AND u.ctid = x.id
        """;

    const string ClaimValues = "INSERT INTO unique_value (portal, property, value, record) SELECT h.portal, x.* FROM head h, unnest($2::int[], $3::bytea[], $4::bigint[]) x WHERE h.portal = $1";

    const string MoveStages = """
        INSERT INTO stage_use AS s (portal, object_type, stage, records) SELECT h.portal, x.* FROM head h, unnest($2::text[], $3::text[], $4::bigint[]) x WHERE h.portal = $1
        ON CONFLICT (portal, object_type, stage) DO UPDATE SET records = s.records + excluded.records
        """;

    readonly Columns changes = new();
    readonly TieTable ties = new(session, portal);
    readonly ValueWriter tieContent = new();
    readonly Dictionary<long, (Record? Record, bool WasThere)> heads = [];
    readonly Dictionary<HeldValue, (long? Key, bool WasThere)> values = [];
    readonly Dictionary<(string Type, string Stage), long> stages = [];

    /// <summary>Forgets what a transaction that failed has collected.</summary>
    public void Clear()
    {
        changes.Clear();
        heads.Clear();
        values.Clear();
        stages.Clear();
        ties.Clear();
    }

    /// <inheritdoc cref="TieTable.Find(IReadOnlyList{TieTarget})"/>
    public long?[] Find(IReadOnlyList<TieTarget> targets) => ties.Find(targets);

    /// <inheritdoc cref="TieTable.Find(TieBatch)"/>
    public FoundTies Find(TieBatch batch) => ties.Find(batch);

    /// <inheritdoc cref="TieTable.Of(long[])"/>
    public List<StoredTie>[] TiesOf(long[] records) => ties.Of(records);

    /// <inheritdoc cref="TieTable.Of(long[], IReadOnlyList{int}, int, bool)"/>
    public List<StoredTie>[] TiesOf(long[] records, IReadOnlyList<int> types, int limit, bool oldest) => ties.Of(records, types, limit, oldest);

    /// <inheritdoc cref="TieTable.After"/>
    public TiePage TiesAfter(long record, ImmutableArray<int> types, long after, int limit) => ties.After(record, types, after, limit);

    /// <inheritdoc cref="TieTable.With"/>
    public List<(long From, long To)> TiesWith(AssociationType type, int limit) => ties.With(type, limit);

    /// <inheritdoc cref="TieTable.Forget"/>
    public void ForgetTies(long record, Func<int, int?> inverse) => ties.Forget(record, inverse);

    /// <inheritdoc cref="ITransaction.Write(IReadOnlyList{PlannedTie}, Source, List{FollowedChange})"/>
    public void Write(IReadOnlyList<PlannedTie> planned, Source source, List<FollowedChange> written)
    {
        var sourceNumber = planned.Count == 0 ? 0 : NumberOf(source);
        foreach (var tie in planned)
        {
            ties.Write(tie);
            var content = TieContent.Write(tieContent, tie.To.Type, tie.To.Id, tie.Types);
            changes.Add(tie.Sequence, RecordKey.Of(tie.From.Type, tie.From.Id, archived: false), tie.Kind, tie.Time, sourceNumber, content);
            written.Add(new(tie.Kind, tie.Sequence, tie.From.Type, tie.From.Id, tie.Time, sourceNumber) { Content = content });
        }
    }

    /// <param name="plan">The plan, with at least one change.</param>
    /// <param name="type">The object type.</param>
    /// <param name="written">Receives the changes, for those who follow them.</param>
    public void Write(Plan plan, ObjectType type, List<FollowedChange> written)
    {
        var source = plan.Outcome.Batch.Source;
        var sourceNumber = NumberOf(source);
        for (var i = 0; i < plan.Writes.Count; i++)
        {
            var write = plan.Writes[i];
            Add(write, type, sourceNumber, source);
            SetHeads(write, type);
            written.Add(new(write.Kind, write.Record.LastChange, type.Number, write.Record.Id, write.Time, sourceNumber) { Content = write.Content, Before = write.Before?.Values ?? default });
            if (write.Kind == ChangeKind.Merge)
            {
                // The two before it are those of the records that were merged (ChangeKind).
                Forward(plan.Writes[i - 2].Record, write.Record, type);
                Forward(plan.Writes[i - 1].Record, write.Record, type);
            }
        }

        foreach (var (value, holder) in plan.Holders)
        {
            var held = HeldValue.Of(value.Property!, value.Value);
            long? key = holder is { } id ? RecordKey.Of(type, id, archived: false) : null;
            values[held] = (key, values.TryGetValue(held, out var before) ? before.WasThere : lookup.FindHolder(held) is not null);
            lookup.Set(held, key);
        }

        foreach (var (stage, by) in plan.StageMoves)
        {
            stages[(type.Id, stage)] = stages.GetValueOrDefault((type.Id, stage)) + by;
        }
    }

    /// <summary>Queues the statements for everything that was collected.</summary>
    public void Flush()
    {
        // A lookup while a plan is written flushes the first part of it.
        if (changes.Count > 0)
        {
            session.Queue(InsertChanges, [PortalSession.Value(portal), .. changes.Values()]);
        }

        var inserted = heads.Where(entry => entry.Value is { WasThere: false, Record: not null }).ToArray();
        if (inserted.Length > 0)
        {
            session.Queue(InsertRecords, Rows(inserted));
        }

        var updated = heads.Where(entry => entry.Value is { WasThere: true, Record: not null }).ToArray();
        if (updated.Length > 0)
        {
            session.Queue(UpdateRecords, Rows(updated));
        }

        var deleted = heads.Where(entry => entry.Value is { WasThere: true, Record: null }).Select(entry => entry.Key).ToArray();
        if (deleted.Length > 0)
        {
            session.Queue(DeleteRecords, PortalSession.Value(portal), PortalSession.Value(deleted));
        }

        var released = values.Where(entry => entry.Value.WasThere).Select(entry => entry.Key).ToArray();
        if (released.Length > 0)
        {
            session.Queue(ReleaseValues, PortalSession.Value(portal), Properties(released), Bytes(released));
        }

        var claimed = values.Where(entry => entry.Value.Key is not null).ToArray();
        if (claimed.Length > 0)
        {
            HeldValue[] held = [.. claimed.Select(entry => entry.Key)];
            session.Queue(ClaimValues, PortalSession.Value(portal), Properties(held), Bytes(held), PortalSession.Value(claimed.Select(entry => entry.Value.Key!.Value).ToArray()));
        }

        if (stages.Count > 0)
        {
            session.Queue(
                MoveStages, PortalSession.Value(portal), PortalSession.Value(stages.Keys.Select(key => key.Type).ToArray()), PortalSession.Value(stages.Keys.Select(key => key.Stage).ToArray()),
                PortalSession.Value(stages.Values.ToArray()));
        }

        ties.Flush();
        Clear();
    }

    void SetHeads(in PlannedWrite write, ObjectType type)
    {
        var record = write.Record;
        var (active, archived) = (RecordKey.Of(type, record.Id, archived: false), RecordKey.Of(type, record.Id, archived: true));
        switch (write.Kind)
        {
            case ChangeKind.Create or ChangeKind.Merge:
                Set(active, record, isNew: true);
                break;
            case ChangeKind.Update:
                Set(active, record);
                break;
            case ChangeKind.Archive:
                Set(active, null);
                Set(archived, record, isNew: true);
                break;
            case ChangeKind.Restore:
                Set(archived, null);
                Set(active, record, isNew: true);
                break;
            case ChangeKind.MergedAway:
                Set(active, null);
                break;
            case ChangeKind.Purge:
                Set(record.ArchivedAt is null ? active : archived, null);
                break;
        }

        void Set(long key, Record? head, bool isNew = false)
        {
            heads[key] = (head, heads.TryGetValue(key, out var before) ? before.WasThere : !isNew);
            lookup.Set(key, head);
        }
    }

    // All ids that led to the merged record now lead to its survivor: one step, however often records are merged.
    void Forward(Record merged, Record survivor, ObjectType type)
    {
        var (from, to) = (RecordKey.Of(type, merged.Id, archived: false), RecordKey.Of(type, survivor.Id, archived: false));
        session.Queue("UPDATE forward SET survivor = $3 WHERE portal = $1 AND survivor = $2", PortalSession.Value(portal), PortalSession.Value(from), PortalSession.Value(to));
        session.Queue(
            "INSERT INTO forward (portal, record, survivor, change) VALUES ($1, $2, $3, $4)",
            PortalSession.Value(portal), PortalSession.Value(from), PortalSession.Value(to), PortalSession.Value(merged.LastChange));
    }

    void Add(in PlannedWrite write, ObjectType type, int sourceNumber, Source source)
    {
        var record = write.Record;
        changes.Add(
            record.LastChange, RecordKey.Of(type, record.Id, archived: false), write.Kind, write.Time, sourceNumber, write.Content.ToArray(), write.Previous,
            record.CreatedAt == write.Time ? null : record.CreatedAt, record.Source == source ? null : NumberOf(record.Source), write.TraceId?.ToArray());
    }

    int NumberOf(Source source)
    {
        if (sources.NumberOf(source) is { } known)
        {
            return (int)known;
        }

        var number = (int)sources.Add(source);
        session.Queue("INSERT INTO source (portal, number, type, id) VALUES ($1, $2, $3, $4)", PortalSession.Value(portal), PortalSession.Value(number), PortalSession.Value(source.Type), PortalSession.Value(source.Id));
        return number;
    }

    Npgsql.NpgsqlParameter[] Rows(KeyValuePair<long, (Record? Record, bool WasThere)>[] entries)
    {
        Record[] records = [.. entries.Select(entry => entry.Value.Record!)];
        return
        [
            PortalSession.Value(portal), PortalSession.Value(entries.Select(entry => entry.Key).ToArray()), PortalSession.Value(records.Select(record => record.LastChange).ToArray()),
            PortalSession.Value(records.Select(record => record.CreatedAt).ToArray()), PortalSession.Value(records.Select(record => record.UpdatedAt).ToArray()),
            PortalSession.Value(records.Select(record => NumberOf(record.Source)).ToArray()), PortalSession.Value(records.Select(record => record.Values.ToArray()).ToArray()),
        ];
    }

    static Npgsql.NpgsqlParameter Properties(HeldValue[] held) => PortalSession.Value(held.Select(value => value.Property).ToArray());

    static Npgsql.NpgsqlParameter Bytes(HeldValue[] held) => PortalSession.Value(held.Select(value => value.Value.ToArray()).ToArray());

    /// <summary>Rows of <c>change</c>, by column.</summary>
    sealed class Columns
    {
        public List<long> Sequence { get; } = [];

        public List<long> Record { get; } = [];

        public List<long?> Previous { get; } = [];

        public List<short> Kind { get; } = [];

        public List<long> Time { get; } = [];

        public List<int> Source { get; } = [];

        public List<long?> Created { get; } = [];

        public List<int?> Origin { get; } = [];

        public List<byte[]?> Trace { get; } = [];

        public List<byte[]> Content { get; } = [];

        public int Count => Sequence.Count;

        public void Add(
            long sequence, long record, ChangeKind kind, long time, int source, byte[] content, long? previous = null, long? created = null, int? origin = null, byte[]? trace = null)
        {
            Sequence.Add(sequence);
            Record.Add(record);
            Previous.Add(previous);
            Kind.Add((short)kind);
            Time.Add(time);
            Source.Add(source);
            Created.Add(created);
            Origin.Add(origin);
            Trace.Add(trace);
            Content.Add(content);
        }

        public Npgsql.NpgsqlParameter[] Values() =>
        [
            PortalSession.Value(Sequence.ToArray()), PortalSession.Value(Record.ToArray()), PortalSession.Value(Previous.ToArray()), PortalSession.Value(Kind.ToArray()),
            PortalSession.Value(Time.ToArray()), PortalSession.Value(Source.ToArray()), PortalSession.Value(Created.ToArray()), PortalSession.Value(Origin.ToArray()),
            PortalSession.Value(Trace.ToArray()), PortalSession.Value(Content.ToArray()),
        ];

        public void Clear()
        {
            Sequence.Clear();
            Record.Clear();
            Previous.Clear();
            Kind.Clear();
            Time.Clear();
            Source.Clear();
            Created.Clear();
            Origin.Clear();
            Trace.Clear();
            Content.Clear();
        }
    }
}
