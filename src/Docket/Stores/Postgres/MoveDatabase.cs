using Docket.Model;
using Docket.Stores.Control;
using Docket.Stores.Moving;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>A database in a move. Servers may use it at the same time: what they write to a portal after its copy began stays there.</summary>
internal sealed class MoveDatabase(PostgresDatabase database, TimeProvider clock, ILogger logger) : IPortalHome
{
    /// <summary>Changes of purged records to empty in one transaction, while writers wait.</summary>
    const int EmptiedAtOnce = 1_000;

    readonly PostgresControl control = new(database, static _ => { }, new(clock), logger);

    public string Name => database.Description;

    public OperatorMistake? Explain(Exception failure) => failure switch
    {
        Refusal refusal => new(refusal.Message), // of the control plane
        NpgsqlException or TimeoutException or IOException => new(PostgresFailures.Explain(failure, database.Description)),
        _ => null,
    };

    public ValueTask<T> ReadAsync<T>(Func<ControlConnection, ValueTask<T>> read) => control.ReadAsync(read, CancellationToken.None);

    public ValueTask<(string History, long Sequence)?> FindAsync(long portal) => ReadAsync(async opened =>
        (await ControlRows.PortalsAsync(opened)).Contains(portal)
            ? await opened.FindAsync(row => ((string, long)?)(row.GetString(0), row.GetInt64(1)), "SELECT history, sequence FROM head WHERE portal = @1", portal) : null);

    public ValueTask<IPortalRows> OpenAsync(long portal)
    {
        while (true)
        {
            RecordEraser.Finish(database, portal, EmptiedAtOnce);
            var rows = new MoveRows(database.Source, portal);
            if (!rows.HasErasing)
            {
                return new(rows);
            }

            rows.Dispose(); // another record was purged since
        }
    }

    public ValueTask<IPortalCopy> PrepareAsync(long portal, string history, bool restart)
    {
        if (restart)
        {
            MoveCopy.Delete(database, portal);
        }

        return new(new MoveCopy(database, portal, history));
    }

    public ValueTask<T> PublishAsync<T>(long portal, Func<ControlConnection, ValueTask<T>> write) => control.WriteAsync(async opened =>
    {
        var result = await write(opened);
        foreach (var table in (string[])["app", "\"user\""])
        {
            // The next one that is created gets an id after those that were copied.
            await opened.RunAsync(
                $"SELECT setval(s, greatest(pg_sequence_last_value(s), (SELECT max(id) FROM {table}), 1)) FROM (SELECT pg_get_serial_sequence('{table}', 'id')::regclass s) x");
        }

        return result;
    });

    public ValueTask DisposeAsync() => database.DisposeAsync();
}
