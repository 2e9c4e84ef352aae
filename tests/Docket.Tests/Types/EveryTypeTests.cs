using System.Net;
using System.Text;
using Docket.Model.Types;

namespace Docket.Tests.Types;

/// <summary>Every type has everything that tickets have.</summary>
public class EveryTypeTests
{
    const string Contacts = "/crm/v3/objects/contacts";

    public static TheoryData<string> Types => [.. StandardTypes.All.Select(type => type.Plural)];

    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_record_of_each_type_is_created_read_found_updated_and_archived(string plural)
    {
        await using var server = await StartAsync();
        var (type, path) = (StandardTypes.All.Single(type => type.Plural == plural), $"/crm/v3/objects/{plural}");
        Assert.Empty((await server.GetAsync(path)).Expect(200).Json!["results"]!.AsArray());
        Assert.Equal("0", (await server.PostAsync(path + "/search", "{}")).Expect(200)["total"]);
        var definitions = (await server.GetAsync($"/crm/v3/properties/{plural}")).Expect(200);
        var required = string.Join(',', type.Required.Select(name => $"\"{name}\":\"{(name == "hs_pipeline_stage" ? "1" : "2026-01-02T03:04:05Z")}\""));
        (await server.PostAsync($"/crm/v3/properties/{plural}", $$"""{"name":"ext_id","label":"ext_id","type":"string","fieldType":"text","groupName":"{{definitions["results[0].groupName"]}}","hasUniqueValue":true}""")).Expect(201);
        var created = (await server.PostAsync(path, $$"""{"properties":{ {{required}} } }""")).Expect(201);
        var upserted = (await server.PostAsync(path + "/batch/upsert", $$"""{"inputs":[{"idProperty":"ext_id","id":"a","properties":{ {{required}} } }]}""")).Expect(200);
        Assert.Equal("true", upserted["results[0].new"]);
        Assert.Equal(created["id"], (await server.GetAsync($"{path}/{created["id"]}")).Expect(200)["properties.hs_object_id"]);
        Assert.Equal(upserted["results[0].id"], (await server.GetAsync($"/crm/v3/objects/{type.Id}/a?idProperty=ext_id")).Expect(200)["id"]);
        Assert.Equal("2", (await server.PostAsync(path + "/search", "{}")).Expect(200)["total"]);
        (await server.PatchAsync($"{path}/{created["id"]}", """{"properties":{"ext_id":"b"}}""")).Expect(200);
        Assert.Equal("1", (await server.PostAsync(path + "/search", """{"filterGroups":[{"filters":[{"propertyName":"ext_id","operator":"EQ","value":"b"}]}]}""")).Expect(200)["total"]);
        (await server.DeleteAsync($"{path}/{created["id"]}")).Expect(204);
        Assert.Equal(created["id"], (await server.GetAsync(path + "?archived=true")).Expect(200)["results[0].id"]);
        Assert.Equal("1", (await server.PostAsync(path + "/search", "{}")).Expect(200)["total"]);
    }

    [Fact]
    public async Task A_portal_stores_nothing_of_a_type_that_it_only_reads_or_tries()
    {
        await using var server = await StartAsync();
        (await server.GetAsync("/crm/v3/properties/companies")).Expect(200);
        (await server.GetAsync("/crm/v3/objects/companies")).Expect(200);
        (await server.GetAsync("/crm/v3/objects/companies/a.com?idProperty=hs_unique_creation_key")).Expect(404);
        using var trying = server.NewClient(TestServer.Token);
        trying.DefaultRequestHeaders.Add("Docket-Dry-Run", "true");
        using var tried = await trying.PostAsync("/crm/v3/objects/companies", new StringContent("""{"properties":{"name":"A"}}""", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Created, tried.StatusCode);
        (await server.PostAsync("/crm/v3/objects/companies", """{"properties":{"none":"A"}}""")).Expect(400);
        var store = await server.Portals.OpenAsync(server.PortalId, TestContext.Current.CancellationToken);
        Assert.Empty(store.Schema.Used);
        (await server.PostAsync("/crm/v3/objects/companies", """{"properties":{"name":"A"}}""")).Expect(201);
        Assert.Equal(["companies"], store.Schema.Used.Select(schema => schema.Type.Plural));
    }

    [Fact]
    public async Task A_type_that_is_only_data_is_created_upserted_searched_merged_and_has_a_history()
    {
        await using var server = await StartAsync();
        var ada = (await server.PostAsync(Contacts, """{"properties":{"email":"ada@example.com","firstname":"Ada"}}""")).Expect(201);
        Assert.Equal(("ada@example.com", "Ada"), (ada["properties.email"], ada["properties.firstname"]));
        Assert.Equal(ada["createdAt"], ada["properties.lastmodifieddate"]);

        var upserted = (await server.PostAsync(Contacts + "/batch/upsert", """
            {"inputs":[
              {"idProperty":"email","id":"ada@example.com","properties":{"lastname":"Lovelace"}},
              {"idProperty":"email","id":"grace@example.com","properties":{"email":"grace@example.com","firstname":"Grace","lastname":"Hopper"}}]}
            """)).Expect(200);
        Assert.Equal(("false", "true"), (upserted["results[0].new"], upserted["results[1].new"]));
        Assert.Equal(ada["id"], upserted["results[0].id"]);

        var (found, grace) = (await server.PostAsync(Contacts + "/search", """{"query":"love","sorts":["lastname"]}""")).Expect(200) is var search ? (search, upserted["results[1].id"]) : default;
        Assert.Equal(("1", "Lovelace"), (found["total"], found["results[0].properties.lastname"]));
        Assert.Equal("2", (await server.PostAsync(Contacts + "/search", """{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"HAS_PROPERTY"}]}]}""")).Expect(200)["total"]);

        var byEmail = (await server.GetAsync(Contacts + "/ada@example.com?idProperty=email&propertiesWithHistory=lastname,firstname")).Expect(200);
        Assert.Equal((ada["id"], "Lovelace"), (byEmail["id"], byEmail["propertiesWithHistory.lastname[0].value"]));
        Assert.Equal($"Contact already exists. Existing ID: {ada["id"]}", (await server.PostAsync(Contacts, """{"properties":{"email":"ada@example.com"}}""")).Expect(409)["message"]);

        // Not over the checked client: none of the OpenAPI files here is about contacts.
        using var plain = new HttpClient { BaseAddress = new Uri(server.Url) };
        plain.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        using var merging = await plain.PostAsync(Contacts + "/merge", new StringContent($$"""{"primaryObjectId":"{{ada["id"]}}","objectIdToMerge":"{{grace}}"}""", Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        var merged = (await Answer.OfAsync(merging)).Expect(200);
        Assert.Equal($"{ada["id"]};{grace}", merged["properties.hs_merged_object_ids"]);
        Assert.Equal(merged["id"], (await server.GetAsync($"{Contacts}/{grace}")).Expect(200)["id"]);
        Assert.Equal("1", (await server.PostAsync(Contacts + "/search", "{}")).Expect(200)["total"]);

        (await server.DeleteAsync($"{Contacts}/{merged["id"]}")).Expect(204);
        Assert.Equal("0", (await server.PostAsync(Contacts + "/search", "{}")).Expect(200)["total"]);
        Assert.Equal(merged["id"], (await server.GetAsync($"/crm/v3/objects/0-1?archived=true")).Expect(200)["results[0].id"]);
    }

    [Fact]
    public async Task Records_of_two_types_keep_apart()
    {
        await using var server = await StartAsync();
        var contact = (await server.PostAsync(Contacts, """{"properties":{"email":"a@example.com","city":"same"}}""")).Expect(201);
        var ticket = (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"subject":"same","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.GetAsync($"{Contacts}/{ticket["id"]}")).Expect(404);
        (await server.GetAsync($"/crm/v3/objects/tickets/{contact["id"]}")).Expect(404);
        Assert.Equal(("1", ticket["id"]), (await server.PostAsync("/crm/v3/objects/tickets/search", """{"query":"same"}""")).Expect(200) is var tickets ? (tickets["total"], tickets["results[0].id"]) : default);
        var negated = (await server.PostAsync(Contacts + "/search", """{"filterGroups":[{"filters":[{"propertyName":"firstname","operator":"NOT_HAS_PROPERTY"}]}]}""")).Expect(200);
        Assert.Equal(("1", contact["id"]), (negated["total"], negated["results[0].id"]));
        Assert.Equal(contact["id"], (await server.GetAsync(Contacts)).Expect(200)["results[0].id"]);
        Assert.Equal("400", (await server.PostAsync(Contacts, """{"properties":{"subject":"a ticket's"}}""")).Status.ToString());
    }

    [Fact]
    public async Task A_property_of_a_new_type_gets_a_number_that_no_other_type_has()
    {
        await using var server = await StartAsync();
        await server.CreatePropertyAsync("ext_id");
        (await server.PostAsync("/crm/v3/properties/contacts", """{"name":"ext_id","label":"ext_id","type":"string","fieldType":"text","groupName":"contactinformation","hasUniqueValue":true}""")).Expect(201);
        var contact = (await server.PostAsync(Contacts, """{"properties":{"ext_id":"1","email":"a@example.com"}}""")).Expect(201);
        var ticket = (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"ext_id":"1","hs_pipeline_stage":"1"}}""")).Expect(201);
        Assert.Equal(contact["id"], (await server.GetAsync(Contacts + "/1?idProperty=ext_id")).Expect(200)["id"]);
        Assert.Equal(ticket["id"], (await server.GetAsync("/crm/v3/objects/tickets/1?idProperty=ext_id")).Expect(200)["id"]);
    }

    [Fact]
    public async Task Its_scopes_are_its_own()
    {
        await using var server = await StartAsync();
        using var reader = server.NewClient(await server.CreateTokenAsync("crm.objects.contacts.read"));
        Assert.Equal(HttpStatusCode.OK, (await reader.GetAsync(Contacts, TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.GetAsync("/crm/v3/objects/tickets", TestContext.Current.CancellationToken)).StatusCode);
        using var writer = server.NewClient(await server.CreateTokenAsync("tickets"));
        Assert.Equal(HttpStatusCode.Forbidden, (await writer.GetAsync(Contacts, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task It_is_in_the_feed_and_in_jobs_under_its_own_name_and_survives_a_restart()
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        try
        {
            await using (var server = await StartAsync(directory))
            {
                server.Http.DefaultRequestHeaders.Add("Prefer", "respond-async");
                var job = (await server.PostAsync(Contacts + "/batch/upsert", """{"inputs":[{"idProperty":"email","id":"a@example.com","properties":{"email":"a@example.com"}}]}""")).Expect(202);
                var done = (await server.GetAsync($"/docket/v1/jobs/{job["id"]}")).Expect(200);
                Assert.Equal("0-1", done["objectTypeId"]);
                await (await server.Portals.OpenAsync(server.PortalId, TestContext.Current.CancellationToken)).WaitBeyondAsync(0, TestContext.Current.CancellationToken);
                Assert.Equal("0-1", (await server.GetAsync("/docket/v1/changes?after=0")).Expect(200)["results[0].objectType"]);
            }

            await using var again = await StartAsync(directory);
            await SeeAsync(again);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    static async Task SeeAsync(TestServer again)
    {
        Assert.Equal("a@example.com", (await again.GetAsync(Contacts + "/a@example.com?idProperty=email")).Expect(200)["properties.email"]);
        Assert.Equal("1", (await again.PostAsync(Contacts + "/search", """{"query":"a@example.com"}""")).Expect(200)["total"]);
    }

    static Task<TestServer> StartAsync(string? directory = null) => TestServer.StartAsync(directory);
}
