using System.Collections.Concurrent;

namespace Docket.Stores.Sqlite;

/// <summary>
/// What some changes have made of <c>head</c>, <c>unique_value</c>, <c>stage_use</c> and the associations, before it is written there. One
/// thread writes; others read the state after a commit at the same time, because each entry keeps the older ones.
/// </summary>
internal sealed class Unfolded
{
    readonly ConcurrentDictionary<long, Entry> heads = new(concurrencyLevel: 1, capacity: 31);
    readonly ConcurrentDictionary<HeldValue, Entry> holders = new(concurrencyLevel: 1, capacity: 31);
    readonly ConcurrentDictionary<long, UnfoldedTie> ties = new(concurrencyLevel: 1, capacity: 31);
    readonly Dictionary<(string Type, string Stage), long> stages = [];

    // Reads walk along all unfolded associations of a record. So many make each further one count for two, the double of it for three.
    const int TiesOfOne = 1_000;

    // Keys that the table may not have. Guarded by itself.
    readonly SortedSet<long> added = [];

    // What the open transaction has written, for a rollback.
    readonly List<long> headsWritten = [], keysAdded = [], tiesWritten = [];
    readonly List<HeldValue> holdersWritten = [];
    readonly List<(string Type, string Stage, long By)> moves = [];
    long committed;

    /// <param name="committed">The newest committed change.</param>
    public Unfolded(long committed) => this.committed = committed;

    /// <summary>The newest committed change: a reader that started before sees the state after it.</summary>
    public long Committed => Interlocked.Read(ref committed);

    /// <summary>How many changes, where values that need much memory count for several.</summary>
    public int Weight { get; private set; }

    /// <summary>The heads in the order of the table. Only for the writer, or when nothing is written here any more.</summary>
    public (long Key, long Change)[] Heads() => Sorted(heads.Select(entry => (entry.Key, entry.Value.Is)), static (one, other) => one.Key.CompareTo(other.Key));

    /// <inheritdoc cref="Heads"/>
    public (HeldValue Value, long Key)[] Holders() => Sorted(holders.Select(entry => (entry.Key, entry.Value.Is)), static (one, other) => one.Key.CompareTo(other.Key));

    /// <summary>The change in the number of active records of each stage.</summary>
    /// <param name="withOpen">Whether to include the open transaction; only for the writer.</param>
    public Dictionary<(string Type, string Stage), long> Stages(bool withOpen)
    {
        lock (stages)
        {
            var all = new Dictionary<(string Type, string Stage), long>(stages);
            if (withOpen)
            {
                moves.ForEach(move => Add(all, move));
            }

            return all;
        }
    }

    /// <summary>The changes of associations in the order of their table, those of one association in the order of their numbers.</summary>
    /// <inheritdoc cref="Heads"/>
    public (long Record, UnfoldedTie Tie)[] Ties() => Sorted(
        ties.SelectMany(entry => entry.Value.AndOlder(), (entry, tie) => (entry.Key, tie)),
        static (one, other) =>
            one.Key != other.Key ? one.Key.CompareTo(other.Key)
            : one.tie.Type != other.tie.Type ? one.tie.Type.CompareTo(other.tie.Type)
            : one.tie.Other != other.tie.Other ? one.tie.Other.CompareTo(other.tie.Other)
            : one.tie.Sequence.CompareTo(other.tie.Sequence));

    /// <summary>The records with changes of their associations.</summary>
    public IEnumerable<long> Tied => ties.Select(entry => entry.Key);

    /// <summary>The newest change of a record's associations, with the earlier ones; <c>null</c> if it is not known here.</summary>
    public UnfoldedTie? FindTie(long record) => ties.GetValueOrDefault(record);

    /// <summary>Sets whether a record is associated with another one.</summary>
    /// <param name="record">The record's key.</param>
    /// <param name="sequence">The change that does this.</param>
    /// <param name="type">The number of the association type, as seen from the record.</param>
    /// <param name="other">The other record's key.</param>
    /// <param name="begins">Whether the association begins; it ends otherwise.</param>
    public void SetTie(long record, long sequence, int type, long other, bool begins)
    {
        var older = ties.GetValueOrDefault(record);
        ties[record] = new(sequence, type, other, begins, older);
        tiesWritten.Add(record);
        Weight += (older?.Count ?? 0) / TiesOfOne;
    }

    /// <summary>Counts a change of associations.</summary>
    public void CountTie() => Weight++;

    /// <summary>Sets the newest change of a record.</summary>
    /// <param name="key">The record's key.</param>
    /// <param name="sequence">The change that does this.</param>
    /// <param name="change">The newest change; 0 if there is no record with this key any more.</param>
    /// <param name="isNew">Whether there was none before.</param>
    public void SetHead(long key, long sequence, long change, bool isNew)
    {
        heads[key] = new(sequence, change, heads.GetValueOrDefault(key));
        headsWritten.Add(key);
        Weight++;
        if (isNew)
        {
            lock (added)
            {
                if (added.Add(key))
                {
                    keysAdded.Add(key);
                }
            }
        }
    }

    /// <summary>Sets the key of the record that has a unique value; 0 for none.</summary>
    public void SetHolder(in HeldValue value, long sequence, long key)
    {
        holders[value] = new(sequence, key, holders.GetValueOrDefault(value));
        holdersWritten.Add(value);
        Weight += value.Value.Length >> 8;
    }

    public void MoveStage(string type, string stage, long by) => moves.Add((type, stage, by));

    /// <summary>Finds the newest change of a record up to a change; 0 if it has none any more, <c>null</c> if it is not known here.</summary>
    public long? FindHead(long key, long upTo) => heads.TryGetValue(key, out var newest) ? newest.At(upTo) : null;

    /// <summary>Finds the key of the record that has a unique value after a change; 0 for none, <c>null</c> if it is not known here.</summary>
    public long? FindHolder(in HeldValue value, long upTo) => holders.TryGetValue(value, out var newest) ? newest.At(upTo) : null;

    /// <summary>The first key from one to another that the table may not have.</summary>
    public long? FirstAdded(long from, long to)
    {
        lock (added)
        {
            using var keys = added.GetViewBetween(from, to).GetEnumerator();
            return keys.MoveNext() ? keys.Current : null;
        }
    }

    /// <summary>Everything that was written since the last commit is visible to readers that start from now on.</summary>
    public void Commit(long sequence)
    {
        lock (stages)
        {
            moves.ForEach(move => Add(stages, move));
        }

        ForgetTransaction();
        Interlocked.Exchange(ref committed, sequence);
    }

    /// <summary>Undoes everything that was written since the last commit.</summary>
    public void Rollback()
    {
        headsWritten.ForEach(key => Undo(heads, key));
        holdersWritten.ForEach(value => Undo(holders, value));
        foreach (var record in tiesWritten)
        {
            if (ties[record].Older is { } older)
            {
                ties[record] = older;
            }
            else
            {
                ties.TryRemove(record, out _);
            }
        }

        lock (added)
        {
            added.ExceptWith(keysAdded);
        }

        ForgetTransaction();
    }

    void ForgetTransaction()
    {
        headsWritten.Clear();
        keysAdded.Clear();
        tiesWritten.Clear();
        holdersWritten.Clear();
        moves.Clear();
    }

    // One array and no more: those of a fold are large, and what is large stays long after its use.
    static T[] Sorted<T>(IEnumerable<T> entries, Comparison<T> comparison)
    {
        var sorted = entries.ToArray();
        Array.Sort(sorted, comparison);
        return sorted;
    }

    static void Add(Dictionary<(string Type, string Stage), long> all, (string Type, string Stage, long By) move) =>
        all[(move.Type, move.Stage)] = all.GetValueOrDefault((move.Type, move.Stage)) + move.By;

    static void Undo<T>(ConcurrentDictionary<T, Entry> entries, T key)
        where T : notnull
    {
        if (entries[key].Older is { } older)
        {
            entries[key] = older;
        }
        else
        {
            entries.TryRemove(key, out _);
        }
    }

    /// <summary>What a key leads to since a change, 0 for nothing, and before.</summary>
    sealed record Entry(long Since, long Is, Entry? Older)
    {
        public long? At(long sequence)
        {
            var entry = this;
            while (entry is not null && entry.Since > sequence)
            {
                entry = entry.Older;
            }

            return entry?.Is;
        }
    }
}

/// <summary>A change of an association as seen from one of its records, and the record's earlier ones.</summary>
internal sealed class UnfoldedTie(long sequence, int type, long other, bool begins, UnfoldedTie? older)
{
    /// <summary>The change.</summary>
    public long Sequence => sequence;

    /// <summary>The number of the association type.</summary>
    public int Type => type;

    /// <summary>The key of the other record.</summary>
    public long Other => other;

    /// <summary>Whether the association begins; it ends otherwise.</summary>
    public bool Begins => begins;

    public UnfoldedTie? Older => older;

    /// <summary>How many there are up to this one.</summary>
    public int Count { get; } = older is null ? 1 : older.Count + 1;

    /// <summary>This one and the earlier ones.</summary>
    public IEnumerable<UnfoldedTie> AndOlder()
    {
        for (var tie = this; tie is not null; tie = tie.Older)
        {
            yield return tie;
        }
    }

    /// <summary>Whether an association exists after a change; <c>null</c> if this doesn't tell.</summary>
    public bool? At(int type, long other, long sequence)
    {
        for (var tie = this; tie is not null; tie = tie.Older)
        {
            if (tie.Other == other && tie.Type == type && tie.Sequence <= sequence)
            {
                return tie.Begins;
            }
        }

        return null;
    }
}
