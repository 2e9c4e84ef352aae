using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Docket.Conversations;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Objects;

/// <summary>The checks of reference/objects-and-batch.md 9, one test a line, through HTTP and with expectations written by hand.</summary>
public sealed partial class ConformanceTests
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert";

    [Behaviour("POST …/tickets/batch/upsert", "a new key creates: 200, `new` is true, the key is stored but not echoed", "observed, inferred", "objects-and-batch.md 9.1")]
    [Fact]
    public async Task An_upsert_of_a_new_key_creates_and_stores_the_key_without_echoing_it()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(Upsert, """{"inputs":[{"idProperty":"ext_id","id":"A-1","properties":{"subject":"one","hs_pipeline_stage":"1"}}]}""")).Expect(200);
        Assert.Equal("COMPLETE", answer["status"]);
        Assert.Equal("true", answer["results[0].new"]);
        Assert.Equal("one", answer["results[0].properties.subject"]);
        Assert.False(answer.Has("results[0].properties.ext_id"));
        Assert.False(answer.Has("numErrors"));
        Assert.False(answer.Has("errors"));

        var read = (await server.GetAsync($"{Tickets}/{answer["results[0].id"]}?properties=ext_id")).Expect(200);
        Assert.Equal("A-1", read["properties.ext_id"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "the same again is a success that changes nothing: `new` is false, `updatedAt` stays", "observed", "objects-and-batch.md 9.2")]
    [Fact]
    public async Task The_same_upsert_again_changes_nothing_and_says_so()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        const string Body = """{"inputs":[{"idProperty":"ext_id","id":"A-1","properties":{"subject":"one","hs_pipeline_stage":"1"}}]}""";
        var first = (await server.PostAsync(Upsert, Body)).Expect(200);
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        var second = (await server.PostAsync(Upsert, Body)).Expect(200);
        Assert.Equal("false", second["results[0].new"]);
        Assert.Equal(first["results[0].id"], second["results[0].id"]);
        Assert.Equal("2026-03-14T09:26:53.589Z", second["results[0].updatedAt"]);
        Assert.Equal("2026-03-14T09:26:53.589Z", second["results[0].properties.hs_lastmodifieddate"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "a known key updates what is named and keeps the rest; `updatedAt` moves", "docs", "objects-and-batch.md 9.3")]
    [Fact]
    public async Task An_upsert_of_a_known_key_changes_only_what_it_names()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await UpsertAsync(server, "A-1", """{"subject":"one","content":"kept","hs_pipeline_stage":"2"}"""))["results[0].id"];
        server.Clock.Advance(TimeSpan.FromSeconds(5));
        var second = await UpsertAsync(server, "A-1", """{"subject":"two"}""");
        Assert.Equal("false", second["results[0].new"]);
        Assert.Equal(id, second["results[0].id"]);
        Assert.Equal("2026-03-14T09:26:53.589Z", second["results[0].createdAt"]);
        Assert.Equal("2026-03-14T09:26:58.589Z", second["results[0].updatedAt"]);

        var read = (await server.GetAsync($"{Tickets}/{id}")).Expect(200);
        Assert.Equal("two", read["properties.subject"]);
        Assert.Equal("kept", read["properties.content"]);
        Assert.Equal("2", read["properties.hs_pipeline_stage"]);
        Assert.Equal("2026-03-14T09:26:58.589Z", read["properties.hs_lastmodifieddate"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "100 inputs are taken, 101 refused with HubSpot's text", "observed", "objects-and-batch.md 9.4")]
    [Fact]
    public async Task A_batch_has_at_most_100_inputs()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var hundred = (await server.PostAsync(Upsert, Inputs(100))).Expect(200);
        Assert.Equal(100, hundred.Count("results"));
        var more = (await server.PostAsync(Upsert, Inputs(101))).Expect(400);
        Assert.Equal("The maximum number of inputs supported in a batch is 100. Please reduce the number of items and try again", more["message"]);
        Assert.Equal("VALIDATION_ERROR", more["category"]);

        static string Inputs(int count) =>
            $$"""{"inputs":[{{string.Join(',', Enumerable.Range(1, count).Select(i => Input($"A-{i}", """{"hs_pipeline_stage":"1"}""")))}}]}""";
    }

    [Behaviour("POST …/tickets/batch/upsert", "an `id` that comes twice refuses the whole batch, traced or not, and stands in `context.ids`", "observed", "objects-and-batch.md 9.5")]
    [Theory]
    [InlineData("")]
    [InlineData("\"objectWriteTraceId\":\"t-{0}\",")]
    public async Task An_id_that_comes_twice_refuses_the_whole_batch_traced_or_not(string trace)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var inputs = ((string[])["A-1", "A-2", "A-1"]).Select((id, i) => Input(id, """{"hs_pipeline_stage":"1"}""", trace.Replace("{0}", i.ToString())));
        var answer = (await server.PostAsync(Upsert, $$"""{"inputs":[{{string.Join(',', inputs)}}]}""")).Expect(400);
        Assert.Equal("Duplicate IDs found in batch input: [A-1]. IDs must be unique", answer["message"]);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        Assert.Equal("""["A-1"]""", JsonPath.Find(answer.Json, "context.ids")!.ToJsonString());
        await AssertNoTicketsAsync(server);
    }

    [Behaviour("POST …/tickets/batch/upsert", "`idProperty` `hs_object_id` is refused with HubSpot's text", "observed", "objects-and-batch.md 9.6")]
    [Fact]
    public async Task The_record_id_is_not_a_unique_property_for_an_upsert()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(Upsert, """{"inputs":[{"idProperty":"hs_object_id","id":"1","properties":{"hs_pipeline_stage":"1"}}]}""")).Expect(400);
        Assert.Matches("^Unable to perform update/upsert by non-unique 0-5 property hs_object_id in portal ID [0-9]+$", answer["message"]!);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "one bad row without trace ids refuses the whole batch; nothing is written", "observed", "objects-and-batch.md 9.7")]
    [Fact]
    public async Task A_bad_row_without_trace_ids_refuses_the_whole_batch()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(Upsert, """
            {"inputs":[
              {"idProperty":"ext_id","id":"good","objectWriteTraceId":"only this one is traced","properties":{"hs_pipeline_stage":"1"}},
              {"idProperty":"ext_id","id":"bad","properties":{"missing":"x","hs_pipeline_stage":"1"}}]}
            """)).Expect(400);
        Assert.StartsWith("""Property values were not valid: [{"isValid":false,"message":"Property \"missing\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"missing",""", answer["message"]);
        Assert.Equal("Property \"missing\" does not exist", answer["errors[0].message"]);
        Assert.Equal("PROPERTY_DOESNT_EXIST", answer["errors[0].code"]);
        Assert.Equal("missing", answer["errors[0].context.propertyName[0]"]);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        await AssertNoTicketsAsync(server);
    }

    [Behaviour("POST …/tickets/batch/upsert", "one bad row of a traced batch fails alone: 207, `context.objectWriteTraceId` is a list, the others are written", "observed", "objects-and-batch.md 9.8")]
    [Fact]
    public async Task A_bad_row_of_a_traced_batch_fails_alone()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(Upsert, """
            {"inputs":[
              {"idProperty":"ext_id","id":"good","objectWriteTraceId":"t-1","properties":{"subject":"good","hs_pipeline_stage":"1"}},
              {"idProperty":"ext_id","id":"bad","objectWriteTraceId":"t-2","properties":{"missing":"x","hs_pipeline_stage":"1"}}]}
            """)).Expect(207);
        Assert.Equal("COMPLETE", answer["status"]);
        Assert.Equal("1", answer["numErrors"]);
        Assert.Equal(1, answer.Count("errors"));
        Assert.Equal("""["t-2"]""", JsonPath.Find(answer.Json, "errors[0].context.objectWriteTraceId")!.ToJsonString());
        Assert.Equal("error", answer["errors[0].status"]);
        Assert.Equal("VALIDATION_ERROR", answer["errors[0].category"]);
        Assert.StartsWith("Property values were not valid: [{", answer["errors[0].message"]);
        Assert.Equal(1, answer.Count("results"));
        Assert.Equal("t-1", answer["results[0].objectWriteTraceId"]);
        Assert.Equal("good", (await server.GetAsync($"{Tickets}/good?idProperty=ext_id")).Expect(200)["properties.subject"]);
        (await server.GetAsync($"{Tickets}/bad?idProperty=ext_id")).Expect(404);
    }

    [Behaviour("POST …/tickets/batch/upsert", "unknown and read-only properties, bad options, dates, numbers, owners and stages are refused with code and `name`", "observed", "objects-and-batch.md 9.9, 2.2")]
    [Theory]
    [InlineData("missing", "x", "PROPERTY_DOESNT_EXIST", "Property \"missing\" does not exist")]
    [InlineData("hs_object_id", "1", "READ_ONLY_VALUE", "\"hs_object_id\" is a read only property; its value cannot be set.")]
    [InlineData("hs_ticket_priority", "HIGHEST", "INVALID_OPTION", "HIGHEST was not one of the allowed options: [")]
    [InlineData("hs_in_helpdesk", "tYES", "INVALID_OPTION", "tYES was not one of the allowed options: [true, false]")]
    [InlineData("due", "tomorrow", "INVALID_DATE", "tomorrow was not a valid date.")]
    [InlineData("due", "1786334400000", "INVALID_DATE", "1786334400000 is at 4:0:0.0 UTC, not midnight!")]
    [InlineData("closed_date", "2019-05-13T12:05:53.602759Z", "INVALID_LONG", "2019-05-13T12:05:53.602759Z was not a valid long.")]
    [InlineData("amount", "1,000", "INVALID_INTEGER", "1,000 was not a valid number.")]
    [InlineData("hubspot_owner_id", "somebody", "INVALID_INTEGER", "somebody was not a valid integer (for owner ID).")]
    [InlineData("hs_pipeline_stage", "99", "INVALID_OPTION", "99 is not a valid pipeline stage ID. Valid options are: pipelineId=0 : [1, 2, 3, 4]")]
    [InlineData("hs_pipeline", "99", "INVALID_OPTION", "99 was not one of the allowed options: [0]")]
    public async Task A_value_that_its_property_does_not_take_is_refused_with_code_and_name(string property, string value, string code, string message)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("due", "date", "date", unique: false);
        await server.CreatePropertyAsync("amount", "number", "number", unique: false);
        var values = new JsonObject { ["hs_pipeline_stage"] = "1", [property] = value };
        var answer = (await server.PostAsync(Upsert, $$"""{"inputs":[{"idProperty":"ext_id","id":"A-1","properties":{{values.ToJsonString()}}}]}""")).Expect(400);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        Assert.StartsWith("Property values were not valid: [", answer["message"]);
        var fault = JsonNode.Parse(answer["message"]!["Property values were not valid: ".Length..])![0]!;
        Assert.Equal("false", fault["isValid"]!.ToString());
        Assert.Equal(code, fault["error"]!.ToString());
        Assert.Equal(property, fault["name"]!.ToString());
        Assert.StartsWith(message, fault["message"]!.ToString());
        Assert.Equal(code, answer["errors[0].code"]);
        Assert.Equal(property, answer["errors[0].context.propertyName[0]"]);
        await AssertNoTicketsAsync(server);
    }

    [Behaviour("POST …/tickets/batch/upsert", "`\"\"` clears, is echoed and reads back as `\"\"`; a property that was never set reads as `null`; `null` changes nothing", "observed", "objects-and-batch.md 9.10")]
    [Fact]
    public async Task An_empty_text_clears_and_null_changes_nothing()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await UpsertAsync(server, "A-1", """{"subject":"one","content":"text","hs_pipeline_stage":"1"}""");
        Assert.Equal("", (await UpsertAsync(server, "A-1", """{"content":""}"""))["results[0].properties.content"]);
        var cleared = (await server.GetAsync($"{Tickets}/A-1?idProperty=ext_id&properties=content,hs_resolution,subject")).Expect(200);
        Assert.Equal("", cleared["properties.content"]);
        Assert.True(cleared.Has("properties.hs_resolution"));
        Assert.Null(cleared["properties.hs_resolution"]);

        var ignored = await UpsertAsync(server, "A-1", """{"subject":null}""");
        Assert.Equal("false", ignored["results[0].new"]);
        Assert.False(ignored.Has("results[0].properties.subject"));
        Assert.Equal("one", (await server.GetAsync($"{Tickets}/A-1?idProperty=ext_id")).Expect(200)["properties.subject"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "`;x` appends to a property with several options", "docs", "objects-and-batch.md 9.11")]
    [Fact]
    public async Task A_leading_semicolon_appends_to_a_checkbox_property()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await UpsertAsync(server, "A-1", """{"hs_ticket_category":"BILLING_ISSUE","hs_pipeline_stage":"1"}""");
        await UpsertAsync(server, "A-1", """{"hs_ticket_category":";PRODUCT_ISSUE"}""");
        var read = (await server.GetAsync($"{Tickets}/A-1?idProperty=ext_id")).Expect(200);
        Assert.Equal("BILLING_ISSUE;PRODUCT_ISSUE", read["properties.hs_ticket_category"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "a create without a stage is refused and told which property is required", "observed", "objects-and-batch.md 9.12")]
    [Theory]
    [InlineData(Upsert, """{"inputs":[{"idProperty":"ext_id","id":"A-1","properties":{"subject":"one"}}]}""")]
    [InlineData(Tickets, """{"properties":{"subject":"one"}}""")]
    [InlineData(Tickets + "/batch/create", """{"inputs":[{"properties":{"subject":"one"}}]}""")]
    public async Task The_error_of_a_create_without_a_stage_names_the_required_property(string path, string body)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(path, body)).Expect(400);
        Assert.Equal("Error creating TICKET. Some required properties were not set.", answer["message"]);
        Assert.Equal("""["hs_pipeline_stage"]""", JsonPath.Find(answer.Json, "context.properties")!.ToJsonString());
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        await AssertNoTicketsAsync(server);
    }

    [Behaviour("POST …/tickets/batch/upsert", "a unique value of another ticket is refused with HubSpot's text", "observed, inferred", "objects-and-batch.md 9.13")]
    [Fact]
    public async Task A_second_unique_property_cannot_take_the_value_of_another_ticket()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("serial");
        var holder = (await UpsertAsync(server, "A-1", """{"serial":"S-1","hs_pipeline_stage":"1"}"""))["results[0].id"];
        var other = (await UpsertAsync(server, "A-2", """{"serial":"S-2","hs_pipeline_stage":"1"}"""))["results[0].id"];
        var answer = (await server.PostAsync(Upsert, """{"inputs":[{"idProperty":"ext_id","id":"A-2","properties":{"serial":"S-1"}}]}""")).Expect(400);
        Assert.Matches(
            $$"""^Cannot set PropertyValueCoordinates\{portalId=[0-9]+, objectTypeId=ObjectTypeId\{legacyObjectType=TICKET\}, propertyName=serial, value=S-1\} on {{other}}\. {{holder}} already has that value\.$""",
            answer["message"]!);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        Assert.Equal("S-2", (await server.GetAsync($"{Tickets}/{other}?properties=serial")).Expect(200)["properties.serial"]);
    }

    [Behaviour("POST …/tickets/batch/upsert", "the key of an archived ticket creates a new one", "decide", "objects-and-batch.md 9.14")]
    [Fact]
    public async Task An_archived_ticket_does_not_hold_its_key_any_more()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var old = (await UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}"""))["results[0].id"];
        (await server.DeleteAsync($"{Tickets}/{old}")).Expect(204);
        var again = await UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}""");
        Assert.Equal("true", again["results[0].new"]);
        Assert.NotEqual(old, again["results[0].id"]);
        (await server.GetAsync($"{Tickets}/{old}?archived=true")).Expect(200);
    }

    [Behaviour("any endpoint", "moments are UTC with three digits of a second or none, never `.000Z`", "observed", "objects-and-batch.md 9.15, 6")]
    [Theory]
    [InlineData(0, "2026-03-14T09:26:53.589Z")]
    [InlineData(411, "2026-03-14T09:26:54Z")]
    [InlineData(421, "2026-03-14T09:26:54.010Z")]
    public async Task Moments_have_three_digits_of_a_second_or_none(int laterMs, string expected)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        server.Clock.Advance(TimeSpan.FromMilliseconds(laterMs));
        var answer = await UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}""");
        foreach (var path in (string[])["startedAt", "completedAt", "results[0].createdAt", "results[0].updatedAt", "results[0].properties.createdate", "results[0].properties.hs_lastmodifieddate"])
        {
            Assert.Equal(expected, answer[path]);
            Assert.Matches(Moment(), answer[path]!);
        }
    }

    [Behaviour("POST …/tickets/batch/upsert", "parallel upserts of one new key make one ticket", "decide", "objects-and-batch.md 9.16")]
    [Fact]
    public async Task Parallel_upserts_of_a_new_key_make_one_ticket()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}""")));
        Assert.Single(answers, answer => answer["results[0].new"] == "true");
        Assert.Single(answers.Select(answer => answer["results[0].id"]).Distinct());
        Assert.Equal(1, (await server.GetAsync(Tickets)).Expect(200).Count("results"));
    }

    [Behaviour("POST …/tickets/batch/read", "missing ids are told in one item of a 207", "observed", "objects-and-batch.md 9.17, 4.8")]
    [Fact]
    public async Task A_batch_read_reports_all_missing_ids_in_one_error()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await UpsertAsync(server, "A-1", """{"subject":"one","hs_pipeline_stage":"1"}"""))["results[0].id"];
        var answer = (await server.PostAsync(Tickets + "/batch/read", $$"""{"properties":["subject"],"inputs":[{"id":"{{id}}"},{"id":"999999999"},{"id":"abc"}]}""")).Expect(207);
        Assert.Equal("COMPLETE", answer["status"]);
        Assert.Equal(1, answer.Count("results"));
        Assert.Equal("one", answer["results[0].properties.subject"]);
        Assert.Equal("1", answer["numErrors"]);
        Assert.Equal(
            """[{"status":"error","category":"OBJECT_NOT_FOUND","message":"Could not get some TICKET objects, they may be deleted or not exist. Check that ids are valid.","context":{"ids":["999999999","abc"]}}]""",
            JsonPath.Find(answer.Json, "errors")!.ToJsonString());
    }

    [Behaviour("POST …/tickets/batch/read", "51 ids with history are refused with HubSpot's text", "observed", "objects-and-batch.md 9.18, 4.8")]
    [Fact]
    public async Task A_batch_read_with_history_has_at_most_50_ids()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var ids = string.Join(',', Enumerable.Range(1, 51).Select(i => $$"""{"id":"{{i}}"}"""));
        var answer = (await server.PostAsync(Tickets + "/batch/read", $$"""{"propertiesWithHistory":["subject"],"inputs":[{{ids}}]}""")).Expect(400);
        Assert.Equal("The maximum number of inputs supported in a batch request for property histories is 50. Please reduce the number of items and try again", answer["message"]);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        (await server.PostAsync(Tickets + "/batch/read", $$"""{"propertiesWithHistory":[],"inputs":[{{ids}}]}""")).Expect(207);
    }

    [Behaviour("POST …/tickets/batch/update", "without `idProperty` the `id` is that of the record", "observed", "objects-and-batch.md 9.19")]
    [Fact]
    public async Task A_batch_update_goes_by_record_id_when_no_property_is_named()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await UpsertAsync(server, "A-1", """{"subject":"one","hs_pipeline_stage":"1"}"""))["results[0].id"];
        var answer = (await server.PostAsync(Tickets + "/batch/update", $$$"""{"inputs":[{"id":"{{{id}}}","properties":{"subject":"two"}}]}""")).Expect(200);
        Assert.Equal("COMPLETE", answer["status"]);
        Assert.Equal(id, answer["results[0].id"]);
        Assert.Equal("two", answer["results[0].properties.subject"]);
        Assert.False(answer.Has("results[0].new"));
    }

    [Behaviour("DELETE …/tickets/{id}", "archiving twice is 204 both times; a read is then 404 `resource not found`", "observed", "objects-and-batch.md 9.20")]
    [Fact]
    public async Task Archiving_twice_is_no_fault_and_the_ticket_is_gone()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}"""))["results[0].id"];
        Assert.Equal("", (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204).Text);
        Assert.Equal("", (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204).Text);
        var gone = (await server.GetAsync($"{Tickets}/{id}")).Expect(404);
        Assert.Equal("resource not found", gone["message"]);
        Assert.Equal("error", gone["status"]);
        (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"subject":"x"}}""")).Expect(404);
    }

    [Behaviour("GET …/tickets/{id}", "an id that is no number is 404, with two spaces in the text", "observed", "objects-and-batch.md 9.21")]
    [Fact]
    public async Task An_id_that_is_no_number_is_not_found_with_two_spaces()
    {
        await using var server = await TestServer.StartAsync();
        var answer = (await server.GetAsync(Tickets + "/abc")).Expect(404);
        Assert.Equal("Object not found.  objectId are usually numeric.", answer["message"]);
        Assert.Equal("""["abc"]""", JsonPath.Find(answer.Json, "context.id")!.ToJsonString());
        Assert.Equal("OBJECT_NOT_FOUND", answer["category"]);
    }

    [Behaviour("any endpoint", "an unknown object type is 400 without `category`", "observed", "objects-and-batch.md 9.22")]
    [Theory]
    [InlineData("widgets", "Unable to infer object type from: widgets")]
    [InlineData("0-9999", "Invalid object or event type id: 0-9999")]
    public async Task An_object_type_that_does_not_exist_is_a_bad_request(string type, string message)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var path in (string[])[$"/crm/v3/objects/{type}", $"/crm/v3/objects/{type}/1"])
        {
            var answer = (await server.GetAsync(path)).Expect(400);
            Assert.Equal(message, answer["message"]);
            Assert.False(answer.Has("category"));
        }

        Assert.Equal(message, (await server.PostAsync($"/crm/v3/objects/{type}/batch/upsert", """{"inputs":[]}""")).Expect(400)["message"]);
    }

    [Behaviour("GET …/tickets", "the link to the next page carries the same query; the last page has no `paging`", "observed", "objects-and-batch.md 9.23, 4.6")]
    [Fact]
    public async Task A_list_links_to_the_next_page_with_the_same_query_and_the_last_page_does_not()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        for (var i = 1; i <= 5; i++)
        {
            await UpsertAsync(server, $"A-{i}", """{"hs_pipeline_stage":"1"}""");
        }

        var seen = new List<string?>();
        var next = $"{server.Url}{Tickets}?limit=2&properties=ext_id%2Csubject&archived=false";
        for (var pages = 1; next is not null; pages++)
        {
            Assert.True(pages <= 3, "three pages are enough");
            var page = (await server.GetAsync(next)).Expect(200);
            seen.AddRange(Enumerable.Range(0, page.Count("results")).Select(i => page[$"results[{i}].properties.ext_id"]));
            next = page["paging.next.link"];
            Assert.Equal(pages < 3, page.Has("paging"));
            if (next is not null)
            {
                Assert.Equal($"{server.Url}{Tickets}?limit=2&properties=ext_id%2Csubject&archived=false&after={page["paging.next.after"]}", next);
            }
        }

        Assert.Equal(["A-1", "A-2", "A-3", "A-4", "A-5"], seen);
    }

    [Behaviour("PATCH …/tickets/{id}", "an update without properties is refused with HubSpot's text", "observed", "objects-and-batch.md 9.24, 2.4")]
    [Fact]
    public async Task An_update_of_nothing_is_refused()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await UpsertAsync(server, "A-1", """{"hs_pipeline_stage":"1"}"""))["results[0].id"];
        var answer = (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{}}""")).Expect(400);
        Assert.Equal("No properties found to update, please provide at least one.", answer["message"]);
        Assert.Equal("""["{}"]""", JsonPath.Find(answer.Json, "context.properties")!.ToJsonString());
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
    }

    [Behaviour("GET …/tickets/{id}", "history is newest first, its source `INTEGRATION`; clearing makes an entry, an unchanged write none", "observed, inferred", "objects-and-batch.md 9.25, 5")]
    [Fact]
    public async Task History_is_newest_first_and_names_the_app()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        foreach (var subject in (string[])["one", "two", "two", ""])
        {
            await UpsertAsync(server, "A-1", $$"""{"subject":"{{subject}}","hs_pipeline_stage":"1"}""");
            server.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        var read = (await server.GetAsync($"{Tickets}/A-1?idProperty=ext_id&propertiesWithHistory=subject,content")).Expect(200);
        var history = JsonPath.Find(read.Json, "propertiesWithHistory.subject")!.AsArray();
        Assert.Equal(["", "two", "one"], history.Select(entry => entry!["value"]!.ToString()));
        Assert.Equal(
            ["2026-03-14T09:26:56.589Z", "2026-03-14T09:26:54.589Z", "2026-03-14T09:26:53.589Z"],
            history.Select(entry => entry!["timestamp"]!.ToString()));
        Assert.All(history, entry =>
        {
            Assert.Equal("INTEGRATION", entry!["sourceType"]!.ToString());
            Assert.Matches("^[0-9]+$", entry["sourceId"]!.ToString());
            Assert.Null(entry["sourceLabel"]);
            Assert.Null(entry["updatedByUserId"]);
        });
        Assert.Equal("[]", JsonPath.Find(read.Json, "propertiesWithHistory.content")!.ToJsonString());
    }

    [Behaviour("any endpoint", "malformed JSON is told with line and column", "observed", "objects-and-batch.md 9.26")]
    [Theory]
    [InlineData("%", "Invalid input JSON on line 1, column 1: ")]
    [InlineData("{\"inputs\":[\n{\"id\":\n  oops}]}", "Invalid input JSON on line 3, column ")]
    [InlineData("", "Invalid input JSON on line 1, column 0: ")]
    public async Task Malformed_json_is_reported_with_line_and_column(string body, string prefix)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = (await server.PostAsync(Upsert, body)).Expect(400);
        Assert.StartsWith("Invalid input JSON on line ", answer["message"]);
        Assert.StartsWith(prefix, answer["message"]);
        Assert.False(answer.Has("category"));
    }

    [Behaviour("any endpoint", "`X-HubSpot-Correlation-Id` is on every answer and equals `correlationId`", "observed", "objects-and-batch.md 9.27")]
    [Fact]
    public async Task The_correlation_id_is_the_same_in_header_and_body_and_on_every_answer()
    {
        await using var server = await TestServer.StartAsync();
        var seen = new List<string>();
        foreach (var path in (string[])[Tickets, Tickets + "/1", Tickets + "/abc", "/crm/v3/objects/widgets", "/no/such/route"])
        {
            var answer = await server.GetAsync(path);
            var id = Assert.Single(answer.Headers.GetValues("X-HubSpot-Correlation-Id"));
            Assert.True(Guid.TryParseExact(id, "D", out _), id);
            Assert.True(answer.Status == 200 || answer["correlationId"] == id, answer.Text);
            seen.Add(id);
        }

        var gone = (await server.DeleteAsync(Tickets + "/1")).Expect(204);
        seen.Add(Assert.Single(gone.Headers.GetValues("X-HubSpot-Correlation-Id")));
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [Behaviour("`gdpr-delete`", "204 on the paths of 2025-09 and 2026-09-beta; also on the others, where HubSpot has it for contacts only", "spec, decide", "objects-other-than-tickets.md 1.1")]
    [Theory]
    [InlineData("/crm/v3/objects/tickets")]
    [InlineData("/crm/objects/2025-09/tickets")]
    [InlineData("/crm/objects/2026-03/tickets")]
    [InlineData("/crm/objects/2026-09/tickets")]
    [InlineData("/crm/objects/2026-09-beta/tickets")]
    public async Task Permanent_deletion_exists_in_all_versions(string path)
    {
        await using var server = await TestServer.StartAsync();
        (await server.PostAsync(path + "/gdpr-delete", """{"objectId":"1"}""")).Expect(204);
    }

    static async Task<Answer> UpsertAsync(TestServer server, string key, string properties) =>
        (await server.PostAsync(Upsert, $$"""{"inputs":[{{Input(key, properties)}}]}""")).Expect(200);

    static string Input(string key, string properties, string more = "") =>
        $$"""{{{more}}"idProperty":"ext_id","id":"{{key}}","properties":{{properties}}}""";

    static async Task AssertNoTicketsAsync(TestServer server) => Assert.Equal(0, (await server.GetAsync(Tickets)).Expect(200).Count("results"));

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.(?!000)\d{3})?Z$")]
    private static partial Regex Moment();
}
