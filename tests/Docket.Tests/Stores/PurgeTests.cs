using System.Text;
using System.Text.Json.Nodes;
using Docket.Stores.Sqlite;

namespace Docket.Tests.Stores;

/// <summary>What is deleted for good is in no byte of any file any more: not in free places of pages, not in the log.</summary>
public sealed class PurgeTests
{
    const string Tickets = "/crm/v3/objects/tickets", Purge = "/docket/v1/objects/tickets/gdpr-delete";

    [Theory]
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
    public async Task While_another_program_reads_the_file_the_answer_says_that_traces_are_left_and_a_repetition_removes_them()
    {
        await using var server = await TestServer.StartAsync(busyTimeoutMs: 200);
        var id = await CreateAsync(server, "Mrkr", null, "Mrkr");
        using (var reader = new Connection(server.PortalFile, create: false))
        {
            reader.Execute("BEGIN");
            reader.QueryInteger("SELECT count(*) FROM record");
            var answer = (await server.PostAsync(Purge, $$"""{"objectId":"{{id}}"}""")).Expect(503);
            Assert.Equal($"The object is deleted, but traces of it are still in {Path.GetFileName(server.PortalFile)}: another program is reading it. Send the request again to have them removed.", answer["message"]);
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
                await CreateAsync(server, "Mrkr", null, new string('x', 500) + "Mrkr");
                file = server.PortalFile;
            }

            // As after the commit of a purge.
            using (var connection = new Connection(file, create: false))
            {
                connection.Execute("DELETE FROM record; UPDATE change SET content = x''; DELETE FROM stage_use; INSERT INTO cleaning (since) VALUES (1)");
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
