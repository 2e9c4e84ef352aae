using System.Text;

namespace Docket.Tests.Objects;

/// <summary>What is put down to whom: a ticket to the app that made it, each change to the app that asked for it, merges and what follows by itself to their own kinds (reference/objects-and-batch.md 5).</summary>
public sealed class SourceTests
{
    const string Tickets = "/crm/v3/objects/tickets";

    [Fact]
    public async Task Every_way_of_writing_records_the_app_that_requested_it()
    {
        await using var server = await TestServer.StartWithKeyAsync();
        var (first, maker) = await AppAsync(server, "Maker");
        var (second, other) = await AppAsync(server, "Other");
        var id = (await SendAsync(server, maker, HttpMethod.Post, Tickets, """{"properties":{"subject":"made","ext_id":"A","hs_pipeline_stage":"1"}}""")).Expect(201)["id"]!;
        await LaterAsync(server, other, """{"inputs":[{"idProperty":"ext_id","id":"A","properties":{"subject":"by a job"}}]}""");
        (await SendAsync(server, other, HttpMethod.Delete, $"{Tickets}/{id}")).Expect(204);
        (await SendAsync(server, maker, HttpMethod.Post, $"/docket/v1/objects/tickets/{id}/restore", """{"properties":{"subject":"restored","hs_pipeline_stage":"2"}}""")).Expect(200);
        var away = (await SendAsync(server, other, HttpMethod.Post, Tickets, """{"properties":{"content":"only here","hs_pipeline_stage":"1"}}""")).Expect(201)["id"];
        var merged = (await SendAsync(server, other, HttpMethod.Post, Tickets + "/merge", $$"""{"primaryObjectId":"{{id}}","objectIdToMerge":"{{away}}"}""")).Expect(200)["id"];

        // The ticket belongs to its creator, whoever changed it.
        var read = (await server.GetAsync($"{Tickets}/{merged}?properties=hs_object_source,hs_object_source_id,hs_object_source_label,hs_object_source_detail_1&propertiesWithHistory=subject,content,hs_v2_date_entered_2")).Expect(200);
        Assert.Equal(("INTEGRATION", first, "INTEGRATION", null), (read["properties.hs_object_source"], read["properties.hs_object_source_id"], read["properties.hs_object_source_label"], read["properties.hs_object_source_detail_1"]));
        Assert.Equal(
            [("restored", "MERGE_OBJECTS", second), ("restored", "INTEGRATION", first), ("by a job", "INTEGRATION", second), ("made", "INTEGRATION", first)],
            History(read, "subject"));
        Assert.Equal([("only here", "MERGE_OBJECTS", second), ("only here", "INTEGRATION", second)], History(read, "content"));
        Assert.All(History(read, "hs_v2_date_entered_2"), entry => Assert.Equal(("CALCULATED", "CalculatedPropertyComputer"), (entry.Item2, entry.Item3)));
        Assert.False(read.Text.Contains("sourceLabel", StringComparison.Ordinal) || read.Text.Contains("updatedByUserId", StringComparison.Ordinal), read.Text);

        var feed = (await server.GetAsync("/docket/v1/changes")).Expect(200);
        Assert.Equal(
            [("create", "INTEGRATION", first), ("update", "INTEGRATION", second), ("archive", "INTEGRATION", second), ("restore", "INTEGRATION", first), ("create", "INTEGRATION", second), ("mergedAway", "MERGE_OBJECTS", second), ("mergedAway", "MERGE_OBJECTS", second), ("merge", "MERGE_OBJECTS", second)],
            feed.Json!["results"]!.AsArray().Select((_, i) => (feed[$"results[{i}].kind"], feed[$"results[{i}].source.type"], feed[$"results[{i}].source.id"])));
    }

    static IEnumerable<(string?, string?, string?)> History(Answer read, string property) =>
        read.Json!["propertiesWithHistory"]![property]!.AsArray().Select(entry => (entry!["value"]?.ToString(), entry["sourceType"]?.ToString(), entry["sourceId"]?.ToString()));

    static async Task<(string Id, string Token)> AppAsync(TestServer server, string name)
    {
        var app = (await server.PostAsync("/docket/v1/apps", $$"""{"name":"{{name}}","scopes":["tickets"]}""")).Expect(201);
        return (app["id"]!, app["token"]!);
    }

    static async Task LaterAsync(TestServer server, string token, string batch)
    {
        var job = (await SendAsync(server, token, HttpMethod.Post, Tickets + "/batch/upsert", batch, "respond-async")).Expect(202)["id"];
        Assert.Equal("COMPLETE", (await SendAsync(server, token, HttpMethod.Get, $"/docket/v1/jobs/{job}", null, "wait=60")).Expect(200)["status"]);
    }

    static async Task<Answer> SendAsync(TestServer server, string token, HttpMethod method, string path, string? json = null, string? prefer = null)
    {
        using var client = server.NewClient();
        using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Add("Authorization", "Bearer " + token);
        if (prefer is not null)
        {
            request.Headers.Add("Prefer", prefer);
        }

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return await Answer.OfAsync(response);
    }
}
