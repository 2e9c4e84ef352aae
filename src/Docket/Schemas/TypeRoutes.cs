using System.Text;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Schemas;

/// <summary>The schemas API: the object types of a portal (reference/properties-pipelines-search-associations.md 8).</summary>
internal static class TypeRoutes
{
    /// <summary>Maps the endpoints below a prefix.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        var types = routes.MapGroup(prefix);
        types.MapGet("", ListAsync).Needs(TypeDefinition.ReadAll);
        types.MapPost("", CreateAsync).Needs(TypeDefinition.WriteAll);
        // HubSpot's specification has these two open to any token, unlike the list.
        types.MapPost("/batch/read", ReadBatchAsync).Needs(ScopeNeed.None);
        types.MapGet("/{objectType}", ReadAsync).Needs(ScopeNeed.None);
        types.MapPatch("/{objectType}", UpdateAsync).Needs(TypeDefinition.WriteAll);
        types.MapDelete("/{typeId}", DeleteAsync).Needs(TypeDefinition.WriteAll); // may be archived, which no other path accepts
        types.MapPost("/{objectType}/associations", AssociateAsync).Needs(TypeDefinition.WriteAll);
        types.MapDelete("/{objectType}/associations/{associationId}", DissociateAsync).Needs(TypeDefinition.WriteAll);
    }

    // With archived ones, active ones are in the list too.
    static Task ListAsync(HttpContext http)
    {
        var (portal, parts, archived) = (http.Call().Portal, Parts(http), http.QueryFlag("archived"));
        var shown = portal.Custom.Where(schema => schema.Type.Definition!.PurgedAt is null && (archived || !schema.Type.IsArchived));
        return Wire.RespondListAsync(http.Response, shown, (json, schema) => TypeResponse.WriteSchema(json, portal, schema, parts));
    }

    static async Task CreateAsync(HttpContext http)
    {
        var call = http.Call();
        var input = await RequestBody.ReadJsonAsync(http, TypeJson.Create);
        if (TypeRules.FindArchivedByName(call.Portal, input.Name!) is { } archived)
        {
            TypeRules.Create(call.Portal, input, EditOf(call)); // a create that is refused deletes nothing
            await PurgeRecordsAsync(call, archived);
        }

        var (portal, created) = await EditAsync(call, (portal, edit) => TypeRules.Create(portal, input, edit));
        Wire.SetLocation(http, created.Type.Id);
        await Wire.RespondAsync(http.Response, StatusCodes.Status201Created, (portal, created), static (json, answer) => TypeResponse.WriteSchema(json, answer.portal, answer.created, new(true, true, true)));
    }

    static async Task ReadBatchAsync(HttpContext http)
    {
        var portal = http.Call().Portal;
        var batch = await RequestBody.ReadJsonAsync(http, TypeJson.Names);
        var parts = new ShownParts(batch.IncludePropertyDefinitions ?? true, batch.IncludeAssociationDefinitions ?? true, batch.IncludeAuditMetadata ?? true);
        var found = batch.Inputs!.Select(spelling => portal.Find(spelling) ?? throw new Refusal(Faults.UnknownObjectType(spelling))).ToList();
        await Wire.RespondListAsync(http.Response, found, (json, schema) => TypeResponse.WriteSchema(json, portal, schema, parts));
    }

    static Task ReadAsync(HttpContext http)
    {
        var call = http.Call();
        return Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (call.Portal, call.Schema, Parts(http)), static (json, answer) => TypeResponse.WriteSchema(json, answer.Portal, answer.Schema, answer.Item3));
    }

    static async Task UpdateAsync(HttpContext http)
    {
        var call = http.Call();
        var input = await RequestBody.ReadJsonAsync(http, TypeJson.Update);
        var (_, updated) = await EditAsync(call, (portal, edit) => TypeRules.Update(portal, call.TypeName!, input, edit));
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (updated.Type, call.Caller.PortalId), static (json, answer) => TypeResponse.WriteDefinition(json, answer.Type, answer.PortalId));
    }

    static async Task DeleteAsync(HttpContext http)
    {
        var (call, spelling) = (http.Call(), http.LastPathSegment());
        if (http.QueryFlag("archived"))
        {
            if (TypeRules.FindArchived(call.Portal, spelling) is { } archived)
            {
                await PurgeRecordsAsync(call, archived);
            }

            await EditAsync(call, (portal, edit) => TypeRules.Purge(portal, spelling, edit));
        }
        else
        {
            await EditAsync(call, (portal, edit) => TypeRules.Archive(portal, spelling, edit));
        }

        SchemaResponse.Nothing(http);
    }

    static async Task AssociateAsync(HttpContext http)
    {
        var call = http.Call();
        var input = await RequestBody.ReadJsonAsync(http, TypeJson.Association);
        var (_, created) = await EditAsync(call, (portal, edit) => TypeRules.Associate(portal, call.TypeName!, input, edit));
        Wire.SetLocation(http, created.Id.ToString());
        await Wire.RespondAsync(http.Response, StatusCodes.Status201Created, created, TypeResponse.WriteAssociation);
    }

    static async Task DissociateAsync(HttpContext http)
    {
        var (call, identifier) = (http.Call(), http.LastPathSegment());
        await EditAsync(call, (portal, edit) => TypeRules.Dissociate(portal, call.TypeName!, identifier, edit));
        SchemaResponse.Nothing(http);
    }

    // The archived records of a purged type go with it (reference/objects-other-than-tickets.md 7). Nothing can be restored meanwhile.
    static async Task PurgeRecordsAsync(Call call, Schema archived)
    {
        while (await call.Store.ReadAsync(snapshot => snapshot.ListAsync(archived.Type, 0, Validation.InputsMax, archived: true), CancellationToken.None) is { IsEmpty: false } records)
        {
            await call.Store.ApplyAsync(Validation.Check(WriteKind.Purge, [.. records.Select(record => new RecordInput { Id = Encoding.UTF8.GetBytes(record.Id.ToString()) })], archived, call.Caller));
        }
    }

    static async Task<(PortalSchema Portal, T Answer)> EditAsync<T>(Call call, Func<PortalSchema, TypeEdit, TypesEdited<T>> rule)
    {
        var answer = default(T);
        var portal = await call.Store.ChangeTypesAsync(portal =>
        {
            (portal, answer) = rule(portal, EditOf(call));
            return portal;
        }, call.Caller);
        return (portal, answer!);
    }

    static TypeEdit EditOf(Call call) => new(call.Caller.PortalId, call.StartedAt, call.Caller.Source.Id);

    static ShownParts Parts(HttpContext http)
    {
        return new(Includes("includePropertyDefinitions"), Includes("includeAssociationDefinitions"), Includes("includeAuditMetadata"));

        bool Includes(string flag) => !bool.TryParse(http.Request.Query[flag], out var on) || on;
    }
}
