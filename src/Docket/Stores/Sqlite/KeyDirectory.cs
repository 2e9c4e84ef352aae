using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>
/// What is in <c>head</c> and <c>unique_value</c>, in memory, so that the writer needn't search these tables (docs/internals/decisions.md,
/// Changes first). It is filled while there are writes, and given up if it becomes too large. Only for the writer's thread.
/// </summary>
internal sealed class KeyDirectory : IDisposable
{
    /// <summary>In place of a record's key: other values have the same hash, or had, so only the table knows.</summary>
    const long Ambiguous = -1;

    readonly FoldPace pace;
    readonly Statement headsAfter, holdersAfter;

    // By key, and by the hash of a value. Null when it is given up.
    NumberMap? heads = new(), holders = new();
    bool headsComplete, holdersComplete;

    // Up to where the tables have been read.
    long lastKey = long.MinValue;
    (int Property, byte[] Value) last = (0, []);

    public KeyDirectory(Connection connection, FoldPace pace)
    {
        this.pace = pace;
        headsAfter = connection.Prepare("SELECT key, change FROM head WHERE key > ? ORDER BY key LIMIT ?");
        holdersAfter = connection.Prepare(
            "SELECT property, value, record FROM unique_value WHERE (property, value) > (?, ?) ORDER BY property, value LIMIT ?");
    }

    /// <summary>The newest change of a record in the table; 0 for none, <c>null</c> if only the table knows.</summary>
    public long? FindHead(long key) => heads?.Find(key) switch
    {
        null => null,
        0 => headsComplete ? 0 : null,
        var change => change,
    };

    /// <summary>The key of the only record in the table that may have a value; 0 for none, <c>null</c> if only the table knows.</summary>
    public long? FindHolder(in HeldValue value) => holders?.Find(Masked(value.Hash)) switch
    {
        null or Ambiguous => null,
        0 => holdersComplete ? 0 : null,
        var key => key,
    };

    /// <summary>Reads some more rows of the tables, as committed.</summary>
    public void Fill(int rows)
    {
        if (heads is null || holdersComplete)
        {
            return;
        }

        if (!headsComplete)
        {
            headsAfter.Bind(lastKey).Bind(rows);
            while (headsAfter.Step())
            {
                lastKey = headsAfter.Integer(0);
                heads.Set(lastKey, headsAfter.Integer(1));
                rows--;
            }

            headsComplete = rows > 0;
        }

        if (headsComplete && rows > 0)
        {
            holdersAfter.Bind(last.Property).Bind(last.Value).Bind(rows);
            while (holdersAfter.Step())
            {
                var property = (int)holdersAfter.Integer(0);
                var value = holdersAfter.Blob(1);
                Put(HeldValue.HashOf(property, value), holdersAfter.Integer(2));
                if (--rows == 0)
                {
                    last = (property, value.ToArray());
                }
            }

            holdersComplete = rows > 0;
        }

        Bound();
    }

    /// <summary>Takes over what has been written to the tables and committed.</summary>
    public void Follow(ReadOnlySpan<(long Key, long Change)> writtenHeads, ReadOnlySpan<(HeldValue Value, long Key)> writtenHolders)
    {
        if (heads is null)
        {
            return;
        }

        foreach (var (key, change) in writtenHeads)
        {
            heads.Set(key, change);
        }

        foreach (var (value, key) in writtenHolders)
        {
            Put(value.Hash, key);
        }

        Bound();
    }

    public void Dispose()
    {
        headsAfter.Dispose();
        holdersAfter.Dispose();
    }

    void Put(long valueHash, long key)
    {
        var hash = Masked(valueHash);
        var known = holders!.Find(hash);
        // Also for a value that is removed: the entry may be that of another one.
        holders.Set(hash, known == 0 || known == key ? key : Ambiguous);
    }

    long Masked(long hash) => (hash & pace.HashMask) is var masked and not 0 ? masked : 1;

    void Bound()
    {
        if (heads!.Count + holders!.Count > pace.KeysMax)
        {
            (heads, holders) = (null, null);
        }
    }
}
