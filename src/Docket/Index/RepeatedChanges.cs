using Docket.ChangeLog;
using Docket.Model;

namespace Docket.Index;

/// <summary>Combines the updates of a record that are applied together, so that it is changed once.</summary>
internal sealed class RepeatedChanges
{
    readonly Dictionary<long, int> newest = [];
    readonly ValueWriter writer = new();

    /// <summary>
    /// Removes updates that are followed by another update of the same record, which then has the values of both, and the record's
    /// values before the first. The last change stays, so the changes are still those up to its position.
    /// </summary>
    public void Combine(List<FollowedChange> changes)
    {
        newest.Clear();
        var kept = changes.Count;
        for (var at = changes.Count - 1; at >= 0; at--)
        {
            var change = changes[at];
            if (change.Kind.IsTie())
            {
                // no change of the record
            }
            else if (change is not { Kind: ChangeKind.Update, Content: { } content })
            {
                newest.Remove(change.RecordId);
            }
            else if (newest.TryGetValue(change.RecordId, out var next))
            {
                changes[next] = changes[next] with { Content = Merge(content.Span, changes[next].Content!.Value.Span), Before = change.Before };
                continue;
            }
            else
            {
                newest[change.RecordId] = kept - 1;
            }

            changes[--kept] = change;
        }

        changes.RemoveRange(0, kept);
    }

    byte[] Merge(ReadOnlySpan<byte> earlier, ReadOnlySpan<byte> later)
    {
        var old = new ValueReader(earlier);
        var changed = new ValueReader(later);
        old.Next();
        changed.Next();
        while (Math.Min(old.Number, changed.Number) < int.MaxValue)
        {
            if (old.Number < changed.Number)
            {
                writer.Add(old.Entry);
                old.Next();
                continue;
            }

            if (old.Number == changed.Number)
            {
                old.Next();
            }

            writer.Add(changed.Entry);
            changed.Next();
        }

        return writer.Take();
    }
}
