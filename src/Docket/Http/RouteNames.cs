using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Docket.Http;

/// <summary>Names routes as their documented paths: a route at a group's own path would otherwise end with a slash in metrics, spans and the log.</summary>
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
