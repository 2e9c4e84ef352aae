using Docket.Model;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Types;

/// <summary>Deals; "check n" is a line of reference/objects-other-than-tickets.md 12.</summary>
public class DealTests
{
    const string Deals = "/crm/v3/objects/deals";

    [Behaviour("POST …/deals", "a deal with only a name: 201, no stage, no pipeline; a stage alone sets the pipeline and the probability with all digits of the double", "observed", "objects-other-than-tickets.md 12.12")]
    [Fact]
    public async Task A_deal_without_a_stage_has_no_pipeline_until_it_gets_one_check_12()
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New"}}""")).Expect(201);
        Assert.False(created.Has("properties.dealstage") || created.Has("properties.pipeline"));
        var path = $"{Deals}/{created["id"]}";
        var read = (await server.GetAsync(path)).Expect(200);
        Assert.True(read.Has("properties.dealstage") && read.Has("properties.pipeline"));
        Assert.Equal((null, null), (read["properties.dealstage"], read["properties.pipeline"]));

        var moved = (await server.PatchAsync(path, """{"properties":{"dealstage":"qualifiedtobuy","amount":"15000"}}""")).Expect(200);
        Assert.Equal("default", moved["properties.pipeline"]);
        Assert.Equal("0.40000000000000002220446049250313080847263336181640625", moved["properties.hs_deal_stage_probability"]);
        Assert.Equal("0.40000000000000002220446049250313080847263336181640625", moved["properties.hs_deal_stage_probability_shadow"]);
        Assert.Equal("6000.00000000000033306690738754696212708950042724609375000", moved["properties.hs_projected_amount"]);
    }

    [Behaviour("POST …/deals", "the create answer has what HubSpot's has, and nothing else", "observed", "objects-other-than-tickets.md 4")]
    [Fact]
    public async Task The_create_answer_is_HubSpots()
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","amount":"1.50"}}""")).Expect(201);
        string[] zero =
        [
            "days_to_close", "hs_closed_amount", "hs_closed_amount_in_home_currency", "hs_closed_won_count", "hs_days_to_close_raw", "hs_deal_stage_probability_shadow",
            "hs_num_associated_active_deal_registrations", "hs_num_associated_deal_registrations", "hs_num_associated_deal_splits", "hs_num_of_associated_line_items",
            "hs_num_target_accounts", "hs_number_of_call_engagements", "hs_number_of_inbound_calls", "hs_number_of_outbound_calls", "hs_number_of_overdue_tasks",
            "hs_projected_amount", "hs_projected_amount_in_home_currency", "num_associated_contacts", "num_notes",
        ];
        string[] no = ["hs_has_last_conversation_follow_ups", "hs_has_last_meeting_followups", "hs_is_closed_lost", "hs_is_closed_won", "hs_is_deal_split"];
        string[] amounts = ["amount", "amount_in_home_currency", "hs_forecast_amount"];
        string[] others = ["createdate", "dealname", "hs_createdate", "hs_lastmodifieddate", "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label"];
        Assert.Equal(zero.Concat(no).Concat(amounts).Concat(others).Order(StringComparer.Ordinal), created.Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.All(zero, name => Assert.Equal("0", created[$"properties.{name}"]));
        Assert.All(no, name => Assert.Equal("false", created[$"properties.{name}"]));
        Assert.All(amounts, name => Assert.Equal("1.50", created[$"properties.{name}"]));
    }

    [Behaviour("POST …/deals", "an unknown stage: `INVALID_OPTION` with the seven stages of the default pipeline", "observed", "objects-other-than-tickets.md 12.13")]
    [Fact]
    public async Task An_unknown_stage_is_refused_with_all_stages_check_13()
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"1"}}""")).Expect(400);
        Assert.Equal(
            "1 is not a valid pipeline stage ID. Valid options are: pipelineId=default : [appointmentscheduled, qualifiedtobuy, presentationscheduled, decisionmakerboughtin, contractsent, closedwon, closedlost]",
            refused["errors[0].message"]);
        Assert.Equal("INVALID_OPTION", refused["errors[0].code"]);
    }

    [Behaviour("POST …/deals", "a date for `closedate` is midnight in UTC", "observed", "objects-other-than-tickets.md 12.14")]
    [Fact]
    public async Task A_close_date_may_be_a_day_check_14()
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","closedate":"2026-12-31"}}""")).Expect(201);
        Assert.Equal("2026-12-31T00:00:00Z", created["properties.closedate"]);
        Assert.Equal("2026-12-31T00:00:00Z", (await server.GetAsync($"{Deals}/{created["id"]}")).Expect(200)["properties.closedate"]);
        // 291 days, 14 hours, 33 minutes and 6.411 seconds after the create.
        Assert.Equal(("291", "291.606324", "25194786411"), (created["properties.days_to_close"], created["properties.hs_days_to_close_raw"], created["properties.hs_actual_duration"]));
    }

    [Fact]
    public async Task Closing_sets_a_missing_close_date_and_reopening_keeps_it()
    {
        await using var server = await TestServer.StartAsync();
        var path = $"{Deals}/{(await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"contractsent","amount":"10"}}""")).Expect(201)["id"]}";
        server.Clock.Advance(TimeSpan.FromDays(3));
        var won = (await server.PatchAsync(path, """{"properties":{"dealstage":"closedwon"}}""")).Expect(200);
        Assert.Equal(("2026-03-17T09:26:53.589Z", "2026-03-17T09:26:53.589Z", "3"), (won["properties.closedate"], won["properties.hs_closed_won_date"], won["properties.days_to_close"]));
        Assert.Equal(("true", "true", "false", "1", "1", "0"), (
            won["properties.hs_is_closed"], won["properties.hs_is_closed_won"], won["properties.hs_is_closed_lost"], won["properties.hs_is_closed_count"],
            won["properties.hs_closed_won_count"], won["properties.hs_is_open_count"]));
        Assert.Equal(("10", "10", "0", "0"), (
            won["properties.hs_closed_amount"], won["properties.hs_projected_amount"], won["properties.hs_open_amount_in_home_currency"], won["properties.hs_weighted_pipeline_in_company_currency"]));
        server.Clock.Advance(TimeSpan.FromDays(1));
        var reopened = (await server.PatchAsync(path, """{"properties":{"dealstage":"contractsent"}}""")).Expect(200);
        Assert.Equal(("2026-03-17T09:26:53.589Z", "false", "0", "1"), (
            reopened["properties.closedate"], reopened["properties.hs_is_closed"], reopened["properties.hs_closed_amount"], reopened["properties.hs_is_open_count"]));
        var lost = (await server.PatchAsync(path, """{"properties":{"dealstage":"closedlost"}}""")).Expect(200);
        Assert.Equal(("2026-03-17T09:26:53.589Z", "true", "0", "0"), (
            lost["properties.closedate"], lost["properties.hs_is_closed_lost"], lost["properties.hs_deal_stage_probability"], lost["properties.hs_closed_amount"]));
    }

    [Fact]
    public async Task A_probability_of_ones_own_stays_until_the_stage_changes()
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"contractsent","amount":"10","hs_deal_stage_probability":"0.5"}}""")).Expect(201);
        Assert.Equal(("0.5", "5.0"), (created["properties.hs_deal_stage_probability"], created["properties.hs_projected_amount"]));
        Assert.StartsWith("0.900000000000000022", created["properties.hs_deal_stage_probability_shadow"], StringComparison.Ordinal);
        var path = $"{Deals}/{created["id"]}";
        Assert.Equal("10.0", (await server.PatchAsync(path, """{"properties":{"amount":"20"}}""")).Expect(200)["properties.hs_projected_amount"]);
        Assert.StartsWith("0.8000000000000000444", (await server.PatchAsync(path, """{"properties":{"dealstage":"decisionmakerboughtin"}}""")).Expect(200)["properties.hs_deal_stage_probability"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Amounts_are_multiplied_by_the_exchange_rate_and_cleared_with_the_amount()
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"closedwon","amount":"100","hs_exchange_rate":"1.25","hs_forecast_probability":"0.5"}}""")).Expect(201);
        Assert.Equal(("125.00", "62.500", "100", "125.00"), (
            created["properties.amount_in_home_currency"], created["properties.hs_forecast_amount"], created["properties.hs_closed_amount"], created["properties.hs_closed_amount_in_home_currency"]));
        var cleared = (await server.PatchAsync($"{Deals}/{created["id"]}", """{"properties":{"amount":""}}""")).Expect(200);
        Assert.Equal(("", "", ""), (cleared["properties.amount_in_home_currency"], cleared["properties.hs_projected_amount"], cleared["properties.hs_closed_amount"]));
    }

    [Theory]
    [InlineData("-2.50", "-2.50")]
    [InlineData("1e3", "1000")]
    [InlineData("+5", "5")]
    [InlineData(".5", "0.5")]
    [InlineData("1e100000000", null)] // a number, but not an amount: nothing is calculated with it
    public async Task Any_number_is_an_amount(string amount, string? home)
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Deals, $$"""{"properties":{"dealname":"New","dealstage":"contractsent","amount":"{{amount}}"} }""")).Expect(201);
        Assert.Equal((amount, home), (created["properties.amount"], created["properties.amount_in_home_currency"]));
    }

    [Fact]
    public async Task The_options_of_stage_and_pipeline_are_what_there_is()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync("/crm/v3/pipelines/deals", """{"label":"Partners","displayOrder":1,"pipelineId":"partners","stages":[{"label":"Won","displayOrder":0,"stageId":"partners_won","metadata":{"probability":"1.0"}}]}""")).Expect(201);
        var pipeline = (await server.GetAsync("/crm/v3/properties/deals/pipeline")).Expect(200);
        Assert.Equal(("default", "Sales Pipeline", "partners", "Partners"), (pipeline["options[0].value"], pipeline["options[0].label"], pipeline["options[1].value"], pipeline["options[1].label"]));
        var all = (await server.GetAsync("/crm/v3/properties/deals?properties=dealstage")).Expect(200);
        Assert.Equal(8, all.Count("results[0].options"));
        Assert.Equal("partners_won", all["results[0].options[7].value"]);
        var created = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"partners_won"}}""")).Expect(201);
        Assert.Equal(("partners", "1"), (created["properties.pipeline"], created["properties.hs_deal_stage_probability"]));
        Assert.Equal(0, (await server.GetAsync("/crm/v3/properties/tickets/hs_pipeline_stage")).Expect(200).Count("options"));
    }

    [Behaviour("POST …/pipelines/deals", "a stage needs a `probability` from 0.0 to 1.0, which is printed canonically; `isClosed` follows from it", "observed", "properties-pipelines-search-associations.md 3.4")]
    [Theory]
    [InlineData("{}", 400, "must specify probability when writing a dealstage")]
    [InlineData("{\"probability\":\"1.1\"}", 400, "dealstage probability is not valid, must be between 0.0 and 1.0 (inclusive)")]
    [InlineData("{\"probability\":\"0.50\"}", 201, "0.5 false")]
    [InlineData("{\"probability\":\"1\",\"isClosed\":\"false\"}", 201, "1.0 true")]
    [InlineData("{\"probability\":\"0\",\"other\":\"x\"}", 201, "0.0 true")]
    public async Task A_stage_of_a_deal_has_a_probability(string metadata, int status, string expected)
    {
        await using var server = await TestServer.StartAsync();
        var answer = (await server.PostAsync("/crm/v3/pipelines/deals", $$"""{"label":"A","displayOrder":1,"stages":[{"label":"S","displayOrder":0,"metadata":{{metadata}}}]}""")).Expect(status);
        Assert.Equal(expected, status == 400 ? answer["message"] : $"{answer["stages[0].metadata.probability"]} {answer["stages[0].metadata.isClosed"]}");
    }

    [Fact]
    public async Task The_currency_of_a_deal_is_one_of_the_portals()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"currency":"EUR"}""")).Expect(200);
        Assert.Equal("EUR", (await server.PostAsync(Deals, """{"properties":{"dealname":"New","deal_currency_code":"EUR"}}""")).Expect(201)["properties.deal_currency_code"]);
        var refused = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","deal_currency_code":"USD"}}""")).Expect(400);
        Assert.Equal(("INVALID_OPTION", "USD was not one of the allowed options: [EUR]"), (refused["errors[0].code"], refused["errors[0].message"]));
        Assert.Equal("EUR", (await server.PostAsync("/crm/v3/objects/orders", """{"properties":{"hs_order_name":"A"}}""")).Expect(201)["properties.hs_currency_code"]);
    }

    [Fact]
    public async Task Collaborators_are_appended()
    {
        await using var server = await TestServer.StartAsync();
        var path = $"{Deals}/{(await server.PostAsync(Deals, """{"properties":{"dealname":"New","hs_all_collaborator_owner_ids":"1"}}""")).Expect(201)["id"]}";
        Assert.Equal("1;2", (await server.PatchAsync(path, """{"properties":{"hs_all_collaborator_owner_ids":";1;2"}}""")).Expect(200)["properties.hs_all_collaborator_owner_ids"]);
    }

    [Fact]
    public async Task What_follows_is_found_by_searches_and_is_in_the_history_as_calculated()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"closedwon","amount":"10"}}""")).Expect(201)["id"];
        (await server.PostAsync(Deals, """{"properties":{"dealname":"Other","amount":"10"}}""")).Expect(201);
        foreach (var filter in (string[])[
            """{"propertyName":"hs_is_closed_won","operator":"EQ","value":"true"}""", """{"propertyName":"hs_closed_amount","operator":"GTE","value":"10"}""",
            """{"propertyName":"hs_is_closed","operator":"EQ","value":"true"},{"propertyName":"num_notes","operator":"EQ","value":"0"},{"propertyName":"hs_is_deal_split","operator":"EQ","value":"false"}"""])
        {
            var found = (await server.PostAsync(Deals + "/search", $$"""{"filterGroups":[{"filters":[{{filter}}]}]}""")).Expect(200);
            Assert.Equal(("1", id), (found["total"], found["results[0].id"]));
        }

        var history = (await server.GetAsync($"{Deals}/{id}?propertiesWithHistory=hs_closed_amount,hs_is_closed_won")).Expect(200);
        Assert.Equal(("10", "CALCULATED"), (history["propertiesWithHistory.hs_closed_amount[0].value"], history["propertiesWithHistory.hs_closed_amount[0].sourceType"]));
    }

    [Fact]
    public async Task A_restored_deal_that_moves_is_calculated_too()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Deals, """{"properties":{"dealname":"New","dealstage":"contractsent","amount":"10"}}""")).Expect(201)["id"];
        (await server.DeleteAsync($"{Deals}/{id}")).Expect(204);
        (await server.PostAsync($"/docket/v1/objects/deals/{id}/restore", """{"properties":{"dealstage":"closedwon"}}""")).Expect(200);
        var restored = (await server.GetAsync($"{Deals}/{id}?properties=hs_deal_stage_probability,hs_closed_amount,dealstage")).Expect(200);
        Assert.Equal(("closedwon", "1", "10"), (restored["properties.dealstage"], restored["properties.hs_deal_stage_probability"], restored["properties.hs_closed_amount"]));
    }

    [Fact]
    public async Task What_follows_is_calculated_from_the_values_of_a_merged_deal()
    {
        await using var server = await TestServer.StartAsync();
        var open = (await server.PostAsync(Deals, """{"properties":{"dealname":"Open","dealstage":"contractsent"}}""")).Expect(201)["id"];
        var won = (await server.PostAsync(Deals, """{"properties":{"dealname":"Won","dealstage":"closedwon","amount":"10"}}""")).Expect(201)["id"];
        var plain = (await server.PostAsync(Deals, """{"properties":{"dealname":"Plain"}}""")).Expect(201)["id"];
        await SeeAsync(open, won, "contractsent", "9.00000000000000022204460492503130808472633361816406250", "0", "1");
        await SeeAsync(plain, won, "contractsent", "9.00000000000000022204460492503130808472633361816406250", "0", "1"); // which leads to the first

        async Task SeeAsync(string? primary, string? other, string stage, string projected, string closed, string isOpen)
        {
            var id = (await server.PostAsync(Deals + "/merge", $$"""{"primaryObjectId":"{{primary}}","objectIdToMerge":"{{other}}"}""")).Expect(200)["id"];
            var merged = (await server.GetAsync($"{Deals}/{id}?properties=amount,dealstage,hs_projected_amount,hs_closed_amount,hs_is_open_count")).Expect(200);
            Assert.Equal(("10", stage, projected, closed, isOpen), (
                merged["properties.amount"], merged["properties.dealstage"], merged["properties.hs_projected_amount"], merged["properties.hs_closed_amount"], merged["properties.hs_is_open_count"]));
        }
    }

    [Theory]
    [InlineData(0.2, "0.200000000000000011102230246251565404236316680908203125")]
    [InlineData(0.5, "0.5")]
    [InlineData(0, "0")]
    [InlineData(1, "1")]
    public void A_fraction_has_every_digit_of_its_double(double fraction, string digits) => Assert.Equal(digits, ExactDecimal.OfFraction(fraction).ToString());

    [Theory]
    [InlineData("1.005", 2, "1.01")]
    [InlineData("-1.005", 2, "-1.01")]
    [InlineData("1.004999", 2, "1.00")]
    [InlineData("7", 2, "7.00")]
    [InlineData("12e-3", 1, "0.0")]
    [InlineData("1e2", 0, "100")]
    public void Rounding_is_to_the_nearest_and_half_away_from_zero(string number, int scale, string rounded) =>
        Assert.Equal(rounded, Parsed(number)!.Value.Rounded(scale).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("1e101")]
    [InlineData("1e-99999999999")]
    [InlineData("1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000")]
    public void What_is_too_long_is_not_calculated_with(string number) => Assert.Null(Parsed(number));

    static ExactDecimal? Parsed(string number) => ExactDecimal.Parse(System.Text.Encoding.ASCII.GetBytes(number));
}
