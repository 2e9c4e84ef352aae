using Docket.ChangeLog;
using Docket.Model;
using Docket.Sqlite;

namespace Docket.Stores.Sqlite;

/// <summary>The sources of a portal in its file.</summary>
internal static class SourceTable
{
    public static void Load(this SourceNumbers sources, Connection connection)
    {
        using var select = connection.Prepare("SELECT number, type, id FROM source");
        var loaded = new Dictionary<long, Source>();
        while (select.Step())
        {
            loaded[select.Integer(0)] = new(select.Text(1), select.Text(2));
        }

        sources.Snapshot = loaded;
    }

    /// <summary>The number of a source, which is stored if it is new. Only for the writer.</summary>
    public static long Number(this SourceNumbers sources, Connection connection, Source source)
    {
        if (sources.NumberOf(source) is { } known)
        {
            return known;
        }

        var number = sources.Add(source);
        using var insert = connection.Prepare("INSERT INTO source (number, type, id) VALUES (?, ?, ?)");
        insert.Bind(number).Bind(source.Type).Bind(source.Id).Run();
        return number;
    }
}
