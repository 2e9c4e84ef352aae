using System.Net.Http.Headers;
using System.Text;

namespace Docket.Tests.Promises;

/// <summary>
/// A random workload of associations over HTTP, compared with a small model: lists, primary companies, counts and searches are the
/// same, whatever is merged, archived, restored and permanently deleted in between, also after restarts.
/// </summary>
public sealed class AssociationModelTests
{
    const int Steps = 400, CheckEvery = 40, RestartEvery = 100, PageSize = 7;

    /// <summary>An association type: where it starts and leads, its id, and the one of the other direction.</summary>
    sealed record Way(string From, string To, int Id, int Inverse);

    static readonly Way[] OneWay =
    [
        new("contacts", "companies", 279, 280), new("contacts", "companies", 1, 2), new("contacts", "companies", 931, 930), new("contacts", "contacts", 449, 449),
        new("contacts", "tickets", 15, 16), new("companies", "companies", 450, 450), new("companies", "companies", 13, 14),
        new("companies", "tickets", 340, 339), new("companies", "tickets", 25, 26), new("notes", "contacts", 202, 201), new("notes", "companies", 190, 189),
    ];

    static readonly Way[] Ways = [.. OneWay.Concat(OneWay.Select(way => new Way(way.To, way.From, way.Inverse, way.Id))).Distinct()];

    static readonly int[] Plain = [279, 280, 449, 15, 16, 450, 340, 339, 202, 201, 190, 189];

    /// <summary>The primary company, from the side of who has it.</summary>
    static readonly int[] Primary = [1, 26];

    static readonly (string Type, string Property, int[] Follows)[] Counts =
    [
        ("companies", "num_associated_contacts", [280]), ("companies", "hs_num_child_companies", [13]), ("tickets", "hs_num_associated_companies", [339]),
        ("contacts", "num_notes", [201]), ("companies", "num_notes", [189]),
    ];

    static readonly (string Type, string Property, int Follows)[] Ids = [("contacts", "associatedcompanyid", 1), ("tickets", "hs_primary_company_id", 26)];

    static readonly HttpClient Unchecked = new();

    /// <summary>The type of each record that is there, archived ones included.</summary>
    readonly Dictionary<long, string> types = [];
    readonly HashSet<long> archived = [];

    /// <summary>Both directions of each association.</summary>
    readonly HashSet<(long From, int Way, long To)> ties = [];

    [Fact]
    [Trait("Category", "Slow")]
    public Task The_server_and_a_simple_model_agree_on_associations() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-ties-").FullName;
        var server = await TestServer.StartAsync(directory);
        try
        {
            for (var step = 1; step <= Steps; step++)
            {
                await StepAsync(server, random);
                server.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(3)));
                if (step % RestartEvery == 0)
                {
                    var clock = server.Clock;
                    await server.DisposeAsync();
                    server = await TestServer.StartAsync(directory, clock: clock);
                }

                if (step % CheckEvery == 0)
                {
                    await CheckAsync(server);
                }
            }
        }
        finally
        {
            await server.DisposeAsync();
        }

        await TestEngine.DeleteAsync(directory);
    });

    Task StepAsync(TestServer server, Random random) => random.Next(20) switch
    {
        < 4 => CreateAsync(server, random),
        < 14 => TieAsync(server, random),
        < 16 => ArchiveAsync(server, random),
        < 18 => RestoreAsync(server, random),
        < 19 => MergeAsync(server, random),
        _ => PurgeAsync(server, random),
    };

    async Task CreateAsync(TestServer server, Random random)
    {
        var type = ((string[])["contacts", "companies", "tickets", "notes"])[random.Next(4)];
        var wanted = Enumerable.Range(0, random.Next(3)).Select(_ => Pick(random, Ways.Where(way => way.From == type)))
            .Select(way => (Way: way, To: Active(way.To) is { Length: > 0 } others ? others[random.Next(others.Length)] : 0)).Where(each => each.To > 0).ToList();
        var properties = type switch { "tickets" => """{"hs_pipeline_stage":"1"}""", "notes" => """{"hs_timestamp":"2026-01-02T03:04:05Z"}""", _ => "{}" };
        var made = await SendAsync(server, HttpMethod.Post, $"/crm/v3/objects/{type}", $$"""{"properties":{{properties}},"associations":[{{string.Join(',', wanted.Select(each => $$$"""{"to":{"id":"{{{each.To}}}"},"types":[{{{Spec(each.Way.Id)}}}]}"""))}}]}""");
        var id = long.Parse(made.Expect(201)["id"]!);
        types.Add(id, type);
        // Those of one type are written together.
        foreach (var (way, to) in wanted.GroupBy(each => each.Way.To).SelectMany(group => group))
        {
            Begin(id, to, way.From, way.To, [way.Id]);
        }
    }

    async Task TieAsync(TestServer server, Random random)
    {
        var (from, to) = Pick(random, Ways) is var some ? (some.From, some.To) : default;
        var of = Ways.Where(way => way.From == from && way.To == to).Select(way => way.Id).ToArray();
        var inputs = Enumerable.Range(0, random.Next(1, 7)).Select(_ => (From: Any(random, from), To: Any(random, to), Types: of.Where(_ => random.Next(2) == 0).DefaultIfEmpty(of[0]).ToArray())).ToList();
        var route = ((string[])["create", "associate/default", "archive", "labels/archive"])[random.Next(7) switch { < 3 => 0, < 5 => 1, 5 => 2, _ => 3 }];
        var bodies = inputs.Select(input =>
        {
            var target = $$"""{"id":"{{input.To}}"}""";
            var specs = route is "create" or "labels/archive" ? $",\"types\":[{string.Join(',', input.Types.Select(Spec))}]" : "";
            return $$$"""{"from":{"id":"{{{input.From}}}"},"to":{{{(route == "archive" ? $"[{target}]" : target)}}}{{{specs}}}}""";
        });
        var answer = await SendAsync(server, HttpMethod.Post, $"/crm/v4/associations/{from}/{to}/batch/{route}", $$"""{"inputs":[{{string.Join(',', bodies)}}]}""");
        if (route is "archive" or "labels/archive")
        {
            answer.Expect(204);
            foreach (var input in inputs)
            {
                var ends = route == "archive" || input.Types.Any(Plain.Contains) ? ties.Where(tie => tie.From == input.From && tie.To == input.To).Select(tie => tie.Way) : input.Types;
                foreach (var way in ends.ToList())
                {
                    Remove(input.From, way, input.To);
                }
            }

            return;
        }

        var good = inputs.Where(input => input.From != input.To && IsActive(input.From) && IsActive(input.To)).ToList();
        answer.Expect(good.Count < inputs.Count ? 207 : route == "create" ? 201 : 200);
        Assert.Equal(good.Count * (route == "create" ? 1 : 2), answer.Count("results"));
        foreach (var input in good)
        {
            Begin(input.From, input.To, from, to, route == "create" ? input.Types : []);
        }
    }

    async Task ArchiveAsync(TestServer server, Random random)
    {
        var type = Pick(random, (string[])["contacts", "companies", "tickets", "notes"]);
        long[] ids = [.. Active(type).Where(_ => random.Next(4) == 0).Take(3)];
        if (ids.Length > 0)
        {
            (await SendAsync(server, HttpMethod.Post, $"/crm/v3/objects/{type}/batch/archive", $$"""{"inputs":[{{string.Join(',', ids.Select(id => $$"""{"id":"{{id}}"}"""))}}]}""")).Expect(204);
            archived.UnionWith(ids);
        }
    }

    async Task RestoreAsync(TestServer server, Random random)
    {
        if (archived.Count > 0)
        {
            var id = Pick(random, archived.Order());
            (await SendAsync(server, HttpMethod.Post, $"/docket/v1/objects/{types[id]}/{id}/restore", "{}")).Expect(200);
            archived.Remove(id);
        }
    }

    async Task MergeAsync(TestServer server, Random random)
    {
        var type = Pick(random, (string[])["contacts", "companies", "tickets"]);
        if (Active(type).OrderBy(_ => random.Next()).Take(2).ToArray() is not [var primary, var other])
        {
            return;
        }

        var merged = long.Parse((await SendAsync(server, HttpMethod.Post, $"/crm/v3/objects/{type}/merge", $$"""{"primaryObjectId":"{{primary}}","objectIdToMerge":"{{other}}"}""")).Expect(200)["id"]!);
        types.Add(merged, type);
        var kept = ties.Where(tie => tie.From == primary && Primary.Contains(tie.Way)).ToList();
        foreach (var tie in ties.Where(tie => tie.From == primary || tie.From == other).ToList())
        {
            Remove(tie.From, tie.Way, tie.To);
            if (tie.To != primary && tie.To != other && !(tie.From == other && Primary.Contains(tie.Way) && kept.Count > 0))
            {
                Add(merged, tie.Way, tie.To);
            }
        }

        types.Remove(primary);
        types.Remove(other);
    }

    async Task PurgeAsync(TestServer server, Random random)
    {
        var id = Pick(random, types.Keys.Order().Append(0));
        if (id > 0)
        {
            (await SendAsync(server, HttpMethod.Post, $"/docket/v1/objects/{types[id]}/gdpr-delete", $$"""{"objectId":"{{id}}"}""")).Expect(204);
            ties.RemoveWhere(tie => tie.From == id || tie.To == id);
            types.Remove(id);
            archived.Remove(id);
        }
    }

    // A type brings the plain one along, and the first company becomes the primary one.
    void Begin(long from, long to, string fromType, string toType, int[] ids)
    {
        var plain = Ways.First(way => way.From == fromType && way.To == toType && Plain.Contains(way.Id)).Id;
        foreach (var id in ids.Append(plain))
        {
            Add(from, id, to);
        }

        var ofPair = Ways.Where(way => way.From == fromType && way.To == toType).ToList();
        if (ofPair.Find(way => Primary.Contains(way.Id)) is { } own)
        {
            Settle(from, own.Id, to, ids.Contains(own.Id));
        }
        else if (ofPair.Find(way => Primary.Contains(way.Inverse)) is { } companys)
        {
            Settle(to, companys.Inverse, from, ids.Contains(companys.Id));
        }
    }

    void Settle(long owner, int primary, long company, bool wanted)
    {
        var others = ties.Where(tie => tie.From == owner && tie.Way == primary && tie.To != company).ToList();
        if (wanted)
        {
            others.ForEach(tie => Remove(tie.From, tie.Way, tie.To));
        }

        if (wanted || others.Count == 0)
        {
            Add(owner, primary, company);
        }
    }

    void Add(long from, int way, long to)
    {
        ties.Add((from, way, to));
        ties.Add((to, InverseOf(way), from));
    }

    void Remove(long from, int way, long to)
    {
        ties.Remove((from, way, to));
        ties.Remove((to, InverseOf(way), from));
    }

    async Task CheckAsync(TestServer server)
    {
        foreach (var type in (string[])["contacts", "companies", "tickets", "notes"])
        {
            var ids = Active(type);
            foreach (var to in Ways.Where(way => way.From == type).Select(way => way.To).Distinct())
            {
                foreach (var id in ids)
                {
                    Assert.Equal(Expected(id, to), await ListAsync(server, type, id, to));
                }

                await CheckSearchesAsync(server, type, to);
            }

            await CheckValuesAsync(server, type, ids);
        }
    }

    List<string> Expected(long id, string to) =>
        [.. ties.Where(tie => tie.From == id && IsActive(tie.To) && types[tie.To] == to).GroupBy(tie => tie.To).OrderBy(group => group.Key).Select(group => $"{group.Key}: {string.Join(' ', group.Select(tie => tie.Way).Order())}")];

    static async Task<List<string>> ListAsync(TestServer server, string type, long id, string to)
    {
        var all = new List<string>();
        for (var next = $"/crm/v4/objects/{type}/{id}/associations/{to}?limit={PageSize}"; next is not null;)
        {
            var page = (await SendAsync(server, HttpMethod.Get, next)).Expect(200);
            all.AddRange(page.Json!["results"]!.AsArray().Select(tie => $"{tie!["toObjectId"]}: {string.Join(' ', tie["associationTypes"]!.AsArray().Select(each => each!["typeId"]!.GetValue<int>()).Order())}"));
            next = page["paging.next.link"] is { } link ? new Uri(link).PathAndQuery : null;
        }

        return all;
    }

    async Task CheckValuesAsync(TestServer server, string type, long[] ids)
    {
        var names = Counts.Where(count => count.Type == type).Select(count => count.Property).Concat(Ids.Where(id => id.Type == type).Select(id => id.Property)).ToList();
        foreach (var part in names.Count == 0 ? [] : ids.Chunk(100))
        {
            var read = (await SendAsync(server, HttpMethod.Post, $"/crm/v3/objects/{type}/batch/read", $$"""{"properties":["{{string.Join("\",\"", names)}}"],"inputs":[{{string.Join(',', part.Select(id => $$"""{"id":"{{id}}"}"""))}}]}""")).Expect(200);
            Assert.Equal(part.Length, read.Count("results"));
            foreach (var record in read.Json!["results"]!.AsArray())
            {
                var own = ties.Where(tie => tie.From == long.Parse(record!["id"]!.ToString()) && IsActive(tie.To)).ToList();
                foreach (var (_, property, follows) in Counts.Where(count => count.Type == type))
                {
                    Assert.Equal($"{record!["id"]} {property} {own.Count(tie => follows.Contains(tie.Way))}", $"{record["id"]} {property} {record["properties"]![property]}");
                }

                foreach (var (_, property, follows) in Ids.Where(id => id.Type == type))
                {
                    Assert.Equal($"{record!["id"]} {property} {own.Where(tie => tie.Way == follows).Select(tie => $"{tie.To}").SingleOrDefault()}", $"{record["id"]} {property} {record["properties"]![property]}");
                }
            }
        }
    }

    async Task CheckSearchesAsync(TestServer server, string type, string to)
    {
        // What a search says of records that are only associated with archived ones is left open.
        var tied = Active(type).Where(id => Expected(id, to).Count > 0).ToList();
        var open = Active(type).Except(tied).Where(id => ties.Any(tie => tie.From == id && types[tie.To] == to)).ToList();
        Assert.Equal(tied, (await SearchAsync(server, type, $$"""{"propertyName":"associations.{{to}}","operator":"HAS_PROPERTY"}""")).Except(open));
        Assert.Equal(Active(type).Except(tied).Except(open), (await SearchAsync(server, type, $$"""{"propertyName":"associations.{{to}}","operator":"NOT_HAS_PROPERTY"}""")).Except(open));
        foreach (var other in types.Keys.Where(id => types[id] == to).Order().Take(5))
        {
            var expected = IsActive(other) ? ties.Where(tie => tie.From == other && IsActive(tie.To) && types[tie.To] == type).Select(tie => tie.To).Distinct().Order() : Enumerable.Empty<long>();
            Assert.Equal(expected, await SearchAsync(server, type, $$"""{"propertyName":"associations.{{to}}","operator":"EQ","value":"{{other}}"}"""));
        }
    }

    static async Task<List<long>> SearchAsync(TestServer server, string type, string filter)
    {
        var found = (await SendAsync(server, HttpMethod.Post, $"/crm/v3/objects/{type}/search", $$"""{"filterGroups":[{"filters":[{{filter}}]}],"limit":200}""")).Expect(200);
        return [.. found.Json!["results"]!.AsArray().Select(result => long.Parse(result!["id"]!.ToString())).Order()];
    }

    bool IsActive(long id) => types.ContainsKey(id) && !archived.Contains(id);

    long[] Active(string type) => [.. types.Keys.Where(id => types[id] == type && !archived.Contains(id)).Order()];

    // Now and then an archived one, or one that doesn't exist.
    long Any(Random random, string type) => random.Next(20) == 0 ? 99 : types.Keys.Where(id => types[id] == type).Order().ToArray() is { Length: > 0 } ids ? ids[random.Next(ids.Length)] : 99;

    static T Pick<T>(Random random, IEnumerable<T> from) => from.ToArray() is var all ? all[random.Next(all.Length)] : default!;

    static int InverseOf(int way) => Ways.First(each => each.Id == way).Inverse;

    static string Spec(int id) => $$"""{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{id}}}""";

    // Not over the checked client: no file of HubSpot's here has the merge of companies.
    static async Task<Answer> SendAsync(TestServer server, HttpMethod method, string path, string? json = null)
    {
        using var request = new HttpRequestMessage(method, server.Url + path) { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", TestServer.Token);
        using var response = await Unchecked.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }
}
