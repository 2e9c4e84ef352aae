using System.Text;
using Docket.Access;
using Docket.Associations;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Docket.Writes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Legacy;

/// <summary>
/// Activities of all types as engagements of version 1. HubSpot's MCP server (<c>@hubspot/mcp-server</c> 0.4, <c>tools/engagements</c>) and n8n's
/// HubSpot node write them there, Singer's tap-hubspot reads them there. An id says nothing about the type: it is looked for in all.
/// </summary>
internal static class EngagementRoutes
{
    // All types of activities need them (reference/objects-other-than-tickets.md 1.2).
    static readonly ScopeNeed Read = ScopeNeed.Of("crm.objects.contacts.read"), Write = ScopeNeed.Of("crm.objects.contacts.write");

    public static void Map(IEndpointRouteBuilder routes, string path)
    {
        var engagements = routes.MapGroup(path);
        engagements.MapPost("", CreateAsync).Needs(Write);
        engagements.MapGet("paged", ListAsync).Needs(Read);
        engagements.MapGet("recent/modified", ListRecentAsync).Needs(Read);
        engagements.MapGet("associated/{objectType}/{id}/paged", ListAssociatedAsync).Needs(Right.Read);
        engagements.MapGet("{id}", ReadAsync).Needs(Read);
        engagements.MapPatch("{id}", UpdateAsync).Needs(Write);
        engagements.MapDelete("{id}", ArchiveAsync).Needs(Write);
    }

    static async Task CreateAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http);
        var sent = EngagementReader.ReadNew(body);
        var kind = EngagementType.Of(sent.Type!);
        var call = CallOf(http, kind);
        await RespondWrittenAsync(http, kind, await call.Store.ApplyAsync(Validation.Check(WriteKind.Create, [sent.ToInput(kind, call.Portal, call.StartedAt)], call.Schema, call.Caller, call.Features)));
    }

    static async Task UpdateAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http);
        var sent = EngagementReader.ReadChange(body);
        var (kind, record) = await FindAsync(http);
        var call = CallOf(http, kind);
        var input = sent.ToInput(kind, call.Portal, now: null);
        if (input.Values.Length == 0 && input.Ties is null)
        {
            throw new Refusal(Faults.NothingToUpdate());
        }

        input.Id = Encoding.UTF8.GetBytes(record.Id.ToString());
        await RespondWrittenAsync(http, kind, await ObjectRoutes.ApplyToOneAsync(call, WriteKind.Update, input) ?? throw new Refusal(Faults.ResourceNotFound()));
    }

    static async Task ArchiveAsync(HttpContext http)
    {
        var (kind, record) = await FindAsync(http);
        var call = CallOf(http, kind);
        await call.Store.ApplyAsync(Validation.Check(WriteKind.Archive, [new() { Id = Encoding.UTF8.GetBytes(record.Id.ToString()) }], call.Schema, call.Caller, call.Features));
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    static async Task ReadAsync(HttpContext http)
    {
        var found = await FindAsync(http);
        var answers = new EngagementAnswers(http.Call());
        await http.Call().Store.ReadAsync(snapshot => answers.AddAsync(snapshot, [found]), http.RequestAborted);
        await RespondAsync(http, answers);
    }

    static async Task ListAsync(HttpContext http)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "limit", unset: 100, max: 250), http.QueryNumber("offset") ?? 0);
        var answers = new EngagementAnswers(call);
        var (last, hasMore) = await call.Store.ReadAsync(async snapshot =>
        {
            var found = new List<(EngagementType Kind, Record Record)>();
            foreach (var kind in EngagementType.All)
            {
                // One more than the page shows whether there is a next page.
                var records = await snapshot.ListAsync(call.Portal.Find(kind.Plural)!.Type, Math.Min(after, long.MaxValue - 1) + 1, size + 1, archived: false);
                found.AddRange(records.Select(record => (kind, record)));
            }

            List<(EngagementType, Record Record)> page = [.. found.OrderBy(each => each.Record.Id).Take(size)];
            await answers.AddAsync(snapshot, page);
            return (page.Count > 0 ? page[^1].Record.Id : after, found.Count > size);
        }, http.RequestAborted);
        await Pages.RespondAsync(http, "results", answers.WriteAll, hasMore, last);
    }

    static async Task ListRecentAsync(HttpContext http)
    {
        var (call, size, skip, since) = (http.Call(), Pages.Size(http, "count", unset: 20, max: 100), Pages.Skip(http), http.QueryNumber("since"));
        var (found, total) = (new List<(EngagementType Kind, Record Record)>(), 0L);
        foreach (var kind in EngagementType.All)
        {
            var page = await Pages.RecentAsync(call, call.Portal.Find(kind.Plural)!, "hs_lastmodifieddate", since, 0, skip + size, http.RequestAborted);
            found.AddRange(page.Records.Select(record => (kind, record)));
            total += page.Total;
        }

        var answers = new EngagementAnswers(call);
        List<(EngagementType, Record)> shown = [.. found.OrderByDescending(each => each.Record.UpdatedAt).ThenByDescending(each => each.Record.Id).Skip(skip).Take(size)];
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, shown), http.RequestAborted);
        await Pages.RespondAsync(http, "results", answers.WriteAll, skip + size < total, skip + shown.Count, total);
    }

    // A token that reads the record but no activities sees none.
    static async Task ListAssociatedAsync(HttpContext http)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "limit", unset: 100, max: 100), http.QueryNumber("offset") ?? 0);
        var id = Between.ParseId((string)http.GetRouteValue("id")!) ?? -1;
        var answers = new EngagementAnswers(call);
        var page = await call.Store.ReadAsync(async snapshot =>
        {
            if ((await snapshot.FindAsync(call.Type, [id], archived: false))[0] is null)
            {
                return ((long Last, bool HasMore)?)null;
            }

            var found = new List<(EngagementType Kind, long Id)>();
            foreach (var kind in EngagementType.All)
            {
                var to = call.Portal.Find(kind.Plural)!.Type;
                var types = call.Caller.Scopes.Allow(to.Scopes[Right.Read]) ? call.Portal.Associations.Between(call.Type.Number, to.Number) : [];
                found.AddRange((await snapshot.TiesAsync(call.Type, [(id, after)], types, size + 1))[0].Ties.Select(tie => (kind, tie.Id)));
            }

            List<(EngagementType Kind, long Id)> ids = [.. found.OrderBy(each => each.Id).Take(size)];
            var shown = new List<(EngagementType, Record)>();
            foreach (var group in ids.GroupBy(each => each.Kind))
            {
                shown.AddRange((await snapshot.FindAsync(call.Portal.Find(group.Key.Plural)!.Type, [.. group.Select(each => each.Id)], archived: false)).OfType<Record>().Select(record => (group.Key, record)));
            }

            await answers.AddAsync(snapshot, [.. shown.OrderBy(each => each.Item2.Id)]);
            return (ids.Count > 0 ? ids[^1].Id : after, found.Count > size);
        }, http.RequestAborted);
        var (last, hasMore) = page ?? throw new Refusal(Faults.ResourceNotFound());
        await Pages.RespondAsync(http, "results", answers.WriteAll, hasMore, last);
    }

    // The same request as one for records of the type.
    static Call CallOf(HttpContext http, EngagementType kind) => http.Call().Of(http.Call().Portal.Find(kind.Plural)!);

    static async Task<(EngagementType Kind, Record Record)> FindAsync(HttpContext http)
    {
        var call = http.Call();
        var id = Between.ParseId((string)http.GetRouteValue("id")!) ?? throw new Refusal(Faults.ResourceNotFound());
        return await call.Store.ReadAsync(async snapshot =>
        {
            foreach (var kind in EngagementType.All)
            {
                if ((await snapshot.FindAsync(call.Portal.Find(kind.Plural)!.Type, [id], archived: false))[0] is { } record)
                {
                    return (kind, record);
                }
            }

            return ((EngagementType, Record)?)null;
        }, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound());
    }

    // Read again: its associations may have changed it too.
    static async Task RespondWrittenAsync(HttpContext http, EngagementType kind, Outcome outcome)
    {
        var call = http.Call();
        ObjectRoutes.RefuseFaults(call, outcome);
        var written = outcome.Results[0].Record!;
        var answers = new EngagementAnswers(call, kind, outcome.Batch.Schema);
        await call.Store.ReadAsync(async snapshot =>
            await answers.AddAsync(snapshot, [(kind, (await snapshot.FindAsync(outcome.Batch.Schema.Type, [written.Id], archived: false))[0] ?? written)]), CancellationToken.None);
        await RespondAsync(http, answers);
    }

    static Task RespondAsync(HttpContext http, EngagementAnswers answers) => Wire.RespondAsync(http.Response, StatusCodes.Status200OK, answers, static (json, answers) => answers.WriteAll(json));
}
