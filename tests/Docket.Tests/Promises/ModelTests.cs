using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>
/// A random workload over HTTP, compared with a small model: after every answer both have the same tickets, values, owners of unique
/// values, archives, merges and history, also after restarts.
/// </summary>
public sealed class ModelTests
{
    const int Steps = 900, CheckEvery = 60, RestartEvery = 180;
    const string Tickets = "/crm/v3/objects/tickets";

    static readonly string[] Keys = ["ext_a", "ext_b"], Shown = ["ext_a", "ext_b", "subject", "tags_set", "hs_pipeline_stage"];

    /// <summary>One ticket as it should be. A value that was cleared is empty; one that was never set is not there.</summary>
    sealed class Ticket
    {
        public Dictionary<string, string> Values { get; private init; } = [];

        /// <summary>The earlier values of the subject, oldest first.</summary>
        public List<string> Subjects { get; private set; } = [];

        public int Changes { get; set; }

        /// <summary>How many of the changes are those of the ticket that was the primary of a merge.</summary>
        public int Inherited { get; private init; }

        public bool Archived { get; set; }

        /// <summary>The ticket that it became part of.</summary>
        public long? MergedInto { get; set; }

        public bool Active => !Archived && MergedInto is null;

        public Ticket Copy() => new() { Values = new(Values), Subjects = [.. Subjects], Changes = Changes, Inherited = Inherited, Archived = Archived, MergedInto = MergedInto };

        /// <summary>What becomes of a primary and another: a value that the primary has none of, or an empty one, is the other's.</summary>
        public static Ticket Merge(Ticket primary, Ticket other)
        {
            var merged = new Ticket { Values = new(primary.Values), Subjects = [.. primary.Subjects], Changes = primary.Changes + 1, Inherited = primary.Changes };
            foreach (var (name, theirs) in other.Values)
            {
                if (primary.Values.TryGetValue(name, out var mine) && (mine.Length > 0 || theirs.Length == 0))
                {
                    continue;
                }

                merged.Values[name] = theirs;
                if (name == "subject")
                {
                    merged.Subjects = [.. other.Subjects];
                }
            }

            if (merged.Values.TryGetValue("subject", out var subject))
            {
                merged.Subjects.Add(subject);
            }

            return merged;
        }
    }

    /// <summary>One wanted write.</summary>
    sealed record Wanted(string? Key, string? Id, Dictionary<string, string> Values, string? Trace = null);

    enum Kind
    {
        Create,
        Update,
        Upsert,
        Archive,
    }

    /// <summary>What an answer should be: its status, and for each input the ticket it is about, or none when it failed.</summary>
    sealed record Expected(int Status, long?[] Ids);

    /// <summary>All tickets by id. New ones have provisional, negative ids until the answer contains the real ones.</summary>
    Dictionary<long, Ticket> tickets = [];
    long provisional;

    [Fact]
    [Trait("Category", "Slow")]
    public Task The_server_and_a_simple_model_agree() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-model-").FullName;
        try
        {
            var server = await TestServer.StartAsync(directory);
            try
            {
                await server.CreatePropertyAsync("ext_a");
                await server.CreatePropertyAsync("ext_b");
                await server.CreatePropertyAsync("tags_set", "enumeration", "checkbox", unique: false, ",\"options\":[{\"label\":\"A\",\"value\":\"a\"},{\"label\":\"B\",\"value\":\"b\"},{\"label\":\"C\",\"value\":\"c\"}]");
                for (var step = 1; step <= Steps; step++)
                {
                    await StepAsync(server, random);
                    server.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(3)));
                    if (step % RestartEvery == 0)
                    {
                        var clock = server.Clock;
                        await server.DisposeAsync();
                        await CheckTablesAsync(server);
                        server = await TestServer.StartAsync(directory, clock: clock);
                    }

                    if (step % CheckEvery == 0)
                    {
                        await CheckAsync(server, random);
                    }
                }

                Assert.True(tickets.Count > 100 && tickets.Values.Any(ticket => ticket.Archived) && tickets.Values.Any(ticket => ticket.MergedInto is not null));
            }
            finally
            {
                await server.DisposeAsync();
            }

            await CheckTablesAsync(server);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    });

    async Task StepAsync(TestServer server, Random random)
    {
        if (tickets.Count > 1 && random.Next(15) == 0)
        {
            await (random.Next(2) == 0 ? MergeAsync(server, Any(random), Any(random)) : RestoreAsync(server, random, Any(random)));
            return;
        }

        var kind = (Kind)(random.Next(10) switch { < 3 => 0, < 6 => 1, < 9 => 2, _ => 3 });
        if (kind == Kind.Upsert || random.Next(2) == 0)
        {
            await BatchAsync(server, kind, Inputs(random, kind));
        }
        else
        {
            await SingleAsync(server, kind, Input(random, kind));
        }
    }

    long Any(Random random) => tickets.Keys.Order().ElementAt(random.Next(tickets.Count));

    async Task MergeAsync(TestServer server, long primaryId, long otherId)
    {
        var (primary, other) = (Follow(tickets, primaryId), Follow(tickets, otherId));
        var expected = !tickets[primary].Active || !tickets[other].Active ? 404 : primary == other ? 400 : 200;
        var answer = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{primaryId}}","objectIdToMerge":"{{otherId}}"}""")).Expect(expected);
        if (expected != 200)
        {
            return;
        }

        var id = long.Parse(answer["id"]!);
        Assert.Equal(tickets.Keys.Where(any => Follow(tickets, any) == primary || Follow(tickets, any) == other).Order(), answer["properties.hs_merged_object_ids"]!.Split(';').Select(long.Parse).Order());
        tickets.Add(id, Ticket.Merge(tickets[primary], tickets[other]));
        foreach (var away in (long[])[primary, other])
        {
            tickets[away].MergedInto = id;
            tickets[away].Changes++;
        }
    }

    async Task RestoreAsync(TestServer server, Random random, long anyId)
    {
        var ticket = tickets[Follow(tickets, anyId)];
        var subject = random.Next(2) == 0 ? null : $"restored {random.Next(3)}";
        var isTaken = Keys.Any(key => ticket.Values.GetValueOrDefault(key) is { Length: > 0 } value && Holder(key, value) is not null);
        var expected = !ticket.Archived || isTaken ? 400 : 200;
        (await server.PostAsync($"/docket/v1/objects/tickets/{anyId}/restore", subject is null ? "{}" : $$$"""{"properties":{"subject":"{{{subject}}}"}}""")).Expect(expected);
        if (expected != 200)
        {
            return;
        }

        ticket.Archived = false;
        ticket.Changes++;
        if (subject is not null && ticket.Values.GetValueOrDefault("subject") != subject)
        {
            ticket.Values["subject"] = subject;
            ticket.Subjects.Add(subject);
        }
    }

    /// <summary>Where an id leads.</summary>
    static long Follow(Dictionary<long, Ticket> among, long id)
    {
        while (among[id].MergedInto is { } survivor)
        {
            id = survivor;
        }

        return id;
    }

    async Task SingleAsync(TestServer server, Kind kind, Wanted wanted)
    {
        var (before, expected) = (Copy(), Apply(kind, [wanted], single: true));
        var path = kind == Kind.Create ? Tickets : $"{Tickets}/{Uri.EscapeDataString(wanted.Id!)}{(wanted.Key is null ? "" : $"?idProperty={wanted.Key}")}";
        var method = kind switch { Kind.Create => HttpMethod.Post, Kind.Update => HttpMethod.Patch, _ => HttpMethod.Delete };
        var answer = await server.SendAsync(method, path, kind == Kind.Archive ? null : new JsonObject { ["properties"] = Json(wanted.Values) }.ToJsonString());
        Compare($"{kind} {path} {Text(wanted)}", before, expected, answer, answer.Status is 200 or 201 ? [answer.Json!] : []);
    }

    async Task BatchAsync(TestServer server, Kind kind, Wanted[] inputs)
    {
        var (before, expected) = (Copy(), Apply(kind, inputs, single: false));
        var body = new JsonObject { ["inputs"] = new JsonArray([.. inputs.Select(JsonNode (input) => Json(input))]) };
        var path = $"{Tickets}/batch/{kind.ToString().ToLowerInvariant()}";
        var answer = await server.PostAsync(path, body.ToJsonString());
        Compare($"{path} {string.Join(" | ", inputs.Select(Text))}", before, expected, answer, [.. answer.Json?["results"]?.AsArray().Select(result => result!) ?? []]);
    }

    /// <summary>The answer has the status the model has, and its results are the model's tickets, one by one.</summary>
    void Compare(string story, Dictionary<long, Ticket> before, Expected expected, Answer answer, JsonNode[] results)
    {
        Assert.True(expected.Status == answer.Status, $"expected {expected.Status}, got {answer.Status} for {story}\n{answer.Text}");
        if (answer.Status >= 400)
        {
            tickets = before;
            return;
        }

        if (answer.Status == 204)
        {
            return;
        }

        var ids = expected.Ids.Where(id => id is not null).Select(id => id!.Value).ToArray();
        Assert.True(ids.Length == results.Length, $"expected {ids.Length} results for {story}\n{answer.Text}");
        foreach (var (id, result) in ids.Zip(results))
        {
            var real = long.Parse(result["id"]!.ToString());
            Assert.True(id < 0 ? !tickets.ContainsKey(real) : id == real, $"{real} for {story}\n{answer.Text}");
            if (result["new"] is { } isNew)
            {
                Assert.Equal(id < 0, isNew.GetValue<bool>());
            }

            if (id < 0)
            {
                tickets.Remove(id, out var made);
                tickets.Add(real, made!);
            }

            foreach (var (name, value) in tickets[real].Values)
            {
                Assert.True(result["properties"]![name] is not { } shown || shown.ToString() == value, $"{name} should be {value} for {story}\n{answer.Text}");
            }
        }
    }

    /// <summary>The rules, as simply as they can be said. Changes the tickets; the caller goes back to a copy when nothing was to be written.</summary>
    Expected Apply(Kind kind, Wanted[] inputs, bool single)
    {
        var before = Copy();
        var ids = new long?[inputs.Length];
        var (faulty, missing, touched) = (false, false, new HashSet<long>());
        for (var i = 0; i < inputs.Length; i++)
        {
            var wanted = inputs[i];
            var id = kind == Kind.Create ? null : Find(before, wanted, follow: single && kind == Kind.Update);
            if (wanted.Key is not null && Holder(wanted.Key, wanted.Id!) is { } holder && holder != id)
            {
                return new(400, []); // an earlier input of the batch took the key
            }

            if (id is { } known && !touched.Add(known))
            {
                return new(400, []); // the same ticket twice
            }

            if (kind == Kind.Archive)
            {
                if (id is { } gone)
                {
                    tickets[gone].Archived = true;
                    tickets[gone].Changes++;
                }

                continue;
            }

            if (id is null && kind == Kind.Update)
            {
                missing = true;
                continue;
            }

            var after = id is { } there ? tickets[there].Copy() : new Ticket();
            if (!Change(after, wanted, id))
            {
                faulty = true;
                continue;
            }

            ids[i] = id ?? --provisional;
            tickets[ids[i]!.Value] = after;
            touched.Add(ids[i]!.Value);
        }

        var traced = inputs.All(input => input.Trace is not null);
        return kind == Kind.Archive ? new(204, [])
            : single && missing ? new(404, [])
            : faulty && (single || !traced) ? new(400, [])
            : new(faulty || missing ? 207 : kind == Kind.Create ? 201 : 200, ids);
    }

    bool Change(Ticket ticket, Wanted wanted, long? id)
    {
        var values = new Dictionary<string, string>(wanted.Values);
        if (id is null && wanted.Key is { } key)
        {
            values.TryAdd(key, wanted.Id!);
        }

        if (id is null && !values.ContainsKey("hs_pipeline_stage"))
        {
            return false;
        }

        var changed = id is null;
        foreach (var (name, value) in values)
        {
            if (Keys.Contains(name) && value.Length > 0 && Holder(name, value) is { } holder && holder != id)
            {
                return false;
            }

            var old = ticket.Values.GetValueOrDefault(name);
            var next = value.StartsWith(';') ? string.Join(';', ((old ?? "") + value).Split(';', StringSplitOptions.RemoveEmptyEntries).Distinct()) : value;
            if (old == next)
            {
                continue;
            }

            changed = true;
            ticket.Values[name] = next;
            if (name == "subject")
            {
                ticket.Subjects.Add(next);
            }
        }

        ticket.Changes += changed ? 1 : 0;
        return true;
    }

    static long? Find(Dictionary<long, Ticket> among, Wanted wanted, bool follow) =>
        wanted.Key is { } key ? Holder(among, key, wanted.Id!)
        : long.Parse(wanted.Id!) is var id && among.ContainsKey(id) && (follow ? Follow(among, id) : id) is var led && among[led].Active ? led : null;

    long? Holder(string key, string value) => Holder(tickets, key, value);

    static long? Holder(Dictionary<long, Ticket> among, string key, string value)
    {
        foreach (var (id, ticket) in among)
        {
            if (ticket.Active && ticket.Values.GetValueOrDefault(key) == value)
            {
                return id;
            }
        }

        return null;
    }

    Dictionary<long, Ticket> Copy() => tickets.ToDictionary(entry => entry.Key, entry => entry.Value.Copy());

    /// <summary>The server's lists, reads by key, history and counts match the model.</summary>
    async Task CheckAsync(TestServer server, Random random)
    {
        foreach (var archived in (bool[])[false, true])
        {
            var expected = tickets.Where(entry => entry.Value.Archived == archived && entry.Value.MergedInto is null).OrderBy(entry => entry.Key).ToList();
            var at = 0;
            for (var next = $"{Tickets}?limit={random.Next(20, 101)}&archived={(archived ? "true" : "false")}&properties={string.Join(',', Shown)}"; next is not null;)
            {
                var page = (await server.GetAsync(next)).Expect(200);
                foreach (var ticket in page.Json!["results"]!.AsArray())
                {
                    var (id, values) = (expected[at].Key, expected[at].Value.Values);
                    Assert.Equal(id.ToString(), ticket!["id"]!.ToString());
                    Assert.All(Shown, name => Assert.True(values.GetValueOrDefault(name) == ticket["properties"]![name]?.ToString(), $"{id} {name}: {values.GetValueOrDefault(name)} became {ticket["properties"]![name]}"));
                    at++;
                }

                next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
            }

            Assert.Equal(expected.Count, at);
            if (expected.Count > 0)
            {
                var (id, ticket) = expected[random.Next(expected.Count)];
                var read = (await server.GetAsync($"{Tickets}/{id}?archived={(archived ? "true" : "false")}&propertiesWithHistory=subject,hs_lastmodifieddate")).Expect(200);
                Assert.Equal(ticket.Subjects.AsEnumerable().Reverse().Take(20), (read.Json!["propertiesWithHistory"]!["subject"] as JsonArray ?? []).Select(entry => entry!["value"]!.ToString()));
                Assert.Equal(Math.Min(20, ticket.Changes), read.Count("propertiesWithHistory.hs_lastmodifieddate"));
            }
        }

        // Every id that was merged away leads to what it became part of.
        foreach (var id in tickets.Keys.Where(id => tickets[id].MergedInto is not null))
        {
            var survivor = Follow(tickets, id);
            Assert.Equal(survivor.ToString(), (await server.GetAsync($"{Tickets}/{id}?archived={(tickets[survivor].Archived ? "true" : "false")}")).Expect(200)["id"]);
        }

        foreach (var key in Keys)
        {
            var values = tickets.Values.Select(ticket => ticket.Values.GetValueOrDefault(key) ?? "").Where(value => value.Length > 0).Append("nobody's").Distinct().Order(StringComparer.Ordinal);
            foreach (var part in values.Chunk(100))
            {
                var body = new JsonObject { ["idProperty"] = key, ["properties"] = new JsonArray(key), ["inputs"] = new JsonArray([.. part.Select(value => new JsonObject { ["id"] = value })]) };
                var answer = await server.PostAsync(Tickets + "/batch/read", body.ToJsonString());
                Assert.Equal(
                    part.Select(value => (value, Holder(key, value)?.ToString())).Where(entry => entry.Item2 is not null),
                    answer.Json!["results"]!.AsArray().Select(result => (result!["properties"]![key]!.ToString(), (string?)result["id"]!.ToString())));
            }
        }

    }

    // What follows from changes is in the tables when the server has ended.
    async Task CheckTablesAsync(TestServer server)
    {
        using var tables = await server.OpenBackDoorAsync();
        foreach (var stage in (string[])["1", "2", "3", "4"])
        {
            Assert.Equal(
                $"{tickets.Values.Count(ticket => ticket.Active && ticket.Values["hs_pipeline_stage"] == stage)}",
                tables.QueryText($"SELECT coalesce((SELECT records FROM stage_use WHERE stage = '{stage}'), 0)"));
        }

        Assert.Equal($"{tickets.Values.Where(ticket => ticket.Active).Sum(ticket => Keys.Count(key => ticket.Values.GetValueOrDefault(key, "").Length > 0))}", tables.QueryText("SELECT count(*) FROM unique_value"));
        Assert.Equal($"{tickets.Values.Sum(ticket => ticket.Changes - ticket.Inherited)}", tables.QueryText("SELECT count(*) FROM change"));
    }

    // ---- what is sent

    Wanted[] Inputs(Random random, Kind kind)
    {
        var traced = random.Next(2) == 0;
        var inputs = Enumerable.Range(0, random.Next(1, 9)).Select(i => Input(random, kind) with { Trace = traced ? $"t{i}" : null });

        // The same key twice is refused before anything is looked up; the model needn't know.
        return [.. inputs.DistinctBy(input => kind == Kind.Create ? input : (object)(input.Key, input.Id))];
    }

    Wanted Input(Random random, Kind kind)
    {
        var values = new Dictionary<string, string>();
        if (kind != Kind.Archive)
        {
            Maybe(2, "subject", () => random.Next(8) == 0 ? "" : $"subject {random.Next(5)} é😀");
            Maybe(4, "tags_set", () => ((string[])["a", "b", "a;c", ";b", ";c;a", "c;b;a", ""])[random.Next(7)]);
            Maybe(4, "ext_a", () => random.Next(5) == 0 ? "" : Value(random));
            Maybe(4, "ext_b", () => random.Next(5) == 0 ? "" : Value(random));
            Maybe(kind == Kind.Update ? 3 : 1, "hs_pipeline_stage", () => $"{random.Next(1, 5)}");
            if (kind == Kind.Upsert && random.Next(12) == 0)
            {
                values.Remove("hs_pipeline_stage");
            }
        }

        if (values.Count == 0 && kind == Kind.Update)
        {
            values["subject"] = "something"; // an update of nothing is refused
        }

        if (kind == Kind.Create)
        {
            return new(null, null, values);
        }

        if (kind != Kind.Archive && (kind == Kind.Upsert || random.Next(2) == 0))
        {
            var key = Keys[random.Next(2)];
            values.Remove(kind == Kind.Upsert ? key : "");
            return new(key, Value(random), values);
        }

        return new(null, tickets.Count > 0 && random.Next(10) > 0 ? tickets.Keys.Order().ElementAt(random.Next(tickets.Count)).ToString() : "99", values);

        void Maybe(int oneIn, string name, Func<string> value)
        {
            if (random.Next(oneIn) == 0)
            {
                values[name] = value();
            }
        }
    }

    static string Value(Random random) => $"{(random.Next(2) == 0 ? "k" : "K")}{random.Next(60)}";

    static JsonObject Json(Dictionary<string, string> values) => new([.. values.Select(value => KeyValuePair.Create<string, JsonNode?>(value.Key, value.Value))]);

    static JsonObject Json(Wanted wanted)
    {
        var input = new JsonObject();
        foreach (var (name, value) in ((string, string?)[])[("id", wanted.Id), ("idProperty", wanted.Key), ("objectWriteTraceId", wanted.Trace)])
        {
            if (value is not null)
            {
                input[name] = value;
            }
        }

        input["properties"] = Json(wanted.Values);
        return input;
    }

    static string Text(Wanted wanted) => $"{wanted.Key}:{wanted.Id} {string.Join(',', wanted.Values)} {wanted.Trace}";
}
