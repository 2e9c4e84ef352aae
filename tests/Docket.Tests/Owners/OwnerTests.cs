using System.Net.Http.Headers;
using System.Text;
using Docket.Model;

namespace Docket.Tests.Owners;

/// <summary>Owners as writes see them; the API itself is in <c>Conversations/owners.hurl</c>.</summary>
public sealed class OwnerTests
{
    const string Tickets = "/crm/v3/objects/tickets", Users = "/docket/v1/users", Owners = "/crm/v3/owners", Upsert = Tickets + "/batch/upsert";

    [Fact]
    public async Task Pages_lead_through_all_owners()
    {
        await using var server = await TestServer.StartAsync();
        for (var i = 0; i < 7; i++)
        {
            await AddAsync(server, $"user{i}@example.com");
        }

        var (seen, pages) = (new List<string>(), 0);
        for (var next = $"{Owners}?limit=3&archived=false"; next is not null; pages++)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            seen.AddRange(page.Json!["results"]!.AsArray().Select(owner => owner!["email"]!.ToString()));
            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        Assert.Equal(3, pages);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"user{i}@example.com"), seen);
    }

    [Fact]
    public async Task Every_property_that_refers_to_owners_is_checked_and_every_fault_reported()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("deputy", "enumeration", "select", unique: false, ",\"externalOptions\":true,\"referencedObjectType\":\"OWNER\",\"options\":[]");
        var ada = await AddAsync(server, "ada@example.com");
        var refused = (await server.PostAsync(Upsert, $$$"""
            {"inputs":[
              {"idProperty":"ext_id","id":"A","properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"7","deputy":"0{{{ada}}}","nonsense":"x"}},
              {"idProperty":"ext_id","id":"B","properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"{{{ada}}}","deputy":"{{{ada}}}"}},
              {"idProperty":"ext_id","id":"C","properties":{"hs_pipeline_stage":"1","deputy":"8"}}]}
            """)).Expect(400);
        Assert.Equal(
            [("0", "hubspot_owner_id", "7", "7 was not a valid owner ID"), ("0", "deputy", $"0{ada}", $"0{ada} was not a valid owner ID"), ("0", "nonsense", null, "Property \"nonsense\" does not exist"), ("2", "deputy", "8", "8 was not a valid owner ID")],
            refused.Json!["errors"]!.AsArray().Select((_, i) => (refused[$"errors[{i}].context.index[0]"], refused[$"errors[{i}].context.propertyName[0]"], refused[$"errors[{i}].context.propertyValue[0]"], refused[$"errors[{i}].message"])));
        Assert.Equal(0, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Fact]
    public async Task A_user_that_was_added_or_archived_counts_from_the_next_request_on_whoever_did_it()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await AddAsync(server, "ada@example.com");
        (await GiveAsync(server, ada)).Expect(201);

        // Next to the server, as the command line does it.
        await using var portals = await server.OpenPortalsAsync();
        var portalId = (await portals.ListAsync(TestContext.Current.CancellationToken))[0].Id;
        var grace = (await portals.Users.AddAsync(portalId, "grace@example.com", "", ""))!.Id;
        (await GiveAsync(server, grace)).Expect(201);
        await portals.Users.ChangeAsync(portalId, grace, new(Archived: true));
        (await GiveAsync(server, grace)).Expect(400);

        (await server.PatchAsync($"{Users}/{ada}", """{"archived":true}""")).Expect(200);
        (await GiveAsync(server, ada)).Expect(400);
        (await GiveAsync(server, 7)).Expect(400);
        (await server.PatchAsync($"{Users}/{ada}", """{"archived":false}""")).Expect(200);
        (await GiveAsync(server, ada)).Expect(201);
    }

    [Fact]
    public async Task A_user_of_another_portal_is_no_owner()
    {
        await using var server = await TestServer.StartAsync();
        long theirs;
        await using (var portals = await server.OpenPortalsAsync())
        {
            theirs = (await portals.Users.AddAsync((await portals.CreateAsync("other")).Id, "theirs@example.com", "", ""))!.Id;
        }

        await AddAsync(server, "mine@example.com");
        (await GiveAsync(server, theirs)).Expect(400);
        (await server.GetAsync($"{Owners}/{theirs}")).Expect(404);
    }

    [Fact]
    public async Task A_ticket_comes_back_from_the_archive_with_the_owner_it_had_and_gets_none_who_has_left()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await AddAsync(server, "ada@example.com");
        var grace = await AddAsync(server, "grace@example.com");
        var id = (await GiveAsync(server, ada)).Expect(201)["id"];
        (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
        foreach (var user in (long[])[ada, grace])
        {
            (await server.PatchAsync($"{Users}/{user}", """{"archived":true}""")).Expect(200);
        }

        (await server.PostAsync($"/docket/v1/objects/tickets/{id}/restore", $$$"""{"properties":{"hubspot_owner_id":"{{{grace}}}"}}""")).Expect(400);
        (await server.PostAsync($"/docket/v1/objects/tickets/{id}/restore", $$$"""{"properties":{"hubspot_owner_id":"{{{ada}}}"}}""")).Expect(200);
        Assert.Equal(ada.ToString(), (await server.GetAsync($"{Tickets}/{id}?properties=hubspot_owner_id")).Expect(200)["properties.hubspot_owner_id"]);
    }

    [Fact]
    public async Task A_job_checks_owners_too()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var ada = await AddAsync(server, "ada@example.com");
        using var request = new HttpRequestMessage(HttpMethod.Post, Upsert)
        {
            Content = new StringContent(
                $$$"""
                {"idProperty":"ext_id","id":"A","properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"7"}}
                {"idProperty":"ext_id","id":"B","properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"{{{ada}}}"}}
                """,
                Encoding.UTF8, new MediaTypeHeaderValue("application/x-ndjson")),
        };
        request.Headers.Add("Prefer", "respond-async, wait=60");
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var job = (await Answer.OfAsync(response)).Expect(202)["id"];
        using var wait = new HttpRequestMessage(HttpMethod.Get, $"/docket/v1/jobs/{job}");
        wait.Headers.Add("Prefer", "wait=60");
        using var ended = await server.Http.SendAsync(wait, TestContext.Current.CancellationToken);
        var end = (await Answer.OfAsync(ended)).Expect(200);
        Assert.Equal(("COMPLETE", "1", "1"), (end["status"], end["created"], end["failed"]));
        Assert.Contains("7 was not a valid owner ID", (await server.GetAsync($"/docket/v1/jobs/{job}/results?failed=true")).Expect(200).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_snapshot_distinguishes_who_is_or_was_an_owner_from_who_never_was()
    {
        var owners = new PortalOwners([User(88_000_001, archived: false), User(88_000_002, archived: true)]);
        Assert.True(owners.Knows("88000001"u8) && owners.IsActive("88000001"u8));
        Assert.True(owners.Knows("88000002"u8) && !owners.IsActive("88000002"u8));
        Assert.False(owners.Knows("88000003"u8) || owners.IsActive("88000003"u8) || owners.Knows("088000001"u8) || owners.Knows("+88000001"u8));
        Assert.True(PortalOwners.None.Knows("7"u8) && PortalOwners.None.IsActive("7"u8));

        static User User(long id, bool archived) => new(id, 1, $"{id}@example.com", "", "", 0, 0, archived);
    }

    static async Task<long> AddAsync(TestServer server, string email) =>
        long.Parse((await server.PostAsync(Users, $$"""{"email":"{{email}}"}""")).Expect(201)["id"]!);

    static Task<Answer> GiveAsync(TestServer server, long owner) =>
        server.PostAsync(Tickets, $$$"""{"properties":{"hs_pipeline_stage":"1","hubspot_owner_id":"{{{owner}}}"}}""");
}
