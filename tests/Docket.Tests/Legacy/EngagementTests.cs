using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Docket.Tests.Legacy;

/// <summary>
/// Engagements of version 1 as real programs call them: n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41), HubSpot's MCP server
/// (<c>@hubspot/mcp-server</c> 0.4) and Singer's tap-hubspot, cited by these names.
/// </summary>
public class EngagementTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Engagements = "/engagements/v1/engagements";

    // MCP, createEngagementTool: all lists of associations are there, also empty ones.
    [Fact]
    public async Task A_note_is_created_with_its_associations_and_is_the_note_of_v3()
    {
        var server = shared.Server;
        var (contact, ticket) = (await ContactAsync(server), await TicketAsync(server));
        var created = (await server.PostAsync(Engagements, $$$"""{"engagement":{"active":true,"type":"NOTE","timestamp":1700000000000},"associations":{"contactIds":[{{{contact}}}],"companyIds":[],"dealIds":[],"ownerIds":[],"ticketIds":["{{{ticket}}}"]},"metadata":{"body":"<p>Called back</p>"}}""")).Expect(200);
        Assert.Equal(("NOTE", "1700000000000", "true", "Called back"), (created["engagement.type"], created["engagement.timestamp"], created["engagement.active"], created["engagement.bodyPreview"]));
        Assert.Equal((contact, ticket, 1, 0), (created["associations.contactIds[0]"], created["associations.ticketIds[0]"], created.Count("associations.contactIds"), created.Count("associations.companyIds")));
        Assert.Equal("<p>Called back</p>", created["metadata.body"]);
        Assert.Equal(JsonValueKind.Number, created.Json!["engagement"]!["id"]!.GetValueKind());
        Assert.Equal(created.Text, (await server.GetAsync($"{Engagements}/{created["engagement.id"]}")).Expect(200).Text);

        var note = (await server.GetAsync($"/crm/v3/objects/notes/{created["engagement.id"]}?properties=hs_note_body,hs_timestamp&associations=contacts,tickets")).Expect(200);
        Assert.Equal(("<p>Called back</p>", "2023-11-14T22:13:20Z", contact, ticket), (note["properties.hs_note_body"], note["properties.hs_timestamp"], note["associations.contacts.results[0].id"], note["associations.tickets.results[0].id"]));
        Assert.Equal("1", (await server.GetAsync($"/crm/v3/objects/contacts/{contact}?properties=num_notes")).Expect(200)["properties.num_notes"]);
    }

    // n8n, engagement:create: the members of metadata by type; without a time, it is that of the call.
    [Theory]
    [InlineData("TASK", "tasks", """{"body":"b","subject":"s","status":"IN_PROGRESS","forObjectType":"CONTACT","priority":"HIGH","reminders":[1700000000000,1700000001000],"isAllDay":true}""", "hs_task_subject", "s")]
    [InlineData("CALL", "calls", """{"body":"b","toNumber":"+1","fromNumber":"+2","status":"COMPLETED","durationMilliseconds":1000,"recordingUrl":"https://example.com/r"}""", "hs_call_duration", "1000")]
    [InlineData("MEETING", "meetings", """{"body":"b","title":"t","startTime":1700000000000,"endTime":1700000001000,"internalMeetingNotes":"n"}""", "hs_meeting_start_time", "2023-11-14T22:13:20Z")]
    [InlineData("EMAIL", "emails", """{"subject":"s","html":"<b>h</b>","text":"t","status":"SENT","from":{"email":"a@b.co","firstName":"A"},"to":[{"email":"c@d.co"}],"cc":[]}""", "hs_email_to_email", "c@d.co")]
    [InlineData("INCOMING_EMAIL", "emails", """{"subject":"s"}""", "hs_email_direction", "INCOMING_EMAIL")]
    public async Task The_metadata_of_each_kind_are_properties_of_its_type(string kind, string type, string metadata, string property, string value)
    {
        var server = shared.Server;
        var created = (await server.PostAsync(Engagements, $$"""{"engagement":{"type":"{{kind}}"},"associations":{},"metadata":{{metadata}}}""")).Expect(200);
        Assert.Equal((kind, server.Clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)), (created["engagement.type"], created["engagement.timestamp"]));
        foreach (var (name, sent) in JsonNode.Parse(metadata)!.AsObject())
        {
            Assert.True(JsonNode.DeepEquals(sent, created.Json!["metadata"]![name]), $"{name}: {created.Json["metadata"]![name]}");
        }

        Assert.Equal(value, (await server.GetAsync($"/crm/v3/objects/{type}/{created["engagement.id"]}?properties={property}")).Expect(200)[$"properties.{property}"]);
    }

    // MCP, updateEngagementTool: "Only include the fields you want to update - other fields will remain unchanged", but it always sends lists.
    [Fact]
    public async Task An_update_changes_what_it_names_and_adds_associations()
    {
        var server = shared.Server;
        var (first, second) = (await ContactAsync(server), await ContactAsync(server));
        var path = $"{Engagements}/{(await CreateAsync(server, "TASK", $"\"contactIds\":[{first}]", """{"subject":"old","body":"kept"}"""))["engagement.id"]}";
        var updated = (await server.PatchAsync(path, $$$"""{"engagement":{"timestamp":1700000000000},"metadata":{"subject":"new","status":"COMPLETED"},"associations":{"contactIds":[{{{second}}}],"companyIds":[],"dealIds":[],"ticketIds":[]}}""")).Expect(200);
        Assert.Equal(("new", "kept", "COMPLETED", "1700000000000"), (updated["metadata.subject"], updated["metadata.body"], updated["metadata.status"], updated["engagement.timestamp"]));
        Assert.Equal((first, second), (updated["associations.contactIds[0]"], updated["associations.contactIds[1]"]));
        Assert.Equal(updated.Text, (await server.GetAsync(path)).Expect(200).Text);

        var third = await ContactAsync(server);
        Assert.Equal(3, (await server.PatchAsync(path, $$$"""{"associations":{"contactIds":[{{{third}}}]}}""")).Expect(200).Count("associations.contactIds"));
        (await server.PatchAsync(path, """{"associations":{"contactIds":[]}}""")).Expect(400); // nothing to update
    }

    [Fact]
    public async Task A_deleted_engagement_is_in_the_archive_of_its_type()
    {
        var server = shared.Server;
        var id = (await CreateAsync(server, "NOTE"))["engagement.id"];
        (await server.DeleteAsync($"{Engagements}/{id}")).Expect(204);
        Assert.Equal("resource not found", (await server.GetAsync($"{Engagements}/{id}")).Expect(404)["message"]);
        (await server.DeleteAsync($"{Engagements}/{id}")).Expect(404);
        (await server.PatchAsync($"{Engagements}/{id}", """{"metadata":{"body":"x"}}""")).Expect(404);
        (await server.GetAsync($"{Engagements}/{await TicketAsync(server)}")).Expect(404); // no engagement
        (await server.GetAsync($"{Engagements}/x")).Expect(404);
        (await server.GetAsync($"/crm/v3/objects/notes/{id}?archived=true")).Expect(200);
    }

    [Theory]
    [InlineData("""{"metadata":{"body":"x"}}""", "Some required fields were not set: [engagement]")]
    [InlineData("""{"engagement":{"timestamp":1},"metadata":{"body":"x"}}""", "Some required fields were not set: [type]")]
    [InlineData("""{"engagement":{"type":"note"}}""", "Enum type must be one of: [NOTE, TASK, CALL, MEETING, EMAIL, INCOMING_EMAIL, FORWARDED_EMAIL]")]
    [InlineData("""{"engagement":{"type":"NOTE"},"metadata":{"body":{}}}""", "Unable to parse value for body parameter: metadata.body")]
    [InlineData("""{"engagement":{"type":"TASK"},"metadata":{"status":"DONE"}}""", "DONE was not one of the allowed options")]
    [InlineData("""{"engagement":{"type":"NOTE"},"associations":{"contactIds":["1"]}}""", "One or more associations are invalid")]
    public async Task What_v3_refuses_is_refused_with_the_same_words(string body, string words)
    {
        Assert.Contains(words, (await shared.Server.PostAsync(Engagements, body)).Expect(400)["message"], StringComparison.Ordinal);
    }

    // tap-hubspot, sync_engagements: pages by `offset` while `hasMore`, and needs `lastUpdated` of each.
    [Fact]
    public async Task The_list_has_every_engagement_once_in_order_of_creation()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal((0, "false", "0"), ((await server.GetAsync(Engagements + "/paged")).Expect(200).Count("results"), (await server.GetAsync(Engagements + "/paged"))["hasMore"], (await server.GetAsync(Engagements + "/paged"))["offset"]));
        string[] kinds = ["NOTE", "CALL", "EMAIL", "MEETING", "TASK", "NOTE", "CALL"];
        foreach (var kind in kinds)
        {
            await CreateAsync(server, kind);
        }

        var (found, offset, more) = (new List<string?>(), "0", true);
        while (more)
        {
            var page = (await server.GetAsync($"{Engagements}/paged?limit=3&offset={offset}")).Expect(200);
            found.AddRange(page.Json!["results"]!.AsArray().Select(each => each!["engagement"]!["lastUpdated"] is null ? null : each["engagement"]!["type"]!.GetValue<string>()));
            (offset, more) = (page["offset"]!, page["hasMore"] == "true");
        }

        Assert.Equal(kinds, found);
    }

    [Fact]
    public async Task The_engagements_of_a_record_are_listed_by_any_name_of_its_type()
    {
        var server = shared.Server;
        var ticket = await TicketAsync(server);
        string[] ids = [.. await Task.WhenAll(((string[])["NOTE", "TASK"]).Select(async kind => (await CreateAsync(server, kind, $"\"ticketIds\":[{ticket}]"))["engagement.id"]!))];
        var first = (await server.GetAsync($"{Engagements}/associated/TICKET/{ticket}/paged?limit=1")).Expect(200);
        var second = (await server.GetAsync($"{Engagements}/associated/tickets/{ticket}/paged?offset={first["offset"]}")).Expect(200);
        Assert.Equal((1, "true", 1, "false"), (first.Count("results"), first["hasMore"], second.Count("results"), second["hasMore"]));
        Assert.Equal(ids.Order(StringComparer.Ordinal), [first["results[0].engagement.id"]!, second["results[0].engagement.id"]!]);
        (await server.GetAsync($"{Engagements}/associated/TICKET/1/paged")).Expect(404);

        // Whoever may not read activities sees none, and no ids of records that they may not read.
        using var tickets = server.NewClient(await server.CreateTokenAsync("tickets"));
        Assert.Contains("\"results\":[]", await tickets.GetStringAsync($"{Engagements}/associated/TICKET/{ticket}/paged", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using var contacts = server.NewClient(await server.CreateTokenAsync("crm.objects.contacts.read"));
        Assert.Contains("\"ticketIds\":[]", await contacts.GetStringAsync($"{Engagements}/{ids[0]}", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_body_of_an_email_is_shown_only_with_its_scope()
    {
        var server = shared.Server;
        var id = (await CreateAsync(server, "EMAIL", "", """{"subject":"s","html":"<b>secret</b>"}"""))["engagement.id"];
        using var contacts = server.NewClient(await server.CreateTokenAsync("crm.objects.contacts.read"));
        var text = await contacts.GetStringAsync($"{Engagements}/{id}", TestContext.Current.CancellationToken);
        Assert.Contains("\"subject\":\"s\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        using var refused = await contacts.DeleteAsync($"{Engagements}/{id}", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    // npm hubspot, engagements.getRecentlyModified.
    [Fact]
    public async Task The_recently_modified_come_newest_first()
    {
        await using var server = await TestServer.StartAsync();
        var (note, call) = ((await CreateAsync(server, "NOTE"))["engagement.id"], (await CreateAsync(server, "CALL"))["engagement.id"]);
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var changed = (await server.PatchAsync($"{Engagements}/{note}", """{"metadata":{"body":"x"}}""")).Expect(200);
        var all = (await server.GetAsync(Engagements + "/recent/modified?count=1")).Expect(200);
        Assert.Equal((note, "true", "1", "2"), (all["results[0].engagement.id"], all["hasMore"], all["offset"], all["total"]));
        Assert.Equal((call, "false", "2"), ((await server.GetAsync(Engagements + "/recent/modified?offset=1"))["results[0].engagement.id"], (await server.GetAsync(Engagements + "/recent/modified?offset=1"))["hasMore"], (await server.GetAsync(Engagements + "/recent/modified?offset=1"))["offset"]));
        var since = (await server.GetAsync($"{Engagements}/recent/modified?since={changed["engagement.lastUpdated"]}")).Expect(200);
        Assert.Equal((1, note), (since.Count("results"), since["results[0].engagement.id"]));
        (await server.GetAsync(Engagements + "/recent/modified?offset=10000")).Expect(400);
    }

    static async Task<Answer> CreateAsync(TestServer server, string kind, string associations = "", string metadata = "{}") =>
        (await server.PostAsync(Engagements, $$$"""{"engagement":{"type":"{{{kind}}}"},"associations":{{{{associations}}}},"metadata":{{{metadata}}}}""")).Expect(200);

    static async Task<string> ContactAsync(TestServer server) => (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"lastname":"Lovelace"}}""")).Expect(201)["id"]!;

    static async Task<string> TicketAsync(TestServer server) => (await server.PostAsync("/crm/v3/objects/tickets", """{"properties":{"subject":"Printer","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;
}
