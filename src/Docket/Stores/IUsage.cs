using System.Collections.Immutable;

namespace Docket.Stores;

/// <summary>The number of calls of all portals' private apps on their latest day, stored across restarts.</summary>
internal interface IUsage
{
    ValueTask<ImmutableArray<DayUsage>> LoadAsync(CancellationToken cancellation);

    /// <summary>Adds calls to what is stored of a day. Another day replaces the stored one.</summary>
    ValueTask AddAsync(IReadOnlyCollection<DayUsage> days);
}

/// <summary>How many calls a portal's private apps made on a day of its time zone.</summary>
internal sealed record DayUsage(long PortalId, DateOnly Day, long Calls);
