using System.Net;

namespace Docket.Tests.Objects;

/// <summary>Archiving, restoring and merging at once: what happens to a ticket is decided by what it is at that moment.</summary>
public sealed class LifeRacesTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task A_ticket_that_is_archived_and_restored_at_once_is_always_found()
    {
        await using var server = await TestServer.StartAsync();
        var id = (await server.PostAsync(Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var restored = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            for (var i = 0; i < 60; i++)
            {
                if (worker % 2 == 0)
                {
                    (await server.DeleteAsync($"{Tickets}/{id}")).Expect(204);
                    continue;
                }

                var answer = await server.PostAsync($"/docket/v1/objects/tickets/{id}/restore", "{}");
                Assert.True(answer.Status == 200 || (answer.Status == 400 && answer["message"]!.Contains("is not archived", StringComparison.Ordinal)), answer.Text);
                Interlocked.Add(ref restored, answer.Status == 200 ? 1 : 0);
            }
        }));
        Assert.NotEqual(0, restored);
    }

    [Fact]
    public async Task An_id_that_was_merged_away_leads_on_while_more_is_merged()
    {
        await using var server = await TestServer.StartAsync();
        var others = new Queue<string>();
        for (var i = 0; i < 40; i++)
        {
            others.Enqueue((await server.PostAsync(Tickets, """{"properties":{"subject":"a","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!);
        }

        var first = others.Dequeue();
        using var done = new CancellationTokenSource();
        var updating = Task.WhenAll(Enumerable.Range(0, 4).Select(async worker =>
        {
            for (var i = 0; !done.IsCancellationRequested; i++)
            {
                (await server.PatchAsync($"{Tickets}/{first}", $$$"""{"properties":{"subject":"{{{worker}}} {{{i}}}"}}""")).Expect(200);
            }
        }));
        for (var survivor = first; others.TryDequeue(out var other);)
        {
            survivor = (await server.PostAsync(Tickets + "/merge", $$"""{"primaryObjectId":"{{survivor}}","objectIdToMerge":"{{other}}"}""")).Expect(200)["id"]!;
        }

        await done.CancelAsync();
        await updating;
    }

    [Fact]
    public async Task A_deletion_by_key_leaves_a_ticket_that_has_another_key_by_then()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var id = (await server.PostAsync(Tickets, $$$"""{"properties":{"{{{TestServer.Key}}}":"old","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        await Task.WhenAll(
            server.PostAsync("/docket/v1/objects/tickets/gdpr-delete", $$"""{"objectId":"old","idProperty":"{{TestServer.Key}}"}"""),
            server.PatchAsync($"{Tickets}/{id}", $$$"""{"properties":{"{{{TestServer.Key}}}":"new"}}"""));
        // Either came first; whatever is left has the new key.
        var left = await server.GetAsync($"{Tickets}/{id}?properties={TestServer.Key}");
        Assert.True(left.Status == (int)HttpStatusCode.NotFound || left[$"properties.{TestServer.Key}"] == "new", left.Text);
    }
}
