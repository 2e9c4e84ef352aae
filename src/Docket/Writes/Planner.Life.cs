using System.Text;
using Docket.Model;

namespace Docket.Writes;

// Rare changes of a whole record: merge, restore and permanent deletion.
internal sealed partial class Planner
{
    /// <summary>Most ids that one record can replace (reference/objects-and-batch.md 4.11).</summary>
    const int IdentitiesMax = 250;

    void MergeTwo()
    {
        for (var i = 0; i < 2; i++)
        {
            if (found.Records[i] is null)
            {
                plan.Outcome.Faults.Add(Faults.NotFound(i, schema.Type, batch.Raw[i].Id.Span));
            }
        }

        if (found.Records is not [{ } primary, { } other])
        {
            return;
        }

        if (primary.Id == other.Id)
        {
            throw new Refusal(Faults.MergeWithItself(primary.Id));
        }

        var ids = MergedIds(primary, other);
        if (ids.AsSpan().Count((byte)';') + 1 > IdentitiesMax)
        {
            throw new Refusal(Faults.TooManyMerged(IdentitiesMax));
        }

        var time = Math.Max(now, Math.Max(primary.UpdatedAt, other.UpdatedAt) + 1);
        Leave(other);
        Leave(primary);
        MergeAway(other, time);
        MergeAway(primary, time);

        var created = WithOldest(primary, other) ? other.CreatedAt : primary.CreatedAt;
        Unite(primary, other, ids, time);
        CountStage(FindWanted(schema.Stages?.Stage) >= 0 ? StageWanted() : StageOf(primary), 1);
        Write(0, Effect.Merged, ChangeKind.Merge, primary, time, new(
            Record.IdBase + sequence, created, time, null, primary.Source, sequence, sequence, recordValues.Take()));
    }

    // Every id that leads to the new record.
    byte[] MergedIds(Record primary, Record other)
    {
        Seek(primary, schema.MergedIds, out var before);
        Seek(other, schema.MergedIds, out var others);
        return PropertyValues.Union(PropertyValues.Union(before.Span, others.Span), Encoding.ASCII.GetBytes($"{primary.Id};{other.Id}"));
    }

    void MergeAway(Record record, long time)
    {
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            changeValues.Add(stored.Number, sequence - (record.FirstChange + stored.Link), stored.Value);
        }

        plan.Writes.Add(new(ChangeKind.MergedAway, record with { LastChange = sequence, UpdatedAt = time }, record.LastChange, time, null, changeValues.Take()));
        sequence++;
    }

    // Writes the values of the new record: the primary's, apart from those in wanted. Each links into the chain of its source record, so
    // the history continues before the merge without a copy.
    void Unite(Record primary, Record other, byte[] ids, long time)
    {
        WantTheirs(primary, other);
        wanted.Add(new(schema.MergedIds, ids));
        WantFurther(primary, other);
        schema.Type.Follow?.Invoke(new(schema, primary, Record.IdBase + sequence, wanted, time, batch.Caller.Settings));
        Sort();
        var mine = new ValueReader(primary.Values.Span);
        var theirs = new ValueReader(other.Values.Span);
        mine.Next();
        theirs.Next();
        for (var at = 0; ;)
        {
            var number = Math.Min(mine.Number, at < wanted.Count ? wanted[at].Property.Number : int.MaxValue);
            if (number == int.MaxValue)
            {
                return;
            }

            while (theirs.Number < number)
            {
                theirs.Next();
            }

            var (isWanted, isMine, isTheirs) = (at < wanted.Count && wanted[at].Property.Number == number, mine.Number == number, theirs.Number == number);
            var property = schema.FindNumberEvenArchived(number);
            // What follows from associations comes with them, after the merge.
            if (property?.FollowsAssociations != true)
            {
                var value = isWanted ? wanted[at].Value : primary.Values.Slice(mine.ValueStart, mine.Value.Length);
                var back = isWanted && isTheirs && (!isMine || theirs.Value.SequenceEqual(value.Span)) ? Back(other, theirs.Link) : isMine ? Back(primary, mine.Link) : 0;
                recordValues.Add(number, 0, value.Span);
                changeValues.Add(number, back, value.Span);
                foreach (var claim in Claims.Of(property, value))
                {
                    plan.Holders.Add((claim, Record.IdBase + sequence));
                }
            }

            at += isWanted ? 1 : 0;
            if (isMine)
            {
                mine.Next();
            }
        }

        long Back(Record record, long link) => sequence - (record.FirstChange + link);
    }

    // The other record's values if the primary has none, and those of the dates and the stage that win.
    void WantTheirs(Record primary, Record other)
    {
        wanted.Clear();
        var (isOlder, isFurther) = (WithOldest(primary, other), IsFurther(other, primary));
        var mine = new ValueReader(primary.Values.Span);
        var theirs = new ValueReader(other.Values.Span);
        mine.Next();
        while (theirs.Next())
        {
            while (mine.Number < theirs.Number)
            {
                mine.Next();
            }

            var property = schema.FindNumberEvenArchived(theirs.Number)!;
            var isMine = mine.Number == theirs.Number;
            var wins = IsOfStage(property) ? isFurther
                : property.Derivation is Derivation.CreateDate or Derivation.HubSpotCreateDate ? isOlder
                : !isMine || (mine.Value.IsEmpty && !theirs.Value.IsEmpty);
            if (wins && property != schema.MergedIds && !(isMine && mine.Value.SequenceEqual(theirs.Value)))
            {
                wanted.Add(new(property, other.Values.Slice(theirs.ValueStart, theirs.Value.Length)));
            }
        }
    }

    // What the other record has of a property with several values stays, beside the primary's one (reference/objects-other-than-tickets.md 2.6, 3).
    void WantFurther(Record primary, Record other)
    {
        if (schema.Several is not var (one, more))
        {
            return;
        }

        Seek(primary, one, out var kept);
        Seek(other, one, out var absorbed);
        Seek(primary, more, out var mine);
        Seek(other, more, out var theirs);
        var united = Parts.Without(PropertyValues.Union(PropertyValues.Union(mine.Span, absorbed.Span), theirs.Span), kept.IsEmpty ? absorbed : kept);
        if (FindWanted(more) is var at and >= 0)
        {
            wanted.RemoveAt(at);
        }

        if (!united.Span.SequenceEqual(mine.Span))
        {
            wanted.Add(new(more, united));
        }
    }

    bool WithOldest(Record primary, Record other) => schema.Type.Stages is { IsLifecycle: true } && other.CreatedAt < primary.CreatedAt;

    // These values depend on each other, so all come from one record: with the other's close date, an open ticket would seem closed.
    bool IsOfStage(Property property) => schema.PlaceOf(property) is not null
        || (schema.Stages is { } stages && (property == stages.Pipeline || property == stages.Stage || property == stages.ClosedDate || property == stages.LastClosedDate || property == stages.ReopenedAt));

    bool IsFurther(Record other, Record primary)
    {
        var (theirs, mine) = (StageOf(other), StageOf(primary));
        return mine.IsEmpty ? !theirs.IsEmpty
            : schema.Type.Stages is { IsLifecycle: true } && schema.FindStage(theirs.Span) is { } place && schema.FindStage(mine.Span) is { } before && place.IsBeyond(before);
    }

    void Restore(int index, in CheckedInput input, Record record)
    {
        if (record.ArchivedAt is null)
        {
            throw new Refusal(Faults.NotArchived(record.Id));
        }

        KeepChanges(input, record);
        LeaveLostPipeline(record);
        var time = Math.Max(now, record.UpdatedAt + 1);
        if (wanted.Count > 0)
        {
            schema.Type.Follow?.Invoke(new(schema, record, record.Id, wanted, time, batch.Caller.Settings));
        }

        var kept = KeptUniqueValues(record);
        if (!ChangeStage(index, input, record, time, evenUnchanged: true) | !CheckUnique(index, record.Id) | !CheckKept(index, record.Id, kept) | !CheckChanges(index))
        {
            return;
        }

        var created = ChangeCreateDate(record);
        Sort();
        Claim(record.Id);
        kept.ForEach(value => plan.Holders.Add((value, record.Id)));
        CountStage(FindWanted(schema.Stages?.Stage) >= 0 ? StageWanted() : StageOf(record), 1);
        Merge(record);
        Write(index, Effect.Restored, ChangeKind.Restore, record, time, record with
        {
            CreatedAt = created,
            UpdatedAt = time,
            ArchivedAt = null,
            LastChange = sequence,
            Values = recordValues.Take(),
        });
    }

    // The unique values of an archived record return with it, unless another record has them now.
    List<UniqueValue> KeptUniqueValues(Record record)
    {
        var kept = new List<UniqueValue>();
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            if (schema.FindNumberEvenArchived(stored.Number) is not { Unique: true } property || FindWanted(property) >= 0)
            {
                continue;
            }

            foreach (var claim in Claims.Of(property, record.Values.Slice(stored.ValueStart, stored.Value.Length)))
            {
                kept.Add(claim);
            }
        }

        return kept;
    }

    bool CheckKept(int index, long id, List<UniqueValue> kept)
    {
        var free = true;
        foreach (var value in kept)
        {
            if (found.Owners.TryGetValue(value, out var owner))
            {
                plan.Outcome.Faults.Add(Faults.UniqueTaken(index, schema.Type, batch.Caller.PortalId, value.Property!, value.Value.Span, id, owner));
                free = false;
            }
        }

        return free;
    }

    void Purge(int index, Record? record)
    {
        if (record is null)
        {
            return; // deleting a missing record succeeds, as archiving does (reference/objects-and-batch.md 4.5, 4.12)
        }

        if (batch.Raw[index].Holding is { Property: { } property } held && !Claims.Include(record.Values, property, held.Value.Span))
        {
            return; // changed since it was found by that value
        }

        if (record.ArchivedAt is null)
        {
            Leave(record);
        }

        var time = Math.Max(now, record.UpdatedAt + 1);
        Write(index, Effect.Purged, ChangeKind.Purge, record, time, record with { UpdatedAt = time, LastChange = sequence, Values = default });
    }
}
