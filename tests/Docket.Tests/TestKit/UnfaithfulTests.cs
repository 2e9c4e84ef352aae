namespace Docket.Tests.TestKit;

/// <summary>Settings of a portal that make answers as inconvenient as HubSpot's may be.</summary>
public sealed class UnfaithfulTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task Associations_are_shown_after_the_lag_in_all_lists_and_at_once_in_the_answer_to_the_write()
    {
        await using var server = await TestServer.StartAsync();
        (await server.PatchAsync("/docket/v1/settings", """{"association-lag":"5s"}""")).Expect(200);
        (await server.PostAsync("/crm/v3/objects/contacts", """{"properties":{"email":"ada@example.com"}}""")).Expect(201);
        (await server.PostAsync(Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201);
        server.Clock.Advance(TimeSpan.FromSeconds(6));
        var contact = (await server.GetAsync("/crm/v3/objects/contacts")).Expect(200)["results[0].id"];
        var ticket = (await server.GetAsync(Tickets)).Expect(200)["results[0].id"];
        var list = $"/crm/v4/objects/tickets/{ticket}/associations/contacts";
        (await server.SendAsync(HttpMethod.Put, $"/crm/v4/objects/tickets/{ticket}/associations/default/contacts/{contact}", null)).Expect(200);

        Assert.All(await CountAsync(), count => Assert.Equal(0, count));
        server.Clock.Advance(TimeSpan.FromSeconds(6));
        Assert.All(await CountAsync(), count => Assert.Equal(1, count));
        (await server.DeleteAsync($"{list}/{contact}")).Expect(204);
        Assert.All(await CountAsync(), count => Assert.Equal(1, count));
        server.Clock.Advance(TimeSpan.FromSeconds(6));
        Assert.All(await CountAsync(), count => Assert.Equal(0, count));

        async Task<int[]> CountAsync()
        {
            var inputs = $$"""{"inputs":[{"id":"{{ticket}}"}]}""";
            return
            [
                (await server.GetAsync(list)).Expect(200).Count("results"),
                (await server.GetAsync($"/crm/v3/objects/tickets/{ticket}/associations/contacts")).Expect(200).Count("results"),
                In(await server.PostAsync("/crm/v4/associations/tickets/contacts/batch/read", inputs)),
                In(await server.PostAsync("/crm/v3/associations/tickets/contacts/batch/read", inputs)),
                In(await server.GetAsync($"{Tickets}/{ticket}?associations=contacts")),
                In(await server.GetAsync($"{Tickets}?associations=contacts")),
            ];
        }

        int In(Answer answer) => answer.Text.Contains($"\"id\":\"{contact}\"", StringComparison.Ordinal) || answer.Text.Contains($"\"toObjectId\":{contact}", StringComparison.Ordinal) ? 1 : 0;
    }

    [Fact]
    public async Task Results_of_a_batch_come_in_any_order_if_the_portal_shuffles_them()
    {
        await using var server = await TestServer.StartAsync();
        var inputs = string.Join(',', Enumerable.Range(0, 50).Select(at => $$$"""{"properties":{"subject":"{{{at}}}","hs_pipeline_stage":"1"}}"""));
        Assert.Equal(Enumerable.Range(0, 50).Select(at => at.ToString()), await SubjectsAsync());
        (await server.PatchAsync("/docket/v1/settings", """{"shuffle":"on"}""")).Expect(200);
        var shuffled = await SubjectsAsync();
        Assert.NotEqual(Enumerable.Range(0, 50).Select(at => at.ToString()), shuffled);
        Assert.Equal(Enumerable.Range(0, 50), shuffled.Select(int.Parse).Order());

        async Task<string[]> SubjectsAsync() =>
            [.. (await server.PostAsync($"{Tickets}/batch/create", $$"""{"inputs":[{{inputs}}]}""")).Expect(201).Json!["results"]!.AsArray().Select(result => result!["properties"]!["subject"]!.GetValue<string>())];
    }
}
