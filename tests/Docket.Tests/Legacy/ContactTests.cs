using System.Net;
using System.Text.Json.Nodes;

namespace Docket.Tests.Legacy;

/// <summary>
/// Contacts of version 1 as real programs call them: n8n's HubSpot node (<c>n8n-nodes-base</c> 2.41, with its recorded answers in
/// <c>__schema__/v2.1.0/contact</c>) and the npm package <c>hubspot</c> 2.3, cited by these names.
/// </summary>
public class ContactTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Contact = "/contacts/v1/contact", All = "/contacts/v1/lists/all/contacts/all";

    // npm hubspot, contacts.create, and many programs: they read `vid`.
    [Fact]
    public async Task A_contact_is_created_and_read_by_id_and_by_address()
    {
        var server = shared.Server;
        var created = (await server.PostAsync(Contact + "/", Body(("email", "Ada@Example.com"), ("firstname", "Ada"), ("hs_additional_emails", "a.l@example.com")))).Expect(200);
        Assert.Equal(("Ada", "ada@example.com", "true", created["vid"]), (created["properties.firstname.value"], created["properties.email.value"], created["is-contact"], created["canonical-vid"]));
        Assert.Equal(("EMAIL", "ada@example.com", "true", "a.l@example.com", "false"), (created["identity-profiles[0].identities[0].type"], created["identity-profiles[0].identities[0].value"], created["identity-profiles[0].identities[0].is-primary"], created["identity-profiles[0].identities[1].value"], created["identity-profiles[0].identities[1].is-primary"]));
        foreach (var path in (string[])[$"vid/{created["vid"]}", "email/ADA%40example.com", "email/a.l@example.com"])
        {
            Assert.Equal(created.Text, (await server.GetAsync($"{Contact}/{path}/profile")).Expect(200).Text);
        }

        Assert.Equal("Ada", (await server.GetAsync($"/crm/v3/objects/contacts/{created["vid"]}")).Expect(200)["properties.firstname"]);
        Assert.StartsWith("Contact already exists", (await server.PostAsync(Contact, Body(("email", "ada@example.com")))).Expect(409)["message"], StringComparison.Ordinal);
        Assert.Equal("resource not found", (await server.GetAsync(Contact + "/vid/1/profile")).Expect(404)["message"]);
        (await server.GetAsync(Contact + "/email/nobody@example.com/profile")).Expect(404);
    }

    // n8n, contact:get: `properties` and `propertyMode`; recorded properties have nothing but a value then.
    [Fact]
    public async Task A_profile_has_the_properties_and_versions_that_are_asked_for()
    {
        var server = shared.Server;
        var path = $"{Contact}/vid/{await CreateAsync(server, ("firstname", "Ada"), ("lastname", "Byron"))}/profile";
        (await server.PostAsync(path, Body(("lastname", "Lovelace")))).Expect(204);
        var all = (await server.GetAsync(path)).Expect(200);
        Assert.Equal(("Lovelace", 2, "Byron", "INTEGRATION"), (all["properties.lastname.value"], all.Count("properties.lastname.versions"), all["properties.lastname.versions[1].value"], all["properties.lastname.versions[0].source-type"]));
        var some = (await server.GetAsync(path + "?properties=lastname&properties=createdate&propertyMode=value_only")).Expect(200);
        Assert.Equal("""{"value":"Lovelace"}""", some.Json!["properties"]!["lastname"]!.ToJsonString());
        Assert.Equal((2, server.Clock.GetUtcNow().ToUnixTimeMilliseconds().ToString()), (some.Json["properties"]!.AsObject().Count, some["properties.createdate.value"]));
        Assert.Single((await server.GetAsync(path + "?property=lastname")).Expect(200).Json!["properties"]!.AsObject());
    }

    // n8n, contact:upsert: reads `vid` and `isNew`.
    [Fact]
    public async Task An_address_creates_a_contact_or_updates_it()
    {
        var server = shared.Server;
        const string Path = Contact + "/createOrUpdate/email/grace%40example.com";
        var first = (await server.PostAsync(Path, Body(("firstname", "Grace")))).Expect(200);
        var second = (await server.PostAsync(Path, Body(("lastname", "Hopper"), ("email", "grace@example.com")))).Expect(200);
        Assert.Equal(("true", "false", first["vid"]), (first["isNew"], second["isNew"], second["vid"]));
        (await server.PostAsync(Contact + "/email/grace@example.com/profile", Body(("jobtitle", "Admiral")))).Expect(204);
        var read = (await server.GetAsync($"/crm/v3/objects/contacts/{first["vid"]}?properties=firstname,lastname,jobtitle,email")).Expect(200);
        Assert.Equal(("Grace", "Hopper", "Admiral", "grace@example.com"), (read["properties.firstname"], read["properties.lastname"], read["properties.jobtitle"], read["properties.email"]));
        (await server.PostAsync(Contact + "/createOrUpdate/email/none", Body(("lastname", "x")))).Expect(400);
        (await server.PostAsync(Contact + "/email/nobody@example.com/profile", Body(("lastname", "x")))).Expect(404);
    }

    // n8n, contact:delete, as recorded.
    [Fact]
    public async Task A_deleted_contact_is_archived()
    {
        var server = shared.Server;
        var id = await CreateAsync(server, ("lastname", "x"));
        Assert.Equal($$"""{"vid":{{id}},"deleted":true,"reason":"OK"}""", (await server.DeleteAsync($"{Contact}/vid/{id}")).Expect(200).Text);
        (await server.GetAsync($"{Contact}/vid/{id}/profile")).Expect(404);
        (await server.GetAsync($"/crm/v3/objects/contacts/{id}?archived=true")).Expect(200);
    }

    // npm hubspot, contacts.createOrUpdateBatch, getByIdBatch, getByEmailBatch.
    [Fact]
    public async Task Batches_write_by_id_or_address_and_read_into_an_object()
    {
        var server = shared.Server;
        var id = await CreateAsync(server, ("email", "one@example.com"));
        var written = (await server.PostAsync(Contact + "/batch", $$"""[{"vid":{{id}},{{Body(("company", "Engines"))[1..]}},{"email":"two@example.com",{{Body(("company", "Engines"))[1..]}}]""")).Expect(202);
        Assert.Equal("", written.Text);
        var byAddress = (await server.GetAsync(Contact + "/emails/batch?email=one@example.com&email=two@example.com&email=nobody@example.com&property=company")).Expect(200).Json!.AsObject();
        Assert.Equal(2, byAddress.Count);
        Assert.All(byAddress, contact => Assert.Equal((contact.Key, "Engines"), (contact.Value!["vid"]!.ToJsonString(), contact.Value["properties"]!["company"]!["value"]!.GetValue<string>())));
        Assert.Equal([id], (await server.GetAsync($"{Contact}/vids/batch?vid={id}&vid=1")).Expect(200).Json!.AsObject().Select(contact => contact.Key));
        (await server.PostAsync(Contact + "/batch", "[]")).Expect(400);
        (await server.PostAsync(Contact + "/batch", $$"""[{"vid":1,{{Body(("company", "x"))[1..]}}]""")).Expect(400);
        (await server.PostAsync(Contact + "/batch", $"[{string.Join(',', Enumerable.Range(0, 101).Select(number => $$"""{"email":"many{{number}}@example.com",{{Body(("company", "x"))[1..]}}"""))}]")).Expect(202);
    }

    // n8n, hubspotApiRequestAllItems: pages by `vid-offset` while `has-more`. Recorded: without properties there are these four, and the last page has offset 0.
    [Fact]
    public async Task The_list_has_every_contact_once()
    {
        await using var server = await TestServer.StartAsync();
        string[] ids = [.. await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => CreateAsync(server, ("firstname", "a"), ("lastname", "b"), ("company", "c"), ("phone", "1"))))];
        var first = (await server.GetAsync(All + "?count=3")).Expect(200);
        var second = (await server.GetAsync($"{All}?count=3&vidOffset={first["vid-offset"]}&property=phone")).Expect(200);
        Assert.Equal((3, "true", 2, "false", "0"), (first.Count("contacts"), first["has-more"], second.Count("contacts"), second["has-more"], second["vid-offset"]));
        Assert.Equal(ids.Order(StringComparer.Ordinal), first.Json!["contacts"]!.AsArray().Concat(second.Json!["contacts"]!.AsArray()).Select(contact => contact!["vid"]!.ToJsonString()));
        Assert.Equal(["company", "firstname", "lastmodifieddate", "lastname"], Names(first));
        Assert.Equal(["phone"], Names(second));
        Assert.Equal("""{"lists":[],"has-more":false,"offset":0}""", (await server.GetAsync("/contacts/v1/lists?count=250")).Expect(200).Text);

        static IEnumerable<string> Names(Answer page) => page.Json!["contacts"]![0]!["properties"]!.AsObject().Select(property => property.Key);
    }

    // npm hubspot, contacts.getRecentlyModified and getRecentlyCreated.
    [Fact]
    public async Task The_newest_come_first_in_pages()
    {
        await using var server = await TestServer.StartAsync();
        var ids = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            ids.Add(await CreateAsync(server, ("lastname", $"{i}")));
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        (await server.PostAsync($"{Contact}/vid/{ids[0]}/profile", Body(("lastname", "new")))).Expect(204);
        Assert.Equal([ids[2], ids[1], ids[0]], await WalkAsync("lists/all"));
        Assert.Equal([ids[0], ids[2], ids[1]], await WalkAsync("lists/recently_updated"));

        async Task<List<string>> WalkAsync(string list)
        {
            var (found, offset) = (new List<string>(), "0");
            while (true)
            {
                var page = (await server.GetAsync($"/contacts/v1/{list}/contacts/recent?count=2&vidOffset={offset}")).Expect(200);
                found.AddRange(page.Json!["contacts"]!.AsArray().Select(contact => contact!["vid"]!.ToJsonString()));
                Assert.NotNull(page["time-offset"]);
                if (page["has-more"] == "false")
                {
                    return found;
                }

                offset = page["vid-offset"];
            }
        }
    }

    // npm hubspot, contacts.search.
    [Fact]
    public async Task A_search_finds_names_and_addresses()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, ("firstname", "Ada"), ("email", "ada@example.com"));
        await CreateAsync(server, ("firstname", "Grace"));
        foreach (var query in (string[])["ada", "ADA%40example.com"])
        {
            var found = (await server.GetAsync("/contacts/v1/search/query?q=" + query)).Expect(200);
            Assert.Equal((Uri.UnescapeDataString(query), "1", "false", ada), (found["query"], found["total"], found["has-more"], found["contacts[0].vid"]));
        }

        var all = (await server.GetAsync("/contacts/v1/search/query?q=&count=1")).Expect(200);
        Assert.Equal(("2", "true", "1"), (all["total"], all["has-more"], all["offset"]));
    }

    [Theory]
    [InlineData("""{"properties":[{"property":"nonsense","value":"x"}]}""", "nonsense")]
    [InlineData("""{"properties":[{"name":"lastname","value":"x"}]}""", "Some required fields were not set: [property]")]
    [InlineData("""{"email":"x@example.com"}""", "Some required fields were not set: [properties]")]
    public async Task What_v3_refuses_is_refused_with_the_same_words(string body, string words)
    {
        Assert.Contains(words, (await shared.Server.PostAsync(Contact, body)).Expect(400)["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_for_other_types_has_no_access()
    {
        using var tickets = shared.Server.NewClient(await shared.Server.CreateTokenAsync("tickets"));
        using var refused = await tickets.GetAsync(All, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    static async Task<string> CreateAsync(TestServer server, params (string Name, string Value)[] values) => (await server.PostAsync(Contact, Body(values))).Expect(200)["vid"]!;

    static string Body(params (string Name, string Value)[] values) =>
        new JsonObject { ["properties"] = new JsonArray([.. values.Select(value => new JsonObject { ["property"] = value.Name, ["value"] = value.Value })]) }.ToJsonString();
}
