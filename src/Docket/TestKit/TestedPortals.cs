using System.Collections.Concurrent;
using Docket.Stores;

namespace Docket.TestKit;

/// <summary>What the kit keeps of each portal. Thread-safe.</summary>
/// <param name="clocks">The time of each portal.</param>
internal sealed class TestedPortals(PortalClocks clocks)
{
    readonly ConcurrentDictionary<long, RequestLog> logs = new();
    readonly ConcurrentDictionary<long, FaultRules> faults = new();

    /// <summary>The log of a portal.</summary>
    public RequestLog LogOf(long portalId) => logs.GetOrAdd(portalId, id => new RequestLog(clocks.Of(id)));

    /// <summary>The faults of a portal; <c>null</c> if it never had any.</summary>
    public FaultRules? FindFaults(long portalId) => faults.GetValueOrDefault(portalId);

    /// <summary>The faults of a portal.</summary>
    public FaultRules FaultsOf(long portalId) => faults.GetOrAdd(portalId, _ => new FaultRules());

    /// <summary>Forgets a deleted portal.</summary>
    public void Remove(long portalId)
    {
        logs.TryRemove(portalId, out _);
        faults.TryRemove(portalId, out _);
    }
}
