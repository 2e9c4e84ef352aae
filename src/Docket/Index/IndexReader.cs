using Docket.Sqlite;
namespace Docket.Index;

/// <summary>A search's own connection to the index file.</summary>
internal sealed class IndexReader : IDisposable
{
    readonly Connection connection;

    public IndexReader(string path)
    {
        connection = new Connection(path, create: false);
        connection.Execute("PRAGMA query_only=1");
        Column = connection.Prepare(Columns.FindSql);
        Block = connection.Prepare(BlockCache.FindSql);
    }

    /// <summary>The statement for <see cref="Columns.Values"/>.</summary>
    public Statement Column { get; }

    /// <summary>The statement for <see cref="BlockCache"/>.</summary>
    public Statement Block { get; }

    public void Dispose()
    {
        Column.Dispose();
        Block.Dispose();
        connection.Dispose();
    }
}
