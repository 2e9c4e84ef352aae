using System.Text.Json.Nodes;

namespace Docket.Tests.Changes;

/// <summary>The timeline of a record: what happened to it and to its associations, with its activities.</summary>
public class TimelineTests
{
    [Fact]
    public async Task A_timeline_shows_changes_associations_and_activities_newest_first()
    {
        await using var server = await TestServer.StartAsync();
        var (ticket, contact) = (await CreateAsync(server, "tickets", "\"subject\":\"Printer\",\"hs_pipeline_stage\":\"1\""), await CreateAsync(server, "contacts", "\"email\":\"ada@example.com\""));
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/contacts/{contact}/associations/default/tickets/{ticket}", null)).Expect(200);
        var note = await CreateAsync(server, "notes", "\"hs_timestamp\":\"2026-01-02T03:04:05Z\",\"hs_note_body\":\"<p>Called back</p>\"");
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/notes/{note}/associations/default/tickets/{ticket}", null)).Expect(200);
        (await server.SendAsync(HttpMethod.Patch, $"/crm/v3/objects/tickets/{ticket}", """{"properties":{"subject":"Printer on fire"}}""")).Expect(200);
        (await server.SendAsync(HttpMethod.Delete, $"/crm/v4/objects/tickets/{ticket}/associations/contacts/{contact}", null)).Expect(204);

        var timeline = await TimelineAsync(server, $"tickets/{ticket}");
        Assert.Equal("update dissociate update update associate update associate create", Kinds(timeline)); // the ticket shows the contact's address meanwhile
        // Seen from the ticket, whichever side it was made from.
        var begun = timeline.Last(entry => Kind(entry) == "associate");
        Assert.Equal(("0-5", ticket, "0-1", contact), (begun["objectType"]!.ToString(), begun["objectId"]!.ToString(), begun["associated"]!["objectType"]!.ToString(), begun["associated"]!["objectId"]!.ToString()));
        Assert.Equal("16", begun["associated"]!["types"]![0]!["typeId"]!.ToString());
        Assert.Null(begun["activity"]);
        var noted = timeline.First(entry => Kind(entry) == "associate");
        Assert.Equal(("0-46", note), (noted["associated"]!["objectType"]!.ToString(), noted["activity"]!["id"]!.ToString()));
        Assert.Equal(("Called back", "2026-01-02T03:04:05Z"), (noted["activity"]!["properties"]!["hs_body_preview"]!.ToString(), noted["activity"]!["properties"]!["hs_timestamp"]!.ToString()));
        Assert.Null(noted["activity"]!["properties"]!["hs_note_body"]);

        // The other side.
        var other = await TimelineAsync(server, $"contacts/{contact}");
        Assert.Equal(("dissociate", ticket, "15"), (Kind(other[0]), other[0]["associated"]!["objectId"]!.ToString(), other[0]["associated"]!["types"]![0]!["typeId"]!.ToString()));

        var body = (await server.GetAsync($"/docket/v1/objects/tickets/{ticket}/timeline?properties=hs_note_body")).Expect(200).Json!["results"]!.AsArray().First(entry => entry!["activity"] is not null)!;
        Assert.Equal("<p>Called back</p>", body["activity"]!["properties"]!["hs_note_body"]!.ToString());
        Assert.Null(body["activity"]!["properties"]!["hs_timestamp"]);

        // An archived activity is still in the history, without its content.
        (await server.SendAsync(HttpMethod.Delete, $"/crm/v3/objects/notes/{note}", null)).Expect(204);
        Assert.All(await TimelineAsync(server, $"tickets/{ticket}"), entry => Assert.Null(entry["activity"]));
    }

    [Fact]
    public async Task Pages_lead_through_a_timeline_without_gaps_also_while_it_grows()
    {
        await using var server = await TestServer.StartAsync();
        var company = await CreateAsync(server, "companies", "\"name\":\"Acme\"");
        for (var at = 0; at < 8; at++)
        {
            var contact = await CreateAsync(server, "contacts", "");
            (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}", null)).Expect(200);
            (await server.SendAsync(HttpMethod.Patch, $"/crm/v3/objects/companies/{company}", $$$"""{"properties":{"name":"Acme {{{at}}}"}}""")).Expect(200);
        }

        var all = (await TimelineAsync(server, $"companies/{company}", 100)).ConvertAll(entry => entry["sequence"]!.GetValue<long>());
        var seen = new List<long>();
        string? after = "";
        while (after is not null)
        {
            var page = (await server.GetAsync($"/docket/v1/objects/companies/{company}/timeline?limit=3&after={after}")).Expect(200);
            seen.AddRange(page.Json!["results"]!.AsArray().Select(entry => entry!["sequence"]!.GetValue<long>()));
            after = page["paging.next.after"];
            (await server.SendAsync(HttpMethod.Patch, $"/crm/v3/objects/companies/{company}", $$$"""{"properties":{"name":"{{{seen.Count}}}"}}""")).Expect(200);
        }

        Assert.Equal(all, seen);
        Assert.Equal(all.OrderDescending(), all);
    }

    [Fact]
    public async Task A_timeline_leaves_out_what_the_token_may_not_read()
    {
        await using var server = await TestServer.StartAsync();
        var ticket = await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\"");
        foreach (var (type, properties) in ((string, string)[])[("contacts", ""), ("emails", "\"hs_timestamp\":\"1\",\"hs_email_direction\":\"EMAIL\",\"hs_email_subject\":\"Hello\",\"hs_email_text\":\"SECRET\""), ("notes", "\"hs_timestamp\":\"1\"")])
        {
            var id = await CreateAsync(server, type, properties);
            (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/{type}/{id}/associations/default/tickets/{ticket}", null)).Expect(200);
        }

        var path = $"/docket/v1/objects/tickets/{ticket}/timeline?properties=hs_email_subject,hs_email_text,hs_body_preview";
        Assert.Contains("SECRET", (await server.GetAsync(path)).Expect(200).Text, StringComparison.Ordinal);
        foreach (var (scopes, types, subject) in ((string, string, string?)[])[
            ("crm.objects.tickets.read", "", null), ("crm.objects.tickets.read crm.objects.notes.read", "0-46", null), ("crm.objects.tickets.read crm.objects.contacts.read", "0-46 0-49 0-1", "Hello")])
        {
            using var client = server.NewClient(await server.CreateTokenAsync([.. scopes.Split(' ')]));
            var text = await client.GetStringAsync(path, TestContext.Current.CancellationToken);
            var entries = JsonNode.Parse(text)!["results"]!.AsArray();
            Assert.Equal(types, string.Join(' ', entries.Select(entry => entry!["associated"]?["objectType"]?.ToString()).Where(type => type is not null)));
            Assert.Equal(subject, entries.Select(entry => entry!["activity"]?["properties"]?["hs_email_subject"]?.ToString()).FirstOrDefault(found => found is not null));
            Assert.DoesNotContain("SECRET", text, StringComparison.Ordinal);
        }

        using var other = server.NewClient(await server.CreateTokenAsync("crm.objects.contacts.read"));
        Assert.Equal(403, (int)(await other.GetAsync(path, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_timeline_outlives_its_record_and_a_place_of_another_one_shows_nothing_of_it()
    {
        await using var server = await TestServer.StartAsync();
        var (ticket, other) = (await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\",\"subject\":\"SECRET\""), await CreateAsync(server, "tickets", "\"hs_pipeline_stage\":\"1\""));
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket}/associations/default/tickets/{other}", null)).Expect(200);
        Assert.DoesNotContain("SECRET", (await server.GetAsync($"/docket/v1/objects/tickets/{other}/timeline?after=100-1")).Expect(200).Text, StringComparison.Ordinal);
        (await server.PostAsync("/crm/v3/objects/tickets/gdpr-delete", $$"""{"objectId":"{{ticket}}"}""")).Expect(204);
        var gone = await TimelineAsync(server, $"tickets/{ticket}");
        Assert.Equal(["associate", "create", "dissociate", "purge"], gone.Select(Kind).Order());
        Assert.All(gone, entry => Assert.Empty(entry["changes"]!.AsArray()));
        Assert.Equal("dissociate associate create", Kinds(await TimelineAsync(server, $"tickets/{other}")));

        foreach (var nobody in (string[])["tickets/1", $"contacts/{other}", "tickets/none"])
        {
            (await server.GetAsync($"/docket/v1/objects/{nobody}/timeline")).Expect(404);
        }

        foreach (var query in (string[])["after=1", "after=1-2-3", "after=a-b", "limit=0", "limit=101"])
        {
            (await server.GetAsync($"/docket/v1/objects/tickets/{other}/timeline?{query}")).Expect(400);
        }
    }

    static async Task<List<JsonNode>> TimelineAsync(TestServer server, string record, int limit = 50) =>
        [.. (await server.GetAsync($"/docket/v1/objects/{record}/timeline?limit={limit}")).Expect(200).Json!["results"]!.AsArray().Select(entry => entry!)];

    static string Kinds(IEnumerable<JsonNode> timeline) => string.Join(' ', timeline.Select(Kind));

    static string Kind(JsonNode entry) => entry["kind"]!.ToString();

    static async Task<string> CreateAsync(TestServer server, string type, string properties) =>
        (await server.PostAsync($"/crm/v3/objects/{type}", $$$"""{"properties":{{{{properties}}}}}""")).Expect(201)["id"]!;
}
