using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The associations of records. Unlike what follows from changes of records, a commit writes them: a row for each side, which is little,
/// and a list of one of them needs no memory that grows with their number. A reader sees them as of its newest change.
/// </summary>
internal sealed class TieTable(Connection connection, RecordLookup records) : IDisposable
{
    readonly Statement put = connection.Prepare("INSERT INTO association (record, type, other, change) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");

    readonly Statement take = connection.Prepare("DELETE FROM association WHERE record = ? AND type = ? AND other = ? RETURNING change");

    readonly Statement end = connection.Prepare("INSERT INTO association_past (record, type, other, since, until) VALUES (?, ?, ?, ?, ?)");

    readonly Statement note = connection.Prepare("INSERT INTO association_change (record, change) VALUES (?, ?)");

    readonly Statement changes = connection.Prepare("SELECT change FROM association_change WHERE record = ?1 AND change < ?2 AND change <= ?3 ORDER BY change DESC LIMIT ?4");

    readonly Statement has = connection.Prepare("SELECT 1 FROM association WHERE record = ? AND type = ? AND other = ?");

    readonly Statement others = connection.Prepare("SELECT other FROM association WHERE record = ? AND type = ?");

    readonly Statement first = connection.Prepare("SELECT other FROM association WHERE record = ? AND type = ? ORDER BY other LIMIT 1");

    readonly Statement of = connection.Prepare("SELECT type, other FROM association WHERE record = ?");

    readonly Statement newest = connection.Prepare("SELECT type, other FROM association WHERE record = ? AND type = ? ORDER BY other DESC LIMIT ?");

    readonly Statement oldest = connection.Prepare("SELECT type, other FROM association WHERE record = ? AND type = ? ORDER BY other LIMIT ?");

    readonly Statement past = connection.Prepare("SELECT type, other FROM association_past WHERE record = ?");

    readonly Statement drop = connection.Prepare("DELETE FROM association WHERE record = ? AND type = ? AND other = ?");

    readonly Statement dropPast = connection.Prepare("DELETE FROM association_past WHERE record = ? AND type = ? AND other = ?");

    // As they were after the change ?4.
    readonly Statement list = connection.Prepare("""
        SELECT other FROM association WHERE record = ?1 AND type = ?2 AND other > ?3 AND change <= ?4
        UNION SELECT other FROM association_past WHERE record = ?1 AND type = ?2 AND other > ?3 AND since <= ?4 AND until > ?4
        ORDER BY other LIMIT ?5
        """);

    // As they were at the time ?6, in what the change ?4 left.
    readonly Statement listPast = connection.Prepare("""
        SELECT other FROM association a CROSS JOIN change c ON c.sequence = a.change WHERE a.record = ?1 AND a.type = ?2 AND a.other > ?3 AND a.change <= ?4 AND c.time <= ?6
        UNION SELECT other FROM association_past a CROSS JOIN change s ON s.sequence = a.since CROSS JOIN change u ON u.sequence = a.until
          WHERE a.record = ?1 AND a.type = ?2 AND a.other > ?3 AND a.since <= ?4 AND s.time <= ?6 AND (a.until > ?4 OR u.time > ?6)
        ORDER BY other LIMIT ?5
        """);

    /// <summary>What the planner needs to know of a batch.</summary>
    public FoundTies Find(TieBatch batch)
    {
        var found = new FoundTies(new bool[batch.Inputs.Length], new bool[batch.Inputs.Length], new ImmutableArray<int>[batch.Inputs.Length], []);
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var input = batch.Inputs[i];
            var (from, to) = (RecordKey.Of(batch.From, input.From, archived: false), RecordKey.Of(batch.To, input.To, archived: false));
            (found.FromExists[i], found.ToExists[i]) = (records.Exists(from), records.Exists(to));
            found.Types[i] = [.. batch.Types.Where(type => Has(from, type.Number, to)).Select(type => type.Number)];
            if (batch.Primary is var (primary, isCompanys))
            {
                var (owner, id, type) = isCompanys ? (to, input.To, primary.Inverse) : (from, input.From, primary.Number);
                if (First(owner, type) is { } company)
                {
                    found.Companies[id] = RecordKey.IdOf(company);
                }
            }
        }

        foreach (var (of, id, type, upTo) in batch.Counted)
        {
            found.Counts[(id, type)] = Count(RecordKey.Of(of, id, archived: false), type, upTo);
        }

        return found;
    }

    /// <summary>Writes a change of associations for both sides.</summary>
    public void Write(PlannedTie tie)
    {
        var (from, to) = (RecordKey.Of(tie.From.Type, tie.From.Id, archived: false), RecordKey.Of(tie.To.Type, tie.To.Id, archived: false));
        foreach (var type in tie.Types)
        {
            Write(tie, from, type.Number, to);
            Write(tie, to, type.Inverse, from);
        }

        note.Bind(from).Bind(tie.Sequence).Run();
        note.Bind(to).Bind(tie.Sequence).Run();
    }

    /// <summary>The numbers of the changes of a record's associations, newest first.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="before">Only changes before this one.</param>
    /// <param name="asOf">The change after which to look.</param>
    /// <param name="limit">Most changes.</param>
    public List<long> ChangesOf(long record, long before, long asOf, int limit)
    {
        var found = new List<long>();
        changes.Bind(record).Bind(before).Bind(asOf).Bind(limit);
        while (changes.Step())
        {
            found.Add(changes.Integer(0));
        }

        return found;
    }

    /// <summary>All associations of a record.</summary>
    public List<StoredTie> Of(long record) => Read(of.Bind(record));

    /// <summary>The associations of a record by some types, up to a number of each.</summary>
    public List<StoredTie> Of(long record, IReadOnlyList<int> types, int limit, bool oldestFirst) =>
        [.. types.SelectMany(type => Read((oldestFirst ? oldest : newest).Bind(record).Bind(type).Bind(limit)))];

    /// <summary>Some associations of a type, each once.</summary>
    public List<(long From, long To)> With(AssociationType type, int limit)
    {
        using var select = connection.Prepare("SELECT record, other FROM association WHERE record >= ? AND record <= ? AND type = ? LIMIT ?");
        select.Bind(RecordKey.Of(type.From, 0, archived: false)).Bind(RecordKey.Of(type.From, RecordKey.IdMax, archived: false)).Bind(type.Number).Bind(limit);
        var ties = new List<(long, long)>();
        while (select.Step())
        {
            ties.Add((RecordKey.IdOf(select.Integer(0)), RecordKey.IdOf(select.Integer(1))));
        }

        return ties;
    }

    /// <summary>Removes all traces of a record's associations, on both sides.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="inverse">The number of the other direction of an association type.</param>
    public void Forget(long record, Func<int, int?> inverse)
    {
        foreach (var (read, remove) in (ReadOnlySpan<(Statement, Statement)>)[(of, drop), (past, dropPast)])
        {
            foreach (var (type, place) in Read(read.Bind(record)))
            {
                var other = RecordKey.Of(place.Type, place.Id, archived: false);
                remove.Bind(record).Bind(type).Bind(other).Run();
                if (inverse(type) is { } back)
                {
                    remove.Bind(other).Bind(back).Bind(record).Run();
                }
            }
        }
    }

    /// <summary>Lists the records that a record is associated with, after one of them.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="types">The numbers of the association types to list, which all lead to records of one type.</param>
    /// <param name="after">The key of the record to begin after; 0 for the first.</param>
    /// <param name="asOf">The change after which to look.</param>
    /// <param name="limit">Most records.</param>
    /// <param name="past">The time to list, and which records were active then; <c>null</c> for now.</param>
    public TiePage List(long record, ImmutableArray<int> types, long after, long asOf, int limit, (long Time, Func<long, bool> WasActive)? past = null)
    {
        var isActive = past?.WasActive ?? records.Exists;
        var ties = ImmutableArray.CreateBuilder<Tie>();
        while (true)
        {
            var (known, isLast) = TieLists.Merge(types.Select(type => (type, Others(record, type, after, asOf, limit + 1, past?.Time))), limit);
            foreach (var (other, of) in known.Where(tie => isActive(tie.Other))) // without archived ones
            {
                if (ties.Count == limit)
                {
                    return new(ties.DrainToImmutable(), IsLast: false);
                }

                ties.Add(new(RecordKey.IdOf(other), of));
            }

            if (isLast)
            {
                return new(ties.DrainToImmutable(), IsLast: true);
            }

            after = known[^1].Other;
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[put, take, end, note, changes, has, others, first, of, newest, oldest, past, drop, dropPast, list, listPast])
        {
            statement.Dispose();
        }
    }

    static List<StoredTie> Read(Statement statement)
    {
        var ties = new List<StoredTie>();
        while (statement.Step())
        {
            var other = statement.Integer(1);
            ties.Add(new((int)statement.Integer(0), (RecordKey.TypeOf(other), RecordKey.IdOf(other))));
        }

        return ties;
    }

    List<long> Others(long record, int type, long after, long asOf, int limit, long? time)
    {
        var (others, select) = (new List<long>(), time is null ? list : listPast);
        select.Bind(record).Bind(type).Bind(after).Bind(asOf).Bind(limit);
        _ = time is { } then && select.Bind(then) is not null;
        while (select.Step())
        {
            others.Add(select.Integer(0));
        }

        return others;
    }

    void Write(PlannedTie tie, long record, int type, long other)
    {
        if (tie.Kind == ChangeKind.Associate)
        {
            put.Bind(record).Bind(type).Bind(other).Bind(tie.Sequence).Run();
            return;
        }

        if (take.Bind(record).Bind(type).Bind(other).Step())
        {
            var since = take.Integer(0);
            take.Reset();
            end.Bind(record).Bind(type).Bind(other).Bind(since).Bind(tie.Sequence).Run();
        }
    }

    bool Has(long record, int type, long other)
    {
        var found = has.Bind(record).Bind(type).Bind(other).Step();
        has.Reset();
        return found;
    }

    // Active records.
    long Count(long record, int type, long upTo)
    {
        var count = 0L;
        others.Bind(record).Bind(type);
        while (count < upTo && others.Step())
        {
            count += records.Exists(others.Integer(0)) ? 1 : 0;
        }

        others.Reset();
        return count;
    }

    long? First(long record, int type)
    {
        var found = first.Bind(record).Bind(type).Step() ? first.Integer(0) : (long?)null;
        first.Reset();
        return found;
    }
}
