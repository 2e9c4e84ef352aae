using System.Collections.Immutable;
using System.Text;
using Docket.Model;
using Docket.Stores;

namespace Docket.Objects;

/// <summary>
/// The history of a property's value, newest first (reference/objects-and-batch.md 5). Stored properties have their own chain of changes;
/// derived ones follow from the chain of the property that they are derived from.
/// </summary>
internal static class PropertyHistory
{
    /// <summary>Entries shown for a property; all are stored (reference/objects-and-batch.md 8, 21).</summary>
    const int EntriesMax = 20;

    static readonly Source Calculated = new("CALCULATED", "CalculatedPropertyComputer");

    public static ImmutableArray<(Property, ImmutableArray<HistoryEntry>)> Read(ISnapshot snapshot, RecordView view, PropertySet set)
    {
        var histories = ImmutableArray.CreateBuilder<(Property, ImmutableArray<HistoryEntry>)>();
        for (var rank = set.Next(0); rank >= 0; rank = set.Next(rank + 1))
        {
            var property = view.Schema.Properties[rank];
            histories.Add((property, Read(snapshot, view, property)));
        }

        return histories.DrainToImmutable();
    }

    static ImmutableArray<HistoryEntry> Read(ISnapshot snapshot, RecordView view, Property property)
    {
        var (schema, record) = (view.Schema, view.Record);
        switch (property.Derivation)
        {
            case Derivation.None:
                var stored = snapshot.History(record, property, EntriesMax);
                return schema.PlaceOf(property) is null ? stored : [.. stored.Select(entry => entry with { Source = Calculated })];
            case Derivation.SameAsOrigin:
                var origin = snapshot.History(record, schema.OriginOf(property)!, EntriesMax);
                return [.. origin.Select(entry => entry with { Source = Calculated })];
            case Derivation.LastModifiedDate:
                var changes = snapshot.Changes(record, EntriesMax);
                return [.. changes.Select(entry => entry with { Value = Instant.ToText(entry.Timestamp) })];
            case Derivation.CreateDate:
                var set = snapshot.History(record, property, EntriesMax);
                return [.. set, .. FirstCreateDate(view, property, set)];
            case Derivation.IsClosed:
                return Closings(schema, snapshot.History(record, schema.Stages!.Stage, EntriesMax));
            case Derivation.CurrentStageEntered:
                var entered = snapshot.History(record, schema.Stages!.Stage, EntriesMax);
                // A merge doesn't enter a stage: the stage stays the same.
                return [.. entered.Where((entry, at) => at + 1 == entered.Length || entered[at + 1].Value != entry.Value)
                    .Select(entry => new HistoryEntry(Instant.ToText(entry.Timestamp), entry.Timestamp, Calculated))];
            case Derivation.TimeToClose:
                var closed = snapshot.History(record, schema.Stages!.ClosedDate, EntriesMax);
                return [.. closed.Select(entry => new HistoryEntry(TimeToClose(entry.Value, record.CreatedAt), entry.Timestamp, Calculated))];
            case Derivation.TimeInStage:
                return []; // calculated on read: it has no history
            default:
                return [Created(view, property)];
        }
    }

    // Unless the creating call set it, the first create date is the time of creation, which is stored nowhere else.
    static IEnumerable<HistoryEntry> FirstCreateDate(RecordView view, Property property, ImmutableArray<HistoryEntry> set)
    {
        if (set.IsEmpty)
        {
            return [Created(view, property)];
        }

        var moment = CreatedAt(view);
        return set[^1].Timestamp == moment ? [] : [new(Instant.ToText(moment), moment, view.Record.Source)];
    }

    static HistoryEntry Created(RecordView view, Property property) =>
        new(view.TryGet(property, out var value) ? Encoding.UTF8.GetString(value) : "", CreatedAt(view), view.Record.Source);

    static long CreatedAt(RecordView view) =>
        view.Schema.HubSpotCreateDate is { } kept && view.TryGet(kept, out var moment) ? Instant.Parse(moment) ?? view.Record.CreatedAt : view.Record.CreatedAt;

    // One entry each time the ticket was closed or reopened, not for each move between open stages.
    static ImmutableArray<HistoryEntry> Closings(Schema schema, ImmutableArray<HistoryEntry> stages)
    {
        var closings = new List<HistoryEntry>();
        foreach (var entry in stages)
        {
            var closed = Derivations.IsClosed(schema.FindStage(Encoding.UTF8.GetBytes(entry.Value))) ? "true" : "false";
            if (closings.Count > 0 && closings[^1].Value == closed)
            {
                closings.RemoveAt(closings.Count - 1);
            }

            closings.Add(new(closed, entry.Timestamp, Calculated));
        }

        return [.. closings];
    }

    static string TimeToClose(string closedDate, long createdAt) =>
        Instant.Parse(Encoding.UTF8.GetBytes(closedDate)) is { } closedAt ? Derivations.TimeToClose(closedAt, createdAt).ToString() : "";
}
