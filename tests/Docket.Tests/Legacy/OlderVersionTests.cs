using System.Net;
using System.Text.Json.Nodes;

namespace Docket.Tests.Legacy;

/// <summary>
/// Versions 1 and 2 as real programs call them: n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41, <c>nodes/Hubspot/V2/HubspotV2.node.js</c>,
/// cited as "n8n") and its recorded answers (<c>__schema__</c>).
/// </summary>
public class OlderVersionTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Tickets = "/crm-objects/v1/objects/tickets", Associate = "/crm-associations/v1/associations/create-batch", Dissociate = "/crm-associations/v1/associations/delete-batch";

    // As n8n sends them: times are numbers.
    const string Ticket = """[{"name":"hs_pipeline","value":"0"},{"name":"hs_pipeline_stage","value":"1"},{"name":"subject","value":"Printer"},{"name":"createdate","value":1700000000000}]""";

    // n8n, ticket:create: takes and answers lists of names and values; times are milliseconds.
    [Fact]
    public async Task A_ticket_is_created_read_and_updated_by_names_and_values()
    {
        var server = shared.Server;
        var created = (await server.PostAsync(Tickets, Ticket)).Expect(200);
        Assert.Equal(("TICKET", "false", "Printer", "1700000000000"), (created["objectType"], created["isDeleted"], created["properties.subject.value"], created["properties.createdate.value"]));
        Assert.Equal(("subject", "Printer"), (created["properties.subject.versions[0].name"], created["properties.subject.versions[0].value"]));

        var path = $"{Tickets}/{created["objectId"]}";
        var updated = (await PutAsync(path, """[{"name":"subject","value":"Scanner"}]""")).Expect(200);
        Assert.Equal((created["objectId"], "Scanner"), (updated["objectId"], updated["properties.subject.value"]));

        var read = (await server.GetAsync(path + "?properties=hs_pipeline_stage&propertiesWithHistory=subject")).Expect(200);
        Assert.Equal(2, read.Count("properties.subject.versions"));
        Assert.Equal(("Scanner", "Scanner", "Printer", "1"), (read["properties.subject.value"], read["properties.subject.versions[0].value"], read["properties.subject.versions[1].value"], read["properties.hs_pipeline_stage.value"]));
        Assert.Equal(read["properties.subject.versions[0].timestamp"], read["properties.subject.timestamp"]);
        Assert.True(long.Parse(read["properties.subject.timestamp"]!) >= long.Parse(read["properties.subject.versions[1].timestamp"]!));
        Assert.Equal(0, Members((await server.GetAsync(path)).Expect(200).Json!["properties"]!)); // nothing was asked for

        var v3 = (await server.GetAsync($"/crm/v3/objects/tickets/{created["objectId"]}?properties=subject")).Expect(200);
        Assert.Equal(("Scanner", "2023-11-14T22:13:20Z"), (v3["properties.subject"], v3["properties.createdate"]));
    }

    // n8n, execute: a missing one is 404 `resource not found`, which the node looks for.
    [Fact]
    public async Task An_archived_ticket_is_found_only_if_deleted_ones_are_asked_for()
    {
        var server = shared.Server;
        var path = $"{Tickets}/{(await server.PostAsync(Tickets, Ticket)).Expect(200)["objectId"]}";
        (await server.DeleteAsync(path)).Expect(204);
        Assert.Equal("resource not found", (await server.GetAsync(path)).Expect(404)["message"]);
        Assert.Equal(("true", "Printer"), ((await server.GetAsync(path + "?includeDeleted=true&properties=subject")).Expect(200)["isDeleted"], (await server.GetAsync(path + "?includeDeleted=true&properties=subject"))["properties.subject.value"]));
        Assert.Equal("resource not found", (await PutAsync(path, """[{"name":"subject","value":"x"}]""")).Expect(404)["message"]);
        (await server.GetAsync(Tickets + "/x")).Expect(404);
    }

    // n8n, hubspotApiRequestAllItems: pages by `offset` while `hasMore`; `limit` has no effect.
    [Fact]
    public async Task A_list_has_every_ticket_once_in_pages_of_a_hundred()
    {
        await using var server = await TestServer.StartAsync();
        var empty = (await server.GetAsync(Tickets + "/paged")).Expect(200);
        Assert.Equal((0, "false", "0"), (empty.Count("objects"), empty["hasMore"], empty["offset"]));
        var batch = (await server.PostAsync(Tickets + "/batch-create", $"[{string.Join(',', Enumerable.Repeat(Ticket, 100))}]")).Expect(200);
        Assert.Equal(100, batch.Json!.AsArray().Count);
        (await server.PostAsync(Tickets, Ticket)).Expect(200);

        var first = (await server.GetAsync(Tickets + "/paged?limit=5&properties=subject")).Expect(200);
        var second = (await server.GetAsync($"{Tickets}/paged?properties=subject&offset={first["offset"]}")).Expect(200);
        Assert.Equal((100, "true", 1, "false"), (first.Count("objects"), first["hasMore"], second.Count("objects"), second["hasMore"]));
        Assert.Equal(101, first.Json!["objects"]!.AsArray().Concat(second.Json!["objects"]!.AsArray()).Select(ticket => ticket!["objectId"]!.GetValue<long>()).Distinct().Count());
        Assert.Equal("Printer", second["objects[0].properties.subject.value"]);
    }

    [Fact]
    public async Task A_batch_read_leaves_out_what_does_not_exist()
    {
        var server = shared.Server;
        var id = (await server.PostAsync(Tickets, Ticket)).Expect(200)["objectId"];
        var read = (await server.PostAsync(Tickets + "/batch-read?properties=subject", $$"""{"ids":[{{id}},1,"x"]}""")).Expect(200);
        Assert.Equal((1, id), (Members(read.Json!), read[$"{id}.objectId"]));
        Assert.Equal("Printer", read[$"{id}.properties.subject.value"]);
    }

    [Theory]
    [InlineData("""[{"name":"nonsense","value":"x"},{"name":"hs_pipeline_stage","value":"1"}]""", "nonsense")]
    [InlineData("""[{"name":"subject","value":"x"}]""", "Error creating TICKET. Some required properties were not set.")]
    [InlineData("""[{"value":"x"}]""", "Some required fields were not set: [name]")]
    public async Task What_v3_refuses_is_refused_with_the_same_words(string body, string words)
    {
        Assert.Contains(words, (await shared.Server.PostAsync(Tickets, body)).Expect(400)["message"], StringComparison.Ordinal);
    }

    // n8n, getTicketStages: pipelines and stages have `pipelineId` and `stageId`.
    [Fact]
    public async Task The_pickers_of_pipelines_and_properties_are_filled()
    {
        var server = shared.Server;
        var pipelines = (await server.GetAsync("/crm-pipelines/v1/pipelines/tickets")).Expect(200);
        Assert.Equal(("0", "Support Pipeline", "1", "New", "OPEN", "true"), (pipelines["results[0].pipelineId"], pipelines["results[0].label"], pipelines["results[0].stages[0].stageId"], pipelines["results[0].stages[0].label"], pipelines["results[0].stages[0].metadata.ticketState"], pipelines["results[0].active"]));

        foreach (var version in (string[])["v1", "v2"])
        {
            var all = (await server.GetAsync($"/properties/{version}/tickets/properties")).Expect(200).Json!.AsArray();
            Assert.Contains(all, property => property!["name"]!.GetValue<string>() == "subject");
            var type = (await server.GetAsync($"/properties/{version}/deals/properties/named/dealtype")).Expect(200);
            Assert.Equal(("dealtype", "newbusiness"), (type["name"], type["options[0].value"]));
            (await server.GetAsync($"/properties/{version}/deals/properties/named/nonsense")).Expect(404);
        }
    }

    // n8n, ticket:create: associates by `definitionId`, without object types.
    [Fact]
    public async Task A_ticket_is_associated_by_the_number_of_the_association_alone()
    {
        var server = shared.Server;
        var ticket = (await server.PostAsync(Tickets, Ticket)).Expect(200)["objectId"];
        var contact = (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"lastname":"Lovelace"}}""")).Expect(201)["id"];
        var company = (await server.PostAsync("/crm/v3/objects/companies", """{"properties":{"name":"Engines"}}""")).Expect(201)["id"];
        (await PutAsync(Associate, $"[{Pair(ticket, contact, 16)},{Pair(ticket, company, 26)}]")).Expect(204);
        Assert.Equal((1, 1), (await CountAsync("contacts"), await CountAsync("companies")));
        (await PutAsync(Dissociate, $"[{Pair(ticket, contact, 16)},{Pair(ticket, company, 339)}]")).Expect(204); // 26 alone would only end that it is the primary one
        Assert.Equal((0, 0), (await CountAsync("contacts"), await CountAsync("companies")));

        Assert.Equal("HUBSPOT_DEFINED=999999", (await PutAsync(Associate, $"[{Pair(ticket, contact, 999_999)}]")).Expect(400)["context.associationSpec[0]"]);
        (await PutAsync(Associate, $"[{Pair(ticket, "1", 16)}]")).Expect(400);
        (await PutAsync(Associate, $"[{Pair(ticket, "x", 16)}]")).Expect(400);
        (await PutAsync(Associate, "[]")).Expect(400);

        // Each object type needs its scope.
        using var limited = server.NewClient(await server.CreateTokenAsync("tickets"));
        using var refused = await limited.PutAsync(Associate, new StringContent($"[{Pair(ticket, contact, 16)}]", System.Text.Encoding.UTF8, "application/json"), TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);

        async Task<int> CountAsync(string type) => (await server.GetAsync($"/crm/v4/objects/tickets/{ticket}/associations/{type}")).Expect(200).Count("results");

        static string Pair(string? from, string? to, int type) => $$"""{"fromObjectId":{{from}},"toObjectId":"{{to}}","category":"HUBSPOT_DEFINED","definitionId":{{type}}}""";
    }

    // Sources of data read all lists there, among them Singer's lists_v3.
    [Fact]
    public async Task A_search_for_lists_finds_none()
    {
        Assert.Equal("""{"lists":[],"hasMore":false,"offset":0,"total":0}""", (await shared.Server.PostAsync("/crm/v3/lists/search", """{"query":"x","listIds":["1"]}""")).Expect(200).Text);
    }

    Task<Answer> PutAsync(string path, string json) => shared.Server.SendAsync(HttpMethod.Put, path, json);

    static int Members(JsonNode node) => node.AsObject().Count;
}
