using System.Collections.Immutable;
using Docket.Model;
using Docket.Writes;

namespace Docket.Stores;

// What follows in records from their associations, and from the values of the records that they are associated with: updates of their own,
// in the transaction of the change and right after it. If many records follow a change, the rest of them do it in later transactions.
internal sealed partial class PortalWriter
{
    /// <summary>
    /// Most records that follow the values of another one in one transaction: its own, or a step after it. A contact can have a hundred thousand tickets,
    /// and other work waits for a step only.
    /// </summary>
    public const int FollowedAtOnce = 100;

    /// <summary>The same for all records that a batch changes, as long as that is at least <see cref="FollowedAtLeast"/> for each.</summary>
    const int FollowedTogether = 1_000;

    const int FollowedAtLeast = 10;

    // Whether there are steps to do, and the record of the last one: they take turns.
    bool follows;
    long followed;

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
        if (affected.Count > 0)
        {
            var sources = Find(RollUps.Sources(affected, schema));
            foreach (var write in gone ?? [])
            {
                sources[(ties[0].From.Type, write.Record.Id)] = write.Kind == ChangeKind.Purge ? write.Before! : write.Record;
            }

            RollUp(affected.ToDictionary(entry => entry.Key, entry => RollUps.With(entry.Value, sources)), caller);
        }

        if (transaction.Unfollowed.Any)
        {
            RecountDoubtful(ties, caller);
        }
    }

    // A difference is that to the values which a record has taken over: it may not have come to that yet.
    void RecountDoubtful(IReadOnlyList<PlannedTie> ties, Caller caller)
    {
        var doubtful = RollUps.Doubtful(ties, schema);
        var unfollowed = doubtful.Count == 0 ? null : transaction.Unfollowed.Among([.. doubtful.Select(each => RecordKey.Of(each.Followed.Type, each.Followed.Id, archived: false)).Distinct()]);
        foreach (var records in doubtful.Where(each => unfollowed!.Contains(RecordKey.Of(each.Followed.Type, each.Followed.Id, archived: false))).GroupBy(each => each.Record.Type))
        {
            var type = schema.Find(records.Key)!.Type;
            Recount(type, [.. records.Select(each => each.Record.Id).Distinct()], [.. type.RollUps.Where(rollUp => records.Any(each => rollUp.Follows(each.Tie)))], caller);
        }
    }

    // In those that follow the values of records that were written. For most types there are none.
    void RollUpValues(Plan plan, Schema current)
    {
        if (current.Type.Followed is not { } followed || plan.Writes.FindAll(write => RollUps.AreFollowed(write, current)) is not { Count: > 0 } writes)
        {
            return;
        }

        long[] ids = [.. writes.Select(write => write.Record.Id).Distinct()];
        var most = MostOfEach(ids.Length);
        var ties = AtOnce(current.Type, ids, transaction.TiesOf(current.Type, ids, followed.Numbers, most + 1, oldest: true), most);
        if (ties.Any(own => own.Count > 0))
        {
            RollUp(RollUps.Affected(writes, current.Type, ids.Zip(ties).ToDictionary(), schema.Associations), plan.Outcome.Batch.Caller);
        }
    }

    // Archived records are hidden from others, and restored ones seen again. Texts follow as they do new values, the rest at once.
    void RollUpLife(ChangeKind kind, ObjectType type, Plan plan, Caller caller)
    {
        long[] ids = [.. plan.Writes.Select(write => write.Record.Id)];
        var ties = transaction.TiesOf(type, ids);
        var texts = AtOnce(type, ids, [.. ties.Select(own => own.Where(tie => type.Followed?.Numbers.Contains(tie.Type) == true && !IsCounted(tie)).ToList())], MostOfEach(ids.Length));
        var followers = ids.Select((id, place) => (id, (IReadOnlyList<StoredTie>)[.. ties[place].Where(IsCounted), .. texts[place]]));
        RollUp(TieMoves.Of(kind, type, followers, schema.Associations), caller, plan.Writes, others: true);
        if (kind == ChangeKind.Associate)
        {
            Recount(type, ids, ties, type.RollUps, caller); // nothing followed in them
        }

        bool IsCounted(StoredTie tie) => schema.Associations.Find(tie.Type) is { } known && schema.Find(known.To)?.Type.IsCounted(known.Inverse) == true;
    }

    static int MostOfEach(int records) => Math.Clamp(FollowedTogether / records, FollowedAtLeast, FollowedAtOnce);

    // The associations of each record with those others that come first. If there are more, the record is noted.
    IReadOnlyList<StoredTie>[] AtOnce(ObjectType type, long[] ids, IReadOnlyList<StoredTie>[] ties, int most)
    {
        return [.. ids.Zip(ties, First)];

        IReadOnlyList<StoredTie> First(long id, IReadOnlyList<StoredTie> own)
        {
            if (own.Count <= most || own.Select(KeyOf).Distinct().Order().Take(most + 1).ToArray() is not { } keys || keys.Length <= most)
            {
                return own;
            }

            transaction.Unfollowed.Note(RecordKey.Of(type, id, archived: false), keys[most - 1]);
            return [.. own.Where(tie => KeyOf(tie) < keys[most])];
        }

        static long KeyOf(StoredTie tie) => RecordKey.Of(tie.Other.Type, tie.Other.Id, archived: false);
    }

    // The next step, if there is one. After a failure, the next one is after a while or another commit.
    void FollowSome()
    {
        if (follows)
        {
            follows = false;
            Commit([new FollowWork()]);
            transaction.Rest();
            restInMs = LongMs;
        }
    }

    // Everything about these records is counted, so it doesn't matter which values they had taken over.
    void FollowNext()
    {
        if (transaction.Unfollowed.Next(followed) is not var (record, after))
        {
            return;
        }

        followed = record;
        var last = (long?)null;
        if (schema.Find(RecordKey.TypeOf(record))?.Type is { Followed.Numbers: var numbers } type)
        {
            var page = transaction.TiesAfter(type, RecordKey.IdOf(record), numbers, after, FollowedAtOnce);
            foreach (var ties in page.Ties.GroupBy(tie => schema.Associations.Find(tie.Types[0])!.To))
            {
                var other = schema.Find(ties.Key)!.Type;
                var back = numbers.Select(number => schema.Associations.Find(number)!).Where(of => of.To == ties.Key).Select(of => of.Inverse).ToArray();
                Recount(other, [.. ties.Select(tie => tie.Id)], [.. other.RollUps.Where(rollUp => back.Any(rollUp.Follows))], Follower);
                last = RecordKey.Of(other, ties.Last().Id, archived: false);
            }

            last = page.IsLast ? null : last;
        }

        transaction.Unfollowed.Advance(record, last);
    }

    // No request's.
    static Caller Follower { get; } = new(0, 0, Scopes.All);

    // Some roll-ups of records, from everything that they are associated with.
    void Recount(ObjectType type, IReadOnlyList<long> ids, ImmutableArray<RollUp> rollUps, Caller caller)
    {
        int[] numbers = [.. rollUps.Where(rollUp => rollUp.Kind != RollUpKind.Text).SelectMany(rollUp => rollUp.Numbers).Distinct()];
        Recount(type, ids, numbers.Length == 0 ? [.. ids.Select(_ => Array.Empty<StoredTie>())] : transaction.TiesOf(type, ids, numbers, int.MaxValue, oldest: true), rollUps, caller);
    }

    void Recount(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<StoredTie>[] ties, ImmutableArray<RollUp> rollUps, Caller caller)
    {
        var active = ActiveOf(ties);
        var affected = ids.Zip(ties).ToDictionary(
            record => (type.Number, record.First), record => record.Second.Where(tie => active.Contains(tie.Other)).Select(tie => new TieChange(tie.Type, tie.Other, 1)).ToList());
        var sources = Find(RollUps.Sources(affected, schema));
        RollUp(type, ids, [.. affected.Values.Select(changes => RollUps.With(changes, sources))], caller, rollUps);
    }

    void RollUp(Dictionary<(int Type, long Id), List<TieChange>> affected, Caller caller)
    {
        foreach (var records in affected.GroupBy(entry => entry.Key.Type))
        {
            RollUp(schema.Find(records.Key)!.Type, [.. records.Select(record => record.Key.Id)], [.. records.Select(record => record.Value)], caller, recounted: null);
        }
    }

    void RollUp(ObjectType type, IReadOnlyList<long> ids, IReadOnlyList<List<TieChange>> changes, Caller caller, ImmutableArray<RollUp>? recounted)
    {
        var lookup = RollUps.Lookup(schema.Of(type), caller, ids);
        var (found, now) = (transaction.Find(lookup), Instant.Now(clock));
        var read = Read(type, ids, RollUps.Unknown(found, lookup.Schema, changes, schema, now, recounted));
        var plan = Planner.Decide(RollUps.Updates(lookup, found, changes, schema, now, recounted, read), found, now, sequence + 1);
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
