using System.Collections.Immutable;
using Docket.Model;

namespace Docket.Stores.Sqlite;

// Reads from changes: how a record was in the past, and what has changed since then.
internal sealed partial class RecordReader
{
    /// <summary>Bytes of values after which a page of the feed ends early: a thousand changes can contain a thousand long texts each.</summary>
    const int FeedBytesMax = 4 * 1024 * 1024;

    /// <summary>Finds a record as it was. Follows its changes back to that point, and reads the values before them.</summary>
    public Record? FindAsOf(ObjectType type, long id, long time, Property? createDate, CancellationToken cancellation) =>
        FindAsOf(type, id, new Point(long.MaxValue, time), createDate, cancellation);

    /// <summary>Finds records as they were after a change, without those permanently deleted since then.</summary>
    public ImmutableArray<Record> FindAt(ObjectType type, ImmutableArray<long> ids, long sequence, Property? createDate, CancellationToken cancellation) =>
        [.. ids.Select(id => FindAsOf(type, id, new Point(sequence, long.MaxValue), createDate, cancellation)).OfType<Record>()];

    Record? FindAsOf(ObjectType type, long id, Point point, Property? createDate, CancellationToken cancellation)
    {
        while (true)
        {
            if ((Lookup.FindId(type, id, archived: false) ?? Lookup.FindId(type, id, archived: true)) is { } record)
            {
                return point.Time == long.MaxValue && record.LastChange <= point.Sequence
                    ? record
                    : AsOf(id, record.LastChange, Setters.Of(record), point, createDate, cancellation);
            }

            if (MergedAwayBy(type, id) is not { } away)
            {
                return null;
            }

            change.Bind(away).Step();
            var (mergedAt, before, setters) = (change.Integer(0), change.Integer(3), Setters.Before([], away, change.Blob(2)));
            change.Reset();
            if (point.IsBefore(away, mergedAt))
            {
                return AsOf(id, before, setters, point, createDate, cancellation);
            }

            id = SurvivorOf(away)!.Value;
        }
    }

    /// <summary>Reads the next changes after a number, with the previous values.</summary>
    public ImmutableArray<Change> Feed(long after, int limit, int bytesMax)
    {
        var changes = ImmutableArray.CreateBuilder<Change>();
        var bytes = 0;
        feed.Bind(after).Bind(limit);
        while (feed.Step())
        {
            changes.Add(ReadChange(ref bytes));
            if (bytes > bytesMax)
            {
                feed.Reset();
                break;
            }
        }

        return changes.DrainToImmutable();
    }

    /// <summary>Reads the next changes of one record after a number, and the number of its newest change. Follows the record's links back from there.</summary>
    public (ImmutableArray<Change> Changes, long Newest) FeedOf(ObjectType type, long id, long after, int limit, CancellationToken cancellation)
    {
        if (LastChangeOf(type, id) is not { } newest)
        {
            return ([], 0);
        }

        // Keeps the oldest changes after the number: on the way back, each change replaces the newest one of a full page.
        var page = new Queue<long>();
        long? sequence = newest;
        while (sequence is { } at && at > after)
        {
            cancellation.ThrowIfCancellationRequested();
            page.Enqueue(at);
            if (page.Count > limit)
            {
                page.Dequeue();
            }

            sequence = Previous(at);
        }

        var changes = ImmutableArray.CreateBuilder<Change>();
        var bytes = 0;
        foreach (var next in page.Reverse())
        {
            feed.Bind(next - 1).Bind(1).Step();
            changes.Add(ReadChange(ref bytes));
            feed.Reset();
            if (bytes > FeedBytesMax)
            {
                break;
            }
        }

        return (changes.DrainToImmutable(), newest);
    }

    /// <summary>Reads the newest changes of one record and its associations before a place, and where to continue.</summary>
    public TimelinePage? Timeline(ObjectType type, long id, TimelinePlace? after, int limit)
    {
        if (LastChangeOf(type, id) is not { } newest)
        {
            return null;
        }

        var key = RecordKey.Of(type, id, archived: false);
        var (before, own) = after is not { } place ? (long.MaxValue, newest) : (place.Before, IsChangeOf(key, place.Own) ? place.Own : 0);
        var tied = new Queue<long>(ties.ChangesOf(key, before, limit + 1));
        var changes = ImmutableArray.CreateBuilder<Change>();
        var bytes = 0;
        while (Math.Max(own, tied.FirstOrDefault()) is var next and > 0)
        {
            if (changes.Count == limit || bytes > FeedBytesMax)
            {
                var last = changes[^1].Sequence;
                return new(changes.DrainToImmutable(), new(last, own));
            }

            feed.Bind(next - 1).Bind(1).Step();
            changes.Add(ReadChange(ref bytes));
            feed.Reset();
            own = next == own ? Previous(own) ?? 0 : own;
            _ = tied.TryPeek(out var tie) && tie == next && tied.TryDequeue(out _);
        }

        return new(changes.DrainToImmutable(), null);
    }

    // The record's change before one of its changes.
    long? Previous(long sequence)
    {
        back.Bind(sequence).Step();
        long? previous = (ChangeKind)back.Integer(1) is ChangeKind.Create or ChangeKind.Merge || back.IsNull(0) ? null : back.Integer(0);
        back.Reset();
        return previous;
    }

    // Whether the record of a key was active at a time.
    bool WasActive(long key, long time)
    {
        for (var sequence = LastChangeOf(key); sequence is { } at; sequence = Previous(at))
        {
            change.Bind(at).Step();
            var (since, kind) = (change.Integer(0), (ChangeKind)change.Integer(4));
            change.Reset();
            if (since <= time)
            {
                return kind is not (ChangeKind.Archive or ChangeKind.MergedAway or ChangeKind.Purge);
            }
        }

        return false;
    }

    bool IsChangeOf(long key, long sequence)
    {
        var isOf = change.Bind(sequence).Step() && change.Integer(5) == key;
        change.Reset();
        return isOf;
    }

    // Reads the current row of feed.
    Change ReadChange(ref int bytes)
    {
        var (sequence, key, kind) = (feed.Integer(0), feed.Integer(1), (ChangeKind)feed.Integer(2));
        var trace = feed.IsNull(5) ? (ReadOnlyMemory<byte>?)null : feed.Blob(5).ToArray(); // spelled out: a bare null would become empty memory
        if (kind.IsTie())
        {
            return new(sequence, RecordKey.TypeOf(key), RecordKey.IdOf(key), kind, feed.Integer(3), sources.Find(feed.Integer(4)), trace, [], []) { Tie = TieContent.Read(feed.Blob(6)) };
        }

        var values = kind == ChangeKind.MergedAway ? [] : ValuesOf(sequence, kind, feed.Blob(6), ref bytes);
        return new(sequence, RecordKey.TypeOf(key), RecordKey.IdOf(key), kind, feed.Integer(3), sources.Find(feed.Integer(4)), trace, Related(sequence, kind), values);
    }

    long? LastChangeOf(ObjectType type, long id) => id is < 0 or > RecordKey.IdMax ? null : LastChangeOf(RecordKey.Of(type, id, archived: false));

    long? LastChangeOf(long key)
    {
        if ((Lookup.FindKey(key) ?? Lookup.FindKey(key | RecordKey.ArchivedBit)) is { } record)
        {
            return record.LastChange;
        }

        // A record without a row: the index change_gone finds its last change.
        gone.Bind(key).Step();
        long? last = gone.IsNull(0) ? null : gone.Integer(0);
        gone.Reset();
        return last;
    }

    Record? AsOf(long id, long lastChange, SortedDictionary<int, long> setters, Point point, Property? createDate, CancellationToken cancellation)
    {
        // 1. Go back to the change that was the newest one then. Each later change names the changes that had set its values before.
        var sequence = lastChange;
        for (change.Bind(sequence).Step(); point.IsBefore(sequence, change.Integer(0)); change.Bind(sequence).Step())
        {
            cancellation.ThrowIfCancellationRequested();
            if ((ChangeKind)change.Integer(4) is ChangeKind.Create or ChangeKind.Merge)
            {
                change.Reset();
                return null; // didn't exist yet
            }

            Setters.Before(setters, sequence, change.Blob(2));
            sequence = change.Integer(3);
            change.Reset();
        }

        var (updatedAt, isArchived) = (change.Integer(0), (ChangeKind)change.Integer(4) == ChangeKind.Archive);
        change.Reset();

        // 2. Read the values from those changes.
        var (first, values) = (id - Record.IdBase, new ValueWriter());
        var (source, createdAt) = Origin(first);
        foreach (var (number, setter) in setters)
        {
            change.Bind(setter).Step();
            var content = new ValueReader(change.Blob(2));
            if (content.Seek(number))
            {
                values.Add(number, setter - first, content.Value);
                createdAt = number == createDate?.Number ? Instant.Parse(content.Value) ?? createdAt : createdAt;
            }

            change.Reset();
        }

        return new(id, createdAt, updatedAt, isArchived ? updatedAt : null, source, first, sequence, values.Take());
    }

    // The source and time of a record's creation; for a merged record, those of its primary record.
    (Source Source, long Time) Origin(long first)
    {
        while (true)
        {
            change.Bind(first).Step();
            var (source, time, isMerge) = (sources.Find(change.Integer(1)), change.Integer(0), (ChangeKind)change.Integer(4) == ChangeKind.Merge);
            change.Reset();
            if (!isMerge)
            {
                return (source, time);
            }

            first = RecordOf(first - 1) - Record.IdBase;
        }
    }

    ImmutableArray<ChangedValue> ValuesOf(long sequence, ChangeKind kind, ReadOnlySpan<byte> content, ref int bytes)
    {
        var changed = ImmutableArray.CreateBuilder<ChangedValue>();
        var values = new ValueReader(content);
        while (values.Next())
        {
            var before = kind is ChangeKind.Create or ChangeKind.Merge || values.Link == 0 ? null : Lookup.ValueSetBy(sequence - values.Link, values.Number);
            changed.Add(new(values.Number, before is null ? (ReadOnlyMemory<byte>?)null : before, values.Value.ToArray())); // spelled out: a bare null would become empty memory
            bytes += values.Value.Length + (before?.Length ?? 0);
        }

        return changed.DrainToImmutable();
    }

    // The order of a merge's three changes: see ChangeKind.Merge.
    ImmutableArray<long> Related(long sequence, ChangeKind kind) => kind switch
    {
        ChangeKind.Merge => [RecordOf(sequence - 1), RecordOf(sequence - 2)],
        ChangeKind.MergedAway => [SurvivorOf(sequence)!.Value],
        _ => [],
    };

    long RecordOf(long sequence)
    {
        change.Bind(sequence).Step();
        var id = RecordKey.IdOf(change.Integer(5));
        change.Reset();
        return id;
    }

    long? SurvivorOf(long mergedAway)
    {
        long? id = merge.Bind(mergedAway).Step() ? RecordKey.IdOf(merge.Integer(0)) : null;
        merge.Reset();
        return id;
    }

    long? MergedAwayBy(ObjectType type, long id)
    {
        if (id is < 0 or > RecordKey.IdMax)
        {
            return null;
        }

        long? sequence = forward.Bind(RecordKey.Of(type, id, archived: false)).Step() ? forward.Integer(0) : null;
        forward.Reset();
        return sequence;
    }
}
