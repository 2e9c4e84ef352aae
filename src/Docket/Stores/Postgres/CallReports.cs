using System.Globalization;

namespace Docket.Stores.Postgres;

/// <summary>Reports of calls to other processes (<see cref="SharedCalls"/>), as notifications: they are in memory, cost no write to disk, and are gone when everyone has them.</summary>
internal static class CallReports
{
    /// <summary>What a report begins with. The process follows, then <c>portal:app:calls</c> for each entry, without an app for searches.</summary>
    const string Prefix = "calls ";

    /// <summary>Most entries of one notification, which has less than 8,000 bytes.</summary>
    const int EntriesMax = 100;

    /// <summary>Sends a report.</summary>
    public static async Task SendAsync(PostgresDatabase database, IReadOnlyCollection<RecentCalls> calls)
    {
        foreach (var some in calls.Chunk(EntriesMax))
        {
            await using var notify = database.Source.CreateCommand("SELECT pg_notify($1, $2)");
            notify.Parameters.Add(PortalSession.Value(database.Schema));
            notify.Parameters.Add(PortalSession.Value(string.Create(
                CultureInfo.InvariantCulture, $"{Prefix}{database.Process:n} {string.Join(' ', some.Select(each => string.Create(CultureInfo.InvariantCulture, $"{each.PortalId}:{each.AppId}:{each.Calls}")))}")));
            await notify.ExecuteNonQueryAsync();
        }
    }

    /// <summary>Reads the report of another process; empty for any other notification.</summary>
    public static IEnumerable<RecentCalls> Read(PostgresDatabase database, string notification) =>
        notification.StartsWith(Prefix, StringComparison.Ordinal) && notification[Prefix.Length..].Split(' ') is [var process, .. var entries] && process != database.Process.ToString("n")
            ? entries.Select(Entry)
            : [];

    static RecentCalls Entry(string entry) => entry.Split(':') is [var portal, var app, var calls]
        ? new(Number(portal), app.Length > 0 ? Number(app) : null, (int)Number(calls))
        : default;

    static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
