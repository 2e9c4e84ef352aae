using Docket.Stores;
using Microsoft.AspNetCore.Routing;

namespace Docket.TestKit;

/// <summary>The routes of the test kit. A server has them only if it was started for tests: they change what no client of HubSpot's can.</summary>
internal static class KitGroup
{
    public static void Map(IEndpointRouteBuilder routes, IPortals portals, PortalState state, TestedPortals tested)
    {
        PortalRoutes.Map(routes, "/docket/v1/portals", portals, state);
        new SnapshotRoutes(portals, state).Map(routes);
        SeedRoutes.Map(routes, "/docket/v1/seed", portals, state);
        ClockRoutes.Map(routes, "/docket/v1/clock", portals);
        FaultRoutes.Map(routes, "/docket/v1/faults", portals, tested);
        RequestRoutes.Map(routes, "/docket/v1/requests", tested);
    }
}
