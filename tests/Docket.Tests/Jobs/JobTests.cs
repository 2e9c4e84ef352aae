using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Docket.Model;
using Docket.Model.Types;
using Docket.Sqlite;

namespace Docket.Tests.Jobs;

/// <summary>Batches that are worked on after they were answered, through the real server.</summary>
public sealed class JobTests
{
    internal const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert", Create = Tickets + "/batch/create", Jobs = "/docket/v1/jobs";

    internal static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void No_refusal_says_that_nothing_was_written_when_lines_were_stored_before()
    {
        Error[] refusals =
        [
            Faults.BodyTooSlow(), Faults.BrokenEncoding(), Faults.TooManyBodies(), Faults.DiskFull("f"), Faults.FileLocked("f"), Faults.FileDamaged("f"), Faults.FileMissing("f"),
            Faults.DiskFailing("f"), Faults.DiskReadOnly("f"), Faults.FileUnopened("f"), Faults.PortalUnserved(1, "locked"), Faults.ShuttingDown(),
        ];
        foreach (var refusal in refusals)
        {
            Assert.Contains("Nothing was written", refusal.Message, StringComparison.Ordinal);
            var after = Faults.AfterLines(refusal, 5, 1);
            Assert.DoesNotContain("Nothing was written", after.Message, StringComparison.Ordinal);
            Assert.EndsWith(". Lines 1 to 5 were already received, as job 1. Send only the lines after them", after.Message, StringComparison.Ordinal);
            Assert.Equal((refusal.Status, refusal.Category), (after.Status, after.Category));
        }
    }

    [Fact]
    public async Task Without_the_header_the_limit_stays()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var answer = await server.PostAsync(Upsert, Batch(Lines(101)));
        Assert.StartsWith("The maximum number of inputs supported in a batch is 100.", answer.Expect(400)["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    public async Task Only_the_features_that_are_applied_are_confirmed(string type)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        async Task<Answer> AskAsync(params string[] features)
        {
            using var request = Request(Upsert, new StringContent(type == "application/json" ? Batch([Line(0, "New"), Line(0, "New")]) : Line(0, "New") + "\n" + Line(0, "New")), type);
            Array.ForEach(features, feature => request.Headers.Add(feature, "true"));
            using var response = await server.Http.SendAsync(request, Cancellation);
            return await Answer.OfAsync(response);
        }

        var all = (await AskAsync("Docket-Row-Outcomes", "Docket-Fold-Duplicates", "Docket-Labels", "Docket-Shuffle")).Expect(202);
        Assert.Equal("row-outcomes, labels", all.Headers.GetValues("Docket-Applied").Single());
        Assert.Equal(("1", "1"), ((await EndAsync(server, all["id"]!))["created"], (await EndAsync(server, all["id"]!))["unchanged"]));

        // Nothing is folded: each is decided on its own.
        var folded = (await AskAsync("Docket-Fold-Duplicates")).Expect(202);
        Assert.False(folded.Headers.Contains("Docket-Applied"));
        Assert.Equal("2", (await EndAsync(server, folded["id"]!))["failed"]); // the label is none without its feature
        Assert.Equal([0, 1], (await RowsAsync(server, folded["id"]!)).Select(row => (int)row["index"]!));

        Assert.Equal("dry-run, labels", (await AskAsync("Docket-Dry-Run", "Docket-Labels")).Expect(202).Headers.GetValues("Docket-Applied").Single());
    }

    [Fact]
    public async Task A_large_JSON_batch_is_decided_input_by_input_in_order()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var lines = Lines(1_234);
        lines[7] = """{"idProperty":"ext_id","id":"key-7","properties":{"subject":"no stage"}}""";
        lines[500] = """{"idProperty":"ext_id","id":"key-3","objectWriteTraceId":"mine","properties":{"subject":"again"}}""";
        lines[1_000] = "\"no object\"";
        // Members around the inputs are ignored, and white space within them does no harm.
        var job = await SendAsync(server, Upsert, "{\"note\":[{\"inputs\":[1]}],\n \"inputs\" : [ " + string.Join(" ,\r\n", lines).Replace(",\"properties\"", ",\n\"properties\"", StringComparison.Ordinal) + "\n], \"more\":{\"a\":null}}");
        job = await EndAsync(server, job.Expect(202)["id"]!);
        Assert.Equal(("COMPLETE", "1234", "1234", "1231", "1", "0", "2"), (job["status"], job["inputs"], job["done"], job["created"], job["updated"], job["unchanged"], job["failed"]));

        var rows = await RowsAsync(server, job["id"]!);
        Assert.Equal(Enumerable.Range(0, 1_234), rows.Select(row => (int)row["index"]!));
        Assert.Equal([7, 1_000], rows.Where(row => row["error"] is not null).Select(row => (int)row["index"]!));
        Assert.Equal("mine", rows[500]["result"]!["objectWriteTraceId"]!.ToString());
        Assert.Equal(rows[3]["result"]!["id"]!.ToString(), rows[500]["result"]!["id"]!.ToString());
        Assert.Equal([7, 1_000], (await RowsAsync(server, job["id"]!, "&failed=true")).Select(row => (int)row["index"]!));
        Assert.Equal("again", (await server.GetAsync($"{Tickets}/key-3?idProperty=ext_id&properties=subject")).Expect(200)["properties.subject"]);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(250)]
    public async Task The_results_are_those_of_the_same_batch_answered_at_once(int count)
    {
        await using var now = await TestServer.StartWithKeyAsync();
        await using var later = await TestServer.StartWithKeyAsync();
        var lines = Lines(count);
        var wanted = new List<JsonNode>();
        foreach (var chunk in lines.Chunk(100))
        {
            wanted.AddRange((await now.PostAsync(Upsert, Batch(chunk))).Expect(200).Json!["results"]!.AsArray().Select(result => result!));
        }

        var job = await EndAsync(later, (await SendAsync(later, Upsert, Batch(lines))).Expect(202)["id"]!);
        var rows = await RowsAsync(later, job["id"]!);
        Assert.Equal(wanted.Select(result => result.ToJsonString()), rows.Select(row => row["result"]!.ToJsonString()));
    }

    [Fact]
    public async Task One_record_named_in_two_ways_is_written_twice_in_order()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("other_id");
        (await server.PostAsync(Tickets, """{"properties":{"ext_id":"A","other_id":"B","hs_pipeline_stage":"1"}}""")).Expect(201);
        var lines = Lines(120);
        lines[10] = """{"idProperty":"ext_id","id":"A","properties":{"subject":"by ext_id"}}""";
        lines[60] = """{"idProperty":"other_id","id":"B","properties":{"subject":"by other_id"}}""";
        var job = await EndAsync(server, (await SendAsync(server, Upsert, Batch(lines))).Expect(202)["id"]!);
        Assert.Equal(("118", "2", "0"), (job["created"], job["updated"], job["failed"]));
        var read = (await server.GetAsync($"{Tickets}/A?idProperty=ext_id&propertiesWithHistory=subject")).Expect(200);
        Assert.Equal(("by other_id", "by ext_id"), (read["propertiesWithHistory.subject[0].value"], read["propertiesWithHistory.subject[1].value"]));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    public async Task Inputs_of_one_record_in_a_row_are_applied_together_each_as_a_change_of_its_own(string type)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        string[] lines = [.. Enumerable.Range(0, 200).Select(i => $$$"""{"idProperty":"ext_id","id":"key-{{{i / 5}}}","properties":{"subject":"s{{{i}}}","hs_pipeline_stage":"{{{(i == 7 ? 99 : 1)}}}"}}""")];
        var body = type == "application/json" ? Batch(lines) : string.Join('\n', lines);
        var job = await EndAsync(server, (await SendAsync(server, Upsert, body, type)).Expect(202)["id"]!);
        Assert.Equal(("40", "159", "0", "1"), (job["created"], job["updated"], job["unchanged"], job["failed"]));
        // Two steps, each one transaction; lines that arrive late may make another one, but not one for each line.
        var steps = int.Parse((await LeftoversAsync(server))["1 0 ".Length..]);
        Assert.InRange(steps, 2, type == "application/json" ? 2 : 10);

        var rows = await RowsAsync(server, job["id"]!);
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i == 7 ? null : $"s{i}"), rows.Select(row => row["result"]?["properties"]!["subject"]!.ToString()));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i == 7 ? null : i % 5 == 0 ? "true" : "false"), rows.Select(row => row["result"]?["new"]!.ToString().ToLowerInvariant()));
        var history = (await server.GetAsync($"{Tickets}/key-1?idProperty=ext_id&propertiesWithHistory=subject")).Expect(200).Json!["propertiesWithHistory"]!["subject"]!.AsArray();
        Assert.Equal(["s9", "s8", "s6", "s5"], history.Select(entry => entry!["value"]!.ToString()));
        Assert.Equal(4, history.Select(entry => entry!["timestamp"]!.ToString()).Distinct().Count());
        var changes = (await server.GetAsync("/docket/v1/changes?limit=100")).Expect(200).Json!["results"]!.AsArray();
        Assert.Equal(Enumerable.Range(0, 101).Where(i => i != 7).Select(i => $"s{i}"), changes.Select(change => change!["changes"]!.AsArray().Single(value => value!["property"]!.ToString() == "subject")!["after"]!.ToString()));
        Assert.Equal(rows[0]["result"]!["id"]!.ToString(), (await server.PostAsync(Tickets + "/search", """{"filterGroups":[{"filters":[{"propertyName":"subject","operator":"EQ","value":"s4"}]}]}"""))["results[0].id"]);
    }

    [Fact]
    public async Task An_input_sees_which_unique_values_the_ones_before_it_took_and_gave_up()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await server.CreatePropertyAsync("other_id");
        (await server.PostAsync(Tickets, """{"properties":{"ext_id":"A","other_id":"B","hs_pipeline_stage":"1"}}""")).Expect(201);
        string Row(string key, string id, string values) => $$$"""{"idProperty":"{{{key}}}","id":"{{{id}}}","properties":{ {{{values}}} }}""";
        string[] lines =
        [
            Row("other_id", "B", "\"other_id\":\"C\""), // 0: B is free, the ticket has C
            Row("ext_id", "N", "\"other_id\":\"B\",\"hs_pipeline_stage\":\"1\""), // 1: a new ticket takes it
            Row("ext_id", "A", "\"other_id\":\"B\""), // 2: so the first can't have it back
            Row("other_id", "B", "\"subject\":\"the new one\""), // 3
            Row("other_id", "C", "\"subject\":\"the first\""), // 4
            Row("other_id", "D", "\"subject\":\"no stage\""), // 5: was not created
            Row("other_id", "D", "\"hs_pipeline_stage\":\"1\""), // 6: so this one creates it
            Row("ext_id", "N", "\"ext_id\":\"M\""), // 7: N is M now
            Row("ext_id", "N", "\"hs_pipeline_stage\":\"1\""), // 8: so N is another one
        ];
        var job = await EndAsync(server, (await SendAsync(server, Upsert, string.Join('\n', lines), "application/x-ndjson")).Expect(202)["id"]!);
        var rows = await RowsAsync(server, job["id"]!);
        Assert.Equal("1 0 1", await LeftoversAsync(server));
        var ids = rows.Select(row => row["result"]?["id"]!.ToString()).ToList();
        Assert.Equal([0, 1, -1, 1, 0, -1, 6, 1, 8], ids.Select(id => id is null ? -1 : ids.IndexOf(id)));
        Assert.Contains("other_id", rows[2]["error"]!["message"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(("the first", "C"), await ShowAsync("A"));
        Assert.Equal(("the new one", "B"), await ShowAsync("M"));
        Assert.Equal((null, null), await ShowAsync("N"));

        async Task<(string?, string?)> ShowAsync(string id)
        {
            var read = (await server.GetAsync($"{Tickets}/{id}?idProperty=ext_id&properties=subject,other_id")).Expect(200);
            return (read["properties.subject"], read["properties.other_id"]);
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Too_many_inputs_or_a_malformed_end_refuse_a_JSON_batch_and_leave_nothing_behind()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var body = Batch(Lines(450));
        foreach (var (text, message) in ((string, string)[])
        [
            (body[..^1], "Invalid input JSON on line 1, column "),
            (body + "x", "Invalid input JSON on line 1, column "),
            (body[..^2] + ",]}", "Invalid input JSON on line 1, column "),
            (body[..^1] + ",\"inputs\":[]}", $"Invalid input JSON on line 1, column {body.Length + 10}: inputs is specified twice"),
            (body[..^2] + $",{{\"properties\":{{\"subject\":\"{new string('x', 1_100_000)}\"}}}}]}}", "The body has a text or number longer than 1048576 bytes"),
            ("{\"inputs\":[" + string.Join(',', Enumerable.Repeat("1", 100_001)) + "]}", "The maximum number of inputs supported in a batch is 100000."),
        ])
        {
            Assert.StartsWith(message, (await SendAsync(server, Upsert, text)).Expect(400)["message"], StringComparison.Ordinal);
            Assert.Equal("0 0 0", await LeftoversAsync(server));
        }

        Assert.Equal(0, (await server.GetAsync(Jobs)).Count("results"));
        Assert.Equal(0, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Fact]
    public async Task An_input_may_be_as_long_as_it_arrives_in_many_pieces_and_not_too_long()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        string Long(int bytes) => $$$"""{"idProperty":"ext_id","id":"long-{{{bytes}}}","ignored":[{{{string.Join(',', Enumerable.Repeat("\"" + new string('y', 1_000) + "\"", bytes / 1_003))}}}],"properties":{"hs_pipeline_stage":"1"}}""";
        string[] lines = [.. Lines(120), Long(1_000_000), Long(1_100_000), Line(200, "1")];
        foreach (var (type, body) in ((string, string)[])[("application/json", Batch(lines)), ("application/x-ndjson", string.Join("\r\n", lines))])
        {
            var job = await EndAsync(server, (await SendAsync(server, Upsert, body, type)).Expect(202)["id"]!);
            Assert.Equal(("COMPLETE", "123", "1"), (job["status"], job["inputs"], job["failed"]));
            var error = Assert.Single(await RowsAsync(server, job["id"]!, "&failed=true"));
            Assert.Equal(("121", "The input is longer than 1048576 bytes"), (error["index"]!.ToString(), error["error"]!["message"]!.ToString()));
        }
    }

    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("application/ndjson")]
    [InlineData("application/jsonl")]
    [InlineData("application/jsonlines; charset=utf-8")]
    [InlineData("Application/X-JsonLines")]
    public async Task NDJSON_is_taken_by_each_of_its_usual_names_and_only_for_jobs(string type)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        using var content = new StringContent(string.Join('\n', Lines(3)));
        content.Headers.Remove("Content-Type");
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var request = new HttpRequestMessage(HttpMethod.Post, Upsert) { Content = content };
        request.Headers.Add("Prefer", "respond-async");
        using var response = await server.Http.SendAsync(request, Cancellation);
        Assert.Equal("3", (await EndAsync(server, (await Answer.OfAsync(response)).Expect(202)["id"]!))["created"]);

        using var now = new HttpRequestMessage(HttpMethod.Post, Upsert) { Content = new StringContent(Line(0, "1")) };
        now.Content.Headers.Remove("Content-Type");
        now.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var refused = await server.Http.SendAsync(now, Cancellation);
        Assert.Equal(415, (int)refused.StatusCode);
    }

    public static TheoryData<string, byte[], string> NotNdjson => new()
    {
        { "array", Encoding.UTF8.GetBytes("[" + string.Join(',', Lines(3)) + "]"), "The body is a JSON array: " },
        { "array over many lines, behind a byte order mark", [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes("\r\n [\n" + string.Join(",\n", Lines(200)) + "\n]")], "The body is a JSON array: " },
        { "objects over many lines", Encoding.UTF8.GetBytes(string.Join('\n', Lines(60)).Replace(",", ",\n", StringComparison.Ordinal)), "The body is not NDJSON: none of its first 100 lines is a JSON object." },
        { "CSV", Encoding.UTF8.GetBytes("id,subject\n" + string.Concat(Enumerable.Range(0, 200).Select(i => $"{i},\"ticket {i}\"\n"))), "The body is not NDJSON: " },
        { "numbers, which are JSON", Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 200))), "The body is not NDJSON: " },
        { "UTF-16", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(string.Join('\n', Lines(3)))], "The body is UTF-16: " },
        { "UTF-16, big end first", [.. Encoding.BigEndianUnicode.GetPreamble(), .. Encoding.BigEndianUnicode.GetBytes(Line(0, "1"))], "The body is UTF-16: " },
        { "UTF-16 without a mark", Encoding.Unicode.GetBytes(Line(0, "1")), "The body is UTF-16: " },
    };

    [Theory]
    [MemberData(nameof(NotNdjson))]
    public async Task What_is_plainly_no_NDJSON_is_refused_and_leaves_nothing_behind(string what, byte[] body, string message)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        using var request = Request(Upsert, new ByteArrayContent(body), "application/x-ndjson");
        using var response = await server.Http.SendAsync(request, Cancellation);
        Assert.StartsWith(message, (await Answer.OfAsync(response)).Expect(400)["message"], StringComparison.Ordinal);
        Assert.True(await LeftoversAsync(server) == "0 0 0", what);
    }

    [Fact]
    public async Task An_upload_is_NDJSON_when_one_of_its_first_hundred_lines_is_an_object_and_when_it_has_fewer()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var body = string.Concat(Enumerable.Repeat("no object\n\n", 99)) + Line(0, "1");
        var job = await EndAsync(server, (await SendAsync(server, Upsert, body, "application/x-ndjson")).Expect(202)["id"]!);
        Assert.Equal(("1", "99"), (job["created"], job["failed"]));
        job = await EndAsync(server, (await SendAsync(server, Upsert, "a,b\n1,2", "application/x-ndjson")).Expect(202)["id"]!);
        Assert.Equal(("0", "2"), (job["created"], job["failed"]));

        // Until then nothing of it is kept.
        await using var upload = await Upload.BeginAsync(server);
        await upload.SendAsync("no object\n");
        await Task.Delay(100, Cancellation);
        Assert.Equal("2 0 2", await LeftoversAsync(server));
        await upload.SendAsync(Line(1, "1") + "\n");
        await UntilAsync(server, "3", job => job["done"] == "2");
        await upload.EndAsync();
    }

    [Fact]
    public async Task Errors_name_the_id_and_the_line_of_the_file_and_rejected_inputs_can_be_corrected_and_sent_again()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        string[] file =
        [
            "", Line(0, "1"), "  \t", Line(1, "99") + "\r", "no object", "", """{"id":"A-3","idProperty":"ext_id","properties":"text"}""",
            """{"id":4,"error":{"old":[1]},"idProperty":"ext_id","properties":{"subject":"é\\\"","hs_pipeline_stage":"1","nothing":"x"},"more":{"kept":null}}""",
            "", new string('x', 1_100_000), Line(5, "1"),
        ];
        var id = (await SendAsync(server, Upsert, string.Join('\n', file), "application/x-ndjson")).Expect(202)["id"]!;
        var job = await EndAsync(server, id);
        Assert.Equal(("7", "2", "5"), (job["inputs"], job["created"], job["failed"]));
        var errors = (await RowsAsync(server, id, "&failed=true")).Select(row => row["error"]!).ToList();
        Assert.Equal(
            ["key-1 4 1", " 5 2", "A-3 7 3", "4 8 4", " 10 5"],
            errors.Select(error => $"{error["context"]!["id"]?[0]} {error["context"]!["line"]![0]} {error["context"]!["index"]![0]}"));
        Assert.StartsWith("Invalid input JSON on line 5, column 2: ", errors[1]["message"]!.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("Invalid input JSON on line 7, column 48: ", errors[2]["message"]!.ToString(), StringComparison.Ordinal);

        using var response = await server.Http.GetAsync($"{Jobs}/{id}/rejected", Cancellation);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.ToString());
        var rejected = (await response.Content.ReadAsStringAsync(Cancellation)).TrimEnd('\n').Split('\n').Select(line => JsonNode.Parse(line)!.AsObject()).ToList();
        Assert.Equal(errors.Select(error => error.ToJsonString()), rejected.Select(row => row["error"]!.ToJsonString()));
        Assert.Equal(JsonNode.Parse(Line(1, "99"))!["properties"]!.ToJsonString(), rejected[0]["properties"]!.ToJsonString());
        Assert.Equal("no object", rejected[1]["input"]!.ToString());
        Assert.Equal("""{"kept":null}""", rejected[3]["more"]!.ToJsonString());
        Assert.Equal(["error"], rejected[4].Select(member => member.Key));

        // Some corrected, all sent again with their errors in them.
        rejected[0]["properties"]!["hs_pipeline_stage"] = "2";
        rejected[3]["properties"]!.AsObject().Remove("nothing");
        var again = (await SendAsync(server, Upsert, string.Join('\n', rejected.Select(row => row.ToJsonString())), "application/x-ndjson")).Expect(202)["id"]!;
        job = await EndAsync(server, again);
        Assert.Equal(("2", "3"), (job["created"], job["failed"]));
        Assert.Equal("é\\\"", (await server.GetAsync($"{Tickets}/4?idProperty=ext_id&properties=subject")).Expect(200)["properties.subject"]);
        Assert.Equal(3, (await server.Http.GetStringAsync($"{Jobs}/{again}/rejected", Cancellation)).Count(character => character == '\n'));
    }

    [Fact]
    public async Task Rejected_inputs_of_JSON_batches_are_given_too_of_large_ones_and_of_those_refused_as_a_whole()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        string[] large = [.. Lines(250)];
        large[120] = Line(120, "99").Replace(",", " ,\n", StringComparison.Ordinal);
        large[240] = "7";
        foreach (var (inputs, count) in ((string[], int)[])[(large, 2), ([Line(900, "1"), Line(901, "99")], 2), (Lines(3), 0)])
        {
            var id = (await SendAsync(server, Upsert, Batch(inputs))).Expect(202)["id"]!;
            await EndAsync(server, id);
            var lines = (await server.Http.GetStringAsync($"{Jobs}/{id}/rejected", Cancellation)).Split('\n')[..^1].Select(line => JsonNode.Parse(line)!).ToList();
            Assert.Equal(count, lines.Count);
            Assert.All(lines, line => Assert.NotNull(line["error"]!["message"]));
            Assert.All(lines, line => Assert.Null(line["error"]!["context"]!["line"]));
            Assert.Equal(lines.Select(line => line["id"]?.ToString()), lines.Select(line => line["error"]!["context"]!["id"]?[0]!.ToString()));
        }
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    public async Task A_dry_run_of_a_job_says_what_it_would_do_and_writes_no_record(string type)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        (await server.PostAsync(Tickets, """{"properties":{"ext_id":"key-1","subject":"s1","hs_pipeline_stage":"1"}}""")).Expect(201);
        string[] lines = [.. Lines(205)];
        lines[0] = "7";
        lines[3] = Line(2, "2"); // as the one before it would leave it
        lines[4] = Line(4, "99");
        using var request = Request(Upsert, new StringContent(type == "application/json" ? Batch(lines) : string.Join('\n', lines)), type);
        request.Headers.Add("Docket-Dry-Run", "true");
        using var response = await server.Http.SendAsync(request, Cancellation);
        var id = (await Answer.OfAsync(response)).Expect(202)["id"]!;
        var job = await EndAsync(server, id);
        Assert.Equal(("205", "201", "1", "1", "2"), (job["done"], job["created"], job["updated"], job["unchanged"], job["failed"]));
        var rows = await RowsAsync(server, id);
        // New tickets have the places of their inputs for ids.
        Assert.Equal((string?[])[null, "10000000001", "2", "2", null, "5"], rows.Take(6).Select(row => row["result"]?["id"]!.ToString()));
        Assert.Equal("204", rows[204]["result"]!["id"]!.ToString());
        Assert.Equal(1, (await server.GetAsync(Tickets)).Count("results"));
        Assert.Equal(1, (await server.GetAsync("/docket/v1/changes")).Count("results"));
    }

    [Fact]
    public async Task Lines_are_applied_while_they_still_arrive()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await using var upload = await Upload.BeginAsync(server);
        await upload.SendAsync(Line(0, "1") + "\n" + Line(1, "1") + "\n{\"idProp");
        var job = await UntilAsync(server, "1", job => job["done"] == "2");
        Assert.Equal(("PROCESSING", "2"), (job["status"], job["inputs"]));
        (await server.GetAsync($"{Tickets}/key-1?idProperty=ext_id")).Expect(200);

        // The page ends at the job's position, and the next one begins there.
        var page = (await server.GetAsync($"{Jobs}/1/results")).Expect(200);
        Assert.Equal((2, "2"), (page.Count("results"), page["paging.next.after"]));

        await upload.SendAsync(Line(2, "1")[8..]);
        Assert.StartsWith("HTTP/1.1 202", await upload.EndAsync(), StringComparison.Ordinal);
        job = await EndAsync(server, "1");
        Assert.Equal(("COMPLETE", "3", "3"), (job["status"], job["inputs"], job["created"]));
        Assert.False((await server.GetAsync($"{Jobs}/1/results?after=2")).Has("paging"));
    }

    [Fact]
    public async Task An_upload_that_breaks_off_ends_canceled_and_reports_how_far_it_came()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await using (var upload = await Upload.BeginAsync(server))
        {
            await upload.SendAsync(string.Join('\n', Lines(250)) + "\n{\"half\":");
            await UntilAsync(server, "1", job => job["done"] == "250");
        }

        var job = await UntilAsync(server, "1", job => job["status"] == "CANCELED");
        Assert.Equal(("250", "250", "250", "0"), (job["inputs"], job["done"], job["created"], job["failed"]));
        Assert.NotNull(job["completedAt"]);
        Assert.Equal(250, (await RowsAsync(server, "1")).Count);
        await UntilAsync(server, async () => (await LeftoversAsync(server)).StartsWith("1 0 ", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Slow")] // a stop waits for the slow one
    public async Task Uploads_that_their_clients_end_early_leave_nothing_in_the_log()
    {
        var directory = Directory.CreateTempSubdirectory("docket-jobs-").FullName;
        await using (var server = await ServerProcess.StartAsync(directory))
        {
            var url = new Uri(server.Url);
            foreach (var (type, prefer) in ((string, string)[])[("application/x-ndjson", "Prefer: respond-async\r\n"), ("application/json", "Prefer: respond-async\r\n"), ("application/json", "")])
            {
                foreach (var length in (string[])["Transfer-Encoding: chunked", "Content-Length: 100000"])
                {
                    foreach (var rows in (int[])[0, 1, 150])
                    {
                        foreach (var end in (string[])["half closed", "closed", "reset"])
                        {
                            using var client = new TcpClient();
                            await client.ConnectAsync(url.Host, url.Port, Cancellation);
                            var body = string.Concat(Enumerable.Range(0, rows).Select(i => """{"properties":{"hs_pipeline_stage":"1"}}""" + "\n"));
                            var head = $"POST {Create} HTTP/1.1\r\nHost: {url.Authority}\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Type: {type}\r\n{prefer}{length}\r\n\r\n";
                            await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(head + (rows > 0 && length.Contains("chunked", StringComparison.Ordinal) ? $"{body.Length:x}\r\n{body}\r\n" : body)), Cancellation);
                            await Task.Delay(50, Cancellation); // so that the server waits for more
                            if (end == "half closed")
                            {
                                client.Client.Shutdown(SocketShutdown.Send);
                                await ReadToEndAsync(client);
                            }
                            else
                            {
                                client.Client.LingerState = new LingerOption(end == "reset", 0);
                            }
                        }
                    }
                }
            }

            // One that is slow while the server stops.
            using var slow = new TcpClient();
            await slow.ConnectAsync(url.Host, url.Port, Cancellation);
            await slow.GetStream().WriteAsync(Encoding.UTF8.GetBytes($"POST {Create} HTTP/1.1\r\nHost: {url.Authority}\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Type: application/x-ndjson\r\nPrefer: respond-async\r\nContent-Length: 100000\r\n\r\n{{"), Cancellation);
            await Task.Delay(500, Cancellation);
            await server.StopAsync();
            Assert.False(server.Output.Contains("Exception", StringComparison.Ordinal), server.Output);
            Assert.DoesNotMatch("(?m)^(warn|fail|crit)", server.Output);
        }

        Directory.Delete(directory, recursive: true);

        static async Task ReadToEndAsync(TcpClient client)
        {
            try
            {
                while (await client.Client.ReceiveAsync(new byte[1_024], Cancellation) > 0)
                {
                }
            }
            catch (SocketException)
            {
                // the server may end it as well
            }
        }
    }

    [Fact]
    public async Task A_canceled_job_keeps_what_it_did_and_does_no_more()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await SendAsync(server, Upsert, Batch(Lines(20_000)))).Expect(202)["id"]!;
        await UntilAsync(server, id, job => int.Parse(job["done"]!) > 200);
        var canceled = (await server.PostAsync($"{Jobs}/{id}/cancel", "")).Expect(200);
        Assert.Equal(("CANCELED", "20000"), (canceled["status"], canceled["inputs"]));
        var done = int.Parse(canceled["done"]!);
        Assert.InRange(done, 200, 19_999);

        // Waiting inputs are discarded; what was done stays done and is reported.
        await UntilAsync(server, async () => (await LeftoversAsync(server)).StartsWith("1 0 ", StringComparison.Ordinal));
        Assert.Equal(canceled.Text, (await server.GetAsync($"{Jobs}/{id}")).Text);
        Assert.Equal(done, (await RowsAsync(server, id)).Count);
        (await server.GetAsync($"{Tickets}/key-{done - 1}?idProperty=ext_id")).Expect(200);
        (await server.GetAsync($"{Tickets}/key-{done}?idProperty=ext_id")).Expect(404);
    }

    [Fact]
    public async Task Canceling_while_lines_arrive_refuses_the_rest()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await using var upload = await Upload.BeginAsync(server);
        await upload.SendAsync(Line(0, "1") + "\n");
        await UntilAsync(server, "1", job => job["done"] == "1");
        (await server.PostAsync(Jobs + "/1/cancel", "")).Expect(200);
        await upload.SendAsync(Line(1, "1") + "\n");
        var answer = await upload.EndAsync();
        Assert.StartsWith("HTTP/1.1 409", answer, StringComparison.Ordinal);
        Assert.Contains("Job 1 was canceled while its inputs were still arriving", answer, StringComparison.Ordinal);
        Assert.Equal("1", (await server.GetAsync(Jobs + "/1"))["inputs"]);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_job_goes_on_after_the_server_was_started_again()
    {
        var directory = Directory.CreateTempSubdirectory("docket-jobs-").FullName;
        try
        {
            string id;
            await using (var server = await TestServer.StartAsync(directory))
            {
                await server.CreatePropertyAsync(TestServer.Key);
                id = (await SendAsync(server, Upsert, Batch(Lines(5_000)))).Expect(202)["id"]!;
            }

            await using var again = await TestServer.StartAsync(directory);
            var job = await EndAsync(again, id);
            Assert.Equal(("COMPLETE", "5000", "5000", "0"), (job["status"], job["done"], job["created"], job["failed"]));
            Assert.Equal(5_000, (await RowsAsync(again, id)).Select(row => row["result"]!["id"]!.ToString()).Distinct().Count());
            Assert.Equal("INTEGRATION", (await again.GetAsync($"{Tickets}/key-4999?idProperty=ext_id&properties=hs_object_source"))["properties.hs_object_source"]);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task What_a_crash_cut_off_while_it_arrived_is_canceled_or_gone_after_the_start()
    {
        var directory = Directory.CreateTempSubdirectory("docket-jobs-").FullName;
        try
        {
            string file;
            await using (var server = await TestServer.StartAsync(directory))
            {
                file = server.PortalFile;
            }

            using (var portal = new Connection(file, create: false))
            {
                // As a crash leaves them: a JSON batch of which 60 chunks were there, and lines of which one chunk was not yet applied.
                portal.Execute("""
                    INSERT INTO job SELECT value, value - 1, 1, 0, 0, 0, 'tickets', 'INTEGRATION', '0', 0, NULL, NULL, 60, 0, 0, 0, 0, 0, NULL FROM (SELECT 1 AS value UNION SELECT 2);
                    WITH RECURSIVE chunk (first) AS (SELECT 0 UNION ALL SELECT first + 1 FROM chunk WHERE first < 59)
                    INSERT INTO job_chunk (job, first, count, lines) SELECT 1, first, 1, CAST('{"properties":{"hs_pipeline_stage":"1"}}' || char(10) AS BLOB) FROM chunk;
                    INSERT INTO job_chunk (job, first, count, lines) SELECT 2, 0, 60, CAST('{"properties":{"hs_pipeline_stage":"1"}}' || char(10) AS BLOB);
                    """);
            }

            await using var again = await TestServer.StartAsync(directory);
            Assert.Equal(("2", "CANCELED", "60", "0"), ((await again.GetAsync(Jobs))["results[0].id"], (await again.GetAsync(Jobs + "/2"))["status"], (await again.GetAsync(Jobs + "/2"))["inputs"], (await again.GetAsync(Jobs + "/2"))["done"]));
            (await again.GetAsync(Jobs + "/1")).Expect(404);
            await UntilAsync(again, async () => await LeftoversAsync(again) == "1 0 0");
            Assert.Equal(0, (await again.GetAsync(Tickets)).Count("results"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    public async Task An_upload_that_is_given_up_while_nothing_can_be_written_is_cleaned_up_later(string type)
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 20, clock: new ManualClock { HoldsTimers = true });
        await server.CreatePropertyAsync(TestServer.Key);
        var isLines = type == "application/x-ndjson";
        await using var upload = await Upload.BeginAsync(server, type);
        await upload.SendAsync(isLines ? Line(0, "1") + "\n" : Batch(Lines(1_050))[..^2]);
        await UntilAsync(server, async () => await LeftoversAsync(server) == (isLines ? "1 0 1" : "1 1 0"));
        using (var other = await server.OpenBackDoorAsync())
        {
            other.Lock();
            await upload.SendAsync(isLines ? Line(1, "1") + "\n" : "nonsense");
            var answer = await upload.EndAsync();
            Assert.StartsWith(isLines ? "HTTP/1.1 503" : "HTTP/1.1 400", answer, StringComparison.Ordinal); // what was wrong with the upload, not with its end
            Assert.Equal(isLines, answer.Contains("Lines 1 to 1 were already received, as job 1. Send only the lines after them", StringComparison.Ordinal));
            server.Clock.Advance(TimeSpan.FromMinutes(1));
            await Task.Delay(100, Cancellation); // a try that fails
            Assert.Equal(isLines ? "1 0 1" : "1 1 0", await LeftoversAsync(server));
            other.Unlock();
        }

        await UntilAsync(server, async () =>
        {
            server.Clock.Advance(TimeSpan.FromMinutes(1));
            return isLines ? (await server.GetAsync(Jobs + "/1")).Expect(200)["status"] == "CANCELED" : await LeftoversAsync(server) == "0 0 0";
        });
        Assert.Equal(isLines ? 1 : 0, (await server.GetAsync(Tickets)).Count("results"));
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task At_a_start_neither_a_job_that_cannot_go_on_nor_a_portal_whose_jobs_cannot_be_read_stops_the_others()
    {
        var directory = Directory.CreateTempSubdirectory("docket-jobs-").FullName;
        try
        {
            await using (var server = await TestServer.StartAsync(directory))
            {
            }

            string token;
            Portal damaged, other;
            await using (var portals = await DocketServer.OpenPortalsAsync(await TestEngine.PlaceOfAsync(directory)))
            {
                damaged = await portals.CreateAsync("damaged");
                other = await portals.CreateAsync("other");
                token = (await portals.Apps.CreatePrivateAsync(other.Id, "other", ScopeNames.All)).Token;
            }

            // Jobs 1 and 2 can't go on, job 3 can.
            const string jobs = """
                INSERT INTO job SELECT value, 1 - (value = 1), value <> 3, 0, 0, 0, 'tickets', 'INTEGRATION', '0', 0, NULL, NULL, 1, 0, 0, 0, 0, 0, NULL FROM (SELECT 1 AS value UNION SELECT 2 UNION SELECT 3);
                INSERT INTO job_chunk (job, first, count, lines) SELECT number, 0, 1, CAST('{"properties":{"hs_pipeline_stage":"1"}}' || char(10) AS BLOB) FROM job;
                CREATE TRIGGER bad_cancel BEFORE UPDATE ON job WHEN old.number = 2 BEGIN SELECT RAISE(ABORT, 'bad'); END;
                CREATE TRIGGER bad_drop BEFORE DELETE ON job_chunk WHEN old.job = 1 BEGIN SELECT RAISE(ABORT, 'bad'); END;
                """;
            foreach (var id in (long[])[damaged.Id - 1, damaged.Id, other.Id])
            {
                using var file = new Connection(Path.Combine(directory, $"portal-{id}.db"), create: false);
                file.Execute(id == damaged.Id ? "ALTER TABLE job RENAME TO elsewhere" : jobs);
            }

            await using var again = await TestServer.StartAsync(directory, clock: new ManualClock { HoldsTimers = true });
            Assert.Equal("1", (await EndAsync(again, "3"))["created"]);
            Assert.Equal("PENDING", (await again.GetAsync(Jobs + "/2"))["status"]);
            using var http = again.NewClient();
            http.DefaultRequestHeaders.Authorization = new("Bearer", token);
            await UntilAsync(again, async () => (await Answer.OfAsync(await http.GetAsync(Jobs + "/3", Cancellation)))["status"] == "COMPLETE");

            // What hindered them is gone, and they end without another start.
            using (var file = new Connection(again.PortalFile, create: false))
            {
                file.Execute("DROP TRIGGER bad_cancel; DROP TRIGGER bad_drop");
            }

            await UntilAsync(again, async () =>
            {
                again.Clock.Advance(TimeSpan.FromMinutes(1));
                return (await again.GetAsync(Jobs + "/2"))["status"] == "CANCELED" && await LeftoversAsync(again) == "2 0 1";
            });
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_job_waits_while_the_file_is_locked_and_goes_on_afterwards()
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 20);
        await server.CreatePropertyAsync(TestServer.Key);
        var id = (await SendAsync(server, Upsert, Batch(Lines(60_000)))).Expect(202)["id"]!;
        using (var other = await server.OpenBackDoorAsync())
        {
            other.Lock();
            await Task.Delay(200, Cancellation);
            var before = (await server.GetAsync($"{Jobs}/{id}"))["done"];
            await Task.Delay(200, Cancellation);
            Assert.Equal(before, (await server.GetAsync($"{Jobs}/{id}"))["done"]);
            Assert.NotEqual("60000", before);
            other.Unlock();
        }

        var job = await EndAsync(server, id);
        Assert.Equal(("COMPLETE", "60000", "0"), (job["status"], job["created"], job["failed"]));
    }

    [Fact]
    public async Task A_step_that_fails_holds_up_the_ones_behind_it_and_all_are_applied_in_order_afterwards()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        using (var other = await server.OpenBackDoorAsync())
        {
            other.Refuse("job_outcome", "first = 300");
        }

        // Each ticket is in every second step.
        var lines = Enumerable.Range(0, 900).Select(i => $$$"""{"idProperty":"ext_id","id":"key-{{{i % 200}}}","properties":{"subject":"s{{{i}}}","hs_pipeline_stage":"1"}}""");
        var id = (await SendAsync(server, Upsert, Batch(lines))).Expect(202)["id"]!;
        await UntilAsync(server, id, job => job["done"] == "300");
        await Task.Delay(200, Cancellation); // time for retries, and for the steps behind it
        Assert.Equal("300", (await server.GetAsync($"{Jobs}/{id}"))["done"]);
        Assert.Equal("300", (await server.GetAsync("/docket/v1/changes?limit=1000")).Count("results").ToString());

        using (var other = await server.OpenBackDoorAsync())
        {
            other.Permit("job_outcome");
        }

        var job = await EndAsync(server, id);
        Assert.Equal(("COMPLETE", "900", "200", "700", "0"), (job["status"], job["done"], job["created"], job["updated"], job["failed"]));
        var ticket = await server.GetAsync($"{Tickets}/key-7?idProperty=ext_id&propertiesWithHistory=subject");
        Assert.Equal(["s807", "s607", "s407", "s207", "s7"], ticket.Json!["propertiesWithHistory"]!["subject"]!.AsArray().Select(entry => entry!["value"]!.ToString()));
        Assert.Equal(Enumerable.Range(0, 900), (await RowsAsync(server, id)).Select(row => (int)row["index"]!));
    }

    [Fact]
    public async Task Inputs_with_too_many_faults_for_one_answer_are_decided_in_smaller_steps_in_their_order()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var lines = Lines(700);
        var unknown = string.Concat(Enumerable.Range(0, 45).Select(i => $",\"unknown_{i}\":1"));
        for (var i = 300; i < 350; i++)
        {
            lines[i] = lines[i].Replace("\"hs_pipeline_stage\":\"1\"", "\"hs_pipeline_stage\":\"1\"" + unknown, StringComparison.Ordinal);
        }

        lines[600] = lines[0].Replace("\"s0\"", "\"last\"", StringComparison.Ordinal);
        var id = (await SendAsync(server, Upsert, Batch(lines))).Expect(202)["id"]!;
        var job = await EndAsync(server, id);
        Assert.Equal(("COMPLETE", "700", "649", "1", "50"), (job["status"], job["done"], job["created"], job["updated"], job["failed"]));
        Assert.Equal(Enumerable.Range(300, 50), (await RowsAsync(server, id, "&failed=true")).Select(row => (int)row["index"]!));
        Assert.Equal("last", (await server.GetAsync($"{Tickets}/key-0?idProperty=ext_id&properties=subject"))["properties.subject"]);
    }

    [Fact]
    public async Task A_line_that_is_no_text_fails_alone()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        byte[] body = [.. Encoding.UTF8.GetBytes(Line(0, "1") + "\n{\"id\":\"\\ud83d\",\"idProperty\":\"ext_id\",\"properties\":{}}\n{\"id\":\""), 0xff, 0xfe, .. Encoding.UTF8.GetBytes("\",\"properties\":{}}\n{\"id\":\"\u0000\n" + Line(1, "1"))];
        using var request = Request(Upsert, new ByteArrayContent(body), "application/x-ndjson");
        using var response = await server.Http.SendAsync(request, Cancellation);
        var job = await EndAsync(server, (await Answer.OfAsync(response)).Expect(202)["id"]!);
        Assert.Equal(("5", "2", "3"), (job["inputs"], job["created"], job["failed"]));
        Assert.Equal([1, 2, 3], (await RowsAsync(server, job["id"]!, "&failed=true")).Select(row => (int)row["index"]!));
    }

    [Fact]
    public async Task A_JSON_batch_beyond_a_gibibyte_is_refused_before_it_is_sent()
    {
        await using var server = await TestServer.StartAsync();
        using var client = new TcpClient();
        var url = new Uri(server.Url);
        await client.ConnectAsync(url.Host, url.Port, Cancellation);
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes($"POST {Upsert} HTTP/1.1\r\nHost: docket\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Type: application/json\r\nPrefer: respond-async\r\nContent-Length: 1073741825\r\nConnection: close\r\n\r\n"), Cancellation);
        using var reader = new StreamReader(client.GetStream());
        var answer = await reader.ReadToEndAsync(Cancellation);
        Assert.StartsWith("HTTP/1.1 413", answer, StringComparison.Ordinal);
        Assert.Contains("Request body is larger than 1073741824 bytes", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_a_job_does_not_hold_up_the_end_of_the_server()
    {
        using var http = new HttpClient();
        var server = await TestServer.StartAsync(busyTimeoutMs: 20);
        await server.CreatePropertyAsync(TestServer.Key);
        using (var other = await server.OpenBackDoorAsync())
        {
            other.Refuse("job_outcome"); // so that the job has no end
        }

        var id = (await SendAsync(server, Upsert, Batch(Lines(1_000)))).Expect(202)["id"]!;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{server.Url}{Jobs}/{id}");
        request.Headers.Authorization = new("Bearer", TestServer.Token);
        request.Headers.Add("Prefer", "wait=60");
        var waiting = http.SendAsync(request, Cancellation);
        await Task.Delay(200, Cancellation);
        Assert.False(waiting.IsCompleted);

        var watch = System.Diagnostics.Stopwatch.StartNew();
        await server.DisposeAsync();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(40), $"it took {watch.Elapsed}");
        using var response = await waiting;
        Assert.Contains((await Answer.OfAsync(response)).Expect(200)["status"]!, (string[])["PENDING", "PROCESSING"]);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_hundred_thousand_inputs_of_JSON_are_all_done_and_others_get_their_turn()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await SendAsync(server, Upsert, Batch(Lines(100_000)))).Expect(202)["id"]!;
        var between = 0;
        Answer job;
        do
        {
            (await server.PostAsync(Tickets, """{"properties":{"subject":"between","hs_pipeline_stage":"1"}}""")).Expect(201);
            between++;
            job = await server.GetAsync($"{Jobs}/{id}");
        }
        while (job["status"] is "PENDING" or "PROCESSING");

        Assert.Equal(("COMPLETE", "100000", "100000", "0"), (job["status"], job["done"], job["created"], job["failed"]));
        Assert.True(between >= 20, $"only {between} creates had their turn while it ran");
        (await server.GetAsync($"{Tickets}/key-99999?idProperty=ext_id")).Expect(200);
        Assert.Equal("99999", (await server.GetAsync($"{Jobs}/{id}/results?after=99999"))["results[0].index"]);
    }

    [Fact]
    public async Task A_job_belongs_to_its_portal()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await SendAsync(server, Upsert, Batch(Lines(1)))).Expect(202)["id"]!;
        await EndAsync(server, id);
        await using var portals = await server.OpenPortalsAsync();
        var token = (await portals.Apps.CreatePrivateAsync((await portals.CreateAsync("other")).Id, "other", ScopeNames.All)).Token;
        foreach (var path in (string[])[$"{Jobs}/{id}", $"{Jobs}/{id}/results"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Authorization = new("Bearer", token);
            using var response = await server.Http.SendAsync(request, Cancellation);
            Assert.Equal(404, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task Lines_with_an_idempotency_key_are_taken_once()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var body = string.Join('\n', Lines(300).Select(line => line.Replace("\"idProperty\":\"ext_id\",", "", StringComparison.Ordinal)));
        var first = (await SendAsync(server, Create, body, "application/x-ndjson", "k")).Expect(202);
        await EndAsync(server, first["id"]!);
        var again = (await SendAsync(server, Create, body, "application/x-ndjson", "k")).Expect(202);
        Assert.Equal(first.Text, again.Text);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        (await SendAsync(server, Create, body + "\n{}", "application/x-ndjson", "k")).Expect(422);
        Assert.Equal(1, (await server.GetAsync(Jobs)).Count("results"));
    }

    // ---- how the tests above speak

    static string Line(int number, string stage) => $$$"""{"idProperty":"ext_id","id":"key-{{{number}}}","properties":{"subject":"s{{{number}}}","hs_pipeline_stage":"{{{stage}}}"}}""";

    static string[] Lines(int count) => [.. Enumerable.Range(0, count).Select(i => Line(i, "1"))];

    static string Batch(IEnumerable<string> lines) => $$"""{"inputs":[{{string.Join(',', lines)}}]}""";

    internal static HttpRequestMessage Request(string path, HttpContent content, string type)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("Prefer", "respond-async");
        return request;
    }

    static async Task<Answer> SendAsync(TestServer server, string path, string body, string type = "application/json", string? key = null)
    {
        using var request = Request(path, new StringContent(body), type);
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await server.Http.SendAsync(request, Cancellation);
        return await Answer.OfAsync(response);
    }

    internal static async Task<Answer> EndAsync(TestServer server, string id) => await UntilAsync(server, id, job => job["status"] is "COMPLETE" or "CANCELED");

    static async Task<Answer> UntilAsync(TestServer server, string id, Func<Answer, bool> condition)
    {
        Answer job = null!;
        await UntilAsync(server, async () => (job = await server.GetAsync($"{Jobs}/{id}")).Status == 200 && condition(job));
        return job;
    }

    static Task UntilAsync(TestServer server, Func<bool> condition) => UntilAsync(server, () => Task.FromResult(condition()));

    static async Task UntilAsync(TestServer server, Func<Task<bool>> condition)
    {
        for (var i = 0; !await condition(); i++)
        {
            Assert.True(i < 6_000, $"waited for too long: {(await server.GetAsync(Jobs)).Text}");
            await Task.Delay(10, Cancellation);
        }
    }

    static async Task<List<JsonNode>> RowsAsync(TestServer server, string id, string query = "")
    {
        var rows = new List<JsonNode>();
        for (var after = "0"; after is not null;)
        {
            var page = (await server.GetAsync($"{Jobs}/{id}/results?after={after}{query}")).Expect(200);
            rows.AddRange(page.Json!["results"]!.AsArray().Select(row => row!));
            after = page["paging.next.after"];
        }

        return rows;
    }

    /// <summary>How many jobs, chunks of inputs and outcomes are in the file.</summary>
    static async Task<string> LeftoversAsync(TestServer server)
    {
        using var file = await server.OpenBackDoorAsync();
        return file.QueryText("SELECT (SELECT count(*) FROM job) || ' ' || (SELECT count(*) FROM job_chunk) || ' ' || (SELECT count(*) FROM job_outcome)");
    }

    /// <summary>A body that is written as it goes.</summary>
    internal sealed class StreamedContent(Func<Stream, Task> write) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>Lines on their way, in chunks of HTTP; disposed before its end it breaks off.</summary>
    sealed class Upload(TcpClient client) : IAsyncDisposable
    {
        public static async Task<Upload> BeginAsync(TestServer server, string type = "application/x-ndjson")
        {
            var client = new TcpClient();
            var url = new Uri(server.Url);
            await client.ConnectAsync(url.Host, url.Port, Cancellation);
            var upload = new Upload(client);
            await upload.WriteAsync($"POST {Upsert} HTTP/1.1\r\nHost: {url.Authority}\r\nAuthorization: Bearer {TestServer.Token}\r\nContent-Type: {type}\r\nPrefer: respond-async\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
            return upload;
        }

        public Task SendAsync(string text) => WriteAsync($"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");

        public async Task<string> EndAsync()
        {
            await WriteAsync("0\r\n\r\n");
            using var reader = new StreamReader(client.GetStream(), leaveOpen: true);
            return await reader.ReadToEndAsync(Cancellation);
        }

        public ValueTask DisposeAsync()
        {
            client.Client.LingerState = new LingerOption(true, 0);
            client.Dispose();
            return ValueTask.CompletedTask;
        }

        async Task WriteAsync(string text) => await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(text), Cancellation);
    }
}
