using System.Text.Json.Nodes;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Associations;

/// <summary>Associations between records (reference/objects-other-than-tickets.md 8, 12).</summary>
public class AssociationTests
{
    [Fact]
    [Behaviour("associations", "a plain association of a line item and a deal answers with 19 and 20", "docs, observed", "objects-other-than-tickets.md 12.26")]
    public async Task A_plain_association_answers_with_the_types_of_both_directions()
    {
        await using var server = await TestServer.StartAsync();
        var (item, deal) = (await CreateAsync(server, "line_items"), await CreateAsync(server, "deals"));
        var tied = (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/line_items/{item}/associations/default/deals/{deal}", null)).Expect(200);
        Assert.Equal(("19", "20"), (tied["results[0].associationSpec.associationTypeId"], tied["results[1].associationSpec.associationTypeId"]));
    }

    [Fact]
    [Behaviour("associations", "150 contacts of a company are 100 and a next page in v3 and in reads, and all in v4", "observed", "objects-other-than-tickets.md 12.30")]
    public async Task Lists_of_v3_end_after_a_hundred_and_continue()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies");
        var contacts = new List<string>();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var inputs = string.Join(',', Enumerable.Range(0, 75).Select(_ => $$$"""{"properties":{},"associations":[{"to":{"id":"{{{company}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":279}]}]}"""));
            contacts.AddRange((await server.PostAsync("/crm/v3/objects/contacts/batch/create", $$"""{"inputs":[{{inputs}}]}""")).Expect(201).Json!["results"]!.AsArray().Select(result => result!["id"]!.GetValue<string>()));
        }

        var v4 = (await server.GetAsync($"/crm/v4/objects/companies/{company}/associations/contacts?limit=500")).Expect(200);
        Assert.Equal(contacts, v4.Json!["results"]!.AsArray().Select(tie => tie!["toObjectId"]!.GetValue<long>().ToString()));
        Assert.Null(v4["paging.next.after"]);

        var batch = (await server.PostAsync("/crm/v3/associations/companies/contacts/batch/read", $$"""{"inputs":[{"id":"{{company}}"}]}""")).Expect(200);
        var read = (await server.GetAsync($"/crm/v3/objects/companies/{company}?associations=contacts")).Expect(200);
        Assert.Equal((100, 100), (batch.Json!["results"]![0]!["to"]!.AsArray().Count, read.Json!["associations"]!["contacts"]!["results"]!.AsArray().Count));
        Assert.Equal(batch["results[0].paging.next.link"], read["associations.contacts.paging.next.link"]);

        // The link leads through all: 150 plain ones and 150 whose primary company it is.
        var seen = new List<string>(Entries(read.Json["associations"]!["contacts"]!["results"]!));
        for (var next = read["associations.contacts.paging.next.link"]; next is not null;)
        {
            var page = (await server.GetAsync(new Uri(next).PathAndQuery)).Expect(200);
            seen.AddRange(Entries(page.Json!["results"]!));
            next = page["paging.next.link"];
        }

        Assert.Equal([.. contacts.Select(id => id + " company_to_contact_unlabeled"), .. contacts.Select(id => id + " company_to_contact")], seen);

        static IEnumerable<string> Entries(JsonNode results) => results.AsArray().Select(entry => $"{entry!["id"]} {entry["type"]}");
    }

    [Fact]
    public async Task Lists_of_the_past_show_who_was_associated_then()
    {
        var clock = new ManualClock();
        await using var server = await TestServer.StartAsync(with: options => options with { Clock = clock });
        var (company, contact, other, late) = (await CreateAsync(server, "companies"), await CreateAsync(server, "contacts"), await CreateAsync(server, "contacts"), "");
        await TieAsync(contact);
        await TieAsync(other);
        var both = Later();
        (await server.SendAsync(HttpMethod.Delete, $"/crm/v4/objects/contacts/{contact}/associations/companies/{company}", null)).Expect(204);
        (await server.SendAsync(HttpMethod.Delete, $"/crm/v3/objects/contacts/{other}", null)).Expect(204);
        late = await CreateAsync(server, "contacts");
        await TieAsync(late);
        var one = Later();
        (await server.SendAsync(HttpMethod.Delete, $"/crm/v3/objects/companies/{company}", null)).Expect(204);

        var list = $"/crm/v4/objects/companies/{company}/associations/contacts";
        Assert.Equal([contact, other], Ids((await server.GetAsync($"{list}?asOf={both}")).Expect(200).Json!["results"]!, "toObjectId"));
        Assert.Equal([late], Ids((await server.GetAsync($"{list}?asOf={one}")).Expect(200).Json!["results"]!, "toObjectId"));
        Assert.Equal([contact], Ids((await server.GetAsync($"{list}?asOf={both}&limit=1")).Expect(200).Json!["results"]!, "toObjectId"));
        var next = (await server.GetAsync($"{list}?asOf={both}&limit=1")).Expect(200)["paging.next.link"]!;
        Assert.Equal([other], Ids((await server.GetAsync(new Uri(next).PathAndQuery)).Expect(200).Json!["results"]!, "toObjectId"));

        // The company is archived now, and didn't exist yet.
        (await server.GetAsync(list)).Expect(404);
        (await server.GetAsync($"{list}?asOf=2026-01-01")).Expect(404);
        (await server.GetAsync($"{list}?asOf=then")).Expect(400);

        var batch = $$"""{"inputs":[{"id":"{{company}}"},{"id":"{{contact}}"}]}""";
        var read = (await server.PostAsync($"/crm/v4/associations/companies/contacts/batch/read?asOf={both}", batch)).Expect(207);
        Assert.Equal([contact, other], Ids(read.Json!["results"]![0]!["to"]!, "toObjectId"));
        Assert.Equal("crm.associations.NO_ASSOCIATIONS_FOUND", read["errors[0].subCategory"]);
        Assert.Equal([contact, other], Ids((await server.PostAsync($"/crm/v3/associations/companies/contacts/batch/read?asOf={both}", batch)).Expect(207).Json!["results"]![0]!["to"]!, "id").Distinct());

        // With the record of that time, and in the list of v3.
        var then = (await server.GetAsync($"/crm/v3/objects/companies/{company}?associations=contacts&asOf={both}")).Expect(200);
        Assert.Equal([contact, other, contact, other], Ids(then.Json!["associations"]!["contacts"]!["results"]!, "id"));
        Assert.Equal([contact, other, contact, other], Ids((await server.GetAsync($"/crm/v3/objects/companies/{company}/associations/contacts?asOf={both}")).Expect(200).Json!["results"]!, "id"));

        string Later()
        {
            clock.Advance(TimeSpan.FromMinutes(2));
            return clock.GetUtcNow().AddMinutes(-1).ToUnixTimeMilliseconds().ToString();
        }

        async Task TieAsync(string id) => (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/contacts/{id}/associations/default/companies/{company}", null)).Expect(200);

        static List<string> Ids(JsonNode entries, string member) => [.. entries.AsArray().Select(entry => entry![member]!.ToString())];
    }

    [Fact]
    [Behaviour("associations", "a contact with a primary company lists it twice", "observed", "objects-other-than-tickets.md 12.31")]
    public async Task A_primary_company_is_two_lines_of_a_read()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies");
        var contact = await CreateAsync(server, "contacts", "", (company, 1));
        var read = (await server.GetAsync($"/crm/v3/objects/contacts/{contact}?associations=companies")).Expect(200);
        Assert.Equal(
            [(company, "contact_to_company_unlabeled"), (company, "contact_to_company")],
            read.Json!["associations"]!["companies"]!["results"]!.AsArray().Select(entry => (entry!["id"]!.GetValue<string>(), entry["type"]!.GetValue<string>())));
    }

    [Fact]
    [Behaviour("associations", "a note on a ticket and a contact has its previews, and counts on both", "observed", "objects-other-than-tickets.md 12.17")]
    public async Task A_note_is_created_with_its_ticket_and_its_contact()
    {
        await using var server = await TestServer.StartAsync();
        var (ticket, contact) = (await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\""), await CreateAsync(server, "contacts"));
        var note = await CreateAsync(server, "notes", "\"hs_timestamp\":\"2026-01-02T03:04:05Z\",\"hs_note_body\":\"<b>Test</b> note\"", (ticket, 228), (contact, 202));
        var read = (await server.GetAsync($"/crm/v3/objects/notes/{note}?properties=hs_body_preview,hs_obj_coords&associations=tickets,contacts")).Expect(200);
        Assert.Equal(("Test note", $"0-46-{note}", ticket, contact), (read["properties.hs_body_preview"], read["properties.hs_obj_coords"], read["associations.tickets.results[0].id"], read["associations.contacts.results[0].id"]));
        foreach (var (type, id) in ((string, string)[])[("tickets", ticket), ("contacts", contact)])
        {
            Assert.Equal("1", (await server.GetAsync($"/crm/v3/objects/{type}/{id}?properties=num_notes")).Expect(200)["properties.num_notes"]);
        }
    }

    [Fact]
    public async Task The_id_of_a_merged_record_leads_to_no_associations()
    {
        await using var server = await TestServer.StartAsync();
        var contact = await CreateAsync(server, "contacts");
        var (first, second) = (await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\"", (contact, 16)), await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\"", (contact, 16)));
        var merged = (await server.PostAsync("/crm/v3/objects/tickets/merge", $$"""{"primaryObjectId":"{{first}}","objectIdToMerge":"{{second}}"}""")).Expect(200)["id"];
        foreach (var (id, expected) in ((string, int)[])[(first, 0), (second, 0), (merged!, 1)])
        {
            Assert.Equal(expected, (await server.GetAsync($"/crm/v4/objects/tickets/{id}/associations/contacts")).Expect(200).Count("results"));
            Assert.Equal(expected, (await server.GetAsync($"/crm/v3/objects/tickets/{id}/associations/contacts")).Expect(200).Count("results"));
        }
    }

    static async Task<string> CreateAsync(TestServer server, string type, string properties = "", params (string Id, int Type)[] associations)
    {
        var ties = string.Join(',', associations.Select(to => $$$"""{"to":{"id":"{{{to.Id}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{{to.Type}}}}]}"""));
        return (await server.PostAsync($"/crm/v3/objects/{type}", $$"""{"properties":{ {{properties}} },"associations":[{{ties}}]}""")).Expect(201)["id"]!;
    }
}
