using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Docket.Http;

/// <summary>Names routes as their paths are documented: what a group maps at its own path would have a slash at the end, in metrics, spans and the log.</summary>
internal static class RouteNames
{
    public static TBuilder WithoutTrailingSlashes<TBuilder>(this TBuilder routes)
        where TBuilder : IEndpointConventionBuilder
    {
        routes.Finally(endpoint =>
        {
            if (endpoint is RouteEndpointBuilder { RoutePattern.RawText: [_, .., '/'] name } route)
            {
                route.RoutePattern = RoutePatternFactory.Parse(name.TrimEnd('/'));
            }
        });
        return routes;
    }
}
