using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Docket.Tests.Attacks;

/// <summary>
/// Many clients do everything at once. The change feed says in which order it happened: each write has its place there
/// between the requests before it and those after it, and each answer, a read's as a whole, is true at one such place.
/// </summary>
public sealed class RaceTests
{
    const int Clients = 12, Requests = 220, Keys = 40;
    const string Tickets = "/crm/v3/objects/tickets";

    /// <summary>A ticket after one of its changes.</summary>
    sealed record State(long Sequence, string? Subject, string? Key, string Stage, bool Archived, string? MergedInto)
    {
        public bool Active => !Archived && MergedInto is null;
    }

    /// <summary>A request and its answer, with moments of one clock that counts events.</summary>
    sealed record Call(string Kind, string Mark, int SentAt, int AnsweredAt, string[] Ids, string Value, Answer Answer);

    readonly ConcurrentQueue<Call> calls = [];
    readonly ConcurrentDictionary<string, bool> ids = [];

    /// <summary>What the feed says: each ticket's states in order, and the changes with the mark of the call that made them.</summary>
    readonly Dictionary<string, List<State>> states = [];
    readonly Dictionary<string, List<long>> marks = [];
    readonly Dictionary<string, List<(long Sequence, string Id)>> holders = [];
    int moment, marked;
    long newest;

    [Fact(Explicit = true)]
    public Task Whatever_races_each_answer_is_true_at_one_place_in_the_order_of_the_feed() => Seed.PlayAsync(async random =>
    {
        await using var server = await TestServer.StartWithKeyAsync();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => random.Next()).ToList().Select(seed => Task.Run(() => PlayAsync(server, new Random(seed)))));
        await ReplayAsync(server);

        var wrong = new List<string>();
        var bounds = Bounds();
        foreach (var (call, from, until) in bounds)
        {
            if (!IsTrue(call, from, until))
            {
                wrong.Add($"{call.Kind} {call.Mark} {string.Join(',', call.Ids)} {call.Value} between changes {from} and {until}: {call.Answer.Status} {(call.Answer.Text.Length > 300 ? call.Answer.Text[..300] : call.Answer.Text)}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{calls.Count} calls, {newest} changes; {string.Join(", ", calls.GroupBy(call => $"{call.Kind} {call.Answer.Status}").OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Count()} × {group.Key}"))}");
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {calls.Count} answers are true nowhere: {string.Join(", ", wrong.CountBy(text => text.Split(' ')[0]))}\n{string.Join("\n\n", wrong.Take(8))}");
        await CheckEndAsync(server);
    });

    async Task PlayAsync(TestServer server, Random random)
    {
        for (var request = 0; request < Requests; request++)
        {
            var mark = $"m{Interlocked.Increment(ref marked)}";
            var (one, other) = (Any(random), Any(random));
            var stage = $"{random.Next(1, 4)}";
            switch (random.Next(one is null ? 1 : 20))
            {
                case < 5:
                    var keys = Enumerable.Range(0, Keys).OrderBy(_ => random.Next()).Take(random.Next(1, 6)).Select(i => $"k{i}").ToArray();
                    var inputs = keys.Select(key => new JsonObject { ["idProperty"] = TestServer.Key, ["id"] = key, ["properties"] = new JsonObject { ["subject"] = mark, ["hs_pipeline_stage"] = stage } });
                    await CallAsync("upsert", mark, keys, "", HttpMethod.Post, Tickets + "/batch/upsert", new JsonObject { ["inputs"] = new JsonArray([.. inputs]) }.ToJsonString());
                    break;
                case < 7:
                    await CallAsync("update", mark, [one!], "", HttpMethod.Patch, $"{Tickets}/{one}", $$$"""{"properties":{"subject":"{{{mark}}}","hs_pipeline_stage":"{{{stage}}}"}}""");
                    break;
                case 7:
                    var wanted = $"k{random.Next(Keys)}";
                    await CallAsync("rekey", mark, [one!], wanted, HttpMethod.Patch, $"{Tickets}/{one}", $$$"""{"properties":{"subject":"{{{mark}}}","{{{TestServer.Key}}}":"{{{wanted}}}"}}""");
                    break;
                case < 10:
                    await CallAsync("archive", mark, [one!], "", HttpMethod.Delete, $"{Tickets}/{one}", null);
                    break;
                case < 12:
                    await CallAsync("restore", mark, [one!], "", HttpMethod.Post, $"/docket/v1/objects/tickets/{one}/restore", $$$"""{"properties":{"subject":"{{{mark}}}"}}""");
                    break;
                case 12:
                    await CallAsync("merge", mark, [one!, other!], "", HttpMethod.Post, Tickets + "/merge", $$"""{"primaryObjectId":"{{one}}","objectIdToMerge":"{{other}}"}""");
                    break;
                case < 15:
                    var some = Enumerable.Range(0, 12).Select(_ => Any(random)!).Distinct().ToArray();
                    await CallAsync("read", mark, some, "", HttpMethod.Post, Tickets + "/batch/read", new JsonObject { ["properties"] = new JsonArray("subject", "hs_pipeline_stage"), ["inputs"] = new JsonArray([.. some.Select(id => new JsonObject { ["id"] = id })]) }.ToJsonString());
                    break;
                case < 18:
                    await CallAsync("search", mark, [], stage, HttpMethod.Post, Tickets + "/search", $$"""{"filters":[{"propertyName":"hs_pipeline_stage","operator":"EQ","value":"{{stage}}"}],"properties":["subject","hs_pipeline_stage"],"limit":200}""");
                    break;
                case 18:
                    await CallAsync("schema", mark, [], "", HttpMethod.Patch, $"/crm/v3/properties/tickets/{TestServer.Key}", $$"""{"label":"{{mark}}"}""");
                    break;
                default:
                    await CallAsync("purge", mark, [], "", HttpMethod.Post, "/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"p-{{mark}}","idProperty":"{{TestServer.Key}}"}""");
                    break;
            }
        }

        async Task CallAsync(string kind, string mark, string[] about, string value, HttpMethod method, string path, string? body)
        {
            if (kind == "purge")
            {
                (await server.PostAsync(Tickets, $$$"""{"properties":{"{{{TestServer.Key}}}":"p-{{{mark}}}","hs_pipeline_stage":"4"}}""")).Expect(201); // one that nobody else knows
            }

            var sentAt = Interlocked.Increment(ref moment);
            var answer = await server.SendAsync(method, path, body);
            calls.Enqueue(new(kind, mark, sentAt, Interlocked.Increment(ref moment), about, value, answer));
            foreach (var made in kind == "merge" ? [answer.Json] : kind == "upsert" ? answer.Json!["results"]?.AsArray().Select(result => result) ?? [] : Enumerable.Empty<JsonNode?>())
            {
                if (answer.Status == 200)
                {
                    ids[made!["id"]!.ToString()] = true;
                }
            }
        }
    }

    string? Any(Random random)
    {
        var known = ids.Keys.Order(StringComparer.Ordinal).ToArray();
        return known.Length == 0 ? null : random.Next(4) > 0 ? known[Math.Max(0, known.Length - 1 - random.Next(12))] : known[random.Next(known.Length)];
    }

    /// <summary>Reads the feed from its beginning.</summary>
    async Task ReplayAsync(TestServer server)
    {
        for (Answer page; (page = (await server.GetAsync($"/docket/v1/changes?limit=1000&after={newest}")).Expect(200)).Count("results") > 0;)
        {
            foreach (var change in page.Json!["results"]!.AsArray())
            {
                Assert.Equal(newest + 1, (long)change!["sequence"]!);
                newest++;
                var (id, kind) = (change["objectId"]!.ToString(), change["kind"]!.ToString());
                var history = states.TryGetValue(id, out var known) ? known : states[id] = [];
                var state = (history.Count > 0 ? history[^1] : new State(0, null, null, "", false, null)) with { Sequence = newest };
                foreach (var value in change["changes"]?.AsArray() ?? [])
                {
                    var after = value!["after"]?.ToString();
                    state = value["property"]!.ToString() switch
                    {
                        "subject" => state with { Subject = after },
                        TestServer.Key => state with { Key = after },
                        "hs_pipeline_stage" => state with { Stage = after! },
                        _ => state,
                    };
                    if (value["property"]!.ToString() == "subject" && kind != "merge")
                    {
                        Note(after!);
                    }
                }

                state = kind switch
                {
                    "archive" or "purge" => state with { Archived = true },
                    "restore" => state with { Archived = false },
                    "mergedAway" => state with { MergedInto = change["mergedInto"]!.ToString() },
                    _ => state,
                };
                if (kind is "merge" or "purge")
                {
                    Note($"{kind} {id}");
                }

                history.Add(state);
                if (state.Key is { Length: > 0 } key)
                {
                    var list = holders.TryGetValue(key, out var those) ? those : holders[key] = [];
                    if (list.Count == 0 || list[^1].Id != id)
                    {
                        list.Add((newest, id));
                    }
                }

                void Note(string mark) => (marks.TryGetValue(mark, out var places) ? places : marks[mark] = []).Add(newest);
            }
        }
    }

    /// <summary>
    /// Between which changes each call took place: after all that was answered before it was sent, before all that was sent
    /// after its answer.
    /// </summary>
    List<(Call Call, long From, long Until)> Bounds()
    {
        var placed = calls.Select(call => (call.SentAt, call.AnsweredAt, Places: PlacesOf(call))).Where(write => write.Places.Count > 0).ToList();
        return [.. calls.Select(call => (call,
            placed.Where(write => write.AnsweredAt < call.SentAt).Select(write => write.Places[^1]).DefaultIfEmpty(0).Max(),
            placed.Where(write => write.SentAt > call.AnsweredAt).Select(write => write.Places[0] - 1).DefaultIfEmpty(newest).Min()))];
    }

    List<long> PlacesOf(Call call) => marks.GetValueOrDefault(call.Kind == "merge" && call.Answer.Status == 200 ? $"merge {call.Answer["id"]}" : call.Mark, []);

    bool IsTrue(Call call, long from, long until)
    {
        var places = PlacesOf(call);
        if (places.Count > 0 && (places[0] <= from || places[^1] > until || places[^1] - places[0] >= places.Count || call.Answer.Status is not (200 or 201)))
        {
            return false; // out of order, not at once, or written and refused
        }

        switch (call.Kind, call.Answer.Status)
        {
            case ("upsert", 200):
                return places.Count == call.Ids.Length && call.Answer.Json!["results"]!.AsArray().Select(result => result!).All(result =>
                    At(result["id"]!.ToString(), places[0] - 1) is { Active: true } != (bool)result["new"]!
                    && places.Any(place => At(result["id"]!.ToString(), place) is { } state && state.Sequence == place && state.Subject == call.Mark && call.Ids.Contains(state.Key)));
            case ("update" or "rekey", 200):
                return places.Count == 1 && Follow(call.Ids[0], places[0] - 1) == call.Answer["id"] && At(call.Answer["id"]!, places[0])!.Sequence == places[0];
            case ("update" or "rekey", 404):
                return Somewhere(place => At(Follow(call.Ids[0], place), place) is not { Active: true });
            case ("rekey", 400):
                return Somewhere(place => Holds(call.Value, place) is { } holder && holder != Follow(call.Ids[0], place));
            case ("archive", 204):
                return Somewhere(place => At(call.Ids[0], place) is not { Active: true });
            case ("restore", 200):
                return places.Count == 1 && At(Follow(call.Ids[0], places[0] - 1), places[0] - 1) is { Archived: true };
            case ("restore", 400):
                return Somewhere(place => At(Follow(call.Ids[0], place), place) is { } state && (!state.Archived || Holds(state.Key, place) is not null));
            case ("merge", 200):
                return places.Count == 1 && call.Ids.All(id => At(Follow(id, places[0] - 3), places[0] - 3) is { Active: true });
            case ("merge", 404):
                return Somewhere(place => call.Ids.Any(id => At(Follow(id, place), place) is not { Active: true }));
            case ("merge", 400):
                return Somewhere(place => Follow(call.Ids[0], place) == Follow(call.Ids[1], place));
            case ("read", 200 or 207):
                var read = call.Answer.Json!["results"]!.AsArray().ToDictionary(result => result!["id"]!.ToString(), result => result!["properties"]!);
                return Somewhere(place => call.Ids.All(id => At(id, place) is not { } state || state.MergedInto is not null // where those lead is another matter
                    || (state.Active ? read.TryGetValue(id, out var shown) && Same(shown, state) : !read.ContainsKey(id))));
            case ("search", 200):
                var found = call.Answer.Json!["results"]!.AsArray().ToDictionary(result => result!["id"]!.ToString(), result => result!["properties"]!);
                var total = int.Parse(call.Answer["total"]!);
                return Somewhere(place =>
                {
                    var those = states.Keys.Select(id => (Id: id, State: At(id, place))).Where(ticket => ticket.State is { Active: true } state && state.Stage == call.Value).ToList();
                    return those.Count == total && found.Count == Math.Min(200, total) && found.All(ticket => At(ticket.Key, place) is { Active: true } state && Same(ticket.Value, state));
                });
            case ("schema", 200) or ("purge", 204):
                return true;
            default:
                return false;
        }

        bool Somewhere(Func<long, bool> isTrue)
        {
            for (var place = from; place <= until; place++)
            {
                if (isTrue(place))
                {
                    return true;
                }
            }

            return false;
        }
    }

    static bool Same(JsonNode shown, State state) => shown["subject"]?.ToString() == state.Subject && shown["hs_pipeline_stage"]?.ToString() == state.Stage;

    /// <summary>A ticket after a change of the portal; <c>null</c> before it was made.</summary>
    State? At(string id, long place)
    {
        if (!states.TryGetValue(id, out var history))
        {
            return null;
        }

        var (low, high) = (0, history.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = history[middle].Sequence <= place ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? null : history[low - 1];
    }

    string Follow(string id, long place)
    {
        while (At(id, place)?.MergedInto is { } into)
        {
            id = into;
        }

        return id;
    }

    string? Holds(string? key, long place) =>
        key is { Length: > 0 } && holders.TryGetValue(key, out var those) ? those.Select(holder => holder.Id).Distinct().FirstOrDefault(id => At(id, place) is { Active: true } state && state.Key == key) : null;

    /// <summary>What is stored is what the feed says, in the list and by key.</summary>
    async Task CheckEndAsync(TestServer server)
    {
        var listed = new Dictionary<string, JsonNode>();
        for (var next = $"{Tickets}?limit=100&properties=subject,hs_pipeline_stage,{TestServer.Key}"; next is not null;)
        {
            var page = (await server.GetAsync(next)).Expect(200);
            foreach (var ticket in page.Json!["results"]!.AsArray())
            {
                listed.Add(ticket!["id"]!.ToString(), ticket["properties"]!);
            }

            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        Assert.Equal(states.Where(ticket => ticket.Value[^1].Active).Select(ticket => ticket.Key).Order(StringComparer.Ordinal), listed.Keys.Order(StringComparer.Ordinal));
        Assert.All(listed, ticket => Assert.True(Same(ticket.Value, states[ticket.Key][^1]), $"{ticket.Key} is {ticket.Value.ToJsonString()}"));
        var keys = listed.Values.Select(ticket => ticket[TestServer.Key]?.ToString() ?? "").Where(key => key.Length > 0).ToList();
        Assert.Equal(keys.Count, keys.Distinct().Count());
    }
}
