using Docket.Model.Types;
using Docket.Sqlite;
using Docket.Stores.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Docket.Tests.Stores;

/// <summary>What follows from the changes in a portal's file, as text.</summary>
internal static class DerivedTables
{
    const string Derived = "SELECT group_concat(row, ';') FROM (SELECT 'head ' || key || ' ' || change AS row FROM head UNION ALL SELECT 'value ' || property || ' ' || hex(value) || ' ' || record FROM unique_value "
        + "UNION ALL SELECT 'stage ' || object_type || ' ' || stage || ' ' || records FROM stage_use WHERE records <> 0 "
        + "UNION ALL SELECT 'tie ' || record || ' ' || type || ' ' || other || ' ' || change FROM association UNION ALL SELECT 'tied ' || record || ' ' || type || ' ' || other || ' ' || since || ' ' || until FROM association_past "
        + "UNION ALL SELECT 'tie of ' || record || ' ' || change FROM association_change ORDER BY row)";

    /// <summary>After the file was opened and closed.</summary>
    public static string Reopened(string path)
    {
        using (var store = new SqliteStore(path, StandardTypes.All, new ManualClock(), NullLogger.Instance))
        {
            store.Open();
        }

        using var file = new Connection(path, create: false);
        Assert.Equal(file.QueryInteger("SELECT max(sequence) FROM change"), file.QueryInteger("SELECT sequence FROM fold"));
        return file.QueryText(Derived);
    }

    /// <summary>What follows from all changes from the first on.</summary>
    public static string Remade(string path)
    {
        using (var file = new Connection(path, create: false))
        {
            file.Execute("DELETE FROM head; DELETE FROM unique_value; DELETE FROM stage_use; DELETE FROM association; DELETE FROM association_past; DELETE FROM association_change; UPDATE fold SET sequence = 0");
        }

        return Reopened(path);
    }
}
