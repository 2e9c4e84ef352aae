using System.Net;
using System.Text.Json.Nodes;

namespace Docket.Tests.Legacy;

/// <summary>
/// Companies of version 2 and deals of version 1 as real programs call them: n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41, with its recorded
/// answers in <c>__schema__</c>), Singer's tap-hubspot and the npm package <c>hubspot</c> 2.3, cited by these names.
/// </summary>
public class CompanyAndDealTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Companies = "/companies/v2/companies", Deals = "/deals/v1/deal";

    public static TheoryData<string, string, string, string, string> Types => new()
    {
        { Companies, "companies", "companyId", "name", "has-more" },
        { Deals, "deals", "dealId", "dealname", "hasMore" },
    };

    // n8n, company:create and deal:create; as recorded, each property has its versions.
    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_record_is_created_updated_read_and_deleted(string path, string type, string id, string name, string more)
    {
        var server = shared.Server;
        var created = (await server.PostAsync(path + "/", Body((name, "Engines"), ("description", "old")))).Expect(200);
        Assert.Equal(("Engines", "false", name, "Engines"), (created[$"properties.{name}.value"], created["isDeleted"], created[$"properties.{name}.versions[0].name"], created[$"properties.{name}.versions[0].value"]));
        var one = $"{path}/{created[id]}";
        var updated = (await PutAsync(one, Body(("description", "new")))).Expect(200);
        Assert.Equal((created[id], "new"), (updated[id], updated["properties.description.value"]));

        var read = (await server.GetAsync(one)).Expect(200);
        Assert.Equal(("Engines", "new", "1", created[id]), (read[$"properties.{name}.value"], read["properties.description.value"], read.Count("properties.description.versions").ToString(), read["properties.hs_object_id.value"]));
        Assert.Equal((2, "old"), ((await server.GetAsync(one + "?includePropertyVersions=true")).Expect(200).Count("properties.description.versions"), (await server.GetAsync(one + "?includePropertyVersions=true"))["properties.description.versions[1].value"]));
        Assert.Equal("new", (await server.GetAsync($"/crm/v3/objects/{type}/{created[id]}?properties=description")).Expect(200)["properties.description"]);

        (await PutAsync(one, Body())).Expect(400);
        Assert.Equal(type == "deals" ? "" : $$"""{"companyId":{{created[id]}},"deleted":true}""", (await server.DeleteAsync(one)).Expect(type == "deals" ? 204 : 200).Text);
        Assert.Equal("resource not found", (await server.GetAsync(one)).Expect(404)["message"]);
        (await PutAsync(one, Body((name, "x")))).Expect(404);
        (await server.GetAsync(path + "/x")).Expect(404);
        Assert.NotNull((await server.GetAsync(path + "/paged")).Expect(200)[more]);
    }

    // tap-hubspot, gen_request: pages by `offset` while there are more; deals with `includeAllProperties`.
    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_list_has_every_record_once(string path, string type, string id, string name, string more)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var number in Enumerable.Range(0, 3))
        {
            (await server.PostAsync(path, Body((name, $"{number}"), ("description", "d")))).Expect(200);
        }

        var first = (await server.GetAsync($"{path}/paged?limit=2&properties={name}&properties=createdate")).Expect(200);
        var second = (await server.GetAsync($"{path}/paged?limit=2&offset={first["offset"]}")).Expect(200);
        Assert.Equal((2, "true", 1, "false"), (first.Count(type), first[more], second.Count(type), second[more]));
        Assert.Equal(("0", "1"), (first[$"{type}[0].properties.{name}.value"], first[$"{type}[1].properties.{name}.value"]));
        Assert.Equal(["createdate", name], first.Json![type]![0]!["properties"]!.AsObject().Select(property => property.Key));
        Assert.NotEqual(first[$"{type}[1].{id}"], second[$"{type}[0].{id}"]);
        Assert.Empty(second.Json![type]![0]!["properties"]!.AsObject()); // nothing was asked for
        Assert.Equal("d", (await server.GetAsync($"{path}/paged?includeAllProperties=True&allPropertiesFetchMode=latest_version")).Expect(200)[$"{type}[0].properties.description.value"]);
    }

    // n8n, company:getRecentlyCreatedUpdated and deal:getRecentlyCreatedUpdated.
    [Theory]
    [InlineData(Companies, "companyId", "name")]
    [InlineData(Deals, "dealId", "dealname")]
    public async Task The_newest_come_first_since_a_time(string path, string id, string name)
    {
        await using var server = await TestServer.StartAsync();
        var ids = new List<string>();
        foreach (var number in Enumerable.Range(0, 3))
        {
            ids.Add((await server.PostAsync(path, Body((name, $"{number}")))).Expect(200)[id]!);
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        var since = server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        (await server.SendAsync(HttpMethod.Put, $"{path}/{ids[0]}", Body(("description", "new")))).Expect(200);
        var first = (await server.GetAsync(path + "/recent/modified?count=2")).Expect(200);
        Assert.Equal((ids[0], ids[2], "true", "2", "3"), (first[$"results[0].{id}"], first[$"results[1].{id}"], first["hasMore"], first["offset"], first["total"]));
        Assert.Equal(ids[1], (await server.GetAsync(path + "/recent/modified?offset=2")).Expect(200)[$"results[0].{id}"]);
        Assert.Equal(ids[2], (await server.GetAsync(path + "/recent/created")).Expect(200)[$"results[0].{id}"]);
        var recent = (await server.GetAsync($"{path}/recent/modified?since={since}")).Expect(200);
        Assert.Equal((1, ids[0], "new", "false"), (recent.Count("results"), recent[$"results[0].{id}"], recent["results[0].properties.description.value"], recent["hasMore"]));
    }

    // npm hubspot, companies.updateBatch and deals.updateBatch.
    [Theory]
    [InlineData("/companies/v1/batch-async/update", Companies, "companyId")]
    [InlineData("/deals/v1/batch-async/update", Deals, "dealId")]
    public async Task A_batch_updates_by_id(string path, string records, string id)
    {
        var server = shared.Server;
        string[] ids = [.. await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ => (await server.PostAsync(records, Body(("description", "old")))).Expect(200)[id]!))];
        Assert.Equal("", (await server.PostAsync(path, $"[{string.Join(',', ids.Select(each => $$"""{"objectId":{{each}},{{Body(("description", "new"))[1..]}}"""))}]")).Expect(202).Text);
        Assert.Equal("new", (await server.GetAsync($"{records}/{ids[1]}")).Expect(200)["properties.description.value"]);
        (await server.PostAsync(path, "[]")).Expect(400);
        (await server.PostAsync(path, $$"""[{"objectId":1,{{Body(("description", "new"))[1..]}}]""")).Expect(400);
    }

    // n8n, company:searchByDomain: sends the domain in the path, and reads `results`.
    [Fact]
    public async Task Companies_are_found_by_their_domain()
    {
        await using var server = await TestServer.StartAsync();
        string[] ids = [.. await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ => (await server.PostAsync(Companies, Body(("domain", "Engines.example.com"), ("name", "E")))).Expect(200)["companyId"]!))];
        (await server.PostAsync(Companies, Body(("domain", "example.com")))).Expect(200);
        const string Search = "/companies/v2/domains/ENGINES.example.com/companies";
        var first = (await server.PostAsync(Search, """{"limit":1,"requestOptions":{"properties":["name"]},"offset":{"isPrimary":true,"companyId":0}}""")).Expect(200);
        Assert.Equal((1, "E", "true"), (first.Count("results"), first["results[0].properties.name.value"], first["hasMore"]));
        var second = (await server.PostAsync(Search, $$$"""{"limit":1,"offset":{"companyId":{{{first["offset.companyId"]}}}}}""")).Expect(200);
        Assert.Equal((1, "engines.example.com", "false"), (second.Count("results"), second["results[0].properties.domain.value"], second["hasMore"]));
        Assert.Equal(ids.Order(StringComparer.Ordinal), [first["results[0].companyId"]!, second["results[0].companyId"]!]);
        Assert.Equal(2, (await server.GetAsync(Companies + "/domain/engines.example.com")).Expect(200).Json!.AsArray().Count);
        Assert.Equal(0, (await server.PostAsync("/companies/v2/domains/nobody.example.com/companies", "{}")).Expect(200).Count("results"));
    }

    // npm hubspot, companies.addContactToCompany, getContactIds and getContacts.
    [Fact]
    public async Task A_company_has_contacts()
    {
        var server = shared.Server;
        var company = (await server.PostAsync(Companies, Body(("name", "Engines")))).Expect(200)["companyId"]!;
        string[] contacts = [await ContactAsync("ada@engines.example.com"), await ContactAsync("charles@engines.example.com")];
        foreach (var contact in contacts)
        {
            Assert.Equal(company, (await PutAsync($"{Companies}/{company}/contacts/{contact}", "{}")).Expect(200)["companyId"]);
        }

        var vids = (await server.GetAsync($"{Companies}/{company}/vids?count=1")).Expect(200);
        Assert.Equal((contacts[0], contacts[0], "true"), (vids["vids[0]"], vids["vidOffset"], vids["hasMore"]));
        var rest = (await server.GetAsync($"{Companies}/{company}/contacts?vidOffset={vids["vidOffset"]}")).Expect(200);
        Assert.Equal((1, contacts[1], "email", "charles@engines.example.com", "false"), (rest.Count("contacts"), rest["contacts[0].vid"], rest["contacts[0].properties[0].name"], rest["contacts[0].identities[0].identity[0].value"], rest["hasMore"]));
        (await server.DeleteAsync($"{Companies}/{company}/contacts/{contacts[0]}")).Expect(204);
        Assert.Equal(1, (await server.GetAsync($"{Companies}/{company}/vids")).Expect(200).Count("vids"));
        (await PutAsync($"{Companies}/{company}/contacts/1", "{}")).Expect(400);
        (await server.GetAsync(Companies + "/1/vids")).Expect(404);

        using var limited = server.NewClient(await server.CreateTokenAsync("crm.objects.companies.read", "crm.objects.companies.write"));
        using var read = await limited.GetAsync($"{Companies}/{company}/vids", TestContext.Current.CancellationToken);
        using var written = await limited.DeleteAsync($"{Companies}/{company}/contacts/{contacts[1]}", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (read.StatusCode, written.StatusCode));

        async Task<string> ContactAsync(string email) => (await server.PostAsync("/crm/v3/objects/contacts", $$$"""{"properties":{"email":"{{{email}}}"}}""")).Expect(201)["id"]!;
    }

    // n8n, deal:create with associations; npm hubspot, deals.associate, removeAssociation and getAssociated.
    [Fact]
    public async Task A_deal_is_associated_when_it_is_created_and_later()
    {
        var server = shared.Server;
        var company = (await server.PostAsync(Companies, Body(("name", "Engines")))).Expect(200)["companyId"]!;
        var contact = (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"lastname":"Lovelace"}}""")).Expect(201)["id"]!;
        var created = (await server.PostAsync(Deals, $$$"""{"associations":{"associatedCompanyIds":[{{{company}}}],"associatedVids":["{{{contact}}}"]},{{{Body(("dealname", "Engine"), ("dealstage", "closedwon"), ("closedate", "1700000000000"))[1..]}}}""")).Expect(200);
        Assert.Equal((company, contact, 0, "closedwon", "1700000000000"), (created["associations.associatedCompanyIds[0]"], created["associations.associatedVids[0]"], created.Count("associations.associatedDealIds"), created["properties.dealstage.value"], created["properties.closedate.value"]));
        var one = $"{Deals}/{created["dealId"]}";
        Assert.Equal(created["dealId"], (await server.GetAsync($"{Deals}/associated/COMPANY/{company}/paged")).Expect(200)["deals[0].dealId"]);

        (await server.DeleteAsync($"{one}/associations/COMPANY?id={company}")).Expect(204);
        Assert.Equal((0, "false"), ((await server.GetAsync($"{Deals}/associated/COMPANY/{company}/paged")).Expect(200).Count("deals"), (await server.GetAsync($"{Deals}/associated/COMPANY/{company}/paged"))["hasMore"]));
        (await PutAsync($"{one}/associations/COMPANY?id={company}", "")).Expect(204);
        Assert.Equal(company, (await server.GetAsync(one)).Expect(200)["associations.associatedCompanyIds[0]"]);
        (await PutAsync($"{one}/associations/CONTACT", "")).Expect(400);
        (await PutAsync($"{one}/associations/CONTACT?id=1", "")).Expect(400);
        (await server.GetAsync($"{Deals}/associated/CONTACT/1/paged")).Expect(404);
        (await server.PostAsync(Deals, $$$"""{"associations":{"associatedVids":[1]},{{{Body(("dealname", "x"))[1..]}}}""")).Expect(400);

        // Only what a token may read is shown, and both types are needed to associate.
        using var limited = server.NewClient(await server.CreateTokenAsync("crm.objects.deals.read", "crm.objects.deals.write"));
        Assert.Contains("\"associatedVids\":[]", await limited.GetStringAsync(one, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var read = await limited.GetAsync($"{Deals}/associated/CONTACT/{contact}/paged", TestContext.Current.CancellationToken);
        using var written = await limited.DeleteAsync($"{one}/associations/CONTACT?id={contact}", TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (read.StatusCode, written.StatusCode));
    }

    // tap-hubspot, sync_deal_pipelines and load_schema.
    [Fact]
    public async Task Pipelines_of_deals_and_properties_of_companies_are_bare_arrays()
    {
        var server = shared.Server;
        var pipeline = (await server.GetAsync("/deals/v1/pipelines")).Expect(200).Json!.AsArray()[0]!;
        Assert.Equal(("default", "true"), (pipeline["pipelineId"]!.GetValue<string>(), pipeline["staticDefault"]!.ToJsonString()));
        var stages = pipeline["stages"]!.AsArray();
        Assert.Equal("closedwon", stages.Single(stage => stage!["closedWon"]!.GetValue<bool>())!["stageId"]!.GetValue<string>());
        Assert.Equal(0.2, stages[0]!["probability"]!.GetValue<double>());
        Assert.Equal("default", (await server.GetAsync("/deals/v1/pipelines/default")).Expect(200)["pipelineId"]);
        (await server.GetAsync("/deals/v1/pipelines/nonsense")).Expect(404);
        Assert.Contains((await server.GetAsync("/companies/v2/properties")).Expect(200).Json!.AsArray(), property => property!["name"]!.GetValue<string>() == "domain");
    }

    // npm hubspot, owners.get and getById: exactly these members.
    [Fact]
    public async Task Owners_have_the_members_of_version_2()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync("/docket/v1/users", """{"email":"ada@example.com","firstName":"Ada"}""")).Expect(201)["id"]!;
        var owner = (await server.GetAsync("/owners/v2/owners/" + id)).Expect(200);
        Assert.Equal((id, "ada@example.com", "Ada", "true"), (owner["ownerId"], owner["email"], owner["firstName"], owner["isActive"]));
        Assert.Equal($"[{owner.Text}]", (await server.GetAsync("/owners/v2/owners?email=ADA@example.com")).Expect(200).Text);
        Assert.Empty((await server.GetAsync("/owners/v2/owners?email=nobody@example.com")).Expect(200).Json!.AsArray());
        Assert.Equal(
            ["activeSalesforceId", "activeUserId", "createdAt", "email", "firstName", "hasContactsAccess", "isActive", "lastName", "ownerId", "portalId", "remoteList", "type", "updatedAt", "userIdIncludingInactive"],
            owner.Json!.AsObject().Select(member => member.Key).Order(StringComparer.Ordinal));
        (await server.GetAsync("/owners/v2/owners/1")).Expect(404);
    }

    Task<Answer> PutAsync(string path, string json) => shared.Server.SendAsync(HttpMethod.Put, path, json);

    static string Body(params (string Name, string Value)[] values) =>
        new JsonObject { ["properties"] = new JsonArray([.. values.Select(value => new JsonObject { ["name"] = value.Name, ["value"] = value.Value })]) }.ToJsonString();
}
