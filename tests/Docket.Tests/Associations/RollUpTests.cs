using Docket.Model.Types;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Associations;

/// <summary>Properties that follow from associations (reference/objects-other-than-tickets.md 8.9, 12).</summary>
public class RollUpTests
{
    [Fact]
    [Behaviour("associations", "`num_notes` and `notes_last_updated` follow from activities", "observed, inferred", "objects-other-than-tickets.md 8.9")]
    public async Task A_note_counts_on_all_records_that_it_is_put_on()
    {
        await using var server = await TestServer.StartAsync();
        var (ticket, contact) = (await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\""), await CreateAsync(server, "contacts"));
        Assert.Equal("0", await ReadAsync(server, "tickets", ticket, "num_notes"));
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var note = await CreateAsync(server, "notes", "\"hs_timestamp\":\"2026-01-02T03:04:05Z\"", (ticket, 228), (contact, 202));
        Assert.Equal(("1", "1"), (await ReadAsync(server, "tickets", ticket, "num_notes"), await ReadAsync(server, "contacts", contact, "num_notes")));
        Assert.Equal(("2026-01-02T03:04:05Z", $"0-46-{note}"), (await ReadAsync(server, "tickets", ticket, "notes_last_updated"), await ReadAsync(server, "tickets", ticket, "hs_notes_last_activity")));
        await CreateAsync(server, "calls", "\"hs_timestamp\":\"2026-01-02T03:04:05Z\"", (ticket, 220));
        Assert.Equal("2", await ReadAsync(server, "tickets", ticket, "num_notes"));
        var history = (await server.GetAsync($"/crm/v3/objects/tickets/{ticket}?propertiesWithHistory=num_notes")).Expect(200);
        Assert.Equal(("2", "CALCULATED"), (history["propertiesWithHistory.num_notes[0].value"], history["propertiesWithHistory.num_notes[0].sourceType"]));
        (await server.DeleteAsync($"/crm/v4/objects/notes/{note}/associations/tickets/{ticket}")).Expect(204);
        Assert.Equal("1", await ReadAsync(server, "tickets", ticket, "num_notes"));
        var found = (await server.PostAsync("/crm/v3/objects/tickets/search", """{"filterGroups":[{"filters":[{"propertyName":"num_notes","operator":"EQ","value":"1"}]}],"properties":["num_notes"]}""")).Expect(200);
        Assert.Equal(("1", "1"), (found["total"], found["results[0].properties.num_notes"]));
    }

    [Fact]
    [Behaviour("associations", "`associatedcompanyid` and the counts of both sides follow the primary company", "observed", "objects-other-than-tickets.md 12.35")]
    public async Task A_second_primary_company_moves_the_id_and_the_counts()
    {
        await using var server = await TestServer.StartAsync();
        var (contact, ticket, first, second) = (await CreateAsync(server, "contacts"), await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\""), await CreateAsync(server, "companies"), await CreateAsync(server, "companies"));
        await PutAsync(server, $"contacts/{contact}/associations/default/companies/{first}");
        Assert.Equal((first, "1"), (await ReadAsync(server, "contacts", contact, "associatedcompanyid"), await ReadAsync(server, "companies", first, "num_associated_contacts")));
        await PutAsync(server, $"contacts/{contact}/associations/companies/{second}", 1);
        Assert.Equal(second, await ReadAsync(server, "contacts", contact, "associatedcompanyid"));
        Assert.Equal(("1", "1"), (await ReadAsync(server, "companies", first, "num_associated_contacts"), await ReadAsync(server, "companies", second, "num_associated_contacts")));
        (await server.DeleteAsync($"/crm/v4/objects/contacts/{contact}/associations/companies/{second}")).Expect(204);
        Assert.Equal("", await ReadAsync(server, "contacts", contact, "associatedcompanyid"));
        Assert.Equal("0", await ReadAsync(server, "companies", second, "num_associated_contacts"));

        await PutAsync(server, $"tickets/{ticket}/associations/default/companies/{first}");
        Assert.Equal(("1", first), (await ReadAsync(server, "tickets", ticket, "hs_num_associated_companies"), await ReadAsync(server, "tickets", ticket, "hs_primary_company_id")));
    }

    [Fact]
    [Behaviour("associations", "archiving a record lowers the counts of others, restoring raises them", "decide", "objects-other-than-tickets.md 12.36")]
    public async Task Counts_fall_when_a_record_is_archived_and_rise_when_it_is_restored()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies");
        var (ann, bob) = (await CreateAsync(server, "contacts", "", (company, 279)), await CreateAsync(server, "contacts", "", (company, 279)));
        Assert.Equal("2", await ReadAsync(server, "companies", company, "num_associated_contacts"));
        (await server.DeleteAsync($"/crm/v3/objects/contacts/{ann}")).Expect(204);
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_contacts"));
        (await server.PostAsync($"/docket/v1/objects/contacts/{ann}/restore", "")).Expect(200);
        Assert.Equal("2", await ReadAsync(server, "companies", company, "num_associated_contacts"));
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{bob}}"}""")).Expect(204);
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_contacts"));
    }

    [Fact]
    [Behaviour("associations", "counts are those of active records, whatever was archived when", "decide", "objects-other-than-tickets.md 8.10")]
    public async Task Counts_are_right_after_both_sides_were_archived_and_while_the_other_one_is()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies");
        var (ann, bob) = (await CreateAsync(server, "contacts", "", (company, 279)), await CreateAsync(server, "contacts", "", (company, 279)));
        (await server.DeleteAsync($"/crm/v3/objects/companies/{company}")).Expect(204);
        (await server.DeleteAsync($"/crm/v3/objects/contacts/{ann}")).Expect(204);
        (await server.PostAsync($"/docket/v1/objects/companies/{company}/restore", "")).Expect(200);
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_contacts"));

        // Neither the end of its associations nor of itself counts again.
        (await server.DeleteAsync($"/crm/v4/objects/companies/{company}/associations/contacts/{ann}")).Expect(204);
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_contacts"));
        (await server.PostAsync($"/docket/v1/objects/contacts/{ann}/restore", "")).Expect(200);
        Assert.Equal("", await ReadAsync(server, "contacts", ann, "associatedcompanyid"));
        (await server.DeleteAsync($"/crm/v3/objects/contacts/{bob}")).Expect(204);
        await PutAsync(server, $"contacts/{ann}/associations/default/companies/{company}");
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{bob}}"}""")).Expect(204);
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_contacts"));
    }

    [Fact]
    [Behaviour("POST …/{type}/merge", "the new record has the associations of both, and counts them once", "docs, decide", "objects-other-than-tickets.md 12.37")]
    public async Task A_merged_company_counts_the_contacts_of_both_once()
    {
        await using var server = await TestServer.StartAsync();
        var (first, second) = (await CreateAsync(server, "companies"), await CreateAsync(server, "companies"));
        var both = await CreateAsync(server, "contacts", "", (first, 279), (second, 279));
        await CreateAsync(server, "contacts", "", (second, 279));
        // Not over the checked client: no file of HubSpot's here has the merge of companies.
        using var plain = new HttpClient { BaseAddress = new Uri(server.Url) };
        plain.DefaultRequestHeaders.Authorization = new("Bearer", TestServer.Token);
        using var merging = await plain.PostAsync("/crm/v3/objects/companies/merge", new StringContent($$"""{"primaryObjectId":"{{first}}","objectIdToMerge":"{{second}}"}""", null, "application/json"), TestContext.Current.CancellationToken);
        var merged = (await Answer.OfAsync(merging)).Expect(200)["id"]!;
        Assert.Equal("2", await ReadAsync(server, "companies", merged, "num_associated_contacts"));
        Assert.Equal(merged, await ReadAsync(server, "contacts", both, "associatedcompanyid"));
    }

    [Fact]
    [Behaviour("associations", "deals roll up in companies and contacts: open ones, their value, revenue, the latest one won, the first one", "observed", "objects-other-than-tickets.md 8.9")]
    public async Task Roll_ups_of_deals_follow_stage_amount_and_close_date()
    {
        await using var server = await TestServer.StartAsync();
        var (company, contact) = (await CreateAsync(server, "companies"), await CreateAsync(server, "contacts"));
        Assert.Equal(("0", "0", null, null), (await ReadAsync(server, "companies", company, "hs_num_open_deals"), await ReadAsync(server, "companies", company, "num_associated_deals"), await ReadAsync(server, "companies", company, "total_revenue"), await ReadAsync(server, "companies", company, "first_deal_created_date")));
        var old = await CreateAsync(server, "deals", "\"dealname\":\"Old\",\"amount\":\"100.50\",\"dealstage\":\"closedwon\",\"closedate\":\"2026-01-02\"", (company, 341), (contact, 3));
        var first = await ReadAsync(server, "deals", old, "createdate");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var deal = await CreateAsync(server, "deals", "\"dealname\":\"New\",\"amount\":\"20\",\"dealstage\":\"qualifiedtobuy\"", (company, 341), (contact, 3));
        await ExpectAsync("1", "20", "100.5", "2026-01-02T00:00:00Z", "100.50");

        await PatchAsync(server, "deals", deal, "\"amount\":\"30\",\"closedate\":\"2026-02-03\"");
        await ExpectAsync("1", "30", "100.5", "2026-01-02T00:00:00Z", "100.50");
        await PatchAsync(server, "deals", deal, "\"dealstage\":\"closedwon\"");
        await ExpectAsync("0", "0", "130.5", "2026-02-03T00:00:00Z", "30");
        var history = (await server.GetAsync($"/crm/v3/objects/companies/{company}?propertiesWithHistory=total_revenue")).Expect(200);
        Assert.Equal(("130.5", "CALCULATED"), (history["propertiesWithHistory.total_revenue[0].value"], history["propertiesWithHistory.total_revenue[0].sourceType"]));
        await PatchAsync(server, "deals", deal, "\"amount\":\"-1\"");
        await ExpectAsync("0", "0", "99.5", "2026-02-03T00:00:00Z", "-1");
        await PatchAsync(server, "deals", deal, "\"dealstage\":\"closedlost\"");
        await ExpectAsync("0", "0", "100.5", "2026-01-02T00:00:00Z", "100.50"); // the one before
        await PatchAsync(server, "deals", old, "\"dealname\":\"Older\",\"amount\":\"\",\"createdate\":\"2025-12-31T00:00:00Z\"");
        first = "2025-12-31T00:00:00Z";
        await ExpectAsync("0", "0", "0", "2026-01-02T00:00:00Z", "");
        (await server.DeleteAsync($"/crm/v3/objects/deals/{old}")).Expect(204);
        first = await ReadAsync(server, "deals", deal, "createdate");
        await ExpectAsync("0", "0", "0", "", "");
        Assert.Equal("1", await ReadAsync(server, "companies", company, "num_associated_deals"));
        (await server.PostAsync($"/docket/v1/objects/deals/{old}/restore", "")).Expect(200);
        first = "2025-12-31T00:00:00Z";
        await ExpectAsync("0", "0", "0", "2026-01-02T00:00:00Z", "");
        (await server.DeleteAsync($"/crm/v4/objects/deals/{old}/associations/companies/{company}")).Expect(204);
        Assert.Equal("", await ReadAsync(server, "companies", company, "recent_deal_close_date"));
        Assert.Equal("2026-01-02T00:00:00Z", await ReadAsync(server, "contacts", contact, "recent_deal_close_date"));

        async Task ExpectAsync(string open, string openValue, string revenue, string closed, string amount)
        {
            Assert.Equal((open, openValue), (await ReadAsync(server, "companies", company, "hs_num_open_deals"), await ReadAsync(server, "companies", company, "hs_total_deal_value")));
            foreach (var (type, id) in new[] { ("companies", company), ("contacts", contact) })
            {
                Assert.Equal(
                    (revenue, closed, amount, first),
                    (await ReadAsync(server, type, id, "total_revenue"), await ReadAsync(server, type, id, "recent_deal_close_date"), await ReadAsync(server, type, id, "recent_deal_amount"), await ReadAsync(server, type, id, "first_deal_created_date")));
            }
        }
    }

    [Fact]
    [Behaviour("associations", "calls, sent emails and meetings count as contacts; open tasks and scheduled meetings are next", "docs, decide", "objects-other-than-tickets.md 8.9")]
    public async Task Roll_ups_of_activities_follow_their_times_and_states()
    {
        await using var server = await TestServer.StartAsync(); // on 14 March 2026
        var (deal, ticket) = (await CreateAsync(server, "deals"), await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\""));
        await CreateAsync(server, "emails", "\"hs_timestamp\":\"2026-03-01T00:00:00Z\",\"hs_email_direction\":\"INCOMING_EMAIL\"", (deal, 210), (ticket, 224));
        await ExpectAsync("0", "2026-03-01T00:00:00Z", null, null);
        var call = await CreateAsync(server, "calls", "\"hs_timestamp\":\"2026-02-01T00:00:00Z\",\"hs_call_direction\":\"INBOUND\"", (deal, 206), (ticket, 220));
        await ExpectAsync("1", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z", null);
        var sent = await CreateAsync(server, "emails", "\"hs_timestamp\":\"2026-03-02T00:00:00Z\",\"hs_email_direction\":\"EMAIL\"", (deal, 210), (ticket, 224));
        await ExpectAsync("2", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", null);
        await PatchAsync(server, "emails", sent, "\"hs_timestamp\":\"2026-01-02T00:00:00Z\"");
        await ExpectAsync("2", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z", null);
        Assert.Equal(("1", "1", "0"), (await ReadAsync(server, "deals", deal, "hs_number_of_call_engagements"), await ReadAsync(server, "deals", deal, "hs_number_of_inbound_calls"), await ReadAsync(server, "deals", deal, "hs_number_of_outbound_calls")));
        await PatchAsync(server, "calls", call, "\"hs_call_direction\":\"OUTBOUND\"");
        Assert.Equal(("1", "0", "1"), (await ReadAsync(server, "deals", deal, "hs_number_of_call_engagements"), await ReadAsync(server, "deals", deal, "hs_number_of_inbound_calls"), await ReadAsync(server, "deals", deal, "hs_number_of_outbound_calls")));

        // What is planned was logged when it was created.
        var task = await CreateAsync(server, "tasks", "\"hs_timestamp\":\"2026-05-02T00:00:00Z\"", (deal, 216), (ticket, 230));
        var created = await ReadAsync(server, "tasks", task, "hs_createdate");
        await ExpectAsync("2", created, "2026-02-01T00:00:00Z", "2026-05-02T00:00:00Z");
        Assert.Equal(("1", "1", "0"), (await ReadAsync(server, "tasks", task, "hs_num_associated_deals"), await ReadAsync(server, "tasks", task, "hs_num_associated_tickets"), await ReadAsync(server, "tasks", task, "hs_num_associated_contacts")));
        var meeting = await CreateAsync(server, "meetings", "\"hs_meeting_start_time\":\"2026-04-02T00:00:00Z\"", (deal, 212), (ticket, 226));
        var met = await ReadAsync(server, "meetings", meeting, "hs_createdate");
        await ExpectAsync("3", met, met, "2026-04-02T00:00:00Z");
        Assert.Equal($"0-47-{meeting}", await ReadAsync(server, "deals", deal, "hs_notes_next_activity"));
        await PatchAsync(server, "meetings", meeting, "\"hs_meeting_outcome\":\"CANCELED\"");
        await ExpectAsync("3", met, met, "2026-05-02T00:00:00Z");
        await PatchAsync(server, "tasks", task, "\"hs_task_status\":\"COMPLETED\"");
        await ExpectAsync("3", met, met, "");

        async Task ExpectAsync(string times, string? logged, string? contacted, string? next)
        {
            foreach (var (type, id) in new[] { ("deals", deal), ("tickets", ticket) })
            {
                Assert.Equal(
                    (times, logged, contacted, next),
                    (await ReadAsync(server, type, id, "num_contacted_notes") ?? "0", await ReadAsync(server, type, id, "notes_last_updated"), await ReadAsync(server, type, id, "notes_last_contacted"), await ReadAsync(server, type, id, "notes_next_activity_date")));
            }

            Assert.Equal(
                (times, logged, contacted, next),
                (await ReadAsync(server, "tickets", ticket, "hs_num_times_contacted"), await ReadAsync(server, "tickets", ticket, "hs_lastactivitydate"), await ReadAsync(server, "tickets", ticket, "hs_lastcontacted"), await ReadAsync(server, "tickets", ticket, "hs_nextactivitydate")));
        }
    }

    [Fact]
    [Behaviour("associations", "writing `associatedcompanyid` sets the primary company; an empty value ends it", "observed, decide", "objects-other-than-tickets.md 2.6, 11.10")]
    public async Task A_contact_gets_its_primary_company_by_the_id_in_its_values()
    {
        await using var server = await TestServer.StartAsync();
        var (first, second) = (await CreateAsync(server, "companies"), await CreateAsync(server, "companies"));
        var contact = await CreateAsync(server, "contacts", $"\"email\":\"a@example.com\",\"associatedcompanyid\":\"{first}\"");
        await ExpectAsync(first, (first, [279, 1]));
        Assert.Equal("1", await ReadAsync(server, "companies", first, "num_associated_contacts"));
        (await server.PostAsync("/crm/v3/objects/contacts/batch/upsert", $$"""{"inputs":[{"idProperty":"email","id":"a@example.com","properties":{"associatedcompanyid":"{{second}}"} }]}""")).Expect(200);
        await ExpectAsync(second, (first, [279]), (second, [279, 1]));
        await PatchAsync(server, "contacts", contact, "\"associatedcompanyid\":\"\"");
        await ExpectAsync("", (first, [279]), (second, [279]));
        await PatchAsync(server, "contacts", contact, "\"associatedcompanyid\":\"\"");
        await PutAsync(server, $"contacts/{contact}/associations/companies/{first}", 1);
        await ExpectAsync(first, (first, [279, 1]), (second, [279]));

        // No company: nothing is written.
        var refused = (await server.PatchAsync($"/crm/v3/objects/contacts/{contact}", """{"properties":{"associatedcompanyid":"5","firstname":"Ann"}}""")).Expect(400);
        Assert.Contains("COMPANY=5 is not valid", refused.Text, StringComparison.Ordinal);
        Assert.Null(await ReadAsync(server, "contacts", contact, "firstname"));

        async Task ExpectAsync(string company, params (string Id, int[] Types)[] ties)
        {
            Assert.Equal(company, await ReadAsync(server, "contacts", contact, "associatedcompanyid"));
            var list = (await server.GetAsync($"/crm/v4/objects/contacts/{contact}/associations/companies")).Expect(200);
            Assert.Equal(
                ties.Select(tie => $"{tie.Id} {string.Join(' ', tie.Types)}"),
                Enumerable.Range(0, list.Count("results")).Select(at => $"{list[$"results[{at}].toObjectId"]} {string.Join(' ', Enumerable.Range(0, list.Count($"results[{at}].associationTypes")).Select(of => list[$"results[{at}].associationTypes[{of}].typeId"]))}"));
        }
    }

    [Fact]
    [Behaviour("PATCH …/{objectType}/{id}", "`hs_is_unworked` follows from the date of the owner and the latest activity, by the formula of its definition", "observed", "objects-other-than-tickets.md 2.4")]
    public async Task A_contact_is_unworked_until_an_activity_after_its_assignment()
    {
        await using var server = await TestServer.StartAsync();
        var contact = await CreateAsync(server, "contacts");
        Assert.Equal("true", await ReadAsync(server, "contacts", contact, "hs_is_unworked"));
        await PatchAsync(server, "contacts", contact, "\"hubspot_owner_id\":\"7\"");
        Assert.Equal("true", await ReadAsync(server, "contacts", contact, "hs_is_unworked"));
        await CreateAsync(server, "notes", "\"hs_timestamp\":\"2026-01-02T00:00:00Z\"", (contact, 202));
        Assert.Equal("true", await ReadAsync(server, "contacts", contact, "hs_is_unworked")); // before that
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var note = await CreateAsync(server, "notes", "\"hs_timestamp\":\"2026-07-02T00:00:00Z\"", (contact, 202));
        Assert.Equal("false", await ReadAsync(server, "contacts", contact, "hs_is_unworked"));
        (await server.DeleteAsync($"/crm/v3/objects/notes/{note}")).Expect(204);
        Assert.Equal("true", await ReadAsync(server, "contacts", contact, "hs_is_unworked"));
        var found = (await server.PostAsync("/crm/v3/objects/contacts/search", """{"filterGroups":[{"filters":[{"propertyName":"hs_is_unworked","operator":"EQ","value":"true"}]}]}""")).Expect(200);
        Assert.Equal("1", found["total"]);
    }

    [Theory]
    [InlineData("contacts")]
    [InlineData("companies")]
    [InlineData("deals")]
    [InlineData("tickets")]
    [Behaviour("PATCH …/{objectType}/{id}", "`hs_all_owner_ids`, `hs_user_ids_of_all_owners` and `hubspot_owner_assigneddate` follow the owner", "observed", "objects-other-than-tickets.md 5")]
    public async Task What_follows_from_the_owner_follows_in_records_too(string type)
    {
        await using var server = await TestServer.StartAsync();
        var id = await CreateAsync(server, type, type == "tickets" ? "\"hs_pipeline_stage\":\"1\"" : "");
        await PatchAsync(server, type, id, "\"hubspot_owner_id\":\"7\"");
        var assigned = (await server.GetAsync($"/crm/v3/objects/{type}/{id}")).Expect(200)["updatedAt"];
        Assert.Equal(("7", "7", assigned), (await ReadAsync(server, type, id, "hs_all_owner_ids"), await ReadAsync(server, type, id, "hs_user_ids_of_all_owners"), await ReadAsync(server, type, id, "hubspot_owner_assigneddate")));
        var found = (await server.PostAsync($"/crm/v3/objects/{type}/search", """{"filterGroups":[{"filters":[{"propertyName":"hs_all_owner_ids","operator":"EQ","value":"7"},{"propertyName":"hs_user_ids_of_all_owners","operator":"IN","values":["7"]}]}]}""")).Expect(200);
        Assert.Equal("1", found["total"]);
        await PatchAsync(server, type, id, "\"hubspot_owner_id\":\"\"");
        Assert.Equal(("", ""), (await ReadAsync(server, type, id, "hs_all_owner_ids"), await ReadAsync(server, type, id, "hubspot_owner_assigneddate")));
    }

    [Fact]
    public async Task A_planned_time_that_has_passed_gives_way_when_an_activity_changes()
    {
        await using var server = await TestServer.StartAsync();
        var contact = await CreateAsync(server, "contacts");
        await CreateAsync(server, "tasks", "\"hs_timestamp\":\"2026-03-15T00:00:00Z\"", (contact, 204));
        var later = await CreateAsync(server, "tasks", "\"hs_timestamp\":\"2026-05-02T00:00:00Z\"", (contact, 204));
        Assert.Equal("2026-03-15T00:00:00Z", await ReadAsync(server, "contacts", contact, "notes_next_activity_date"));
        server.Clock.Advance(TimeSpan.FromDays(2));
        await PatchAsync(server, "tasks", later, "\"hs_timestamp\":\"2026-05-03T00:00:00Z\"");
        Assert.Equal("2026-05-03T00:00:00Z", await ReadAsync(server, "contacts", contact, "notes_next_activity_date"));
    }

    [Fact]
    public async Task The_latest_activity_among_many_is_found_among_the_newest_ones()
    {
        await using var server = await TestServer.StartAsync();
        var contact = await CreateAsync(server, "contacts");
        var latest = await NotesAsync(1, "2026-03-01"); // the oldest record of all
        await NotesAsync(100, "2026-02-01");
        for (var hundred = 0; hundred < 5; hundred++)
        {
            await NotesAsync(100, "2026-01-01");
        }

        Assert.Equal(("601", "2026-03-01T00:00:00Z"), (await ReadAsync(server, "contacts", contact, "num_notes"), await ReadAsync(server, "contacts", contact, "notes_last_updated")));
        (await server.DeleteAsync($"/crm/v3/objects/notes/{latest}")).Expect(204);
        Assert.Equal(("600", "2026-01-01T00:00:00Z"), (await ReadAsync(server, "contacts", contact, "num_notes"), await ReadAsync(server, "contacts", contact, "notes_last_updated")));

        async Task<string> NotesAsync(int count, string day) => (await server.PostAsync("/crm/v3/objects/notes/batch/create", $$"""{"inputs":[{{string.Join(',', Enumerable.Range(0, count).Select(_ => $$$"""{"properties":{"hs_timestamp":"{{{day}}}"},"associations":[{"to":{"id":"{{{contact}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":202}]}]}"""))}}]}""")).Expect(201)["results[0].id"]!;
    }

    [Fact]
    public async Task The_first_contact_of_a_company_is_the_oldest_one()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies");
        var ann = await CreateAsync(server, "contacts", "", (company, 279));
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var bob = await CreateAsync(server, "contacts", "", (company, 279));
        Assert.Equal(await ReadAsync(server, "contacts", ann, "createdate"), await ReadAsync(server, "companies", company, "first_contact_createdate"));
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{ann}}"}""")).Expect(204);
        Assert.Equal(await ReadAsync(server, "contacts", bob, "createdate"), await ReadAsync(server, "companies", company, "first_contact_createdate"));
    }

    [Fact]
    public void Each_value_that_is_rolled_up_leads_to_the_records_that_show_it()
    {
        var types = StandardTypes.All.SelectMany(type => type.Associations(type.Id)).ToDictionary(type => (type.From, type.Id));
        var shown = StandardTypes.All.SelectMany(type => type.RollUps.Where(rollUp => rollUp.ShowsValues && rollUp.Property != "first_contact_createdate").SelectMany(rollUp => rollUp.Types.Select(id => types[(type.Number, id)]))).Select(type => (From: type.To, type.InverseId));
        var followed = StandardTypes.All.SelectMany(type => type.Followed?.Types.Select(id => types[(type.Number, id)]) ?? []).Select(type => (type.From, type.Id));
        Assert.Equal(shown.Distinct().Order(), followed.Order()); // the createdate of a contact can't be changed
        Assert.All(StandardTypes.All, type => Assert.All(type.Followed?.Names ?? [], name => Assert.Contains(type.Seed().Properties, property => property.Name == name)));
    }

    static async Task PatchAsync(TestServer server, string type, string id, string properties) =>
        (await server.PatchAsync($"/crm/v3/objects/{type}/{id}", $$"""{"properties":{ {{properties}} } }""")).Expect(200);

    static async Task<string> CreateAsync(TestServer server, string type, string properties = "", params (string Id, int Type)[] associations)
    {
        var ties = string.Join(',', associations.Select(to => $$$"""{"to":{"id":"{{{to.Id}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{{to.Type}}}}]}"""));
        return (await server.PostAsync($"/crm/v3/objects/{type}", $$"""{"properties":{ {{properties}} },"associations":[{{ties}}]}""")).Expect(201)["id"]!;
    }

    static async Task PutAsync(TestServer server, string path, int? type = null)
    {
        var answer = await server.SendAsync(HttpMethod.Put, "/crm/v4/objects/" + path, type is null ? null : $$"""[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{type}}}]""");
        Assert.True(answer.Status is 200 or 201, answer.Text);
    }

    static async Task<string?> ReadAsync(TestServer server, string type, string id, string property) =>
        (await server.GetAsync($"/crm/v3/objects/{type}/{id}?properties={property}")).Expect(200)["properties." + property];
}
