using System.Net;
using Docket.Model;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Types;

/// <summary>Activities; "check n" is a line of reference/objects-other-than-tickets.md 12.</summary>
public class ActivityTests
{
    const string Objects = "/crm/v3/objects/", Timestamp = "\"hs_timestamp\":\"2026-03-12T10:00:00Z\"";

    [Behaviour("POST …/{notes,tasks,calls}", "without `hs_timestamp`: 400 with the upper-case name of the type", "observed", "objects-other-than-tickets.md 12.16")]
    [Theory]
    [InlineData("notes", "NOTE")]
    [InlineData("tasks", "TASK")]
    [InlineData("calls", "CALL")]
    [InlineData("emails", "EMAIL")]
    [InlineData("communications", "COMMUNICATION")]
    [InlineData("postal_mail", "POSTAL_MAIL")]
    public async Task An_activity_needs_its_time_check_16(string plural, string name)
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync(Objects + plural, """{"properties":{}}""")).Expect(400);
        Assert.Equal($"Error creating {name}. Some required properties were not set.", refused["message"]);
        Assert.Equal("hs_timestamp", refused["context.properties[0]"]);
    }

    [Fact]
    public async Task A_meeting_happens_when_it_starts()
    {
        await using var server = await TestServer.StartAsync();
        var meeting = (await server.PostAsync(Objects + "meetings", """{"properties":{"hs_meeting_title":"Kick-off","hs_meeting_start_time":"2026-04-01T08:00:00Z"}}""")).Expect(201);
        Assert.Equal("2026-04-01T08:00:00Z", (await server.GetAsync($"{Objects}meetings/{meeting["id"]}?properties=hs_timestamp")).Expect(200)["properties.hs_timestamp"]);
        var unplanned = (await server.PostAsync(Objects + "meetings", """{"properties":{"hs_meeting_title":"Some day"}}""")).Expect(201);
        Assert.Null((await server.GetAsync($"{Objects}meetings/{unplanned["id"]}?properties=hs_timestamp")).Expect(200)["properties.hs_timestamp"]);
    }

    [Behaviour("POST …/meetings", "`hs_meeting_outcome` `CANCELLED`, with two L, is no option", "docs, observed", "objects-other-than-tickets.md 12.20")]
    [Fact]
    public async Task The_outcome_of_a_meeting_is_canceled_with_one_l_check_20()
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync(Objects + "meetings", $$"""{"properties":{ {{Timestamp}},"hs_meeting_outcome":"CANCELLED"} }""")).Expect(400);
        Assert.Equal("INVALID_OPTION", refused["errors[0].code"]);
        (await server.PostAsync(Objects + "meetings", $$"""{"properties":{ {{Timestamp}},"hs_meeting_outcome":"CANCELED"} }""")).Expect(201);
    }

    [Behaviour("GET …/notes/{id}", "reads of activities always have `hs_createdate`, never `createdate`", "observed, docs", "objects-other-than-tickets.md 12.21")]
    [Theory]
    [InlineData("notes")]
    [InlineData("tasks")]
    [InlineData("calls")]
    [InlineData("emails")]
    [InlineData("meetings")]
    [InlineData("communications")]
    [InlineData("postal_mail")]
    public async Task A_read_shows_when_an_activity_was_created_under_its_own_name_check_21(string plural)
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Objects + plural, $$"""{"properties":{ {{Timestamp}} } }""")).Expect(201)["id"];
        var read = (await server.GetAsync($"{Objects}{plural}/{id}")).Expect(200);
        Assert.Equal(["hs_createdate", "hs_lastmodifieddate", "hs_object_id"], read.Json!["properties"]!.AsObject().Select(property => property.Key));
        var more = (await server.GetAsync($"{Objects}{plural}/{id}?properties=createdate,hs_obj_coords")).Expect(200);
        Assert.Equal(["hs_createdate", "hs_lastmodifieddate", "hs_obj_coords", "hs_object_id"], more.Json!["properties"]!.AsObject().Select(property => property.Key));
        Assert.EndsWith("-" + id, more["properties.hs_obj_coords"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("notes", "hs_note_body", "0-46")]
    [InlineData("tasks", "hs_task_body", "0-27")]
    [InlineData("calls", "hs_call_body", "0-48")]
    [InlineData("emails", "hs_email_html", "0-49")]
    [InlineData("emails", "hs_email_text", "0-49")]
    [InlineData("meetings", "hs_meeting_body", "0-47")]
    [InlineData("communications", "hs_communication_body", "0-18")]
    [InlineData("postal_mail", "hs_postal_mail_body", "0-116")]
    public async Task Every_body_has_a_preview_that_is_found(string plural, string body, string typeId)
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Objects + plural, $$"""{"properties":{ {{Timestamp}},"{{body}}":"<div>Hello</div><div>world</div>"} }""")).Expect(201);
        Assert.Equal("Hello world", created["properties.hs_body_preview"]);
        Assert.Equal("<html>\n<head></head>\n<body>\n<div>Hello</div><div>world</div>\n</body>\n</html>", created["properties.hs_body_preview_html"]);
        Assert.Equal("false", created["properties.hs_body_preview_is_truncated"]);
        Assert.Equal($"{typeId}-{created["id"]}", created["properties.hs_obj_coords"]);
        var filter = $$"""{"filterGroups":[{"filters":[{"propertyName":"hs_body_preview","operator":"CONTAINS_TOKEN","value":"world"},{"propertyName":"hs_obj_coords","operator":"EQ","value":"{{created["properties.hs_obj_coords"]}}"}]}]}""";
        Assert.Equal("1", (await server.PostAsync($"{Objects}{plural}/search", filter)).Expect(200)["total"]);
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("1 < 2 and a<b", "1 < 2 and a<b")]
    [InlineData("<p>one</p><p>two</p>", "one two")]
    [InlineData("in<b>side</b> a word", "inside a word")]
    [InlineData("a<br/>b<BR>c", "a b c")]
    [InlineData("&lt;b&gt; R&amp;D&nbsp;&#8364;", "<b> R&D €")]
    [InlineData("<style>p{}</style>x<!-- hidden <p> -->y<script>if(a<b)</script>", "xy")]
    [InlineData("<unfinished", "<unfinished")]
    [InlineData("  much \n\t white  ", "much white")]
    [InlineData("", "")]
    public void A_preview_is_the_text_without_tags(string html, string preview) => Assert.Equal(preview, BodyText.PreviewOf(html));

    [Behaviour("GET …/tasks/{id}", "a task that is due in the past is overdue until it is completed; a search sees the same", "observed", "objects-other-than-tickets.md 12.18")]
    [Fact]
    public async Task A_task_becomes_overdue_as_time_passes_and_is_not_once_completed_check_18()
    {
        const string Tasks = Objects + "tasks", Overdue = "?properties=hs_task_is_overdue,hs_task_missed_due_date_count,hs_task_is_past_due_date,hs_task_missed_due_date";
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Tasks, """{"properties":{"hs_timestamp":"2026-03-15T00:00:00Z"}}""")).Expect(201)["id"];
        await SeeAsync("false", "0");
        server.Clock.Advance(TimeSpan.FromDays(2));
        await SeeAsync("true", "1");
        var done = (await server.PatchAsync($"{Tasks}/{id}", """{"properties":{"hs_task_status":"COMPLETED"}}""")).Expect(200);
        Assert.Equal(("1", "1", "false"), (done["properties.hs_task_completion_count"], done["properties.hs_task_is_completed"], done["properties.hs_task_is_open"]));
        Assert.Equal("61bafb31-e7fa-46ed-aaa9-1322438d6e67", done["properties.hs_pipeline_stage"]);
        Assert.StartsWith("2026-03-16T", done["properties.hs_task_completion_date"], StringComparison.Ordinal);
        await SeeAsync("false", "0");

        async Task SeeAsync(string overdue, string count)
        {
            var read = (await server.GetAsync($"{Tasks}/{id}{Overdue}")).Expect(200);
            Assert.Equal((overdue, overdue, overdue, count), (
                read["properties.hs_task_is_overdue"], read["properties.hs_task_is_past_due_date"], read["properties.hs_task_missed_due_date"], read["properties.hs_task_missed_due_date_count"]));
            Assert.Equal("1", (await FindAsync("hs_task_is_overdue", overdue))["total"]);
            Assert.Equal("1", (await FindAsync("hs_task_missed_due_date_count", count))["total"]);
            Assert.Equal("0", (await FindAsync("hs_task_is_overdue", overdue == "true" ? "false" : "true"))["total"]);
        }

        async Task<Answer> FindAsync(string property, string value) =>
            (await server.PostAsync(Tasks + "/search", $$"""{"filterGroups":[{"filters":[{"propertyName":"{{property}}","operator":"EQ","value":"{{value}}"}]}]}""")).Expect(200);
    }

    [Fact]
    public async Task A_stage_of_the_task_pipeline_sets_the_status_and_one_of_ones_own_does_not()
    {
        const string Tasks = Objects + "tasks";
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Tasks, $$"""{"properties":{ {{Timestamp}} } }""")).Expect(201)["id"];
        var moved = (await server.PatchAsync($"{Tasks}/{id}", """{"properties":{"hs_pipeline_stage":"61bafb31-e7fa-46ed-aaa9-1322438d6e67"}}""")).Expect(200);
        Assert.Equal(("COMPLETED", "1"), (moved["properties.hs_task_status"], moved["properties.hs_task_is_completed"]));
        var pipeline = (await server.PostAsync("/crm/v3/pipelines/tasks", """{"label":"Own","displayOrder":1,"stages":[{"label":"Open","displayOrder":0,"stageId":"own","metadata":{"state":"OPEN"}}]}""")).Expect(201);
        var own = (await server.PostAsync(Tasks, $$"""{"properties":{ {{Timestamp}},"hs_pipeline_stage":"own"} }""")).Expect(201);
        var read = (await server.GetAsync($"{Tasks}/{own["id"]}?properties=hs_pipeline,hs_pipeline_stage,hs_task_status")).Expect(200);
        Assert.Equal((pipeline["id"], "own", "NOT_STARTED"), (read["properties.hs_pipeline"], read["properties.hs_pipeline_stage"], read["properties.hs_task_status"]));
        (await server.PatchAsync($"{Tasks}/{own["id"]}", """{"properties":{"hs_task_status":"WAITING"}}""")).Expect(200);
        Assert.Equal("own", (await server.GetAsync($"{Tasks}/{own["id"]}?properties=hs_pipeline_stage")).Expect(200)["properties.hs_pipeline_stage"]);
    }

    [Behaviour("POST …/emails", "the text of `hs_email_headers` fills the read-only addresses and names", "docs, observed", "objects-other-than-tickets.md 12.19")]
    [Fact]
    public async Task The_headers_of_an_email_fill_its_addresses_check_19()
    {
        await using var server = await TestServer.StartAsync();
        const string Headers = """{\"from\":{\"email\":\"from@domain.com\",\"firstName\":\"FromFirst\",\"lastName\":\"FromLast\"},\"sender\":{\"email\":\"sender@domain.com\"},\"to\":[{\"email\":\"ToFirst+ToLast<to@test.com>\",\"firstName\":\"ToFirst\",\"lastName\":\"ToLast\"},{\"email\":\"b@test.com\"}],\"cc\":[],\"bcc\":[]}""";
        var email = (await server.PostAsync(Objects + "emails", $$"""{"properties":{ {{Timestamp}},"hs_email_direction":"EMAIL","hs_email_status":"SENT","hs_email_headers":"{{Headers}}"} }""")).Expect(201);
        Assert.Equal(("from@domain.com", "FromFirst", "FromLast"), (email["properties.hs_email_from_email"], email["properties.hs_email_from_firstname"], email["properties.hs_email_from_lastname"]));
        Assert.Equal(("sender@domain.com", null), (email["properties.hs_email_sender_email"], email["properties.hs_email_sender_firstname"]));
        Assert.Equal(("ToFirst+ToLast<to@test.com>;b@test.com", "ToFirst"), (email["properties.hs_email_to_email"], email["properties.hs_email_to_firstname"]));
        foreach (var counter in (string[])["click_count", "click_rate", "open_count", "open_rate", "reply_count", "reply_rate"])
        {
            Assert.Equal("0", email[$"properties.hs_email_{counter}"]);
        }

        Assert.Equal(("1", "false", "false"), (email["properties.hs_email_sent_count"], email["properties.hs_email_attached_video_opened"], email["properties.hs_email_attached_video_watched"]));
        var other = (await server.PatchAsync($"{Objects}emails/{email["id"]}", """{"properties":{"hs_email_headers":"From: not JSON"}}""")).Expect(200);
        Assert.Equal(("From: not JSON", ""), (other["properties.hs_email_headers"], other["properties.hs_email_to_email"]));
    }

    [Theory]
    [InlineData("""[1,"x",null]""")]
    [InlineData("""{\"to\":5,\"from\":[[]],\"cc\":[{\"email\":7}],\"bcc\":null}""")]
    [InlineData("""{\"to\":[{\"email\":\"\\ud800\"}]}""")]
    [InlineData("""{""")]
    public async Task Headers_of_any_other_form_are_stored_and_fill_nothing(string headers)
    {
        await using var server = await TestServer.StartAsync();
        var sent = headers.Contains('\\') ? headers : headers.Replace("\"", "\\\"", StringComparison.Ordinal);
        var email = (await server.PostAsync(Objects + "emails", $$"""{"properties":{ {{Timestamp}},"hs_email_headers":"{{sent}}"} }""")).Expect(201);
        Assert.NotEmpty(email["properties.hs_email_headers"]!);
        Assert.Null(email["properties.hs_email_to_email"]);
    }

    [Behaviour("GET …/emails/{id}", "without the scope `sales-email-read`, the properties of the body are left out", "docs", "objects-other-than-tickets.md 5.4")]
    [Fact]
    public async Task The_body_of_an_email_needs_a_scope_of_its_own()
    {
        const string Emails = Objects + "emails", Asked = "?properties=hs_email_html,hs_email_text,hs_body_preview,hs_email_subject&propertiesWithHistory=hs_email_html";
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Emails, $$"""{"properties":{ {{Timestamp}},"hs_email_subject":"Offer","hs_email_html":"<p>Secret</p>"} }""")).Expect(201)["id"];
        var all = (await server.GetAsync($"{Emails}/{id}{Asked}")).Expect(200);
        Assert.Equal(("<p>Secret</p>", "Secret"), (all["properties.hs_email_html"], all["properties.hs_body_preview"]));

        using var contacts = server.NewClient(await server.CreateTokenAsync("crm.objects.contacts.read", "crm.objects.contacts.write"));
        foreach (var path in (string[])[$"{Emails}/{id}{Asked}", $"{Emails}{Asked}"])
        {
            var read = await Answer.OfAsync(await contacts.GetAsync(path, TestContext.Current.CancellationToken));
            Assert.Contains("Offer", read.Expect(200).Text, StringComparison.Ordinal);
            Assert.DoesNotContain("hs_email_html\":\"", read.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("Secret", read.Text, StringComparison.Ordinal);
        }

        foreach (var search in (string[])["""{"filterGroups":[{"filters":[{"propertyName":"hs_email_html","operator":"CONTAINS_TOKEN","value":"secret"}]}]}""", """{"sorts":["hs_body_preview"]}"""])
        {
            Assert.Equal("1", (await server.PostAsync(Emails + "/search", search)).Expect(200)["total"]);
            using var content = new StringContent(search, null, "application/json");
            Assert.Equal("sales-email-read", (await Answer.OfAsync(await contacts.PostAsync(Emails + "/search", content, TestContext.Current.CancellationToken))).Expect(403)["errors[0].context.requiredGranularScopes[0]"]);
        }

        using var sales = server.NewClient(await server.CreateTokenAsync("sales-email-read"));
        Assert.Contains("Secret", await sales.GetStringAsync($"{Emails}/{id}{Asked}", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_communication_is_logged_from_the_crm_only()
    {
        await using var server = await TestServer.StartAsync();
        var refused = (await server.PostAsync(Objects + "communications", $$"""{"properties":{ {{Timestamp}},"hs_communication_logged_from":"HUBSPOT_CONVERSATIONS"} }""")).Expect(400);
        Assert.Equal(("INVALID_OPTION", "HUBSPOT_CONVERSATIONS was not one of the allowed options: [CRM]"), (refused["errors[0].code"], refused["errors[0].message"]));
        (await server.PostAsync(Objects + "communications", $$"""{"properties":{ {{Timestamp}},"hs_communication_logged_from":"CRM","hs_communication_channel_type":"WHATS_APP"} }""")).Expect(201);
    }

    [Behaviour("GET /calling/v1/dispositions", "a bare array with the six dispositions that every account has", "docs, observed", "objects-other-than-tickets.md 5.3")]
    [Fact]
    public async Task The_dispositions_of_calls_are_a_bare_array()
    {
        await using var server = await TestServer.StartAsync();
        var list = (await server.GetAsync("/calling/v1/dispositions")).Expect(200);
        Assert.Equal(6, list.Json!.AsArray().Count);
        var connected = list.Json.AsArray().Single(one => (string?)one!["label"] == "Connected")!["id"]!.ToString();
        Assert.Equal("f240bbac-87c9-4f6e-bf70-924b57d47db7", connected);
        var call = (await server.PostAsync(Objects + "calls", $$"""{"properties":{ {{Timestamp}},"hs_call_disposition":"{{connected}}","hs_call_direction":"OUTBOUND","hs_call_status":"COMPLETED"} }""")).Expect(201);
        Assert.Equal(("0", "0", "2026-03-12T10:00:00Z"), (call["properties.hs_connected_count"], call["properties.hs_voicemail_count"], call["properties.hs_engagements_last_contacted"]));
        (await server.PostAsync(Objects + "calls", $$"""{"properties":{ {{Timestamp}},"hs_call_disposition":"connected"} }""")).Expect(400);
        using var other = server.NewClient(await server.CreateTokenAsync("tickets"));
        Assert.Equal(HttpStatusCode.Forbidden, (await other.GetAsync("/calling/v1/dispositions", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Theory]
    [InlineData("notes", "contacts/{portal}/objects/0-46/views/all/list?filters=%5B%7B%22property%22%3A%22hs_object_id%22%2C%22operator%22%3A%22EQ%22%2C%22value%22%3A%22{id}%22%7D%5D")]
    [InlineData("tasks", "tasks/{portal}/view/all/task/{id}")]
    [InlineData("calls", "contacts/{portal}/objects/0-48/views/all/list?filters=%5B%7B%22property%22%3A%22hs_object_id%22%2C%22operator%22%3A%22EQ%22%2C%22value%22%3A%22{id}%22%7D%5D")]
    [InlineData("products", "contacts/{portal}/record/0-7/{id}")]
    public async Task The_page_of_a_record_is_HubSpots(string plural, string page)
    {
        await using var server = await TestServer.StartAsync();
        var created = (await server.PostAsync(Objects + plural, $$"""{"properties":{ {{(plural == "products" ? "\"name\":\"A\"" : Timestamp)}} } }""")).Expect(201);
        var url = "https://app.hubspot.com/" + page.Replace("{portal}", server.PortalId.ToString(), StringComparison.Ordinal).Replace("{id}", created["id"], StringComparison.Ordinal);
        Assert.Equal(url, created["url"]);
        Assert.Equal(url, (await server.GetAsync($"{Objects}{plural}/{created["id"]}")).Expect(200)["url"]);
    }
}
