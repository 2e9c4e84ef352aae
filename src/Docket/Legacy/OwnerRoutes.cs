using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>The owners of version 2, as the npm package <c>hubspot</c> 2.3 reads them: <c>lib/owner.js</c>.</summary>
internal static class OwnerRoutes
{
    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        routes.MapGet(path, ListAsync).Needs(ScopeNeed.Owners);
        routes.MapGet(path + "/{ownerId}", ReadAsync).Needs(ScopeNeed.Owners);
    }

    // A bare array.
    static Task ListAsync(HttpContext http)
    {
        var (email, inactive) = (http.Request.Query["email"].ToString(), http.QueryFlag("includeInactive"));
        var owners = http.Call().Caller.Owners.All.Where(owner => (inactive || !owner.Archived) && (email.Length == 0 || owner.Email.Equals(email, StringComparison.OrdinalIgnoreCase)));
        return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (http.Call().Caller.PortalId, owners), static (json, list) =>
        {
            json.WriteStartArray();
            foreach (var owner in list.owners)
            {
                Write(json, (list.PortalId, owner));
            }

            json.WriteEndArray();
        });
    }

    static Task ReadAsync(HttpContext http)
    {
        var id = http.LastPathSegment();
        return http.Call().Caller.Owners.All.FirstOrDefault(owner => owner.Id.ToString() == id) is { } owner
            ? Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (http.Call().Caller.PortalId, owner), Write) : throw new Refusal(Faults.OwnerNotFound());
    }

    // An owner and its user have the same id, as in HubSpot's newer accounts.
    static void Write(Utf8JsonWriter json, (long PortalId, User User) owner)
    {
        var (portalId, user) = owner;
        json.WriteStartObject();
        json.WriteNumber("portalId", portalId);
        json.WriteNumber("ownerId", user.Id);
        json.WriteString("type", "PERSON");
        json.WriteString("firstName", user.FirstName);
        json.WriteString("lastName", user.LastName);
        json.WriteString("email", user.Email);
        json.WriteNumber("createdAt", user.CreatedAt);
        json.WriteNumber("updatedAt", user.UpdatedAt);
        json.WriteStartArray("remoteList");
        json.WriteStartObject();
        json.WriteNumber("id", user.Id);
        json.WriteNumber("portalId", portalId);
        json.WriteNumber("ownerId", user.Id);
        json.WriteString("remoteId", user.Id.ToString());
        json.WriteString("remoteType", "HUBSPOT");
        json.WriteBoolean("active", !user.Archived);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteBoolean("hasContactsAccess", !user.Archived);
        json.WriteNumber("activeUserId", user.Archived ? 0 : user.Id);
        json.WriteNumber("activeSalesforceId", 0);
        json.WriteNumber("userIdIncludingInactive", user.Id);
        json.WriteBoolean("isActive", !user.Archived);
        json.WriteEndObject();
    }
}
