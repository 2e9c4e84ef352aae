using Docket.Sqlite;
namespace Docket.Index;

/// <summary>A search's own connection to the index file.</summary>
internal sealed class IndexReader : IDisposable
{
    readonly Connection connection;

    public IndexReader(string path)
    {
        connection = new Connection(path, create: false);
        connection.Execute("PRAGMA query_only=1; PRAGMA mmap_size=1073741824");
        Column = connection.Prepare(Columns.FindSql);
        Term = connection.Prepare("SELECT chunk, docs FROM posting WHERE property = ? AND term = ?");
        // A prefix ends before the same bytes followed by 0xff, which never occurs in UTF-8.
        Terms = connection.Prepare("SELECT term, chunk, docs FROM posting WHERE property = ? AND term >= ? AND term < ?");
    }

    /// <summary>The statement for <see cref="Columns.Values"/>.</summary>
    public Statement Column { get; }

    /// <summary>Chunk and documents of a term of a property.</summary>
    public Statement Term { get; }

    /// <summary>Term, chunk and documents of a property's terms, from one term and below another.</summary>
    public Statement Terms { get; }

    public void Dispose()
    {
        Column.Dispose();
        Term.Dispose();
        Terms.Dispose();
        connection.Dispose();
    }
}
