using System.Text.Json.Nodes;

namespace Docket.Tests.Associations;

/// <summary>Limits that a portal sets for association types (reference/objects-other-than-tickets.md 8.6).</summary>
public class LimitTests
{
    const string Beyond = "crm.associations.ASSOCIATION_LIMIT_EXCEEDED", Limits = "/crm/associations/v4/definitions/configurations";

    [Fact]
    public async Task A_limit_holds_on_every_route_that_associates()
    {
        await using var server = await TestServer.StartAsync();
        var (full, ticket, contact) = (await CreateAsync(server, "contacts"), await CreateAsync(server, "tickets"), await CreateAsync(server, "contacts"));
        (await server.PostAsync($"{Limits}/contacts/tickets/batch/create", """{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":15,"maxToObjectIds":1}]}""")).Expect(201);
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/contacts/{full}/associations/default/tickets/{await CreateAsync(server, "tickets")}", null)).Expect(200);

        foreach (var (method, path, body) in ((string, string, string?)[])[
            ("PUT", $"/crm/v4/objects/contacts/{full}/associations/default/tickets/{ticket}", null),
            ("PUT", $"/crm/v4/objects/tickets/{ticket}/associations/contacts/{full}", """[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]"""),
            ("PUT", $"/crm/v3/objects/tickets/{ticket}/associations/contacts/{full}/ticket_to_contact", null),
            ("PUT", "/crm-associations/v1/associations/create-batch", $$"""[{"fromObjectId":{{ticket}},"toObjectId":{{full}},"category":"HUBSPOT_DEFINED","definitionId":16}]"""),
            ("POST", "/crm/v3/objects/tickets", Tied(full)),
            ("POST", "/crm/v3/objects/tickets/batch/create", $$"""{"inputs":[{{Tied(full)}}]}""")])
        {
            Assert.Equal(Beyond, (await server.SendAsync(new HttpMethod(method), path, body)).Expect(400)["subCategory"]);
        }

        foreach (var (path, type) in ((string, string)[])[("/crm/v4/associations/tickets/contacts/batch/associate/default", ""), ("/crm/v4/associations/tickets/contacts/batch/create", ""","types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]"""), ("/crm/v3/associations/tickets/contacts/batch/create", ""","type":"ticket_to_contact" """)])
        {
            var inputs = string.Join(',', new[] { full, contact }.Select(to => $$$"""{"from":{"id":"{{{ticket}}}"},"to":{"id":"{{{to}}}"}{{{type}}}}"""));
            var answer = (await server.PostAsync(path, $$"""{"inputs":[{{inputs}}]}""")).Expect(207);
            Assert.Equal((Beyond, "1"), (answer["errors[0].subCategory"], answer["numErrors"]));
        }

        // With trace ids, only the row beyond the limit fails.
        var traced = (await server.PostAsync("/crm/v3/objects/tickets/batch/create", $$"""{"inputs":[{{Tied(full, "a")}},{{Tied(await CreateAsync(server, "contacts"), "b")}}]}""")).Expect(207);
        Assert.Equal((Beyond, "a", "b"), (traced["errors[0].subCategory"], traced["errors[0].context.objectWriteTraceId[0]"], traced["results[0].objectWriteTraceId"]));
        Assert.Single((await server.GetAsync($"/crm/v4/objects/contacts/{full}/associations/tickets")).Expect(200).Json!["results"]!.AsArray());
    }

    [Fact]
    public async Task A_token_sees_the_limits_of_types_that_it_may_read()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync($"{Limits}/tickets/tickets/batch/update", """{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":452,"maxToObjectIds":3}]}""")).Expect(200);
        (await server.PostAsync($"{Limits}/tickets/contacts/batch/create", """{"inputs":[{"category":"HUBSPOT_DEFINED","typeId":16,"maxToObjectIds":3}]}""")).Expect(201);
        Assert.Equal(2, (await server.GetAsync($"{Limits}/all")).Expect(200).Count("results"));
        using var client = server.NewClient(await server.CreateTokenAsync("crm.objects.tickets.read"));
        var seen = JsonNode.Parse(await client.GetStringAsync($"{Limits}/all", TestContext.Current.CancellationToken))!["results"]!.AsArray();
        Assert.Equal("452", Assert.Single(seen)!["typeId"]!.ToString());
    }

    [Fact]
    public async Task The_limit_of_a_deleted_label_is_gone_and_labels_can_be_changed_under_one()
    {
        await using var server = await TestServer.StartAsync();
        const string Labels = "/crm/v4/associations/contacts/tickets/labels";
        var id = (await server.PostAsync(Labels, """{"name":"boss","label":"Boss"}""")).Expect(200)["results[0].typeId"];
        (await server.PostAsync($"{Limits}/contacts/tickets/batch/create", $$"""{"inputs":[{"category":"USER_DEFINED","typeId":{{id}},"maxToObjectIds":1}]}""")).Expect(201);
        (await server.SendAsync(HttpMethod.Put, Labels, $$"""{"associationTypeId":{{id}},"label":"Boss"}""")).Expect(204);
        Assert.Equal("Boss", (await server.GetAsync($"{Limits}/contacts/tickets")).Expect(200)["results[0].label"]);
        (await server.SendAsync(HttpMethod.Delete, $"{Labels}/{id}", null)).Expect(204);
        Assert.Equal(0, (await server.GetAsync($"{Limits}/all")).Expect(200).Count("results"));
    }

    static string Tied(string contact, string? trace = null) =>
        $$$"""{{{{(trace is null ? "" : $"\"objectWriteTraceId\":\"{trace}\",")}}}"properties":{"hs_pipeline_stage":"1"},"associations":[{"to":{"id":"{{{contact}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}""";

    static async Task<string> CreateAsync(TestServer server, string type) =>
        (await server.PostAsync($"/crm/v3/objects/{type}", type == "tickets" ? """{"properties":{"hs_pipeline_stage":"1"}}""" : """{"properties":{}}""")).Expect(201)["id"]!;
}
