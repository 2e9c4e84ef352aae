using System.Collections.Immutable;
using System.Text.Json;
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

/// <summary>What companies of version 2 have besides <see cref="TypedRoutes"/>: search by domain, and their contacts.</summary>
internal static class CompanyRoutes
{
    const string Companies = "companies", Domain = "domain";

    static readonly JsonShape<SentSearch> Offset = new(null, [], ("companyId", (search, ref json) => search.After = json.Text()));

    static readonly JsonShape<SentSearch> Options = new(null, [], ("properties", (search, ref json) => search.Properties = json.Texts("a list of names")));

    static readonly JsonShape<SentSearch> Search = new(
        null,
        [],
        ("limit", (search, ref json) => search.Limit = json.Number()),
        ("offset", (search, ref json) => search.After = json.IsNull ? null : Offset.Read(ref json).After),
        ("requestOptions", (search, ref json) => search.Properties = json.IsNull ? null : Options.Read(ref json).Properties));

    public static void Map(IEndpointRouteBuilder routes, string prefix)
    {
        TypedRoutes.Companies.Map(routes, prefix + "/companies", "/companies/v1/batch-async/update");
        var companies = routes.MapGroup(prefix);
        companies.MapPost("domains/{domain}/companies", SearchAsync).Needs(Right.Read, Companies);
        companies.MapGet("companies/domain/{domain}", ListByDomainAsync).Needs(Right.Read, Companies);
        companies.MapGet("companies/{id}/contacts", http => ListContactsAsync(http, unset: 20, "contacts")).Needs(Right.Read, Companies);
        companies.MapGet("companies/{id}/vids", http => ListContactsAsync(http, unset: 100, "vids")).Needs(Right.Read, Companies);
        companies.MapPut("companies/{id}/contacts/{toId}", http => TieAsync(http, TieKind.Associate)).Needs(Right.Write, Companies);
        companies.MapDelete("companies/{id}/contacts/{toId}", http => TieAsync(http, TieKind.Dissociate)).Needs(Right.Write, Companies);
    }

    static async Task SearchAsync(HttpContext http)
    {
        var call = http.Call();
        var sent = await RequestBody.ReadJsonAsync(http, Search.Read);
        var after = sent.After is null ? 0 : Between.ParseId(sent.After) ?? throw new Refusal(Faults.BadBodyParameter("offset.companyId"));
        var page = await FindAsync(http, http.LastPathSegment(before: 1), after, Math.Clamp(sent.Limit ?? 100, 1, 100));
        var answers = new RecordAnswers(call, call.Schema, RecordForm.Company, ReadQuery.SetOf(call.Schema, new PropertySet(call.Schema), sent.Properties ?? [Domain]), static _ => false);
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, page.Records), http.RequestAborted);
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (answers, HasMore: page.Last is not null, After: page.Records.LastOrDefault()?.Id ?? after), static (json, page) =>
        {
            json.WriteStartObject();
            json.WriteStartArray("results");
            page.answers.WriteAll(json);
            json.WriteEndArray();
            json.WriteBoolean("hasMore", page.HasMore);
            json.WriteStartObject("offset");
            json.WriteNumber("companyId", page.After);
            json.WriteBoolean("isPrimary", true);
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    // A bare array.
    static async Task ListByDomainAsync(HttpContext http)
    {
        var call = http.Call();
        var page = await FindAsync(http, http.LastPathSegment(), 0, 100);
        var answers = RecordAnswers.OfQuery(http, RecordForm.Company, PropertySet.Everything(call.Schema));
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, page.Records), http.RequestAborted);
        await answers.RespondArrayAsync(http);
    }

    static ValueTask<SearchPage> FindAsync(HttpContext http, string domain, long after, int limit)
    {
        var schema = http.Call().Schema;
        var filter = new SearchFilter(schema.Require(Domain), SearchOperator.Eq, [new(domain.ToLowerInvariant())]);
        return http.Call().Store.SearchAsync(new(schema, [[filter]], [], [], null, 0, after == 0 ? null : new(after, null), limit), http.RequestAborted);
    }

    static async Task ListContactsAsync(HttpContext http, int unset, string list)
    {
        var (call, size, after) = (http.Call(), Pages.Size(http, "count", unset, max: 100), http.QueryNumber("vidOffset") ?? 0);
        var contacts = Contacts(call, Right.Read);
        var id = Between.ParseId((string)http.GetRouteValue("id")!) ?? throw new Refusal(Faults.ResourceNotFound());
        var page = await call.Store.ReadAsync(async snapshot =>
        {
            if ((await snapshot.FindAsync(call.Type, [id], archived: false))[0] is null)
            {
                return ((TiePage, ImmutableArray<Record>)?)null;
            }

            var ties = (await snapshot.TiesAsync(call.Type, [(id, after)], contacts.Types, size))[0];
            return (ties, list == "vids" ? [] : [.. (await snapshot.FindAsync(contacts.To, [.. ties.Ties.Select(tie => tie.Id)], archived: false)).OfType<Record>()]);
        }, http.RequestAborted);
        var (ties, records) = page ?? throw new Refusal(Faults.ResourceNotFound());
        await Wire.RespondAsync(http.Response, StatusCodes.Status200OK, (call, list, ties, records, after), static (json, page) =>
        {
            json.WriteStartObject();
            json.WriteStartArray(page.list);
            if (page.list == "vids")
            {
                page.ties.Ties.ToList().ForEach(tie => json.WriteNumberValue(tie.Id));
            }
            else
            {
                WriteContacts(json, page.call, page.records);
            }

            json.WriteEndArray();
            json.WriteNumber("vidOffset", page.ties.Ties.LastOrDefault()?.Id ?? page.after);
            json.WriteBoolean("hasMore", !page.ties.IsLast);
            json.WriteEndObject();
        });
    }

    // Another form of contacts than that of their own paths: names without dashes, and properties in a list.
    static void WriteContacts(Utf8JsonWriter json, Call call, ImmutableArray<Record> contacts)
    {
        var view = RecordView.For(call, call.Portal.Find("contacts")!);
        foreach (var contact in contacts)
        {
            view.Show(contact);
            json.WriteStartObject();
            json.WriteNumber("vid", contact.Id);
            json.WriteNumber("canonicalVid", contact.Id);
            json.WriteNumber("portalId", call.Caller.PortalId);
            json.WriteBoolean("isContact", true);
            json.WriteStartArray("properties");
            foreach (var name in (string[])["firstname", "lastname", "company", "email"])
            {
                if (view.TryGet(view.Schema.Require(name), out var value))
                {
                    json.WriteStartObject();
                    json.WriteString("name", name);
                    json.WriteString("value", value);
                    json.WriteEndObject();
                }
            }

            json.WriteEndArray();
            json.WriteStartArray("identities");
            json.WriteStartObject();
            json.WriteNumber("vid", contact.Id);
            json.WriteStartArray("identity");
            if (view.TryGet(view.Schema.Require("email"), out var email) && email.Length > 0)
            {
                json.WriteStartObject();
                json.WriteString("value", email);
                json.WriteString("type", "EMAIL");
                json.WriteNumber("timestamp", contact.CreatedAt);
                json.WriteBoolean("isPrimary", true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    static async Task TieAsync(HttpContext http, TieKind kind)
    {
        var call = http.Call();
        await Associations.AssociationRoutes.ApplyOneAsync(http, Contacts(call, Right.Write), kind, []);
        if (kind == TieKind.Dissociate)
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        var company = await call.Store.FindAsync(call.Type, Between.ParseId((string)http.GetRouteValue("id")!)!.Value, archived: false, http.RequestAborted) ?? throw new Refusal(Faults.ResourceNotFound());
        var answers = RecordAnswers.OfQuery(http, RecordForm.Company, PropertySet.Everything(call.Schema));
        await call.Store.ReadAsync(snapshot => answers.AddAsync(snapshot, [company]), CancellationToken.None);
        await answers.RespondAsync(http);
    }

    static Between Contacts(Call call, Right right) => Between.Of(call, call.Portal.Find("contacts")!.Type, right);

    sealed class SentSearch
    {
        public int? Limit { get; set; }

        public string? After { get; set; }

        public List<string>? Properties { get; set; }
    }
}
