using Docket.Model;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>What a portal's row of <c>head</c> says: the newest committed change and the version of the schema, whoever made them; and the generation of the control plane.</summary>
internal readonly record struct PortalHead(long Sequence, long SchemaVersion, long Generation);

/// <summary>
/// Reads a portal's row of <c>head</c> for all who ask at the same time: whoever asks while a read is in progress shares the next one,
/// so that everyone sees what was committed before they asked.
/// </summary>
internal sealed class HeadWatch(PostgresDatabase database, long portal)
{
    readonly Lock gate = new();
    Task<PortalHead>? current, next;

    /// <summary>Reads what was committed before the call.</summary>
    /// <exception cref="OperatorMistake">The portal was deleted.</exception>
    public Task<PortalHead> ReadAsync()
    {
        lock (gate)
        {
            return current is null or { IsCompleted: true } ? current = Task.Run(QueryAsync) : next ??= AfterAsync(current);
        }
    }

    async Task<PortalHead> AfterAsync(Task<PortalHead> before)
    {
        await ((Task)before).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        lock (gate)
        {
            (current, next) = (next!, null);
        }

        return await QueryAsync();
    }

    async Task<PortalHead> QueryAsync()
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { new("SELECT generation FROM identity"), new("SELECT sequence, schema_version FROM head WHERE portal = $1") { Parameters = { PortalSession.Value(portal) } } },
        };
        await using var rows = await batch.ExecuteReaderAsync();
        await rows.ReadAsync();
        var generation = rows.GetInt64(0);
        await rows.NextResultAsync();
        return await rows.ReadAsync() ? new(rows.GetInt64(0), rows.GetInt64(1), generation) : throw new OperatorMistake($"{database.Description} has no portal {portal} any more.") { State = "missing" };
    }
}
