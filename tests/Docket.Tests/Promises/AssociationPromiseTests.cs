using System.Collections.Concurrent;
using System.Net.Sockets;

namespace Docket.Tests.Promises;

/// <summary>
/// Associations when the process is killed and when many write the same ones: both sides agree, each contact has one primary company
/// at most, what follows from associations is right, and the feed has every change without gaps.
/// </summary>
public sealed class AssociationPromiseTests
{
    const int Connections = 4, Rounds = 6, Clients = 32;
    const string Pairs = "/crm/v4/associations/contacts/companies/batch/";

    static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The companies of some contacts, the primary one first, as one connection has left them.</summary>
    sealed class Companies
    {
        readonly SortedDictionary<long, (HashSet<long> All, long Primary)> byContact = [];

        public Companies Copy()
        {
            var copy = new Companies();
            foreach (var (contact, of) in byContact)
            {
                copy.byContact[contact] = (new(of.All), of.Primary);
            }

            return copy;
        }

        public void Add(long contact, long company, bool isPrimary)
        {
            var (all, primary) = byContact.TryGetValue(contact, out var known) ? known : ([], 0);
            all.Add(company);
            byContact[contact] = (all, isPrimary || primary == 0 ? company : primary);
        }

        public void Remove(long contact, long company)
        {
            if (byContact.TryGetValue(contact, out var of) && of.All.Remove(company) && of.Primary == company)
            {
                byContact[contact] = (of.All, 0);
            }
        }

        public override string ToString() => string.Join('\n', byContact.Where(of => of.Value.All.Count > 0).Select(of => $"{of.Key}: {of.Value.Primary}, {string.Join(' ', of.Value.All.Order())}"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public Task A_killed_server_keeps_every_acknowledged_association_on_both_sides_and_no_half_of_a_batch() => Seed.PlayAsync(async random =>
    {
        var directory = Directory.CreateTempSubdirectory("docket-ties-killed-").FullName;
        long[] contacts = [], companies = [];
        var states = Enumerable.Range(0, Connections).Select(_ => new Companies()).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            var sent = new Companies?[Connections];
            await using (var server = await ServerProcess.StartAsync(directory))
            {
                if (round == 0)
                {
                    (contacts, companies) = (await CreateAsync(server.SendAsync, "contacts", 40), await CreateAsync(server.SendAsync, "companies", 12));
                }

                // However slow the machine is: there is something to lose.
                using var acknowledged = new SemaphoreSlim(0);
                var load = Enumerable.Range(0, Connections).Select(connection => LoadAsync(server, connection, new Random(random.Next()), acknowledged)).ToList();
                Assert.True(await acknowledged.WaitAsync(TimeSpan.FromMinutes(1), Cancellation), "nothing is acknowledged");
                await Task.Delay(random.Next(300), Cancellation);
                server.Kill();
                await Task.WhenAll(load);
            }

            await using var again = await ServerProcess.StartAsync(directory);
            await CheckAsync(again.SendAsync, contacts, companies);
            for (var connection = 0; connection < Connections; connection++)
            {
                // The batch that had no answer is there as a whole or not at all.
                var stored = (await ReadAsync(again.SendAsync, "contacts", "companies", Own(connection))).ToLookup(tie => tie.From);
                var text = string.Join('\n', stored.OrderBy(of => of.Key).Select(of => $"{of.Key}: {of.FirstOrDefault(tie => tie.Types.Contains(1)).To}, {string.Join(' ', of.Select(tie => tie.To).Order())}"));
                if (sent[connection] is { } unanswered && text == unanswered.ToString())
                {
                    states[connection] = unanswered;
                }

                Assert.Equal(states[connection].ToString(), text);
            }

            async Task LoadAsync(ServerProcess server, int connection, Random choices, SemaphoreSlim acknowledged)
            {
                while (true)
                {
                    var (next, ends, isPrimary) = (states[connection].Copy(), choices.Next(4) == 0, choices.Next(2) == 0);
                    var own = Own(connection);
                    var pairs = Enumerable.Range(0, 50).Select(_ => (Contact: own[choices.Next(own.Length)], Company: companies[choices.Next(companies.Length)])).ToList();
                    foreach (var (contact, company) in pairs)
                    {
                        if (ends)
                        {
                            next.Remove(contact, company);
                        }
                        else
                        {
                            next.Add(contact, company, isPrimary);
                        }
                    }

                    sent[connection] = next;
                    try
                    {
                        (await server.SendAsync(HttpMethod.Post, Pairs + (ends ? "archive" : "create"), ends ? Ends(pairs) : Begins(pairs, isPrimary ? 1 : 279))).Expect(ends ? 204 : 201);
                    }
                    catch (Exception gone) when (gone is HttpRequestException or IOException or SocketException or OperationCanceledException)
                    {
                        return;
                    }

                    (states[connection], sent[connection]) = (next, null);
                    acknowledged.Release();
                }
            }
        }

        await TestEngine.DeleteAsync(directory);

        long[] Own(int connection) => [.. contacts.Where((_, at) => at % Connections == connection)];
    });

    [Fact]
    [Trait("Category", "Slow")]
    public Task Many_clients_that_associate_the_same_records_leave_one_primary_company_each() => Seed.PlayAsync(async random =>
    {
        await using var server = await TestServer.StartAsync();
        Task<Answer> SendAsync(HttpMethod method, string path, string json, string type = "", string? prefer = null) => server.SendAsync(method, path, json);
        var (contacts, companies) = (await CreateAsync(SendAsync, "contacts", 3), await CreateAsync(SendAsync, "companies", 4));
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => new Random(random.Next())).Select(choices => Task.Run(async () =>
        {
            for (var round = 0; round < 12; round++)
            {
                var pairs = Enumerable.Range(0, 6).Select(_ => (contacts[choices.Next(contacts.Length)], companies[choices.Next(companies.Length)])).ToList();
                var answer = choices.Next(3) switch
                {
                    0 => await SendAsync(HttpMethod.Post, Pairs + "archive", Ends(pairs)),
                    1 => await SendAsync(HttpMethod.Post, Pairs + "create", Begins(pairs, 1)),
                    _ => await SendAsync(HttpMethod.Post, Pairs + "associate/default", Begins(pairs, null)),
                };
                Assert.True(answer.Status < 207, answer.Text);
            }
        })));
        await CheckAsync(SendAsync, contacts, companies);
    });

    [Fact]
    [Trait("Category", "Slow")]
    public Task Merges_and_archives_amid_associations_leave_both_sides_equal() => Seed.PlayAsync(async random =>
    {
        await using var server = await TestServer.StartAsync();
        Task<Answer> SendAsync(HttpMethod method, string path, string json, string type = "", string? prefer = null) => server.SendAsync(method, path, json);
        var companies = await CreateAsync(SendAsync, "companies", 4);
        var contacts = new ConcurrentDictionary<long, bool>((await CreateAsync(SendAsync, "contacts", 60)).Select(id => KeyValuePair.Create(id, true)));
        await Task.WhenAll(Enumerable.Range(0, Clients / 2).Select(client => (client, choices: new Random(random.Next()))).Select(one => Task.Run(async () =>
        {
            for (var round = 0; round < 12; round++)
            {
                var ids = contacts.Keys.OrderBy(_ => one.choices.Next()).Take(6).ToArray();
                switch (one.client % 4)
                {
                    case 0:
                        (await SendAsync(HttpMethod.Delete, $"/crm/v3/objects/contacts/{ids[0]}", "")).Expect(204);
                        await SendAsync(HttpMethod.Post, $"/docket/v1/objects/contacts/{ids[0]}/restore", "{}"); // another client may have been first
                        break;
                    case 1:
                        var merged = await SendAsync(HttpMethod.Post, "/crm/v3/objects/contacts/merge", $$"""{"primaryObjectId":"{{ids[0]}}","objectIdToMerge":"{{ids[1]}}"}""");
                        if (merged.Status == 200)
                        {
                            contacts[long.Parse(merged["id"]!)] = true;
                        }

                        break;
                    default:
                        await SendAsync(HttpMethod.Post, Pairs + "create", Begins([.. ids.Select(id => (id, companies[one.choices.Next(companies.Length)]))], one.choices.Next(2) == 0 ? 1 : 279));
                        break;
                }
            }
        })));
        await CheckAsync(SendAsync, [.. contacts.Keys], companies);
    });

    delegate Task<Answer> Send(HttpMethod method, string path, string json, string type = "application/json", string? prefer = null);

    static string Begins(List<(long Contact, long Company)> pairs, int? type) => Inputs(pairs.Select(pair =>
        $$"""{"from":{"id":"{{pair.Contact}}"},"to":{"id":"{{pair.Company}}"}{{(type is null ? "" : $$""","types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{type}}}]""")}}}"""));

    static string Ends(List<(long Contact, long Company)> pairs) => Inputs(pairs.Select(pair => $$$"""{"from":{"id":"{{{pair.Contact}}}"},"to":[{"id":"{{{pair.Company}}}"}]}"""));

    static string Inputs(IEnumerable<string> inputs) => $$"""{"inputs":[{{string.Join(',', inputs)}}]}""";

    static async Task<long[]> CreateAsync(Send send, string type, int count)
    {
        var made = (await send(HttpMethod.Post, $"/crm/v3/objects/{type}/batch/create", Inputs(Enumerable.Repeat("""{"properties":{}}""", count)))).Expect(201);
        return [.. made.Json!["results"]!.AsArray().Select(result => long.Parse(result!["id"]!.ToString()))];
    }

    /// <summary>Both sides, the counts, the ids of primary companies and the feed say the same.</summary>
    static async Task CheckAsync(Send send, long[] contacts, long[] companies)
    {
        var values = await ValuesAsync(send, "contacts", contacts, "associatedcompanyid");
        var (own, theirs) = (await ReadAsync(send, "contacts", "companies", contacts), await ReadAsync(send, "companies", "contacts", companies));
        Assert.Equal(own.Select(tie => $"{tie.From} {tie.To} {string.Join(' ', tie.Types)}").Order(), theirs.Select(tie => $"{tie.To} {tie.From} {string.Join(' ', tie.Types.Select(type => type - 1))}").Order());
        foreach (var (contact, company) in values)
        {
            Assert.Equal($"{contact}: {string.Join(' ', own.Where(tie => tie.From == contact && tie.Types.Contains(1)).Select(tie => tie.To))}", $"{contact}: {company}");
        }

        foreach (var (company, count) in await ValuesAsync(send, "companies", companies, "num_associated_contacts"))
        {
            Assert.Equal($"{company}: {theirs.Count(tie => tie.From == company)}", $"{company}: {count}");
        }

        // The feed, followed from the start, leads to the same.
        var (ties, newest) = (new HashSet<(string, string, string)>(), 0L);
        for (var after = "0"; after is not null;)
        {
            var page = (await send(HttpMethod.Get, $"/docket/v1/changes?after={after}&limit=1000", "")).Expect(200);
            foreach (var change in page.Json!["results"]!.AsArray())
            {
                Assert.Equal(++newest, change!["sequence"]!.GetValue<long>());
                if (change["associated"] is { } associated)
                {
                    foreach (var type in associated["types"]!.AsArray())
                    {
                        var tie = (change["objectId"]!.ToString(), associated["objectId"]!.ToString(), type!["typeId"]!.ToString());
                        Assert.True(change["kind"]!.ToString() == "associate" ? ties.Add(tie) : ties.Remove(tie), $"{change["kind"]} {tie}");
                    }
                }
            }

            after = page["paging.next.after"];
        }

        var active = values.Keys.Select(id => $"{id}").ToHashSet();
        Assert.Equal(own.SelectMany(tie => tie.Types.Select(type => ($"{tie.From}", $"{tie.To}", $"{type}"))).Order(), ties.Where(tie => active.Contains(tie.Item1)).Order());
    }

    static async Task<List<(long From, long To, int[] Types)>> ReadAsync(Send send, string from, string to, long[] ids)
    {
        var answer = await send(HttpMethod.Post, $"/crm/v4/associations/{from}/{to}/batch/read", Inputs(ids.Select(id => $$"""{"id":"{{id}}"}""")));
        Assert.True(answer.Status is 200 or 207, answer.Text);
        return
        [
            .. answer.Json!["results"]!.AsArray().SelectMany(result => result!["to"]!.AsArray().Select(tie => (long.Parse(result["from"]!["id"]!.ToString()), tie!["toObjectId"]!.GetValue<long>(),
                tie["associationTypes"]!.AsArray().Select(type => type!["typeId"]!.GetValue<int>()).Order().ToArray()))),
        ];
    }

    // Of those that are there.
    static async Task<SortedDictionary<long, string>> ValuesAsync(Send send, string type, long[] ids, string property)
    {
        var values = new SortedDictionary<long, string>();
        foreach (var part in ids.Chunk(100))
        {
            var answer = await send(HttpMethod.Post, $"/crm/v3/objects/{type}/batch/read", $$"""{"properties":["{{property}}"],{{Inputs(part.Select(id => $$"""{"id":"{{id}}"}"""))[1..]}}""");
            foreach (var result in answer.Json!["results"]!.AsArray())
            {
                values[long.Parse(result!["id"]!.ToString())] = result["properties"]![property]?.ToString() ?? "";
            }
        }

        return values;
    }
}
