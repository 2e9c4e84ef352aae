using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Schemas;

/// <summary>The outcomes of calls, which are the options of a property (reference/objects-other-than-tickets.md 5.3).</summary>
internal static class DispositionRoutes
{
    const string Disposition = "hs_call_disposition";

    /// <summary>Maps the list of the dispositions of <paramref name="calls"/>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string path, ObjectType calls) =>
        routes.MapGet(path, http => ListAsync(http, calls)).Needs(ScopeNeed.Of(calls.Scopes.ReadSchema.AnyOf));

    // A bare array, unlike all newer lists.
    static Task ListAsync(HttpContext http, ObjectType calls) =>
        Wire.RespondAsync(http.Response, StatusCodes.Status200OK, http.Call().Store.Schema.Of(calls).Require(Disposition).Definition.Options, static (json, options) =>
        {
            json.WriteStartArray();
            foreach (var option in options)
            {
                json.WriteStartObject();
                json.WriteString("id", option.Value);
                json.WriteString("label", option.Label);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
}
