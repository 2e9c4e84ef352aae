using System.Collections.Concurrent;
using Docket.Model;
using Docket.Stores;
using Docket.Watch;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Docket.Limits;

/// <summary>
/// Counts calls on HubSpot's paths and refuses those beyond the limits of their portal, with HubSpot's headers and bodies
/// (reference/auth-limits-webhooks-imports.md 2). Counts are in memory. The calls of the day are regularly added to the store, and those
/// that other processes have added are taken over. Those in ten seconds and a second are reported to other processes at once.
/// </summary>
internal sealed partial class RateLimiter : IAsyncDisposable
{
    /// <summary>How often the day's calls are saved, and those of other processes read.</summary>
    static readonly TimeSpan SaveEvery = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<long, PortalUsage> portals = new();
    readonly IUsage store;
    readonly SharedCalls? shared;
    readonly Instruments instruments;
    readonly PortalClocks clocks;
    readonly ILogger logger;
    readonly PeriodicTimer timer;
    readonly Task saving;

    /// <param name="store">Where the day's calls are saved.</param>
    /// <param name="days">What was saved, to continue from.</param>
    /// <param name="shared">The calls of other processes that serve the portals.</param>
    /// <param name="instruments">Counts the calls that are refused.</param>
    /// <param name="clocks">The time in each portal.</param>
    /// <param name="logger">Receives failures to save.</param>
    public RateLimiter(IUsage store, IEnumerable<DayUsage> days, SharedCalls? shared, Instruments instruments, PortalClocks clocks, ILogger logger)
    {
        (this.store, this.shared, this.instruments, this.clocks, this.logger) = (store, shared, instruments, clocks, logger);
        foreach (var day in days)
        {
            Of(day.PortalId).Load(day);
        }

        shared?.Heard += Hear;
        timer = new(SaveEvery, clocks.Server);
        saving = SaveNowAndThenAsync();
    }

    /// <summary>Counts a call, and adds what is left to the answer's headers.</summary>
    /// <exception cref="Refusal">429: a limit is reached.</exception>
    public void Count(HttpContext http, Caller caller, bool search)
    {
        var limits = caller.Limits;
        var standing = Of(caller.PortalId).Count(caller, limits, search);
        var headers = http.Response.Headers;
        if (limits.Daily > 0)
        {
            headers["X-HubSpot-RateLimit-Daily"] = limits.Daily.ToString();
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = standing.DailyLeft.ToString();
        }

        if (limits.Burst > 0 && !search)
        {
            headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000";
            headers["X-HubSpot-RateLimit-Max"] = limits.Burst.ToString();
            headers["X-HubSpot-RateLimit-Remaining"] = standing.BurstLeft.ToString();
            headers["X-HubSpot-RateLimit-Secondly"] = PortalUsage.Secondly(limits.Burst).ToString();
            headers["X-HubSpot-RateLimit-Secondly-Remaining"] = standing.SecondlyLeft.ToString();
        }

        if (standing.Reached != LimitPolicy.None)
        {
            var error = Faults.LimitReached(standing.Reached, caller, standing.WaitMs);
            instruments.LimitHit(error.Limit!.Policy);
            throw new Refusal(error);
        }
    }

    /// <summary>The calls of a portal.</summary>
    public PortalUsage Of(long portalId) => portals.TryGetValue(portalId, out var usage) ? usage : portals.GetOrAdd(portalId, new PortalUsage(clocks.Of(portalId), shared));

    /// <summary>Forgets the calls of a portal other than those that the store has.</summary>
    public async Task ForgetAsync(long portalId)
    {
        portals.TryRemove(portalId, out _);
        foreach (var day in await store.LoadAsync(CancellationToken.None))
        {
            if (day.PortalId == portalId)
            {
                Of(portalId).Load(day);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        shared?.Heard -= Hear;
        timer.Dispose();
        await saving;
        await SaveAsync();
    }

    void Hear(RecentCalls calls) => Of(calls.PortalId).Hear(calls);

    async Task SaveNowAndThenAsync()
    {
        while (await timer.WaitForNextTickAsync())
        {
            await SaveAsync();
        }
    }

    /// <summary>Saves the day's calls of a portal.</summary>
    /// <exception cref="Refusal">The store can't be written.</exception>
    public async Task SaveAsync(long portalId)
    {
        if (Of(portalId).Unsaved(portalId) is { Calls: > 0 } added)
        {
            await store.AddAsync([added]);
            Of(portalId).Saved(added);
        }
    }

    async Task SaveAsync()
    {
        try
        {
            var added = portals.Select(portal => portal.Value.Unsaved(portal.Key)).Where(day => day.Calls > 0).ToList();
            if (added.Count > 0)
            {
                await store.AddAsync(added);
                added.ForEach(day => Of(day.PortalId).Saved(day));
            }

            foreach (var day in await store.LoadAsync(CancellationToken.None))
            {
                Of(day.PortalId).Load(day);
            }
        }
        catch (Exception failure)
        {
            LogUnsaved(failure); // not fatal: counting continues in memory, and the next save may succeed
        }
    }

    [LoggerMessage(LogLevel.Warning, "Failed to save the daily call counts of portals")]
    partial void LogUnsaved(Exception failure);
}

/// <summary>Marks an endpoint as a search, which has its own limit.</summary>
internal sealed record CountsAsSearch;
