using Npgsql;

namespace Docket.Bench;

/// <summary>A schema of its own in a PostgreSQL database.</summary>
internal sealed class StoreDatabase
{
    readonly NpgsqlDataSource source;
    readonly string schema;
    readonly string? mainProcess;

    /// <summary>Drops what an earlier run left in the schema.</summary>
    public StoreDatabase(string connectionString, string schema)
    {
        this.schema = schema;
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = schema };
        Text = settings.ConnectionString;
        settings.MaxAutoPrepare = 50;
        settings.AutoPrepareMinUsages = 2;
        source = NpgsqlDataSource.Create(settings);
        mainProcess = MainProcess();
        Drop();
    }

    /// <summary>The connection string with the schema.</summary>
    public string Text { get; }

    public NpgsqlConnection Open() => source.OpenConnection();

    public void Run(string sql)
    {
        using var command = source.CreateCommand(sql);
        command.ExecuteNonQuery();
    }

    public void Create() => Run($"CREATE SCHEMA {schema}");

    public void Drop() => Run($"DROP SCHEMA IF EXISTS {schema} CASCADE");

    /// <summary>Bytes of all tables and indexes.</summary>
    public long Bytes()
    {
        using var command = source.CreateCommand($"SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{schema}' AND c.relkind = 'r'");
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>Seconds of processor time that the server of the database has used so far, its ended processes too; 0 if it runs elsewhere.</summary>
    public double Cpu()
    {
        var ticks = 0L;
        foreach (var directory in System.IO.Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(path[6])))
        {
            try
            {
                var stat = File.ReadAllText(Path.Combine(directory, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (directory == $"/proc/{mainProcess}")
                {
                    ticks += fields[11..15].Sum(long.Parse); // utime, stime, and those of the children that ended
                }
                else if (fields[1] == mainProcess)
                {
                    ticks += fields[11..13].Sum(long.Parse);
                }
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }

        return ticks / 100.0;
    }

    string? MainProcess()
    {
        using var connection = Open();
        var stat = $"/proc/{connection.ProcessID}/stat";
        return File.Exists(stat) && File.ReadAllText(stat) is var text && text.Contains("(postgres)", StringComparison.Ordinal) ? text[(text.LastIndexOf(')') + 2)..].Split(' ')[1] : null;
    }
}
