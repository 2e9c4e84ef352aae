using System.Text;

namespace Docket.Tests.Access;

/// <summary>The change feed and jobs are about records of all types: a token only sees those of types that it may read.</summary>
public sealed class ReadableTypesTests
{
    const string Objects = "/crm/v3/objects/", Feed = "/docket/v1/changes", Jobs = "/docket/v1/jobs";
    const string ReadContacts = "crm.objects.contacts.read", ReadTickets = "crm.objects.tickets.read";

    [Fact]
    public async Task The_feed_shows_a_token_the_changes_of_records_that_it_may_read()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAllAsync(server);
        Assert.Equal("1 0-5, 2 0-1, 3 0-49", await SequencesAsync(server.Http, Feed));
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        Assert.Equal("2 0-1, 3 0-49", await SequencesAsync(contacts, Feed)); // a scope for contacts is one for emails
        using var tickets = server.NewClient(await server.CreateTokenAsync(ReadTickets));
        Assert.Equal("1 0-5", await SequencesAsync(tickets, Feed));
        Assert.Equal("2 0-1", await SequencesAsync(server.Http, Feed + "?objectType=contacts"));

        // A page may be empty and still lead to the next one.
        var page = (await GetAsync(contacts, Feed + "?limit=1")).Expect(200);
        Assert.Equal((0, "1"), (page.Count("results"), page["paging.next.after"]));
        Assert.Equal("2 0-1", await SequencesAsync(contacts, Feed + "?limit=1&after=1"));
    }

    [Fact]
    public async Task The_feed_shows_an_association_to_tokens_that_may_read_both_records()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAllAsync(server);
        (await server.SendAsync(HttpMethod.Put, "/crm/v4/objects/tickets/10000000001/associations/default/contacts/10000000002", null)).Expect(200);
        using var tickets = server.NewClient(await server.CreateTokenAsync(ReadTickets));
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        using var both = server.NewClient(await server.CreateTokenAsync(ReadTickets, ReadContacts));
        Assert.DoesNotContain("\"kind\":\"associate\"", (await GetAsync(tickets, Feed)).Expect(200).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"kind\":\"associate\"", (await GetAsync(contacts, Feed)).Expect(200).Text, StringComparison.Ordinal);
        Assert.Contains("\"kind\":\"associate\"", (await GetAsync(both, Feed)).Expect(200).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Asking_for_changes_of_a_type_needs_its_scope()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAllAsync(server);
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        (await GetAsync(contacts, Feed + "?objectType=tickets")).Expect(403);
        (await GetAsync(contacts, Feed + "?objectId=10000000001")).Expect(403);
        Assert.Equal("2 0-1", await SequencesAsync(contacts, Feed + "?objectType=contacts&objectId=10000000002"));
        Assert.Equal("Unable to infer object type from: nothing", (await GetAsync(contacts, Feed + "?objectType=nothing")).Expect(400)["message"]);
    }

    [Fact]
    public async Task The_body_of_an_email_is_in_the_feed_only_for_tokens_that_may_read_it()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAllAsync(server);
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        Assert.Contains("Secret", (await server.GetAsync(Feed)).Expect(200).Text, StringComparison.Ordinal);
        var seen = (await GetAsync(contacts, Feed)).Expect(200).Text;
        Assert.Contains("Offer", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Secret", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_is_seen_by_tokens_that_may_read_its_type_and_cancelled_by_those_that_may_write_it()
    {
        await using var server = await TestServer.StartAsync();
        var job = await StartJobAsync(server, "contacts", """{"properties":{"email":"ann@example.com"}}""");
        using var tickets = server.NewClient(await server.CreateTokenAsync(ReadTickets, "crm.objects.tickets.write"));
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        Assert.Equal(0, (await GetAsync(tickets, Jobs)).Expect(200).Count("results"));
        Assert.Equal(1, (await GetAsync(contacts, Jobs)).Expect(200).Count("results"));
        foreach (var path in (string[])["", "/results", "/rejected"])
        {
            Assert.Contains(ReadContacts, (await GetAsync(tickets, $"{Jobs}/{job}{path}")).Expect(403).Text, StringComparison.Ordinal);
            (await GetAsync(contacts, $"{Jobs}/{job}{path}")).Expect(200);
        }

        foreach (var client in (HttpClient[])[tickets, contacts])
        {
            Assert.Equal(403, (int)(await client.PostAsync($"{Jobs}/{job}/cancel", null, TestContext.Current.CancellationToken)).StatusCode);
        }
    }

    [Fact]
    public async Task The_results_of_a_job_have_no_bodies_of_emails()
    {
        await using var server = await TestServer.StartAsync();
        var job = await StartJobAsync(server, "emails", """{"properties":{"hs_timestamp":"2026-03-14T09:26:53Z","hs_email_subject":"Offer","hs_email_html":"<p>Secret</p>"}}""");
        var results = (await server.GetAsync($"{Jobs}/{job}/results")).Expect(200).Text;
        Assert.Contains("Offer", results, StringComparison.Ordinal);
        Assert.DoesNotContain("Secret", results, StringComparison.Ordinal);
        using var contacts = server.NewClient(await server.CreateTokenAsync(ReadContacts));
        Assert.Equal("sales-email-read", (await GetAsync(contacts, $"{Jobs}/{job}/rejected")).Expect(403)["errors[0].context.requiredGranularScopes[0]"]);
    }

    static async Task CreateAllAsync(TestServer server)
    {
        (await server.PostAsync(Objects + "tickets", """{"properties":{"subject":"Printer","hs_pipeline_stage":"1"}}""")).Expect(201);
        (await server.PostAsync(Objects + "contacts", """{"properties":{"email":"ann@example.com"}}""")).Expect(201);
        (await server.PostAsync(Objects + "emails", """{"properties":{"hs_timestamp":"2026-03-14T09:26:53Z","hs_email_subject":"Offer","hs_email_html":"<p>Secret</p>"}}""")).Expect(201);
    }

    static async Task<string?> StartJobAsync(TestServer server, string type, string input)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Objects}{type}/batch/create") { Content = new StringContent($$"""{"inputs":[{{input}}]}""", Encoding.UTF8, "application/json") };
        request.Headers.Add("Prefer", "respond-async");
        var job = (await Answer.OfAsync(await server.Http.SendAsync(request, TestContext.Current.CancellationToken))).Expect(202)["id"];
        (await server.EndOfJobAsync(job)).Expect(200);
        return job;
    }

    static async Task<Answer> GetAsync(HttpClient client, string path) => await Answer.OfAsync(await client.GetAsync(path, TestContext.Current.CancellationToken));

    static async Task<string> SequencesAsync(HttpClient client, string path) =>
        string.Join(", ", (await GetAsync(client, path)).Expect(200).Json!["results"]!.AsArray().Select(change => $"{change!["sequence"]} {change["objectType"]}"));
}
