using Docket.Http;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Access;

/// <summary>Names the scope an endpoint needs. An endpoint without it is open to anyone.</summary>
internal sealed record NeedsScope(Scopes Scope);

/// <summary>
/// Turns a bearer token into a <see cref="Call"/>. Order as on HubSpot: token (401), object type (400), scope (403)
/// (reference/objects-and-batch.md 1.7).
/// </summary>
internal sealed class Authentication(RequestDelegate next, IPortals portals, TimeProvider clock)
{
    const string Scheme = "Bearer ";

    public Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<NeedsScope>() is not { } needs)
        {
            return next(http);
        }

        var header = http.Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || portals.FindToken(header[Scheme.Length..].Trim()) is not { } found)
        {
            throw new Refusal(Faults.NoCredentials());
        }

        // Docket's own paths name no type; they speak of tickets.
        var type = http.GetRouteValue("objectType") is not string spelling ? ObjectType.Ticket
            : ObjectType.Find(spelling) ?? throw new Refusal(Faults.UnknownObjectType(spelling));
        if (!found.Caller.Scopes.HasFlag(needs.Scope))
        {
            throw new Refusal(Faults.MissingScopes(ScopeNames.Required(needs.Scope)));
        }

        http.Features.Set(new Call(found.Caller, found.Store, type, clock));
        return next(http);
    }
}

/// <summary>Lets routes say what they need.</summary>
internal static class ScopeExtensions
{
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Scopes scope)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsScope(scope));
}
