using Docket.Tests.Compatibility;

namespace Docket.Tests.Types;

/// <summary>What is special about companies (reference/objects-other-than-tickets.md 3, and checks 10 and 11 of its section 12).</summary>
public class CompanyTests
{
    const string Companies = "/crm/v3/objects/companies";

    [Behaviour("POST …/companies", "two with one `domain` are created; `website` is filled in", "observed", "objects-other-than-tickets.md 12.11")]
    [Fact]
    public async Task Two_companies_may_have_one_domain_which_fills_in_the_website()
    {
        await using var server = await TestServer.StartAsync();
        var first = await CreateAsync(server, """{"domain":"https://www.Example.com/x?y","name":"One"}""");
        Assert.Equal(("example.com", "example.com", "One"), (first["properties.domain"], first["properties.website"], first["properties.hs_task_label"]));
        var second = await CreateAsync(server, """{"domain":"example.com","website":"example.com/en"}""");
        Assert.Equal(("example.com", "example.com/en"), (second["properties.domain"], second["properties.website"]));
        var third = (await server.PostAsync(Companies + "/batch/create", """{"inputs":[{"properties":{"domain":" EXAMPLE.com "}},{"properties":{"domain":"example.com"}}]}""")).Expect(201);
        Assert.Equal("example.com", third["results[0].properties.website"]);
        Assert.Equal("4", (await server.PostAsync(Companies + "/search", """{"filterGroups":[{"filters":[{"propertyName":"domain","operator":"EQ","value":"Example.com"}]}]}""")).Expect(200)["total"]);
    }

    [Fact]
    public async Task A_domain_is_no_key()
    {
        await using var server = await TestServer.StartAsync();
        var expected = $"Unable to perform update/upsert by non-unique 0-2 property domain in portal ID {server.PortalId}";
        Assert.Equal(expected, (await server.PostAsync(Companies + "/batch/upsert", """{"inputs":[{"idProperty":"domain","id":"a.com","properties":{}}]}""")).Expect(400)["message"]);
        Assert.Equal(expected, (await server.GetAsync(Companies + "/a.com?idProperty=domain")).Expect(400)["message"]);
    }

    [Theory]
    [InlineData("http://Example.com", "example.com")]
    [InlineData("WWW.example.com", "example.com")]
    [InlineData(" www.example.com/a/b ", "example.com")]
    [InlineData("shop.example.com?q=1", "shop.example.com")]
    [InlineData("example.com#top", "example.com")]
    [InlineData("example.com", "example.com")]
    public async Task A_domain_is_a_bare_host_in_lower_case(string sent, string stored)
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(stored, (await CreateAsync(server, $$"""{"domain":"{{sent}}"}"""))["properties.domain"]);
        var more = await CreateAsync(server, $$"""{"hs_additional_domains":"{{sent}};other.com;{{sent}}"}""");
        Assert.Equal($"{stored};other.com", more["properties.hs_additional_domains"]);
        (await server.PatchAsync($"{Companies}/{more["id"]}", """{"properties":{"hs_additional_domains":";https://third.com/"}}""")).Expect(200);
        Assert.Equal($"{stored};other.com;third.com", (await server.GetAsync($"{Companies}/{more["id"]}?properties=hs_additional_domains")).Expect(200)["properties.hs_additional_domains"]);
    }

    [Behaviour("POST …/companies", "the answer has the counts, the currency, the label for tasks and the lifecycle", "observed", "objects-other-than-tickets.md 3")]
    [Fact]
    public async Task The_answer_to_a_create_shows_what_follows()
    {
        await using var server = await TestServer.StartAsync();
        var created = await CreateAsync(server, """{"name":"One","domain":"one.com"}""");
        Assert.Equal(
            [
                "createdate", "domain", "hs_annual_revenue_currency_code", "hs_lastmodifieddate", "hs_num_blockers", "hs_num_child_companies", "hs_num_contacts_with_buying_roles",
                "hs_num_decision_makers", "hs_num_open_deals", "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label", "hs_pipeline", "hs_task_label",
                "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage", "lifecyclestage", "name", "num_associated_contacts", "num_notes", "website",
            ],
            created.Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.Equal(("USD", "0", "0"), (created["properties.hs_annual_revenue_currency_code"], created["properties.hs_num_child_companies"], created["properties.num_notes"]));
        (await server.PatchAsync("/docket/v1/settings", """{"currency":"EUR"}""")).Expect(200);
        Assert.Equal("EUR", (await CreateAsync(server, """{"name":"Two"}"""))["properties.hs_annual_revenue_currency_code"]);
    }

    [Fact]
    public async Task The_label_for_tasks_is_searched_as_the_name()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAsync(server, """{"name":"Second Hand"}""");
        await CreateAsync(server, """{"name":"First Aid"}""");
        Assert.Equal("1", (await server.PostAsync(Companies + "/search", """{"filterGroups":[{"filters":[{"propertyName":"hs_task_label","operator":"CONTAINS_TOKEN","value":"hand"}]}]}""")).Expect(200)["total"]);
        Assert.Equal("First Aid", (await server.PostAsync(Companies + "/search", """{"sorts":["hs_task_label"],"properties":["hs_task_label"]}""")).Expect(200)["results[0].properties.hs_task_label"]);
    }

    [Behaviour("GET …/companies/{id}", "the default properties, sorted", "docs, observed", "objects-other-than-tickets.md 12.10")]
    [Fact]
    public async Task A_read_that_names_no_property_shows_the_default_ones()
    {
        await using var server = await TestServer.StartAsync();
        var created = await CreateAsync(server, """{"phone":"1"}""");
        Assert.Equal(
            ["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
            (await server.GetAsync($"{Companies}/{created["id"]}")).Expect(200).Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.Equal(
            ["createdate", "hs_lastmodifieddate", "hs_object_id", "phone"],
            (await server.GetAsync($"{Companies}/{created["id"]}?properties=phone")).Expect(200).Json!["properties"]!.AsObject().Select(property => property.Key));
    }

    [Fact]
    public async Task A_merge_keeps_the_domain_of_the_other_company_the_older_date_and_the_later_stage()
    {
        await using var server = await TestServer.StartAsync();
        var older = await CreateAsync(server, """{"name":"Older","domain":"older.com","hs_additional_domains":"a.com","lifecyclestage":"customer"}""");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var primary = await CreateAsync(server, """{"domain":"primary.com"}""");
        var merged = (await server.PostAsync(Companies + "/merge", $$"""{"primaryObjectId":"{{primary["id"]}}","objectIdToMerge":"{{older["id"]}}"}""")).Expect(200);
        Assert.Equal("2026-03-14T09:26:53.589Z", merged["createdAt"]);
        var read = (await server.GetAsync($"{Companies}/{older["id"]}?properties=domain,website,hs_additional_domains,lifecyclestage,name,hs_task_label,hs_v2_date_entered_customer,hs_v2_date_entered_lead")).Expect(200);
        Assert.Equal(
            (merged["id"], "primary.com", "primary.com", "older.com;a.com", "customer"),
            (read["id"], read["properties.domain"], read["properties.website"], read["properties.hs_additional_domains"], read["properties.lifecyclestage"]));
        Assert.Equal(("Older", "Older", "2026-03-14T09:26:53.589Z"), (read["properties.name"], read["properties.hs_task_label"], read["properties.hs_v2_date_entered_customer"]));
    }

    static async Task<Answer> CreateAsync(TestServer server, string properties) => (await server.PostAsync(Companies, $$"""{"properties":{{properties}} }""")).Expect(201);
}
