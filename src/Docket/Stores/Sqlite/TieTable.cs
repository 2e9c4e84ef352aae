using System.Collections.Immutable;
using Docket.Model;
using Docket.Sqlite;
using Docket.Writes;

namespace Docket.Stores.Sqlite;

/// <summary>The associations of records, as <see cref="Heads"/> lets a connection see them: what is in memory replaces what is in the tables.</summary>
internal sealed class TieTable(Connection connection, RecordLookup records) : IDisposable
{
    const string Then = "change <= ?3 UNION ALL SELECT other FROM association_past WHERE record = ?1 AND type = ?2 AND since <= ?3 AND until > ?3";

    readonly Statement has = connection.Prepare("SELECT 1 FROM association WHERE record = ? AND type = ? AND other = ?");

    readonly Statement had = connection.Prepare($"SELECT other FROM association WHERE record = ?1 AND type = ?2 AND other = ?4 AND {Then} AND other = ?4");

    readonly Statement hadAny = connection.Prepare($"SELECT other FROM association WHERE record = ?1 AND type = ?2 AND {Then}");

    readonly Statement of = connection.Prepare("SELECT type, other FROM association WHERE record = ?");

    readonly Statement past = connection.Prepare("SELECT type, other FROM association_past WHERE record = ?");

    readonly Statement up = connection.Prepare("SELECT other, 0 FROM association WHERE record = ? AND type = ? AND other > ? ORDER BY other");

    readonly Statement down = connection.Prepare("SELECT other, 0 FROM association WHERE record = ? AND type = ? ORDER BY other DESC");

    // Those that began by the time ?4, and whether they ended after it.
    readonly Statement upThen = connection.Prepare("""
        SELECT other, 0 FROM association a CROSS JOIN change c ON c.sequence = a.change WHERE a.record = ?1 AND a.type = ?2 AND a.other > ?3 AND c.time <= ?4
        UNION ALL SELECT other, 1 FROM association_past a CROSS JOIN change s ON s.sequence = a.since CROSS JOIN change u ON u.sequence = a.until
          WHERE a.record = ?1 AND a.type = ?2 AND a.other > ?3 AND s.time <= ?4 AND u.time > ?4
        ORDER BY other
        """);

    readonly Statement timeOf = connection.Prepare("SELECT time FROM change WHERE sequence = ?");

    readonly Statement changes = connection.Prepare("SELECT change FROM association_change WHERE record = ? AND change < ? ORDER BY change DESC LIMIT ?");

    readonly Statement drop = connection.Prepare("DELETE FROM association WHERE record = ? AND type = ? AND other = ?");

    readonly Statement dropPast = connection.Prepare("DELETE FROM association_past WHERE record = ? AND type = ? AND other = ?");

    /// <summary>What the planner needs to know of a batch.</summary>
    public FoundTies Find(TieBatch batch)
    {
        var found = new FoundTies(new bool[batch.Inputs.Length], new bool[batch.Inputs.Length], new ImmutableArray<int>[batch.Inputs.Length], []);
        var types = ImmutableArray.CreateBuilder<int>();
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            var input = batch.Inputs[i];
            var (from, to) = (RecordKey.Of(batch.From, input.From, archived: false), RecordKey.Of(batch.To, input.To, archived: false));
            (found.FromExists[i], found.ToExists[i]) = (records.Exists(from), records.Exists(to));
            foreach (var type in batch.Types)
            {
                if (Has(from, type, to))
                {
                    types.Add(type.Number);
                }
            }

            found.Types[i] = types.DrainToImmutable();
            if (batch.Primary is var (primary, isCompanys))
            {
                var (owner, id, type) = isCompanys ? (to, input.To, primary.Inverse) : (from, input.From, primary.Number);
                if (Others(owner, type).FirstOrDefault() is var company and not 0)
                {
                    found.Companies[id] = RecordKey.IdOf(company);
                }
            }
        }

        foreach (var (of, id, type, upTo) in batch.Counted)
        {
            found.Counts[(id, type)] = Others(RecordKey.Of(of, id, archived: false), type).Where(records.Exists).Take((int)upTo).Count();
        }

        return found;
    }

    /// <summary>The numbers of the changes of a record's associations, newest first.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="before">Only changes before this one.</param>
    /// <param name="limit">Most changes.</param>
    public List<long> ChangesOf(long record, long before, int limit)
    {
        List<long> found = [.. records.Heads.UnfoldedTies(record, records.Heads.UpTo).Select(tie => tie.Sequence).Where(sequence => sequence < before).Distinct().Take(limit)];
        changes.Bind(record).Bind(found.Count > 0 ? found[^1] : before).Bind(limit - found.Count);
        while (changes.Step())
        {
            found.Add(changes.Integer(0));
        }

        return found;
    }

    /// <summary>All associations of a record.</summary>
    public List<StoredTie> Of(long record)
    {
        var known = new Dictionary<(int Type, long Other), bool>();
        foreach (var tie in records.Heads.UnfoldedTies(record, records.Heads.UpTo))
        {
            known.TryAdd((tie.Type, tie.Other), tie.Begins);
        }

        var ties = Read(of.Bind(record)).Where(tie => !known.ContainsKey(tie)).Concat(known.Where(tie => tie.Value).Select(tie => tie.Key));
        return [.. (known.Count > 0 ? ties.Order() : ties).Select(Stored)];
    }

    /// <summary>The associations of a record by some types, up to a number of each.</summary>
    public List<StoredTie> Of(long record, IReadOnlyList<int> types, int limit, bool oldestFirst) =>
        [.. types.SelectMany(type => Others(record, type, descending: !oldestFirst).Take(limit).Select(other => Stored((type, other))))];

    /// <summary>Some associations of a type, each once.</summary>
    public List<(long From, long To)> With(AssociationType type, int limit)
    {
        var (first, last) = (RecordKey.Of(type.From, 0, archived: false), RecordKey.Of(type.From, RecordKey.IdMax, archived: false));
        var known = Known(records.Heads.UpTo, record => record >= first && record <= last, type.Number);
        var ties = known.Where(tie => tie.Value).Select(tie => (tie.Key.Record, tie.Key.Other)).Take(limit).ToList();
        using var select = connection.Prepare("SELECT record, other FROM association WHERE record BETWEEN ? AND ? AND type = ?");
        select.Bind(first).Bind(last).Bind(type.Number);
        while (ties.Count < limit && select.Step())
        {
            if (!known.ContainsKey((select.Integer(0), type.Number, select.Integer(1))))
            {
                ties.Add((select.Integer(0), select.Integer(1)));
            }
        }

        return [.. ties.Select(tie => (RecordKey.IdOf(tie.Record), RecordKey.IdOf(tie.Other)))];
    }

    /// <summary>Removes all traces of a record's associations from the tables, on both sides.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="inverse">The number of the other direction of an association type.</param>
    public void Forget(long record, Func<int, int?> inverse)
    {
        foreach (var (read, remove) in (ReadOnlySpan<(Statement, Statement)>)[(of, drop), (past, dropPast)])
        {
            foreach (var (type, other) in Read(read.Bind(record)))
            {
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
    /// <param name="limit">Most records.</param>
    /// <param name="past">The time to list, and which records were active then; <c>null</c> for now.</param>
    public TiePage List(long record, ImmutableArray<int> types, long after, int limit, (long Time, Func<long, bool> WasActive)? past = null)
    {
        var isActive = past?.WasActive ?? records.Exists;
        var ties = ImmutableArray.CreateBuilder<Tie>();
        while (true)
        {
            var (known, isLast) = TieLists.Merge(
                types.Select(type => (type, (past is var (time, _) ? OthersThen(record, type, after, time) : Others(record, type, after)).Take(limit + 1).ToList())), limit);
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

    /// <summary>Whether a record is associated with another one after a change, or with any.</summary>
    /// <param name="sequence">The change.</param>
    /// <param name="record">The record's key.</param>
    /// <param name="type">The number of the association type.</param>
    /// <param name="other">The key of the other record; <c>null</c> for any.</param>
    public bool AreTied(long sequence, long record, int type, long? other)
    {
        if (other is { } one)
        {
            return records.Heads.Unfolded(record, type, one, sequence) ?? IsAny(had.Bind(record).Bind(type).Bind(sequence).Bind(one), static _ => true);
        }

        var known = Known(record, type, sequence);
        return known.ContainsValue(true) || IsAny(hadAny.Bind(record).Bind(type).Bind(sequence), row => !known.ContainsKey(row));
    }

    /// <summary>All associations after a change, each from both sides, by the keys of the records.</summary>
    public IEnumerable<(long Record, long Other)> All(long sequence)
    {
        var known = Known(sequence, static _ => true, type: null);
        foreach (var (tie, _) in known.Where(tie => tie.Value))
        {
            yield return (tie.Record, tie.Other);
        }

        using var all = connection.Prepare(
            "SELECT record, type, other FROM association WHERE change <= ?1 UNION ALL SELECT record, type, other FROM association_past WHERE since <= ?1 AND until > ?1");
        all.Bind(sequence);
        while (all.Step())
        {
            if (!known.ContainsKey((all.Integer(0), (int)all.Integer(1), all.Integer(2))))
            {
                yield return (all.Integer(0), all.Integer(2));
            }
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[has, had, hadAny, of, past, up, down, upThen, timeOf, changes, drop, dropPast])
        {
            statement.Dispose();
        }
    }

    static StoredTie Stored((int Type, long Other) tie) => new(tie.Type, (RecordKey.TypeOf(tie.Other), RecordKey.IdOf(tie.Other)));

    static List<(int Type, long Other)> Read(Statement statement)
    {
        var ties = new List<(int, long)>();
        while (statement.Step())
        {
            ties.Add(((int)statement.Integer(0), statement.Integer(1)));
        }

        return ties;
    }

    static bool IsAny(Statement rows, Func<long, bool> matches)
    {
        var found = false;
        while (!found && rows.Step())
        {
            found = matches(rows.Integer(0));
        }

        rows.Reset();
        return found;
    }

    // From the side that has fewer changes in memory.
    bool Has(long from, AssociationType type, long to)
    {
        var heads = records.Heads;
        var known = heads.CountUnfoldedTies(from) <= heads.CountUnfoldedTies(to)
            ? heads.Unfolded(from, type.Number, to, heads.UpTo) : heads.Unfolded(to, type.Inverse, from, heads.UpTo);
        return known ?? IsAny(has.Bind(from).Bind(type.Number).Bind(to), static _ => true);
    }

    // What memory knows of the associations of some records, by a type or all.
    Dictionary<(long Record, int Type, long Other), bool> Known(long upTo, Func<long, bool> isWanted, int? type)
    {
        var known = new Dictionary<(long Record, int Type, long Other), bool>();
        foreach (var record in records.Heads.UnfoldedTied.Where(isWanted))
        {
            foreach (var tie in records.Heads.UnfoldedTies(record, upTo))
            {
                if (tie.Type == (type ?? tie.Type))
                {
                    known.TryAdd((record, tie.Type, tie.Other), tie.Begins);
                }
            }
        }

        return known;
    }

    // What memory knows of the associations of a record by a type.
    Dictionary<long, bool> Known(long record, int type, long? upTo = null)
    {
        var known = new Dictionary<long, bool>();
        foreach (var tie in records.Heads.UnfoldedTies(record, upTo ?? records.Heads.UpTo))
        {
            if (tie.Type == type)
            {
                known.TryAdd(tie.Other, tie.Begins);
            }
        }

        return known;
    }

    // The keys of the records that one is associated with, in order. To be enumerated before the next one is asked for.
    IEnumerable<long> Others(long record, int type, long after = 0, bool descending = false)
    {
        var known = Known(record, type);
        var keys = known.Keys.Where(other => other > after);
        return Merge(
            descending ? down.Bind(record).Bind(type) : up.Bind(record).Bind(type).Bind(after),
            known.Count == 0 ? [] : [.. descending ? keys.OrderDescending() : keys.Order()],
            descending,
            (other, isRow, _) => known.TryGetValue(other, out var isTied) ? isTied : isRow);
    }

    // As they were at a time.
    IEnumerable<long> OthersThen(long record, int type, long after, long time)
    {
        var known = records.Heads.UnfoldedTies(record, records.Heads.UpTo).Where(tie => tie.Type == type && tie.Other > after).Reverse().ToLookup(tie => tie.Other);
        return Merge(
            upThen.Bind(record).Bind(type).Bind(after).Bind(time),
            [.. known.Select(tie => tie.Key).Order()],
            descending: false,
            (other, isRow, ended) => ended || WasTied(known[other], isRow, time));
    }

    // Whether one that began by a time, or one of the later changes, lasted beyond it.
    bool WasTied(IEnumerable<UnfoldedTie> later, bool hadBegun, long time)
    {
        foreach (var tie in later)
        {
            var isLater = TimeOf(tie.Sequence) > time;
            if (hadBegun && !tie.Begins && isLater)
            {
                return true;
            }

            hadBegun = tie.Begins && !isLater;
        }

        return hadBegun;
    }

    long TimeOf(long sequence)
    {
        timeOf.Bind(sequence).Step();
        var time = timeOf.Integer(0);
        timeOf.Reset();
        return time;
    }

    // Merges rows of a table with keys in memory. A key may be in two rows: one of an association, one of an earlier one that ended.
    static IEnumerable<long> Merge(Statement rows, List<long> keys, bool descending, Func<long, bool, bool, bool> isTied)
    {
        try
        {
            var (row, at) = (rows.Step(), 0);
            while (row || at < keys.Count)
            {
                var next = !row ? keys[at] : at == keys.Count ? rows.Integer(0) : descending ? Math.Max(rows.Integer(0), keys[at]) : Math.Min(rows.Integer(0), keys[at]);
                var (isRow, ended) = (false, false);
                for (; row && rows.Integer(0) == next; row = rows.Step())
                {
                    (isRow, ended) = rows.Integer(1) == 0 ? (true, ended) : (isRow, true);
                }

                at += at < keys.Count && keys[at] == next ? 1 : 0;
                if (isTied(next, isRow, ended))
                {
                    yield return next;
                }
            }
        }
        finally
        {
            rows.Reset();
        }
    }
}
