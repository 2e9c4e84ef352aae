using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

// What follows in records from their associations, and from the values of the records that they are associated with: updates of their own,
// in the transaction of the change and right after it.
internal sealed partial class PortalWriter
{
    void Write(IReadOnlyList<PlannedTie> ties, Caller caller)
    {
        transaction.Write(ties, caller.Source, written);
        sequence += ties.Count;
    }

    void WriteAndRollUp(IReadOnlyList<PlannedTie> ties, Caller caller, IEnumerable<PlannedWrite>? gone = null)
    {
        Write(ties, caller);
        RollUp(ties, caller, gone);
    }

    // In those at both sides, or only at the other one. What can't be found any more has its values in the writes.
    void RollUp(IReadOnlyList<PlannedTie> ties, Caller caller, IEnumerable<PlannedWrite>? gone = null, bool others = false)
    {
        var affected = RollUps.Affected(ties, schema, others);
        if (affected.Count == 0)
        {
            return;
        }

        var sources = Find(RollUps.Sources(affected, schema));
        foreach (var write in gone ?? [])
        {
            sources[(ties[0].From.Type, write.Record.Id)] = write.Kind == ChangeKind.Purge ? write.Before! : write.Record;
        }

        RollUp(affected.ToDictionary(entry => entry.Key, entry => RollUps.With(entry.Value, sources)), caller);
    }

    // In those that follow the values of records that were written. For most types there are none.
    void RollUpValues(Plan plan, Schema current)
    {
        if (current.Type.Followed is not { } followed || plan.Writes.FindAll(write => RollUps.AreFollowed(write, current)) is not { Count: > 0 } writes)
        {
            return;
        }

        long[] ids = [.. writes.Select(write => write.Record.Id).Distinct()];
        var ties = transaction.TiesOf(current.Type, ids, followed.Numbers, int.MaxValue, oldest: false);
        if (ties.Any(own => own.Count > 0))
        {
            RollUp(RollUps.Affected(writes, current.Type, ids.Zip(ties).ToDictionary(), schema.Associations), plan.Outcome.Batch.Caller);
        }
    }

    // Nothing followed in the records while they were archived.
    void RollUpAll(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<StoredTie>[] ties, Caller caller)
    {
        var active = ActiveOf(ties);
        var affected = ids.Zip(ties).ToDictionary(
            record => (type.Number, record.First), record => record.Second.Where(tie => active.Contains(tie.Other)).Select(tie => new TieChange(tie.Type, tie.Other, 1)).ToList());
        var sources = Find(RollUps.Sources(affected, schema));
        RollUp(type, ids, [.. affected.Values.Select(changes => RollUps.With(changes, sources))], caller, areAll: true);
    }

    void RollUp(Dictionary<(int Type, long Id), List<TieChange>> affected, Caller caller)
    {
        foreach (var records in affected.GroupBy(entry => entry.Key.Type))
        {
            RollUp(schema.Find(records.Key)!.Type, [.. records.Select(record => record.Key.Id)], [.. records.Select(record => record.Value)], caller, areAll: false);
        }
    }

    void RollUp(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<List<TieChange>> changes, Caller caller, bool areAll)
    {
        var lookup = RollUps.Lookup(schema.Of(type), caller, ids);
        var (found, now) = (transaction.Find(lookup), Instant.Now(clock));
        var read = Read(type, ids, RollUps.Unknown(found, lookup.Schema, changes, schema, now, areAll));
        var plan = Planner.Decide(RollUps.Updates(lookup, found, changes, schema, now, areAll, read), found, now, sequence + 1);
        transaction.Write(plan, type, written);
        sequence += plan.Writes.Count;
    }

    // What records are associated with by the types of a roll-up.
    Dictionary<(int Place, RollUp RollUp), List<TieChange>> Read(ObjectType type, IReadOnlyList<long> ids, List<(int Place, RollUp RollUp)> unknown)
    {
        var read = new Dictionary<(int, RollUp), List<TieChange>>();
        foreach (var records in unknown.GroupBy(one => one.RollUp, one => one.Place))
        {
            var ties = transaction.TiesOf(type, [.. records.Select(place => ids[place])], [.. records.Key.Numbers], RollUps.ReadMax, oldest: records.Key.Kind is RollUpKind.First or RollUpKind.Text);
            var sources = Find(ties.SelectMany(own => own).Select(tie => tie.Other).Distinct());
            foreach (var (place, own) in records.Zip(ties))
            {
                read[(place, records.Key)] = RollUps.With([.. own.Select(tie => new TieChange(tie.Type, tie.Other, 1))], sources);
            }
        }

        return read;
    }

    // The active ones of some records, with the values that others follow: their other values may be long, and the records many.
    Dictionary<(int Type, long Id), Record> Find(IEnumerable<(int Type, long Id)> records)
    {
        var active = new Dictionary<(int Type, long Id), Record>();
        foreach (var ids in records.GroupBy(record => record.Type, record => record.Id))
        {
            if (schema.Find(ids.Key) is not { } of)
            {
                continue;
            }

            foreach (var record in ids.Chunk(RollUps.ReadMax).SelectMany(some => transaction.Read(of.Type, some)))
            {
                active[(ids.Key, record.Id)] = RollUps.OnlyFollowed(record, of);
            }
        }

        return active;
    }

    // Which of the records at the other side are active.
    HashSet<(int Type, long Id)> ActiveOf(IEnumerable<IReadOnlyList<StoredTie>> ties)
    {
        var others = ties.SelectMany(own => own).Select(tie => tie.Other).Where(other => schema.Find(other.Type) is not null).Distinct().ToList();
        var found = transaction.Find([.. others.Select(other => new TieTarget(schema.Find(other.Type)!.Type, other.Id, null, default))]);
        return [.. others.Where((_, at) => found[at] is not null)];
    }
}
