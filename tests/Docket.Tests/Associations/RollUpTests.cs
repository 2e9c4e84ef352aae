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
        var logged = await ReadAsync(server, "tickets", ticket, "notes_last_updated");
        Assert.Equal(logged, await ReadAsync(server, "tickets", ticket, "hs_lastmodifieddate"));
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
