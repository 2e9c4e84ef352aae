using System.Net.Http.Headers;
using System.Text;
using Docket.Tests.Compatibility;

namespace Docket.Tests.Objects;

/// <summary>Inputs of writes as real programs send them: names that no property has, white space, and what the same body is answered on both ways of a batch.</summary>
public sealed class OddInputTests(SharedServer shared) : IClassFixture<SharedServer>
{
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert", Create = Tickets + "/batch/create", Update = Tickets + "/batch/update";

    const string Problem = ": Cannot construct instance of `com.hubspot.inbounddb.publicobject.core.v2.SimplePublicObjectBatchInput$Json`, problem: Names for properties should be lowercase and have less than 100 characters. Invalid names: ";

    static readonly string Long = new('n', 100);

    public static TheoryData<string, string, string, int, string> BadNames => new()
    {
        { "POST", Tickets, """{"properties":{"associationPartner":"x","hs_pipeline_stage":"1"}}""", 65, "[associationPartner]" },
        { "POST", Tickets, """{"properties":{"hs_pipeline_stage":"1","Subject":null,"ok":"1","CamelCase":"2"}}""", 80, "[Subject, CamelCase]" },
        { "POST", Tickets, $$$"""{"properties":{"{{{Long}}}":"x","hs_pipeline_stage":"1"}}""", 147, $"[{Long}]" },
        { "POST", Tickets, """{"properties":{"\u0041b":"x","Über":"y"}}""", 42, "[Ab, Über]" },
        { "PATCH", Tickets + "/1", """{"properties":{"Subject":"x"}}""", 30, "[Subject]" },
        { "PATCH", Tickets + "/a?idProperty=ext_id", """{"properties":{"Subject":"x"}}""", 30, "[Subject]" },
        { "POST", Create, """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}},{"properties":{"Aa":"x"}},{"properties":{"bB":"x","Aa":"y"}}]}""", 77, "[Aa, bB]" },
        { "POST", Update, """{"inputs":[{"id":"1","properties":{"Aa":"x"}}]}""", 45, "[Aa]" },
        { "POST", Upsert, """{"inputs":[{"idProperty":"ext_id","id":"a","properties":{"Aa":"x"}}]}""", 67, "[Aa]" },
        { "POST", Upsert, """{"inputs":[{"objectWriteTraceId":"1","idProperty":"ext_id","id":"a","properties":{"hs_pipeline_stage":"1"}},{"objectWriteTraceId":"2","idProperty":"ext_id","id":"b","properties":{"Aa":"x"}}]}""", 189, "[Aa]" },
        { "POST", "/docket/v1/objects/tickets/1/restore", """{"properties":{"Subject":"x"}}""", 30, "[Subject]" },
    };

    [Behaviour("any endpoint", "a property's name with capitals, or of 100 and more characters, in the body of a write refuses the whole request, traced or not", "observed, inferred", "properties-pipelines-search-associations.md 1.4")]
    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task A_name_that_no_property_can_have_refuses_the_whole_request(string method, string path, string body, int column, string names)
    {
        var server = shared.Server;
        var answer = (await server.SendAsync(new HttpMethod(method), path, body)).Expect(400);
        Assert.Equal($"Invalid input JSON on line 1, column {column}{Problem}{names}", answer["message"]);
        Assert.Equal("VALIDATION_ERROR", answer["category"]);
        Assert.Equal(0, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Fact]
    public async Task A_name_of_99_lower_case_characters_is_an_unknown_property_and_names_in_reads_are_ignored()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var unknown = (await server.PostAsync(Tickets, $$$"""{"properties":{"{{{Long[1..]}}}":"x","hs_pipeline_stage":"1"}}""")).Expect(400);
        Assert.Equal("PROPERTY_DOESNT_EXIST", unknown["errors[0].code"]);
        (await server.GetAsync($"{Tickets}?properties=Subject,{Long}")).Expect(200);
        (await server.PostAsync(Tickets + "/batch/read", $$"""{"inputs":[{"id":"1"}],"properties":["Subject","{{Long}}"]}""")).Expect(207);
        (await server.PostAsync(Tickets + "/search", """{"properties":["Subject"]}""")).Expect(200);
    }

    [Fact]
    public async Task Worked_on_later_such_a_name_is_the_fault_of_its_line_or_of_the_batch_that_is_all_or_nothing()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        const string Good = """{"idProperty":"ext_id","id":"a","properties":{"hs_pipeline_stage":"1"}}""", Bad = """{"idProperty":"ext_id","id":"b","properties":{"Aa":"x"}}""";
        var lines = await EndAsync(server, await LaterAsync(server, Upsert, $"{Good}\n{Bad}\n", "application/x-ndjson"));
        Assert.Equal(("1", "1"), (lines["created"], lines["failed"]));
        var rows = await server.GetAsync($"/docket/v1/jobs/{lines["id"]}/results?failed=true");
        Assert.Equal($"Invalid input JSON on line 2, column 56{Problem}[Aa]", rows["results[0].error.message"]);

        var whole = await EndAsync(server, await LaterAsync(server, Upsert, $$"""{"inputs":[{{Good.Replace("\"a\"", "\"c\"", StringComparison.Ordinal)}},{{Bad}}]}"""));
        Assert.Equal(("0", "2"), (whole["created"], whole["failed"]));
        Assert.Equal(1, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Fact]
    public async Task White_space_around_a_key_that_is_no_text_is_trimmed_and_around_one_that_is_counts()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("number_key", "number", "number");
        string Input(string key, string id) => $$$"""{"inputs":[{"idProperty":"{{{key}}}","id":"{{{id}}}","properties":{"hs_pipeline_stage":"1","number_key":" 7 "}}]}""";
        var made = (await server.PostAsync(Upsert, Input("number_key", "7"))).Expect(200);
        Assert.Equal(("7", "true"), (made["results[0].properties.number_key"], made["results[0].new"]));
        var found = (await server.PostAsync(Upsert, Input("number_key", "\\u00a07\\t"))).Expect(200);
        Assert.Equal((made["results[0].id"], "false"), (found["results[0].id"], found["results[0].new"]));
        Assert.Equal(made["results[0].id"], (await server.GetAsync($"{Tickets}/%207?idProperty=number_key")).Expect(200)["id"]);
        Assert.Equal(made["results[0].id"], (await server.PostAsync(Tickets + "/batch/read", """{"idProperty":"number_key","inputs":[{"id":"7 "}]}""")).Expect(200)["results[0].id"]);

        // Only white space is not a key; and two keys that are equal are one ticket.
        Assert.Equal("INVALID_ID", (await server.PostAsync(Upsert, Input("number_key", " "))).Expect(400)["errors[0].code"]);
        Assert.StartsWith("Duplicate IDs", (await server.PostAsync(Upsert, """{"inputs":[{"idProperty":"number_key","id":"8","properties":{"hs_pipeline_stage":"1"}},{"idProperty":"number_key","id":" 8","properties":{"hs_pipeline_stage":"1"}}]}""")).Expect(400)["message"], StringComparison.Ordinal);

        foreach (var id in (string[])["t", " t"])
        {
            Assert.Equal("true", (await server.PostAsync(Upsert, $$$"""{"inputs":[{"idProperty":"ext_id","id":"{{{id}}}","properties":{"hs_pipeline_stage":"1"}}]}""")).Expect(200)["results[0].new"]);
        }
    }

    public static TheoryData<string> Refused =>
    [
        """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}}],"inputs":[{"properties":{"hs_pipeline_stage":"2"}}]}""",
        "{\n \"inputs\":[\n{\"properties\":{\"hs_pipeline_stage\":\"1\"}}],\n\"inputs\":[]}",
        """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}}],"\ud800":1}""",
        """{"\ud83d":1,"inputs":[{"properties":{"hs_pipeline_stage":"1"}}]}""",
        """{"this name is far too long to be compared with any that is known \udc00":1,"inputs":[]}""",
        """{"inputs":{"properties":{}}}""",
        "{\"a\":\"\\u00e9\",\r\n\"inputs\":null}",
        "\n {}",
        "[]",
        "\"inputs\"",
        "null",
        "",
        " \n",
        "%",
        """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}},]}""",
        """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}}]""",
        """{"inputs":[]} x""",
        """{"inputs":[]}""",
        "\ufeff",
        "\ufeff%",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_is_no_batch_is_answered_the_same_with_and_without_Prefer(string body)
    {
        var server = shared.Server;
        var (now, later) = ((await server.PostAsync(Create, body)).Expect(400), (await LaterAsync(server, Create, body)).Expect(400));
        Assert.Equal((now["message"], now["category"]), (later["message"], later["category"]));
        Assert.Equal((0, 0), ((await server.GetAsync(Tickets)).Count("results"), (await server.GetAsync("/docket/v1/jobs")).Count("results")));
    }

    [Fact]
    public async Task Half_of_a_surrogate_pair_in_any_name_or_text_of_an_input_fails_that_input_alone()
    {
        await using var server = await TestServer.StartAsync();
        string[] inputs = ["""{"\ud800":1,"properties":{"hs_pipeline_stage":"1"}}""", """{"properties":{"hs_pipeline_stage":"1","\ud800":"1"}}""", """{"properties":{"hs_pipeline_stage":"1","subject":"\udc00"}}""", """{"properties":{"hs_pipeline_stage":"1"},"associations":[{"\ud800":1}]}""", """{"properties":{"hs_pipeline_stage":"1"}}"""];
        var batch = $$"""{"inputs":[{{string.Join(',', Enumerable.Repeat(string.Join(',', inputs), 30))}}]}""";
        foreach (var (body, type, times) in ((string, string, int)[])[(batch, "application/json", 30), (string.Join('\n', inputs), "application/x-ndjson", 1)])
        {
            var job = await EndAsync(server, await LaterAsync(server, Create, body, type));
            Assert.Equal(($"{times}", $"{4 * times}", "COMPLETE"), (job["created"], job["failed"], job["status"]));
        }
    }

    [Fact]
    public async Task A_byte_order_mark_in_front_of_a_batch_for_later_costs_no_row_and_other_encodings_are_refused()
    {
        await using var server = await TestServer.StartAsync();
        const string Input = """{"properties":{"hs_pipeline_stage":"1","subject":"é"}}""";
        foreach (var (body, type) in ((string, string)[])[($"\ufeff{Input}\n{Input}", "application/x-ndjson"), ($$"""{{"\ufeff"}}{"inputs":[{{Input}},{{Input}}]}""", "application/json")])
        {
            var job = await EndAsync(server, await LaterAsync(server, Create, body, type));
            Assert.Equal(("2", "0"), (job["created"], job["failed"]));
        }

        foreach (var (type, message) in ((string, string)[])[
            ("application/x-ndjson", "The body is UTF-16: send NDJSON in UTF-8"),
            ("application/json", "Invalid input JSON on line 1, column 1: the body is UTF-16 or UTF-32. Send it as UTF-8")])
        {
            Assert.Equal(message, (await LaterAsync(server, Create, Encoding.Unicode.GetBytes("\ufeff" + Input), type)).Expect(400)["message"]);
            Assert.Equal(message, (await LaterAsync(server, Create, Encoding.BigEndianUnicode.GetBytes(Input), type)).Expect(400)["message"]);
            Assert.Equal("Unsupported Media Type: charset utf-16. Send the body as UTF-8", (await LaterAsync(server, Create, Encoding.UTF8.GetBytes(Input), type + "; charset=utf-16")).Expect(415)["message"]);
        }
    }

    [Theory]
    [InlineData(Tickets, 100)]
    [InlineData("/crm/v3/owners", 500)]
    [InlineData("/docket/v1/jobs", 100)]
    [InlineData("/docket/v1/jobs/1/results", 100)]
    [InlineData("/docket/v1/changes", 1000)]
    public async Task The_parameters_of_every_list_follow_the_same_rule_in_the_same_words(string path, int max)
    {
        await using var server = await TestServer.StartAsync();
        await EndAsync(server, await LaterAsync(server, Create, """{"inputs":[{"properties":{"hs_pipeline_stage":"1"}}]}"""));
        foreach (var (query, message) in ((string, string)[])
        [
            ("limit=0", "The minimum value for limit is 1"), ("limit=-1", "The minimum value for limit is 1"), ("limit=-99999999999", "The minimum value for limit is 1"),
            ($"limit={max + 1}", $"The maximum value for limit is {max}"), ("limit=99999999999", $"The maximum value for limit is {max}"),
            ("limit=many", "Unable to parse value for query parameter: limit"), ("limit=1.5", "Unable to parse value for query parameter: limit"), ("limit=99999999999999999999", "Unable to parse value for query parameter: limit"),
            ("after=-1", "Unable to parse value for query parameter: after"), ("after=x", "Unable to parse value for query parameter: after"), ("after=99999999999999999999", "Unable to parse value for query parameter: after"),
        ])
        {
            var answer = (await server.GetAsync($"{path}?{query}")).Expect(400);
            Assert.Equal((message, "VALIDATION_ERROR"), (answer["message"], answer["category"]));
        }

        foreach (var query in (string[])["limit=1", $"limit={max}", "limit=", "after=", "archived=1", "failed=1", "failed=maybe"])
        {
            (await server.GetAsync($"{path}?{query}")).Expect(200);
        }
    }

    static Task<Answer> LaterAsync(TestServer server, string path, string body, string type = "application/json") => LaterAsync(server, path, Encoding.UTF8.GetBytes(body), type);

    static async Task<Answer> LaterAsync(TestServer server, string path, byte[] body, string type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        request.Headers.Add("Prefer", "respond-async");
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }

    static Task<Answer> EndAsync(TestServer server, Answer accepted) => server.EndOfJobAsync(accepted.Expect(202)["id"]);
}
