using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Tells other processes that this one is alive: a row that it renews, by the clock of the database. What a process has taken, a job, an
/// upload or the key of a request, is its own as long as it is alive, so nothing else needs renewing. A process that was stopped
/// notices in its next transaction that another one has taken over.
/// </summary>
internal sealed class Presence(PostgresDatabase database) : IAsyncDisposable
{
    /// <summary>How long after its last sign of life a process counts as ended, and how often it gives one: twice may be late.</summary>
    static readonly TimeSpan Lease = TimeSpan.FromSeconds(15), RenewEvery = TimeSpan.FromSeconds(5);

    // Forgets processes whose portals have all been looked after.
    const string Renew = """
        INSERT INTO process (id, until, portals) VALUES ($1, now() + $2, $3) ON CONFLICT (id) DO UPDATE SET until = excluded.until, portals = excluded.portals
        """;

    const string Forget = "DELETE FROM process WHERE until < now() - interval '10 minutes'";

    readonly SemaphoreSlim turn = new(1);
    readonly CancellationTokenSource closing = new();
    volatile HashSet<long>? portals; // null until it is announced
    Task renewing = Task.CompletedTask;

    /// <summary>Tells that this process serves.</summary>
    public ValueTask AnnounceAsync() => AnnounceAsync([]);

    /// <summary>Tells that this process is going to take something of a portal. Costs a round trip the first time.</summary>
    public ValueTask AnnounceAsync(long portal) => portals?.Contains(portal) ?? false ? ValueTask.CompletedTask : AnnounceAsync([portal]);

    /// <summary>Whether no other process serves.</summary>
    public async Task<bool> IsAloneAsync() => (await AliveAsync()).All(id => id == database.Process);

    async ValueTask AnnounceAsync(IEnumerable<long> more)
    {

        await turn.WaitAsync(closing.Token);
        try
        {
            HashSet<long> known = [.. portals ?? [], .. more];
            await WriteAsync(known);
            if (portals is null)
            {
                renewing = Task.Run(RenewAsync);
            }

            portals = known;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>The processes that are alive.</summary>
    public async Task<Guid[]> AliveAsync() => [.. await ListAsync(row => row.GetGuid(0), "SELECT id FROM process WHERE until >= now()")];

    /// <summary>The portals of which a process had taken something that has ended in the last minutes.</summary>
    public Task<List<long>> AbandonedAsync() => ListAsync(row => row.GetInt64(0), "SELECT DISTINCT unnest(portals) FROM process WHERE until < now()");

    /// <summary>Says that a process has certainly ended.</summary>
    public async Task EndAsync(Guid process)
    {
        await using var command = database.Source.CreateCommand("UPDATE process SET until = now() - $2 WHERE id = $1 AND until >= now()");
        command.Parameters.Add(PortalSession.Value(process));
        command.Parameters.Add(PortalSession.Value(Lease));
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Says that this process has ended, so that others need not wait.</summary>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        await renewing; // it would say otherwise
        if (portals is not null)
        {
            try
            {
                await EndAsync(database.Process);
            }
            catch (Exception failure) when (PostgresFailures.IsInterruption(failure))
            {
                // The others notice it later.
            }
        }

        closing.Dispose();
        turn.Dispose();
    }

    async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(RenewEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(closing.Token))
            {
                try
                {
                    await WriteAsync(portals!);
                }
                catch (NpgsqlException)
                {
                    // The next time comes soon, and who can't reach the database can't write either.
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    async Task WriteAsync(HashSet<long> known)
    {
        await using var batch = database.Source.CreateBatch();
        batch.BatchCommands.Add(new(Renew) { Parameters = { PortalSession.Value(database.Process), PortalSession.Value(Lease), PortalSession.Value(known.ToArray()) } });
        batch.BatchCommands.Add(new(Forget));
        await batch.ExecuteNonQueryAsync();
    }

    async Task<List<T>> ListAsync<T>(Func<NpgsqlDataReader, T> read, string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync();
        var all = new List<T>();
        while (await rows.ReadAsync())
        {
            all.Add(read(rows));
        }

        return all;
    }
}
