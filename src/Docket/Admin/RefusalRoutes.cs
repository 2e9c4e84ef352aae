using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Docket.Access;
using Docket.Http;
using Docket.Limits;
using Docket.Model;
using Docket.Stores;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Admin;

/// <summary>Refuses the next calls of an app with 429, to test how a client handles it (reference/auth-limits-webhooks-imports.md 2.6).</summary>
internal static class RefusalRoutes
{
    /// <summary>How many calls can be refused.</summary>
    public const int CallsMax = 1000;

    public static void Map(IEndpointRouteBuilder routes, string path, IPortals portals, RateLimiter limiter) =>
        routes.MapPost(path + "/{appId}/refusals", http => RefuseAsync(http, portals, limiter)).Needs(ScopeNeed.Manage)
            .Describe("refuseCalls", "Refuses the next calls of an app with 429", ([Description("0 is the fixed development token.")] long appId, RefusalBody refusal) => { }, StatusCodes.Status204NoContent);

    static async Task RefuseAsync(HttpContext http, IPortals portals, RateLimiter limiter)
    {
        var body = await RequestBody.ReadJsonAsync(http, RefusalBody.Shape.Read);
        var policy = LimitPolicies.Find(body.PolicyName);
        Faults.RefuseIf([
            .. policy is null ? ["policyName must be TEN_SECONDLY_ROLLING, DAILY or SECONDLY."] : (string[])[],
            .. body.Calls is < 1 or > CallsMax ? [$"calls must be 1 to {CallsMax}."] : (string[])[],
        ]);

        // The fixed development token is app 0, which is not listed.
        var caller = http.Call().Caller;
        var appId = long.TryParse(http.GetRouteValue("appId") as string, out var id) && (id == 0 || await portals.Apps.FindAsync(caller.PortalId, id, http.RequestAborted) is not null)
            ? id
            : throw new Refusal(Faults.ResourceNotFound());
        // Each process would count on its own.
        await portals.RequireAloneAsync("Calls can be refused on demand", http.RequestAborted);
        limiter.Of(caller.PortalId).Refuse(appId, policy!.Value, body.Calls);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}

/// <summary>Which calls to refuse.</summary>
internal sealed record RefusalBody
{
    public static readonly JsonShape<RefusalBody> Shape = new(
        null,
        [],
        ("policyName", (refusal, ref json) => refusal.PolicyName = json.Text()),
        ("calls", (refusal, ref json) => refusal.Calls = json.Number() ?? 0))
    {
        IsClosed = true,
    };

    [Description("The limit in the answers.")]
    [AllowedValues(LimitPolicies.TenSecondlyRolling, LimitPolicies.Daily, LimitPolicies.Secondly)]
    [Required]
    public string? PolicyName { get; set; }

    [Range(1, RefusalRoutes.CallsMax)]
    [Required]
    public int Calls { get; set; }
}
