using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Objects;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Docket.Search;

/// <summary>The search (reference/properties-pipelines-search-associations.md 4).</summary>
internal static class SearchRoutes
{
    /// <summary>Maps the endpoint below a prefix that contains <c>{objectType}</c>.</summary>
    public static void Map(IEndpointRouteBuilder routes, string prefix) =>
        routes.MapPost($"{prefix}/search", SearchAsync).Needs(Right.Read).Takes(OptionalFeatures.AllProperties | OptionalFeatures.Labels);

    static async Task SearchAsync(HttpContext http)
    {
        var (call, schema) = (http.Call(), http.Call().Schema);
        var capped = call.Caller.Settings.SearchCap;
        SearchBody body;
        using (var bytes = await RequestBody.ReadAsync(http))
        {
            body = SearchReader.Read(bytes);
        }

        RefuseHidden(call, body);
        var query = SearchCompiler.Compile(body, schema, capped, call.Features, call.Caller.Owners, call.Portal);
        var page = await call.Store.SearchAsync(query, http.RequestAborted);
        var set = ReadQuery.SetOf(schema, body.Properties.Count == 0 ? schema.ReadDefault : schema.ReadAlways, body.Properties, call.Features);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (call, query, page, set, capped), static (json, answer) =>
        {
            var (call, query, page, set, capped) = answer;
            json.WriteStartObject();
            json.WriteNumber("total", page.Total);
            var view = RecordView.For(call, query.Schema, page.Time);
            NextPage? next = page.Last is { } last ? new(capped ? (query.Skip + query.Limit).ToString() : SearchCompiler.Write(last, query.Sort is not null)) : null;
            Wire.WriteResults(json, page.Records, next, (json, record) =>
            {
                view.Show(record);
                RecordResponse.WriteRead(json, view, call.Caller.PortalId, set, []);
            });
            json.WriteEndObject();
        });
    }

    // What matches a filter, and in which order, would show values that the caller may not read.
    static void RefuseHidden(Call call, SearchBody body)
    {
        if (call.Type.Guarded is { } guarded && !call.Caller.Scopes.Allow(guarded.Need)
            && body.Groups.SelectMany(group => group).Select(filter => filter.Property).Concat(body.Sorts.Select(sort => sort.Property)).Any(guarded.Names.Contains))
        {
            throw new Refusal(Faults.MissingScopes(guarded.Need));
        }
    }
}
