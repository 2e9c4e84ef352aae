using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>A change of what a record follows, as seen from it.</summary>
/// <param name="Type">The number of the association type.</param>
/// <param name="Other">Type and id of the record at the other side.</param>
/// <param name="By">1 if the association begins, -1 if it ends, 0 if the other record has changed.</param>
/// <param name="Before">The other record as it was followed before; <c>null</c> if it wasn't, or its values don't matter.</param>
/// <param name="After">The same for afterwards.</param>
internal readonly record struct TieChange(int Type, (int Type, long Id) Other, int By, Record? Before = null, Record? After = null);

/// <summary>The updates that follow from changes of associations and of associated records: each is a change of its record, calculated (reference/objects-other-than-tickets.md 8.9).</summary>
internal static class RollUps
{
    /// <summary>
    /// Most associated records of a type that are read for one roll-up, if what changed doesn't tell the first or last moment: those with the
    /// lowest or highest ids, which are the oldest or newest ones.
    /// </summary>
    public const int ReadMax = 500;

    /// <summary>The source of these updates (9 [decide]).</summary>
    static readonly Source Calculated = new("CALCULATED", "RollupProperties");

    /// <summary>The records of which something follows from changes of associations.</summary>
    /// <param name="ties">The changes.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="others">Only the records at the other side: those of records that were archived or restored, whose own values stay.</param>
    public static Dictionary<(int Type, long Id), List<TieChange>> Affected(IReadOnlyList<PlannedTie> ties, PortalSchema schema, bool others = false)
    {
        var affected = new Dictionary<(int Type, long Id), List<TieChange>>();
        foreach (var tie in ties)
        {
            var by = tie.IsHidden ? 0 : tie.Kind == ChangeKind.Associate ? 1 : -1;
            foreach (var type in tie.Types)
            {
                Add(tie.To, new(type.Inverse, tie.From, by));
                if (!others)
                {
                    Add(tie.From, new(type.Number, tie.To, by));
                }
            }
        }

        return affected;

        void Add((int Type, long Id) record, TieChange change)
        {
            // What is hidden counts for nobody, but a text may not have followed that yet.
            if (schema.Find(record.Type)?.Type is { } of && of.IsRolledUp(change.Type) && !(change.By == 0 && of.IsCounted(change.Type)))
            {
                (affected.TryGetValue(record, out var known) ? known : affected[record] = []).Add(change);
            }
        }
    }

    /// <summary>The records of which something follows from new values of records.</summary>
    /// <param name="writes">The changes of these records.</param>
    /// <param name="type">Their type.</param>
    /// <param name="ties">The associations by which others follow them, by their ids.</param>
    /// <param name="types">The association types of the portal.</param>
    public static Dictionary<(int Type, long Id), List<TieChange>> Affected(
        IReadOnlyList<PlannedWrite> writes, ObjectType type, IReadOnlyDictionary<long, IReadOnlyList<StoredTie>> ties, AssociationTypes types)
    {
        var affected = new Dictionary<(int Type, long Id), List<TieChange>>();
        foreach (var write in writes)
        {
            foreach (var tie in ties[write.Record.Id])
            {
                (affected.TryGetValue(tie.Other, out var known) ? known : affected[tie.Other] = [])
                    .Add(new(types.Find(tie.Type)!.Inverse, (type.Number, write.Record.Id), 0, write.Before, write.Record));
            }
        }

        return affected;
    }

    /// <summary>Whether a change sets values that are rolled up in other records.</summary>
    public static bool AreFollowed(in PlannedWrite write, Schema schema)
    {
        var changed = new ValueReader(write.Content.Span);
        while (write.Kind == ChangeKind.Update && changed.Next())
        {
            if (schema.FindNumberEvenArchived(changed.Number)?.IsFollowed == true)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The records whose counts can't change by differences if the one at the other side has values that they may not have taken over yet, with the
    /// number of the association type.
    /// </summary>
    public static List<((int Type, long Id) Record, int Tie, (int Type, long Id) Followed)> Doubtful(IReadOnlyList<PlannedTie> ties, PortalSchema schema)
    {
        var doubtful = new List<((int, long), int, (int, long))>();
        foreach (var tie in ties)
        {
            foreach (var type in tie.Types)
            {
                Add(tie.From, tie.To, type.Inverse);
                Add(tie.To, tie.From, type.Number);
            }
        }

        return doubtful;

        void Add((int Type, long Id) record, (int Type, long Id) other, int back)
        {
            if (schema.Find(other.Type)?.Type.Followed?.Numbers.Contains(back) == true && schema.Associations.Find(back) is { } type && schema.Find(record.Type)!.Type.IsCounted(type.Inverse))
            {
                doubtful.Add((record, type.Inverse, other));
            }
        }
    }

    /// <summary>The records at the other side whose values the changes need.</summary>
    public static HashSet<(int Type, long Id)> Sources(IReadOnlyDictionary<(int Type, long Id), List<TieChange>> affected, PortalSchema schema)
    {
        var sources = new HashSet<(int, long)>();
        foreach (var (record, changes) in affected)
        {
            var type = schema.Find(record.Type)!.Type;
            foreach (var change in changes)
            {
                _ = type.IsReadFor(change.Type) && sources.Add(change.Other);
            }
        }

        return sources;
    }

    /// <summary>The changes with the records at their other side.</summary>
    public static List<TieChange> With(List<TieChange> changes, IReadOnlyDictionary<(int Type, long Id), Record> sources) =>
        changes.ConvertAll(change => sources.TryGetValue(change.Other, out var source) ? change with { Before = change.By < 0 ? source : null, After = change.By > 0 ? source : null } : change);

    /// <summary>A record without the values that nobody follows.</summary>
    public static Record OnlyFollowed(Record record, Schema schema)
    {
        var followed = new ValueWriter();
        var all = new ValueReader(record.Values.Span);
        while (all.Next())
        {
            if (schema.FindNumberEvenArchived(all.Number)?.IsFollowed == true)
            {
                followed.Add(all.Entry);
            }
        }

        return record with { Values = followed.Take() };
    }

    /// <summary>A batch that looks up records.</summary>
    public static WriteBatch Lookup(Schema schema, Caller caller, IReadOnlyList<long> ids) => Batch(schema, caller, [.. ids.Select(id => new CheckedInput(null, Text(id), [], false))]);

    /// <summary>
    /// The roll-ups of records that the changes alone don't tell: all texts, and the first or last moment if what had it has left it. The others need
    /// to be read, up to <see cref="ReadMax"/>.
    /// </summary>
    public static List<(int Place, RollUp RollUp)> Unknown(FoundRecords found, Schema schema, IReadOnlyList<List<TieChange>> changes, PortalSchema all, long now, ImmutableArray<RollUp>? recounted)
    {
        var unknown = new List<(int, RollUp)>();
        foreach (var (place, record) in found.Records.Index())
        {
            foreach (var rollUp in recounted ?? schema.Type.RollUps)
            {
                var isUnknown = record is not null && rollUp.Kind switch
                {
                    RollUpKind.Text => recounted is not null || IsTouched(rollUp, changes[place]),
                    RollUpKind.First or RollUpKind.Last or RollUpKind.Next =>
                        recounted is null && IsTouched(rollUp, changes[place]) && MomentAfter(rollUp, StoredMoment(schema, record, rollUp), Of(rollUp, changes[place]), all, now) is null,
                    _ => false,
                };
                if (isUnknown)
                {
                    unknown.Add((place, rollUp));
                }
            }
        }

        return unknown;
    }

    /// <summary>The updates of the records.</summary>
    /// <param name="lookup">The batch of <see cref="Lookup"/>.</param>
    /// <param name="found">What was found for it; a record that doesn't exist any more is left out.</param>
    /// <param name="changes">The changes of what each follows.</param>
    /// <param name="all">The schema of the portal.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="recounted">The roll-ups for which the changes are all that the records are associated with, whatever they show; <c>null</c> if they are only what changed.</param>
    /// <param name="read">For each of <see cref="Unknown"/>, what the record is associated with.</param>
    public static WriteBatch Updates(
        WriteBatch lookup, FoundRecords found, IReadOnlyList<List<TieChange>> changes, PortalSchema all, long now, ImmutableArray<RollUp>? recounted,
        IReadOnlyDictionary<(int Place, RollUp RollUp), List<TieChange>> read)
    {
        var (schema, areAll) = (lookup.Schema, recounted is not null);
        return Batch(schema, lookup.Caller, [.. lookup.Inputs.Select((input, place) => found.Records[place] is { } record ? input with { Values = ValuesOf(record, place) } : input with { Skipped = true })]);

        PropertyValue[] ValuesOf(Record record, int place)
        {
            var values = new List<PropertyValue>();
            foreach (var rollUp in recounted ?? schema.Type.RollUps)
            {
                if (!areAll && !IsTouched(rollUp, changes[place]))
                {
                    continue;
                }

                var own = Of(rollUp, changes[place]);
                switch (rollUp.Kind)
                {
                    case RollUpKind.Count:
                        var count = Number(Stored(schema, record, rollUp.Property));
                        var counted = Math.Max(0, (areAll ? 0 : count) + own.Sum(change => CountOf(rollUp, change, all)));
                        Set(rollUp.Property, counted == count ? Unchanged : Text(counted));
                        break;
                    case RollUpKind.Id:
                        Set(rollUp.Property, IdAfter(Number(Stored(schema, record, rollUp.Property)), own, areAll));
                        break;
                    case RollUpKind.Sum:
                        Set(rollUp.Property, SumAfter(rollUp, Stored(schema, record, rollUp.Property), own, all, areAll));
                        break;
                    case RollUpKind.Text:
                        foreach (var (property, of) in rollUp.Texts)
                        {
                            Set(property, Joined(read[(place, rollUp)], of, all));
                        }

                        break;
                    default:
                        var isRead = read.TryGetValue((place, rollUp), out var others);
                        var moment = MomentAfter(rollUp, areAll || isRead ? default : StoredMoment(schema, record, rollUp), others ?? own, all, now)!.Value;
                        Set(rollUp.Property, moment.At is { } at ? Instant.ToUtf8(at) : default);
                        Set(rollUp.Beside, moment.Value);
                        break;
                }
            }

            return [.. values.OrderBy(value => value.Property.Number)];

            void Set(string? name, ReadOnlyMemory<byte>? value)
            {
                if (name is not null && value is { } text && schema.Find(name) is { } property && !Stored(schema, record, name).Span.SequenceEqual(text.Span))
                {
                    values.Add(new(property, text));
                }
            }
        }
    }

    // A plain null would become an empty value, which clears.
    static ReadOnlyMemory<byte>? Unchanged => null;

    static bool IsTouched(RollUp rollUp, List<TieChange> changes)
    {
        foreach (var change in changes)
        {
            if (rollUp.Follows(change.Type))
            {
                return true;
            }
        }

        return false;
    }

    static List<TieChange> Of(RollUp rollUp, List<TieChange> changes) => changes.FindAll(change => rollUp.Follows(change.Type));

    // As many whole values as a text may have characters.
    static byte[] Joined(List<TieChange> others, string name, PortalSchema all)
    {
        var (joined, characters) = (new List<byte>(), 0);
        foreach (var other in others)
        {
            var value = other.After is { } record ? new Followed(all.Find(other.Other.Type)!, record).Value(name).Span : default;
            if (value.IsEmpty)
            {
                continue;
            }

            var separator = joined.Count > 0 ? ";"u8 : default;
            characters += separator.Length + Encoding.UTF8.GetCharCount(value);
            if (characters > PropertyValues.TextMax)
            {
                break;
            }

            joined.AddRange(separator);
            joined.AddRange(value);
        }

        return [.. joined];
    }

    static int CountOf(RollUp rollUp, TieChange change, PortalSchema all) =>
        rollUp.Of is null ? change.By : Counts(ShareOf(rollUp, change.Other, change.After, all)) - Counts(ShareOf(rollUp, change.Other, change.Before, all));

    static int Counts(Share share) => share.Value.Span.SequenceEqual("1"u8) ? 1 : 0;

    static ReadOnlyMemory<byte>? IdAfter(long stored, List<TieChange> changes, bool areAll)
    {
        var added = changes.FindLast(change => change.By > 0);
        return added.By > 0 ? areAll && changes.Exists(change => change.Other.Id == stored) ? Unchanged : Text(added.Other.Id)
            : areAll || changes.Exists(change => change.By < 0 && change.Other.Id == stored) ? ReadOnlyMemory<byte>.Empty : Unchanged;
    }

    // What is stored stays if it is too long to calculate with.
    static ReadOnlyMemory<byte>? SumAfter(RollUp rollUp, ReadOnlyMemory<byte> stored, List<TieChange> changes, PortalSchema all, bool areAll)
    {
        var by = ExactDecimal.Zero;
        foreach (var change in changes)
        {
            by = by + NumberOf(change.After, change) - NumberOf(change.Before, change);
        }

        return areAll ? Sum(ExactDecimal.Zero) : by.Unscaled.IsZero ? Unchanged : stored.IsEmpty ? Sum(ExactDecimal.Zero) : ExactDecimal.Parse(stored.Span) is { } before ? Sum(before) : Unchanged;

        ExactDecimal NumberOf(Record? other, TieChange change) => ExactDecimal.Parse(ShareOf(rollUp, change.Other, other, all).Value.Span) ?? ExactDecimal.Zero;

        ReadOnlyMemory<byte>? Sum(ExactDecimal before) => (before + by).Shortened() is var sum && sum.Unscaled.IsZero && stored.IsEmpty ? Unchanged : sum.ToUtf8();
    }

    // Null if a record that had the moment has left it, or may have: who has it now must be read.
    static Share? MomentAfter(RollUp rollUp, Share stored, List<TieChange> changes, PortalSchema all, long now)
    {
        if (rollUp.Kind == RollUpKind.Next && stored.At <= now)
        {
            return null; // it has passed
        }

        foreach (var change in changes)
        {
            var (before, after) = (ShareOf(rollUp, change.Other, change.Before, all), ShareOf(rollUp, change.Other, change.After, all));
            if (after.At is { } at && Reaches(at))
            {
                stored = after;
            }
            else if (before.At is { } was && Reaches(was))
            {
                return null;
            }
        }

        return stored;

        bool Reaches(long at) => !(rollUp.Kind == RollUpKind.Next && at <= now) && (stored.At is not { } current || (rollUp.Kind == RollUpKind.Last ? at >= current : at <= current));
    }

    static Share ShareOf(RollUp rollUp, (int Type, long Id) other, Record? record, PortalSchema all) => record is null ? default : rollUp.Of!(new(all.Find(other.Type)!, record));

    static Share StoredMoment(Schema schema, Record record, RollUp rollUp) =>
        new(rollUp.Beside is null ? default : Stored(schema, record, rollUp.Beside), Instant.Parse(Stored(schema, record, rollUp.Property).Span));

    static ReadOnlyMemory<byte> Stored(Schema schema, Record record, string property) => new Followed(schema, record).Value(property);

    static long Number(ReadOnlyMemory<byte> text) => long.TryParse(text.Span, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    static ReadOnlyMemory<byte> Text(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

    static WriteBatch Batch(Schema schema, Caller caller, CheckedInput[] inputs) => new()
    {
        Kind = WriteKind.Update,
        Caller = caller with { Source = Calculated },
        Schema = schema,
        Raw = [.. inputs.Select(input => new RecordInput { Id = input.KeyValue })],
        Inputs = inputs,
        Faults = [],
        Traced = true,
        InOrder = false,
        Features = OptionalFeatures.None,
        Folded = [],
    };
}
