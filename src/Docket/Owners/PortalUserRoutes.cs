using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Owners;

/// <summary>The users and teams of HubSpot's settings. Read only; there are no teams, no roles and no administrators.</summary>
internal static class PortalUserRoutes
{
    const int LimitUnset = 100, LimitMax = 500;

    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        routes.MapGet(path, ListAsync).Needs(ScopeNeed.Users);
        routes.MapGet(path + "/teams", http => Wire.RespondListAsync(http.Response, Array.Empty<User>(), Write)).Needs(ScopeNeed.Teams);
        routes.MapGet(path + "/{userId}", ReadAsync).Needs(ScopeNeed.Users);
    }

    static Task ListAsync(HttpContext http)
    {
        var (from, limit) = (http.QueryNumber("after") ?? 0, http.QueryLimit(LimitUnset, LimitMax));
        // One more than the page shows whether there is a next page, and where it starts.
        var found = Active(http).Where(user => user.Id >= from).Take(limit + 1).ToList();
        return Wire.RespondPageAsync(http.Response, found.Take(limit), Wire.LinkTo(http.Request, found.Count > limit ? found[limit].Id : null), Write);
    }

    static Task ReadAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        var byEmail = http.Request.Query["idProperty"].ToString() == "EMAIL";
        return Active(http).FirstOrDefault(user => byEmail ? user.Email.Equals(id, StringComparison.OrdinalIgnoreCase) : user.Id.ToString() == id) is { } user
            ? Wire.RespondAsync(http.Response, StatusCodes.Status200OK, user, Write)
            : throw new Refusal(Faults.OwnerNotFound());
    }

    static IEnumerable<User> Active(HttpContext http) => http.Call().Caller.Owners.All.Where(user => !user.Archived);

    static void Write(Utf8JsonWriter json, User user)
    {
        json.WriteStartObject();
        json.WriteString("id", user.Id.ToString());
        json.WriteString("email", user.Email);
        json.WriteString("firstName", user.FirstName);
        json.WriteString("lastName", user.LastName);
        json.WriteStartArray("roleIds");
        json.WriteEndArray();
        json.WriteBoolean("superAdmin", false);
        json.WriteEndObject();
    }
}
