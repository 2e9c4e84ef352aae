using System.Text.Json.Nodes;

namespace Docket.Tests.Search;

/// <summary>Random tickets, written over HTTP in random order, and random searches in between that find what looking at every ticket finds.</summary>
public sealed class SearchModelTests
{
    const int Rounds = 45, SearchesEach = 22;
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    [Trait("Category", "Slow")]
    public Task Searches_find_what_looking_at_every_ticket_finds() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-search-").FullName;
        var searches = new RandomSearches(random);
        try
        {
            var server = await TestServer.StartAsync(directory);
            try
            {
                await MakePropertiesAsync(server);
                for (var round = 0; round < Rounds; round++)
                {
                    await WriteAsync(server, random, searches);
                    var tickets = await ReadAsync(server);
                    for (var i = 0; i < SearchesEach; i++)
                    {
                        await CompareAsync(server, random, tickets, searches.Search(tickets.Values));
                    }

                    if (round % 7 == 6)
                    {
                        var clock = server.Clock;
                        await server.DisposeAsync();
                        Harm(random, server.IndexFile);
                        server = await TestServer.StartAsync(directory, clock: clock);
                    }
                }
            }
            finally
            {
                await server.DisposeAsync();
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    });

    internal static async Task MakePropertiesAsync(TestServer server)
    {
        await server.CreatePropertyAsync("amount", "number", "number", unique: false);
        await server.CreatePropertyAsync("due", "date", "date", unique: false);
        await server.CreatePropertyAsync("seen_at", "datetime", "date", unique: false);
        await server.CreatePropertyAsync("urgent", "bool", "booleancheckbox", unique: false, Options("true", "false"));
        await server.CreatePropertyAsync("colour", "enumeration", "select", unique: false, Options("red", "green", "dark blue"));
        await server.CreatePropertyAsync("tags_set", "enumeration", "checkbox", unique: false, Options("a", "b", "c"));
    }

    static string Options(params string[] values) => $",\"options\":[{string.Join(',', values.Select(value => $"{{\"label\":\"{value}\",\"value\":\"{value}\"}}"))}]";

    static async Task WriteAsync(TestServer server, Random random, RandomSearches searches)
    {
        var ids = (await ReadAsync(server)).Keys.ToArray();
        var inputs = Enumerable.Range(0, random.Next(1, 9)).Select(_ => new JsonObject { ["properties"] = Json(searches.Values(isNew: true)) });
        (await server.PostAsync(Tickets + "/batch/create", new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString())).Expect(201);
        server.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(5)));
        if (ids.Length == 0)
        {
            return;
        }

        random.Shuffle(ids);
        foreach (var part in ids.Take(random.Next(1, 20)).Chunk(5))
        {
            var updates = part.Select(id => new JsonObject { ["id"] = id.ToString(), ["properties"] = Json(searches.Values(isNew: false)) });
            (await server.PostAsync(Tickets + "/batch/update", new JsonObject { ["inputs"] = new JsonArray([.. updates]) }.ToJsonString())).Expect(200);
            server.Clock.Advance(TimeSpan.FromSeconds(random.Next(100)));
        }

        if (random.Next(2) == 0)
        {
            (await server.DeleteAsync($"{Tickets}/{ids[^1]}")).Expect(204);
        }
    }

    static JsonObject Json(Dictionary<string, string> values) => [.. values.Select(value => KeyValuePair.Create(value.Key, (JsonNode?)value.Value))];

    static async Task<Dictionary<long, Dictionary<string, string>>> ReadAsync(TestServer server)
    {
        var tickets = new Dictionary<long, Dictionary<string, string>>();
        for (var next = $"{Tickets}?limit=100&properties={string.Join(',', RandomSearches.Kinds.Keys)}"; next is not null;)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            foreach (var ticket in page.Json!["results"]!.AsArray())
            {
                tickets[long.Parse(ticket!["id"]!.ToString())] = ticket["properties"]!.AsObject().ToDictionary(value => value.Key, value => value.Value?.ToString() ?? "");
            }

            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        return tickets;
    }

    static async Task CompareAsync(TestServer server, Random random, Dictionary<long, Dictionary<string, string>> tickets, Wanted wanted)
    {
        var expected = NaiveSearch.Find(tickets, RandomSearches.Kinds, wanted);
        var (found, limit) = (new List<long>(), random.Next(2) == 0 ? 200 : random.Next(3, 60));
        for (string? after = null; ;)
        {
            var body = wanted.ToJson(limit, after).ToJsonString(Relaxed);
            var page = await server.PostAsync(Tickets + "/search", body);
            Assert.True(page.Status == 200 && page["total"] == expected.Count.ToString(), $"expected {expected.Count} for {body}\n{page.Text[..Math.Min(page.Text.Length, 500)]}\nmissing: {string.Join(", ", expected.Take(5).Select(id => Shown(tickets[id], wanted)))}");
            found.AddRange(page.Json!["results"]!.AsArray().Select(ticket => long.Parse(ticket!["id"]!.ToString())));
            if (page["paging.next.after"] is not { } next)
            {
                break;
            }

            Assert.Equal(found.Count.ToString(), next);
            after = next;
        }

        var same = expected.Zip(found).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(expected.SequenceEqual(found), $"{wanted.ToJson(limit, null).ToJsonString(Relaxed)}\nfrom {same}: expected {string.Join(' ', expected.Skip(same).Take(4).Select(id => $"{id} {Shown(tickets[id], wanted)}"))}, found {string.Join(' ', found.Skip(same).Take(4).Select(id => $"{id} {Shown(tickets[id], wanted)}"))}");
    }

    static string Shown(Dictionary<string, string> ticket, Wanted wanted) =>
        string.Join(" | ", wanted.Groups.SelectMany(group => group).Select(condition => condition.Property).Append(wanted.Sort ?? "subject").Distinct().Select(name => $"{name}={ticket.GetValueOrDefault(name)}"));

    // Everything in the file is derived.
    static void Harm(Random random, string index)
    {
        var bytes = File.ReadAllBytes(index);
        switch (random.Next(7))
        {
            case 0:
                File.Delete(index);
                break;
            case 1:
                File.WriteAllBytes(index, bytes[..(bytes.Length / 2)]);
                break;
            case 2:
                File.WriteAllBytes(index, []);
                break;
            case 3:
                File.WriteAllText(index, "no index at all");
                break;
            case 4:
                bytes.AsSpan(bytes.Length / 3).Fill(0x5a); // found out by a search, or by the one who writes
                File.WriteAllBytes(index, bytes);
                break;
            default:
                break; // goes on from where it was
        }
    }

    static readonly System.Text.Json.JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
