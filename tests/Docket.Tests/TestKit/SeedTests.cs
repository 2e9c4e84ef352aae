using Docket.Model;

namespace Docket.Tests.TestKit;

/// <summary>Seed files: everything in them, or nothing; on PostgreSQL, up to the first mistake.</summary>
public sealed class SeedTests
{
    const string Portals = "/docket/v1/portals", Seed = "/docket/v1/seed", Tickets = "/crm/v3/objects/tickets";

    const string Full = """
        {
          "users": [{ "email": "ada@example.com", "firstName": "Ada" }, { "email": "left@example.com", "archived": true }],
          "groups": { "tickets": [{ "name": "shop", "label": "Shop" }] },
          "properties": {
            "tickets": [
              { "name": "order", "label": "Order", "type": "string", "fieldType": "text", "groupName": "shop", "hasUniqueValue": true },
              { "name": "sum", "label": "Sum", "type": "number", "fieldType": "number", "groupName": "shop" }
            ]
          },
          "pipelines": {
            "tickets": [{ "pipelineId": "shop", "label": "Shop", "stages": [{ "stageId": "new", "label": "New", "metadata": { "ticketState": "OPEN" } }, { "stageId": "done", "label": "Done", "metadata": { "ticketState": "CLOSED" } }] }]
          },
          "records": {
            "contacts": [{ "name": "grace", "properties": { "email": "grace@example.com" } }],
            "tickets": [
              { "name": "printer", "owner": "ada@example.com", "properties": { "subject": "Printer on fire", "order": "A-1", "sum": 12.5, "hs_pipeline": "shop", "hs_pipeline_stage": "new" } },
              { "properties": { "subject": "Other", "hs_pipeline_stage": "1" } }
            ]
          },
          "associations": [{ "from": "printer", "to": "grace" }]
        }
        """;

    [Fact]
    public async Task A_seed_writes_everything_and_names_its_records()
    {
        await using var server = await TestServer.StartAsync();
        var seeded = (await server.PostAsync(Seed, Full)).Expect(200);
        await AssertFullAsync(server.Http, seeded["records.printer"], seeded["records.grace"]);
        if (!TestEngine.IsPostgres)
        {
            Assert.Equal(0, (await server.GetAsync("/docket/v1/snapshots")).Expect(200).Count("results"));
        }
    }

    [Fact]
    public async Task A_portal_begins_with_its_seed()
    {
        await using var server = await TestServer.StartAsync();
        var made = (await server.PostAsync(Portals, $$"""{"seed":{{Full}}}""")).Expect(201);
        using var own = server.NewClient(made["token"]!);
        await AssertFullAsync(own);
        using var deleted = await own.PostAsync(Tickets + "/batch/upsert", new StringContent("""{"inputs":[{"idProperty":"order","id":"A-1","properties":{"subject":"changed"}}]}""", null, "application/json"), TestContext.Current.CancellationToken);
        (await Answer.OfAsync(deleted)).Expect(200);
        if (!TestEngine.IsPostgres)
        {
            (await server.PostAsync($"{Portals}/{made["portalId"]}/rewind", "{}")).Expect(204);
            await AssertFullAsync(own);
        }
    }

    [Theory]
    [InlineData("""{"users":[{"email":"new@example.com"},{"email":"nonsense"}]}""", "users[1]: ")]
    [InlineData("""{"properties":{"nonsense":[]}}""", "properties.nonsense: ")]
    [InlineData("""{"properties":{"tickets":[{"name":"later","label":"Later","type":"string","fieldType":"text","groupName":"ticketinformation"},{"name":"x"}]}}""", "properties.tickets[1]: Invalid input JSON on line 1, column ")]
    [InlineData("""{"properties":{"tickets":[{"name":"subject","label":"Later","type":"string","fieldType":"text","groupName":"ticketinformation"}]}}""", "properties.tickets[0]: ")]
    [InlineData("""{"pipelines":{"tickets":[{"label":"Nothing","stages":[]}]}}""", "pipelines.tickets[0]: ")]
    [InlineData("""{"records":{"tickets":[{"properties":{"hs_pipeline_stage":"1"}},{"properties":{"hs_pipeline_stage":"none"}}]}}""", "records.tickets[1]: ")]
    [InlineData("""{"records":{"tickets":[{"properties":{"hs_pipeline_stage":"1","nonsense":"x"}}]}}""", "records.tickets[0]: ")]
    [InlineData("""{"records":{"tickets":[{"props":{}}]}}""", "records.tickets[0]: Invalid input JSON on line 1, column ")]
    [InlineData("""{"records":{"tickets":[{"name":"a","properties":{"hs_pipeline_stage":"1"}},{"name":"a","properties":{"hs_pipeline_stage":"1"}}]}}""", "records.tickets[1]: Another record is called \"a\".")]
    [InlineData("""{"records":{"tickets":[{"owner":"nobody@example.com","properties":{"hs_pipeline_stage":"1"}}]}}""", "records.tickets[0]: No user has the address \"nobody@example.com\".")]
    [InlineData("""{"records":{"tickets":[{"name":"a","properties":{"hs_pipeline_stage":"1"}}]},"associations":[{"from":"a","to":"b"}]}""", "associations[0]: No record is called \"b\".")]
    [InlineData("""{"records":{"tickets":[{"name":"a","properties":{"hs_pipeline_stage":"1"}},{"name":"b","properties":{"hs_pipeline_stage":"1"}}]},"associations":[{"from":"a","to":"b","label":"nonsense"}]}""", "associations[0]: There is no label \"nonsense\" from tickets to tickets.")]
    public async Task A_seed_with_a_mistake_says_where_and_writes_nothing(string seed, string message)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Tickets, """{"properties":{"subject":"there","hs_pipeline_stage":"1"}}""")).Expect(201);
        var before = await EverythingAsync(server);
        var refused = await server.PostAsync(Seed, seed);
        Assert.StartsWith(message, refused["message"], StringComparison.Ordinal);
        Assert.InRange(refused.Status, 400, 409);
        if (!TestEngine.IsPostgres)
        {
            Assert.Equal(before, await EverythingAsync(server));
        }

        Assert.StartsWith(message, (await server.PostAsync(Portals, $$"""{"seed":{{seed}}}"""))["message"], StringComparison.Ordinal);
        Assert.Equal(1, (await server.GetAsync(Portals)).Expect(200).Count("results"));
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task A_server_in_memory_begins_with_the_seed_file_and_does_not_start_with_a_wrong_one()
    {
        var file = await FileOfAsync(Full);
        await using (var server = await TestServer.StartAsync(ephemeral: true, with: options => options with { SeedFile = file }))
        {
            await AssertFullAsync(server.Http);
            (await server.DeleteAsync("/crm/v3/properties/tickets/sum")).Expect(204);
            (await server.SendAsync(HttpMethod.Post, "/docket/v1/rewind", null)).Expect(204);
            await AssertFullAsync(server.Http);
        }

        file = await FileOfAsync("""{"records":{"tickets":[{"properties":{}}]}}""");
        var (exit, _, errors) = await ServerProcess.RunAsync(["serve", "--ephemeral", "--urls", "http://127.0.0.1:0", "--seed", file]);
        Assert.Equal((1, $"docket: {file}: records.tickets[0]: Error creating TICKET. Some required properties were not set.\n"), (exit, errors));
    }

    [Fact]
    public async Task A_new_data_directory_begins_with_the_seed_file_and_later_starts_leave_it_alone()
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        var file = await FileOfAsync(Full);
        await using (var server = await ServerProcess.ServeAsync(directory, ["--seed", file]))
        {
            using var http = Client(server.Url, TestServer.Token);
            await AssertFullAsync(http);
            Assert.DoesNotContain("was not loaded", server.Output, StringComparison.Ordinal);
            using var deleted = await http.DeleteAsync(Tickets + "/" + (await GetAsync(http, Tickets))["results[1].id"], TestContext.Current.CancellationToken);
            Assert.Equal(204, (int)deleted.StatusCode);
        }

        await using (var server = await ServerProcess.ServeAsync(directory, ["--seed", file]))
        {
            using var http = Client(server.Url, TestServer.Token);
            Assert.Equal(1, (await GetAsync(http, Tickets)).Count("results"));
            Assert.Contains($"{file} was not loaded: there is a portal already.", server.Output, StringComparison.Ordinal);
        }

        await TestEngine.DeleteAsync(directory);
    }

    [Fact]
    public async Task A_start_that_could_not_load_its_whole_seed_file_leaves_nothing()
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        var wrong = await FileOfAsync(Full.Replace("\"to\": \"grace\"", "\"to\": \"nobody\"", StringComparison.Ordinal));
        var mistake = await Assert.ThrowsAsync<OperatorMistake>(() => TestServer.StartAsync(directory, with: options => options with { SeedFile = wrong }));
        Assert.Equal(wrong + ": associations[0]: No record is called \"nobody\".", mistake.Message);

        var file = await FileOfAsync(Full);
        await using (var server = await TestServer.StartAsync(directory, with: options => options with { SeedFile = file }))
        {
            await AssertFullAsync(server.Http);
            // As a start leaves it that was killed before it had loaded everything.
            await server.Portals.RenameAsync(server.PortalId, FirstPortal.Unfinished);
        }

        await using (var server = await TestServer.StartAsync(directory, with: options => options with { SeedFile = file }))
        {
            await AssertFullAsync(server.Http);
            Assert.Equal(1, (await server.GetAsync(Portals)).Expect(200).Count("results"));
        }

        await TestEngine.DeleteAsync(directory);
    }

    [Fact]
    public async Task A_start_with_a_seed_file_shows_the_first_token()
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        await using (var server = await DocketServer.StartAsync(
            new() { DataDirectory = directory, Store = await TestEngine.StoreOfAsync(directory), Urls = "http://127.0.0.1:0", SeedFile = await FileOfAsync(Full) }, TestContext.Current.CancellationToken))
        {
            using var http = Client(server.Url, server.FirstToken!);
            await AssertFullAsync(http);
        }

        await TestEngine.DeleteAsync(directory);
    }

    static async Task<string> FileOfAsync(string seed)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("docket-test-").FullName, "docket.seed.json");
        await File.WriteAllTextAsync(file, seed, TestContext.Current.CancellationToken);
        return file;
    }

    static HttpClient Client(string url, string token) => new() { BaseAddress = new Uri(url), DefaultRequestHeaders = { Authorization = new("Bearer", token) } };

    static async Task AssertFullAsync(HttpClient http, string? printer = null, string? grace = null)
    {
        var tickets = await GetAsync(http, Tickets + "?properties=subject,order,sum,hubspot_owner_id,hs_pipeline_stage&associations=contacts");
        Assert.Equal(2, tickets.Count("results"));
        Assert.Equal(("Printer on fire", "A-1", "12.5", "new"), (tickets["results[0].properties.subject"], tickets["results[0].properties.order"], tickets["results[0].properties.sum"], tickets["results[0].properties.hs_pipeline_stage"]));
        var owners = await GetAsync(http, "/crm/v3/owners");
        Assert.Equal((1, "ada@example.com", tickets["results[0].properties.hubspot_owner_id"]), (owners.Count("results"), owners["results[0].email"], owners["results[0].id"]));
        var contacts = await GetAsync(http, "/crm/v3/objects/contacts");
        Assert.Equal(tickets["results[0].associations.contacts.results[0].id"], contacts["results[0].id"]);
        Assert.Equal((printer ?? tickets["results[0].id"], grace ?? contacts["results[0].id"]), (tickets["results[0].id"], contacts["results[0].id"]));
    }

    static async Task<Answer> GetAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return (await Answer.OfAsync(response)).Expect(200);
    }

    static async Task<string> EverythingAsync(TestServer server)
    {
        var all = new List<string>();
        foreach (var path in (string[])[Tickets, "/crm/v3/properties/tickets", "/crm/v3/pipelines/tickets", "/crm/v3/owners", "/docket/v1/changes", "/docket/v1/users"])
        {
            all.Add((await server.GetAsync(path)).Expect(200).Text);
        }

        return string.Join('\n', all);
    }
}
