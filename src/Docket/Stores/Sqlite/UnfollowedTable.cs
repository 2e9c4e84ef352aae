using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>The table <c>unfollowed</c>.</summary>
internal sealed class UnfollowedTable(Connection connection) : IUnfollowed, IDisposable
{
    readonly Statement any = connection.Prepare("SELECT 1 FROM unfollowed LIMIT 1");

    readonly Statement note = connection.Prepare("INSERT INTO unfollowed (record, after) VALUES (?, ?) ON CONFLICT (record) DO UPDATE SET after = min(after, excluded.after)");

    readonly Statement has = connection.Prepare("SELECT 1 FROM unfollowed WHERE record = ?");

    readonly Statement next = connection.Prepare("SELECT record, after FROM unfollowed WHERE record > ? ORDER BY record LIMIT 1");

    readonly Statement advance = connection.Prepare("UPDATE unfollowed SET after = ? WHERE record = ?");

    readonly Statement remove = connection.Prepare("DELETE FROM unfollowed WHERE record = ?");

    public bool Any => Has(any);

    public void Note(long record, long after) => note.Bind(record).Bind(after).Run();

    public IReadOnlySet<long> Among(IReadOnlyCollection<long> records) => records.Where(record => Has(has.Bind(record))).ToHashSet();

    public (long Record, long After)? Next(long record) => Find(record) ?? Find(0);

    public void Advance(long record, long? after)
    {
        if (after is { } key)
        {
            advance.Bind(key).Bind(record).Run();
        }
        else
        {
            remove.Bind(record).Run();
        }
    }

    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<Statement>)[any, note, has, next, advance, remove])
        {
            statement.Dispose();
        }
    }

    static bool Has(Statement statement)
    {
        var has = statement.Step();
        statement.Reset();
        return has;
    }

    (long Record, long After)? Find(long after)
    {
        (long, long)? found = next.Bind(after).Step() ? (next.Integer(0), next.Integer(1)) : null;
        next.Reset();
        return found;
    }
}
