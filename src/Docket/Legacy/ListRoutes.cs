using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>Lists of records (segments), which Docket doesn't have: the search for them finds none, so that programs that ask for them go on.</summary>
internal static class ListRoutes
{
    static readonly JsonShape<object> Any = new(null, []);

    public static void Map(IEndpointRouteBuilder routes, string path) => routes.MapPost(path, SearchAsync).Needs(ScopeNeed.Lists);

    /// <summary>Maps the list of version 1.</summary>
    public static void MapOlder(IEndpointRouteBuilder routes, string path) => routes.MapGet(path, http => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, 0, static (json, none) =>
    {
        json.WriteStartObject();
        json.WriteStartArray("lists");
        json.WriteEndArray();
        json.WriteBoolean("has-more", false);
        json.WriteNumber("offset", none);
        json.WriteEndObject();
    })).Needs(ScopeNeed.Lists);

    static async Task SearchAsync(HttpContext http)
    {
        await RequestBody.ReadJsonAsync(http, Any.Read);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, 0, static (json, none) =>
        {
            json.WriteStartObject();
            json.WriteStartArray("lists");
            json.WriteEndArray();
            json.WriteBoolean("hasMore", false);
            json.WriteNumber("offset", none);
            json.WriteNumber("total", none);
            json.WriteEndObject();
        });
    }
}
