using System.Globalization;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Owners;

/// <summary>The Owners API: users who can own the portal's tickets (reference/properties-pipelines-search-associations.md 6). Read only; users are managed by <c>Access/UserRoutes.cs</c>.</summary>
internal static class OwnerRoutes
{
    const int LimitUnset = 100, LimitMax = 500;

    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        routes.MapGet(path, ListAsync).Needs(ScopeNeed.Owners);
        routes.MapGet(path + "/{ownerId}", ReadAsync).Needs(ScopeNeed.Owners);
    }

    static Task ListAsync(HttpContext http)
    {
        var (archived, email) = (http.QueryFlag("archived"), http.Request.Query["email"].ToString());
        var (from, limit) = (http.QueryNumber("after") ?? 0, http.QueryLimit(LimitUnset, LimitMax));
        // One more than the page shows whether there is a next page, and where it starts.
        var found = http.Call().Caller.Owners.All
            .Where(user => user.Id >= from && user.Archived == archived && (email.Length == 0 || user.Email.Equals(email, StringComparison.OrdinalIgnoreCase)))
            .Take(limit + 1).ToList();
        return Wire.RespondPageAsync(http.Response, found.Take(limit), Wire.LinkTo(http.Request, found.Count > limit ? found[limit].Id : null), Write);
    }

    static Task ReadAsync(HttpContext http)
    {
        // An owner and its user have the same id, as in HubSpot's newer accounts.
        if (http.Request.Query["idProperty"].ToString() is not ("" or "id" or "userId"))
        {
            throw new Refusal(Faults.BadParameter("idProperty"));
        }

        var archived = http.QueryFlag("archived");
        return long.TryParse(http.LastPathSegment(), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && http.Call().Caller.Owners.All.FirstOrDefault(user => user.Id == id && user.Archived == archived) is { } owner
            ? Wire.RespondAsync(http.Response, StatusCodes.Status200OK, owner, Write)
            : throw new Refusal(Faults.OwnerNotFound());
    }

    static void Write(Utf8JsonWriter json, User owner)
    {
        json.WriteStartObject();
        json.WriteString("id", owner.Id.ToString());
        json.WriteString("email", owner.Email);
        json.WriteString("type", "PERSON");
        json.WriteString("firstName", owner.FirstName);
        json.WriteString("lastName", owner.LastName);
        if (!owner.Archived)
        {
            json.WriteNumber("userId", owner.Id);
        }

        json.WriteNumber("userIdIncludingInactive", owner.Id);
        json.WriteString("createdAt", Instant.ToText(owner.CreatedAt));
        json.WriteString("updatedAt", Instant.ToText(owner.UpdatedAt));
        json.WriteBoolean("archived", owner.Archived);
        json.WriteEndObject();
    }
}
