using Docket.Tests.Compatibility;

namespace Docket.Tests.Types;

/// <summary>The lifecycle stages of contacts and companies (reference/objects-other-than-tickets.md 2.5).</summary>
public class LifecycleTests
{
    static readonly string[] Stages = ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other"];

    public static TheoryData<string> Types => ["contacts", "companies"];

    [Behaviour("PATCH …/contacts/{id}", "an earlier lifecycle stage: 200 with the one that stays, `lastmodifieddate` moves; after it was cleared, any", "docs, observed", "objects-other-than-tickets.md 12.9")]
    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_record_goes_to_later_stages_only_unless_its_stage_is_cleared_first(string type)
    {
        await using var server = await TestServer.StartAsync();
        var path = await CreateAsync(server, type, """{"lifecyclestage":"opportunity"}""");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("customer", (await SetAsync(server, path, "customer"))["properties.lifecyclestage"]);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var kept = await SetAsync(server, path, "lead");
        Assert.Equal(("customer", "2026-03-14T09:26:55.589Z"), (kept["properties.lifecyclestage"], kept["updatedAt"]));
        Assert.Equal("2026-03-14T09:26:54.589Z", kept["properties.hs_v2_date_entered_current_stage"]);
        Assert.Equal("customer", (await server.PostAsync($"/crm/v3/objects/{type}/batch/update", $$"""{"inputs":[{"id":"{{kept["id"]}}","properties":{"lifecyclestage":"subscriber","phone":"1"} }]}""")).Expect(200)["results[0].properties.lifecyclestage"]);

        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var cleared = await SetAsync(server, path, "");
        Assert.Equal("", cleared["properties.lifecyclestage"]);
        Assert.False(cleared.Has("properties.hs_v2_date_entered_current_stage"));
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("lead", (await SetAsync(server, path, "lead"))["properties.lifecyclestage"]);
        var read = (await server.GetAsync(path + "?properties=hs_v2_date_entered_customer,hs_v2_date_exited_customer,hs_v2_latest_time_in_customer,hs_lifecyclestage_customer_date,hs_lifecyclestage_lead_date,hs_date_entered_lead,hs_v2_date_exited_lead")).Expect(200);
        Assert.Equal(
            ["2026-03-14T09:26:54.589Z", "2026-03-14T09:26:56.589Z", "2000", "2026-03-14T09:26:54.589Z", "2026-03-14T09:26:57.589Z", "2026-03-14T09:26:57.589Z", null],
            new[] { "hs_v2_date_entered_customer", "hs_v2_date_exited_customer", "hs_v2_latest_time_in_customer", "hs_lifecyclestage_customer_date", "hs_lifecyclestage_lead_date", "hs_date_entered_lead", "hs_v2_date_exited_lead" }.Select(name => read["properties." + name]));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task A_new_record_is_a_lead_unless_it_says_something_else_or_the_portal_does(string type)
    {
        await using var server = await TestServer.StartAsync();
        var lead = (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"phone":"1"}}""")).Expect(201);
        Assert.Equal(("lead", $"{type}-lifecycle-pipeline", "2026-03-14T09:26:53.589Z"), (lead["properties.lifecyclestage"], lead["properties.hs_pipeline"], lead["properties.hs_v2_date_entered_current_stage"]));
        Assert.Equal("customer", (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"lifecyclestage":"customer"}}""")).Expect(201)["properties.lifecyclestage"]);
        var none = (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"lifecyclestage":""}}""")).Expect(201);
        Assert.Equal(("", null), (none["properties.lifecyclestage"], none["properties.hs_v2_date_entered_current_stage"]));
        (await server.PatchAsync("/docket/v1/settings", """{"lifecycle-default":"off"}""")).Expect(200);
        Assert.False((await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"phone":"1"}}""")).Expect(201).Has("properties.lifecyclestage"));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task An_unknown_stage_is_no_option(string type)
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"lifecyclestage":"Customer"}}""")).Expect(400);
        Assert.Contains($"Customer was not one of the allowed options: [{string.Join(", ", Stages)}]", refused["message"], StringComparison.Ordinal);
        Assert.Equal("INVALID_OPTION", refused["errors[0].code"]);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public async Task The_stages_are_a_pipeline_to_which_an_account_adds_its_own(string type)
    {
        await using var server = await TestServer.StartAsync();
        var pipelines = (await server.GetAsync($"/crm/v3/pipelines/{type}")).Expect(200);
        Assert.Equal(("1", $"{type}-lifecycle-pipeline", "Lifecycle Stage Pipeline"), (pipelines.Count("results").ToString(), pipelines["results[0].id"], pipelines["results[0].label"]));
        Assert.Equal(Stages, pipelines.Json!["results"]![0]!["stages"]!.AsArray().Select(stage => (string)stage!["id"]!));
        Assert.Equal("""{"isClosed":"false","state":"OPEN"}""", pipelines.Json!["results"]![0]!["stages"]![0]!["metadata"]!.ToJsonString());
        Assert.Equal("1970-01-01T00:00:00Z", pipelines["results[0].stages[0].createdAt"]);

        var own = (await server.PostAsync($"/crm/v3/pipelines/{type}/{type}-lifecycle-pipeline/stages", """{"label":"Partner","displayOrder":9,"metadata":{"state":"OPEN"}}""")).Expect(201)["id"];
        var options = (await server.GetAsync($"/crm/v3/properties/{type}/lifecyclestage")).Expect(200).Json!["options"]!.AsArray().Select(option => (string)option!["value"]!);
        Assert.Equal([.. Stages, own], options);
        var path = await CreateAsync(server, type, """{"lifecyclestage":"other"}""");
        var partner = await SetAsync(server, path, own!);
        Assert.Equal(own, partner["properties.lifecyclestage"]);
        Assert.Equal(own, (await SetAsync(server, path, "other"))["properties.lifecyclestage"]);
        Assert.Equal(partner["properties.hs_v2_date_entered_current_stage"], (await server.GetAsync($"{path}?properties=hs_v2_date_entered_{own},hs_lifecyclestage_{own}_date")).Expect(200)[$"properties.hs_lifecyclestage_{own}_date"]);
        Assert.Equal("1", (await server.PostAsync($"/crm/v3/objects/{type}/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"lifecyclestage","operator":"EQ","value":"{{own}}"},{"propertyName":"hs_lifecyclestage_{{own}}_date","operator":"GT","value":"1"}]}]}""")).Expect(200)["total"]);
    }

    static async Task<string> CreateAsync(TestServer server, string type, string properties) =>
        $"/crm/v3/objects/{type}/{(await server.PostAsync($"/crm/v3/objects/{type}", $$"""{"properties":{{properties}} }""")).Expect(201)["id"]}";

    static async Task<Answer> SetAsync(TestServer server, string path, string stage) => (await server.PatchAsync(path, $$"""{"properties":{"lifecyclestage":"{{stage}}"} }""")).Expect(200);
}
