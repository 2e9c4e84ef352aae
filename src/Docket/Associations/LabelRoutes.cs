using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Associations;

/// <summary>The association types of two object types, and a portal's own labels (reference/properties-pipelines-search-associations.md 5.8, objects-other-than-tickets.md 8.7).</summary>
internal static class LabelRoutes
{
    /// <summary>Maps the routes below a prefix.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var labels = routes.MapGroup(prefix + "/{objectType}/{toObjectType}/labels");
        labels.MapGet("", ListAsync).Needs(Right.Read);
        labels.MapPost("", CreateAsync).Needs(Right.Write);
        labels.MapPut("", UpdateAsync).Needs(Right.Write);
        labels.MapDelete("/{associationTypeId}", DeleteAsync).Needs(Right.Write);
    }

    static Task ListAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Read);
        return Wire.RespondListAsync(http.Response, between.Types, (json, type) => Write(json, IsMirror(type, between.Types) ? type with { Label = null } : type));
    }

    static async Task CreateAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var input = await RequestBody.ReadJsonAsync(http, LabelCreate.Read);
        AssociationDefinition? created = null;
        await EditAsync(between, portal =>
        {
            (portal, created) = LabelRules.Create(portal, between.From, between.To, input, between.Call.StartedAt);
            return portal;
        });
        var isNewest = between.Call.Version.Name.StartsWith("2026-09", StringComparison.Ordinal);
        await Wire.RespondListAsync(http.Response, created!.Types, (json, type) => Write(json, type, withObjectTypes: isNewest));
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var input = await RequestBody.ReadJsonAsync(http, LabelUpdate.Read);
        await EditAsync(between, portal => LabelRules.Update(portal, between.From, between.To, input));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task DeleteAsync(HttpContext http)
    {
        var between = Between.Of(http, Right.Write);
        var id = int.TryParse(http.LastPathSegment(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new Refusal(Faults.NoSuchLabel());
        await EditAsync(between, portal => LabelRules.Delete(portal, between.From, between.To, id, between.Call.StartedAt));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static Task EditAsync(Between between, Func<PortalSchema, PortalSchema> change) => between.Call.Store.ChangeTypesAsync(change, between.Call.Caller);

    // Within one object type, a label that is the same in both directions is listed once (objects-other-than-tickets.md 8.7).
    static bool IsMirror(AssociationType type, ImmutableArray<AssociationType> types) => type.Category == AssociationType.UserDefined && type.Label is not null && type.InverseId < type.Id
        && types.Any(other => other.Number == type.Inverse && other.Label == type.Label);

    /// <summary>Writes an association type, as in a record's list and in the list of labels.</summary>
    public static void Write(Utf8JsonWriter json, AssociationType type, bool withObjectTypes = false)
    {
        json.WriteStartObject();
        json.WriteString("category", type.Category);
        json.WriteNumber("typeId", type.Id);
        json.WriteString("label", type.Label);
        if (withObjectTypes)
        {
            // As observed: always null.
            json.WriteNull("fromObjectTypeId");
            json.WriteNull("toObjectTypeId");
        }

        json.WriteEndObject();
    }
}
