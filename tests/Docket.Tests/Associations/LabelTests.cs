using Docket.Tests.Compatibility;

namespace Docket.Tests.Associations;

/// <summary>A portal's own association types (reference/properties-pipelines-search-associations.md 5.8, objects-other-than-tickets.md 8.7).</summary>
public sealed class LabelTests
{
    const string Labels = "/crm/v4/associations/tickets/contacts/labels";

    [Fact]
    [Behaviour("POST …/associations/{from}/{to}/labels", "one label more than 50 is refused with 437", "observed", "properties-pipelines-search-associations.md 5.8")]
    public async Task Two_types_have_at_most_50_labels()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 50; i++)
        {
            (await server.PostAsync(i % 2 == 0 ? Labels : "/crm/v4/associations/contacts/tickets/labels", $$"""{"name":"name_{{i}}","label":"Label {{i}}"}""")).Expect(200);
        }

        var refused = (await server.PostAsync(Labels, """{"name":"more","label":"More"}""")).Expect(437);
        Assert.Equal("No more than 50 association types are allowed between 0-5 and 0-1", refused["message"]);
        (await server.PostAsync("/crm/v4/associations/tickets/deals/labels", """{"name":"more","label":"More"}""")).Expect(200);
        (await server.DeleteAsync($"{Labels}/1")).Expect(204);
        (await server.PostAsync(Labels, """{"name":"name_0","label":"Label 0"}""")).Expect(200);
    }

    [Fact]
    public async Task Records_of_custom_objects_are_associated_and_labelled_like_others()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync("/crm-object-schemas/v3/schemas", """{"name":"cars","labels":{"singular":"Car","plural":"Cars"},"primaryDisplayProperty":"hs_object_id","associatedObjects":["tickets"]}""")).Expect(201);
        var ticket = (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var plain = (await server.GetAsync("/crm/v4/associations/2-1/tickets/labels")).Expect(200);
        Assert.Equal(("USER_DEFINED", null), (plain["results[0].category"], plain["results[0].label"]));
        var car = (await server.PostAsync("/crm/v3/objects/2-1", $$$"""{"properties":{},"associations":[{"to":{"id":"{{{ticket}}}"},"types":[{"associationCategory":"USER_DEFINED","associationTypeId":{{{plain["results[0].typeId"]}}}}]}]}""")).Expect(201)["id"];
        Assert.Equal(car, (await server.GetAsync($"/crm/v4/objects/tickets/{ticket}/associations/2-1")).Expect(200)["results[0].toObjectId"]);

        var label = (await server.PostAsync("/crm/v4/associations/2-1/tickets/labels", """{"name":"repair","label":"Repair"}""")).Expect(200)["results[0].typeId"];
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/2-1/{car}/associations/tickets/{ticket}", $$"""[{"associationCategory":"USER_DEFINED","associationTypeId":{{label}}}]""")).Expect(201);
        Assert.Equal("Repair", (await server.GetAsync($"/crm/v4/objects/tickets/{ticket}/associations/p_cars")).Expect(200)["results[0].associationTypes[1].label"]);
        (await server.DeleteAsync($"/crm-object-schemas/v3/schemas/2-1/associations/{plain["results[0].typeId"]}")).Expect(400);
        (await server.DeleteAsync($"/crm/v4/associations/tickets/2-1/labels/{label}")).Expect(204);
        (await server.DeleteAsync($"/crm-object-schemas/v3/schemas/2-1/associations/{plain["results[0].typeId"]}")).Expect(204);
        Assert.Equal(0, (await server.GetAsync($"/crm/v4/objects/tickets/{ticket}/associations/2-1")).Expect(200).Count("results"));
    }
}
