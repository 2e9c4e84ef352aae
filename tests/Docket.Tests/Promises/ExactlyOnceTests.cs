using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>
/// Each input of a job, and each request with an <c>Idempotency-Key</c>, is applied exactly once, also when the process is
/// killed in the midst. Shown with creates: a second one would be a second ticket.
/// </summary>
public sealed class ExactlyOnceTests
{
    const string Tickets = "/crm/v3/objects/tickets", Create = Tickets + "/batch/create", Jobs = "/docket/v1/jobs";
    const int Inputs = 20_000, Kills = 6;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Category", "Slow")]
    public Task A_job_that_is_killed_again_and_again_applies_each_input_once() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-once-").FullName;
        await using var last = await KillAsync(directory, random, Create, Line);
        var job = await EndAsync(last, "1");
        Assert.Equal(("COMPLETE", Inputs, Inputs, "0"), (job["status"], int.Parse(job["done"]!), int.Parse(job["created"]!), job["failed"]));
        var tickets = await SubjectsAsync(last);
        Assert.Equal(Enumerable.Range(0, Inputs).Select(i => $"line {i}").Order(StringComparer.Ordinal), tickets.Values.Order(StringComparer.Ordinal));
        await AssertResultsAsync(last, "1", Inputs, tickets);
        Directory.Delete(directory, recursive: true);
    });

    [Fact]
    [Trait("Category", "Slow")]
    public Task A_job_that_repeats_each_record_five_times_and_is_killed_again_and_again_makes_each_change_once() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-once-").FullName;
        await using var last = await KillAsync(directory, random, Tickets + "/batch/upsert", i =>
            $$$"""{"idProperty":"hs_external_object_ids","id":"key {{{i / 5}}}","properties":{"subject":"line {{{i}}}","hs_pipeline_stage":"1"}}""");
        var job = await EndAsync(last, "1");
        Assert.Equal(("COMPLETE", Inputs / 5, Inputs - (Inputs / 5)), (job["status"], int.Parse(job["created"]!), int.Parse(job["updated"]!)));
        var subjects = new List<string>();
        for (var after = "0"; after is not null;)
        {
            var page = (await last.SendAsync(HttpMethod.Get, $"/docket/v1/changes?limit=1000&after={after}", "")).Expect(200);
            subjects.AddRange(page.Json!["results"]!.AsArray().Select(change => change!["changes"]!.AsArray().Single(value => value!["property"]!.ToString() == "subject")!["after"]!.ToString()));
            after = page["paging.next.after"];
        }

        Assert.Equal(Enumerable.Range(0, Inputs).Select(i => $"line {i}"), subjects);
        Directory.Delete(directory, recursive: true);
    });

    /// <summary>Sends a job, kills the server in the midst of it several times, and gives one that goes on to the end.</summary>
    static async Task<ServerProcess> KillAsync(string directory, Random random, string path, Func<int, string> line)
    {
        var body = $$"""{"inputs":[{{string.Join(',', Enumerable.Range(0, Inputs).Select(line))}}]}""";
        string id;
        await using (var server = await ServerProcess.StartAsync(directory))
        {
            id = (await SendAsync(server, path, new StringContent(body, Encoding.UTF8, "application/json"), async: true)).Expect(202)["id"]!;
            server.Kill();
        }

        var seen = new List<int>();
        for (var kill = 0; kill < Kills; kill++)
        {
            await using var server = await ServerProcess.StartAsync(directory);
            seen.Add(await ReachAsync(server, id, seen.LastOrDefault() + random.Next(1, Inputs / Kills)));
            server.Kill();
        }

        Assert.Equal(seen.Order(), seen);
        Assert.Contains(seen, done => done is > 0 and < Inputs); // it was killed in the midst
        return await ServerProcess.StartAsync(directory);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public Task An_upload_of_lines_that_a_kill_ended_reports_exactly_what_it_did() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-once-").FullName;
        await using (var server = await ServerProcess.StartAsync(directory))
        {
            var lines = new StringBuilder();
            for (var i = 0; i < 300_000; i++)
            {
                lines.Append(Line(i)).Append('\n');
            }

            var upload = SendAsync(server, Create, new StringContent(lines.ToString(), Encoding.UTF8, "application/x-ndjson"), async: true);
            await ReachAsync(server, "1", random.Next(1, 20_000));
            server.Kill();
            await Assert.ThrowsAnyAsync<Exception>(() => upload);
        }

        await using var again = await ServerProcess.StartAsync(directory);
        var job = (await again.SendAsync(HttpMethod.Get, Jobs + "/1", "")).Expect(200);
        var done = int.Parse(job["done"]!);
        Assert.Equal("CANCELED", job["status"]);
        Assert.InRange(done, 1, int.Parse(job["inputs"]!));
        var tickets = await SubjectsAsync(again);
        Assert.Equal(Enumerable.Range(0, done).Select(i => $"line {i}").Order(StringComparer.Ordinal), tickets.Values.Order(StringComparer.Ordinal));
        await AssertResultsAsync(again, "1", done, tickets);
        Directory.Delete(directory, recursive: true);
    });

    [Fact]
    [Trait("Category", "Slow")]
    public Task Requests_with_a_key_that_are_sent_until_they_are_answered_are_done_once_whatever_is_killed() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-once-").FullName;
        var answers = new ConcurrentDictionary<int, string>();
        var wanted = Enumerable.Range(0, 300).ToArray();
        while (answers.Count < wanted.Length)
        {
            // Kills come after some answers, so that there is an end to it on a slow machine too.
            var target = answers.Count + random.Next(1, 40);
            await using var server = await ServerProcess.StartAsync(directory);
            var load = Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
            {
                foreach (var i in wanted.Where(i => i % 4 == worker && !answers.ContainsKey(i)))
                {
                    try
                    {
                        var answer = await SendAsync(server, i % 2 == 0 ? Tickets : Create, Content(i), key: $"key {i}");
                        answers[i] = answer.Expect(201).Text;
                    }
                    catch (Exception gone) when (gone is HttpRequestException or IOException or SocketException or OperationCanceledException) // the bare one when the server goes while a connection opens
                    {
                        return;
                    }
                }
            })).ToList();
            while (answers.Count < target && load.Exists(worker => !worker.IsCompleted))
            {
                await Task.Delay(1, Cancellation);
            }

            server.Kill();
            await Task.WhenAll(load);
        }

        await using var last = await ServerProcess.StartAsync(directory);
        Assert.Equal(wanted.Select(i => $"line {i}").Order(StringComparer.Ordinal), (await SubjectsAsync(last)).Values.Order(StringComparer.Ordinal));
        foreach (var i in wanted)
        {
            Assert.Equal(answers[i], (await SendAsync(last, i % 2 == 0 ? Tickets : Create, Content(i), key: $"key {i}")).Text);
        }

        Directory.Delete(directory, recursive: true);

        static StringContent Content(int i) => new(i % 2 == 0 ? Line(i) : $$"""{"inputs":[{{Line(i)}}]}""", Encoding.UTF8, "application/json");
    });

    [Fact]
    public async Task Of_many_requests_with_one_key_at_once_one_writes_and_the_others_wait_or_get_its_answer()
    {
        await using var server = await TestServer.StartAsync();
        for (var round = 0; round < 20; round++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, Tickets) { Content = new StringContent(Line(round), Encoding.UTF8, "application/json") };
                request.Headers.Add("Idempotency-Key", $"key {round}");
                using var response = await server.Http.SendAsync(request, Cancellation);
                return await Answer.OfAsync(response);
            }));
            Assert.All(answers, answer => Assert.True(answer.Status is 201 or 409, answer.Text));
            Assert.Single(answers.Where(answer => answer.Status == 201).Select(answer => answer.Text).Distinct());
            Assert.Single(answers, answer => answer.Status == 201 && !answer.Headers.Contains("Idempotent-Replayed"));
            Assert.All(answers.Where(answer => answer.Status == 409), answer => Assert.Contains("is still in progress", answer["message"], StringComparison.Ordinal));
        }

        Assert.Equal(20, (await server.GetAsync(Tickets + "?limit=100")).Count("results"));
    }

    static string Line(int number) => $$$"""{"properties":{"subject":"line {{{number}}}","hs_pipeline_stage":"1"}}""";

    static async Task<Answer> SendAsync(ServerProcess server, string path, HttpContent content, bool async = false, string? key = null)
    {
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Authorization = new("Bearer", TestServer.Token);
        if (async)
        {
            request.Headers.Add("Prefer", "respond-async");
        }

        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using var response = await http.SendAsync(request, Cancellation);
        return await Answer.OfAsync(response);
    }

    /// <summary>Waits until a job has done so much, and gives what it had done by then.</summary>
    static async Task<int> ReachAsync(ServerProcess server, string id, int wanted)
    {
        while (true)
        {
            var job = await server.SendAsync(HttpMethod.Get, $"{Jobs}/{id}", "");
            if (job.Status == 200 && int.Parse(job["done"]!) is var done && (done >= wanted || job["status"] == "COMPLETE"))
            {
                return done;
            }

            await Task.Delay(1, Cancellation);
        }
    }

    static async Task<Answer> EndAsync(ServerProcess server, string id)
    {
        while (true)
        {
            var job = await server.SendAsync(HttpMethod.Get, $"{Jobs}/{id}", "");
            if (job["status"] is "COMPLETE" or "CANCELED")
            {
                return job;
            }

            await Task.Delay(50, Cancellation);
        }
    }

    /// <summary>The subject of each ticket, by its id.</summary>
    static async Task<Dictionary<string, string>> SubjectsAsync(ServerProcess server)
    {
        var subjects = new Dictionary<string, string>();
        for (var after = "0"; after is not null;)
        {
            var page = (await server.SendAsync(HttpMethod.Get, $"{Tickets}?limit=100&properties=subject&after={after}", "")).Expect(200);
            foreach (var ticket in page.Json!["results"]!.AsArray())
            {
                subjects.Add(ticket!["id"]!.ToString(), ticket["properties"]!["subject"]!.ToString());
            }

            after = page["paging.next.after"];
        }

        return subjects;
    }

    /// <summary>The results contain every input, in order, with its ticket.</summary>
    static async Task AssertResultsAsync(ServerProcess server, string id, int count, Dictionary<string, string> tickets)
    {
        var index = 0;
        for (var after = "0"; after is not null;)
        {
            var page = (await server.SendAsync(HttpMethod.Get, $"{Jobs}/{id}/results?after={after}", "")).Expect(200);
            foreach (JsonNode? row in page.Json!["results"]!.AsArray())
            {
                Assert.Equal(index, (int)row!["index"]!);
                Assert.Equal($"line {index++}", tickets[row["result"]!["id"]!.ToString()]);
            }

            after = page["paging.next.after"];
        }

        Assert.Equal(count, index);
    }
}
