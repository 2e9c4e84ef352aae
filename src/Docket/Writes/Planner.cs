using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>
/// Decides a batch: what was wanted and what was found become creates, updates and faults. Pure: no clock, no I/O; the
/// time and the numbers to give out come in, and the same input always gives the same plan. Inputs are decided in
/// order, each seeing what the ones before it took and gave up.
/// </summary>
internal sealed partial class Planner
{
    readonly WriteBatch batch;
    readonly Schema schema;
    readonly Found found;
    readonly long now;
    readonly Plan plan;
    readonly List<PropertyValue> wanted = [];
    readonly Dictionary<long, Record> touched = [];
    readonly ValueWriter recordValues = new(), changeValues = new();
    long sequence;

    Planner(WriteBatch batch, Found found, long now, long firstSequence)
    {
        this.batch = batch;
        this.found = found;
        this.now = now;
        schema = batch.Schema;
        sequence = firstSequence;
        plan = new(new(batch, new InputResult[batch.Inputs.Length], [.. batch.Faults]), new(batch.Inputs.Length), [], []);
    }

    /// <summary>Makes the plan.</summary>
    /// <param name="batch">The checked batch.</param>
    /// <param name="found">What the store holds of it.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="firstSequence">The first sequence number that is free.</param>
    /// <exception cref="Refusal">Two inputs name the same record in different ways (reference/objects-and-batch.md 1.2).</exception>
    public static Plan Decide(WriteBatch batch, Found found, long now, long firstSequence)
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
            throw new Refusal(Faults.DuplicateIds([owner.ToString()])); // an input before this one took the value
        }

        if (record is not null && !touched.TryAdd(record.Id, record))
        {
            if (batch.Kind is WriteKind.Archive or WriteKind.Purge)
            {
                return; // gone already, by an input before this one
            }

            throw new Refusal(Faults.DuplicateIds([record.Id.ToString()]));
        }

        Decide(index, input, record);
    }

    // The record that an input names, as the inputs before it leave it.
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

        // In a dry run the place of its input stands for the id that a record never gets.
        var id = batch.DryRun ? index : Record.IdBase + sequence;
        // All are asked: every fault is told.
        if (!EnterFirstStage(index, out var place) | !CheckUnique(index, id) | !CheckOwners(index))
        {
            return;
        }

        var created = now;
        if (FindWanted(schema.CreateDate) is var at and >= 0)
        {
            created = PropertyValues.ParseMoment(wanted[at].Value.Span) ?? now;
            wanted.Add(new(schema.HubSpotCreateDate, Instant.ToUtf8(now)));
        }

        Enter(input, place, null, now, default);
        Sort();
        foreach (var value in wanted)
        {
            recordValues.Add(value.Property.Number, 0, value.Value.Span);
            changeValues.Add(value.Property.Number, 0, value.Value.Span);
        }

        Claim(id);
        Move(place.Stage.Id, 1);
        Write(index, Effect.Created, ChangeKind.Create, null, now, new(
            id, created, now, null, batch.Caller.Source, sequence, sequence, recordValues.Take()));
    }

    // A ticket needs a stage; without a pipeline it goes into the one that has the stage (reference/objects-and-batch.md 2.2, 2.4).
    bool EnterFirstStage(int index, out StagePlace place)
    {
        place = null!;
        if (FindWanted(schema.Stage) is var at && at < 0)
        {
            plan.Outcome.Faults.Add(Faults.RequiredMissing(index, schema.Type, schema.Stage.Name));
            return false;
        }

        place = schema.FindStage(wanted[at].Value.Span)!; // validation knows the stage
        if (FindWanted(schema.Pipeline) is var pipeline and >= 0)
        {
            if (!wanted[pipeline].Value.Span.SequenceEqual(place.Utf8PipelineId))
            {
                plan.Outcome.Faults.Add(Faults.NotAStage(index, schema, place.Utf8Id));
                return false;
            }
        }
        else
        {
            wanted.Add(new(schema.Pipeline, place.Utf8PipelineId));
        }

        return true;
    }

    void Update(int index, in CheckedInput input, Record record)
    {
        KeepChanges(input, record);
        if (wanted.Count == 0)
        {
            plan.Outcome.Results[index] = new(Effect.Unchanged, record);
            return;
        }

        // Strictly later, so that a record's history and its modification date never stand still (clocks do, and go back).
        var time = Math.Max(now, record.UpdatedAt + 1);
        if (!ChangeStage(index, input, record, time) | !CheckUnique(index, record.Id) | !CheckOwners(index))
        {
            return;
        }

        var created = ChangeCreateDate(record);
        Sort();
        MoveStage(record);
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

    // Gives the create date that the record will have. The moment of its creation is kept when another one takes its place.
    long ChangeCreateDate(Record record)
    {
        if (FindWanted(schema.CreateDate) is var at && at < 0)
        {
            return record.CreatedAt;
        }

        if (!Seek(record, schema.HubSpotCreateDate, out _))
        {
            wanted.Add(new(schema.HubSpotCreateDate, Instant.ToUtf8(record.CreatedAt)));
        }

        return PropertyValues.ParseMoment(wanted[at].Value.Span) ?? record.CreatedAt;
    }

    // Puts into wanted what differs from the stored values. Both ascend by property number, so one walk over each is enough.
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
                ? !stored.Value.SequenceEqual(after.Value.Span)
                : value.Property != schema.CreateDate || PropertyValues.ParseMoment(value.Value.Span) != record.CreatedAt)
            {
                wanted.Add(after);
            }
        }
    }

    bool ChangeStage(int index, in CheckedInput input, Record record, long time, bool evenUnchanged = false)
    {
        var stageAt = FindWanted(schema.Stage);
        var pipelineAt = FindWanted(schema.Pipeline);
        if (stageAt < 0 && pipelineAt < 0 && !evenUnchanged)
        {
            return true;
        }

        Seek(record, schema.Stage, out var storedStage);
        Seek(record, schema.Pipeline, out var storedPipeline);
        var stage = stageAt < 0 ? storedStage : wanted[stageAt].Value;
        var pipeline = pipelineAt < 0 ? storedPipeline : wanted[pipelineAt].Value;
        if (schema.FindStage(stage.Span) is not { } place || !pipeline.Span.SequenceEqual(place.Utf8PipelineId))
        {
            plan.Outcome.Faults.Add(Faults.NotAStage(index, schema, stage.Span));
            return false;
        }

        if (stageAt >= 0)
        {
            Enter(input, place, schema.FindStage(storedStage.Span), time, record.Values);
        }

        return true;
    }

    // Not before nothing can go wrong any more: in a batch with trace ids a row that fails leaves no trace.
    void MoveStage(Record record)
    {
        if (FindWanted(schema.Stage) is var at and >= 0)
        {
            Seek(record, schema.Stage, out var from);
            Move(Encoding.UTF8.GetString(from.Span), -1);
            Move(Encoding.UTF8.GetString(wanted[at].Value.Span), 1);
        }
    }

    // What follows from entering a stage (reference/properties-pipelines-search-associations.md 2.3, 2.5): the dates of
    // both stages, and the closing or reopening of the ticket.
    void Enter(in CheckedInput input, StagePlace place, StagePlace? from, long time, ReadOnlyMemory<byte> stored)
    {
        var moment = Instant.ToUtf8(time);
        wanted.Add(new(place.Entered, moment));
        if (from is not null)
        {
            wanted.Add(new(from.Exited, moment));
            if (Seek(stored, from.Entered, out var entered) && Instant.Parse(entered.Span) is { } since)
            {
                var visit = Math.Max(0, time - since);
                var before = Seek(stored, from.CumulativeTime, out var sum) ? long.Parse(sum.Span, NumberStyles.None) : 0;
                wanted.Add(new(from.LatestTime, Number(visit)));
                wanted.Add(new(from.CumulativeTime, Number(before + visit)));
            }
        }

        // A close date that came along counts, also one that is no change.
        var isSent = Array.Exists(input.Values, value => ReferenceEquals(value.Property, schema.ClosedDate));
        var wasClosed = from?.IsClosed == true;
        if (place.IsClosed && !wasClosed)
        {
            wanted.Add(new(schema.LastClosedDate, moment));
            if (!isSent)
            {
                wanted.Add(new(schema.ClosedDate, moment));
            }
        }
        else if (!place.IsClosed && wasClosed)
        {
            wanted.Add(new(schema.ReopenedAt, moment));
            if (!isSent && Seek(stored, schema.ClosedDate, out var closed) && !closed.IsEmpty)
            {
                wanted.Add(new(schema.ClosedDate, default));
            }
        }
    }

    void Archive(int index, Record? record)
    {
        if (record is null)
        {
            return; // archiving what is not there succeeds (reference/objects-and-batch.md 4.5, 4.10)
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

    // An active record goes: its unique values are free, and its stage has one less.
    void Leave(Record record)
    {
        var stored = new ValueReader(record.Values.Span);
        while (stored.Next())
        {
            // Also what an archived property holds: it would come back with values that nobody has any more.
            if (schema.FindNumberEvenArchived(stored.Number) is { Unique: true } property && !stored.Value.IsEmpty)
            {
                plan.Holders.Add((new(property, record.Values.Slice(stored.ValueStart, stored.Value.Length)), null));
            }
        }

        Seek(record, schema.Stage, out var stage);
        Move(Encoding.UTF8.GetString(stage.Span), -1);
    }

    // A unique value belongs to one active record; the one that has it is named (reference/objects-and-batch.md 2.5).
    bool CheckUnique(int index, long id)
    {
        var free = true;
        foreach (var value in wanted)
        {
            if (value.Property.Unique && !value.Value.IsEmpty
                && found.Owners.TryGetValue(new(value.Property, value.Value), out var owner) && owner != id)
            {
                plan.Outcome.Faults.Add(Faults.UniqueTaken(index, schema.Type, batch.Caller.PortalId, value.Property, value.Value.Span, id, owner));
                free = false;
            }
        }

        return free;
    }

    // Whoever has left keeps their tickets and gets no other: only what changes is looked at.
    bool CheckOwners(int index)
    {
        var known = true;
        foreach (var value in wanted)
        {
            if (value.Property.Kind == PropertyKind.Owner && !value.Value.IsEmpty && !batch.Caller.Owners.IsActive(value.Value.Span))
            {
                plan.Outcome.Faults.Add(Faults.UnknownOwner(index, value.Property, value.Value.Span));
                known = false;
            }
        }

        return known;
    }

    void Claim(long id)
    {
        foreach (var value in wanted)
        {
            if (value.Property.Unique && !value.Value.IsEmpty)
            {
                var claimed = new UniqueValue(value.Property, value.Value);
                plan.Holders.Add((claimed, id));
                found.Owners[claimed] = id;
            }
        }
    }

    void Release(Record record)
    {
        foreach (var value in wanted)
        {
            if (value.Property.Unique && Seek(record, value.Property, out var old) && !old.IsEmpty)
            {
                var released = new UniqueValue(value.Property, old);
                plan.Holders.Add((released, null));
                found.Owners.Remove(released);
            }
        }
    }

    // Writes the record's values with the wanted ones put in, and the wanted ones with their links back.
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
            kind, record, before?.LastChange, time, batch.Raw[index].TraceId, changeValues.Take(), kind is ChangeKind.Update or ChangeKind.Restore or ChangeKind.Purge ? before!.Values : default));
        plan.Outcome.Results[index] = new(effect, record);
        touched[record.Id] = record;
        sequence++;
    }

    void Move(string stage, int by) => plan.StageMoves[stage] = plan.StageMoves.GetValueOrDefault(stage) + by;

    int FindWanted(Property property)
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

    // Insertion sort: a dozen values, nearly in order.
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

    static bool Seek(Record record, Property property, out ReadOnlyMemory<byte> value) => Seek(record.Values, property, out value);

    static bool Seek(ReadOnlyMemory<byte> values, Property property, out ReadOnlyMemory<byte> value)
    {
        var reader = new ValueReader(values.Span);
        var isStored = reader.Seek(property.Number);
        value = isStored ? values.Slice(reader.ValueStart, reader.Value.Length) : default;
        return isStored;
    }

    static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
}
