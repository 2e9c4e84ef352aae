using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Http;

/// <summary>
/// Adds HEAD to every route with GET: the same handler writes the same headers, and the web server drops the body.
/// </summary>
internal static class HeadMethod
{
    public static TBuilder AnswersHead<TBuilder>(this TBuilder routes)
        where TBuilder : IEndpointConventionBuilder
    {
        routes.Finally(endpoint =>
        {
            if (endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault() is { HttpMethods: [var method] } && HttpMethods.IsGet(method))
            {
                endpoint.Metadata.Add(new HttpMethodMetadata([HttpMethods.Get, HttpMethods.Head]));
            }
        });
        return routes;
    }

    /// <summary>Whether a request is read-only according to its method.</summary>
    public static bool IsGetOrHead(this HttpRequest request) => HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);
}
