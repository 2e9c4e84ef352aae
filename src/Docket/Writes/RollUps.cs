using System.Globalization;
using System.Text;
using Docket.Model;

namespace Docket.Writes;

/// <summary>The updates that follow from changes of associations: each is a change of its record, calculated (reference/objects-other-than-tickets.md 8.9).</summary>
internal static class RollUps
{
    /// <summary>The source of these updates (9 [decide]).</summary>
    static readonly Source Calculated = new("CALCULATED", "RollupProperties");

    /// <summary>The records of which something follows, with the changes of their associations as seen from them: association types that begin (1) and end (-1), and the other record's id.</summary>
    /// <param name="ties">The changes.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="others">Only the records at the other side: those of records that were archived or restored, whose own values stay.</param>
    public static IEnumerable<IGrouping<ObjectType, (long Id, List<(int Type, int By, long Other)> Changes)>> Affected(IReadOnlyList<PlannedTie> ties, PortalSchema schema, bool others = false)
    {
        var changes = new Dictionary<(int Type, long Id), List<(int, int, long)>>();
        foreach (var tie in ties.Where(tie => !tie.IsHidden))
        {
            var by = tie.Kind == ChangeKind.Associate ? 1 : -1;
            foreach (var type in tie.Types)
            {
                Add(tie.To, (type.Inverse, by, tie.From.Id));
                if (!others)
                {
                    Add(tie.From, (type.Number, by, tie.To.Id));
                }
            }
        }

        return changes.GroupBy(entry => schema.Find(entry.Key.Type)!.Type, entry => (entry.Key.Id, entry.Value));

        void Add((int Type, long Id) record, (int Type, int, long) change)
        {
            if (schema.Find(record.Type) is { } of && of.Type.RollUps.Any(rollUp => rollUp.Follows(change.Type)))
            {
                (changes.TryGetValue(record, out var known) ? known : changes[record] = []).Add(change);
            }
        }
    }

    /// <summary>A batch that looks up the records.</summary>
    public static WriteBatch Lookup(Schema schema, Caller caller, IReadOnlyList<long> ids) => Batch(schema, caller, [.. ids.Select(id => new CheckedInput(null, Encoding.ASCII.GetBytes(id.ToString(CultureInfo.InvariantCulture)), [], false))]);

    /// <summary>The updates of the records.</summary>
    /// <param name="lookup">The batch of <see cref="Lookup"/>.</param>
    /// <param name="found">What was found for it; a record that doesn't exist any more is left out.</param>
    /// <param name="changes">The changes of the associations of each.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <param name="areAll">Whether the changes are all that the records are associated with, whatever they show.</param>
    public static WriteBatch Updates(WriteBatch lookup, FoundRecords found, IReadOnlyList<List<(int Type, int By, long Other)>> changes, long now, bool areAll = false)
    {
        var schema = lookup.Schema;
        return Batch(schema, lookup.Caller, [.. lookup.Inputs.Select((input, at) => found.Records[at] is { } record ? input with { Values = ValuesOf(schema, record, changes[at], now, areAll) } : input with { Skipped = true })]);
    }

    static PropertyValue[] ValuesOf(Schema schema, Record record, List<(int Type, int By, long Other)> changes, long now, bool areAll)
    {
        var values = new List<PropertyValue>();
        foreach (var rollUp in schema.Type.RollUps)
        {
            var own = changes.FindAll(change => rollUp.Follows(change.Type));
            if ((own.Count > 0 || areAll) && schema.Find(rollUp.Property) is { } property && StoredIn(record, property) is var stored
                && (areAll ? ValueOf(rollUp.Kind, own, stored) : ValueOf(rollUp.Kind, own, stored, now)) is { } text)
            {
                values.Add(new(property, text));
            }
        }

        return [.. values.OrderBy(value => value.Property.Number)];
    }

    // Null for no change.
    static byte[]? ValueOf(RollUpKind kind, List<(int Type, int By, long Other)> changes, long stored, long now) => kind switch
    {
        RollUpKind.Count => Text(Math.Max(0, stored + changes.Sum(change => change.By))),
        RollUpKind.Id => changes.FindLast(change => change.By > 0) is { By: > 0, Other: var added } ? Text(added) : changes.Exists(change => change.Other == stored) ? [] : null,
        _ => changes.Exists(change => change.By > 0) ? Instant.ToUtf8(now) : null,
    };

    // Of all associations. Null for no change.
    static byte[]? ValueOf(RollUpKind kind, List<(int Type, int By, long Other)> all, long stored) => kind switch
    {
        RollUpKind.Count => all.Count == stored ? null : Text(all.Count),
        RollUpKind.Id => all is [.., var last] ? all.Exists(each => each.Other == stored) ? null : Text(last.Other) : stored == 0 ? null : [],
        _ => null,
    };

    static long StoredIn(Record record, Property property)
    {
        var stored = new ValueReader(record.Values.Span);
        return stored.Seek(property.Number) && long.TryParse(stored.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    static byte[] Text(long number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));

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
