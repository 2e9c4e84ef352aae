using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>A record to find: by its id, or by the value of a unique property.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Id">Its id, if it is found by that.</param>
/// <param name="Key">The unique property, if it is found by one.</param>
/// <param name="Value">The value of <paramref name="Key"/>, as stored.</param>
internal readonly record struct TieTarget(ObjectType Type, long Id, Property? Key, ReadOnlyMemory<byte> Value);

/// <summary>
/// The associations that come with the inputs of a batch. Their targets are checked before anything is decided, so that a record is
/// created together with its associations or not at all; they are written with the records, in the same transaction.
/// </summary>
internal sealed class InputTies
{
    readonly WriteBatch batch;
    readonly PortalSchema schema;
    readonly List<(int Input, RawTie Raw, TieKind Kind, ObjectType Type, ImmutableArray<AssociationType> Types)> ties = [];
    readonly List<int> unlinked = [];
    readonly List<Fault> faults = [];
    long?[] found = [];

    InputTies(WriteBatch batch, PortalSchema schema)
    {
        this.batch = batch;
        this.schema = schema;
    }

    /// <summary>The records to find, in the order in which <see cref="Check"/> expects them.</summary>
    public List<TieTarget> Targets { get; } = [];

    /// <summary>The associations of a batch, with the association types of the portal.</summary>
    public static InputTies Of(WriteBatch batch, PortalSchema schema)
    {
        var all = new InputTies(batch, schema);
        for (var i = 0; i < batch.Inputs.Length; i++)
        {
            if (!batch.Inputs[i].Skipped)
            {
                foreach (var raw in batch.Inputs[i].Ties ?? [])
                {
                    all.Add(i, raw, TieKind.Label);
                }

                if (batch.Schema.Linking is var (_, rollUp) && FindLink(batch.Kind, batch.Inputs[i], batch.Schema) is { } link)
                {
                    all.Link(i, link.Value, rollUp);
                }
            }
        }

        return all;
    }

    /// <summary>The value of an input that associates its record (<see cref="Schema.Linking"/>); <c>null</c> if it has none.</summary>
    public static PropertyValue? FindLink(WriteKind kind, in CheckedInput input, Schema schema)
    {
        if (schema.Linking is var (property, _) && kind is WriteKind.Create or WriteKind.Update or WriteKind.Upsert && !input.Skipped)
        {
            foreach (var value in input.Values)
            {
                if (ReferenceEquals(value.Property, property))
                {
                    return value;
                }
            }
        }

        return null;
    }

    /// <summary>The batch with a fault for each association that can't be made.</summary>
    /// <param name="ids">The ids of <see cref="Targets"/>; <c>null</c> for those that don't exist.</param>
    public WriteBatch Check(long?[] ids)
    {
        found = ids;
        foreach (var (at, tie) in ties.Index())
        {
            if (ids[at] is null)
            {
                faults.Add(Fault.OfAssociation(tie.Input, Faults.TieTargetMissing(tie.Type.LegacyName, tie.Raw.Id)));
            }
        }

        return faults.Count == 0 ? batch : batch.With(faults);
    }

    /// <summary>The associations of the records that were written: a batch for each type of target, then those that values make and end.</summary>
    public IEnumerable<TieBatch> Batches(Plan plan) => Groups(plan).Select(group => group.Batch)
        .Concat(Unlinked(plan) is { Count: > 0 } ended ? [BatchOf(TieKind.Unlabel, schema.Find(ended[0].Types[0].To)!.Type, ended)] : []);

    /// <summary>A fault for each association of an input that a plan writes and that is beyond a limit.</summary>
    public List<Fault> FindBeyond(Plan plan, Func<TieBatch, FoundTies> find)
    {
        var (beyond, counts) = (new List<Fault>(), new Dictionary<(long Id, int Type), long>());
        foreach (var (ofTarget, inputs) in Groups(plan).Where(group => group.Batch.IsLimited))
        {
            var known = find(ofTarget);
            Array.Fill(known.FromExists, true); // once the plan is written
            foreach (var (each, count) in counts)
            {
                known.Counts[each] = count;
            }

            beyond.AddRange(TiePlanner.Decide(ofTarget, known, 0, 0).Results.Zip(inputs).Where(each => each.First.Error is not null).Select(each => Fault.OfAssociation(each.Second, each.First.Error!.ToError())));
            counts = known.Counts;
        }

        return beyond;
    }

    // Each with the inputs of the batch of records that its inputs come from.
    IEnumerable<(TieBatch Batch, ImmutableArray<int> Inputs)> Groups(Plan plan) => ties.Index()
        .Where(tie => plan.Outcome.Results[tie.Item.Input].Record is not null && found[tie.Index] is not null)
        .GroupBy(tie => (tie.Item.Type, tie.Item.Kind))
        .OrderBy(group => group.Key.Kind == TieKind.Label ? 0 : 1)
        .Select(group => (
            BatchOf(group.Key.Kind, group.Key.Type, group.Select(tie => new TieInput(plan.Outcome.Results[tie.Item.Input].Record!.Id, found[tie.Index]!.Value, tie.Item.Types))),
            group.Select(tie => tie.Item.Input).ToImmutableArray()));

    TieBatch BatchOf(TieKind kind, ObjectType to, IEnumerable<TieInput> inputs) => new()
    {
        Kind = kind,
        Caller = batch.Caller,
        From = batch.Schema.Type,
        To = to,
        Types = schema.Associations.Between(batch.Schema.Type.Number, to.Number),
        Inputs = [.. inputs],
    };

    // The records that had another one's id before.
    List<TieInput> Unlinked(Plan plan)
    {
        var ended = new List<TieInput>();
        foreach (var input in unlinked)
        {
            if (plan.Outcome.Results[input] is { Effect: Effect.Updated, Record: { } record } && batch.Schema.Linking is var (property, rollUp)
                && plan.Writes.Find(write => write.Record.LastChange == record.LastChange).Before is { } before && Record.ParseId(new Followed(batch.Schema, before).Value(property.Name).Span) is { } id)
            {
                ended.Add(new(record.Id, id, [schema.Associations.Find(rollUp.Numbers.First())!]));
            }
        }

        return ended;
    }

    // Its id is that of the record at the other side (reference/objects-other-than-tickets.md 2.6, 11.10).
    void Link(int input, ReadOnlyMemory<byte> id, RollUp rollUp)
    {
        if (id.IsEmpty)
        {
            unlinked.Add(input);
        }
        else
        {
            Add(input, new(Encoding.UTF8.GetString(id.Span), null, [(AssociationType.HubSpotDefined, rollUp.Types[0])]), TieKind.Associate);
        }
    }

    // Without types, there is no association (reference/objects-other-than-tickets.md 8.3).
    void Add(int input, RawTie raw, TieKind kind)
    {
        var types = raw.Types.Select(each => schema.Associations.Find(AssociationType.NumberOf(each.Category, each.Id))).ToList();
        if (raw.Types.Where((_, at) => types[at] is null).Select(each => AssociationType.Spell(each.Category, each.Id)).ToImmutableArray() is { IsEmpty: false } unknown)
        {
            faults.Add(Fault.OfAssociation(input, Faults.TieTypesUnknown(unknown)));
            return;
        }

        if (types.Find(type => type!.From != batch.Schema.Type.Number) is { } other)
        {
            faults.Add(Fault.OfAssociation(input, Faults.TieStartsElsewhere(batch.Schema.Type.Id, TypeNumber.Format(other.From))));
            return;
        }

        foreach (var group in types.GroupBy(type => type!.To))
        {
            var target = schema.Find(group.Key)!;
            Targets.Add(TargetOf(target, raw));
            ties.Add((input, raw, kind, target.Type, [.. group.Select(type => type!)]));
        }
    }

    // An id that is none can't be found, nor can a value of a property that is not unique.
    static TieTarget TargetOf(Schema target, RawTie raw) =>
        raw.IdProperty is null ? new(target.Type, long.TryParse(raw.Id, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : -1, null, default)
        : target.Find(raw.IdProperty) is { Unique: true } key && Validation.NormaliseKey(target, key, Encoding.UTF8.GetBytes(raw.Id)) is { IsEmpty: false } value ? new(target.Type, -1, key, value)
        : new(target.Type, -1, null, default);
}
