using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// Finds the newest change of each record, and who has a unique value: first in memory, then in the tables. The writer sees its own
/// open transaction; a reader sees one commit, from <see cref="Begin"/> to <see cref="End"/>.
/// </summary>
internal sealed class Heads(Connection connection, Folds folds) : IDisposable
{
    readonly Statement begin = connection.Prepare("BEGIN");

    readonly Statement end = connection.Prepare("COMMIT");

    readonly Statement steps = connection.Prepare("SELECT steps FROM fold");

    readonly Statement head = connection.Prepare("SELECT change FROM head WHERE key = ?");

    readonly Statement holder = connection.Prepare("SELECT record FROM unique_value WHERE property = ? AND value = ?");

    readonly Statement range = connection.Prepare("SELECT key, change FROM head WHERE key BETWEEN ? AND ? ORDER BY key");

    Fold fold = folds.Current;
    long upTo = long.MaxValue;

    /// <summary>The newest change that is visible; only for a reader.</summary>
    public long UpTo => upTo;

    /// <summary>For the writer, before each transaction: sees everything that it wrote.</summary>
    public void FollowWriter() => fold = folds.Current;

    /// <summary>Starts a snapshot.</summary>
    public void Begin()
    {
        while (true)
        {
            // Memory first: the file may then be newer, which doesn't matter, because nothing after the commit is looked at.
            fold = folds.Current;
            upTo = fold.Newest.Committed;
            begin.Run();
            steps.Step();
            var isSame = steps.Integer(0) == fold.Steps;
            steps.Reset();
            if (isSame)
            {
                return;
            }

            end.Run(); // the tables were written in the meantime, so memory has lost what is there
        }
    }

    public void End() => end.Run();

    /// <summary>Finds the newest change of a record; <c>null</c> if there is no record with this key.</summary>
    public long? Find(long key)
    {
        if (FindUnfolded(key) is { } known)
        {
            return known == 0 ? null : known;
        }

        return Read(head.Bind(key));
    }

    /// <summary>Finds the key of the record that has a unique value.</summary>
    public long? FindHolder(Property property, ReadOnlyMemory<byte> value)
    {
        var held = new HeldValue(property.Number, value);
        if ((fold.Newest.FindHolder(held, upTo) ?? fold.Older?.FindHolder(held, upTo)) is { } known)
        {
            return known == 0 ? null : known;
        }

        return Read(holder.Bind(property.Number).Bind(value.Span));
    }

    /// <summary>The keys from one to another in order, with the newest change of each record. Not to be nested.</summary>
    public IEnumerable<(long Key, long Change)> Range(long from, long to)
    {
        range.Bind(from).Bind(to);
        try
        {
            var (row, added) = (range.Step(), FirstAdded(from, to));
            while (row || added is not null)
            {
                var isRow = row && !(range.Integer(0) > added);
                var key = isRow ? range.Integer(0) : added!.Value;
                var change = FindUnfolded(key) ?? (isRow ? range.Integer(1) : 0); // an added key may be newer than the snapshot
                added = added == key ? FirstAdded(key + 1, to) : added;
                row = isRow ? range.Step() : row;
                if (change != 0)
                {
                    yield return (key, change);
                }
            }
        }
        finally
        {
            range.Reset();
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[begin, end, steps, head, holder, range])
        {
            statement.Dispose();
        }
    }

    long? FindUnfolded(long key) => fold.Newest.FindHead(key, upTo) ?? fold.Older?.FindHead(key, upTo);

    long? FirstAdded(long from, long to)
    {
        if (from > to)
        {
            return null;
        }

        var (newest, older) = (fold.Newest.FirstAdded(from, to), fold.Older?.FirstAdded(from, to));
        return newest is null || older < newest ? older : newest;
    }

    static long? Read(Statement select)
    {
        if (!select.Step())
        {
            return null;
        }

        var found = select.Integer(0);
        select.Reset();
        return found;
    }
}
