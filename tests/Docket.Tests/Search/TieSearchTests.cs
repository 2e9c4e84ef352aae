using Docket.Tests.Compatibility;

namespace Docket.Tests.Search;

/// <summary>Searches by associations (reference/objects-other-than-tickets.md 8.8).</summary>
public class TieSearchTests
{
    const string Tickets = "/crm/v3/objects/tickets", Contacts = "/crm/v3/objects/contacts";

    [Fact]
    [Behaviour("POST …/{type}/search", "`associations.contact` with `EQ`, `IN`, `NOT_IN`, `HAS_PROPERTY` and `NOT_HAS_PROPERTY`", "docs, observed, decide", "objects-other-than-tickets.md 8.8")]
    [Behaviour("POST …/tickets/search", "`associations.contact` finds a contact's tickets", "docs", "properties-pipelines-search-associations.md 10.25")]
    [Behaviour("associations", "tickets are found by `associations.contact` with `EQ`, `IN` and `NOT_HAS_PROPERTY`", "docs, observed", "objects-other-than-tickets.md 12.34")]
    public async Task Tickets_are_found_by_their_contacts()
    {
        await using var server = await TestServer.StartAsync();
        var (ann, bob) = (await CreateAsync(server, Contacts), await CreateAsync(server, Contacts));
        var (none, one, both) = (await CreateAsync(server, Tickets), await CreateAsync(server, Tickets, ann), await CreateAsync(server, Tickets, ann, bob));
        await AssertAsync(server, "contact", "EQ", $"\"value\":\"{ann}\"", one, both);
        await AssertAsync(server, "contacts", "EQ", $"\"value\":\"{bob}\"", both);
        await AssertAsync(server, "0-1", "IN", $"\"values\":[\"{ann}\",\"{bob}\",\"7\",\"x\"]", one, both);
        await AssertAsync(server, "contact", "NOT_IN", $"\"values\":[\"{bob}\"]", none, one);
        await AssertAsync(server, "contact", "HAS_PROPERTY", null, one, both);
        await AssertAsync(server, "contact", "NOT_HAS_PROPERTY", null, none);
        await AssertAsync(server, "company", "HAS_PROPERTY", null);
        var unknown = await server.PostAsync(Tickets + "/search", """{"filterGroups":[{"filters":[{"propertyName":"associations.widget","operator":"HAS_PROPERTY"}]}]}""");
        Assert.Equal("There was a problem with the request.", unknown.Expect(400)["message"]);
    }

    [Fact]
    public async Task A_search_sees_associations_that_end_move_and_are_hidden()
    {
        await using var server = await TestServer.StartAsync();
        var (ann, bob) = (await CreateAsync(server, Contacts), await CreateAsync(server, Contacts));
        var (first, second) = (await CreateAsync(server, Tickets, ann), await CreateAsync(server, Tickets, ann, bob));
        (await server.DeleteAsync($"/crm/v4/objects/tickets/{second}/associations/contacts/{ann}")).Expect(204);
        await AssertAsync(server, "contact", "EQ", $"\"value\":\"{ann}\"", first);
        await AssertAsync(server, "contact", "HAS_PROPERTY", null, first, second);

        // Of a primary company, only the label ends.
        var company = await CreateAsync(server, "/crm/v3/objects/companies");
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{first}/associations/default/companies/{company}", null)).Expect(200);
        (await server.PostAsync("/crm/v4/associations/tickets/companies/batch/labels/archive", $$"""{"inputs":[{"from":{"id":"{{first}}"},"to":{"id":"{{company}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":26}]}]}""")).Expect(204);
        await AssertAsync(server, "company", "EQ", $"\"value\":\"{company}\"", first);

        (await server.DeleteAsync($"{Contacts}/{bob}")).Expect(204);
        await AssertAsync(server, "contact", "EQ", $"\"value\":\"{bob}\"");
        (await server.PostAsync($"/docket/v1/objects/contacts/{bob}/restore", "")).Expect(200);
        await AssertAsync(server, "contact", "EQ", $"\"value\":\"{bob}\"", second);

        var merged = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{first}}","objectIdToMerge":"{{second}}"}""")).Expect(200)["id"]!;
        await AssertAsync(server, "contact", "IN", $"\"values\":[\"{ann}\",\"{bob}\"]", merged);
        await AssertAsync(server, "company", "HAS_PROPERTY", null, merged);

        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{bob}}"}""")).Expect(204);
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{ann}}"}""")).Expect(204);
        await AssertAsync(server, "contact", "HAS_PROPERTY", null);
    }

    [Fact]
    [Behaviour("associations", "searches for records with or without associations don't count archived ones", "decide", "objects-other-than-tickets.md 8.10")]
    public async Task Archived_records_are_no_associations_until_they_are_restored()
    {
        var (directory, clock) = (Directory.CreateTempSubdirectory("docket-ties-").FullName, new ManualClock());
        string ann, bob, none, one, both, merged;
        await using (var server = await TestServer.StartAsync(directory, clock: clock))
        {
            (ann, bob) = (await CreateAsync(server, Contacts), await CreateAsync(server, Contacts));
            (none, one, both, merged) = (await CreateAsync(server, Tickets), await CreateAsync(server, Tickets, ann), await CreateAsync(server, Tickets, ann, bob), await CreateAsync(server, Tickets, ann));
            await AssertHaveAsync(server, one, both, merged);
            (await server.DeleteAsync($"{Contacts}/{ann}")).Expect(204);
            await AssertHaveAsync(server, both);
            await AssertAsync(server, "contact", "NOT_HAS_PROPERTY", null, none, one, merged);

            // What a merged ticket takes over stays hidden.
            merged = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{merged}}","objectIdToMerge":"{{none}}"}""")).Expect(200)["id"]!;
            await AssertHaveAsync(server, both);
            (await server.DeleteAsync($"/crm/v4/objects/tickets/{both}/associations/contacts/{bob}")).Expect(204);
            await AssertHaveAsync(server);
        }

        await using (var server = await TestServer.StartAsync(directory, clock: clock))
        {
            await AssertHaveAsync(server);
            await server.Portals.RebuildIndexAsync(server.PortalId, _ => { }, TestContext.Current.CancellationToken);
            await AssertHaveAsync(server);
            (await server.PostAsync($"/docket/v1/objects/contacts/{ann}/restore", "")).Expect(200);
            await AssertHaveAsync(server, one, both, merged);
            (await server.DeleteAsync($"{Contacts}/{ann}")).Expect(204);
            (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{one}/associations/default/contacts/{bob}", null)).Expect(200);
            await AssertHaveAsync(server, one);
            (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", $$"""{"objectId":"{{ann}}"}""")).Expect(204);
            await AssertHaveAsync(server, one);
        }

        await TestEngine.DeleteAsync(directory);

        Task AssertHaveAsync(TestServer server, params string[] expected) => AssertAsync(server, "contact", "HAS_PROPERTY", null, expected);
    }

    [Fact]
    public async Task An_index_that_is_built_again_has_all_associations()
    {
        await using var server = await TestServer.StartAsync();
        var ann = await CreateAsync(server, Contacts);
        var (tied, ended, none) = (await CreateAsync(server, Tickets, ann), await CreateAsync(server, Tickets, ann), await CreateAsync(server, Tickets));
        (await server.DeleteAsync($"/crm/v4/objects/tickets/{ended}/associations/contacts/{ann}")).Expect(204);
        await server.Portals.RebuildIndexAsync(server.PortalId, _ => { }, TestContext.Current.CancellationToken);
        await AssertAsync(server, "contact", "HAS_PROPERTY", null, tied);
        await AssertAsync(server, "contact", "NOT_IN", $"\"values\":[\"{ann}\"]", ended, none);
    }

    static async Task<string> CreateAsync(TestServer server, string path, params string[] contacts)
    {
        var properties = path == Tickets ? "\"hs_pipeline_stage\":\"1\"" : "";
        var ties = string.Join(',', contacts.Select(contact => $$$"""{"to":{"id":"{{{contact}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}"""));
        return (await server.PostAsync(path, $$"""{"properties":{ {{properties}} },"associations":[{{ties}}]}""")).Expect(201)["id"]!;
    }

    static async Task AssertAsync(TestServer server, string to, string filter, string? operands, params string[] expected)
    {
        var found = (await server.PostAsync(Tickets + "/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"associations.{{to}}","operator":"{{filter}}"{{(operands is null ? "" : "," + operands)}}}]}]}""")).Expect(200);
        Assert.Equal(expected, found.Json!["results"]!.AsArray().Select(result => result!["id"]!.GetValue<string>()));
        Assert.Equal(expected.Length.ToString(), found["total"]);
    }
}
