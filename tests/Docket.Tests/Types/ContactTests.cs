using Docket.Tests.Compatibility;
using Docket.Tests.Stores;

namespace Docket.Tests.Types;

/// <summary>What is special about contacts (reference/objects-other-than-tickets.md 2, and checks 1 to 10 and 15 of its section 12).</summary>
public class ContactTests
{
    const string Contacts = "/crm/v3/objects/contacts", Upsert = Contacts + "/batch/upsert", Create = Contacts + "/batch/create";

    [Behaviour("POST …/contacts", "an e-mail that a contact has, in any letter case, with blanks around: 409 with its id", "observed", "objects-other-than-tickets.md 12.1")]
    [Fact]
    public async Task A_contact_with_the_address_of_another_one_is_refused_with_its_id()
    {
        await using var server = await TestServer.StartAsync();
        var first = await CreateAsync(server, """{"email":"Ada@Example.com"}""");
        Assert.Equal("ada@example.com", first["properties.email"]);
        var again = (await server.PostAsync(Contacts, """{"properties":{"email":"  ada@EXAMPLE.com "}}""")).Expect(409);
        Assert.Equal($$"""{"status":"error","message":"Contact already exists. Existing ID: {{first["id"]}}","correlationId":"{{again["correlationId"]}}","category":"CONFLICT"}""", again.Text);
    }

    [Behaviour("POST …/contacts/batch/create", "known e-mails: 409, with the id if it is one; 207 with trace ids", "observed", "objects-other-than-tickets.md 12.2")]
    [Fact]
    public async Task A_batch_of_contacts_that_exist_is_refused_with_an_id_if_it_is_one_or_answered_by_row()
    {
        await using var server = await TestServer.StartAsync();
        var (ada, grace) = ((await CreateAsync(server, """{"email":"ada@example.com"}"""))["id"], (await CreateAsync(server, """{"email":"grace@example.com"}"""))["id"]);
        var one = (await server.PostAsync(Create, Inputs("new@example.com", "ada@example.com"))).Expect(409);
        Assert.Equal(($"Contact already exists. Existing ID: {ada}", "CONFLICT"), (one["message"], one["category"]));
        Assert.Equal((ada, "1"), (one["errors[0].context.existingId[0]"], one["errors[0].context.index[0]"]));
        var two = (await server.PostAsync(Create, Inputs("grace@example.com", "ada@example.com"))).Expect(409);
        Assert.Equal(("Contact already exists", "CONFLICT"), (two["message"], two["category"]));
        Assert.Equal((grace, ada), (two["errors[0].context.existingId[0]"], two["errors[1].context.existingId[0]"]));
        var twice = (await server.PostAsync(Create, Inputs("new@example.com", "new@example.com"))).Expect(409);
        Assert.Equal("Contact already exists", twice["message"]);
        Assert.Equal(404, (await server.GetAsync(Contacts + "/new@example.com?idProperty=email")).Status);

        var traced = (await server.PostAsync(Create, """
            {"inputs":[{"objectWriteTraceId":"0","properties":{"email":"ada@example.com"}},{"objectWriteTraceId":"1","properties":{"email":"new@example.com"}}]}
            """)).Expect(207);
        Assert.Equal(("1", "new@example.com"), (traced["numErrors"], traced["results[0].properties.email"]));
        Assert.Equal(
            $$$"""{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: {{{ada}}}","context":{"objectWriteTraceId":["0"],"index":["0"],"existingId":["{{{ada}}}"]}}""",
            traced.Json!["errors"]![0]!.ToJsonString());

        static string Inputs(params string[] emails) => $$"""{"inputs":[{{string.Join(',', emails.Select(email => $$"""{"properties":{"email":"{{email}}"} }"""))}}]}""";
    }

    [Behaviour("POST …/contacts", "somebody's secondary e-mail: 400 that names both ids", "observed", "objects-other-than-tickets.md 12.3")]
    [Fact]
    public async Task A_contact_with_the_secondary_address_of_another_one_is_refused_by_property()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":" Ada@work.com;ada@example.com;ada@home.com"}""");
        Assert.Equal("ada@work.com;ada@home.com", ada["properties.hs_additional_emails"]);
        var refused = (await server.PostAsync(Contacts, """{"properties":{"email":"ada@home.com"}}""")).Expect(400);
        Assert.Matches(
            $$"""^Cannot set PropertyValueCoordinates\{portalId={{server.PortalId}}, objectTypeId=ObjectTypeId\{legacyObjectType=CONTACT\}, propertyName=email, value=ada@home.com\} on \d+\. {{ada["id"]}} already has that value\.$""",
            refused["message"]);
        Assert.Equal("VALIDATION_ERROR", refused["category"]);
        refused = (await server.PostAsync(Contacts, """{"properties":{"hs_additional_emails":"new@example.com;ada@work.com"}}""")).Expect(400);
        Assert.Contains("propertyName=hs_additional_emails, value=ada@work.com}", refused["message"], StringComparison.Ordinal);
        refused = (await server.PostAsync(Contacts, """{"properties":{"hs_additional_emails":"ADA@example.com"}}""")).Expect(400);
        Assert.Contains($"propertyName=hs_additional_emails, value=ada@example.com}}", refused["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_of_another_contact_is_refused_on_updates_by_property()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com"}""");
        var grace = await CreateAsync(server, """{"email":"grace@example.com"}""");
        var expected = $"on {grace["id"]}. {ada["id"]} already has that value.";
        foreach (var email in (string[])["ada@example.com", "ada@work.com"])
        {
            Assert.EndsWith(expected, (await server.PatchAsync($"{Contacts}/{grace["id"]}", $$"""{"properties":{"email":"{{email}}"} }""")).Expect(400)["message"], StringComparison.Ordinal);
            Assert.EndsWith(expected, (await server.PostAsync(Contacts + "/batch/update", $$"""{"inputs":[{"id":"{{grace["id"]}}","properties":{"email":"{{email}}"} }]}""")).Expect(400)["message"], StringComparison.Ordinal);
            Assert.EndsWith(expected, (await UpsertAsync(server, "grace@example.com", $$"""{"email":"{{email}}"}""")).Expect(400)["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_address_is_free_when_its_contact_is_archived_or_has_given_it_away()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com;ada@home.com"}""");
        (await server.PatchAsync($"{Contacts}/{ada["id"]}", """{"properties":{"hs_additional_emails":"ada@work.com"}}""")).Expect(200);
        await CreateAsync(server, """{"email":"ada@home.com"}""");
        (await server.DeleteAsync($"{Contacts}/{ada["id"]}")).Expect(204);
        await CreateAsync(server, """{"email":"ada@work.com","hs_additional_emails":"ada@example.com"}""");
        var restored = (await server.PostAsync($"/docket/v1/objects/contacts/{ada["id"]}/restore", """{"properties":{"email":"other@example.com"}}""")).Expect(400);
        Assert.Contains("value=ada@work.com", restored["message"], StringComparison.Ordinal);
        (await server.PostAsync($"/docket/v1/objects/contacts/{ada["id"]}/restore", """{"properties":{"email":"other@domain.com","hs_additional_emails":"more@example.com;other@domain.com"}}""")).Expect(200);
        var back = (await server.GetAsync($"{Contacts}/{ada["id"]}?properties=hs_email_domain,hs_additional_emails")).Expect(200);
        Assert.Equal(("domain.com", "more@example.com"), (back["properties.hs_email_domain"], back["properties.hs_additional_emails"]));
        Assert.Equal(ada["id"], (await server.GetAsync(Contacts + "/more@example.com?idProperty=email")).Expect(200)["id"]);
    }

    [Fact]
    public async Task A_secondary_address_becomes_the_primary_one_and_the_other_way_round()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com;ada@home.com"}""");
        (await server.PatchAsync($"{Contacts}/{ada["id"]}", """{"properties":{"email":"ada@work.com","hs_additional_emails":"ada@example.com;ada@home.com;ada@work.com"}}""")).Expect(200);
        var read = (await server.GetAsync($"{Contacts}/{ada["id"]}?properties=hs_additional_emails,email")).Expect(200);
        Assert.Equal(("ada@work.com", "ada@example.com;ada@home.com"), (read["properties.email"], read["properties.hs_additional_emails"]));
        foreach (var email in (string[])["ada@example.com", "ada@work.com", "ada@home.com"])
        {
            Assert.Equal(ada["id"], (await server.GetAsync($"{Contacts}/{email}?idProperty=email")).Expect(200)["id"]);
        }

        (await server.PatchAsync($"{Contacts}/{ada["id"]}", """{"properties":{"email":"ada@home.com"}}""")).Expect(200);
        Assert.Equal("ada@example.com", (await server.GetAsync($"{Contacts}/{ada["id"]}?properties=hs_additional_emails")).Expect(200)["properties.hs_additional_emails"]);
        (await server.GetAsync(Contacts + "/ada@work.com?idProperty=email")).Expect(404);
        await CreateAsync(server, """{"email":"ada@work.com"}""");
    }

    [Behaviour("POST …/contacts", "an e-mail without a host: 400 `INVALID_EMAIL`", "observed", "objects-other-than-tickets.md 12.4")]
    [Fact]
    public async Task An_invalid_address_is_refused_by_name()
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync(Contacts, """{"properties":{"email":"dsfsafas@ "}}""")).Expect(400);
        Assert.Equal(
            $$"""Property values were not valid: [{"isValid":false,"message":"Email address dsfsafas@ is invalid","error":"INVALID_EMAIL","name":"email","localizedErrorMessage":"Email address dsfsafas@ is invalid","portalId":{{server.PortalId}}}]""",
            refused["message"]);
        Assert.Contains("Email address b is invalid", (await server.PostAsync(Contacts, """{"properties":{"hs_additional_emails":"a@example.com;b"}}""")).Expect(400)["message"], StringComparison.Ordinal);
        Assert.Contains("Email address b is invalid", (await UpsertAsync(server, "b", "{}")).Expect(400)["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_portal_allows_addresses_under_test_if_it_is_set_so()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(Contacts, """{"properties":{"email":"ada@docket.test"}}""")).Expect(400);
        (await server.PatchAsync("/docket/v1/settings", """{"reserved-email-domains":"on"}""")).Expect(200);
        var ada = await CreateAsync(server, """{"email":"ada@docket.test"}""");
        (await server.PatchAsync("/docket/v1/settings", """{"reserved-email-domains":"off"}""")).Expect(200);
        Assert.Equal(ada["id"], (await server.GetAsync(Contacts + "/ADA@docket.test?idProperty=email")).Expect(200)["id"]);
        (await server.PostAsync("/docket/v1/objects/contacts/gdpr-delete", """{"objectId":"ada@docket.test","idProperty":"email"}""")).Expect(204);
        (await server.GetAsync($"{Contacts}/{ada["id"]}")).Expect(404);
    }

    [Behaviour("GET …/contacts/{email}?idProperty=email", "found in any letter case; the date of modification is `lastmodifieddate`", "docs, observed", "objects-other-than-tickets.md 12.5")]
    [Fact]
    public async Task A_contact_is_found_by_each_of_its_addresses()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"a@b.cc","hs_additional_emails":"c@d.ee"}""");
        foreach (var (email, property) in ((string, string)[])[("A%40B.cc", "email"), ("a@b.cc", "hs_additional_emails"), ("%20C@d.ee%20", "email"), ("c@d.ee", "hs_additional_emails")])
        {
            var found = (await server.GetAsync($"{Contacts}/{email}?idProperty={property}")).Expect(200);
            Assert.Equal(ada["id"], found["id"]);
            Assert.Equal(found["updatedAt"], found["properties.lastmodifieddate"]);
            Assert.False(found.Has("properties.hs_lastmodifieddate"));
        }

        (await server.PatchAsync(Contacts + "/C@D.EE?idProperty=email", """{"properties":{"firstname":"Ada"}}""")).Expect(200);
        (await server.PostAsync(Contacts + "/batch/update", """{"inputs":[{"id":" A@b.cc","idProperty":"email","properties":{"lastname":"L"}}]}""")).Expect(200);
        Assert.Equal("Ada L", (await server.GetAsync($"{Contacts}/{ada["id"]}?properties=hs_full_name_or_email")).Expect(200)["properties.hs_full_name_or_email"]);
    }

    [Behaviour("POST …/contacts/batch/read", "two e-mails of one contact give it once", "inferred", "objects-other-than-tickets.md 12.6")]
    [Fact]
    public async Task A_batch_read_by_two_addresses_of_a_contact_gives_it_once()
    {
        await using var server = await TestServer.StartAsync();
        await CreateAsync(server, """{"email":"a@b.cc","hs_additional_emails":"c@d.ee"}""");
        var read = (await server.PostAsync(Contacts + "/batch/read", """{"idProperty":"email","inputs":[{"id":"C@d.ee"},{"id":"a@b.cc"},{"id":"c@d.ee"}],"properties":["email"]}""")).Expect(200);
        Assert.Equal((1, "a@b.cc"), (read.Count("results"), read["results[0].properties.email"]));
    }

    [Behaviour("POST …/contacts/batch/upsert", "a secondary e-mail as key updates its contact, whose primary one stays", "observed", "objects-other-than-tickets.md 12.7")]
    [Theory]
    [InlineData("""{"firstname":"Ada"}""")]
    [InlineData("""{"firstname":"Ada","email":"ADA@work.com"}""")]
    public async Task An_upsert_by_a_secondary_address_updates_and_keeps_the_primary_one(string properties)
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com"}""");
        var upserted = (await UpsertAsync(server, "Ada@WORK.com", properties)).Expect(200);
        Assert.Equal(("false", ada["id"]), (upserted["results[0].new"], upserted["results[0].id"]));
        var read = (await server.GetAsync($"{Contacts}/{ada["id"]}?properties=email,hs_additional_emails,firstname")).Expect(200);
        Assert.Equal(("ada@example.com", "ada@work.com", "Ada"), (read["properties.email"], read["properties.hs_additional_emails"], read["properties.firstname"]));
    }

    [Fact]
    public async Task An_upsert_of_an_unknown_address_creates_a_contact_with_it()
    {
        await using var server = await TestServer.StartAsync();
        var upserted = (await UpsertAsync(server, " New@Example.com", """{"phone":"1"}""")).Expect(200);
        Assert.Equal("true", upserted["results[0].new"]);
        Assert.Equal("new@example.com", (await server.GetAsync($"{Contacts}/{upserted["results[0].id"]}")).Expect(200)["properties.email"]);
        Assert.Equal("false", (await UpsertAsync(server, "new@example.com", """{"phone":"1"}""")).Expect(200)["results[0].new"]);
        var both = (await server.PostAsync(Upsert, """{"inputs":[{"idProperty":"email","id":"x@example.com","properties":{}},{"idProperty":"email","id":"X@example.com","properties":{}}]}""")).Expect(400);
        Assert.Equal("Duplicate IDs found in batch input: [X@example.com]. IDs must be unique", both["message"]);
    }

    [Fact]
    public async Task A_key_of_several_addresses_takes_none_from_another_contact()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com"}""");
        const string Body = """{"inputs":[{"idProperty":"hs_additional_emails","id":"new@example.com;ada@example.com","properties":{}}]}""";
        Assert.Contains($"{ada["id"]} already has that value", (await server.PostAsync(Upsert, Body)).Expect(400)["message"], StringComparison.Ordinal);
        var created = (await server.PostAsync(Upsert, Body.Replace("ada@", "second@", StringComparison.Ordinal))).Expect(200);
        Assert.Equal(created["results[0].id"], (await server.GetAsync(Contacts + "/second@example.com?idProperty=email")).Expect(200)["id"]);
    }

    [Fact]
    public async Task One_contact_gets_an_address_however_many_want_it_at_once()
    {
        await using var server = await TestServer.StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i =>
        {
            var (one, other) = ($"a{i % 5}@example.com", $"a{(i + 1 + (i / 5)) % 5}@example.com");
            var values = i % 3 == 0 ? $$"""{"email":"{{one}}"}""" : $$"""{"email":"own{{i}}@example.com","hs_additional_emails":"{{one}};{{other}}"}""";
            return server.PostAsync(Contacts, $$"""{"properties":{{values}} }""");
        }));
        Assert.All(answers, answer => Assert.Contains(answer.Status, new[] { 201, 400, 409 }));
        foreach (var address in Enumerable.Range(0, 5).Select(i => $"a{i}@example.com"))
        {
            var holders = answers.Where(answer => answer.Status == 201 && answer.Text.Contains($"{address}", StringComparison.Ordinal)).Select(answer => answer["id"]).ToArray();
            Assert.True(holders.Length <= 1, $"{address} is held by {string.Join(", ", holders)}");
            Assert.Equal(holders.SingleOrDefault(), (await server.GetAsync($"{Contacts}/{address}?idProperty=email"))["id"]);
        }
    }

    [Fact]
    public async Task A_search_by_address_finds_secondary_ones()
    {
        await using var server = await TestServer.StartAsync();
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com;ada@home.com"}""");
        var grace = await CreateAsync(server, """{"email":"grace@example.com"}""");
        foreach (var filter in (string[])["""{"propertyName":"email","operator":"EQ","value":"Ada@Home.com"}""", """{"propertyName":"email","operator":"IN","values":["ada@work.com","x@y.zz"]}""", """{"propertyName":"hs_additional_emails","operator":"EQ","value":"ada@home.com"}"""])
        {
            Assert.Equal([ada["id"]], await SearchAsync(server, filter));
        }

        Assert.Equal([grace["id"]], await SearchAsync(server, """{"propertyName":"email","operator":"NEQ","value":"ada@home.com"}"""));
        Assert.Equal([ada["id"]], await SearchAsync(server, """{"propertyName":"hs_email_domain","operator":"EQ","value":"example.com"},{"propertyName":"hs_full_name_or_email","operator":"EQ","value":"ada@example.com"}"""));
    }

    [Behaviour("POST …/contacts", "a contact without an e-mail is allowed, and another one with the same values", "observed", "objects-other-than-tickets.md 12.8")]
    [Fact]
    public async Task Contacts_without_an_address_do_not_clash()
    {
        await using var server = await TestServer.StartAsync();
        var created = await CreateAsync(server, """{"phone":"+1 555-1234"}""");
        Assert.Equal("15551234", created["properties.hs_searchable_calculated_phone_number"]);
        Assert.False(created.Has("properties.hs_full_name_or_email"));
        await CreateAsync(server, """{"phone":"+1 555-1234","email":" "}""");
        await CreateAsync(server, """{"email":"","hs_additional_emails":";"}""");
    }

    [Fact]
    public async Task Addresses_are_held_after_a_restart_too()
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        try
        {
            string? ada;
            await using (var server = await TestServer.StartAsync(directory))
            {
                ada = (await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com;ada@home.com"}"""))["id"];
                (await server.PatchAsync($"{Contacts}/{ada}", """{"properties":{"email":"ada@work.com","hs_additional_emails":"ada@example.com"}}""")).Expect(200);
            }

            await using var again = await TestServer.StartAsync(directory);
            Assert.Equal([ada, ada, null], new[] { "ada@work.com", "ada@example.com", "ada@home.com" }.Select(email => again.GetAsync($"{Contacts}/{email}?idProperty=email").Result["id"]));
            Assert.Equal($"Contact already exists. Existing ID: {ada}", (await again.PostAsync(Contacts, """{"properties":{"email":"ada@work.com"}}""")).Expect(409)["message"]);
            (await again.PostAsync(Contacts, """{"properties":{"email":"ada@example.com"}}""")).Expect(400);
            await CreateAsync(again, """{"email":"ada@home.com"}""");
        }
        finally
        {
            await TestEngine.DeleteAsync(directory);
        }
    }

    [Behaviour("POST …/contacts", "the answer has what is calculated, counts of 0, and the lifecycle", "observed", "objects-other-than-tickets.md 2.4")]
    [Fact]
    public async Task The_answer_to_a_create_shows_what_follows()
    {
        await using var server = await TestServer.StartAsync();
        var created = await CreateAsync(server, """{"email":"test@example.com","firstname":"Test","lastname":"Contact","phone":"+1 555-1234","company":"Acme"}""");
        Assert.Equal(
            [
                "company", "createdate", "email", "firstname", "hs_all_contact_vids", "hs_associated_target_accounts", "hs_currently_enrolled_in_prospecting_agent", "hs_email_domain",
                "hs_full_name_or_email", "hs_is_contact", "hs_is_unworked", "hs_membership_has_accessed_private_content", "hs_object_id", "hs_object_source", "hs_object_source_id",
                "hs_object_source_label", "hs_pipeline", "hs_prospecting_agent_actively_enrolled_count", "hs_prospecting_agent_total_enrolled_count", "hs_registered_member",
                "hs_searchable_calculated_phone_number", "hs_sequences_actively_enrolled_count", "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage", "lastmodifieddate",
                "lastname", "lifecyclestage", "num_notes", "phone",
            ],
            created.Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.Equal(
            [created["id"], "0", "false", "example.com", "Test Contact", "true", "true", "15551234", "0"],
            new[] { "hs_all_contact_vids", "hs_registered_member", "hs_currently_enrolled_in_prospecting_agent", "hs_email_domain", "hs_full_name_or_email", "hs_is_contact", "hs_is_unworked", "hs_searchable_calculated_phone_number", "num_notes" }.Select(name => created["properties." + name]));

        var updated = (await server.PatchAsync($"{Contacts}/{created["id"]}", """{"properties":{"firstname":"","lastname":"","email":""}}""")).Expect(200);
        Assert.Equal(
            [
                "createdate", "email", "firstname", "hs_is_unworked", "hs_object_id", "hs_object_source", "hs_object_source_id", "hs_object_source_label", "hs_pipeline",
                "hs_v2_date_entered_current_stage", "hs_v2_time_in_current_stage", "lastmodifieddate", "lastname", "lifecyclestage",
            ],
            updated.Json!["properties"]!.AsObject().Select(property => property.Key));
        var read = (await server.GetAsync($"{Contacts}/{created["id"]}?properties=email,hs_email_domain,hs_full_name_or_email")).Expect(200);
        Assert.Equal(("", "", ""), (read["properties.email"], read["properties.hs_email_domain"], read["properties.hs_full_name_or_email"]));
    }

    [Behaviour("GET …/contacts/{id}", "the default properties, sorted", "observed", "objects-other-than-tickets.md 12.10")]
    [Fact]
    public async Task A_read_that_names_no_property_shows_the_default_ones()
    {
        await using var server = await TestServer.StartAsync();
        var created = await CreateAsync(server, """{"phone":"1"}""");
        Assert.Equal(
            ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
            (await server.GetAsync($"{Contacts}/{created["id"]}")).Expect(200).Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.Equal(
            ["createdate", "hs_object_id", "lastmodifieddate", "phone"],
            (await server.GetAsync($"{Contacts}/{created["id"]}?properties=phone")).Expect(200).Json!["properties"]!.AsObject().Select(property => property.Key));
    }

    [Fact]
    public async Task A_merge_keeps_the_addresses_of_both_the_older_date_the_later_stage_and_all_ids()
    {
        await using var server = await TestServer.StartAsync();
        var older = await CreateAsync(server, """{"email":"older@example.com","hs_additional_emails":"second@example.com","firstname":"Old","lifecyclestage":"customer"}""");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var primary = await CreateAsync(server, """{"email":"primary@example.com","hs_additional_emails":"more@example.com"}""");
        server.Clock.Advance(TimeSpan.FromSeconds(1));
        var merged = (await server.PostAsync(Contacts + "/merge", $$"""{"primaryObjectId":"{{primary["id"]}}","objectIdToMerge":"{{older["id"]}}"}""")).Expect(200);
        Assert.Equal(("2026-03-14T09:26:53.589Z", "primary@example.com"), (merged["createdAt"], merged["properties.email"]));
        var ids = $"{primary["id"]};{older["id"]}";
        Assert.Equal(ids, merged["properties.hs_merged_object_ids"]);
        var read = (await server.GetAsync($"{Contacts}/{older["id"]}?properties=hs_additional_emails,lifecyclestage,createdate,hs_calculated_merged_vids,hs_all_contact_vids,firstname,hs_full_name_or_email,hs_v2_date_entered_current_stage")).Expect(200);
        Assert.Equal(
            (merged["id"], "more@example.com;older@example.com;second@example.com", "customer", "2026-03-14T09:26:53.589Z", "2026-03-14T09:26:53.589Z"),
            (read["id"], read["properties.hs_additional_emails"], read["properties.lifecyclestage"], read["properties.createdate"], read["properties.hs_v2_date_entered_current_stage"]));
        Assert.Equal((ids, $"{merged["id"]};{ids}", "Old", "Old"), (read["properties.hs_calculated_merged_vids"], read["properties.hs_all_contact_vids"], read["properties.firstname"], read["properties.hs_full_name_or_email"]));
        foreach (var email in (string[])["older@example.com", "second@example.com", "primary@example.com", "more@example.com"])
        {
            Assert.Equal(merged["id"], (await server.GetAsync($"{Contacts}/{email}?idProperty=email")).Expect(200)["id"]);
        }

        foreach (var id in (string?[])[merged["id"], primary["id"], older["id"]])
        {
            Assert.Equal([merged["id"]], await SearchAsync(server, $$"""{"propertyName":"hs_all_contact_vids","operator":"EQ","value":"{{id}}"}"""));
        }

        Assert.Equal([merged["id"]], await SearchAsync(server, $$"""{"propertyName":"hs_calculated_merged_vids","operator":"EQ","value":"{{older["id"]}}"}"""));
        Assert.Empty(await SearchAsync(server, """{"propertyName":"hs_all_contact_vids","operator":"EQ","value":"1"}"""));
        Assert.Empty(await SearchAsync(server, """{"propertyName":"hs_all_contact_vids","operator":"NOT_HAS_PROPERTY"}"""));
    }

    [Theory]
    [InlineData("contacts", "hs_all_contact_vids")]
    [InlineData("contacts", "hs_calculated_merged_vids")]
    [InlineData("contacts", "hs_additional_emails")]
    [InlineData("contacts", "hs_is_contact")]
    [InlineData("contacts", "num_notes")]
    [InlineData("contacts", "lifecyclestage")]
    [InlineData("contacts", "hs_lifecyclestage_lead_date")]
    [InlineData("contacts", "hs_v2_time_in_current_stage")]
    [InlineData("companies", "hs_task_label")]
    [InlineData("companies", "hs_additional_domains")]
    public async Task What_is_derived_can_be_searched_with_all_operators_and_sorted(string type, string property)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync($"/crm/v3/objects/{type}", """{"properties":{"phone":"1"}}""")).Expect(201);
        foreach (var filter in (string[])[
            """ "operator":"EQ","value":"1" """, """ "operator":"NEQ","value":"1" """, """ "operator":"IN","values":["1"] """, """ "operator":"NOT_IN","values":["1"] """,
            """ "operator":"HAS_PROPERTY" """, """ "operator":"NOT_HAS_PROPERTY" """, """ "operator":"CONTAINS_TOKEN","value":"1" """, """ "operator":"NOT_CONTAINS_TOKEN","value":"1" """,
            """ "operator":"LT","value":"1" """, """ "operator":"GTE","value":"1" """, """ "operator":"BETWEEN","value":"1","highValue":"2" """])
        {
            var answer = await server.PostAsync($"/crm/v3/objects/{type}/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"{{property}}",{{filter}} }]}],"sorts":["{{property}}"]}""");
            Assert.True(answer.Status == 200 || (property == "hs_is_contact" && answer.Status == 400), $"{filter}: {answer.Text}");
        }
    }

    [Fact]
    public async Task A_merge_into_a_contact_without_address_gives_it_the_other_one()
    {
        await using var server = await TestServer.StartAsync();
        var other = await CreateAsync(server, """{"email":"other@example.com","hs_additional_emails":"more@example.com"}""");
        var primary = await CreateAsync(server, """{"firstname":"Ada","lifecyclestage":"customer"}""");
        var merged = (await server.PostAsync(Contacts + "/merge", $$"""{"primaryObjectId":"{{primary["id"]}}","objectIdToMerge":"{{other["id"]}}"}""")).Expect(200);
        var read = (await server.GetAsync($"{Contacts}/{merged["id"]}?properties=email,hs_additional_emails,hs_email_domain,lifecyclestage")).Expect(200);
        Assert.Equal(("other@example.com", "more@example.com", "example.com", "customer"), (read["properties.email"], read["properties.hs_additional_emails"], read["properties.hs_email_domain"], read["properties.lifecyclestage"]));
        Assert.Equal($"Contact already exists. Existing ID: {merged["id"]}", (await server.PostAsync(Contacts, """{"properties":{"email":"other@example.com"}}""")).Expect(409)["message"]);
    }

    [Behaviour("`gdpr-delete`", "of contacts on every version, by id and by any e-mail; 204 for an unknown one", "spec", "objects-other-than-tickets.md 12.15")]
    [Theory]
    [InlineData("v3/objects")]
    [InlineData("objects/2026-03")]
    public async Task A_contact_is_permanently_deleted_by_id_or_by_any_address(string version)
    {
        await using var server = await TestServer.StartAsync();
        var path = $"/crm/{version}/contacts/gdpr-delete";
        (await server.PostAsync(path, """{"objectId":"nobody@example.com","idProperty":"email"}""")).Expect(204);
        var ada = await CreateAsync(server, """{"email":"ada@example.com","hs_additional_emails":"ada@work.com"}""");
        var archived = await CreateAsync(server, """{"email":"grace@example.com","hs_additional_emails":"grace@work.com"}""");
        (await server.DeleteAsync($"{Contacts}/{archived["id"]}")).Expect(204);
        (await server.PostAsync(path, """{"objectId":" ADA@work.com","idProperty":"email"}""")).Expect(204);
        (await server.PostAsync(path, """{"objectId":"grace@work.com","idProperty":"email"}""")).Expect(204);
        foreach (var id in (string?[])[ada["id"], archived["id"]])
        {
            (await server.GetAsync($"{Contacts}/{id}")).Expect(404);
            (await server.GetAsync($"{Contacts}/{id}?archived=true")).Expect(404);
        }

        var again = await CreateAsync(server, """{"email":"ada@work.com"}""");
        (await server.PostAsync(path, $$"""{"objectId":"{{again["id"]}}"}""")).Expect(204);
        (await server.GetAsync($"{Contacts}/{again["id"]}")).Expect(404);
    }

    [Theory]
    [Trait("Engine", "SQLite")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Who_has_an_address_is_the_same_when_it_is_read_again_from_the_changes(int seed)
    {
        var directory = Directory.CreateTempSubdirectory("docket-test-").FullName;
        try
        {
            var random = new Random(seed);
            string path;
            await using (var server = await TestServer.StartAsync(directory))
            {
                path = Path.Combine(directory, $"portal-{server.PortalId}.db");
                var ids = new List<string>();
                for (var i = 0; i < 120; i++)
                {
                    var values = $$"""{"email":"{{Address()}}","hs_additional_emails":"{{string.Join(';', Enumerable.Range(0, random.Next(4)).Select(_ => Address()))}}"}""";
                    var answer = random.Next(8) switch
                    {
                        0 or 1 => await server.PostAsync(Contacts, $$"""{"properties":{{values}} }"""),
                        2 when ids.Count > 1 => await server.PostAsync(Contacts + "/merge", $$"""{"primaryObjectId":"{{Any()}}","objectIdToMerge":"{{Any()}}"}"""),
                        3 when ids.Count > 0 => await server.DeleteAsync($"{Contacts}/{Any()}"),
                        4 when ids.Count > 0 => await server.PostAsync($"/docket/v1/objects/contacts/{Any()}/restore", ""),
                        _ when ids.Count > 0 => await server.PatchAsync($"{Contacts}/{Any()}", $$"""{"properties":{{values}} }"""),
                        _ => await UpsertAsync(server, Address(), values),
                    };
                    if (answer["id"] is { } id && !ids.Contains(id))
                    {
                        ids.Add(id);
                    }
                }

                string Any() => ids[random.Next(ids.Count)];
            }

            var closed = DerivedTables.Reopened(path);
            Assert.Contains("value ", closed, StringComparison.Ordinal);
            Assert.Equal(DerivedTables.Remade(path), closed);

            string Address() => $"a{random.Next(12)}@example.com";
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    static async Task<Answer> CreateAsync(TestServer server, string properties) => (await server.PostAsync(Contacts, $$"""{"properties":{{properties}} }""")).Expect(201);

    static Task<Answer> UpsertAsync(TestServer server, string email, string properties) =>
        server.PostAsync(Upsert, $$"""{"inputs":[{"idProperty":"email","id":"{{email}}","properties":{{properties}} }]}""");

    static async Task<string?[]> SearchAsync(TestServer server, string filters)
    {
        var found = (await server.PostAsync(Contacts + "/search", $$"""{"filterGroups":[{"filters":[{{filters}}]}]}""")).Expect(200);
        return [.. found.Json!["results"]!.AsArray().Select(result => (string?)result!["id"])];
    }
}
