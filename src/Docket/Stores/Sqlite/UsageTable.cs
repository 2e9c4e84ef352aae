using System.Collections.Immutable;
using System.Globalization;

namespace Docket.Stores.Sqlite;

/// <summary>Calls by day in the registry.</summary>
internal sealed class UsageTable(Registry registry) : IUsage
{
    const string DayFormat = "yyyy-MM-dd";

    public ValueTask<ImmutableArray<DayUsage>> LoadAsync(CancellationToken cancellation) => registry.ReadAsync(opened =>
    {
        using var select = opened.Prepare("SELECT portal, day, calls FROM usage");
        var days = ImmutableArray.CreateBuilder<DayUsage>();
        while (select.Step())
        {
            days.Add(new(select.Integer(0), DateOnly.ParseExact(select.Text(1), DayFormat, CultureInfo.InvariantCulture), select.Integer(2)));
        }

        return days.DrainToImmutable();
    });

    public ValueTask SaveAsync(IReadOnlyCollection<DayUsage> days)
    {
        registry.Write(opened =>
        {
            using var insert = opened.Prepare("INSERT OR REPLACE INTO usage (portal, day, calls) VALUES (?, ?, ?)");
            foreach (var day in days)
            {
                insert.Bind(day.PortalId).Bind(day.Day.ToString(DayFormat, CultureInfo.InvariantCulture)).Bind(day.Calls).Run();
            }

            return days.Count;
        });
        return ValueTask.CompletedTask;
    }
}
