using System.Text;
using System.Text.Json.Nodes;
using Docket.Model;
using Docket.Sqlite;
using Docket.Stores;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>What stored answers name: every place in which a record can be named is found when it is permanently deleted, and by an index.</summary>
public sealed class NamesTests : IDisposable
{
    const string Tickets = "/crm/v3/objects/tickets", Jobs = "/docket/v1/jobs", Stage = "\"hs_pipeline_stage\":\"1\"", Unknown = "\"hs_pipeline_stage\":\"99\"";

    readonly string directory = Directory.CreateTempSubdirectory("docket-names-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    /// <summary>Requests, in which ID, KEY and OTHER stand for the record's id, its unique value, and the id of another record. The record is archived before those whose name says so.</summary>
    public static TheoryData<string, string, string, int> Requests => new()
    {
        { "result", "/batch/update", """{"inputs":[{"id":"OTHER","properties":{"subject":"a"}},{"id":"ID","properties":{"subject":"a"}}]}""", 200 },
        { "result without a change", "/batch/upsert", $$$"""{"inputs":[{"idProperty":"ext_id","id":"KEY","properties":{{{{Stage}}}}}]}""", 200 },
        { "holder of a value", "/batch/create", $$$"""{"inputs":[{"objectWriteTraceId":"t","properties":{"ext_id":"KEY",{{{Stage}}}}}]}""", 207 },
        { "input of a message", "/batch/update", """{"inputs":[{"objectWriteTraceId":"t","id":"ID","properties":{"ext_id":"other"}}]}""", 207 },
        { "archived: missing id", "/batch/update", """{"inputs":[{"objectWriteTraceId":"t","id":"ID","properties":{"subject":"a"}}]}""", 207 },
        { "archived: missing id with zeros", "/batch/update", """{"inputs":[{"objectWriteTraceId":"t","id":"00ID","properties":{"subject":"a"}}]}""", 207 },
        { "archived: missing key", "/batch/update", """{"inputs":[{"objectWriteTraceId":"t","idProperty":"ext_id","id":"KEY","properties":{"subject":"a"}}]}""", 207 },
        { "merged", "/merge", """{"primaryObjectId":"OTHER","objectIdToMerge":"ID"}""", 200 },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_kept_answer_that_names_a_record_is_erased_with_it_and_no_other(string place, string path, string body, int status)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var (id, other) = (await CreateAsync(server, "the \"key\""), await CreateAsync(server, "other"));
        var unrelated = $$$"""{"inputs":[{"id":"{{{other}}}","properties":{"subject":"b"}}]}""";
        (await SendAsync(server, Tickets + "/batch/update", unrelated, key: "unrelated")).Expect(200);
        if (place.StartsWith("archived", StringComparison.Ordinal))
        {
            (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
        }

        body = Fill(body, id, other);
        (await SendAsync(server, Tickets + path, body, key: "it")).Expect(status);
        await PurgeAsync(server, id);
        (await SendAsync(server, Tickets + path, body, key: "it")).Expect(410);
        Assert.Equal(place == "merged" ? 410 : 200, (await SendAsync(server, Tickets + "/batch/update", unrelated, key: "unrelated")).Status);
    }

    [Fact]
    public async Task An_answer_without_content_names_nothing()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = await CreateAsync(server, "the \"key\"");
        var body = $$"""{"inputs":[{"id":"{{id}}"}]}""";
        (await SendAsync(server, Tickets + "/batch/archive", body, key: "it")).Expect(204);
        await PurgeAsync(server, id);
        (await SendAsync(server, Tickets + "/batch/archive", body, key: "it")).Expect(204);
    }

    /// <summary>Inputs of jobs, in the same way.</summary>
    public static TheoryData<string, string, string> Inputs => new()
    {
        { "result", "update", """{"id":"ID","properties":{"subject":"a"}}""" },
        { "result without a change", "upsert", $$$"""{"idProperty":"ext_id","id":"KEY","properties":{{{{Stage}}}}}""" },
        { "holder of a value", "create", $$$"""{"properties":{"ext_id":"KEY",{{{Stage}}}}}""" },
        { "input of a message", "update", """{"idProperty":"ext_id","id":"KEY","properties":{"ext_id":"other"}}""" },
        { "refused id", "update", $$$"""{"id":"ID","properties":{{{{Unknown}}}}}""" },
        { "refused number", "update", $$$"""{"id":ID,"properties":{{{{Unknown}}}}}""" },
        { "refused key", "upsert", $$$"""{"idProperty":"ext_id","id":"KEY","properties":{{{{Unknown}}}}}""" },
        { "refused key as it is stored", "upsert", $$$"""{"idProperty":"number","id":" 12.50 ","properties":{{{{Unknown}}}}}""" },
        { "malformed", "upsert", """{"idProperty":"ext_id","id":"KEY","properties":7}""" },
        { "association", "create", $$$"""{"properties":{{{{Stage}}}},"associations":[{"to":{"id":"ID"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":16}]}]}""" },
        { "archived: missing id", "update", """{"id":"ID","properties":{"subject":"a"}}""" },
    };

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task The_result_of_an_input_that_names_a_record_is_erased_with_it_and_no_other(string place, string kind, string input)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var (id, other) = (await CreateAsync(server, "the \"key\""), await CreateAsync(server, "other"));
        if (input.Contains("12.50", StringComparison.Ordinal))
        {
            await server.CreatePropertyAsync("number", "number", "number");
            (await server.PatchAsync($"{Tickets}/{id}", """{"properties":{"number":"12.50"}}""")).Expect(200);
        }

        if (place.StartsWith("archived", StringComparison.Ordinal))
        {
            (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
        }

        var unrelated = kind == "create" ? $$$"""{"properties":{{{{Stage}}}}}""" : $$$"""{"idProperty":"ext_id","id":"other","properties":{{{{Stage}}}}}""";
        var job = (await SendAsync(server, $"{Tickets}/batch/{kind}", $"{unrelated}\n{Fill(input, id, other)}\n", later: true, type: "application/x-ndjson")).Expect(202)["id"]!;
        await server.EndOfJobAsync(job);
        await PurgeAsync(server, id);
        var rows = (await server.GetAsync($"{Jobs}/{job}/results")).Expect(200);
        Assert.NotNull(rows["results[0].result.id"]);
        Assert.Equal("""{"index":1,"deletedForGood":true}""", rows.Json!["results"]![1]!.ToJsonString());
        Assert.Empty((await server.GetAsync($"{Jobs}/{job}/results?failed=true")).Json!["results"]!.AsArray());
    }

    /// <summary>Inputs of batches that are refused as a whole, in the same way.</summary>
    public static TheoryData<string, string, string> Batches => new()
    {
        { "holder of a value, in the message only", "create", $$$"""{"properties":{"ext_id":"KEY",{{{Stage}}}}}""" },
        { "input of a message", "update", """{"id":"ID","properties":{"ext_id":"other"}}""" },
        { "value", "update", """{"id":"OTHER","properties":{"hs_object_id":"ID"}}""" },
        { "same id twice", "update", """{"id":"ID","properties":{"subject":"a"}},{"id":"ID","properties":{"subject":"b"}}""" },
        { "same key twice", "upsert", $$$"""{"idProperty":"ext_id","id":"KEY","properties":{{{{Stage}}}}},{"idProperty":"ext_id","id":"KEY","properties":{{{{Stage}}}}}""" },
    };

    [Theory]
    [MemberData(nameof(Batches))]
    public async Task The_error_of_a_refused_batch_that_names_a_record_is_erased_with_it(string place, string kind, string inputs)
    {
        Assert.NotEmpty(place);
        await using var server = await TestServer.StartWithKeyAsync();
        var (id, other) = (await CreateAsync(server, "the \"key\""), await CreateAsync(server, "other"));
        foreach (var batch in (string[])[Fill(inputs, id, other), $$$"""{"idProperty":"ext_id","id":"other","properties":{{{{Unknown}}}}}"""])
        {
            await SendAsync(server, $"{Tickets}/batch/{kind}", $$"""{"inputs":[{{batch}}]}""", later: true);
        }

        Assert.Contains("\"error\"", (await server.EndOfJobAsync("1")).Text, StringComparison.Ordinal);
        var unrelated = (await server.EndOfJobAsync("2")).Text;
        await PurgeAsync(server, id);
        Assert.Equal("""{"status":"error","message":"The answer to this request was about an object that has been permanently deleted"}""", (await server.EndOfJobAsync("1")).Json!["error"]!.ToJsonString());
        Assert.Equal(unrelated, (await server.EndOfJobAsync("2")).Text);
    }

    [Fact]
    public async Task Answers_of_earlier_versions_are_read_once_and_an_upgrade_that_fails_is_repeated()
    {
        var clock = new ManualClock();
        string id, other, file;
        var create = $$$"""{"inputs":[{"objectWriteTraceId":"t","properties":{"ext_id":"the \"key\"",{{{Stage}}}}},{"objectWriteTraceId":"u","properties":{"subject":"a",{{{Stage}}}}}]}""";
        var patch = """{"properties":{"subject":"b"}}""";
        await using (var server = await TestServer.StartAsync(directory, clock: clock))
        {
            await server.CreatePropertyAsync(TestServer.Key);
            file = server.PortalFile;
            (id, other) = (await CreateAsync(server, "the \"key\""), await CreateAsync(server, "other"));
            (await SendAsync(server, Tickets + "/batch/create", create, key: "names it")).Expect(207);
            (await SendAsync(server, $"{Tickets}/{other}", patch, key: "does not", method: "PATCH")).Expect(200);
            string[] rows =
            [
                $$$"""{"idProperty":"ext_id","id":"other","properties":{{{{Stage}}}}}""",
                $$$"""{"idProperty":"ext_id","id":"the \"key\"","properties":{{{{Unknown}}}}}""",
                $$$"""{"idProperty":"ext_id","id":"the \"key\"","properties":{{{{Stage}}}}}""",
                $$$"""{"idProperty":"ext_id","id":"another","properties":{{{{Unknown}}}}}""",
            ];
            await SendAsync(server, Tickets + "/batch/upsert", string.Join('\n', rows), later: true, type: "application/x-ndjson");
            await SendAsync(server, Tickets + "/batch/create", $$$"""{"inputs":[{"properties":{"ext_id":"the \"key\"",{{{Stage}}}}}]}""", later: true);
            await server.EndOfJobAsync("1");
            await server.EndOfJobAsync("2");
        }

        using (var older = OldFiles.PortalBefore(file, "010-names.sql"))
        {
            older.Execute("CREATE TABLE job_outcome_names (id)"); // the last statement of the upgrade fails
        }

        await Assert.ThrowsAsync<OperatorMistake>(() => TestServer.StartAsync(directory, clock: clock, with: options => options with { StrictStart = true }));
        using (var older = new Connection(file, create: false))
        {
            Assert.Equal(9, older.QueryInteger("PRAGMA user_version"));
            Assert.Equal(0, older.QueryInteger("SELECT count(*) FROM pragma_table_info('kept_answer') WHERE name = 'names'"));
            older.Execute("DROP TABLE job_outcome_names");
        }

        await using var upgraded = await TestServer.StartAsync(directory, clock: clock);
        Assert.Equal(["1", "3"], (await upgraded.GetAsync($"{Jobs}/1/results?failed=true")).Json!["results"]!.AsArray().Select(row => row!["index"]!.ToString()));
        await PurgeAsync(upgraded, id);
        Assert.Equal(["1", "2"], (await upgraded.GetAsync($"{Jobs}/1/results")).Json!["results"]!.AsArray().Where(row => row!["deletedForGood"] is not null).Select(row => row!["index"]!.ToString()));
        Assert.Equal(["3"], (await upgraded.GetAsync($"{Jobs}/1/results?failed=true")).Json!["results"]!.AsArray().Select(row => row!["index"]!.ToString()));
        Assert.StartsWith("The answer to this request was about an object", (await upgraded.EndOfJobAsync("2"))["error.message"], StringComparison.Ordinal);
        (await SendAsync(upgraded, Tickets + "/batch/create", create, key: "names it")).Expect(410);
        (await SendAsync(upgraded, $"{Tickets}/{other}", patch, key: "does not", method: "PATCH")).Expect(200);
    }

    [Fact]
    public async Task The_rejected_inputs_of_later_steps_are_listed_after_all_of_an_earlier_one_are_erased()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = await CreateAsync(server, "the key");
        var rows = Enumerable.Range(0, 150).Select(i => $$$"""{"idProperty":"ext_id","id":"{{{(i == 7 ? "the key" : $"K-{i}")}}}","properties":{{{{(i is 7 or 140 ? Unknown : Stage)}}}}}""");
        await SendAsync(server, Tickets + "/batch/upsert", string.Join('\n', rows), later: true, type: "application/x-ndjson");
        await server.EndOfJobAsync("1");
        await PurgeAsync(server, id);
        var rejected = await server.Http.GetStringAsync($"{Jobs}/1/rejected", TestContext.Current.CancellationToken);
        Assert.Equal("K-140", JsonNode.Parse(rejected.Trim())!["error"]!["context"]!["id"]![0]!.ToString());
    }

    [Fact]
    public void Answers_are_found_by_their_names_whether_these_are_near_each_other_or_not()
    {
        using var file = OldFile();
        var random = new Random(3);
        var answers = Enumerable.Range(0, 2_000).Select(at => Enumerable.Range(0, random.Next(5))
            .Select(row => (Name: random.Next(4) == 0 ? Names.Of(Encoding.UTF8.GetBytes($"K{random.Next(200)}")) : 10_000_000_000 + ((at / 100) * 100) + random.Next(random.Next(2) == 0 ? 2_000 : 130), Row: row)).ToArray()).ToList();
        file.Execute("BEGIN");
        foreach (var (at, names) in answers.Index())
        {
            Insert(file, at, names);
        }

        file.Execute("COMMIT");
        for (var round = 0; round < 200; round++)
        {
            HashSet<long> sought = [10_000_000_000 + random.Next(2_100), Names.Of(Encoding.UTF8.GetBytes($"K{random.Next(200)}"))];
            var expected = answers.Index().Where(answer => answer.Item.Any(entry => sought.Contains(entry.Name))).Select(answer => (long)answer.Index + 1);
            var found = NameColumn.Find(file, "kept_answer", sought);
            Assert.Equal(expected, found.Select(entry => entry.RowId).Order());
            Assert.All(found, entry => Assert.Equal(answers[(int)entry.RowId - 1].Order(), entry.Names));
        }
    }

    [Fact]
    public void Of_a_hundred_thousand_answers_only_the_index_is_read()
    {
        using var file = OldFile();
        file.Execute("BEGIN");
        for (var at = 0; at < 100_000; at++)
        {
            Insert(file, at, [(10_000_000_000 + at, 0), (10_000_000_000 + at + 1, 0)]);
        }

        file.Execute("COMMIT; ANALYZE");
        foreach (var (where, plan) in ((string, string)[])[(NameColumn.NearWhere, "(names>? AND names<?)"), (NameColumn.FarWhere, "(names>?)")])
        {
            foreach (var table in (string[])["kept_answer", "job_outcome"])
            {
                using var explain = file.Prepare($"EXPLAIN QUERY PLAN SELECT rowid, names FROM {table} WHERE {where}");
                Assert.True(explain.Step());
                Assert.Equal($"SEARCH {table} USING COVERING INDEX {table}_names {plan}", explain.Text(3));
                Assert.False(explain.Step());
            }
        }

        // The part of the index that is read for one record: the answers with a name up to 127 below it.
        using var count = file.Prepare($"SELECT count(*) FROM kept_answer WHERE {NameColumn.NearWhere}");
        Assert.True(NameColumn.BindNear(count, 10_000_050_000).Step());
        Assert.Equal(128, count.Integer(0));
        Assert.Equal(0, file.QueryInteger($"SELECT count(*) FROM kept_answer WHERE {NameColumn.FarWhere}"));
        Assert.Equal([50_000, 50_001], NameColumn.Find(file, "kept_answer", [10_000_050_000]).Select(entry => entry.RowId).Order());
    }

    Connection OldFile()
    {
        var path = Path.Combine(directory, "portal.db");
        SqliteStore.Create(path, 1, "registry");
        return new Connection(path, create: false);
    }

    static void Insert(Connection file, int at, IEnumerable<(long, int)> names)
    {
        using var insert = file.Prepare("INSERT INTO kept_answer (source, key, request, time, status, body, names) VALUES ('1', ?, x'', 1, 200, x'00', ?)");
        insert.Bind(at.ToString()).BindNames(names).Run();
    }

    static string Fill(string text, string id, string other) => text.Replace("OTHER", other, StringComparison.Ordinal).Replace("ID", id, StringComparison.Ordinal).Replace("KEY", "the \\\"key\\\"", StringComparison.Ordinal);

    static async Task PurgeAsync(TestServer server, string id) => (await server.PostAsync("/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"{{id}}"}""")).Expect(204);

    static async Task<string> CreateAsync(TestServer server, string key) =>
        (await server.PostAsync(Tickets, new JsonObject { ["properties"] = new JsonObject { ["ext_id"] = key, ["hs_pipeline_stage"] = "1" } }.ToJsonString())).Expect(201)["id"]!;

    static async Task<Answer> SendAsync(TestServer server, string path, string body, bool later = false, string? key = null, string type = "application/json", string method = "POST")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(body, Encoding.UTF8, type) };
        if (later)
        {
            request.Headers.Add("Prefer", "respond-async");
        }

        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await server.Http.SendAsync(request);
        return await Answer.OfAsync(response);
    }
}
