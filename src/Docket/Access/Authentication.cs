using Docket.Http;
using Docket.Limits;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Docket.Access;

/// <summary>
/// What an endpoint requires: a right on the object type of its path, or on any type, or a right on the portal. An endpoint without it is
/// open to everyone. A path without <c>{objectType}</c> can be that of one <paramref name="Type"/>.
/// </summary>
internal sealed record NeedsScope(Right? Right, ScopeNeed Portal, bool OfAnyType = false, string? Type = null)
{
    /// <summary>Whether the endpoint changes nothing, regardless of the method.</summary>
    public bool OnlyReads => Right is Model.Right.Read or Model.Right.ReadSchema;

    /// <summary>The scopes that a call needs, of which one is enough.</summary>
    public ScopeNeed Of(Call call) => Right is { } right ? call.Type.Scopes[right] : Portal;
}

/// <summary>
/// Turns a bearer token into a <see cref="Call"/>. Order as on HubSpot: token (401), object type (400), scope (403)
/// (reference/objects-and-batch.md 1.7). Limits (429) come right after the token, so that requests that are refused
/// for any other reason count as calls.
/// </summary>
internal sealed class Authentication(RequestDelegate next, IPortals portals, RateLimiter limiter, Random random)
{
    const string Scheme = "Bearer ";

    /// <summary>Largest body without a token, in bytes: the longest form of OAuth has a tenth of it.</summary>
    const int OpenBodyBytesMax = 8 * 1024;

    public Task InvokeAsync(HttpContext http)
    {
        http.Features.GetRequiredFeature<AboutRequest>().Route = http.RouteOrNull();
        if (http.GetEndpoint() is not RouteEndpoint { Metadata: var endpoint })
        {
            return next(http); // routing answers 404 or 405
        }

        if (endpoint.GetMetadata<NeedsScope>() is not { } needs)
        {
            FeatureHeaders.Read(http, OptionalFeatures.None, writes: !http.Request.IsGetOrHead());
            http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = OpenBodyBytesMax;
            return next(http);
        }

        var header = http.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new Refusal(Faults.NoCredentials());
        }

        // Known tokens are in memory: a request with one needs no state machine.
        var finding = portals.FindTokenAsync(header[Scheme.Length..].Trim(), http.RequestAborted);
        return finding.IsCompletedSuccessfully ? EnterAsync(http, endpoint, needs, finding.Result) : EnterWhenFoundAsync(http, endpoint, needs, finding);
    }

    async Task EnterWhenFoundAsync(HttpContext http, EndpointMetadataCollection endpoint, NeedsScope needs, ValueTask<(Caller Caller, IStore Store)?> finding) =>
        await EnterAsync(http, endpoint, needs, await finding);

    Task EnterAsync(HttpContext http, EndpointMetadataCollection endpoint, NeedsScope needs, (Caller Caller, IStore Store)? caller)
    {
        if (caller is not { } found)
        {
            throw new Refusal(Faults.NoCredentials());
        }

        http.Features.GetRequiredFeature<AboutRequest>().Caller = found.Caller;
        var clock = portals.Clocks.Of(found.Caller.PortalId);
        if (found.Caller.ExpiresAt is { } expiresAt && Instant.Now(clock) is var now && now >= expiresAt)
        {
            throw new Refusal(Faults.TokenExpired(expiresAt, now));
        }

        // Docket's own paths have no version and no limits.
        var version = endpoint.GetMetadata<ApiVersion>();
        if (version is not null)
        {
            limiter.Count(http, found.Caller, search: endpoint.GetMetadata<CountsAsSearch>() is not null);
        }

        var call = new Call(found.Caller, found.Store, needs.Type ?? http.GetRouteValue("objectType") as string, clock)
        {
            Version = version ?? ApiVersion.V3,
            Random = random,
        };
        if (call.TypeName is not null)
        {
            _ = call.Schema; // refuses an unknown type
        }

        var need = needs.Of(call);
        if (!found.Caller.Scopes.Allow(need) && !(needs.OfAnyType && call.Portal.Types.Any(type => found.Caller.Scopes.Allow(type.Scopes[needs.Right!.Value]))))
        {
            throw new Refusal(Faults.MissingScopes(need));
        }

        call.Features = FeatureHeaders.Read(http, endpoint.GetMetadata<TakesFeatures>()?.Features ?? OptionalFeatures.None, writes: !http.Request.IsGetOrHead() && !needs.OnlyReads);
        http.Features.Set(call);
        return next(http);
    }
}

/// <summary>Declares what routes require.</summary>
internal static class ScopeExtensions
{
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Right right)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsScope(right, ScopeNeed.None));

    /// <summary>A right on a type that the path itself stands for.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Right right, string type)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsScope(right, ScopeNeed.None, Type: type));

    /// <summary>A right on some type: the endpoint then looks at the types of what it is asked for. A refusal names the scopes of tickets.</summary>
    public static TBuilder NeedsAny<TBuilder>(this TBuilder endpoint, Right right)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsScope(right, ScopeNeed.None, OfAnyType: true));

    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, ScopeNeed need)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsScope(null, need));
}
