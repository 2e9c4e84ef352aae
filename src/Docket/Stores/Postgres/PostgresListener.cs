using System.Diagnostics;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Hears of every change of callers and settings, whatever process makes it: at once by a notification, and otherwise by asking each
/// second (through a pooler or another node of a cluster, notifications don't arrive). If both fail, or the process stands still,
/// <see cref="IsCurrent"/> says so. Also hears what calls other processes let in, in the same two ways.
/// </summary>
internal sealed class PostgresListener : IAsyncDisposable
{
    /// <summary>For how long what was heard is taken as current.</summary>
    static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    /// <summary>How often to ask.</summary>
    static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(1);

    /// <summary>The pause after a lost connection.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    readonly PostgresDatabase database;
    readonly Action<long?> heard;
    readonly CallReports calls;
    readonly CancellationTokenSource stop = new();
    readonly Task listening;
    long currentAt;

    /// <summary>Starts to listen.</summary>
    /// <param name="database">The database.</param>
    /// <param name="heard">Called with each generation that is heard of, and with <c>null</c> after a time without listening.</param>
    /// <param name="calls">Receives the calls that other processes let in.</param>
    public PostgresListener(PostgresDatabase database, Action<long?> heard, CallReports calls)
    {
        (this.database, this.heard, this.calls) = (database, heard, calls);
        listening = Task.Run(ListenAsync);
    }

    /// <summary>Whether everything that was committed up to a moment ago has been heard. Measured by the system's clock, which also passes while the process stands still.</summary>
    public bool IsCurrent => Interlocked.Read(ref currentAt) is not 0 and var at && Stopwatch.GetElapsedTime(at) < Lease;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await listening;
        stop.Dispose();
    }

    async Task ListenAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await ListenUntilLostAsync();
            }
            catch (Exception)
            {
                // Requests ask the database themselves until it is back, and report what is wrong with it.
                Interlocked.Exchange(ref currentAt, 0);
                await Task.Delay(Pause, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    async Task ListenUntilLostAsync()
    {
        await using var connection = await database.Source.OpenConnectionAsync(stop.Token);
        connection.Notification += (_, notification) => Hear(notification.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {database.Schema}", connection)) // the name of a schema needs no quotes (PostgresDatabase)
        {
            await listen.ExecuteNonQueryAsync(stop.Token);
        }

        heard(null); // the data may be older than before: an old backup, or a standby that had not everything
        while (true)
        {
            var askedAt = Stopwatch.GetTimestamp();
            await using (var ask = new NpgsqlCommand("SELECT generation FROM identity", connection) { CommandTimeout = (int)Lease.TotalSeconds })
            {
                heard((long)(await ask.ExecuteScalarAsync(stop.Token))!);
            }

            Interlocked.Exchange(ref currentAt, askedAt);
            await calls.ReadAsync(connection, stop.Token); // notifications may not arrive
            while (AskEvery - Stopwatch.GetElapsedTime(askedAt) is var left && left > TimeSpan.Zero)
            {
                await connection.WaitAsync(left, stop.Token);
            }
        }
    }

    void Hear(string notification)
    {
        if (notification.StartsWith(PostgresControl.CallersChanged, StringComparison.Ordinal) && long.TryParse(notification.AsSpan(PostgresControl.CallersChanged.Length), out var generation))
        {
            heard(generation);
        }

        calls.Hear(notification);
    }
}
