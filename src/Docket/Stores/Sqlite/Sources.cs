using Docket.Model;

namespace Docket.Stores.Sqlite;

/// <summary>
/// The numbers that stand for sources in a portal's rows. Kept in memory: a portal has a handful. One writer adds, all
/// readers look up, so the lists are replaced and never changed.
/// </summary>
internal sealed class Sources
{
    volatile Dictionary<long, Source> byNumber = [];

    /// <summary>All of them at this moment, for the writer to go back to when a transaction fails.</summary>
    public Dictionary<long, Source> Snapshot
    {
        get => byNumber;
        set => byNumber = value;
    }

    public IEnumerable<Source> All => byNumber.Values;

    public Source Find(long number) => byNumber[number];

    public void Load(Connection connection)
    {
        using var select = connection.Prepare("SELECT number, type, id FROM source");
        var loaded = new Dictionary<long, Source>();
        while (select.Step())
        {
            loaded[select.Integer(0)] = new(select.Text(1), select.Text(2));
        }

        byNumber = loaded;
    }

    /// <summary>The number of a source, which is written when it is new. For the writer only.</summary>
    public long Number(Connection connection, Source source)
    {
        foreach (var (known, entry) in byNumber)
        {
            if (entry == source)
            {
                return known;
            }
        }

        var number = byNumber.Count + 1L;
        using var insert = connection.Prepare("INSERT INTO source (number, type, id) VALUES (?, ?, ?)");
        insert.Bind(number).Bind(source.Type).Bind(source.Id).Run();
        byNumber = new Dictionary<long, Source>(byNumber) { [number] = source };
        return number;
    }
}
