namespace Docket.Stores.Sqlite;

/// <summary>What is in the tables that follow from changes, and what is still in memory.</summary>
/// <param name="Steps">How often the tables were written: tells whether they are those that memory complements.</param>
/// <param name="Newest">The newest changes.</param>
/// <param name="Older">The changes before them that are being written to the tables, if any.</param>
internal sealed record Fold(long Steps, Unfolded Newest, Unfolded? Older);

/// <summary>The current <see cref="Fold"/> of an open file: replaced by the <see cref="Folder"/>, used by every reader.</summary>
internal sealed class Folds
{
    volatile Fold current = new(0, new(0), null);

    public Fold Current
    {
        get => current;
        set => current = value;
    }

    /// <summary>The change in the number of active records of each stage that is not in the table.</summary>
    /// <param name="withOpen">Whether to include the open transaction; only for the writer.</param>
    public Dictionary<(string Type, string Stage), long> StageMoves(bool withOpen)
    {
        var (_, newest, older) = Current;
        var moves = newest.Stages(withOpen);
        foreach (var (place, by) in older?.Stages(withOpen: false) ?? [])
        {
            moves[place] = moves.GetValueOrDefault(place) + by;
        }

        return moves;
    }
}
