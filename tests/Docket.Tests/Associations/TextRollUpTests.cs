using Docket.Tests.Compatibility;

namespace Docket.Tests.Associations;

/// <summary>What tickets show of the texts of their contacts and companies (reference/objects-other-than-tickets.md 8.9, properties-pipelines-search-associations.md 2.2).</summary>
public class TextRollUpTests
{
    const string OfContacts = "hs_all_associated_contact_";

    [Fact]
    [Behaviour("associations", "`hs_all_associated_contact_…` of a ticket are the values of its contacts, joined by `;`", "observed, inferred", "properties-pipelines-search-associations.md 2.2")]
    public async Task A_ticket_shows_the_values_of_its_contacts_in_order_of_their_ids()
    {
        await using var server = await TestServer.StartAsync();
        var ann = await server.NewAsync("contacts", """ "email":"ann@example.com","firstname":"Ann","lastname":"Lee","phone":"1","mobilephone":"2","company":"Acme" """);
        var bob = await server.NewAsync("contacts", """ "email":"bob@example.com","lastname":"Ray","phone":"3","company":"Acme" """);
        var ticket = await server.NewAsync("tickets", """ "hs_pipeline_stage":"1" """, (bob, 16));
        await ExpectAsync("bob@example.com", null, "Ray", "3", null, "Acme");
        await server.PutAsync($"tickets/{ticket}/associations/default/contacts/{ann}");
        await ExpectAsync("ann@example.com;bob@example.com", "Ann", "Lee;Ray", "1;3", "2", "Acme;Acme");

        // Whatever other types there are, a contact counts once.
        var label = (await server.PostAsync("/crm/v4/associations/tickets/contacts/labels", """{"name":"cc","label":"Copied"}""")).Expect(200);
        var typeId = Enumerable.Range(0, label.Count("results")).Select(at => label[$"results[{at}].typeId"]).First();
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket}/associations/contacts/{ann}", $$"""[{"associationCategory":"USER_DEFINED","associationTypeId":{{typeId}}}]""")).Expect(201);
        await ExpectAsync("ann@example.com;bob@example.com", "Ann", "Lee;Ray", "1;3", "2", "Acme;Acme");

        (await server.DeleteAsync($"/crm/v4/objects/tickets/{ticket}/associations/contacts/{bob}")).Expect(204);
        await ExpectAsync("ann@example.com", "Ann", "Lee", "1", "2", "Acme");
        (await server.DeleteAsync($"/crm/v4/objects/tickets/{ticket}/associations/contacts/{ann}")).Expect(204);
        await ExpectAsync("", "", "", "", "", "");

        async Task ExpectAsync(params string?[] values) =>
            Assert.Equal(values, await server.ReadAsync("tickets", ticket, [.. ((string[])["emails", "firstnames", "lastnames", "phones", "mobilephones", "companies"]).Select(name => OfContacts + name)]));
    }

    [Fact]
    [Behaviour("associations", "what a ticket shows of its contacts and its company follows their values, as a change with the source `CALCULATED`", "observed, decide", "objects-other-than-tickets.md 8.9, 9")]
    public async Task What_a_ticket_shows_follows_new_values()
    {
        await using var server = await TestServer.StartAsync();
        var (contact, company) = (await server.NewAsync("contacts", """ "firstname":"Ann" """), await server.NewAsync("companies", """ "name":"Acme" """));
        var ticket = await server.NewAsync("tickets", """ "hs_pipeline_stage":"1" """, (contact, 16), (company, 26), (company, 339));
        Assert.Equal(["Ann", "Acme", "Acme", company], await ReadAsync());
        (await server.PatchAsync($"/crm/v3/objects/contacts/{contact}", """{"properties":{"firstname":"Anne","jobtitle":"x"}}""")).Expect(200);
        (await server.PatchAsync($"/crm/v3/objects/companies/{company}", """{"properties":{"name":"Acme & Sons"}}""")).Expect(200);
        Assert.Equal(["Anne", "Acme & Sons", "Acme & Sons", company], await ReadAsync());
        var history = (await server.GetAsync($"/crm/v3/objects/tickets/{ticket}?propertiesWithHistory={OfContacts}firstnames")).Expect(200);
        Assert.Equal(("Anne", "CALCULATED", "Ann"), (history[$"propertiesWithHistory.{OfContacts}firstnames[0].value"], history[$"propertiesWithHistory.{OfContacts}firstnames[0].sourceType"], history[$"propertiesWithHistory.{OfContacts}firstnames[1].value"]));
        var found = (await server.PostAsync("/crm/v3/objects/tickets/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"{{OfContacts}}firstnames","operator":"CONTAINS_TOKEN","value":"anne"},{"propertyName":"hs_primary_company_name","operator":"EQ","value":"acme & sons"}]}]}""")).Expect(200);
        Assert.Equal("1", found["total"]);

        // Other values are no change of the ticket.
        var before = (await server.GetAsync($"/crm/v3/objects/tickets/{ticket}")).Expect(200)["updatedAt"];
        (await server.PatchAsync($"/crm/v3/objects/contacts/{contact}", """{"properties":{"jobtitle":"y"}}""")).Expect(200);
        Assert.Equal(before, (await server.GetAsync($"/crm/v3/objects/tickets/{ticket}")).Expect(200)["updatedAt"]);

        // A company that is not the primary one is not shown.
        var other = await server.NewAsync("companies", """ "name":"Other" """);
        await server.PutAsync($"tickets/{ticket}/associations/default/companies/{other}");
        Assert.Equal(["Anne", "Acme & Sons", "Acme & Sons", company], await ReadAsync());
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket}/associations/companies/{other}", """[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":26}]""")).Expect(201);
        Assert.Equal(["Anne", "Other", "Other", other], await ReadAsync());
        (await server.DeleteAsync($"/crm/v4/objects/tickets/{ticket}/associations/companies/{other}")).Expect(204);
        Assert.Equal(["Anne", "", "", ""], await ReadAsync());

        Task<string?[]> ReadAsync() => server.ReadAsync("tickets", ticket, OfContacts + "firstnames", "hs_primary_company", "hs_primary_company_name", "hs_primary_company_id");
    }

    [Fact]
    public async Task Contacts_that_are_archived_restored_merged_or_deleted_leave_and_come_back()
    {
        await using var server = await TestServer.StartAsync();
        var (ann, bob) = (await server.NewAsync("contacts", """ "firstname":"Ann" """), await server.NewAsync("contacts", """ "firstname":"Bob" """));
        var ticket = await server.NewAsync("tickets", """ "hs_pipeline_stage":"1" """, (ann, 16), (bob, 16));
        (await server.DeleteAsync($"/crm/v3/objects/contacts/{ann}")).Expect(204);
        Assert.Equal(["Bob"], await ReadAsync());
        (await server.PostAsync($"/docket/v1/objects/contacts/{ann}/restore", "")).Expect(200);
        Assert.Equal(["Ann;Bob"], await ReadAsync());

        // Nothing follows in an archived ticket until it is restored.
        (await server.DeleteAsync($"/crm/v3/objects/tickets/{ticket}")).Expect(204);
        (await server.PatchAsync($"/crm/v3/objects/contacts/{ann}", """{"properties":{"firstname":"Anne"}}""")).Expect(200);
        (await server.PostAsync($"/docket/v1/objects/tickets/{ticket}/restore", "")).Expect(200);
        Assert.Equal(["Anne;Bob"], await ReadAsync());

        var merged = (await server.PostAsync("/crm/v3/objects/0-1/merge", $$"""{"primaryObjectId":"{{ann}}","objectIdToMerge":"{{bob}}"}""")).Expect(200)["id"]!;
        Assert.Equal(["Anne"], await ReadAsync());
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{merged}}"}""")).Expect(204);
        Assert.Equal([""], await ReadAsync());

        Task<string?[]> ReadAsync() => server.ReadAsync("tickets", ticket, OfContacts + "firstnames");
    }

    [Fact]
    public async Task A_joined_text_ends_before_the_value_that_would_be_too_much_for_it()
    {
        await using var server = await TestServer.StartAsync();
        var names = ((char[])['a', 'b', 'c']).Select(letter => new string(letter, 30_000)).ToArray();
        var contacts = new List<(string, int)>();
        foreach (var name in (string[])[.. names, "d"])
        {
            contacts.Add((await server.NewAsync("contacts", $$""" "firstname":"{{name}}" """), 16));
        }

        var ticket = await server.NewAsync("tickets", """ "hs_pipeline_stage":"1" """, [.. contacts]);
        Assert.Equal([$"{names[0]};{names[1]}"], await server.ReadAsync("tickets", ticket, OfContacts + "firstnames"));
    }
}

/// <summary>Short requests for tests of what follows.</summary>
file static class Requests
{
    public static async Task<string> NewAsync(this TestServer server, string type, string properties, params (string Id, int Type)[] associations)
    {
        var ties = string.Join(',', associations.GroupBy(to => to.Id).Select(to => $$$"""{"to":{"id":"{{{to.Key}}}"},"types":[{{{string.Join(',', to.Select(each => $$"""{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{each.Type}}}"""))}}}]}"""));
        return (await server.PostAsync($"/crm/v3/objects/{type}", $$"""{"properties":{ {{properties}} },"associations":[{{ties}}]}""")).Expect(201)["id"]!;
    }

    public static async Task PutAsync(this TestServer server, string path)
    {
        var answer = await server.SendAsync(HttpMethod.Put, "/crm/v4/objects/" + path, null);
        Assert.True(answer.Status is 200 or 201, answer.Text);
    }

    public static async Task<string?[]> ReadAsync(this TestServer server, string type, string id, params string[] properties)
    {
        var read = (await server.GetAsync($"/crm/v3/objects/{type}/{id}?properties={string.Join(',', properties)}")).Expect(200);
        return [.. properties.Select(name => read["properties." + name])];
    }
}
