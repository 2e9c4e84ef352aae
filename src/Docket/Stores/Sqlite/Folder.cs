using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>When what follows from changes is written to the tables.</summary>
/// <param name="Changes">Changes that start a fold. With more, a start after a kill is slower; with less, the same pages are written more often.</param>
/// <param name="StepRows">Rows of a step between two transactions, which waiting writes wait for: a few milliseconds.</param>
internal sealed record FoldPace(int Changes, int StepRows)
{
    public static FoldPace Default { get; } = new(50_000, 2_000);

    /// <summary>Rows that the <see cref="KeyDirectory"/> reads for each change, and at least after each transaction with changes: a tenth of the work of a write.</summary>
    public (int PerChange, int Min) FillRows { get; init; } = (4, 40);

    /// <summary>Most entries of the <see cref="KeyDirectory"/>: four million records with a unique value, or a sixteenth of the memory.</summary>
    public int KeysMax { get; init; } = (int)Math.Min(8_000_000, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 16 / NumberMap.BytesPerEntry);

    /// <summary>The bits of a hash that the <see cref="KeyDirectory"/> uses; for tests.</summary>
    public long HashMask { get; init; } = -1;
}

/// <summary>
/// Writes what follows from changes (<c>head</c>, <c>unique_value</c>, <c>stage_use</c>, associations) for many changes at once, in the
/// order of the tables. A commit then only appends (docs/internals/decisions.md, Changes first). Only for the writer's thread.
/// </summary>
internal sealed class Folder : IDisposable
{
    /// <summary>Changes that may gather while folds fail. Then writes fail too.</summary>
    const int GatheredMax = 1_000_000;

    readonly Folds folds;
    readonly FoldPace pace;
    readonly Statement putHead, dropHead, putHolder, dropHolder, putTie, dropTie, endTie, noteTie, moveStage, mark;
    readonly Connection connection;

    // The fold in progress: what is written, and how much of it has been.
    Lazy<Sorted>? fold;
    int rowsWritten;

    // Whether the end of the open transaction writes everything, and what it has written.
    bool isWanted;
    Sorted[] whole = [];

    // Changes since the last rest.
    long changes;

    public Folder(Connection connection, Folds folds, FoldPace pace)
    {
        this.connection = connection;
        this.folds = folds;
        this.pace = pace;
        Directory = new(connection, pace);
        putHead = connection.Prepare("INSERT INTO head (key, change) VALUES (?, ?) ON CONFLICT DO UPDATE SET change = excluded.change");
        dropHead = connection.Prepare("DELETE FROM head WHERE key = ?");
        putHolder = connection.Prepare("INSERT INTO unique_value (property, value, record) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record = excluded.record");
        dropHolder = connection.Prepare("DELETE FROM unique_value WHERE property = ? AND value = ?");
        putTie = connection.Prepare("INSERT INTO association (record, type, other, change) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
        dropTie = connection.Prepare("DELETE FROM association WHERE record = ? AND type = ? AND other = ? AND change < ? RETURNING change");
        endTie = connection.Prepare("INSERT INTO association_past (record, type, other, since, until) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        noteTie = connection.Prepare("INSERT INTO association_change (record, change) VALUES (?, ?) ON CONFLICT DO NOTHING");
        moveStage = connection.Prepare(
            "INSERT INTO stage_use (object_type, stage, records) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records");
        mark = connection.Prepare("UPDATE fold SET sequence = coalesce(?, sequence), steps = steps + 1");
    }

    /// <summary>What is in the tables.</summary>
    public KeyDirectory Directory { get; }

    /// <summary>What the writer adds to.</summary>
    public Unfolded Newest => folds.Current.Newest;

    /// <summary>Before a transaction: writes everything if folds have failed for long.</summary>
    /// <exception cref="SqliteFailure">They fail still.</exception>
    public void Begin()
    {
        if (Newest.Weight >= GatheredMax)
        {
            Finish();
        }
    }

    /// <summary>Between two transactions: starts a fold if many changes have gathered, or does a step of the current one.</summary>
    /// <exception cref="SqliteFailure">Nothing is lost: the next step tries again.</exception>
    public void Rest()
    {
        var gathered = Newest.Weight >= pace.Changes;
        if (folds.Current.Older is null)
        {
            if (gathered)
            {
                Start();
            }
        }
        else if (gathered)
        {
            Step(int.MaxValue); // writes are faster than the steps
        }
        else if (fold!.IsValueCreated)
        {
            Step(pace.StepRows);
        }

        if (changes > 0)
        {
            Directory.Fill((int)Math.Max(pace.FillRows.Min, Math.Min(changes, pace.StepRows) * pace.FillRows.PerChange));
            changes = 0;
        }
    }

    /// <summary>While there is nothing to do: does a step even for few changes.</summary>
    /// <returns>Whether there is more to write.</returns>
    /// <exception cref="SqliteFailure">Nothing is lost: the next step tries again.</exception>
    public bool RestLong()
    {
        if (folds.Current.Older is null)
        {
            if (Newest.Weight == 0)
            {
                return false;
            }

            Start();
        }

        Step(pace.StepRows);
        return folds.Current.Older is not null || Newest.Weight > 0;
    }

    /// <summary>Inside a transaction: lets its end write everything, including what the transaction changes.</summary>
    public void FoldAtCommit() => isWanted = true;

    /// <summary>At the end of a transaction, before the commit.</summary>
    public void Committing(long sequence)
    {
        if (isWanted)
        {
            whole = WriteAll(sequence);
        }
    }

    /// <summary>After the commit of a transaction.</summary>
    public void Committed(long sequence)
    {
        changes += sequence - Newest.Committed;
        Newest.Commit(sequence);
        if (isWanted)
        {
            Folded(sequence, whole);
            (isWanted, whole) = (false, []);
        }
    }

    /// <summary>After the rollback of a transaction.</summary>
    public void Rollback()
    {
        Newest.Rollback();
        (isWanted, whole) = (false, []);
    }

    /// <summary>In a transaction of its own: writes everything.</summary>
    /// <exception cref="SqliteFailure">Nothing is lost: a start reads the changes.</exception>
    public void Finish()
    {
        if (folds.Current is { Older: null, Newest.Weight: 0 })
        {
            return;
        }

        Folded(Newest.Committed, connection.InTransaction(() => WriteAll(Newest.Committed)));
    }

    public void Dispose()
    {
        Directory.Dispose();
        foreach (var statement in (ReadOnlySpan<Statement>)[putHead, dropHead, putHolder, dropHolder, putTie, dropTie, endTie, noteTie, moveStage, mark])
        {
            statement.Dispose();
        }
    }

    void Start()
    {
        var older = Newest;
        var sorting = fold = new(() => Sorted.Of(older));
        _ = Task.Run(() => sorting.Value); // on another thread, because writes would wait for it
        rowsWritten = 0;
        folds.Current = folds.Current with { Newest = new(older.Committed), Older = older };
    }

    void Step(int rows)
    {
        var (sorted, current) = (fold!.Value, folds.Current);
        var to = (int)Math.Min((long)rowsWritten + rows, sorted.Rows);
        var isLast = to == sorted.Rows;
        connection.InTransaction(() =>
        {
            Write(sorted, rowsWritten, to);
            mark.Bind(isLast ? current.Older!.Committed : (long?)null).Run();
        });
        Follow(sorted, rowsWritten, to);
        rowsWritten = to;
        folds.Current = current with { Steps = current.Steps + 1, Older = isLast ? null : current.Older };
        fold = isLast ? null : fold;
    }

    Sorted[] WriteAll(long sequence)
    {
        var current = folds.Current;
        Sorted[] all = current.Older is { } older ? [Sorted.Of(older), Sorted.Of(current.Newest)] : [Sorted.Of(current.Newest)];
        foreach (var sorted in all)
        {
            Write(sorted, 0, sorted.Rows);
        }

        mark.Bind(sequence).Run();
        return all;
    }

    // After the commit of what WriteAll wrote.
    void Folded(long sequence, Sorted[] all)
    {
        foreach (var sorted in all)
        {
            Follow(sorted, 0, sorted.Rows);
        }

        folds.Current = new(folds.Current.Steps + 1, new(sequence), null);
        fold = null;
    }

    void Follow(Sorted sorted, int from, int to)
    {
        var (heads, holders) = (sorted.Heads.Length, sorted.Holders.Length);
        Directory.Follow(
            sorted.Heads.AsSpan(Math.Min(from, heads)..Math.Min(to, heads)), sorted.Holders.AsSpan(Math.Clamp(from - heads, 0, holders)..Math.Clamp(to - heads, 0, holders)));
    }

    void Write(Sorted sorted, int from, int to)
    {
        var (heads, holders) = (sorted.Heads.Length, sorted.Holders.Length);
        for (var row = from; row < to; row++)
        {
            if (row < heads)
            {
                Write(sorted.Heads[row]);
            }
            else if (row < heads + holders)
            {
                Write(sorted.Holders[row - heads]);
            }
            else
            {
                Write(sorted.Ties[row - heads - holders]);
            }
        }

        if (to == sorted.Rows)
        {
            foreach (var (place, by) in sorted.Stages)
            {
                moveStage.Bind(place.Type).Bind(place.Stage).Bind(by).Run();
            }
        }
    }

    void Write((long Key, long Change) head)
    {
        if (head.Change == 0)
        {
            dropHead.Bind(head.Key).Run();
        }
        else
        {
            putHead.Bind(head.Key).Bind(head.Change).Run();
        }
    }

    void Write((HeldValue Value, long Key) holder)
    {
        var (value, key) = holder;
        if (key == 0)
        {
            dropHolder.Bind(value.Property).Bind(value.Value.Span).Run();
        }
        else
        {
            putHolder.Bind(value.Property).Bind(value.Value.Span).Bind(key).Run();
        }
    }

    void Write((long Record, UnfoldedTie Tie) change)
    {
        var (record, tie) = change;
        if (tie.Begins)
        {
            putTie.Bind(record).Bind(tie.Type).Bind(tie.Other).Bind(tie.Sequence).Run();
        }
        else if (dropTie.Bind(record).Bind(tie.Type).Bind(tie.Other).Bind(tie.Sequence).Step())
        {
            var since = dropTie.Integer(0);
            dropTie.Reset();
            endTie.Bind(record).Bind(tie.Type).Bind(tie.Other).Bind(since).Bind(tie.Sequence).Run();
        }

        noteTie.Bind(record).Bind(tie.Sequence).Run();
    }

    sealed record Sorted((long Key, long Change)[] Heads, (HeldValue Value, long Key)[] Holders, (long Record, UnfoldedTie Tie)[] Ties, Dictionary<(string Type, string Stage), long> Stages)
    {
        /// <summary>Without the stages, which are few and belong to the last step.</summary>
        public int Rows => Heads.Length + Holders.Length + Ties.Length;

        public static Sorted Of(Unfolded changes) => new(changes.Heads(), changes.Holders(), changes.Ties(), changes.Stages(withOpen: true));
    }
}
