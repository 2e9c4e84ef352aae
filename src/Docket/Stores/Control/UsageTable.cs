using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Stores.Control;

/// <summary>Calls by day.</summary>
internal sealed class UsageTable(IControlDatabase database) : IUsage
{
    const string DayFormat = "yyyy-MM-dd";

    public ValueTask<ImmutableArray<DayUsage>> LoadAsync(CancellationToken cancellation) => database.ReadAsync(
        opened => opened.ListAsync(
            row => new DayUsage(row.GetInt64(0), DateOnly.ParseExact(row.GetString(1), DayFormat, CultureInfo.InvariantCulture), row.GetInt64(2)), "SELECT portal, day, calls FROM usage"),
        cancellation);

    public async ValueTask AddAsync(IReadOnlyCollection<DayUsage> days) => await database.WriteAsync(
        async opened =>
        {
            foreach (var day in days)
            {
                await opened.RunAsync(
                    """
                    INSERT INTO usage (portal, day, calls) VALUES (@1, @2, @3)
                    ON CONFLICT (portal) DO UPDATE SET day = excluded.day, calls = excluded.calls + CASE WHEN usage.day = excluded.day THEN usage.calls ELSE 0 END
                    """,
                    day.PortalId, day.Day.ToString(DayFormat, CultureInfo.InvariantCulture), day.Calls);
            }

            return days.Count;
        },
        changesCallers: static _ => false);
}
