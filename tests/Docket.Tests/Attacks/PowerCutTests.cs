using System.Diagnostics;
using System.Text.Json.Nodes;
using Docket.Sqlite;

namespace Docket.Tests.Attacks;

/// <summary>
/// Promises 1 and 2 against power cuts: a server's writes and syncs are recorded while clients write, and what a disk may
/// hold at any moment of the recording is opened again. It is a beginning of what happened, with all that was acknowledged.
/// </summary>
public sealed class PowerCutTests
{
    const int Images = 100, EarlyImages = 25, Clients = 4, Requests = 30;
    const string Tickets = "/crm/v3/objects/tickets", Upsert = Tickets + "/batch/upsert", Properties = "/crm/v3/properties/tickets", Apps = "/docket/v1/apps", Jobs = "/docket/v1/jobs";

    /// <summary>A request of a client, and when it was acknowledged: both as positions in the recording.</summary>
    sealed class Wish(string name, long sentAt)
    {
        /// <summary>What is found in the feed, or in the list of apps, properties or jobs.</summary>
        public string Name { get; set; } = name;

        public long SentAt { get; } = sentAt;

        public long AcknowledgedAt { get; set; } = long.MaxValue;
    }

    readonly List<Wish> wishes = [];
    int number;

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public Task What_a_power_cut_leaves_is_a_beginning_of_what_happened_with_all_that_was_acknowledged() => Seed.PlayAsync(async random =>
    {
        using var disk = await Disk.MakeAsync(records: true);
        List<JsonNode> feed = [];
        var served = 0L;
        for (var start = 0; start < 3; start++)
        {
            await using var server = await disk.StartAsync();
            if (start == 0)
            {
                served = disk.Position;
                (await server.SendAsync(HttpMethod.Post, Properties, """{"name":"ext_id","label":"Key","type":"string","fieldType":"text","groupName":"ticketinformation","hasUniqueValue":true}""")).Expect(201);
            }

            await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => LoadAsync(disk, server, new Random(random.Next()))));
            await EndJobsAsync(path => server.SendAsync(HttpMethod.Get, path, ""));
            feed = await FeedAsync(path => server.SendAsync(HttpMethod.Get, path, ""));
            using var end = Process.Start("kill", ["-TERM", server.Id.ToString()]);
            await server.EndAsync();
        }

        var entries = disk.Entries().ToList();
        var chosen = Choose(entries, served, random);
        var platter = new Platter(disk.Folder);
        var checks = 0;
        for (var i = 0; i < entries.Count; i++)
        {
            platter.Take(entries[i]);
            if (!chosen.Contains(i))
            {
                continue;
            }

            var image = Directory.CreateTempSubdirectory("docket-image-").FullName;
            platter.CutPower(image, random);
            try
            {
                await CheckAsync(image, entries[i].Position, served, feed);
                checks++;
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"The power cut after call {i} of {entries.Count} ({entries[i].Kind}) is kept in {image}. {failure.Message}", failure);
            }

            Directory.Delete(image, recursive: true);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{checks} power cuts within {entries.Count} calls, {entries.Count(entry => entry.Kind == Disk.EntryKind.SyncEnd)} of them syncs; {feed.Count} changes");
    });

    /// <summary>Moments of all kinds, and more of those about a sync or a change of names.</summary>
    static HashSet<int> Choose(List<Disk.Entry> entries, long served, Random random)
    {
        var first = entries.FindIndex(entry => entry.Position > served);
        var turns = Enumerable.Range(0, entries.Count).Where(i => entries[i].Kind is not (Disk.EntryKind.Write or Disk.EntryKind.Open)).ToList();
        return
        [
            .. Enumerable.Range(0, EarlyImages).Select(_ => random.Next(first)),
            .. Enumerable.Range(0, Images / 2).Select(_ => random.Next(entries.Count)),
            .. Enumerable.Range(0, Images / 2).Select(_ => Math.Max(0, turns[random.Next(turns.Count)] - random.Next(2))),
            entries.Count - 1,
        ];
    }

    async Task LoadAsync(Disk disk, ServerProcess server, Random random)
    {
        var made = new List<string>();
        for (var request = 0; request < Requests; request++)
        {
            var name = $"{Interlocked.Increment(ref number)}";
            switch (random.Next(20))
            {
                case 0:
                    await WishAsync($"app {name}", HttpMethod.Post, Apps, $$"""{"name":"app {{name}}","scopes":["tickets"]}""", 201);
                    break;
                case 1:
                    await WishAsync($"property p_{name}", HttpMethod.Post, Properties, $$"""{"name":"p_{{name}}","label":"P","type":"string","fieldType":"text","groupName":"ticketinformation"}""", 201);
                    break;
                case 2:
                    var wish = new Wish("", disk.Position);
                    var rows = Enumerable.Range(0, 3).Select(i => $$$"""{"properties":{"subject":"job {{{name}}} {{{i}}}","hs_pipeline_stage":"1"}}""");
                    var accepted = (await server.SendAsync(HttpMethod.Post, Tickets + "/batch/create", $$"""{"inputs":[{{string.Join(',', rows)}}]}""", prefer: "respond-async")).Expect(202);
                    (wish.Name, wish.AcknowledgedAt) = ($"job {accepted["id"]} {name}", disk.Position);
                    Note(wish);
                    break;
                case 3 when made.Count > 0:
                    var id = made[random.Next(made.Count)];
                    made.Remove(id);
                    await WishAsync($"archive {id}", HttpMethod.Delete, $"{Tickets}/{id}", "", 204);
                    break;
                default:
                    var keys = Enumerable.Range(0, random.Next(1, 9)).Select(i => $"own-{name}-{i}").Concat(Enumerable.Range(0, 20).OrderBy(_ => random.Next()).Take(3).Select(i => $"shared-{i}"));
                    var inputs = keys.Select(key => new JsonObject
                    {
                        ["idProperty"] = "ext_id",
                        ["id"] = key,
                        ["properties"] = new JsonObject { ["subject"] = name, ["content"] = new string('c', random.Next(2_500)), ["hs_pipeline_stage"] = "1" },
                    });
                    var answer = await WishAsync($"batch {name}", HttpMethod.Post, Upsert, new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString(), 200);
                    made.Add(answer["results[0].id"]!);
                    break;
            }
        }

        async Task<Answer> WishAsync(string name, HttpMethod method, string path, string body, int status)
        {
            var wish = new Wish(name, disk.Position);
            var answer = (await server.SendAsync(method, path, body)).Expect(status);
            wish.AcknowledgedAt = disk.Position;
            Note(wish);
            return answer;
        }

        void Note(Wish wish)
        {
            lock (wishes)
            {
                wishes.Add(wish);
            }
        }
    }

    /// <summary>Opens the files after a power cut, and compares them with the feed of the server that wrote them.</summary>
    async Task CheckAsync(string image, long position, long served, List<JsonNode> whole)
    {
        var clock = new ManualClock();
        clock.Advance(DateTimeOffset.UtcNow - ManualClock.Beginning);
        await using (var server = await TestServer.StartAsync(image, clock: clock))
        {
            (await server.GetAsync(Tickets)).Expect(200);
            if (position > served)
            {
                await CheckAsync(server, position, whole);
            }

            var key = Guid.NewGuid().ToString();
            var made = (await server.PostAsync(Tickets, $$$"""{"properties":{"subject":"{{{key}}}","hs_pipeline_stage":"1"}}""")).Expect(201);
            var found = (await server.PostAsync(Tickets + "/search", $$"""{"filters":[{"propertyName":"subject","operator":"EQ","value":"{{key}}"}]}""")).Expect(200);
            Assert.Equal(made["id"], found["results[0].id"]);
        }

        foreach (var file in Directory.GetFiles(image, "*.db"))
        {
            using var connection = new Connection(file, create: false);
            Assert.Equal("ok", connection.QueryText("PRAGMA integrity_check"));
        }
    }

    async Task CheckAsync(TestServer server, long position, List<JsonNode> whole)
    {
        await EndJobsAsync(server.GetAsync);
        var feed = await FeedAsync(server.GetAsync);
        var common = feed.Zip(whole).TakeWhile(pair => pair.First.ToJsonString() == pair.Second.ToJsonString()).Count();
        Assert.All(feed[common..], change => Assert.StartsWith("job ", Subject(change), StringComparison.Ordinal)); // it has gone on with its jobs; else a beginning
        Assert.Equal(Enumerable.Range(1, feed.Count).Select(sequence => (long)sequence), feed.Select(change => (long)change["sequence"]!));

        var apps = await NamesAsync(server, Apps + "?limit=100", "name");
        var properties = await NamesAsync(server, Properties, "name");
        var jobs = await NamesAsync(server, Jobs + "?limit=100", "id");
        var places = new Dictionary<string, (int First, int Last)>();
        for (var i = 0; i < whole.Count; i++)
        {
            var name = whole[i]["kind"]!.ToString() == "archive" ? $"archive {whole[i]["objectId"]}" : $"batch {Subject(whole[i])}";
            places[name] = (places.TryGetValue(name, out var known) ? known.First : i, i);
        }

        foreach (var wish in wishes)
        {
            var (isThere, isHalf) = wish.Name.Split(' ') switch
            {
                ["app", ..] => (apps.Contains(wish.Name), false),
                ["property", var name] => (properties.Contains(name), false),
                ["job", var id, var name] => (jobs.Contains(id), jobs.Contains(id) && feed.Count(change => Subject(change).StartsWith($"job {name} ", StringComparison.Ordinal)) != 3),
                _ => (places[wish.Name].Last < common, places[wish.Name].First < common != places[wish.Name].Last < common),
            };
            Assert.False(isHalf, $"half of {wish.Name} is there");
            Assert.True(isThere || wish.AcknowledgedAt > position, $"{wish.Name} was acknowledged and is gone");
            Assert.True(!isThere || wish.SentAt <= position, $"{wish.Name} is there before it was sent"); // or the recording is not to be trusted
        }

        // The tickets match their changes, and the index has them all.
        var tickets = new Dictionary<string, string>();
        foreach (var change in feed)
        {
            if (change["kind"]!.ToString() == "archive")
            {
                tickets.Remove(change["objectId"]!.ToString());
            }
            else
            {
                tickets[change["objectId"]!.ToString()] = Subject(change);
            }
        }

        var listed = new Dictionary<string, string>();
        for (var next = Tickets + "?limit=100&properties=subject"; next is not null;)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            foreach (var ticket in page.Json!["results"]!.AsArray())
            {
                listed.Add(ticket!["id"]!.ToString(), ticket["properties"]!["subject"]!.ToString());
            }

            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        Assert.Equal(tickets.OrderBy(ticket => ticket.Key, StringComparer.Ordinal), listed.OrderBy(ticket => ticket.Key, StringComparer.Ordinal));
        Assert.Equal(tickets.Count.ToString(), (await server.PostAsync(Tickets + "/search", "{}")).Expect(200)["total"]);
    }

    static string Subject(JsonNode change) =>
        change["changes"]!.AsArray().FirstOrDefault(value => value!["property"]!.ToString() == "subject")?["after"]!.ToString() ?? "";

    static async Task<List<JsonNode>> FeedAsync(Func<string, Task<Answer>> get)
    {
        var feed = new List<JsonNode>();
        for (Answer page; (page = (await get($"/docket/v1/changes?limit=1000&after={feed.Count}")).Expect(200)).Count("results") > 0;)
        {
            feed.AddRange(page.Json!["results"]!.AsArray().Select(change => change!));
        }

        return feed;
    }

    static async Task EndJobsAsync(Func<string, Task<Answer>> get)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        enough.CancelAfter(TimeSpan.FromMinutes(1));
        foreach (var job in await NamesAsync(get, Jobs + "?limit=100", "id"))
        {
            while ((await get($"{Jobs}/{job}")).Expect(200)["status"] != "COMPLETE")
            {
                await Task.Delay(10, enough.Token);
            }
        }
    }

    static Task<HashSet<string>> NamesAsync(TestServer server, string path, string member) => NamesAsync(server.GetAsync, path, member);

    static async Task<HashSet<string>> NamesAsync(Func<string, Task<Answer>> get, string path, string member)
    {
        var names = new HashSet<string>();
        for (var next = path; next is not null;)
        {
            var page = (await get(next)).Expect(200);
            names.UnionWith(page.Json!["results"]!.AsArray().Select(entry => entry![member]!.ToString()));
            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        return names;
    }
}
