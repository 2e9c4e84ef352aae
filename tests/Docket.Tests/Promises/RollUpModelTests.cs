using System.Globalization;
using System.Text.Json.Nodes;

namespace Docket.Tests.Promises;

/// <summary>
/// A random workload of deals, activities and tickets: what companies and contacts show of them changes by differences, and must be the same as what
/// their lists of associations add up to. So must what tickets show of contacts and companies.
/// </summary>
public sealed class RollUpModelTests
{
    const int Steps = 300, CheckEvery = 30;

    const string Start = "2026-03-14T09:26:53Z";

    static readonly (string Type, int ToCompany, int ToContact)[] Followed =
        [("deals", 341, 3), ("notes", 190, 202), ("tasks", 192, 204), ("calls", 182, 194), ("emails", 186, 198), ("meetings", 188, 200), ("tickets", 339, 16)];

    readonly List<(string Type, string Id)> active = [], archived = [];

    int count;

    [Fact]
    [Trait("Category", "Slow")]
    public Task What_follows_from_associated_records_is_what_they_add_up_to() => Seed.PlayAsync(async random =>
    {
        await using var server = await TestServer.StartAsync();
        for (var at = 0; at < 3; at++)
        {
            active.Add(("companies", (await server.PostAsync("/crm/v3/objects/companies", """{"properties":{}}""")).Expect(201)["id"]!));
            active.Add(("contacts", (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{}}""")).Expect(201)["id"]!));
        }

        for (var step = 1; step <= Steps; step++)
        {
            await StepAsync(server, random);
            server.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(3)));
            if (step % CheckEvery == 0)
            {
                foreach (var (type, id) in active.Where(record => record.Type is "companies" or "contacts"))
                {
                    await CheckAsync(server, type, id);
                }

                var tied = new List<string>();
                foreach (var (_, id) in active.Where(record => record.Type == "tickets"))
                {
                    await CheckTicketAsync(server, id);
                    if ((await server.GetAsync($"/crm/v4/objects/tickets/{id}/associations/contacts")).Expect(200).Count("results") > 0)
                    {
                        tied.Add(id);
                    }
                }

                var found = (await server.PostAsync("/crm/v3/objects/tickets/search", """{"filterGroups":[{"filters":[{"propertyName":"associations.contact","operator":"HAS_PROPERTY"}]}],"limit":200}""")).Expect(200);
                Assert.Equal(tied.Order(), Enumerable.Range(0, found.Count("results")).Select(at => found[$"results[{at}].id"]!).Order());
            }
        }
    });

    /// <summary>
    /// Records that more others show than follow in one transaction: what is still to follow mixes with new values, new and ended associations and
    /// archived records, and in the end all is as it adds up.
    /// </summary>
    [Fact]
    [Trait("Category", "Slow")]
    public Task What_follows_later_is_what_it_adds_up_to_whatever_happens_before() => Seed.PlayAsync(async random =>
    {
        const int many = 240, rounds = 25;
        await using var server = await TestServer.StartAsync();
        var calls = new List<string>();
        for (var at = 0; at < 3; at++)
        {
            calls.Add((await server.PostAsync("/crm/v3/objects/calls", """{"properties":{"hs_timestamp":"2026-01-01T00:00:00Z"}}""")).Expect(201)["id"]!);
        }

        var contacts = await CreateManyAsync("contacts", "{}", $$"""[{"to":{"id":"{{calls[0]}}"},"types":[{{Spec(193)}}]},{"to":{"id":"{{calls[1]}}"},"types":[{{Spec(193)}}]}]""");
        var busy = (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"firstname":"Ann"}}""")).Expect(201)["id"]!;
        var tickets = await CreateManyAsync("tickets", """{"hs_pipeline_stage":"1"}""", $$"""[{"to":{"id":"{{busy}}"},"types":[{{Spec(16)}}]}]""");
        for (var round = 0; round < rounds; round++)
        {
            // Together, so that they come between the steps. Some are refused, because a record is archived.
            await Task.WhenAll(Enumerable.Range(0, random.Next(2, 7)).Select(_ => random.Next()).ToArray().Select(seed => Task.Run(() => DisturbAsync(new Random(seed)))));
        }

        foreach (var call in calls)
        {
            await server.PostAsync($"/docket/v1/objects/calls/{call}/restore", "");
        }

        await server.PostAsync($"/docket/v1/objects/contacts/{busy}/restore", "");
        await CheckAsync();

        // The one with the latest time goes back, and ends before all have followed that.
        await server.PatchAsync($"/crm/v3/objects/calls/{calls[0]}", """{"properties":{"hs_timestamp":"2026-03-01T00:00:00Z"} }""");
        await CheckAsync();
        await Task.WhenAll([
            server.PatchAsync($"/crm/v3/objects/calls/{calls[0]}", """{"properties":{"hs_timestamp":"2001-01-01T00:00:00Z"} }"""),
            .. contacts.TakeLast(20).Select(contact => server.DeleteAsync($"/crm/v4/objects/calls/{calls[0]}/associations/contacts/{contact}")),
        ]);
        await CheckAsync();

        async Task CheckAsync()
        {
            var expected = new Dictionary<string, (int Count, DateTime? Latest)>();
            foreach (var call in calls)
            {
                var values = (await server.GetAsync($"/crm/v3/objects/calls/{call}?properties=hs_timestamp,hs_createdate")).Expect(200).Json!["properties"]!.AsObject();
                var list = (await server.GetAsync($"/crm/v4/objects/calls/{call}/associations/contacts?limit=500")).Expect(200);
                foreach (var id in Enumerable.Range(0, list.Count("results")).Select(at => list[$"results[{at}].toObjectId"]!))
                {
                    var (count, latest) = expected.GetValueOrDefault(id);
                    expected[id] = (count + 1, latest is { } known && known > LoggedAt(values) ? known : LoggedAt(values));
                }
            }

            var name = (await server.GetAsync($"/crm/v3/objects/contacts/{busy}?properties=firstname")).Expect(200)["properties.firstname"] ?? "";
            var tied = (await server.GetAsync($"/crm/v4/objects/contacts/{busy}/associations/tickets?limit=500")).Expect(200);
            var shown = Enumerable.Range(0, tied.Count("results")).Select(at => tied[$"results[{at}].toObjectId"]).ToHashSet();
            await UntilAsync("contacts", contacts, id => expected.TryGetValue(id, out var all) ? $"{all.Count} {Text(all.Latest)}" : "0 ", values => $"{(values["num_contacted_notes"]?.ToString() is { Length: > 0 } count ? count : "0")} {values["notes_last_contacted"]}");
            await UntilAsync("tickets", tickets, id => shown.Contains(id) ? name : "", values => values["hs_all_associated_contact_firstnames"]?.ToString() ?? "");
        }

        async Task DisturbAsync(Random random)
        {
            var (call, contact, ticket) = (calls[random.Next(calls.Count)], contacts[random.Next(many)], tickets[random.Next(many)]);
            switch (random.Next(10))
            {
                case < 3:
                    await server.PatchAsync($"/crm/v3/objects/calls/{call}", $$"""{"properties":{"hs_timestamp":"{{random.Next(2010, 2026)}}-01-01T00:00:0{{calls.IndexOf(call)}}Z"} }""");
                    break;
                case < 5:
                    await server.PatchAsync($"/crm/v3/objects/contacts/{busy}", $$"""{"properties":{"firstname":"{{(random.Next(4) == 0 ? "" : $"n{random.Next(99)}")}}"} }""");
                    break;
                case < 7:
                    await server.SendAsync(random.Next(2) == 0 ? HttpMethod.Delete : HttpMethod.Put, $"/crm/v4/objects/calls/{call}/associations/{(random.Next(2) == 0 ? "" : "default/")}contacts/{contact}", null);
                    await server.DeleteAsync($"/crm/v4/objects/calls/{call}/associations/contacts/{contacts[random.Next(many)]}");
                    await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/calls/{call}/associations/default/contacts/{contacts[random.Next(many)]}", null);
                    break;
                case 7:
                    await server.DeleteAsync($"/crm/v4/objects/contacts/{busy}/associations/tickets/{ticket}");
                    await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/contacts/{busy}/associations/default/tickets/{tickets[random.Next(many)]}", null);
                    break;
                case 8:
                    await server.DeleteAsync($"/crm/v3/objects/calls/{call}");
                    await server.PostAsync($"/docket/v1/objects/calls/{call}/restore", "");
                    break;
                default:
                    await server.DeleteAsync($"/crm/v3/objects/contacts/{busy}");
                    await server.PostAsync($"/docket/v1/objects/contacts/{busy}/restore", "");
                    break;
            }
        }

        async Task<List<string>> CreateManyAsync(string type, string properties, string associations)
        {
            var ids = new List<string>();
            while (ids.Count < many)
            {
                var inputs = string.Join(',', Enumerable.Repeat($$"""{"properties":{{properties}},"associations":{{associations}}}""", Math.Min(100, many - ids.Count)));
                var created = (await server.PostAsync($"/crm/v3/objects/{type}/batch/create", $$"""{"inputs":[{{inputs}}]}""")).Expect(201);
                ids.AddRange(Enumerable.Range(0, created.Count("results")).Select(at => created[$"results[{at}].id"]!));
            }

            return ids;
        }

        async Task UntilAsync(string type, List<string> ids, Func<string, string> expected, Func<JsonObject, string> actual)
        {
            foreach (var hundred in ids.Chunk(100))
            {
                var body = $$"""{"properties":["num_contacted_notes","notes_last_contacted","hs_all_associated_contact_firstnames"],"inputs":[{{string.Join(',', hundred.Select(id => $$"""{"id":"{{id}}"}"""))}}]}""";
                for (var tries = 0; ; tries++)
                {
                    var read = (await server.PostAsync($"/crm/v3/objects/{type}/batch/read", body)).Expect(200).Json!["results"]!.AsArray();
                    var wrong = read.Select(one => (Id: one!["id"]!.ToString(), Values: one["properties"]!.AsObject())).Where(one => actual(one.Values) != expected(one.Id)).Select(one => $"{one.Id}: {actual(one.Values)} and not {expected(one.Id)}").ToList();
                    if (wrong.Count == 0)
                    {
                        break;
                    }

                    Assert.True(tries < 300, string.Join('\n', wrong));
                    await Task.Delay(20);
                }
            }
        }
    });

    async Task StepAsync(TestServer server, Random random)
    {
        var some = active[random.Next(active.Count)];
        var followed = active.Where(record => Followed.Any(each => each.Type == record.Type)).ToList();
        switch (random.Next(23))
        {
            case 20 when active.Where(record => record.Type == "contacts").OrderBy(_ => random.Next()).Take(2).ToArray() is [var primary, var merged] && random.Next(3) == 0:
                active.Add(("contacts", (await server.PostAsync("/crm/v3/objects/0-1/merge", $$"""{"primaryObjectId":"{{primary.Id}}","objectIdToMerge":"{{merged.Id}}"}""")).Expect(200)["id"]!));
                active.Add(("contacts", (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"firstname":"New"}}""")).Expect(201)["id"]!));
                active.Remove(primary);
                active.Remove(merged);
                break;
            case 20 when some.Type is "contacts" or "companies" && random.Next(3) == 0:
                (await server.PostAsync($"/docket/v1/objects/{some.Type}/gdpr-delete", $$"""{"objectId":"{{some.Id}}"}""")).Expect(204);
                active.Remove(some);
                active.Add((some.Type, (await server.PostAsync($"/crm/v3/objects/{some.Type}", """{"properties":{}}""")).Expect(201)["id"]!));
                break;
            case > 20:
                foreach (var (of, names) in ((string, string[])[])[("contacts", ["firstname", "phone", "company"]), ("companies", ["name", "phone"])])
                {
                    var changed = active.Where(record => record.Type == of && random.Next(2) == 0).Select(record => $$"""{"id":"{{record.Id}}","properties":{"{{names[random.Next(names.Length)]}}":"{{((string[])["", "a", "b", $"c {count++}"])[random.Next(4)]}}"} }""").ToList();
                    if (changed.Count > 0)
                    {
                        (await server.PostAsync($"/crm/v3/objects/{of}/batch/update", $$"""{"inputs":[{{string.Join(',', changed)}}]}""")).Expect(200);
                    }
                }

                break;
            case < 6:
                var (type, toCompany, toContact) = Followed[random.Next(Followed.Length + 1) % Followed.Length]; // deals twice as often
                var ties = string.Join(',', active.Where(record => record.Type is "companies" or "contacts" && random.Next(3) == 0).Select(record => $$"""{"to":{"id":"{{record.Id}}"},"types":[{{Spec(record.Type == "companies" ? toCompany : toContact)}}]}"""));
                active.Add((type, (await server.PostAsync($"/crm/v3/objects/{type}", $$"""{"properties":{{Values(type, random, isNew: true)}},"associations":[{{ties}}]}""")).Expect(201)["id"]!));
                break;
            case < 12 when followed.Count > 0:
                var batch = followed.Where(record => record.Type == followed[^1].Type && random.Next(3) == 0).ToList();
                var inputs = string.Join(',', batch.Select(record => $$"""{"id":"{{record.Id}}","properties":{{Values(record.Type, random, isNew: false)}}}"""));
                if (batch.Count > 0)
                {
                    (await server.PostAsync($"/crm/v3/objects/{batch[0].Type}/batch/update", $$"""{"inputs":[{{inputs}}]}""")).Expect(200);
                }

                break;
            case < 16 when followed.Count > 0:
                var (one, other) = (followed[random.Next(followed.Count)], active.Where(record => record.Type is "companies" or "contacts").OrderBy(_ => random.Next()).FirstOrDefault());
                if (other.Id is not null)
                {
                    var method = random.Next(3) == 0 ? HttpMethod.Delete : HttpMethod.Put;
                    var answer = await server.SendAsync(method, $"/crm/v4/objects/{one.Type}/{one.Id}/associations/{(method == HttpMethod.Put ? "default/" : "")}{other.Type}/{other.Id}", null);
                    Assert.True(answer.Status is 200 or 204, answer.Text);
                }

                break;
            case < 18 when active.Count > 4:
                (await server.DeleteAsync($"/crm/v3/objects/{some.Type}/{some.Id}")).Expect(204);
                active.Remove(some);
                archived.Add(some);
                break;
            case 18 when archived.Count > 0:
                var gone = archived[random.Next(archived.Count)];
                (await server.PostAsync($"/docket/v1/objects/{gone.Type}/{gone.Id}/restore", "")).Expect(200);
                archived.Remove(gone);
                active.Add(gone);
                break;
            case 19 when active.Where(record => record.Type == "deals").OrderBy(_ => random.Next()).Take(2).ToArray() is [var primary, var merged] && random.Next(2) == 0:
                active.Add(("deals", (await server.PostAsync("/crm/v3/objects/0-3/merge", $$"""{"primaryObjectId":"{{primary.Id}}","objectIdToMerge":"{{merged.Id}}"}""")).Expect(200)["id"]!));
                active.Remove(primary);
                active.Remove(merged);
                break;
            case 19 when some.Type == "deals" && active.Count > 4:
                (await server.PostAsync("/docket/v1/objects/deals/gdpr-delete", $$"""{"objectId":"{{some.Id}}"}""")).Expect(204);
                active.Remove(some);
                break;
        }
    }

    // Each moment is another one, so that the latest is known.
    string Values(string type, Random random, bool isNew)
    {
        var day = DateTime.Parse("2020-01-01T00:00:00Z", CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal).AddDays(random.Next(4_000)).AddSeconds(count++).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        string[] values = type switch
        {
            "tickets" => [$"\"hs_pipeline_stage\":\"{random.Next(1, 5)}\""],
            "deals" => [$"\"amount\":\"{random.Next(-9, 999) / 10m}\"", $"\"closedate\":\"{day}\"", $"\"dealstage\":\"{((string[])["qualifiedtobuy", "closedwon", "closedlost"])[random.Next(3)]}\"", $"\"createdate\":\"{day}\""],
            "tasks" => [$"\"hs_timestamp\":\"{day}\"", $"\"hs_task_status\":\"{((string[])["NOT_STARTED", "COMPLETED"])[random.Next(2)]}\""],
            "emails" => [$"\"hs_timestamp\":\"{day}\"", $"\"hs_email_direction\":\"{((string[])["EMAIL", "INCOMING_EMAIL"])[random.Next(2)]}\""],
            "meetings" => [$"\"hs_timestamp\":\"{day}\"", $"\"hs_meeting_outcome\":\"{((string[])["SCHEDULED", "COMPLETED"])[random.Next(2)]}\""],
            _ => [$"\"hs_timestamp\":\"{day}\""],
        };
        return $"{{{string.Join(',', values.Where((_, at) => random.Next(2) == 0 || (isNew && type != "deals" && at == 0)))}}}";
    }

    static async Task CheckAsync(TestServer server, string type, string id)
    {
        var deals = await AllAsync(server, type, id, "deals", "createdate,amount,hs_closed_won_date,hs_is_open_count,hs_closed_amount,hs_open_amount_in_home_currency");
        var won = deals.Where(deal => Moment(deal, "hs_closed_won_date") is not null).ToList();
        var expected = new SortedDictionary<string, string>
        {
            ["num_associated_deals"] = deals.Count.ToString(CultureInfo.InvariantCulture),
            ["total_revenue"] = Sum(deals, "hs_closed_amount"),
            ["first_deal_created_date"] = Text(deals.Min(deal => Moment(deal, "createdate"))),
            ["recent_deal_close_date"] = Text(won.Max(deal => Moment(deal, "hs_closed_won_date"))),
            ["recent_deal_amount"] = won.MaxBy(deal => Moment(deal, "hs_closed_won_date"))?["amount"]?.ToString() ?? "",
        };
        if (type == "companies")
        {
            expected["hs_num_open_deals"] = deals.Count(deal => deal["hs_is_open_count"]?.ToString() == "1").ToString(CultureInfo.InvariantCulture);
            expected["hs_total_deal_value"] = Sum(deals, "hs_open_amount_in_home_currency");
        }

        var all = new List<(string Type, JsonObject Values)>();
        foreach (var of in Followed.Select(each => each.Type).Where(each => each is not ("deals" or "tickets")))
        {
            all.AddRange((await AllAsync(server, type, id, of, "hs_timestamp,hs_createdate,hs_task_is_open,hs_email_direction,hs_meeting_outcome")).Select(values => (of, values)));
        }

        var contacts = all.Where(each => each.Type is "calls" or "meetings" || (each.Type == "emails" && each.Values["hs_email_direction"]?.ToString() == "EMAIL")).ToList();
        var next = all.Where(each => (each.Type == "tasks" && each.Values["hs_task_is_open"]!.ToString() == "true") || (each.Type == "meetings" && each.Values["hs_meeting_outcome"]?.ToString() is null or "SCHEDULED" && each.Type == "meetings"));
        expected["num_notes"] = all.Count.ToString(CultureInfo.InvariantCulture);
        expected["notes_last_updated"] = Text(all.Max(each => LoggedAt(each.Values)));
        expected["num_contacted_notes"] = contacts.Count.ToString(CultureInfo.InvariantCulture);
        expected["notes_last_contacted"] = Text(contacts.Max(each => LoggedAt(each.Values)));
        expected["notes_next_activity_date"] = Text(next.Select(each => Moment(each.Values, "hs_timestamp")).Where(moment => moment > DateTime.Parse(Start, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal).AddHours(1)).Min());
        var shown = (await server.GetAsync($"/crm/v3/objects/{type}/{id}?properties={string.Join(',', expected.Keys)}")).Expect(200);
        Assert.Equal(expected.Select(each => $"{each.Key} {each.Value}"), expected.Select(each => $"{each.Key} {(shown["properties." + each.Key] is { Length: > 0 } value ? value : each.Value is "0" ? "0" : "")}"));
    }

    static async Task CheckTicketAsync(TestServer server, string id)
    {
        var contacts = await AllAsync(server, "tickets", id, "contacts", "firstname,phone,company,hs_object_id");
        var companies = await AllAsync(server, "tickets", id, "companies", "name,hs_object_id");
        var list = (await server.GetAsync($"/crm/v4/objects/tickets/{id}/associations/companies")).Expect(200);
        var primary = Enumerable.Range(0, list.Count("results")).FirstOrDefault(at => list[$"results[{at}].associationTypes[1].typeId"] is not null, -1) is var place and >= 0 ? list[$"results[{place}].toObjectId"] : null;
        var name = companies.SingleOrDefault(company => company["hs_object_id"]!.ToString() == primary)?["name"]?.ToString() ?? "";
        string[] expected = [Joined("firstname"), Joined("phone"), Joined("company"), name, name, primary ?? "", list.Count("results").ToString(CultureInfo.InvariantCulture)];
        string[] names = ["hs_all_associated_contact_firstnames", "hs_all_associated_contact_phones", "hs_all_associated_contact_companies", "hs_primary_company", "hs_primary_company_name", "hs_primary_company_id", "hs_num_associated_companies"];
        var shown = (await server.GetAsync($"/crm/v3/objects/tickets/{id}?properties={string.Join(',', names)}")).Expect(200);
        Assert.Equal(expected, names.Select(each => shown["properties." + each] ?? ""));

        string Joined(string of) => string.Join(';', contacts.OrderBy(contact => long.Parse(contact["hs_object_id"]!.ToString(), CultureInfo.InvariantCulture)).Select(contact => contact[of]?.ToString()).Where(value => !string.IsNullOrEmpty(value)));
    }

    static async Task<List<JsonObject>> AllAsync(TestServer server, string type, string id, string to, string properties)
    {
        var list = (await server.GetAsync($"/crm/v4/objects/{type}/{id}/associations/{to}")).Expect(200);
        var inputs = string.Join(',', Enumerable.Range(0, list.Count("results")).Select(at => $$"""{"id":"{{list[$"results[{at}].toObjectId"]}}"}"""));
        return inputs.Length == 0 ? [] : [.. (await server.PostAsync($"/crm/v3/objects/{to}/batch/read", $$"""{"properties":["{{properties.Replace(",", "\",\"")}}"],"inputs":[{{inputs}}]}""")).Expect(200).Json!["results"]!.AsArray().Select(one => one!["properties"]!.AsObject())];
    }

    static DateTime? LoggedAt(JsonObject values) => Moment(values, "hs_timestamp") is { } at && at < Moment(values, "hs_createdate") ? at : Moment(values, "hs_createdate");

    static DateTime? Moment(JsonObject values, string name) => values[name]?.ToString() is { Length: > 0 } text ? DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal) : null;

    static string Text(DateTime? moment) => moment?.ToString(moment.Value.Millisecond == 0 ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "";

    static string Sum(List<JsonObject> records, string name) => records.Sum(record => decimal.TryParse(record[name]?.ToString(), CultureInfo.InvariantCulture, out var number) ? number : 0).ToString("0.####", CultureInfo.InvariantCulture);

    static string Spec(int id) => $$"""{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":{{id}}}""";
}
