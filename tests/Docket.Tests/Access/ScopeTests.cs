using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Docket.Access;
using Docket.Http;
using Docket.Model;
using Docket.Model.Types;
using Microsoft.AspNetCore.Routing;

namespace Docket.Tests.Access;

/// <summary>Who may do what: each route asks for its scope, a token opens its own portal only, and its text is nowhere to be found.</summary>
public sealed partial class ScopeTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Objects = "/crm/v3/objects/tickets", Properties = "/crm/v3/properties/tickets", Pipelines = "/crm/v3/pipelines/tickets", Settings = "/docket/v1/settings", Jobs = "/docket/v1/jobs", Apps = "/docket/v1/apps", Users = "/docket/v1/users";
    const string ReadTickets = "crm.objects.tickets.read", WriteTickets = "crm.objects.tickets.write", ReadSchemas = "crm.schemas.tickets.read", WriteSchemas = "crm.schemas.tickets.write", ReadOwners = "crm.objects.owners.read", Manage = "docket.manage";

    /// <summary>What anyone may call.</summary>
    static readonly string[] Health = ["GET  ", "GET /healthz ", "GET /readyz ", "GET /docket/v1 ", "GET /docket/v1/openapi.json ", "GET /docket/v1/scalar.js "];

    /// <summary>Every endpoint, the scope it needs and the names its refusal gives.</summary>
    public static TheoryData<string, string, string, string[]> Routes
    {
        get
        {
            var routes = new TheoryData<string, string, string, string[]>();
            Add(Objects, ReadTickets, ["tickets"], "GET", "POST /batch/read", "GET /{id}", "POST /search");
            Add(Objects, WriteTickets, ["tickets"], "POST", "POST /batch/create", "POST /batch/update", "POST /batch/upsert", "POST /batch/archive", "POST /merge", "POST /gdpr-delete", "PATCH /{id}", "DELETE /{id}");
            Add("/crm/v4/objects/tickets", ReadTickets, ["tickets"], "GET", "GET /{id}");
            Add("/docket/v1/objects/tickets", ReadTickets, ["tickets"], "GET /{id}/timeline");
            Add("/docket/v1/objects/tickets", WriteTickets, ["tickets"], "POST /{id}/restore", "POST /gdpr-delete");
            foreach (var (records, batches) in ApiVersion.All.Skip(1).Select(version => (version.Prefix("objects"), version.Prefix("associations"))).Prepend(("/crm/v4/objects", "/crm/v4/associations")))
            {
                Add(records + "/tickets/{id}/associations", WriteTickets, ["tickets"], "PUT /default/tickets/{toId}", "PUT /tickets/{toId}", "DELETE /tickets/{toId}");
                Add(records + "/tickets/{id}/associations", ReadTickets, ["tickets"], "GET /tickets");
                Add(batches + "/tickets/tickets", WriteTickets, ["tickets"], "POST /batch/create", "POST /batch/associate/default", "POST /batch/archive", "POST /batch/labels/archive", "POST /labels", "PUT /labels", "DELETE /labels/{associationTypeId}");
                Add(batches + "/tickets/tickets", ReadTickets, ["tickets"], "POST /batch/read", "GET /labels");
                AddLimits(batches);
            }

            AddLimits("/crm/associations/v4");

            Add("/crm/associations/v4/tickets/tickets", ReadTickets, ["tickets"], "GET /labels");
            Add("/crm/associations/v4/tickets/tickets", WriteTickets, ["tickets"], "POST /labels", "PUT /labels", "DELETE /labels/{associationTypeId}");
            Add("/crm/v3/objects/tickets/{id}/associations/tickets/{toId}", WriteTickets, ["tickets"], "PUT /{associationType}", "DELETE /{associationType}");

            routes.Add("GET", "/crm/v3/objects/tickets/{id}/associations/tickets", ReadTickets, ["tickets"]);
            Add("/crm/v3/associations/tickets/tickets", WriteTickets, ["tickets"], "POST /batch/create", "POST /batch/archive");
            Add("/crm/v3/associations/tickets/tickets", ReadTickets, ["tickets"], "POST /batch/read", "GET /types");
            Add("/docket/v1/changes", ReadTickets, ["tickets"], "GET");
            Add(Properties, ReadSchemas, ["tickets", ReadSchemas], "GET", "GET /{name}", "POST /batch/read", "GET /groups", "GET /groups/{name}");
            Add(Properties, WriteSchemas, ["tickets", WriteSchemas], "POST", "PATCH /{name}", "DELETE /{name}", "POST /batch/create", "POST /batch/archive", "POST /groups", "PATCH /groups/{name}", "DELETE /groups/{name}");
            Add(Pipelines, ReadSchemas, ["tickets", ReadSchemas], "GET", "GET /{pipelineId}", "GET /{pipelineId}/audit", "GET /{pipelineId}/stages", "GET /{pipelineId}/stages/{stageId}", "GET /{pipelineId}/stages/{stageId}/audit");
            Add(Pipelines, WriteSchemas, ["tickets", WriteSchemas], "POST", "PUT /{pipelineId}", "PATCH /{pipelineId}", "DELETE /{pipelineId}", "POST /{pipelineId}/stages", "PUT /{pipelineId}/stages/{stageId}", "PATCH /{pipelineId}/stages/{stageId}", "DELETE /{pipelineId}/stages/{stageId}");
            Add("/calling/v1/dispositions", "crm.schemas.calls.read", ["crm.schemas.contacts.read", "crm.objects.contacts.read", "crm.schemas.calls.read"], "GET");
            Add("/crm-objects/v1/objects/tickets", ReadTickets, ["tickets"], "POST /batch-read", "GET /paged", "GET /{id}");
            Add("/crm-objects/v1/objects/tickets", WriteTickets, ["tickets"], "POST", "POST /batch-create", "PUT /{id}", "DELETE /{id}");
            Add("/crm-pipelines/v1/pipelines/tickets", ReadSchemas, ["tickets", ReadSchemas], "GET");
            Add("/properties/v1/tickets/properties", ReadSchemas, ["tickets", ReadSchemas], "GET", "GET /named/{name}");
            Add("/properties/v2/tickets/properties", ReadSchemas, ["tickets", ReadSchemas], "GET", "GET /named/{name}");
            const string Engagements = "/engagements/v1/engagements", ReadContacts = "crm.objects.contacts.read", WriteContacts = "crm.objects.contacts.write";
            Add("/contacts/v1", ReadContacts, ["crm.schemas.contacts.read", ReadContacts], "GET /contact/vid/{id}/profile", "GET /contact/email/{email}/profile", "GET /contact/vids/batch", "GET /contact/emails/batch", "GET /lists/all/contacts/all", "GET /lists/all/contacts/recent", "GET /lists/recently_updated/contacts/recent", "GET /search/query");
            Add("/contacts/v1/contact", WriteContacts, [WriteContacts], "POST", "POST /batch", "POST /createOrUpdate/email/{email}", "POST /vid/{id}/profile", "POST /email/{email}/profile", "DELETE /vid/{id}");
            Add("/contacts/v1/lists", "crm.lists.read", ["crm.lists.read"], "GET");
            foreach (var (type, path) in (ReadOnlySpan<(string, string)>)[("companies", "/companies/v2/companies"), ("deals", "/deals/v1/deal")])
            {
                Add(path, $"crm.objects.{type}.read", type == "deals" ? ["crm.schemas.deals.read", "crm.objects.deals.sensitive.read.v2", "crm.objects.deals.read", "crm.objects.deals.highly_sensitive.read.v2"] : [$"crm.schemas.{type}.read", $"crm.objects.{type}.read"], "GET /paged", "GET /recent/modified", "GET /recent/created", "GET /{id}");
                Add(path, $"crm.objects.{type}.write", [$"crm.objects.{type}.write"], "POST", "PUT /{id}", "DELETE /{id}");
            }

            Add("/companies", "crm.objects.companies.write", ["crm.objects.companies.write"], "POST /v1/batch-async/update");
            Add("/companies/v2", "crm.objects.companies.read", ["crm.schemas.companies.read", "crm.objects.companies.read"], "POST /domains/{domain}/companies", "GET /companies/domain/{domain}");
            Add("/companies/v2", "crm.objects.companies.read", ["crm.schemas.companies.read"], "GET /properties");
            Add("/deals/v1", "crm.objects.deals.write", ["crm.objects.deals.write"], "POST /batch-async/update");
            Add("/deals/v1/pipelines", "crm.objects.deals.read", ["crm.schemas.deals.read"], "GET", "GET /{pipelineId}");
            Add("/owners/v2/owners", ReadOwners, [ReadOwners], "GET", "GET /{ownerId}");
            Add(Engagements, ReadContacts, [ReadContacts], "GET /paged", "GET /recent/modified", "GET /{id}");
            Add(Engagements, WriteContacts, [WriteContacts], "POST", "PATCH /{id}", "DELETE /{id}");
            Add(Engagements + "/associated/tickets/{id}", ReadTickets, ["tickets"], "GET /paged");
            Add("/crm/v3/lists", "crm.lists.read", ["crm.lists.read"], "POST /search");
            Add("/settings/v3/users", "settings.users.read", ["settings.users.read"], "GET", "GET /{userId}");
            Add("/settings/v3/users", "settings.users.teams.read", ["settings.users.teams.read"], "GET /teams");
            Add("/crm/v3/owners", ReadOwners, [ReadOwners], "GET", "GET /{ownerId}");
            Add(Settings, ReadSchemas, ["tickets", ReadSchemas], "GET");
            Add(Settings, Manage, [Manage], "PATCH");
            Add(Apps, Manage, [Manage], "GET", "POST", "GET /{appId}", "PATCH /{appId}", "DELETE /{appId}", "POST /{appId}/rotate", "POST /{appId}/refusals");
            Add(Users, Manage, [Manage], "GET", "POST", "GET /{userId}", "PATCH /{userId}");
            Add("/docket/v1/portals", "docket.portals", ["docket.portals"], "GET", "POST", "GET /{portalId}", "DELETE /{portalId}");
            Add("/docket/v1/clock", "docket.test", ["docket.test"], "GET", "PUT", "DELETE");
            Add("/docket/v1/portals", "docket.portals", ["docket.portals"], "GET", "POST", "GET /{portalId}", "DELETE /{portalId}", "GET /{portalId}/snapshots", "POST /{portalId}/snapshots", "POST /{portalId}/rewind");
            Add("/docket/v1", "docket.test", ["docket.test"], "GET /snapshots", "POST /snapshots", "GET /snapshots/{snapshotId}", "DELETE /snapshots/{snapshotId}", "POST /rewind", "POST /seed");
            Add("/docket/v1/faults", "docket.test", ["docket.test"], "GET", "POST", "DELETE", "GET /presets", "GET /{faultId}", "DELETE /{faultId}");
            Add("/docket/v1/requests", "docket.test", ["docket.test"], "GET", "DELETE", "POST /expect");
            Add(Jobs, ReadTickets, ["tickets"], "GET", "GET /{id}", "GET /{id}/results", "GET /{id}/rejected");
            Add(Jobs, WriteTickets, ["tickets"], "POST /{id}/cancel");
            return routes;

            void AddLimits(string prefix)
            {
                Add(prefix + "/definitions/configurations", ReadTickets, ["tickets"], "GET /all", "GET /tickets/tickets");
                Add(prefix + "/definitions/configurations/tickets/tickets/batch", WriteTickets, ["tickets"], "POST /create", "POST /update", "POST /purge");
            }

            void Add(string prefix, string scope, string[] named, params string[] endpoints)
            {
                foreach (var endpoint in endpoints)
                {
                    var parts = endpoint.Split(' ');
                    routes.Add(parts[0], prefix + (parts.Length > 1 ? parts[1] : ""), scope, named);
                }
            }
        }
    }

    /// <summary>Endpoints that any token opens.</summary>
    public static TheoryData<string> OpenRoutes =>
    [
        "/integrations/v1/me", "/account-info/v3/api-usage/daily",
        .. ApiVersion.All.SelectMany(version => (string[])[$"/account-info/{version.Name}/details", $"/account-info/{version.Name}/api-usage/daily/private-apps"]),
    ];

    [Theory]
    [MemberData(nameof(OpenRoutes))]
    public async Task Some_routes_are_open_to_any_token_but_not_without_one(string path)
    {
        var server = shared.Server;
        (await SendAsync(server, await TokenAsync(server), "GET", path)).Expect(200);
        AssertUnknown(await SendAsync(server, null, "GET", path));
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task A_route_asks_for_its_scope_and_no_other(string method, string path, string scope, string[] named)
    {
        var server = shared.Server;
        path = Placeholder().Replace(path, "1");
        // The feed, jobs and all limits of associations are of all types (ReadableTypesTests): there a scope for another type is one too.
        IEnumerable<string> sufficient = path.StartsWith("/docket/v1/changes", StringComparison.Ordinal) || path.StartsWith(Jobs, StringComparison.Ordinal) || path.EndsWith("/configurations/all", StringComparison.Ordinal) ? [.. ScopeNames.Known] : [.. named, scope];
        var without = await SendAsync(server, await TokenAsync(server, [.. ScopeNames.Known.Except(sufficient)]), method, path);
        without.Expect(403);
        Assert.Equal(
            $$$"""{"status":"error","message":"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.","correlationId":"{{{without["correlationId"]}}}","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":[{{{string.Join(',', named.Select(name => $"\"{name}\""))}}}]}}],"links":{"scopes":"https://developers.hubspot.com/scopes"},"category":"MISSING_SCOPES"}""",
            without.Text);

        // What the request asks for is not there, or its body says nothing: it was let in, and no more.
        // Refusals to read records name other scopes too, which are not enough (reference/objects-other-than-tickets.md 1.2).
        foreach (var enough in named.Where(name => !name.Contains("sensitive", StringComparison.Ordinal) && (!name.StartsWith("crm.schemas.", StringComparison.Ordinal) || scope.StartsWith("crm.schemas.", StringComparison.Ordinal))).Append(scope))
        {
            Assert.False((await SendAsync(server, await TokenAsync(server, enough), method, path)).Status is 401 or 403);
        }
    }

    /// <summary>What no bearer token is needed for: what is sent is the credential, or a user signs in.</summary>
    static readonly string[] Open =
    [
        .. ((string[])["/oauth/authorize", "/oauth/{accountId}/authorize", "/oauth/apps"]).SelectMany(path => (string[])[$"GET {path} ", $"POST {path} "]),
        .. ((string[])["v1", "v3", "2026-03", "2026-09"]).Select(version => $"POST /oauth/{version}/token "),
        .. ((string[])["v3", "2026-03", "2026-09"]).SelectMany(version => (string[])[$"POST /oauth/{version}/token/introspect ", $"POST /oauth/{version}/token/revoke "]),
        "GET /oauth/v1/access-tokens/{token} ", "GET /oauth/v1/refresh-tokens/{token} ", "DELETE /oauth/v1/refresh-tokens/{token} ",
        "POST /oauth/v2/private-apps/get/access-token-info ",
    ];

    /// <summary>What needs the scopes of the object types that its body names (<see cref="Legacy.OlderVersionTests"/>).</summary>
    static readonly string[] ByBody = [.. ((string[])["create-batch", "delete-batch"]).Select(batch => $"PUT /crm-associations/v1/associations/{batch} any token")];

    /// <summary>Routes of one type that need the same scope of another one too (<see cref="Legacy.CompanyAndDealTests"/>).</summary>
    static readonly string[] OfTwoTypes =
    [
        "GET /companies/v2/companies/{id}/contacts crm.objects.companies.read", "GET /companies/v2/companies/{id}/vids crm.objects.companies.read",
        "PUT /companies/v2/companies/{id}/contacts/{toId} crm.objects.companies.write", "DELETE /companies/v2/companies/{id}/contacts/{toId} crm.objects.companies.write",
        "GET /deals/v1/deal/associated/tickets/{toId}/paged crm.objects.deals.read",
        "PUT /deals/v1/deal/{id}/associations/tickets crm.objects.deals.write", "DELETE /deals/v1/deal/{id}/associations/tickets crm.objects.deals.write",
    ];

    /// <summary>What any token will do for.</summary>
    static readonly string[] AnyToken = [.. ((string[])["v3", "2026-03", "2026-09"]).Select(version => $"DELETE /appinstalls/{version}/external-install any token")];

    /// <summary>The schemas API, whose refusals have another form (<c>CustomObjectTests</c>).</summary>
    static readonly string[] OfSchemas =
    [
        .. ApiVersion.All.Select(version => $"/crm-object-schemas/{version.Name}/schemas").Append("/crm/v3/schemas").SelectMany(path => (string[])
        [
            $"GET {path} crm.schemas.custom.read", $"POST {path} crm.schemas.custom.write", $"POST {path}/batch/read any token", $"GET {path}/tickets any token", $"PATCH {path}/tickets crm.schemas.custom.write",
            $"DELETE {path}/{{typeId}} crm.schemas.custom.write", $"POST {path}/tickets/associations crm.schemas.custom.write", $"DELETE {path}/tickets/associations/{{associationId}} crm.schemas.custom.write",
        ]),
    ];

    [Fact]
    public async Task The_table_above_has_every_endpoint_of_the_server_and_dated_ones_need_the_same()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(
            Routes.SelectMany(row => ApiVersion.All.Where(version => version == ApiVersion.V3 || !(row.Data.Item2.EndsWith("/types", StringComparison.Ordinal) || row.Data.Item2 == "/crm/v3/lists/search")).Select(version => $"{row.Data.Item1} {Dated().Replace(row.Data.Item2, path => version.Prefix(path.Groups[1].Value))} {row.Data.Item3}")).Concat(OpenRoutes.Select(row => $"GET {row.Data} any token")).Distinct().Concat(Health).Concat(Open).Concat(AnyToken).Concat(OfSchemas).Concat(ByBody).Concat(OfTwoTypes).Order(StringComparer.Ordinal),
            server.Endpoints.Select(endpoint => $"{endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]} {endpoint.RoutePattern.RawText!.Replace("{objectType}", "tickets", StringComparison.Ordinal).Replace("{toObjectType}", "tickets", StringComparison.Ordinal).TrimEnd('/')} {ScopeOf(endpoint)}").Order(StringComparer.Ordinal));
    }

    // The last of those that suffice is the one that allows nothing else.
    static string? ScopeOf(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<NeedsScope>() is not { } needs ? null
        : (needs.Right is { } right ? TypeOf(needs).Scopes[right] : needs.Portal).AnyOf.LastOrDefault("any token");

    // Some paths stand for a type themselves; the others are tried with tickets.
    static ObjectType TypeOf(NeedsScope needs) => needs.Type is { } name ? StandardTypes.All.First(type => type.IsCalled(name)) : Schemata.Tickets.Type;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer pat-na1-00000000-0000-0000-0000-000000000000")]
    [InlineData("Basic dGVzdC10b2tlbg==")]
    [InlineData("test-token")]
    [InlineData("Bearer test-token2")]
    [InlineData("Bearer TEST-TOKEN")]
    public async Task Without_a_known_token_nobody_gets_in(string? authorization)
    {
        var server = shared.Server;
        var paths = ((string[])[Objects, Properties, Pipelines, Settings, "/crm/v3/objects/nonsense"]).Select(path => ("GET", path)).Append(("POST", Objects + "/batch/upsert"));
        foreach (var (method, path) in paths)
        {
            AssertUnknown(await SendAsync(server, authorization, method, path));
        }
    }

    [Fact]
    public async Task What_any_token_will_do_for_still_needs_one()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var path in AnyToken.Select(entry => entry.Split(' ')))
        {
            AssertUnknown(await SendAsync(server, null, path[0], path[1]));
            (await SendAsync(server, await TokenAsync(server), path[0], path[1])).Expect(404); // a private app is not let in by anybody
        }
    }

    [Fact]
    public async Task The_token_of_a_deleted_app_is_refused_from_the_next_request_on()
    {
        await using var server = await TestServer.StartAsync();
        await using var portals = await server.OpenPortalsAsync();
        var (app, text) = await portals.Apps.CreatePrivateAsync((await portals.ListAsync(TestContext.Current.CancellationToken))[0].Id, "short-lived", ScopeNames.All);
        (await SendAsync(server, "Bearer " + text, "GET", Objects)).Expect(200);
        (await SendAsync(server, "bearer  " + text + " ", "GET", Objects)).Expect(200);

        Assert.True(await portals.Apps.DeleteAsync(app.PortalId, app.Id));
        AssertUnknown(await SendAsync(server, "Bearer " + text, "GET", Objects));
        Assert.False(await portals.Apps.DeleteAsync(app.PortalId, app.Id));
    }

    [Fact]
    public async Task A_token_sees_nothing_of_another_portal()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var mine = (await server.PostAsync(Objects, """{"properties":{"subject":"mine","ext_id":"K","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;
        var pipeline = (await server.PostAsync(Pipelines, """{"label":"Mine","displayOrder":1,"stages":[{"label":"One","displayOrder":0,"metadata":{"ticketState":"OPEN"}},{"label":"Two","displayOrder":1,"metadata":{"ticketState":"CLOSED"}}]}""")).Expect(201)["id"]!;
        (await server.PostAsync(Properties + "/groups", """{"name":"mine","label":"Mine"}""")).Expect(201);
        string other;
        await using (var portals = await server.OpenPortalsAsync())
        {
            other = "Bearer " + (await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("other")).Id, "other", ScopeNames.All)).Token;
        }

        (await SendAsync(server, other, "GET", $"{Objects}/{mine}")).Expect(404);
        Assert.Equal(0, (await SendAsync(server, other, "GET", Objects)).Expect(200).Count("results"));
        (await SendAsync(server, other, "GET", $"{Properties}/ext_id")).Expect(404);
        Assert.DoesNotContain("ext_id", (await SendAsync(server, other, "GET", Properties)).Expect(200).Text, StringComparison.Ordinal);
        (await SendAsync(server, other, "GET", $"{Properties}/groups/mine")).Expect(404);
        (await SendAsync(server, other, "GET", $"{Pipelines}/{pipeline}")).Expect(404);
        Assert.Equal(1, (await SendAsync(server, other, "GET", Pipelines)).Expect(200).Count("results"));
        (await SendAsync(server, other, "GET", $"{Objects}/K?idProperty=ext_id")).Expect(400); // there is no such property

        // Not even with a key of the same name: the other portal has its own tickets and its own values.
        (await SendAsync(server, other, "POST", Properties, """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
        (await SendAsync(server, other, "GET", $"{Objects}/K?idProperty=ext_id")).Expect(404);
        Assert.Equal("OBJECT_NOT_FOUND", (await SendAsync(server, other, "POST", Objects + "/batch/read", $$$"""{"inputs":[{"id":"{{{mine}}}"}]}""")).Expect(207)["errors[0].category"]);
        (await SendAsync(server, other, "PATCH", $"{Objects}/{mine}", """{"properties":{"subject":"stolen"}}""")).Expect(404);
        (await SendAsync(server, other, "DELETE", $"{Objects}/{mine}")).Expect(204);
        (await SendAsync(server, other, "DELETE", $"{Pipelines}/{pipeline}")).Expect(404);
        var upsert = (await SendAsync(server, other, "POST", Objects + "/batch/upsert", """{"inputs":[{"idProperty":"ext_id","id":"K","properties":{"subject":"theirs","hs_pipeline_stage":"1"}}]}""")).Expect(200);
        Assert.Equal("true", upsert["results[0].new"]);

        var read = (await server.GetAsync($"{Objects}/{mine}?properties=subject,ext_id")).Expect(200);
        Assert.Equal(("mine", "K", "false"), (read["properties.subject"], read["properties.ext_id"], read["archived"]));
        Assert.Equal(1, (await server.GetAsync(Objects)).Count("results"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_text_of_a_token_is_in_no_file_and_in_no_log()
    {
        var directory = Directory.CreateTempSubdirectory("docket-tokens-").FullName;
        var output = new StringBuilder();
        var tokens = new List<string> { TestServer.Token };
        try
        {
            await using (var server = await ServerProcess.StartAsync(directory))
            {
                await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory)))
                {
                    var portalId = (await portals.ListAsync(TestContext.Current.CancellationToken))[0].Id;
                    tokens.Add((await portals.Apps.CreatePrivateAsync(portalId, "kept", ScopeNames.All)).Token);
                    var (deleted, text) = await portals.Apps.CreatePrivateAsync(portalId, "deleted", ScopeNames.All);
                    await portals.Apps.DeleteAsync(portalId, deleted.Id);
                    tokens.Add(text);
                    var (rotated, first) = await portals.Apps.CreatePrivateAsync(portalId, "rotated", ScopeNames.All);
                    tokens.AddRange([first, (await portals.Apps.RotateAsync(portalId, rotated.Id, graceMs: 60_000))!]);
                    var (client, secret) = await portals.Apps.CreateClientAsync(portalId, "client", ["tickets"], [], ["http://localhost/back"]);
                    tokens.AddRange([secret, (await portals.Apps.RotateAsync(portalId, client.Id, 0))!]);
                }

                // Good requests, refused ones, and ones that make the server write to its log.
                foreach (var token in (string[])[.. tokens, "never-made-but-sent"])
                {
                    foreach (var (path, body) in ((string, string)[])[(Objects, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}"""), (Objects, "nonsense"), (Objects + "/batch/nonsense", "{}")])
                    {
                        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
                        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
                        using var response = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
                        Assert.True((int)response.StatusCode < 500);
                    }
                }

                tokens.Add("never-made-but-sent");
                AssertNowhere(directory, tokens); // while it runs: logs of the database included
                output.Append(server.Output);
            }

            AssertNowhere(directory, tokens);
            Assert.All(tokens, token => Assert.DoesNotContain(token, output.ToString(), StringComparison.OrdinalIgnoreCase));
            Assert.Contains("Docket serves portal", output.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [GeneratedRegex("{[a-zA-Z]+}")]
    private static partial Regex Placeholder();

    [GeneratedRegex("^/crm/v3/([a-z]+)")]
    private static partial Regex Dated();

    static void AssertNowhere(string directory, List<string> tokens)
    {
        var files = Directory.GetFiles(directory, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 0 && Path.GetFileName(file) != "docket.lock").ToList(); // that one can't be opened
        Assert.True(files.Count >= 2);
        foreach (var file in files)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.All(tokens, token =>
            {
                Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(token)) < 0, $"a token is in {file}");
                Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(token.Split('-')[^1])) < 0 || token == "never-made-but-sent" || token == TestServer.Token, $"a token's last part is in {file}");
            });
        }
    }

    static void AssertUnknown(Answer answer)
    {
        answer.Expect(401);
        Assert.Equal("401 Unauthorized", answer.Headers.GetValues("X-HubSpot-Auth-Failure").Single());
        Assert.Equal(("error", "INVALID_AUTHENTICATION"), (answer["status"], answer["category"]));
        Assert.StartsWith("Authentication credentials not found. This API supports OAuth 2.0 authentication", answer["message"], StringComparison.Ordinal);
        Assert.Equal(answer.Headers.GetValues("X-HubSpot-Correlation-Id").Single(), answer["correlationId"]);
    }

    static async Task<string> TokenAsync(TestServer server, params ImmutableArray<string> scopes) => "Bearer " + await server.CreateTokenAsync(scopes);

    static async Task<Answer> SendAsync(TestServer server, string? authorization, string method, string path, string json = "{}")
    {
        using var http = server.NewClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        if (method is not "GET")
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        using var response = await http.SendAsync(request);
        return await Answer.OfAsync(response);
    }
}
