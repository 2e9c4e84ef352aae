using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Docket.Stores.Postgres;

/// <summary>
/// Reports of calls between the processes (<see cref="SharedCalls"/>). Each process has its totals in a table, which is never synced to
/// disk, and sends them as notifications too. Whoever reports also reads the totals of the others, and everybody does now and then, so
/// that nothing depends on notifications: they only arrive sooner. A total that is heard twice counts once.
/// </summary>
internal sealed class CallReports
{
    /// <summary>What a notification begins with. The process follows, then <c>portal:app:total</c> for each entry.</summary>
    const string Prefix = "calls ";

    /// <summary>Most entries of one notification, which has less than 8,000 bytes.</summary>
    const int EntriesMax = 100;

    /// <summary>Stands for searches in place of an app; the development token is app 0.</summary>
    const long Searches = -1;

    /// <summary>What happened longer ago counts for no limit.</summary>
    static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    const string Write = """
        INSERT INTO recent_calls (portal, app, process, calls, time) SELECT portal, app, $1, calls, now() FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) x (portal, app, calls)
        ON CONFLICT (portal, app, process) DO UPDATE SET calls = excluded.calls, time = excluded.time
        """;

    readonly PostgresDatabase database;
    readonly Lock gate = new();
    readonly Dictionary<(long Portal, long App), long> own = [];
    readonly Dictionary<(Guid Process, long Portal, long App), long> known = [];
    long readAt; // 0 until it is known what was reported before this process began to count

    public CallReports(PostgresDatabase database, TimeProvider clock)
    {
        this.database = database;
        Calls = new(SendAsync, clock);
    }

    /// <summary>What counts calls and hears of those of other processes.</summary>
    public SharedCalls Calls { get; }

    /// <summary>Takes over the report of another process. Ignores any other notification.</summary>
    public void Hear(string notification)
    {
        if (notification.StartsWith(Prefix, StringComparison.Ordinal) && notification[Prefix.Length..].Split(' ') is [var process, .. var entries] && Guid.TryParse(process, out var id))
        {
            foreach (var entry in entries)
            {
                if (entry.Split(':') is [var portal, var app, var total])
                {
                    Hear(id, Number(portal), Number(app), Number(total));
                }
            }
        }
    }

    /// <summary>Takes over everything that the others have reported. The first time, and after a pause in which it wasn't called, this only notes where they are.</summary>
    public async Task ReadAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var counts = Interlocked.Read(ref readAt) is not 0 and var at && Stopwatch.GetElapsedTime(at) < Window;
        await using var ask = new NpgsqlCommand($"SELECT process, portal, app, calls FROM recent_calls WHERE process <> $1{(counts ? " AND time > now() - $2" : "")}", connection);
        ask.Parameters.Add(PortalSession.Value(database.Process));
        if (counts)
        {
            ask.Parameters.Add(PortalSession.Value(Window));
        }

        await using var rows = await ask.ExecuteReaderAsync(cancellation);
        await HearAsync(rows, counts);
        Interlocked.Exchange(ref readAt, Stopwatch.GetTimestamp());
    }

    async Task SendAsync(IReadOnlyCollection<RecentCalls> calls)
    {
        foreach (var some in calls.Chunk(EntriesMax))
        {
            var keys = Array.ConvertAll(some, each => (Portal: each.PortalId, App: each.AppId ?? Searches));
            for (var i = 0; i < keys.Length; i++)
            {
                own[keys[i]] = own.GetValueOrDefault(keys[i]) + some[i].Calls;
            }

            var portals = Array.ConvertAll(keys, key => key.Portal);
            await using var report = database.Source.CreateBatch();
            report.BatchCommands.Add(new(Write)
            {
                Parameters =
                {
                    PortalSession.Value(database.Process), PortalSession.Value(portals), PortalSession.Value(Array.ConvertAll(keys, key => key.App)), PortalSession.Value(Array.ConvertAll(keys, key => own[key])),
                },
            });
            report.BatchCommands.Add(new("SELECT pg_notify($1, $2)")
            {
                Parameters = { PortalSession.Value(database.Schema), PortalSession.Value(string.Create(CultureInfo.InvariantCulture, $"{Prefix}{database.Process:n} {string.Join(' ', keys.Select(Entry))}")) },
            });
            report.BatchCommands.Add(new("SELECT process, portal, app, calls FROM recent_calls WHERE portal = ANY ($2) AND process <> $1 AND time > now() - $3")
            {
                Parameters = { PortalSession.Value(database.Process), PortalSession.Value(portals), PortalSession.Value(Window) },
            });
            await using var rows = await report.ExecuteReaderAsync();
            await rows.NextResultAsync(); // after that of the notification
            await HearAsync(rows);
        }

        string Entry((long Portal, long App) key) => string.Create(CultureInfo.InvariantCulture, $"{key.Portal}:{key.App}:{own[key]}");
    }

    async Task HearAsync(NpgsqlDataReader rows, bool counts = true)
    {
        while (await rows.ReadAsync())
        {
            Hear(rows.GetGuid(0), rows.GetInt64(1), rows.GetInt64(2), rows.GetInt64(3), counts);
        }
    }

    void Hear(Guid process, long portal, long app, long total, bool counts = true)
    {
        long more;
        lock (gate)
        {
            more = total - known.GetValueOrDefault((process, portal, app));
            if (process == database.Process || more <= 0)
            {
                return;
            }

            known[(process, portal, app)] = total;
        }

        if (counts && Interlocked.Read(ref readAt) != 0)
        {
            Calls.Hear(new(portal, app == Searches ? null : app, (int)Math.Min(more, int.MaxValue)));
        }
    }

    static long Number(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
