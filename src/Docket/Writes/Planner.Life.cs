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

        Unite(primary, other, ids);
        CountStage(StageOf(primary), 1);
        Write(0, Effect.Merged, ChangeKind.Merge, primary, time, new(
            Record.IdBase + sequence, primary.CreatedAt, time, null, primary.Source, sequence, sequence, recordValues.Take()));
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

    // Writes the values of the new record: the primary's, and the other's if the primary has none. Each links into the chain of
    // its source record, so the history continues before the merge without a copy.
    void Unite(Record primary, Record other, byte[] ids)
    {
        var mine = new ValueReader(primary.Values.Span);
        var theirs = new ValueReader(other.Values.Span);
        mine.Next();
        theirs.Next();
        var idsAt = schema.MergedIds.Number;
        for (var idsLeft = true; ;)
        {
            var number = Math.Min(Math.Min(mine.Number, theirs.Number), idsLeft ? idsAt : int.MaxValue);
            if (number == int.MaxValue)
            {
                return;
            }

            var (isMine, isTheirs) = (mine.Number == number, theirs.Number == number);
            var takeTheirs = isTheirs && (!isMine || (mine.Value.IsEmpty && !theirs.Value.IsEmpty)) && FillsGap(number);
            if (number == idsAt)
            {
                idsLeft = false;
                Take(number, isMine ? Back(primary, mine.Link) : isTheirs ? Back(other, theirs.Link) : 0, ids);
            }
            else if (takeTheirs)
            {
                Take(number, Back(other, theirs.Link), other.Values.Slice(theirs.ValueStart, theirs.Value.Length));
            }
            else if (isMine)
            {
                Take(number, Back(primary, mine.Link), primary.Values.Slice(mine.ValueStart, mine.Value.Length));
            }

            if (isMine)
            {
                mine.Next();
            }

            if (isTheirs)
            {
                theirs.Next();
            }
        }

        long Back(Record record, long link) => sequence - (record.FirstChange + link);

        void Take(int number, long back, ReadOnlyMemory<byte> value)
        {
            recordValues.Add(number, 0, value.Span);
            changeValues.Add(number, back, value.Span);
            foreach (var claim in Claims.Of(schema.FindNumberEvenArchived(number), value))
            {
                plan.Holders.Add((claim, Record.IdBase + sequence));
            }
        }
    }

    // These values depend on each other, so all come from the primary: with the other's close date, an open ticket would seem closed.
    bool FillsGap(int number) => schema.FindNumber(number) is not { } property
        || (schema.PlaceOf(property) is null
            && property.Derivation is not (Derivation.CreateDate or Derivation.HubSpotCreateDate)
            && !(schema.Stages is { } stages && (property == stages.ClosedDate || property == stages.LastClosedDate || property == stages.ReopenedAt)));

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
