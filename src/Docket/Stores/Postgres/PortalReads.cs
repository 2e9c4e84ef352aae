using System.Data;
using Docket.ChangeLog;
using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Runs statements that read a portal, each on a connection of the pool for as long as it takes. Their first value, $1, is the portal.
/// A statement runs once more if its connection was lost, or if a row refers to a source that another process has added.
/// </summary>
internal sealed class PortalReads(PostgresDatabase database, long portal, SourceNumbers sources)
{
    const string AllSources = "SELECT number, type, id FROM source WHERE portal = $1";

    public PostgresDatabase Database => database;

    public SourceNumbers Sources => sources;

    /// <summary>Reads all rows.</summary>
    /// <param name="read">Reads a row. It may run again for the same rows, so whatever else it changes is then the same as after once.</param>
    /// <param name="sql">The statement.</param>
    /// <param name="values">Its values after the portal.</param>
    /// <param name="cancellation">Cancels the read.</param>
    public ValueTask<List<T>> ListAsync<T>(Func<NpgsqlDataReader, T> read, string sql, NpgsqlParameter[] values, CancellationToken cancellation) =>
        ReadAllAsync(row => new ValueTask<T>(read(row)), CommandBehavior.Default, sql, values, cancellation);

    /// <summary>Like <see cref="ListAsync"/> for rows of up to a megabyte, which are not held as a whole; their columns are read in order.</summary>
    public ValueTask<List<T>> ListLargeAsync<T>(Func<NpgsqlDataReader, ValueTask<T>> read, string sql, NpgsqlParameter[] values, CancellationToken cancellation) =>
        ReadAllAsync(read, CommandBehavior.SequentialAccess, sql, values, cancellation);

    async ValueTask<List<T>> ReadAllAsync<T>(Func<NpgsqlDataReader, ValueTask<T>> read, CommandBehavior behavior, string sql, NpgsqlParameter[] values, CancellationToken cancellation)
    {
        var all = new List<T>();
        await using var command = Command(sql, values);
        for (var tries = 1; ; tries++)
        {
            try
            {
                all.Clear();
                await using var connection = await database.Source.OpenConnectionAsync(cancellation);
                command.Connection = connection;
                await using var rows = await command.ExecuteReaderAsync(behavior, cancellation);
                while (await rows.ReadAsync(cancellation))
                {
                    all.Add(await read(rows));
                }

                return all;
            }
            catch (SourceNumbers.Unknown) when (tries == 1)
            {
                sources.Learn(await ListAsync(SourceOf, AllSources, [], cancellation));
            }
            catch (Exception failure) when (tries == 1 && PostgresFailures.IsLoss(failure))
            {
                database.Source.Clear(); // the server was restarted since they were last used
            }
        }
    }

    /// <summary>Like <see cref="ListAsync"/> for threads that may block, on a connection of their own or one of the pool.</summary>
    public List<T> List<T>(NpgsqlConnection? own, Func<NpgsqlDataReader, T> read, string sql, params NpgsqlParameter[] values)
    {
        var all = new List<T>();
        using var command = Command(sql, values);
        for (var tries = 1; ; tries++)
        {
            try
            {
                all.Clear();
                using var pooled = own is null ? database.Source.OpenConnection() : null;
                command.Connection = own ?? pooled;
                using var rows = command.ExecuteReader();
                while (rows.Read())
                {
                    all.Add(read(rows));
                }

                return all;
            }
            catch (SourceNumbers.Unknown) when (tries == 1)
            {
                sources.Learn(List(own, SourceOf, AllSources));
            }
            catch (Exception failure) when (tries == 1 && own is null && PostgresFailures.IsLoss(failure))
            {
                database.Source.Clear(); // the server was restarted since they were last used
            }
        }
    }

    NpgsqlCommand Command(string sql, NpgsqlParameter[] values)
    {
        var command = new NpgsqlCommand(sql) { Parameters = { PortalSession.Value(portal) } };
        command.Parameters.AddRange(values);
        return command;
    }

    static (long Number, Source Source) SourceOf(NpgsqlDataReader row) => (row.GetInt32(0), new(row.GetString(1), row.GetString(2)));
}
