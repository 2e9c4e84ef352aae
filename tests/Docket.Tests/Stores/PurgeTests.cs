using System.Text;
using System.Text.Json.Nodes;
using Docket.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>A permanently deleted value is in no byte of any file: not in free areas of pages, not in the log.</summary>
public sealed class PurgeTests
{
    const string Tickets = "/crm/v3/objects/tickets", Purge = "/docket/v1/objects/tickets/gdpr-delete";

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_of_a_purged_ticket_is_left_in_any_file(bool archived)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var random = new Random(7);
        var neighbours = new List<string>();
        for (var i = 0; i < 200; i++)
        {
            neighbours.Add(await CreateAsync(server, $"neighbour {i}", $"N-{i}", Filler(random)));
        }

        // Two tickets with marked values, which change among others that grow and shrink; then both become one.
        var (marker, number) = ("Mrkr", 0);
        string Mark(int length = 0) => $"{marker}{number++:d4}{new string('.', length)}{marker}";
        var one = await CreateAsync(server, Mark(), Mark(), Mark(500));
        var other = await CreateAsync(server, Mark(), Mark(), Mark(9_000));
        for (var round = 0; round < 60; round++)
        {
            foreach (var id in (string[])[one, other])
            {
                var (value, trace) = (Mark(random.Next(3) == 0 ? 12_000 : random.Next(300)), Mark());
                (await server.PostAsync($"{Tickets}/batch/update", $$$"""{"inputs":[{"id":"{{{id}}}","objectWriteTraceId":"{{{trace}}}","properties":{"content":"{{{value}}}","ext_id":"{{{Mark()}}}"}}]}""")).Expect(200);
            }

            var inputs = Enumerable.Range(0, 20).Select(_ => neighbours[random.Next(neighbours.Count)]).Distinct()
                .Select(JsonNode (id) => new JsonObject { ["id"] = id, ["properties"] = new JsonObject { ["content"] = Filler(random) } });
            (await server.PostAsync($"{Tickets}/batch/update", new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString())).Expect(200);
        }

        var merged = (await server.PostAsync($"{Tickets}/merge", $$"""{"primaryObjectId":"{{one}}","objectIdToMerge":"{{other}}"}""")).Expect(200)["id"]!;
        (await server.PatchAsync($"{Tickets}/{merged}", $$$"""{"properties":{"subject":"{{{Mark()}}}"}}""")).Expect(200);
        if (archived)
        {
            (await server.DeleteAsync($"{Tickets}/{merged}")).Expect(204);
        }

        Assert.True(Occurrences(server, marker) > 100);
        var before = await ListAsync(server);

        (await server.PostAsync(Purge, $$"""{"objectId":"{{other}}"}""")).Expect(204); // an id that was merged away means the ticket that it became part of

        Assert.Equal(0, Occurrences(server, marker));
        Assert.Equal(0, Occurrences(server, marker.ToLowerInvariant())); // the search index has words in lower case
        foreach (var query in (string[])["", "?archived=true", "?asOf=2026-03-14T09:26:54Z"])
        {
            (await server.GetAsync($"{Tickets}/{merged}{query}")).Expect(404);
        }

        Assert.Equal(404, (await server.GetAsync($"{Tickets}/{one}")).Status);

        // Everyone else is as before, the feed has no gap, and the server goes on.
        before.Remove(merged);
        Assert.Equal(before, await ListAsync(server));
        using (var file = new Connection(server.PortalFile, create: false))
        {
            Assert.Equal("ok", file.QueryText("PRAGMA integrity_check"));
            Assert.Equal(0, file.QueryInteger("SELECT count(*) FROM forward"));
            Assert.Equal(0, file.QueryInteger("SELECT count(*) FROM cleaning"));
            Assert.Equal(200, file.QueryInteger("SELECT count(*) FROM unique_value"));
            Assert.Equal(200, file.QueryInteger("SELECT sum(records) FROM stage_use"));
            Assert.Equal(file.QueryInteger("SELECT max(sequence) FROM change"), file.QueryInteger("SELECT count(*) FROM change"));
        }

        await CreateAsync(server, "after", "after", "");
    }

    [Fact]
    [Trait("Engine", "SQLite")]
    public async Task Nothing_of_a_purged_contact_is_left_in_any_file_nor_in_answers_that_name_it_by_an_address()
    {
        const string Contacts = "/crm/v3/objects/contacts";
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Contacts, """{"properties":{"email":"one@mrkr.com","hs_additional_emails":"Two@Mrkr.com;three@mrkr.com","firstname":"mrkr"}}""")).Expect(201)["id"];
        (await server.PostAsync(Contacts, """{"properties":{"email":"other@example.com"}}""")).Expect(201);
        (await server.PostAsync(Contacts + "/search", """{"query":"mrkr"}""")).Expect(200);
        (await server.DeleteAsync($"{Contacts}/{id}")).Expect(204);
        using (var request = new HttpRequestMessage(HttpMethod.Post, Contacts + "/batch/update") { Content = new StringContent("""{"inputs":[{"idProperty":"email","id":" THREE@mrkr.com","objectWriteTraceId":"t","properties":{"phone":"1"}}]}""", Encoding.UTF8, "application/json") })
        {
            request.Headers.Add("Idempotency-Key", "it");
            (await Answer.OfAsync(await server.Http.SendAsync(request, TestContext.Current.CancellationToken))).Expect(207);
        }

        Assert.True(Occurrences(server, "mrkr") > 4);
        (await server.PostAsync(Contacts + "/gdpr-delete", """{"objectId":"two@MRKR.com","idProperty":"email"}""")).Expect(204);
        Assert.Equal(0, Occurrences(server, "mrkr"));
        Assert.Equal(0, Occurrences(server, "MRKR"));
        Assert.Equal(0, Occurrences(server, "Mrkr"));
        Assert.Equal("1", (await server.PostAsync(Contacts + "/search", "{}")).Expect(200)["total"]);
    }

    [Fact]
    public async Task While_another_program_reads_the_file_the_answer_says_that_traces_are_left_and_a_repetition_removes_them()
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 200);
        var id = await CreateAsync(server, "Mrkr", null, "Mrkr");
        using (var reader = new Connection(server.PortalFile, create: false))
        {
            reader.Execute("BEGIN");
            reader.QueryInteger("SELECT count(*) FROM head");
            var answer = (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(503);
            Assert.Equal($"The object is deleted, but traces of it remain in {Path.GetFileName(server.PortalFile)}: another program is reading it. Send the request again to remove them.", answer["message"]);
            Assert.Equal("5", answer.Headers.GetValues("Retry-After").Single());
            Assert.Equal(404, (await server.GetAsync($"{Tickets}/{id}")).Status);
            await CreateAsync(server, "others are served", null, "");
            reader.Execute("COMMIT");
        }

        (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(204);
        Assert.Equal(0, Occurrences(server, "Mrkr"));
    }

    [Fact]
    public async Task Others_read_and_write_while_tickets_are_purged()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var marked = new List<string>();
        for (var i = 0; i < 30; i++)
        {
            marked.Add(await CreateAsync(server, $"Mrkr {i}", $"Mrkr-{i}", $"Mrkr {new string('.', i * 300)}"));
        }

        using var done = new CancellationTokenSource();
        var others = Enumerable.Range(0, 3).Select(async writer =>
        {
            var writes = 0;
            for (; !done.IsCancellationRequested; writes++)
            {
                (await server.PostAsync($"{Tickets}/batch/upsert", $$$"""{"inputs":[{"idProperty":"ext_id","id":"{{{writer}}}-{{{writes % 50}}}","properties":{"content":"{{{new string('w', writes * 37 % 3_000)}}}","hs_pipeline_stage":"1"}}]}""")).Expect(200);
                (await server.GetAsync($"{Tickets}?limit=50&propertiesWithHistory=content")).Expect(200);
                (await server.GetAsync("/docket/v1/changes?limit=50")).Expect(200);
            }

            return writes;
        }).ToList();

        // One after the other, and many at once.
        foreach (var id in marked[..5])
        {
            (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(204);
        }

        await Task.WhenAll(marked[5..].Select(async id => (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(204)));
        Assert.Equal(0, Occurrences(server, "Mrkr"));
        await done.CancelAsync();
        Assert.All(await Task.WhenAll(others), writes => Assert.True(writes > 0));
        using var file = new Connection(server.PortalFile, create: false);
        Assert.Equal("ok", file.QueryText("PRAGMA integrity_check"));
    }

    [Fact]
    public async Task What_a_stop_came_between_is_cleaned_at_the_next_start()
    {
        var directory = Directory.CreateTempSubdirectory("docket-purge-").FullName;
        try
        {
            string file;
            await using (var server = await TestServer.StartAsync(directory))
            {
                string[] ids = [await CreateAsync(server, "Mrkr", null, new string('x', 500) + "Mrkr"), await CreateAsync(server, "Mrkr other", null, "Mrkr")];
                (await server.PatchAsync($"{Tickets}/{ids[0]}", """{"properties":{"subject":"Mrkr again"}}""")).Expect(200);
                var merged = (await server.PostAsync($"{Tickets}/merge", $$"""{"primaryObjectId":"{{ids[0]}}","objectIdToMerge":"{{ids[1]}}"}""")).Expect(200)["id"];
                (await server.PatchAsync($"{Tickets}/{merged}", """{"properties":{"subject":"Mrkr merged"}}""")).Expect(200);
                file = server.PortalFile;
            }

            // As after the commit of a purge.
            using (var connection = new Connection(file, create: false))
            {
                connection.Execute("INSERT INTO erasing SELECT change FROM head; DELETE FROM head; DELETE FROM forward; DELETE FROM stage_use; INSERT INTO cleaning (since) VALUES (1)");
            }

            await using (var server = await TestServer.StartAsync(directory))
            {
                Assert.Equal(0, Occurrences(server, "Mrkr"));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Inputs_that_a_job_has_applied_are_gone_while_those_that_wait_are_still_applied()
    {
        var directory = Directory.CreateTempSubdirectory("docket-purge-").FullName;
        try
        {
            await using (var server = await TestServer.StartAsync(directory))
            {
                var id = await CreateAsync(server, "Mrkr", null, "Mrkr");
                using (var file = new Connection(server.PortalFile, create: false))
                {
                    // A job in the middle of a chunk, and a canceled one whose inputs were not removed yet.
                    file.Execute("""
                        INSERT INTO job (number, status, open, whole, kind, helps, object_type, source_type, source_id, requested, started, completed, inputs, done, created, updated, unchanged, failed) VALUES
                          (1, 2, 0, 0, 0, 0, 'tickets', 'INTEGRATION', '0', 1, 1, NULL, 6, 3, 1, 0, 0, 2),
                          (2, 4, 0, 0, 0, 0, 'tickets', 'INTEGRATION', '0', 1, 1, 9999999999999, 1, 0, 0, 0, 0, 0);
                        INSERT INTO job_chunk (job, first, count, lines) VALUES
                          (1, 1, 4, CAST('{"properties":{"subject":"Mrkr"}}' || char(10) || char(10) || '{"properties":{"subject":"waits","hs_pipeline_stage":"1"}}' || char(10) || '"no object"' || char(10) AS BLOB)),
                          (1, 5, 1, CAST('{"properties":{"subject":"waits too","hs_pipeline_stage":"1"}}' || char(10) AS BLOB)),
                          (2, 0, 1, CAST('{"properties":{"subject":"Mrkr"}}' || char(10) AS BLOB));
                        """);
                }

                Assert.True(Occurrences(server, "Mrkr") > 2);
                (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(204);
                Assert.Equal(0, Occurrences(server, "Mrkr"));
            }

            await using var again = await TestServer.StartAsync(directory);
            var job = await again.EndOfJobAsync("1");
            Assert.Equal(("COMPLETE", "6", "3", "3"), (job["status"], job["done"], job["created"], job["failed"]));
            Assert.Equal(["waits", "waits too"], (await again.GetAsync($"{Tickets}?properties=subject")).Json!["results"]!.AsArray().Select(ticket => ticket!["properties"]!["subject"]!.ToString()));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rejected_inputs_of_a_job_are_gone_and_errors_that_name_the_ticket_by_its_key(bool archived)
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = await CreateAsync(server, "Mrkr", "Mrkr \"1\"", "Mrkr");
        const string rows = """
            {"idProperty":"ext_id","id":"Mrkr \"1\"","properties":{"hs_pipeline_stage":"99"}}
            {"idProperty":"ext_id","id":"else","properties":{"subject":"Mrkr","hs_pipeline_stage":"99"}}
            {"idProperty":"ext_id","id":"good","properties":{"hs_pipeline_stage":"1"}}
            """;
        var job = (await SendAsync(server, rows, "application/x-ndjson", "respond-async", null, "upsert")).Expect(202)["id"]!;
        await server.EndOfJobAsync(job);
        Assert.Contains("Mrkr", await server.Http.GetStringAsync($"/docket/v1/jobs/{job}/rejected", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        if (archived)
        {
            (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
        }

        (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(204);
        Assert.Equal(0, Occurrences(server, "Mrkr"));
        var results = (await server.GetAsync($"/docket/v1/jobs/{job}/results?failed=true")).Expect(200);
        Assert.Equal((1, "else"), (results.Count("results"), results["results[0].error.context.id[0]"]));
        var rejected = JsonNode.Parse(await server.Http.GetStringAsync($"/docket/v1/jobs/{job}/rejected", TestContext.Current.CancellationToken))!;
        Assert.Equal(results.Json!["results"]![0]!["error"]!.ToJsonString(), rejected["error"]!.ToJsonString());
        Assert.Null(rejected["id"]);
    }

    [Fact]
    public async Task Kept_answers_and_results_of_jobs_no_longer_name_a_purged_ticket_or_those_merged_into_it()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var one = await CreateAsync(server, "one", "Mrkr-1", "");
        var other = await CreateAsync(server, "other", "Mrkr-2", "");
        static string Input(string key, string rest = "") => $$$"""{"properties":{"ext_id":"{{{key}}}","hs_pipeline_stage":"1"}{{{rest}}}}""";
        var traced = $$"""{"inputs":[{{Input("Mrkr-1", ",\"objectWriteTraceId\":\"t\"")}},{{Input("neighbour", ",\"objectWriteTraceId\":\"u\"")}}]}""";

        // Row by row, as a whole with several inputs, and as a whole with a single one, whose error has the id in its message only.
        await SendAsync(server, string.Join('\n', Input("Mrkr-1"), Input("Mrkr-2"), Input("else")), "application/x-ndjson", "respond-async", null);
        await SendAsync(server, $$"""{"inputs":[{{Input("Mrkr-1")}},{{Input("new")}}]}""", "application/json", "respond-async", null);
        await SendAsync(server, $$"""{"inputs":[{{Input("Mrkr-1")}}]}""", "application/json", "respond-async", null);
        var kept = (await SendAsync(server, traced, "application/json", null, "kept")).Expect(207);
        string[] jobs = [.. await Task.WhenAll(((string[])["1", "2", "3"]).Select(async job => (await server.EndOfJobAsync(job)).Text + (await server.GetAsync($"/docket/v1/jobs/{job}/results")).Text))];
        Assert.All([.. jobs, kept.Text], text => Assert.Contains("Mrkr-1", text, StringComparison.Ordinal));
        Assert.DoesNotContain($"\"{one}\"", jobs[2], StringComparison.Ordinal);

        var merged = (await server.PostAsync($"{Tickets}/merge", $$"""{"primaryObjectId":"{{one}}","objectIdToMerge":"{{other}}"}""")).Expect(200)["id"]!;
        (await server.PostAsync(Purge, $$"""{"objectId":"{{merged}}"}""")).Expect(204);

        var rows = (await server.GetAsync("/docket/v1/jobs/1/results")).Expect(200);
        Assert.Equal("""{"index":0,"deletedForGood":true} {"index":1,"deletedForGood":true}""", string.Join(' ', rows.Json!["results"]!.AsArray().Take(2).Select(row => row!.ToJsonString())));
        Assert.Equal("else", rows["results[2].result.properties.ext_id"]);
        foreach (var job in (string[])["2", "3"])
        {
            Assert.Equal("The answer to this request was about an object that has been permanently deleted", (await server.GetAsync($"/docket/v1/jobs/{job}"))["error.message"]);
        }

        Assert.DoesNotContain("Mrkr", (await SendAsync(server, traced, "application/json", null, "kept")).Expect(410).Text, StringComparison.Ordinal);
        Assert.Equal(0, Occurrences(server, "Mrkr"));
    }

    static async Task<Answer> SendAsync(TestServer server, string body, string type, string? prefer, string? key, string kind = "create")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{Tickets}/batch/{kind}") { Content = new StringContent(body, Encoding.UTF8, type) };
        foreach (var (name, value) in ((string, string?)[])[("Prefer", prefer), ("Idempotency-Key", key)])
        {
            if (value is not null)
            {
                request.Headers.Add(name, value);
            }
        }

        using var response = await server.Http.SendAsync(request);
        return await Answer.OfAsync(response);
    }

    static async Task<string> CreateAsync(TestServer server, string subject, string? key, string content)
    {
        var properties = new JsonObject { ["subject"] = subject, ["content"] = content, ["hs_pipeline_stage"] = "1" };
        if (key is not null)
        {
            properties["ext_id"] = key;
        }

        return (await server.PostAsync(Tickets, new JsonObject { ["properties"] = properties }.ToJsonString())).Expect(201)["id"]!;
    }

    static async Task<Dictionary<string, string>> ListAsync(TestServer server)
    {
        var tickets = new Dictionary<string, string>();
        for (var next = $"{Tickets}?limit=100"; next is not null;)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            foreach (var ticket in page.Json!["results"]!.AsArray())
            {
                tickets.Add(ticket!["id"]!.ToString(), ticket.ToJsonString());
            }

            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        return tickets;
    }

    static string Filler(Random random) => new('n', random.Next(5) == 0 ? random.Next(10_000) : random.Next(600));

    static int Occurrences(TestServer server, string marker)
    {
        var count = 0;
        foreach (var path in Directory.GetFiles(server.DataDirectory, "portal-*"))
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            for (var rest = bytes.AsSpan(); rest.IndexOf(Encoding.ASCII.GetBytes(marker)) is var at and >= 0; rest = rest[(at + 1)..])
            {
                count++;
            }
        }

        return count;
    }
}
