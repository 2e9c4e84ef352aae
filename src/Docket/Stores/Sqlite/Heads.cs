using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// What a connection sees of the newest change of each record, of who has a unique value, and of associations: what is in memory replaces
/// what is in the tables. The writer sees its own open transaction; a reader sees one commit, from <see cref="Begin"/> to <see cref="End"/>.
/// </summary>
internal sealed class Heads(Connection connection, Folds folds) : IDisposable
{
    readonly Statement begin = connection.Prepare("BEGIN");

    readonly Statement end = connection.Prepare("COMMIT");

    readonly Statement steps = connection.Prepare("SELECT steps FROM fold");

    readonly Statement holder = connection.Prepare("SELECT record FROM unique_value WHERE property = ? AND value = ?");

    Fold fold = folds.Current;
    long upTo = long.MaxValue;

    /// <summary>The newest change that is visible; only for a reader.</summary>
    public long UpTo => upTo;

    /// <summary>
    /// Without a snapshot: sees what is there from now on. For the writer, before each transaction, and before a read that asks for
    /// the state after an earlier change.
    /// </summary>
    public void Renew() => fold = folds.Current;

    /// <summary>The same for a reader: only what is committed.</summary>
    public void RenewCommitted()
    {
        fold = folds.Current;
        upTo = fold.Newest.Committed;
    }

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

    /// <summary>The newest change of a record; 0 if it doesn't exist any more, <c>null</c> if only the table knows.</summary>
    public long? Unfolded(long key) => fold.Newest.FindHead(key, upTo) ?? fold.Older?.FindHead(key, upTo);

    /// <summary>The key of the record that has a unique value; 0 for none, <c>null</c> if only the table knows.</summary>
    public long? Unfolded(in HeldValue value) => fold.Newest.FindHolder(value, upTo) ?? fold.Older?.FindHolder(value, upTo);

    /// <summary>Whether a record is associated with another one after a change; <c>null</c> if only the table knows.</summary>
    public bool? Unfolded(long record, int type, long other, long upTo) =>
        fold.Newest.FindTie(record)?.At(type, other, upTo) ?? fold.Older?.FindTie(record)?.At(type, other, upTo);

    /// <summary>The changes of a record's associations in memory up to one, newest first.</summary>
    public IEnumerable<UnfoldedTie> UnfoldedTies(long record, long upTo) =>
        ((UnfoldedTie?[])[fold.Newest.FindTie(record), fold.Older?.FindTie(record)]).SelectMany(newest => newest?.AndOlder() ?? []).Where(tie => tie.Sequence <= upTo);

    /// <summary>How many changes of a record's associations are in memory.</summary>
    public int CountUnfoldedTies(long record) => (fold.Newest.FindTie(record)?.Count ?? 0) + (fold.Older?.FindTie(record)?.Count ?? 0);

    /// <summary>The records with changes of their associations in memory.</summary>
    public IEnumerable<long> UnfoldedTied => fold.Older is { } older ? fold.Newest.Tied.Union(older.Tied) : fold.Newest.Tied;

    /// <summary>The first key from one to another that the table may not have. It may be newer than the snapshot.</summary>
    public long? FirstAdded(long from, long to)
    {
        if (from > to)
        {
            return null;
        }

        var (newest, older) = (fold.Newest.FirstAdded(from, to), fold.Older?.FirstAdded(from, to));
        return newest is null || older < newest ? older : newest;
    }

    /// <summary>The key of the record that has a unique value in the table; 0 for none.</summary>
    public long FoldedHolder(in HeldValue value)
    {
        if (!holder.Bind(value.Property).Bind(value.Value.Span).Step())
        {
            return 0;
        }

        var key = holder.Integer(0);
        holder.Reset();
        return key;
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[begin, end, steps, holder])
        {
            statement.Dispose();
        }
    }
}
