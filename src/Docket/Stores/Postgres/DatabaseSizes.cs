using System.Diagnostics.Metrics;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// How many records portals have, and how large the tables are. Looking returns what is known, and reads the newest in the background:
/// nobody who collects metrics waits for the database, and nothing is read if nobody looks.
/// </summary>
internal sealed class DatabaseSizes(PostgresDatabase database, TimeProvider clock)
{
    /// <summary>How old what is known may be before it is read again: several metrics are looked at together.</summary>
    static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    readonly Lock gate = new();
    volatile Known? known;
    Task reading = Task.CompletedTask;
    long readAt;

    /// <summary>Active records by portal and id of their type; <c>null</c> before they were first read.</summary>
    public IReadOnlyDictionary<long, IReadOnlyDictionary<string, long>>? Records => Look()?.Records;

    /// <summary>Bytes of all tables with their indexes.</summary>
    public IEnumerable<Measurement<long>> Tables => Look() is { } now ? [Sizes.OfAll("data", now.Bytes)] : [];

    Known? Look()
    {
        lock (gate)
        {
            if (reading.IsCompleted && (known is null || clock.GetElapsedTime(readAt) > Fresh))
            {
                reading = Task.Run(ReadAsync);
            }
        }

        return known;
    }

    async Task ReadAsync()
    {
        try
        {
            await using var connection = await database.Source.OpenConnectionAsync();
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    new("SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'") { Parameters = { PortalSession.Value(database.Schema) } },
                    new("SELECT portal, object_type, sum(records)::bigint FROM stage_use GROUP BY portal, object_type"),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync();
            await rows.ReadAsync();
            var bytes = rows.GetInt64(0);
            await rows.NextResultAsync();
            var records = new List<(long Portal, string Type, long Records)>();
            while (await rows.ReadAsync())
            {
                records.Add((rows.GetInt64(0), rows.GetString(1), rows.GetInt64(2)));
            }

            known = new(records.GroupBy(each => each.Portal).ToDictionary(
                portal => portal.Key, portal => (IReadOnlyDictionary<string, long>)portal.ToDictionary(each => each.Type, each => each.Records)), bytes);
            Interlocked.Exchange(ref readAt, clock.GetTimestamp());
        }
        catch (Exception)
        {
            known = null; // a value that isn't true any more would hide that the database can't be read
        }
    }

    sealed record Known(IReadOnlyDictionary<long, IReadOnlyDictionary<string, long>> Records, long Bytes);
}
