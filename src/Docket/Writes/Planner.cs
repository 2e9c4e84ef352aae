using Docket.Model;

namespace Docket.Writes;

/// <summary>
/// Decides a batch: turns the request and what was found into creates, updates and faults. Pure: no clock, no I/O. Time and new
/// numbers are parameters, so the same input always gives the same plan. Inputs are decided in order, and each sees the effects
/// of the earlier ones.
/// </summary>
internal sealed partial class Planner
{
    readonly WriteBatch batch;
    readonly Schema schema;
    readonly FoundRecords found;
    readonly long now;
    readonly Plan plan;
    readonly List<PropertyValue> wanted = [];
    readonly Dictionary<long, Record> touched = [];
    readonly ValueWriter recordValues = new(), changeValues = new();
    long sequence;

    Planner(WriteBatch batch, FoundRecords found, long now, long firstSequence)
    {
        this.batch = batch;
        this.found = found;
        this.now = now;
        schema = batch.Schema;
        sequence = firstSequence;
        plan = new(new(batch, new InputResult[batch.Inputs.Length], [.. batch.Faults]), new(batch.Inputs.Length), [], []);
    }

    /// <summary>Creates the plan.</summary>
    /// <param name="batch">The validated batch.</param>
    /// <param name="found">What the store found for it.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="firstSequence">The first free sequence number.</param>
    /// <exception cref="Refusal">Two inputs refer to the same record in different ways (reference/objects-and-batch.md 1.2).</exception>
    public static Plan Decide(WriteBatch batch, FoundRecords found, long now, long firstSequence)
    {
        var planner = new Planner(batch, found, now, firstSequence);
        if (batch.Kind == WriteKind.Merge)
        {
            planner.MergeTwo();
            return planner.Finish();
        }

        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            if (!batch.Inputs[i].Skipped)
            {
                planner.Decide(i, batch.Inputs[i]);
            }
        }

        return planner.Finish();
    }

    void Decide(int index, in CheckedInput input)
    {
        if (batch.InOrder)
        {
            Decide(index, input, Latest(index, input));
            return;
        }

        var record = found.Records[index];
        if (input.Key is not null && found.Owners.TryGetValue(new(input.Key, input.KeyValue), out var owner) && owner != record?.Id)
        {
            throw new Refusal(Faults.DuplicateIds([owner.ToString()])); // an earlier input took the value
        }

        if (record is not null && !touched.TryAdd(record.Id, record))
        {
            if (batch.Kind is WriteKind.Archive or WriteKind.Purge)
            {
                return; // an earlier input deleted it
            }

            throw new Refusal(Faults.DuplicateIds([record.Id.ToString()]));
        }

        Decide(index, input, record);
    }

    // The record of an input, as earlier inputs leave it.
    Record? Latest(int index, in CheckedInput input)
    {
        var record = found.Records[index];
        long? id = input.Key is null ? record?.Id : found.Owners.TryGetValue(new(input.Key, input.KeyValue), out var owner) ? owner : null;
        return id is null ? null : touched.GetValueOrDefault(id.Value) ?? record;
    }

    void Decide(int index, in CheckedInput input, Record? record)
    {
        switch (batch.Kind)
        {
            case WriteKind.Archive:
                Archive(index, record);
                break;
            case WriteKind.Purge:
                Purge(index, record);
                break;
            case WriteKind.Update or WriteKind.Restore when record is null:
                plan.Outcome.Faults.Add(Faults.NotFound(index, schema.Type, batch.Raw[index].Id.Span));
                break;
            case WriteKind.Restore:
                Restore(index, input, record!);
                break;
            default:
                if (record is null)
                {
                    Create(index, input);
                }
                else
                {
                    Update(index, input, record);
                }

                break;
        }
    }

    Plan Finish()
    {
        if (!plan.Outcome.Refused)
        {
            return plan;
        }

        plan.Outcome.Results.AsSpan().Clear();
        plan.Writes.Clear();
        plan.Holders.Clear();
        plan.StageMoves.Clear();
        return plan;
    }

    void Create(int index, in CheckedInput input)
    {
        wanted.Clear();
        wanted.AddRange(input.Values);
        if (input.Key is { } key && FindWanted(key) < 0)
        {
            if (key.ReadOnly)
            {
                plan.Outcome.Faults.Add(Faults.ReadOnly(index, key, input.KeyValue.Span));
                return;
            }

            wanted.Add(new(key, input.KeyValue));
        }

        foreach (var copied in found.Copied?[index] ?? [])
        {
            if (FindWanted(copied.Property) < 0)
            {
                wanted.Add(copied);
            }
        }

        // In a dry run, the index of the input replaces the id, because the record never gets one.
        var id = batch.DryRun ? index : Record.IdBase + sequence;
        schema.Type.Follow?.Invoke(new(schema, null, id, wanted, now, batch.Caller.Settings));
        // No early exit: every fault is reported.
        if (!CheckRequired(index) | !EnterFirstStage(index, input) | !CheckUnique(index, id) | !CheckChanges(index))
        {
            return;
        }

        var created = FirstCreateDate();
        Sort();
        foreach (var value in wanted)
        {
            recordValues.Add(value.Property.Number, 0, value.Value.Span);
            changeValues.Add(value.Property.Number, 0, value.Value.Span);
        }

        Claim(id);
        CountStage(StageWanted(), 1);
        Write(index, Effect.Created, ChangeKind.Create, null, now, new(
            id, created, now, null, batch.Caller.Source, sequence, sequence, recordValues.Take()));
    }

    void Update(int index, in CheckedInput input, Record record)
    {
        KeepChanges(input, record);
        if (wanted.Count == 0)
        {
            plan.Outcome.Results[index] = new(Effect.Unchanged, record);
            return;
        }

        // Strictly later, so that a record's history and modification date always advance (clocks stand still, and go back).
        var time = Math.Max(now, record.UpdatedAt + 1);
        if (schema.Type.Follow is { } follow)
        {
            follow(new(schema, record, record.Id, wanted, time, batch.Caller.Settings));
            if (wanted.Count == 0)
            {
                plan.Outcome.Results[index] = new(Effect.Unchanged, record);
                return;
            }
        }

        if (!ChangeStage(index, input, record, time) | !CheckUnique(index, record.Id) | !CheckChanges(index))
        {
            return;
        }

        var created = ChangeCreateDate(record);
        Sort();
        CountMove(record);
        Release(record);
        Claim(record.Id);
        Merge(record);
        Write(index, Effect.Updated, ChangeKind.Update, record, time, record with
        {
            CreatedAt = created,
            UpdatedAt = time,
            LastChange = sequence,
            Values = recordValues.Take(),
        });
    }

    bool CheckRequired(int index)
    {
        var complete = true;
        foreach (var property in schema.Required)
        {
            if (FindWanted(property) is var at && (at < 0 || wanted[at].Value.IsEmpty))
            {
                plan.Outcome.Faults.Add(Faults.RequiredMissing(index, schema.Type, property.Name));
                complete = false;
            }
        }

        return complete;
    }

    // Sets the create date of a new record. The actual time of creation is kept if a different date was requested.
    long FirstCreateDate()
    {
        if (FindWanted(schema.CreateDate) is var at && at < 0)
        {
            return now;
        }

        KeepCreation(now);
        return PropertyValues.ParseMoment(wanted[at].Value.Span) ?? now;
    }

    void KeepCreation(long moment)
    {
        if (schema.HubSpotCreateDate is { } kept)
        {
            wanted.Add(new(kept, Instant.ToUtf8(moment)));
        }
    }

    // Returns the future create date of the record. The actual time of creation is kept if another date replaces it.
    long ChangeCreateDate(Record record)
    {
        if (FindWanted(schema.CreateDate) is var at && at < 0)
        {
            return record.CreatedAt;
        }

        if (!Seek(record, schema.HubSpotCreateDate, out _))
        {
            KeepCreation(record.CreatedAt);
        }

        return PropertyValues.ParseMoment(wanted[at].Value.Span) ?? record.CreatedAt;
    }

    // Copies values that differ from the stored ones. Both are ordered by property number, so one pass is enough.
    void KeepChanges(in CheckedInput input, Record record)
    {
        wanted.Clear();
        var stored = new ValueReader(record.Values.Span);
        stored.Next();
        foreach (var value in input.Values)
        {
            while (stored.Number < value.Property.Number)
            {
                stored.Next();
            }

            var isStored = stored.Number == value.Property.Number;
            var after = value.Append && isStored ? value with { Value = PropertyValues.Union(stored.Value, value.Value.Span) } : value;
            if (isStored
                ? !stored.Value.SequenceEqual(after.Value.Span) && !IsKey(input, value)
                : value.Property != schema.CreateDate || PropertyValues.ParseMoment(value.Value.Span) != record.CreatedAt)
            {
                wanted.Add(after);
            }
        }
    }

    // An upsert by one of several values is no rename: the others stay, the primary one too (reference/objects-other-than-tickets.md 2.3).
    bool IsKey(in CheckedInput input, PropertyValue value) =>
        batch.Kind == WriteKind.Upsert && ReferenceEquals(value.Property, input.Key) && value.Value.Span.SequenceEqual(input.KeyValue.Span);

    void Archive(int index, Record? record)
    {
        if (record is null)
        {
            return; // archiving a missing record succeeds (reference/objects-and-batch.md 4.5, 4.10)
        }

        Leave(record);
        var time = Math.Max(now, record.UpdatedAt + 1);
        Write(index, Effect.Archived, ChangeKind.Archive, record, time, record with
        {
            UpdatedAt = time,
            ArchivedAt = time,
            LastChange = sequence,
        });
    }

    // An active record disappears: its unique values become free, and its stage has one record less.
    void Leave(Record record)
    {
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            // Includes values of archived properties: a restored property must not have a value that another record took.
            if (schema.FindNumberEvenArchived(stored.Number) is { Unique: true } property)
            {
                foreach (var claim in Claims.Of(property, record.Values.Slice(stored.ValueStart, stored.Value.Length)))
                {
                    plan.Holders.Add((claim, null));
                }
            }
        }

        CountStage(StageOf(record), -1);
    }

    // A unique value belongs to one active record, which the fault names (reference/objects-and-batch.md 2.5). A record with the primary
    // value of a create counts as the same (reference/objects-other-than-tickets.md 2.2).
    bool CheckUnique(int index, long id)
    {
        var free = true;
        foreach (var value in wanted)
        {
            if (!value.Property.Unique)
            {
                continue;
            }

            foreach (var claim in Claims.Of(value.Property, value.Value))
            {
                if (found.Owners.TryGetValue(claim, out var owner) && owner != id)
                {
                    plan.Outcome.Faults.Add(batch.Kind == WriteKind.Create && value.Property.More is not null && found.Further?.Contains(claim) != true
                        ? Faults.AlreadyExists(index, schema.Type, value.Property, claim.Value.Span, batch.Traced || !touched.ContainsKey(owner) ? owner : null)
                        : Faults.UniqueTaken(index, schema.Type, batch.Caller.PortalId, value.Property, claim.Value.Span, id, owner));
                    free = false;
                }
            }
        }

        return free;
    }

    // A former owner keeps their tickets but gets no others, so only changes are checked. A value that parts were appended to may
    // have become too long.
    bool CheckChanges(int index)
    {
        var valid = true;
        foreach (var value in wanted)
        {
            if (value.Append && value.Value.Length > PropertyValues.TextMax)
            {
                plan.Outcome.Faults.Add(Faults.TooLong(index, value.Property, PropertyValues.TextMax));
                valid = false;
            }

            if (value.Property.Kind == PropertyKind.Owner && !value.Value.IsEmpty && !batch.Caller.Owners.IsActive(value.Value.Span))
            {
                plan.Outcome.Faults.Add(Faults.UnknownOwner(index, value.Property, value.Value.Span));
                valid = false;
            }
        }

        return valid;
    }

    void Claim(long id)
    {
        foreach (var value in wanted)
        {
            if (!value.Property.Unique)
            {
                continue;
            }

            foreach (var claim in Claims.Of(value.Property, value.Value))
            {
                plan.Holders.Add((claim, id));
                found.Owners[claim] = id;
            }
        }
    }

    void Release(Record record)
    {
        foreach (var value in wanted)
        {
            if (!value.Property.Unique || !Seek(record, value.Property, out var old))
            {
                continue;
            }

            foreach (var claim in Claims.Of(value.Property, old))
            {
                plan.Holders.Add((claim, null));
                found.Owners.Remove(claim);
            }
        }
    }

    // Writes the record's values merged with the requested ones, and the requested ones with their links back.
    void Merge(Record record)
    {
        var stored = new ValueReader(record.Values.Span);
        stored.Next();
        foreach (var value in wanted)
        {
            var number = value.Property.Number;
            for (; stored.Number < number; stored.Next())
            {
                recordValues.Add(stored.Entry);
            }

            long back = 0;
            if (stored.Number == number)
            {
                back = sequence - (record.FirstChange + stored.Link);
                stored.Next();
            }

            recordValues.Add(number, sequence - record.FirstChange, value.Value.Span);
            changeValues.Add(number, back, value.Value.Span);
        }

        for (; stored.Number != int.MaxValue; stored.Next())
        {
            recordValues.Add(stored.Entry);
        }
    }

    void Write(int index, Effect effect, ChangeKind kind, Record? before, long time, Record record)
    {
        plan.Writes.Add(new(
            kind, record, before?.LastChange, time, batch.Raw[index].TraceId, changeValues.Take(), kind is ChangeKind.Update or ChangeKind.Restore or ChangeKind.Purge ? before : null));
        plan.Outcome.Results[index] = new(effect, record);
        touched[record.Id] = record;
        sequence++;
    }

    int FindWanted(Property? property)
    {
        for (var i = 0; i < wanted.Count; i++)
        {
            if (ReferenceEquals(wanted[i].Property, property))
            {
                return i;
            }
        }

        return -1;
    }

    // Insertion sort: about twelve values, nearly in order.
    void Sort()
    {
        for (var i = 1; i < wanted.Count; i++)
        {
            var value = wanted[i];
            var at = i;
            for (; at > 0 && wanted[at - 1].Property.Number > value.Property.Number; at--)
            {
                wanted[at] = wanted[at - 1];
            }

            wanted[at] = value;
        }
    }

    static bool Seek(Record record, Property? property, out ReadOnlyMemory<byte> value) => Seek(record.Values, property, out value);

    static bool Seek(ReadOnlyMemory<byte> values, Property? property, out ReadOnlyMemory<byte> value)
    {
        var reader = new ValueReader(values.Span);
        var isStored = property is not null && reader.Seek(property.Number);
        value = isStored ? values.Slice(reader.ValueStart, reader.Value.Length) : default;
        return isStored;
    }
}
