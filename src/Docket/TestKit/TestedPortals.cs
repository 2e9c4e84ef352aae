using System.Collections.Concurrent;
using Docket.Stores;

namespace Docket.TestKit;

/// <summary>What the kit keeps of each portal. Thread-safe.</summary>
/// <param name="clocks">The time of each portal.</param>
internal sealed class TestedPortals(PortalClocks clocks)
{
    readonly ConcurrentDictionary<long, RequestLog> logs = new();

    /// <summary>The log of a portal.</summary>
    public RequestLog LogOf(long portalId) => logs.GetOrAdd(portalId, id => new RequestLog(clocks.Of(id)));

    /// <summary>Forgets a deleted portal.</summary>
    public void Remove(long portalId) => logs.TryRemove(portalId, out _);
}
