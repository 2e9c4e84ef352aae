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

    /// <summary>The source of values that Docket calculates.</summary>
    public static readonly Source Calculated = new("CALCULATED", "CalculatedPropertyComputer");

    /// <summary>For each record the histories of some properties. The view is left at the last one.</summary>
    public static async ValueTask<ImmutableArray<ImmutableArray<(Property Property, ImmutableArray<HistoryEntry> Entries)>>> ReadAsync(
        ISnapshot snapshot, RecordView view, ImmutableArray<Record> records, PropertySet set)
    {
        set = view.Hidden is { } hidden ? set.Without(hidden) : set;
        var properties = new List<Property>();
        for (var rank = set.Next(0); rank >= 0; rank = set.Next(rank + 1))
        {
            properties.Add(view.Schema.Properties[rank]);
        }

        ImmutableArray<Property> stored = [.. properties.Select(property => OriginOf(view.Schema, property)).OfType<Property>().Distinct()];
        var changes = properties.Exists(property => property.Derivation == Derivation.LastModifiedDate);
        var pasts = await snapshot.PastsAsync(records, stored, changes, EntriesMax);
        return [.. records.Zip(pasts, (record, past) =>
        {
            view.Show(record);
            return properties.Select(property => (property, Derive(
                view, property, OriginOf(view.Schema, property) is { } origin ? past.Properties[stored.IndexOf(origin)] : [], past.Changes))).ToImmutableArray();
        })];
    }

    // The property whose stored values the history of another one follows; null for one that follows none.
    static Property? OriginOf(Schema schema, Property property) => property.Derivation switch
    {
        Derivation.None or Derivation.CreateDate or Derivation.StoredOrZero => property,
        Derivation.SameAsOrigin => schema.OriginOf(property),
        Derivation.IsClosed or Derivation.CurrentStageEntered => schema.Stages!.Stage,
        Derivation.TimeToClose => schema.Stages!.ClosedDate,
        _ => null,
    };

    static ImmutableArray<HistoryEntry> Derive(RecordView view, Property property, ImmutableArray<HistoryEntry> stored, ImmutableArray<HistoryEntry> changes)
    {
        switch (property.Derivation)
        {
            case Derivation.None:
                return view.Schema.PlaceOf(property) is null && !property.Calculated ? stored : [.. stored.Select(entry => entry with { Source = Calculated })];
            case Derivation.SameAsOrigin or Derivation.StoredOrZero:
                return [.. stored.Select(entry => entry with { Source = Calculated })];
            case Derivation.LastModifiedDate:
                return [.. changes.Select(entry => entry with { Value = Instant.ToText(entry.Timestamp) })];
            case Derivation.CreateDate:
                return [.. stored, .. FirstCreateDate(view, property, stored)];
            case Derivation.IsClosed:
                return Closings(view.Schema, stored);
            case Derivation.CurrentStageEntered:
                // A merge doesn't enter a stage: the stage stays the same.
                return [.. stored.Where((entry, at) => at + 1 == stored.Length || stored[at + 1].Value != entry.Value)
                    .Select(entry => new HistoryEntry(Instant.ToText(entry.Timestamp), entry.Timestamp, Calculated))];
            case Derivation.TimeToClose:
                return [.. stored.Select(entry => new HistoryEntry(TimeToClose(entry.Value, view.Record.CreatedAt), entry.Timestamp, Calculated))];
            case Derivation.TimeInStage or Derivation.IsOverdue or Derivation.OverdueCount:
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
